package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.kerbykv.server.e2e.KernelObjects.KernelObject;

/** The server's command line in a process of its own, in a topology's server namespace. */
final class ServerProcess implements AutoCloseable {
  private static final long READY_SECONDS_MAX = 60;
  private static final Pattern PORT = Pattern.compile(" (?:tcp|udp) [^ ]+:(\\d+)");
  private static final Pattern LOCK_PORT = Pattern.compile(" locks [^ ]+:(\\d+)");

  private final Topology topology;
  private final Process process;
  private final Path errors;
  private String readyLine;

  private ServerProcess(Topology topology, List<String> command) throws IOException {
    this.topology = topology;
    errors = Files.createTempFile("kerby-e2e", ".err");
    process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
  }

  /** Starts a server on the topology's interface and address and waits until it is ready. */
  static ServerProcess start(Topology topology, List<String> options) {
    return startUnder(topology, List.of(), options);
  }

  /** The same, run by a command that puts it under some constraint. */
  static ServerProcess startUnder(
      Topology topology, List<String> constraint, List<String> options) {
    try {
      List<String> command = new ArrayList<>(constraint);
      command.addAll(java(arguments(topology, options)));
      return launch(topology, command);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same, with what is in a directory in place of what is in the class path. */
  static ServerProcess startPatched(Topology topology, Path patches, List<String> options) {
    try {
      List<String> command = java(arguments(topology, options));
      int classPath = command.indexOf("-cp") + 1;
      command.set(classPath, patches + File.pathSeparator + command.get(classPath));
      return launch(topology, command);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ServerProcess launch(Topology topology, List<String> command) throws IOException {
    ServerProcess server =
        new ServerProcess(topology, topology.server().command(command.toArray(String[]::new)));
    server.awaitReady();
    return server;
  }

  /** Runs a server that is to end by itself. */
  static Commands.Result runServer(Topology topology, List<String> options) {
    return run(topology, arguments(topology, options));
  }

  /** The same, of one that may not use eBPF. */
  static Commands.Result runServerWithoutPrivileges(Topology topology, List<String> options) {
    List<String> command =
        new ArrayList<>(List.of("setpriv", "--bounding-set", "-sys_admin,-bpf,-net_admin"));
    command.addAll(java(arguments(topology, options)));
    return Commands.execute(topology.server().command(command.toArray(String[]::new)));
  }

  /** Starts one as a user other than root, with these capabilities and no way to get others. */
  static ServerProcess startAsNobody(
      Topology topology, Path readableClassPath, String capabilities, List<String> options) {
    List<String> command =
        new ArrayList<>(
            List.of("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"));
    for (String set : List.of("--inh-caps", "--ambient-caps", "--bounding-set")) {
      command.addAll(List.of(set, "-all," + capabilities));
    }
    command.add("--no-new-privs");
    command.addAll(java(arguments(topology, options)));
    command.set(command.indexOf("-cp") + 1, readableClassPath.toString());
    try {
      ServerProcess server =
          new ServerProcess(topology, topology.server().command(command.toArray(String[]::new)));
      server.awaitReady();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a command of {@code kerby} to its end. */
  static Commands.Result run(Topology topology, List<String> arguments) {
    return Commands.execute(command(topology, arguments));
  }

  /** The options, and those that the topology stands for, unless they are given. */
  private static List<String> arguments(Topology topology, List<String> options) {
    List<String> arguments = new ArrayList<>(List.of("server", "--metrics-port", "0"));
    Map<String, String> defaults =
        Map.of(
            "-p", "-1",
            "-i", topology.interfaceName(),
            "-l", topology.host(),
            "--xdp", topology.xdp().name());
    defaults.forEach(
        (option, value) -> {
          if (!options.contains(option)) {
            arguments.addAll(List.of(option, value));
          }
        });
    arguments.addAll(options);
    return arguments;
  }

  private static List<String> command(Topology topology, List<String> arguments) {
    return topology.server().command(java(arguments).toArray(String[]::new));
  }

  /** A JVM as it runs where Kerby-KV is installed: without a logging library. */
  private static List<String> java(List<String> arguments) {
    String classPath =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
            .filter(entry -> !entry.contains("slf4j"))
            .collect(Collectors.joining(File.pathSeparator));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                classPath,
                "org.kerbykv.server.Main"));
    command.addAll(arguments);
    return command;
  }

  private void awaitReady() {
    boolean ready = false;
    try {
      readyLine =
          CompletableFuture.supplyAsync(this::readLine).get(READY_SECONDS_MAX, TimeUnit.SECONDS);
      if (readyLine == null) {
        throw new AssertionError("the server ended: " + errors());
      }
      ready = true;
    } catch (TimeoutException | ExecutionException e) {
      throw new AssertionError("the server did not get ready: " + errors(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } finally {
      if (!ready) {
        close();
      }
    }
  }

  private String readLine() {
    try {
      return new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8)).readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String readyLine() {
    return readyLine;
  }

  /** Returns what it said on standard error so far. */
  String errors() {
    try {
      return Files.readString(errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  InetSocketAddress address() {
    return address(PORT);
  }

  InetSocketAddress lockAddress() {
    return address(LOCK_PORT);
  }

  private InetSocketAddress address(Pattern pattern) {
    Matcher port = pattern.matcher(readyLine);
    if (!port.find()) {
      throw new AssertionError(readyLine);
    }
    return new InetSocketAddress(topology.address(), Integer.parseInt(port.group(1)));
  }

  ProcessHandle handle() {
    return process.toHandle();
  }

  /** Returns what the kernel says of it in a line of /proc/PID/status. */
  String status(String name) {
    try {
      return Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status")).stream()
          .filter(line -> line.startsWith(name + ":"))
          .map(line -> line.substring(name.length() + 1).strip())
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the maps, programs and links that it has open. */
  Set<KernelObject> kernelObjects() {
    return KernelObjects.openIn(process.toHandle());
  }

  /** Ends it as the kernel would: without a last word. */
  void kill() {
    Commands.end(process);
  }

  /** Asks it to stop, and returns its exit code. */
  int stop() {
    process.destroy();
    try {
      if (!process.waitFor(READY_SECONDS_MAX, TimeUnit.SECONDS)) {
        throw new AssertionError("the server does not stop");
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() {
    Commands.end(process);
    try {
      Files.deleteIfExists(errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
