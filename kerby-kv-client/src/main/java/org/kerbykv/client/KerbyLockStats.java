package org.kerbykv.client;

/**
 * What a {@link KerbyLockClient} has done since it was opened.
 *
 * @param acquisitions begun, whatever became of them
 * @param granted those that got their lock
 * @param lost of these, how many lost it before they gave it back
 * @param renewals leases that were prolonged
 * @param retransmissions requests sent again, for want of a reply or to ask how things stand
 * @param strayReplies datagrams that answered nobody, or nothing that was still asked
 * @param malformedReplies datagrams that are no reply
 * @param unconfirmed acquisitions that the server was told to end, and never answered
 * @param unfinished acquisitions and queries that are waited for, held, or not given back yet; at
 *     most {@link KerbyLockConfig#maxLocks()}
 */
public record KerbyLockStats(
    long acquisitions,
    long granted,
    long lost,
    long renewals,
    long retransmissions,
    long strayReplies,
    long malformedReplies,
    long unconfirmed,
    int unfinished) {}
