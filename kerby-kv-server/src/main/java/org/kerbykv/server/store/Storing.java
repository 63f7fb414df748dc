package org.kerbykv.server.store;

/** The course of the operations that store the value they bring: SET, ADD, REPLACE, CAS. */
final class Storing implements Course {
  private final StoreDoor door;
  private final Values values;

  Storing(StoreDoor door, Values values) {
    this.door = door;
    this.values = values;
  }

  @Override
  public void start(Request request) {
    switch (request.operation) {
      case SET -> store(request, KvSlot.IF_ANY);
      case ADD -> store(request, KvSlot.IF_ABSENT);
      case REPLACE -> store(request, KvSlot.IF_PRESENT);
      case CAS -> {
        store(request, KvSlot.IF_CAS);
        door.setLong(request.slot, KvSlot.CAS, request.cas);
      }
      default -> {
        request.phase = Request.Phase.FIRST;
        door.request(request.slot, KvSlot.GET, KvSlot.IF_ANY);
        door.setByte(request.slot, KvSlot.KEEP, KvSlot.KEEP_ACCESS);
      }
    }
  }

  private void store(Request request, byte condition) {
    int slot = request.slot;
    request.phase = Request.Phase.CHANGING;
    door.request(slot, KvSlot.SET, condition);
    door.setInt(slot, KvSlot.FLAGS, request.flags);
    door.setInt(slot, KvSlot.EXPTIME, request.expiry);
    door.setByte(slot, KvSlot.STATE, request.state);
    door.setLong(slot, KvSlot.NEW_CAS, request.newCas);
    if (request.separateOperand != 0 && !request.operation.holdsValue()) {
      door.nameValue(slot, request.separateOperand, request.operandLength);
      request.separateOperand = 0;
    }
  }

  @Override
  public Outcome advance(Request request, int status) {
    return switch (request.phase) {
      case FIRST -> afterLook(request, status);
      case CHANGING, CREATING -> afterStoring(request, status);
      case REMOVING -> Outcome.NO_MEMORY;
    };
  }

  private Outcome afterStoring(Request request, int status) {
    boolean cas = request.operation == Operation.CAS;
    return switch (status) {
      case KvSlot.OK -> Outcome.STORED;
      case KvSlot.NOSPC -> noMemory(request);
      case KvSlot.EXISTS, KvSlot.MISS -> {
        if (request.operation == Operation.CAS_OR_STALE) {
          start(request);
          yield null;
        }
        if (!cas) {
          yield Outcome.NOT_STORED;
        }
        yield status == KvSlot.EXISTS ? Outcome.EXISTS : Outcome.NOT_FOUND;
      }
      default -> throw new IllegalStateException("status " + status);
    };
  }

  /** A SET that fails must not leave the old value, which its client takes for gone. */
  private Outcome noMemory(Request request) {
    if (request.operation != Operation.SET) {
      return Outcome.NO_MEMORY;
    }
    request.phase = Request.Phase.REMOVING;
    door.request(request.slot, KvSlot.DELETE, KvSlot.IF_ANY);
    return null;
  }

  /** Compares the item's cas: the same is replaced as usual, a newer one by a stale value. */
  private Outcome afterLook(Request request, int status) {
    if (status != KvSlot.OK) {
      return Outcome.NOT_FOUND;
    }
    request.found(door);
    request.releaseFound(door);
    boolean stale = Long.compareUnsigned(request.cas, request.foundCas) < 0;
    if (request.cas == 0 || (!stale && request.cas != request.foundCas)) {
      return Outcome.EXISTS;
    }
    store(request, KvSlot.IF_VERSION);
    int slot = request.slot;
    door.setLong(slot, KvSlot.VERSION, request.foundVersion);
    if (stale) {
      // It lives no longer than the newer one would have, and is won only once.
      door.setByte(slot, KvSlot.KEEP, (byte) (KvSlot.KEEP_EXPTIME | KvSlot.KEEP_STATE));
      door.setByte(slot, KvSlot.CLEAR, (byte) (KvSlot.FETCHED | KvSlot.BINARY));
      door.setByte(slot, KvSlot.STATE, (byte) (KvSlot.STALE | request.state));
    }
    return values.placeOperand(request) ? null : Outcome.NO_MEMORY;
  }
}
