package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;

/** Writes requests as the ASCII protocol wants them. */
final class RequestWriter {
  /** Bytes of a request besides its keys and value, at most. */
  private static final int OVERHEAD_MAX = 96;

  private static final int CRLF = '\r' << 8 | '\n';

  private RequestWriter() {}

  /** Room for the request without its value. */
  static int lineBytesMax(Call<?> call) {
    int bytes = OVERHEAD_MAX + call.key.length;
    if (call.keys != null) {
      for (byte[] key : call.keys) {
        bytes += 1 + key.length;
      }
    }
    return bytes;
  }

  /** The request line; for a storage command the value and {@link #writeValueEnd} follow. */
  static void writeLine(Call<?> call, ByteBuf out) {
    Command command = call.command;
    ByteBufUtil.writeAscii(out, command.word());
    if (command == Command.GAT) {
      writeField(out, call.exptime);
    }
    writeKeys(call, out);
    switch (command.shape()) {
      case STORAGE -> {
        writeUnsignedField(out, Integer.toUnsignedLong(call.flags));
        writeField(out, call.exptime);
        writeUnsignedField(out, call.value.length);
        if (command == Command.CAS) {
          writeUnsignedField(out, call.argument);
        }
      }
      case ARITHMETIC -> writeUnsignedField(out, call.argument);
      case TOUCH -> writeField(out, call.exptime);
      case RETRIEVAL, REMOVAL, SERVER -> {}
    }
    out.writeShort(CRLF);
  }

  /** Puts a further key into the get that has just been written. */
  static void join(Call<?> call, ByteBuf out) {
    out.writerIndex(out.writerIndex() - Short.BYTES);
    writeKeys(call, out);
    out.writeShort(CRLF);
  }

  private static void writeKeys(Call<?> call, ByteBuf out) {
    if (call.keys != null) {
      for (byte[] key : call.keys) {
        out.writeByte(' ').writeBytes(key);
      }
    } else if (call.command.hasKey()) {
      out.writeByte(' ').writeBytes(call.key);
    }
  }

  static void writeValueEnd(ByteBuf out) {
    out.writeShort(CRLF);
  }

  private static void writeField(ByteBuf out, long value) {
    if (value < 0) {
      out.writeByte(' ').writeByte('-');
      writeDigits(out, -value);
    } else {
      writeUnsignedField(out, value);
    }
  }

  private static void writeUnsignedField(ByteBuf out, long value) {
    out.writeByte(' ');
    writeDigits(out, value);
  }

  private static void writeDigits(ByteBuf out, long unsigned) {
    int start = out.writerIndex();
    long rest = unsigned;
    int digits = 0;
    do {
      rest = Long.divideUnsigned(rest, 10);
      digits++;
    } while (rest != 0);
    out.ensureWritable(digits).writerIndex(start + digits);
    rest = unsigned;
    for (int i = start + digits - 1; i >= start; i--) {
      out.setByte(i, '0' + (int) Long.remainderUnsigned(rest, 10));
      rest = Long.divideUnsigned(rest, 10);
    }
  }
}
