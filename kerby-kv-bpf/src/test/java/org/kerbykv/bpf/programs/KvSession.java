package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.SkBuff;
import org.kerbykv.bpf.XdpMd;

/** All three doors of a store, for one thread. */
final class KvSession {
  private static final int SK_BUFF_GSO_SIZE = 176; // of struct __sk_buff

  private final KvSlot slot;
  private final BPFTestRun userDoor;
  private final Map<PacketDoor, BPFTestRun> packetDoors = new EnumMap<>(PacketDoor.class);
  private final MemorySegment doorArgs =
      Arena.ofAuto().allocate(KvAbi.DOOR_ARGS.size(), Long.BYTES);

  KvSession(BPFProgram program, KvSlot slot) {
    this.slot = slot;
    userDoor = program.testRun("kv_door");
    for (PacketDoor door : PacketDoor.values()) {
      packetDoors.put(door, program.testRun(door.program("kv")));
    }
  }

  /**
   * What became of a frame.
   *
   * @param frame as the program left it
   */
  record Outcome(PacketDoor.Verdict verdict, Frame frame) {}

  /** Lets a frame come in, with all the room that a test run has around it. */
  Outcome send(PacketDoor door, Frame frame) {
    try (Arena call = Arena.ofConfined()) {
      BPFTestRun.Result result =
          packetDoors.get(door).run(call.allocateFrom(JAVA_BYTE, frame.bytes()), 1);
      return new Outcome(door.verdict(result.retval()), frame.as(result.data()));
    }
  }

  /**
   * Lets the same frame come in again and again, as fast as it goes: one that the door takes or
   * passes on without a change.
   */
  void sendRepeatedly(PacketDoor door, Frame frame, int times) {
    try (Arena call = Arena.ofConfined()) {
      packetDoors.get(door).run(call.allocateFrom(JAVA_BYTE, frame.bytes()), times);
    }
  }

  /** Lets a frame come in by XDP, with metadata of {@code metadata} bytes taking room before it. */
  Outcome sendWithMetadata(int metadata, Frame frame) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment data = call.allocate(metadata + frame.length());
      MemorySegment.copy(frame.bytes(), 0, data, JAVA_BYTE, metadata, frame.length());
      MemorySegment context = XdpMd.allocate(call, (int) data.byteSize(), metadata, 0);
      BPFTestRun.Result result = packetDoors.get(PacketDoor.XDP).run(data, context, 1);
      return new Outcome(
          PacketDoor.XDP.verdict(result.retval()),
          frame.as(result.dataOut().asSlice(metadata).toArray(JAVA_BYTE)));
    }
  }

  /** Lets a packet come in by TC that stands for several datagrams of {@code gsoSize} bytes. */
  Outcome sendWithGso(int gsoSize, Frame frame) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment context = SkBuff.allocate(call, 0);
      context.set(JAVA_INT, SK_BUFF_GSO_SIZE, gsoSize);
      BPFTestRun.Result result =
          packetDoors
              .get(PacketDoor.TC)
              .run(call.allocateFrom(JAVA_BYTE, frame.bytes()), context, 1);
      return new Outcome(PacketDoor.TC.verdict(result.retval()), frame.as(result.data()));
    }
  }

  /** The slot that is this session's own. */
  KvSlot slot() {
    return slot;
  }

  /** Handles one slot, which the caller has filled. */
  KvAbi.Status run(KvSlot filled) {
    int handled = runDoor(filled.index(), 1);
    if (handled != 1) {
      throw new AssertionError("kv_door returned " + handled + " for one slot");
    }
    return filled.status();
  }

  /** Handles the slots from {@code first} on; returns what the program returned. */
  int runDoor(int first, int count) {
    doorArgs.set(JAVA_INT, KvAbi.DOOR_ARGS.member("first").offset(), first);
    doorArgs.set(JAVA_INT, KvAbi.DOOR_ARGS.member("count").offset(), count);
    return userDoor.run(doorArgs);
  }
}
