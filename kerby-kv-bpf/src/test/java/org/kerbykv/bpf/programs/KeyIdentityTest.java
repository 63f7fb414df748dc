package org.kerbykv.bpf.programs;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** An item's identity is SipHash-1-3 of its key, through whichever door it comes. */
@RequiresBPF
class KeyIdentityTest {
  private static KvStore store;

  @BeforeAll
  static void load() {
    store = new KvStore(KvConfig.of(128));
  }

  @AfterAll
  static void unload() {
    store.close();
  }

  private static void checkStored(String key) {
    long identity = SipHash.SIP_1_3.hash(store.hashKey0(), store.hashKey1(), bytes(key));
    assertThat(store.index()).containsOnlyKeys(identity);
    assertThat(store.index().get(identity).keyLength()).isEqualTo(key.length());
  }

  private static byte[] bytes(String key) {
    return key.getBytes(ISO_8859_1);
  }

  @Test
  void keysOfEveryLength() {
    for (int length = 1; length <= KvAbi.KEY_MAX; length++) {
      String key = MemcachedText.key(length);
      store.clear();
      store.set(key, "v");
      checkStored(key);
      for (PacketDoor door : PacketDoor.values()) {
        store.clear();
        store.send(door, Frame.request(MemcachedText.set(key, "v")));
        checkStored(key);
      }
    }
  }

  /** What a packet's key ends at is found in the same pass: every byte that is not an end. */
  @Test
  void keysOfEveryByteAtEveryPlaceInAWord() {
    for (int b = 0x21; b <= 0xff; b++) {
      for (int place = 0; place < 8; place++) {
        String key = "!".repeat(place) + (char) b + "\u00ff".repeat(7 - place) + "!";
        store.clear();
        store.send(PacketDoor.XDP, Frame.request(MemcachedText.set(key, "v")));
        checkStored(key);
      }
    }
  }

  /** NUL and an end of line end it, and what follows then is not what it should be. */
  @Test
  void keysEndedAtEveryPlaceInAWord() {
    store.clear();
    for (char end : new char[] {0, '\n', '\r'}) {
      for (int place = 0; place < 16; place++) {
        String key = "k".repeat(place) + end + "\u0080".repeat(15 - place);
        Frame frame = Frame.request(MemcachedText.get(key));
        assertThat(store.send(PacketDoor.XDP, frame))
            .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, frame));
      }
    }
  }

  @Test
  void keysWithAControlCharacterAtEveryPlaceInAWord() {
    for (char control = 1; control < ' '; control++) {
      if (control == '\n' || control == '\r') {
        continue;
      }
      for (int place = 0; place < 16; place++) {
        store.clear();
        String key = "k".repeat(place) + control + "\u0080".repeat(15 - place);
        store.set(key, "v");
        checkStored(key);
      }
    }
  }

  @Test
  void randomKeysUnderRandomHashKeys() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try {
      for (int round = 0; round < 200; round++) {
        store.clear();
        store.setHashKey(random.nextLong(), random.nextLong());
        byte[] key = new byte[1 + random.nextInt(KvAbi.KEY_MAX)];
        random.nextBytes(key);
        store.set(new String(key, ISO_8859_1), "v");
        checkStored(new String(key, ISO_8859_1));
      }
    } catch (AssertionError e) {
      throw new AssertionError("seed " + seed, e);
    }
  }
}
