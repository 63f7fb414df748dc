package org.kerbykv.server.log;

import java.time.Instant;
import java.util.List;
import java.util.Locale;

/** How a line of the log is written: {@code --log-format}. */
public enum LogFormat {
  /** For people: what happened, and the values without their names if there is one only. */
  TEXT {
    @Override
    void append(StringBuilder line, LogEvent event) {
      line.append("kerby: ").append(oneLine(event.message()));
      List<?> fields = event.fields();
      if (fields.size() == 2) {
        line.append(": ").append(oneLine(fields.get(1)));
      } else if (fields.size() > 2) {
        line.append(':');
        appendPairs(line, fields);
      }
      if (event.suppressed() > 0) {
        line.append(" (and ").append(event.suppressed()).append(" more like this)");
      }
    }
  },
  /** key=value pairs, as logfmt. */
  LOGFMT {
    @Override
    void append(StringBuilder line, LogEvent event) {
      line.append("time=").append(event.time()).append(" level=").append(level(event));
      line.append(" msg=").append(quotedIfNeeded(event.message()));
      appendPairs(line, event.fields());
      if (event.suppressed() > 0) {
        line.append(" suppressed=").append(event.suppressed());
      }
    }
  },
  /** An object a line. */
  JSON {
    @Override
    void append(StringBuilder line, LogEvent event) {
      line.append("{\"time\":\"").append(event.time());
      line.append("\",\"level\":\"").append(level(event));
      line.append("\",\"msg\":").append(quoted(event.message()));
      List<?> fields = event.fields();
      for (int i = 0; i < fields.size(); i += 2) {
        line.append(',').append(quoted(text(fields.get(i)))).append(':');
        line.append(
            fields.get(i + 1) instanceof Number n ? n.toString() : quoted(text(fields.get(i + 1))));
      }
      if (event.suppressed() > 0) {
        line.append(",\"suppressed\":").append(event.suppressed());
      }
      line.append('}');
    }
  };

  /**
   * Something that happened.
   *
   * @param fields names and values by turns
   * @param suppressed how many of its kind were left out since the last one
   */
  record LogEvent(
      Instant time, System.Logger.Level level, String message, List<?> fields, long suppressed) {}

  abstract void append(StringBuilder line, LogEvent event);

  /** Returns the event as a line, without its end. */
  String line(LogEvent event) {
    StringBuilder line = new StringBuilder();
    append(line, event);
    return line.toString();
  }

  private static String level(LogEvent event) {
    return event.level() == System.Logger.Level.WARNING
        ? "warn"
        : event.level().getName().toLowerCase(Locale.ROOT);
  }

  private static void appendPairs(StringBuilder line, List<?> fields) {
    for (int i = 0; i < fields.size(); i += 2) {
      line.append(' ')
          .append(fields.get(i))
          .append('=')
          .append(quotedIfNeeded(text(fields.get(i + 1))));
    }
  }

  private static String text(Object value) {
    return String.valueOf(value);
  }

  private static String oneLine(Object value) {
    return text(value).replaceAll("\\p{Cntrl}+", " ");
  }

  private static String quotedIfNeeded(String text) {
    return text.matches("[!#-<>-\\[\\]-~]+") ? text : quoted(text);
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"', '\\' -> quoted.append('\\').append(c);
        case '\n' -> quoted.append("\\n");
        case '\r' -> quoted.append("\\r");
        case '\t' -> quoted.append("\\t");
        default -> {
          if (c < ' ' || c == 0x7f) {
            quoted.append("\\u%04x".formatted((int) c));
          } else {
            quoted.append(c);
          }
        }
      }
    }
    return quoted.append('"').toString();
  }
}
