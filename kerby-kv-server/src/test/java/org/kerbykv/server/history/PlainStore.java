package org.kerbykv.server.history;

import java.util.Map;

/**
 * One key of a memcached that acts upon each request at once and knows its clock: the plain meaning
 * of what {@link KeyModel} must find out from replies. Values are text.
 */
final class PlainStore {
  private static final long NEVER = Long.MAX_VALUE;
  private static final long NANOS_PER_SECOND = 1_000_000_000;

  /** The texts of values that requests store. */
  private final Map<Value, String> texts;

  private String value; // null: nothing there
  private long flags;
  private long version;
  private long lastVersion;
  private long expirySecond;

  PlainStore(Map<Value, String> texts) {
    this.texts = texts;
  }

  PlainStore copy() {
    PlainStore copy = new PlainStore(texts);
    copy.value = value;
    copy.flags = flags;
    copy.version = version;
    copy.lastVersion = lastVersion;
    copy.expirySecond = expirySecond;
    return copy;
  }

  /** Returns the number of the version there is. */
  long version() {
    return version;
  }

  /**
   * Acts upon a request at a moment. A HIT has the number of the version.
   *
   * @param cas for CAS, the number of the version that it is to replace
   */
  Reply act(Request request, long cas, long nanos) {
    long second = Math.floorDiv(nanos, NANOS_PER_SECOND);
    if (value != null && second >= expirySecond) {
      value = null;
    }
    boolean there = value != null;
    String text = texts.get(request.value());
    return switch (request.verb()) {
      case GET -> there ? hit() : Reply.of(Reply.Status.NOT_FOUND);
      case GET_AND_TOUCH -> {
        Reply reply = there ? hit() : Reply.of(Reply.Status.NOT_FOUND);
        touch(request.exptime(), second);
        yield reply;
      }
      case SET -> store(request, text, second);
      case ADD -> there ? Reply.of(Reply.Status.NOT_STORED) : store(request, text, second);
      case REPLACE -> there ? store(request, text, second) : Reply.of(Reply.Status.NOT_STORED);
      case APPEND -> there ? rewrite(value + text) : Reply.of(Reply.Status.NOT_STORED);
      case PREPEND -> there ? rewrite(text + value) : Reply.of(Reply.Status.NOT_STORED);
      case CAS -> {
        if (!there) {
          yield Reply.of(Reply.Status.NOT_FOUND);
        }
        yield cas == version ? store(request, text, second) : Reply.of(Reply.Status.EXISTS);
      }
      case INCR -> there ? count(request.number()) : Reply.of(Reply.Status.NOT_FOUND);
      case DELETE -> {
        value = null;
        yield Reply.of(there ? Reply.Status.DELETED : Reply.Status.NOT_FOUND);
      }
      case TOUCH -> {
        touch(request.exptime(), second);
        yield Reply.of(there ? Reply.Status.TOUCHED : Reply.Status.NOT_FOUND);
      }
    };
  }

  private Reply hit() {
    return Reply.hit(Value.of(value), flags, version);
  }

  private Reply store(Request request, String text, long second) {
    flags = request.flags();
    touch(request.exptime(), second);
    return rewrite(text);
  }

  private Reply rewrite(String text) {
    value = text;
    version = ++lastVersion;
    return Reply.of(Reply.Status.STORED);
  }

  private Reply count(long delta) {
    if (!value.matches("0|[1-9][0-9]*")) {
      return Reply.of(Reply.Status.NOT_A_NUMBER);
    }
    long sum = Long.parseLong(value) + delta;
    rewrite(Long.toString(sum));
    return Reply.counted(sum);
  }

  private void touch(int exptime, long second) {
    if (exptime == 0) {
      expirySecond = NEVER;
    } else {
      expirySecond = exptime < 0 ? Long.MIN_VALUE : second + exptime;
    }
  }
}
