package org.kerbykv.bpf;

import java.util.List;

/**
 * Something that the kernel or libbpf refused.
 *
 * <p>The message is {@link #summary()} and below it the last lines of the verifier's log, if the
 * verifier was the one who refused.
 */
public final class BPFException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Lines of the verifier's log in the message: the reason is always among the last. */
  static final int LOG_LINES_IN_MESSAGE = 20;

  private final String attempted;
  private final int errno;
  private final String detail;
  private final String verifierLog;

  /**
   * @param attempted what was being done, in the imperative: "load program x of y"
   * @param errno positive error number
   * @param detail what libbpf said about it, or a hint; may be empty
   * @param verifierLog the whole log, or empty
   */
  BPFException(String attempted, int errno, String detail, String verifierLog) {
    super(message(attempted, errno, detail, verifierLog));
    this.attempted = attempted;
    this.errno = errno;
    this.detail = detail;
    this.verifierLog = verifierLog;
  }

  BPFException(String attempted, int errno, String detail) {
    this(attempted, errno, detail, "");
  }

  BPFException(String attempted, int errno) {
    this(attempted, errno, "", "");
  }

  /** The error number, positive: of {@code errno(3)}, or from 4000 up libbpf's own. */
  public int errno() {
    return errno;
  }

  /** The error's symbolic name, as "EPERM" or "LIBBPF_ERRNO__FORMAT". */
  public String errnoName() {
    return Errno.name(errno);
  }

  /** What was being done, in the imperative, as "attach program x to interface 2". */
  public String attempted() {
    return attempted;
  }

  /** The verifier's whole log; empty if the failure has nothing to do with the verifier. */
  public String verifierLog() {
    return verifierLog;
  }

  /** One line: what was attempted, the error by name, and what libbpf said about it. */
  public String summary() {
    return summary(attempted, errno, detail);
  }

  private static String summary(String attempted, int errno, String detail) {
    String description = Errno.description(errno);
    return attempted
        + ": "
        + Errno.name(errno)
        + (description.isEmpty() ? "" : " (" + description + ")")
        + (detail.isEmpty() ? "" : ": " + detail);
  }

  private static String message(String attempted, int errno, String detail, String verifierLog) {
    String summary = summary(attempted, errno, detail);
    if (verifierLog.isEmpty()) {
      return summary;
    }
    List<String> lines = verifierLog.lines().toList();
    int skipped = Math.max(0, lines.size() - LOG_LINES_IN_MESSAGE);
    return summary
        + "\nverifier log"
        + (skipped == 0 ? "" : ", last " + LOG_LINES_IN_MESSAGE + " of " + lines.size() + " lines")
        + ":\n  "
        + String.join("\n  ", lines.subList(skipped, lines.size()));
  }
}
