package org.kerbykv.server.store;

/**
 * One operation of a {@link Batch}: what is asked for, how far it has come, and what it found. Made
 * once for each slot of the batch's door, and used again and again.
 */
final class Request {
  /** Which request to the door is under way. */
  enum Phase {
    /** The first one, or the only one. */
    FIRST,
    /** What a first one found is being changed. */
    CHANGING,
    /** What a first one missed is being created. */
    CREATING,
    /** What could not be replaced is being removed. */
    REMOVING
  }

  final int slot;
  Operation operation;

  /** Null until it has ended. */
  Outcome outcome;

  Phase phase;

  // What is asked for.
  int flags;

  /** Boot seconds, as all times here. */
  int expiry;

  /** Whether expiry is to be set even where the item's own would be kept. */
  boolean touches;

  boolean hasCas;
  long cas;

  /** The cas to give; 0: the next one. */
  long newCas;

  /** State bits of the new item. */
  byte state;

  /** Whether reading is not to count as use. */
  boolean unseen;

  /** INCR, DECR: whether a missing item is created. */
  boolean creates;

  int createdExpiry;

  /** Whether an item that is created has expiry instead. */
  boolean touchesCreated;

  long initial;
  long delta;

  /** Whether a retrieval may win the item. */
  boolean wins;

  /** An item that expires before this is to be won, as one that is stale is; 0: never. */
  int recacheBefore;

  /** Whether what expires then is judged by the new expiry. */
  boolean recachesTouched;

  /** The value of an operation that holds it: here, or a value of its own. */
  byte[] operand;

  int operandLength;
  long separateOperand;

  // What was found.
  /** A value of its own that a GET found, referenced, or 0. */
  long foundValue;

  long foundVersion;
  long foundCas;
  int foundExpiry;
  int foundLastAccess;
  byte foundState;

  /** Whether this request, and no other, is to recache the item. */
  boolean won;

  /** INCR, DECR: the result. */
  long number;

  Request(int slot) {
    this.slot = slot;
  }

  /** Returns when an item that is created expires. */
  int finalCreatedExpiry() {
    return touchesCreated ? expiry : createdExpiry;
  }

  void begin(Operation what) {
    operation = what;
    outcome = null;
    phase = Phase.FIRST;
    touches = false;
    hasCas = false;
    newCas = 0;
    state = 0;
    unseen = false;
    creates = false;
    touchesCreated = false;
    wins = false;
    recacheBefore = 0;
    recachesTouched = false;
    separateOperand = 0;
    foundValue = 0;
    foundState = 0;
    won = false;
  }

  /** Remembers what a GET answered, beside the value. */
  void found(StoreDoor door) {
    foundVersion = door.getLong(slot, KvSlot.VERSION);
    foundCas = door.getLong(slot, KvSlot.CAS);
    foundExpiry = door.getInt(slot, KvSlot.EXPTIME);
    foundLastAccess = door.getInt(slot, KvSlot.LAST_ACCESS);
    foundState = door.getByte(slot, KvSlot.STATE);
  }

  boolean foundState(byte bit) {
    return (foundState & bit) != 0;
  }

  /** Ends the use of the value that was found. */
  void releaseFound(StoreDoor door) {
    if (foundValue != 0) {
      door.releaseValue(foundValue);
      foundValue = 0;
    }
  }
}
