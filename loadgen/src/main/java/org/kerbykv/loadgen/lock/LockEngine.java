package org.kerbykv.loadgen.lock;

import org.kerbykv.loadgen.engine.LoadException;

/** Something that runs loads on lock managers. */
public interface LockEngine {
  /**
   * Runs a load to its end on the calling thread, which may be interrupted to end it early.
   *
   * @throws LoadException if the load cannot be run as specified
   */
  LockLoadResult run(LockLoadSpec spec) throws LoadException, InterruptedException;
}
