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

/** Serves {@code /metrics} and {@code /health} over HTTP. */
public final class MetricsEndpoint implements AutoCloseable {
  private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

  private final HttpServer server;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();

  /**
   * Starts to serve.
   *
   * @param trouble what keeps the server from doing all it should, in a line; empty if nothing does
   * @throws IOException when the address cannot be had
   */
  public MetricsEndpoint(
      InetSocketAddress address, Supplier<String> metrics, Supplier<Optional<String>> trouble)
      throws IOException {
    server = HttpServer.create(address, 0);
    server.setExecutor(executor);
    server.createContext(
        "/metrics", exchange -> answer(exchange, "/metrics", PROMETHEUS_TEXT, 200, metrics));
    server.createContext(
        "/health",
        exchange -> {
          Optional<String> wrong = trouble.get();
          int status = wrong.isPresent() ? 503 : 200;
          answer(exchange, "/health", "text/plain", status, () -> wrong.orElse("ok") + "\n");
        });
    server.start();
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
