package org.kerbykv.loadgen.soak;

import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.kerbykv.loadgen.cli.Console;
import org.kerbykv.loadgen.engine.LoadException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./kerby soak}: see {@link Soak}. */
@Command(
    name = "kerby soak",
    description = {
      "Runs a server under verified load with faults: values of all sizes, times to live and",
      "deletes over UDP and TCP, while the server is killed and started again from its pins, its",
      "interface goes down and up, and connections break. Needs root; in namespaces of its own."
    },
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    sortOptions = false,
    footer = {
      "",
      "Exit code 1 if an answer is wrong, an acknowledged item is lost that the kernel held, an",
      "audit fails, or memory grows."
    })
public final class SoakCommand implements Callable<Integer> {
  private static final int KILLS_PER_MINUTE = 3;
  private static final int EXIT_UNSOUND = 1;

  @Option(
      names = "--minutes",
      paramLabel = "N",
      defaultValue = "30",
      description = {
        "How long; with kills in the first half. 0: the kills alone, one after the other. Default",
        "${DEFAULT-VALUE}."
      })
  private int minutes;

  @Option(
      names = "--kills",
      paramLabel = "N",
      description = "How often to kill the server. Default 3 for each minute of the first half.")
  private Integer kills;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "500",
      description = "Most requests a second of each of the 6 clients. Default ${DEFAULT-VALUE}.")
  private int rate;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of all that is random; printed. Default: another one each time.")
  private Long seed;

  @Option(names = "--json", description = "End with one JSON object on standard output.")
  private boolean json;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "This text.")
  @SuppressWarnings("unused") // picocli looks at the option alone
  private boolean help;

  private final PrintStream progress = System.err;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new SoakCommand(), arguments));
  }

  @Override
  public Integer call() throws LoadException, InterruptedException {
    if (minutes < 0 || rate < 1 || (kills != null && kills < 0)) {
      throw new LoadException("--minutes and --kills must be 0 or more, --rate 1 or more");
    }
    SoakPlan plan =
        new SoakPlan(
            Duration.ofMinutes(minutes),
            kills == null ? minutes * KILLS_PER_MINUTE / 2 : kills,
            rate,
            seed == null ? System.nanoTime() : seed);
    progress.println("soak: --seed " + plan.seed());
    SoakResult result = new Soak(plan, progress).run();
    result.counts().examples().forEach(one -> progress.println("soak: DIFFERENCE: " + one));
    System.out.print(json ? result.json() + "\n" : "\n" + result.table());
    System.out.flush();
    return result.isSound() ? 0 : EXIT_UNSOUND;
  }
}
