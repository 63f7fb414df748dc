package org.kerbykv.server.cli;

import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code kerby cli top}: what a server does, a line or a screen at a time. */
@Command(
    name = "top",
    description = "Watch requests by path, hit ratio, memory, tiers and locks, live.",
    footer = {"", "Ends with Ctrl-C, or after --count."})
final class TopCommand extends CliCommand.Request {
  private static final String CLEAR = "\u001b[H\u001b[2J";

  @Option(
      names = "--interval",
      paramLabel = "SECONDS",
      defaultValue = "1",
      description = "How long each look covers (${DEFAULT-VALUE}).")
  private double intervalSeconds;

  @Option(
      names = "--count",
      description = "How many looks; without end by default, one with --json.")
  private Integer count;

  @Option(names = "--json", description = "Print one JSON object for each look.")
  private boolean json;

  @Override
  int ask(CliCommand asked, PrintWriter out) throws IOException, InterruptedException {
    if (!(intervalSeconds >= 0.01 && intervalSeconds <= 3600)) {
      throw wrong("--interval must be from 0.01 to 3600");
    }
    if (count != null && count < 1) {
      throw wrong("--count must be 1 or more");
    }
    int looks = count != null ? count : json ? 1 : Integer.MAX_VALUE;
    // There may be none where this is no terminal, or one that says so.
    boolean screen =
        !json && Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
    try (ServerStats.Connection connection = asked.connection()) {
      ServerStats before = connection.read("", "slabs");
      for (int i = 0; i < looks; i++) {
        TimeUnit.NANOSECONDS.sleep((long) (intervalSeconds * 1e9));
        ServerStats now = connection.read("", "slabs");
        print(new TopFigures(before, now), asked, out, screen);
        before = now;
      }
    }
    return 0;
  }

  private void print(TopFigures figures, CliCommand asked, PrintWriter out, boolean screen) {
    if (json) {
      out.println(figures.toJson());
    } else {
      out.print(screen ? CLEAR : "");
      figures.toLines(asked.server().toString()).forEach(out::println);
      out.println();
    }
    out.flush();
  }
}
