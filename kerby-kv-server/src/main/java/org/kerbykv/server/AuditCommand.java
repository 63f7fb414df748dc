package org.kerbykv.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFPinnedMaps;
import org.kerbykv.server.kernel.Audit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code kerby audit}: checks pinned maps for blocks that are lost or in two chains. */
@Command(
    name = "audit",
    description = "Check that the pool's blocks are exactly those that the index reaches.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {"", "Exit code 1 if they are not. Audit a service at rest: writes make it wrong."})
final class AuditCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--pin",
      paramLabel = "DIR",
      required = true,
      description = "Directory in which a server pinned its maps.")
  private Path pinDirectory;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    if (!Files.isDirectory(pinDirectory)) {
      throw new ParameterException(
          spec.commandLine(), "--pin " + pinDirectory + ": there is no such directory");
    }
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(pinDirectory)) {
      Audit audit = Audit.of(maps);
      System.out.println(json ? audit.toJson() : audit.toText());
      return audit.ok() ? 0 : 1;
    } catch (BPFException e) {
      System.err.println("kerby: " + e.getMessage().lines().findFirst().orElse(e.toString()));
      return 1;
    }
  }
}
