package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.TemporaryBPFFileSystem;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.XdpChoice;

/**
 * An XDP program of somebody else is on the interface: a server that wants the kernel says whose it
 * is and does not start, and the program stays where it is.
 */
@RequiresBPF
class ForeignXdpTest {
  private static final String PROGRAM = "count";

  private Topology topology;
  private BPFProgram foreign;

  @BeforeEach
  void open() {
    topology = Topology.Kind.VETH_GENERIC.open();
    foreign = BPFProgram.load(NetworkNamespace.class, "example.bpf.o");
  }

  @AfterEach
  void close() {
    foreign.close();
    topology.close();
  }

  @ParameterizedTest
  @EnumSource(
      value = XdpChoice.class,
      names = {"AUTO", "NATIVE", "GENERIC"})
  void aProgramInTheDriverIsNamed(XdpChoice xdp) {
    attach(XdpMode.NATIVE);
    assertRefused(xdp, XdpMode.NATIVE);
  }

  @ParameterizedTest
  @EnumSource(
      value = XdpChoice.class,
      names = {"AUTO", "NATIVE", "GENERIC"})
  void aProgramInTheGenericHookIsNamed(XdpChoice xdp) {
    attach(XdpMode.GENERIC);
    assertRefused(xdp, XdpMode.GENERIC);
  }

  /** As tools before BPF links do it: without an owner, for anybody to replace. */
  @ParameterizedTest
  @EnumSource(
      value = XdpChoice.class,
      names = {"AUTO", "NATIVE", "GENERIC"})
  void aProgramThatNobodyOwnsIsNotReplaced(XdpChoice xdp) {
    try (TemporaryBPFFileSystem pins = TemporaryBPFFileSystem.create()) {
      String pin = pins.directory().resolve(PROGRAM).toString();
      foreign.pin(PROGRAM, pins.directory().resolve(PROGRAM));
      topology.server().ip("link", "set", topology.interfaceName(), "xdpdrv", "pinned", pin);
      assertRefused(xdp, XdpMode.NATIVE);
    }
  }

  @Test
  void withoutTheKernelItServesBesideIt() {
    attach(XdpMode.NATIVE);
    try (ServerProcess server = ServerProcess.start(topology, List.of("--xdp", "off"));
        UdpClient udp = new UdpClient(topology.client(), server.address())) {
      assertThat(server.errors()).isEmpty();
      assertThat(udp.exchange("get key\r\n")).isEqualTo("END\r\n");
    }
    assertThere(XdpMode.NATIVE);
  }

  private void attach(XdpMode mode) {
    topology
        .server()
        .call(() -> foreign.xdpAttach(PROGRAM, NetDevice.index(topology.interfaceName()), mode));
  }

  private void assertRefused(XdpChoice xdp, XdpMode mode) {
    Commands.Result result =
        ServerProcess.runServer(topology, List.of("--xdp", xdp.name().toLowerCase(Locale.ROOT)));
    assertThat(result.exitCode()).as(result.all()).isEqualTo(1);
    assertThat(result.output()).isEmpty();
    assertThat(result.errors().lines())
        .singleElement()
        .asString()
        .startsWith("kerby: ")
        .contains(
            "interface " + topology.interfaceName(),
            "program %d '%s' is there, in %s mode"
                .formatted(
                    foreign.programId(PROGRAM), PROGRAM, mode.name().toLowerCase(Locale.ROOT)));
    assertThere(mode);
  }

  private void assertThere(XdpMode mode) {
    assertThat(
            topology.server().call(() -> NetDevice.xdp(NetDevice.index(topology.interfaceName()))))
        .hasValue(new NetDevice.XdpAttached(foreign.programId(PROGRAM), PROGRAM, mode));
  }
}
