package org.kerbykv.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.kerbykv.client.Expiry;
import org.kerbykv.client.KerbyClient;
import org.kerbykv.client.KerbyClientConfig;
import org.kerbykv.client.KerbyException;
import org.kerbykv.client.ServerAddress;
import org.kerbykv.client.Transcoder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code kerby cli}: single requests to a server, and how it does. */
@Command(
    name = "cli",
    description = "Ask a running server: single requests, its figures, and a live view of them.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    sortOptions = false,
    subcommands = {
      CliCommand.Get.class,
      CliCommand.Set.class,
      CliCommand.Delete.class,
      CliCommand.Stats.class,
      TopCommand.class
    })
public final class CliCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Option(
      names = {"-s", "--server"},
      paramLabel = "HOST[:PORT]",
      scope = ScopeType.INHERIT,
      defaultValue = "${env:KERBY_SERVER:-127.0.0.1:11211}",
      description = "The server (${DEFAULT-VALUE}).")
  private String server;

  @Option(
      names = "--timeout",
      paramLabel = "MILLIS",
      scope = ScopeType.INHERIT,
      defaultValue = "2000",
      description = "How long to wait for a reply (${DEFAULT-VALUE}).")
  private int timeoutMillis;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "say what to do: get, set, delete, stats or top");
  }

  ServerAddress server() {
    try {
      return ServerAddress.parse(server);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--server: " + e.getMessage(), e);
    }
  }

  KerbyClient<String> client() {
    return KerbyClient.open(
        KerbyClientConfig.builder()
            .servers(server())
            .timeout(Duration.ofMillis(checkedTimeout()))
            .connectTimeout(Duration.ofMillis(checkedTimeout()))
            .build(),
        Transcoder.utf8());
  }

  ServerStats.Connection connection() throws IOException {
    ServerAddress address = server();
    return new ServerStats.Connection(
        new InetSocketAddress(address.host(), address.port()), checkedTimeout());
  }

  private int checkedTimeout() {
    if (timeoutMillis < 1) {
      throw new ParameterException(spec.commandLine(), "--timeout must be 1 or more");
    }
    return timeoutMillis;
  }

  /** A command that talks to the server; what goes wrong with that is one line. */
  abstract static class Request implements Callable<Integer> {
    @ParentCommand private CliCommand cli;
    @Spec private CommandSpec spec;

    /** Returns the exit code. */
    abstract int ask(CliCommand asked, PrintWriter out) throws IOException, InterruptedException;

    @Override
    public final Integer call() throws InterruptedException {
      PrintWriter out = spec.commandLine().getOut();
      try {
        return ask(cli, out);
      } catch (IllegalArgumentException e) { // a key that is none
        throw new ParameterException(spec.commandLine(), e.getMessage(), e);
      } catch (KerbyException | IOException e) {
        spec.commandLine().getErr().println("kerby: " + cli.server() + ": " + e.getMessage());
        return 1;
      } finally {
        out.flush();
      }
    }

    final ParameterException wrong(String message) {
      return new ParameterException(spec.commandLine(), message);
    }
  }

  /** Prints values. */
  @Command(
      name = "get",
      description = "Print the value of a key, or of several as lines \"KEY VALUE\".",
      footer = {"", "Exit code 1 if one is not there."})
  static final class Get extends Request {
    @Parameters(paramLabel = "KEY", arity = "1..*")
    private List<String> keys;

    @Override
    int ask(CliCommand asked, PrintWriter out) {
      try (KerbyClient<String> client = asked.client()) {
        Map<String, String> found = client.getAll(keys);
        found.forEach((key, value) -> out.println(keys.size() == 1 ? value : key + " " + value));
        return found.keySet().containsAll(keys) ? 0 : 1;
      }
    }
  }

  /** Stores a value. */
  @Command(name = "set", description = "Store a value.")
  static final class Set extends Request {
    @Parameters(index = "0", paramLabel = "KEY")
    private String key;

    @Parameters(
        index = "1",
        paramLabel = "VALUE",
        description = "The text; - reads standard input.")
    private String value;

    @Option(
        names = "--ttl",
        paramLabel = "SECONDS",
        defaultValue = "0",
        description = "Seconds until it expires (0: never).")
    private long ttlSeconds;

    @Override
    int ask(CliCommand asked, PrintWriter out) throws IOException {
      if (ttlSeconds < 0) {
        throw wrong("--ttl must be 0 or more");
      }
      String text = value.equals("-") ? new String(System.in.readAllBytes(), UTF_8) : value;
      Expiry expiry =
          ttlSeconds == 0 ? Expiry.never() : Expiry.after(Duration.ofSeconds(ttlSeconds));
      try (KerbyClient<String> client = asked.client()) {
        client.set(key, text, expiry);
        out.println("stored");
        return 0;
      }
    }
  }

  /** Deletes keys. */
  @Command(
      name = "delete",
      description = "Delete keys.",
      footer = {"", "Exit code 1 if one was not there."})
  static final class Delete extends Request {
    @Parameters(paramLabel = "KEY", arity = "1..*")
    private List<String> keys;

    @Override
    int ask(CliCommand asked, PrintWriter out) {
      int missing = 0;
      try (KerbyClient<String> client = asked.client()) {
        for (String key : keys) {
          boolean deleted = client.delete(key);
          out.println((deleted ? "deleted " : "not found ") + key);
          missing += deleted ? 0 : 1;
        }
      }
      return missing == 0 ? 0 : 1;
    }
  }

  /** Prints figures. */
  @Command(name = "stats", description = "Print the server's figures.")
  static final class Stats extends Request {
    @Parameters(
        paramLabel = "TOPIC",
        arity = "0..1",
        defaultValue = "",
        description = "settings, items, slabs, conns, kerby; none: memcached's and all of kerby.")
    private String topic;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    int ask(CliCommand asked, PrintWriter out) throws IOException {
      if (!topic.matches("[a-z]*")) {
        throw wrong("there is no topic " + topic);
      }
      try (ServerStats.Connection connection = asked.connection()) {
        ServerStats stats = connection.read(topic);
        if (json) {
          out.println(stats.toJson());
        } else {
          stats.values().forEach((name, value) -> out.println(name + " " + value));
        }
      }
      return 0;
    }
  }
}
