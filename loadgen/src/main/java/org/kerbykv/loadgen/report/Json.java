package org.kerbykv.loadgen.report;

import static java.util.stream.Collectors.joining;

import java.util.List;
import java.util.Locale;

/** Writes one JSON object on one line. Not thread-safe. */
public final class Json {
  private final StringBuilder text = new StringBuilder("{");

  public Json put(String key, long value) {
    return raw(key, Long.toString(value));
  }

  public Json put(String key, boolean value) {
    return raw(key, Boolean.toString(value));
  }

  /** A number with so many decimals; null if it is not one. */
  public Json put(String key, double value, int decimals) {
    return raw(
        key,
        Double.isFinite(value) ? String.format(Locale.ROOT, "%." + decimals + "f", value) : "null");
  }

  public Json put(String key, String value) {
    return raw(key, quoted(value));
  }

  public Json put(String key, Json object) {
    return raw(key, object.toString());
  }

  /** Objects in an array. */
  public Json put(String key, List<Json> objects) {
    return raw(key, objects.stream().map(Json::toString).collect(joining(",", "[", "]")));
  }

  private Json raw(String key, String value) {
    text.append(text.length() > 1 ? "," : "").append(quoted(key)).append(':').append(value);
    return this;
  }

  private static String quoted(String value) {
    StringBuilder out = new StringBuilder("\"");
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  /** The object. */
  @Override
  public String toString() {
    return text + "}";
  }
}
