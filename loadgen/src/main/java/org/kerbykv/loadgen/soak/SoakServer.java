package org.kerbykv.loadgen.soak;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFFileSystem;
import org.kerbykv.loadgen.engine.Cpus;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.topology.ServerProcess;
import org.kerbykv.loadgen.topology.VethTopology;

/**
 * The soak's server: one process after another, over the same pins in a BPF file system of its own.
 * Not thread-safe.
 */
final class SoakServer implements AutoCloseable {
  private static final String MAIN = "org.kerbykv.server.Main";

  /**
   * MiB of kernel memory: enough for the index and keys of what the clients have, and too little
   * for the values, so that they move between the tiers all the time.
   */
  private static final int MEMORY_MIB = 3;

  private static final int USER_MEMORY_MIB = 256;

  private final VethTopology topology;
  private final PrintStream log;
  private final Path mount;
  private ServerProcess process;

  SoakServer(VethTopology topology, PrintStream log) throws LoadException {
    this.topology = topology;
    this.log = log;
    try {
      mount = Files.createTempDirectory("kerby-soak");
      BPFFileSystem.mount(mount);
    } catch (IOException | BPFException e) {
      throw new LoadException("no BPF file system for pins: " + e.getMessage(), e);
    }
  }

  /** Where what it pins is. */
  Path pins() {
    return mount.resolve("kv");
  }

  /** Starts a process, without waiting for it. */
  void launch() throws LoadException {
    process =
        topology.launchServer(
            Cpus.allowed(),
            List.of(
                "--memory-limit",
                Integer.toString(MEMORY_MIB),
                "--user-memory",
                Integer.toString(USER_MEMORY_MIB),
                "--pin",
                pins().toString()),
            log);
  }

  void awaitReady() throws LoadException, InterruptedException {
    process.awaitReady();
  }

  boolean isReady() {
    return process.isReady();
  }

  /** Kills the process. What it pinned serves on. */
  void kill() throws InterruptedException {
    process.kill();
    process.close();
  }

  /** Stops the process in good order. */
  void stop() {
    process.close();
  }

  ServerMetrics metrics() throws LoadException {
    try {
      return ServerMetrics.read(URI.create("http://" + VethTopology.metricsAddress() + "/metrics"));
    } catch (IOException e) {
      throw new LoadException(
          "the server gives no metrics: " + e.getMessage() + process.lastLine(), e);
    }
  }

  MemorySample memory() throws LoadException {
    return MemorySample.of(process.pid(), metrics());
  }

  /** What {@code kerby audit} says of the pins: its last line, with exit code 0 only if sound. */
  Said audit() throws LoadException {
    return run("audit", "--pin", pins().toString(), "--json");
  }

  /** Gives up what is pinned. */
  Said drain() throws LoadException {
    return run("server", "--drain", "--pin", pins().toString());
  }

  /** How a command ended, and its output. */
  record Said(int exitCode, String output) {}

  private static Said run(String... arguments) throws LoadException {
    try {
      Process command =
          new ProcessBuilder(ServerProcess.javaCommand(MAIN, arguments))
              .redirectErrorStream(true)
              .start();
      String output = new String(command.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Said(command.onExit().join().exitValue(), output.strip());
    } catch (IOException e) {
      throw new LoadException(String.join(" ", arguments) + ": " + e.getMessage(), e);
    }
  }

  /** Ends the process, and removes its pins. */
  @Override
  public void close() {
    if (process != null) {
      process.close();
    }
    try {
      BPFFileSystem.unmount(mount);
      Files.delete(mount);
    } catch (IOException | BPFException e) {
      log.println("soak: " + mount + " is left: " + e.getMessage());
    }
  }
}
