package org.kerbykv.server.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

/** The server's figures under their Prometheus names. Thread-safe. */
public final class MetricsRegistry {
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

  /** Returns the registry, for those who have figures. */
  public MeterRegistry registry() {
    return registry;
  }

  /** Returns all figures in Prometheus' text format. */
  public String scrape() {
    return registry.scrape();
  }
}
