package org.kerbykv.loadgen.report;

import java.time.Duration;
import java.util.List;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.Progress;

/** Tells several listeners. */
public record ProgressList(List<Progress> listeners) implements Progress {
  public ProgressList {
    listeners = List.copyOf(listeners);
  }

  @Override
  public void populated(int items, Duration took) {
    listeners.forEach(one -> one.populated(items, took));
  }

  @Override
  public void second(int second, LoadResult interval) {
    listeners.forEach(one -> one.second(second, interval));
  }
}
