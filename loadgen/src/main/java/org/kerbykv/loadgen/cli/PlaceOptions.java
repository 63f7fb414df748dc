package org.kerbykv.loadgen.cli;

import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.kerbykv.loadgen.engine.Cpus;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.topology.VethPlace;
import org.kerbykv.loadgen.topology.VethTopology;
import picocli.CommandLine.Option;

/** Options that say what sends from where, and whether a server is started for it. */
abstract class PlaceOptions {
  private enum EngineName {
    SOCKET,
    XDP
  }

  private enum TopologyName {
    VETH
  }

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

  final boolean isXdp() {
    return engine == EngineName.XDP;
  }

  final boolean hasTopology() {
    return topology != null;
  }

  /** Whether what is started answers from XDP. */
  abstract boolean servesInKernel();

  /** What is started, in words. */
  abstract String target();

  /** Starts the server on the other side, and waits until it is ready. */
  abstract void startServer(
      VethTopology veth, List<Integer> cpus, List<String> options, PrintStream log)
      throws LoadException, InterruptedException;

  /**
   * Reads HOST:PORT.
   *
   * @throws IllegalArgumentException if it is none, or the host is unknown
   */
  static InetSocketAddress address(String server) {
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

  final List<Integer> sending() {
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

  /** Where the calling thread is; closing it takes away what was set up for that. */
  interface Entered extends AutoCloseable {
    @Override
    void close() throws LoadException;
  }

  /**
   * Makes the place that was asked for, moves the calling thread into it, and says so. Nothing, if
   * the server is one that runs already.
   *
   * @return closes it
   */
  final Entered enter(PrintStream log) throws LoadException, InterruptedException {
    if (topology == null) {
      if (cpus != null) {
        Cpus.keepThreadTo(cpus);
      }
      return () -> {};
    }
    List<Integer> serving = serving();
    List<Integer> sending = sending();
    VethPlace place =
        VethPlace.open(
            servesInKernel(),
            isXdp(),
            sending,
            veth -> startServer(veth, serving, serverOptions, log));
    sayWhoDoesWhat(sending, serving, log);
    return place::close;
  }

  private void sayWhoDoesWhat(List<Integer> sending, List<Integer> serving, PrintStream log) {
    String senders = VethTopology.list(sending);
    log.printf(
        Locale.ROOT,
        "CPU %s: %s, and on its behalf the kernel's part of %s%n",
        senders,
        isXdp() ? "sends and receives in the kernel" : "sends and receives through sockets",
        target());
    log.printf(Locale.ROOT, "CPU %s: user space of %s%n", VethTopology.list(serving), target());
  }
}
