package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;

/**
 * memcached's commands that tune or watch parts of it that this server does not have: answered as
 * memcached answers them where these parts are switched off.
 */
final class TuningCommands {
  /** memcached's least memory, MiB. */
  private static final int MEMORY_MIN = 8;

  private static final byte[] SLABS = word("slabs");
  private static final byte[] REASSIGN = word("reassign");
  private static final byte[] LRU_CRAWLER = word("lru_crawler");
  private static final byte[] CRAWL = word("crawl");
  private static final byte[] METADUMP = word("metadump");
  private static final byte[] WATCH = word("watch");
  private static final byte[] CACHE_MEMLIMIT = word("cache_memlimit");
  private static final byte[] REFRESH_CERTS = word("refresh_certs");

  private final Replier replier;
  private final CommandLine line;

  TuningCommands(Replier replier) {
    this.replier = replier;
    this.line = replier.line;
  }

  /** Answers the line, with an error in any case: there is no other command left. */
  void refuse() {
    replier.error(refusal());
  }

  private byte[] refusal() {
    if (line.is(0, SLABS) && line.count() == 4 && line.is(1, REASSIGN)) {
      return Replies.NO_REASSIGNMENT;
    }
    if (line.is(0, LRU_CRAWLER)
        && line.count() == 3
        && (line.is(1, CRAWL) || line.is(1, METADUMP))) {
      return Replies.NO_CRAWLER;
    }
    if (line.is(0, WATCH) && line.count() > 1) {
      return Replies.NO_WATCHERS;
    }
    if (line.is(0, CACHE_MEMLIMIT) && (line.count() == 2 || line.count() == 3)) {
      return memoryRefusal();
    }
    return line.is(0, REFRESH_CERTS) ? Replies.NO_TLS : Replies.ERROR;
  }

  private byte[] memoryRefusal() {
    replier.readNoReply();
    if (!line.readUnsigned(1)) {
      return Replies.ERROR;
    }
    return Long.compareUnsigned(line.number(), MEMORY_MIN) < 0
        ? Replies.MEMORY_TOO_SMALL
        : Replies.MEMORY_FIXED;
  }

  private static byte[] word(String text) {
    return text.getBytes(US_ASCII);
  }
}
