package org.kerbykv.loadgen.soak;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.PrintStream;
import java.net.Socket;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import org.kerbykv.loadgen.engine.Cpus;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.topology.VethTopology;

/**
 * A soak: clients that verify, faults, kills of the server at random instants with an audit after
 * each, and then, without load, everything removed: memory that is not given back then has leaked.
 */
final class Soak {
  private static final int CLIENTS = 6;
  private static final int EARLY_MILLIS_MAX = 1000;
  private static final int DOWN_MILLIS_MAX = 300;
  private static final Duration LINGER_MIN = Duration.ofMillis(700);
  private static final Duration EMPTY_MAX = Duration.ofSeconds(60);
  private static final long POLL_MILLIS = 200;

  /** How much of the time without kills a process has to get warm in. */
  private static final int WARM_PART = 5;

  /** What a figure may grow by without being a leak: a part of it, and something fixed. */
  private static final double GROWTH_MAX = 0.15;

  private static final long HEAP_GROWTH_BYTES_MAX = 8 << 20;
  private static final long RESIDENT_GROWTH_BYTES_MAX = 48 << 20;
  private static final String REQUESTS = "kerby_kv_requests_total";

  private final SoakPlan plan;
  private final PrintStream progress;
  private final SplittableRandom random;
  private final SoakCounts counts = new SoakCounts();

  /** Clients hold the read lock during a request. */
  private final ReentrantReadWriteLock running = new ReentrantReadWriteLock();

  private final List<SoakClient> clients = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private Optional<MemorySample> start = Optional.empty();
  private Optional<MemorySample> end = Optional.empty();
  private double counted;
  private long moved;
  private int kills;

  Soak(SoakPlan plan, PrintStream progress) {
    this.plan = plan;
    this.progress = progress;
    this.random = new SplittableRandom(plan.seed());
  }

  /** Runs it to its end. The calling thread is moved to another network namespace. */
  SoakResult run() throws LoadException, InterruptedException {
    try (VethTopology topology = new VethTopology(Cpus.allowed().size())) {
      topology.enterLoadSide();
      topology.letPass(true, false);
      SoakFaults faults = new SoakFaults(topology, random.nextLong(), counts);
      try (SoakServer server = new SoakServer(topology, progress)) {
        server.launch();
        server.awaitReady();
        startClients();
        Thread faultThread = Thread.ofPlatform().name("soak-faults").start(faults);
        try {
          killAgainAndAgain(server);
          runThrough(server);
        } finally {
          faultThread.interrupt();
          faultThread.join();
          stopClients();
        }
        verifyAndEmpty(server);
      }
      return new SoakResult(plan, counts, kills, moved, faults, start, end);
    }
  }

  private void startClients() {
    for (int i = 0; i < CLIENTS; i++) {
      SoakClient client =
          new SoakClient(
              i,
              VethTopology.serverAddress(),
              plan.pace(),
              random.nextLong(),
              counts,
              running.readLock());
      clients.add(client);
      client.fill();
    }
    clients.forEach(client -> threads.add(Thread.ofPlatform().name("soak-client").start(client)));
  }

  private void stopClients() throws InterruptedException {
    clients.forEach(SoakClient::stop);
    for (Thread thread : threads) {
      thread.join();
    }
  }

  // --- Kills
  // --------------------------------------------------------------------------------------

  private void killAgainAndAgain(SoakServer server) throws LoadException, InterruptedException {
    long begin = System.nanoTime();
    for (int i = 1; i <= plan.kills(); i++) {
      lingerUntil(begin + plan.killing().toNanos() / plan.kills() * i, server);
      server.kill();
      kills++;
      takeStock(server);
      Thread.sleep(random.nextInt(DOWN_MILLIS_MAX));
      server.launch();
      if (i % 10 == 0) {
        say("%d kills, %,d requests answered".formatted(i, counts.operations()));
      }
    }
    server.awaitReady();
    requireThatCountersGoOn(server);
  }

  /** One of three processes is killed before it is ready, or as it gets so. */
  private void lingerUntil(long nanos, SoakServer server)
      throws LoadException, InterruptedException {
    if (random.nextInt(3) == 0) {
      Thread.sleep(random.nextInt(EARLY_MILLIS_MAX));
      return;
    }
    server.awaitReady();
    requireThatCountersGoOn(server);
    long most = Math.max(LINGER_MIN.toNanos(), 2 * (nanos - System.nanoTime()));
    Thread.sleep(Duration.ofNanos(random.nextLong(most)));
    noteMoves(server.metrics());
  }

  /** The count of the last second may end with the process. */
  private void noteMoves(ServerMetrics metrics) {
    double now = metrics.sum("kerby_kv_demoted_total") + metrics.sum("kerby_kv_promoted_total");
    moved = Math.max(moved, (long) now);
  }

  /** What is counted outlives the process. */
  private void requireThatCountersGoOn(SoakServer server) throws LoadException {
    ServerMetrics metrics = server.metrics();
    double requests = metrics.sum(REQUESTS);
    if (requests < counted) {
      counts.differs("%.0f requests were counted, now %.0f".formatted(counted, requests));
    }
    counted = requests;
  }

  /** Between two processes, with the clients at rest: what did the killed one leave? */
  private void takeStock(SoakServer server) throws LoadException {
    running.writeLock().lock();
    try {
      if (!Files.exists(server.pins().resolve("kv_index"))) {
        return; // killed before it made anything
      }
      for (String key : PinnedIndex.keysOfUserTier(server.pins())) {
        Matcher parts = SoakClient.KEY.matcher(key);
        if (parts.matches()) {
          clients.get(Integer.parseInt(parts.group(1))).lose(Integer.parseInt(parts.group(2)));
        }
      }
      requireAudit(server);
    } finally {
      running.writeLock().unlock();
    }
  }

  private void requireAudit(SoakServer server) throws LoadException {
    SoakServer.Said audit = server.audit();
    if (audit.exitCode() != 0) {
      counts.differs("after kill %d: %s".formatted(kills, audit.output()));
    }
  }

  // --- No kills
  // -----------------------------------------------------------------------------------

  private void runThrough(SoakServer server) throws LoadException, InterruptedException {
    Duration rest = plan.duration().minus(plan.killing());
    if (rest.isZero()) {
      return;
    }
    Duration warm = rest.dividedBy(WARM_PART);
    Thread.sleep(warm);
    start = Optional.of(server.memory());
    say("the process is warm: " + start.get());
    Thread.sleep(rest.minus(warm));
    end = Optional.of(server.memory());
    say("at the end: " + end.get());
    MemorySample first = start.get();
    MemorySample last = end.get();
    requireNoGrowth("heap", first.heapBytes(), last.heapBytes(), HEAP_GROWTH_BYTES_MAX);
    requireNoGrowth(
        "resident memory", first.residentBytes(), last.residentBytes(), RESIDENT_GROWTH_BYTES_MAX);
    requireNoGrowth("kernel pool", first.poolBytes(), last.poolBytes(), 0);
  }

  private void requireNoGrowth(String what, long first, long last, long fixed) {
    if (last > first * (1 + GROWTH_MAX) + fixed) {
      counts.differs("%s grew from %,d to %,d bytes".formatted(what, first, last));
    }
  }

  // --- The end
  // ------------------------------------------------------------------------------------

  private void verifyAndEmpty(SoakServer server) throws LoadException, InterruptedException {
    clients.forEach(SoakClient::readAll);
    clients.forEach(SoakClient::close);
    requireAudit(server);
    ServerMetrics metrics = server.metrics();
    if (metrics.sum("kerby_kv_evicted_total") > 0) {
      counts.differs("items were evicted: the soak's memory is too small");
    }
    noteMoves(metrics);
    flush();
    String[] figures = {"kerby_kv_items", "kerby_kv_value_bytes", "kerby_pool_blocks_in_use"};
    for (String figure : figures) {
      if (!within(EMPTY_MAX, () -> read(server).sum(figure) == 0)) {
        counts.differs("%s of an empty server: %.0f".formatted(figure, read(server).sum(figure)));
      }
    }
    server.stop();
    SoakServer.Said drained = server.drain();
    if (drained.exitCode() != 0 || !drained.output().contains(": 0 items ")) {
      counts.differs("drain: " + drained.output());
    }
  }

  private static ServerMetrics read(SoakServer server) {
    try {
      return server.metrics();
    } catch (LoadException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  private static void flush() throws LoadException {
    try (Socket socket = new Socket()) {
      socket.connect(VethTopology.serverAddress());
      socket.getOutputStream().write("flush_all\r\nquit\r\n".getBytes(US_ASCII));
      socket.getInputStream().readAllBytes();
    } catch (IOException e) {
      throw new LoadException("flush_all: " + e.getMessage(), e);
    }
  }

  private static boolean within(Duration most, BooleanSupplier condition)
      throws InterruptedException {
    long until = System.nanoTime() + most.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - until > 0) {
        return false;
      }
      Thread.sleep(POLL_MILLIS);
    }
    return true;
  }

  private void say(String text) {
    progress.println("soak: " + text);
  }
}
