package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.SlotStatus;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.bpf.programs.LockManager.Event;
import org.kerbykv.bpf.programs.LockSession.Notice;
import org.kerbykv.bpf.programs.PacketDoor.Verdict;

/** What single datagrams to Kerby-Lock lead to. */
@RequiresBPF
class LockPacketTest {
  private static final long MILLI = 1_000_000;
  private static final int WAIT = 1000;
  private static final int LEASE = 500;
  private static final LockManager MANAGER = new LockManager(LockConfig.small());
  private static final LockSession SESSION = MANAGER.session(0);

  @AfterAll
  static void unload() {
    MANAGER.close();
  }

  @AfterEach
  void audit() {
    LockAudit.check(MANAGER);
    MANAGER.clear();
  }

  private static LockMessage exclusive(long client, long sequence) {
    return LockMessage.acquire(Mode.EXCLUSIVE, 7, client, sequence, WAIT, LEASE);
  }

  private static LockMessage shared(long client, long sequence) {
    return LockMessage.acquire(Mode.SHARED, 7, client, sequence, WAIT, LEASE);
  }

  private static LockMessage release(long client, long sequence) {
    return LockMessage.of(Op.RELEASE, 7, client, sequence);
  }

  /** Sends by a door that has to answer; the reply has to be the whole frame that it should be. */
  private static LockMessage ask(PacketDoor door, Headers headers, LockMessage message) {
    List<LockMessage> replies = ask(door, headers, (int) message.client(), message);
    assertThat(replies).hasSize(1);
    return replies.getFirst();
  }

  private static List<LockMessage> ask(
      PacketDoor door, Headers headers, int host, LockMessage message) {
    Frame request = LockFrame.request(headers, host, message);
    LockSession.Outcome outcome = SESSION.send(door, request);
    assertThat(outcome.verdict()).as("%s", message).isEqualTo(Verdict.REPLY);
    List<LockMessage> replies = LockFrame.messages(outcome.frame());
    assertThat(outcome.frame()).isEqualTo(LockFrame.reply(request, replies));
    return replies;
  }

  private static LockMessage tc(LockMessage message) {
    return ask(PacketDoor.TC, Headers.IP4, message);
  }

  private static LockMessage xdp(LockMessage message) {
    return ask(PacketDoor.XDP, Headers.IP4, message);
  }

  private static void passes(LockMessage message) {
    Frame request = LockFrame.request(Headers.IP4, (int) message.client(), message);
    LockSession.Outcome outcome = SESSION.send(PacketDoor.XDP, request);
    assertThat(outcome.verdict()).isEqualTo(Verdict.UP);
    assertThat(outcome.frame()).isEqualTo(request);
  }

  @Test
  void acquireAndReleaseThroughEachDoorAndHeaders() {
    long sequence = 0;
    for (PacketDoor door : PacketDoor.values()) {
      for (Headers headers : Headers.values()) {
        sequence++;
        LockMessage acquire = exclusive(1, sequence);
        LockMessage release = release(1, sequence);
        long token = LockManager.TOKEN_BASE + sequence;
        assertThat(ask(door, headers, acquire))
            .isEqualTo(acquire.reply(Status.GRANTED, Mode.EXCLUSIVE, token, 0, LEASE));
        assertThat(ask(door, headers, release))
            .isEqualTo(release.reply(Status.RELEASED, Mode.EXCLUSIVE, 0, 0, 0));
      }
    }
  }

  @Test
  void aStrangerIsNotHeard() {
    LockMessage acquire = exclusive(1, 1);
    for (PacketDoor door : PacketDoor.values()) {
      for (Headers headers : Headers.values()) {
        long before = MANAGER.sources().drops(Sources.Drop.NOT_ALLOWED);
        MANAGER.sources().clear();
        Frame request = LockFrame.request(headers, 1, acquire);
        assertThat(SESSION.send(door, request).verdict()).isEqualTo(Verdict.SILENT);
        assertThat(MANAGER.sources().drops(Sources.Drop.NOT_ALLOWED)).isEqualTo(before + 1);
        MANAGER.sources().allowClients();
        assertThat(MANAGER.state().entries()).isEmpty();
      }
    }
  }

  @Test
  void aWaiterIsGrantedTheLockAtItsRelease() {
    xdp(exclusive(1, 1));
    assertThat(xdp(exclusive(2, 1)).status()).isEqualTo(Status.QUEUED);
    assertThat(MANAGER.drainEvents()).containsExactly(new Event.Watch(7, LEASE * MILLI));
    passes(release(1, 1));
    assertThat(tc(release(1, 1)).status()).isEqualTo(Status.RELEASED);
    LockMessage granted =
        exclusive(2, 1).reply(Status.GRANTED, Mode.EXCLUSIVE, LockManager.TOKEN_BASE + 2, 0, LEASE);
    assertThat(MANAGER.drainNotices()).containsExactly(new Notice(granted, 2));
    assertThat(xdp(exclusive(2, 1))).as("sent again").isEqualTo(granted);
    assertThat(xdp(release(1, 1)).status()).as("sent again").isEqualTo(Status.RELEASED);
  }

  @Test
  void theGrantGoesAlongWithTheReplyToItsAddress() {
    int lock = 20;
    for (Headers headers : Headers.values()) {
      lock++;
      LockMessage held = LockMessage.acquire(Mode.SHARED, lock, 1, lock, WAIT, LEASE);
      LockMessage wanted = LockMessage.acquire(Mode.EXCLUSIVE, lock, 2, lock, WAIT, LEASE);
      LockMessage release = LockMessage.of(Op.RELEASE, lock, 1, lock);
      ask(PacketDoor.XDP, headers, 5, held);
      ask(PacketDoor.XDP, headers, 5, wanted);
      assertThat(ask(PacketDoor.XDP, headers, 5, release))
          .containsExactly(
              release.reply(Status.RELEASED, Mode.SHARED, 0, 0, 0),
              wanted.reply(Status.GRANTED, Mode.EXCLUSIVE, LockManager.TOKEN_BASE + 2, 0, LEASE));
      assertThat(ask(PacketDoor.XDP, headers, 5, wanted).getFirst().status())
          .isEqualTo(Status.GRANTED);
    }
    assertThat(MANAGER.drainNotices()).isEmpty();
  }

  @Test
  void whatCannotGoAlongPasses() {
    List<Runnable> waits =
        List.of(
            () -> ask(PacketDoor.XDP, Headers.IP4, 2, exclusive(2, 1)),
            () -> ask(PacketDoor.XDP, Headers.IP4_TAGGED, 1, exclusive(2, 1)),
            () -> SESSION.serve(1, exclusive(2, 1)),
            () -> {
              ask(PacketDoor.XDP, Headers.IP4, 1, shared(2, 1));
              ask(PacketDoor.XDP, Headers.IP4, 1, shared(3, 1));
            });
    for (Runnable wait : waits) {
      xdp(exclusive(1, 1));
      wait.run();
      passes(release(1, 1));
      MANAGER.clear();
    }
  }

  @Test
  void adjacentSharedWaitersAreGrantedTogetherAndNoSharedOneOvertakes() {
    xdp(exclusive(1, 1));
    xdp(shared(2, 1));
    xdp(shared(3, 1));
    xdp(exclusive(4, 1));
    xdp(shared(5, 1));
    tc(release(1, 1));
    assertThat(MANAGER.drainNotices()).extracting(Notice::host).containsExactly(2, 3);
    assertThat(xdp(shared(6, 1)).status()).isEqualTo(Status.QUEUED);
    assertThat(xdp(release(2, 1)).status()).isEqualTo(Status.RELEASED);
    tc(release(3, 1));
    assertThat(MANAGER.drainNotices()).extracting(Notice::host).containsExactly(4);
    tc(release(4, 1));
    assertThat(MANAGER.drainNotices()).extracting(Notice::host).containsExactly(5, 6);
  }

  @Test
  void aTryLockAndAFullQueueAreRefused() {
    xdp(exclusive(1, 1));
    LockMessage now = LockMessage.acquire(Mode.EXCLUSIVE, 7, 2, 1, 0, LEASE);
    assertThat(xdp(now).status()).isEqualTo(Status.BUSY);
    for (int client = 3; client < 9; client++) {
      assertThat(xdp(exclusive(client, 1)).status()).isEqualTo(Status.QUEUED);
    }
    assertThat(xdp(exclusive(9, 1)).status()).isEqualTo(Status.QUEUE_FULL);
    assertThat(xdp(now).status()).as("sent again").isEqualTo(Status.BUSY);
  }

  @Test
  void aLeaseEndsByItselfAndItsLateReleaseChangesNothing() {
    xdp(exclusive(1, 1));
    xdp(exclusive(2, 1));
    MANAGER.setNow(LEASE * MILLI - 1);
    assertThat(SESSION.sweep(7).notices()).isEmpty();
    assertThat(SESSION.sweep(7).due()).isEqualTo(LEASE * MILLI);
    MANAGER.setNow(LEASE * MILLI);
    assertThat(SESSION.sweep(7).notices())
        .containsExactly(
            new Notice(
                exclusive(2, 1)
                    .reply(Status.GRANTED, Mode.EXCLUSIVE, LockManager.TOKEN_BASE + 2, 0, LEASE),
                2));
    LockState before = MANAGER.state();
    assertThat(xdp(release(1, 1)).status()).isEqualTo(Status.EXPIRED);
    assertThat(MANAGER.state().nodes()).isEqualTo(before.nodes());
    assertThat(xdp(LockMessage.renew(7, 1, 1, LEASE)).status()).isEqualTo(Status.EXPIRED);
    assertThat(xdp(release(2, 1)).status()).isEqualTo(Status.RELEASED);
  }

  @Test
  void aRenewedLeaseLasts() {
    xdp(exclusive(1, 1));
    MANAGER.setNow((LEASE - 1) * MILLI);
    assertThat(xdp(LockMessage.renew(7, 1, 1, LEASE)).lease()).isEqualTo(LEASE);
    MANAGER.setNow((2 * LEASE - 2) * MILLI);
    assertThat(xdp(LockMessage.of(Op.QUERY, 7, 1, 1)).lease()).isEqualTo(1);
    MANAGER.setNow((2 * LEASE - 1) * MILLI);
    assertThat(xdp(LockMessage.of(Op.QUERY, 7, 1, 1)).status()).isEqualTo(Status.EXPIRED);
  }

  @Test
  void aWaiterWhoseTimeIsUpIsToldAndNeverGranted() {
    LockMessage held = LockMessage.acquire(Mode.EXCLUSIVE, 7, 1, 1, WAIT, 10 * WAIT);
    xdp(held);
    xdp(exclusive(2, 1));
    MANAGER.setNow(WAIT * MILLI);
    tc(release(1, 1));
    assertThat(MANAGER.drainNotices())
        .containsExactly(
            new Notice(exclusive(2, 1).reply(Status.TIMEOUT, Mode.EXCLUSIVE, 0, 0, 0), 2));
    assertThat(xdp(exclusive(2, 1)).status()).isEqualTo(Status.TIMEOUT);
  }

  @Test
  void aCancelEndsWhateverThereIs() {
    LockMessage cancel = LockMessage.of(Op.CANCEL, 7, 2, 1);
    assertThat(xdp(cancel).status()).as("before its acquire").isEqualTo(Status.CANCELLED);
    assertThat(xdp(exclusive(2, 1)).status()).isEqualTo(Status.CANCELLED);
    xdp(exclusive(1, 1));
    xdp(exclusive(2, 2));
    assertThat(xdp(LockMessage.of(Op.CANCEL, 7, 2, 2)).status()).isEqualTo(Status.CANCELLED);
    assertThat(xdp(LockMessage.of(Op.CANCEL, 7, 1, 1)).status()).isEqualTo(Status.RELEASED);
    assertThat(xdp(exclusive(3, 1)).status()).isEqualTo(Status.GRANTED);
  }

  @Test
  void nobodysAcquisitionIsNotHeld() {
    assertThat(xdp(release(1, 1)).status()).isEqualTo(Status.NOT_HOLDER);
    assertThat(MANAGER.state().sessions()).isEmpty();
    xdp(exclusive(1, 1));
    assertThat(xdp(release(1, 2)).status()).isEqualTo(Status.NOT_HOLDER);
    LockMessage query = LockMessage.of(Op.QUERY, 7, 3, 1);
    assertThat(xdp(query)).isEqualTo(query.reply(Status.NOT_HOLDER, Mode.EXCLUSIVE, 0, 0, 0));
  }

  @Test
  void aNumberBehindTheWindowIsStaleAndOneBeforeItsEndIsInvalid() {
    xdp(exclusive(1, 1));
    assertThat(xdp(exclusive(1, 1 + LockAbi.WINDOW)).status()).isEqualTo(Status.INVALID);
    xdp(release(1, 1));
    assertThat(xdp(exclusive(1, 1 + LockAbi.WINDOW)).status()).isEqualTo(Status.GRANTED);
    assertThat(xdp(exclusive(1, 1)).status()).isEqualTo(Status.STALE);
    LockMessage elsewhere = LockMessage.acquire(Mode.SHARED, 8, 1, 1 + LockAbi.WINDOW, WAIT, LEASE);
    assertThat(xdp(elsewhere).status()).as("one number, two locks").isEqualTo(Status.INVALID);
  }

  @Test
  void malformedRequestsAreInvalidAndOtherPacketsPass() {
    assertThat(xdp(exclusive(1, 0)).status()).isEqualTo(Status.INVALID);
    assertThat(xdp(exclusive(0, 1)).status()).isEqualTo(Status.INVALID);
    assertThat(xdp(exclusive(1, 1).withLease(0)).status()).isEqualTo(Status.INVALID);
    assertThat(xdp(LockMessage.of(Op.NONE, 7, 1, 1)).status()).isEqualTo(Status.INVALID);
    passes(exclusive(1, 1).reply(Status.GRANTED, Mode.EXCLUSIVE, 1, 0, LEASE));
    Frame good = LockFrame.request(Headers.IP4, 1, exclusive(1, 1));
    List<Frame> others =
        List.of(
            good.set16(Headers.IP4.requestId, 0x4b4d),
            good.set8(Headers.IP4.requestId + 2, 2),
            good.set16(Headers.IP4.udp, LockAbi.PORT),
            good.set16(Headers.IP4.udp + 2, LockAbi.PORT + 1),
            good.set32(Frame.IP_DESTINATION, Frame.SERVER_IP + 9).withIpChecksum(),
            good.set16(Frame.UDP_CHECKSUM, 0x1234));
    for (Frame other : others) {
      for (PacketDoor door : PacketDoor.values()) {
        LockSession.Outcome outcome = SESSION.send(door, other);
        assertThat(outcome.verdict()).isEqualTo(Verdict.UP);
        assertThat(outcome.frame()).isEqualTo(other);
      }
    }
    assertThat(xdp(exclusive(1, 1)).status()).isEqualTo(Status.GRANTED);
  }

  @Test
  void whatTheDoorsOfPacketsLetPassUserSpacesDoorDoes() {
    xdp(exclusive(1, 1));
    xdp(exclusive(2, 1));
    LockSession.Served served = SESSION.serve(1, release(1, 1));
    assertThat(served.status()).isEqualTo(SlotStatus.DONE);
    assertThat(served.reply())
        .isEqualTo(release(1, 1).reply(Status.RELEASED, Mode.EXCLUSIVE, 0, 0, 0));
    assertThat(served.notices()).extracting(Notice::host).containsExactly(2);
    assertThat(SESSION.unknown(99)).isEqualTo(SlotStatus.UNKNOWN);
  }

  @Test
  void idleLocksAndClientsAreRemovedAndTokensGoOnGrowing() {
    long token = xdp(exclusive(1, 1)).token();
    MANAGER.setNow(10);
    assertThat(SESSION.reapLock(7).status()).as("held").isEqualTo(SlotStatus.KEPT);
    assertThat(SESSION.reapClient(1, 10)).as("holds").isEqualTo(SlotStatus.KEPT);
    xdp(release(1, 1));
    assertThat(SESSION.reapLock(7).status()).isEqualTo(SlotStatus.DONE);
    assertThat(SESSION.reapClient(1, 10)).as("seen").isEqualTo(SlotStatus.KEPT);
    assertThat(xdp(release(1, 1)).status()).as("sent again").isEqualTo(Status.RELEASED);
    MANAGER.setNow(20);
    assertThat(SESSION.reapClient(1, 11)).isEqualTo(SlotStatus.DONE);
    assertThat(SESSION.reapClient(1, 11)).as("gone").isEqualTo(SlotStatus.KEPT);
    assertThat(xdp(exclusive(1, 1)).token()).isGreaterThan(token);
  }

  @Test
  void aLockThatIsInUseNowAndThenIsNotIdle() {
    xdp(exclusive(1, 1));
    xdp(release(1, 1));
    MANAGER.setNow(10);
    assertThat(SESSION.reapLock(7, true).status()).as("just used").isEqualTo(SlotStatus.KEPT);
    xdp(exclusive(1, 2));
    assertThat(SESSION.reapLock(7, true).status()).as("held").isEqualTo(SlotStatus.KEPT);
    xdp(release(1, 2));
    assertThat(SESSION.reapLock(7, true).status()).as("used since").isEqualTo(SlotStatus.KEPT);
    assertThat(SESSION.reapLock(7, true).status()).isEqualTo(SlotStatus.DONE);
  }

  /** User space knows of the long lease; the one after it is shorter. */
  @Test
  void userSpaceIsToldWhenSomethingIsDueEarlierThanItKnows() {
    xdp(exclusive(1, 1));
    xdp(LockMessage.acquire(Mode.EXCLUSIVE, 7, 2, 1, WAIT, 10));
    xdp(exclusive(3, 1));
    assertThat(MANAGER.drainEvents()).containsExactly(new Event.Watch(7, LEASE * MILLI));
    tc(release(1, 1));
    assertThat(MANAGER.drainEvents()).contains(new Event.Watch(7, 10 * MILLI));
    MANAGER.setNow(10 * MILLI);
    assertThat(SESSION.sweep(7).notices()).extracting(Notice::host).containsExactly(3);
    assertThat(SESSION.sweep(7).due()).as("without a queue").isEqualTo(LockAbi.NEVER);
    xdp(exclusive(4, 1));
    assertThat(MANAGER.drainEvents()).containsExactly(new Event.Watch(7, (LEASE + 10) * MILLI));
  }

  @Test
  void aLockIsNotRemovedBeforeTheTimeIsPastItsTokens() {
    for (int sequence = 1; sequence <= 3; sequence++) {
      xdp(exclusive(1, sequence));
      xdp(release(1, sequence));
    }
    MANAGER.setNow(2);
    assertThat(SESSION.reapLock(7).status()).isEqualTo(SlotStatus.KEPT);
    MANAGER.setNow(3);
    assertThat(SESSION.reapLock(7).status()).isEqualTo(SlotStatus.DONE);
  }
}
