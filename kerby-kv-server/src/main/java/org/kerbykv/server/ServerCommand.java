package org.kerbykv.server;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.kerbykv.server.kernel.SourceRules;
import org.kerbykv.server.lock.LockOptions;
import org.kerbykv.server.log.LogFormat;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.net.Cidr;
import org.kerbykv.server.net.ConnectionLimits;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code kerby server}: runs a server until it is told to stop. */
@Command(
    name = "server",
    description = "Serve memcached's protocol, and locks, from the kernel where possible.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Each option has an environment variable: KERBY_PORT for --port, and so on.",
      "Ports: 0 is off, -1 any that is free."
    })
final class ServerCommand implements Callable<Integer> {
  private static final long MIB = 1 << 20;
  private static final int ITEM_SIZE_MIN = 1 << 10;
  private static final int ITEM_SIZE_MAX = 1 << 30;
  private static final int MEMORY_MIB_MAX = 64 << 10;
  private static final int DATAGRAM_MIN = 512;
  private static final int DATAGRAM_MAX = 65507;
  private static final int THREADS_MAX = 64;
  private static final int DEFAULT_THREADS_MAX = 4;
  private static final int PORT_MAX = 65535;
  private static final int SECONDS_MAX = 1_000_000;
  private static final int KEEP_ALIVE_SECONDS_MAX = 32_767; // MAX_TCP_KEEPIDLE
  private static final Pattern RATE = Pattern.compile("([0-9]{1,12})([kmg]?)");
  private static final long RATE_MIN = 1L << 10;
  private static final long RATE_MAX = 100L << 30;

  @Spec private CommandSpec spec;

  @Option(
      names = {"-p", "--port"},
      defaultValue = "${env:KERBY_PORT:-11211}",
      description = "TCP port (${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = {"-U", "--udp-port"},
      defaultValue = "${env:KERBY_UDP_PORT}",
      description = "UDP port (the TCP port's number).")
  private Integer udpPort;

  @Option(
      names = {"-l", "--listen"},
      defaultValue = "${env:KERBY_LISTEN:-127.0.0.1}",
      description = "Address to serve, or 0.0.0.0 for all (${DEFAULT-VALUE}).")
  private String listen;

  @Option(
      names = {"-i", "--interface"},
      defaultValue = "${env:KERBY_INTERFACE:-lo}",
      description = "Network interface whose packets the kernel answers (${DEFAULT-VALUE}).")
  private String interfaceName;

  @Option(
      names = "--xdp",
      defaultValue = "${env:KERBY_XDP:-auto}",
      description =
          "auto: from the kernel where it and the privileges allow, else from user space alone;"
              + " native, generic: in that XDP mode or not at all; off: from user space alone"
              + " (${DEFAULT-VALUE}).")
  private XdpChoice xdp;

  @Option(
      names = {"-m", "--memory-limit"},
      defaultValue = "${env:KERBY_MEMORY_LIMIT:-64}",
      description =
          "MiB of kernel memory for items (${DEFAULT-VALUE}). Every item, wherever its value is,"
              + " takes an index entry and a block of it.")
  private int memoryMib;

  @Option(
      names = "--user-memory",
      defaultValue = "${env:KERBY_USER_MEMORY:-1024}",
      description = "MiB of user space memory for items, taken as needed (${DEFAULT-VALUE}).")
  private int userMemoryMib;

  @Option(
      names = {"-M", "--disable-evictions"},
      description =
          "When memory is full, refuse to store instead of evicting. Environment:"
              + " KERBY_DISABLE_EVICTIONS=1.")
  private boolean evictionsDisabled;

  @Option(
      names = {"-I", "--max-item-size"},
      defaultValue = "${env:KERBY_MAX_ITEM_SIZE:-1m}",
      converter = Size.class,
      description = "Largest item, in bytes or with k or m, 1k to 1024m (${DEFAULT-VALUE}).")
  private int itemSizeMax;

  @Option(
      names = "--max-datagram",
      defaultValue = "${env:KERBY_MAX_DATAGRAM:-1400}",
      description = "Most bytes of UDP payload in a reply's datagram (${DEFAULT-VALUE}).")
  private int datagramMax;

  @Option(
      names = "--block-size",
      defaultValue = "${env:KERBY_BLOCK_SIZE:-192}",
      description = "Bytes of a block of the kernel's pool (${DEFAULT-VALUE}).")
  private int blockBytes;

  @Option(
      names = "--lock-port",
      defaultValue = "${env:KERBY_LOCK_PORT:-0}",
      description =
          "UDP port of Kerby-Lock, usually 11311 (${DEFAULT-VALUE}). With -p 0 -U 0 locks alone are"
              + " served.")
  private int lockPort;

  @Option(
      names = "--lock-memory",
      defaultValue = "${env:KERBY_LOCK_MEMORY:-64}",
      description = "MiB of kernel memory for locks and who waits for them (${DEFAULT-VALUE}).")
  private int lockMemoryMib;

  @Option(
      names = "--lock-queue",
      defaultValue = "${env:KERBY_LOCK_QUEUE:-256}",
      description =
          "Most that wait for one lock, and that share one, 1 to 1024 (${DEFAULT-VALUE}).")
  private int lockQueueMax;

  @Option(
      names = "--lock-lease-max",
      paramLabel = "SECONDS",
      defaultValue = "${env:KERBY_LOCK_LEASE_MAX:-3600}",
      description = "Longest lease; longer ones are cut to it (${DEFAULT-VALUE}).")
  private int lockLeaseMaxSeconds;

  @Option(
      names = "--lock-wait-max",
      paramLabel = "SECONDS",
      defaultValue = "${env:KERBY_LOCK_WAIT_MAX:-3600}",
      description =
          "Longest time to wait for a lock; longer ones are cut to it (${DEFAULT-VALUE}).")
  private int lockWaitMaxSeconds;

  @Option(
      names = "--allow",
      paramLabel = "CIDR",
      split = ",",
      defaultValue = "${env:KERBY_ALLOW}",
      converter = Network.class,
      description =
          "Answer requests over UDP from this network alone; several may be named. Not told:"
              + " loopback, and the networks of the interface and of the address served.")
  private List<Cidr> allowed = List.of();

  @Option(
      names = "--reply-rate",
      paramLabel = "BYTES",
      defaultValue = "${env:KERBY_REPLY_RATE:-0}",
      converter = Rate.class,
      description =
          "Most bytes of UDP replies to a source in a second, plain or with k, m or g: 1k to 100g, 0"
              + " for no limit (${DEFAULT-VALUE}).")
  private long replyRate;

  @Option(
      names = {"-Y", "--auth-file"},
      paramLabel = "FILE",
      defaultValue = "${env:KERBY_AUTH_FILE}",
      description =
          "Serve only who begins a connection with 'set any 0 0 LENGTH', value 'user password', of"
              + " whom FILE has a line user:password. UDP, and with it the kernel's part, is off.")
  private Path authFile;

  @Option(
      names = "--tls-cert",
      paramLabel = "FILE",
      defaultValue = "${env:KERBY_TLS_CERT}",
      description = "Serve TCP by TLS alone, with the certificates of this PEM file.")
  private Path tlsCertificates;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      defaultValue = "${env:KERBY_TLS_KEY}",
      description = "PEM file with the certificate's key, in PKCS #8.")
  private Path tlsKey;

  @Option(
      names = "--pin",
      paramLabel = "DIR",
      defaultValue = "${env:KERBY_PIN}",
      description = "Pin programs and maps in this directory of a BPF file system, to survive.")
  private Path pinDirectory;

  @Option(
      names = "--drain",
      description =
          "Give up what servers with this --pin left in the kernel, items and locks included, and"
              + " end.")
  private boolean drain;

  @Option(
      names = "--metrics-port",
      defaultValue = "${env:KERBY_METRICS_PORT:-9411}",
      description = "HTTP port for /metrics, /health and /ready (${DEFAULT-VALUE}).")
  private int metricsPort;

  @Option(
      names = {"-t", "--threads"},
      defaultValue = "${env:KERBY_THREADS:-0}",
      description = "Event loops (0: as many as there are CPUs, up to 4).")
  private int threads;

  @Option(
      names = {"-c", "--max-connections"},
      defaultValue = "${env:KERBY_MAX_CONNECTIONS:-1024}",
      description = "TCP connections at once (${DEFAULT-VALUE}).")
  private int connectionsMax;

  @Option(
      names = "--idle-timeout",
      paramLabel = "SECONDS",
      defaultValue = "${env:KERBY_IDLE_TIMEOUT:-0}",
      description =
          "Close TCP connections on which no request came for so long; 0: never"
              + " (${DEFAULT-VALUE}).")
  private int idleSeconds;

  @Option(
      names = "--tcp-keepalive",
      paramLabel = "SECONDS",
      defaultValue = "${env:KERBY_TCP_KEEPALIVE:-60}",
      description =
          "Silence after which a TCP peer is probed, and lost if it does not answer for as long"
              + " again; 0: never (${DEFAULT-VALUE}).")
  private int keepAliveSeconds;

  @Option(
      names = "--log-format",
      defaultValue = "${env:KERBY_LOG_FORMAT:-text}",
      description = "Lines on standard error: text, logfmt or json (${DEFAULT-VALUE}).")
  private LogFormat logFormat;

  @Option(
      names = {"-v", "--verbose"},
      description = "Say what happens; -vv says more. Environment: KERBY_VERBOSE=1 or 2.")
  private boolean[] verbose = {};

  /** Reads networks. */
  static final class Network implements ITypeConverter<Cidr> {
    @Override
    public Cidr convert(String text) {
      try {
        return Cidr.parse(text.strip());
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** Reads rates. */
  static final class Rate implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      Matcher rate = RATE.matcher(text.toLowerCase(Locale.ROOT));
      if (!rate.matches()) {
        throw new TypeConversionException("'" + text + "' is not a rate like 10m, 512k or 0");
      }
      int thousands = "kmg".indexOf(rate.group(2)) + (rate.group(2).isEmpty() ? 0 : 1);
      long bytes = Long.parseLong(rate.group(1)) << (10 * thousands);
      if (bytes != 0 && (bytes < RATE_MIN || bytes > RATE_MAX)) {
        throw new TypeConversionException("'" + text + "' is not 0, or between 1k and 100g");
      }
      return bytes;
    }
  }

  /** Reads memcached's sizes. */
  static final class Size implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      String lower = text.toLowerCase(Locale.ROOT);
      long unit = lower.endsWith("k") ? 1 << 10 : lower.endsWith("m") ? 1 << 20 : 1;
      String digits = unit == 1 ? lower : lower.substring(0, lower.length() - 1);
      if (!digits.matches("[0-9]{1,10}")) {
        throw new TypeConversionException("'" + text + "' is not a size like 1m, 512k or 4096");
      }
      long size = Long.parseLong(digits) * unit;
      if (size < ITEM_SIZE_MIN || size > ITEM_SIZE_MAX) {
        throw new TypeConversionException("'" + text + "' is not between 1k and 1024m");
      }
      return (int) size;
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    if (drain) {
      return drain();
    }
    ServerConfig config = config();
    ServerLog.takeLibraries();
    ServerLog.setFormat(logFormat);
    ServerLog.setVerbosity(config.verbosity());
    KerbyServer server;
    try {
      server = KerbyServer.start(config);
    } catch (StartException e) {
      System.err.println("kerby: " + e.getMessage());
      return 1;
    }
    // The signal's thread does the stopping, and the JVM ends when it is done.
    Runtime.getRuntime().addShutdownHook(new Thread(server::close, "kerby-stop"));
    System.out.println(server.readyLine());
    System.out.flush();
    new CountDownLatch(1).await();
    return 0;
  }

  private int drain() {
    require(pinDirectory != null, "--drain needs the --pin to drain");
    try {
      System.out.println(PinDirectory.drain(pinDirectory));
      return 0;
    } catch (StartException e) {
      System.err.println("kerby: " + e.getMessage());
      return 1;
    }
  }

  private ServerConfig config() {
    require(inRange(port, -1, PORT_MAX), "--port %d is not a port".formatted(port));
    int udp = udpPort != null ? udpPort : authFile != null ? 0 : port;
    require(inRange(udp, -1, PORT_MAX), "--udp-port %d is not a port".formatted(udp));
    require(inRange(lockPort, -1, PORT_MAX), "--lock-port %d is not a port".formatted(lockPort));
    require(
        port != 0 || udp != 0 || lockPort != 0,
        "--port 0 and --udp-port 0 leave nothing to serve without --lock-port");
    require(
        lockPort <= 0 || lockPort != udp, "--lock-port %d is the --udp-port".formatted(lockPort));
    require(
        inRange(metricsPort, -1, PORT_MAX),
        "--metrics-port %d is not a port".formatted(metricsPort));
    require(inRange(memoryMib, 1, MEMORY_MIB_MAX), "--memory-limit must be 1 to 65536 MiB");
    require(inRange(userMemoryMib, 4, MEMORY_MIB_MAX), "--user-memory must be 4 to 65536 MiB");
    require(
        itemSizeMax <= userMemoryMib * MIB / 2,
        "--max-item-size must not be more than half of --user-memory");
    require(
        inRange(datagramMax, DATAGRAM_MIN, DATAGRAM_MAX),
        "--max-datagram must be 512 to 65507 bytes");
    require(inRange(threads, 0, THREADS_MAX), "--threads must be 0 to 64");
    require(connectionsMax >= 1, "--max-connections must be at least 1");
    require(inRange(idleSeconds, 0, SECONDS_MAX), "--idle-timeout must be 0 to 1000000 seconds");
    require(
        inRange(keepAliveSeconds, 0, KEEP_ALIVE_SECONDS_MAX),
        "--tcp-keepalive must be 0 to 32767 seconds");
    requireInterface();
    return new ServerConfig(
        listenAddress(),
        port,
        udp,
        interfaceName,
        xdp,
        memoryMib * MIB,
        userMemoryMib * MIB,
        !evictionsDisabled(),
        itemSizeMax,
        datagramMax,
        blockBytes,
        Optional.ofNullable(pinDirectory),
        metricsPort,
        threads == 0 ? defaultThreads() : threads,
        new ConnectionLimits(connectionsMax, idleSeconds, keepAliveSeconds),
        verbosity(),
        lockOptions(),
        securityOptions());
  }

  private LockOptions lockOptions() {
    require(inRange(lockMemoryMib, 1, MEMORY_MIB_MAX), "--lock-memory must be 1 to 65536 MiB");
    require(
        inRange(lockQueueMax, 1, LockOptions.QUEUE_MAX),
        "--lock-queue must be 1 to " + LockOptions.QUEUE_MAX);
    require(
        inRange(lockLeaseMaxSeconds, 1, SECONDS_MAX),
        "--lock-lease-max must be 1 to 1000000 seconds");
    require(
        inRange(lockWaitMaxSeconds, 1, SECONDS_MAX),
        "--lock-wait-max must be 1 to 1000000 seconds");
    return new LockOptions(
        lockPort,
        lockMemoryMib * MIB,
        lockQueueMax,
        lockLeaseMaxSeconds * 1000,
        lockWaitMaxSeconds * 1000);
  }

  private SecurityOptions securityOptions() {
    require(
        allowed.size() <= SourceRules.NETWORKS_MAX,
        "--allow: more than " + SourceRules.NETWORKS_MAX + " networks");
    require((tlsCertificates == null) == (tlsKey == null), "--tls-cert and --tls-key go together");
    if (authFile != null) {
      // What came by UDP would be nobody's, and the kernel answers nothing else.
      require(udpPort == null || udpPort == 0, "--auth-file goes with --udp-port 0 alone");
      require(lockPort == 0, "--auth-file: locks are served by UDP, which has to be off");
      require(pinDirectory == null, "--auth-file leaves nothing to --pin");
    }
    return new SecurityOptions(
        allowed,
        replyRate,
        Optional.ofNullable(authFile),
        tlsKey == null
            ? Optional.empty()
            : Optional.of(new SecurityOptions.Tls(tlsCertificates, tlsKey)));
  }

  private void requireInterface() {
    try {
      require(
          xdp == XdpChoice.OFF || NetworkInterface.getByName(interfaceName) != null,
          "--interface " + interfaceName + ": there is no such network interface");
    } catch (SocketException e) {
      throw new ParameterException(
          spec.commandLine(), "--interface " + interfaceName + ": " + e.getMessage(), e);
    }
  }

  private InetAddress listenAddress() {
    try {
      return InetAddress.getByName(listen);
    } catch (UnknownHostException e) {
      throw new ParameterException(
          spec.commandLine(), "--listen " + listen + ": no such address", e);
    }
  }

  private int verbosity() {
    String environment = System.getenv("KERBY_VERBOSE");
    if (verbose.length > 0 || environment == null) {
      return verbose.length;
    }
    require(environment.matches("[012]"), "KERBY_VERBOSE must be 0, 1 or 2");
    return Integer.parseInt(environment);
  }

  private boolean evictionsDisabled() {
    String environment = System.getenv("KERBY_DISABLE_EVICTIONS");
    require(
        environment == null || environment.matches("[01]"),
        "KERBY_DISABLE_EVICTIONS must be 0 or 1");
    return evictionsDisabled || "1".equals(environment);
  }

  private static int defaultThreads() {
    return Math.min(DEFAULT_THREADS_MAX, Runtime.getRuntime().availableProcessors());
  }

  private static boolean inRange(int value, int min, int max) {
    return value >= min && value <= max;
  }

  private void require(boolean condition, String message) {
    if (!condition) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }
}
