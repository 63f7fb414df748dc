package org.kerbykv.loadgen.figures;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./kerby figures kv}. */
@Command(
    name = "kv",
    description = {
      "Measures key-value stores side by side, each in a network namespace of its own: throughput",
      "under load from the kernel, latency from sockets, kernel memory for a stored byte. Writes",
      "results.json, CSV, PNG, SVG and index.html. Needs root. An interrupted run goes on where it",
      "was."
    },
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    sortOptions = false)
final class KvCommand extends SystemsCommand {
  private static final int KEYS = 100_000;

  @Option(
      names = "--program-times",
      description = "Also how long the XDP programs take for a request, stage by stage.")
  private boolean programTimes;

  @Option(
      names = "--keys",
      paramLabel = "N",
      defaultValue = "" + KEYS,
      description = "How many items there are. Default ${DEFAULT-VALUE}.")
  private int keys;

  @Override
  String name() {
    return "kv";
  }

  @Override
  String title() {
    return "Kerby-KV: figures of key-value stores";
  }

  @Override
  List<String> known() {
    return KvSystem.all().stream().map(KvSystem::name).toList();
  }

  @Override
  void addConditions(Map<String, String> conditions) {
    require(keys >= 1, "--keys must be 1 or more");
    conditions.put("keys", Integer.toString(keys));
  }

  @Override
  Map<String, String> commands() {
    Map<String, String> commands = new LinkedHashMap<>();
    KvSystem.all().stream()
        .filter(system -> isAsked(system.name()))
        .forEach(system -> commands.put(system.name(), system.command(keys)));
    return commands;
  }

  @Override
  List<Subject> subjects(int durationMillis) {
    return new KvFigures(
            isQuick(), programTimes, keys, Duration.ofMillis(durationMillis), this::isAsked)
        .subjects();
  }

  @Override
  FigureReport report(Measurements measured) {
    return new KvReport(measured);
  }
}
