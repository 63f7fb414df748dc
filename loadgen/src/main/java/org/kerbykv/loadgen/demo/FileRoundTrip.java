package org.kerbykv.loadgen.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.kerbykv.client.KerbyClient;
import org.kerbykv.loadgen.engine.LoadException;

/** Stores files through the client and compares what comes back, byte by byte. */
final class FileRoundTrip {
  private final KerbyClient<byte[]> client;
  private final List<Path> paths;
  private final AtomicInteger failed = new AtomicInteger();
  private volatile String firstFailure;

  FileRoundTrip(KerbyClient<byte[]> client, List<Path> paths) {
    this.client = client;
    this.paths = paths;
  }

  /** Stores every file. */
  void store() throws LoadException {
    forEach(path -> client.setAsync(path.toString(), read(path)));
    if (failed.get() > 0) {
      throw new LoadException(failed + " files could not be stored; the first: " + firstFailure);
    }
  }

  /** Reads every file's item and compares; returns how many differ, are missing or unreadable. */
  int verify() {
    failed.set(0);
    forEach(
        path -> {
          byte[] expected = read(path);
          return client
              .getAsync(path.toString())
              .thenAccept(
                  value -> {
                    if (!Arrays.equals(value, expected)) {
                      note(path, value == null ? "is missing" : "differs");
                    }
                  });
        });
    return failed.get();
  }

  /** The first file that failed, and how; null if none did. */
  String firstFailure() {
    return firstFailure;
  }

  /** Does something with every file; the client holds back when too much is under way. */
  private void forEach(Function<Path, CompletableFuture<Void>> action) {
    CompletableFuture<?>[] all =
        paths.stream()
            .map(
                path ->
                    start(action, path)
                        .exceptionally(
                            e -> {
                              note(path, e.toString());
                              return null;
                            }))
            .toArray(CompletableFuture[]::new);
    CompletableFuture.allOf(all).join();
  }

  private static CompletableFuture<Void> start(
      Function<Path, CompletableFuture<Void>> action, Path path) {
    try {
      return action.apply(path);
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static byte[] read(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void note(Path path, String failure) {
    if (failed.getAndIncrement() == 0) {
      firstFailure = path + " " + failure;
    }
  }
}
