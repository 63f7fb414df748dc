package org.kerbykv.loadgen.figures;

/**
 * What has to be seen, and whether a run shows it: by the median over its rounds.
 *
 * @param text with what is compared, and how
 * @param limit that the value has to reach, or to stay within
 */
public record Claim(String text, Spread value, boolean atLeast, double limit) {
  /** In words: "holds", "does not hold" or "not measured". */
  public String verdict() {
    if (!value.isKnown()) {
      return "not measured";
    }
    boolean holds = atLeast ? value.median() >= limit : value.median() <= limit;
    return holds ? "holds" : "does not hold";
  }
}
