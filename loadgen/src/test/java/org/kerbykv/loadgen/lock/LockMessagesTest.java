package org.kerbykv.loadgen.lock;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.bpf.RequiresBPF;

/** Messages are what the programs say they are. */
@RequiresBPF // the layout is read from the programs
class LockMessagesTest {
  private static final BTFLayout LAYOUT = BTFLayout.read(BPFProgram.class, "lock.bpf.o");

  private static void assertAt(String member, int offset) {
    assertThat(LAYOUT.struct("lock_message").member(member).offset()).as(member).isEqualTo(offset);
  }

  private static void assertNumber(String enumerator, int value) {
    assertThat(LAYOUT.enumerator(enumerator)).as(enumerator).isEqualTo(value);
  }

  @Test
  void layout() {
    assertThat(LAYOUT.struct("lock_message").size()).isEqualTo(LockMessages.BYTES);
    assertAt("magic", LockMessages.AT_MAGIC);
    assertAt("version", LockMessages.AT_VERSION);
    assertAt("op", LockMessages.AT_OP);
    assertAt("mode", LockMessages.AT_MODE);
    assertAt("status", LockMessages.AT_STATUS);
    assertAt("lock", LockMessages.AT_LOCK);
    assertAt("client", LockMessages.AT_CLIENT);
    assertAt("sequence", LockMessages.AT_SEQUENCE);
    assertAt("wait", LockMessages.AT_WAIT);
    assertAt("lease", LockMessages.AT_LEASE);
  }

  @Test
  void numbers() {
    assertNumber("LOCK_ACQUIRE", LockMessages.ACQUIRE);
    assertNumber("LOCK_RELEASE", LockMessages.RELEASE);
    assertNumber("LOCK_SHARED", LockMessages.SHARED);
    assertNumber("LOCK_EXCLUSIVE", LockMessages.EXCLUSIVE);
    assertNumber("LOCK_GRANTED", LockMessages.GRANTED);
    assertNumber("LOCK_QUEUED", LockMessages.QUEUED);
    assertNumber("LOCK_RELEASED", LockMessages.RELEASED);
    assertNumber("LOCK_EXPIRED", LockMessages.EXPIRED);
    assertNumber("LOCK_TIMEOUT", LockMessages.TIMEOUT);
    assertNumber("LOCK_BUSY", LockMessages.BUSY);
    assertNumber("LOCK_QUEUE_FULL", LockMessages.QUEUE_FULL);
    assertNumber("LOCK_NO_ROOM", LockMessages.NO_ROOM);
  }
}
