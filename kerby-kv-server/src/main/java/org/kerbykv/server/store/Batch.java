package org.kerbykv.server.store;

import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The operations of one thread on their way to the store: added one by one, executed together, then
 * read in the order in which they were added, then cleared.
 *
 * <p>The store's door knows only get, conditional set, delete and touch. Here the other operations
 * are made of these: an operation whose condition was overtaken by another writer goes round again.
 * No two operations of a batch have the same key, unless all of them are GETs, so that going round
 * cannot change the order of what one client asked for.
 *
 * <p>Not thread-safe. Allocates nothing once it is warm.
 */
public final class Batch {
  private static final int DIGITS_MAX = 20;

  /** memcached keeps a larger item in several pieces, and does not count in it. */
  private static final int NUMBER_ITEM_MAX = 512 << 10;

  private final StoreDoor door;
  private final int itemSizeMax;
  private final Operation[] operations;
  private final Outcome[] outcomes;
  private final boolean[] secondPhase;
  private final long[] deltas;

  /** INCR, DECR: the result. GET_AND_TOUCH: the version touched. */
  private final long[] numbers;

  /** GET_AND_TOUCH: the expiry to set. */
  private final int[] expiries;

  /** A value of its own that a GET found, or 0. */
  private final long[] found;

  /** A value of its own that an APPEND or PREPEND adds, or 0. */
  private final long[] separateOperands;

  private final byte[][] operands;
  private final int[] operandLengths;
  private final byte[] keyScratch = new byte[KvSlot.KEY_MAX];
  private final byte[] numberScratch = new byte[KvSlot.VALUE_MAX];
  private final AsciiNumber number = new AsciiNumber();
  private int size;

  /**
   * Makes an empty batch.
   *
   * @param door the thread's door, which the batch uses alone
   * @param itemSizeMax memcached's -I, bytes
   */
  public Batch(StoreDoor door, int itemSizeMax) {
    this.door = door;
    this.itemSizeMax = itemSizeMax;
    int capacity = door.capacity();
    operations = new Operation[capacity];
    outcomes = new Outcome[capacity];
    secondPhase = new boolean[capacity];
    deltas = new long[capacity];
    numbers = new long[capacity];
    expiries = new int[capacity];
    found = new long[capacity];
    separateOperands = new long[capacity];
    operands = new byte[capacity][];
    operandLengths = new int[capacity];
  }

  /** Returns the number of operations added since the last {@link #clear}. */
  public int size() {
    return size;
  }

  /** Returns the door, for values that are made before they are named. */
  public StoreDoor door() {
    return door;
  }

  /**
   * Adds an operation.
   *
   * @return its index, or -1 if the batch must be executed and cleared first
   */
  public int add(Operation operation, byte[] key, int keyOffset, int keyLength) {
    if (size == operations.length) {
      return -1;
    }
    long keyHash = door.hash(key, keyOffset, keyLength);
    if (conflicts(keyHash, operation == Operation.GET)) {
      return -1;
    }
    int index = size++;
    operations[index] = operation;
    outcomes[index] = null;
    secondPhase[index] = false;
    found[index] = 0;
    separateOperands[index] = 0;
    door.setKey(index, key, keyOffset, keyLength, keyHash);
    door.setLong(index, KvSlot.CAS, 0);
    return index;
  }

  /**
   * Sets what an operation stores beside its value; APPEND and PREPEND ignore it.
   *
   * @param expiry boot seconds, see {@link BootClock#expiry}
   */
  public void setMetadata(int index, int flags, int expiry) {
    door.setInt(index, KvSlot.FLAGS, flags);
    setExpiry(index, expiry);
  }

  /** Sets the expiry that a TOUCH or GET_AND_TOUCH gives. */
  public void setExpiry(int index, int expiry) {
    expiries[index] = expiry;
    door.setInt(index, KvSlot.EXPTIME, expiry);
  }

  /** Sets the version that a CAS must find. */
  public void setCas(int index, long cas) {
    door.setLong(index, KvSlot.CAS, cas);
  }

  /** Sets what an INCR or DECR adds or takes. */
  public void setDelta(int index, long delta) {
    deltas[index] = delta;
  }

  /** Moves the value from the buffer's reader index; at most the door's inlineMax bytes. */
  public void setValue(int index, ByteBuf source, int length) {
    if (operations[index].extendsValue()) {
      if (operands[index] == null) {
        operands[index] = new byte[KvSlot.VALUE_MAX];
      }
      source.readBytes(operands[index], 0, length);
      operandLengths[index] = length;
    } else {
      door.setInlineValue(index, source, length);
      separateOperands[index] = 0;
    }
  }

  /** Sets the value to one made with the door; it is the batch's from now on. */
  public void setSeparateValue(int index, long value, int length) {
    separateOperands[index] = value;
    operandLengths[index] = length;
  }

  /** Executes all operations; afterwards each has an outcome. */
  public void execute() {
    for (int i = 0; i < size; i++) {
      start(i);
    }
    while (runPending()) {
      for (int i = 0; i < size; i++) {
        if (outcomes[i] == null) {
          outcomes[i] = advance(i);
        }
      }
    }
  }

  /** Ends the use of what the operations found, and makes the batch empty. */
  public void clear() {
    for (int i = 0; i < size; i++) {
      releaseFound(i);
      if (separateOperands[i] != 0) {
        door.discardValue(separateOperands[i]);
        separateOperands[i] = 0;
      }
    }
    size = 0;
  }

  public Operation operation(int index) {
    return operations[index];
  }

  public Outcome outcome(int index) {
    return outcomes[index];
  }

  /** Returns the flags of a HIT. */
  public int flags(int index) {
    return door.getInt(index, KvSlot.FLAGS);
  }

  /** Returns the version of a HIT. */
  public long cas(int index) {
    return door.getLong(index, KvSlot.CAS);
  }

  /** Returns the length of the value of a HIT. */
  public int valueLength(int index) {
    return door.getInt(index, KvSlot.VALUE_LEN);
  }

  /** Returns the number, unsigned, of a COUNTED. */
  public long number(int index) {
    return numbers[index];
  }

  /** Copies the key to a place in an array; returns where it ends. */
  public int readKey(int index, byte[] target, int offset) {
    door.copyKey(index, target, offset);
    return offset + door.keyLength(index);
  }

  /** Appends part of the value of a HIT to a buffer that has room. */
  public void readValue(int index, int offset, ByteBuf target, int length) {
    if (found[index] != 0) {
      door.readValue(found[index], offset, target, length);
    } else {
      door.readInlineValue(index, offset, target, length);
    }
  }

  private boolean conflicts(long keyHash, boolean isGet) {
    for (int i = 0; i < size; i++) {
      if (door.keyHash(i) == keyHash && !(isGet && operations[i] == Operation.GET)) {
        return true;
      }
    }
    return false;
  }

  private void start(int i) {
    switch (operations[i]) {
      case GET, GET_AND_TOUCH, APPEND, PREPEND, INCR, DECR ->
          door.request(i, KvSlot.GET, KvSlot.IF_ANY);
      case TOUCH -> door.request(i, KvSlot.TOUCH, KvSlot.IF_ANY);
      case DELETE -> door.request(i, KvSlot.DELETE, KvSlot.IF_ANY);
      case SET -> startStore(i, KvSlot.IF_ANY);
      case ADD -> startStore(i, KvSlot.IF_ABSENT);
      case REPLACE -> startStore(i, KvSlot.IF_PRESENT);
      case CAS -> startStore(i, KvSlot.IF_CAS);
    }
  }

  private void startStore(int i, byte condition) {
    door.request(i, KvSlot.SET, condition);
    if (separateOperands[i] != 0) {
      door.nameValue(i, separateOperands[i], operandLengths[i]);
      separateOperands[i] = 0;
    }
  }

  /** Runs the operations that have no outcome yet; returns false if there were none. */
  private boolean runPending() {
    boolean ran = false;
    for (int i = 0; i < size; ) {
      if (outcomes[i] != null) {
        i++;
        continue;
      }
      int first = i;
      while (i < size && outcomes[i] == null) {
        i++;
      }
      door.run(first, i - first);
      ran = true;
    }
    return ran;
  }

  /** Looks at what the door answered; returns the outcome, or null to go round again. */
  private Outcome advance(int i) {
    int status = door.status(i);
    if (status == KvSlot.USER) {
      found[i] = door.getLong(i, KvSlot.TOKEN);
      status = KvSlot.OK;
    }
    return switch (operations[i]) {
      case GET -> status == KvSlot.OK ? Outcome.HIT : Outcome.MISS;
      case GET_AND_TOUCH -> advanceGetAndTouch(i, status);
      case SET, ADD, REPLACE, CAS -> advanceStore(i, status);
      case APPEND, PREPEND -> advanceExtend(i, status);
      case INCR, DECR -> advanceCount(i, status);
      case DELETE -> status == KvSlot.OK ? Outcome.DELETED : Outcome.NOT_FOUND;
      case TOUCH -> status == KvSlot.OK ? Outcome.TOUCHED : Outcome.NOT_FOUND;
    };
  }

  /** A GET, then a TOUCH; one step for others if both found the same version. */
  private Outcome advanceGetAndTouch(int i, int status) {
    if (!secondPhase[i]) {
      if (status != KvSlot.OK) {
        return Outcome.MISS;
      }
      numbers[i] = door.getLong(i, KvSlot.CAS);
      secondPhase[i] = true;
      door.setInt(i, KvSlot.EXPTIME, expiries[i]);
      door.request(i, KvSlot.TOUCH, KvSlot.IF_ANY);
      return null;
    }
    if (status == KvSlot.OK && door.getLong(i, KvSlot.CAS) == numbers[i]) {
      return Outcome.HIT;
    }
    releaseFound(i);
    secondPhase[i] = false;
    door.request(i, KvSlot.GET, KvSlot.IF_ANY);
    return null;
  }

  private Outcome advanceStore(int i, int status) {
    if (secondPhase[i]) {
      return Outcome.NO_MEMORY;
    }
    return switch (status) {
      case KvSlot.OK -> Outcome.STORED;
      case KvSlot.EXISTS -> operations[i] == Operation.CAS ? Outcome.EXISTS : Outcome.NOT_STORED;
      case KvSlot.MISS -> operations[i] == Operation.CAS ? Outcome.NOT_FOUND : Outcome.NOT_STORED;
      case KvSlot.NOSPC -> noMemory(i);
      default -> throw unexpected(status);
    };
  }

  /** A SET that fails must not leave the old value, which its client takes for gone. */
  private Outcome noMemory(int i) {
    if (operations[i] != Operation.SET) {
      return Outcome.NO_MEMORY;
    }
    secondPhase[i] = true;
    door.request(i, KvSlot.DELETE, KvSlot.IF_ANY);
    return null;
  }

  private Outcome advanceExtend(int i, int status) {
    if (secondPhase[i]) {
      return afterReplacing(i, status, Outcome.STORED, Outcome.NOT_STORED);
    }
    if (status != KvSlot.OK) {
      return Outcome.NOT_STORED;
    }
    long length = (long) valueLength(i) + operandLengths[i];
    if (!ItemSize.fits(door.keyLength(i), flags(i), length, itemSizeMax)
        || !extend(i, (int) length)) {
      return Outcome.NOT_STORED;
    }
    return null;
  }

  /** After a SET under the condition that the version read is still there. */
  private Outcome afterReplacing(int i, int status, Outcome done, Outcome noMemory) {
    return switch (status) {
      case KvSlot.OK -> done;
      case KvSlot.NOSPC -> noMemory;
      case KvSlot.EXISTS, KvSlot.MISS -> {
        secondPhase[i] = false;
        door.request(i, KvSlot.GET, KvSlot.IF_ANY);
        yield null;
      }
      default -> throw unexpected(status);
    };
  }

  private void startReplacing(int i) {
    secondPhase[i] = true;
    door.request(i, KvSlot.SET, KvSlot.IF_CAS);
  }

  /** Returns false if there is no memory for the longer value. */
  private boolean extend(int i, int length) {
    int oldLength = valueLength(i);
    boolean append = operations[i] == Operation.APPEND;
    int operandAt = append ? oldLength : 0;
    int oldAt = append ? 0 : operandLengths[i];
    if (found[i] == 0 && separateOperands[i] == 0 && length <= door.inlineMax(door.keyLength(i))) {
      door.moveInlineValue(i, 0, oldAt, oldLength);
      door.setInlineBytes(i, operandAt, operands[i], 0, operandLengths[i]);
      door.setInt(i, KvSlot.VALUE_LEN, length);
      startReplacing(i);
      return true;
    }
    door.copyKey(i, keyScratch, 0);
    long value = door.newValue(keyScratch, 0, door.keyLength(i), length);
    if (value == 0) {
      return false;
    }
    if (found[i] != 0) {
      door.copyValue(found[i], 0, value, oldAt, oldLength);
    } else {
      door.copyInlineValue(i, value, oldAt, oldLength);
    }
    if (separateOperands[i] != 0) {
      door.copyValue(separateOperands[i], 0, value, operandAt, operandLengths[i]);
    } else {
      door.writeValue(value, operandAt, MemorySegment.ofArray(operands[i]), 0, operandLengths[i]);
    }
    releaseFound(i);
    startReplacing(i);
    door.nameValue(i, value, length);
    return true;
  }

  private Outcome advanceCount(int i, int status) {
    if (secondPhase[i]) {
      return afterReplacing(i, status, Outcome.COUNTED, Outcome.NO_MEMORY);
    }
    if (status != KvSlot.OK) {
      return Outcome.NOT_FOUND;
    }
    int length = valueLength(i);
    if (!ItemSize.fits(door.keyLength(i), flags(i), length, NUMBER_ITEM_MAX)) {
      return Outcome.NON_NUMERIC;
    }
    byte[] digits = length <= numberScratch.length ? numberScratch : new byte[length];
    if (found[i] != 0) {
      door.readValue(found[i], 0, MemorySegment.ofArray(digits), 0, length);
      releaseFound(i);
    } else {
      door.getInlineBytes(i, 0, digits, length);
    }
    if (!number.readUnsigned(digits, 0, length)) {
      return Outcome.NON_NUMERIC;
    }
    return replaceNumber(i, digits, length) ? null : Outcome.NO_MEMORY;
  }

  /** Returns false if there is no memory for the new number. */
  private boolean replaceNumber(int i, byte[] digits, int oldLength) {
    numbers[i] = result(operations[i], number.value(), deltas[i]);
    int from = AsciiNumber.writeUnsigned(numbers[i], digits, DIGITS_MAX);
    int count = DIGITS_MAX - from;
    // memcached never shortens a number in place: it fills up with spaces, and so clients expect.
    int length = Math.max(count, oldLength);
    System.arraycopy(digits, from, digits, 0, count);
    Arrays.fill(digits, count, length, (byte) ' ');
    startReplacing(i);
    if (length <= door.inlineMax(door.keyLength(i))) {
      door.setInlineBytes(i, 0, digits, 0, length);
      door.setInt(i, KvSlot.VALUE_LEN, length);
      return true;
    }
    door.copyKey(i, keyScratch, 0);
    long value = door.newValue(keyScratch, 0, door.keyLength(i), length);
    if (value != 0) {
      door.writeValue(value, 0, MemorySegment.ofArray(digits), 0, length);
      door.nameValue(i, value, length);
    }
    return value != 0;
  }

  private static long result(Operation operation, long old, long delta) {
    if (operation == Operation.INCR) {
      return old + delta;
    }
    return Long.compareUnsigned(delta, old) > 0 ? 0 : old - delta;
  }

  private void releaseFound(int i) {
    if (found[i] != 0) {
      door.releaseValue(found[i]);
      found[i] = 0;
    }
  }

  private static IllegalStateException unexpected(int status) {
    return new IllegalStateException("the store's door answered with status " + status);
  }
}
