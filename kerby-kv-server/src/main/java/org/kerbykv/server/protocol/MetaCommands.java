package org.kerbykv.server.protocol;

import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.Operation;

/**
 * The meta commands mg, ms, md, ma and me, as memcached 1.6.18 has them.
 *
 * <p>Unlike memcached, which looks at an opaque only when it writes the reply, a line with one that
 * is too long changes nothing; and T of an ma holds, too, when the number gets longer.
 */
final class MetaCommands {
  private static final int KEY_AND_FLAGS = 2;
  private static final int KEY_LENGTH_AND_FLAGS = 3;

  private final Replier replier;
  private final CommandLine line;
  private final MetaFlags flags;

  MetaCommands(Replier replier) {
    this.replier = replier;
    this.line = replier.line;
    this.flags = replier.dispatcher.metaFlags();
  }

  void get() {
    byte[] error = readGet();
    if (error != null) {
      replier.error(error);
      return;
    }
    int index = operation(retrieval());
    Batch batch = replier.batch();
    setExpiries(batch, index);
    batch.setRecache(index, flags.recacheBefore, flags.recachesTouched);
    if (flags.unseen) {
      batch.setUnseen(index);
    }
    batch.setNewCas(index, flags.newCas);
    replier.dispatcher.metaGet(replier.output, index, flags);
  }

  private Operation retrieval() {
    if (flags.vivifies) {
      return Operation.VIVIFY;
    }
    if (flags.touches) {
      return Operation.GET_AND_TOUCH;
    }
    return flags.recacheBefore == 0 ? Operation.GET : Operation.RECACHE;
  }

  private byte[] readGet() {
    if (line.length(1) > Replier.KEY_MAX) {
      return Replies.BAD_FORMAT;
    }
    if (MetaFlags.isTooLong(line)) {
      return Replies.TOO_MANY_GET_FLAGS;
    }
    MetaError error = flags.read(line, KEY_AND_FLAGS);
    if (error != null) {
      return Replies.of(error);
    }
    return flags.opaqueTooLong ? Replies.OPAQUE_TOO_LONG : null;
  }

  void delete() {
    byte[] error = readChange();
    if (error == null && flags.opaqueTooLong) {
      error = Replies.OPAQUE_TOO_LONG;
    }
    if (error != null) {
      replier.error(error);
      return;
    }
    int index = operation(flags.invalidate ? Operation.INVALIDATE : Operation.DELETE);
    Batch batch = replier.batch();
    setCas(batch, index);
    if (flags.touches) {
      batch.setExpiry(index, flags.expiry);
    }
    replier.dispatcher.metaDelete(replier.output, index, flags);
  }

  void arithmetic() {
    byte[] error = readChange();
    Operation operation = arithmetic(flags.mode);
    if (error == null && operation == null) {
      error = Replies.BAD_ARITHMETIC_MODE;
    } else if (error == null && flags.opaqueTooLong) {
      error = Replies.OPAQUE_TOO_LONG;
    }
    if (error != null) {
      replier.error(error);
      return;
    }
    int index = operation(operation);
    Batch batch = replier.batch();
    setCas(batch, index);
    batch.setDelta(index, flags.delta);
    if (flags.vivifies) {
      batch.setInitial(index, flags.initial);
    }
    setExpiries(batch, index);
    replier.dispatcher.metaArithmetic(replier.output, index, flags);
  }

  /** Reads the line of an md or ma; all that is wrong with its flags is one error. */
  private byte[] readChange() {
    if (line.length(1) > Replier.KEY_MAX) {
      return Replies.BAD_FORMAT;
    }
    if (MetaFlags.isTooLong(line)) {
      return Replies.TOO_MANY_FLAGS;
    }
    return flags.read(line, KEY_AND_FLAGS) == null ? null : Replies.BAD_FLAG;
  }

  private static Operation arithmetic(byte mode) {
    return switch (mode) {
      case 0, 'I', '+' -> Operation.INCR;
      case 'D', '-' -> Operation.DECR;
      default -> null;
    };
  }

  private void setExpiries(Batch batch, int index) {
    if (flags.touches) {
      batch.setExpiry(index, flags.expiry);
    }
    if (flags.vivifies) {
      batch.setCreatedExpiry(index, flags.vivifiedExpiry, flags.vivifiesTouched);
    }
  }

  private void setCas(Batch batch, int index) {
    if (flags.hasCas) {
      batch.setCas(index, flags.cas);
    }
    batch.setNewCas(index, flags.newCas);
  }

  private int operation(Operation operation) {
    return replier.dispatcher.operation(operation, flags.key, 0, flags.keyLength);
  }

  /** Describes an item, and leaves no trace of that. */
  void debug() {
    if (line.count() < KEY_AND_FLAGS
        || line.length(1) > Replier.KEY_MAX
        || !flags.readDebug(line)) {
      replier.error(Replies.BAD_FORMAT);
      return;
    }
    int index = operation(Operation.GET);
    replier.batch().setUnseen(index);
    replier.dispatcher.metaDebug(replier.output, index);
  }

  /** What the line of an ms leads to. */
  enum Continuation {
    /** The next command. */
    LINE,
    /** A value to be stored. */
    VALUE,
    /** A value to be passed over. */
    REFUSED_VALUE
  }

  /** Reads the line of an ms. */
  Continuation set(StorageRequest request) {
    byte[] error = readSetLine(request);
    if (error != null) {
      replier.error(error);
      return Continuation.LINE;
    }
    error = readSetFlags(request);
    if (error != null) {
      replier.error(error);
      return Continuation.REFUSED_VALUE;
    }
    MetaFlags asked = request.meta;
    request.setKey(asked.key, 0, asked.keyLength);
    request.flags = asked.clientFlags;
    request.expiry = asked.touches ? asked.expiry : 0;
    request.hasCas = asked.hasCas;
    request.cas = asked.cas;
    return Continuation.VALUE;
  }

  /** Reads as much of the line as tells where the next command is. */
  private byte[] readSetLine(StorageRequest request) {
    if (line.length(1) > Replier.KEY_MAX || line.count() < KEY_LENGTH_AND_FLAGS) {
      return Replies.BAD_FORMAT;
    }
    if (MetaFlags.isTooLong(line)) {
      return Replies.TOO_MANY_FLAGS;
    }
    if (!line.readSigned(2)) {
      return Replies.BAD_FORMAT;
    }
    request.valueLength = (int) line.number();
    request.noReply = false;
    request.isMeta = true;
    return request.valueLength < 0 || request.valueLength > StorageCommands.VALUE_MAX
        ? Replies.BAD_FORMAT
        : null;
  }

  private byte[] readSetFlags(StorageRequest request) {
    MetaError error = request.meta.read(line, KEY_LENGTH_AND_FLAGS);
    if (error != null) {
      return Replies.of(error);
    }
    request.operation = storage(request.meta);
    if (request.operation == null) {
      return Replies.BAD_SET_MODE;
    }
    return request.meta.opaqueTooLong ? Replies.OPAQUE_TOO_LONG : null;
  }

  /** Returns null for a mode that there is not. A set or replace with a cas is a cas. */
  private static Operation storage(MetaFlags asked) {
    Operation cas = asked.invalidate ? Operation.CAS_OR_STALE : Operation.CAS;
    return switch (asked.mode) {
      case 0, 'S' -> asked.hasCas ? cas : Operation.SET;
      case 'R' -> asked.hasCas ? cas : Operation.REPLACE;
      case 'E' -> Operation.ADD;
      case 'A' -> Operation.APPEND;
      case 'P' -> Operation.PREPEND;
      default -> null;
    };
  }
}
