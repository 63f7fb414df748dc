package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.kerbykv.client.KerbyLock;
import org.kerbykv.client.KerbyLockClient;
import org.kerbykv.client.KerbyLockConfig;
import org.kerbykv.client.LockMode;

/** A program that uses locks, for tests that need one in a process of its own. */
final class LockHolderProcess {
  static final long LOCK = 17;
  static final Duration WAIT = Duration.ofSeconds(50);
  static final Duration LEASE = Duration.ofSeconds(2);

  private LockHolderProcess() {}

  /**
   * {@code HOST PORT FILE count ROUNDS}: counts up in a file of text, which nothing but the lock
   * guards. {@code HOST PORT FILE hold}: acquires the lock, says "held TOKEN", and after a line on
   * standard input writes 1 into a fenced cell, and says whether that was "written" or "refused".
   */
  public static void main(String[] arguments) throws IOException {
    KerbyLockConfig config =
        KerbyLockConfig.builder().server(arguments[0], Integer.parseInt(arguments[1])).build();
    Path file = Path.of(arguments[2]);
    try (KerbyLockClient client = KerbyLockClient.open(config)) {
      if (arguments[3].equals("count")) {
        for (int i = Integer.parseInt(arguments[4]); i > 0; i--) {
          countUp(client, file);
        }
      } else {
        hold(client, new LockReadmeExamplesTest.FencedCell(file));
      }
    }
  }

  /** Reads, adds and writes with nothing but the lock to keep others out. */
  static void countUp(KerbyLockClient client, Path file) throws IOException {
    try (KerbyLock lock = client.acquire(LOCK, LockMode.EXCLUSIVE, WAIT, LEASE)) {
      String old = Files.exists(file) ? Files.readString(file) : "0";
      Files.writeString(file, Long.toString(Long.parseLong(old) + 1));
      if (!lock.isHeld()) {
        throw new IllegalStateException("lost while it counted");
      }
    }
  }

  private static void hold(KerbyLockClient client, LockReadmeExamplesTest.FencedCell cell)
      throws IOException {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    try (KerbyLock lock = client.acquire(LOCK, LockMode.EXCLUSIVE, WAIT, LEASE)) {
      System.out.println("held " + lock.fencingToken());
      input.readLine();
      // A program that looks at nothing but what it believes: that it holds the lock.
      System.out.println(cell.write(lock.fencingToken(), 1) ? "written" : "refused");
      System.out.println(lock.release() ? "released" : "lost");
    }
  }
}
