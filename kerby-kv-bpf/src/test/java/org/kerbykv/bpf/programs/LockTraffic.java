package org.kerbykv.bpf.programs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;

/**
 * Clients that acquire, release, cancel, renew and ask, and a network that loses, doubles and
 * delays what they send. Some are careless, and use a number twice or too soon; one takes up the
 * numbers of others. All of it from one source of random numbers.
 */
final class LockTraffic {
  private static final int CLIENTS = 12;
  private static final int HOSTS = 3;
  private static final int STALE_MAX = 40; // datagrams that may still come once more

  private final Random random;
  private final int locks;
  private final Map<Long, Long> sequences = new HashMap<>();
  private final List<LockMessage> held = new ArrayList<>();
  private final List<Datagram> earlier = new ArrayList<>();

  /**
   * A request on its way in.
   *
   * @param host the address it comes from
   */
  record Datagram(LockMessage message, int host) {}

  LockTraffic(Random random) {
    this.random = random;
    this.locks = 1 + random.nextInt(4);
  }

  /** The time that passes before the next request. */
  long nanosToNext() {
    return random.nextInt(4) > 0
        ? random.nextInt(1000)
        : random.nextInt(1 + random.nextInt(40)) * 1_000_000L;
  }

  long lock() {
    // Now and then one that hardly anybody uses, so that the table gets full.
    return random.nextInt(30) == 0 ? 100 + random.nextInt(100) : random.nextInt(locks);
  }

  long client() {
    return random.nextInt(60) == 0 ? 100 + random.nextInt(100) : 1 + random.nextInt(CLIENTS);
  }

  /** A client has heard of what it has got. */
  void received(LockMessage reply) {
    if (reply.op() == Op.ACQUIRE && reply.status() == LockAbi.Status.GRANTED) {
      held.add(reply);
    }
  }

  /** The next request to come in. */
  Datagram next() {
    Datagram next =
        !earlier.isEmpty() && random.nextInt(5) == 0
            ? again(earlier.get(random.nextInt(earlier.size())))
            : fresh();
    if (random.nextInt(3) > 0) {
      if (earlier.size() >= STALE_MAX) {
        earlier.remove(random.nextInt(earlier.size()));
      }
      earlier.add(next);
    }
    // A delayed datagram overtaken by all that comes meanwhile.
    return random.nextInt(25) == 0 ? delayed(next) : next;
  }

  /** The same, now and then from another address. */
  private Datagram again(Datagram one) {
    return random.nextInt(4) == 0 ? new Datagram(one.message(), random.nextInt(HOSTS)) : one;
  }

  private Datagram delayed(Datagram one) {
    earlier.add(one);
    return fresh();
  }

  private Datagram fresh() {
    LockMessage message = message();
    int host = random.nextInt(10) == 0 ? random.nextInt(HOSTS) : (int) (message.client() % HOSTS);
    return new Datagram(message, host);
  }

  private LockMessage message() {
    if (!held.isEmpty() && random.nextInt(5) < 2) {
      LockMessage one = held.get(random.nextInt(held.size()));
      return switch (random.nextInt(10)) {
        case 0 -> LockMessage.renew(one.lock(), one.client(), one.sequence(), lease());
        case 1 -> LockMessage.of(Op.QUERY, one.lock(), one.client(), one.sequence());
        case 2 -> LockMessage.of(Op.CANCEL, one.lock(), one.client(), one.sequence());
        case 3 -> // of a lock that it does not hold
            LockMessage.of(Op.RELEASE, lock(), one.client(), one.sequence());
        default -> {
          held.remove(one);
          yield LockMessage.of(Op.RELEASE, one.lock(), one.client(), one.sequence());
        }
      };
    }
    long client = client();
    if (random.nextInt(8) == 0) {
      Op[] ops = {Op.RELEASE, Op.CANCEL, Op.QUERY, Op.RENEW, Op.NONE};
      return LockMessage.of(ops[random.nextInt(ops.length)], lock(), client, sequence(client))
          .withLease(random.nextInt(3) * lease());
    }
    Mode mode = random.nextInt(3) == 0 ? Mode.EXCLUSIVE : Mode.SHARED;
    int patience = random.nextInt(5) == 0 ? 0 : 1 + random.nextInt(60);
    return LockMessage.acquire(mode, lock(), client, sequence(client), patience, lease());
  }

  private int lease() {
    return random.nextInt(100) == 0 ? 3 * LockConfig.LEASE_MAX_MILLIS : 1 + random.nextInt(50);
  }

  private long sequence(long client) {
    long last = sequences.getOrDefault(client, 0L);
    return switch (random.nextInt(40)) {
      case 0 -> Math.max(0, last - random.nextInt(70)); // long over
      case 1 -> last + random.nextInt(60); // some are never used
      default -> {
        sequences.put(client, last + 1);
        yield last + 1;
      }
    };
  }
}
