package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.SlotStatus;
import org.kerbykv.bpf.programs.LockManager.Event;
import org.kerbykv.bpf.programs.LockSession.Notice;
import org.kerbykv.bpf.programs.PacketDoor.Verdict;

/**
 * The programs do what {@link LockModel} does: packet by packet, through all doors, with requests
 * that are lost, sent twice and late; same replies, same notices, same locks afterwards.
 */
@RequiresBPF
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LockModelTest {
  private static final int SCHEDULES = Integer.getInteger("kerby.lock.schedules", 300);
  private static final int STEPS = 400;
  private static final int AUDIT_EVERY = 50;

  /** Limits that are met often, and limits that are hardly ever met. */
  private static final List<LockConfig> CONFIGS =
      List.of(
          LockConfig.small(),
          LockConfig.small().withQueueMax(40).withHoldersMax(30).withBlocks(200));

  private final List<LockManager> managers = new ArrayList<>();
  private final List<LockSession> sessions = new ArrayList<>();

  @BeforeAll
  void load() {
    CONFIGS.forEach(config -> managers.add(new LockManager(config)));
    managers.forEach(manager -> sessions.add(manager.session(0)));
  }

  @AfterAll
  void unload() {
    managers.forEach(LockManager::close);
  }

  @Test
  void thePrograms() {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("LockModelTest: -Dkerby.seed=" + seed);
    for (int schedule = 0; schedule < SCHEDULES; schedule++) {
      int which = schedule % CONFIGS.size();
      new Schedule(managers.get(which), sessions.get(which), CONFIGS.get(which), seed + schedule)
          .run();
    }
  }

  /** One sequence of requests to empty maps. */
  private static final class Schedule {
    private final LockManager manager;
    private final LockSession session;
    private final LockModel model;
    private final LockTraffic traffic;
    private final Random random;
    private final long seed;
    private final Map<Long, Long> watched = new TreeMap<>(); // lock, and when it will be swept
    private long now;

    Schedule(LockManager manager, LockSession session, LockConfig config, long seed) {
      this.manager = manager;
      this.session = session;
      this.model = new LockModel(config);
      this.random = new Random(seed);
      this.traffic = new LockTraffic(random);
      this.seed = seed;
      manager.clear();
    }

    void run() {
      for (int step = 0; step < STEPS; step++) {
        String at = "seed %d, step %d".formatted(seed, step);
        now += traffic.nanosToNext();
        manager.setNow(now);
        model.setNow(now);
        step(at);
        watch(at);
        model.check();
        if (step % AUDIT_EVERY == AUDIT_EVERY - 1) {
          audit(at);
        }
      }
    }

    private void step(String at) {
      switch (random.nextInt(20)) {
        case 0 -> sweep(at, traffic.lock());
        case 1 -> reap(at);
        case 2, 3, 4 -> throughUserSpace(at, traffic.next());
        default -> throughPackets(at, traffic.next());
      }
    }

    private void sweep(String at, long lock) {
      LockSession.Served served = session.sweep(lock);
      assertThat(served.notices()).as(at + ": sweep").isEqualTo(model.sweep(lock));
      long due = model.due(lock);
      assertThat(served.due()).as(at).isEqualTo(due == Long.MAX_VALUE ? LockAbi.NEVER : due);
      watched.put(lock, due);
    }

    private void reap(String at) {
      if (random.nextBoolean()) {
        long client = traffic.client();
        long since = Math.max(0, now - random.nextInt(20) * 1_000_000L);
        assertThat(session.reapClient(client, since))
            .as(at)
            .isEqualTo(doneIf(model.reapClient(client, since)));
      } else {
        long lock = traffic.lock();
        boolean onlyIdle = random.nextBoolean();
        LockSession.Served served = session.reapLock(lock, onlyIdle);
        assertThat(served.notices()).as(at + ": reap").isEqualTo(model.sweep(lock));
        assertThat(served.status()).as(at).isEqualTo(doneIf(model.reapLock(lock, onlyIdle)));
        watched.put(lock, model.due(lock));
      }
    }

    private static SlotStatus doneIf(boolean done) {
      return done ? SlotStatus.DONE : SlotStatus.KEPT;
    }

    private void throughUserSpace(String at, LockTraffic.Datagram sent) {
      String as = at + ": user space, " + sent;
      LockSession.Served served = session.serve(sent.host(), sent.message());
      LockModel.Result expected =
          model.handle(sent.message(), LockModel.Way.userSpace(sent.host()));
      assertThat(served.status()).as(as).isEqualTo(expected.status());
      assertThat(Optional.ofNullable(served.reply())).as(as).isEqualTo(expected.reply());
      assertThat(served.notices()).as(as).isEqualTo(expected.notices());
      expected.reply().ifPresent(reply -> told(reply, expected.notices()));
    }

    private void throughPackets(String at, LockTraffic.Datagram sent) {
      PacketDoor door = random.nextBoolean() ? PacketDoor.XDP : PacketDoor.TC;
      Headers headers = LockAbi.constant(Headers.values(), random.nextInt(Headers.values().length));
      String as = at + ": " + door + ", " + headers + ", " + sent;
      Frame request = LockFrame.request(headers, sent.host(), sent.message());
      LockSession.Outcome outcome = session.send(door, request);
      LockModel.Result expected =
          model.handle(sent.message(), new LockModel.Way(sent.host(), door, headers));
      if (expected.reply().isPresent()) {
        List<LockMessage> messages = new ArrayList<>(List.of(expected.reply().get()));
        if (door == PacketDoor.XDP) {
          expected.notices().forEach(notice -> messages.add(notice.message()));
        }
        assertThat(outcome.verdict()).as(as).isEqualTo(Verdict.REPLY);
        assertThat(LockFrame.messages(outcome.frame())).as(as).isEqualTo(messages);
        assertThat(outcome.frame()).as(as).isEqualTo(LockFrame.reply(request, messages));
      } else {
        assertThat(outcome.verdict()).as(as).isEqualTo(Verdict.UP);
        assertThat(outcome.frame()).as(as).isEqualTo(request);
      }
      List<Notice> notices = new ArrayList<>();
      for (Event event : manager.drainEvents()) {
        switch (event) {
          case Event.Send(Notice notice) -> notices.add(notice);
          case Event.Watch(long lock, long due) -> watched(as, lock, due);
        }
      }
      assertThat(notices).as(as).isEqualTo(door == PacketDoor.XDP ? List.of() : expected.notices());
      expected.reply().ifPresent(reply -> told(reply, expected.notices()));
    }

    private void told(LockMessage reply, List<Notice> notices) {
      traffic.received(reply);
      notices.forEach(notice -> traffic.received(notice.message()));
    }

    private void watched(String as, long lock, long due) {
      Long before = watched.put(lock, due);
      assertThat(before == null || due < before).as(as + ": told what it knows: " + lock).isTrue();
    }

    /** User space has been told when to sweep each lock that has a queue, and nothing twice. */
    private void watch(String at) {
      for (Event event : manager.drainEvents()) {
        if (event instanceof Event.Watch(long lock, long due)) {
          watched(at, lock, due);
        }
      }
      for (long lock : model.queued()) {
        assertThat(watched.getOrDefault(lock, Long.MAX_VALUE))
            .as(at + ": sweep of " + lock)
            .isLessThanOrEqualTo(model.due(lock));
      }
    }

    private void audit(String at) {
      LockAudit.check(manager);
      assertThat(LockModel.view(manager.state())).as(at).isEqualTo(model.view());
    }
  }
}
