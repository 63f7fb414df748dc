package org.kerbykv.server.store;

/**
 * The course of GET, GET_AND_TOUCH, RECACHE and VIVIFY.
 *
 * <p>An item that is stale, or expires sooner than the reader wants, is won by one reader: the one
 * whose TOUCH, which is atomic, found the bit WON not set.
 */
final class Retrieval implements Course {
  private final StoreDoor door;

  Retrieval(StoreDoor door) {
    this.door = door;
  }

  @Override
  public void start(Request request) {
    request.releaseFound(door);
    request.won = false;
    request.phase = Request.Phase.FIRST;
    door.request(request.slot, KvSlot.GET, KvSlot.IF_ANY);
    door.setByte(request.slot, KvSlot.KEEP, request.unseen ? KvSlot.KEEP_ACCESS : 0);
  }

  @Override
  public Outcome advance(Request request, int status) {
    return switch (request.phase) {
      case FIRST -> status == KvSlot.OK ? afterHit(request) : afterMiss(request);
      case CREATING -> afterCreating(request, status);
      case CHANGING, REMOVING -> afterTouching(request, status);
    };
  }

  private Outcome afterHit(Request request) {
    request.found(door);
    request.won = request.wins && !request.foundState(KvSlot.WON) && isToBeWon(request);
    if (!request.won && !request.touches) {
      return Outcome.HIT;
    }
    int slot = request.slot;
    request.phase = Request.Phase.CHANGING;
    door.request(slot, KvSlot.TOUCH, KvSlot.IF_VERSION);
    door.setLong(slot, KvSlot.VERSION, request.foundVersion);
    door.setInt(slot, KvSlot.EXPTIME, request.expiry);
    door.setByte(slot, KvSlot.STATE, request.won ? KvSlot.WON : 0);
    int keep =
        (request.touches ? 0 : KvSlot.KEEP_EXPTIME) | (request.unseen ? KvSlot.KEEP_ACCESS : 0);
    door.setByte(slot, KvSlot.KEEP, (byte) keep);
    return null;
  }

  private static boolean isToBeWon(Request request) {
    if (request.foundState(KvSlot.STALE)) {
      return true;
    }
    int expiry = request.recachesTouched ? request.expiry : request.foundExpiry;
    return expiry != KvSlot.EXPTIME_NEVER
        && Integer.compareUnsigned(expiry, request.recacheBefore) < 0;
  }

  private Outcome afterTouching(Request request, int status) {
    return switch (status) {
      case KvSlot.OK -> {
        byte before = door.getByte(request.slot, KvSlot.STATE);
        if (request.won && (before & KvSlot.WON) != 0) {
          request.won = false;
          request.foundState |= KvSlot.WON;
        }
        yield Outcome.HIT;
      }
      case KvSlot.EXISTS, KvSlot.MISS -> {
        start(request);
        yield null;
      }
      default -> {
        request.releaseFound(door);
        yield Outcome.MISS;
      }
    };
  }

  private Outcome afterMiss(Request request) {
    if (request.operation != Operation.VIVIFY) {
      return Outcome.MISS;
    }
    int slot = request.slot;
    request.phase = Request.Phase.CREATING;
    door.request(slot, KvSlot.SET, KvSlot.IF_ABSENT);
    door.setInt(slot, KvSlot.FLAGS, 0);
    door.setInt(slot, KvSlot.EXPTIME, request.finalCreatedExpiry());
    door.setInt(slot, KvSlot.VALUE_LEN, 0);
    door.setLong(slot, KvSlot.NEW_CAS, request.newCas);
    int state = KvSlot.WON | request.state | (request.unseen ? 0 : KvSlot.FETCHED);
    door.setByte(slot, KvSlot.STATE, (byte) state);
    return null;
  }

  private Outcome afterCreating(Request request, int status) {
    return switch (status) {
      case KvSlot.OK -> {
        request.won = true;
        request.foundState = request.state;
        request.foundExpiry = KvSlot.EXPTIME_NEVER;
        request.foundLastAccess = BootClock.seconds();
        yield Outcome.HIT;
      }
      case KvSlot.EXISTS -> {
        start(request);
        yield null;
      }
      default -> Outcome.MISS;
    };
  }
}
