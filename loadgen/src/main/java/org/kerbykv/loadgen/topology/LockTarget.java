package org.kerbykv.loadgen.topology;

import java.util.Locale;

/** What manages locks at the other side of a {@link VethTopology}. All of them do in the kernel. */
public enum LockTarget {
  /** This project's server. */
  KERBY,
  /** DINT-Lock: counters, and rejections. */
  DINT,
  /** Queue maps, made beforehand. */
  QUEUE;

  /** As on a command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
