package org.kerbykv.client;

/**
 * A value with the version it had when it was read.
 *
 * @param value the decoded value
 * @param cas its version: an unsigned 64-bit number, unique to every change of the item
 */
public record CasValue<V>(V value, long cas) {}
