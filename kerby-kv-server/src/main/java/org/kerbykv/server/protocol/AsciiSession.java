package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.ItemSize;
import org.kerbykv.server.store.Operation;

/**
 * memcached's classic ASCII protocol over one stream of bytes: a connection, or one datagram after
 * another.
 *
 * <p>Takes what has arrived, remembers where in a command it stopped, and goes on from there. A
 * value too long for a batch is stored away as it comes in. Used by one event loop only; allocates
 * nothing for requests whose values fit a batch.
 */
public final class AsciiSession {
  private enum State {
    /** At the start of a command line. */
    LINE,
    /** In a retrieval command that had to wait until its replies could be sent. */
    KEYS,
    /** After the line of a storage command; the value goes through the batch. */
    VALUE,
    /** Likewise, but the value is one of its own. */
    SEPARATE_VALUE,
    /** In a value that is not wanted. */
    SWALLOW,
    CLOSED
  }

  /** memcached: a longer line without an end is only tolerated from a get of many keys. */
  private static final int LINE_BYTES_MAX = 2048;

  private static final int LEADING_SPACES_MAX = 100;
  private static final int GET_LINE_BYTES_MAX = 4 << 20;
  private static final int KEY_MAX = 250;
  private static final int LINE_END_BYTES = 2;
  private static final int VALUE_MAX = Integer.MAX_VALUE - LINE_END_BYTES;

  private static final byte[] GET = word("get");
  private static final byte[] GETS = word("gets");
  private static final byte[] GAT = word("gat");
  private static final byte[] GATS = word("gats");
  private static final byte[] BGET = word("bget");
  private static final byte[] SET = word("set");
  private static final byte[] ADD = word("add");
  private static final byte[] REPLACE = word("replace");
  private static final byte[] APPEND = word("append");
  private static final byte[] PREPEND = word("prepend");
  private static final byte[] CAS = word("cas");
  private static final byte[] INCR = word("incr");
  private static final byte[] DECR = word("decr");
  private static final byte[] DELETE = word("delete");
  private static final byte[] TOUCH = word("touch");
  private static final byte[] STATS = word("stats");
  private static final byte[] RESET = word("reset");
  private static final byte[] FLUSH_ALL = word("flush_all");
  private static final byte[] VERSION = word("version");
  private static final byte[] VERBOSITY = word("verbosity");
  private static final byte[] QUIT = word("quit");
  private static final byte[] SHUTDOWN = word("shutdown");
  private static final byte[] META_NO_OP = word("mn");
  private static final byte[] HTTP = word("HTTP/");
  private static final byte[] NO_REPLY = word("noreply");
  private static final byte[] ZERO = word("0");

  private final Dispatcher dispatcher;
  private final ReplyOutput output;
  private final ServerCommands server;
  private final CommandLine line;
  private final Counters counters;
  private final byte[] key = new byte[KEY_MAX];
  private State state = State.LINE;

  /** How much of the input is known to hold no line end. */
  private int scanned;

  // The command in hand.
  private Operation operation;
  private boolean noReply;
  private boolean withCas;
  private int keyLength;
  private int flags;
  private int expiry;
  private long casOrDelta;
  private int valueLength;

  /** SEPARATE_VALUE: the value's handle, and how much of it has come. */
  private long value;

  private int valueReceived;
  private boolean lineEndValid;

  /** SWALLOW: bytes still to come. */
  private long unwanted;

  /** KEYS: where in the line to go on, and how long it is, with and without its end. */
  private int keysAt;

  private int lineLength;
  private int lineBytes;

  /** Makes a session at the start of a stream. */
  public AsciiSession(Dispatcher dispatcher, ReplyOutput output, ServerCommands server) {
    this.dispatcher = dispatcher;
    this.output = output;
    this.server = server;
    this.line = dispatcher.line();
    this.counters = dispatcher.counters();
  }

  /**
   * Takes as much of the input as makes sense now. What is left belongs to a command whose rest has
   * not arrived, or waits for {@link ReplyOutput#isWritable}: it is to be offered again.
   */
  public void consume(ByteBuf in) {
    while (state != State.CLOSED && in.isReadable()) {
      if (!output.isWritable()) {
        dispatcher.finish();
        if (!output.isWritable()) {
          return;
        }
      }
      if (!step(in)) {
        return;
      }
    }
    if (state == State.CLOSED) {
      in.skipBytes(in.readableBytes());
    }
  }

  /**
   * Ends a datagram, whose requests had to be complete, and goes back to the start.
   *
   * @return whether they were, as far as can be told
   */
  boolean endDatagram(ByteBuf in) {
    boolean complete = state == State.CLOSED || (state == State.LINE && !in.isReadable());
    if (state == State.VALUE || state == State.SEPARATE_VALUE) {
      dispatcher.error(output, Replies.BAD_DATA, noReply);
      complete = true;
    } else if (state == State.SWALLOW) {
      complete = true;
    }
    abandon();
    state = State.LINE;
    return complete;
  }

  /** Returns whether the stream is to be closed by the server. */
  public boolean isClosed() {
    return state == State.CLOSED;
  }

  /** Gives up what is under way, because the stream has ended. */
  public void abandon() {
    if (value != 0) {
      dispatcher.batch().door().discardValue(value);
      value = 0;
    }
    scanned = 0;
    state = State.CLOSED;
  }

  /** Makes one step; returns false if more input is needed. */
  private boolean step(ByteBuf in) {
    return switch (state) {
      case LINE -> readLine(in);
      case KEYS -> resumeKeys(in);
      case VALUE -> readValue(in);
      case SEPARATE_VALUE -> readSeparateValue(in);
      case SWALLOW -> swallow(in);
      case CLOSED -> false;
    };
  }

  private boolean readLine(ByteBuf in) {
    int start = in.readerIndex();
    int end = in.indexOf(start + scanned, in.writerIndex(), (byte) '\n');
    if (end < 0) {
      scanned = in.readableBytes();
      if (scanned > LINE_BYTES_MAX && !mayBeLong(in)) {
        close();
      }
      return false;
    }
    scanned = 0;
    lineBytes = end + 1 - start;
    lineLength = end - start;
    if (lineLength > 1 && in.getByte(end - 1) == '\r') {
      lineLength--;
    }
    line.set(in, start, lineLength);
    state = State.LINE;
    command();
    if (state == State.KEYS) {
      return readKeys(in);
    }
    in.skipBytes(lineBytes);
    return true;
  }

  private boolean mayBeLong(ByteBuf in) {
    if (in.readableBytes() > GET_LINE_BYTES_MAX) {
      return false;
    }
    line.set(in, in.readerIndex(), LINE_BYTES_MAX);
    return line.count() > 1
        && line.from(0) <= LEADING_SPACES_MAX
        && (line.is(0, GET) || line.is(0, GETS));
  }

  private void command() {
    noReply = false;
    if (line.count() == 0 || line.length(0) < 2) {
      error(Replies.ERROR);
      return;
    }
    switch (line.byteAt(0, 0)) {
      case 'g' -> retrieval();
      case 's' -> commandS();
      case 'a' -> commandA();
      case 'c' -> commandC();
      case 'd' -> commandD();
      case 'i' -> commandI();
      case 't' -> commandT();
      default -> rareCommand();
    }
  }

  private void retrieval() {
    boolean get = line.is(0, GET);
    if (get || line.is(0, GETS)) {
      startKeys(Operation.GET, !get, 1);
    } else if (line.is(0, GAT) || line.is(0, GATS)) {
      startGetAndTouch();
    } else {
      error(Replies.ERROR);
    }
  }

  private void commandS() {
    if (line.is(0, SET)) {
      storage(Operation.SET);
    } else if (line.is(0, STATS)) {
      stats();
    } else if (line.is(0, SHUTDOWN)) {
      error(Replies.SHUTDOWN_DISABLED);
    } else {
      error(Replies.ERROR);
    }
  }

  private void commandA() {
    if (line.is(0, ADD)) {
      storage(Operation.ADD);
    } else if (line.is(0, APPEND)) {
      storage(Operation.APPEND);
    } else {
      error(Replies.ERROR);
    }
  }

  private void commandC() {
    if (line.is(0, CAS)) {
      storage(Operation.CAS);
    } else {
      error(Replies.ERROR);
    }
  }

  private void commandD() {
    if (line.is(0, DELETE)) {
      delete();
    } else if (line.is(0, DECR)) {
      arithmetic(Operation.DECR);
    } else {
      error(Replies.ERROR);
    }
  }

  private void commandI() {
    if (line.is(0, INCR)) {
      arithmetic(Operation.INCR);
    } else {
      error(Replies.ERROR);
    }
  }

  private void commandT() {
    if (line.is(0, TOUCH)) {
      touch();
    } else {
      error(Replies.ERROR);
    }
  }

  private void rareCommand() {
    if (line.is(0, REPLACE)) {
      storage(Operation.REPLACE);
    } else if (line.is(0, PREPEND)) {
      storage(Operation.PREPEND);
    } else if (line.is(0, BGET)) {
      startKeys(Operation.GET, false, 1);
    } else if (line.is(0, FLUSH_ALL)) {
      flushAll();
    } else if (line.is(0, VERSION)) {
      reply(server.version());
    } else if (line.is(0, VERBOSITY)) {
      verbosity();
    } else if (line.is(0, META_NO_OP)) {
      reply(Replies.META_NO_OP);
    } else if (line.is(0, QUIT) || line.startsWith(line.count() - 1, HTTP)) {
      close();
    } else {
      error(Replies.ERROR);
    }
  }

  private void startGetAndTouch() {
    if (line.count() < 2) {
      error(Replies.ERROR);
    } else if (!line.readSigned(1)) {
      error(Replies.BAD_EXPTIME);
    } else {
      expiry = BootClock.expiry((int) line.number(), BootClock.seconds());
      startKeys(Operation.GET_AND_TOUCH, line.is(0, GATS), 2);
    }
  }

  /** Checks all keys first: a line that is not right changes nothing. */
  private void startKeys(Operation retrieval, boolean cas, int firstKey) {
    if (line.count() < 2) {
      error(Replies.ERROR);
      return;
    }
    int first = firstKey < line.count() ? line.from(firstKey) : line.end();
    for (int at = first; at < line.end(); at = line.skipSpaces(at)) {
      int end = line.tokenEnd(at);
      if (end - at > KEY_MAX) {
        error(Replies.BAD_FORMAT);
        return;
      }
      at = end;
    }
    operation = retrieval;
    withCas = cas;
    keysAt = first;
    state = State.KEYS;
  }

  private boolean resumeKeys(ByteBuf in) {
    line.set(in, in.readerIndex(), lineLength);
    return readKeys(in);
  }

  /** Returns false when the replies so far must be sent first; the line stays in the input. */
  private boolean readKeys(ByteBuf in) {
    byte[] bytes = line.bytes();
    for (int at = line.skipSpaces(keysAt); at < line.end(); at = line.skipSpaces(at)) {
      if (!output.isWritable()) {
        keysAt = at;
        return true;
      }
      int end = line.tokenEnd(at);
      int index = dispatcher.operation(operation, bytes, at, end - at);
      if (operation == Operation.GET_AND_TOUCH) {
        dispatcher.batch().setExpiry(index, expiry);
      }
      dispatcher.value(output, index, withCas);
      at = end;
    }
    dispatcher.line(output, Replies.END);
    in.skipBytes(lineBytes);
    state = State.LINE;
    return true;
  }

  private void storage(Operation storage) {
    int parameters = storage == Operation.CAS ? 6 : 5;
    if (line.count() != parameters && line.count() != parameters + 1) {
      error(Replies.ERROR);
      return;
    }
    readNoReply();
    if (line.length(1) > KEY_MAX || !readStorageNumbers(storage)) {
      error(Replies.BAD_FORMAT);
      return;
    }
    operation = storage;
    keyLength = line.length(1);
    System.arraycopy(line.bytes(), line.from(1), key, 0, keyLength);
    startValue();
  }

  private boolean readStorageNumbers(Operation storage) {
    if (!line.readUnsigned(2)) {
      return false;
    }
    flags = (int) line.number();
    if (!line.readSigned(3)) {
      return false;
    }
    int exptime = (int) line.number();
    if (!line.readSigned(4)) {
      return false;
    }
    valueLength = (int) line.number();
    if (storage == Operation.CAS) {
      if (!line.readUnsigned(5)) {
        return false;
      }
      casOrDelta = line.number();
    }
    if (valueLength < 0 || valueLength > VALUE_MAX) {
      return false;
    }
    expiry = BootClock.expiry(exptime, BootClock.seconds());
    return true;
  }

  private void startValue() {
    if (!ItemSize.fits(keyLength, flags, valueLength, server.itemSizeMax())) {
      counters.count(Counter.STORE_TOO_LARGE);
      refuseValue(Replies.TOO_LARGE);
      return;
    }
    if (valueLength <= dispatcher.batch().door().inlineMax(keyLength)) {
      state = State.VALUE;
      return;
    }
    value = dispatcher.batch().door().newValue(key, 0, keyLength, valueLength);
    if (value == 0) {
      counters.count(Counter.STORE_NO_MEMORY);
      refuseValue(Replies.NO_MEMORY);
      return;
    }
    valueReceived = 0;
    lineEndValid = true;
    state = State.SEPARATE_VALUE;
  }

  /** A SET that fails must not leave the old value, which its client takes for gone. */
  private void refuseValue(byte[] error) {
    counters.count(RequestKind.SET, RequestResult.ERROR);
    if (operation == Operation.SET) {
      dispatcher.silent(output, dispatcher.operation(Operation.DELETE, key, 0, keyLength));
    }
    if (!noReply) {
      dispatcher.line(output, error);
    }
    unwanted = (long) valueLength + LINE_END_BYTES;
    state = State.SWALLOW;
  }

  private boolean readValue(ByteBuf in) {
    if (in.readableBytes() < valueLength + LINE_END_BYTES) {
      return false;
    }
    int end = in.readerIndex() + valueLength;
    state = State.LINE;
    if (in.getByte(end) != '\r' || in.getByte(end + 1) != '\n') {
      in.skipBytes(valueLength + LINE_END_BYTES);
      error(Replies.BAD_DATA);
      return true;
    }
    int index = startStorage();
    dispatcher.batch().setValue(index, in, valueLength);
    in.skipBytes(LINE_END_BYTES);
    dispatcher.result(output, index, noReply);
    return true;
  }

  private boolean readSeparateValue(ByteBuf in) {
    int n = Math.min(in.readableBytes(), valueLength - valueReceived);
    if (n > 0) {
      dispatcher.batch().door().writeValue(value, valueReceived, in, n);
      valueReceived += n;
      return true;
    }
    lineEndValid &= in.readByte() == (valueReceived == valueLength ? '\r' : '\n');
    if (valueReceived++ == valueLength) {
      return true;
    }
    state = State.LINE;
    long received = value;
    value = 0;
    if (!lineEndValid) {
      dispatcher.batch().door().discardValue(received);
      error(Replies.BAD_DATA);
      return true;
    }
    int index = startStorage();
    dispatcher.batch().setSeparateValue(index, received, valueLength);
    dispatcher.result(output, index, noReply);
    return true;
  }

  private int startStorage() {
    int index = dispatcher.operation(operation, key, 0, keyLength);
    dispatcher.batch().setMetadata(index, flags, expiry);
    if (operation == Operation.CAS) {
      dispatcher.batch().setCas(index, casOrDelta);
    }
    return index;
  }

  private boolean swallow(ByteBuf in) {
    int n = (int) Math.min(unwanted, in.readableBytes());
    in.skipBytes(n);
    unwanted -= n;
    if (unwanted == 0) {
      state = State.LINE;
    }
    return true;
  }

  private void touch() {
    if (line.count() != 3 && line.count() != 4) {
      error(Replies.ERROR);
      return;
    }
    readNoReply();
    if (line.length(1) > KEY_MAX) {
      error(Replies.BAD_FORMAT);
    } else if (!line.readSigned(2)) {
      error(Replies.BAD_EXPTIME);
    } else {
      int index = operationOnKey(Operation.TOUCH);
      dispatcher
          .batch()
          .setExpiry(index, BootClock.expiry((int) line.number(), BootClock.seconds()));
      dispatcher.result(output, index, noReply);
    }
  }

  private void arithmetic(Operation arithmetic) {
    if (line.count() != 3 && line.count() != 4) {
      error(Replies.ERROR);
      return;
    }
    readNoReply();
    if (line.length(1) > KEY_MAX) {
      error(Replies.BAD_FORMAT);
    } else if (!line.readUnsigned(2)) {
      error(Replies.BAD_DELTA);
    } else {
      int index = operationOnKey(arithmetic);
      dispatcher.batch().setDelta(index, line.number());
      dispatcher.result(output, index, noReply);
    }
  }

  private void delete() {
    if (line.count() < 2 || line.count() > 4) {
      error(Replies.ERROR);
      return;
    }
    if (line.count() > 2) {
      boolean holdIsZero = line.is(2, ZERO);
      readNoReply();
      boolean valid = line.count() == 3 ? holdIsZero || noReply : holdIsZero && noReply;
      if (!valid) {
        error(Replies.BAD_DELETE);
        return;
      }
    }
    if (line.length(1) > KEY_MAX) {
      error(Replies.BAD_FORMAT);
      return;
    }
    dispatcher.result(output, operationOnKey(Operation.DELETE), noReply);
  }

  private int operationOnKey(Operation operationOnKey) {
    return dispatcher.operation(operationOnKey, line.bytes(), line.from(1), line.length(1));
  }

  private void stats() {
    if (output.isDatagram()) {
      error(Replies.STATS_OVER_UDP);
      return;
    }
    dispatcher.execute();
    if (line.count() > 1 && line.is(1, RESET)) {
      server.resetStats();
      reply(Replies.RESET);
      return;
    }
    String topic = line.count() == 1 ? "" : text(1);
    byte[] stats = server.stats(topic);
    if (stats == null) {
      error(Replies.ERROR);
    } else {
      reply(stats);
    }
  }

  private String text(int token) {
    return new String(line.bytes(), line.from(token), line.length(token), ISO_8859_1);
  }

  private void flushAll() {
    if (line.count() > 3) {
      error(Replies.ERROR);
      return;
    }
    readNoReply();
    counters.count(Counter.CMD_FLUSH);
    int exptime = 0;
    if (line.count() != (noReply ? 2 : 1)) {
      if (!line.readSigned(1)) {
        error(Replies.BAD_EXPTIME);
        return;
      }
      exptime = (int) line.number();
    }
    dispatcher.execute();
    server.flushAll(exptime);
    reply(Replies.OK);
  }

  private void verbosity() {
    if (line.count() != 2 && line.count() != 3) {
      error(Replies.ERROR);
      return;
    }
    readNoReply();
    if (!line.readUnsigned(1)) {
      error(Replies.BAD_FORMAT);
      return;
    }
    server.setVerbosity((int) Math.min(line.number() & 0xffffffffL, Integer.MAX_VALUE));
    reply(Replies.OK);
  }

  private void readNoReply() {
    noReply = line.is(line.count() - 1, NO_REPLY);
  }

  private void reply(byte[] reply) {
    counters.count(RequestKind.OTHER, RequestResult.HIT);
    if (!noReply) {
      dispatcher.line(output, reply);
    }
  }

  private void error(byte[] error) {
    dispatcher.error(output, error, noReply);
  }

  private void close() {
    state = State.CLOSED;
    dispatcher.close(output);
  }

  private static byte[] word(String text) {
    return text.getBytes(US_ASCII);
  }
}
