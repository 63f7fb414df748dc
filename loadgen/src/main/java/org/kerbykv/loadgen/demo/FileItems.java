package org.kerbykv.loadgen.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * The regular files below a directory as items: the path is the key, the content the value.
 *
 * @param paths those that can be items
 * @param bytes their size together
 * @param refused those that cannot, and why
 */
record FileItems(List<Path> paths, long bytes, List<Refused> refused) {
  private static final int KEY_BYTES_MAX = 250;

  /** A file that cannot be an item. */
  record Refused(Path path, String reason) {}

  /**
   * Looks through a directory. Symbolic links and what is neither file nor directory are skipped.
   *
   * @param valueMax the longest value that the server takes
   */
  static FileItems below(Path directory, long valueMax) throws LoadException {
    if (!Files.isDirectory(directory)) {
      throw new LoadException(directory + " is no directory");
    }
    List<Path> paths = new ArrayList<>();
    List<Refused> refused = new ArrayList<>();
    long[] bytes = {0};
    try {
      Files.walkFileTree(
          directory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path path, BasicFileAttributes attributes) {
              if (attributes.isRegularFile()) {
                String reason = reasonAgainst(path, attributes.size(), valueMax);
                if (reason == null) {
                  paths.add(path);
                  bytes[0] += attributes.size();
                } else {
                  refused.add(new Refused(path, reason));
                }
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path path, IOException e) {
              refused.add(new Refused(path, "cannot be read"));
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new LoadException("cannot look through " + directory + ": " + e.getMessage(), e);
    }
    if (paths.isEmpty()) {
      throw new LoadException("no file to store below " + directory);
    }
    return new FileItems(List.copyOf(paths), bytes[0], List.copyOf(refused));
  }

  private static String reasonAgainst(Path path, long size, long valueMax) {
    byte[] key = path.toString().getBytes(UTF_8);
    if (key.length > KEY_BYTES_MAX) {
      return "its path has " + key.length + " bytes; a key has at most " + KEY_BYTES_MAX;
    }
    for (byte b : key) {
      if ((b >= 0 && b <= ' ') || b == 0x7F) {
        return "its path has a blank, which no key may have";
      }
    }
    if (size > valueMax) {
      return size + " bytes are more than the server takes";
    }
    return Files.isReadable(path) ? null : "cannot be read";
  }
}
