package org.kerbykv.loadgen.testing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A small memcached over UDP that does known harm to some requests and replies, and counts it. */
public final class FaultyServer implements AutoCloseable {
  /** What happens to one request or its reply, by the request's number from 0. */
  @FunctionalInterface
  public interface Fault {
    Harm harm(long request);
  }

  public enum Harm {
    NONE,
    DROP,
    DUPLICATE,
    CORRUPT,
    /** A bit of another byte in each reply. */
    CORRUPT_ANYWHERE,
    /** A second reply, to a request that nobody sent. */
    FOREIGN,
    DELAY
  }

  /** "VALUE ", a key, flags, length, line end; and the line ends around "END". */
  private static final int BEGINNING_BYTES = 60;

  private static final int END_BYTES = 8;

  /** An id that a short load does not come to. */
  private static final int FOREIGN_ID = 60_000;

  private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
  private final DatagramSocket socket;
  private final Fault fault;
  private final long delayMillis;
  private final Map<String, byte[]> items = new HashMap<>();
  private final ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
  private final Thread thread;
  private final Map<Harm, AtomicLong> harmed = new EnumMap<>(Harm.class);
  private long requests;

  public FaultyServer(long delayMillis, Fault fault) throws SocketException {
    this(InetAddress.getLoopbackAddress(), delayMillis, fault);
  }

  /** Serves at an address, of the calling thread's network namespace. */
  public FaultyServer(InetAddress host, long delayMillis, Fault fault) throws SocketException {
    this.fault = fault;
    this.delayMillis = delayMillis;
    for (Harm harm : Harm.values()) {
      harmed.put(harm, new AtomicLong());
    }
    socket = new DatagramSocket(0, host);
    thread = Thread.ofPlatform().name("faulty-server").start(this::run);
  }

  public InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  public long count(Harm harm) {
    return harmed.get(harm).get();
  }

  /** The texts of the requests that were answered, in order; one character for each byte. */
  public List<String> requests() {
    return List.copyOf(seen);
  }

  private void run() {
    DatagramPacket packet = new DatagramPacket(new byte[1 << 16], 1 << 16);
    while (!socket.isClosed()) {
      try {
        socket.receive(packet);
        answer(packet);
      } catch (SocketException e) {
        return; // closed
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void answer(DatagramPacket packet) throws IOException {
    Harm harm = fault.harm(requests++);
    harmed.get(harm).incrementAndGet();
    if (harm == Harm.DROP) {
      return; // on its way here
    }
    String request = new String(packet.getData(), 8, packet.getLength() - 8, ISO_8859_1);
    seen.add(request);
    byte[] body = execute(request).getBytes(ISO_8859_1);
    byte[] reply = Arrays.copyOf(packet.getData(), 8 + body.length);
    System.arraycopy(body, 0, reply, 8, body.length);
    SocketAddress client = packet.getSocketAddress();
    switch (harm) {
      case NONE -> send(reply, client);
      case DROP -> throw new AssertionError();
      case DUPLICATE -> {
        send(reply, client);
        send(reply, client);
      }
      case CORRUPT_ANYWHERE -> {
        reply[8 + corruptAt(body.length)] ^= 1;
        send(reply, client);
      }
      case FOREIGN -> {
        send(reply, client);
        byte[] foreign = reply.clone();
        foreign[0] = (byte) (FOREIGN_ID >> 8);
        foreign[1] = (byte) FOREIGN_ID;
        send(foreign, client);
      }
      case CORRUPT -> {
        reply[8 + body.length / 2] ^= 1;
        send(reply, client);
      }
      case DELAY -> {
        var _ = later.schedule(() -> send(reply, client), delayMillis, TimeUnit.MILLISECONDS);
      }
    }
  }

  /** By turns a byte of the beginning, of the end, and any. */
  private int corruptAt(int length) {
    int number = (int) count(Harm.CORRUPT_ANYWHERE);
    return switch (number % 3) {
      case 0 -> number / 3 * 7 % Math.min(length, BEGINNING_BYTES);
      case 1 -> length - 1 - number / 3 % Math.min(length, END_BYTES);
      default -> number * 31 % length;
    };
  }

  private String execute(String request) {
    String[] words = request.split("[ \r]", 6);
    if (words[0].equals("set")) {
      int start = request.indexOf('\n') + 1;
      int length = Integer.parseInt(words[4]);
      items.put(words[1], request.substring(start, start + length).getBytes(ISO_8859_1));
      return "STORED\r\n";
    }
    byte[] value = items.get(words[1]);
    return value == null
        ? "END\r\n"
        : "VALUE "
            + words[1]
            + " 0 "
            + value.length
            + "\r\n"
            + new String(value, ISO_8859_1)
            + "\r\nEND\r\n";
  }

  private void send(byte[] reply, SocketAddress client) {
    try {
      socket.send(new DatagramPacket(reply, reply.length, client));
    } catch (SocketException e) {
      // closed meanwhile
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    socket.close();
    later.shutdownNow();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
