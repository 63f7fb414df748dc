package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.kerbykv.server.metrics.MetricsEndpoint;
import org.kerbykv.server.metrics.MetricsRegistry;
import org.kerbykv.server.metrics.PoolMetrics;
import org.kerbykv.server.metrics.RequestCounts;
import org.kerbykv.server.metrics.RequestPath;
import org.kerbykv.server.metrics.Totals;
import org.kerbykv.server.net.EventLoops;
import org.kerbykv.server.net.ServerLog;
import org.kerbykv.server.net.SocketReport;
import org.kerbykv.server.net.TcpListener;
import org.kerbykv.server.net.UdpListener;
import org.kerbykv.server.protocol.ServerCommands;
import org.kerbykv.server.store.Store;
import org.kerbykv.server.store.UserStore;

/**
 * A running server: a store, the doors to it, and what reports on them.
 *
 * <p>Thread-safe.
 */
public final class KerbyServer implements AutoCloseable {
  /** The memcached whose protocol this is; clients compare it. */
  private static final String PROTOCOL_VERSION = "1.6.18";

  private final ServerConfig config;

  /** What was opened, the last first. */
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  private Store store;
  private Totals totals;
  private RequestCounts requests;
  private TcpListener tcp;
  private UdpListener udp;
  private MetricsEndpoint metrics;
  private String xdp;

  private KerbyServer(ServerConfig config) {
    this.config = config;
  }

  /**
   * Starts a server; it serves when this returns.
   *
   * @throws StartException when it cannot run like that; nothing is left behind then
   */
  public static KerbyServer start(ServerConfig config) throws StartException {
    KerbyServer server = new KerbyServer(config);
    boolean started = false;
    try {
      server.open();
      started = true;
      return server;
    } finally {
      if (!started) {
        server.close();
      }
    }
  }

  /** Returns this server's version, as "version" answers it. */
  public static String version() {
    String version = KerbyServer.class.getPackage().getImplementationVersion();
    return PROTOCOL_VERSION + "-kerby-kv-" + (version == null ? "dev" : version);
  }

  /** Returns the address that TCP is served on, unless it is off. */
  public Optional<InetSocketAddress> tcpAddress() {
    return Optional.ofNullable(tcp).map(TcpListener::address);
  }

  /** Returns the address that UDP is served on, unless it is off. */
  public Optional<InetSocketAddress> udpAddress() {
    return Optional.ofNullable(udp).map(UdpListener::address);
  }

  /** Returns the address that metrics are served on, unless they are off. */
  public Optional<InetSocketAddress> metricsAddress() {
    return Optional.ofNullable(metrics).map(MetricsEndpoint::address);
  }

  /** Returns the store, for figures and tests. */
  public Store store() {
    return store;
  }

  /** Returns how many requests were answered, by what and how. */
  public RequestCounts requests() {
    return requests;
  }

  /** Returns one line that says what is served where. */
  public String readyLine() {
    StringBuilder line = new StringBuilder("ready");
    tcpAddress().ifPresent(address -> line.append(" tcp ").append(text(address)));
    udpAddress().ifPresent(address -> line.append(" udp ").append(text(address)));
    metricsAddress()
        .ifPresent(
            address -> line.append(" metrics http://").append(text(address)).append("/metrics"));
    return line.append(" xdp ").append(xdp).toString();
  }

  /** Stops serving and gives everything back. */
  @Override
  public void close() {
    while (!opened.isEmpty()) {
      AutoCloseable next = opened.pop();
      try {
        next.close();
      } catch (Exception e) {
        ServerLog.warn("closing " + next.getClass().getSimpleName() + ": " + e);
      }
    }
  }

  private void open() throws StartException {
    int udp = config.udpPort() == -1 ? freePort(config.listen(), config.port()) : config.udpPort();
    Optional<KernelSetUp.Opened> kernel = KernelSetUp.open(config, udp);
    store =
        kernel.isPresent()
            ? opened(kernel.get().store())
            : opened(new UserStore(config.userMemoryBytes(), config.evicts()));
    EventLoops loops = opened(new EventLoops(config.threads(), store, config.itemSizeMax()));
    totals = new Totals(loops.counters());
    requests = counts(kernel);
    Housekeeper housekeeper = opened(new Housekeeper(store));
    Commands commands = new Commands(housekeeper);
    listen(loops, commands, udp);
    // The kernel answers from here on: what it passes up finds the listeners there.
    xdp = kernel.isPresent() ? opened(kernel.get()).attach() : "off";
    openMetrics(kernel);
  }

  /** Where each request is counted: by the door that answered it. */
  @SuppressWarnings("EnumOrdinal") // the enums say that their order is the kernel's
  private RequestCounts counts(Optional<KernelSetUp.Opened> kernel) {
    return (path, kind, result) -> {
      if (path == RequestPath.USER) {
        return totals.total(kind, result);
      }
      return kernel
          .map(opened -> opened.store().requests(path.ordinal(), kind.ordinal(), result.ordinal()))
          .orElse(0L);
    };
  }

  /** Finds a port that is free for both protocols; the TCP port's own number if that is given. */
  private static int freePort(InetAddress listen, int tcpPort) throws StartException {
    if (tcpPort > 0) {
      return tcpPort;
    }
    try (ServerSocket tcp = new ServerSocket(0, 1, listen);
        DatagramSocket udp = new DatagramSocket(tcp.getLocalPort(), listen)) {
      return udp.getLocalPort();
    } catch (IOException e) {
      throw new StartException(
          "cannot listen on %s: %s".formatted(listen.getHostAddress(), e.getMessage()), e);
    }
  }

  private void listen(EventLoops loops, ServerCommands commands, int udpPort)
      throws StartException {
    if (config.port() != 0) {
      try {
        tcp =
            opened(
                new TcpListener(
                    loops, commands, config.listen(), tcpPort(udpPort), config.connectionsMax()));
      } catch (IOException e) {
        throw cannotListen("TCP", config.port(), e);
      }
    }
    if (config.udpPort() != 0) {
      try {
        udp =
            opened(
                new UdpListener(
                    loops,
                    commands,
                    config.listen(),
                    udpPort,
                    config.datagramMax(),
                    config.datagramsMax()));
      } catch (IOException e) {
        throw cannotListen("UDP", config.udpPort(), e);
      }
    }
  }

  /** Any free port for both means the same one. */
  private int tcpPort(int udpPort) {
    return config.port() == -1 && config.udpPort() == -1 ? udpPort : config.port();
  }

  private void openMetrics(Optional<KernelSetUp.Opened> kernel) throws StartException {
    if (config.metricsPort() == 0) {
      return;
    }
    MetricsRegistry registry = new MetricsRegistry(requests, totals, store);
    kernel.ifPresent(opened -> PoolMetrics.register(registry.registry(), opened.store()));
    InetSocketAddress address =
        new InetSocketAddress(config.listen(), Math.max(config.metricsPort(), 0));
    try {
      metrics = opened(new MetricsEndpoint(address, registry::scrape));
    } catch (IOException e) {
      throw cannotListen("metrics", config.metricsPort(), e);
    }
  }

  private StartException cannotListen(String what, int port, IOException cause) {
    String reason =
        cause.getMessage().replaceFirst("^bind\\(..\\) failed with error\\(-\\d+\\): ", "");
    return new StartException(
        "cannot listen for %s on %s port %d: %s"
            .formatted(what, config.listen().getHostAddress(), port, reason),
        cause);
  }

  private <T extends AutoCloseable> T opened(T resource) {
    opened.push(resource);
    return resource;
  }

  private static String text(InetSocketAddress address) {
    String host = address.getAddress().getHostAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
  }

  /** The commands that are not about keys. */
  private final class Commands implements ServerCommands, StatsReport.Addresses {
    private final byte[] version = ("VERSION " + KerbyServer.version() + "\r\n").getBytes(US_ASCII);
    private final Housekeeper housekeeper;
    private final StatsReport stats;

    Commands(Housekeeper housekeeper) {
      this.housekeeper = housekeeper;
      this.stats = new StatsReport(config, KerbyServer.version(), store, totals, requests, this);
    }

    @Override
    public byte[] version() {
      return version;
    }

    @Override
    public byte[] stats(String topic) {
      return stats.of(topic);
    }

    @Override
    public void resetStats() {
      stats.reset();
    }

    @Override
    public void flushAll(int exptime) {
      housekeeper.flush(exptime);
    }

    @Override
    public void setVerbosity(int level) {
      ServerLog.setVerbosity(level);
    }

    @Override
    public int itemSizeMax() {
      return config.itemSizeMax();
    }

    @Override
    public int tcpPort() {
      return tcp == null ? 0 : tcp.address().getPort();
    }

    @Override
    public int udpPort() {
      return udp == null ? 0 : udp.address().getPort();
    }

    @Override
    public int connectionCount() {
      return tcp == null ? 0 : tcp.connectionCount();
    }

    @Override
    public List<SocketReport> sockets() {
      List<SocketReport> sockets = new ArrayList<>();
      if (tcp != null) {
        sockets.addAll(tcp.sockets());
      }
      if (udp != null) {
        sockets.addAll(udp.sockets());
      }
      return sockets;
    }

    @Override
    public int verbosity() {
      return ServerLog.verbosity();
    }
  }
}
