package org.kerbykv.bpf.programs;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.SlotStatus;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.bpf.programs.LockSession.Notice;

/**
 * Kerby-Lock's state machine in plain Java, one request after the other: what the programs are to
 * answer, whom they are to tell, and what they are to hold afterwards.
 */
final class LockModel {
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final LockConfig config;
  private final Map<Long, Lock> locks = new HashMap<>();
  private final Map<Long, Client> clients = new HashMap<>();
  private int blocks;
  private long now;

  LockModel(LockConfig config) {
    this.config = config;
  }

  /**
   * What becomes of a request.
   *
   * @param status DONE, or why user space has to do something first
   * @param reply empty: it is let pass to the next door
   * @param notices with XDP's door: those that go along with the reply
   */
  record Result(SlotStatus status, Optional<LockMessage> reply, List<Notice> notices) {}

  /**
   * The way a request came.
   *
   * @param host whose address it came from
   * @param door null: user space's
   * @param headers null with user space's door
   */
  record Way(int host, PacketDoor door, Headers headers) {
    static Way userSpace(int host) {
      return new Way(host, null, null);
    }

    /** How many notices the door can send by itself. */
    int room() {
      return door == PacketDoor.XDP ? 0 : LockAbi.NOTICES_MAX;
    }

    /** Whether what is sent to another goes to the same address. */
    boolean isSameAs(Way other) {
      return headers == other.headers && host == other.host;
    }
  }

  /** An acquisition that is not over: {@link #until} is the end of its lease or of its patience. */
  static final class Acquisition {
    final long client;
    final long sequence;
    final Mode mode;
    final int leaseMillis;
    final boolean inBlock;
    long until;
    long token;
    Way way;

    Acquisition(LockMessage request, Way way, boolean inBlock) {
      client = request.client();
      sequence = request.sequence();
      mode = request.mode();
      leaseMillis = request.lease();
      this.way = way;
      this.inBlock = inBlock;
    }

    /** The names that clients give it. */
    String name() {
      return client + "/" + sequence;
    }
  }

  /** What is known of an acquisition: how it ended; null if it has not. */
  private record Known(long sequence, Status end) {}

  private static final class Client {
    private final Map<Long, Known> known = new HashMap<>();
    long seen;
    int live;

    /**
     * What is known of that number, or of the one whose place it is to take; null if neither is.
     */
    Known record(long sequence) {
      return known.get(sequence % LockAbi.WINDOW);
    }

    void put(long sequence, Status end) {
      known.put(sequence % LockAbi.WINDOW, new Known(sequence, end));
    }
  }

  private final class Lock {
    final long number;
    final List<Acquisition> holders = new ArrayList<>();
    final Deque<Acquisition> queue = new ArrayDeque<>();
    long token = LockManager.TOKEN_BASE + now;
    long expires = Long.MAX_VALUE; // no lease ends before
    long deadline = Long.MAX_VALUE; // no waiter's time is up before
    boolean behind; // the first in the queue could hold it
    long idleToken; // the token when it was last found idle

    Lock(long number) {
      this.number = number;
    }

    Mode mode() {
      return holders.isEmpty() ? Mode.FREE : holders.getFirst().mode;
    }

    boolean isCompatible(Mode wanted) {
      return holders.isEmpty()
          || (wanted == Mode.SHARED && mode() == Mode.SHARED && holders.size() < holdersMax());
    }

    boolean hasFirst() {
      return holders.stream().anyMatch(it -> !it.inBlock);
    }

    void hold(Acquisition one) {
      one.until = now + one.leaseMillis * NANOS_PER_MILLI;
      one.token = ++token;
      holders.add(one);
      expires = Math.min(expires, one.until);
    }

    Optional<Acquisition> find(LockMessage request) {
      return Stream.concat(holders.stream(), queue.stream())
          .filter(it -> it.client == request.client() && it.sequence == request.sequence())
          .findFirst();
    }

    /** An acquisition is over, wherever it is. */
    void end(Acquisition one, Status how) {
      if (holders.remove(one) && holders.isEmpty()) {
        expires = Long.MAX_VALUE;
      }
      if (queue.remove(one) && queue.isEmpty()) {
        deadline = Long.MAX_VALUE;
      }
      if (one.inBlock) {
        blocks--;
      }
      Client client = clients.get(one.client);
      client.put(one.sequence, how);
      client.live--;
    }

    Notice notice(Acquisition one, Status status) {
      boolean granted = status == Status.GRANTED;
      return new Notice(
          new LockMessage(
              Op.ACQUIRE,
              one.mode,
              status,
              number,
              one.client,
              one.sequence,
              granted ? one.token : 0,
              queue.size(),
              granted ? one.leaseMillis : 0),
          one.way.host());
    }

    /** Does what is due, as far as there is room for notices. */
    void settle(List<Notice> notices, int room) {
      if (now >= expires) {
        List.copyOf(holders).stream()
            .filter(it -> it.until <= now)
            .forEach(it -> end(it, Status.EXPIRED));
        expires = holders.stream().mapToLong(it -> it.until).min().orElse(Long.MAX_VALUE);
      }
      if (now >= deadline) {
        for (Acquisition one : List.copyOf(queue)) {
          if (one.until <= now && notices.size() < room) {
            end(one, Status.TIMEOUT);
            notices.add(notice(one, Status.TIMEOUT));
          }
        }
        deadline = queue.stream().mapToLong(it -> it.until).min().orElse(Long.MAX_VALUE);
      }
      grant(notices, room);
    }

    void grant(List<Notice> notices, int room) {
      behind = false;
      while (!queue.isEmpty() && isCompatible(queue.getFirst().mode)) {
        if (notices.size() >= room) {
          behind = true;
          return;
        }
        Acquisition one = queue.removeFirst();
        if (queue.isEmpty()) {
          deadline = Long.MAX_VALUE;
        }
        hold(one);
        notices.add(notice(one, Status.GRANTED));
      }
    }

    boolean isDue() {
      return !queue.isEmpty() && (behind || now >= expires || now >= deadline);
    }

    boolean movesOnWithoutOne() {
      return !queue.isEmpty() && (holders.size() == 1 || holders.size() >= holdersMax());
    }

    /**
     * Whether a holder's leave that came this way has one notice at most, which its reply takes
     * along.
     */
    boolean takesAlong(Way way) {
      Acquisition first = queue.getFirst();
      return way.door() == PacketDoor.XDP
          && (first.mode == Mode.EXCLUSIVE || queue.size() == 1)
          && first.way.isSameAs(way);
    }
  }

  private int holdersMax() {
    return config.holdersMax();
  }

  /** Sets the time, in nanoseconds. */
  void setNow(long nanos) {
    now = nanos;
  }

  /**
   * Handles a request.
   *
   * @param way how it came
   */
  Result handle(LockMessage sent, Way way) {
    LockMessage request = limited(sent);
    if (!isWellFormed(request)) {
      LockMessage reply = request.reply(Status.INVALID, request.mode(), 0, 0, 0);
      return new Result(SlotStatus.DONE, Optional.of(reply), List.of());
    }
    boolean begins = request.op() == Op.ACQUIRE || request.op() == Op.CANCEL;
    if (!clients.containsKey(request.client())) {
      if (!begins) {
        return new Result(SlotStatus.DONE, Optional.of(ofUnknownClient(request)), List.of());
      }
      if (clients.size() >= config.clients()) {
        return new Result(SlotStatus.FULL, Optional.empty(), List.of());
      }
      clients.put(request.client(), new Client());
    }
    Client client = clients.get(request.client());
    client.seen = now;
    if (!locks.containsKey(request.lock()) && locks.size() >= config.locks()) {
      return new Result(SlotStatus.FULL, Optional.empty(), List.of());
    }
    Lock lock = locks.computeIfAbsent(request.lock(), Lock::new);
    List<Notice> notices = new ArrayList<>();
    if (way.room() == 0 && lock.isDue()) {
      return new Result(SlotStatus.DONE, Optional.empty(), notices);
    }
    lock.settle(notices, way.room());
    Optional<LockMessage> reply = act(request, way, lock, client, notices);
    return new Result(SlotStatus.DONE, reply.map(it -> finished(it, request, lock)), notices);
  }

  private static LockMessage limited(LockMessage sent) {
    return new LockMessage(
        sent.op(),
        sent.mode(),
        sent.status(),
        sent.lock(),
        sent.client(),
        sent.sequence(),
        sent.token(),
        Math.min(sent.waiting(), LockConfig.WAIT_MAX_MILLIS),
        Math.min(sent.lease(), LockConfig.LEASE_MAX_MILLIS));
  }

  private static boolean isWellFormed(LockMessage it) {
    if (it.client() == 0 || it.sequence() == 0 || it.op() == Op.NONE) {
      return false;
    }
    return switch (it.op()) {
      case ACQUIRE -> it.mode() != Mode.FREE && it.lease() > 0;
      case RENEW -> it.lease() > 0;
      default -> true;
    };
  }

  private LockMessage ofUnknownClient(LockMessage request) {
    Lock lock = locks.get(request.lock());
    boolean shown = request.op() == Op.QUERY && lock != null;
    return request.reply(
        Status.NOT_HOLDER, shown ? lock.mode() : Mode.FREE, 0, shown ? lock.queue.size() : 0, 0);
  }

  /** What every reply says beside what became of the acquisition. */
  private static LockMessage finished(LockMessage reply, LockMessage request, Lock lock) {
    return new LockMessage(
        reply.op(),
        request.op() == Op.QUERY ? lock.mode() : reply.mode(),
        reply.status(),
        reply.lock(),
        reply.client(),
        reply.sequence(),
        reply.token(),
        lock.queue.size(),
        reply.lease());
  }

  private Optional<LockMessage> act(
      LockMessage request, Way way, Lock lock, Client client, List<Notice> notices) {
    long sequence = request.sequence();
    Known record = client.record(sequence);
    if (record != null && record.sequence() > sequence) {
      return Optional.of(ended(request, Status.STALE));
    }
    if (record != null && record.sequence() == sequence) {
      if (record.end() != null) {
        return Optional.of(ended(request, record.end()));
      }
      Optional<Acquisition> found = lock.find(request);
      return found.isEmpty()
          ? Optional.of(ended(request, Status.INVALID))
          : known(request, way, lock, found.get(), notices);
    }
    if (record != null && record.end() == null) {
      return Optional.of(ended(request, Status.INVALID));
    }
    return Optional.of(
        switch (request.op()) {
          case ACQUIRE -> begin(request, way, lock, client);
          case CANCEL -> {
            client.put(sequence, Status.CANCELLED);
            yield ended(request, Status.CANCELLED);
          }
          default -> ended(request, Status.NOT_HOLDER);
        });
  }

  private static LockMessage ended(LockMessage request, Status status) {
    return request.reply(status, request.mode(), 0, 0, 0);
  }

  /** A request for an acquisition that is not over. */
  private Optional<LockMessage> known(
      LockMessage request, Way way, Lock lock, Acquisition one, List<Notice> notices) {
    boolean held = lock.holders.contains(one);
    switch (request.op()) {
      case ACQUIRE -> one.way = way;
      case RENEW -> {
        if (held) {
          one.until = now + request.lease() * NANOS_PER_MILLI;
          lock.expires = lock.holders.size() == 1 ? one.until : Math.min(lock.expires, one.until);
        }
      }
      case RELEASE, CANCEL -> {
        if (held || request.op() == Op.CANCEL) {
          return leave(request, way, lock, one, held, notices);
        }
      }
      default -> {}
    }
    return Optional.of(standing(request, one, held));
  }

  private Optional<LockMessage> leave(
      LockMessage request,
      Way way,
      Lock lock,
      Acquisition one,
      boolean held,
      List<Notice> notices) {
    boolean movesOn =
        held ? lock.movesOnWithoutOne() : lock.queue.getFirst() == one && lock.queue.size() > 1;
    boolean along = way.room() == 0 && movesOn && held && lock.takesAlong(way);
    if (way.room() == 0 && movesOn && !along) {
      return Optional.empty();
    }
    Status status = held ? Status.RELEASED : Status.CANCELLED;
    lock.end(one, status);
    lock.grant(notices, along ? 1 : way.room());
    return Optional.of(request.reply(status, one.mode, 0, 0, 0));
  }

  private LockMessage standing(LockMessage request, Acquisition one, boolean held) {
    return held
        ? request.reply(
            Status.GRANTED,
            one.mode,
            one.token,
            0,
            (int) (Math.max(0, one.until - now) / NANOS_PER_MILLI))
        : request.reply(Status.QUEUED, one.mode, 0, 0, 0);
  }

  private LockMessage begin(LockMessage request, Way way, Lock lock, Client client) {
    boolean hold = lock.queue.isEmpty() && lock.isCompatible(request.mode());
    boolean inBlock = !hold || lock.hasFirst();
    Status refused = null;
    if (!hold && request.waiting() == 0) {
      refused = Status.BUSY;
    } else if (!hold && lock.queue.size() >= config.queueMax()) {
      refused = Status.QUEUE_FULL;
    } else if (inBlock && blocks >= config.blocks()) {
      refused = Status.NO_ROOM;
    }
    client.put(request.sequence(), refused);
    if (refused != null) {
      return ended(request, refused);
    }
    Acquisition one = new Acquisition(request, way, inBlock);
    client.live++;
    blocks += inBlock ? 1 : 0;
    if (hold) {
      lock.hold(one);
    } else {
      one.until = now + request.waiting() * NANOS_PER_MILLI;
      lock.queue.addLast(one);
      lock.deadline = Math.min(lock.deadline, one.until);
    }
    return standing(request, one, hold);
  }

  /** Does what is due at a lock. */
  List<Notice> sweep(long number) {
    List<Notice> notices = new ArrayList<>();
    Lock lock = locks.get(number);
    if (lock != null) {
      lock.settle(notices, LockAbi.NOTICES_MAX);
    }
    return notices;
  }

  /** The locks that somebody waits for. */
  Set<Long> queued() {
    return locks.values().stream()
        .filter(lock -> !lock.queue.isEmpty())
        .map(lock -> lock.number)
        .collect(Collectors.toSet());
  }

  /** When next to look after a lock; {@link Long#MAX_VALUE} if nobody waits for it. */
  long due(long number) {
    Lock lock = locks.get(number);
    if (lock == null || lock.queue.isEmpty()) {
      return Long.MAX_VALUE;
    }
    return lock.behind ? now : Math.min(lock.expires, lock.deadline);
  }

  /**
   * Removes a lock if nobody needs it, when what is due has been done; see {@link #sweep}.
   *
   * @param onlyIdle only if nobody has needed it since it was last found idle
   */
  boolean reapLock(long number, boolean onlyIdle) {
    Lock lock = locks.get(number);
    if (lock == null || !lock.holders.isEmpty()) {
      return false;
    }
    boolean idle = lock.idleToken == lock.token;
    if (!lock.queue.isEmpty() || LockManager.TOKEN_BASE + now < lock.token || (onlyIdle && !idle)) {
      lock.idleToken = lock.token;
      return false;
    }
    locks.remove(number);
    return true;
  }

  /** Removes a client that was not heard of since that time. */
  boolean reapClient(long number, long since) {
    Client client = clients.get(number);
    if (client == null || client.live > 0 || client.seen >= since) {
      return false;
    }
    clients.remove(number);
    return true;
  }

  /** A lock, for comparing: holders in any order, waiters in that of the queue. */
  record View(long token, List<String> holders, List<String> queue) {}

  /** All locks. */
  Map<Long, View> view() {
    Map<Long, View> all = new HashMap<>();
    locks.forEach(
        (number, lock) ->
            all.put(
                number,
                new View(
                    lock.token,
                    lock.holders.stream().map(it -> shown(it, true)).sorted().toList(),
                    lock.queue.stream().map(it -> shown(it, false)).toList())));
    return all;
  }

  private static String shown(Acquisition one, boolean held) {
    return "%s %s until %d%s"
        .formatted(one.name(), one.mode, one.until, held ? " token " + one.token : "");
  }

  /** The same of the programs' maps. */
  static Map<Long, View> view(LockState state) {
    Map<Long, View> all = new HashMap<>();
    state
        .entries()
        .forEach(
            (number, entry) -> {
              List<String> holders = shown(state, entry.more(), true);
              LockState.Holder first = entry.first();
              if (first.sequence() != 0) {
                holders.add(
                    "%d/%d %s until %d token %d"
                        .formatted(
                            first.client(),
                            first.sequence(),
                            LockAbi.constant(Mode.values(), entry.mode()),
                            first.until(),
                            first.token()));
              }
              all.put(
                  number,
                  new View(
                      entry.token(),
                      holders.stream().sorted().toList(),
                      shown(state, entry.head(), false)));
            });
    return all;
  }

  private static List<String> shown(LockState state, long head, boolean held) {
    List<String> nodes = new ArrayList<>();
    for (long index = head; index != 0; index = state.nodes().get(index).next()) {
      LockState.Node node = state.nodes().get(index);
      nodes.add(
          "%d/%d %s until %d%s"
              .formatted(
                  node.client(),
                  node.sequence(),
                  LockAbi.constant(Mode.values(), node.mode()),
                  node.until(),
                  held ? " token " + node.token() : ""));
    }
    return nodes;
  }

  /** Fails if a lock is held by more than it may be, or keeps somebody waiting for nothing. */
  void check() {
    locks.values().forEach(this::check);
    long inBlocks =
        locks.values().stream()
            .flatMap(it -> Stream.concat(it.holders.stream(), it.queue.stream()))
            .filter(it -> it.inBlock)
            .count();
    require(inBlocks == blocks, "blocks");
  }

  private void check(Lock lock) {
    require(
        lock.holders.size() <= 1 || lock.holders.stream().allMatch(it -> it.mode == Mode.SHARED),
        "exclusive means exclusive");
    require(lock.holders.size() <= config.holdersMax(), "holders");
    require(lock.queue.size() <= config.queueMax(), "queue");
    require(
        lock.queue.isEmpty() || lock.behind || !lock.isCompatible(lock.queue.getFirst().mode),
        "nobody waits for nothing");
    Iterator<Acquisition> tokens =
        lock.holders.stream().sorted((a, b) -> Long.compare(a.token, b.token)).iterator();
    long last = 0;
    while (tokens.hasNext()) {
      long token = tokens.next().token;
      require(token > last && token <= lock.token, "tokens grow");
      last = token;
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
