package org.kerbykv.loadgen.engine;

/** Something that runs loads. */
public interface Engine {
  /**
   * Runs a load to its end on the calling thread, which may be interrupted to end it early; all
   * sockets are closed then.
   *
   * @throws LoadException if the load cannot be run as specified, or the server is not there
   */
  LoadResult run(LoadSpec spec, Progress progress) throws LoadException, InterruptedException;
}
