package org.kerbykv.loadgen.figures;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.kerbykv.loadgen.engine.LoadException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

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
final class KvCommand implements Callable<Integer> {
  private static final int ROUNDS = 3;
  private static final int ROUNDS_QUICK = 2;
  private static final int DURATION_MILLIS = 400;
  private static final int DURATION_MILLIS_QUICK = 250;
  private static final int KEYS = 100_000;

  @Spec private CommandSpec command;

  @Option(names = "--quick", description = "In two minutes: what the ratios need, in fewer rounds.")
  private boolean quick;

  @Option(
      names = "--program-times",
      description = "Also how long the XDP programs take for a request, stage by stage.")
  private boolean programTimes;

  @Option(names = "--json", description = "End with one JSON object on standard output.")
  private boolean json;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Where results go. Default target/figures/kv, with --quick target/figures/kv-quick.")
  private Path out;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "How often everything is measured. Default 3, with --quick 2.")
  private Integer rounds;

  @Option(
      names = "--duration",
      paramLabel = "MS",
      description = "Length of each load. Default 400, with --quick 250.")
  private Integer durationMillis;

  @Option(
      names = "--keys",
      paramLabel = "N",
      defaultValue = "" + KEYS,
      description = "How many items there are. Default ${DEFAULT-VALUE}.")
  private int keys;

  @Option(
      names = "--systems",
      split = ",",
      paramLabel = "NAME[,NAME...]",
      description = "Only these: kerby, memcached-t1, reflector... Default: all.")
  private List<String> systems;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "This text.")
  @SuppressWarnings("unused") // picocli looks at the option alone
  private boolean help;

  @Override
  public Integer call() throws LoadException, InterruptedException {
    PrintStream log = System.err;
    requireSound();
    Path directory = out != null ? out : Path.of("target", "figures", quick ? "kv-quick" : "kv");
    int loadMillis =
        durationMillis != null ? durationMillis : quick ? DURATION_MILLIS_QUICK : DURATION_MILLIS;
    Map<String, String> conditions = new LinkedHashMap<>(Conditions.ofThisMachine());
    conditions.put("keys", Integer.toString(keys));
    conditions.put("load_ms", Integer.toString(loadMillis));
    KvFigures figures =
        new KvFigures(quick, programTimes, keys, Duration.ofMillis(loadMillis), this::isMeasured);
    Experiment experiment =
        new Experiment(figures.subjects(), rounds == null ? quick ? ROUNDS_QUICK : ROUNDS : rounds);
    Measurements measured =
        Measurements.open(directory.resolve("measurements.jsonl"), conditions, log);
    experiment.run(measured, log);
    KvReport report = new KvReport(measured);
    write(directory, conditions, experiment, measured, report);
    print(directory, report);
    return 0;
  }

  private boolean isMeasured(String system) {
    return systems == null || systems.contains(system);
  }

  private String command() {
    return "./kerby figures "
        + String.join(" ", command.commandLine().getParseResult().originalArgs());
  }

  private void requireSound() {
    require(rounds == null || rounds >= 1, "--rounds must be 1 or more");
    require(durationMillis == null || durationMillis >= 1, "--duration must be 1 or more");
    require(keys >= 1, "--keys must be 1 or more");
    List<String> known = KvSystem.all().stream().map(KvSystem::name).toList();
    require(
        systems == null || known.containsAll(systems),
        "--systems must be among " + String.join(",", known));
  }

  private void require(boolean holds, String text) {
    if (!holds) {
      throw new ParameterException(command.commandLine(), text);
    }
  }

  private void write(
      Path directory,
      Map<String, String> conditions,
      Experiment experiment,
      Measurements measured,
      KvReport report)
      throws LoadException {
    FigureFiles files = new FigureFiles(directory);
    FigurePage page = new FigurePage("Kerby-KV: figures of key-value stores");
    Map<String, String> about = new LinkedHashMap<>(conditions);
    about.put("rounds", Integer.toString(experiment.rounds()));
    about.put("command", command());
    page.list(about);
    page.heading("What must be seen to hold");
    page.claims(report.claims());
    page.heading("One system by itself");
    Map<String, String> commands = new LinkedHashMap<>();
    KvSystem.all().stream()
        .filter(system -> isMeasured(system.name()))
        .forEach(system -> commands.put(system.name(), system.command(keys)));
    page.list(commands);
    files.page(page, report.figures());
    files.csv("kv", measured, experiment.cells());
    files.results(about, report.claims(), measured, experiment.cells(), report.headline());
  }

  private void print(Path directory, KvReport report) {
    PrintStream words = json ? System.err : System.out;
    for (Claim claim : report.claims()) {
      words.printf(
          Locale.ROOT, "%-14s %.2f  %s%n", claim.verdict(), claim.value().median(), claim.text());
    }
    words.println("written to " + directory.resolve("index.html"));
    if (json) {
      System.out.println(report.headline());
    }
  }
}
