package org.kerbykv.bpf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Files of a BPF file system that keep maps, programs and links alive. */
final class Pins {
  private Pins() {}

  static void pin(int fd, String what, Path file) {
    LibBPFMessages.clear();
    int result;
    try (Arena arena = Arena.ofConfined()) {
      result = BPFCalls.objPin(fd, arena.allocateFrom(file.toString()));
    }
    if (result < 0) {
      throw new BPFException("pin " + what + " at " + file, -result, hint(file));
    }
  }

  /** Opens a pin. The caller owns the descriptor. */
  static int open(String what, Path file) {
    try (Arena arena = Arena.ofConfined()) {
      int fd = BPFCalls.objGet(arena.allocateFrom(file.toString()));
      if (fd < 0) {
        throw new BPFException("open pinned " + what + " " + file, -fd);
      }
      String kind = kind(fd);
      if (!kind.equals("bpf-" + what) && !kind.equals("bpf_" + what)) {
        LibC.close(fd);
        throw new BPFException(
            "open pinned " + what + " " + file, Errno.EINVAL, "it is a pinned " + kind);
      }
      return fd;
    }
  }

  /** Removes a pin; there being none is fine. */
  static void remove(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The kernel says EPERM or EINVAL where it means "not a BPF file system". */
  static String hint(Path file) {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      return "no directory " + directory;
    }
    return BPFFileSystem.contains(directory)
        ? ""
        : directory + " is not in a BPF file system (mount -t bpf bpf DIRECTORY)";
  }

  /** "bpf-map", "bpf-prog" or "bpf_link", as /proc names what a descriptor is of. */
  private static String kind(int fd) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
      return target.substring(target.indexOf(':') + 1).replaceAll("[\\[\\]]", "");
    } catch (NoSuchFileException e) {
      throw new IllegalStateException("/proc is not mounted", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
