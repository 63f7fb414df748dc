package org.kerbykv.client;

/** What a call does while {@link KerbyClientConfig#maxOutstanding()} others are unanswered. */
public enum BackPressure {
  /**
   * Waits for a place, at most as long as the call's timeout; this holds for the asynchronous forms
   * too. A call made from a completion callback cannot wait, since it runs on the thread that frees
   * places: it fails as under {@link #FAIL}.
   */
  WAIT,

  /** Fails at once with {@link KerbyOverloadedException}. */
  FAIL
}
