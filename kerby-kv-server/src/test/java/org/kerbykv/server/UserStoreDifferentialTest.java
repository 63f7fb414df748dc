package org.kerbykv.server;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** memcached and the store in user space. */
class UserStoreDifferentialTest extends DifferentialTests {
  private MemcachedProcess memcached;
  private KerbyServer kerby;

  @BeforeAll
  void start() throws Exception {
    memcached = MemcachedProcess.start();
    kerby = KerbyServer.start(TestServers.userSpace());
  }

  @AfterAll
  void stop() {
    if (kerby != null) {
      kerby.close();
    }
    if (memcached != null) {
      memcached.close();
    }
  }

  @Override
  InetSocketAddress memcached() {
    return memcached.address();
  }

  @Override
  KerbyServer kerby() {
    return kerby;
  }
}
