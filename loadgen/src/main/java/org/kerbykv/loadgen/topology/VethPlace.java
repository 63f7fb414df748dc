package org.kerbykv.loadgen.topology;

import java.util.List;
import org.kerbykv.loadgen.engine.Cpus;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * A server in a namespace of its own, and the calling thread in another, joined by a veth pair. All
 * of it is gone after {@link #close}, and after a signal. Not thread-safe.
 */
public final class VethPlace implements AutoCloseable {
  /** Starts the server, and waits until it is ready. */
  @FunctionalInterface
  public interface Start {
    void server(VethTopology veth) throws LoadException, InterruptedException;
  }

  private final VethTopology veth;
  private final boolean kernelServes;
  private final Thread onSignal = new Thread(this::closeOnSignal, "remove-topology");

  private VethPlace(VethTopology veth, boolean kernelServes) {
    this.veth = veth;
    this.kernelServes = kernelServes;
    Runtime.getRuntime().addShutdownHook(onSignal);
  }

  /**
   * Starts a server, and keeps the calling thread to the CPUs that send.
   *
   * @param kernelServes whether it answers from XDP
   * @param kernelLoad whether requests will come from the kernel, not from sockets
   * @throws LoadException if it cannot be made, or the server does not start; nothing is left then
   */
  public static VethPlace open(
      boolean kernelServes, boolean kernelLoad, List<Integer> sending, Start start)
      throws LoadException, InterruptedException {
    VethTopology veth = new VethTopology(Runtime.getRuntime().availableProcessors());
    VethPlace place = new VethPlace(veth, kernelServes);
    try {
      veth.enterLoadSide();
      veth.letPass(kernelServes, kernelLoad);
      start.server(veth);
      Cpus.keepThreadTo(sending);
      return place;
    } catch (LoadException | InterruptedException | RuntimeException e) {
      place.close();
      throw e;
    }
  }

  /** From now on requests come from sockets, not from the kernel. */
  public void openToSockets() throws LoadException {
    veth.letPass(kernelServes, false);
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
