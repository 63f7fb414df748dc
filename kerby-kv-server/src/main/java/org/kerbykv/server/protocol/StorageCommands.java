package org.kerbykv.server.protocol;

import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.Operation;

/** The lines of set, add, replace, append, prepend and cas. */
final class StorageCommands {
  /** memcached's lengths are those of an int, and the line end of the value is counted. */
  static final int VALUE_MAX = Integer.MAX_VALUE - 2;

  private final Replier replier;
  private final CommandLine line;

  StorageCommands(Replier replier) {
    this.replier = replier;
    this.line = replier.line;
  }

  /** Reads a line; returns whether a value is to follow. */
  boolean read(Operation operation, StorageRequest request) {
    int parameters = operation == Operation.CAS ? 6 : 5;
    if (line.count() != parameters && line.count() != parameters + 1) {
      replier.error(Replies.ERROR);
      return false;
    }
    replier.readNoReply();
    request.isMeta = false;
    request.noReply = replier.noReply;
    request.operation = operation;
    if (line.length(1) > Replier.KEY_MAX || !readNumbers(request)) {
      replier.error(Replies.BAD_FORMAT);
      return false;
    }
    request.setKey(line.bytes(), line.from(1), line.length(1));
    return true;
  }

  private boolean readNumbers(StorageRequest request) {
    if (!line.readUnsigned(2)) {
      return false;
    }
    request.flags = (int) line.number();
    if (!line.readSigned(3)) {
      return false;
    }
    int exptime = (int) line.number();
    if (!line.readSigned(4)) {
      return false;
    }
    request.valueLength = (int) line.number();
    request.hasCas = request.operation == Operation.CAS;
    if (request.hasCas) {
      if (!line.readUnsigned(5)) {
        return false;
      }
      request.cas = line.number();
    }
    request.expiry = BootClock.expiry(exptime, BootClock.seconds());
    return request.valueLength >= 0 && request.valueLength <= VALUE_MAX;
  }
}
