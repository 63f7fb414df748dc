package org.kerbykv.bpf;

import java.nio.file.Path;

/** How a program hangs on an interface. Not thread-safe. */
sealed interface Attachment permits LinkDescriptor, ClsactFilter {
  /** Puts another program in its place; every packet meets one of the two. */
  void update(int programFd, String programName);

  void pin(Path file);

  /** Detaches at once, whatever else holds it. */
  void detach();

  /** The kernel's id of the program that is attached now. */
  int programId();

  /** Whether the program is on an interface still: that may have been removed. */
  boolean isAttached();

  /** Lets go: detaches, unless the kernel has another reason to keep it (a pin). */
  void close();
}
