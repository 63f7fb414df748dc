package org.kerbykv.server.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.zip.CRC32C;
import org.kerbykv.bpf.NetworkNamespace;

/**
 * A UDP network between clients and a server that loses some datagrams, delivers some twice and
 * others late, behind those that were sent after them. What becomes of a datagram follows from the
 * seed and from what is in it, so that its sender knows as well; or, where senders send the same
 * again, from the seed and how many there were before. Usable from any thread.
 */
final class FaultyNetwork implements AutoCloseable {
  /**
   * More than clients wait for a reply, so that a request may be acted upon when all gave it up.
   */
  private static final int LATE_MILLIS_MAX = 300;

  private static final int DATAGRAM_MAX = 1 << 16;
  private static final int BUFFER_BYTES = 4 << 20;

  private final Function<ByteBuffer, Fate> fates;
  private final SocketAddress server;
  private final Selector selector;
  private final DatagramChannel front;

  /** Towards the server, one for each client, so that replies find their way. */
  private final Map<SocketAddress, DatagramChannel> backs = new HashMap<>();

  private final Map<DatagramChannel, SocketAddress> clients = new HashMap<>();
  private final PriorityQueue<Late> late =
      new PriorityQueue<>(Comparator.comparingLong(Late::nanos));
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(DATAGRAM_MAX);
  private final AtomicLong lost = new AtomicLong();
  private final AtomicLong copied = new AtomicLong();
  private final AtomicLong delayed = new AtomicLong();
  private final Thread thread;
  private volatile boolean closed;

  /**
   * What becomes of a datagram.
   *
   * @param copies how often it is delivered
   * @param lateMillis how late the last copy is
   */
  record Fate(int copies, int lateMillis) {}

  private record Late(long nanos, DatagramChannel from, SocketAddress to, ByteBuffer datagram) {}

  /** Opens one in the clients' namespace, whose senders know what becomes of a datagram. */
  FaultyNetwork(NetworkNamespace namespace, InetSocketAddress server, long seed) {
    this(namespace, server, datagram -> byContent(seed, datagram));
  }

  /** Opens one that treats what is sent again otherwise, and worse. */
  static FaultyNetwork unpredictable(
      NetworkNamespace namespace, InetSocketAddress server, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return new FaultyNetwork(namespace, server, _ -> fate(random, random.nextInt(25)));
  }

  private FaultyNetwork(
      NetworkNamespace namespace, InetSocketAddress server, Function<ByteBuffer, Fate> fates) {
    this.fates = fates;
    this.server = server;
    try {
      selector = Selector.open();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    front = namespace.call(this::open);
    thread = namespace.threadFactory().newThread(this::run);
    thread.start();
  }

  /** Where clients send to. */
  InetSocketAddress address() {
    try {
      return (InetSocketAddress) front.getLocalAddress();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns what becomes of a request, header and all. */
  Fate fate(ByteBuffer datagram) {
    return fates.apply(datagram);
  }

  private static Fate byContent(long seed, ByteBuffer datagram) {
    CRC32C content = new CRC32C();
    content.update(datagram.duplicate());
    SplittableRandom random = new SplittableRandom(seed ^ content.getValue());
    return fate(random, random.nextInt(100));
  }

  private static Fate fate(SplittableRandom random, int drawn) {
    int lateMillis = random.nextInt(3) == 0 ? random.nextInt(LATE_MILLIS_MAX) : random.nextInt(10);
    return switch (drawn) {
      case 0 -> new Fate(0, 0);
      case 1, 2 -> new Fate(2, lateMillis);
      case 3, 4 -> new Fate(1, lateMillis);
      default -> new Fate(1, 0);
    };
  }

  /** Returns what it has done to datagrams so far, for those who wonder. */
  @Override
  public String toString() {
    return "%s lost, %s copied, %s late".formatted(lost, copied, delayed);
  }

  private DatagramChannel open() throws IOException {
    DatagramChannel channel = DatagramChannel.open(java.net.StandardProtocolFamily.INET);
    channel.setOption(StandardSocketOptions.SO_RCVBUF, BUFFER_BYTES);
    // To the server it must be routed like any client's.
    InetAddress any = InetAddress.getByAddress(new byte[4]);
    InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
    channel.bind(new InetSocketAddress(front == null ? loopback : any, 0));
    channel.configureBlocking(false);
    channel.register(selector, SelectionKey.OP_READ);
    return channel;
  }

  private void run() {
    try {
      while (!closed || !late.isEmpty()) {
        long now = System.nanoTime();
        while (!late.isEmpty() && late.peek().nanos() <= now) {
          Late next = late.remove();
          next.from().send(next.datagram(), next.to());
        }
        selector.select(late.isEmpty() && !closed ? LATE_MILLIS_MAX : 1);
        for (SelectionKey key : selector.selectedKeys()) {
          pump((DatagramChannel) key.channel());
        }
        selector.selectedKeys().clear();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void pump(DatagramChannel channel) throws IOException {
    SocketAddress source;
    while ((source = channel.receive(buffer.clear())) != null) {
      buffer.flip();
      if (channel.equals(front)) {
        DatagramChannel back = backs.get(source);
        if (back == null) {
          back = open();
          backs.put(source, back);
          clients.put(back, source);
        }
        pass(back, server);
      } else {
        pass(front, clients.get(channel));
      }
    }
  }

  private void pass(DatagramChannel from, SocketAddress to) throws IOException {
    Fate fate = fate(buffer);
    if (fate.copies() == 0) {
      lost.incrementAndGet();
      return;
    }
    if (fate.copies() == 2) {
      copied.incrementAndGet();
      from.send(buffer.duplicate(), to);
    }
    if (fate.lateMillis() == 0) {
      from.send(buffer, to);
    } else {
      delayed.incrementAndGet();
      ByteBuffer copy = ByteBuffer.allocate(buffer.remaining()).put(buffer).flip();
      late.add(new Late(System.nanoTime() + fate.lateMillis() * 1_000_000L, from, to, copy));
    }
  }

  /** Delivers what is still under way, and ends. */
  @Override
  public void close() {
    closed = true;
    selector.wakeup();
    try {
      thread.join();
      List<DatagramChannel> channels = new ArrayList<>(backs.values());
      channels.add(front);
      for (DatagramChannel channel : channels) {
        channel.close();
      }
      selector.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
