package org.kerbykv.bpf;

import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names things that tests make on the machine (namespaces, mounts) after the process that made
 * them, so that a later run knows which of them nobody will remove any more.
 */
public final class TestRunOwner {
  private static final Pattern NAME = Pattern.compile("kerby-(\\d+)-(\\d+)-.*");

  private TestRunOwner() {}

  /** "kerby-PID-START-label", where START tells this process from a later one of that PID. */
  public static String name(String label) {
    ProcessHandle self = ProcessHandle.current();
    return "kerby-%d-%d-%s".formatted(self.pid(), startMillis(self).orElse(0L), label);
  }

  /** Whether {@code name} was made by {@link #name} in a process that has ended. */
  public static boolean isStale(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches()) {
      return false;
    }
    Optional<ProcessHandle> owner = ProcessHandle.of(Long.parseLong(matcher.group(1)));
    return owner.flatMap(TestRunOwner::startMillis).orElse(-1L) != Long.parseLong(matcher.group(2));
  }

  private static Optional<Long> startMillis(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli);
  }
}
