package org.kerbykv.loadgen.baseline;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicLong;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFRingBuffer;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BTFLayout;

/**
 * Stores in memcached, over TCP, what DINT-KV's programs evict, and tells them when it is there; in
 * the order in which they evicted it. For one thread, but for {@link #stored}.
 */
final class WriteBack implements AutoCloseable {
  /** So many are under way at once; as a test run's packet has room for. */
  private static final int BATCH = 128;

  private static final int BUFFER_BYTES = 1 << 18;
  private static final int POLL_MILLIS = 100;

  private final BTFLayout.Struct evicted;
  private final BTFLayout.Struct written;
  private final Socket socket;
  private final OutputStream out;
  private final InputStream in;
  private final BPFRingBuffer ring;
  private final BPFTestRun over;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment done;
  private int pending;
  private final AtomicLong stored = new AtomicLong();

  /**
   * Connects to memcached.
   *
   * @param programs a dint_kv object, loaded
   */
  WriteBack(BPFProgram programs, BTFLayout layout, String host, int port) throws IOException {
    evicted = layout.struct("dint_evicted");
    written = layout.struct("dint_written");
    done = arena.allocate(BATCH * written.size(), Integer.BYTES);
    over = programs.testRun("dint_written");
    ring = programs.getRingBuffer("dint_evicted", this::send);
    socket = new Socket(host, port);
    socket.setTcpNoDelay(true);
    out = new BufferedOutputStream(socket.getOutputStream(), BUFFER_BYTES);
    in = new BufferedInputStream(socket.getInputStream());
  }

  /** How many items have been stored in memcached. Usable from any thread. */
  long stored() {
    return stored.get();
  }

  /**
   * Waits some time for evictions, and stores what there are.
   *
   * @throws IOException if memcached is gone
   */
  void poll() throws IOException {
    try {
      ring.poll(POLL_MILLIS);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    finish();
  }

  private void send(MemorySegment record) {
    int keyLength = get(record, "key_len");
    int valueLength = get(record, "value_len");
    int keyRoom = (int) evicted.member("key").size();
    byte[] key = new byte[keyLength];
    long keyAt = evicted.member("key").offset();
    long valueAt = evicted.member("data").offset();
    int first = Math.min(keyLength, keyRoom);
    MemorySegment.copy(record, JAVA_BYTE, keyAt, key, 0, first);
    // The rest of a long key is behind the value, on the next boundary of 8 bytes.
    long restAt = valueAt + ((valueLength + 7L) & ~7L);
    MemorySegment.copy(record, JAVA_BYTE, restAt, key, first, keyLength - first);
    try {
      out.write("set ".getBytes(US_ASCII));
      out.write(key);
      String flags = Integer.toUnsignedString(get(record, "flags"));
      out.write((" " + flags + " 0 " + valueLength + "\r\n").getBytes(US_ASCII));
      out.write(record.asSlice(valueAt, valueLength).toArray(JAVA_BYTE));
      out.write("\r\n".getBytes(US_ASCII));
      for (String member : new String[] {"bucket", "way", "version"}) {
        set(pending, member, get(record, member));
      }
      if (++pending == BATCH) {
        finish();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits for memcached's answers to all that is under way, and hands them on. */
  private void finish() throws IOException {
    if (pending == 0) {
      return;
    }
    out.flush();
    int good = 0;
    for (int i = 0; i < pending; i++) {
      boolean isStored = isStored();
      set(i, "is_stored", isStored ? 1 : 0);
      good += isStored ? 1 : 0;
    }
    over.run(done.asSlice(0, pending * written.size()), 1);
    stored.addAndGet(good);
    pending = 0;
  }

  /** Reads a line. */
  private boolean isStored() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("memcached has closed the connection");
      }
      line.append((char) next);
    }
    return "STORED\r".contentEquals(line);
  }

  private int get(MemorySegment record, String member) {
    return record.get(JAVA_INT, evicted.member(member).offset());
  }

  private void set(int index, String member, int value) {
    done.set(JAVA_INT, index * written.size() + written.member(member).offset(), value);
  }

  @Override
  public void close() throws IOException {
    socket.close();
    arena.close();
  }
}
