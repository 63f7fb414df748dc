package org.kerbykv.server.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.nio.file.Files;
import java.nio.file.Path;
import org.kerbykv.bpf.BPFPinnedMaps;

/**
 * The layout version of pinned maps: the first word of the map that user space speaks to the
 * programs by, in every layout there ever is; 0 until the maps are set up.
 */
public final class PinnedLayout {
  private PinnedLayout() {}

  /**
   * Sees that the maps pinned in a directory, if there are any, can be adopted, before anything is
   * loaded or changed.
   *
   * @param map that has the version
   * @param current the version that this server has been written for
   * @throws IllegalArgumentException with one line, if they are of another layout
   */
  public static void require(Path directory, String map, long current) {
    if (!Files.exists(directory.resolve(map))) {
      return;
    }
    long pinned;
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(directory)) {
      pinned = (long) JAVA_LONG.varHandle().getVolatile(maps.mmap(map), 0L);
    }
    if (pinned != 0 && pinned != current) {
      throw new IllegalArgumentException(
          ("what is pinned in %s has layout %d, this version needs %d: it goes on serving; run the"
                  + " version that made it, or give it up with --drain")
              .formatted(directory, pinned, current));
    }
  }
}
