package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFLink;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;

/** The lock managers that Kerby-Lock is compared with do what is said of them. */
@RequiresBPF
class ComparedLocksTest {
  private static final int QUEUE = 3;
  private static final int TIMEOUT_MILLIS = 10_000;

  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  private BPFProgram load(String object, String... maps) {
    BPFLoader loader = BPFLoader.open(BPFProgram.class, object);
    loader.constant(object.startsWith("dint") ? "dint_locks_max" : "queue_locks_max", 8);
    for (String map : maps) {
      loader.mapMaxEntries(map, 8);
    }
    BPFProgram program = loader.load();
    opened.add(program);
    program
        .getHashMap("lock_local", BPFType.bytes(16), BPFType.INT8)
        .put(KvAbi.mapped(Frame.SERVER_IP), (byte) 1);
    return program;
  }

  private BPFProgram loadQueues() {
    BPFProgram program = load("queue_lock.bpf.o", "queue_locks", "queue_waiters");
    int waiterBytes =
        (int) BTFLayout.read(BPFProgram.class, "queue_lock.bpf.o").struct("queue_waiter").size();
    for (int lock = 0; lock < 8; lock++) {
      program.getArrayOfQueues("queue_waiters").makeQueue(lock, waiterBytes, QUEUE);
    }
    return program;
  }

  private static LockMessage acquire(Mode mode, long client) {
    return LockMessage.acquire(mode, 7, client, 1, 1000, 1000);
  }

  private static LockMessage release(Mode mode, long client) {
    LockMessage acquire = acquire(mode, client);
    return new LockMessage(Op.RELEASE, mode, Status.REQUEST, 7, client, 1, 0, 0, acquire.lease());
  }

  private static Status xdp(BPFTestRun run, LockMessage message) {
    Frame request = LockFrame.request(Headers.IP4, (int) message.client(), message);
    try (Arena call = Arena.ofConfined()) {
      BPFTestRun.Result result =
          run.run(call.allocateFrom(ValueLayout.JAVA_BYTE, request.bytes()), 1);
      assertThat(PacketDoor.XDP.verdict(result.retval())).isEqualTo(PacketDoor.Verdict.REPLY);
      return LockFrame.messages(request.as(result.data())).getFirst().status();
    }
  }

  @Test
  void dintRejectsWhatItCannotGrant() {
    BPFTestRun dint = load("dint_lock.bpf.o", "dint_locks").testRun("dint_lock");
    assertThat(xdp(dint, acquire(Mode.SHARED, 1))).isEqualTo(Status.GRANTED);
    assertThat(xdp(dint, acquire(Mode.SHARED, 2))).isEqualTo(Status.GRANTED);
    assertThat(xdp(dint, acquire(Mode.EXCLUSIVE, 3))).isEqualTo(Status.BUSY);
    assertThat(xdp(dint, release(Mode.SHARED, 1))).isEqualTo(Status.RELEASED);
    assertThat(xdp(dint, acquire(Mode.EXCLUSIVE, 3))).isEqualTo(Status.BUSY);
    assertThat(xdp(dint, release(Mode.SHARED, 2))).isEqualTo(Status.RELEASED);
    assertThat(xdp(dint, release(Mode.SHARED, 2))).isEqualTo(Status.NOT_HOLDER);
    assertThat(xdp(dint, acquire(Mode.EXCLUSIVE, 3))).isEqualTo(Status.GRANTED);
    assertThat(xdp(dint, acquire(Mode.SHARED, 1))).isEqualTo(Status.BUSY);
    assertThat(xdp(dint, release(Mode.EXCLUSIVE, 3))).isEqualTo(Status.RELEASED);
    assertThat(xdp(dint, acquire(Mode.SHARED, 1))).isEqualTo(Status.GRANTED);
  }

  @Test
  void queueMapsHoldAsManyAsTheyWereMadeFor() {
    BPFTestRun queues = loadQueues().testRun("queue_lock_xdp");
    assertThat(xdp(queues, acquire(Mode.EXCLUSIVE, 1))).isEqualTo(Status.GRANTED);
    for (int client = 2; client < 2 + QUEUE; client++) {
      assertThat(xdp(queues, acquire(Mode.SHARED, client))).isEqualTo(Status.QUEUED);
    }
    assertThat(xdp(queues, acquire(Mode.SHARED, 9))).isEqualTo(Status.QUEUE_FULL);
    LockMessage now = LockMessage.acquire(Mode.SHARED, 7, 9, 1, 0, 1000);
    assertThat(xdp(queues, now)).isEqualTo(Status.BUSY);
  }

  /** Over a network, since only TC sends grants. */
  @Test
  void queueMapsGrantInOrderAndTheSharedTogether() throws IOException {
    NetworkNamespace server = NetworkNamespace.create("queues");
    opened.add(server);
    NetworkNamespace network = NetworkNamespace.create("queueclient");
    opened.add(network);
    server.joinByVeth("kq0", "198.18.0.1/24", network, "198.18.0.2/24");
    BPFProgram program = loadQueues();
    int ifindex = server.ifindex("kq0");
    BPFLink xdp = server.call(() -> program.xdpAttach("queue_lock_xdp", ifindex, XdpMode.GENERIC));
    BPFLink tc = server.call(() -> program.tcAttach("queue_lock_tc", ifindex));
    opened.add(() -> server.run(() -> List.of(xdp, tc).forEach(BPFLink::close)));
    try (DatagramSocket socket = network.call(() -> new DatagramSocket())) {
      socket.setSoTimeout(TIMEOUT_MILLIS);
      socket.connect(new InetSocketAddress("198.18.0.1", LockAbi.PORT));
      send(socket, acquire(Mode.EXCLUSIVE, 1));
      assertThat(receive(socket)).isEqualTo("1 GRANTED");
      for (int client = 2; client < 5; client++) {
        send(socket, acquire(client < 4 ? Mode.SHARED : Mode.EXCLUSIVE, client));
        assertThat(receive(socket)).isEqualTo(client + " QUEUED");
      }
      send(socket, release(Mode.EXCLUSIVE, 1));
      assertThat(List.of(receive(socket), receive(socket), receive(socket)))
          .containsExactlyInAnyOrder("1 RELEASED", "2 GRANTED", "3 GRANTED");
      send(socket, release(Mode.SHARED, 2));
      assertThat(receive(socket)).isEqualTo("2 RELEASED");
      send(socket, release(Mode.SHARED, 3));
      assertThat(List.of(receive(socket), receive(socket)))
          .containsExactlyInAnyOrder("3 RELEASED", "4 GRANTED");
    }
  }

  private static void send(DatagramSocket socket, LockMessage message) {
    try {
      socket.send(new DatagramPacket(message.bytes(), LockMessage.BYTES));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String receive(DatagramSocket socket) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[512], 512);
    socket.receive(packet);
    LockMessage message = LockMessage.read(Arrays.copyOf(packet.getData(), packet.getLength()));
    return message.client() + " " + message.status();
  }
}
