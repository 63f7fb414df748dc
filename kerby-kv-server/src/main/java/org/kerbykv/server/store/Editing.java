package org.kerbykv.server.store;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The course of APPEND, PREPEND, INCR and DECR: a GET, then a SET under the condition that the
 * version read is still there; else round again. What is not the value stays as it is then, so that
 * a touch between the two is not lost.
 */
final class Editing implements Course {
  private static final int DIGITS_MAX = 20;

  /** memcached keeps a larger item in several pieces, and does not count in it. */
  private static final int NUMBER_ITEM_MAX = 512 << 10;

  private final StoreDoor door;
  private final Values values;
  private final int itemSizeMax;
  private final byte[] scratch = new byte[KvSlot.VALUE_MAX];
  private final AsciiNumber parsed = new AsciiNumber();

  Editing(StoreDoor door, Values values, int itemSizeMax) {
    this.door = door;
    this.values = values;
    this.itemSizeMax = itemSizeMax;
  }

  @Override
  public void start(Request request) {
    request.phase = Request.Phase.FIRST;
    door.request(request.slot, KvSlot.GET, KvSlot.IF_ANY);
    door.setByte(request.slot, KvSlot.KEEP, KvSlot.KEEP_ACCESS);
  }

  @Override
  public Outcome advance(Request request, int status) {
    return switch (request.phase) {
      case FIRST -> isArithmetic(request) ? count(request, status) : extend(request, status);
      case CHANGING, CREATING, REMOVING -> afterStoring(request, status);
    };
  }

  private static boolean isArithmetic(Request request) {
    return request.operation == Operation.INCR || request.operation == Operation.DECR;
  }

  private Outcome afterStoring(Request request, int status) {
    boolean arithmetic = isArithmetic(request);
    return switch (status) {
      case KvSlot.OK -> {
        if (!arithmetic) {
          yield Outcome.STORED;
        }
        yield request.phase == Request.Phase.CREATING ? Outcome.CREATED : Outcome.COUNTED;
      }
      case KvSlot.NOSPC -> arithmetic ? Outcome.NO_MEMORY : Outcome.NOT_STORED;
      case KvSlot.EXISTS, KvSlot.MISS -> {
        start(request);
        yield null;
      }
      default -> throw new IllegalStateException("status " + status);
    };
  }

  private Outcome extend(Request request, int status) {
    if (status != KvSlot.OK) {
      return Outcome.NOT_STORED;
    }
    int slot = request.slot;
    request.found(door);
    if (isOtherCas(request)) {
      return end(request, Outcome.EXISTS);
    }
    long length = (long) door.getInt(slot, KvSlot.VALUE_LEN) + request.operandLength;
    int flags = door.getInt(slot, KvSlot.FLAGS);
    startReplacing(request, false);
    if (!ItemSize.fits(door.keyLength(slot), flags, length, itemSizeMax)
        || !values.extend(request, request.operation == Operation.APPEND, (int) length)) {
      return end(request, Outcome.NOT_STORED);
    }
    return null;
  }

  private Outcome count(Request request, int status) {
    if (status != KvSlot.OK) {
      return request.creates ? create(request) : Outcome.NOT_FOUND;
    }
    int slot = request.slot;
    request.found(door);
    int length = door.getInt(slot, KvSlot.VALUE_LEN);
    int flags = door.getInt(slot, KvSlot.FLAGS);
    if (length == 0 || !ItemSize.fits(door.keyLength(slot), flags, length, NUMBER_ITEM_MAX)) {
      return end(request, Outcome.NON_NUMERIC);
    }
    if (isOtherCas(request)) {
      return end(request, Outcome.EXISTS);
    }
    byte[] digits = readDigits(request, length);
    if (!parsed.readUnsigned(digits, 0, length)) {
      return Outcome.NON_NUMERIC;
    }
    request.number = result(request.operation, parsed.value(), request.delta);
    int from = AsciiNumber.writeUnsigned(request.number, digits, DIGITS_MAX);
    int count = DIGITS_MAX - from;
    // memcached never shortens a number in place: it fills up with spaces, and so clients expect.
    int newLength = Math.max(count, length);
    System.arraycopy(digits, from, digits, 0, count);
    Arrays.fill(digits, count, newLength, (byte) ' ');
    startReplacing(request, newLength == length);
    return values.place(slot, digits, newLength) ? null : Outcome.NO_MEMORY;
  }

  /** Copies what was found to an array that has room for a number, too. */
  private byte[] readDigits(Request request, int length) {
    byte[] digits = length <= scratch.length ? scratch : new byte[length];
    if (request.foundValue != 0) {
      door.readValue(request.foundValue, 0, MemorySegment.ofArray(digits), 0, length);
      request.releaseFound(door);
    } else {
      door.getInlineBytes(request.slot, 0, digits, length);
    }
    return digits;
  }

  private Outcome create(Request request) {
    int slot = request.slot;
    request.phase = Request.Phase.CREATING;
    request.number = request.initial;
    request.foundExpiry = KvSlot.EXPTIME_NEVER;
    door.request(slot, KvSlot.SET, KvSlot.IF_ABSENT);
    door.setInt(slot, KvSlot.FLAGS, 0);
    door.setInt(slot, KvSlot.EXPTIME, request.finalCreatedExpiry());
    door.setLong(slot, KvSlot.NEW_CAS, request.newCas);
    int from = AsciiNumber.writeUnsigned(request.initial, scratch, DIGITS_MAX);
    System.arraycopy(scratch, from, scratch, 0, DIGITS_MAX - from);
    return values.place(slot, scratch, DIGITS_MAX - from) ? null : Outcome.NO_MEMORY;
  }

  /**
   * Prepares the SET, whose flags stay those that the GET answered.
   *
   * @param inPlace whether the item stays, for memcached, the same one with other bytes in it
   */
  private void startReplacing(Request request, boolean inPlace) {
    int slot = request.slot;
    request.phase = Request.Phase.CHANGING;
    door.request(slot, KvSlot.SET, KvSlot.IF_VERSION);
    door.setLong(slot, KvSlot.VERSION, request.foundVersion);
    door.setLong(slot, KvSlot.NEW_CAS, request.newCas);
    int keep = (request.touches ? 0 : KvSlot.KEEP_EXPTIME) | (inPlace ? KvSlot.KEEP_STATE : 0);
    door.setByte(slot, KvSlot.KEEP, (byte) keep);
    if (request.touches) {
      door.setInt(slot, KvSlot.EXPTIME, request.expiry);
    }
  }

  private Outcome end(Request request, Outcome outcome) {
    request.releaseFound(door);
    return outcome;
  }

  /** As in memcached, 0 is any. */
  private static boolean isOtherCas(Request request) {
    return request.hasCas && request.cas != 0 && request.cas != request.foundCas;
  }

  private static long result(Operation operation, long old, long delta) {
    if (operation == Operation.INCR) {
      return old + delta;
    }
    return Long.compareUnsigned(delta, old) > 0 ? 0 : old - delta;
  }
}
