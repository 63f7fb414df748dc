package org.kerbykv.loadgen.figures;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** One HTML page that needs no other file. Not thread-safe. */
final class FigurePage {
  private static final String STYLE =
      """
      <style>
      body { font: 15px/1.45 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
      table { border-collapse: collapse; margin: 0.7em 0 1.6em; font-size: 13px; }
      th, td { padding: 0.2em 0.7em; border-bottom: 1px solid #ccc; text-align: right; }
      th:first-child, td:first-child { text-align: left; }
      td span { color: #666; white-space: nowrap; }
      svg { max-width: 100%; height: auto; }
      </style>
      """;

  private final StringBuilder text = new StringBuilder();

  FigurePage(String title) {
    text.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")
        .append(escaped(title))
        .append("</title>\n")
        .append(STYLE)
        .append("</head>\n<body>\n<h1>")
        .append(escaped(title))
        .append("</h1>\n");
  }

  void heading(String heading) {
    text.append("<h2>").append(escaped(heading)).append("</h2>\n");
  }

  void paragraph(String paragraph) {
    text.append("<p>").append(escaped(paragraph)).append("</p>\n");
  }

  /** Two columns of words. */
  void list(Map<String, String> words) {
    table(
        List.of("", ""),
        words.entrySet().stream().map(w -> List.of(w.getKey(), w.getValue())).toList());
  }

  /** What has to hold, and whether it does. */
  void claims(List<Claim> claims) {
    table(
        List.of("must be seen", "seen", "limit", ""),
        claims.stream()
            .map(
                claim ->
                    List.of(
                        escaped(claim.text()),
                        spread(claim.value(), 2),
                        (claim.atLeast() ? "at least " : "at most ") + claim.limit(),
                        "<b>" + claim.verdict() + "</b>"))
            .toList());
  }

  /** A picture and its table. */
  void chart(Chart chart, String svg) {
    text.append("<h3>").append(escaped(chart.title())).append("</h3>\n");
    text.append(inlined(svg, chart.name()));
    List<String> head =
        java.util.stream.Stream.concat(
                java.util.stream.Stream.of(chart.horizontal()), chart.lines().keySet().stream())
            .map(FigurePage::escaped)
            .toList();
    List<List<String>> rows = new java.util.ArrayList<>();
    for (int i = 0; i < chart.places().size(); i++) {
      int place = i;
      List<String> row = new java.util.ArrayList<>(List.of(escaped(chart.places().get(i))));
      chart
          .lines()
          .values()
          .forEach(points -> row.add(spread(points.get(place), chart.decimals())));
      rows.add(row);
    }
    text.append("<p>").append(escaped(chart.vertical())).append(": median (least to most)</p>\n");
    table(head, rows);
  }

  /** Cells are HTML already. */
  private void table(List<String> head, List<List<String>> rows) {
    text.append("<table>\n<tr>");
    head.forEach(cell -> text.append("<th>").append(cell).append("</th>"));
    text.append("</tr>\n");
    for (List<String> row : rows) {
      text.append("<tr>");
      row.forEach(cell -> text.append("<td>").append(cell).append("</td>"));
      text.append("</tr>\n");
    }
    text.append("</table>\n");
  }

  private static String spread(Spread spread, int decimals) {
    if (!spread.isKnown()) {
      return "";
    }
    String number = "%,." + decimals + "f";
    return String.format(
        Locale.ROOT,
        number + " <span>(" + number + " to " + number + ")</span>",
        spread.median(),
        spread.min(),
        spread.max());
  }

  /** Without what stands before the element, and with names that no other picture has. */
  private static String inlined(String svg, String name) {
    return svg.substring(svg.indexOf("<svg"))
            .replace("id=\"", "id=\"" + name + "-")
            .replace("url(#", "url(#" + name + "-")
            .replace("xlink:href=\"#", "xlink:href=\"#" + name + "-")
        + "\n";
  }

  private static String escaped(String words) {
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  @Override
  public String toString() {
    return text + "</body>\n</html>\n";
  }
}
