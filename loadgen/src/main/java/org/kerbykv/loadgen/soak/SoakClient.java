package org.kerbykv.loadgen.soak;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import org.kerbykv.client.Expiry;
import org.kerbykv.client.KerbyClient;
import org.kerbykv.client.KerbyClientConfig;
import org.kerbykv.client.KerbyConnectionException;
import org.kerbykv.client.KerbyException;
import org.kerbykv.client.KerbyServerException;
import org.kerbykv.client.KerbyTimeoutException;
import org.kerbykv.client.KerbyUnknownOutcomeException;
import org.kerbykv.client.Transport;

/**
 * A client of the soak: the only writer of its keys, one request at a time, by UDP and by TCP. What
 * it reads it holds against what it was acknowledged.
 */
final class SoakClient implements Runnable, AutoCloseable {
  /** Large enough for values in every tier, and few enough that each is read and written often. */
  private static final int KEYS = 1000;

  /** Its keys: the client's number, and the key's as {@link #lose} takes it. */
  static final Pattern KEY = Pattern.compile("soak-(\\d+)-(\\d+)");

  private static final Duration UDP_TIMEOUT = Duration.ofMillis(300);
  private static final Duration TCP_TIMEOUT = Duration.ofSeconds(5);
  private static final int TTL_SECONDS_MAX = 20;
  private static final int RECONNECT_ONE_IN = 5000;

  private final int number;
  private final InetSocketAddress server;
  private final long pauseNanos;
  private final SplittableRandom random;
  private final SoakCounts counts;
  private final Lock running;
  private final ExpectedItem[] items = new ExpectedItem[KEYS];

  /** For each key whether its value may have died with a process. Between requests only. */
  private final boolean[] mayBeLost = new boolean[KEYS];

  private final KerbyClient<byte[]> udp;
  private KerbyClient<byte[]> tcp;
  private volatile boolean over;

  /**
   * @param number of the client, from 0
   * @param pace requests a second, at most
   * @param running held during a request, so that whoever takes the other side finds none
   */
  SoakClient(
      int number, InetSocketAddress server, int pace, long seed, SoakCounts counts, Lock running) {
    this.number = number;
    this.server = server;
    this.pauseNanos = Duration.ofSeconds(1).toNanos() / pace;
    this.random = new SplittableRandom(seed);
    this.counts = counts;
    this.running = running;
    for (int i = 0; i < KEYS; i++) {
      items[i] = new ExpectedItem(key(number, i));
    }
    udp = open(Transport.UDP, UDP_TIMEOUT);
    tcp = open(Transport.TCP, TCP_TIMEOUT);
  }

  private static String key(int client, int index) {
    return "soak-%d-%d".formatted(client, index);
  }

  private KerbyClient<byte[]> open(Transport transport, Duration timeout) {
    return KerbyClient.open(
        KerbyClientConfig.builder()
            .server(server)
            .transport(transport)
            .timeout(timeout)
            .failureLimit(0)
            .udpAttempts(1)
            .build());
  }

  /**
   * The value of a key was in the memory of a server that died. To be called while the client does
   * nothing.
   */
  void lose(int index) {
    mayBeLost[index] = true;
  }

  /** Writes every key once. */
  void fill() {
    for (int i = 0; i < KEYS; i++) {
      write(items[i], i, 0);
    }
  }

  /** Has {@link #run} end. */
  void stop() {
    over = true;
  }

  @Override
  public void run() {
    long next = System.nanoTime();
    while (!over) {
      next = Math.max(next + pauseNanos, System.nanoTime() - pauseNanos);
      LockSupport.parkNanos(next - System.nanoTime());
      running.lock();
      try {
        step();
      } finally {
        running.unlock();
      }
    }
  }

  private void step() {
    int index = random.nextInt(KEYS);
    int what = random.nextInt(100);
    if (what < 55) {
      read(index);
    } else if (what < 88) {
      write(items[index], index, 0);
    } else if (what < 94) {
      write(items[index], index, 2 + random.nextInt(TTL_SECONDS_MAX - 1));
    } else {
      delete(items[index], index);
    }
    if (random.nextInt(RECONNECT_ONE_IN) == 0) {
      tcp.close();
      tcp = open(Transport.TCP, TCP_TIMEOUT);
    }
  }

  /** Reads every key once. */
  void readAll() {
    for (int i = 0; i < KEYS; i++) {
      read(i);
    }
  }

  private KerbyClient<byte[]> either() {
    return random.nextInt(3) == 0 ? tcp : udp;
  }

  private void read(int index) {
    ExpectedItem item = items[index];
    long sent = System.nanoTime();
    byte[] value;
    try {
      value = either().get(item.key());
    } catch (KerbyException e) {
      failed(e);
      return;
    }
    long answered = System.nanoTime();
    Optional<String> wrong;
    if (value == null) {
      counts.misses.incrementAndGet();
      if (mayBeLost[index]) {
        counts.lost.incrementAndGet();
      }
      wrong = item.missed(mayBeLost[index], answered);
    } else {
      counts.hits.incrementAndGet();
      wrong = item.found(value, sent, answered);
    }
    mayBeLost[index] = false;
    wrong.ifPresent(counts::differs);
  }

  private void write(ExpectedItem item, int index, int ttlSeconds) {
    ExpectedItem.Content content = item.write(length(), ttlSeconds, System.nanoTime());
    Expiry expiry = ttlSeconds == 0 ? Expiry.never() : Expiry.after(Duration.ofSeconds(ttlSeconds));
    execute(item, index, content, client -> client.set(item.key(), item.value(content), expiry));
  }

  private void delete(ExpectedItem item, int index) {
    ExpectedItem.Content content = item.deletion(System.nanoTime());
    execute(item, index, content, client -> client.delete(item.key()));
  }

  /** A write by either way. */
  private interface Write {
    void to(KerbyClient<byte[]> client);
  }

  private void execute(ExpectedItem item, int index, ExpectedItem.Content content, Write write) {
    try {
      write.to(either());
    } catch (KerbyException e) {
      item.unanswered(content);
      failed(e);
      return;
    }
    counts.writes.incrementAndGet();
    item.acknowledged(content, System.nanoTime());
    mayBeLost[index] = false;
  }

  private void failed(KerbyException e) {
    switch (e) {
      case KerbyTimeoutException _, KerbyConnectionException _, KerbyUnknownOutcomeException _ ->
          counts.unanswered.incrementAndGet();
      case KerbyServerException _ -> counts.refused.incrementAndGet();
      default -> counts.differs("client %d: %s".formatted(number, e));
    }
  }

  /** In the kernel in one block, in the kernel in several, too large for the kernel. */
  private int length() {
    int kind = random.nextInt(100);
    if (kind < 30) {
      return random.nextInt(1, 100);
    }
    if (kind < 80) {
      return random.nextInt(100, 1300);
    }
    return kind < 95 ? random.nextInt(1300, 8000) : random.nextInt(8000, 100_000);
  }

  @Override
  public void close() {
    udp.close();
    tcp.close();
  }
}
