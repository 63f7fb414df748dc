package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;

/** Debian's pymemcache with its own defaults, on items that the kernel serves as well. */
@RequiresBPF
class PymemcacheTest {
  private static final String SCRIPT = "pymemcache_client.py";

  @TempDir private Path directory;

  @Test
  void everythingThatItDoesWorks() throws Exception {
    Path script = directory.resolve(SCRIPT);
    try (InputStream resource = PymemcacheTest.class.getResourceAsStream(SCRIPT)) {
      Files.copy(resource, script);
    }
    try (ServerUnderTest server = ServerUnderTest.start(Topology.Kind.VETH_NATIVE.open())) {
      UdpClient udp = server.udp();
      udp.exchange(Requests.set("from-udp", "of the kernel".getBytes(UTF_8)));
      String said =
          Commands.run(
              server
                  .topology()
                  .client()
                  .command(
                      "/usr/bin/python3",
                      script.toString(),
                      server.topology().host(),
                      Integer.toString(server.address().getPort()),
                      "from-udp",
                      "of the kernel"));
      assertThat(said.strip()).matches("[0-9]+ checks");
      assertThat(Integer.parseInt(said.strip().split(" ", -1)[0])).isGreaterThan(60);
      assertThat(udp.exchange("get from-pymemcache\r\n"))
          .isEqualTo("VALUE from-pymemcache 0 5\r\nhello\r\nEND\r\n");
    }
  }
}
