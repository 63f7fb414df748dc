package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;

/** A server of a user that is not root, who has three capabilities and cannot get more. */
@RequiresBPF
class LeastPrivilegeTest {
  private static final String CAPABILITIES = "+bpf,+perfmon,+net_admin";

  /** Bits 39, 38 and 12. */
  private static final String CAPABILITY_SET = "000000c000001000";

  @TempDir private Path directory;

  @Test
  void threeCapabilitiesAreEnough() throws Exception {
    Path classPath = readableClassPath();
    List<String> options = List.of("--lock-port", "-1");
    try (Topology topology = Topology.Kind.VETH_NATIVE.open();
        ServerProcess server =
            ServerProcess.startAsNobody(topology, classPath, CAPABILITIES, options);
        UdpClient udp = new UdpClient(topology.client(), server.address());
        TcpClient tcp = new TcpClient(topology.client(), server.address())) {
      assertThat(server.status("CapEff")).isEqualTo(CAPABILITY_SET);
      assertThat(server.status("CapBnd")).isEqualTo(CAPABILITY_SET);
      assertThat(server.status("NoNewPrivs")).isEqualTo("1");
      assertThat(server.status("Uid")).startsWith("65534\t65534");
      assertThat(server.readyLine()).endsWith(" xdp native");
      assertThat(udp.exchange("set k 0 0 5\r\nvalue\r\n")).isEqualTo("STORED\r\n");
      assertThat(new String(tcp.values("get k\r\n"), ISO_8859_1)).contains("value");
      assertThat(server.stop()).isEqualTo(143);
    }
  }

  /** All that the tests' JVM has, where others may read it. */
  private Path readableClassPath() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path from = Path.of(entry);
      if (Files.isDirectory(from) && !entry.contains("test-classes")) {
        pack(from, directory.resolve(directory.toFile().list().length + "-classes.jar"));
      } else if (entry.endsWith(".jar") && !entry.contains("slf4j")) {
        Files.copy(from, directory.resolve(from.getFileName()));
      }
    }
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
      }
    }
    return directory.resolve("*");
  }

  private static void pack(Path classes, Path jar) throws IOException {
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        out.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        Files.copy(file, out);
      }
    }
  }
}
