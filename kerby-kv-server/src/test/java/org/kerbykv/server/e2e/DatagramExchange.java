package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

/**
 * Sends datagrams one after the other, perhaps to be answered, perhaps not, and takes what comes
 * back to each: a request that user space answers goes behind it and shows when all has come.
 */
final class DatagramExchange {
  private static final int LAST_ID = 0xffff;
  private static final byte[] LAST = Requests.bytes("version\r\n");

  private final UdpClient udp;
  private int nextId;

  DatagramExchange(UdpClient udp) {
    this.udp = udp;
  }

  /** Sends a datagram as often as it says, at once; returns the datagrams that come back. */
  List<UdpClient.Datagram> send(Datagram datagram) {
    int id = nextId;
    nextId = (nextId + 1) % LAST_ID;
    for (int i = 0; i < datagram.copies(); i++) {
      udp.sendRaw(datagram.payload(id));
    }
    udp.send(LAST_ID, LAST);
    List<UdpClient.Datagram> replies = new ArrayList<>();
    while (true) {
      UdpClient.Datagram reply =
          udp.receive(UdpClient.PATIENCE)
              .orElseThrow(() -> new AssertionError("no reply to version after" + datagram));
      if (reply.id() == LAST_ID) {
        return replies;
      }
      assertThat(reply.id()).as("id of the reply to%s", datagram).isEqualTo(id);
      replies.add(reply);
    }
  }
}
