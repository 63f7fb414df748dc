package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;

import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.Operation;

/** touch, incr, decr and delete. */
final class KeyCommands {
  private static final byte[] ZERO = "0".getBytes(US_ASCII);

  private final Replier replier;
  private final CommandLine line;

  KeyCommands(Replier replier) {
    this.replier = replier;
    this.line = replier.line;
  }

  void touch() {
    if (!startsWithKeyAndNumber()) {
      return;
    }
    if (!line.readSigned(2)) {
      replier.error(Replies.BAD_EXPTIME);
    } else {
      int index = replier.operation(Operation.TOUCH);
      int expiry = BootClock.expiry((int) line.number(), BootClock.seconds());
      replier.batch().setExpiry(index, expiry);
      replier.result(index);
    }
  }

  void arithmetic(Operation operation) {
    if (!startsWithKeyAndNumber()) {
      return;
    }
    if (!line.readUnsigned(2)) {
      replier.error(Replies.BAD_DELTA);
    } else {
      int index = replier.operation(operation);
      replier.batch().setDelta(index, line.number());
      replier.result(index);
    }
  }

  /** Reads noreply; whether there is one more word than a key that can be, else answers so. */
  private boolean startsWithKeyAndNumber() {
    if (line.count() != 3 && line.count() != 4) {
      replier.error(Replies.ERROR);
      return false;
    }
    replier.readNoReply();
    if (line.length(1) > Replier.KEY_MAX) {
      replier.error(Replies.BAD_FORMAT);
      return false;
    }
    return true;
  }

  void delete() {
    if (line.count() < 2 || line.count() > 4) {
      replier.error(Replies.ERROR);
      return;
    }
    if (line.count() > 2) {
      boolean holdIsZero = line.is(2, ZERO);
      replier.readNoReply();
      boolean valid =
          line.count() == 3 ? holdIsZero || replier.noReply : holdIsZero && replier.noReply;
      if (!valid) {
        replier.error(Replies.BAD_DELETE);
        return;
      }
    }
    if (line.length(1) > Replier.KEY_MAX) {
      replier.error(Replies.BAD_FORMAT);
      return;
    }
    replier.result(replier.operation(Operation.DELETE));
  }
}
