package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.SlotStatus;
import org.kerbykv.bpf.programs.LockAbi.Status;

/**
 * The memory of a lock, or of a client, that was removed is given to another at once, under the
 * eyes of a program that has just looked up the first and waits for its word. That program must
 * notice, and not do to the one what was asked of the other.
 */
@RequiresBPF
class LockReuseTest {
  private static final int LEASE = 60_000;

  /** Six times as many as it took without the checks. */
  private static final int TURNS = 300_000;

  private final LockManager manager = new LockManager(LockConfig.small().withClock());

  /** What the one does as long as the other takes its turns. */
  private void atOnce(Runnable turn, Runnable other) throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    try (manager;
        ExecutorService thread = Executors.newSingleThreadExecutor()) {
      Future<?> others =
          thread.submit(
              () -> {
                while (!over.get()) {
                  other.run();
                }
              });
      try {
        for (int i = 0; i < TURNS && !others.isDone(); i++) {
          turn.run();
        }
      } finally {
        over.set(true);
      }
      others.get();
      LockAudit.check(manager);
      assertThat(manager.stat("held")).as("held").isZero();
    }
  }

  /** Acquires and releases a lock that nobody else wants. */
  private static final class Lone {
    private final LockSession session;
    private final long client;
    private final long lock;
    private long sequence;

    Lone(LockSession session, long client, long lock) {
      this.session = session;
      this.client = client;
      this.lock = lock;
    }

    void acquireAndRelease() {
      sequence++;
      LockMessage acquire = LockMessage.acquire(Mode.EXCLUSIVE, lock, client, sequence, 0, LEASE);
      assertThat(answered(acquire)).as("%s", acquire).isEqualTo(Status.GRANTED);
      LockMessage release = LockMessage.of(Op.RELEASE, lock, client, sequence);
      assertThat(answered(release)).as("%s", release).isEqualTo(Status.RELEASED);
    }

    private Status answered(LockMessage message) {
      LockSession.Served served = session.serve((int) client, message);
      while (served.status() == SlotStatus.AGAIN) {
        served = session.serve((int) client, message);
      }
      return served.reply().status();
    }
  }

  @Test
  void ofALock() throws Exception {
    LockSession busy = manager.session(0);
    LockSession reaper = manager.session(1);
    Lone one = new Lone(busy, 1, 7);
    Lone another = new Lone(reaper, 2, 8);
    atOnce(
        one::acquireAndRelease,
        () -> {
          reaper.reapLock(7);
          another.acquireAndRelease();
          reaper.reapLock(8);
        });
  }

  @Test
  void ofAClient() throws Exception {
    LockSession busy = manager.session(0);
    LockSession reaper = manager.session(1);
    Lone one = new Lone(busy, 1, 7);
    Lone another = new Lone(reaper, 2, 8);
    atOnce(
        one::acquireAndRelease,
        () -> {
          reaper.reapClient(1, Long.MAX_VALUE);
          another.acquireAndRelease();
          reaper.reapClient(2, Long.MAX_VALUE);
        });
  }
}
