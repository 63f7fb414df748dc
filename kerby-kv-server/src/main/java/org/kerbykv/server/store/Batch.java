package org.kerbykv.server.store;

import io.netty.buffer.ByteBuf;

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
  private final StoreDoor door;
  private final Request[] requests;
  private final Course retrieval;
  private final Course storing;
  private final Course editing;
  private final Course changing;
  private int size;

  /**
   * Makes an empty batch.
   *
   * @param door the thread's door, which the batch uses alone
   * @param itemSizeMax memcached's -I, bytes
   */
  public Batch(StoreDoor door, int itemSizeMax) {
    this.door = door;
    this.requests = new Request[door.capacity()];
    for (int slot = 0; slot < requests.length; slot++) {
      requests[slot] = new Request(slot);
    }
    Values values = new Values(door);
    this.retrieval = new Retrieval(door);
    this.storing = new Storing(door, values);
    this.editing = new Editing(door, values, itemSizeMax);
    this.changing = new Changing(door);
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
    if (size == requests.length) {
      return -1;
    }
    long keyHash = door.hash(key, keyOffset, keyLength);
    if (conflicts(keyHash, operation == Operation.GET)) {
      return -1;
    }
    int index = size++;
    requests[index].begin(operation);
    door.setKey(index, key, keyOffset, keyLength, keyHash);
    return index;
  }

  /**
   * Sets what an operation stores beside its value; APPEND and PREPEND ignore it.
   *
   * @param expiry boot seconds, see {@link BootClock#expiry}
   */
  public void setMetadata(int index, int flags, int expiry) {
    requests[index].flags = flags;
    requests[index].expiry = expiry;
  }

  /**
   * Sets the expiry that a GET_AND_TOUCH or TOUCH gives, and that a VIVIFY, INVALIDATE, INCR or
   * DECR gives to an item that is there, which otherwise keeps its own.
   */
  public void setExpiry(int index, int expiry) {
    requests[index].touches = true;
    requests[index].expiry = expiry;
  }

  /**
   * Sets the cas that an operation must find; for APPEND, PREPEND, INCR and DECR, as in memcached,
   * 0 is any.
   */
  public void setCas(int index, long cas) {
    requests[index].hasCas = true;
    requests[index].cas = cas;
  }

  /** Sets the cas that a change gives to the item; 0: the next number of the store. */
  public void setNewCas(int index, long cas) {
    requests[index].newCas = cas;
  }

  /** Remembers with a new item that its key came in base64. */
  public void setBinaryKey(int index) {
    requests[index].state = KvSlot.BINARY;
  }

  /** Has a retrieval leave no trace of use. */
  public void setUnseen(int index) {
    requests[index].unseen = true;
  }

  /** Sets what an INCR or DECR adds or takes. */
  public void setDelta(int index, long delta) {
    requests[index].delta = delta;
  }

  /** Has an INCR or DECR of a missing item create it with this number. */
  public void setInitial(int index, long initial) {
    requests[index].creates = true;
    requests[index].initial = initial;
  }

  /**
   * Sets the expiry of an item that an INCR, DECR or VIVIFY creates.
   *
   * @param touched whether the item has the expiry of {@link #setExpiry} instead in the end
   */
  public void setCreatedExpiry(int index, int expiry, boolean touched) {
    requests[index].createdExpiry = expiry;
    requests[index].touchesCreated = touched;
  }

  /**
   * Has a retrieval win an item that is stale, or expires before a time, if nobody has won it yet.
   * A GET, which others may follow in the batch, takes no time.
   *
   * @param before boot seconds, see {@link BootClock#expiry}; 0: only a stale one
   * @param touched whether the expiry that the retrieval itself gives is what counts
   */
  public void setRecache(int index, int before, boolean touched) {
    requests[index].wins = true;
    requests[index].recacheBefore = before;
    requests[index].recachesTouched = touched;
  }

  /** Moves the value from the buffer's reader index; at most the door's inlineMax bytes. */
  public void setValue(int index, ByteBuf source, int length) {
    Request request = requests[index];
    if (request.operation.holdsValue()) {
      if (request.operand == null) {
        request.operand = new byte[KvSlot.VALUE_MAX];
      }
      source.readBytes(request.operand, 0, length);
      request.operandLength = length;
    } else {
      door.setInlineValue(index, source, length);
    }
  }

  /** Sets the value to one made with the door; it is the batch's from now on. */
  public void setSeparateValue(int index, long value, int length) {
    requests[index].separateOperand = value;
    requests[index].operandLength = length;
  }

  /** Executes all operations; afterwards each has an outcome. */
  public void execute() {
    for (int i = 0; i < size; i++) {
      course(requests[i].operation).start(requests[i]);
    }
    while (runPending()) {
      for (int i = 0; i < size; i++) {
        if (requests[i].outcome == null) {
          requests[i].outcome = advance(requests[i]);
        }
      }
    }
  }

  /** Ends the use of what the operations found, and makes the batch empty. */
  public void clear() {
    for (int i = 0; i < size; i++) {
      Request request = requests[i];
      request.releaseFound(door);
      if (request.separateOperand != 0) {
        door.discardValue(request.separateOperand);
        request.separateOperand = 0;
      }
    }
    size = 0;
  }

  public Operation operation(int index) {
    return requests[index].operation;
  }

  public Outcome outcome(int index) {
    return requests[index].outcome;
  }

  /** Returns the flags of a HIT. */
  public int flags(int index) {
    return door.getInt(index, KvSlot.FLAGS);
  }

  /** Returns the cas of what was found, stored or changed. */
  public long cas(int index) {
    return door.getLong(index, KvSlot.CAS);
  }

  /** Returns the length of the value of a HIT. */
  public int valueLength(int index) {
    return door.getInt(index, KvSlot.VALUE_LEN);
  }

  /** Returns the number, unsigned, of a COUNTED or CREATED. */
  public long number(int index) {
    return requests[index].number;
  }

  /**
   * Returns when the item of a HIT, COUNTED or CREATED was to expire before the operation changed
   * that: boot seconds.
   */
  public int foundExpiry(int index) {
    return requests[index].foundExpiry;
  }

  /** Returns the expiry that the operation gives, boot seconds. */
  public int expiry(int index) {
    return requests[index].expiry;
  }

  /** Returns the expiry that the operation gives to an item that it creates, boot seconds. */
  public int createdExpiry(int index) {
    return requests[index].createdExpiry;
  }

  /** Returns whether the operation gives an expiry to an item that is there. */
  public boolean touches(int index) {
    return requests[index].touches;
  }

  /** Returns where the value of a HIT is: 1 the kernel, 2 user space. */
  public int tier(int index) {
    return door.getByte(index, KvSlot.TIER);
  }

  /** Returns the bytes of the item of a HIT as memcached's -I counts them. */
  public long itemSize(int index) {
    return ItemSize.of(door.keyLength(index), flags(index), valueLength(index));
  }

  /** Returns when the item of a HIT was used last before, boot seconds. */
  public int lastAccess(int index) {
    return requests[index].foundLastAccess;
  }

  /** Returns whether the item of a HIT had been read since it was stored. */
  public boolean wasFetched(int index) {
    return requests[index].foundState(KvSlot.FETCHED);
  }

  /** Returns whether the item of a HIT is to be recached. */
  public boolean isStale(int index) {
    return requests[index].foundState(KvSlot.STALE);
  }

  /** Returns whether another reader has won the item of a HIT before. */
  public boolean wasWon(int index) {
    return requests[index].foundState(KvSlot.WON);
  }

  /** Returns whether this reader has won the item of a HIT, and so is to recache it. */
  public boolean isWon(int index) {
    return requests[index].won;
  }

  /** Returns whether a HIT was made by this VIVIFY itself, or a number by this INCR or DECR. */
  public boolean isCreated(int index) {
    return requests[index].phase == Request.Phase.CREATING;
  }

  /** Returns whether the key of the item of a HIT came in base64. */
  public boolean isBinaryKey(int index) {
    return requests[index].foundState(KvSlot.BINARY);
  }

  /** Returns the length of the key. */
  public int keyLength(int index) {
    return door.keyLength(index);
  }

  /** Copies the key to a place in an array; returns where it ends. */
  public int readKey(int index, byte[] target, int offset) {
    door.copyKey(index, target, offset);
    return offset + door.keyLength(index);
  }

  /** Appends part of the value of a HIT to a buffer that has room. */
  public void readValue(int index, int offset, ByteBuf target, int length) {
    long value = requests[index].foundValue;
    if (value != 0) {
      door.readValue(value, offset, target, length);
    } else {
      door.readInlineValue(index, offset, target, length);
    }
  }

  /**
   * Returns the value of a HIT from an offset on, to be read later, or null if it is one that has
   * to be read now. The value cannot be read here any more then.
   */
  public HeldValue holdValue(int index, int offset) {
    long value = requests[index].foundValue;
    if (value == 0) {
      return null;
    }
    requests[index].foundValue = 0;
    return new HeldValue(door, value, offset, valueLength(index));
  }

  private boolean conflicts(long keyHash, boolean isGet) {
    for (int i = 0; i < size; i++) {
      if (door.keyHash(i) == keyHash && !(isGet && requests[i].operation == Operation.GET)) {
        return true;
      }
    }
    return false;
  }

  private Course course(Operation operation) {
    return switch (operation) {
      case GET, GET_AND_TOUCH, RECACHE, VIVIFY -> retrieval;
      case SET, ADD, REPLACE, CAS, CAS_OR_STALE -> storing;
      case APPEND, PREPEND, INCR, DECR -> editing;
      case DELETE, INVALIDATE, TOUCH -> changing;
    };
  }

  /** Runs the operations that have no outcome yet; returns false if there were none. */
  private boolean runPending() {
    boolean ran = false;
    for (int i = 0; i < size; ) {
      if (requests[i].outcome != null) {
        i++;
        continue;
      }
      int first = i;
      while (i < size && requests[i].outcome == null) {
        i++;
      }
      door.run(first, i - first);
      ran = true;
    }
    return ran;
  }

  private Outcome advance(Request request) {
    int status = door.status(request.slot);
    if (status == KvSlot.USER) {
      request.foundValue = door.getLong(request.slot, KvSlot.TOKEN);
      status = KvSlot.OK;
    }
    return course(request.operation).advance(request, status);
  }
}
