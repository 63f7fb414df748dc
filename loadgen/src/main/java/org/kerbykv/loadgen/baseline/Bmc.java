package org.kerbykv.loadgen.baseline;

import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.loadgen.cli.Console;
import org.kerbykv.loadgen.engine.LoadException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** BMC before a memcached that runs already, until it is told to stop; see bmc.bpf.c. */
@Command(name = "kerby bmc", description = "BMC: a look-aside cache before memcached, in XDP.")
public final class Bmc implements Callable<Integer> {
  @Option(names = "--interface", required = true)
  private String device;

  @Option(names = "--port", defaultValue = "11211")
  private int port;

  /** As a GiB has room for. */
  @Option(names = "--entries", defaultValue = "786432")
  private int entries;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new Bmc(), arguments));
  }

  @Override
  public Integer call() throws LoadException, InterruptedException {
    try (BPFProgram programs =
        BPFLoader.open(BPFProgram.class, "bmc.bpf.o")
            .constant("mc_port", port)
            .constant("bmc_entries", entries)
            .mapMaxEntries("bmc_cache", entries)
            .load()) {
      KernelPrograms.attach(programs, "bmc", device);
      new CountDownLatch(1).await(); // the signal that ends the process detaches the programs
      return 0;
    } catch (BPFException e) {
      throw new LoadException(e.getMessage(), e);
    }
  }
}
