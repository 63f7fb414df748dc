package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.programs.LockAbi.SlotOp;
import org.kerbykv.bpf.programs.LockAbi.SlotStatus;

/** All three doors of a lock manager, for one thread. */
final class LockSession {
  private static final long STRIDE = (LockAbi.SLOT.size() + 7) / 8 * 8;

  private final int first;
  private final MemorySegment slots;
  private final BPFTestRun userDoor;
  private final Map<PacketDoor, BPFTestRun> packetDoors = new EnumMap<>(PacketDoor.class);
  private final MemorySegment doorArgs =
      Arena.ofAuto().allocate(LockAbi.DOOR_ARGS.size(), Long.BYTES);
  private final MemorySegment packet = Arena.ofAuto().allocate(256);

  /**
   * What another client is told.
   *
   * @param host the client's, as in {@link LockFrame#request}
   */
  record Notice(LockMessage message, int host) {
    static Notice read(MemorySegment notice) {
      MemorySegment message =
          notice.asSlice(LockAbi.NOTICE.member("message").offset(), LockMessage.BYTES);
      long port = LockAbi.NOTICE.member("flow").offset() + flow("sport");
      return new Notice(
          LockMessage.read(message.toArray(JAVA_BYTE)),
          Short.toUnsignedInt(Short.reverseBytes(notice.get(JAVA_SHORT, port)))
              - Frame.CLIENT_PORT);
    }
  }

  /** What became of a frame. */
  record Outcome(PacketDoor.Verdict verdict, Frame frame) {}

  /**
   * What user space's door made of a slot.
   *
   * @param reply of a message; null if it was not done
   * @param due of a sweep
   */
  record Served(SlotStatus status, LockMessage reply, List<Notice> notices, long due) {}

  LockSession(BPFProgram program, int first, MemorySegment slots) {
    this.first = first;
    this.slots = slots;
    userDoor = program.testRun("lock_door");
    for (PacketDoor door : PacketDoor.values()) {
      packetDoors.put(door, program.testRun(door.program("lock")));
    }
  }

  /** Lets a frame come in. */
  Outcome send(PacketDoor door, Frame frame) {
    byte[] bytes = frame.bytes();
    MemorySegment.copy(bytes, 0, packet, JAVA_BYTE, 0, bytes.length);
    BPFTestRun.Result result = packetDoors.get(door).run(packet.asSlice(0, bytes.length), 1);
    return new Outcome(door.verdict(result.retval()), frame.as(result.data()));
  }

  /** Lets a message in by user space's door, from host number {@code host}. */
  Served serve(int host, LockMessage message) {
    return run(fill(0, host, message));
  }

  /** Lets up to {@link LockAbi#BATCH_MAX} messages in at once, each from the host of its client. */
  List<Served> serve(List<LockMessage> messages) {
    List<MemorySegment> filled = new ArrayList<>();
    for (LockMessage message : messages) {
      filled.add(fill(filled.size(), (int) message.client(), message));
    }
    runDoor(filled.size());
    return filled.stream().map(LockSession::served).toList();
  }

  private MemorySegment fill(int number, int host, LockMessage message) {
    MemorySegment slot = slot(number, SlotOp.MESSAGE);
    MemorySegment.copy(message.bytes(), 0, slot, JAVA_BYTE, slot("message"), LockMessage.BYTES);
    long flow = slot("flow");
    slot.asSlice(flow, LockAbi.FLOW.size()).fill((byte) 0);
    slot.set(JAVA_INT, flow + flow("src"), KvAbi.networkOrder(Frame.CLIENT_IP + host));
    slot.set(
        JAVA_SHORT, flow + flow("sport"), Short.reverseBytes((short) (Frame.CLIENT_PORT + host)));
    slot.set(JAVA_INT, slot("ifindex"), 0);
    return slot;
  }

  /** Does what is due at a lock. */
  Served sweep(long lock) {
    return number(SlotOp.SWEEP, lock, 0);
  }

  /** Does what is due at a lock, and removes it if nobody needs it then. */
  Served reapLock(long lock) {
    return reapLock(lock, false);
  }

  /**
   * The same.
   *
   * @param onlyIdle removes it only if nobody has needed it since it was last found idle
   */
  Served reapLock(long lock, boolean onlyIdle) {
    return number(SlotOp.REAP_LOCK, lock, onlyIdle ? 1 : 0);
  }

  /** Removes a client if it was not heard of since that time. */
  SlotStatus reapClient(long client, long since) {
    return number(SlotOp.REAP_CLIENT, client, since).status();
  }

  /** Runs a slot with an operation of that number. */
  SlotStatus unknown(int op) {
    MemorySegment slot = slot(0, SlotOp.NOP);
    slot.set(JAVA_INT, slot("op"), op);
    return run(slot).status();
  }

  private Served number(SlotOp op, long number, long since) {
    MemorySegment slot = slot(0, op);
    slot.set(JAVA_LONG, slot("number"), number);
    slot.set(JAVA_LONG, slot("since"), since);
    return run(slot);
  }

  /** A slot of this session, with all that the program writes spoiled. */
  private MemorySegment slot(int number, SlotOp op) {
    MemorySegment slot = slots.asSlice(number * STRIDE, STRIDE);
    slot.asSlice(slot("notices"), STRIDE - slot("notices")).fill((byte) 0xa5);
    slot.set(JAVA_INT, slot("op"), KvAbi.number(op));
    slot.set(JAVA_INT, slot("status"), -1);
    return slot;
  }

  private Served run(MemorySegment slot) {
    runDoor(1);
    return served(slot);
  }

  private void runDoor(int count) {
    doorArgs.set(JAVA_INT, LockAbi.DOOR_ARGS.member("first").offset(), first);
    doorArgs.set(JAVA_INT, LockAbi.DOOR_ARGS.member("count").offset(), count);
    int handled = userDoor.run(doorArgs);
    if (handled != count) {
      throw new AssertionError("lock_door returned " + handled + " for " + count);
    }
  }

  private static Served served(MemorySegment slot) {
    SlotStatus status = LockAbi.constant(SlotStatus.values(), slot.get(JAVA_INT, slot("status")));
    boolean message = slot.get(JAVA_INT, slot("op")) == KvAbi.number(SlotOp.MESSAGE);
    return new Served(
        status,
        message && status == SlotStatus.DONE ? reply(slot) : null,
        status == SlotStatus.UNKNOWN ? List.of() : notices(slot),
        slot.get(JAVA_LONG, slot("due")));
  }

  private static LockMessage reply(MemorySegment slot) {
    MemorySegment message = slot.asSlice(slot("message"), LockMessage.BYTES);
    return LockMessage.read(message.toArray(JAVA_BYTE));
  }

  private static List<Notice> notices(MemorySegment slot) {
    List<Notice> notices = new ArrayList<>();
    for (int i = 0; i < slot.get(JAVA_INT, slot("notices")); i++) {
      long at = slot("notice") + i * LockAbi.NOTICE.size();
      notices.add(Notice.read(slot.asSlice(at, LockAbi.NOTICE.size())));
    }
    return notices;
  }

  private static long slot(String member) {
    return LockAbi.SLOT.member(member).offset();
  }

  private static long flow(String member) {
    return LockAbi.FLOW.member(member).offset();
  }
}
