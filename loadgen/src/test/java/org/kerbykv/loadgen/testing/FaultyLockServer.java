package org.kerbykv.loadgen.testing;

import static org.kerbykv.loadgen.lock.LockMessages.ACQUIRE;
import static org.kerbykv.loadgen.lock.LockMessages.AT_CLIENT;
import static org.kerbykv.loadgen.lock.LockMessages.AT_LOCK;
import static org.kerbykv.loadgen.lock.LockMessages.AT_MODE;
import static org.kerbykv.loadgen.lock.LockMessages.AT_OP;
import static org.kerbykv.loadgen.lock.LockMessages.AT_SEQUENCE;
import static org.kerbykv.loadgen.lock.LockMessages.AT_STATUS;
import static org.kerbykv.loadgen.lock.LockMessages.BUSY;
import static org.kerbykv.loadgen.lock.LockMessages.BYTES;
import static org.kerbykv.loadgen.lock.LockMessages.GRANTED;
import static org.kerbykv.loadgen.lock.LockMessages.QUEUED;
import static org.kerbykv.loadgen.lock.LockMessages.RELEASED;
import static org.kerbykv.loadgen.lock.LockMessages.SHARED;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** A small lock manager over UDP that does known harm to some requests, and counts it. */
public final class FaultyLockServer implements AutoCloseable {
  /** What happens to a request that comes for the first time, by its number from 0. */
  @FunctionalInterface
  public interface Fault {
    Harm harm(long request);
  }

  public enum Harm {
    NONE,
    DROP,
    DUPLICATE,
    /** Grants an acquire whoever holds the lock. */
    GRANT_TO_TWO
  }

  private record Acquisition(long client, long sequence, byte mode) {}

  private static final class Lock {
    final Set<Acquisition> holders = new HashSet<>();
    final Deque<Acquisition> queue = new ArrayDeque<>();

    boolean admits(Acquisition one) {
      return holders.isEmpty()
          || (one.mode == SHARED && holders.stream().allMatch(other -> other.mode == SHARED));
    }
  }

  private final DatagramSocket socket;
  private final boolean rejects;
  private final Fault fault;
  private final Map<Long, Lock> locks = new HashMap<>();
  private final Set<String> seen = new HashSet<>();
  private final Map<Harm, AtomicLong> harmed = new EnumMap<>(Harm.class);

  /** Where each client asks from, by its number. */
  private final Map<Long, SocketAddress> addresses = new HashMap<>();

  private final Deque<DatagramPacket> replies = new ArrayDeque<>();

  private long requests;

  /**
   * Serves at an address, of the calling thread's network namespace.
   *
   * @param rejects who cannot have a lock at once, instead of letting him wait
   */
  public FaultyLockServer(InetAddress host, boolean rejects, Fault fault) throws SocketException {
    this.rejects = rejects;
    this.fault = fault;
    for (Harm harm : Harm.values()) {
      harmed.put(harm, new AtomicLong());
    }
    socket = new DatagramSocket(0, host);
    Thread.ofPlatform().name("faulty-lock-server").start(this::run);
  }

  public InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  /** How often something was done. */
  public long harmed(Harm harm) {
    return harmed.get(harm).get();
  }

  private void run() {
    DatagramPacket packet = new DatagramPacket(new byte[2 * BYTES], 2 * BYTES);
    try {
      while (true) {
        socket.receive(packet);
        if (packet.getLength() == BYTES) {
          ByteBuffer request = ByteBuffer.wrap(Arrays.copyOf(packet.getData(), BYTES));
          addresses.put(request.getLong(AT_CLIENT), packet.getSocketAddress());
          serve(request);
        }
      }
    } catch (SocketException e) {
      // closed
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void serve(ByteBuffer request) throws IOException {
    byte op = request.get(AT_OP);
    Acquisition one =
        new Acquisition(
            request.getLong(AT_CLIENT), request.getLong(AT_SEQUENCE), request.get(AT_MODE));
    Harm harm = seen.add(op + " " + one) ? fault.harm(requests++) : Harm.NONE;
    if (harm == Harm.GRANT_TO_TWO && op != ACQUIRE) {
      harm = Harm.NONE;
    }
    harmed.get(harm).incrementAndGet();
    if (harm == Harm.DROP) {
      return;
    }
    Lock lock = locks.computeIfAbsent(request.getLong(AT_LOCK), _ -> new Lock());
    if (op == ACQUIRE) {
      byte status = harm == Harm.GRANT_TO_TWO ? GRANTED : acquire(lock, one);
      reply(request, status);
    } else {
      lock.holders.remove(one);
      reply(request, RELEASED);
    }
    if (harm == Harm.DUPLICATE) {
      reply(request, request.get(AT_STATUS));
    }
    grant(lock, request);
    sendReplies(harm == Harm.NONE);
  }

  private byte acquire(Lock lock, Acquisition one) {
    if (lock.holders.contains(one)) {
      return GRANTED;
    }
    if (lock.queue.contains(one)) {
      return QUEUED;
    }
    if (lock.queue.isEmpty() && lock.admits(one)) {
      lock.holders.add(one);
      return GRANTED;
    }
    if (rejects) {
      return BUSY;
    }
    lock.queue.add(one);
    return QUEUED;
  }

  private void grant(Lock lock, ByteBuffer like) {
    while (!lock.queue.isEmpty() && lock.admits(lock.queue.peek())) {
      Acquisition next = lock.queue.remove();
      lock.holders.add(next);
      like.put(AT_OP, ACQUIRE)
          .put(AT_MODE, next.mode)
          .putLong(AT_CLIENT, next.client)
          .putLong(AT_SEQUENCE, next.sequence);
      reply(like, GRANTED);
    }
  }

  private void reply(ByteBuffer message, byte status) {
    byte[] bytes = new byte[BYTES];
    message.put(AT_STATUS, status).get(0, bytes);
    replies.add(new DatagramPacket(bytes, BYTES, addresses.get(message.getLong(AT_CLIENT))));
  }

  /**
   * Sends what an operation led to.
   *
   * @param along the first notice goes along with the reply, if both go to the same address
   */
  private void sendReplies(boolean along) throws IOException {
    DatagramPacket reply = replies.removeFirst();
    if (along
        && !replies.isEmpty()
        && replies.getFirst().getSocketAddress().equals(reply.getSocketAddress())) {
      byte[] both = Arrays.copyOf(reply.getData(), 2 * BYTES);
      System.arraycopy(replies.removeFirst().getData(), 0, both, BYTES, BYTES);
      reply.setData(both);
    }
    socket.send(reply);
    while (!replies.isEmpty()) {
      socket.send(replies.removeFirst());
    }
  }

  @Override
  public void close() {
    socket.close(); // which ends the thread
  }
}
