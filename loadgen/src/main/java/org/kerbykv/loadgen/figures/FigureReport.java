package org.kerbykv.loadgen.figures;

import java.util.List;
import org.kerbykv.loadgen.report.Json;

/** What is shown of systems that have been measured. */
interface FigureReport {
  /** What the project promises. */
  List<Claim> claims();

  /** The parts of the page. */
  List<Figure> figures();

  /** The figures that have names of their own. */
  Json headline();
}
