package org.kerbykv.server.history;

/**
 * A request, its reply, and when. The server has acted upon it at some moment from its invocation
 * to its return.
 *
 * @param key without spaces
 * @param client who asked: for reading only
 * @param door the way it was sent: one word, for reading only
 * @param invoked before it was sent, in nanoseconds of the clock that the server's expiry follows
 * @param returned after its reply was received; {@link #LOST} if none was
 * @param copies how many of the request the network may have delivered: each may have been acted
 *     upon, at any time from the invocation on, and the reply is that to any one of them, which was
 *     acted upon before the return
 */
public record Operation(
    String key,
    int client,
    String door,
    long invoked,
    long returned,
    int copies,
    Request request,
    Reply reply) {
  /** Never returned: may have been acted upon at any time, and may not. */
  public static final long LOST = Long.MAX_VALUE;

  private static final long NANOS_PER_SECOND = 1_000_000_000;
  private static final int WORDS = 16;

  public Operation {
    if (returned < invoked || copies < 1) {
      throw new IllegalArgumentException("%d to %d, %d".formatted(invoked, returned, copies));
    }
    if ((returned == LOST) != (reply.status() == Reply.Status.UNSEEN)) {
      throw new IllegalArgumentException("a reply that was not received, or the reverse");
    }
  }

  boolean isLost() {
    return returned == LOST;
  }

  /** Returns the first second in which the server may have looked at its clock. */
  long firstSecond() {
    return Math.floorDiv(invoked, NANOS_PER_SECOND);
  }

  /** Returns the last one; {@link #LOST} if there is none. */
  long lastSecond() {
    return isLost() ? LOST : Math.floorDiv(returned, NANOS_PER_SECOND);
  }

  /** Returns a copy of the request that may have reached the server and whose reply nobody saw. */
  Operation unseenCopy() {
    return new Operation(key, client, door, invoked, LOST, 1, request, Reply.UNSEEN);
  }

  Operation withRequest(Request other) {
    return new Operation(key, client, door, invoked, returned, copies, other, reply);
  }

  /** Returns it as {@link #parse} reads it: words between spaces. */
  @Override
  public String toString() {
    return "%s %d %s %d %s %d %s -> %s"
        .formatted(
            key, client, door, invoked, isLost() ? "lost" : returned, copies, request, reply);
  }

  static Operation parse(String line) {
    String[] words = line.split(" ", -1);
    if (words.length != WORDS || !words[11].equals("->")) {
      throw new IllegalArgumentException("not an operation: " + line);
    }
    return new Operation(
        words[0],
        Integer.parseInt(words[1]),
        words[2],
        Long.parseLong(words[3]),
        words[4].equals("lost") ? LOST : Long.parseLong(words[4]),
        Integer.parseInt(words[5]),
        Request.parse(words, 6),
        Reply.parse(words, 12));
  }
}
