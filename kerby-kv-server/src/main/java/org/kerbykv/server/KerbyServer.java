package org.kerbykv.server;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.lock.LockMetrics;
import org.kerbykv.server.lock.LockOptions;
import org.kerbykv.server.lock.LockService;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.metrics.MetricsEndpoint;
import org.kerbykv.server.metrics.MetricsRegistry;
import org.kerbykv.server.metrics.RequestCounts;
import org.kerbykv.server.net.EventLoops;
import org.kerbykv.server.store.Store;
import org.kerbykv.server.store.UserStore;

/**
 * A running server: what it serves, and what reports on it.
 *
 * <p>Thread-safe.
 */
public final class KerbyServer implements AutoCloseable {
  /** The memcached whose protocol this is; clients compare it. */
  private static final String PROTOCOL_VERSION = "1.6.18";

  private final ServerConfig config;

  /** What was opened, the last first. */
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  private Optional<KvService> kv = Optional.empty();
  private Optional<LockService> locks = Optional.empty();
  private Optional<KernelDoors> kernelDoors = Optional.empty();
  private MetricsEndpoint metrics;
  private String xdp = "off";

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
    return kv.flatMap(KvService::tcpAddress);
  }

  /** Returns the address that UDP is served on, unless it is off. */
  public Optional<InetSocketAddress> udpAddress() {
    return kv.flatMap(KvService::udpAddress);
  }

  /** Returns the address that locks are served on, unless they are off. */
  public Optional<InetSocketAddress> lockAddress() {
    return locks.map(LockService::address);
  }

  /** Returns the address that metrics are served on, unless they are off. */
  public Optional<InetSocketAddress> metricsAddress() {
    return Optional.ofNullable(metrics).map(MetricsEndpoint::address);
  }

  /** Returns the store of a server that has one, for figures and tests. */
  public Store store() {
    return kv.orElseThrow().store();
  }

  /** Returns how many requests were answered, by what and how, of a server that has a store. */
  public RequestCounts requests() {
    return kv.orElseThrow().requests();
  }

  /** Returns the locks, unless they are off. */
  public Optional<LockService> locks() {
    return locks;
  }

  /** Returns one line that says what is served where. */
  public String readyLine() {
    StringBuilder line = new StringBuilder("ready");
    tcpAddress().ifPresent(address -> line.append(" tcp ").append(text(address)));
    udpAddress().ifPresent(address -> line.append(" udp ").append(text(address)));
    lockAddress().ifPresent(address -> line.append(" locks ").append(text(address)));
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
        ServerLog.warn("closing failed", "what", next.getClass().getSimpleName(), "error", e);
      }
    }
  }

  private void open() throws StartException {
    if (config.pinDirectory().isPresent()) {
      PinDirectory.claim(config.pinDirectory().get()).ifPresent(this::opened);
    }
    // The locks first: they cannot do without the kernel, as the other can.
    LockOptions lockOptions = config.locks();
    int lockPort = lockOptions.port() == -1 ? freePort(config.listen(), 0) : lockOptions.port();
    Optional<LockSetUp.Opened> lockKernel =
        lockPort == 0 ? Optional.empty() : Optional.of(LockSetUp.open(config, lockPort));
    lockKernel.ifPresent(one -> opened(one.doors()));
    int udp = config.udpPort() == -1 ? freePort(config.listen(), config.port()) : config.udpPort();
    Optional<KernelSetUp.Opened> kernel =
        config.servesKv() ? KernelSetUp.open(config, udp) : Optional.empty();
    Optional<Store> store =
        config.servesKv()
            ? Optional.of(
                opened(kernel.<Store>map(KernelSetUp.Opened::store).orElseGet(this::userStore)))
            : Optional.empty();
    EventLoops loops = opened(new EventLoops(config.threads()));
    if (lockKernel.isPresent()) {
      locks = Optional.of(opened(serveLocks(lockKernel.get(), loops, lockPort)));
    }
    if (store.isPresent()) {
      kv =
          Optional.of(
              opened(
                  KvService.start(
                      config, store.get(), loops, udp, locks, Placement.allowed(config))));
    }
    // The kernel answers from here on: what it passes up finds the listeners there.
    attach(kernel, lockKernel);
    openMetrics();
  }

  private Store userStore() {
    return new UserStore(config.userMemoryBytes(), config.evicts());
  }

  private LockService serveLocks(LockSetUp.Opened kernel, EventLoops loops, int port)
      throws StartException {
    try {
      return new LockService(
          kernel.doors(), loops, config.listen(), port, Placement.allowed(config));
    } catch (IOException e) {
      throw StartException.cannotListen("locks", config.listen(), port, e);
    }
  }

  private void attach(Optional<KernelSetUp.Opened> kernel, Optional<LockSetUp.Opened> lockKernel)
      throws StartException {
    if (lockKernel.isPresent()) {
      opened(lockKernel.get()).attachTc(kernel.isPresent());
    }
    Optional<KernelDoors> first = Optional.empty();
    if (kernel.isPresent()) {
      xdp = opened(kernel.get()).attach();
      first = kernel.map(KernelSetUp.Opened::doors).filter(_ -> !xdp.equals("off"));
      kernelDoors = first;
    }
    if (lockKernel.isPresent()) {
      String mode = lockKernel.get().attachXdp(first);
      xdp = first.isPresent() ? xdp : mode;
    }
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

  private void openMetrics() throws StartException {
    if (config.metricsPort() == 0) {
      return;
    }
    MetricsRegistry registry = new MetricsRegistry();
    kv.ifPresent(service -> service.register(registry));
    locks.ifPresent(service -> LockMetrics.register(registry.registry(), service));
    InetSocketAddress address =
        new InetSocketAddress(config.listen(), Math.max(config.metricsPort(), 0));
    try {
      metrics =
          opened(new MetricsEndpoint(address, registry::scrape, this::trouble, this::obstacle));
    } catch (IOException e) {
      throw StartException.cannotListen("metrics", config.listen(), config.metricsPort(), e);
    }
  }

  /** What keeps clients from being answered by the kernel, as they were at the start. */
  private Optional<String> obstacle() {
    return kernelDoors
        .filter(doors -> !doors.areAttached())
        .map(_ -> "the programs are no longer on interface " + config.interfaceName());
  }

  /** What only a restart helps against. */
  private Optional<String> trouble() {
    return locks.filter(service -> !service.isHealthy()).map(_ -> "nobody looks after locks");
  }

  private <T extends AutoCloseable> T opened(T resource) {
    opened.push(resource);
    return resource;
  }

  private static String text(InetSocketAddress address) {
    String host = address.getAddress().getHostAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
  }
}
