package org.kerbykv.loadgen.figures;

import java.util.List;
import org.kerbykv.loadgen.topology.Target;

/**
 * A key-value store set up in one way.
 *
 * @param name in results and figures
 * @param options more words for its command line
 * @param serving how many of the two CPUs are its own, where it is given any: 1 or 2
 * @param outstanding requests under way at a time, of which the best is taken: a server behind a
 *     socket buffer loses what does not fit there
 */
public record KvSystem(
    String name, Target target, List<String> options, int serving, List<Integer> outstanding) {

  /** In the kernel nothing waits in a buffer. */
  private static final List<Integer> KERNEL = List.of(256);

  private static final List<Integer> SOCKET = List.of(24, 32, 48);

  static final String KERBY = "kerby";
  static final String REFLECTOR = "reflector";
  static final String NETTY = "netty";
  static final List<String> MEMCACHED = List.of("memcached-t1", "memcached-t2");

  /** By bytes of a slot. */
  static final List<String> DINT = List.of("dint64", "dint128", "dint256", "dint512", "dint1024");

  static final String DINT_512 = "dint512";

  /** All systems, the one that is built here first. */
  static List<KvSystem> all() {
    return List.of(
        new KvSystem(KERBY, Target.KERBY, List.of(), 1, KERNEL),
        new KvSystem(REFLECTOR, Target.REFLECTOR, List.of(), 1, KERNEL),
        new KvSystem(MEMCACHED.get(0), Target.MEMCACHED, List.of("-t", "1"), 1, SOCKET),
        new KvSystem(MEMCACHED.get(1), Target.MEMCACHED, List.of("-t", "2"), 2, SOCKET),
        new KvSystem(NETTY, Target.NETTY, List.of(), 1, List.of(32, 128)));
  }
}
