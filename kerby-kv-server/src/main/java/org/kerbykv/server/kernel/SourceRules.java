package org.kerbykv.server.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.Cidr;

/**
 * An allowlist as the programs have it, {@code net/allow.h}: up to four networks as constants, all
 * of them in a trie.
 *
 * <p>XDP sees packets before the kernel has thrown away those whose source can be none, so such
 * sources are excepted here.
 */
public final class SourceRules {
  /** Elements of map net_allowed. */
  public static final int NETWORKS_MAX = 1000;

  private static final int NEAR_MAX = 4;
  private static final int KEY_BYTES = Integer.BYTES + Cidr.BYTES;
  private static final Cidr ALL_IP4 = Cidr.parse("0.0.0.0/0");

  /** Groups, and what is reserved; "this network". */
  private static final List<Cidr> NOBODY =
      List.of(Cidr.parse("224.0.0.0/3"), Cidr.parse("ff00::/8"), Cidr.parse("0.0.0.0/8"));

  private final List<Cidr> allowed;
  private final List<Cidr> excepted = new ArrayList<>(NOBODY);

  /**
   * Makes the rules.
   *
   * @param loopback whether packets come in by the loopback interface
   */
  SourceRules(Allowlist allowlist, boolean loopback) {
    if (!loopback) {
      excepted.addAll(Allowlist.LOOPBACK);
    }
    allowed =
        allowlist.networks().stream()
            .filter(network -> excepted.stream().noneMatch(none -> none.contains(network)))
            .toList();
    if (allowed.size() > NETWORKS_MAX) {
      throw new IllegalArgumentException("more than " + NETWORKS_MAX + " networks are allowed");
    }
  }

  /** Sets the constants. */
  public void set(BPFLoader loader) {
    loader.constants("net_allow4", near());
  }

  /** The networks that are compared without a lookup: in none of them is one that is excepted. */
  long[] near() {
    return allowed.stream()
        .filter(network -> network.isIp4() && excepted.stream().noneMatch(network::contains))
        .limit(NEAR_MAX)
        .mapToLong(network -> (packet(network.ip4Mask()) << Integer.SIZE) | packet(network.ip4()))
        .toArray();
  }

  /** Sets the map, in which an earlier process may have left its rules. */
  public void put(BPFProgram program) {
    BPFHashMap<byte[], Byte> map =
        program.getHashMap("net_allowed", BPFType.bytes(KEY_BYTES), BPFType.INT8);
    Map<Cidr, Byte> rules = new HashMap<>();
    rules.put(ALL_IP4, (byte) 0); // which a network of IPv6 might otherwise be taken to have
    allowed.forEach(network -> rules.put(network, (byte) 1));
    excepted.forEach(network -> rules.put(network, (byte) 0));
    rules.forEach((network, rule) -> map.put(key(network), rule));
    List<byte[]> left = new ArrayList<>();
    map.forEach(
        (key, _) -> {
          if (!rules.containsKey(network(key))) {
            left.add(key);
          }
        });
    left.forEach(map::delete);
  }

  private static byte[] key(Cidr network) {
    byte[] key = new byte[KEY_BYTES];
    ByteBuffer.wrap(key).order(ByteOrder.nativeOrder()).putInt(network.bits()).put(network.bytes());
    return key;
  }

  private static Cidr network(byte[] key) {
    int bits = ByteBuffer.wrap(key).order(ByteOrder.nativeOrder()).getInt();
    ByteBuffer address = ByteBuffer.wrap(key, Integer.BYTES, Cidr.BYTES);
    return new Cidr(address.getLong(), address.getLong(), bits);
  }

  /** A number as a program reads it out of a packet. */
  private static long packet(int number) {
    return Integer.toUnsignedLong(
        ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? number : Integer.reverseBytes(number));
  }
}
