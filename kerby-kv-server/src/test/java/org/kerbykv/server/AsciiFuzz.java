package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Deque;
import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.protocol.AsciiSession;
import org.kerbykv.server.protocol.Dispatcher;
import org.kerbykv.server.protocol.ReplyOutput;
import org.kerbykv.server.protocol.ServerCommands;
import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.Store;
import org.kerbykv.server.store.UserStore;

/**
 * What Jazzer runs: a connection that sends whatever it likes. The session throws nothing, gives
 * back every buffer, and answers the same however the bytes were cut on their way; but for numbers,
 * as those of versions depend on what the store did together.
 *
 * <p>An input is the length of the pieces, a byte, and then what is sent.
 */
public final class AsciiFuzz {
  private static final int ITEM_BYTES_MAX = 64 << 10;
  private static final long MEMORY_BYTES = 1 << 20;
  private static final int TRIES = 10;

  private AsciiFuzz() {}

  /** The method of that name is what Jazzer looks for. */
  public static void fuzzerTestOneInput(byte[] input) {
    if (input.length < 2) {
      return;
    }
    int piece = 1 + (input[0] & 0xff);
    String whole;
    String cut;
    int second;
    int tries = 0;
    do { // replies tell of seconds
      second = BootClock.seconds();
      whole = replies(input, input.length);
      cut = replies(input, piece);
    } while (second != BootClock.seconds() && ++tries < TRIES);
    if (tries < TRIES && !whole.equals(cut)) {
      throw new IllegalStateException(
          "in pieces of %d it is answered '%s', not '%s'".formatted(piece, cut, whole));
    }
  }

  private static String replies(byte[] input, int piece) {
    Deque<Runnable> tasks = new ArrayDeque<>();
    Output output = new Output();
    try (UserStore store = new UserStore(MEMORY_BYTES, true);
        Arena arena = Arena.ofConfined()) {
      Counters counters = new Counters(arena.allocate(Store.COUNTS_BYTES, Long.BYTES));
      try (Dispatcher dispatcher =
          new Dispatcher(new Batch(store.openDoor(), ITEM_BYTES_MAX), counters, tasks::add)) {
        AsciiSession session = new AsciiSession(dispatcher, output, new Commands());
        ByteBuf arrived = Unpooled.buffer(input.length);
        for (int at = 1; at < input.length && !session.isClosed(); at += piece) {
          arrived.writeBytes(input, at, Math.min(piece, input.length - at));
          int before;
          do { // a round of the event loop
            before = arrived.readableBytes();
            session.consume(arrived);
            for (Runnable task; (task = tasks.poll()) != null; ) {
              task.run();
            }
          } while (arrived.readableBytes() < before && arrived.isReadable());
        }
        session.abandon();
      }
    }
    return output.sent.toString(ISO_8859_1).replaceAll("[0-9]+", "0");
  }

  private static final class Output extends ReplyOutput {
    private final ByteArrayOutputStream sent = new ByteArrayOutputStream();

    @Override
    protected ByteBuf newPiece(int hintBytes) {
      return Unpooled.buffer(64, 64);
    }

    @Override
    protected void take(ByteBuf piece) {
      sent.write(piece.array(), piece.arrayOffset(), piece.readableBytes());
      if (!piece.release()) {
        throw new IllegalStateException("a piece that somebody else holds");
      }
    }

    @Override
    protected void beginMessage(Object sender, int requestId) {
      throw new UnsupportedOperationException("a connection has no messages");
    }

    @Override
    protected void endMessage() {
      throw new UnsupportedOperationException("a connection has no messages");
    }

    @Override
    protected void closeAfterwards() {
      finishPiece();
    }

    @Override
    protected void flush() {
      finishPiece();
    }

    @Override
    public boolean isWritable() {
      return true;
    }

    @Override
    public boolean isDatagram() {
      return false;
    }
  }

  private static final class Commands implements ServerCommands {
    @Override
    public byte[] version() {
      return "VERSION 0\r\n".getBytes(US_ASCII);
    }

    @Override
    public byte[] stats(String topic) {
      return topic.isEmpty() ? "END\r\n".getBytes(US_ASCII) : null;
    }

    @Override
    public void resetStats() {}

    @Override
    public void flushAll(int exptime) {}

    @Override
    public void setVerbosity(int level) {}

    @Override
    public int itemSizeMax() {
      return ITEM_BYTES_MAX;
    }
  }
}
