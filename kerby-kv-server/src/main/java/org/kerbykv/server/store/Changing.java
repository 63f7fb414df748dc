package org.kerbykv.server.store;

/** The course of DELETE, TOUCH and INVALIDATE: one request each. */
final class Changing implements Course {
  private final StoreDoor door;

  Changing(StoreDoor door) {
    this.door = door;
  }

  @Override
  public void start(Request request) {
    int slot = request.slot;
    byte condition = request.hasCas ? KvSlot.IF_CAS : KvSlot.IF_ANY;
    if (request.operation == Operation.DELETE) {
      door.request(slot, KvSlot.DELETE, condition);
    } else {
      door.request(slot, KvSlot.TOUCH, condition);
      door.setInt(slot, KvSlot.EXPTIME, request.expiry);
      if (request.operation == Operation.INVALIDATE) {
        invalidate(request);
      }
    }
    if (request.hasCas) {
      door.setLong(slot, KvSlot.CAS, request.cas);
    }
  }

  /** Whoever reads it next wins it, and who wrote it before can no longer replace it. */
  private void invalidate(Request request) {
    int slot = request.slot;
    door.setByte(slot, KvSlot.STATE, KvSlot.STALE);
    door.setByte(slot, KvSlot.CLEAR, KvSlot.WON);
    door.setLong(slot, KvSlot.NEW_CAS, request.newCas == 0 ? KvSlot.CAS_NEXT : request.newCas);
    int keep = KvSlot.KEEP_ACCESS | (request.touches ? 0 : KvSlot.KEEP_EXPTIME);
    door.setByte(slot, KvSlot.KEEP, (byte) keep);
  }

  @Override
  public Outcome advance(Request request, int status) {
    return switch (status) {
      case KvSlot.OK -> request.operation == Operation.DELETE ? Outcome.DELETED : Outcome.TOUCHED;
      case KvSlot.EXISTS -> Outcome.EXISTS;
      default -> Outcome.NOT_FOUND;
    };
  }
}
