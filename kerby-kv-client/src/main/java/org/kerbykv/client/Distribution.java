package org.kerbykv.client;

/**
 * How keys are spread over several servers: in libmemcached's two ways, so that clients in other
 * languages that share the servers find the same items. All clients must name the servers by the
 * same text (see {@link ServerAddress#address()}).
 */
public enum Distribution {
  /**
   * Consistent hashing with weights: libmemcached's {@code MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED},
   * which PHP's {@code OPT_LIBKETAMA_COMPATIBLE} and pylibmc's {@code ketama_weighted} set.
   */
  KETAMA_WEIGHTED,

  /**
   * Consistent hashing without weights, which must all be 1: libmemcached's {@code
   * MEMCACHED_BEHAVIOR_KETAMA} with its default hash, as pylibmc's {@code ketama} sets it.
   */
  KETAMA
}
