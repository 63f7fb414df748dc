package org.kerbykv.server.e2e;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.BPFPinnedMaps;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.TemporaryBPFFileSystem;
import org.kerbykv.server.kernel.Audit;

/**
 * Updates of the kernel's maps fail for want of memory, in a build of the programs that has them
 * fail: clients see replies as if there was less room, what is stored stays what it is, and nothing
 * leaks.
 */
@RequiresBPF
class OutOfKernelMemoryTest {
  private static final int KEYS = 40;
  private static final int REQUESTS = 400;
  private static final int LENGTH_MAX = 1200;
  private static final String NO_MEMORY = "SERVER_ERROR out of memory storing object\r\n";

  // Of struct kv_enomem.
  private static final long PERIOD = 0;
  private static final long FAILURES = 16;

  @TempDir private Path patches;

  private final Map<String, byte[]> stored = new TreeMap<>();
  private final SplittableRandom random = new SplittableRandom(7);
  private TemporaryBPFFileSystem pins;
  private Topology topology;
  private ServerProcess server;
  private BPFPinnedMaps maps;
  private MemorySegment faults;
  private UdpClient udp;
  private int refused;

  @BeforeEach
  void start() throws IOException {
    pins = TemporaryBPFFileSystem.create();
    topology = Topology.Kind.VETH_GENERIC.open();
    Path directory = pins.directory().resolve("kv");
    putFaultyPrograms();
    server = ServerProcess.startPatched(topology, patches, List.of("--pin", directory.toString()));
    maps = BPFPinnedMaps.open(directory);
    faults = maps.mmap("kv_enomem");
    udp = new UdpClient(topology.client(), server.address());
  }

  /** Where the class path is looked through first, under the name of the real ones. */
  private void putFaultyPrograms() throws IOException {
    Path place = Files.createDirectories(patches.resolve("org/kerbykv/bpf"));
    try (InputStream in = NetworkNamespace.class.getResourceAsStream("kv_enomem.bpf.o")) {
      Files.copy(in, place.resolve("kv.bpf.o"));
    }
  }

  @AfterEach
  void stop() {
    udp.close();
    maps.close();
    server.close();
    pins.close();
    topology.close();
  }

  @Test
  void nothingIsLostOrMixedWhileTheKernelHasNoMemory() {
    exercise();
    assertThat(refused).isZero();
    for (int period : new int[] {7, 3, 2, 1}) {
      faults.set(JAVA_LONG, PERIOD, period);
      exercise();
    }
    assertThat(faults.get(JAVA_LONG, FAILURES)).as("failed updates").isGreaterThan(100);
    // User space has memory of its own, but not for the entries of new keys.
    assertThat(refused).as("refused requests").isPositive();

    faults.set(JAVA_LONG, PERIOD, 0);
    int before = refused;
    assertAllThere();
    exercise();
    assertAllThere();
    assertThat(refused).as("refused with memory again").isEqualTo(before);
    assertThat(server.errors()).isEmpty();
    assertThat(Audit.of(maps)).matches(Audit::ok);
  }

  private void exercise() {
    for (int i = 0; i < REQUESTS; i++) {
      String key = "key" + random.nextInt(KEYS);
      switch (random.nextInt(4)) {
        case 0, 1 -> set(key);
        case 2 -> assertThat(udp.exchange(get(key))).as(key).isEqualTo(expected(key));
        default -> delete(key);
      }
    }
  }

  private void set(String key) {
    byte[] value = Requests.value(random.nextInt(LENGTH_MAX), random.nextInt());
    String reply = text(udp.exchange(Requests.set(key, value)));
    if (reply.equals(NO_MEMORY)) {
      refused++;
      // As with memcached, what is refused takes the place of what it was to replace, or not.
      if (text(udp.exchange(get(key))).equals("END\r\n")) {
        stored.remove(key);
      }
    } else {
      assertThat(reply).isEqualTo("STORED\r\n");
      stored.put(key, value);
    }
    assertThat(udp.exchange(get(key))).as(key).isEqualTo(expected(key));
  }

  private void delete(String key) {
    assertThat(text(udp.exchange(Requests.bytes("delete " + key + "\r\n"))))
        .isEqualTo(stored.remove(key) == null ? "NOT_FOUND\r\n" : "DELETED\r\n");
  }

  private void assertAllThere() {
    try (TcpClient tcp = new TcpClient(topology.client(), server.address())) {
      for (int i = 0; i < KEYS; i++) {
        String key = "key" + i;
        assertThat(udp.exchange(get(key))).as(key).isEqualTo(expected(key));
        assertThat(tcp.values("get " + key + "\r\n")).as(key).isEqualTo(expected(key));
      }
    }
  }

  private byte[] expected(String key) {
    byte[] value = stored.get(key);
    return value == null ? Requests.bytes("END\r\n") : Requests.hit(key, 0, value);
  }

  private static byte[] get(String key) {
    return Requests.bytes("get " + key + "\r\n");
  }

  private static String text(byte[] reply) {
    return new String(reply, StandardCharsets.ISO_8859_1);
  }
}
