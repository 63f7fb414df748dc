package org.kerbykv.server;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Meta commands on the store in user space. */
class UserStoreMetaTest extends MetaTests {
  private KerbyServer server;

  @BeforeAll
  void start() throws Exception {
    server = KerbyServer.start(TestServers.userSpace());
  }

  @AfterAll
  void stop() {
    server.close();
  }

  @Override
  KerbyServer server() {
    return server;
  }
}
