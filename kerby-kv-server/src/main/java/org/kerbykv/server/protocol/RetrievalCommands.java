package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;

import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.Operation;

/**
 * get, gets, gat and gats. A line of many keys is answered in parts, when its replies cannot all be
 * sent at once; it has to be in the scratch line again then.
 */
final class RetrievalCommands {
  private static final byte[] GATS = "gats".getBytes(US_ASCII);

  private final Replier replier;
  private final CommandLine line;
  private Operation operation;
  private boolean withCas;
  private int expiry;

  /** Where in the line to go on. */
  private int at;

  RetrievalCommands(Replier replier) {
    this.replier = replier;
    this.line = replier.line;
  }

  /** Begins a get or gets; returns whether there are keys to be answered. */
  boolean get(boolean cas) {
    operation = Operation.GET;
    return start(cas, 1);
  }

  /** Begins a gat or gats; returns whether there are keys to be answered. */
  boolean getAndTouch() {
    if (line.count() < 2) {
      replier.error(Replies.ERROR);
      return false;
    }
    if (!line.readSigned(1)) {
      replier.error(Replies.BAD_EXPTIME);
      return false;
    }
    expiry = BootClock.expiry((int) line.number(), BootClock.seconds());
    operation = Operation.GET_AND_TOUCH;
    return start(line.is(0, GATS), 2);
  }

  /** Checks all keys first: a line that is not right changes nothing. */
  private boolean start(boolean cas, int firstKey) {
    if (line.count() < 2) {
      replier.error(Replies.ERROR);
      return false;
    }
    int first = firstKey < line.count() ? line.from(firstKey) : line.end();
    for (int key = first; key < line.end(); key = line.skipSpaces(key)) {
      int end = line.tokenEnd(key);
      if (end - key > Replier.KEY_MAX) {
        replier.error(Replies.BAD_FORMAT);
        return false;
      }
      key = end;
    }
    withCas = cas;
    at = first;
    return true;
  }

  /** Answers keys; returns false when the replies so far must be sent first. */
  boolean answer() {
    Dispatcher dispatcher = replier.dispatcher;
    byte[] bytes = line.bytes();
    for (int key = line.skipSpaces(at); key < line.end(); key = line.skipSpaces(key)) {
      if (!replier.output.isWritable()) {
        at = key;
        return false;
      }
      int end = line.tokenEnd(key);
      int index = dispatcher.operation(operation, bytes, key, end - key);
      if (operation == Operation.GET_AND_TOUCH) {
        dispatcher.batch().setExpiry(index, expiry);
      }
      dispatcher.value(replier.output, index, withCas);
      key = end;
    }
    dispatcher.line(replier.output, Replies.END);
    return true;
  }
}
