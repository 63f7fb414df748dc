/**
 * A client of Kerby-KV, and of any memcached 1.6: requests over UDP, which Kerby-KV answers inside
 * the kernel, and over TCP what a datagram cannot hold.
 *
 * <p>Start at {@link org.kerbykv.client.KerbyClient}. Nothing in the public types depends on the
 * network library underneath.
 */
package org.kerbykv.client;
