package org.kerbykv.server.metrics;

/** How many requests were answered, by what and how. Thread-safe. */
@FunctionalInterface
public interface RequestCounts {
  /** Returns the number of requests since the start. */
  long get(RequestPath path, RequestKind kind, RequestResult result);
}
