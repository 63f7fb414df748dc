package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;

import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.store.AsciiNumber;
import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.Outcome;

/**
 * Writes the replies to meta commands. What a reply is to contain is kept from the command until
 * the store has executed it, under the number of the dispatcher's record.
 *
 * <p>Used by one event loop only.
 */
final class MetaReplies {
  /** Status, length, every flag, a key in base64 and what follows: more than any line has. */
  private static final int LINE_MAX = 1024;

  private static final int NUMBER_MAX = 20;

  private static final byte[] HIT = {'H', 'D'};
  private static final byte[] VALUE = {'V', 'A', ' '};
  private static final byte[] MISS = {'E', 'N'};
  private static final byte[] NOT_FOUND = {'N', 'F'};
  private static final byte[] NOT_STORED = {'N', 'S'};
  private static final byte[] EXISTS = {'E', 'X'};
  private static final byte[] DEBUG = {'M', 'E', ' '};
  private static final byte[] EXPIRY = word(" exp=");
  private static final byte[] LAST_ACCESS = word(" la=");
  private static final byte[] CAS = word(" cas=");
  private static final byte[] FETCHED = word(" fetch=yes cls=");
  private static final byte[] UNFETCHED = word(" fetch=no cls=");
  private static final byte[] SIZE = word(" size=");

  private final Batch batch;
  private final Counters counters;
  private final byte[][] flags;
  private final int[] flagLengths;
  private final boolean[] quiet;
  private final boolean[] value;
  private final boolean[] base64;
  private final byte[] key;
  private final byte[] number = new byte[NUMBER_MAX];
  private final byte[] text = new byte[LINE_MAX];
  private int length;

  /**
   * Makes them.
   *
   * @param records how many replies may be kept at once
   */
  MetaReplies(Batch batch, Counters counters, int records) {
    this.batch = batch;
    this.counters = counters;
    flags = new byte[records][MetaFlags.REPLY_BYTES_MAX];
    flagLengths = new int[records];
    quiet = new boolean[records];
    value = new boolean[records];
    base64 = new boolean[records];
    key = new byte[256];
  }

  /** Keeps what a command asks for. */
  void keep(int record, MetaFlags asked) {
    System.arraycopy(asked.reply, 0, flags[record], 0, asked.replyLength);
    flagLengths[record] = asked.replyLength;
    quiet[record] = asked.quiet;
    value[record] = asked.value;
    base64[record] = asked.base64;
  }

  /** Writes the reply to mg. */
  void get(ReplyOutput output, int record, int operation) {
    boolean hit = batch.outcome(operation) == Outcome.HIT;
    counters.countMetaGet(hit, hit && batch.touches(operation));
    length = 0;
    if (!hit) {
      if (!quiet[record]) {
        append(MISS);
        appendNames(record, operation);
        end(output);
      }
      return;
    }
    if (batch.isCreated(operation)) {
      counters.count(Counter.TOTAL_ITEMS);
    }
    appendStatus(record, batch.valueLength(operation));
    appendFlags(record, operation);
    appendMark('Z', batch.wasWon(operation));
    appendMark('X', batch.isStale(operation));
    appendMark('W', batch.isWon(operation));
    end(output);
    if (value[record]) {
      output.writeValue(batch, operation);
      output.write(Replies.CRLF);
    }
  }

  /** Writes the reply to ms. */
  void set(ReplyOutput output, int record, int operation) {
    Outcome outcome = batch.outcome(operation);
    counters.count(batch.operation(operation), outcome);
    length = 0;
    switch (outcome) {
      case STORED -> {
        if (quiet[record]) {
          return;
        }
        append(HIT);
      }
      case NOT_STORED -> append(NOT_STORED);
      case EXISTS -> append(EXISTS);
      case NOT_FOUND -> append(NOT_FOUND);
      default -> {
        output.write(Replies.of(outcome));
        return;
      }
    }
    long cas = outcome == Outcome.STORED ? batch.cas(operation) : 0;
    appendNamesAndCas(record, operation, cas);
    end(output);
  }

  /** Writes the reply to md. */
  void delete(ReplyOutput output, int record, int operation) {
    Outcome outcome = batch.outcome(operation);
    counters.count(batch.operation(operation), outcome);
    length = 0;
    switch (outcome) {
      case NOT_FOUND -> append(NOT_FOUND);
      case EXISTS -> append(EXISTS);
      default -> {
        if (quiet[record]) {
          return;
        }
        append(HIT);
      }
    }
    appendNames(record, operation);
    end(output);
  }

  /** Writes the reply to ma. */
  void arithmetic(ReplyOutput output, int record, int operation) {
    Outcome outcome = batch.outcome(operation);
    counters.count(batch.operation(operation), outcome);
    length = 0;
    switch (outcome) {
      case NOT_FOUND -> append(NOT_FOUND);
      case EXISTS -> append(EXISTS);
      case COUNTED, CREATED -> {
        // As in memcached, an item that had to be made is told of even so.
        if (!quiet[record] || outcome == Outcome.CREATED) {
          number(output, record, operation);
        }
        return;
      }
      default -> {
        output.write(
            outcome == Outcome.NO_MEMORY ? Replies.NO_MEMORY_COUNTING : Replies.of(outcome));
        return;
      }
    }
    appendNames(record, operation);
    end(output);
  }

  private void number(ReplyOutput output, int record, int operation) {
    int from = AsciiNumber.writeUnsigned(batch.number(operation), number, NUMBER_MAX);
    appendStatus(record, NUMBER_MAX - from);
    int expiry = batch.foundExpiry(operation);
    int now = BootClock.seconds();
    byte[] asked = flags[record];
    for (int i = 0; i < flagLengths[record]; i++) {
      switch (asked[i]) {
        case 'c' -> appendNumber('c', batch.cas(operation));
        case 't' -> appendTimeLeft(expiry, now);
        case 'N' -> expiry = batch.isCreated(operation) ? batch.createdExpiry(operation) : expiry;
        case 'T' -> expiry = batch.expiry(operation);
        case 'k' -> appendKey(operation, base64[record]);
        case 'O' -> i = appendOpaque(asked, i);
        default -> {
          // Means nothing here.
        }
      }
    }
    end(output);
    if (value[record]) {
      from = AsciiNumber.writeUnsigned(batch.number(operation), number, NUMBER_MAX);
      output.write(number, from, NUMBER_MAX - from);
      output.write(Replies.CRLF);
    }
  }

  /** Writes the reply to me. */
  void debug(ReplyOutput output, int operation) {
    counters.count(Counter.CMD_META);
    if (batch.outcome(operation) != Outcome.HIT) {
      output.write(Replies.META_MISS);
      return;
    }
    length = 0;
    append(DEBUG);
    appendKeyText(operation, batch.isBinaryKey(operation));
    int now = BootClock.seconds();
    int expiry = batch.foundExpiry(operation);
    append(EXPIRY);
    // As in memcached: the time left, but negative.
    appendSigned(expiry == BootClock.NEVER ? -1 : now - expiry);
    append(LAST_ACCESS);
    appendDigits(Math.max(0, now - batch.lastAccess(operation)));
    append(CAS);
    appendDigits(batch.cas(operation));
    append(batch.wasFetched(operation) ? FETCHED : UNFETCHED);
    appendDigits(batch.tier(operation));
    append(SIZE);
    appendDigits(batch.itemSize(operation));
    end(output);
  }

  private void appendStatus(int record, int valueLength) {
    if (value[record]) {
      append(VALUE);
      appendDigits(valueLength);
    } else {
      append(HIT);
    }
  }

  /** The flags of a hit; what T and N changed, is answered behind them. */
  private void appendFlags(int record, int operation) {
    byte[] asked = flags[record];
    int now = BootClock.seconds();
    int expiry = batch.foundExpiry(operation);
    for (int i = 0; i < flagLengths[record]; i++) {
      switch (asked[i]) {
        case 'c' -> appendNumber('c', batch.cas(operation));
        case 'f' -> appendNumber('f', Integer.toUnsignedLong(batch.flags(operation)));
        case 'h' -> appendNumber('h', batch.wasFetched(operation) ? 1 : 0);
        case 'k' -> appendKey(operation, batch.isBinaryKey(operation));
        case 'l' -> appendNumber('l', Math.max(0, now - batch.lastAccess(operation)));
        case 's' -> appendNumber('s', batch.valueLength(operation));
        case 't' -> appendTimeLeft(expiry, now);
        case 'N' -> expiry = batch.isCreated(operation) ? batch.createdExpiry(operation) : expiry;
        case 'T' -> expiry = batch.expiry(operation);
        default -> i = appendOpaque(asked, i);
      }
    }
  }

  /** The flags that are answered whatever the outcome: the key and the opaque. */
  private void appendNames(int record, int operation) {
    byte[] asked = flags[record];
    for (int i = 0; i < flagLengths[record]; i++) {
      if (asked[i] == 'k') {
        appendKey(operation, base64[record]);
      } else if (asked[i] == 'O') {
        i = appendOpaque(asked, i);
      }
    }
  }

  private void appendNamesAndCas(int record, int operation, long cas) {
    byte[] asked = flags[record];
    for (int i = 0; i < flagLengths[record]; i++) {
      switch (asked[i]) {
        case 'c' -> appendNumber('c', cas);
        case 'k' -> appendKey(operation, base64[record]);
        case 'O' -> i = appendOpaque(asked, i);
        default -> {
          // Means nothing here.
        }
      }
    }
  }

  private void appendMark(char mark, boolean set) {
    if (set) {
      text[length++] = ' ';
      text[length++] = (byte) mark;
    }
  }

  private void appendNumber(char flag, long value) {
    text[length++] = ' ';
    text[length++] = (byte) flag;
    appendDigits(value);
  }

  private void appendTimeLeft(int expiry, int now) {
    text[length++] = ' ';
    text[length++] = 't';
    if (expiry == BootClock.NEVER) {
      appendSigned(-1);
    } else {
      appendDigits(Integer.toUnsignedLong(expiry - now));
    }
  }

  /** Returns the index of the opaque's last byte. */
  private int appendOpaque(byte[] asked, int at) {
    int opaqueLength = asked[at + 1];
    text[length++] = ' ';
    System.arraycopy(asked, at + 2, text, length, opaqueLength);
    length += opaqueLength;
    return at + 1 + opaqueLength;
  }

  private void appendKey(int operation, boolean encoded) {
    text[length++] = ' ';
    text[length++] = 'k';
    appendKeyText(operation, encoded);
    appendMark('b', encoded);
  }

  private void appendKeyText(int operation, boolean encoded) {
    if (encoded) {
      int keyLength = batch.readKey(operation, key, 0);
      length = Base64Key.encode(key, 0, keyLength, text, length);
    } else {
      length = batch.readKey(operation, text, length);
    }
  }

  private void appendSigned(int value) {
    if (value < 0) {
      text[length++] = '-';
    }
    appendDigits(Math.abs((long) value));
  }

  private void appendDigits(long value) {
    int from = AsciiNumber.writeUnsigned(value, number, NUMBER_MAX);
    int digits = NUMBER_MAX - from;
    System.arraycopy(number, from, text, length, digits);
    length += digits;
  }

  private void append(byte[] bytes) {
    System.arraycopy(bytes, 0, text, length, bytes.length);
    length += bytes.length;
  }

  private void end(ReplyOutput output) {
    text[length++] = '\r';
    text[length++] = '\n';
    output.write(text, 0, length);
  }

  private static byte[] word(String text) {
    return text.getBytes(US_ASCII);
  }
}
