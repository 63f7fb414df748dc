package org.kerbykv.client;

import java.util.ArrayList;
import java.util.List;

/**
 * One request on its way to its reply, and the future that the caller holds.
 *
 * <p>What is asked for is final. The rest belongs to the event loop of the call's link, from its
 * submission until it is retired: a call keeps its place (see {@link
 * KerbyClientConfig#maxOutstanding()}) until then, even if the caller has cancelled it.
 */
final class Call<R> extends TimedFuture<R, Call<?>> {
  /** Makes the result of a reply that is no error. */
  @FunctionalInterface
  interface Mapper<R> {
    R map(Reply reply);
  }

  /** Where a call is kept while it waits. */
  enum Place {
    NOWHERE,
    UDP,
    TCP,
    RETIRED
  }

  /** A request id in use for this call. */
  record Attempt(UdpPort port, int id) {}

  final Command command;

  /** The key that the call is placed by; of several, the first. */
  final byte[] key;

  /** The keys of a retrieval of several, else null. */
  final byte[][] keys;

  /** The value to store, for storage commands. */
  final byte[] value;

  final int flags;

  /** Seconds as they go on the wire. */
  final long exptime;

  /** The cas id of cas, the amount of incr and decr; unsigned. */
  final long argument;

  /** Whether it counts in {@link KerbyClientConfig#maxOutstanding()}. */
  final boolean takesPlace;

  /** When the call ends without a reply, in {@link System#nanoTime()}. */
  final long deadline;

  final long created;
  private final Mapper<R> mapper;

  /** Who is told how the call ended, or null. */
  CallObserver observer;

  /** The call submitted before this one, while both wait for the event loop. */
  Call<?> submittedBefore;

  Place place = Place.NOWHERE;

  /** Whether the server may have seen the request. */
  boolean sent;

  /** Whether the request has room in the {@link UdpWindow}. */
  boolean inWindow;

  /** When it was last sent over UDP. */
  long sentAt;

  int udpAttempts;
  int tcpAttempts;

  /** Over TCP: whether the request line goes on with the key of the call sent next. */
  boolean joined;

  UdpPort udpPort;
  int udpId;
  private List<Attempt> earlierAttempts;

  Call(
      Command command,
      byte[] key,
      byte[] value,
      int flags,
      long exptime,
      long argument,
      long timeoutNanos,
      Mapper<R> mapper) {
    this(command, key, null, value, flags, exptime, argument, true, timeoutNanos, mapper);
  }

  private Call(
      Command command,
      byte[] key,
      byte[][] keys,
      byte[] value,
      int flags,
      long exptime,
      long argument,
      boolean takesPlace,
      long timeoutNanos,
      Mapper<R> mapper) {
    this.command = command;
    this.key = key;
    this.keys = keys;
    this.value = value;
    this.flags = flags;
    this.exptime = exptime;
    this.argument = argument;
    this.takesPlace = takesPlace;
    this.created = System.nanoTime();
    this.deadline = created + timeoutNanos;
    this.mapper = mapper;
  }

  /** A get of several keys of one link. */
  static <R> Call<R> ofKeys(byte[][] keys, long timeoutNanos, Mapper<R> mapper) {
    return new Call<>(Command.GET, keys[0], keys, null, 0, 0, 0, true, timeoutNanos, mapper);
  }

  /** A call of the client's own, that no caller's call has to wait for. */
  static <R> Call<R> withoutPlace(
      Command command, byte[] key, long timeoutNanos, Mapper<R> mapper) {
    return new Call<>(command, key, null, null, 0, 0, 0, false, timeoutNanos, mapper);
  }

  /** Notes the id of a further attempt; a reply to any attempt answers the call. */
  void attemptWith(UdpPort port, int id) {
    if (udpPort != null) {
      if (earlierAttempts == null) {
        earlierAttempts = new ArrayList<>();
      }
      earlierAttempts.add(new Attempt(udpPort, udpId));
    }
    udpPort = port;
    udpId = id;
  }

  /** Gives every id back, so that a reply from now on is a stray. */
  void forgetAttempts() {
    if (udpPort != null) {
      udpPort.forget(udpId);
      udpPort = null;
    }
    if (earlierAttempts != null) {
      earlierAttempts.forEach(attempt -> attempt.port().forget(attempt.id()));
      earlierAttempts = null;
    }
  }

  /** Ends the call with what the server said. */
  void answer(Reply reply) {
    if (reply.status().isError()) {
      end(new KerbyServerException(reply.errorLine()), CallObserver.Outcome.REFUSED);
      return;
    }
    R result;
    try {
      result = mapper.map(reply);
    } catch (RuntimeException e) { // a transcoder's
      end(e, CallObserver.Outcome.UNDECODABLE);
      return;
    }
    // Told first: who waits for the call may look at the figures at once.
    tell(CallObserver.Outcome.of(reply));
    complete(result);
  }

  /**
   * Ends the call without an answer: with this exception, or, if it must not run twice and may have
   * run, as of unknown outcome because of it.
   */
  void fail(KerbyException reason) {
    KerbyException failure =
        sent && !command.repeatable()
            ? new KerbyUnknownOutcomeException(
                command.word() + " may have been executed: " + reason.getMessage(), reason)
            : reason;
    end(failure, CallObserver.Outcome.of(failure));
  }

  private void end(RuntimeException failure, CallObserver.Outcome outcome) {
    tell(outcome);
    completeExceptionally(failure);
  }

  private void tell(CallObserver.Outcome outcome) {
    if (observer != null && !isDone()) {
      try {
        observer.ended(command, outcome, System.nanoTime() - created);
      } catch (RuntimeException e) {
        // A registry that refuses a meter must not cost the call its result.
      }
    }
  }
}
