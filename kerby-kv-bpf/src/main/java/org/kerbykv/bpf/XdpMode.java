package org.kerbykv.bpf;

/** Where on a packet's way an XDP program runs. */
public enum XdpMode {
  /** In the driver, before the kernel has made a socket buffer. Not every driver has it. */
  NATIVE,
  /** Behind the driver, on a socket buffer: works with every interface. */
  GENERIC,
  /** To attach: native if the driver can, else generic. Never what was attached. */
  AUTO
}
