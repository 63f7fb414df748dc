package org.kerbykv.loadgen.engine;

/**
 * What became of the requests of the time that was counted. Every request sent was answered or
 * lost: {@code sent = answered + lost}.
 *
 * @param late replies that came after their request had been counted as lost
 * @param duplicate replies to requests that had been answered
 * @param foreign replies to nothing that was asked
 * @param corrupt answers that are malformed or, under verification, not the value stored; among the
 *     answered ones
 * @param errors answers that are error lines; among the answered ones
 */
public record LoadCounts(
    long sent,
    long answered,
    long lost,
    long late,
    long duplicate,
    long foreign,
    long corrupt,
    long hits,
    long misses,
    long stored,
    long errors) {

  public static final LoadCounts ZERO = new LoadCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  public LoadCounts plus(LoadCounts other) {
    return combine(other, 1);
  }

  public LoadCounts minus(LoadCounts other) {
    return combine(other, -1);
  }

  private LoadCounts combine(LoadCounts other, int sign) {
    return new LoadCounts(
        sent + sign * other.sent,
        answered + sign * other.answered,
        lost + sign * other.lost,
        late + sign * other.late,
        duplicate + sign * other.duplicate,
        foreign + sign * other.foreign,
        corrupt + sign * other.corrupt,
        hits + sign * other.hits,
        misses + sign * other.misses,
        stored + sign * other.stored,
        errors + sign * other.errors);
  }
}
