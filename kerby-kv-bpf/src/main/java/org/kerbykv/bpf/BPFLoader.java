package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;

/**
 * An object that is open but not yet loaded: the time for what the kernel wants to know at loading.
 * Not thread-safe. {@link #load()} and any failure end it; one that is given up otherwise is to be
 * closed.
 */
public final class BPFLoader implements AutoCloseable {
  /**
   * Room for one program's verifier log. Only what is written takes memory. The kernel answers
   * ENOSPC in place of its reason if the log is longer.
   */
  private static final long LOG_BYTES = 16 << 20;

  // struct bpf_object_open_opts
  private static final long OPEN_OPTS_BYTES = 80;
  private static final long OPEN_OPTS_OBJECT_NAME = 8;

  private static final int FINGERPRINT_BYTES = 16;
  private static final int PROG_TYPE_SCHED_CLS = 3;
  private static final long MAX_ENTRIES_LIMIT = 0xffff_ffffL;

  private final String name;
  private final Arena arena = Arena.ofConfined();
  private MemorySegment object;
  private final MessageDigest settings;
  private Optional<Path> pinDirectory = Optional.empty();
  private boolean keepsPrograms;

  private BPFLoader(String name, MemorySegment object, byte[] bytes) {
    this.name = name;
    this.object = object;
    try {
      this.settings = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
    settings.update(bytes);
  }

  /**
   * Opens an object in the class path.
   *
   * @param anchor a class beside the object
   * @param resource its name, as in {@link Class#getResourceAsStream}: "kv.bpf.o"
   * @throws BPFException if libbpf is missing or cannot read the object
   */
  public static BPFLoader open(Class<?> anchor, String resource) {
    byte[] bytes = BTFLayout.resource(anchor, resource);
    String name = resource.substring(resource.lastIndexOf('/') + 1);
    LibBPFMessages.clear();
    try (Arena call = Arena.ofConfined()) {
      MemorySegment capture = NativeLibrary.errnoCapture(call);
      MemorySegment file = call.allocate(bytes.length, Long.BYTES);
      MemorySegment.copy(bytes, 0, file, JAVA_BYTE, 0, bytes.length);
      MemorySegment opts = call.allocate(OPEN_OPTS_BYTES, Long.BYTES);
      opts.set(JAVA_LONG, 0, OPEN_OPTS_BYTES);
      opts.set(ADDRESS, OPEN_OPTS_OBJECT_NAME, call.allocateFrom(name.replaceFirst("\\..*", "")));
      MemorySegment object = LibBPF.objectOpenMem(capture, file, bytes.length, opts);
      if (object.address() == 0) {
        throw new BPFException(
            "open BPF object " + name, NativeLibrary.errno(capture), LibBPFMessages.take());
      }
      BPFLoader loader = new BPFLoader(name, object, bytes);
      loader.setTypesUnknownToLibbpf();
      return loader;
    }
  }

  /**
   * Sets how many elements a map can hold.
   *
   * @param entries 1 to 2^32 - 1
   */
  public BPFLoader mapMaxEntries(String map, long entries) {
    if (entries < 1 || entries > MAX_ENTRIES_LIMIT) {
      throw failed(new IllegalArgumentException("map " + map + " with " + entries + " entries"));
    }
    note("entries", map, entries);
    return checked("set the size of map " + map, LibBPF.mapSetMaxEntries(map(map), (int) entries));
  }

  /**
   * Sets the size of a map's values.
   *
   * @param bytes 1 or more
   */
  public BPFLoader mapValueSize(String map, int bytes) {
    if (bytes < 1) {
      throw failed(new IllegalArgumentException("map " + map + " with values of " + bytes));
    }
    note("bytes", map, bytes);
    return checked("set the value size of map " + map, LibBPF.mapSetValueSize(map(map), bytes));
  }

  /**
   * Sets what maps of some types are told besides: of an arena, the address of its first byte in
   * user space.
   */
  public BPFLoader mapExtra(String map, long extra) {
    return checked("set map_extra of map " + map, LibBPF.mapSetMapExtra(map(map), extra));
  }

  /**
   * Sets a constant of the programs, declared as {@code const volatile}. The verifier sees the
   * value and drops the code that it makes unreachable.
   *
   * @param variable its name; 1, 2, 4 or 8 bytes
   * @param value in the range of that many bytes, signed or unsigned
   */
  public BPFLoader constant(String variable, long value) {
    note("constant", variable, value);
    return store(variable, (section, found) -> store(section, found, value));
  }

  /**
   * Sets a constant that is an array of 8-byte integers.
   *
   * @param variable its name
   * @param values its first elements; the others stay as they are in the object
   */
  public BPFLoader constants(String variable, long... values) {
    for (long value : values) {
      note("constant", variable, value);
    }
    return store(
        variable,
        (section, found) -> {
          if (found.size() < (long) values.length * Long.BYTES) {
            throw new IllegalArgumentException(
                "%d values do not fit constant %s of %d bytes"
                    .formatted(values.length, variable, found.size()));
          }
          MemorySegment.copy(
              values, 0, section, JAVA_LONG_UNALIGNED, found.offset(), values.length);
        });
  }

  private BPFLoader store(
      String variable, BiConsumer<MemorySegment, BTFLayout.Variable> intoSection) {
    try (Arena call = Arena.ofConfined()) {
      BTFLayout.Variable found = layout().variable(variable);
      if (!found.section().startsWith(".rodata")) {
        throw new IllegalArgumentException(
            "variable " + variable + " is in " + found.section() + ": it is not a constant");
      }
      MemorySegment size = call.allocate(JAVA_LONG);
      intoSection.accept(
          LibBPF.mapInitialValue(map(found.section()), size).reinterpret(size.get(JAVA_LONG, 0)),
          found);
      return this;
    } catch (IllegalArgumentException e) {
      throw failed(e);
    }
  }

  /**
   * Lets the maps outlive this process: those that are pinned in {@code directory} under their
   * names are used again, if their type, sizes and flags are those of the object, and the others
   * pinned there as they are made. Global data is not pinned. If loading fails, what it pinned is
   * removed again.
   *
   * @param directory in a mounted BPF file system; made if it is not there
   */
  public BPFLoader pinDirectory(Path directory) {
    pinDirectory = Optional.of(directory);
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw failed(new UncheckedIOException(e));
    }
    for (MemorySegment map : maps()) {
      if (!LibBPF.mapIsInternal(map)) {
        String mapName = LibC.text(LibBPF.mapName(map));
        try (Arena call = Arena.ofConfined()) {
          checked(
              "set the pin of map " + mapName,
              LibBPF.mapSetPinPath(map, call.allocateFrom(directory.resolve(mapName).toString())));
        }
      }
    }
    return this;
  }

  /**
   * Pins the programs too, beside the maps in the {@link #pinDirectory}, and takes those up that
   * are pinned there, if they were loaded from the same object with the same settings: they are not
   * verified again, which is most of what loading costs. Others of the same names are replaced
   * there.
   *
   * <p>For objects without global variables: of those, constants apart, the programs that were
   * taken up would have their own.
   */
  public BPFLoader keepPrograms() {
    for (MemorySegment map : maps()) {
      String mapName = LibC.text(LibBPF.mapName(map));
      if (LibBPF.mapIsInternal(map) && !mapName.contains(".rodata")) {
        throw failed(new IllegalArgumentException(name + " has global variables in " + mapName));
      }
    }
    keepsPrograms = true;
    return this;
  }

  /** Leaves a program out: it is neither verified nor loaded. */
  public BPFLoader disable(String program) {
    note("disable", program, 0);
    return checked(
        "leave out program " + program, LibBPF.programSetAutoload(program(program), false));
  }

  /** The layouts in the object's BTF. */
  public BTFLayout layout() {
    return BTFLayout.of(LibBPF.objectBtf(object()));
  }

  /**
   * Makes the maps and has the programs verified and loaded.
   *
   * @throws BPFException with the log if the verifier refused a program
   */
  public BPFProgram load() {
    Optional<ProgramPins> pins = programPins();
    Map<String, Integer> adopted = pins.map(this::adopt).orElse(Map.of());
    BPFProgram loaded;
    try {
      loaded = load(adopted);
    } catch (BPFException e) {
      adopted.values().forEach(LibC::close);
      throw e;
    }
    if (pins.isPresent() && adopted.isEmpty()) {
      try {
        pins.get().pin(loaded);
      } catch (BPFException e) {
        loaded.close();
        throw e;
      }
    }
    return loaded;
  }

  private BPFProgram load(Map<String, Integer> adopted) {
    LibBPFMessages.clear();
    List<ProgramLog> logs = new ArrayList<>();
    for (MemorySegment program : programs()) {
      logs.add(ProgramLog.of(arena, program, LOG_BYTES));
    }
    int result = LibBPF.objectLoad(object());
    if (result < 0) {
      throw failed(loadFailure(-result, logs));
    }
    MemorySegment loaded = object();
    logs.forEach(ProgramLog::detach);
    object = MemorySegment.NULL;
    arena.close();
    return new BPFProgram(name, loaded, adopted);
  }

  private Optional<ProgramPins> programPins() {
    if (!keepsPrograms || pinDirectory.isEmpty()) {
      return Optional.empty();
    }
    String fingerprint = HexFormat.of().formatHex(settings.digest(), 0, FINGERPRINT_BYTES);
    List<String> names =
        programs().stream()
            .filter(LibBPF::programAutoload)
            .map(program -> LibC.text(LibBPF.programName(program)))
            .toList();
    return Optional.of(new ProgramPins(pinDirectory.get(), fingerprint, names));
  }

  /** Programs go with the maps that they were loaded with: without one of those they are no use. */
  private Map<String, Integer> adopt(ProgramPins pins) {
    boolean mapsArePinned =
        maps().stream()
            .filter(map -> !LibBPF.mapIsInternal(map))
            .map(map -> pinDirectory.orElseThrow().resolve(LibC.text(LibBPF.mapName(map))))
            .allMatch(Files::exists);
    Map<String, Integer> adopted = mapsArePinned ? pins.open() : Map.of();
    adopted.keySet().forEach(this::disable);
    return adopted;
  }

  /** Gives the object up, unless it has been loaded. Closing twice is fine. */
  @Override
  public void close() {
    if (object.address() != 0) {
      LibBPF.objectClose(object);
      object = MemorySegment.NULL;
      arena.close();
    }
  }

  private BPFException loadFailure(int errno, List<ProgramLog> logs) {
    String from = " of " + name;
    String pins = pinDirectory.map(directory -> ", maps pinned in " + directory).orElse("");
    String said = LibBPFMessages.take();
    return logs.stream()
        .filter(log -> !log.text().isEmpty())
        .findFirst()
        .map(
            log ->
                new BPFException(
                    "load program " + log.program() + from + pins, errno, said, log.text()))
        .orElseGet(() -> new BPFException("load BPF object " + name + pins, errno, said));
  }

  /**
   * libbpf before 1.3 does not know the sections of TCX programs; they are ordinary TC programs.
   */
  private void setTypesUnknownToLibbpf() {
    for (MemorySegment program : programs()) {
      if (LibC.text(LibBPF.programSectionName(program)).startsWith("tcx/")) {
        checked(
            "set the type of " + LibC.text(LibBPF.programName(program)),
            LibBPF.programSetType(program, PROG_TYPE_SCHED_CLS));
      }
    }
  }

  private static void store(MemorySegment section, BTFLayout.Variable variable, long value) {
    int bits = Math.toIntExact(variable.size() * Byte.SIZE);
    boolean fits = bits == Long.SIZE || (value >= -(1L << (bits - 1)) && value <= (1L << bits) - 1);
    if (!fits) {
      throw new IllegalArgumentException(
          value + " does not fit constant " + variable.name() + " of " + bits + " bits");
    }
    long offset = variable.offset();
    switch (bits) {
      case Byte.SIZE -> section.set(JAVA_BYTE, offset, (byte) value);
      case Short.SIZE -> section.set(JAVA_SHORT_UNALIGNED, offset, (short) value);
      case Integer.SIZE -> section.set(JAVA_INT_UNALIGNED, offset, (int) value);
      case Long.SIZE -> section.set(JAVA_LONG_UNALIGNED, offset, value);
      default ->
          throw new IllegalArgumentException(
              "constant " + variable.name() + " has " + variable.size() + " bytes");
    }
  }

  private MemorySegment map(String map) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment found = LibBPF.objectFindMap(object(), call.allocateFrom(map));
      return present("map", map, found);
    }
  }

  private MemorySegment program(String program) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment found = LibBPF.objectFindProgram(object(), call.allocateFrom(program));
      return present("program", program, found);
    }
  }

  private MemorySegment present(String kind, String what, MemorySegment found) {
    if (found.address() == 0) {
      throw failed(new IllegalArgumentException("no " + kind + " " + what + " in " + name));
    }
    return found;
  }

  private List<MemorySegment> maps() {
    return all(previous -> LibBPF.objectNextMap(object(), previous));
  }

  private List<MemorySegment> programs() {
    return all(previous -> LibBPF.objectNextProgram(object(), previous));
  }

  /** Has a setting count in the fingerprint of what is loaded. */
  private void note(String kind, String what, long value) {
    settings.update("%s %s %d;".formatted(kind, what, value).getBytes(UTF_8));
  }

  private static List<MemorySegment> all(UnaryOperator<MemorySegment> next) {
    List<MemorySegment> found = new ArrayList<>();
    for (MemorySegment one = next.apply(MemorySegment.NULL);
        one.address() != 0;
        one = next.apply(one)) {
      found.add(one);
    }
    return found;
  }

  private BPFLoader checked(String attempted, int result) {
    if (result < 0) {
      throw failed(new BPFException(attempted + " of " + name, -result, LibBPFMessages.take()));
    }
    return this;
  }

  private MemorySegment object() {
    if (object.address() == 0) {
      throw new IllegalStateException(name + " has been loaded or given up");
    }
    return object;
  }

  private <E extends RuntimeException> E failed(E failure) {
    close();
    return failure;
  }
}
