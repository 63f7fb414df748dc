package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.spy.memcached.DefaultHashAlgorithm;
import net.spy.memcached.KetamaNodeKeyFormatter;
import net.spy.memcached.KetamaNodeLocator;
import net.spy.memcached.MemcachedNode;
import net.spy.memcached.util.DefaultKetamaNodeLocatorConfiguration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The placement of keys, with libmemcached itself and spymemcached as witnesses. */
class KetamaRingTest {
  private static final int KEYS = 20_000;

  private static BitSet all(List<ServerAddress> servers) {
    BitSet live = new BitSet();
    live.set(0, servers.size());
    return live;
  }

  /** Names, addresses, the default port and others. */
  private static List<ServerAddress> someServers(
      int count, SplittableRandom random, int weightMax) {
    List<ServerAddress> servers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String host =
          switch (random.nextInt(3)) {
            case 0 -> "cache" + i + ".example.com";
            case 1 -> "192.0.2." + i;
            default -> "h" + i;
          };
      int port = random.nextInt(3) == 0 ? 11211 : 1 + random.nextInt(65_535);
      int weight = 1 + random.nextInt(weightMax);
      servers.add(ServerAddress.of(host, port).withWeight(weight));
    }
    return servers;
  }

  private static byte[] someKey(int number, SplittableRandom random) {
    String alphabet = "abcXYZ019:_-/.é€ü";
    StringBuilder key = new StringBuilder("k" + number);
    for (int rest = random.nextInt(60); rest > 0; rest--) {
      key.append(alphabet.charAt(random.nextInt(alphabet.length())));
    }
    return key.toString().getBytes(UTF_8);
  }

  private static LibMemcached.Behavior behavior(Distribution distribution) {
    return switch (distribution) {
      case KETAMA_WEIGHTED -> LibMemcached.Behavior.MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED;
      case KETAMA -> LibMemcached.Behavior.MEMCACHED_BEHAVIOR_KETAMA;
    };
  }

  private static void assertPlacedAlike(
      KetamaRing ring, List<ServerAddress> servers, int[] indexes, Distribution distribution) {
    SplittableRandom random = new SplittableRandom(7);
    try (LibMemcached witness = new LibMemcached(behavior(distribution), servers)) {
      for (int i = 0; i < KEYS; i++) {
        byte[] key = someKey(i, random);
        int expected = indexes[witness.owner(key)];
        if (ring.owner(key) != expected) {
          fail("key %s of %s: not %d", new String(key, UTF_8), servers, expected);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void placesKeysAsLibmemcachedDoes(Distribution distribution) {
    SplittableRandom random = new SplittableRandom(1);
    for (int count : new int[] {2, 3, 5, 16, 60}) {
      List<ServerAddress> servers = someServers(count, random, 1);
      KetamaRing ring = KetamaRing.of(servers, all(servers), distribution);
      assertPlacedAlike(ring, servers, all(servers).stream().toArray(), distribution);
    }
  }

  @Test
  void placesKeysByWeightAsLibmemcachedDoes() {
    SplittableRandom random = new SplittableRandom(2);
    for (int count : new int[] {2, 3, 7, 12}) {
      for (int weightMax : new int[] {2, 10, 65_535}) {
        List<ServerAddress> servers = someServers(count, random, weightMax);
        KetamaRing ring = KetamaRing.of(servers, all(servers), Distribution.KETAMA_WEIGHTED);
        assertPlacedAlike(
            ring, servers, all(servers).stream().toArray(), Distribution.KETAMA_WEIGHTED);
      }
    }
  }

  @Test
  void countsPointsInSinglePrecisionAsLibmemcachedDoes() {
    // 8 of 25 for one of five servers is 63 digests, or 64 in double precision.
    int[] weights = {2, 5, 8, 3, 7};
    List<ServerAddress> servers =
        IntStream.range(0, weights.length)
            .mapToObj(i -> ServerAddress.of("h" + i, 11211).withWeight(weights[i]))
            .toList();
    KetamaRing ring = KetamaRing.of(servers, all(servers), Distribution.KETAMA_WEIGHTED);
    assertPlacedAlike(ring, servers, all(servers).stream().toArray(), Distribution.KETAMA_WEIGHTED);
  }

  @ParameterizedTest
  @EnumSource
  void withoutSomeServersPlacesKeysAsIfTheyHadNotBeenNamed(Distribution distribution) {
    SplittableRandom random = new SplittableRandom(3);
    int weightMax = distribution == Distribution.KETAMA_WEIGHTED ? 9 : 1;
    List<ServerAddress> servers = someServers(9, random, weightMax);
    BitSet live = all(servers);
    live.clear(0);
    live.clear(4);
    live.clear(5);
    KetamaRing ring = KetamaRing.of(servers, live, distribution);
    List<ServerAddress> rest = live.stream().mapToObj(servers::get).toList();
    assertPlacedAlike(ring, rest, live.stream().toArray(), distribution);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5})
  void placesKeysAsSpymemcachedDoes(int weightMax) {
    SplittableRandom random = new SplittableRandom(4);
    List<ServerAddress> servers = someServers(6, random, weightMax);
    KetamaRing ring = KetamaRing.of(servers, all(servers), Distribution.KETAMA_WEIGHTED);
    KetamaNodeLocator witness = spymemcached(servers, weightMax > 1);
    for (int i = 0; i < KEYS; i++) {
      String key = new String(someKey(i, random), UTF_8);
      InetSocketAddress owner = (InetSocketAddress) witness.getPrimary(key).getSocketAddress();
      ServerAddress ours = servers.get(ring.owner(key.getBytes(UTF_8)));
      assertThat(owner.getHostString() + ":" + owner.getPort())
          .isEqualTo(ours.host() + ":" + ours.port());
    }
  }

  /** With an address under this name, since spymemcached looks for the name of what has none. */
  private static InetSocketAddress named(ServerAddress server) {
    try {
      byte[] any = {127, 0, 0, 1};
      return new InetSocketAddress(InetAddress.getByAddress(server.host(), any), server.port());
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  private static KetamaNodeLocator spymemcached(List<ServerAddress> servers, boolean weighted) {
    List<MemcachedNode> nodes = new ArrayList<>();
    Map<InetSocketAddress, Integer> weights =
        servers.stream().collect(Collectors.toMap(KetamaRingTest::named, ServerAddress::weight));
    for (ServerAddress server : servers) {
      SocketAddress address = named(server);
      nodes.add(
          (MemcachedNode)
              Proxy.newProxyInstance(
                  MemcachedNode.class.getClassLoader(),
                  new Class<?>[] {MemcachedNode.class},
                  (proxy, method, arguments) ->
                      switch (method.getName()) {
                        case "getSocketAddress" -> address;
                        case "hashCode" -> address.hashCode();
                        default ->
                            address.equals(
                                ((MemcachedNode) arguments[0]).getSocketAddress()); // equals
                      }));
    }
    return new KetamaNodeLocator(
        nodes,
        DefaultHashAlgorithm.KETAMA_HASH,
        weighted ? weights : Map.of(),
        new DefaultKetamaNodeLocatorConfiguration(
            new KetamaNodeKeyFormatter(KetamaNodeKeyFormatter.Format.LIBMEMCACHED)));
  }

  @Test
  void movesOnlyTheKeysOfAServerThatGoes() {
    List<ServerAddress> servers = someServers(5, new SplittableRandom(5), 1);
    BitSet live = all(servers);
    KetamaRing before = KetamaRing.of(servers, live, Distribution.KETAMA_WEIGHTED);
    live.clear(2);
    KetamaRing after = KetamaRing.of(servers, live, Distribution.KETAMA_WEIGHTED);
    SplittableRandom random = new SplittableRandom(6);
    Map<Integer, Integer> heirs = new TreeMap<>();
    for (int i = 0; i < KEYS; i++) {
      byte[] key = someKey(i, random);
      if (before.owner(key) == 2) {
        heirs.merge(after.owner(key), 1, Integer::sum);
      } else {
        assertThat(after.owner(key)).isEqualTo(before.owner(key));
      }
    }
    assertThat(heirs.keySet()).containsExactly(0, 1, 3, 4);
  }

  @Test
  void keysGoToServersByTheirWeight() {
    List<ServerAddress> servers =
        List.of(ServerAddress.of("a", 1), ServerAddress.of("b", 1).withWeight(3));
    KetamaRing ring = KetamaRing.of(servers, all(servers), Distribution.KETAMA_WEIGHTED);
    SplittableRandom random = new SplittableRandom(8);
    long ofB = 0;
    for (int i = 0; i < KEYS; i++) {
      ofB += ring.owner(someKey(i, random));
    }
    assertThat((double) ofB / KEYS).isCloseTo(0.75, within(0.06));
  }

  @Test
  void digestsAsTheJdkDoes() throws Exception {
    SplittableRandom random = new SplittableRandom(9);
    MessageDigest jdk = MessageDigest.getInstance("MD5");
    for (int length = 0; length <= 300; length++) {
      byte[] text = new byte[length];
      random.nextBytes(text);
      ByteBuffer digest = ByteBuffer.wrap(jdk.digest(text)).order(ByteOrder.LITTLE_ENDIAN);
      for (int word = 0; word < 4; word++) {
        assertThat(Md5.word(text, word)).as("%d bytes", length).isEqualTo(digest.getInt());
      }
    }
  }

  @Test
  void theOrderOfTheServersDoesNotMatter() {
    List<ServerAddress> servers = someServers(6, new SplittableRandom(10), 4);
    List<ServerAddress> sorted =
        servers.stream().sorted(Comparator.comparing(ServerAddress::toString).reversed()).toList();
    KetamaRing one = KetamaRing.of(servers, all(servers), Distribution.KETAMA_WEIGHTED);
    KetamaRing other = KetamaRing.of(sorted, all(sorted), Distribution.KETAMA_WEIGHTED);
    SplittableRandom random = new SplittableRandom(11);
    for (int i = 0; i < KEYS; i++) {
      byte[] key = someKey(i, random);
      assertThat(sorted.get(other.owner(key))).isEqualTo(servers.get(one.owner(key)));
    }
  }
}
