package org.kerbykv.server;

/** What {@code --xdp} asks for. */
public enum XdpChoice {
  /** eBPF if the system lets us, in the fastest mode that works; else user space serves alone. */
  AUTO,
  /** XDP in the driver, or no start. */
  NATIVE,
  /** XDP in the kernel's generic hook, or no start. */
  GENERIC,
  /** No eBPF. */
  OFF
}
