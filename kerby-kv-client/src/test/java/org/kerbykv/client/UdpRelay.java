package org.kerbykv.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A UDP network between a client and a server that does to each datagram what a test says: drops
 * it, sends it, sends it twice, or holds it back. It relays no TCP.
 */
final class UdpRelay implements AutoCloseable {
  enum Direction {
    REQUEST,
    REPLY
  }

  enum Fate {
    DROP,
    SEND,
    SEND_TWICE,
    /** Sent after the next datagrams, or when nothing moves for a moment. */
    HOLD
  }

  /** Decides; called on the relay's thread, one datagram at a time. */
  @FunctionalInterface
  interface Network {
    Fate fate(Direction direction, ByteBuffer datagram);
  }

  private record Held(DatagramChannel from, SocketAddress to, ByteBuffer datagram) {}

  private static final int HELD_MAX = 8;
  private static final int QUIET_MILLIS = 5;

  private final SocketAddress server;
  private final Network network;
  private final Selector selector = Selector.open();
  private final DatagramChannel front;
  private final Map<SocketAddress, DatagramChannel> backs = new HashMap<>();
  private final Map<DatagramChannel, SocketAddress> clients = new HashMap<>();
  private final List<Held> held = new ArrayList<>();
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 16);
  private final Thread thread;
  private volatile boolean closed;

  UdpRelay(InetSocketAddress server, int port, Network network) throws IOException {
    this.server = server;
    this.network = network;
    front = open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    thread = Thread.ofPlatform().name("udp-relay").start(this::run);
  }

  private DatagramChannel open(SocketAddress local) throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    channel.setOption(java.net.StandardSocketOptions.SO_RCVBUF, 4 << 20);
    channel.bind(local);
    channel.configureBlocking(false);
    channel.register(selector, SelectionKey.OP_READ);
    return channel;
  }

  private void run() {
    try {
      while (!closed) {
        if (selector.select(QUIET_MILLIS) == 0) {
          sendHeld();
        }
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
          back = open(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
          backs.put(source, back);
          clients.put(back, source);
        }
        pass(Direction.REQUEST, back, server);
      } else {
        pass(Direction.REPLY, front, clients.get(channel));
      }
    }
  }

  private void pass(Direction direction, DatagramChannel from, SocketAddress to)
      throws IOException {
    switch (network.fate(direction, buffer.asReadOnlyBuffer())) {
      case DROP -> {}
      case SEND -> from.send(buffer, to);
      case SEND_TWICE -> {
        from.send(buffer.duplicate(), to);
        from.send(buffer, to);
      }
      case HOLD -> {
        ByteBuffer copy = ByteBuffer.allocate(buffer.remaining()).put(buffer).flip();
        held.add(new Held(from, to, copy));
      }
    }
    if (held.size() > HELD_MAX) {
      sendHeld();
    }
  }

  private void sendHeld() throws IOException {
    for (Held one : held.reversed()) {
      one.from().send(one.datagram(), one.to());
    }
    held.clear();
  }

  InetSocketAddress address() {
    try {
      return (InetSocketAddress) front.getLocalAddress();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    closed = true;
    selector.wakeup();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    front.close();
    for (DatagramChannel back : backs.values()) {
      back.close();
    }
    selector.close();
  }
}
