package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * The reading end of a BPF_MAP_TYPE_RINGBUF map. Records come in the order in which programs
 * reserved them. Usable from any thread, by one at a time: calls wait for each other.
 */
public final class BPFRingBuffer implements OwnedByProgram {
  private static final FunctionDescriptor SAMPLE_FUNCTION =
      FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG); // ring_buffer_sample_fn

  private final BPFProgram owner;
  private final String name;
  private final Callback callback;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment ringBuffer;
  private Throwable thrown;
  private boolean closed;

  BPFRingBuffer(BPFProgram owner, MapHandle map, Callback callback) {
    map.requireType("a ring buffer", MapHandle.TYPE_RINGBUF);
    this.owner = owner;
    this.name = map.name();
    this.callback = callback;
    MemorySegment capture = NativeLibrary.errnoCapture(arena);
    LibBPFMessages.clear();
    this.ringBuffer =
        LibBPF.ringBufferNew(
            capture, map.fd(), sampleFunction(), MemorySegment.NULL, MemorySegment.NULL);
    if (ringBuffer.address() == 0) {
      int errno = NativeLibrary.errno(capture);
      arena.close();
      throw new BPFException("open ring buffer " + name, errno, LibBPFMessages.take());
    }
    owner.own(this);
  }

  /** Takes the records, on the thread that polls. */
  @FunctionalInterface
  public interface Callback {
    /**
     * Called for each record. An exception ends the poll, which throws it; that record counts as
     * handled, and the next poll goes on after it.
     *
     * @param record valid during the call only; its size is what the program reserved, in bytes
     */
    void onRecord(MemorySegment record);
  }

  /**
   * Waits until there are records or the time is over, and hands over all there are.
   *
   * @param timeoutMillis 0 not to wait, -1 to wait without limit
   * @return the number of records; 0 as well if a signal interrupted the wait
   */
  public synchronized int poll(int timeoutMillis) {
    requireOpen();
    return finish(LibBPF.ringBufferPoll(ringBuffer, timeoutMillis));
  }

  /** Hands over all records there are, also those that programs committed without a wakeup. */
  public synchronized int consume() {
    requireOpen();
    return finish(LibBPF.ringBufferConsume(ringBuffer));
  }

  /** Waits for a poll in progress to end. Records not handed over stay in the map. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      owner.disown(this);
      LibBPF.ringBufferFree(ringBuffer);
      arena.close();
    }
  }

  private int finish(int result) {
    Throwable escaped = thrown;
    thrown = null;
    switch (escaped) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new AssertionError("a checked exception out of a callback", escaped);
    }
    if (result == -Errno.EINTR) {
      return 0;
    }
    if (result < 0) {
      throw new BPFException("poll ring buffer " + name, -result);
    }
    return result;
  }

  /** Called by libbpf. Nothing may escape: an exception out of an upcall ends the JVM. */
  @SuppressWarnings({"UnusedMethod", "UnusedVariable"}) // found by name below
  private int onSample(MemorySegment context, MemorySegment data, long size) {
    try {
      callback.onRecord(data.reinterpret(size));
      return 0;
    } catch (Throwable e) {
      thrown = e;
      return -Errno.ECANCELED; // makes libbpf stop behind this record
    }
  }

  private MemorySegment sampleFunction() {
    try {
      MethodHandle onSample =
          MethodHandles.lookup()
              .findVirtual(
                  BPFRingBuffer.class,
                  "onSample",
                  MethodType.methodType(
                      int.class, MemorySegment.class, MemorySegment.class, long.class));
      return NativeLibrary.upcall(onSample.bindTo(this), SAMPLE_FUNCTION, arena);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("ring buffer " + name + " has been closed");
    }
  }
}
