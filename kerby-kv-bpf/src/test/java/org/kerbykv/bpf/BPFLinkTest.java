package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** XDP and TC programs on a veth pair of the test's own: attach, update, pin, detach. */
@RequiresBPF
class BPFLinkTest {
  private static final String OBJECT = BPFProgramTest.OBJECT;
  private static final String INTERFACE = "veth0";
  private static final InetSocketAddress SERVER = new InetSocketAddress("198.18.0.2", 4000);

  private final BPFProgram program = BPFProgram.load(BPFLinkTest.class, OBJECT);
  private final NetworkNamespace client = NetworkNamespace.create("client");
  private final NetworkNamespace server = NetworkNamespace.create("server");
  private int ifindex;

  @BeforeEach
  void join() {
    client.joinByVeth(INTERFACE, "198.18.0.1/24", server, "198.18.0.2/24");
    ifindex = server.ifindex(INTERFACE);
  }

  @AfterEach
  void close() {
    program.close();
    client.close();
    server.close();
  }

  @Test
  void nativeXdpSeesPacketsUntilClosed() {
    try (BPFLink link = attach("drop_xdp", XdpMode.NATIVE)) {
      assertThat(link.xdpMode()).contains(XdpMode.NATIVE);
      assertThat(link.programId()).isEqualTo(program.programId("drop_xdp"));
      assertThat(link.ifindex()).isEqualTo(ifindex);
      assertThat(server.ip("link", "show", INTERFACE))
          .contains(" xdp ", "prog/xdp id " + link.programId());
      awaitXdpRuns(1000);
    }
    assertThat(query()).isEmpty();
  }

  @Test
  void genericXdpIsGeneric() {
    try (BPFLink link = attach("drop_xdp", XdpMode.GENERIC)) {
      assertThat(link.xdpMode()).contains(XdpMode.GENERIC);
      assertThat(query())
          .contains(new NetDevice.XdpAttached(link.programId(), "drop_xdp", XdpMode.GENERIC));
      assertThat(server.ip("link", "show", INTERFACE)).contains(" xdpgeneric ");
      awaitXdpRuns(1000);
    }
  }

  @Test
  void autoPrefersNative() {
    try (BPFLink link = attach("drop_xdp", XdpMode.AUTO)) {
      assertThat(link.xdpMode()).contains(XdpMode.NATIVE);
    }
  }

  @Test
  void autoFallsBackToGenericWhereTheDriverCannot() {
    int loopback = server.ifindex("lo"); // has no native XDP
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> attach("drop_xdp", loopback, XdpMode.NATIVE))
        .withMessage(
            "attach program drop_xdp to interface lo in native XDP mode:"
                + " EOPNOTSUPP (Operation not supported)");
    try (BPFLink link = attach("drop_xdp", loopback, XdpMode.AUTO)) {
      assertThat(link.xdpMode()).contains(XdpMode.GENERIC);
    }
  }

  @Test
  void secondProgramIsRefusedWithTheNameOfTheFirst() {
    try (BPFLink first = attach("drop_xdp", XdpMode.GENERIC)) {
      for (XdpMode mode : XdpMode.values()) {
        assertThatExceptionOfType(BPFException.class)
            .isThrownBy(() -> attach("reflect_xdp", mode))
            .satisfies(
                e -> {
                  assertThat(e.errnoName()).isIn("EBUSY", "EEXIST");
                  assertThat(e.summary())
                      .contains("reflect_xdp")
                      .endsWith(
                          "program %d 'drop_xdp' is there, in generic mode"
                              .formatted(first.programId()));
                });
      }
    }
  }

  @Test
  void missingInterfaceIsNamed() {
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> attach("drop_xdp", 4711, XdpMode.AUTO))
        .withMessage(
            "attach program drop_xdp to interface 4711 in generic XDP mode:"
                + " EINVAL (Invalid argument): there is no such interface");
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> server.run(() -> program.tcAttach("mark_tc", 4711)))
        .satisfies(e -> assertThat(e.errnoName()).isEqualTo("ENODEV"));
  }

  @Test
  void tcProgramSeesPacketsUntilClosed() {
    try (BPFLink link = server.call(() -> program.tcAttach("mark_tc", ifindex))) {
      assertThat(link.xdpMode()).isEmpty();
      assertThat(link.programId()).isEqualTo(program.programId("mark_tc"));
      awaitTcRuns(1);
    }
    assertNoMoreTcRuns();
  }

  @Test
  void tcProgramAtEgressSeesWhatIsSent() {
    int sending = client.ifindex(INTERFACE);
    client.run(() -> program.xdpAttach("drop_xdp", sending, XdpMode.NATIVE)); // nothing comes in
    try (BPFLink link = client.call(() -> program.tcAttachEgress("other_tc", sending))) {
      assertThat(link.programId()).isEqualTo(program.programId("other_tc"));
      awaitTcRuns(1000);
    }
  }

  @Test
  void clsactFilterDoesTheSameWhereThereIsNoTcx() {
    int leftBehind = program.programId("mark_tc");
    server.run(() -> ClsactFilter.attach(program.programFd("mark_tc"), "mark_tc", ifindex));
    assertThat(tcFilters()).contains("id " + leftBehind); // as a killed process leaves it

    try (BPFLink link = server.call(() -> BPFLink.attachClsact(program, "other_tc", ifindex))) {
      assertThat(link.programId()).isEqualTo(program.programId("other_tc"));
      assertThat(tcFilters()).contains("other_tc").doesNotContain("mark_tc");
      awaitTcRuns(1000);
      server.run(() -> link.update(program, "mark_tc"));
      assertThat(tcFilters()).contains("mark_tc").doesNotContain("other_tc");
      assertThatExceptionOfType(BPFException.class)
          .isThrownBy(() -> link.pin(Path.of("/nowhere")))
          .satisfies(e -> assertThat(e.errnoName()).isEqualTo("EOPNOTSUPP"));
      server.run(link::close);
    }
    assertThat(tcFilters()).isEmpty();
    assertNoMoreTcRuns();
  }

  @Test
  void clsactQdiscGoesWithTheFilterThatBroughtIt() {
    BPFLink link = server.call(() -> BPFLink.attachClsact(program, "mark_tc", ifindex));
    assertThat(qdiscs()).contains("clsact");
    server.run(link::close);
    assertThat(qdiscs()).doesNotContain("clsact");
  }

  @Test
  void clsactQdiscOfOthersStays() {
    NetworkNamespace.execute("tc", "-n", server.name(), "qdisc", "add", "dev", INTERFACE, "clsact");
    BPFLink link = server.call(() -> BPFLink.attachClsact(program, "mark_tc", ifindex));
    server.run(link::close);
    assertThat(tcFilters()).isEmpty();
    assertThat(qdiscs()).contains("clsact");
  }

  @Test
  void modeIsNotTakenFromAnotherNamespacesInterface() {
    try (TemporaryBPFFileSystem bpffs = TemporaryBPFFileSystem.create();
        BPFLink link = attach("drop_xdp", XdpMode.NATIVE)) {
      Path pin = bpffs.directory().resolve("link");
      link.pin(pin);
      assertThat(client.ifindex(INTERFACE)).isEqualTo(ifindex);
      client.run(() -> program.xdpAttach("reflect_xdp", ifindex, XdpMode.GENERIC));
      try (BPFLink opened = client.call(() -> BPFLink.open(pin))) {
        assertThat(opened.xdpMode()).isEmpty();
      }
    }
  }

  @Test
  void updateSwapsTheProgramAndTheOwner() {
    BPFLink link = attach("reflect_xdp", XdpMode.NATIVE);
    BPFProgram next = BPFProgram.load(BPFLinkTest.class, OBJECT);
    link.update(next, "drop_xdp");
    program.close(); // the link is not its any more

    assertThat(link.programId()).isEqualTo(next.programId("drop_xdp"));
    awaitXdpRuns(next, 1000);
    next.close();
    assertThat(query()).isEmpty();
    assertThatIllegalStateException().isThrownBy(link::programId);
  }

  @Test
  void updateRefusesAnotherKindOfProgram() {
    try (BPFLink link = attach("drop_xdp", XdpMode.NATIVE)) {
      assertThatExceptionOfType(BPFException.class)
          .isThrownBy(() -> link.update(program, "mark_tc"))
          .withMessageStartingWith(
              "put program mark_tc into link of drop_xdp to interface veth0: EINVAL");
      assertThat(link.programId()).isEqualTo(program.programId("drop_xdp"));
    }
  }

  @Test
  void pinnedLinkServesOnAndIsTakenUpAgain() throws IOException {
    try (TemporaryBPFFileSystem bpffs = TemporaryBPFFileSystem.create()) {
      Path pin = bpffs.directory().resolve("link");
      try (BPFLink link = attach("drop_xdp", XdpMode.NATIVE)) {
        link.pin(pin);
      }
      assertThat(query()).isPresent();

      try (BPFProgram next = BPFProgram.load(BPFLinkTest.class, OBJECT);
          BPFLink adopted = server.call(() -> BPFLink.open(pin))) {
        assertThat(adopted.xdpMode()).contains(XdpMode.NATIVE);
        assertThat(adopted.ifindex()).isEqualTo(ifindex);
        assertThat(adopted.programId()).isEqualTo(program.programId("drop_xdp"));
        adopted.update(next, "drop_xdp");
        awaitXdpRuns(next, 1000);
      }
      assertThat(query()).isPresent();
      Files.delete(pin);
      await().until(() -> query().isEmpty()); // by the kernel's own time
    }
  }

  @Test
  void pinnedLinkIsDetachedWhenToldTo() {
    try (TemporaryBPFFileSystem bpffs = TemporaryBPFFileSystem.create()) {
      Path pin = bpffs.directory().resolve("link");
      BPFLink link = attach("drop_xdp", XdpMode.NATIVE);
      link.pin(pin);
      link.detach();
      assertThat(query()).isEmpty();
      link.close();
      try (BPFLink again = server.call(() -> BPFLink.open(pin))) {
        assertThat(again.xdpMode()).isEmpty();
      }
    }
  }

  private BPFLink attach(String name, XdpMode mode) {
    return attach(name, ifindex, mode);
  }

  private BPFLink attach(String name, int interfaceIndex, XdpMode mode) {
    return server.call(() -> program.xdpAttach(name, interfaceIndex, mode));
  }

  private Optional<NetDevice.XdpAttached> query() {
    return server.call(() -> NetDevice.xdp(ifindex));
  }

  private String tcFilters() {
    return NetworkNamespace.execute(
        "tc", "-n", server.name(), "filter", "show", "dev", INTERFACE, "ingress");
  }

  private String qdiscs() {
    return NetworkNamespace.execute("tc", "-n", server.name(), "qdisc", "show", "dev", INTERFACE);
  }

  private void awaitXdpRuns(long runs) {
    awaitXdpRuns(program, runs);
  }

  private void awaitXdpRuns(BPFProgram of, long runs) {
    MemorySegment data = of.mmap(".bss");
    long offset = BPFProgramTest.offsetOf("xdp_runs");
    await().until(() -> send() && data.get(JAVA_LONG, offset) >= runs);
  }

  private void awaitTcRuns(int runs) {
    MemorySegment data = program.mmap(".bss");
    long offset = BPFProgramTest.offsetOf("tc_runs");
    await().until(() -> send() && data.get(JAVA_INT, offset) >= runs);
  }

  /** A packet sent before the check would have been seen: veth delivers in order. */
  private void assertNoMoreTcRuns() {
    MemorySegment data = program.mmap(".bss");
    long offset = BPFProgramTest.offsetOf("tc_runs");
    int before = data.get(JAVA_INT, offset);
    server.call(
        () -> {
          try (DatagramChannel receiver = DatagramChannel.open().bind(SERVER)) {
            send();
            return receiver.receive(ByteBuffer.allocate(100));
          }
        });
    assertThat(data.get(JAVA_INT, offset)).isEqualTo(before);
  }

  private boolean send() {
    return client.call(
        () -> {
          try (DatagramChannel sender = DatagramChannel.open()) {
            return sender.send(ByteBuffer.allocate(10), SERVER) == 10;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }
}
