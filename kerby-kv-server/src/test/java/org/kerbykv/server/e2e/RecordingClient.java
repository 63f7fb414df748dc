package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.kerbykv.server.history.Operation;
import org.kerbykv.server.history.Reply;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.history.Request;
import org.kerbykv.server.history.Request.Verb;
import org.kerbykv.server.history.Value;
import org.kerbykv.server.store.BootClock;

/**
 * Sends requests in memcached's text and records what comes back. Used by one thread.
 *
 * <p>A reply that is none, or a value that is not one of the key's, is an error at once.
 */
final class RecordingClient {
  /** How a client's bytes get to the server and back. */
  interface Way {
    /** One word, for the record. */
    String name();

    /** Returns the whole reply, or empty if it did not come. */
    Optional<byte[]> exchange(byte[] request);

    /** Returns how often the next request to be sent will be delivered; 0 counts as once. */
    default int copies(byte[] request) {
      return 1;
    }
  }

  /** How a request is put into words. */
  enum Spelling {
    /** As the kernel understands it. */
    PLAIN,
    /** With a space more than it takes, so that user space answers. */
    SPACED,
    /** In meta commands. */
    META
  }

  private final int number;
  private final List<Operation> recorded = new ArrayList<>();

  RecordingClient(int number) {
    this.number = number;
  }

  List<Operation> recorded() {
    return recorded;
  }

  /**
   * Sends a request.
   *
   * @param value the bytes of the request's value
   * @param withVersion whether a get asks for the version
   * @return what was recorded
   */
  Operation send(
      Way way, Spelling spelling, String key, Request request, byte[] value, boolean withVersion) {
    boolean meta = spelling == Spelling.META;
    byte[] text =
        meta
            ? MetaText.request(key, request, value, withVersion)
            : text(spelling, key, request, value, withVersion);
    int copies = Math.max(1, way.copies(text));
    long invoked = BootClock.nanos();
    Optional<byte[]> reply = way.exchange(text);
    long returned = reply.isPresent() ? BootClock.nanos() : Operation.LOST;
    Operation operation =
        new Operation(
            key,
            number,
            way.name() + "-" + spelling,
            invoked,
            returned,
            copies,
            request,
            reply
                .map(it -> meta ? MetaText.reply(key, request, it) : reply(key, request, it))
                .orElse(Reply.UNSEEN));
    recorded.add(operation);
    return operation;
  }

  private static byte[] text(
      Spelling spelling, String key, Request request, byte[] value, boolean withVersion) {
    String spaced = spelling == Spelling.SPACED ? " " + key : key;
    Verb verb = request.verb();
    return switch (verb) {
      case GET -> Requests.bytes((withVersion ? "gets " : "get ") + spaced + "\r\n");
      case GET_AND_TOUCH ->
          Requests.bytes(
              "%s %d %s\r\n".formatted(withVersion ? "gats" : "gat", request.exptime(), spaced));
      case SET, ADD, REPLACE, APPEND, PREPEND, CAS -> {
        String version = verb == Verb.CAS ? " " + Long.toUnsignedString(request.number()) : "";
        yield Requests.storage(
            "%s %s %d %d %d%s\r\n"
                .formatted(
                    verb.name().toLowerCase(Locale.ROOT),
                    spaced,
                    request.flags(),
                    request.exptime(),
                    value.length,
                    version),
            value);
      }
      case INCR -> Requests.bytes("incr %s %d\r\n".formatted(spaced, request.number()));
      case DELETE -> Requests.bytes("delete " + spaced + "\r\n");
      case TOUCH -> Requests.bytes("touch %s %d\r\n".formatted(spaced, request.exptime()));
    };
  }

  private static Reply reply(String key, Request request, byte[] reply) {
    String text = new String(reply, ISO_8859_1);
    return switch (text) {
      case "END\r\n" -> Reply.of(Status.NOT_FOUND);
      case "STORED\r\n" -> Reply.of(Status.STORED);
      case "NOT_STORED\r\n" -> Reply.of(Status.NOT_STORED);
      case "EXISTS\r\n" -> Reply.of(Status.EXISTS);
      case "NOT_FOUND\r\n" -> Reply.of(Status.NOT_FOUND);
      case "DELETED\r\n" -> Reply.of(Status.DELETED);
      case "TOUCHED\r\n" -> Reply.of(Status.TOUCHED);
      default -> {
        if (request.verb() == Verb.INCR && text.matches("[0-9]+\r\n")) {
          yield Reply.counted(Long.parseLong(text.strip()));
        }
        if (!text.startsWith("VALUE ")) {
          throw new AssertionError(
              "%s of %s is answered %s".formatted(request, key, Requests.abridged(reply)));
        }
        yield hit(key, reply, text);
      }
    };
  }

  private static Reply hit(String key, byte[] reply, String text) {
    int start = text.indexOf("\r\n") + 2;
    String[] words = text.substring(0, start - 2).split(" ", -1);
    int length = Integer.parseInt(words[3]);
    if (!words[1].equals(key) || !text.substring(start + length).equals("\r\nEND\r\n")) {
      throw new AssertionError(key + " was asked for: " + Requests.abridged(reply));
    }
    byte[] bytes = Arrays.copyOfRange(reply, start, start + length);
    long version = words.length == 5 ? Long.parseUnsignedLong(words[4]) : 0;
    return hit(key, bytes, Long.parseLong(words[2]), version);
  }

  /** Returns the reply that shows these bytes, if they may be a value of the key's. */
  static Reply hit(String key, byte[] bytes, long flags, long version) {
    Value value = Value.of(bytes);
    if (!value.isNumber()) {
      StampedValue.flaw(key, bytes)
          .ifPresent(
              flaw -> {
                throw new AssertionError(
                    "%s: %s: %s".formatted(key, flaw, Requests.abridged(bytes)));
              });
    }
    return Reply.hit(value, flags, version);
  }
}
