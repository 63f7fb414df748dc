package org.kerbykv.loadgen.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.kerbykv.client.KerbyClient;
import org.kerbykv.client.KerbyClientConfig;
import org.kerbykv.loadgen.cli.Console;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.report.LoadReport;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.workload.ListedWorkload;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./kerby demo}: starts a server on the loopback interface, stores every file below a
 * directory, reads all of them back and compares, puts load on those that fit a datagram, and
 * reports. Nothing is left behind, however it ends.
 */
@Command(
    name = "kerby demo",
    description = {
      "Starts a server on the loopback interface, stores every file below /usr/include in it,",
      "reads them back and compares, puts load on it, and cleans up."
    },
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    sortOptions = false)
public final class Demo implements Callable<Integer> {
  /** The server's default for its longest value. */
  private static final long VALUE_MAX = 1 << 20;

  private static final int DATAGRAM_MAX = 1400;
  private static final int OUTSTANDING = 32;
  private static final double READ_RATIO = 0.95;
  private static final long MIB = 1 << 20;

  /** UDP header, "VALUE ", " 0 ", digits of the length, line ends, "END". */
  private static final int REPLY_OVERHEAD = 8 + 6 + 3 + 7 + 2 + 7;

  private static final int EXIT_UNSOUND = 1;

  @Option(
      names = "--directory",
      paramLabel = "DIR",
      defaultValue = "/usr/include",
      description = "Whose files to store. Default ${DEFAULT-VALUE}.")
  private Path directory;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "10",
      description = "How long to put load on the server. Default ${DEFAULT-VALUE}.")
  private int seconds;

  @Option(
      names = "--xdp",
      paramLabel = "auto|native|generic|off",
      defaultValue = "auto",
      description = "As the server's option. Default ${DEFAULT-VALUE}.")
  private String xdp;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "0",
      description = "The server's port; 0 is any that is free. Default ${DEFAULT-VALUE}.")
  private int port;

  @Option(names = "--json", description = "End with one JSON object on standard output.")
  private boolean json;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "This text.")
  @SuppressWarnings("unused") // picocli looks at the option alone
  private boolean help;

  private final PrintStream progress = System.err;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new Demo(), arguments));
  }

  @Override
  public Integer call() throws LoadException, InterruptedException {
    if (seconds < 1) {
      throw new LoadException("--seconds must be 1 or more");
    }
    FileItems files = FileItems.below(directory, VALUE_MAX);
    say(
        String.format(
            Locale.ROOT,
            "%,d files, %,d bytes below %s",
            files.paths().size(),
            files.bytes(),
            directory));
    files.refused().forEach(one -> say("not stored: " + one.path() + ": " + one.reason()));
    LoopbackState before = LoopbackState.now();

    long userMemoryMib = 64 + 2 * files.bytes() / MIB;
    DemoServer server = DemoServer.start(port, xdp, userMemoryMib, progress);
    Thread onSignal = new Thread(server::close, "stop-server");
    Runtime.getRuntime().addShutdownHook(onSignal);
    DemoResult result;
    try (server) {
      server.awaitReady();
      result = demonstrate(server, files);
    }
    before.requireRestored();
    if (json) {
      System.out.println(result.json());
    } else {
      System.out.print("\n" + result.table());
    }
    System.out.flush();
    return result.isSound() ? 0 : EXIT_UNSOUND;
  }

  private DemoResult demonstrate(DemoServer server, FileItems files)
      throws LoadException, InterruptedException {
    KerbyClientConfig config =
        KerbyClientConfig.builder()
            .server(server.address())
            .timeout(Duration.ofSeconds(10))
            .maxOutstanding(256)
            .build();
    Map<Boolean, List<Path>> fitting =
        files.paths().stream().collect(Collectors.partitioningBy(Demo::fitsDatagram));
    double poolBytesPerByte;
    int verifyFailed;
    try (KerbyClient<byte[]> client = KerbyClient.open(config)) {
      long start = System.nanoTime();
      ServerMetrics empty = server.metrics();
      new FileRoundTrip(client, fitting.get(true)).store();
      poolBytesPerByte = DemoResult.poolBytesPerByte(empty, server.metrics());
      new FileRoundTrip(client, fitting.get(false)).store();
      long stored = System.nanoTime();
      FileRoundTrip all = new FileRoundTrip(client, files.paths());
      verifyFailed = all.verify();
      say(
          String.format(
              Locale.ROOT,
              "stored in %.1f s, read back in %.1f s: %d differ",
              (stored - start) / 1e9,
              (System.nanoTime() - stored) / 1e9,
              verifyFailed));
      if (verifyFailed > 0) {
        say("the first: " + all.firstFailure());
      }
    }
    ServerMetrics before = server.metrics();
    LoadResult load = load(server, fitting.get(true));
    ServerMetrics after = server.metrics();
    return new DemoResult(
        files.paths().size(),
        files.refused().size(),
        verifyFailed,
        load,
        after.kernelGetShareSince(before),
        after,
        poolBytesPerByte,
        SlotStore.bytesPerByte(files.paths()));
  }

  /** Whether both the set and the reply to a get are one datagram. */
  private static boolean fitsDatagram(Path path) {
    return path.toFile().length() + path.toString().getBytes(UTF_8).length + REPLY_OVERHEAD
        <= DATAGRAM_MAX;
  }

  private LoadResult load(DemoServer server, List<Path> paths)
      throws LoadException, InterruptedException {
    if (paths.isEmpty()) {
      throw new LoadException("no file below " + directory + " fits a datagram");
    }
    ListedWorkload.Builder items = ListedWorkload.builder();
    for (Path path : paths) {
      items.add(path.toString().getBytes(UTF_8), read(path));
    }
    LoadSpec spec =
        new LoadSpec(
            server.address(),
            Protocol.UDP,
            1,
            new Arrivals.Closed(OUTSTANDING),
            items.build(),
            false,
            Duration.ofSeconds(1),
            Duration.ofSeconds(seconds),
            LoadSpec.UNLIMITED,
            READ_RATIO,
            1,
            true,
            false,
            Duration.ofMillis(500),
            DATAGRAM_MAX);
    say("load on the " + paths.size() + " values that fit a datagram");
    return new SocketEngine().run(spec, new LoadReport(progress));
  }

  private static byte[] read(Path path) throws LoadException {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new LoadException("cannot read " + path + ": " + e.getMessage(), e);
    }
  }

  private void say(String text) {
    progress.println(text);
  }
}
