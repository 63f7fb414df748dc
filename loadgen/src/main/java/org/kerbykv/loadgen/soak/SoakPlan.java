package org.kerbykv.loadgen.soak;

import java.time.Duration;

/**
 * What a soak does. A server is killed and started again until half of the time is over; the other
 * half one process runs through, so that its memory can be compared.
 *
 * @param duration of all; zero for the kills alone, as fast as they go
 * @param kills of the server, 0 or more
 * @param pace of each client, requests a second
 * @param seed of everything random
 */
record SoakPlan(Duration duration, int kills, int pace, long seed) {
  /** How long the part with kills is to take. */
  Duration killing() {
    return duration.dividedBy(2);
  }
}
