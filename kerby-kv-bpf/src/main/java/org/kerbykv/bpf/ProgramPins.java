package org.kerbykv.bpf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Pins of an object's programs, under names that say what they were loaded from: {@code
 * prog_NAME_FINGERPRINT}. Not thread-safe.
 */
final class ProgramPins {
  private static final String PREFIX = "prog_";

  private final Path directory;
  private final String fingerprint;
  private final List<String> programs;

  /**
   * @param fingerprint of the object and of all that was set before loading it
   * @param programs that it has, without those left out
   */
  ProgramPins(Path directory, String fingerprint, List<String> programs) {
    this.directory = directory;
    this.fingerprint = fingerprint;
    this.programs = List.copyOf(programs);
  }

  /** Opens all of them, by name; the caller owns the descriptors. Empty if one is not there. */
  Map<String, Integer> open() {
    if (!programs.stream().allMatch(program -> Files.exists(file(program)))) {
      return Map.of();
    }
    Map<String, Integer> opened = new HashMap<>();
    boolean complete = false;
    try {
      programs.forEach(program -> opened.put(program, Pins.open("prog", file(program))));
      complete = true;
      return opened;
    } finally {
      if (!complete) {
        opened.values().forEach(LibC::close);
      }
    }
  }

  /** Pins what was loaded, and then removes what was pinned of others of the same names. */
  void pin(BPFProgram loaded) {
    for (String program : programs) {
      Pins.remove(file(program)); // of an attempt that was not finished
      loaded.pin(program, file(program));
    }
    programs.forEach(this::removeOthers);
  }

  private void removeOthers(String program) {
    String glob = PREFIX + program + "_" + "[0-9a-f]".repeat(fingerprint.length());
    try (DirectoryStream<Path> pins = Files.newDirectoryStream(directory, glob)) {
      for (Path pin : pins) {
        if (!pin.equals(file(program))) {
          Pins.remove(pin);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path file(String program) {
    return directory.resolve(PREFIX + program + "_" + fingerprint);
  }
}
