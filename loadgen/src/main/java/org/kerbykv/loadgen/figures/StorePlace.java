package org.kerbykv.loadgen.figures;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.topology.VethPlace;
import org.kerbykv.loadgen.topology.VethTopology;

/** A store in a {@link VethPlace}. */
final class StorePlace implements AutoCloseable {
  private final KvSystem system;
  private final VethPlace place;

  private StorePlace(KvSystem system, VethPlace place) {
    this.system = system;
    this.place = place;
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
    return new StorePlace(
        system,
        VethPlace.open(
            system.target().isInKernel(),
            kernelLoad,
            sending,
            veth -> veth.startServer(system.target(), serving, system.options(), log)));
  }

  /** From now on requests come from sockets, not from the kernel. */
  void openToSockets() throws LoadException {
    place.openToSockets();
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

  @Override
  public void close() throws LoadException {
    place.close();
  }
}
