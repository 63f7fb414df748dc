package org.kerbykv.client;

import io.netty.channel.ChannelFuture;
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

  private final UdpLane lane;
  private final ServerLink link;
  private final List<UdpPort> open = new ArrayList<>();
  private UdpPort current;
  private UdpPort next;
  private boolean opening;

  UdpPorts(UdpLane lane, ServerLink link) {
    this.lane = lane;
    this.link = link;
  }

  /** Whether {@link #current} can send; if not, the lane is flushed once it can. */
  boolean ready() {
    if (current != null && current.idsLeft() == 0) {
      current.flush();
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
    return current != null;
  }

  UdpPort current() {
    return current;
  }

  /** Opens a port, unless one is ready or on its way; then returns null. */
  ChannelFuture openNext() {
    if (next != null || opening) {
      return null;
    }
    opening = true;
    UdpPort port = new UdpPort(lane, link);
    ChannelFuture connected =
        NettyIo.datagram(link.loop(), link.config().maxDatagram(), port).connect(link.server());
    connected.addListener(
        future -> {
          opening = false;
          if (future.isSuccess()) {
            next = port;
            open.add(port);
            connected.channel().closeFuture().addListener(closed -> open.remove(port));
            lane.flush();
          } else {
            lane.noteTrouble(future.cause());
            if (current == null) {
              lane.failUnsent(future.cause());
            }
          }
        });
    return connected;
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
