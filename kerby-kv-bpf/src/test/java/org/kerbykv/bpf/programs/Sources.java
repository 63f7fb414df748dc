package org.kerbykv.bpf.programs;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFPerCpuArray;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;

/** Who may ask, {@code net/allow.h}, and what was dropped of others. For one thread. */
final class Sources {
  private static final BTFLayout.Struct PREFIX = KvAbi.LAYOUT.struct("net_prefix");
  private static final BTFLayout.Struct DROPS = KvAbi.LAYOUT.struct("net_drops");
  private static final int CLIENTS = 0xc6120000; // 198.18.0.0/15
  private static final int CLIENTS_BITS = 15;
  private static final int MAPPED_BITS = 96;

  private final BPFHashMap<byte[], Byte> allowed;
  private final BPFPerCpuArray<byte[]> drops;

  /** enum net_drop. */
  enum Drop {
    NOT_ALLOWED,
    SOURCE,
    RATE
  }

  Sources(BPFProgram program) {
    allowed = program.getHashMap("net_allowed", BPFType.bytes((int) PREFIX.size()), BPFType.INT8);
    drops = program.getPerCpuArray("net_drops", BPFType.bytes((int) DROPS.size()));
  }

  /** Allows all that frames come from unless a test has it otherwise. */
  void allowClients() {
    put4(CLIENTS, CLIENTS_BITS, true);
    put(ByteBuffer.allocate(16).putLong(Frame.IP6_PREFIX).putLong(0).array(), Long.SIZE, true);
  }

  /** Sets whether a network of IPv4 may ask. */
  void put4(int network, int bits, boolean may) {
    put(KvAbi.mapped(network), MAPPED_BITS + bits, may);
  }

  /** Sets whether a network of 16 bytes may ask. */
  void put(byte[] network, int bits, boolean may) {
    allowed.put(key(network, bits), (byte) (may ? 1 : 0));
  }

  /** Removes all that is said of sources. */
  void clear() {
    List<byte[]> keys = new ArrayList<>();
    allowed.forEach((key, _) -> keys.add(key));
    keys.forEach(allowed::delete);
  }

  private static byte[] key(byte[] network, int bits) {
    return ByteBuffer.allocate((int) PREFIX.size())
        .order(ByteOrder.nativeOrder())
        .putInt((int) PREFIX.member("bits").offset(), bits)
        .put((int) PREFIX.member("address").offset(), network)
        .array();
  }

  /** How many datagrams were dropped for this reason. */
  long drops(Drop reason) {
    long[] sums = new long[(int) (DROPS.size() / Long.BYTES)];
    drops.sumWords(0, sums);
    return sums[KvAbi.number(reason)];
  }
}
