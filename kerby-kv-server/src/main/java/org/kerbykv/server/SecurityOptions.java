package org.kerbykv.server;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.kerbykv.server.net.Cidr;

/**
 * Who is served, and how much.
 *
 * @param allowed networks whose requests over UDP are answered; none named: loopback and the
 *     networks around the server
 * @param replyRate most bytes of UDP payload to a source in a second, on average; 0 for no limit
 * @param authFile memcached's -Y: who may come over TCP, and then UDP has to be off
 * @param tls what TCP connections are secured by
 */
public record SecurityOptions(
    List<Cidr> allowed, long replyRate, Optional<Path> authFile, Optional<Tls> tls) {
  /** As a server is that was told nothing. */
  public static final SecurityOptions DEFAULT =
      new SecurityOptions(List.of(), 0, Optional.empty(), Optional.empty());

  public SecurityOptions {
    allowed = List.copyOf(allowed);
  }

  /**
   * PEM files.
   *
   * @param certificates the server's own, and those behind it
   * @param key in PKCS #8
   */
  public record Tls(Path certificates, Path key) {}
}
