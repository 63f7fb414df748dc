package org.kerbykv.loadgen.figures;

import org.kerbykv.loadgen.cli.Console;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./kerby figures}: measures systems side by side and draws what came of it. */
@Command(
    name = "kerby figures",
    description = "Measures systems side by side, and draws figures of them.",
    subcommands = {KvCommand.class, LockFiguresCommand.class},
    usageHelpAutoWidth = true)
public final class FiguresCommand implements java.util.concurrent.Callable<Integer> {
  @Spec private CommandSpec command;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "This text.")
  @SuppressWarnings("unused") // picocli looks at the option alone
  private boolean help;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new FiguresCommand(), arguments));
  }

  @Override
  public Integer call() {
    throw new ParameterException(command.commandLine(), "say of what: kv or lock");
  }
}
