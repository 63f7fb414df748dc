package org.kerbykv.loadgen.figures;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/** {@code ./kerby figures lock}. */
@Command(
    name = "lock",
    description = {
      "Measures lock managers side by side, each in a network namespace of its own: throughput,",
      "waits and fairness by contention, kernel memory by queue capacity. Writes results.json, CSV,",
      "PNG, SVG and index.html. Needs root. An interrupted run goes on where it was."
    },
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    sortOptions = false)
final class LockFiguresCommand extends SystemsCommand {
  @Override
  String name() {
    return "lock";
  }

  @Override
  String title() {
    return "Kerby-Lock: figures of lock managers";
  }

  @Override
  List<String> known() {
    return LockFigures.SYSTEMS;
  }

  @Override
  void addConditions(Map<String, String> conditions) {}

  @Override
  Map<String, String> commands() {
    Map<String, String> commands = new LinkedHashMap<>();
    known().stream()
        .filter(this::isAsked)
        .forEach(
            system ->
                commands.put(
                    system,
                    "./kerby loadgen lock --engine xdp --topology veth --target %s --locks %d"
                            .formatted(system, LockFigures.CONTENDED_LOCKS)
                        + " --clients 1 --outstanding %d --hold %d%s"
                            .formatted(
                                LockFigures.CLIENTS,
                                LockFigures.HOLD,
                                system.equals(LockFigures.QUEUE)
                                    ? " --server-option=--locks --server-option=100"
                                    : "")));
    return commands;
  }

  @Override
  List<Subject> subjects(int durationMillis) {
    return new LockFigures(isQuick(), Duration.ofMillis(durationMillis), this::isAsked).subjects();
  }

  @Override
  FigureReport report(Measurements measured) {
    return new LockFigureReport(measured);
  }
}
