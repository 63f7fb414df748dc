package org.kerbykv.server.net;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** How many files this process may have open. */
final class OpenFiles {
  /** Kept free for what is not a connection: logs, metrics, sockets of new addresses. */
  private static final long RESERVE = 64;

  private static final UnixOperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(UnixOperatingSystemMXBean.class);

  private OpenFiles() {}

  /** Returns for how many of the {@code wanted} connections there are files, at least 1. */
  static int connections(int wanted) {
    return Math.clamp(max() - SYSTEM.getOpenFileDescriptorCount() - RESERVE, 1, wanted);
  }

  /** Returns the limit. */
  static long max() {
    return SYSTEM.getMaxFileDescriptorCount();
  }
}
