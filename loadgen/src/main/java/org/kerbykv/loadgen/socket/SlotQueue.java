package org.kerbykv.loadgen.socket;

/** The slots that wait for an answer, the oldest first. */
final class SlotQueue {
  private Slot oldest;
  private Slot newest;

  void add(Slot slot) {
    slot.older = newest;
    slot.newer = null;
    if (newest == null) {
      oldest = slot;
    } else {
      newest.newer = slot;
    }
    newest = slot;
  }

  void remove(Slot slot) {
    if (slot.older == null) {
      oldest = slot.newer;
    } else {
      slot.older.newer = slot.newer;
    }
    if (slot.newer == null) {
      newest = slot.older;
    } else {
      slot.newer.older = slot.older;
    }
    slot.older = null;
    slot.newer = null;
  }

  Slot oldest() {
    return oldest;
  }
}
