package org.kerbykv.server.protocol;

import io.netty.buffer.ByteBuf;
import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.HeldValue;

/**
 * Where replies to one connection or datagram go: a stream of bytes in pieces that the transport
 * takes one by one.
 *
 * <p>Used by one event loop only.
 */
public abstract class ReplyOutput {
  private ByteBuf piece;

  /** Makes the next piece, with room for at least a byte; a hint says how many are coming. */
  protected abstract ByteBuf newPiece(int hintBytes);

  /** Takes a piece that is full, or that {@link #finishPiece} ends. */
  protected abstract void take(ByteBuf piece);

  /** Returns whether a long value should go on to be copied now, or be held. */
  protected boolean takesMore() {
    return true;
  }

  /** Takes the rest of a value, to come behind the pieces before it, and releases it some time. */
  protected void take(HeldValue rest) {
    throw new UnsupportedOperationException("this output takes all at once");
  }

  /** Begins the reply to a datagram. */
  protected abstract void beginMessage(Object envelope, int requestId);

  /** Ends the reply to a datagram. */
  protected abstract void endMessage();

  /** Closes the connection after what was written. */
  protected abstract void closeAfterwards();

  /** Sends what was written. */
  protected abstract void flush();

  /** Returns whether more replies should be made now; false while too much waits to be sent. */
  public abstract boolean isWritable();

  /** Whether stats are answered here. */
  public abstract boolean isDatagram();

  /** Ends the piece being written, if there is one. */
  protected final void finishPiece() {
    if (piece != null) {
      ByteBuf finished = piece;
      piece = null;
      take(finished);
    }
  }

  /** Drops the piece being written, if there is one. */
  protected final void dropPiece() {
    if (piece != null) {
      piece.release();
      piece = null;
    }
  }

  final void write(byte[] bytes) {
    write(bytes, 0, bytes.length);
  }

  final void write(byte[] bytes, int offset, int length) {
    for (int done = 0; done < length; ) {
      ByteBuf target = room(length - done);
      int n = Math.min(length - done, target.writableBytes());
      target.writeBytes(bytes, offset + done, n);
      done += n;
    }
  }

  final void writeValue(Batch batch, int operation) {
    int length = batch.valueLength(operation);
    for (int done = 0; done < length; ) {
      if ((piece == null || !piece.isWritable()) && !takesMore()) {
        HeldValue rest = batch.holdValue(operation, done);
        if (rest != null) {
          finishPiece();
          take(rest);
          return;
        }
      }
      ByteBuf target = room(length - done);
      int n = Math.min(length - done, target.writableBytes());
      batch.readValue(operation, done, target, n);
      done += n;
    }
  }

  private ByteBuf room(int hintBytes) {
    if (piece != null && !piece.isWritable()) {
      finishPiece();
    }
    if (piece == null) {
      piece = newPiece(hintBytes);
    }
    return piece;
  }
}
