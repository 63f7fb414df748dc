package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.Map;
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
