package org.kerbykv.server.history;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The operations of a run, in any order.
 *
 * @param origin what produced it, with the seed: a line for those who read the file
 */
public record History(String origin, List<Operation> operations) {
  private static final String COMMENT = "# ";

  public History {
    operations = List.copyOf(operations);
  }

  /** Writes it to a file, a line for each operation. */
  public void write(Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      try (BufferedWriter out = Files.newBufferedWriter(file)) {
        out.write(COMMENT + origin + "\n");
        for (Operation operation : operations) {
          out.write(operation + "\n");
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reads what {@link #write} has written. */
  public static History read(Path file) {
    try (BufferedReader in = Files.newBufferedReader(file)) {
      String origin = "";
      List<Operation> operations = new ArrayList<>();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.startsWith(COMMENT)) {
          origin = line.substring(COMMENT.length());
        } else if (!line.isEmpty()) {
          operations.add(Operation.parse(line));
        }
      }
      return new History(origin, operations);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
