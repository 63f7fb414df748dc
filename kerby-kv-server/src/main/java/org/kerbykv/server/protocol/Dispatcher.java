package org.kerbykv.server.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.store.AsciiNumber;
import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.Operation;
import org.kerbykv.server.store.Outcome;

/**
 * Collects what the connections and datagrams of one event loop ask for in one round of the loop,
 * has the store execute it together, and writes the replies in the order of the requests.
 *
 * <p>Used by one event loop only.
 */
public final class Dispatcher implements AutoCloseable {
  private enum Kind {
    BEGIN_MESSAGE,
    END_MESSAGE,
    LINE,
    VALUE,
    RESULT,
    SILENT,
    META_GET,
    META_SET,
    META_DELETE,
    META_ARITHMETIC,
    META_DEBUG,
    CLOSE
  }

  private static final int RECORDS_MAX = 256;
  private static final byte[] VALUE = {'V', 'A', 'L', 'U', 'E', ' '};

  /** "VALUE ", a key, and three numbers with a space before each, and CRLF. */
  private static final int VALUE_LINE_MAX = 6 + 250 + 11 + 11 + 21 + 2;

  private static final int NUMBER_MAX = 20;

  private final Batch batch;
  private final Counters counters;
  private final Executor loop;
  private final Runnable finish = this::finish;
  private final ReplyOutput[] outputs = new ReplyOutput[RECORDS_MAX];
  private final Kind[] kinds = new Kind[RECORDS_MAX];

  /** The operation, or the request id of a datagram. */
  private final int[] indexes = new int[RECORDS_MAX];

  /** RESULT: whether the client wants no reply. VALUE: whether it wants the version. */
  private final boolean[] flags = new boolean[RECORDS_MAX];

  /** LINE: the bytes. BEGIN_MESSAGE: the sender. */
  private final Object[] details = new Object[RECORDS_MAX];

  private final List<ReplyOutput> touched = new ArrayList<>();
  private final CommandLine line = new CommandLine();
  private final MetaFlags metaFlags = new MetaFlags();
  private final MetaReplies metaReplies;
  private final byte[] lineScratch = new byte[VALUE_LINE_MAX];
  private final byte[] numberScratch = new byte[NUMBER_MAX];
  private int records;
  private boolean scheduled;

  /**
   * Makes a dispatcher.
   *
   * @param batch this loop's batch
   * @param counters this loop's counters
   * @param loop runs a task later in the same round of the event loop
   */
  public Dispatcher(Batch batch, Counters counters, Executor loop) {
    this.batch = batch;
    this.counters = counters;
    this.loop = loop;
    this.metaReplies = new MetaReplies(batch, counters, RECORDS_MAX);
  }

  public Counters counters() {
    return counters;
  }

  Batch batch() {
    return batch;
  }

  /** Returns the scratch line that the sessions of this event loop share. */
  CommandLine line() {
    return line;
  }

  /** Returns the scratch flags that the sessions of this event loop share. */
  MetaFlags metaFlags() {
    return metaFlags;
  }

  /** Adds an operation to the batch, executing the ones before it if there is no room. */
  int operation(Operation operation, byte[] key, int offset, int length) {
    if (records == RECORDS_MAX) {
      execute();
    }
    int index = batch.add(operation, key, offset, length);
    if (index < 0) {
      execute();
      index = batch.add(operation, key, offset, length);
    }
    return index;
  }

  /** Answers with the operation's outcome, if a reply is wanted. */
  void result(ReplyOutput output, int operation, boolean noReply) {
    record(output, Kind.RESULT, operation, noReply, null);
  }

  /** Answers with the operation's value, if there is one. */
  void value(ReplyOutput output, int operation, boolean withCas) {
    record(output, Kind.VALUE, operation, withCas, null);
  }

  /** Has the operation done, without a reply and without counting it. */
  void silent(ReplyOutput output, int operation) {
    record(output, Kind.SILENT, operation, false, null);
  }

  /** Answers an mg. */
  void metaGet(ReplyOutput output, int operation, MetaFlags asked) {
    recordMeta(output, Kind.META_GET, operation, asked);
  }

  /** Answers an ms. */
  void metaSet(ReplyOutput output, int operation, MetaFlags asked) {
    recordMeta(output, Kind.META_SET, operation, asked);
  }

  /** Answers an md. */
  void metaDelete(ReplyOutput output, int operation, MetaFlags asked) {
    recordMeta(output, Kind.META_DELETE, operation, asked);
  }

  /** Answers an ma. */
  void metaArithmetic(ReplyOutput output, int operation, MetaFlags asked) {
    recordMeta(output, Kind.META_ARITHMETIC, operation, asked);
  }

  /** Answers an me. */
  void metaDebug(ReplyOutput output, int operation) {
    record(output, Kind.META_DEBUG, operation, false, null);
  }

  private void recordMeta(ReplyOutput output, Kind kind, int operation, MetaFlags asked) {
    // Where record() puts it: operation() has left room.
    metaReplies.keep(records, asked);
    record(output, kind, operation, false, null);
  }

  /** Answers with these bytes, which must not change. */
  void line(ReplyOutput output, byte[] line) {
    record(output, Kind.LINE, 0, false, line);
  }

  /** Answers with these bytes, if a reply is wanted, and counts a request that failed. */
  void error(ReplyOutput output, byte[] line, boolean noReply) {
    counters.count(RequestKind.OTHER, RequestResult.ERROR);
    if (!noReply) {
      line(output, line);
    }
  }

  void beginMessage(ReplyOutput output, Object sender, int requestId) {
    record(output, Kind.BEGIN_MESSAGE, requestId, false, sender);
  }

  void endMessage(ReplyOutput output) {
    record(output, Kind.END_MESSAGE, 0, false, null);
  }

  void close(ReplyOutput output) {
    record(output, Kind.CLOSE, 0, false, null);
  }

  /** Executes what was collected, and sends the replies. */
  public void finish() {
    scheduled = false;
    execute();
    for (int i = 0; i < touched.size(); i++) {
      touched.get(i).flush();
    }
    touched.clear();
  }

  /** Executes what was collected, and writes the replies without sending them yet. */
  void execute() {
    batch.execute();
    for (int i = 0; i < records; i++) {
      reply(i);
      outputs[i] = null;
      details[i] = null;
    }
    records = 0;
    batch.clear();
  }

  @Override
  public void close() {
    batch.door().close();
  }

  private void record(ReplyOutput output, Kind kind, int index, boolean flag, Object detail) {
    if (records == RECORDS_MAX) {
      // Not for an operation's own record, for which operation() has left room.
      execute();
    }
    int i = records;
    outputs[i] = output;
    kinds[i] = kind;
    indexes[i] = index;
    flags[i] = flag;
    details[i] = detail;
    records = i + 1;
    if (!scheduled) {
      scheduled = true;
      loop.execute(finish);
    }
  }

  private void reply(int i) {
    ReplyOutput output = outputs[i];
    if (touched.isEmpty() || !touched.getLast().equals(output)) {
      touched.add(output);
    }
    switch (kinds[i]) {
      case BEGIN_MESSAGE -> output.beginMessage(details[i], indexes[i]);
      case END_MESSAGE -> output.endMessage();
      case LINE -> output.write((byte[]) details[i]);
      case VALUE -> replyValue(output, indexes[i], flags[i]);
      case RESULT -> replyResult(output, indexes[i], flags[i]);
      case META_GET -> metaReplies.get(output, i, indexes[i]);
      case META_SET -> metaReplies.set(output, i, indexes[i]);
      case META_DELETE -> metaReplies.delete(output, i, indexes[i]);
      case META_ARITHMETIC -> metaReplies.arithmetic(output, i, indexes[i]);
      case META_DEBUG -> metaReplies.debug(output, indexes[i]);
      case CLOSE -> output.closeAfterwards();
      case SILENT -> {
        // Nobody waits for it.
      }
    }
  }

  private void replyValue(ReplyOutput output, int operation, boolean withCas) {
    Outcome outcome = batch.outcome(operation);
    counters.count(batch.operation(operation), outcome);
    if (outcome != Outcome.HIT) {
      return;
    }
    System.arraycopy(VALUE, 0, lineScratch, 0, VALUE.length);
    int at = batch.readKey(operation, lineScratch, VALUE.length);
    at = writeNumber(Integer.toUnsignedLong(batch.flags(operation)), at);
    at = writeNumber(batch.valueLength(operation), at);
    if (withCas) {
      at = writeNumber(batch.cas(operation), at);
    }
    lineScratch[at++] = '\r';
    lineScratch[at++] = '\n';
    output.write(lineScratch, 0, at);
    output.writeValue(batch, operation);
    output.write(Replies.CRLF);
  }

  private void replyResult(ReplyOutput output, int operation, boolean noReply) {
    Outcome outcome = batch.outcome(operation);
    counters.count(batch.operation(operation), outcome);
    if (noReply) {
      return;
    }
    if (outcome == Outcome.COUNTED) {
      int from = AsciiNumber.writeUnsigned(batch.number(operation), numberScratch, NUMBER_MAX);
      output.write(numberScratch, from, NUMBER_MAX - from);
      output.write(Replies.CRLF);
    } else {
      output.write(Replies.of(outcome));
    }
  }

  /** Writes a space and the number into the scratch line; returns where it ends. */
  private int writeNumber(long number, int at) {
    lineScratch[at] = ' ';
    int from = AsciiNumber.writeUnsigned(number, numberScratch, NUMBER_MAX);
    int digits = NUMBER_MAX - from;
    System.arraycopy(numberScratch, from, lineScratch, at + 1, digits);
    return at + 1 + digits;
  }
}
