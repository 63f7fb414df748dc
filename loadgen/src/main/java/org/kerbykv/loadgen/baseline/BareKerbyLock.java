package org.kerbykv.loadgen.baseline;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.Callable;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFRingBuffer;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.cli.Console;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Kerby-Lock's kernel part alone. TEMPORARY until the server has --lock-port. */
@Command(name = "kerby bare-lock")
public final class BareKerbyLock implements Callable<Integer> {
  @Option(names = "--interface", required = true)
  private String device;

  @Option(names = "--listen", required = true)
  private String address;

  @Option(names = "--port", required = true)
  private int port;

  public static void main(String[] arguments) {
    System.exit(Console.run(new BareKerbyLock(), arguments));
  }

  @Override
  public Integer call() throws Exception {
    int listen =
        ByteBuffer.wrap(InetAddress.getByName(address).getAddress())
            .order(ByteOrder.LITTLE_ENDIAN)
            .getInt();
    try (BPFProgram programs =
        BPFLoader.open(BPFProgram.class, "lock.bpf.o")
            .constant("lock_udp_port", port)
            .constant("lock_listen_ip4", Integer.toUnsignedLong(listen))
            .constant("kerby_capacity", 1 << 16)
            .mapMaxEntries("kerby_pool", 1 << 16)
            .load()) {
      BPFRingBuffer events = programs.getRingBuffer("lock_events", _ -> {});
      int ifindex = NetDevice.index(device);
      programs.tcAttach("lock_tc", ifindex);
      programs.xdpAttach("lock_xdp", ifindex, XdpMode.NATIVE);
      System.out.println(KernelPrograms.READY);
      System.out.flush();
      while (!Thread.interrupted()) {
        events.consume();
        Thread.sleep(2);
      }
      return 0;
    }
  }
}
