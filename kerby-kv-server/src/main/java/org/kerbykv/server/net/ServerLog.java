package org.kerbykv.server.net;

import java.io.PrintStream;

/**
 * What the server says on standard error: nothing by default but what an operator must know.
 *
 * <p>Thread-safe.
 */
public final class ServerLog {
  private static final int VERBOSITY_MAX = 2;

  private static volatile int verbosity;

  private ServerLog() {}

  /** Sets how much is said: 0 warnings, 1 also what happens, 2 or more also details. */
  public static void setVerbosity(int level) {
    verbosity = Math.min(level, VERBOSITY_MAX);
  }

  public static int verbosity() {
    return verbosity;
  }

  /** Says what an operator must know. */
  public static void warn(String line) {
    say(line);
  }

  /** Says what happens, with {@code -v}. */
  public static void info(String line) {
    if (verbosity >= 1) {
      say(line);
    }
  }

  /** Says a detail, with {@code -vv}. */
  public static void debug(String line) {
    if (verbosity >= 2) {
      say(line);
    }
  }

  private static void say(String line) {
    PrintStream err = System.err;
    err.println("kerby: " + line);
  }
}
