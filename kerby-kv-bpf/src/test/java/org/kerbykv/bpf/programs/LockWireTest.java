package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFLink;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;

/**
 * Clients with sockets, on two networks of a host whose only server is the programs: each release
 * is acknowledged and grants the lock to who is next, wherever it is.
 */
@RequiresBPF
class LockWireTest {
  private static final int TIMEOUT_MILLIS = 10_000;
  private static final int LEASE = 60_000;

  private final NetworkNamespace server = NetworkNamespace.create("locks");
  private final List<NetworkNamespace> networks = new ArrayList<>();
  private final List<Client> clients = new ArrayList<>();
  private final List<BPFLink> xdpLinks = new ArrayList<>();
  private final List<BPFLink> tcLinks = new ArrayList<>();
  private final LockManager manager = new LockManager(LockConfig.small().withClock().withClones());

  @BeforeEach
  void attach() {
    for (int i = 0; i < 2; i++) {
      NetworkNamespace network = NetworkNamespace.create("lockclient" + i);
      networks.add(network);
      String name = "kl" + i;
      server.joinByVeth(
          name, "198.18.%d.1/24".formatted(i), network, "198.18.%d.2/24".formatted(i));
      manager.serve(KvAbi.mapped(Frame.SERVER_IP + (i << 8)));
      int ifindex = server.ifindex(name);
      xdpLinks.add(
          server.call(() -> manager.program().xdpAttach("lock_xdp", ifindex, XdpMode.GENERIC)));
      tcLinks.add(server.call(() -> manager.program().tcAttach("lock_tc", ifindex)));
    }
  }

  @AfterEach
  void detach() {
    clients.forEach(Client::close);
    server.run(() -> xdpLinks.forEach(BPFLink::close));
    server.run(() -> tcLinks.forEach(BPFLink::close));
    manager.close();
    networks.forEach(NetworkNamespace::close);
    server.close();
  }

  /** A client with a socket of its own. */
  private final class Client implements AutoCloseable {
    private final long number;
    private final DatagramSocket socket;

    Client(long number, int network) {
      this.number = number;
      socket = networks.get(network).call(() -> new DatagramSocket());
      clients.add(this);
      try {
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.connect(new InetSocketAddress("198.18.%d.1".formatted(network), LockAbi.PORT));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    Status acquire(Mode mode) {
      return ask(LockMessage.acquire(mode, 7, number, 1, LEASE, LEASE));
    }

    Status release() {
      return ask(LockMessage.of(Op.RELEASE, 7, number, 1));
    }

    private Status ask(LockMessage request) {
      try {
        byte[] bytes = request.bytes();
        socket.send(new DatagramPacket(bytes, bytes.length));
        return receive(request.op()).status();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    LockMessage receive(Op op) {
      try {
        DatagramPacket packet = new DatagramPacket(new byte[512], 512);
        socket.receive(packet);
        LockMessage message = LockMessage.read(Arrays.copyOf(packet.getData(), packet.getLength()));
        assertThat(message.client()).isEqualTo(number);
        assertThat(message.op()).isEqualTo(op);
        return message;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    LockMessage granted() {
      LockMessage notice = receive(Op.ACQUIRE);
      assertThat(notice.status()).isEqualTo(Status.GRANTED);
      return notice;
    }

    @Override
    public void close() {
      socket.close();
    }
  }

  @Test
  void eachReleaseGrantsTheLockToWhoIsNext() {
    passOn();
    assertThat(manager.count(KvAbi.Path.TC, Op.RELEASE, Status.RELEASED)).isEqualTo(2);
    assertThat(manager.count(KvAbi.Path.XDP, Op.RELEASE, Status.RELEASED)).isEqualTo(1);
  }

  /** Then waiters are reached by where TC, and not XDP, saw them. */
  @Test
  void soItDoesByTcAlone() {
    server.run(() -> xdpLinks.forEach(BPFLink::close));
    passOn();
    assertThat(manager.count(KvAbi.Path.TC, Op.RELEASE, Status.RELEASED)).isEqualTo(3);
  }

  private void passOn() {
    Client first = new Client(1, 0);
    Client elsewhere = new Client(2, 1);
    Client here = new Client(3, 0);
    assertThat(first.acquire(Mode.EXCLUSIVE)).isEqualTo(Status.GRANTED);
    assertThat(elsewhere.acquire(Mode.EXCLUSIVE)).isEqualTo(Status.QUEUED);
    assertThat(here.acquire(Mode.EXCLUSIVE)).isEqualTo(Status.QUEUED);
    assertThat(first.release()).isEqualTo(Status.RELEASED);
    long token = elsewhere.granted().token();
    assertThat(elsewhere.release()).isEqualTo(Status.RELEASED);
    assertThat(here.granted().token()).isGreaterThan(token);
    assertThat(here.release()).isEqualTo(Status.RELEASED);
    LockAudit.check(manager);
  }

  @Test
  void oneReleaseGrantsSeveral() {
    Client first = new Client(1, 0);
    assertThat(first.acquire(Mode.EXCLUSIVE)).isEqualTo(Status.GRANTED);
    List<Client> waiters = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      waiters.add(new Client(2 + i, i % 2));
      assertThat(waiters.getLast().acquire(Mode.SHARED)).isEqualTo(Status.QUEUED);
    }
    assertThat(first.release()).isEqualTo(Status.RELEASED);
    waiters.forEach(Client::granted);
    waiters.forEach(waiter -> assertThat(waiter.release()).isEqualTo(Status.RELEASED));
    LockAudit.check(manager);
    assertThat(manager.drainNotices()).as("left to user space").isEmpty();
  }
}
