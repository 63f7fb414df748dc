package org.kerbykv.bpf.programs;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import org.kerbykv.bpf.lockhistory.Acquisition;
import org.kerbykv.bpf.lockhistory.Acquisition.End;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.bpf.programs.LockSession.Notice;

/**
 * Well-behaved clients, a network that loses, doubles and reorders, and a lock manager, in a time
 * of their own. Clients ask again until they are answered, freeze past the end of their leases, and
 * die. Everything follows from the seed.
 */
final class LockSimulation {
  private static final long MILLI = 1_000_000;
  private static final int RESEND_MILLIS = 7;
  private static final int LEASE_MILLIS = 40;

  private final Server server;
  private final Random random;
  private final int locks;
  private final int sharedPercent;
  private final int lossPercent;
  private final long end; // of new acquisitions
  private final List<Client> clients = new ArrayList<>();
  private final List<Acquisition> history = new ArrayList<>();
  private final PriorityQueue<Event> events =
      new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::number));
  private long eventNumber;
  private long now;

  /** A lock manager: the model, or the programs. */
  interface Server {
    /** Sets the time. */
    void setNow(long nanos);

    /** Handles a request by whatever door. */
    List<Notice> handle(LockMessage request, int host);

    /** Does what is due at a lock. */
    List<Notice> sweep(long lock);
  }

  private record Event(long at, long number, Runnable action) {}

  LockSimulation(Server server, long seed) {
    this.server = server;
    this.random = new Random(seed);
    this.locks = 1 + random.nextInt(3);
    this.sharedPercent = random.nextInt(3) * 50;
    this.lossPercent = random.nextInt(3) * 15;
    this.end = (10 + random.nextInt(100)) * MILLI;
    int number = 2 + random.nextInt(6);
    for (int i = 0; i < number; i++) {
      clients.add(new Client(i + 1));
    }
  }

  /** Runs until nothing happens any more; returns what the clients saw. */
  List<Acquisition> run() {
    clients.forEach(client -> at(random.nextInt(10) * MILLI, client::begin));
    at(0, this::sweep);
    while (!events.isEmpty()) {
      Event next = events.poll();
      now = next.at();
      server.setNow(now);
      next.action().run();
    }
    clients.forEach(Client::finish);
    return history;
  }

  private void at(long delay, Runnable action) {
    events.add(new Event(now + delay, eventNumber++, action));
  }

  /** User space looks after the locks, as long as there is anybody. */
  private void sweep() {
    for (long lock = 0; lock < locks; lock++) {
      deliver(server.sweep(lock));
    }
    if (clients.stream().anyMatch(client -> !client.done)) {
      at(5 * MILLI, this::sweep);
    }
  }

  /** Two clients each have one address. */
  private void send(LockMessage request) {
    travel(() -> deliver(server.handle(request, (int) request.client() / 2)));
  }

  private void deliver(List<Notice> notices) {
    for (Notice notice : notices) {
      travel(() -> receive(notice.message()));
    }
  }

  private void receive(LockMessage message) {
    clients.get((int) message.client() - 1).receive(message);
  }

  /** Over the network: never, once or twice, after some time. */
  private void travel(Runnable arrival) {
    int copies = random.nextInt(100) < lossPercent ? 0 : random.nextInt(100) < lossPercent ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      boolean late = random.nextInt(100) < lossPercent;
      at(late ? random.nextInt(60) * MILLI : 1 + random.nextInt(200_000), arrival);
    }
  }

  /** One client with one acquisition at a time. */
  private final class Client {
    private final long number;
    private long sequence;
    private boolean done;
    private Mode mode;
    private long lock;
    private int wait;
    private Op asking; // what it wants an answer to; NONE: nothing
    private long requested;
    private long queued;
    private long granted;
    private long token;
    private long heldUntil;
    private long safeUntil;

    Client(long number) {
      this.number = number;
    }

    private void begin() {
      if (now >= end) {
        done = true;
        return;
      }
      sequence++;
      mode = random.nextInt(100) < sharedPercent ? Mode.SHARED : Mode.EXCLUSIVE;
      lock = random.nextInt(locks);
      wait = random.nextInt(4) == 0 ? random.nextInt(30) : 10_000;
      requested = now;
      queued = Acquisition.NEVER;
      granted = Acquisition.NEVER;
      token = 0;
      heldUntil = 0;
      ask(Op.ACQUIRE);
    }

    private LockMessage message() {
      return asking == Op.ACQUIRE
          ? LockMessage.acquire(mode, lock, number, sequence, wait, LEASE_MILLIS)
          : LockMessage.of(asking, lock, number, sequence);
    }

    /** Sends a request, again and again until it is answered. */
    private void ask(Op op) {
      asking = op;
      resend(op, sequence);
    }

    private void resend(Op op, long ofSequence) {
      if (done || asking != op || sequence != ofSequence) {
        return;
      }
      send(message());
      at(RESEND_MILLIS * MILLI, () -> resend(op, ofSequence));
    }

    void receive(LockMessage reply) {
      if (done || reply.sequence() != sequence || reply.op() != asking) {
        return; // late, and of no more interest
      }
      switch (reply.status()) {
        case QUEUED -> queued(reply);
        case GRANTED -> granted(reply);
        default -> ended(reply.status());
      }
    }

    private void queued(LockMessage reply) {
      queued = Math.min(queued, now);
      if (reply.op() == Op.ACQUIRE && random.nextInt(15) == 0) {
        ask(Op.CANCEL);
      }
    }

    private void granted(LockMessage reply) {
      granted = now;
      token = reply.token();
      asking = Op.NONE;
      // The lease is at least as long as if it had begun when the first request was sent.
      safeUntil = Math.max(now, requested + LEASE_MILLIS * MILLI);
      switch (random.nextInt(20)) {
        case 0 -> die();
        case 1 -> at(2L * LEASE_MILLIS * MILLI, this::release); // frozen, past its lease
        default -> at(random.nextInt(1 + random.nextInt(20)) * MILLI, this::release);
      }
    }

    private void die() {
      heldUntil = safeUntil;
      record(End.UNKNOWN);
      done = true;
    }

    private void release() {
      heldUntil = Math.max(granted, Math.min(now, safeUntil));
      ask(Op.RELEASE);
    }

    private void ended(Status status) {
      record(
          switch (status) {
            case RELEASED -> token == 0 ? End.UNKNOWN : End.RELEASED; // by a cancel
            case EXPIRED -> token == 0 ? End.UNKNOWN : End.EXPIRED;
            case TIMEOUT -> End.TIMEOUT;
            case CANCELLED -> End.CANCELLED;
            case BUSY, QUEUE_FULL, NO_ROOM -> End.REFUSED;
            default -> throw new AssertionError(status + " to " + asking);
          });
      asking = Op.NONE;
      at(random.nextInt(3) * MILLI, this::begin);
    }

    private void finish() {
      if (!done) {
        record(End.WAITING);
      }
    }

    private void record(End end) {
      history.add(
          new Acquisition(
              lock,
              number,
              sequence,
              mode == Mode.EXCLUSIVE,
              requested,
              queued,
              granted,
              token,
              heldUntil,
              now,
              requested + LEASE_MILLIS * MILLI,
              end));
    }
  }

  /** The model as a server. */
  static Server of(LockModel model, Random doors) {
    return new Server() {
      @Override
      public void setNow(long nanos) {
        model.setNow(nanos);
      }

      @Override
      public List<Notice> handle(LockMessage request, int host) {
        LockModel.Result result =
            model.handle(request, new LockModel.Way(host, PacketDoor.XDP, Headers.IP4));
        if (result.reply().isEmpty() || doors.nextInt(4) == 0) {
          List<Notice> before = result.notices();
          result = model.handle(request, new LockModel.Way(host, PacketDoor.TC, Headers.IP4));
          result.notices().addAll(before);
        }
        model.check();
        return with(result.reply().stream().toList(), host, result.notices());
      }

      @Override
      public List<Notice> sweep(long lock) {
        return model.sweep(lock);
      }
    };
  }

  /** The programs as a server. */
  static Server of(LockManager manager, LockSession session, Random doors) {
    return new Server() {
      @Override
      public void setNow(long nanos) {
        manager.setNow(nanos);
      }

      @Override
      public List<Notice> handle(LockMessage request, int host) {
        for (PacketDoor door : PacketDoor.values()) {
          Frame frame = LockFrame.request(Headers.IP4, host, request);
          LockSession.Outcome outcome = session.send(door, frame);
          if (outcome.verdict() == PacketDoor.Verdict.REPLY) {
            return with(LockFrame.messages(outcome.frame()), host, manager.drainNotices());
          }
          if (doors.nextInt(4) == 0) {
            break;
          }
        }
        LockSession.Served served = session.serve(host, request);
        return with(List.of(served.reply()), host, served.notices());
      }

      @Override
      public List<Notice> sweep(long lock) {
        return session.sweep(lock).notices();
      }
    };
  }

  private static List<Notice> with(List<LockMessage> replies, int host, List<Notice> notices) {
    List<Notice> all = new ArrayList<>(notices);
    replies.forEach(reply -> all.add(new Notice(reply, host)));
    return all;
  }
}
