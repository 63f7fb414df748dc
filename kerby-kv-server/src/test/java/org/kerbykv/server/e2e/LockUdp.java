package org.kerbykv.server.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Optional;
import java.util.function.Predicate;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.bpf.programs.LockMessage;

/**
 * A client of a lock server with a socket of its own and one number. It does what a test tells it
 * to, no more: nothing is sent again or renewed by itself. For one thread.
 */
final class LockUdp implements AutoCloseable {
  static final Duration SOON = Duration.ofSeconds(20);
  static final int LONG_MILLIS = 600_000;

  private final long client;
  private final DatagramSocket socket;
  private final Deque<LockMessage> received = new ArrayDeque<>();

  LockUdp(NetworkNamespace namespace, InetSocketAddress server, long client) {
    this.client = client;
    socket = namespace.call(() -> new DatagramSocket());
    try {
      socket.connect(server);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the request to acquire, with patience and a lease that do not end during a test. */
  LockMessage acquire(Mode mode, long lock, long sequence) {
    return acquire(mode, lock, sequence, LONG_MILLIS, LONG_MILLIS);
  }

  LockMessage acquire(Mode mode, long lock, long sequence, int waitMillis, int leaseMillis) {
    return LockMessage.acquire(mode, lock, client, sequence, waitMillis, leaseMillis);
  }

  /** Returns a request of another kind. */
  LockMessage request(Op op, long lock, long sequence) {
    return LockMessage.of(op, lock, client, sequence);
  }

  /** Sends a request and returns what is answered, which has to be so for an answer of it. */
  LockMessage ask(LockMessage request) {
    send(request);
    return await(it -> it.op() == request.op() && it.sequence() == request.sequence());
  }

  /** Returns the notice that an acquire is granted. */
  LockMessage granted(long sequence) {
    return await(it -> it.sequence() == sequence && it.status() == Status.GRANTED);
  }

  LockMessage await(Predicate<LockMessage> wanted) {
    return receive(wanted, SOON)
        .orElseThrow(() -> new AssertionError("client " + client + " received " + received));
  }

  /** Returns the first message of the wanted kind; empty if none comes in time. */
  Optional<LockMessage> receive(Predicate<LockMessage> wanted, Duration patience) {
    Optional<LockMessage> before = received.stream().filter(wanted).findFirst();
    if (before.isPresent()) {
      received.remove(before.get());
      return before;
    }
    long end = System.nanoTime() + patience.toNanos();
    for (long left = patience.toNanos(); left > 0; left = end - System.nanoTime()) {
      Optional<LockMessage> next = receive(Math.toIntExact(1 + left / 1_000_000));
      if (next.isPresent() && wanted.test(next.get())) {
        return next;
      }
      next.ifPresent(received::add);
    }
    return Optional.empty();
  }

  void send(LockMessage request) {
    send(request.bytes());
  }

  void send(byte[] datagram) {
    try {
      socket.send(new DatagramPacket(datagram, datagram.length));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Optional<LockMessage> receive(int timeoutMillis) {
    try {
      DatagramPacket packet = new DatagramPacket(new byte[512], 512);
      socket.setSoTimeout(timeoutMillis);
      socket.receive(packet);
      LockMessage message = LockMessage.read(Arrays.copyOf(packet.getData(), packet.getLength()));
      if (message.client() != client) {
        throw new AssertionError(client + " received " + message);
      }
      return Optional.of(message);
    } catch (SocketTimeoutException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
