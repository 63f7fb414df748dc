package org.kerbykv.loadgen.xdp;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.foreign.MemorySegment;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.workload.Random64;
import org.kerbykv.loadgen.workload.RequestStream;
import org.kerbykv.loadgen.workload.SyntheticWorkload;

/**
 * The requests of a load drawn ahead, for programs that cannot draw: the beginning of each thread's
 * stream, which the programs repeat, the keys' text, and the pattern that values are made of.
 */
final class RequestTable {
  private static final BTFLayout.Struct REQUEST = LoadPrograms.LAYOUT.struct("load_request");
  private static final BTFLayout.Struct KEY = LoadPrograms.LAYOUT.struct("load_key");
  private static final long REQUEST_BYTES = REQUEST.size();
  private static final long REQUEST_KEY = REQUEST.member("key").offset();
  private static final long REQUEST_VERSION = REQUEST.member("version").offset();
  private static final long REQUEST_VALUE_LEN = REQUEST.member("value_len").offset();
  private static final long REQUEST_GAP = REQUEST.member("gap").offset();
  private static final long KEY_LEN = KEY.member("len").offset();
  private static final long KEY_TEXT = KEY.member("text").offset();
  private static final int SET = 1 << LoadPrograms.number("LOAD_SET_BIT");
  private static final int GAP_ONE = 1 << LoadPrograms.number("LOAD_GAP_BITS");
  private static final int VALUE_MAX = LoadPrograms.number("LOAD_VALUE_MAX");
  private static final int LENGTH_MIN = 1 << 20;
  private static final int LENGTH_MAX = 1 << 22;

  /** Requests for each key, so that the rarer ones are in the stream as well. */
  private static final int PER_KEY = 4;

  /** Keeps the gaps' stream apart from the requests'. */
  private static final int GAPS_STREAM = 1 << 20;

  private final LoadSpec spec;
  private final SyntheticWorkload workload;
  private final int lanes;
  private final int length;

  RequestTable(LoadSpec spec, int lanes) throws LoadException {
    if (!(spec.workload() instanceof SyntheticWorkload synthetic)) {
      throw new LoadException("the xdp engine makes its own items; given ones are for sockets");
    }
    this.spec = spec;
    this.lanes = lanes;
    workload = synthetic;
    if (valueLengthMax() > VALUE_MAX) {
      throw new LoadException(
          "values of up to "
              + valueLengthMax()
              + " bytes do not fit one datagram, and the xdp engine takes no others");
    }
    long wanted = Math.clamp((long) PER_KEY * workload.keys(), LENGTH_MIN, LENGTH_MAX);
    length = (int) (Long.highestOneBit(wanted - 1) << 1);
  }

  /** Requests in the table: a power of two. */
  int length() {
    return length;
  }

  int keys() {
    return workload.keys();
  }

  int keyLengthMax() {
    return workload.keyLengthMax();
  }

  int valueLengthMax() {
    return workload.itemLengthMax() - workload.keyLengthMax();
  }

  /** Bytes from one key to the next: whole words, with one beyond the longest key. */
  int keyStride() {
    return Math.toIntExact((KEY.size() + keyLengthMax() + Long.BYTES + 7) & -Long.BYTES);
  }

  /** Fills the programs' tables. */
  void write(MemorySegment stream, MemorySegment keys, MemorySegment pattern) {
    double[] gaps = gaps();
    int perLane = length / Integer.highestOneBit(Math.max(1, 2 * lanes - 1));
    RequestStream requests = null;
    for (int i = 0; i < length; i++) {
      if (i % perLane == 0) {
        requests = new RequestStream(workload, spec.readRatio(), spec.seed(), i / perLane);
      }
      requests.next();
      write(stream, i * REQUEST_BYTES, requests, gaps[i]);
    }
    ByteBuf text = Unpooled.buffer(keyLengthMax());
    for (int key = 0; key < workload.keys(); key++) {
      long at = (long) key * keyStride();
      int keyLength = workload.writeKey(key, text.clear());
      keys.set(JAVA_INT, at + KEY_LEN, keyLength);
      MemorySegment.copy(text.array(), 0, keys, JAVA_BYTE, at + KEY_TEXT, keyLength);
    }
    for (long i = 0; i < pattern.byteSize(); i++) {
      pattern.set(JAVA_BYTE, i, SyntheticWorkload.patternByte((int) i));
    }
  }

  private void write(MemorySegment stream, long at, RequestStream request, double gap) {
    int valueLength = request.isSet() ? workload.valueLength(request.key(), request.version()) : 0;
    stream.set(JAVA_INT, at + REQUEST_KEY, request.key() | (request.isSet() ? SET : 0));
    stream.set(JAVA_INT, at + REQUEST_VERSION, request.version());
    stream.set(JAVA_INT, at + REQUEST_VALUE_LEN, valueLength);
    stream.set(JAVA_INT, at + REQUEST_GAP, (int) Math.round(gap * GAP_ONE));
  }

  /** A gap for each request; their mean is 1. */
  private double[] gaps() {
    double[] gaps = new double[length];
    Random64 random = Random64.split(spec.seed(), GAPS_STREAM);
    double sum = 0;
    for (int i = 0; i < length; i++) {
      gaps[i] =
          switch (spec.arrivals()) {
            case Arrivals.Closed _ -> 1;
            case Arrivals.Open open -> open.gaps().next(random);
          };
      sum += gaps[i];
    }
    for (int i = 0; i < length; i++) {
      gaps[i] *= length / sum;
    }
    return gaps;
  }
}
