package org.kerbykv.loadgen.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.Progress;

/**
 * Serves a load's figures over HTTP at {@code /metrics}, for Prometheus: counts so far, and the
 * latencies of the last second. It hears of the load on one thread and serves on others.
 */
public final class LoadMetrics implements Progress, AutoCloseable {
  private static final String[] QUANTILES = {"0.5", "0.99", "0.999"};

  private final HttpServer server;
  private LoadCounts counts = LoadCounts.ZERO;
  private volatile String page = "";

  /**
   * Starts to serve.
   *
   * @param port of every local address; 0 for any that is free
   */
  public LoadMetrics(int port) throws LoadException {
    try {
      server = HttpServer.create(new InetSocketAddress(port), 0);
    } catch (IOException e) {
      throw new LoadException("cannot serve metrics at port " + port + ": " + e.getMessage(), e);
    }
    server.createContext("/metrics", this::answer);
    server.start();
  }

  /** Returns the port that is served. */
  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void populated(int items, Duration took) {}

  @Override
  public void second(int second, LoadResult interval) {
    counts = counts.plus(interval.counts());
    StringBuilder text = new StringBuilder();
    counter(text, "sent", counts.sent());
    counter(text, "answered", counts.answered());
    counter(text, "lost", counts.lost());
    counter(text, "corrupt", counts.corrupt());
    counter(text, "errors", counts.errors());
    text.append("# TYPE kerby_load_latency_seconds gauge\n");
    for (String quantile : QUANTILES) {
      double seconds = interval.latencyMicros(100 * Double.parseDouble(quantile)) / 1e6;
      text.append("kerby_load_latency_seconds{quantile=\"").append(quantile).append("\"} ");
      text.append(seconds).append('\n');
    }
    page = text.toString();
  }

  @Override
  public void close() {
    server.stop(0);
  }

  private static void counter(StringBuilder text, String name, long value) {
    String metric = "kerby_load_" + name + "_total";
    text.append("# TYPE ").append(metric).append(" counter\n");
    text.append(metric).append(' ').append(value).append('\n');
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = page.getBytes(UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
      exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
      if (body.length > 0) {
        exchange.getResponseBody().write(body);
      }
    }
  }
}
