package org.kerbykv.bpf;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Says that this process uses a directory of pins. The claim ends when it is closed, and with the
 * process, however that ends. Usable from any thread.
 */
public final class BPFPinClaim implements AutoCloseable {
  private int fd;

  private BPFPinClaim(int fd) {
    this.fd = fd;
  }

  /**
   * Takes the claim on a directory, unless another process, or another claim of this one, has it.
   *
   * @param directory that exists, in a BPF file system or any other
   * @throws BPFException if it cannot be opened
   */
  public static Optional<BPFPinClaim> tryTake(Path directory) {
    int fd = LibC.openDirectory(directory.toString());
    if (fd < 0) {
      throw new BPFException("open directory " + directory, -fd);
    }
    if (LibC.tryLock(fd)) {
      return Optional.of(new BPFPinClaim(fd));
    }
    LibC.close(fd);
    return Optional.empty();
  }

  /** Gives the claim up. Closing twice is fine. */
  @Override
  public synchronized void close() {
    if (fd >= 0) {
      LibC.close(fd);
      fd = -1;
    }
  }
}
