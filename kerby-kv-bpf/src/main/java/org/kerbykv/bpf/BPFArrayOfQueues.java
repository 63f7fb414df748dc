package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.util.Objects;

/**
 * BPF_MAP_TYPE_ARRAY_OF_MAPS whose inner maps are of type BPF_MAP_TYPE_QUEUE: elements 0 to {@link
 * #maxEntries()} - 1, none of which has a queue at the start.
 */
public final class BPFArrayOfQueues extends BPFMap {
  BPFArrayOfQueues(MapHandle handle) {
    super(handle);
    handle.requireType("an array of maps", MapHandle.TYPE_ARRAY_OF_MAPS);
  }

  /**
   * Makes an empty queue and puts it at {@code index}, in place of the one that was there. It lives
   * as long as it is there.
   *
   * @param valueBytes of an element: as the object declares it
   * @param entries the most elements, 1 or more; the kernel takes the memory of all of them at once
   * @throws IndexOutOfBoundsException unless 0 <= index < {@link #maxEntries()}
   * @throws BPFException EINVAL if the array is for other maps, ENOMEM if there is no memory
   */
  public void makeQueue(long index, int valueBytes, int entries) {
    Objects.checkIndex(index, maxEntries());
    try (Arena arena = Arena.ofConfined()) {
      int queue =
          BPFCalls.mapCreate(
              MapHandle.TYPE_QUEUE, arena.allocateFrom("kerby_queue"), 0, valueBytes, entries);
      succeeded("make a queue for", queue);
      try {
        updateElement(
            arena.allocateFrom(JAVA_INT, (int) index),
            arena.allocateFrom(JAVA_INT, queue),
            MapHandle.ANY);
      } finally {
        LibC.close(queue);
      }
    }
  }
}
