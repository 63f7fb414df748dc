package org.kerbykv.server.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
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
    long end = System.nanoTime() + patience.toNanos();
    Optional<LockMessage> found = take(wanted);
    for (long left = patience.toNanos(); found.isEmpty() && left > 0; ) {
      received.addAll(receive(Math.toIntExact(1 + left / 1_000_000)));
      found = take(wanted);
      left = end - System.nanoTime();
    }
    return found;
  }

  private Optional<LockMessage> take(Predicate<LockMessage> wanted) {
    Optional<LockMessage> first = received.stream().filter(wanted).findFirst();
    first.ifPresent(received::remove);
    return first;
  }

  /** Forgets what was received and not waited for. */
  void forget() {
    received.clear();
  }

  void send(LockMessage request) {
    send(request.bytes());
  }

  void send(byte[] datagram) {
    try {
      socket.send(new DatagramPacket(datagram, datagram.length));
    } catch (PortUnreachableException e) {
      // Of an earlier one: there is no server just now.
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<LockMessage> receive(int timeoutMillis) {
    try {
      DatagramPacket packet = new DatagramPacket(new byte[512], 512);
      socket.setSoTimeout(timeoutMillis);
      socket.receive(packet);
      List<LockMessage> messages =
          LockMessage.readAll(Arrays.copyOf(packet.getData(), packet.getLength()));
      if (messages.stream().anyMatch(message -> message.client() != client)) {
        throw new AssertionError(client + " received " + messages);
      }
      return messages;
    } catch (SocketTimeoutException | PortUnreachableException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
