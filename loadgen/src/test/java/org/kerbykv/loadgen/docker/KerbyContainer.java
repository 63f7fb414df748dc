package org.kerbykv.loadgen.docker;

import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.ContainerNetwork;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import org.kerbykv.client.KerbyClient;
import org.kerbykv.client.KerbyClientConfig;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/** A server in a container. Closing it removes it. */
final class KerbyContainer extends GenericContainer<KerbyContainer> {
  private static final int PORT = 11211;
  private static final int METRICS_PORT = 9411;
  private static final Duration START_MAX = Duration.ofSeconds(60);

  KerbyContainer(Network network, List<Capability> capabilities)
      throws IOException, InterruptedException {
    super(DockerImageName.parse(KerbyImage.build()));
    withNetwork(network);
    withCreateContainerCmdModifier(
        command ->
            command
                .getHostConfig()
                .withCapDrop(Capability.ALL)
                .withCapAdd(capabilities.toArray(Capability[]::new)));
    waitingFor(Wait.forLogMessage("ready .*\\n", 1).withStartupTimeout(START_MAX));
  }

  /** The address on the network that it was given; another one after a restart, perhaps. */
  String address() {
    return getCurrentContainerInfo().getNetworkSettings().getNetworks().values().stream()
        .map(ContainerNetwork::getIpAddress)
        .findFirst()
        .orElseThrow();
  }

  KerbyClient<byte[]> client() {
    return KerbyClient.open(
        KerbyClientConfig.builder().server(address(), PORT).timeout(Duration.ofSeconds(5)).build());
  }

  ServerMetrics metrics() throws IOException {
    return ServerMetrics.read(URI.create("http://" + address() + ":" + METRICS_PORT + "/metrics"));
  }

  /** Ends the server as a power failure would. */
  void kill() {
    getDockerClient().killContainerCmd(getContainerId()).exec();
  }

  void startAgain() {
    getDockerClient().startContainerCmd(getContainerId()).exec();
  }
}
