package org.kerbykv.loadgen.cli;

import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.kerbykv.loadgen.engine.Cpus;
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.topology.Target;
import org.kerbykv.loadgen.topology.VethTopology;
import org.kerbykv.loadgen.xdp.XdpEngine;
import picocli.CommandLine.Option;

/** Options that say where the server is, and what sends from where. */
final class PlaceOptions {
  private enum EngineName {
    SOCKET,
    XDP
  }

  private enum TopologyName {
    VETH
  }

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:11211",
      description = "The server. Default ${DEFAULT-VALUE}.")
  private String server;

  @Option(
      names = "--engine",
      paramLabel = "socket|xdp",
      defaultValue = "socket",
      description = {
        "What sends: sockets, or the kernel itself (needs root and a network interface with native",
        "XDP on the way to the server). Default ${DEFAULT-VALUE}."
      })
  private EngineName engine;

  @Option(
      names = "--topology",
      paramLabel = "veth",
      description = {
        "Start a server of its own for the load: in two network namespaces joined by a veth pair,",
        "which are removed afterwards. Needs root."
      })
  private TopologyName topology;

  @Option(
      names = "--target",
      paramLabel = "kerby|memcached|reflector|netty|dint|bmc",
      defaultValue = "kerby",
      description = {
        "With --topology: the server to start. The reflector sends every request back as it is,",
        "from XDP; netty is this server with --xdp off; dint and bmc are systems to compare with,",
        "before memcached. Default ${DEFAULT-VALUE}."
      })
  private Target target;

  @Option(
      names = "--server-option",
      paramLabel = "WORD",
      description = "With --topology: one more word for the server's command line. Repeatable.")
  private List<String> serverOptions = new ArrayList<>();

  @Option(
      names = "--cpus",
      split = ",",
      paramLabel = "N[,N...]",
      description = {
        "CPUs to send from: the xdp engine has one thread for each, sockets are kept to them.",
        "Default: the first; sockets without --topology: all."
      })
  private List<Integer> cpus;

  @Option(
      names = "--server-cpus",
      split = ",",
      paramLabel = "N[,N...]",
      description = "With --topology: CPUs for the server's processes. Default: the others.")
  private List<Integer> serverCpus;

  boolean isXdp() {
    return engine == EngineName.XDP;
  }

  /** Whether the server answers requests with themselves. */
  boolean isEcho() {
    return topology != null && target.isEcho();
  }

  /** Where metrics are to be had, if that goes without saying; else null. */
  String metricsAddress() {
    return topology != null && target.hasMetrics() ? VethTopology.metricsAddress() : null;
  }

  InetSocketAddress address() {
    if (topology != null) {
      return VethTopology.serverAddress();
    }
    int colon = server.lastIndexOf(':');
    if (colon > 0) {
      try {
        String host = server.substring(0, colon).replaceAll("[\\[\\]]", "");
        InetSocketAddress address =
            new InetSocketAddress(host, Integer.parseInt(server.substring(colon + 1)));
        if (address.isUnresolved()) {
          throw new IllegalArgumentException("unknown host " + host);
        }
        return address;
      } catch (NumberFormatException e) {
        // said below
      }
    }
    throw new IllegalArgumentException("--server must be HOST:PORT, not " + server);
  }

  Engine engine() {
    return switch (engine) {
      case SOCKET -> new SocketEngine();
      case XDP -> new XdpEngine(sending().stream().mapToInt(Integer::intValue).toArray());
    };
  }

  private List<Integer> sending() {
    return cpus == null ? Cpus.allowed().subList(0, 1) : cpus;
  }

  private List<Integer> serving() {
    if (serverCpus != null) {
      return serverCpus;
    }
    List<Integer> others = new ArrayList<>(Cpus.allowed());
    others.removeAll(sending());
    return others.isEmpty() ? sending() : others;
  }

  /**
   * Makes the place that was asked for, moves the calling thread into it, and says so. Nothing, if
   * the server is one that runs already.
   *
   * @return closes it
   */
  AutoCloseable enter(PrintStream log) throws LoadException, InterruptedException {
    if (topology == null) {
      if (cpus != null) {
        Cpus.keepThreadTo(cpus);
      }
      return () -> {};
    }
    List<Integer> serving = serving();
    List<Integer> sending = sending();
    VethTopology veth = new VethTopology(Runtime.getRuntime().availableProcessors());
    Thread onSignal = new Thread(() -> closeQuietly(veth, log), "remove-topology");
    Runtime.getRuntime().addShutdownHook(onSignal);
    try {
      veth.enterLoadSide();
      veth.letPass(target, isXdp());
      veth.startServer(target, serving, serverOptions, log);
      Cpus.keepThreadTo(sending);
    } catch (LoadException | InterruptedException e) {
      veth.close();
      throw e;
    }
    sayWhoDoesWhat(sending, serving, log);
    return veth;
  }

  private static void closeQuietly(VethTopology veth, PrintStream log) {
    try {
      veth.close();
    } catch (LoadException e) {
      log.println(e.getMessage());
    }
  }

  private void sayWhoDoesWhat(List<Integer> sending, List<Integer> serving, PrintStream log) {
    String senders = VethTopology.list(sending);
    log.printf(
        Locale.ROOT,
        "CPU %s: %s, and on its behalf the kernel's part of %s%n",
        senders,
        isXdp() ? "sends and receives in the kernel" : "sends and receives through sockets",
        target);
    log.printf(
        Locale.ROOT,
        "CPU %s: %s%n",
        VethTopology.list(serving),
        target.isEcho()
            ? "nothing: the reflector is in the kernel alone"
            : "user space of " + target);
  }
}
