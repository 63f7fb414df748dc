package org.kerbykv.loadgen.figures;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.kerbykv.loadgen.engine.Cpus;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.topology.VethTopology;

/**
 * A store in a namespace of its own, and the calling thread in another, joined by a veth pair. All
 * of it is gone after {@link #close}, and after a signal.
 */
final class StorePlace implements AutoCloseable {
  private final KvSystem system;
  private final VethTopology veth;
  private final Thread onSignal = new Thread(this::closeOnSignal, "remove-topology");

  private StorePlace(KvSystem system, VethTopology veth) {
    this.system = system;
    this.veth = veth;
    Runtime.getRuntime().addShutdownHook(onSignal);
  }

  /**
   * Starts a store, and keeps the calling thread to the CPUs that send.
   *
   * @param kernelLoad whether requests will come from the kernel, not from sockets
   */
  static StorePlace open(
      KvSystem system,
      List<Integer> sending,
      List<Integer> serving,
      boolean kernelLoad,
      PrintStream log)
      throws LoadException, InterruptedException {
    VethTopology veth = new VethTopology(Runtime.getRuntime().availableProcessors());
    StorePlace place = new StorePlace(system, veth);
    try {
      veth.enterLoadSide();
      veth.letPass(system.target().isInKernel(), kernelLoad);
      veth.startServer(system.target(), serving, system.options(), log);
      Cpus.keepThreadTo(sending);
      return place;
    } catch (LoadException | InterruptedException | RuntimeException e) {
      place.close();
      throw e;
    }
  }

  /** From now on requests come from sockets, not from the kernel. */
  void openToSockets() throws LoadException {
    veth.letPass(system.target().isInKernel(), false);
  }

  /** The store's metrics, if it is one that has any. */
  Optional<ServerMetrics> metrics() throws LoadException {
    if (!system.target().hasMetrics()) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          ServerMetrics.read(URI.create("http://" + VethTopology.metricsAddress() + "/metrics")));
    } catch (IOException e) {
      throw new LoadException("no metrics: " + e.getMessage(), e);
    }
  }

  private void closeOnSignal() {
    try {
      veth.close();
    } catch (LoadException e) {
      System.err.println(e.getMessage());
    }
  }

  @Override
  public void close() throws LoadException {
    try {
      Runtime.getRuntime().removeShutdownHook(onSignal);
    } catch (IllegalStateException e) {
      return; // the hook does it
    }
    veth.close();
  }
}
