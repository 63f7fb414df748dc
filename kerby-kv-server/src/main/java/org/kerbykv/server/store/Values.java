package org.kerbykv.server.store;

import java.lang.foreign.MemorySegment;

/**
 * Makes the values that a SET is to store of those that a request found and brought, in the slot if
 * they fit, else as values of their own. One batch's.
 */
final class Values {
  private final StoreDoor door;
  private final byte[] key = new byte[KvSlot.KEY_MAX];

  Values(StoreDoor door) {
    this.door = door;
  }

  /** Places what the request brought. Returns false if there is no memory. */
  boolean placeOperand(Request request) {
    int slot = request.slot;
    int length = request.operandLength;
    if (request.separateOperand == 0) {
      door.setInlineBytes(slot, 0, request.operand, 0, length);
      door.setInt(slot, KvSlot.VALUE_LEN, length);
      return true;
    }
    long value = newValue(slot, length);
    if (value == 0) {
      return false;
    }
    door.copyValue(request.separateOperand, 0, value, 0, length);
    door.nameValue(slot, value, length);
    return true;
  }

  /** Places bytes that were made meanwhile. Returns false if there is no memory. */
  boolean place(int slot, byte[] bytes, int length) {
    if (length <= door.inlineMax(door.keyLength(slot))) {
      door.setInlineBytes(slot, 0, bytes, 0, length);
      door.setInt(slot, KvSlot.VALUE_LEN, length);
      return true;
    }
    long value = newValue(slot, length);
    if (value != 0) {
      door.writeValue(value, 0, MemorySegment.ofArray(bytes), 0, length);
      door.nameValue(slot, value, length);
    }
    return value != 0;
  }

  /**
   * Places what was found, which is in the slot or a value of its own, with what the request
   * brought after or before it.
   *
   * @param length of both together
   * @return false if there is no memory
   */
  boolean extend(Request request, boolean append, int length) {
    int slot = request.slot;
    int oldLength = door.getInt(slot, KvSlot.VALUE_LEN);
    int operandAt = append ? oldLength : 0;
    int oldAt = append ? 0 : request.operandLength;
    if (request.foundValue == 0
        && request.separateOperand == 0
        && length <= door.inlineMax(door.keyLength(slot))) {
      door.moveInlineValue(slot, 0, oldAt, oldLength);
      door.setInlineBytes(slot, operandAt, request.operand, 0, request.operandLength);
      door.setInt(slot, KvSlot.VALUE_LEN, length);
      return true;
    }
    long value = newValue(slot, length);
    if (value == 0) {
      return false;
    }
    if (request.foundValue != 0) {
      door.copyValue(request.foundValue, 0, value, oldAt, oldLength);
    } else {
      door.copyInlineValue(slot, value, oldAt, oldLength);
    }
    copyOperand(request, value, operandAt);
    request.releaseFound(door);
    door.nameValue(slot, value, length);
    return true;
  }

  private void copyOperand(Request request, long value, int at) {
    if (request.separateOperand != 0) {
      door.copyValue(request.separateOperand, 0, value, at, request.operandLength);
    } else {
      door.writeValue(value, at, MemorySegment.ofArray(request.operand), 0, request.operandLength);
    }
  }

  private long newValue(int slot, int length) {
    door.copyKey(slot, key, 0);
    return door.newValue(key, 0, door.keyLength(slot), length);
  }
}
