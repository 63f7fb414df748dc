package org.kerbykv.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;
import org.kerbykv.server.lock.LockService;
import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.metrics.DropReason;
import org.kerbykv.server.metrics.RequestCounts;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestPath;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.metrics.Totals;
import org.kerbykv.server.net.SocketReport;
import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.Store;
import org.kerbykv.server.store.StoreFigures;

/**
 * Writes the replies to "stats". memcached's names stand for the whole service, whichever door
 * answered; what only this server has is called {@code kerby_...}. Thread-safe.
 */
final class StatsReport {
  private static final RequestPath[] KERNEL_PATHS = {RequestPath.XDP, RequestPath.TC};

  private static final int TICKS_PER_SECOND = 100;
  private static final int STAT_UTIME = 11;
  private static final int STAT_STIME = 12;

  /** memcached's order. */
  private static final Counter[] COMMANDS = {
    Counter.CMD_GET,
    Counter.CMD_SET,
    Counter.CMD_FLUSH,
    Counter.CMD_TOUCH,
    Counter.CMD_META,
    Counter.GET_HITS,
    Counter.GET_MISSES,
    Counter.DELETE_MISSES,
    Counter.DELETE_HITS,
    Counter.INCR_MISSES,
    Counter.INCR_HITS,
    Counter.DECR_MISSES,
    Counter.DECR_HITS,
    Counter.CAS_MISSES,
    Counter.CAS_HITS,
    Counter.CAS_BADVAL,
    Counter.TOUCH_HITS,
    Counter.TOUCH_MISSES,
    Counter.STORE_TOO_LARGE,
    Counter.STORE_NO_MEMORY,
    Counter.BYTES_READ,
    Counter.BYTES_WRITTEN,
  };

  private final ServerConfig config;
  private final String version;
  private final Store store;
  private final Totals totals;
  private final RequestCounts requests;
  private final ToLongFunction<DropReason> dropped;
  private final Optional<LockService> locks;
  private final Addresses addresses;
  private final TierStats tiers;

  /** What the kernel's doors had counted at the last reset. */
  private final Map<Count, Long> atReset = new ConcurrentHashMap<>();

  private final int startedAt = BootClock.seconds();

  /** What the server learns only once it listens. */
  interface Addresses {
    int tcpPort();

    int udpPort();

    int connectionCount();

    int connectionsMax();

    int verbosity();

    /** Returns all sockets, listening and connected. */
    List<SocketReport> sockets();
  }

  private record Count(RequestPath path, RequestKind kind, RequestResult result) {}

  StatsReport(
      ServerConfig config,
      String version,
      Store store,
      Totals totals,
      RequestCounts requests,
      ToLongFunction<DropReason> dropped,
      Optional<LockService> locks,
      Addresses addresses) {
    this.config = config;
    this.version = version;
    this.store = store;
    this.totals = totals;
    this.requests = requests;
    this.dropped = dropped;
    this.locks = locks;
    this.addresses = addresses;
    this.tiers = new TierStats(store, totals);
  }

  /**
   * Returns the reply to a topic, or null if there is no such topic. memcached's answers to what is
   * switched off are the answers to what there is not.
   */
  byte[] of(String topic) {
    StatLines lines = new StatLines();
    switch (topic) {
      case "" -> general(lines);
      case "settings" -> settings(lines);
      case "items" -> tiers.items(lines);
      case "slabs" -> tiers.slabs(lines);
      case "conns" -> SocketStats.add(lines, addresses.sockets(), BootClock.seconds() - startedAt);
      case "kerby" -> kerby(lines, store.figures());
      case "sizes" -> lines.add("sizes_status", "disabled");
      case "sizes_disable", "sizes_enable" -> {
        return StatLines.of("STAT sizes_status disabled\r\n");
      }
      case "cachedump" -> {
        return StatLines.of("CLIENT_ERROR stats cachedump not allowed\r\n");
      }
      default -> {
        return null;
      }
    }
    return lines.end();
  }

  /** Has the counts begin at zero again. */
  void reset() {
    totals.reset();
    for (RequestPath path : KERNEL_PATHS) {
      for (RequestKind kind : RequestKind.values()) {
        for (RequestResult result : RequestResult.values()) {
          atReset.put(new Count(path, kind, result), requests.get(path, kind, result));
        }
      }
    }
  }

  private void general(StatLines lines) {
    process(lines);
    connections(lines);
    for (Counter counter : COMMANDS) {
      lines.add(name(counter), totals.sinceReset(counter) + kernelShare(counter));
    }
    lines.add("limit_maxbytes", config.memoryLimitBytes() + config.userMemoryBytes());
    lines.add("accepting_conns", 1);
    lines.add("threads", config.threads());
    StoreFigures figures = store.figures();
    items(lines, figures);
    kerby(lines, figures);
  }

  private void kerby(StatLines lines, StoreFigures figures) {
    lines.add("kerby_items_kernel", figures.kernelItems());
    lines.add("kerby_items_user", figures.userItems());
    lines.add("kerby_value_bytes_kernel", figures.kernelValueBytes());
    lines.add("kerby_value_bytes_user", figures.userValueBytes());
    lines.add("kerby_user_memory_bytes", figures.userMemoryBytes());
    lines.add("kerby_user_memory_limit", figures.userMemoryLimitBytes());
    lines.add("kerby_demoted", figures.demoted());
    lines.add("kerby_promoted", figures.promoted());
    lines.add("kerby_lost_user_items", figures.lost());
    for (DropReason reason : DropReason.values()) {
      lines.add("kerby_dropped_" + reason.label(), dropped.applyAsLong(reason));
    }
    requests(lines);
    locks.ifPresent(service -> LockStatLines.add(lines, service));
  }

  private void process(StatLines lines) {
    lines.add("pid", ProcessHandle.current().pid());
    lines.add("uptime", BootClock.seconds() - startedAt);
    lines.add("time", System.currentTimeMillis() / 1000);
    lines.add("version", version);
    lines.add("pointer_size", 64);
    processStat()
        .ifPresent(
            stat -> {
              lines.add("rusage_user", seconds(stat[STAT_UTIME]));
              lines.add("rusage_system", seconds(stat[STAT_STIME]));
            });
  }

  private void connections(StatLines lines) {
    lines.add("max_connections", addresses.connectionsMax());
    lines.add("curr_connections", addresses.connectionCount());
    lines.add("total_connections", totals.sinceReset(Counter.TOTAL_CONNECTIONS));
    lines.add("rejected_connections", totals.sinceReset(Counter.REJECTED_CONNECTIONS));
    lines.add("listen_disabled_num", totals.sinceReset(Counter.LISTEN_DISABLED_NUM));
    lines.add("idle_kicks", totals.sinceReset(Counter.IDLE_KICKS));
  }

  private void items(StatLines lines, StoreFigures figures) {
    lines.add("bytes", figures.kernelValueBytes() + figures.userValueBytes());
    lines.add("curr_items", figures.kernelItems() + figures.userItems());
    lines.add(
        "total_items",
        totals.sinceReset(Counter.TOTAL_ITEMS)
            + kernelRequests(RequestKind.SET, RequestResult.STORED));
    lines.add("evictions", figures.evicted());
    lines.add("reclaimed", figures.expired());
  }

  private void requests(StatLines lines) {
    for (RequestPath path : RequestPath.values()) {
      for (RequestKind kind : RequestKind.values()) {
        for (RequestResult result : RequestResult.values()) {
          long count = requests.get(path, kind, result);
          if (count != 0) {
            lines.add(
                "kerby_requests_%s_%s_%s".formatted(path.label(), kind.label(), result.label()),
                count);
          }
        }
      }
    }
  }

  private void settings(StatLines lines) {
    lines.add("maxbytes", config.memoryLimitBytes() + config.userMemoryBytes());
    lines.add("maxconns", addresses.connectionsMax());
    lines.add("tcpport", addresses.tcpPort());
    lines.add("udpport", addresses.udpPort());
    lines.add("inter", config.listen().getHostAddress());
    lines.add("domain_socket", "NULL");
    lines.add("shutdown_command", "no");
    lines.add("verbosity", addresses.verbosity());
    lines.add("evictions", config.evicts() ? "on" : "off");
    lines.add("num_threads", config.threads());
    lines.add("num_threads_per_udp", config.threads());
    lines.add("detail_enabled", "no");
    lines.add("cas_enabled", "yes");
    lines.add("binding_protocol", "ascii");
    lines.add("auth_enabled_sasl", "no");
    lines.add("auth_enabled_ascii", config.security().authFile().isPresent() ? "yes" : "no");
    lines.add("item_size_max", config.itemSizeMax());
    lines.add("maxconns_fast", "yes");
    lines.add("flush_enabled", "yes");
    lines.add("dump_enabled", "no");
    lines.add("hash_algorithm", "siphash");
    lines.add("idle_timeout", config.connections().idleSeconds());
    lines.add("track_sizes", "no");
    lines.add("ssl_enabled", config.security().tls().isPresent() ? "yes" : "no");
    lines.add("kerby_interface", config.interfaceName());
    lines.add("kerby_xdp", config.xdp().name().toLowerCase(Locale.ROOT));
    lines.add("kerby_max_datagram", config.datagramMax());
    lines.add("kerby_block_size", config.blockBytes());
    lines.add("kerby_memory_limit", config.memoryLimitBytes());
    lines.add("kerby_user_memory", config.userMemoryBytes());
  }

  /** Returns what the kernel's doors add to a count of memcached's. */
  private long kernelShare(Counter counter) {
    return switch (counter) {
      case CMD_GET ->
          kernelRequests(RequestKind.GET, RequestResult.HIT)
              + kernelRequests(RequestKind.GET, RequestResult.MISS);
      case GET_HITS -> kernelRequests(RequestKind.GET, RequestResult.HIT);
      case GET_MISSES -> kernelRequests(RequestKind.GET, RequestResult.MISS);
      case CMD_SET -> kernelRequests(RequestKind.SET, RequestResult.STORED);
      case CMD_TOUCH ->
          kernelRequests(RequestKind.TOUCH, RequestResult.HIT)
              + kernelRequests(RequestKind.TOUCH, RequestResult.NOT_FOUND);
      case TOUCH_HITS -> kernelRequests(RequestKind.TOUCH, RequestResult.HIT);
      case TOUCH_MISSES -> kernelRequests(RequestKind.TOUCH, RequestResult.NOT_FOUND);
      case DELETE_HITS -> kernelRequests(RequestKind.DELETE, RequestResult.DELETED);
      case DELETE_MISSES -> kernelRequests(RequestKind.DELETE, RequestResult.NOT_FOUND);
      default -> 0;
    };
  }

  /** Returns what the kernel's doors answered since the last reset. */
  private long kernelRequests(RequestKind kind, RequestResult result) {
    long sum = 0;
    for (RequestPath path : KERNEL_PATHS) {
      long before = atReset.getOrDefault(new Count(path, kind, result), 0L);
      sum += requests.get(path, kind, result) - before;
    }
    return sum;
  }

  private static String name(Counter counter) {
    return counter.name().toLowerCase(Locale.ROOT);
  }

  /** Returns the fields of /proc/self/stat after the command's name, unless files have run out. */
  private static Optional<String[]> processStat() {
    try {
      String stat = Files.readString(Path.of("/proc/self/stat"));
      return Optional.of(stat.substring(stat.lastIndexOf(')') + 2).split(" "));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static String seconds(String ticks) {
    return String.format(Locale.ROOT, "%.6f", Double.parseDouble(ticks) / TICKS_PER_SECOND);
  }
}
