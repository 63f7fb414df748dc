package org.kerbykv.loadgen.docker;

import com.github.dockerjava.api.model.Capability;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.testcontainers.DockerClientFactory;

/** The image of {@code docker/Dockerfile}, built once for the JVM from what Maven has packaged. */
final class KerbyImage {
  static final String NAME = "kerby-kv-test";

  /** The first engine that knows CAP_BPF and lets who has it call bpf(2). */
  private static final int ENGINE_WITH_BPF = 23;

  private static boolean built;

  private KerbyImage() {}

  /** Builds the image, on bases that the environment may name, and returns its name. */
  static synchronized String build() throws IOException, InterruptedException {
    if (!built) {
      List<String> command = new ArrayList<>(List.of("docker", "build", "-t", NAME));
      command.addAll(List.of("-f", "docker/Dockerfile", "--build-arg", "PREBUILT=yes"));
      for (String base : List.of("BUILD_BASE", "RUNTIME_BASE")) {
        String image = System.getenv("KERBY_" + base);
        if (image != null) {
          command.addAll(List.of("--build-arg", base + "=" + image));
        }
      }
      command.add(".");
      Cli.succeed(Map.of(), command);
      built = true;
    }
    return NAME;
  }

  /** The capabilities that the README names for this engine. */
  static List<Capability> capabilities() {
    return engineKnowsBpf()
        ? List.of(Capability.NET_ADMIN, Capability.BPF, Capability.PERFMON)
        : List.of(Capability.NET_ADMIN, Capability.SYS_ADMIN);
  }

  static boolean engineKnowsBpf() {
    String version = DockerClientFactory.instance().client().versionCmd().exec().getVersion();
    return Integer.parseInt(version.split("\\.", 2)[0]) >= ENGINE_WITH_BPF;
  }
}
