package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import org.kerbykv.server.metrics.Counter;

/** The commands that are about the server: stats, flush_all and verbosity. */
final class ServiceCommands {
  private static final byte[] RESET = "reset".getBytes(US_ASCII);

  private final Replier replier;
  private final CommandLine line;
  private final ServerCommands server;

  ServiceCommands(Replier replier, ServerCommands server) {
    this.replier = replier;
    this.line = replier.line;
    this.server = server;
  }

  void version() {
    replier.reply(server.version());
  }

  void stats() {
    if (replier.output.isDatagram()) {
      replier.error(Replies.STATS_OVER_UDP);
      return;
    }
    // What came before it counts.
    replier.dispatcher.execute();
    if (line.count() > 1 && line.is(1, RESET)) {
      server.resetStats();
      replier.reply(Replies.RESET);
      return;
    }
    byte[] stats = server.stats(line.count() == 1 ? "" : text(1));
    if (stats == null) {
      replier.error(Replies.ERROR);
    } else {
      replier.reply(stats);
    }
  }

  void flushAll() {
    if (line.count() > 3) {
      replier.error(Replies.ERROR);
      return;
    }
    replier.readNoReply();
    replier.counters.count(Counter.CMD_FLUSH);
    int exptime = 0;
    if (line.count() != (replier.noReply ? 2 : 1)) {
      if (!line.readSigned(1)) {
        replier.error(Replies.BAD_EXPTIME);
        return;
      }
      exptime = (int) line.number();
    }
    replier.dispatcher.execute();
    server.flushAll(exptime);
    replier.reply(Replies.OK);
  }

  void verbosity() {
    if (line.count() != 2 && line.count() != 3) {
      replier.error(Replies.ERROR);
      return;
    }
    replier.readNoReply();
    if (!line.readUnsigned(1)) {
      replier.error(Replies.BAD_FORMAT);
      return;
    }
    server.setVerbosity((int) Math.min(line.number() & 0xffffffffL, Integer.MAX_VALUE));
    replier.reply(Replies.OK);
  }

  private String text(int token) {
    return new String(line.bytes(), line.from(token), line.length(token), ISO_8859_1);
  }
}
