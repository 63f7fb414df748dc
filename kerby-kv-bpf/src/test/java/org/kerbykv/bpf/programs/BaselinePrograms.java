package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongToIntFunction;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;

/**
 * A loaded object of a system to compare with: PREFIX_xdp and PREFIX_tc for requests, PREFIX_egress
 * for the replies of the memcached behind them.
 */
final class BaselinePrograms implements AutoCloseable {
  private static final int TC_ACT_UNSPEC = -1;

  private final BPFProgram program;
  private final Map<PacketDoor, BPFTestRun> doors = new EnumMap<>(PacketDoor.class);
  private final BPFTestRun egress;

  BaselinePrograms(BPFProgram program, String prefix) {
    this.program = program;
    doors.put(PacketDoor.XDP, program.testRun(prefix + "_xdp"));
    doors.put(PacketDoor.TC, program.testRun(prefix + "_tc"));
    egress = program.testRun(prefix + "_egress");
  }

  /** Two keys of 8 bytes that have a part of their hashes in common. */
  static List<String> keysOfOneHash(LongToIntFunction part) {
    Map<Integer, String> seen = new HashMap<>();
    for (int i = 0; i < 1_000_000; i++) {
      String key = "%08d".formatted(i);
      long word = ByteBuffer.wrap(key.getBytes(US_ASCII)).order(LITTLE_ENDIAN).getLong();
      long hash = mix(mix(mix(0, word), 0), 0x2545f4914f6cdd1dL);
      String other = seen.put(part.applyAsInt(hash), key);
      if (other != null) {
        return List.of(other, key);
      }
    }
    throw new AssertionError("no such keys");
  }

  /** mc_mix of mc.h. */
  private static long mix(long hash, long word) {
    long mixed = (hash ^ word) * 0x9e3779b97f4a7c15L;
    return mixed ^ (mixed >>> 32);
  }

  /** Lets a request come in. */
  KvSession.Outcome send(PacketDoor door, Frame frame) {
    try (Arena call = Arena.ofConfined()) {
      BPFTestRun.Result result =
          doors.get(door).run(call.allocateFrom(JAVA_BYTE, frame.bytes()), 1);
      return new KvSession.Outcome(door.verdict(result.retval()), frame.as(result.data()));
    }
  }

  /** Lets a reply of memcached's go out. Returns whether it did. */
  boolean goesOut(Frame frame) {
    try (Arena call = Arena.ofConfined()) {
      BPFTestRun.Result result = egress.run(call.allocateFrom(JAVA_BYTE, frame.bytes()), 1);
      if (!frame.as(result.data()).equals(frame)) {
        throw new AssertionError("a reply of memcached's was changed");
      }
      return result.retval() == TC_ACT_UNSPEC;
    }
  }

  @Override
  public void close() {
    program.close();
  }
}
