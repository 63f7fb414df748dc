package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.server.KerbyServer;
import org.kerbykv.server.SecurityOptions;
import org.kerbykv.server.ServerConfig;
import org.kerbykv.server.XdpChoice;
import org.kerbykv.server.e2e.KernelObjects.KernelObject;
import org.kerbykv.server.kernel.Audit;
import org.kerbykv.server.kernel.KvStats;
import org.kerbykv.server.lock.LockAudit;
import org.kerbykv.server.lock.LockOptions;
import org.kerbykv.server.lock.LockService;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestPath;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.net.Cidr;
import org.kerbykv.server.net.ConnectionLimits;
import org.kerbykv.server.store.KernelStore;
import org.kerbykv.server.store.StoreFigures;

/**
 * A server of this process that serves a topology with its kernel doors. Closing it checks what
 * every test may ask of a server at rest: that an audit finds every block where it belongs, and
 * that nothing of it stays in the kernel. Usable from any thread.
 */
final class ServerUnderTest implements AutoCloseable {
  static final int DATAGRAM_MAX = 1400;
  static final long USER_MEMORY_BYTES = 64L << 20;

  /**
   * Named, and not found: Java reads interfaces' addresses of IPv6 in /proc/net, which is that of
   * the process's first thread, and so of another namespace.
   */
  private static final List<Cidr> CLIENTS =
      Stream.of("127.0.0.0/8", "::1", "198.18.0.0/15", "fd00::/8").map(Cidr::parse).toList();

  private static final long MEMORY_LIMIT_BYTES = 32L << 20;
  private static final long SMALL_BYTES = 1;
  private static final int ITEM_SIZE_MAX = 1 << 20;
  private static final int BLOCK_BYTES = 192;
  private static final Duration SOON = Duration.ofSeconds(20);

  private final Topology topology;
  private final InetAddress listen;
  private final KerbyServer server;
  private final Set<KernelObject> objects;
  private boolean keepsTopology;
  private final Queue<Runnable> clients = new ConcurrentLinkedQueue<>();

  private ServerUnderTest(
      Topology topology, InetAddress listen, KerbyServer server, Set<KernelObject> objects) {
    this.topology = topology;
    this.listen = listen;
    this.server = server;
    this.objects = objects;
  }

  /** Starts one on the topology's address. The topology is closed with it. */
  static ServerUnderTest start(Topology topology) {
    return start(topology, topology.address(), DATAGRAM_MAX);
  }

  /** Starts one with the smallest pool that there is in the kernel; otherwise as the above. */
  static ServerUnderTest startSmall(Topology topology) {
    return start(topology, topology.address(), DATAGRAM_MAX, SMALL_BYTES);
  }

  /** Starts one on an address; the topology is closed with it. */
  static ServerUnderTest start(Topology topology, InetAddress listen, int datagramMax) {
    return start(topology, listen, datagramMax, MEMORY_LIMIT_BYTES);
  }

  /** Starts one that serves locks, and nothing else unless they are beside Kerby-KV. */
  static ServerUnderTest startLocks(
      Topology topology, InetAddress listen, boolean besideKv, XdpChoice xdp) {
    int port = besideKv ? -1 : 0;
    LockOptions locks = LockOptions.OFF.withPort(-1);
    return start(
        topology, config(topology, listen, port, xdp, DATAGRAM_MAX, MEMORY_LIMIT_BYTES, locks));
  }

  /** Starts one that serves such locks, and nothing else. */
  static ServerUnderTest startLocks(Topology topology, LockOptions locks) {
    return start(
        topology,
        config(
            topology,
            topology.address(),
            0,
            topology.xdp(),
            DATAGRAM_MAX,
            MEMORY_LIMIT_BYTES,
            locks));
  }

  private static ServerUnderTest start(
      Topology topology, InetAddress listen, int datagramMax, long memoryLimitBytes) {
    return start(
        topology,
        config(
            topology, listen, -1, topology.xdp(), datagramMax, memoryLimitBytes, LockOptions.OFF));
  }

  private static ServerUnderTest start(Topology topology, ServerConfig config) {
    boolean started = false;
    try {
      Set<KernelObject> before = KernelObjects.openIn(ProcessHandle.current());
      KerbyServer server = topology.server().call(() -> KerbyServer.start(config));
      Set<KernelObject> objects = KernelObjects.openIn(ProcessHandle.current());
      objects.removeAll(before);
      started = true;
      return new ServerUnderTest(topology, config.listen(), server, objects);
    } finally {
      if (!started) {
        topology.close();
      }
    }
  }

  private static ServerConfig config(
      Topology topology,
      InetAddress listen,
      int port,
      XdpChoice xdp,
      int datagramMax,
      long memoryLimitBytes,
      LockOptions locks) {
    return new ServerConfig(
        listen,
        port,
        port,
        topology.interfaceName(),
        xdp,
        memoryLimitBytes,
        USER_MEMORY_BYTES,
        true,
        ITEM_SIZE_MAX,
        datagramMax,
        BLOCK_BYTES,
        Optional.empty(),
        -1,
        2,
        ConnectionLimits.of(1024),
        0,
        locks,
        new SecurityOptions(CLIENTS, 0, Optional.empty(), Optional.empty()));
  }

  /** Leaves the topology open when this is closed. */
  ServerUnderTest keepTopology() {
    keepsTopology = true;
    return this;
  }

  Topology topology() {
    return topology;
  }

  /** Opens a client, which is closed with the server at the latest. */
  UdpClient udp() {
    UdpClient client = new UdpClient(topology.client(), address());
    clients.add(client::close);
    return client;
  }

  /** Opens a client, which is closed with the server at the latest. */
  TcpClient tcp() {
    TcpClient client = new TcpClient(topology.client(), address());
    clients.add(client::close);
    return client;
  }

  /** Opens a client of the locks, which is closed with the server at the latest. */
  LockUdp locker(long client) {
    InetSocketAddress server = new InetSocketAddress(reached(), locks().address().getPort());
    LockUdp locker = new LockUdp(topology.client(), server, client);
    clients.add(locker::close);
    return locker;
  }

  LockService locks() {
    return server.locks().orElseThrow();
  }

  /** Returns what the server says when it is ready. */
  String readyLine() {
    return server.readyLine();
  }

  /** Where clients reach it, by UDP and by TCP. */
  InetSocketAddress address() {
    int port = server.udpAddress().orElseThrow().getPort();
    return new InetSocketAddress(reached(), port);
  }

  private InetAddress reached() {
    return listen.isAnyLocalAddress() ? topology.address() : listen;
  }

  /** Returns what Prometheus would be told. */
  String metrics() {
    int port = server.metricsAddress().orElseThrow().getPort();
    return topology
        .client()
        .call(
            () -> {
              URI uri = URI.create("http://%s:%d/metrics".formatted(topology.host(), port));
              try (InputStream in = uri.toURL().openStream()) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
              }
            });
  }

  KernelStore store() {
    return (KernelStore) server.store();
  }

  StoreFigures figures() {
    return store().figures();
  }

  Audit audit() {
    return Audit.of(store().kernel().program());
  }

  /** How many requests each path has answered, by operation and result: "xdp get hit" and so on. */
  Counts counts() {
    Map<String, Long> counts = new TreeMap<>();
    for (RequestPath path : RequestPath.values()) {
      for (RequestKind kind : RequestKind.values()) {
        for (RequestResult result : RequestResult.values()) {
          long count = server.requests().get(path, kind, result);
          if (count != 0) {
            counts.put(path.label() + " " + kind.label() + " " + result.label(), count);
          }
        }
      }
    }
    return new Counts(counts);
  }

  /** Those counts of {@link #counts} that are not zero. */
  record Counts(Map<String, Long> counts) {
    long get(String name) {
      return counts.getOrDefault(name, 0L);
    }

    /** Returns what was counted since then. */
    List<String> since(Counts before) {
      List<String> changes = new ArrayList<>();
      counts.forEach(
          (name, count) -> {
            if (count != before.get(name)) {
              changes.add(name + " " + (count - before.get(name)));
            }
          });
      return changes;
    }
  }

  @Override
  public void close() {
    try {
      try (server) {
        clients.forEach(Runnable::run);
        // What it does in the background ends soon.
        await().atMost(SOON).untilAsserted(this::checkAtRest);
      }
      checkNothingStays();
    } finally {
      if (!keepsTopology) {
        topology.close();
      }
    }
  }

  private void checkAtRest() {
    if (server.udpAddress().isPresent()) {
      assertThat(audit()).matches(Audit::ok);
      KvStats stats = store().kernel().stats();
      stats.refresh();
      assertThat(stats.inconsistent()).as("chains that lacked a block").isZero();
      assertThat(stats.items(0)).as("items in the kernel").isEqualTo(audit().kernelItems());
    }
    server
        .locks()
        .ifPresent(
            locks -> {
              assertThat(locks.audit()).matches(LockAudit::ok);
              assertThat(locks.stats().inconsistent()).as("locks' inconsistencies").isZero();
            });
  }

  private void checkNothingStays() {
    assertThat(objects).as("maps, programs and links of the server").hasSizeGreaterThan(10);
    // The kernel gives some of them back a grace period later.
    await()
        .atMost(SOON)
        .untilAsserted(() -> assertThat(KernelObjects.remaining(objects)).isEmpty());
    int ifindex = topology.server().ifindex(topology.interfaceName());
    assertThat(topology.server().call(() -> NetDevice.xdp(ifindex))).isEmpty();
  }
}
