package org.kerbykv.loadgen.baseline;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
 * A lock manager to compare with, in the kernel of an interface, until it is told to stop: see
 * dint_lock.bpf.c and queue_lock.bpf.c.
 */
@Command(name = "kerby lock-baseline", description = "DINT-Lock, or a lock manager on queue maps.")
public final class ComparedLock implements Callable<Integer> {
  private enum Kind {
    DINT,
    QUEUE
  }

  /** Queues are maps, each with its own cost: more take minutes to make. */
  private static final int QUEUES_MAX = 1 << 14;

  @Option(names = "--system", required = true)
  private Kind system;

  @Option(names = "--interface", required = true)
  private String device;

  @Option(names = "--listen", required = true)
  private String address;

  @Option(names = "--port", required = true)
  private int port;

  @Option(names = "--locks", defaultValue = "1048576")
  private int locks;

  @Option(names = "--queue-capacity", defaultValue = "256")
  private int queueCapacity;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new ComparedLock(), arguments));
  }

  @Override
  public Integer call() throws LoadException, InterruptedException {
    try (BPFProgram programs = load()) {
      int ifindex = NetDevice.index(device);
      if (system == Kind.QUEUE) {
        programs.tcAttach("queue_lock_tc", ifindex);
        programs.xdpAttach("queue_lock_xdp", ifindex, XdpMode.NATIVE);
      } else {
        programs.xdpAttach("dint_lock", ifindex, XdpMode.NATIVE);
      }
      System.out.println(KernelPrograms.READY);
      System.out.flush();
      new CountDownLatch(1).await(); // the signal that ends the process detaches the programs
      return 0;
    } catch (BPFException | UnknownHostException e) {
      throw new LoadException(e.getMessage(), e);
    }
  }

  private BPFProgram load() throws UnknownHostException, LoadException {
    boolean queues = system == Kind.QUEUE;
    if (queues && locks > QUEUES_MAX) {
      throw new LoadException("queues are made for " + QUEUES_MAX + " locks at most");
    }
    String object = queues ? QueueMaps.OBJECT : "dint_lock.bpf.o";
    int listen =
        ByteBuffer.wrap(InetAddress.getByName(address).getAddress())
            .order(ByteOrder.LITTLE_ENDIAN)
            .getInt();
    BPFLoader loader =
        BPFLoader.open(BPFProgram.class, object)
            .constant("lock_udp_port", port)
            .constant("lock_listen_ip4", Integer.toUnsignedLong(listen));
    if (!queues) {
      return loader.constant("dint_locks_max", locks).mapMaxEntries("dint_locks", locks).load();
    }
    return QueueMaps.load(loader, locks, queueCapacity);
  }
}
