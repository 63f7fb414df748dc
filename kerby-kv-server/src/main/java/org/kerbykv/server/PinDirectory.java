package org.kerbykv.server;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFFileSystem;
import org.kerbykv.bpf.BPFLink;
import org.kerbykv.bpf.BPFPinClaim;
import org.kerbykv.bpf.BPFPinnedMaps;
import org.kerbykv.bpf.BPFType;

/** A directory of pins, as {@code --pin} names it: whose it is, and what is in it. */
final class PinDirectory {
  /** Pins of this kind of server, of whatever version; others in the directory are left alone. */
  private static final Pattern OURS =
      Pattern.compile("(link_|prog_)?(kv|lock|net)_[a-z0-9_]+|kerby_[a-z]+");

  private static final String LINK = "link_";

  private PinDirectory() {}

  /**
   * Claims a directory for this process, as long as it lives: two servers with the same maps would
   * write over each other's requests.
   *
   * @return the claim, to be closed; none if the directory cannot be made, which whoever pins
   *     something in it will say
   * @throws StartException if another server has it
   */
  static Optional<BPFPinClaim> claim(Path directory) throws StartException {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      return Optional.empty();
    }
    return Optional.of(claimExisting(directory));
  }

  private static BPFPinClaim claimExisting(Path directory) throws StartException {
    try {
      return BPFPinClaim.tryTake(directory)
          .orElseThrow(
              () ->
                  new StartException(
                      "a running server uses the pins in " + directory + ": stop it"));
    } catch (BPFException e) {
      throw Placement.refused(e);
    }
  }

  /**
   * Detaches the programs that servers left, and removes all their pins: the kernel is as if there
   * had been none.
   *
   * @return a line that says what was given up
   * @throws StartException if a running server uses them, or they cannot be removed
   */
  static String drain(Path directory) throws StartException {
    if (!Files.isDirectory(directory) || !BPFFileSystem.contains(directory)) {
      return "nothing is pinned in " + directory;
    }
    try (BPFPinClaim _ = claimExisting(directory)) {
      Path lockDirectory = directory.resolve(LockSetUp.PINS);
      List<Path> pins = pins(directory);
      List<Path> lockPins = pins(lockDirectory);
      if (pins.isEmpty() && lockPins.isEmpty()) {
        return "nothing is pinned in " + directory;
      }
      // What Kerby-KV has in front of the locks' programs goes first.
      detach(pins);
      detach(lockPins);
      long items = entries(directory, "kv_index");
      long locks = entries(lockDirectory, "lock_table");
      remove(lockPins, lockDirectory);
      remove(pins, directory);
      return "drained %s: %d items and %d locks given up, %d pins removed"
          .formatted(directory, items, locks, pins.size() + lockPins.size());
    } catch (IOException | BPFException e) {
      throw new StartException("draining %s: %s".formatted(directory, e.getMessage()), e);
    }
  }

  private static List<Path> pins(Path directory) throws IOException {
    List<Path> pins = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
        files.forEach(
            file -> {
              if (OURS.matcher(file.getFileName().toString()).matches()) {
                pins.add(file);
              }
            });
      }
    }
    return pins;
  }

  /** XDP before TC, which answers until then what XDP leaves. */
  private static void detach(List<Path> pins) {
    pins.stream()
        .filter(pin -> pin.getFileName().toString().startsWith(LINK))
        .sorted((one, other) -> other.compareTo(one))
        .forEach(
            pin -> {
              try (BPFLink link = BPFLink.open(pin)) {
                link.detach();
              }
            });
  }

  private static long entries(Path directory, String map) {
    if (!Files.exists(directory.resolve(map))) {
      return 0;
    }
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(directory)) {
      return maps.getHashMap(map, BPFType.INT64, BPFType.bytes(maps.valueSize(map))).count();
    }
  }

  /** The directory too, if nothing else is in it. */
  private static void remove(List<Path> pins, Path directory) throws IOException {
    for (Path pin : pins) {
      Files.delete(pin);
    }
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> rest = Files.newDirectoryStream(directory)) {
        if (!rest.iterator().hasNext()) {
          Files.delete(directory);
        }
      }
    }
  }
}
