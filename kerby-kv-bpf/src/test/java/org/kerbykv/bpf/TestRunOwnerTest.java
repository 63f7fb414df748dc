package org.kerbykv.bpf;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What killed test runs leave behind is removed, what live ones have is not. */
@RequiresBPF
class TestRunOwnerTest {
  @Test
  void ownNamesAreNotStale() {
    assertThat(TestRunOwner.isStale(TestRunOwner.name("1-x"))).isFalse();
  }

  @Test
  void namesOfEndedProcessesAreStale() throws Exception {
    assertThat(TestRunOwner.isStale(staleName("x"))).isTrue();
    long self = ProcessHandle.current().pid();
    assertThat(TestRunOwner.isStale("kerby-" + self + "-1-x")).isTrue(); // an earlier one's PID
  }

  @Test
  void namesOfOthersAreNotStale() {
    assertThat(TestRunOwner.isStale("kerby-lo.lock")).isFalse();
    assertThat(TestRunOwner.isStale("other")).isFalse();
  }

  @Test
  void staleNamespacesAreRemoved() throws Exception {
    String stale = staleName("1-netns");
    NetworkNamespace.execute("ip", "netns", "add", stale);
    try (NetworkNamespace own = NetworkNamespace.create("own")) {
      NetworkNamespace.removeStale();
      assertThat(own.path()).exists();
    }
    assertThat(Path.of("/run/netns", stale)).doesNotExist();
  }

  @Test
  void staleFileSystemsAreUnmounted() throws Exception {
    Path stale = TemporaryBPFFileSystem.PARENT.resolve(staleName("1-bpffs"));
    Files.createDirectory(stale);
    BPFFileSystem.mount(stale);
    Path unmounted = TemporaryBPFFileSystem.PARENT.resolve(staleName("2-bpffs"));
    Files.createDirectory(unmounted);
    try (TemporaryBPFFileSystem own = TemporaryBPFFileSystem.create()) {
      TemporaryBPFFileSystem.removeStale();
      assertThat(BPFFileSystem.contains(own.directory())).isTrue();
    }
    assertThat(stale).doesNotExist();
    assertThat(unmounted).doesNotExist();
  }

  private static String staleName(String label) throws IOException, InterruptedException {
    Process ended = new ProcessBuilder("true").start();
    ended.waitFor();
    return "kerby-" + ended.pid() + "-1-" + label;
  }
}
