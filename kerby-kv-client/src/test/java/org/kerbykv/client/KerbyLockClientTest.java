package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.net.DatagramSocket;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Acquiring and giving back, whatever the network does to it. */
@Timeout(60)
class KerbyLockClientTest {
  private static final Duration LONG = Duration.ofSeconds(50);
  private static final Duration WAIT = Duration.ofSeconds(40);
  private static final Duration LEASE = Duration.ofMinutes(5);

  private static KerbyLockClient open(LockStub server) {
    return KerbyLockClient.open(
        server.config().timeout(LONG).resendAfter(Duration.ofMillis(5)).build());
  }

  /** One that never sends a request again, so that a test sees each once. */
  private static KerbyLockClient openPatient(LockStub server) {
    return KerbyLockClient.open(server.config().timeout(LONG).resendAfter(LONG).build());
  }

  private static CompletableFuture<KerbyLock> acquire(KerbyLockClient client) {
    return client.acquireAsync(7, LockMode.EXCLUSIVE, WAIT, LEASE);
  }

  private static <T extends Exception> void assertFailed(
      CompletableFuture<?> call, Class<T> failure) {
    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(call::get)
        .withCauseInstanceOf(failure);
  }

  @Test
  void asksForWhatTheCallerWants() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> call =
          client.acquireAsync(-2, LockMode.SHARED, Duration.ofSeconds(3), Duration.ofSeconds(9));
      LockStub.Request request = server.take();
      LockMessage asked = request.message();
      assertThat(asked.op()).isEqualTo(LockMessage.ACQUIRE);
      assertThat(asked.mode()).isEqualTo(1);
      assertThat(asked.lock()).isEqualTo(-2);
      assertThat(asked.client()).isNotZero();
      assertThat(asked.sequence()).isOne();
      assertThat(asked.waiting()).isBetween(1L, 3000L);
      assertThat(asked.lease()).isEqualTo(9000);
      request.grant();
      KerbyLock lock = call.get();
      assertThat(lock.id()).isEqualTo(-2);
      assertThat(lock.mode()).isEqualTo(LockMode.SHARED);
      assertThat(lock.fencingToken()).isEqualTo(LockStub.TOKEN);
      assertThat(lock.isHeld()).isTrue();
      CompletableFuture<Boolean> released = lock.releaseAsync();
      assertThat(lock.isHeld()).isFalse();
      LockStub.Request release = server.take();
      assertThat(release.message())
          .isEqualTo(
              LockMessage.request(
                  LockMessage.RELEASE, 1, -2, asked.client(), asked.sequence(), 0, 0));
      assertThat(released).isNotDone();
      release.serve();
      assertThat(released.get()).isTrue();
      assertThat(lock.release()).isTrue(); // again, and still so
    }
  }

  @Test
  void lostRequestsAreSentAgainUnderTheSameNumber() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      CompletableFuture<KerbyLock> call = acquire(client);
      LockMessage first = server.take().message();
      LockMessage second = server.take().message();
      LockStub.Request third = server.take();
      assertThat(second.sequence()).isEqualTo(first.sequence());
      assertThat(second.client()).isEqualTo(first.client());
      // What is left of it, 5 and 10 ms later at the earliest.
      assertThat(third.message().waiting()).isBetween(1L, first.waiting() - 14);
      third.grant();
      CompletableFuture<Boolean> released = call.get().releaseAsync();
      server.take(LockMessage.RELEASE);
      server.take(LockMessage.RELEASE);
      server.take(LockMessage.RELEASE).serve();
      assertThat(released.get()).isTrue();
      assertThat(client.stats().retransmissions()).isGreaterThanOrEqualTo(4);
    }
  }

  @Test
  void aWaiterAsksAgainAndSoLearnsOfAGrantWhoseNoticeWasLost() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      CompletableFuture<KerbyLock> call = acquire(client);
      for (int i = 0; i < 4; i++) {
        server.take().reply(LockMessage.QUEUED);
      }
      server.take().grant();
      assertThat(call.get().isHeld()).isTrue();
      server.serveFromNowOn();
    }
  }

  @Test
  void aNoticeCompletesTheWait() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> call = acquire(client);
      LockStub.Request request = server.take();
      request.reply(LockMessage.QUEUED);
      request.notice(LEASE.toMillis());
      assertThat(call.get().fencingToken()).isEqualTo(LockStub.TOKEN);
      server.serveFromNowOn();
    }
  }

  @Test
  void aNoticeMayComeAlongWithTheReplyToAnother() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> first = acquire(client);
      server.take().grant();
      CompletableFuture<KerbyLock> second = acquire(client);
      LockStub.Request waiter = server.take();
      waiter.reply(LockMessage.QUEUED);
      CompletableFuture<Boolean> released = first.get().releaseAsync();
      LockStub.Request release = server.take();
      release.send(
          release.reply(LockMessage.RELEASED, 0, 0),
          waiter.reply(LockMessage.GRANTED, LockStub.TOKEN, LEASE.toMillis()));
      assertThat(released.get()).isTrue();
      assertThat(second.get().fencingToken()).isEqualTo(LockStub.TOKEN);
      server.serveFromNowOn();
    }
  }

  @Test
  void repliesToOthersCompleteNothing() throws Exception {
    try (LockStub server = new LockStub();
        DatagramSocket stranger = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> call = acquire(client);
      LockStub.Request request = server.take();
      LockMessage right = request.reply(LockMessage.GRANTED, LockStub.TOKEN, LEASE.toMillis());
      // From another address the kernel drops it: it is not even counted.
      server.send(stranger, request.client(), right);
      request.send(foreign(right, right.lock(), right.client(), right.sequence() + 1));
      request.send(foreign(right, right.lock(), right.client(), right.sequence() + 56));
      request.send(foreign(right, right.lock(), right.client() + 1, right.sequence()));
      request.send(foreign(right, right.lock() + 1, right.client(), right.sequence()));
      server.sendRaw(request.client(), new byte[LockMessage.BYTES]);
      server.sendRaw(request.client(), new byte[3]);
      server.send(null, request.client(), request.message()); // a request is no reply
      LockState state = queried(server, client);
      assertThat(state.waiting()).isZero(); // so all before has been received
      assertThat(call).isNotDone();
      assertThat(client.stats().strayReplies()).isEqualTo(4);
      assertThat(client.stats().malformedReplies()).isEqualTo(3);
      request.grant();
      assertThat(call.get().isHeld()).isTrue();
      server.serveFromNowOn();
    }
  }

  private static LockMessage foreign(LockMessage it, long lock, long client, long sequence) {
    return new LockMessage(
        it.op(), it.mode(), it.status(), lock, client, sequence, it.token(), 0, it.lease());
  }

  /** A query, answered, so that the client has seen whatever was sent to it before. */
  private static LockState queried(LockStub server, KerbyLockClient client) throws Exception {
    CompletableFuture<LockState> query = client.queryAsync(1);
    server.take(LockMessage.QUERY).serve();
    return query.get();
  }

  @Test
  void aLateReplyToOneThatIsOverCompletesNoOther() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> given = acquire(client);
      LockStub.Request old = server.take();
      given.cancel(true);
      server.take().serve();
      CompletableFuture<KerbyLock> call = acquire(client);
      LockStub.Request request = server.take();
      old.grant();
      old.grant();
      queried(server, client);
      assertThat(call).isNotDone();
      assertThat(client.stats().strayReplies()).isEqualTo(2);
      request.grant(LockStub.TOKEN + 5);
      request.grant(LockStub.TOKEN + 5); // doubled
      assertThat(call.get().fencingToken()).isEqualTo(LockStub.TOKEN + 5);
      queried(server, client);
      assertThat(call.get().isHeld()).isTrue();
      server.serveFromNowOn();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "6,  TIMEOUT, KerbyLockTimeoutException",
    "7,  BUSY, KerbyLockTimeoutException",
    "8,  QUEUE_FULL, KerbyLockRefusedException",
    "9,  NO_ROOM, KerbyLockRefusedException",
    "4,  EXPIRED, KerbyLockLostException",
    "11, STALE, KerbyLockRefusedException",
    "12, INVALID, KerbyLockRefusedException",
  })
  void everyRefusalHasItsException(int status, String name, String exception) throws Exception {
    try (LockStub server = new LockStub(request -> request.reply(status));
        KerbyLockClient client = open(server)) {
      assertThatExceptionOfType(KerbyLockException.class)
          .as(name)
          .isThrownBy(() -> client.acquire(7, LockMode.SHARED, WAIT, LEASE))
          .satisfies(
              failure -> {
                assertThat(failure.getClass().getSimpleName()).isEqualTo(exception);
                if (failure instanceof KerbyLockRefusedException refused) {
                  assertThat(refused.reason().name())
                      .isEqualTo(name.equals("STALE") ? "INVALID" : name);
                }
              });
      assertThat(client.stats().unfinished()).isZero();
    }
  }

  @Test
  void tryAcquireDoesNotWait() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<Optional<KerbyLock>> busy =
          client.tryAcquireAsync(7, LockMode.EXCLUSIVE, LEASE);
      LockStub.Request request = server.take();
      assertThat(request.message().waiting()).isZero();
      request.reply(LockMessage.BUSY);
      assertThat(busy.get()).isEmpty();
      CompletableFuture<Optional<KerbyLock>> free =
          client.tryAcquireAsync(7, LockMode.EXCLUSIVE, LEASE);
      server.take().grant();
      assertThat(free.get()).isPresent();
      server.serveFromNowOn();
    }
  }

  @Test
  void withoutAReplyTheCallFailsAndTheServerIsToldToForgetIt() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client =
            KerbyLockClient.open(
                server
                    .config()
                    .timeout(Duration.ofMillis(30))
                    .resendAfter(Duration.ofMillis(5))
                    .build())) {
      CompletableFuture<KerbyLock> call =
          client.acquireAsync(7, LockMode.EXCLUSIVE, Duration.ZERO, LEASE);
      assertFailed(call, KerbyTimeoutException.class);
      LockMessage asked = server.take().message();
      LockStub.Request cancel = server.take(LockMessage.CANCEL);
      assertThat(cancel.message().sequence()).isEqualTo(asked.sequence());
      cancel.reply(LockMessage.QUEUED); // not what the client wants to hear
      assertThat(client.stats().unfinished()).isOne(); // not over before the server says so
      server.serveFromNowOn();
    }
  }

  @Test
  void cancellingTheFutureCancelsTheAcquisition() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      CompletableFuture<KerbyLock> call = acquire(client);
      LockStub.Request request = server.take();
      call.cancel(true);
      LockStub.Request cancel = server.take(LockMessage.CANCEL);
      assertThat(cancel.message().sequence()).isEqualTo(request.message().sequence());
      assertThat(cancel.message().lock()).isEqualTo(7);
      request.grant(); // it crossed the cancel
      server.take(LockMessage.CANCEL); // lost, and sent again
      server.take(LockMessage.CANCEL).serve();
      while (client.stats().unfinished() > 0) {
        Thread.onSpinWait();
      }
      assertThat(client.stats().granted()).isZero();
    }
  }

  @Test
  void aFutureThatIsEndedEarlyInAnotherWayIsCancelledToo() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      CompletableFuture<KerbyLock> call = acquire(client);
      server.take();
      call.completeExceptionally(new IllegalStateException("no more"));
      server.take(LockMessage.CANCEL).serve();
      while (client.stats().unfinished() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void aGrantThatNobodyTakesIsGivenBack() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> call = acquire(client);
      LockStub.Request request = server.take();
      call.complete(null); // the caller makes do without
      request.grant();
      assertThat(server.take().op()).isEqualTo(LockMessage.RELEASE);
      request.reply(LockMessage.RELEASED);
      server.serveFromNowOn();
    }
  }

  @Test
  void anInterruptedThreadCancels() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
      Thread waiter =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      client.acquire(7, LockMode.EXCLUSIVE, WAIT, LEASE);
                    } catch (KerbyInterruptedException e) {
                      interrupted.complete(Thread.currentThread().isInterrupted());
                    }
                  });
      server.take();
      waiter.interrupt();
      assertThat(interrupted.get()).isTrue();
      server.serveFromNowOn();
    }
  }

  @Test
  void aReleaseOfALeaseThatHasEndedSaysSo() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      for (int status :
          new int[] {LockMessage.EXPIRED, LockMessage.NOT_HOLDER, LockMessage.RELEASED}) {
        CompletableFuture<KerbyLock> call = acquire(client);
        server.take().grant();
        CompletableFuture<Boolean> released = call.get().releaseAsync();
        server.take().reply(status);
        assertThat(released.get()).isEqualTo(status == LockMessage.RELEASED);
      }
    }
  }

  @Test
  void aReleaseWithoutReplyIsOfUnknownOutcome() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client =
            KerbyLockClient.open(server.config().timeout(Duration.ofMillis(50)).build())) {
      CompletableFuture<KerbyLock> call =
          client.acquireAsync(7, LockMode.EXCLUSIVE, WAIT, Duration.ofMillis(100));
      LockStub.Request request = server.take();
      request.grant();
      KerbyLock lock;
      try {
        lock = call.get();
      } catch (ExecutionException e) {
        return; // the machine was too slow for this lease
      }
      assertThatExceptionOfType(KerbyUnknownOutcomeException.class).isThrownBy(lock::release);
      lock.close();
      while (client.stats().unfinished() > 0) {
        Thread.onSpinWait(); // given up once the lease must have ended
      }
      assertThat(client.stats().unconfirmed()).isOne();
      CompletableFuture<KerbyLock> next = acquire(client);
      // Nobody knows what the server remembers of that session: another one is used.
      assertThat(server.take(LockMessage.ACQUIRE).message().client())
          .isNotEqualTo(request.message().client());
      server.serveFromNowOn();
      assertThat(next.get().isHeld()).isTrue();
    }
  }

  /** However long the lease, and however seldom the request is sent again. */
  @Test
  void nobodyWaitsForTheReplyToAReleaseLongerThanTheTimeout() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client =
            KerbyLockClient.open(
                server.config().timeout(Duration.ofMillis(50)).resendAfter(LONG).build())) {
      CompletableFuture<KerbyLock> call = acquire(client);
      server.take().grant();
      KerbyLock lock = call.get();
      assertThatExceptionOfType(KerbyUnknownOutcomeException.class).isThrownBy(lock::release);
      lock.close();
    }
  }

  @Test
  void asManyLocksAsConfiguredAndNoMore() throws Exception {
    try (LockStub server = new LockStub(LockStub.Request::serve)) {
      KerbyLockConfig config = server.config().timeout(LONG).maxLocks(2).build();
      try (KerbyLockClient client =
          KerbyLockClient.open(config.toBuilder().backPressure(BackPressure.FAIL).build())) {
        KerbyLock one = client.acquire(1, LockMode.SHARED, WAIT, LEASE);
        client.acquire(2, LockMode.SHARED, WAIT, LEASE);
        assertThatExceptionOfType(KerbyOverloadedException.class)
            .isThrownBy(() -> client.acquire(3, LockMode.SHARED, WAIT, LEASE));
        one.release();
        assertThat(client.acquire(3, LockMode.SHARED, WAIT, LEASE).isHeld()).isTrue();
      }
      try (KerbyLockClient client = KerbyLockClient.open(config)) {
        KerbyLock one = client.acquire(1, LockMode.SHARED, WAIT, LEASE);
        client.acquire(2, LockMode.SHARED, WAIT, LEASE);
        CountDownLatch asking = new CountDownLatch(1);
        CompletableFuture<KerbyLock> third = new CompletableFuture<>();
        Thread.ofVirtual()
            .start(
                () -> {
                  asking.countDown();
                  third.complete(client.acquire(3, LockMode.SHARED, WAIT, LEASE));
                });
        asking.await();
        one.release();
        assertThat(third.get().isHeld()).isTrue();
      }
    }
  }

  @Test
  void blockingFormsAreRefusedOnTheThreadThatTheyWouldBlock() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      CompletableFuture<Boolean> done =
          acquire(client)
              .thenApply(
                  lock -> {
                    assertThatIllegalStateException().isThrownBy(lock::release);
                    assertThatIllegalStateException().isThrownBy(lock::renew);
                    assertThatIllegalStateException().isThrownBy(() -> client.query(1));
                    assertThatIllegalStateException()
                        .isThrownBy(() -> client.tryAcquire(1, LockMode.SHARED, LEASE));
                    lock.close(); // does not wait there
                    return lock.isHeld();
                  });
      server.serveFromNowOn();
      assertThat(done.get()).isFalse();
    }
  }

  @Test
  void queryTellsHowTheLockIs() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      CompletableFuture<LockState> query = client.queryAsync(9);
      server.take();
      LockStub.Request request = server.take(); // sent again
      LockMessage asked = request.message();
      assertThat(asked.op()).isEqualTo(LockMessage.QUERY);
      request.send(
          new LockMessage(
              LockMessage.QUERY,
              LockMode.SHARED.wire(),
              LockMessage.NOT_HOLDER,
              9,
              asked.client(),
              asked.sequence(),
              0,
              3,
              0));
      assertThat(query.get()).isEqualTo(new LockState(Optional.of(LockMode.SHARED), 3));
      assertThat(client.stats().unfinished()).isZero();
    }
  }

  @Test
  void refusesWhatMakesNoSense() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = open(server)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> client.acquire(1, LockMode.SHARED, Duration.ofSeconds(-1), LEASE));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> client.acquire(1, LockMode.SHARED, Duration.ofHours(2), LEASE));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> client.tryAcquire(1, LockMode.SHARED, Duration.ofMillis(99)));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> client.tryAcquire(1, LockMode.SHARED, Duration.ofMinutes(61)));
      assertThatExceptionOfType(NullPointerException.class)
          .isThrownBy(() -> client.tryAcquire(1, null, LEASE));
      assertThatExceptionOfType(IllegalStateException.class)
          .isThrownBy(() -> KerbyLockConfig.builder().build());
      assertThatIllegalArgumentException().isThrownBy(() -> server.config().maxLocks(0));
      assertThatIllegalArgumentException().isThrownBy(() -> server.config().timeout(Duration.ZERO));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> server.config().resendAfter(Duration.ZERO));
      assertThatExceptionOfType(KerbyConnectionException.class)
          .isThrownBy(
              () ->
                  KerbyLockClient.open(
                      KerbyLockConfig.builder().server("no.such.host.invalid", 1).build()));
    }
  }

  @Test
  void aBuilderFromAConfigurationKeepsEverything() {
    KerbyLockConfig config =
        KerbyLockConfig.builder()
            .server("host", 1)
            .timeout(Duration.ofMillis(2))
            .resendAfter(Duration.ofMillis(3))
            .renewing(false)
            .maxLocks(4)
            .backPressure(BackPressure.FAIL)
            .build();
    assertThat(config.toBuilder().build()).usingRecursiveComparison().isEqualTo(config);
    assertThat(config.renewing()).isFalse();
  }

  /** What other languages compute for these names, too: {@code sha256sum | cut -c1-16}. */
  @Test
  void namesAreHashedAsDocumented() {
    assertThat(KerbyLockClient.lockId("orders/17")).isEqualTo(0x0d2162c13cf8cad7L);
    assertThat(KerbyLockClient.lockId("")).isEqualTo(0xe3b0c44298fc1c14L);
  }
}
