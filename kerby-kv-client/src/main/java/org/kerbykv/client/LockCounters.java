package org.kerbykv.client;

import java.util.concurrent.atomic.LongAdder;

/** The counters behind {@link KerbyLockStats}. */
record LockCounters(
    LongAdder acquisitions,
    LongAdder granted,
    LongAdder lost,
    LongAdder renewals,
    LongAdder retransmissions,
    LongAdder strayReplies,
    LongAdder malformedReplies,
    LongAdder unconfirmed) {

  LockCounters() {
    this(
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder());
  }

  KerbyLockStats snapshot(int unfinished) {
    return new KerbyLockStats(
        acquisitions.sum(),
        granted.sum(),
        lost.sum(),
        renewals.sum(),
        retransmissions.sum(),
        strayReplies.sum(),
        malformedReplies.sum(),
        unconfirmed.sum(),
        unfinished);
  }
}
