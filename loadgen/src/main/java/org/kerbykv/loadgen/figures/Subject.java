package org.kerbykv.loadgen.figures;

import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import org.kerbykv.loadgen.engine.LoadException;

/** A system set up in one way, of which some cells are measured while it is up. */
public interface Subject {
  /** Which cells, in the order in which they are best measured. */
  List<Cell> cells();

  /** How many rounds it takes at most: one is enough for what comes out the same each time. */
  default int roundsMax() {
    return Integer.MAX_VALUE;
  }

  /**
   * Brings the system up, on a thread that measures it, closes it, and does nothing else.
   *
   * @param log where its messages go
   */
  Session open(PrintStream log) throws LoadException, InterruptedException;

  /** A system that is up. Used on the thread that opened it. */
  interface Session extends AutoCloseable {
    /**
     * Measures a cell, in bounded time.
     *
     * @return figures by name
     */
    Map<String, Double> measure(Cell cell) throws LoadException, InterruptedException;

    @Override
    void close() throws LoadException;
  }
}
