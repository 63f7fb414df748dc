package org.kerbykv.loadgen.topology;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * A network namespace made for one run, with loopback up. Its name tells which process made it, so
 * that a later run removes what a killed one has left behind. Needs root and {@code ip}.
 */
public final class NetworkNamespace implements AutoCloseable {
  private static final Path DIRECTORY = Path.of("/run/netns");
  private static final Pattern NAME = Pattern.compile("kerby-load-(\\d+)-(\\d+)-.*");
  private static final int CLONE_NEWNET = 0x40000000;
  private static final int O_CLOEXEC = 0x80000;
  private static final MethodHandle OPEN =
      handle("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SETNS =
      handle("setns", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private final String name;

  private NetworkNamespace(String name) {
    this.name = name;
  }

  private static MethodHandle handle(String function, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), descriptor);
  }

  /**
   * Makes a namespace.
   *
   * @param role the end of its name
   */
  static NetworkNamespace create(String role) throws LoadException {
    ProcessHandle self = ProcessHandle.current();
    String name = "kerby-load-%d-%d-%s".formatted(self.pid(), startMillis(self).orElse(0L), role);
    execute("ip", "netns", "add", name);
    NetworkNamespace namespace = new NetworkNamespace(name);
    namespace.ip("link", "set", "lo", "up");
    return namespace;
  }

  /** Removes namespaces whose makers have ended, and their interfaces with them. */
  static void removeStale() throws LoadException {
    if (!Files.isDirectory(DIRECTORY)) {
      return;
    }
    try (DirectoryStream<Path> names = Files.newDirectoryStream(DIRECTORY, "kerby-load-*")) {
      for (Path path : names) {
        String name = path.getFileName().toString();
        if (isStale(name)) {
          execute("ip", "netns", "delete", name);
        }
      }
    } catch (IOException e) {
      throw new LoadException("cannot read " + DIRECTORY + ": " + e.getMessage(), e);
    }
  }

  private static boolean isStale(String name) {
    Matcher matcher = NAME.matcher(name);
    return matcher.matches()
        && ProcessHandle.of(Long.parseLong(matcher.group(1)))
            .flatMap(NetworkNamespace::startMillis)
            .filter(start -> start == Long.parseLong(matcher.group(2)))
            .isEmpty();
  }

  private static Optional<Long> startMillis(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli);
  }

  String name() {
    return name;
  }

  /** Runs {@code ip} with these words in the namespace. */
  void ip(String... words) throws LoadException {
    List<String> command = new ArrayList<>(List.of("ip", "-n", name));
    command.addAll(List.of(words));
    execute(command.toArray(String[]::new));
  }

  /** Words before a command that is to run in the namespace. */
  List<String> around() {
    return List.of("nsenter", "--net=" + DIRECTORY.resolve(name), "--");
  }

  /** Moves the calling thread, and those that it starts, into the namespace. */
  void enter() throws LoadException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment path = arena.allocateFrom(DIRECTORY.resolve(name).toString());
      int fd = (int) OPEN.invokeExact(path, O_CLOEXEC);
      int result = fd < 0 ? fd : (int) SETNS.invokeExact(fd, CLONE_NEWNET);
      if (fd >= 0) {
        int _ = (int) CLOSE.invokeExact(fd);
      }
      if (result < 0) {
        throw new LoadException("cannot enter network namespace " + name);
      }
    } catch (LoadException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs something on a thread in the namespace, and waits for it; what it throws is passed on. */
  void run(Runnable task) throws LoadException {
    FutureTask<Void> done =
        new FutureTask<>(
            () -> {
              enter();
              task.run();
              return null;
            });
    Thread.ofPlatform().name(name).daemon().start(done);
    try {
      done.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LoadException("interrupted in " + name, e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case LoadException cause -> throw cause;
        default -> throw new LoadException(e.getCause().getMessage(), e.getCause());
      }
    }
  }

  /** Removes the namespace and its interfaces. */
  @Override
  public void close() throws LoadException {
    execute("ip", "netns", "delete", name);
  }

  static void execute(String... command) throws LoadException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.onExit().join().exitValue() != 0) { // cleaning up is not interrupted
        throw new LoadException(String.join(" ", command) + ": " + output.strip());
      }
    } catch (IOException e) {
      throw new LoadException(String.join(" ", command) + ": " + e.getMessage(), e);
    }
  }
}
