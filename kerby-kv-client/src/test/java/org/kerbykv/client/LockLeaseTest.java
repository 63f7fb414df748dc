package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How long a lock is held, and how its holder learns that it is not. */
@Timeout(60)
class LockLeaseTest {
  private static final Duration LONG = Duration.ofSeconds(50);
  private static final Duration LEASE = Duration.ofMinutes(5);

  private static KerbyLockClient openPatient(LockStub server) {
    return KerbyLockClient.open(server.config().timeout(LONG).resendAfter(LONG).build());
  }

  private static CompletableFuture<KerbyLock> acquire(KerbyLockClient client, Duration lease) {
    return client.acquireAsync(7, LockMode.EXCLUSIVE, LONG, lease);
  }

  /** A held lock, and the requests of its life. */
  private static KerbyLock held(LockStub server, KerbyLockClient client) throws Exception {
    CompletableFuture<KerbyLock> call = acquire(client, LEASE);
    server.take(LockMessage.ACQUIRE).grant();
    return call.get();
  }

  private static void assertLost(CompletableFuture<?> call) {
    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(call::get)
        .withCauseInstanceOf(KerbyLockLostException.class);
  }

  @Test
  void theLeaseIsCountedFromWhenItWasAskedFor() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> call = acquire(client, LEASE);
      LockStub.Request request = server.take();
      request.grant();
      KerbyLock lock = call.get();
      assertThat(lock.validUntil() - request.receivedAt()).isLessThanOrEqualTo(LEASE.toNanos());
      assertThat(lock.remaining()).isPositive().isLessThan(LEASE);
      CompletableFuture<Void> renewed = lock.renewAsync();
      LockStub.Request renewal = server.take();
      assertThat(renewal.message().lease()).isGreaterThanOrEqualTo(LEASE.toMillis());
      renewal.grant();
      renewed.get();
      assertThat(lock.validUntil())
          .isGreaterThan(request.receivedAt() + LEASE.toNanos())
          .isLessThanOrEqualTo(renewal.receivedAt() + LEASE.toNanos());
      server.serveFromNowOn();
    }
  }

  @Test
  void aLeaseThatTheServerCutsShortIsSoShort() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> call = acquire(client, LEASE);
      LockStub.Request request = server.take();
      request.notice(LEASE.toMillis() - 60_000);
      assertThat(call.get().validUntil() - request.receivedAt())
          .isLessThanOrEqualTo(LEASE.minusSeconds(60).toNanos());
      server.serveFromNowOn();
    }
  }

  /** What the server is configured to grant at most. */
  @ParameterizedTest
  @ValueSource(longs = {4000, 300_000, 1000})
  void renewalsGoByTheServersLimit(long limitMillis) throws Exception {
    try (LockStub server =
            new LockStub(
                request -> {
                  if (request.message().lease() > limitMillis) {
                    request.notice(limitMillis);
                  } else {
                    request.serve();
                  }
                });
        KerbyLockClient client = openPatient(server)) {
      long started = System.nanoTime();
      KerbyLock lock = client.acquire(7, LockMode.EXCLUSIVE, LONG, Duration.ofMinutes(5));
      for (int i = 0; i < 100; i++) {
        lock.renew();
        long left = lock.validUntil() - started;
        long elapsed = System.nanoTime() - started;
        assertThat(left)
            .isGreaterThan(Duration.ofMillis(limitMillis - 100).toNanos())
            .isLessThanOrEqualTo(Duration.ofMillis(limitMillis).toNanos() + elapsed);
      }
      lock.release();
    }
  }

  /** No round of renewals is cut by a limit of whole seconds unless the first is, too. */
  @ParameterizedTest
  @CsvSource({"1950, 2000", "999, 1000", "1936, 2000", "1937, 2000", "1935, 2000", "2000, 2000"})
  void everyRoundOfRenewalsIsCutOrNone(long leaseMillis, long limitMillis) throws Exception {
    AtomicBoolean cut = new AtomicBoolean();
    try (LockStub server =
            new LockStub(
                request -> {
                  if (request.message().lease() > limitMillis) {
                    cut.set(true);
                  }
                  request.serve();
                });
        KerbyLockClient client = openPatient(server)) {
      KerbyLock lock = client.acquire(7, LockMode.EXCLUSIVE, LONG, Duration.ofMillis(leaseMillis));
      assertThat(cut.get()).isFalse();
      lock.renew();
      boolean first = cut.get();
      for (int i = 0; i < 70; i++) {
        lock.renew();
        assertThat(cut.get()).isEqualTo(first);
      }
      lock.release();
    }
  }

  @Test
  void anOldReplyProlongsNothing() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      KerbyLock lock = held(server, client);
      CompletableFuture<Void> first = lock.renewAsync();
      LockStub.Request firstRequest = server.take();
      firstRequest.grant();
      first.get();
      long until = lock.validUntil();
      CompletableFuture<Void> second = lock.renewAsync();
      CompletableFuture<Void> alsoSecond = lock.renewAsync();
      LockStub.Request secondRequest = server.take();
      firstRequest.grant(); // the network has doubled it
      CompletableFuture<LockState> query = client.queryAsync(1);
      server.take().serve();
      query.get();
      assertThat(second).isNotDone();
      assertThat(lock.validUntil()).isEqualTo(until);
      assertThat(client.stats().strayReplies()).isOne();
      secondRequest.grant();
      second.get();
      alsoSecond.get();
      assertThat(lock.validUntil()).isGreaterThan(until);
      assertThat(client.stats().renewals()).isEqualTo(2);
      server.serveFromNowOn();
    }
  }

  @Test
  void leasesRenewThemselves() throws Exception {
    Set<Long> leases = new HashSet<>();
    CountDownLatch renewals = new CountDownLatch(6);
    try (LockStub server =
            new LockStub(
                request -> {
                  if (request.op() == LockMessage.RENEW && leases.add(request.message().lease())) {
                    renewals.countDown();
                    return; // the first of every round is lost
                  }
                  request.serve();
                });
        KerbyLockClient client = KerbyLockClient.open(server.config().build())) {
      KerbyLock lock =
          client.acquire(7, LockMode.EXCLUSIVE, Duration.ofSeconds(5), Duration.ofSeconds(2));
      CountDownLatch lost = new CountDownLatch(1);
      lock.onLost(lost::countDown);
      renewals.await(); // two leases long
      assertThat(lost.getCount()).isOne();
      assertThat(lock.isHeld()).isTrue();
      assertThat(lock.release()).isTrue();
      assertThat(leases).allMatch(lease -> lease >= 2000 && lease <= 2064);
    }
  }

  @Test
  void aLockWhoseRenewalsFailIsLostInTime() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client =
            KerbyLockClient.open(server.config().resendAfter(Duration.ofMillis(10)).build())) {
      CompletableFuture<KerbyLock> call = acquire(client, Duration.ofMillis(400));
      LockStub.Request request = server.take();
      request.grant();
      KerbyLock lock = call.get();
      CompletableFuture<Boolean> heldWhenTold = new CompletableFuture<>();
      lock.onLost(() -> heldWhenTold.complete(lock.isHeld()));
      CompletableFuture<Void> renewed = lock.renewAsync();
      assertThat(heldWhenTold.get()).isFalse();
      assertThat(System.nanoTime()).isGreaterThanOrEqualTo(lock.validUntil());
      assertThat(lock.remaining()).isZero();
      assertLost(renewed);
      assertLost(lock.renewAsync());
      assertThat(lock.release()).isFalse();
      // The server is told, so that others need not wait for its own count.
      assertThat(server.take(LockMessage.RELEASE).message().sequence())
          .isEqualTo(request.message().sequence());
      server.serveFromNowOn();
      assertThat(client.stats().lost()).isOne();
      CountDownLatch told = new CountDownLatch(1);
      lock.onLost(told::countDown); // at once
      assertThat(told.getCount()).isZero();
    }
  }

  @Test
  void withoutRenewalALockEndsWithItsLease() throws Exception {
    LinkedBlockingQueue<LockStub.Request> renewals = new LinkedBlockingQueue<>();
    try (LockStub server =
            new LockStub(
                request -> {
                  if (request.op() == LockMessage.RENEW) {
                    renewals.add(request);
                  }
                  request.serve();
                });
        KerbyLockClient client = KerbyLockClient.open(server.config().renewing(false).build())) {
      KerbyLock lock =
          client.acquire(7, LockMode.EXCLUSIVE, Duration.ofSeconds(5), Duration.ofSeconds(1));
      CountDownLatch lost = new CountDownLatch(1);
      lock.onLost(lost::countDown);
      lost.await();
      assertThat(lock.isHeld()).isFalse();
      assertThat(renewals).isEmpty();
    }
  }

  @Test
  void theServersWordEndsItAtOnce() throws Exception {
    for (int status : List.of(LockMessage.EXPIRED, LockMessage.NOT_HOLDER, LockMessage.RELEASED)) {
      try (LockStub server = new LockStub();
          KerbyLockClient client = openPatient(server)) {
        KerbyLock lock = held(server, client);
        CompletableFuture<Void> told = new CompletableFuture<>();
        lock.onLost(() -> told.complete(null));
        CompletableFuture<Void> renewed = lock.renewAsync();
        server.take().reply(status);
        assertLost(renewed);
        told.get();
        assertThat(lock.isHeld()).isFalse();
        assertThat(lock.release()).isFalse();
        assertThat(client.stats().unfinished()).isZero(); // nothing is left to be said
      }
    }
  }

  @Test
  void aGrantUnderAnotherTokenMeansThatTheFirstIsLost() throws Exception {
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      KerbyLock lock = held(server, client);
      CompletableFuture<Void> renewed = lock.renewAsync();
      server.take().grant(LockStub.TOKEN + 1); // it had forgotten us
      assertLost(renewed);
      assertThat(lock.isHeld()).isFalse();
      server.take(LockMessage.RELEASE).serve();
    }
  }

  /** Nobody knows how long ago it was granted, so the lease is begun anew. */
  @Test
  void aGrantAfterALongWaitIsRenewedBeforeItCounts() throws Exception {
    Duration lease = Duration.ofMillis(800);
    try (LockStub server = new LockStub();
        KerbyLockClient client = openPatient(server)) {
      CompletableFuture<KerbyLock> call = acquire(client, lease);
      LockStub.Request request = server.take();
      request.reply(LockMessage.QUEUED);
      while (System.nanoTime() - request.receivedAt() < lease.toNanos() / 2) {
        Thread.sleep(10);
      }
      request.notice(lease.toMillis());
      LockStub.Request renewal = server.take(LockMessage.RENEW);
      assertThat(call).isNotDone();
      renewal.grant();
      KerbyLock lock = call.get();
      assertThat(lock.validUntil()).isGreaterThan(request.receivedAt() + lease.toNanos());
      server.serveFromNowOn();
    }
  }
}
