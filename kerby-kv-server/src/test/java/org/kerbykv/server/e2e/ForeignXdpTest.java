package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import org.kerbykv.server.KerbyServer;
import org.kerbykv.server.ServerConfig;
import org.kerbykv.server.StartException;
import org.kerbykv.server.TestServers;
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
      names = {"AUTO", "GENERIC"})
  void aProgramInTheDriverIsNamed(XdpChoice xdp) {
    attach(XdpMode.NATIVE);
    assertRefused(xdp, XdpMode.NATIVE);
  }

  @ParameterizedTest
  @EnumSource(
      value = XdpChoice.class,
      names = {"AUTO", "NATIVE"})
  void aProgramInTheGenericHookIsNamed(XdpChoice xdp) {
    attach(XdpMode.GENERIC);
    assertRefused(xdp, XdpMode.GENERIC);
  }

  /** As tools before BPF links do it: without an owner, for anybody to replace. */
  @Test
  void aProgramThatNobodyOwnsIsNotReplaced() {
    try (TemporaryBPFFileSystem pins = TemporaryBPFFileSystem.create()) {
      String pin = pins.directory().resolve(PROGRAM).toString();
      foreign.pin(PROGRAM, pins.directory().resolve(PROGRAM));
      topology.server().ip("link", "set", topology.interfaceName(), "xdpdrv", "pinned", pin);
      assertRefused(XdpChoice.NATIVE, XdpMode.NATIVE);
    }
  }

  @Test
  void withoutTheKernelItServesBesideIt() {
    attach(XdpMode.NATIVE);
    topology
        .server()
        .call(
            () -> {
              KerbyServer.start(config(XdpChoice.OFF)).close();
              return null;
            });
    assertThere(XdpMode.NATIVE);
  }

  private ServerConfig config(XdpChoice xdp) {
    return TestServers.kernel(topology.interfaceName(), xdp);
  }

  private void attach(XdpMode mode) {
    topology
        .server()
        .call(() -> foreign.xdpAttach(PROGRAM, NetDevice.index(topology.interfaceName()), mode));
  }

  private void assertRefused(XdpChoice xdp, XdpMode mode) {
    assertThatThrownBy(() -> topology.server().call(() -> KerbyServer.start(config(xdp))))
        .cause()
        .isInstanceOf(StartException.class)
        .hasMessageContainingAll(
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
