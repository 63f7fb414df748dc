package org.kerbykv.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code kerby cli} against a server. */
class CliCommandTest {
  private static KerbyServer server;

  /** What a command printed, and its exit code. */
  private record Result(int exitCode, String output, String errors) {}

  @BeforeAll
  static void start() throws StartException {
    server = KerbyServer.start(TestServers.userSpace());
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Result run(String... arguments) {
    StringWriter output = new StringWriter();
    StringWriter errors = new StringWriter();
    int exitCode =
        Main.commandLine()
            .setOut(new PrintWriter(output))
            .setErr(new PrintWriter(errors))
            .execute(arguments);
    return new Result(exitCode, output.toString(), errors.toString());
  }

  /** Runs {@code kerby cli COMMAND -s ...}. */
  private static Result cli(String command, String... arguments) {
    InetSocketAddress address = server.tcpAddress().orElseThrow();
    String[] all = new String[arguments.length + 4];
    all[0] = "cli";
    all[1] = command;
    all[2] = "-s";
    all[3] = address.getHostString() + ":" + address.getPort();
    System.arraycopy(arguments, 0, all, 4, arguments.length);
    return run(all);
  }

  @BeforeEach
  void flush() throws Exception {
    try (AsciiClient client = new AsciiClient(server.tcpAddress().orElseThrow())) {
      client.exchange("flush_all\r\nstats reset\r\n");
    }
  }

  @Test
  void storesPrintsAndDeletes() {
    assertThat(cli("get", "key")).isEqualTo(new Result(1, "", ""));
    assertThat(cli("set", "key", "some text")).isEqualTo(new Result(0, "stored\n", ""));
    assertThat(cli("get", "key")).isEqualTo(new Result(0, "some text\n", ""));
    cli("set", "other", "--ttl", "1000", "x");
    assertThat(cli("get", "other", "none", "key"))
        .isEqualTo(new Result(1, "other x\nkey some text\n", ""));
    assertThat(cli("delete", "key", "none"))
        .isEqualTo(new Result(1, "deleted key\nnot found none\n", ""));
    assertThat(cli("delete", "other").exitCode()).isZero();
    assertThat(cli("get", "key", "other").output()).isEmpty();
  }

  @Test
  void printsFigures() {
    cli("set", "key", "some text");
    assertThat(cli("stats").output()).contains("cmd_set 1\n", "curr_items 1\n", "version ");
    assertThat(cli("stats", "settings").output()).contains("kerby_xdp off\n").doesNotContain("pid");
    assertThat(cli("stats", "--json").output())
        .matches("\\{\"pid\":\\d+,.*\"version\":\"[^\"]+\",.*\"cmd_set\":1,.*}\n");
    Result unknown = cli("stats", "nonsense");
    assertThat(unknown.exitCode()).isOne();
    assertThat(unknown.errors()).contains("the server says: ");
    assertThat(cli("stats", "items reset").exitCode()).isEqualTo(2);
  }

  @Test
  void topTellsWhatHappenedMeanwhile() {
    cli("set", "key", "some text");
    Result json = cli("top", "--json", "--interval", "0.05");
    assertThat(json.exitCode()).isZero();
    assertThat(json.output())
        .matches("\\{\"seconds\":0\\.\\d+,\"xdp\":\\{\"requests_per_s\":0\\.0.*}\n")
        .contains("\"tier_user\":{\"items\":1,\"value_bytes\":9,\"memory_bytes\":");
    Result text = cli("top", "--count", "2", "--interval", "0.05");
    assertThat(text.exitCode()).isZero();
    assertThat(text.output().split("Kerby-KV ", -1)).hasSize(3);
    assertThat(text.output()).containsPattern("\nuser +1 +0\\.0 +").doesNotContain("\u001b");
  }

  @Test
  void whatGoesWrongIsOneLine() throws Exception {
    int closed;
    try (ServerSocket tcp = new ServerSocket(0);
        DatagramSocket udp = new DatagramSocket(tcp.getLocalPort())) {
      closed = udp.getLocalPort();
    }
    for (String[] command : new String[][] {{"get", "key"}, {"stats"}, {"top", "--json"}}) {
      String[] all = new String[command.length + 5];
      all[0] = "cli";
      System.arraycopy(command, 0, all, 1, command.length);
      System.arraycopy(
          new String[] {"-s", "127.0.0.1:" + closed, "--timeout", "300"},
          0,
          all,
          command.length + 1,
          4);
      Result result = run(all);
      assertThat(result.exitCode()).as(command[0]).isOne();
      assertThat(result.output()).isEmpty();
      assertThat(result.errors().lines()).hasSize(1).first().asString().startsWith("kerby: ");
    }
    assertThat(cli("get", "a key").exitCode()).isEqualTo(2);
    assertThat(cli("get").exitCode()).isEqualTo(2);
    assertThat(cli("set", "key", "x", "--ttl", "-1").exitCode()).isEqualTo(2);
    assertThat(cli("top", "--interval", "0").exitCode()).isEqualTo(2);
    assertThat(run("cli").errors()).contains("get, set, delete, stats or top");
    assertThat(run("cli", "get", "k", "-s", "host:x").exitCode()).isEqualTo(2);
    assertThat(run("cli", "top", "--help").output()).contains("--interval", "--json", "--server");
  }
}
