package org.kerbykv.loadgen.figures;

import java.util.ArrayList;
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

  private static final List<Integer> SOCKET = List.of(32, 48);

  /** Some is answered in the kernel, some waits in a socket's buffer. */
  private static final List<Integer> BOTH = List.of(32, 256);

  static final String KERBY = "kerby";
  static final String REFLECTOR = "reflector";
  static final String NETTY = "netty";
  static final List<String> MEMCACHED = List.of("memcached-t1", "memcached-t2");

  /** Bytes of a value that DINT-KV's slots have room for, by build. */
  static final List<Integer> DINT_SLOTS = List.of(64, 128, 256, 512, 1024);

  static final String BMC = "bmc";

  /** The name of DINT-KV with slots of so many bytes. */
  static String dint(int slotBytes) {
    return "dint" + slotBytes;
  }

  static boolean isDint(String name) {
    return name.startsWith("dint");
  }

  /** The command that puts such a load on this system alone. */
  String command(int keys) {
    StringBuilder words =
        new StringBuilder("./kerby loadgen --topology veth --engine xdp --target ");
    words.append(target);
    options.forEach(option -> words.append(" --server-option=").append(option));
    return words
        + " --keys %d --key-size %s --value-size 64 --read-ratio 1"
            .formatted(keys, LoadSubject.KEY_SIZE)
        + (target.isEcho() ? " --no-populate" : "");
  }

  /** All systems, the one that is built here first. */
  static List<KvSystem> all() {
    List<KvSystem> all = new ArrayList<>();
    all.add(new KvSystem(KERBY, Target.KERBY, List.of(), 1, KERNEL));
    for (int slotBytes : DINT_SLOTS) {
      List<String> options = List.of("--slot-size", Integer.toString(slotBytes));
      all.add(new KvSystem(dint(slotBytes), Target.DINT, options, 1, BOTH));
    }
    all.add(new KvSystem(BMC, Target.BMC, List.of(), 1, BOTH));
    all.add(new KvSystem(MEMCACHED.get(0), Target.MEMCACHED, List.of("-t", "1"), 1, SOCKET));
    all.add(new KvSystem(MEMCACHED.get(1), Target.MEMCACHED, List.of("-t", "2"), 2, SOCKET));
    all.add(new KvSystem(NETTY, Target.NETTY, List.of(), 1, List.of(32, 128)));
    all.add(new KvSystem(REFLECTOR, Target.REFLECTOR, List.of(), 1, KERNEL));
    return all;
  }
}
