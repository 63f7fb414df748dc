package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A loaded object: its programs, by name, and its maps. Usable from any thread, except {@link
 * #close()}, which nothing may overlap.
 *
 * <p>Closing it closes all that was got from it: links (which detaches what is not pinned), ring
 * buffers, test runs, maps and mapped memory. What is pinned stays in the kernel.
 */
public final class BPFProgram implements BPFMaps {
  private final String name;
  private final MemorySegment object;

  /** Programs that were loaded by another process, by name: descriptors of its own. */
  private final Map<String, Integer> adopted;

  private final Arena arena = Arena.ofShared();
  private final Map<String, MapHandle> maps = new ConcurrentHashMap<>();
  private final Set<OwnedByProgram> owned = ConcurrentHashMap.newKeySet();

  /** Takes over a loaded struct bpf_object, and descriptors of programs in place of its own. */
  BPFProgram(String name, MemorySegment object, Map<String, Integer> adopted) {
    this.name = name;
    this.object = object;
    this.adopted = Map.copyOf(adopted);
  }

  /** Loads an object as it is: {@link BPFLoader#open} and {@link BPFLoader#load} in one. */
  public static BPFProgram load(Class<?> anchor, String resource) {
    return BPFLoader.open(anchor, resource).load();
  }

  @Override
  public <K, V> BPFHashMap<K, V> getHashMap(String map, BPFType<K> keyType, BPFType<V> valueType) {
    return new BPFHashMap<>(handle(map), keyType, valueType);
  }

  @Override
  public <V> BPFArray<V> getArray(String map, BPFType<V> valueType) {
    return new BPFArray<>(handle(map), valueType);
  }

  @Override
  public <V> BPFPerCpuArray<V> getPerCpuArray(String map, BPFType<V> valueType) {
    return new BPFPerCpuArray<>(handle(map), valueType);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Global data goes by the name of its section: ".bss", ".data", ".rodata" (which is
   * read-only); see {@link BTFLayout#variable} for where in it a variable is.
   */
  @Override
  public int valueSize(String name) {
    return handle(name).info().valueSize();
  }

  @Override
  public MemorySegment mmap(String map) {
    return handle(map).mmap(arena);
  }

  /** An array of queue maps. */
  public BPFArrayOfQueues getArrayOfQueues(String map) {
    return new BPFArrayOfQueues(handle(map));
  }

  /**
   * The reading end of a ring buffer.
   *
   * @param callback takes the records, on the thread that polls
   */
  public BPFRingBuffer getRingBuffer(String map, BPFRingBuffer.Callback callback) {
    return new BPFRingBuffer(this, handle(map), callback);
  }

  /**
   * Attaches an XDP program to an interface of the calling thread's network namespace.
   *
   * @param mode with {@link XdpMode#AUTO}, {@link BPFLink#xdpMode} tells which it became
   * @throws BPFException EBUSY or EEXIST if the interface has an XDP program already, which the
   *     message names; EINVAL if there is no such interface, which the message says; EOPNOTSUPP and
   *     others if the driver cannot do it in that mode
   */
  public BPFLink xdpAttach(String program, int ifindex, XdpMode mode) {
    return BPFLink.attachXdp(this, program, ifindex, mode);
  }

  /**
   * Attaches a TC program to the ingress of an interface of the calling thread's network namespace:
   * by a TCX link, behind those that are there; on kernels before 6.6 by a clsact filter, which
   * close removes as well, but which stays if the process is killed.
   */
  public BPFLink tcAttach(String program, int ifindex) {
    return BPFLink.attachTc(this, program, ifindex);
  }

  /**
   * Has tail calls through an element of a BPF_MAP_TYPE_PROG_ARRAY go to a program.
   *
   * @param target whose program it is, this or another; the array keeps the program loaded
   * @throws BPFException EINVAL if a program of that type cannot be called from those that use the
   *     array
   */
  public void tailCall(String map, int index, BPFProgram target, String program) {
    MapHandle array = handle(map);
    array.requireType("a program array", MapHandle.TYPE_PROG_ARRAY);
    try (Arena call = Arena.ofConfined()) {
      int result =
          BPFCalls.mapUpdate(
              array.fd(),
              call.allocateFrom(JAVA_INT, index),
              call.allocateFrom(JAVA_INT, target.programFd(program)),
              MapHandle.ANY);
      if (result < 0) {
        throw new BPFException("put program " + program + " into map " + map, -result);
      }
    }
  }

  /**
   * Attaches a TC program to the egress of an interface of the calling thread's network namespace,
   * by a TCX link, behind those that are there.
   *
   * @throws BPFException EINVAL on kernels before 6.6, which have no such links
   */
  public BPFLink tcAttachEgress(String program, int ifindex) {
    return BPFLink.attachTcEgress(this, program, ifindex);
  }

  /** A runner of a program, for one thread. */
  public BPFTestRun testRun(String program) {
    return new BPFTestRun(this, program);
  }

  /** How many instructions the verifier went through for a program, over all paths. */
  public int verifiedInstructions(String program) {
    return info(program).verifiedInstructions();
  }

  /** The kernel's id of a program, the one that {@code bpftool prog} shows. */
  public int programId(String program) {
    return info(program).id();
  }

  /**
   * Pins a program: it stays loaded until the file is removed.
   *
   * @param file to be created, in a mounted BPF file system
   */
  public void pin(String program, Path file) {
    Pins.pin(programFd(program), "program " + program, file);
  }

  /** Closes all that was got from it and unloads what nothing else holds. Twice is fine. */
  @Override
  public void close() {
    if (!arena.scope().isAlive()) {
      return;
    }
    List.copyOf(owned).forEach(OwnedByProgram::close);
    arena.close();
    LibBPF.objectClose(object);
    adopted.values().forEach(LibC::close);
  }

  /** The descriptor of a loaded program, which lives as long as this object. */
  int programFd(String program) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment found = LibBPF.objectFindProgram(open(), call.allocateFrom(program));
      if (found.address() == 0) {
        throw new IllegalArgumentException("no program " + program + " in " + name);
      }
      Integer adoptedFd = adopted.get(program);
      int fd = adoptedFd == null ? LibBPF.programFd(found) : adoptedFd;
      if (fd < 0) {
        throw new IllegalArgumentException("program " + program + " was not loaded");
      }
      return fd;
    }
  }

  /** Closes {@code one} with this object. */
  void own(OwnedByProgram one) {
    owned.add(one);
  }

  void disown(OwnedByProgram one) {
    owned.remove(one);
  }

  private ObjectInfo.ProgramInfo info(String program) {
    return ObjectInfo.program(programFd(program), "query program " + program);
  }

  private MapHandle handle(String map) {
    return maps.computeIfAbsent(map, this::openHandle);
  }

  private MapHandle openHandle(String map) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment found = LibBPF.objectFindMap(open(), call.allocateFrom(map));
      if (found.address() == 0) {
        throw new IllegalArgumentException("no map " + map + " in " + name);
      }
      return new MapHandle(LibBPF.mapFd(found), map, arena.scope());
    }
  }

  private MemorySegment open() {
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException(name + " has been closed");
    }
    return object;
  }
}
