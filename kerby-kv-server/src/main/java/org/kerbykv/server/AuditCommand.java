package org.kerbykv.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFPinnedMaps;
import org.kerbykv.server.kernel.Audit;
import org.kerbykv.server.lock.LockAudit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code kerby audit}: checks pinned maps for blocks that are lost or in two places. */
@Command(
    name = "audit",
    description =
        "Check that the pools' blocks are exactly those that the index, and the locks, reach.",
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

  private boolean ok;

  @Override
  public Integer call() {
    if (!Files.isDirectory(pinDirectory)) {
      throw new ParameterException(
          spec.commandLine(), "--pin " + pinDirectory + ": there is no such directory");
    }
    try {
      Path lockPins = pinDirectory.resolve(LockSetUp.PINS);
      boolean hasLocks = Files.isDirectory(lockPins);
      // Where there are locks alone, there is nothing of the other.
      boolean hasItems = !hasLocks || Files.exists(pinDirectory.resolve("kv_index"));
      report(
          hasItems ? of(pinDirectory, Audit::of) : Audit.ofNothing(),
          hasLocks ? Optional.of(of(lockPins, LockAudit::of)) : Optional.empty());
      return ok ? 0 : 1;
    } catch (BPFException e) {
      System.err.println("kerby: " + Placement.firstLine(e));
      return 1;
    }
  }

  private static <A> A of(Path pins, Function<BPFPinnedMaps, A> audit) {
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(pins)) {
      return audit.apply(maps);
    }
  }

  private void report(Audit items, Optional<LockAudit> locks) {
    ok = items.ok() && locks.map(LockAudit::ok).orElse(true);
    if (json) {
      String lockMembers = locks.map(audit -> "," + audit.toJsonMembers()).orElse("");
      System.out.println("{%s%s,\"ok\":%b}".formatted(items.toJsonMembers(), lockMembers, ok));
    } else {
      System.out.println(items.toText());
      locks.ifPresent(audit -> System.out.println(audit.toText()));
      System.out.println(ok ? "ok" : "NOT OK");
    }
  }
}
