package org.kerbykv.bpf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A BPF file system of a test's own, so that tests neither need nor touch /sys/fs/bpf. Closing it
 * removes every pin. What a killed run has left behind is removed when the next one makes its
 * first.
 */
public final class TemporaryBPFFileSystem implements AutoCloseable {
  static final Path PARENT = Path.of(System.getProperty("java.io.tmpdir"));
  private static final AtomicInteger COUNT = new AtomicInteger();

  static {
    removeStale();
  }

  private final Path directory;

  private TemporaryBPFFileSystem(Path directory) {
    this.directory = directory;
  }

  /** Makes a directory and mounts a BPF file system there. */
  public static TemporaryBPFFileSystem create() {
    Path directory = PARENT.resolve(TestRunOwner.name(COUNT.incrementAndGet() + "-bpffs"));
    try {
      Files.createDirectory(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    BPFFileSystem.mount(directory);
    return new TemporaryBPFFileSystem(directory);
  }

  /** Where it is mounted. */
  public Path directory() {
    return directory;
  }

  /** Unmounts it and removes the directory. */
  @Override
  public void close() {
    remove(directory);
  }

  private static void remove(Path directory) {
    try {
      if (BPFFileSystem.contains(directory)) {
        BPFFileSystem.unmount(directory);
      }
      Files.delete(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void removeStale() {
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(PARENT, "kerby-*-bpffs")) {
      for (Path path : paths) {
        if (TestRunOwner.isStale(path.getFileName().toString())) {
          remove(path);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
