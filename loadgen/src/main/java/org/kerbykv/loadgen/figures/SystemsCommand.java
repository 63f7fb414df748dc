package org.kerbykv.loadgen.figures;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.kerbykv.loadgen.engine.LoadException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that measures systems of one kind side by side, and the options that all have. */
abstract class SystemsCommand implements Callable<Integer> {
  private static final int ROUNDS = 3;
  private static final int ROUNDS_QUICK = 2;
  private static final int DURATION_MILLIS = 400;
  private static final int DURATION_MILLIS_QUICK = 250;

  @Spec private CommandSpec command;

  @Option(names = "--quick", description = "In two minutes: what the ratios need, in fewer rounds.")
  private boolean quick;

  @Option(names = "--json", description = "End with one JSON object on standard output.")
  private boolean json;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where results go. Default target/figures/NAME, with --quick NAME-quick.")
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
      names = "--systems",
      split = ",",
      paramLabel = "NAME[,NAME...]",
      description = "Only these; an unknown name lists all. Default: all.")
  private List<String> systems;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "This text.")
  @SuppressWarnings("unused") // picocli looks at the option alone
  private boolean help;

  /** Of the results' files. */
  abstract String name();

  /** Of the page. */
  abstract String title();

  /** All systems' names. */
  abstract List<String> known();

  /** Complains about further options that make no sense; adds conditions of their own. */
  abstract void addConditions(Map<String, String> conditions);

  /** For each system that is measured, a command that runs it by itself. */
  abstract Map<String, String> commands();

  abstract List<Subject> subjects(int durationMillis);

  abstract FigureReport report(Measurements measured);

  final boolean isQuick() {
    return quick;
  }

  /** Whether a system is to be measured. */
  final boolean isAsked(String system) {
    return systems == null || systems.contains(system);
  }

  final void require(boolean holds, String text) {
    if (!holds) {
      throw new ParameterException(command.commandLine(), text);
    }
  }

  @Override
  public final Integer call() throws LoadException, InterruptedException {
    PrintStream log = System.err;
    require(rounds == null || rounds >= 1, "--rounds must be 1 or more");
    require(durationMillis == null || durationMillis >= 1, "--duration must be 1 or more");
    require(
        systems == null || known().containsAll(systems),
        "--systems must be among " + String.join(",", known()));
    Map<String, String> own = new LinkedHashMap<>();
    addConditions(own);
    int loadMillis =
        durationMillis != null ? durationMillis : quick ? DURATION_MILLIS_QUICK : DURATION_MILLIS;
    Path directory =
        out != null ? out : Path.of("target", "figures", quick ? name() + "-quick" : name());
    Map<String, String> conditions = new LinkedHashMap<>(Conditions.ofThisMachine());
    conditions.putAll(own);
    conditions.put("load_ms", Integer.toString(loadMillis));
    Experiment experiment =
        new Experiment(
            subjects(loadMillis), rounds == null ? quick ? ROUNDS_QUICK : ROUNDS : rounds);
    Measurements measured =
        Measurements.open(directory.resolve("measurements.jsonl"), conditions, log);
    experiment.run(measured, log);
    FigureReport report = report(measured);
    write(directory, conditions, experiment, measured, report);
    print(directory, report);
    return 0;
  }

  private void write(
      Path directory,
      Map<String, String> conditions,
      Experiment experiment,
      Measurements measured,
      FigureReport report)
      throws LoadException {
    FigureFiles files = new FigureFiles(directory);
    FigurePage page = new FigurePage(title());
    Map<String, String> about = new LinkedHashMap<>(conditions);
    about.put("rounds", Integer.toString(experiment.rounds()));
    about.put(
        "command",
        "./kerby figures "
            + String.join(" ", command.commandLine().getParent().getParseResult().originalArgs()));
    page.list(about);
    page.heading("What must be seen to hold");
    page.claims(report.claims());
    page.heading("One system by itself");
    page.list(commands());
    files.page(page, report.figures());
    files.csv(name(), measured, experiment.cells());
    files.results(about, report.claims(), measured, experiment.cells(), report.headline());
  }

  private void print(Path directory, FigureReport report) {
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
