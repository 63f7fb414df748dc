package org.kerbykv.server;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.kerbykv.server.protocol.AuthFile;

/** Reads what secures TCP connections. */
final class TcpSecurity {
  private TcpSecurity() {}

  /** Returns who may come; empty for everybody. */
  static Optional<AuthFile> auth(SecurityOptions options) throws StartException {
    if (options.authFile().isEmpty()) {
      return Optional.empty();
    }
    Path file = options.authFile().get();
    try {
      return Optional.of(AuthFile.read(file));
    } catch (IOException e) {
      throw new StartException("cannot read --auth-file " + file + ": " + e, e);
    } catch (IllegalArgumentException e) {
      throw new StartException("--auth-file " + file + ": " + e.getMessage(), e);
    }
  }

  /** Returns what connections are secured by, if they are. */
  static Optional<SslContext> tls(SecurityOptions options) throws StartException {
    if (options.tls().isEmpty()) {
      return Optional.empty();
    }
    SecurityOptions.Tls tls = options.tls().get();
    try {
      return Optional.of(
          SslContextBuilder.forServer(tls.certificates().toFile(), tls.key().toFile())
              .sslProvider(SslProvider.JDK)
              .protocols("TLSv1.3", "TLSv1.2")
              .build());
    } catch (SSLException | IllegalArgumentException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new StartException(
          "cannot use --tls-cert %s with --tls-key %s: %s"
              .formatted(tls.certificates(), tls.key(), cause.getMessage()),
          e);
    }
  }
}
