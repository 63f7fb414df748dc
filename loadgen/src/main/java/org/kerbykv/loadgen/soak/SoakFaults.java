package org.kerbykv.loadgen.soak;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.Socket;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.topology.VethTopology;

/**
 * What goes wrong beside the server: its interface goes down and up, and connections end in the
 * midst of a request. On a thread of its own, until it is interrupted.
 */
final class SoakFaults implements Runnable {
  private static final int FAULT_MILLIS_MAX = 2000;
  private static final int DOWN_MILLIS_MAX = 300;
  private static final int FLAP_ONE_IN = 10;
  private static final int CONNECT_MILLIS_MAX = 1000;

  private final VethTopology topology;
  private final SplittableRandom random;
  private final SoakCounts counts;
  final AtomicInteger flaps = new AtomicInteger();
  final AtomicInteger brokenRequests = new AtomicInteger();

  SoakFaults(VethTopology topology, long seed, SoakCounts counts) {
    this.topology = topology;
    this.random = new SplittableRandom(seed);
    this.counts = counts;
  }

  @Override
  public void run() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        Thread.sleep(random.nextInt(FAULT_MILLIS_MAX));
        if (random.nextInt(FLAP_ONE_IN) == 0) {
          flap();
        } else {
          breakOffRequest();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (LoadException e) {
      counts.differs("a fault could not be made: " + e.getMessage());
    }
  }

  private void flap() throws LoadException, InterruptedException {
    topology.setServerInterface(false);
    try {
      Thread.sleep(random.nextInt(DOWN_MILLIS_MAX));
    } finally {
      topology.setServerInterface(true);
    }
    flaps.incrementAndGet();
  }

  /** A set whose value does not come in full: by a reset, as a client's machine that crashes. */
  private void breakOffRequest() {
    try (Socket socket = new Socket()) {
      socket.connect(VethTopology.serverAddress(), CONNECT_MILLIS_MAX);
      socket.setSoLinger(true, 0);
      byte[] part = new byte[random.nextInt(100_000)];
      socket.getOutputStream().write("set soak-broken 0 0 100000\r\n".getBytes(US_ASCII));
      socket.getOutputStream().write(part);
      brokenRequests.incrementAndGet();
    } catch (IOException e) {
      // No server runs just now.
    }
  }
}
