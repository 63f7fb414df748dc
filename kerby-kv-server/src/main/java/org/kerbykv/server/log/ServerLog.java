package org.kerbykv.server.log;

import java.io.PrintStream;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * What the server says on standard error: nothing by default but what an operator must know, and of
 * each kind no more than a few lines a minute.
 *
 * <p>An event is a message, always the same for events of a kind, and fields: names and values by
 * turns. A log that cannot be written to, for instance because its disk is full, changes nothing
 * else.
 *
 * <p>Thread-safe.
 */
public final class ServerLog {
  private static final int VERBOSITY_MAX = 2;

  private static final LogLimit WARNINGS = new LogLimit(10, TimeUnit.SECONDS.toNanos(10));
  private static final LogLimit DETAILS = new LogLimit(100, TimeUnit.MILLISECONDS.toNanos(100));

  private static volatile int verbosity;
  private static volatile LogFormat format = LogFormat.TEXT;

  private ServerLog() {}

  /** Sets how much is said: 0 warnings, 1 also what happens, 2 or more also details. */
  public static void setVerbosity(int level) {
    verbosity = Math.min(level, VERBOSITY_MAX);
  }

  public static int verbosity() {
    return verbosity;
  }

  /** Sets how lines are written from now on. */
  public static void setFormat(LogFormat lines) {
    format = lines;
  }

  /** Says what an operator must know. */
  public static void warn(String message, Object... fields) {
    say(Level.WARNING, WARNINGS, message, fields);
  }

  /** Says what happens, with {@code -v}. */
  public static void info(String message, Object... fields) {
    if (verbosity >= 1) {
      say(Level.INFO, DETAILS, message, fields);
    }
  }

  /** Says a detail, with {@code -vv}. */
  public static void debug(String message, Object... fields) {
    if (verbosity >= 2) {
      say(Level.DEBUG, DETAILS, message, fields);
    }
  }

  /** Has what libraries tell java.util.logging said here as well, instead of in its own way. */
  public static void takeLibraries() {
    LogManager.getLogManager().reset();
    Logger.getLogger("").addHandler(new Libraries());
    // So that all classes are there when there are no files left to load them from.
    long unused = WARNINGS.admit("", System.nanoTime());
    for (LogFormat each : LogFormat.values()) {
      each.line(new LogFormat.LogEvent(Instant.now(), Level.WARNING, "", List.of(), unused));
    }
  }

  private static void say(Level level, LogLimit limit, String message, Object... fields) {
    long suppressed = limit.admit(message, System.nanoTime());
    if (suppressed != LogLimit.REFUSED) {
      Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
      PrintStream err = System.err;
      err.println(
          format.line(
              new LogFormat.LogEvent(now, level, message, Arrays.asList(fields), suppressed)));
    }
  }

  /** What Netty and the JDK have to say. */
  private static final class Libraries extends Handler {
    @Override
    public void publish(LogRecord event) {
      String message = event.getLoggerName() + ": " + event.getMessage();
      Throwable thrown = event.getThrown();
      Object[] fields = thrown == null ? new Object[0] : new Object[] {"error", thrown};
      if (event.getLevel().intValue() >= java.util.logging.Level.WARNING.intValue()) {
        warn(message, fields);
      } else {
        debug(message, fields);
      }
    }

    @Override
    public void flush() {
      // Nothing is kept.
    }

    @Override
    public void close() {
      // Standard error is not ours to close.
    }
  }
}
