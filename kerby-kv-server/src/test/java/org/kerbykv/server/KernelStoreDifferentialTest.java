package org.kerbykv.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.server.kernel.Audit;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestPath;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.store.KernelStore;

/**
 * memcached and the store in the kernel, with the kernel doors on the loopback interface of a
 * network namespace: over UDP the kernel answers what it can, and the rest goes up.
 */
@RequiresBPF
class KernelStoreDifferentialTest extends DifferentialTests {
  private NetworkNamespace namespace;
  private MemcachedProcess memcached;
  private KerbyServer kerby;

  @BeforeAll
  void start() throws Exception {
    namespace = NetworkNamespace.create("differ");
    memcached = MemcachedProcess.start(namespace);
    kerby = namespace.call(() -> KerbyServer.start(TestServers.kernel("lo", XdpChoice.GENERIC)));
  }

  @AfterAll
  void stop() {
    long hits = 0;
    if (kerby != null) {
      hits = hitsInTheKernel();
      kerby.close();
    }
    if (memcached != null) {
      memcached.close();
    }
    if (namespace != null) {
      namespace.close();
    }
    assertThat(hits).as("hits in the kernel").isGreaterThan(20);
  }

  private long hitsInTheKernel() {
    return kerby.requests().get(RequestPath.XDP, RequestKind.GET, RequestResult.HIT)
        + kerby.requests().get(RequestPath.TC, RequestKind.GET, RequestResult.HIT);
  }

  @AfterEach
  void audit() throws Exception {
    KernelStore store = (KernelStore) kerby.store();
    assertThat(Audit.of(store.kernel().program())).matches(Audit::ok);
  }

  @Override
  <T> T open(Callable<T> socket) {
    return namespace.call(socket);
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
