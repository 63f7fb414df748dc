package org.kerbykv.server.cli;

import static java.util.Locale.ROOT;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.kerbykv.server.metrics.RequestPath;

/** What has happened between two looks at a server's figures, and how it is now. */
final class TopFigures {
  private static final double MIB = 1 << 20;

  /**
   * What one path has answered a second. What it let pass is the next one's.
   *
   * @param hitShare of gets, 0 to 1; NaN if there were none
   */
  record Rates(double requests, double gets, double sets, double others, double hitShare) {}

  private final ServerStats before;
  private final ServerStats now;
  private final double seconds;
  private final Map<RequestPath, Rates> paths = new EnumMap<>(RequestPath.class);
  private final Rates all;

  TopFigures(ServerStats before, ServerStats now) {
    this.before = before;
    this.now = now;
    this.seconds = (now.at() - before.at()) / 1e9;
    for (RequestPath path : RequestPath.values()) {
      paths.put(path, rates(path.label()));
    }
    this.all = rates("[a-z]+");
  }

  private Rates rates(String path) {
    double requests = perSecond(path, "[a-z]+", "(?!passed)[a-z_]+");
    double gets = perSecond(path, "get", "(?!passed)[a-z_]+");
    double sets = perSecond(path, "set", "(?!passed)[a-z_]+");
    double hits = perSecond(path, "get", "hit");
    double misses = perSecond(path, "get", "miss");
    return new Rates(requests, gets, sets, requests - gets - sets, hits / (hits + misses));
  }

  private double perSecond(String path, String kind, String result) {
    return perSecond(
        Pattern.compile("kerby_requests_(%s)_(%s)_(%s)".formatted(path, kind, result)));
  }

  /** A server that was started anew, or whose counts were, has done nothing rather than less. */
  private double perSecond(Pattern name) {
    return Math.max(0, now.sum(name) - before.sum(name)) / seconds;
  }

  private double perSecond(String name) {
    return Math.max(0, now.number(name) - before.number(name)) / seconds;
  }

  Rates of(RequestPath path) {
    return paths.get(path);
  }

  Rates all() {
    return all;
  }

  /** Which part of all requests the kernel answered; NaN if there were none. */
  double kernelShare() {
    return 1 - paths.get(RequestPath.USER).requests() / all.requests();
  }

  /** What the user tier has taken from the system. */
  private long userTakenBytes() {
    return now.number("2:total_pages")
        * now.number("2:chunks_per_page")
        * now.number("2:chunk_size");
  }

  long kernelMemoryBytes() {
    return now.number("total_malloced") - userTakenBytes();
  }

  private boolean hasLocks() {
    return now.values().containsKey("kerby_lock_held");
  }

  private double lockRequests() {
    return perSecond(Pattern.compile("kerby_lock_requests_[a-z]+_[a-z]+_(?!passed)[a-z_]+"));
  }

  private double dropped() {
    return perSecond(Pattern.compile("kerby_dropped_.*"));
  }

  // --- For people -------------------------------------------------------------------------------

  List<String> toLines(String server) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            ROOT,
            "Kerby-KV %s, %s, up %s, %d connections",
            now.text("version"),
            server,
            clock(now.number("uptime")),
            now.number("curr_connections")));
    lines.add("");
    lines.add(
        String.format(
            ROOT,
            "%-8s %12s %12s %7s %12s %12s",
            "path",
            "requests/s",
            "gets/s",
            "hit %",
            "sets/s",
            "others/s"));
    paths.forEach((path, rates) -> lines.add(row(path.label(), rates)));
    lines.add(row("all", all));
    lines.add(String.format(ROOT, "answered in the kernel: %s %%", percent(kernelShare())));
    lines.add("");
    lines.add(
        String.format(ROOT, "%-8s %12s %12s %12s", "tier", "items", "values MiB", "memory MiB"));
    lines.add(tier("kernel", kernelMemoryBytes()));
    lines.add(tier("user", userTakenBytes()));
    lines.add(
        String.format(
            ROOT,
            "blocks in use: %,d of %,d",
            now.number("1:used_chunks"),
            now.number("1:total_chunks")));
    lines.add("");
    lines.add(
        String.format(
            ROOT,
            "a second: %,.0f demoted, %,.0f promoted, %,.0f evicted, %,.0f dropped",
            perSecond("kerby_demoted"),
            perSecond("kerby_promoted"),
            perSecond("evictions"),
            dropped()));
    if (hasLocks()) {
      lines.add(
          String.format(
              ROOT,
              "locks: %,d held, %,d waiting, %,.0f requests/s",
              now.number("kerby_lock_held"),
              now.number("kerby_lock_waiting"),
              lockRequests()));
    }
    return lines;
  }

  private static String row(String name, Rates rates) {
    return String.format(
        ROOT,
        "%-8s %,12.0f %,12.0f %7s %,12.0f %,12.0f",
        name,
        rates.requests(),
        rates.gets(),
        percent(rates.hitShare()),
        rates.sets(),
        rates.others());
  }

  private String tier(String name, long memoryBytes) {
    return String.format(
        ROOT,
        "%-8s %,12d %,12.1f %,12.1f",
        name,
        now.number("kerby_items_" + name),
        now.number("kerby_value_bytes_" + name) / MIB,
        memoryBytes / MIB);
  }

  private static String percent(double share) {
    return Double.isNaN(share) ? "-" : String.format(ROOT, "%.1f", 100 * share);
  }

  private static String clock(long seconds) {
    Duration up = Duration.ofSeconds(seconds);
    return String.format(
        ROOT, "%d:%02d:%02d", up.toHours(), up.toMinutesPart(), up.toSecondsPart());
  }

  // --- For programs -----------------------------------------------------------------------------

  /** One JSON object; what there is none of is null. */
  String toJson() {
    StringBuilder json = new StringBuilder(String.format(ROOT, "{\"seconds\":%.3f", seconds));
    paths.forEach(
        (path, rates) -> json.append(",\"").append(path.label()).append("\":").append(json(rates)));
    json.append(",\"all\":").append(json(all));
    json.append(",\"kernel_share\":").append(share(kernelShare()));
    json.append(tierJson("kernel", kernelMemoryBytes())).append(tierJson("user", userTakenBytes()));
    json.append(
        String.format(
            ROOT,
            ",\"blocks_in_use\":%d,\"blocks_capacity\":%d,\"demoted_per_s\":%.1f"
                + ",\"promoted_per_s\":%.1f,\"evicted_per_s\":%.1f,\"dropped_per_s\":%.1f",
            now.number("1:used_chunks"),
            now.number("1:total_chunks"),
            perSecond("kerby_demoted"),
            perSecond("kerby_promoted"),
            perSecond("evictions"),
            dropped()));
    if (hasLocks()) {
      json.append(
          String.format(
              ROOT,
              ",\"locks\":{\"held\":%d,\"waiting\":%d,\"requests_per_s\":%.1f}",
              now.number("kerby_lock_held"),
              now.number("kerby_lock_waiting"),
              lockRequests()));
    }
    return json.append('}').toString();
  }

  private static String json(Rates rates) {
    return String.format(
        ROOT,
        "{\"requests_per_s\":%.1f,\"gets_per_s\":%.1f,\"sets_per_s\":%.1f,\"others_per_s\":%.1f"
            + ",\"hit_ratio\":%s}",
        rates.requests(),
        rates.gets(),
        rates.sets(),
        rates.others(),
        share(rates.hitShare()));
  }

  private String tierJson(String name, long memoryBytes) {
    return String.format(
        ROOT,
        ",\"tier_%s\":{\"items\":%d,\"value_bytes\":%d,\"memory_bytes\":%d}",
        name,
        now.number("kerby_items_" + name),
        now.number("kerby_value_bytes_" + name),
        memoryBytes);
  }

  private static String share(double share) {
    return Double.isNaN(share) ? "null" : String.format(ROOT, "%.4f", share);
  }
}
