package org.kerbykv.loadgen.report;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;

/**
 * One reading of a server's Prometheus page: the samples by name and labels, as {@code
 * name{label="value",...}}. Immutable.
 */
public final class ServerMetrics {
  private static final int TIMEOUT_MILLIS = 5000;

  private final Map<String, Double> samples;

  private ServerMetrics(Map<String, Double> samples) {
    this.samples = samples;
  }

  /** Reads the page at this address, such as {@code http://127.0.0.1:9411/metrics}. */
  public static ServerMetrics read(URI address) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) address.toURL().openConnection();
    connection.setConnectTimeout(TIMEOUT_MILLIS);
    connection.setReadTimeout(TIMEOUT_MILLIS);
    try (InputStream in = connection.getInputStream()) {
      return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } finally {
      connection.disconnect();
    }
  }

  /** Reads a page's text; what is no sample is left out. */
  static ServerMetrics parse(String page) {
    Map<String, Double> samples = new LinkedHashMap<>();
    page.lines()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .forEach(
            line -> {
              int labelsEnd = line.indexOf('}') + 1;
              int blank = line.indexOf(' ', labelsEnd);
              if (blank > 0) {
                String value = line.substring(blank + 1).split(" ", 2)[0];
                samples.put(line.substring(0, blank), Double.parseDouble(value));
              }
            });
    return new ServerMetrics(samples);
  }

  /**
   * The sum over the samples of this name that have all these labels, each {@code name="value"}.
   */
  public double sum(String name, String... labels) {
    Predicate<String> matches =
        sample -> {
          int brace = sample.indexOf('{');
          if (!name.equals(brace < 0 ? sample : sample.substring(0, brace))) {
            return false;
          }
          for (String label : labels) {
            if (!sample.contains("{" + label) && !sample.contains("," + label)) {
              return false;
            }
          }
          return true;
        };
    return samples.entrySet().stream()
        .filter(sample -> matches.test(sample.getKey()))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }

  /**
   * The share of gets that the kernel answered between an earlier reading and this one, 0 to 1; NaN
   * if there was no get.
   */
  public double kernelGetShareSince(ServerMetrics earlier) {
    double kernel = 0;
    double all = 0;
    for (String result : new String[] {"hit", "miss"}) {
      for (String path : new String[] {"xdp", "tc", "user"}) {
        String[] labels = {"path=\"" + path + '"', "op=\"get\"", "result=\"" + result + '"'};
        double gets =
            sum("kerby_kv_requests_total", labels) - earlier.sum("kerby_kv_requests_total", labels);
        all += gets;
        kernel += path.equals("user") ? 0 : gets;
      }
    }
    return all == 0 ? Double.NaN : kernel / all;
  }
}
