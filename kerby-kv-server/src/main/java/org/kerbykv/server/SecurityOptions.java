package org.kerbykv.server;

import java.util.List;
import org.kerbykv.server.net.Cidr;

/**
 * Who is served, and how much.
 *
 * @param allowed networks whose requests over UDP are answered; none named: loopback and the
 *     networks around the server
 * @param replyRate most bytes of UDP payload to a source in a second, on average; 0 for no limit
 */
public record SecurityOptions(List<Cidr> allowed, long replyRate) {
  /** As a server is that was told nothing. */
  public static final SecurityOptions DEFAULT = new SecurityOptions(List.of(), 0);

  public SecurityOptions {
    allowed = List.copyOf(allowed);
  }
}
