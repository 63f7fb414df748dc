package org.kerbykv.server.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BTFLayout;

/** One of the doors to a store, for one thread, driven through test runs. */
public sealed interface TestDoor extends AutoCloseable {
  /** Returns whether the value was stored; empty if this door left that to another. */
  Optional<Boolean> set(String key, String value);

  /** Returns the value, or "" for a miss; empty if this door left that to another. */
  Optional<String> get(String key);

  /** Returns whether there was one to delete; empty if this door left that to another. */
  Optional<Boolean> delete(String key);

  @Override
  void close();

  /** A door for packets: XDP or TC. */
  final class Packets implements TestDoor {
    private static final int FRAME_ROOM = 2048;

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment frame = arena.allocate(FRAME_ROOM);
    private final BPFTestRun run;
    private final int replies;

    /**
     * @param program kv_xdp or kv_tc
     * @param replies the return value that means a reply
     */
    public Packets(KernelDoors doors, String program, int replies) {
      this.run = doors.program().testRun(program);
      this.replies = replies;
    }

    @Override
    public Optional<Boolean> set(String key, String value) {
      return exchange("set %s 0 0 %d\r\n%s\r\n".formatted(key, value.length(), value))
          .map("STORED\r\n"::equals);
    }

    @Override
    public Optional<String> get(String key) {
      return exchange("get " + key + "\r\n").map(reply -> value(key, reply));
    }

    @Override
    public Optional<Boolean> delete(String key) {
      return exchange("delete " + key + "\r\n").map("DELETED\r\n"::equals);
    }

    @Override
    public void close() {
      run.close();
      arena.close();
    }

    private Optional<String> exchange(String text) {
      byte[] request = RequestFrame.of(text.getBytes(ISO_8859_1));
      MemorySegment.copy(request, 0, frame, JAVA_BYTE, 0, request.length);
      BPFTestRun.Result result = run.run(frame.asSlice(0, request.length), 1);
      byte[] out = result.data();
      if (result.retval() != replies) {
        if (!Arrays.equals(request, out)) {
          throw new AssertionError("a frame that went up was changed: " + text);
        }
        return Optional.empty();
      }
      return Optional.of(
          new String(out, RequestFrame.TEXT, out.length - RequestFrame.TEXT, ISO_8859_1));
    }

    private static String value(String key, String reply) {
      if (reply.equals("END\r\n")) {
        return "";
      }
      int line = reply.indexOf("\r\n");
      String[] words = reply.substring(0, line).split(" ", -1);
      int length = Integer.parseInt(words[3]);
      if (!words[0].equals("VALUE")
          || !words[1].equals(key)
          || reply.length() != line + 2 + length + "\r\nEND\r\n".length()) {
        throw new AssertionError("not a reply to get " + key + ": " + reply);
      }
      return reply.substring(line + 2, line + 2 + length);
    }
  }

  /** User space's door, on a slot of its own. */
  final class Slots implements TestDoor {
    private static final BTFLayout LAYOUT = BTFLayout.read(BPFLoader.class, KernelDoors.RESOURCE);
    private static final BTFLayout.Struct SLOT = LAYOUT.struct("kv_slot");

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment context = arena.allocate(8, 4);
    private final MemorySegment slot;
    private final BPFTestRun run;
    private long lastCas;

    Slots(KernelDoors doors, int index) {
      this.slot = doors.program().mmap("kv_slots").asSlice(index * SLOT.size(), SLOT.size());
      this.run = doors.program().testRun("kv_door");
      context.set(JAVA_INT, 0, index);
      context.set(JAVA_INT, 4, 1);
    }

    /** Returns the version that the last operation found or wrote. */
    long lastCas() {
      return lastCas;
    }

    @Override
    public Optional<Boolean> set(String key, String value) {
      slot.set(JAVA_BYTE, at("tier"), (byte) KvEntry.TIER_KERNEL);
      slot.set(JAVA_INT, at("value_len"), value.length());
      slot.set(JAVA_INT, at("flags"), 0);
      slot.set(JAVA_INT, at("exptime"), 0);
      put(value, at("value"));
      return execute("KV_SLOT_SET", key) == status("KV_OK") ? Optional.of(true) : Optional.empty();
    }

    @Override
    public Optional<String> get(String key) {
      int status = execute("KV_SLOT_GET", key);
      if (status == status("KV_MISS")) {
        return Optional.of("");
      }
      if (status != status("KV_OK")) {
        return Optional.empty();
      }
      byte[] value = new byte[slot.get(JAVA_INT, at("value_len"))];
      MemorySegment.copy(slot, JAVA_BYTE, at("value"), value, 0, value.length);
      return Optional.of(new String(value, ISO_8859_1));
    }

    @Override
    public Optional<Boolean> delete(String key) {
      int status = execute("KV_SLOT_DELETE", key);
      if (status == status("KV_OK")) {
        return Optional.of(true);
      }
      return status == status("KV_MISS") ? Optional.of(false) : Optional.empty();
    }

    @Override
    public void close() {
      run.close();
      arena.close();
    }

    private int execute(String operation, String key) {
      slot.set(JAVA_BYTE, at("op"), (byte) LAYOUT.enumerator(operation));
      slot.set(JAVA_BYTE, at("cond"), (byte) 0);
      slot.set(JAVA_BYTE, at("key_len"), (byte) key.length());
      put(key, at("key"));
      int done = run.run(context);
      if (done != 1) {
        throw new AssertionError("kv_door returned " + done);
      }
      lastCas = slot.get(JAVA_LONG, at("cas"));
      return slot.get(JAVA_INT, at("status"));
    }

    private void put(String text, long offset) {
      byte[] bytes = text.getBytes(ISO_8859_1);
      MemorySegment.copy(bytes, 0, slot, JAVA_BYTE, offset, bytes.length);
    }

    private static long at(String member) {
      return SLOT.member(member).offset();
    }

    private static long status(String name) {
      return LAYOUT.enumerator(name);
    }
  }
}
