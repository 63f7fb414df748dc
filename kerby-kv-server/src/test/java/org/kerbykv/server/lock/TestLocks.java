package org.kerbykv.server.lock;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.server.kernel.DoorPlace;
import org.kerbykv.server.net.Allowlist;

/** Locks that are loaded and attached to nothing, and requests to them by user space's door. */
final class TestLocks {
  private static final int PORT = 11311;
  private static final InetAddress SERVER = InetAddress.ofLiteral("198.18.0.2");

  private TestLocks() {}

  static LockDoors open(LockOptions options) {
    DoorPlace place =
        new DoorPlace(
            "lo", List.of(SERVER), XdpMode.GENERIC, Optional.empty(), new Allowlist(List.of()));
    return LockDoors.open(place, PORT, options, 1);
  }

  /** The client's first acquisition. */
  static void acquire(LockDoor door, Mode mode, long lock, long client, int millis) {
    ask(door, org.kerbykv.bpf.programs.LockMessage.acquire(mode, lock, client, 1, millis, millis));
  }

  static void release(LockDoor door, long lock, long client) {
    ask(door, org.kerbykv.bpf.programs.LockMessage.of(Op.RELEASE, lock, client, 1));
  }

  private static void ask(LockDoor door, org.kerbykv.bpf.programs.LockMessage request) {
    InetSocketAddress from = new InetSocketAddress("198.18.0.1", 1000);
    door.message(0, Unpooled.wrappedBuffer(request.bytes()), from, SERVER, PORT);
    door.run(1);
    assertThat(door.status(0)).as("%s", request).isEqualTo(LockSlot.DONE);
  }
}
