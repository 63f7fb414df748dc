package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Maps and programs that outlive the object they came from. */
@RequiresBPF
class BPFPinTest {
  private final TemporaryBPFFileSystem bpffs = TemporaryBPFFileSystem.create();
  private final Path pins = bpffs.directory().resolve("kerby/maps");

  @AfterEach
  void unmount() {
    bpffs.close();
  }

  @Test
  void pinnedMapsAreTakenUpAgain() {
    int id;
    try (BPFProgram first = loader().pinDirectory(pins).load()) {
      BPFHashMap<Long, Long> map = hash(first);
      map.put(1L, 100L);
      id = map.id();
      first.mmap("mapped").set(JAVA_BYTE, 16, (byte) 9);
    }
    assertThat(names(pins))
        .contains("samples", "resized", "mapped", "events")
        .noneMatch(name -> name.contains("rodata") || name.contains("bss"));

    try (BPFProgram second = loader().pinDirectory(pins).load()) {
      assertThat(hash(second).id()).isEqualTo(id);
      assertThat(hash(second).get(1L)).isEqualTo(100L);
      assertThat(second.mmap("mapped").get(JAVA_BYTE, 16)).isEqualTo((byte) 9);
    }
  }

  @Test
  void keptProgramsAreTakenUpIfTheyAreTheSame() {
    int id;
    try (BPFProgram first = kept(10)) {
      id = first.programId("last_words");
    }
    try (BPFProgram same = kept(10);
        Arena arena = Arena.ofConfined()) {
      assertThat(same.programId("last_words")).isEqualTo(id);
      BPFTestRun.Result result = same.testRun("last_words").run(arena.allocate(64), 1);
      assertThat(result.retval()).isEqualTo(XDP_PASS);
    }
    try (BPFProgram other = kept(11)) {
      assertThat(other.programId("last_words")).isNotEqualTo(id);
      id = other.programId("last_words");
    }
    assertThat(names(pins)).filteredOn(name -> name.startsWith("prog_")).hasSize(1);
    // A program is no use beside a map that it does not know.
    Pins.remove(pins.resolve("kerby_pool"));
    try (BPFProgram anew = kept(11)) {
      assertThat(anew.programId("last_words")).isNotEqualTo(id);
    }
  }

  private static final int XDP_PASS = 2;

  private BPFProgram kept(long capacity) {
    return BPFLoader.open(BPFLoader.class, "last_words.bpf.o")
        .constant("kerby_capacity", capacity)
        .pinDirectory(pins)
        .keepPrograms()
        .load();
  }

  @Test
  void programsWithGlobalVariablesAreNotKept() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> loader().pinDirectory(pins).keepPrograms())
        .withMessageStartingWith("binding.bpf.o has global variables in ");
  }

  @Test
  void claimOfADirectoryEndsWhenItIsClosed() {
    Path directory = bpffs.directory();
    BPFPinClaim claim = BPFPinClaim.tryTake(directory).orElseThrow();
    assertThat(BPFPinClaim.tryTake(directory)).isEmpty();
    claim.close();
    claim.close();
    BPFPinClaim.tryTake(directory).orElseThrow().close();
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> BPFPinClaim.tryTake(directory.resolve("none")))
        .withMessageStartingWith("open directory " + directory.resolve("none") + ": ENOENT");
  }

  @Test
  void pinnedMapsAreReadWithoutAProgram() {
    try (BPFProgram program = loader().pinDirectory(pins).load()) {
      hash(program).put(5L, 50L);
      program.getArray("plain", BPFType.INT32).set(3, 33);
    }
    BPFPinnedMaps maps = BPFPinnedMaps.open(pins);
    BPFHashMap<Long, Long> map = maps.getHashMap("resized", BPFType.INT64, BPFType.INT64);
    assertThat(map.get(5L)).isEqualTo(50L);
    assertThat(maps.getArray("plain", BPFType.INT32).get(3)).isEqualTo(33);
    assertThat(maps.getPerCpuArray("counters", BPFType.bytes(16)).get(0)).isNotEmpty();
    assertThat(maps.mmap("mapped").byteSize()).isEqualTo(16 * 1000);
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> maps.getArray("missing", BPFType.INT32))
        .withMessageStartingWith("open pinned map " + pins.resolve("missing") + ": ENOENT");
    maps.close();
    assertThatIllegalStateException().isThrownBy(() -> map.get(5L));
    assertThatIllegalStateException()
        .isThrownBy(() -> maps.getArray("plain", BPFType.INT32))
        .withMessage(pins + " has been closed");
  }

  @Test
  void mapOfAnotherShapeIsNotTakenUp() {
    loader().pinDirectory(pins).load().close();
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> loader().mapValueSize("resized", 16).pinDirectory(pins).load())
        .withMessageStartingWith(
            "load BPF object binding.bpf.o, maps pinned in " + pins + ": EINVAL")
        .withMessageContaining("resized")
        .withMessageContaining("parameter mismatch");
  }

  @Test
  void failedLoadLeavesNoPin() {
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> loader().mapValueSize("counters", 1 << 20).pinDirectory(pins).load());
    assertThat(names(pins)).isEmpty();
  }

  @Test
  void pinsOutsideABPFFileSystemAreExplained(@TempDir Path ordinary) {
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> loader().pinDirectory(ordinary).load())
        .withMessageContaining(ordinary + "/")
        .withMessageContaining("is not on BPF FS");
    try (BPFProgram program = loader().load()) {
      assertThatExceptionOfType(BPFException.class)
          .isThrownBy(() -> program.pin("drop_xdp", ordinary.resolve("pin")))
          .withMessageStartingWith("pin program drop_xdp at " + ordinary.resolve("pin") + ": EPERM")
          .withMessageEndingWith(
              ordinary + " is not in a BPF file system (mount -t bpf bpf DIRECTORY)");
      assertThatExceptionOfType(BPFException.class)
          .isThrownBy(() -> hash(program).pin(ordinary.resolve("no/where")))
          .withMessageEndingWith("no directory " + ordinary.resolve("no"));
    }
  }

  @Test
  void pinsOfOneKindAreNotOpenedAsAnother() {
    try (BPFProgram program = loader().load()) {
      Path pin = bpffs.directory().resolve("program");
      program.pin("drop_xdp", pin);
      assertThatExceptionOfType(BPFException.class)
          .isThrownBy(() -> BPFLink.open(pin))
          .withMessage(
              "open pinned link " + pin + ": EINVAL (Invalid argument): it is a pinned bpf-prog");
    }
  }

  @Test
  void singleMapIsPinnedByHand() {
    Path pin = bpffs.directory().resolve("mine");
    try (BPFProgram program = loader().load()) {
      hash(program).put(1L, 2L);
      hash(program).pin(pin);
    }
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(bpffs.directory())) {
      assertThat(maps.getHashMap("mine", BPFType.INT64, BPFType.INT64).get(1L)).isEqualTo(2L);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> maps.getHashMap("mine", BPFType.INT32, BPFType.INT64));
    }
  }

  private static BPFLoader loader() {
    return BPFLoader.open(BPFPinTest.class, BPFProgramTest.OBJECT);
  }

  private static BPFHashMap<Long, Long> hash(BPFProgram program) {
    return program.getHashMap("resized", BPFType.INT64, BPFType.INT64);
  }

  private static Stream<String> names(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList().stream();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
