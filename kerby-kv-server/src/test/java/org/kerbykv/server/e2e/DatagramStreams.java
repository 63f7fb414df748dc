package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/**
 * Random requests: mostly plain ones on a few keys, with values on both sides of all the borders
 * between doors and tiers, and every way in which a line, a number, a value or the framing can be
 * other than plain.
 */
final class DatagramStreams {
  private static final String P = Datagram.PREFIX;

  private DatagramStreams() {}

  static Arbitrary<List<Datagram>> any() {
    return datagrams().list().ofMinSize(1).ofMaxSize(25);
  }

  private static Arbitrary<Datagram> datagrams() {
    return Combinators.combine(
            Arbitraries.frequency(
                Tuple.of(60, UdpClient.HEADER), Tuple.of(1, 0), Tuple.of(1, 3), Tuple.of(1, 7)),
            Arbitraries.frequency(Tuple.of(30, 0), Tuple.of(1, 1), Tuple.of(1, 65535)),
            Arbitraries.frequency(
                Tuple.of(60, 1), Tuple.of(1, 0), Tuple.of(1, 2), Tuple.of(1, 257)),
            Arbitraries.frequency(Tuple.of(30, 0), Tuple.of(1, 1), Tuple.of(1, 65535)),
            texts(),
            Arbitraries.frequency(Tuple.of(10, 1), Tuple.of(1, 2), Tuple.of(1, 3)))
        .as(Datagram::new);
  }

  private static Arbitrary<String> texts() {
    Arbitrary<String> one = commands();
    Arbitrary<String> several =
        commands().list().ofMinSize(0).ofMaxSize(4).map(list -> String.join("", list));
    Arbitrary<String> cut =
        Combinators.combine(one, Arbitraries.doubles().between(0, 1))
            .as((text, share) -> text.substring(0, (int) (text.length() * share)));
    return Arbitraries.frequencyOf(Tuple.of(20, one), Tuple.of(3, several), Tuple.of(2, cut));
  }

  private static Arbitrary<String> commands() {
    return Arbitraries.frequencyOf(
        Tuple.of(12, plainSets()),
        Tuple.of(10, keys().map(key -> "get " + key + "\r\n")),
        Tuple.of(4, keys().map(key -> "delete " + key + "\r\n")),
        Tuple.of(5, sets()),
        Tuple.of(5, gets()),
        Tuple.of(3, deletes()),
        Tuple.of(1, noCommands()));
  }

  private static Arbitrary<String> keys() {
    return Arbitraries.frequencyOf(
        Tuple.of(30, Arbitraries.of(P + "a", P + "b", P + "key:3")),
        Tuple.of(
            3,
            Arbitraries.of(
                // As long as keys may be, and longer; around the sizes that hashes work in.
                P + "k".repeat(244),
                P + "k".repeat(245),
                P + "k".repeat(300),
                P + "12",
                P + "1234567890",
                // Bytes that are no spaces and end no line.
                P + "\u00e9\u00ff\u0080",
                P + "tab\there",
                P + "cr\rhere",
                P + "\u0001\u007f")),
        Tuple.of(1, Arbitraries.of(P + "nul\0here", P + "two words", "")));
  }

  private static Arbitrary<String> plainSets() {
    return Combinators.combine(keys(), flags(), exptimes(), values(), noReplies())
        .as(
            (key, flags, exptime, value, noReply) ->
                "set %s %s %s %d%s\r\n%s\r\n"
                    .formatted(key, flags, exptime, value.length(), noReply, value));
  }

  private static Arbitrary<String> flags() {
    return Arbitraries.frequencyOf(
        Tuple.of(4, Arbitraries.just("0")),
        Tuple.of(1, Arbitraries.of("1", "65535", "4294967295", "007")));
  }

  private static Arbitrary<String> exptimes() {
    return Arbitraries.frequencyOf(
        Tuple.of(10, Arbitraries.of("0", "1000")),
        Tuple.of(1, Arbitraries.of("2592000", "2592001", "1000000000", "2147483647", "00")));
  }

  private static Arbitrary<String> noReplies() {
    return Arbitraries.frequency(Tuple.of(9, ""), Tuple.of(1, " noreply"));
  }

  /** Around block borders, around the longest that the kernel keeps, and beyond a datagram. */
  private static Arbitrary<String> values() {
    Arbitrary<Integer> lengths =
        Arbitraries.frequencyOf(
            Tuple.of(4, Arbitraries.integers().between(0, 20)),
            Tuple.of(3, Arbitraries.integers().between(170, 200)),
            Tuple.of(2, Arbitraries.integers().between(500, 1000)),
            Tuple.of(3, Arbitraries.integers().between(1000, 1340)),
            Tuple.of(3, Arbitraries.integers().between(1340, 1380)),
            Tuple.of(1, Arbitraries.integers().between(1381, 5000)));
    return Combinators.combine(lengths, Arbitraries.integers().between(0, 1000))
        .as((length, seed) -> new String(Requests.value(length, seed), ISO_8859_1));
  }

  /** Storage commands of which a part or two are odd. */
  private static Arbitrary<String> sets() {
    Arbitrary<String> lines =
        Combinators.combine(
                separators(),
                keys(),
                numbers(flags()),
                numbers(exptimes()),
                Arbitraries.frequency(
                    Tuple.of(4, ""),
                    Tuple.of(1, " noreply"),
                    Tuple.of(1, " 77"),
                    Tuple.of(1, " noreply noreply"),
                    Tuple.of(1, "  noreply "),
                    Tuple.of(1, " NOREPLY")))
            .as(
                (space, key, flags, exptime, last) ->
                    "set" + space + key + space + flags + space + exptime + space + "%s" + last);
    return Combinators.combine(lines, values(), lengthsOff(), lineEnds(), lineEnds())
        .as(
            (line, value, off, lineEnd, valueEnd) ->
                line.formatted(off.isEmpty() ? value.length() : off(value, off))
                    + lineEnd
                    + value
                    + valueEnd);
  }

  private static Arbitrary<String> lengthsOff() {
    return Arbitraries.frequencyOf(
        Tuple.of(8, Arbitraries.just("")),
        Tuple.of(3, Arbitraries.of("+1", "-1", "+2", "-2", "+3")),
        Tuple.of(2, numbers(Arbitraries.just("0")).map(number -> "=" + number)));
  }

  /** "+n" and "-n": so much more or less than the value has; "=n": just that. */
  private static String off(String value, String off) {
    return off.startsWith("=")
        ? off.substring(1)
        : Integer.toString(value.length() + Integer.parseInt(off));
  }

  private static Arbitrary<String> numbers(Arbitrary<String> plain) {
    return Arbitraries.frequencyOf(
        Tuple.of(12, plain),
        Tuple.of(
            1,
            Arbitraries.of(
                "-1",
                "-0",
                "+3",
                "x",
                "1x",
                "0x10",
                "1.5",
                "\t5",
                "5\t",
                "5\tx",
                "\t",
                "-",
                "2147483648",
                "4294967295",
                "4294967296",
                "-2147483649",
                "9223372036854775807",
                "9223372036854775808",
                "-9223372036854775808",
                "18446744073709551615",
                "-18446744073709551615",
                "99999999999999999999",
                "000000000000000000000000000001",
                "")));
  }

  private static Arbitrary<String> gets() {
    return Combinators.combine(
            Arbitraries.of("get", "gets", " get", "get "),
            separators(),
            keys().list().ofMinSize(0).ofMaxSize(4),
            lineEnds())
        .as((command, space, keys, end) -> command + space + String.join(space, keys) + end);
  }

  private static Arbitrary<String> deletes() {
    return Combinators.combine(
            separators(),
            keys(),
            Arbitraries.of(
                "",
                " noreply",
                " 0",
                " 0 noreply",
                " 1",
                " 00",
                " noreply 0",
                " noreply noreply",
                " 0 0 noreply",
                "  "),
            lineEnds())
        .as((space, key, last, end) -> "delete" + space + key + last + end);
  }

  private static Arbitrary<String> noCommands() {
    return Combinators.combine(
            Arbitraries.of(
                "", " ", "x", "GET", "Set", "gett", "se", "sett", "deletee", "del", "\0", "\u00ff"),
            keys(),
            lineEnds())
        .as((word, key, end) -> word + " " + key + end);
  }

  private static Arbitrary<String> separators() {
    return Arbitraries.frequency(
        Tuple.of(10, " "), Tuple.of(2, "  "), Tuple.of(1, "\t"), Tuple.of(1, ""));
  }

  private static Arbitrary<String> lineEnds() {
    return Arbitraries.frequency(
        Tuple.of(14, "\r\n"),
        Tuple.of(2, "\n"),
        Tuple.of(1, " \r\n"),
        Tuple.of(1, "\r\r\n"),
        Tuple.of(1, "\r"),
        Tuple.of(1, "\0\r\n"),
        Tuple.of(1, ""));
  }
}
