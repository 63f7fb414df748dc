package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;
import org.kerbykv.server.kernel.NetDrops;
import org.kerbykv.server.lock.LockService;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.metrics.DropReason;
import org.kerbykv.server.metrics.KvMetrics;
import org.kerbykv.server.metrics.MetricsRegistry;
import org.kerbykv.server.metrics.PoolMetrics;
import org.kerbykv.server.metrics.RequestCounts;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestPath;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.metrics.Totals;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.EventLoops;
import org.kerbykv.server.net.ReplyRate;
import org.kerbykv.server.net.SocketReport;
import org.kerbykv.server.net.TcpListener;
import org.kerbykv.server.net.UdpEndpoint;
import org.kerbykv.server.net.UdpListener;
import org.kerbykv.server.protocol.ServerCommands;
import org.kerbykv.server.store.KernelStore;
import org.kerbykv.server.store.Store;

/** Serves memcached's protocol: user space's half. Thread-safe. */
final class KvService implements AutoCloseable {
  private final ServerConfig config;
  private final Store store;
  private final Optional<LockService> locks;
  private final Optional<NetDrops> kernelDrops;

  /** Held here: the metrics hold it weakly. */
  private final ToLongFunction<DropReason> dropped = this::dropped;

  private final Totals totals;
  private final RequestCounts requests;
  private final Housekeeper housekeeper;
  private TcpListener tcp;
  private UdpListener udp;

  private KvService(
      ServerConfig config, Store store, EventLoops loops, Optional<LockService> locks) {
    this.config = config;
    this.store = store;
    this.locks = locks;
    kernelDrops =
        store instanceof KernelStore kernel
            ? Optional.of(kernel.kernel().drops())
            : Optional.empty();
    loops.open(store, config.itemSizeMax());
    totals = new Totals(loops.counters());
    requests = this::count;
    housekeeper = new Housekeeper(store);
  }

  /**
   * Starts to serve.
   *
   * @param store stays the caller's, to be closed after the event loops
   * @param locks that are served beside, for what reports on them
   * @param allowed who may ask over UDP
   */
  static KvService start(
      ServerConfig config,
      Store store,
      EventLoops loops,
      int udpPort,
      Optional<LockService> locks,
      Allowlist allowed)
      throws StartException {
    KvService service = new KvService(config, store, loops, locks);
    boolean listening = false;
    try {
      service.listen(loops, udpPort, allowed);
      listening = true;
      return service;
    } finally {
      if (!listening) {
        service.close();
      }
    }
  }

  /** Returns the address that TCP is served on, unless it is off. */
  Optional<InetSocketAddress> tcpAddress() {
    return Optional.ofNullable(tcp).map(TcpListener::address);
  }

  /** Returns the address that UDP is served on, unless it is off. */
  Optional<InetSocketAddress> udpAddress() {
    return Optional.ofNullable(udp).map(UdpListener::address);
  }

  /** Returns the store, for figures and tests. */
  Store store() {
    return store;
  }

  /** Returns how many requests were answered, by what and how. */
  RequestCounts requests() {
    return requests;
  }

  /** Adds the figures to a registry. */
  void register(MetricsRegistry registry) {
    KvMetrics.register(registry.registry(), requests, dropped, store);
    if (store instanceof KernelStore kernel) {
      PoolMetrics.register(registry.registry(), kernel);
    }
  }

  @Override
  public void close() {
    if (udp != null) {
      udp.close();
    }
    if (tcp != null) {
      tcp.close();
    }
    housekeeper.close();
  }

  /** Each request is counted by the door that answered it. */
  @SuppressWarnings("EnumOrdinal") // the enums say that their order is the kernel's
  private long count(RequestPath path, RequestKind kind, RequestResult result) {
    if (path == RequestPath.USER) {
      return totals.total(kind, result);
    }
    return store instanceof KernelStore kernel
        ? kernel.requests(path.ordinal(), kind.ordinal(), result.ordinal())
        : 0;
  }

  /** A datagram is dropped by one of the two sides. */
  private long dropped(DropReason reason) {
    Optional<NetDrops.Reason> inKernel =
        switch (reason) {
          case NOT_ALLOWED -> Optional.of(NetDrops.Reason.NOT_ALLOWED);
          case SOURCE -> Optional.of(NetDrops.Reason.SOURCE);
          case RATE -> Optional.of(NetDrops.Reason.RATE);
          case NO_HEADER, MULTI_DATAGRAM, TRUNCATED, SEND_QUEUE -> Optional.empty();
        };
    long kernel = kernelDrops.flatMap(drops -> inKernel.map(drops::count)).orElse(0L);
    return totals.total(reason) + kernel;
  }

  private ReplyRate replyRate() {
    long rate = config.security().replyRate();
    return store instanceof KernelStore kernel
        ? kernel.kernel().replyRate(rate)
        : ReplyRate.own(rate);
  }

  private void listen(EventLoops loops, int udpPort, Allowlist allowed) throws StartException {
    Commands commands = new Commands();
    if (config.port() != 0) {
      try {
        tcp =
            new TcpListener(
                loops,
                commands,
                config.listen(),
                tcpPort(udpPort),
                config.connections(),
                TcpSecurity.auth(config.security()),
                TcpSecurity.tls(config.security()));
      } catch (IOException e) {
        throw StartException.cannotListen("TCP", config.listen(), config.port(), e);
      }
    }
    if (config.udpPort() != 0) {
      UdpListener.Endpoints endpoints =
          UdpEndpoint.of(
              loops, commands, config.datagramMax(), config.datagramsMax(), allowed, replyRate());
      try {
        udp = new UdpListener(loops, config.listen(), udpPort, endpoints);
      } catch (IOException e) {
        throw StartException.cannotListen("UDP", config.listen(), config.udpPort(), e);
      }
    }
  }

  /** Any free port for both means the same one. */
  private int tcpPort(int udpPort) {
    return config.port() == -1 && config.udpPort() == -1 ? udpPort : config.port();
  }

  /** The commands that are not about keys. */
  private final class Commands implements ServerCommands, StatsReport.Addresses {
    private final byte[] version = ("VERSION " + KerbyServer.version() + "\r\n").getBytes(US_ASCII);
    private final StatsReport stats;

    Commands() {
      this.stats =
          new StatsReport(
              config, KerbyServer.version(), store, totals, requests, dropped, locks, this);
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
    public int connectionsMax() {
      return tcp == null ? config.connections().connectionsMax() : tcp.connectionsMax();
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
