package org.kerbykv.client;

/**
 * What a client has counted since it was opened. Each number is exact; taken together they are not
 * one instant.
 *
 * @param calls calls made
 * @param retransmissions datagrams sent again because no reply came
 * @param timeouts calls that ended without a reply
 * @param strayReplies datagrams that answered no waiting request: late, duplicate or foreign
 * @param malformedReplies datagrams that are no reply at all
 * @param tcpFallbacks calls that went on over TCP after UDP could not carry the reply
 * @param tcpConnects TCP connections made
 * @param ejections how often a server's keys went to the others since it did not answer
 * @param returns how often an ejected server came back
 * @param probes requests to ejected servers that asked whether they are back
 */
public record ClientStats(
    long calls,
    long retransmissions,
    long timeouts,
    long strayReplies,
    long malformedReplies,
    long tcpFallbacks,
    long tcpConnects,
    long ejections,
    long returns,
    long probes) {}
