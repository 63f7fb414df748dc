package org.kerbykv.client;

/**
 * What a client knows of one of its servers at a moment.
 *
 * @param server the server, as configured
 * @param ejected whether its keys go to other servers since it does not answer
 * @param outstanding calls to it that are unanswered
 */
public record ServerStatus(ServerAddress server, boolean ejected, int outstanding) {}
