package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A lock server over UDP that does to each request what a test says. */
final class LockStub implements AutoCloseable {
  /** A token to grant with. */
  static final long TOKEN = 1_800_000_000_000_000_001L;

  /** A request, and ways to answer it now, later, or several times. */
  record Request(LockStub server, SocketAddress client, LockMessage message, long receivedAt) {
    int op() {
      return message.op();
    }

    void grant() {
      grant(TOKEN);
    }

    /** Grants it, or confirms a renewal, with all of the lease that it asks for. */
    void grant(long token) {
      server.send(null, client, reply(LockMessage.GRANTED, token, message.lease()));
    }

    void reply(int status) {
      server.send(null, client, reply(status, 0, 0));
    }

    /** Sends the waiter's notice of a grant. */
    void notice(long lease) {
      server.send(null, client, reply(LockMessage.GRANTED, TOKEN, lease));
    }

    LockMessage reply(int status, long token, long lease) {
      return new LockMessage(
          message.op(),
          message.mode(),
          status,
          message.lock(),
          message.client(),
          message.sequence(),
          token,
          0,
          lease);
    }

    void send(LockMessage... replies) {
      server.send(null, client, replies);
    }

    /** Does what a server does to a lock that is always free. */
    void serve() {
      switch (op()) {
        case LockMessage.ACQUIRE, LockMessage.RENEW -> grant();
        case LockMessage.RELEASE -> reply(LockMessage.RELEASED);
        case LockMessage.CANCEL -> reply(LockMessage.CANCELLED);
        default -> reply(LockMessage.NOT_HOLDER);
      }
    }
  }

  private final UdpStub stub;
  private final LinkedBlockingQueue<Request> received = new LinkedBlockingQueue<>();

  private volatile boolean serving;

  /** Keeps requests for {@link #take}. */
  LockStub() throws IOException {
    stub = new UdpStub(0, (from, client, bytes) -> receive(request(client, bytes)));
  }

  LockStub(Consumer<Request> handler) throws IOException {
    stub = new UdpStub(0, (from, client, bytes) -> handler.accept(request(client, bytes)));
  }

  private Request request(SocketAddress client, byte[] bytes) {
    return new Request(
        this, client, LockMessage.read(Unpooled.wrappedBuffer(bytes)), System.nanoTime());
  }

  private void receive(Request request) {
    received.add(request);
    if (serving) {
      serveReceived();
    }
  }

  private void serveReceived() {
    for (Request request; (request = received.poll()) != null; ) {
      request.serve();
    }
  }

  /** No test takes what comes from now on. */
  void serveFromNowOn() {
    serving = true;
    serveReceived();
  }

  /** The next request, whatever it is. */
  Request take() {
    try {
      Request request = received.poll(30, TimeUnit.SECONDS);
      if (request == null) {
        throw new AssertionError("no request");
      }
      return request;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** The next request of this operation; others before it are dropped. */
  Request take(int op) {
    Request request;
    do {
      request = take();
    } while (request.op() != op);
    return request;
  }

  /** Sends messages in one datagram. */
  void send(DatagramSocket from, SocketAddress client, LockMessage... messages) {
    int length = messages.length * LockMessage.BYTES;
    ByteBuf bytes = Unpooled.buffer(length, length);
    for (LockMessage message : messages) {
      message.write(bytes);
    }
    stub.sendRaw(from, client, bytes.array());
  }

  void sendRaw(SocketAddress client, byte[] bytes) {
    stub.sendRaw(null, client, bytes);
  }

  KerbyLockConfig.Builder config() {
    return KerbyLockConfig.builder().server(stub.address());
  }

  InetSocketAddress address() {
    return stub.address();
  }

  @Override
  public void close() {
    stub.close();
  }
}
