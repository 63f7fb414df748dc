package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several locks at once, closing, and metrics. */
@Timeout(60)
class LockClientLifeTest {
  private static final Duration LONG = Duration.ofSeconds(50);
  private static final Duration LEASE = Duration.ofMinutes(5);

  private static KerbyLockClient openPatient(LockStub server) {
    return KerbyLockClient.open(server.config().timeout(LONG).resendAfter(LONG).build());
  }

  private static <T extends Exception> void assertFailed(
      CompletableFuture<?> call, Class<T> failure) {
    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(call::get)
        .withCauseInstanceOf(failure);
  }

  private static final Map<Long, LockMode> THREE =
      Map.of(5L, LockMode.SHARED, -1L, LockMode.EXCLUSIVE, 9L, LockMode.EXCLUSIVE);

  @Test
  void severalLocksAreTakenInTheOrderOfTheirNumbers() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLockSet> call = client.acquireAllAsync(THREE, LONG, LEASE);
      List<Long> asked = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        LockStub.Request request = server.take();
        asked.add(request.message().lock());
        assertThat(request.message().mode()).isEqualTo(THREE.get(request.message().lock()).wire());
        assertThat(call).isNotDone();
        request.grant(LockStub.TOKEN + i);
      }
      assertThat(asked).containsExactly(5L, 9L, -1L); // unsigned
      KerbyLockSet locks = call.get();
      assertThat(locks.locks()).extracting(KerbyLock::id).containsExactly(5L, 9L, -1L);
      assertThat(locks.get(-1).fencingToken()).isEqualTo(LockStub.TOKEN + 2);
      assertThat(locks.isHeld()).isTrue();
      server.serveFromNowOn();
      locks.close();
      assertThat(locks.isHeld()).isFalse();
      assertThat(client.stats().unfinished()).isZero();
    }
  }

  @Test
  void ifOneCannotBeHadTheOthersAreGivenBack() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLockSet> call = client.acquireAllAsync(THREE, LONG, LEASE);
      server.take().grant();
      server.take().reply(LockMessage.QUEUE_FULL);
      assertFailed(call, KerbyLockRefusedException.class);
      LockStub.Request release = server.take();
      assertThat(release.op()).isEqualTo(LockMessage.RELEASE);
      assertThat(release.message().lock()).isEqualTo(5);
      release.serve();
      while (client.stats().unfinished() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void cancellingSeveralGivesBackWhatIsHeldAndCancelsWhatIsWaitedFor() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLockSet> call = client.acquireAllAsync(THREE, LONG, LEASE);
      server.take().grant();
      server.take().reply(LockMessage.QUEUED);
      call.cancel(false);
      LockStub.Request one = server.take();
      LockStub.Request other = server.take();
      assertThat(List.of(one, other))
          .extracting(it -> it.op() + " of " + it.message().lock())
          .containsExactlyInAnyOrder(LockMessage.RELEASE + " of 5", LockMessage.CANCEL + " of 9");
      one.serve();
      other.serve();
      while (client.stats().unfinished() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void oneThatIsLostWhileOthersAreWaitedForCostsAll() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client =
            KerbyLockClient.open(
                server.config().timeout(LONG).resendAfter(LONG).renewing(false).build())) {
      CompletableFuture<KerbyLockSet> call =
          client.acquireAllAsync(
              Map.of(1L, LockMode.SHARED, 2L, LockMode.SHARED), LONG, Duration.ofMillis(500));
      server.take().grant();
      LockStub.Request second = server.take(LockMessage.ACQUIRE);
      LockStub.Request given = server.take(LockMessage.RELEASE); // its lease has ended
      assertThat(given.message().lock()).isOne();
      given.serve();
      server.serveFromNowOn();
      second.grant();
      assertFailed(call, KerbyLockLostException.class);
      while (client.stats().unfinished() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void placesForSeveralAreTakenTogether() throws Exception {
    try (LockStub server = new LockStub(LockStub.Request::serve);
        KerbyLockClient client =
            KerbyLockClient.open(
                server.config().maxLocks(3).backPressure(BackPressure.FAIL).build())) {
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  client.acquireAll(
                      Map.of(
                          1L, LockMode.SHARED,
                          2L, LockMode.SHARED,
                          3L, LockMode.SHARED,
                          4L, LockMode.SHARED),
                      LONG,
                      LEASE));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> client.acquireAll(Map.of(), LONG, LEASE));
      try (KerbyLock one = client.acquire(1, LockMode.SHARED, LONG, LEASE)) {
        assertThat(one.isHeld()).isTrue();
        assertThatExceptionOfType(KerbyOverloadedException.class)
            .isThrownBy(() -> client.acquireAll(THREE, LONG, LEASE));
      }
      assertThat(client.acquireAll(THREE, LONG, LEASE).isHeld()).isTrue();
      assertThat(client.stats().unfinished()).isEqualTo(3);
    }
  }

  @Test
  void closeFailsWhatWaitsAndGivesBackWhatIsHeld() throws Exception {
    try (LockStub server = new LockStub()) {
      KerbyLockClient client = openPatient(server);
      CompletableFuture<KerbyLock> held = client.acquireAsync(1, LockMode.SHARED, LONG, LEASE);
      server.take().grant();
      CompletableFuture<Void> told = new CompletableFuture<>();
      held.get().onLost(() -> told.complete(null));
      CompletableFuture<KerbyLock> waiting = client.acquireAsync(2, LockMode.SHARED, LONG, LEASE);
      server.take().reply(LockMessage.QUEUED);
      CompletableFuture<KerbyLockSet> several = client.acquireAllAsync(THREE, LONG, LEASE);
      server.take();
      CompletableFuture<LockState> query = client.queryAsync(3);
      server.take();
      Thread closing = Thread.ofPlatform().start(client::close);
      List<Integer> said = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        LockStub.Request request = server.take();
        said.add(request.op());
        request.serve();
      }
      closing.join();
      assertThat(said)
          .containsExactlyInAnyOrder(LockMessage.RELEASE, LockMessage.CANCEL, LockMessage.CANCEL);
      assertFailed(waiting, KerbyClosedException.class);
      assertFailed(several, KerbyClosedException.class);
      assertFailed(query, KerbyClosedException.class);
      told.get();
      assertThat(held.get().isHeld()).isFalse();
      assertThat(held.get().release()).isFalse();
      assertFailed(held.get().renewAsync(), KerbyLockLostException.class);
      assertThatExceptionOfType(KerbyClosedException.class)
          .isThrownBy(() -> client.acquire(1, LockMode.SHARED, LONG, LEASE));
      assertThatExceptionOfType(KerbyClosedException.class).isThrownBy(() -> client.query(1));
      client.close();
    }
  }

  @Test
  void closeEndsThoughTheServerIsSilent() throws Exception {
    try (LockStub server = new LockStub()) {
      KerbyLockClient client =
          KerbyLockClient.open(server.config().timeout(Duration.ofMillis(50)).build());
      CompletableFuture<KerbyLock> waiting = client.acquireAsync(2, LockMode.SHARED, LONG, LEASE);
      server.take();
      client.close();
      assertFailed(waiting, KerbyClosedException.class);
    }
  }

  @Test
  void closeWhileLocksAreAskedForLeavesNoCallOpen() throws Exception {
    try (LockStub server = new LockStub(LockStub.Request::serve)) {
      for (int round = 0; round < 20; round++) {
        KerbyLockClient client = KerbyLockClient.open(server.config().build());
        List<CompletableFuture<KerbyLock>> calls = new ArrayList<>();
        CountDownLatch some = new CountDownLatch(100);
        Thread caller =
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int i = 0; i < 1000; i++) {
                        calls.add(client.acquireAsync(i, LockMode.SHARED, LONG, LEASE));
                        some.countDown();
                      }
                    });
        some.await();
        client.close();
        caller.join();
        for (CompletableFuture<KerbyLock> call : calls) {
          try {
            assertThat(call.get().isHeld()).isFalse();
          } catch (ExecutionException e) {
            assertThat(e).hasCauseInstanceOf(KerbyClosedException.class);
          }
        }
      }
    }
  }

  @Test
  void metricsTellWhatBecameOfEveryAcquisition() throws Exception {
    SimpleMeterRegistry registry = new SimpleMeterRegistry();
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      new KerbyLockMetrics(client, Tags.of("client", "a")).bindTo(registry);
      CompletableFuture<KerbyLock> granted = client.acquireAsync(1, LockMode.SHARED, LONG, LEASE);
      server.take().grant();
      KerbyLock lock = granted.get();
      CompletableFuture<?> busy = client.tryAcquireAsync(1, LockMode.SHARED, LEASE);
      server.take().reply(LockMessage.BUSY);
      busy.get();
      CompletableFuture<?> full = client.acquireAsync(1, LockMode.SHARED, LONG, LEASE);
      server.take().reply(LockMessage.QUEUE_FULL);
      assertFailed(full, KerbyLockRefusedException.class);
      CompletableFuture<?> cancelled = client.acquireAsync(1, LockMode.SHARED, LONG, LEASE);
      server.take();
      cancelled.cancel(false);
      server.take().serve();
      CompletableFuture<Void> renewed = lock.renewAsync();
      server.take().grant();
      renewed.get();
      assertThat(registry.get("kerby.lock.unfinished").tag("client", "a").gauge().value()).isOne();
      CompletableFuture<Boolean> released = lock.releaseAsync();
      server.take().serve();
      released.get();
      CompletableFuture<KerbyLock> second = client.acquireAsync(1, LockMode.SHARED, LONG, LEASE);
      server.take().grant();
      CompletableFuture<Void> failed = second.get().renewAsync();
      server.take().reply(LockMessage.EXPIRED);
      assertFailed(failed, KerbyLockLostException.class);
      for (String outcome : List.of("granted:2", "busy:1", "queue_full:1")) {
        String[] parts = outcome.split(":", 2);
        assertThat(registry.get("kerby.lock.acquisitions").tag("outcome", parts[0]).timer().count())
            .as(outcome)
            .isEqualTo(Long.parseLong(parts[1]));
      }
      assertThat(registry.get("kerby.lock.acquisitions").timers()).hasSize(3); // none cancelled
      assertThat(registry.get("kerby.lock.holds").tag("end", "released").timer().count()).isOne();
      assertThat(registry.get("kerby.lock.holds").tag("end", "lost").timer().count()).isOne();
      assertThat(registry.get("kerby.lock.renewals").functionCounter().count()).isOne();
    }
  }
}
