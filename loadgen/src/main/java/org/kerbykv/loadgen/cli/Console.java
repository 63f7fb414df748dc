package org.kerbykv.loadgen.cli;

import java.util.concurrent.Callable;
import org.kerbykv.loadgen.engine.LoadException;
import picocli.CommandLine;

/** Runs a command so that a mistake or a failure is one clear line and an exit code. */
public final class Console {
  private static final int EXIT_FAILED = 1;
  private static final int EXIT_USAGE = 2;
  private static final int EXIT_INTERRUPTED = 130;

  private Console() {}

  /** Returns the command's exit code, 1 after a failure, 2 if the arguments make no sense. */
  public static int run(Callable<Integer> command, String... arguments) {
    CommandLine line = new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true);
    String name = line.getCommandName();
    return line.setParameterExceptionHandler(
            (e, args) -> complain(name, e.getMessage() + " (see --help)", EXIT_USAGE))
        .setExecutionExceptionHandler(
            (e, commandLine, parsed) ->
                switch (e) {
                  case LoadException failure -> complain(name, failure.getMessage(), EXIT_FAILED);
                  case InterruptedException interrupt ->
                      complain(name, "interrupted", EXIT_INTERRUPTED);
                  default -> throw e;
                })
        .execute(arguments);
  }

  private static int complain(String command, String complaint, int exitCode) {
    System.err.println(command + ": " + complaint);
    return exitCode;
  }
}
