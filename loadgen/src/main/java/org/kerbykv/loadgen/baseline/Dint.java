package org.kerbykv.loadgen.baseline;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.loadgen.cli.Console;
import org.kerbykv.loadgen.engine.LoadException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * DINT-KV before a memcached that runs already, until it is told to stop; see dint_kv.h. Writes
 * what the slots have no room for to memcached.
 */
@Command(
    name = "kerby dint",
    description = "DINT-KV: slots of one size in XDP, memcached behind them.")
public final class Dint implements Callable<Integer> {
  /** Slots of a bucket. */
  private static final int WAYS = 4;

  @Option(names = "--interface", required = true)
  private String device;

  @Option(names = "--memcached", paramLabel = "HOST", required = true)
  private String memcached;

  @Option(names = "--port", defaultValue = "11211")
  private int port;

  @Option(
      names = "--slot-size",
      paramLabel = "64|128|256|512|1024",
      defaultValue = "512",
      description = "Bytes of the longest value a slot has room for.")
  private int slotSize;

  @Option(
      names = "--slots",
      defaultValue = "262144",
      description = "How many slots; each takes 64 bytes more than its size.")
  private int slots;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new Dint(), arguments));
  }

  @Override
  public Integer call() throws LoadException, InterruptedException {
    int buckets = (slots + WAYS - 1) / WAYS;
    String object = "dint_kv_" + slotSize + ".bpf.o";
    try (BPFProgram programs =
            BPFLoader.open(BPFProgram.class, object)
                .constant("mc_port", port)
                .constant("dint_buckets", buckets)
                .mapMaxEntries("dint_cache", buckets)
                .load();
        WriteBack writeBack =
            new WriteBack(programs, BTFLayout.read(BPFProgram.class, object), memcached, port)) {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> report(writeBack), "report"));
      KernelPrograms.attach(programs, "dint", device);
      while (!Thread.interrupted()) {
        writeBack.poll();
      }
      throw new InterruptedException();
    } catch (BPFException | IOException e) {
      throw new LoadException(e.getMessage(), e);
    }
  }

  private static void report(WriteBack writeBack) {
    System.out.println("wrote back " + writeBack.stored() + " items");
  }
}
