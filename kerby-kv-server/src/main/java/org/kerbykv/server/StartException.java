package org.kerbykv.server;

import java.io.IOException;
import java.net.InetAddress;

/** The server cannot run as it was asked to; the message is one line for its operator. */
public final class StartException extends Exception {
  public StartException(String message) {
    super(message);
  }

  public StartException(String message, Throwable cause) {
    super(message, cause);
  }

  static StartException cannotListen(String what, InetAddress listen, int port, IOException cause) {
    String reason =
        cause.getMessage().replaceFirst("^bind\\(..\\) failed with error\\(-\\d+\\): ", "");
    return new StartException(
        "cannot listen for %s on %s port %d: %s"
            .formatted(what, listen.getHostAddress(), port, reason),
        cause);
  }
}
