package org.kerbykv.bpf.programs;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.PacketDoor.Verdict;

/**
 * Keys that somebody has chosen to collide: two keys of one identity cannot both be stored, so who
 * knew the hash could keep others' items out. Identities are cut to 32 bits here, for collisions to
 * be found; that of all 64 bits takes four billion tries, if the hash's key is known.
 */
@RequiresBPF
class KeyedHashTest {
  private static final long MASK = 0xffff_ffffL;
  private static final int PAIRS = 12;

  private record Pair(String one, String other) {}

  /** Pairs that collide under the key 0, as a hash without a key would have it. */
  private static List<Pair> chosen() {
    Map<Long, String> seen = new HashMap<>();
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; pairs.size() < PAIRS; i++) {
      String key = "chosen" + i;
      String other = seen.put(SipHash.SIP_1_3.hash(0, 0, key.getBytes(ISO_8859_1)) & MASK, key);
      if (other != null) {
        pairs.add(new Pair(other, key));
      }
    }
    return pairs;
  }

  @Test
  void keysChosenToCollideDoNotUnderAKeyThatNobodyKnows() {
    List<Pair> chosen = chosen();
    SplittableRandom random = new SplittableRandom(1);
    try (KvStore store = new KvStore(KvConfig.of(128).withConstant("kv_identity_mask", MASK))) {
      store.setHashKey(0, 0);
      assertThat(stored(store, chosen)).as("without a key").isZero();
      store.clear();
      store.setHashKey(random.nextLong(), random.nextLong());
      assertThat(stored(store, chosen)).as("under a key").isEqualTo(PAIRS);
    }
  }

  /** How many pairs are stored, both of them. */
  private static int stored(KvStore store, List<Pair> pairs) {
    int stored = 0;
    for (Pair pair : pairs) {
      assertThat(set(store, pair.one())).isEqualTo(Verdict.REPLY);
      if (set(store, pair.other()) == Verdict.REPLY) {
        stored++;
      }
    }
    return stored;
  }

  private static Verdict set(KvStore store, String key) {
    return store.send(PacketDoor.XDP, Frame.request(MemcachedText.set(key, "v"))).verdict();
  }
}
