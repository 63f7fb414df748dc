package org.kerbykv.server;

import org.kerbykv.server.cli.CliCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The server's command line. */
@Command(
    name = "kerby",
    description = "Kerby-KV: a memcached whose items live in the kernel",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {ServerCommand.class, AuditCommand.class, CliCommand.class})
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  /** Gives picocli the version. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {KerbyServer.version()};
    }
  }

  /**
   * Runs the command and exits with 0 for success, 1 for failure, 2 for arguments not understood.
   */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  static int run(String... arguments) {
    return commandLine().execute(arguments);
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setOverwrittenOptionsAllowed(true)
        .setParameterExceptionHandler(Main::sayWhatIsWrong);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "say what to do: server, audit or cli");
  }

  /** One line, not the whole usage. */
  private static int sayWhatIsWrong(ParameterException e, String[] arguments) {
    String message = e.getMessage().lines().findFirst().orElse("arguments not understood");
    e.getCommandLine().getErr().println("kerby: " + message + " (see --help)");
    return e.getCommandLine().getCommandSpec().exitCodeOnInvalidInput();
  }
}
