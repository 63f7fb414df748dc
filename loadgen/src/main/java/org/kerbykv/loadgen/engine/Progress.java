package org.kerbykv.loadgen.engine;

import java.time.Duration;

/** Hears how a load goes on, on the thread that runs it. */
public interface Progress {
  /** Does not listen. */
  Progress NONE =
      new Progress() {
        @Override
        public void populated(int items, Duration took) {}

        @Override
        public void second(int second, LoadResult interval) {}
      };

  /** The items are stored. */
  void populated(int items, Duration took);

  /**
   * Another second has been counted.
   *
   * @param second its number, from 1
   * @param interval what happened in it
   */
  void second(int second, LoadResult interval);
}
