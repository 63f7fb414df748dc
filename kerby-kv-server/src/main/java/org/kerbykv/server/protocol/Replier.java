package org.kerbykv.server.protocol;

import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.metrics.RequestKind;
import org.kerbykv.server.metrics.RequestResult;
import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.Operation;

/** What the commands of one stream need to be done and answered. Used by one event loop only. */
final class Replier {
  static final int KEY_MAX = 250;

  private static final byte[] NO_REPLY = {'n', 'o', 'r', 'e', 'p', 'l', 'y'};

  final Dispatcher dispatcher;
  final ReplyOutput output;
  final CommandLine line;
  final Counters counters;

  /** Whether the client wants no reply to the command in hand. */
  boolean noReply;

  Replier(Dispatcher dispatcher, ReplyOutput output) {
    this.dispatcher = dispatcher;
    this.output = output;
    this.line = dispatcher.line();
    this.counters = dispatcher.counters();
  }

  Batch batch() {
    return dispatcher.batch();
  }

  /** Takes the last token for "noreply", if it is that. */
  void readNoReply() {
    noReply = line.is(line.count() - 1, NO_REPLY);
  }

  /** Answers a command that looked nothing up. */
  void reply(byte[] reply) {
    counters.count(RequestKind.OTHER, RequestResult.HIT);
    if (!noReply) {
      dispatcher.line(output, reply);
    }
  }

  /** Refuses a command. */
  void error(byte[] error) {
    dispatcher.error(output, error, noReply);
  }

  /** Adds an operation on the key that is the line's second token. */
  int operation(Operation operation) {
    return dispatcher.operation(operation, line.bytes(), line.from(1), line.length(1));
  }

  /** Answers with the outcome of an operation. */
  void result(int operation) {
    dispatcher.result(output, operation, noReply);
  }
}
