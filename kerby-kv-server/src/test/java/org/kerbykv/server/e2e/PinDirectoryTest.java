package org.kerbykv.server.e2e;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFLink;
import org.kerbykv.bpf.BPFPinnedMaps;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.TemporaryBPFFileSystem;
import org.kerbykv.server.e2e.KernelObjects.KernelObject;

/** What becomes of pins: taken up, replaced under load, refused, or given up by a drain. */
@RequiresBPF
class PinDirectoryTest {
  private static final int WINDOW = 64;
  private static final int ITEMS = 200;
  private static final long LAYOUT = 3;

  private final TemporaryBPFFileSystem pins = TemporaryBPFFileSystem.create();
  private final Path directory = pins.directory().resolve("kerby");
  private Topology topology;
  private String port;

  @BeforeEach
  void prepare() {
    topology = Topology.Kind.VETH_NATIVE.open();
    port = Integer.toString(topology.freePort());
  }

  @AfterEach
  void remove() {
    try {
      pins.close();
    } finally {
      topology.close();
    }
  }

  private List<String> options(String... more) {
    return Stream.concat(Stream.of("-p", port, "--pin", directory.toString()), Stream.of(more))
        .toList();
  }

  private ServerProcess start(String... more) {
    return ServerProcess.start(topology, options(more));
  }

  @Test
  void theSameVersionTakesUpTheProgramsAndAnotherReplacesThemUnderLoad() throws Exception {
    ServerProcess first = start();
    try (Load load = new Load(first)) {
      List<Integer> programs = programs();
      Set<KernelObject> links = links(first);
      load.awaitMore();
      first.kill();
      load.awaitMore();
      try (ServerProcess same = start()) {
        assertThat(programs()).as("the same version's programs").isEqualTo(programs);
        load.awaitMore();
        same.kill();
      }
      // Another constant makes other programs, as another version does.
      try (ServerProcess other = start("--max-datagram", "1300")) {
        assertThat(programs()).as("another version's").doesNotContainAnyElementsOf(programs);
        assertThat(links(other)).as("updated, not attached anew").isEqualTo(links);
        load.awaitMore();
        assertThat(other.kernelObjects())
            .as("the programs that were replaced")
            .doesNotContainAnyElementsOf(
                programs.stream().map(id -> new KernelObject("PROGRAM", id)).toList());
        assertThat(programPins()).isEqualTo(3);
        other.kill();
        load.awaitMore();
      }
      load.finish();
    } finally {
      first.close();
    }
  }

  @Test
  void anotherLayoutIsRefusedInALineAndServesOn() throws Exception {
    ServerProcess first = start();
    try (Load load = new Load(first)) {
      first.kill();
      List<Integer> programs = programs();
      setLayout(LAYOUT + 1);
      Commands.Result refused = ServerProcess.runServer(topology, options("-I", "2m"));
      assertThat(refused.exitCode()).as(refused.all()).isEqualTo(1);
      assertThat(refused.errors().lines())
          .singleElement()
          .asString()
          .startsWith(
              "kerby: what is pinned in " + directory + " has layout 4, this version needs");
      assertThat(programs()).isEqualTo(programs);
      load.awaitMore();
      setLayout(LAYOUT);
      try (ServerProcess next = start()) {
        assertThat(next.errors()).doesNotContain("layout");
        load.awaitMore();
      }
      load.finish();
    } finally {
      first.close();
    }
  }

  @Test
  void aDrainGivesUpAllThatNoServerUses() {
    Set<KernelObject> objects;
    try (ServerProcess server = start("--lock-port", Integer.toString(topology.freePort()));
        UdpClient udp = new UdpClient(topology.client(), server.address())) {
      IntStream.range(0, 3).forEach(i -> assertThat(udp.exchange(set(i))).isEqualTo(STORED));
      objects = server.kernelObjects();
      for (String[] others : new String[][] {{"--drain"}, {"-p", "-1"}}) {
        Commands.Result refused = ServerProcess.runServer(topology, options(others));
        assertThat(refused.exitCode()).as(refused.all()).isEqualTo(1);
        assertThat(refused.errors())
            .isEqualTo("kerby: a running server uses the pins in " + directory + ": stop it\n");
      }
      assertThat(udp.exchange(get(1))).isEqualTo(hit(1));
      server.kill();
      assertThat(udp.exchange(get(1))).isEqualTo(hit(1));

      assertThat(drain()).startsWith("drained " + directory + ": 3 items and 0 locks given up, ");
      assertThat(directory).doesNotExist();
      assertThat(udp.exchange(get(1), Duration.ofMillis(200))).isEmpty();
    }
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(KernelObjects.remaining(objects)).isEmpty());
    assertThat(drain()).isEqualTo("nothing is pinned in " + directory + "\n");
  }

  private String drain() {
    Commands.Result drained = ServerProcess.runServer(topology, options("--drain"));
    assertThat(drained.exitCode()).as(drained.all()).isZero();
    assertThat(drained.errors()).isEmpty();
    return drained.output();
  }

  private static Set<KernelObject> links(ServerProcess server) {
    return server.kernelObjects().stream()
        .filter(object -> object.kind().equals("LINK"))
        .collect(Collectors.toSet());
  }

  /** The kernel's ids of what the links have attached. */
  private List<Integer> programs() {
    return topology
        .server()
        .call(() -> Stream.of("link_kv_xdp", "link_kv_tc").map(this::program).toList());
  }

  private int program(String pin) {
    try (BPFLink link = BPFLink.open(directory.resolve(pin))) {
      return link.programId();
    }
  }

  private long programPins() throws Exception {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.getFileName().toString().startsWith("prog_")).count();
    }
  }

  private void setLayout(long version) {
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(directory)) {
      maps.mmap("kv_ctl").set(JAVA_LONG, 0, version);
    }
  }

  private static final byte[] STORED = Requests.bytes("STORED\r\n");

  private static byte[] value(int i) {
    return Requests.value(i % ITEMS * 5, i);
  }

  private static byte[] set(int i) {
    return Requests.set("key" + i, i, 0, value(i));
  }

  private static byte[] get(int i) {
    return Requests.bytes("get key" + i + "\r\n");
  }

  private static byte[] hit(int i) {
    return Requests.hit("key" + i, i, value(i));
  }

  /**
   * Gets and sets that the kernel answers, by XDP and, where the frame has no room, by TC: a full
   * window of them at any time, each answered once and rightly, or it fails.
   */
  private final class Load implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final UdpClient udp;
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicLong answered = new AtomicLong();
    private final Map<Integer, byte[]> expected = new HashMap<>();
    private final Future<?> done;

    Load(ServerProcess server) {
      udp = new UdpClient(topology.client(), server.address());
      for (int i = 0; i < ITEMS; i++) {
        assertThat(udp.exchange(set(i))).isEqualTo(STORED);
      }
      done = thread.submit(this::run);
    }

    private void run() {
      for (int i = 0; !over.get() || !expected.isEmpty(); i++) {
        while (!over.get() && expected.size() < WINDOW) {
          int key = i++ % ITEMS;
          boolean sets = i % 5 == 0;
          expected.put(udp.send(sets ? set(key) : get(key)), sets ? STORED : hit(key));
        }
        Optional<UdpClient.Datagram> next = udp.receive(PATIENCE);
        assertThat(next).as("a reply, of %d outstanding", expected.size()).isPresent();
        byte[] reply = expected.remove(next.get().id());
        assertThat(Requests.bytes(next.get().text())).isEqualTo(reply);
        answered.incrementAndGet();
      }
    }

    /** Waits until twice a window has been answered. */
    void awaitMore() {
      long enough = answered.get() + 2 * WINDOW;
      await().atMost(PATIENCE).until(() -> answered.get() >= enough || done.isDone());
      assertThat(done.isDone()).as("the load has failed").isFalse();
    }

    /** Stops, and fails if a request was not answered rightly. */
    void finish() throws Exception {
      over.set(true);
      done.get();
    }

    @Override
    public void close() {
      over.set(true);
      thread.close();
      udp.close();
    }
  }
}
