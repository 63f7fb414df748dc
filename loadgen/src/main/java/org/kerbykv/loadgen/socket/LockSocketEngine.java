package org.kerbykv.loadgen.socket;

import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.LockEngine;
import org.kerbykv.loadgen.lock.LockLoadResult;
import org.kerbykv.loadgen.lock.LockLoadSpec;

/** Loads on lock managers over UDP sockets. */
public final class LockSocketEngine implements LockEngine {
  public LockSocketEngine(int threads) {}

  @Override
  public LockLoadResult run(LockLoadSpec spec) throws LoadException {
    throw new LoadException("not yet");
  }
}
