package org.kerbykv.client.benchmark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Threads that share one client and wait for each of their calls. {@link ClientComparison} runs it
 * for every client.
 */
@State(Scope.Benchmark)
@OutputTimeUnit(TimeUnit.SECONDS)
public class ClientBenchmark {
  /** A power of two. */
  private static final int KEYS = 1 << 11;

  /** A {@link Contender.Kind}. */
  @Param("KERBY_TCP")
  String contender;

  @Param("0")
  int port;

  @Param("100")
  int valueBytes;

  private Contender client;
  private byte[] value;
  private final String[] keys = new String[KEYS];

  /** Which key a thread uses next. */
  @State(Scope.Thread)
  public static class Position {
    private int next = System.identityHashCode(this);

    private int step() {
      next = next * 1_664_525 + 1_013_904_223; // Numerical Recipes' generator
      return next >>> 16 & (KEYS - 1);
    }
  }

  @Setup
  public void open() throws Exception {
    client =
        Contender.Kind.valueOf(contender)
            .open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    value = new byte[valueBytes];
    for (int i = 0; i < KEYS; i++) {
      keys[i] = "benchmark:key:" + i;
      client.set(keys[i], value);
    }
  }

  @TearDown
  public void close() throws IOException {
    client.close();
  }

  @Benchmark
  public byte[] get(Position position) throws Exception {
    byte[] found = client.get(keys[position.step()]);
    if (found == null || found.length != valueBytes) {
      throw new IllegalStateException("not what was stored");
    }
    return found;
  }

  @Benchmark
  public void set(Position position) throws Exception {
    client.set(keys[position.step()], value);
  }
}
