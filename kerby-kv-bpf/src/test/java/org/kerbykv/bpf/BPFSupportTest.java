package org.kerbykv.bpf;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is said where eBPF cannot be used: in JVMs that lack one thing each. */
@RequiresBPF
class BPFSupportTest {
  @Test
  void nothingIsMissingHere() {
    assertThat(BPFSupport.unavailableReason()).isEmpty();
  }

  @Test
  void missingPrivilegesAreNamed() throws Exception {
    assertThat(outputOf("reason", "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"))
        .isEqualTo(
            "the kernel refuses to load an XDP program: EPERM"
                + " (CAP_BPF and CAP_NET_ADMIN are needed)");
  }

  @Test
  void missingLibraryIsNamed() throws Exception {
    assertThat(withoutLibbpf("reason"))
        .isEqualTo("libbpf is not installed: libbpf.so.1 (Debian package libbpf1)");
  }

  @Test
  void withoutTheLibraryOpeningIsAnException() throws Exception {
    assertThat(withoutLibbpf("open"))
        .isEqualTo(
            "call bpf_object__open_mem: ENOSYS (Function not implemented):"
                + " libbpf.so.1 is not installed (Debian package libbpf1)");
  }

  @Test
  void conditionSkipsOrFailsAsTheEnvironmentSays() {
    Optional<String> reason = Optional.of("no CAP_BPF");
    assertThat(RequiresBPF.Condition.decide(Optional.empty(), false).isDisabled()).isFalse();
    assertThat(RequiresBPF.Condition.decide(reason, true).isDisabled()).isFalse();
    assertThat(RequiresBPF.Condition.decide(reason, false).isDisabled()).isTrue();
    assertThat(RequiresBPF.Condition.decide(reason, false).getReason()).isEqualTo(reason);
  }

  /** What the other JVMs run. */
  static final class Probe {
    private Probe() {}

    public static void main(String[] arguments) {
      if (arguments[0].equals("open")) {
        try (BPFLoader loader = BPFLoader.open(Probe.class, BPFProgramTest.OBJECT)) {
          System.out.println(loader.layout().struct("sample"));
        } catch (BPFException e) {
          System.out.println(e.summary());
        }
      } else {
        System.out.println(BPFSupport.unavailableReason().orElse("none"));
      }
    }
  }

  /** In a mount namespace of its own, with an empty file in the library's place. */
  private static String withoutLibbpf(String argument) throws Exception {
    return outputOf(
        argument,
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount --bind /dev/null \"$1\" && shift && exec \"$@\"",
        "sh",
        library().toString());
  }

  /** The file that this JVM has libbpf from. */
  private static Path library() throws IOException {
    assertThat(BPFSupport.unavailableReason()).isEmpty(); // and libbpf loaded
    try (Stream<String> mappings = Files.lines(Path.of("/proc/self/maps"))) {
      return mappings
          .filter(line -> line.contains("/libbpf.so"))
          .map(line -> Path.of(line.substring(line.indexOf('/'))))
          .findFirst()
          .orElseThrow();
    }
  }

  /** What {@link Probe} prints in a JVM that is started by {@code prefix}. */
  private static String outputOf(String argument, String... prefix) throws Exception {
    List<String> command = new ArrayList<>(List.of(prefix));
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Xmx64m",
            "-cp",
            System.getProperty("java.class.path"),
            Probe.class.getName(),
            argument));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output.strip();
  }
}
