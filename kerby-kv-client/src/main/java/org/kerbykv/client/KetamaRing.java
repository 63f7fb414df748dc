package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Which server a key belongs to: points of every server on a circle of unsigned 32-bit numbers; a
 * key belongs to the next point. The points are libmemcached's. Immutable.
 */
final class KetamaRing {
  /** Points of a server of average weight, four from each digest. */
  private static final int POINTS_WEIGHTED = 160;

  private static final int POINTS_OF_A_DIGEST = 4;

  /** Points of each server where there are no weights. */
  private static final int POINTS = 100;

  /** libmemcached leaves the default port out of a point's text. */
  private static final int PORT_DEFAULT = 11211;

  /** What libmemcached adds before it rounds a server's share down. */
  private static final double ROUNDING = 0.0000000001;

  private static final int OWNER_BITS = 16;

  private final Distribution distribution;

  /** In ascending order, unsigned. */
  private final int[] points;

  /** By the index of its point. */
  private final short[] owners;

  private KetamaRing(Distribution distribution, int[] points, short[] owners) {
    this.distribution = distribution;
    this.points = points;
    this.owners = owners;
  }

  /**
   * The ring of the live ones of these servers.
   *
   * @param servers at most 32767
   * @param live the indexes of those that get keys, at least one
   */
  static KetamaRing of(List<ServerAddress> servers, BitSet live, Distribution distribution) {
    long totalWeight = live.stream().mapToLong(i -> servers.get(i).weight()).sum();
    int liveCount = live.cardinality();
    long[] sorted =
        live.stream()
            .boxed()
            .flatMapToLong(
                i -> {
                  ServerAddress server = servers.get(i);
                  int[] values =
                      distribution == Distribution.KETAMA_WEIGHTED
                          ? weightedPoints(server, totalWeight, liveCount)
                          : plainPoints(server);
                  return Arrays.stream(values)
                      .mapToLong(value -> Integer.toUnsignedLong(value) << OWNER_BITS | i);
                })
            .sorted()
            .toArray();
    int[] points = new int[sorted.length];
    short[] owners = new short[sorted.length];
    for (int i = 0; i < sorted.length; i++) {
      points[i] = (int) (sorted[i] >> OWNER_BITS);
      owners[i] = (short) sorted[i];
    }
    return new KetamaRing(distribution, points, owners);
  }

  private static int[] weightedPoints(ServerAddress server, long totalWeight, int liveCount) {
    // In single precision, as libmemcached counts, or the last digest of a server is missing.
    float share = (float) server.weight() / (float) totalWeight;
    float digests =
        (float) (share * POINTS_WEIGHTED / POINTS_OF_A_DIGEST * (float) liveCount + ROUNDING);
    int[] points = new int[(int) Math.floor(digests) * POINTS_OF_A_DIGEST];
    for (int i = 0; i < points.length; i++) {
      byte[] text = pointText(server, i / POINTS_OF_A_DIGEST);
      points[i] = Md5.word(text, i % POINTS_OF_A_DIGEST);
    }
    return points;
  }

  private static int[] plainPoints(ServerAddress server) {
    int[] points = new int[POINTS];
    Arrays.setAll(points, i -> oneAtATime(pointText(server, i)));
    return points;
  }

  private static byte[] pointText(ServerAddress server, int index) {
    String port = server.port() == PORT_DEFAULT ? "" : ":" + server.port();
    return (server.host() + port + "-" + index).getBytes(UTF_8);
  }

  /** The index of the key's server. */
  int owner(byte[] key) {
    int hash = distribution == Distribution.KETAMA_WEIGHTED ? Md5.word(key, 0) : oneAtATime(key);
    int low = 0;
    int high = points.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (Integer.compareUnsigned(points[middle], hash) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return owners[low == points.length ? 0 : low];
  }

  /** Bob Jenkins' hash of that name, over signed bytes as libmemcached has it. */
  private static int oneAtATime(byte[] text) {
    int hash = 0;
    for (byte b : text) {
      hash += b;
      hash += hash << 10;
      hash ^= hash >>> 6;
    }
    hash += hash << 3;
    hash ^= hash >>> 11;
    return hash + (hash << 15);
  }
}
