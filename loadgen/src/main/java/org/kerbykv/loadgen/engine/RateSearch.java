package org.kerbykv.loadgen.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Finds the highest rate at which a server meets a target: by halving, below what it reaches flat
 * out.
 */
public final class RateSearch {
  /**
   * What is to be met: so many percent of the answers take no longer than the limit, at most 0.1 %
   * of the requests are lost, and the rate is really offered.
   */
  public record Target(double percentile, double limitMicros) {
    private static final double LOST_SHARE_MAX = 0.001;
    private static final double SENT_SHARE_MIN = 0.99;

    /**
     * Reads {@code p99:1000us} or {@code p99.9:2ms}.
     *
     * @throws IllegalArgumentException if the text is not of that form
     */
    public static Target parse(String text) {
      String[] parts = text.toLowerCase(Locale.ROOT).split(":", -1);
      if (parts.length == 2 && parts[0].startsWith("p") && parts[1].matches("[0-9.]+(us|ms)")) {
        try {
          double percentile = Double.parseDouble(parts[0].substring(1));
          double number = Double.parseDouble(parts[1].substring(0, parts[1].length() - 2));
          if (percentile > 0 && percentile <= 100 && number > 0) {
            return new Target(percentile, parts[1].endsWith("ms") ? number * 1000 : number);
          }
        } catch (NumberFormatException e) {
          // said below
        }
      }
      throw new IllegalArgumentException("'" + text + "' is no target such as p99:1000us");
    }

    /** Whether a load met it. */
    public boolean isMetBy(LoadResult result) {
      return result.counts().answered() > 0
          && result.latencyMicros(percentile) <= limitMicros
          && result.lostShare() <= LOST_SHARE_MAX
          && result.sentPerSecond() >= SENT_SHARE_MIN * result.offeredPerSecond();
    }
  }

  /** Runs a load of a rate. */
  @FunctionalInterface
  public interface Trial {
    LoadResult run(Arrivals arrivals) throws LoadException, InterruptedException;
  }

  private static final int HALVINGS = 7;

  private RateSearch() {}

  /**
   * Searches.
   *
   * @param flatOut what is run first, to know where to look
   * @param each hears of each rate that was tried
   * @return the load with the highest rate that met the target
   * @throws LoadException if none did
   */
  public static LoadResult highest(
      Target target,
      Arrivals.Closed flatOut,
      Arrivals.Gaps gaps,
      Trial trial,
      Consumer<LoadResult> each)
      throws LoadException, InterruptedException {
    LoadResult peak = trial.run(flatOut);
    each.accept(peak);
    double below = 0;
    double above = peak.answeredPerSecond();
    List<LoadResult> met = new ArrayList<>();
    for (int i = 0; i < HALVINGS; i++) {
      double rate = (below + above) / 2;
      LoadResult result = trial.run(new Arrivals.Open(Math.max(rate, 1), gaps));
      each.accept(result);
      if (target.isMetBy(result)) {
        met.add(result);
        below = rate;
      } else {
        above = rate;
      }
    }
    if (met.isEmpty()) {
      throw new LoadException(
          String.format(
              Locale.ROOT,
              "p%s stayed above %s us down to %.0f requests a second",
              target.percentile(),
              target.limitMicros(),
              above));
    }
    return met.getLast();
  }
}
