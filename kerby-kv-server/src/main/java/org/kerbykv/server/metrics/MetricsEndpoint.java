package org.kerbykv.server.metrics;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/** Serves {@code /metrics}, {@code /health} and {@code /ready} over HTTP. */
public final class MetricsEndpoint implements AutoCloseable {
  private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

  private final HttpServer server;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();

  /**
   * Starts to serve.
   *
   * @param trouble what only a restart helps against, in a line; empty if there is nothing
   * @param obstacle what keeps clients from being served as they should be, likewise
   * @throws IOException when the address cannot be had
   */
  public MetricsEndpoint(
      InetSocketAddress address,
      Supplier<String> metrics,
      Supplier<Optional<String>> trouble,
      Supplier<Optional<String>> obstacle)
      throws IOException {
    server = HttpServer.create(address, 0);
    server.setExecutor(executor);
    server.createContext(
        "/metrics", exchange -> answer(exchange, "/metrics", PROMETHEUS_TEXT, 200, metrics));
    serveState("/health", trouble);
    serveState("/ready", () -> trouble.get().or(obstacle));
    server.start();
  }

  private void serveState(String path, Supplier<Optional<String>> state) {
    server.createContext(
        path,
        exchange -> {
          Optional<String> wrong = state.get();
          int status = wrong.isPresent() ? 503 : 200;
          answer(exchange, path, "text/plain", status, () -> wrong.orElse("ok") + "\n");
        });
  }

  public InetSocketAddress address() {
    return server.getAddress();
  }

  @Override
  public void close() {
    server.stop(0);
    executor.shutdownNow();
  }

  private static void answer(
      HttpExchange exchange, String path, String type, int status, Supplier<String> content)
      throws IOException {
    try (exchange) {
      if (!exchange.getRequestURI().getPath().equals(path)) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      byte[] body = content.get().getBytes(UTF_8);
      exchange.getResponseHeaders().set("Content-Type", type);
      boolean head = exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(status, head ? -1 : body.length);
      if (!head) {
        exchange.getResponseBody().write(body);
      }
    }
  }
}
