package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReplyReaderTest {
  private static final byte[] KEY = "key".getBytes(ISO_8859_1);
  private static final int VALUE_MAX = 4096;

  private final ReplyReader reader = new ReplyReader(VALUE_MAX);

  private static Call<byte[]> call(Command command) {
    return new Call<>(command, KEY, null, 0, 0, 0, 1, Reply::value);
  }

  private ReplyReader.Progress read(Command command, String reply) {
    reader.begin(call(command));
    return reader.feed(Unpooled.copiedBuffer(reply, ISO_8859_1));
  }

  @ParameterizedTest
  @CsvSource({
    "GET, END, COMPLETE",
    "GET, STORED, FOREIGN",
    "GET, VALUE key 1 x, MALFORMED",
    "GET, VALUE key -1 3, MALFORMED",
    "GET, VALUE key 4294967296 3, MALFORMED",
    "GET, VALUE key 18446744073709551615 3, MALFORMED",
    "GET, VALUE key 1 4097, MALFORMED",
    "GET, VALUE key 1 18446744073709551615, MALFORMED",
    "GET, VALUE key 1 3 x, MALFORMED",
    "GET, VALUE key 1 3 4 5, MALFORMED",
    "GET, VALUE key 1, MALFORMED",
    "GET, VALUE kez 1 3, FOREIGN",
    "GET, VALUE ke 1 3, FOREIGN",
    "GET, VALUE keys 1 3, FOREIGN",
    "GET, end, MALFORMED",
    "GET, END of it, MALFORMED",
    "GET, '', MALFORMED",
    "SET, STORED, COMPLETE",
    "SET, NOT_STORED, FOREIGN",
    "SET, EXISTS, FOREIGN",
    "SET, VALUE key 1 3, FOREIGN",
    "ADD, NOT_STORED, COMPLETE",
    "CAS, EXISTS, COMPLETE",
    "CAS, NOT_FOUND, COMPLETE",
    "CAS, NOT_STORED, FOREIGN",
    "INCR, 0, COMPLETE",
    "INCR, 18446744073709551615, COMPLETE",
    "INCR, 18446744073709551616, MALFORMED",
    "INCR, 99999999999999999999, MALFORMED",
    "INCR, '12  ', COMPLETE",
    "INCR, 12x, MALFORMED",
    "INCR, NOT_FOUND, COMPLETE",
    "DELETE, DELETED, COMPLETE",
    "DELETE, TOUCHED, FOREIGN",
    "TOUCH, TOUCHED, COMPLETE",
    "TOUCH, ERROR, COMPLETE",
    "TOUCH, ERRORS, MALFORMED",
    "TOUCH, SERVER_ERROR out of memory, COMPLETE",
  })
  void knowsReplies(Command command, String line, ReplyReader.Progress expected) {
    assertThat(read(command, line + "\r\n")).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"ERROR", "CLIENT_ERROR bad", "SERVER_ERROR out of memory storing object"})
  void keepsTheErrorLine(String line) {
    assertThat(read(Command.SET, line + "\r\n")).isEqualTo(ReplyReader.Progress.COMPLETE);
    assertThat(reader.errorLine()).isEqualTo(line);
  }

  @Property
  void readsARetrievalHoweverItIsCut(
      @ForAll("values") byte[] value, @ForAll int flags, @ForAll long cas, @ForAll long cuts) {
    String header =
        "VALUE key %s %d %s\r\n"
            .formatted(Integer.toUnsignedString(flags), value.length, Long.toUnsignedString(cas));
    ByteBuf reply =
        Unpooled.copiedBuffer(
            Unpooled.copiedBuffer(header, ISO_8859_1),
            Unpooled.wrappedBuffer(value),
            Unpooled.copiedBuffer("\r\nEND\r\nnext", ISO_8859_1));
    Random random = new Random(cuts);
    reader.begin(call(Command.GETS));
    ReplyReader.Progress progress = ReplyReader.Progress.MORE;
    while (progress == ReplyReader.Progress.MORE) {
      assertThat(reply.isReadable()).isTrue();
      int length = 1 + random.nextInt(Math.min(reply.readableBytes(), 20));
      ByteBuf piece = reply.slice(reply.readerIndex(), length);
      progress = reader.feed(piece);
      reply.skipBytes(piece.readerIndex());
    }
    assertThat(progress).isEqualTo(ReplyReader.Progress.COMPLETE);
    assertThat(reader.value()).isEqualTo(value);
    assertThat(reader.flags()).isEqualTo(flags);
    assertThat(reader.cas()).isEqualTo(cas);
    assertThat(reply.toString(ISO_8859_1)).isEqualTo("next");
  }

  @Provide
  Arbitrary<byte[]> values() {
    return Arbitraries.bytes().array(byte[].class).ofMinSize(0).ofMaxSize(300);
  }

  @Property
  void staysWithinItsLimitsOnAnyBytes(@ForAll("values") byte[] bytes, @ForAll Command command) {
    reader.begin(call(command));
    ByteBuf in = Unpooled.wrappedBuffer(bytes);
    ReplyReader.Progress progress = reader.feed(in);
    if (progress == ReplyReader.Progress.MORE) {
      assertThat(in.isReadable()).isFalse();
    }
  }
}
