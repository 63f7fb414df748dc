package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.store.ItemSize;
import org.kerbykv.server.store.Operation;
import org.kerbykv.server.store.StoreDoor;

/**
 * memcached's ASCII protocol over one stream of bytes: a connection, or one datagram after another.
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
  private static final int LINE_END_BYTES = 2;

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
  private static final byte[] FLUSH_ALL = word("flush_all");
  private static final byte[] VERSION = word("version");
  private static final byte[] VERBOSITY = word("verbosity");
  private static final byte[] QUIT = word("quit");
  private static final byte[] SHUTDOWN = word("shutdown");
  private static final byte[] HTTP = word("HTTP/");

  private final Dispatcher dispatcher;
  private final ReplyOutput output;
  private final ServerCommands server;
  private final CommandLine line;
  private final Replier replier;
  private final RetrievalCommands retrieval;
  private final StorageCommands storage;
  private final KeyCommands keys;
  private final MetaCommands meta;
  private final ServiceCommands service;
  private final TuningCommands tuning;
  private final StorageRequest request = new StorageRequest();
  private State state = State.LINE;

  /** How much of the input is known to hold no line end. */
  private int scanned;

  /** How long the line in hand is, with and without its end. */
  private int lineBytes;

  private int lineLength;

  /** SEPARATE_VALUE: the value's handle, and how much of it has come. */
  private long value;

  private int valueReceived;
  private boolean lineEndValid;

  /** SWALLOW: bytes still to come. */
  private long unwanted;

  /** Makes a session at the start of a stream. */
  public AsciiSession(Dispatcher dispatcher, ReplyOutput output, ServerCommands server) {
    this.dispatcher = dispatcher;
    this.output = output;
    this.server = server;
    this.line = dispatcher.line();
    this.replier = new Replier(dispatcher, output);
    this.retrieval = new RetrievalCommands(replier);
    this.storage = new StorageCommands(replier);
    this.keys = new KeyCommands(replier);
    this.meta = new MetaCommands(replier);
    this.service = new ServiceCommands(replier, server);
    this.tuning = new TuningCommands(replier);
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
      dispatcher.error(output, Replies.BAD_DATA, request.noReply);
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

  /** Returns whether the next bytes are those of a value that is to be stored. */
  public boolean isInValue() {
    return state == State.VALUE || state == State.SEPARATE_VALUE;
  }

  /** Returns whether the next bytes are those of a value that is not wanted. */
  public boolean isSwallowing() {
    return state == State.SWALLOW;
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
    replier.noReply = false;
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
    if (line.count() == 0 || line.length(0) < 2) {
      replier.error(Replies.ERROR);
      return;
    }
    switch (line.byteAt(0, 0)) {
      case 'g' -> commandG();
      case 'm' -> commandM();
      case 's' -> commandS();
      case 'a' -> commandA();
      case 'c' -> commandC();
      case 'd' -> commandD();
      case 'i' -> commandI();
      case 't' -> commandT();
      default -> rareCommand();
    }
  }

  private void commandG() {
    boolean get = line.is(0, GET);
    if (get || line.is(0, GETS)) {
      startKeys(retrieval.get(!get));
    } else if (line.is(0, GAT) || line.is(0, GATS)) {
      startKeys(retrieval.getAndTouch());
    } else {
      replier.error(Replies.ERROR);
    }
  }

  private void commandM() {
    byte letter = line.length(0) == 2 ? line.byteAt(0, 1) : 0;
    switch (letter) {
      case 'n' -> replier.reply(Replies.META_NO_OP);
      case 'e' -> meta.debug();
      case 'g', 's', 'd', 'a' -> commandOnMetaKey(letter);
      default -> replier.error(Replies.ERROR);
    }
  }

  private void commandOnMetaKey(byte letter) {
    if (line.count() < 2) {
      replier.error(Replies.ERROR);
      return;
    }
    switch (letter) {
      case 'g' -> meta.get();
      case 'd' -> meta.delete();
      case 'a' -> meta.arithmetic();
      default -> {
        switch (meta.set(request)) {
          case VALUE -> startValue();
          case REFUSED_VALUE -> swallowValue();
          case LINE -> {
            // There is no value that could be told from commands.
          }
        }
      }
    }
  }

  private void commandS() {
    if (line.is(0, SET)) {
      store(Operation.SET);
    } else if (line.is(0, STATS)) {
      service.stats();
    } else if (line.is(0, SHUTDOWN)) {
      replier.error(Replies.SHUTDOWN_DISABLED);
    } else {
      tuning.refuse();
    }
  }

  private void commandA() {
    if (line.is(0, ADD)) {
      store(Operation.ADD);
    } else if (line.is(0, APPEND)) {
      store(Operation.APPEND);
    } else {
      replier.error(Replies.ERROR);
    }
  }

  private void commandC() {
    if (line.is(0, CAS)) {
      store(Operation.CAS);
    } else {
      tuning.refuse();
    }
  }

  private void commandD() {
    if (line.is(0, DELETE)) {
      keys.delete();
    } else if (line.is(0, DECR)) {
      keys.arithmetic(Operation.DECR);
    } else {
      replier.error(Replies.ERROR);
    }
  }

  private void commandI() {
    if (line.is(0, INCR)) {
      keys.arithmetic(Operation.INCR);
    } else {
      replier.error(Replies.ERROR);
    }
  }

  private void commandT() {
    if (line.is(0, TOUCH)) {
      keys.touch();
    } else {
      replier.error(Replies.ERROR);
    }
  }

  private void rareCommand() {
    if (line.is(0, REPLACE)) {
      store(Operation.REPLACE);
    } else if (line.is(0, PREPEND)) {
      store(Operation.PREPEND);
    } else if (line.is(0, BGET)) {
      startKeys(retrieval.get(false));
    } else if (line.is(0, FLUSH_ALL)) {
      service.flushAll();
    } else if (line.is(0, VERSION)) {
      service.version();
    } else if (line.is(0, VERBOSITY)) {
      service.verbosity();
    } else if (line.is(0, QUIT) || line.startsWith(line.count() - 1, HTTP)) {
      close();
    } else {
      tuning.refuse();
    }
  }

  private void startKeys(boolean some) {
    if (some) {
      state = State.KEYS;
    }
  }

  private boolean resumeKeys(ByteBuf in) {
    line.set(in, in.readerIndex(), lineLength);
    return readKeys(in);
  }

  /** The line stays in the input until all its keys are answered. */
  private boolean readKeys(ByteBuf in) {
    if (retrieval.answer()) {
      in.skipBytes(lineBytes);
      state = State.LINE;
    }
    return true;
  }

  private void store(Operation operation) {
    if (storage.read(operation, request)) {
      startValue();
    }
  }

  private void startValue() {
    int length = request.valueLength;
    if (!ItemSize.fits(request.keyLength, request.flags, length, server.itemSizeMax())) {
      replier.counters.count(Counter.STORE_TOO_LARGE);
      refuseValue(Replies.TOO_LARGE);
      return;
    }
    StoreDoor door = dispatcher.batch().door();
    if (length <= door.inlineMax(request.keyLength)) {
      state = State.VALUE;
      return;
    }
    value = door.newValue(request.key, 0, request.keyLength, length);
    if (value == 0) {
      replier.counters.count(Counter.STORE_NO_MEMORY);
      refuseValue(Replies.NO_MEMORY);
      return;
    }
    valueReceived = 0;
    lineEndValid = true;
    state = State.SEPARATE_VALUE;
  }

  /** What cannot replace the old value may still have to end it: its client takes it for gone. */
  private void refuseValue(byte[] error) {
    replier.counters.count(RequestKind.SET, RequestResult.ERROR);
    if (request.dropsItemOnFailure()) {
      int index = dispatcher.operation(Operation.DELETE, request.key, 0, request.keyLength);
      dispatcher.silent(output, index);
    }
    if (!request.noReply) {
      dispatcher.line(output, error);
    }
    swallowValue();
  }

  private void swallowValue() {
    unwanted = (long) request.valueLength + LINE_END_BYTES;
    state = State.SWALLOW;
  }

  private boolean readValue(ByteBuf in) {
    int length = request.valueLength;
    if (in.readableBytes() < length + LINE_END_BYTES) {
      return false;
    }
    int end = in.readerIndex() + length;
    state = State.LINE;
    if (in.getByte(end) != '\r' || in.getByte(end + 1) != '\n') {
      in.skipBytes(length + LINE_END_BYTES);
      badData();
      return true;
    }
    int index = request.start(dispatcher);
    dispatcher.batch().setValue(index, in, length);
    in.skipBytes(LINE_END_BYTES);
    request.answer(dispatcher, output, index);
    return true;
  }

  private boolean readSeparateValue(ByteBuf in) {
    int length = request.valueLength;
    int n = Math.min(in.readableBytes(), length - valueReceived);
    if (n > 0) {
      dispatcher.batch().door().writeValue(value, valueReceived, in, n);
      valueReceived += n;
      return true;
    }
    lineEndValid &= in.readByte() == (valueReceived == length ? '\r' : '\n');
    if (valueReceived++ == length) {
      return true;
    }
    state = State.LINE;
    long received = value;
    value = 0;
    if (!lineEndValid) {
      dispatcher.batch().door().discardValue(received);
      badData();
      return true;
    }
    int index = request.start(dispatcher);
    dispatcher.batch().setSeparateValue(index, received, length);
    request.answer(dispatcher, output, index);
    return true;
  }

  private void badData() {
    dispatcher.error(output, Replies.BAD_DATA, request.noReply);
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

  private void close() {
    state = State.CLOSED;
    dispatcher.close(output);
  }

  private static byte[] word(String text) {
    return text.getBytes(US_ASCII);
  }
}
