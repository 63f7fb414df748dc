package org.kerbykv.loadgen.topology;

import java.util.Locale;

/** What serves at the other side of a {@link VethTopology}. */
public enum Target {
  /** This project's server, from the kernel. */
  KERBY(true),
  /** Debian's memcached over UDP. */
  MEMCACHED(false),
  /** A bare XDP program that sends every request back: the ceiling. */
  REFLECTOR(true),
  /** This project's server without the kernel: Netty alone. */
  NETTY(false),
  /** DINT-KV, {@link org.kerbykv.loadgen.baseline.Dint}, before memcached. */
  DINT(true),
  /** BMC, {@link org.kerbykv.loadgen.baseline.Bmc}, before memcached. */
  BMC(true);

  private final boolean inKernel;

  Target(boolean inKernel) {
    this.inKernel = inKernel;
  }

  /** Whether it answers from XDP, so that there is a program at its interface. */
  public boolean isInKernel() {
    return inKernel;
  }

  /** Whether it answers requests with themselves. */
  public boolean isEcho() {
    return this == REFLECTOR;
  }

  /** Whether it stands before a memcached, which is started first. */
  boolean needsMemcached() {
    return this == DINT || this == BMC;
  }

  /** Whether it has this project's metrics. */
  public boolean hasMetrics() {
    return this == KERBY || this == NETTY;
  }

  /** As on a command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
