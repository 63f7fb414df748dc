package org.kerbykv.loadgen.topology;

import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.Collectors;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.baseline.Bmc;
import org.kerbykv.loadgen.baseline.ComparedLock;
import org.kerbykv.loadgen.baseline.Dint;
import org.kerbykv.loadgen.baseline.Reflector;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * Two network namespaces joined by a veth pair: a server in one, the load in the other. All of it
 * is gone after {@link #close}, and also, at the latest when the next one is made, after this
 * process was killed.
 */
public final class VethTopology implements AutoCloseable {
  /** The interface on either side. */
  static final String DEVICE = "kv0";

  private static final String LOAD_ADDRESS = "198.18.0.1";
  private static final String SERVER_ADDRESS = "198.18.0.2";
  private static final String PREFIX = "/30";
  private static final int PORT = 11211;
  private static final int LOCK_PORT = 11311;
  private static final int METRICS_PORT = 9411;

  /** For a million locks. */
  private static final int LOCK_MEMORY_MIB = 1024;

  /** For items, the same whatever serves. */
  private static final int MEMORY_MIB = 1024;

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private NetworkNamespace load;
  private NetworkNamespace server;

  /**
   * Makes the namespaces and the pair, with a queue for each CPU.
   *
   * @param cpus how many CPUs there are
   */
  public VethTopology(int cpus) throws LoadException {
    NetworkNamespace.removeStale();
    try {
      load = open("load");
      server = open("server");
      String queues = Integer.toString(cpus);
      List<String> pair = new ArrayList<>(List.of("ip", "link", "add"));
      pair.addAll(end(load, queues));
      pair.addAll(List.of("type", "veth", "peer"));
      pair.addAll(end(server, queues));
      NetworkNamespace.execute(pair.toArray(String[]::new));
      setUp(load, LOAD_ADDRESS);
      setUp(server, SERVER_ADDRESS);
    } catch (LoadException e) {
      close();
      throw e;
    }
  }

  private NetworkNamespace open(String role) throws LoadException {
    NetworkNamespace namespace = NetworkNamespace.create(role);
    opened.push(namespace);
    return namespace;
  }

  private static List<String> end(NetworkNamespace namespace, String queues) {
    return List.of(
        "name", DEVICE, "netns", namespace.name(), "numtxqueues", queues, "numrxqueues", queues);
  }

  private static void setUp(NetworkNamespace namespace, String address) throws LoadException {
    namespace.ip("link", "set", DEVICE, "addrgenmode", "none");
    namespace.ip("address", "add", address + PREFIX, "dev", DEVICE);
    namespace.ip("link", "set", DEVICE, "up");
  }

  /** Where the server is, as seen from the load's side. */
  public static InetSocketAddress serverAddress() {
    return new InetSocketAddress(SERVER_ADDRESS, PORT);
  }

  /** Where the lock manager is, as seen from the load's side. */
  public static InetSocketAddress lockAddress() {
    return new InetSocketAddress(SERVER_ADDRESS, LOCK_PORT);
  }

  /** Where the server's metrics are, if it is this project's: HOST:PORT. */
  public static String metricsAddress() {
    return SERVER_ADDRESS + ":" + METRICS_PORT;
  }

  /** Moves the calling thread, and those that it starts, to the load's side. */
  public void enterLoadSide() throws LoadException {
    load.enter();
  }

  /**
   * Lets what XDP programs send on the one side reach sockets on the other: the kernel drops it
   * silently at a veth interface without a program. To be called from the load's side.
   *
   * @param kernelServes whether what will serve answers from XDP
   * @param kernelLoad whether the requests come from the kernel, not from sockets
   */
  public void letPass(boolean kernelServes, boolean kernelLoad) throws LoadException {
    if (kernelLoad == kernelServes) {
      return;
    }
    try {
      BPFProgram pass = BPFProgram.load(BPFProgram.class, "xdp_pass.bpf.o");
      opened.push(pass);
      if (kernelLoad) {
        server.run(() -> attach(pass));
      } else {
        attach(pass);
      }
    } catch (BPFException e) {
      throw new LoadException(e.getMessage(), e);
    }
  }

  private static void attach(BPFProgram pass) {
    pass.xdpAttach("xdp_pass", NetDevice.index(DEVICE), XdpMode.NATIVE);
  }

  /**
   * Starts a server on the other side, and waits until it is ready; from the load's side.
   *
   * @param cpus the CPUs that its threads may run on
   * @param options more options for the server
   * @param log where its messages go
   */
  public void startServer(Target target, List<Integer> cpus, List<String> options, PrintStream log)
      throws LoadException, InterruptedException {
    if (target.needsMemcached()) {
      startServer(Target.MEMCACHED, cpus, List.of(), log);
    }
    ServerProcess process = start(command(target, cpus.size()), cpus, options, log);
    if (target == Target.MEMCACHED) {
      process.awaitReady(VethTopology::accepts);
    } else {
      process.awaitReady();
    }
  }

  /**
   * Starts a server of this project's on the other side, and does not wait for it; from the load's
   * side. It is to be closed before this is.
   *
   * @param options as its default ones, and overriding them
   */
  public ServerProcess launchServer(List<Integer> cpus, List<String> options, PrintStream log)
      throws LoadException {
    return launch(command(Target.KERBY, cpus.size()), cpus, options, log);
  }

  /** Has the interface on the server's side be down, or up again. */
  public void setServerInterface(boolean up) throws LoadException {
    server.ip("link", "set", DEVICE, up ? "up" : "down");
  }

  /** The same for a lock manager. */
  public void startServer(
      LockTarget target, List<Integer> cpus, List<String> options, PrintStream log)
      throws LoadException, InterruptedException {
    start(command(target), cpus, options, log).awaitReady();
  }

  private ServerProcess start(
      List<String> command, List<Integer> cpus, List<String> options, PrintStream log)
      throws LoadException {
    ServerProcess process = launch(command, cpus, options, log);
    opened.push(process);
    return process;
  }

  private ServerProcess launch(
      List<String> command, List<Integer> cpus, List<String> options, PrintStream log)
      throws LoadException {
    List<String> around = new ArrayList<>(server.around());
    around.addAll(List.of("taskset", "-c", list(cpus)));
    List<String> words = new ArrayList<>(command);
    words.addAll(options);
    return ServerProcess.start(around, words, log);
  }

  private static List<String> command(LockTarget target) throws LoadException {
    String port = Integer.toString(LOCK_PORT);
    return switch (target) {
      case KERBY ->
          ServerProcess.javaCommand(
              "org.kerbykv.server.Main",
              "server",
              "--port",
              "0",
              "--udp-port",
              "0",
              "--lock-port",
              port,
              "--listen",
              SERVER_ADDRESS,
              "--interface",
              DEVICE,
              "--xdp",
              "native",
              "--metrics-port",
              Integer.toString(METRICS_PORT),
              "--lock-memory",
              Integer.toString(LOCK_MEMORY_MIB));
      case DINT, QUEUE ->
          ServerProcess.classCommand(
              System.getProperty("java.class.path"),
              ComparedLock.class.getName(),
              "--system",
              target.toString(),
              "--interface",
              DEVICE,
              "--listen",
              SERVER_ADDRESS,
              "--port",
              port);
    };
  }

  private static List<String> command(Target target, int threads) throws LoadException {
    String port = Integer.toString(PORT);
    return switch (target) {
      case KERBY -> kerby("native", "--memory-limit", threads);
      case NETTY -> kerby("off", "--user-memory", threads);
      case MEMCACHED ->
          List.of(
              "memcached",
              "-u",
              "nobody",
              "-l",
              SERVER_ADDRESS,
              "-p",
              port,
              "-U",
              port,
              "-t",
              Integer.toString(threads),
              "-m",
              Integer.toString(MEMORY_MIB));
      case REFLECTOR -> baseline(Reflector.class);
      case DINT -> baseline(Dint.class, "--memcached", SERVER_ADDRESS);
      case BMC -> baseline(Bmc.class);
    };
  }

  private static List<String> baseline(Class<?> main, String... more) {
    List<String> command =
        new ArrayList<>(
            ServerProcess.classCommand(
                System.getProperty("java.class.path"),
                main.getName(),
                "--interface",
                DEVICE,
                "--port",
                Integer.toString(PORT)));
    command.addAll(List.of(more));
    return command;
  }

  private static List<String> kerby(String xdp, String memory, int threads) throws LoadException {
    return ServerProcess.javaCommand(
        "org.kerbykv.server.Main",
        "server",
        "--port",
        Integer.toString(PORT),
        "--listen",
        SERVER_ADDRESS,
        "--interface",
        DEVICE,
        "--xdp",
        xdp,
        "--metrics-port",
        Integer.toString(METRICS_PORT),
        memory,
        Integer.toString(MEMORY_MIB),
        "--threads",
        Integer.toString(threads));
  }

  private static boolean accepts() {
    try (Socket socket = new Socket()) {
      socket.connect(serverAddress(), 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** As taskset takes it, and people read it. */
  public static String list(List<Integer> cpus) {
    return cpus.stream().map(cpu -> Integer.toString(cpu)).collect(Collectors.joining(","));
  }

  /** Ends the server and removes the namespaces. May be called again, and from any thread. */
  @Override
  public synchronized void close() throws LoadException {
    LoadException failure = null;
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (Exception e) {
        failure = new LoadException("cleaning up: " + e.getMessage(), e);
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
