package org.kerbykv.loadgen.engine;

/** What requests travel by. */
public enum Protocol {
  UDP,
  TCP
}
