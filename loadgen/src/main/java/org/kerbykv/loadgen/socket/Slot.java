package org.kerbykv.loadgen.socket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/** A place for one request under way. */
final class Slot {
  int key;
  int version;
  boolean isSet;

  /** Whether the request was sent while the load is counted. */
  boolean counted;

  /** Whether the request has been given up although its answer is still to come. */
  boolean lost;

  /** {@link System#nanoTime()} at which the request was to be sent. */
  long dueAt;

  /** {@link System#nanoTime()} of sending. */
  long sentAt;

  /** The request; may still be queued in the channel while its reference count is above 1. */
  ByteBuf request;

  /** Where the key is in the request. */
  int keyStart;

  int keyLength;

  /** The UDP request id. */
  int id;

  /** The parts of a reply of several datagrams that are here, by number; else null. */
  byte[][] parts;

  int partsMissing;

  /** Neighbours in the order of sending. */
  Slot older;

  Slot newer;

  /** An empty buffer for the next request. */
  ByteBuf freshRequest(int capacity) {
    if (request == null || request.refCnt() > 1) {
      releaseRequest();
      request = ByteBufAllocator.DEFAULT.directBuffer(capacity);
    }
    return request.clear();
  }

  void releaseRequest() {
    if (request != null) {
      request.release();
      request = null;
    }
  }
}
