package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Status;

/**
 * What a server says when it cannot run as it is told to: one line that names the trouble, an exit
 * code that is not 0, and nothing left behind. A server that runs meanwhile is not disturbed.
 */
@RequiresBPF
class StartTest {
  private static ServerUnderTest server;
  private static UdpClient udp;

  @BeforeAll
  static void start() {
    server = ServerUnderTest.start(Topology.Kind.VETH_NATIVE.open());
    udp = server.udp();
    udp.exchange(Requests.set("key", new byte[10]));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** What goes wrong, the exit code, what the line says, and the options. */
  static Stream<Arguments> refusals() {
    return Stream.of(
        refusal("a port that is none", 2, "--port 65536 is not a port", "-p", "65536"),
        refusal("an option that is none", 2, "'--no-such-option'", "--no-such-option"),
        refusal("a mode that is none", 2, "'--xdp'", "--xdp", "hardware"),
        refusal("too small datagrams", 2, "--max-datagram must be", "--max-datagram", "511"),
        refusal("a size that is none", 2, "'1t' is not a size", "-I", "1t"),
        refusal("no memory", 2, "--memory-limit must be", "-m", "0"),
        refusal("too many threads", 2, "--threads must be", "-t", "65"),
        refusal("a number that is none", 2, "'ten'", "-t", "ten"),
        refusal("nothing to serve", 2, "nothing to serve", "-p", "0", "-U", "0"),
        refusal("a lock port that is none", 2, "--lock-port 65536", "--lock-port", "65536"),
        refusal("one port for both", 2, "is the --udp-port", "-p", "9", "--lock-port", "9"),
        refusal("no memory for locks", 2, "--lock-memory", "--lock-memory", "0"),
        refusal("too long queues", 2, "--lock-queue must be 1 to 1024", "--lock-queue", "1025"),
        refusal("no lease", 2, "--lock-lease-max must be", "--lock-lease-max", "0"),
        refusal("no patience", 2, "--lock-wait-max must be", "--lock-wait-max", "0"),
        refusal("an address that is none", 2, "--listen 1.2.3.4.5", "-l", "1.2.3.4.5"),
        refusal("an address of others", 1, "198.18.99.99 port", "-l", "198.18.99.99", "-p", "9"),
        refusal("no port on an address of others", 1, "198.18.99.99", "-l", "198.18.99.99"),
        refusal("a missing interface", 2, "--interface veth9: there is no such", "-i", "veth9"),
        refusal("a block size that no pool has", 1, "block size 100", "--block-size", "100"),
        refusal("pins where there can be none", 1, "/proc", "--pin", "/proc"));
  }

  private static Arguments refusal(String trouble, int exitCode, String said, String... options) {
    return Arguments.of(trouble, exitCode, said, List.of(options));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refusals")
  void nonsenseIsRefusedInALine(String trouble, int exitCode, String said, List<String> options) {
    refused(exitCode, said, options);
  }

  @Test
  void aPortInUseIsNamed() {
    String port = Integer.toString(server.address().getPort());
    refused(1, port + ": Address already in use", List.of("-p", port));
    refused(1, port + ": Address already in use", List.of("-p", "0", "-U", port));
  }

  /** The first one's program is there: the line says so. */
  @Test
  void aSecondServerOnTheInterfaceIsRefused() {
    int present = presentProgram();
    for (String mode : List.of("native", "generic")) {
      refused(1, "program %d 'kv_xdp' is there".formatted(present), List.of("--xdp", mode));
    }
    assertThat(presentProgram()).isEqualTo(present);
    List<String> counted = countedBy("get key\r\n");
    assertThat(counted).containsExactly("xdp get hit 1");
  }

  /** The programs that are there might answer its port: it must not hide a store behind them. */
  @Test
  void aSecondServerThatMayDoWithoutTheKernelIsRefused() {
    refused(1, "has the programs of another Kerby-KV", List.of("--xdp", "auto"));
  }

  @Test
  void aSecondServerThatIsToldToDoWithoutTheKernelServes() {
    try (ServerProcess second = ServerProcess.start(server.topology(), List.of("--xdp", "off"));
        UdpClient itsUdp = new UdpClient(server.topology().client(), second.address())) {
      assertThat(second.readyLine()).endsWith(" xdp off");
      assertThat(second.errors()).isEmpty();
      byte[] value = Requests.value(1000, 1);
      assertThat(itsUdp.exchange("get key\r\n")).isEqualTo("END\r\n");
      assertThat(itsUdp.exchange(Requests.set("key", value)))
          .isEqualTo(Requests.bytes("STORED\r\n"));
      assertThat(itsUdp.exchange(Requests.bytes("get key\r\n")))
          .isEqualTo(Requests.hit("key", 0, value));
      assertThat(second.stop()).isEqualTo(143);
    }
    assertThat(udp.exchange(Requests.bytes("get key\r\n")))
        .isEqualTo(Requests.hit("key", 0, new byte[10]));
  }

  /** An interface has one XDP program, but TC has room for the locks of another process. */
  @Test
  void locksBesideAnotherProcessAreServedByTc() {
    List<String> alone = List.of("-p", "0", "-U", "0", "--lock-port", "-1", "--xdp", "auto");
    try (ServerProcess locks = ServerProcess.start(server.topology(), alone);
        LockUdp client = new LockUdp(server.topology().client(), locks.lockAddress(), 1)) {
      assertThat(locks.readyLine()).endsWith(" xdp tc");
      assertThat(locks.errors().lines())
          .singleElement()
          .asString()
          .startsWith("kerby: TC alone answers packets for locks: ")
          .contains("'kv_xdp' is there");
      assertThat(client.ask(client.acquire(Mode.EXCLUSIVE, 1, 1)).status())
          .isEqualTo(Status.GRANTED);
    }
    assertThat(countedBy("get key\r\n")).containsExactly("xdp get hit 1");
  }

  /** There is no other way to serve them, and nobody who asks for locks can do without. */
  @Test
  void locksWithoutPrivilegesAreRefusedInALine() {
    for (List<String> kv : List.of(List.of("-p", "0", "-U", "0"), List.<String>of())) {
      List<String> options = new ArrayList<>(kv);
      options.addAll(List.of("--lock-port", "-1", "--xdp", "auto"));
      Commands.Result result = ServerProcess.runServerWithoutPrivileges(server.topology(), options);
      assertThat(result.exitCode()).as(result.all()).isEqualTo(1);
      assertThat(result.output()).isEmpty();
      assertThat(result.errors().lines())
          .singleElement()
          .asString()
          .startsWith("kerby: locks need eBPF, also with --xdp off: ");
    }
  }

  @Test
  void anAuditOfNothingIsRefusedInALine() {
    Commands.Result missing =
        ServerProcess.run(
            server.topology(), List.of("audit", "--pin", "/tmp/kerby-no-such-directory"));
    assertThat(missing.exitCode()).isEqualTo(2);
    assertThat(missing.errors().lines())
        .singleElement()
        .asString()
        .startsWith("kerby: --pin /tmp/kerby-no-such-directory: there is no such directory");
    Commands.Result empty =
        ServerProcess.run(server.topology(), List.of("audit", "--pin", "/proc"));
    assertThat(empty.exitCode()).isEqualTo(1);
    assertThat(empty.output()).isEmpty();
    assertThat(empty.errors().lines())
        .singleElement()
        .asString()
        .startsWith("kerby: ")
        .contains("pinned map /proc/");
  }

  private static List<String> countedBy(String request) {
    ServerUnderTest.Counts before = server.counts();
    udp.exchange(request);
    return server.counts().since(before);
  }

  private static int presentProgram() {
    Topology topology = server.topology();
    return topology
        .server()
        .call(() -> NetDevice.xdp(NetDevice.index(topology.interfaceName())))
        .orElseThrow()
        .programId();
  }

  /** Runs a server with options of which one makes no sense. */
  private static void refused(int exitCode, String said, List<String> options) {
    Commands.Result result = ServerProcess.runServer(server.topology(), options);
    assertThat(result.errors().lines())
        .as("what %s says", options)
        .singleElement()
        .asString()
        .startsWith("kerby: ")
        .contains(said);
    assertThat(result.exitCode()).as("exit code of %s", options).isEqualTo(exitCode);
    assertThat(result.output()).isEmpty();
  }
}
