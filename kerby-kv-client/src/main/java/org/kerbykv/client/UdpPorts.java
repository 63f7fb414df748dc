package org.kerbykv.client;

import io.netty.channel.ChannelFuture;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The link's local UDP ports: the one in use, the next, opened before the ids of the first run out,
 * and those that still wait for replies. Belongs to the link's event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // failures reach exceptionCaught or a listener
final class UdpPorts {
  /** How many ids are left when the next port is opened. */
  private static final int OPEN_NEXT_AT = UdpPort.IDS / 8;

  private final ServerLink link;
  private final InetSocketAddress server;
  private final List<UdpPort> open = new ArrayList<>();
  private final ArrayDeque<Call<?>> waitingForPort = new ArrayDeque<>();
  private UdpPort current;
  private UdpPort next;
  private boolean opening;

  UdpPorts(ServerLink link, InetSocketAddress server) {
    this.link = link;
    this.server = server;
  }

  /** The port to send from, or null while none has an id left: the call is sent later. */
  UdpPort takeFor(Call<?> call) {
    if (current != null && current.idsLeft() == 0) {
      current.retire();
      current = null;
    }
    if (current == null) {
      current = next;
      next = null;
    }
    if (current == null || current.idsLeft() <= OPEN_NEXT_AT) {
      openNext();
    }
    if (current == null) {
      waitingForPort.add(call);
    }
    return current;
  }

  /** Opens a port unless one is ready or on its way. */
  ChannelFuture openNext() {
    if (next != null || opening) {
      return null;
    }
    opening = true;
    UdpPort port = new UdpPort(link);
    ChannelFuture connected =
        NettyIo.datagram(link.loop(), link.config().maxDatagram(), port).connect(server);
    connected.addListener(
        future -> {
          opening = false;
          if (future.isSuccess()) {
            next = port;
            open.add(port);
            connected.channel().closeFuture().addListener(closed -> open.remove(port));
          } else {
            link.noteTrouble(future.cause());
          }
          resend(future.cause());
        });
    return connected;
  }

  private void resend(Throwable trouble) {
    for (int i = waitingForPort.size(); i > 0; i--) {
      Call<?> call = waitingForPort.remove();
      if (trouble == null) {
        link.sendByUdp(call);
      } else {
        link.fail(call, new KerbyConnectionException("no UDP socket: " + trouble, trouble));
      }
    }
    link.flush();
  }

  void flush() {
    if (current != null) {
      current.flush();
    }
  }

  void close() {
    List.copyOf(open).forEach(UdpPort::close);
  }
}
