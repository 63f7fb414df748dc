package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;
import org.kerbykv.server.history.Reply;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.history.Request;
import org.kerbykv.server.history.Request.Verb;
import org.kerbykv.server.history.Value;

/** The requests of a history in memcached's meta commands, and what these are answered. */
final class MetaText {
  private MetaText() {}

  /** Returns a request's text; the reply to one that returns a value then tells the flags too. */
  static byte[] request(String key, Request request, byte[] value, boolean withVersion) {
    String version = withVersion ? " c" : "";
    return switch (request.verb()) {
      case GET -> Requests.bytes("mg " + key + " v f" + version + "\r\n");
      case GET_AND_TOUCH ->
          Requests.bytes("mg %s v f%s T%d\r\n".formatted(key, version, request.exptime()));
      case TOUCH -> Requests.bytes("mg %s T%d\r\n".formatted(key, request.exptime()));
      case SET -> store(key, request, value, "");
      case ADD -> store(key, request, value, " ME");
      case REPLACE -> store(key, request, value, " MR");
      case APPEND -> store(key, request, value, " MA");
      case PREPEND -> store(key, request, value, " MP");
      case CAS -> store(key, request, value, " C" + Long.toUnsignedString(request.number()));
      case INCR -> Requests.bytes("ma %s v D%d\r\n".formatted(key, request.number()));
      case DELETE -> Requests.bytes("md " + key + "\r\n");
    };
  }

  private static byte[] store(String key, Request request, byte[] value, String mode) {
    return Requests.storage(
        "ms %s %d F%d T%d%s\r\n"
            .formatted(key, value.length, request.flags(), request.exptime(), mode),
        value);
  }

  /** Reads a reply. */
  static Reply reply(String key, Request request, byte[] reply) {
    String text = new String(reply, ISO_8859_1);
    Verb verb = request.verb();
    return switch (text) {
      case "EN\r\n", "NF\r\n" -> Reply.of(Status.NOT_FOUND);
      case "NS\r\n" -> Reply.of(Status.NOT_STORED);
      case "EX\r\n" -> Reply.of(Status.EXISTS);
      case "HD\r\n" ->
          Reply.of(
              switch (verb) {
                case DELETE -> Status.DELETED;
                case TOUCH -> Status.TOUCHED;
                case SET, ADD, REPLACE, APPEND, PREPEND, CAS -> Status.STORED;
                case GET, GET_AND_TOUCH, INCR -> throw unexpected(key, request, reply);
              });
      default -> {
        if (!text.startsWith("VA ")) {
          throw unexpected(key, request, reply);
        }
        yield value(key, request, reply, text);
      }
    };
  }

  private static Reply value(String key, Request request, byte[] reply, String text) {
    int start = text.indexOf("\r\n") + 2;
    String[] words = text.substring(0, start - 2).split(" ", -1);
    int length = Integer.parseInt(words[1]);
    if (!text.substring(start + length).equals("\r\n")) {
      throw unexpected(key, request, reply);
    }
    byte[] bytes = Arrays.copyOfRange(reply, start, start + length);
    if (request.verb() == Verb.INCR) {
      return Reply.counted(Value.of(bytes).number());
    }
    long flags = Long.parseLong(words[2].substring(1));
    long version = words.length == 4 ? Long.parseUnsignedLong(words[3].substring(1)) : 0;
    return RecordingClient.hit(key, bytes, flags, version);
  }

  private static AssertionError unexpected(String key, Request request, byte[] reply) {
    return new AssertionError(
        "%s of %s is answered %s".formatted(request, key, Requests.abridged(reply)));
  }
}
