package org.kerbykv.loadgen.baseline;

import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.cli.Console;
import org.kerbykv.loadgen.engine.LoadException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * A bare XDP reflector on an interface, until it is told to stop: each datagram to its port goes
 * back as it is. What no server can beat.
 */
@Command(name = "kerby reflector", description = "Reflects UDP datagrams to a port, in XDP.")
public final class Reflector implements Callable<Integer> {
  private static final String OBJECT = "xdp_reflect.bpf.o";
  private static final String PROGRAM = "xdp_reflect";

  @Option(names = "--interface", required = true)
  private String device;

  @Option(names = "--port", defaultValue = "11211")
  private int port;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new Reflector(), arguments));
  }

  @Override
  public Integer call() throws LoadException, InterruptedException {
    try (BPFProgram program = load(port)) {
      program.xdpAttach(PROGRAM, NetDevice.index(device), XdpMode.NATIVE);
      System.out.println(KernelPrograms.READY);
      System.out.flush();
      new CountDownLatch(1).await(); // the signal that ends the process detaches the program
      return 0;
    } catch (BPFException e) {
      throw new LoadException(e.getMessage(), e);
    }
  }

  /** The program, loaded and to be attached as {@code xdp_reflect}. */
  static BPFProgram load(int port) {
    return BPFLoader.open(BPFProgram.class, OBJECT)
        .constant("reflect_port", Short.toUnsignedInt(Short.reverseBytes((short) port)))
        .load();
  }
}
