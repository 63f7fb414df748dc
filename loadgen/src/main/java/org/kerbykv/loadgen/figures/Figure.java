package org.kerbykv.loadgen.figures;

import java.util.List;

/**
 * A part of the page: some charts under one title.
 *
 * @param text what was measured, and how
 */
public record Figure(String title, String text, List<Chart> charts) {
  public Figure {
    charts = List.copyOf(charts);
  }
}
