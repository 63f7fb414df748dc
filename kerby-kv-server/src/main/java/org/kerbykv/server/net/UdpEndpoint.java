package org.kerbykv.server.net;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.kerbykv.server.flight.PassedUpEvent;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.metrics.DropReason;
import org.kerbykv.server.protocol.DatagramSession;
import org.kerbykv.server.protocol.Dispatcher;
import org.kerbykv.server.protocol.Replies;
import org.kerbykv.server.protocol.ReplyOutput;
import org.kerbykv.server.protocol.ServerCommands;

/**
 * One UDP socket of one event loop: takes requests and sends the datagrams of their replies.
 *
 * <p>The reply to all commands of a datagram is one message: its datagrams carry the request's id,
 * their number in the message, and how many there are.
 */
public final class UdpEndpoint extends ChannelInboundHandlerAdapter {
  private static final int PRIVILEGED_PORTS_END = 1024;

  private final Channel channel;
  private final Dispatcher dispatcher;
  private final DatagramSession session;
  private final DatagramSender sender;
  private final int port;
  private final Allowlist allowed;
  private final ReplyRate rate;

  private UdpEndpoint(
      Channel channel,
      Dispatcher dispatcher,
      ServerCommands server,
      int port,
      Function<InetAddress, ChannelFuture> replySockets,
      int datagramMax,
      int datagramsMax,
      Allowlist allowed,
      ReplyRate rate) {
    this.channel = channel;
    this.dispatcher = dispatcher;
    this.port = port;
    this.allowed = allowed;
    this.rate = rate;
    this.sender = new DatagramSender(channel, replySockets, new Sent(dispatcher.counters()));
    this.session = new DatagramSession(dispatcher, new Output(datagramMax, datagramsMax), server);
  }

  /**
   * Makes endpoints.
   *
   * @param datagramMax most bytes of UDP payload in a reply's datagram
   * @param datagramsMax most datagrams of a reply
   * @param allowed who may ask
   * @param rate how much each is sent
   */
  public static UdpListener.Endpoints of(
      EventLoops loops,
      ServerCommands server,
      int datagramMax,
      int datagramsMax,
      Allowlist allowed,
      ReplyRate rate) {
    return (channel, port, replySockets) ->
        new UdpEndpoint(
            channel,
            loops.dispatcher(channel),
            server,
            port,
            replySockets,
            datagramMax,
            datagramsMax,
            allowed,
            rate);
  }

  /** Counts what is sent. */
  private record Sent(Counters counters) implements DatagramSender.Observer {
    @Override
    public void sent(int bytes) {
      counters.add(Counter.BYTES_WRITTEN, bytes);
    }

    @Override
    public void dropped() {
      counters.count(DropReason.SEND_QUEUE);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    DatagramPacket packet = (DatagramPacket) message;
    try {
      dispatcher.counters().add(Counter.BYTES_READ, packet.content().readableBytes());
      DropReason refused = refusal(packet.sender());
      if (refused == null) {
        note(packet);
        session.receive(packet.content(), packet);
      } else {
        dispatcher.counters().count(refused);
      }
    } finally {
      packet.release();
    }
  }

  private static void note(DatagramPacket packet) {
    PassedUpEvent event = new PassedUpEvent();
    if (event.isEnabled()) {
      event.sender = packet.sender().toString();
      event.bytes = packet.content().readableBytes();
      event.commit();
    }
  }

  /** Returns why a datagram is not even read, or null if it is. */
  private DropReason refusal(InetSocketAddress sender) {
    if (!allowed.allows(sender.getAddress())) {
      return DropReason.NOT_ALLOWED;
    }
    // A reply to a service's port could be taken for a request there, and so go on for ever.
    if (sender.getPort() < PRIVILEGED_PORTS_END || sender.getPort() == port) {
      return DropReason.SOURCE;
    }
    return rate.allows(sender.getAddress()) ? null : DropReason.RATE;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    // For example an ICMP error for a reply whose receiver has gone.
    ServerLog.debug("UDP socket", "local", channel.localAddress(), "error", cause);
  }

  private final class Output extends ReplyOutput {
    private final int datagramMax;
    private final int datagramsMax;
    private final List<ByteBuf> datagrams = new ArrayList<>();
    private DatagramPacket request;
    private int requestId;
    private boolean overflow;

    Output(int datagramMax, int datagramsMax) {
      this.datagramMax = datagramMax;
      this.datagramsMax = datagramsMax;
    }

    @Override
    protected ByteBuf newPiece(int hintBytes) {
      return sender.buffer(datagramMax).writeZero(DatagramSession.HEADER_BYTES);
    }

    @Override
    protected void take(ByteBuf piece) {
      if (datagrams.size() < datagramsMax) {
        datagrams.add(piece);
      } else {
        overflow = true;
        piece.release();
      }
    }

    @Override
    protected void beginMessage(Object envelope, int id) {
      request = (DatagramPacket) envelope;
      requestId = id;
    }

    @Override
    protected void endMessage() {
      finishPiece();
      if (overflow) {
        replaceByError();
      }
      send();
      datagrams.clear();
      request = null;
    }

    private void replaceByError() {
      overflow = false;
      for (ByteBuf datagram : datagrams) {
        datagram.release();
      }
      datagrams.clear();
      ByteBuf error = newPiece(0);
      error.writeBytes(Replies.REPLY_TOO_LARGE);
      datagrams.add(error);
    }

    private void send() {
      int total = datagrams.size();
      for (int i = 0; i < total; i++) {
        ByteBuf datagram = datagrams.get(i);
        DatagramSession.writeHeader(datagram, requestId, i, total);
        rate.charge(request.sender().getAddress(), datagram.readableBytes());
        sender.send(datagram, request.sender(), request.recipient().getAddress());
      }
    }

    @Override
    protected void closeAfterwards() {
      // A datagram has no connection to close.
    }

    @Override
    protected void flush() {
      sender.flush();
    }

    @Override
    public boolean isWritable() {
      return true;
    }

    @Override
    public boolean isDatagram() {
      return true;
    }
  }
}
