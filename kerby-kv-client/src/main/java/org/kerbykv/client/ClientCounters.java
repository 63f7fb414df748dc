package org.kerbykv.client;

import java.util.concurrent.atomic.LongAdder;

/** The counters behind {@link ClientStats}. */
record ClientCounters(
    LongAdder calls,
    LongAdder retransmissions,
    LongAdder timeouts,
    LongAdder strayReplies,
    LongAdder malformedReplies,
    LongAdder tcpFallbacks,
    LongAdder tcpConnects,
    LongAdder ejections,
    LongAdder returns,
    LongAdder probes) {

  ClientCounters() {
    this(
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder(),
        new LongAdder());
  }

  ClientStats snapshot() {
    return new ClientStats(
        calls.sum(),
        retransmissions.sum(),
        timeouts.sum(),
        strayReplies.sum(),
        malformedReplies.sum(),
        tcpFallbacks.sum(),
        tcpConnects.sum(),
        ejections.sum(),
        returns.sum(),
        probes.sum());
  }
}
