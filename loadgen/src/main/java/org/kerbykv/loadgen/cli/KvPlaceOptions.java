package org.kerbykv.loadgen.cli;

import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.util.List;
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.topology.Target;
import org.kerbykv.loadgen.topology.VethTopology;
import org.kerbykv.loadgen.xdp.XdpEngine;
import picocli.CommandLine.Option;

/** Where a key-value store is, or which one is started. */
final class KvPlaceOptions extends PlaceOptions {
  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:11211",
      description = "The server. Default ${DEFAULT-VALUE}.")
  private String server;

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

  /** Whether the server answers requests with themselves. */
  boolean isEcho() {
    return hasTopology() && target.isEcho();
  }

  /** Where metrics are to be had, if that goes without saying; else null. */
  String metricsAddress() {
    return hasTopology() && target.hasMetrics() ? VethTopology.metricsAddress() : null;
  }

  InetSocketAddress address() {
    return hasTopology() ? VethTopology.serverAddress() : address(server);
  }

  Engine engine() {
    return isXdp()
        ? new XdpEngine(sending().stream().mapToInt(Integer::intValue).toArray())
        : new SocketEngine();
  }

  @Override
  boolean servesInKernel() {
    return target.isInKernel();
  }

  @Override
  String target() {
    return target.toString();
  }

  @Override
  void startServer(VethTopology veth, List<Integer> cpus, List<String> options, PrintStream log)
      throws LoadException, InterruptedException {
    veth.startServer(target, cpus, options, log);
  }
}
