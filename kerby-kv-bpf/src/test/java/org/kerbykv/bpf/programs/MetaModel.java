package org.kerbykv.bpf.programs;

import java.math.BigInteger;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The meta commands of {@link RequestModel}. */
final class MetaModel {
  private static final String KEY = "([^\\x00\n\r ]{1,250})";
  private static final String FLAGS = "((?: [^\\x00\n\r ]+)*)";
  private static final Pattern MG = RequestModel.pattern("mg " + KEY + FLAGS + "\r\n");
  private static final Pattern MD = RequestModel.pattern("md " + KEY + FLAGS + "\r\n");
  private static final Pattern MS =
      RequestModel.pattern("ms " + KEY + " ([0-9]{1,11})" + FLAGS + "\r\n(.*)\r\n");
  private static final Pattern OPAQUE = Pattern.compile("O.{0,31}", Pattern.DOTALL);
  private static final Pattern NUMBER = Pattern.compile("[CFT][0-9]{1,20}");

  private static final long MONTH = 60 * 60 * 24 * 30;
  private static final BigInteger FLAGS_MAX = BigInteger.valueOf(0xffff_ffffL);
  // Above that the programs leave a cas to user space, which has never given one.
  private static final BigInteger CAS_MAX = new BigInteger("18446744073709551599");

  private final RequestModel model;
  private final RequestModel.Unpredicted unpredicted;

  MetaModel(RequestModel model, RequestModel.Unpredicted unpredicted) {
    this.model = model;
    this.unpredicted = unpredicted;
  }

  /** Whether a time to live is asked for, or one given that ends while a test runs. */
  static boolean dependsOnClock(String text) {
    for (Pattern pattern : List.of(MG, MS)) {
      Matcher matcher = pattern.matcher(text);
      if (matcher.matches()) {
        for (String flag : flags(matcher.group(pattern.equals(MG) ? 2 : 3))) {
          if (flag.equals("t") || (flag.matches("T[0-9]{1,5}") && !flag.matches("T0+"))) {
            return true;
          }
        }
      }
    }
    return false;
  }

  Optional<RequestModel.Answer> answer(String text) {
    Matcher mg = MG.matcher(text);
    if (mg.matches() && plain(flags(mg.group(2)), "cfhkloqstvT")) {
      return get(mg.group(1), flags(mg.group(2)));
    }
    Matcher ms = MS.matcher(text);
    if (ms.matches() && plain(flags(ms.group(3)), "cCFkMoqT")) {
      return set(ms, text.length());
    }
    Matcher md = MD.matcher(text);
    if (md.matches() && plain(flags(md.group(2)), "Ckoq")) {
      return delete(md.group(1), flags(md.group(2)));
    }
    return Optional.empty();
  }

  private static List<String> flags(String words) {
    return words.isEmpty() ? List.of() : List.of(words.substring(1).split(" "));
  }

  /** Whether there is no flag but those (o: the opaque), each once and with a good argument. */
  private static boolean plain(List<String> flags, String letters) {
    Set<Character> seen = new HashSet<>();
    for (String flag : flags) {
      char letter = flag.charAt(0);
      boolean good =
          switch (letter) {
            case 'O' -> letters.indexOf('o') >= 0 && OPAQUE.matcher(flag).matches();
            case 'C', 'F', 'T' -> letters.indexOf(letter) >= 0 && isNumber(flag);
            case 'M' -> letters.indexOf('M') >= 0 && flag.matches("M[SER]");
            default -> letter != 'o' && flag.length() == 1 && letters.indexOf(letter) >= 0;
          };
      if (!good || !seen.add(letter)) {
        return false;
      }
    }
    return !(seen.contains('C') && seen.contains('M'));
  }

  private static boolean isNumber(String flag) {
    if (!NUMBER.matcher(flag).matches()) {
      return false;
    }
    BigInteger number = new BigInteger(flag.substring(1));
    BigInteger most =
        switch (flag.charAt(0)) {
          case 'C' -> CAS_MAX;
          case 'F' -> FLAGS_MAX;
          default -> BigInteger.valueOf(MONTH);
        };
    return number.compareTo(most) <= 0;
  }

  private static Optional<String> argument(List<String> flags, char letter) {
    return flags.stream()
        .filter(flag -> flag.charAt(0) == letter)
        .map(flag -> flag.substring(1))
        .findFirst();
  }

  private static boolean has(List<String> flags, char letter) {
    return argument(flags, letter).isPresent();
  }

  private Optional<RequestModel.Answer> get(String key, List<String> flags) {
    return switch (model.items().get(key)) {
      case null -> miss(key, flags);
      case RequestModel.Item.Expired _ -> miss(key, flags);
      case RequestModel.Item.User(long _, long itemFlags, int length) ->
          has(flags, 'v') ? Optional.empty() : hit(key, flags, itemFlags, "x".repeat(length));
      case RequestModel.Item.Kernel(long itemFlags, String value) ->
          hit(key, flags, itemFlags, value);
    };
  }

  private static Optional<RequestModel.Answer> miss(String key, List<String> flags) {
    return answer(has(flags, 'q'), "EN" + shown(key, flags) + "\r\n");
  }

  private Optional<RequestModel.Answer> hit(
      String key, List<String> flags, long itemFlags, String value) {
    StringBuilder reply = new StringBuilder(has(flags, 'v') ? "VA " + value.length() : "HD");
    for (String flag : flags) {
      reply.append(
          switch (flag.charAt(0)) {
            case 'c' -> " c" + Long.toUnsignedString(unpredicted.cas(key));
            case 'f' -> " f" + itemFlags;
            case 'h' -> unpredicted.fetched(key) ? " h1" : " h0";
            case 'l' -> " l0";
            case 's' -> " s" + value.length();
            default -> shown(key, List.of(flag));
          });
    }
    reply.append("\r\n").append(has(flags, 'v') ? value + "\r\n" : "");
    return model.fits(reply.toString()) ? answer(false, reply.toString()) : Optional.empty();
  }

  private Optional<RequestModel.Answer> set(Matcher ms, int textLength) {
    String key = ms.group(1);
    List<String> flags = flags(ms.group(3));
    String value = ms.group(4);
    long itemFlags = Long.parseLong(argument(flags, 'F').orElse("0"));
    long version = unpredicted.lastVersion() + 1;
    // Digits are counted before the version is taken, so there is one to spare.
    int most =
        ("HD" + stored(key, flags, unpredicted.lastVersion()) + "\r\n").length()
            + (has(flags, 'c') ? 1 : 0);
    if (Long.parseLong(ms.group(2)) != value.length()
        || !model.isStorable(key, itemFlags, value)
        || most > textLength) {
      return Optional.empty();
    }
    String failure = failure(key, flags);
    if (!failure.isEmpty()) {
      return answer(false, failure + stored(key, flags, 0) + "\r\n");
    }
    model.store(key, itemFlags, value, true);
    return answer(has(flags, 'q'), "HD" + stored(key, flags, version) + "\r\n");
  }

  /** The code of a set that does not go ahead; empty if it does. */
  private String failure(String key, List<String> flags) {
    RequestModel.Item item = model.items().get(key);
    boolean present = item != null && !(item instanceof RequestModel.Item.Expired);
    Optional<String> cas = argument(flags, 'C');
    if (cas.isPresent()) {
      return !present ? "NF" : isCas(key, cas.get()) ? "" : "EX";
    }
    return switch (argument(flags, 'M').orElse("S")) {
      case "E" -> present ? "NS" : "";
      case "R" -> present ? "" : "NS";
      default -> "";
    };
  }

  private boolean isCas(String key, String digits) {
    return new BigInteger(digits)
        .equals(new BigInteger(Long.toUnsignedString(unpredicted.cas(key))));
  }

  private Optional<RequestModel.Answer> delete(String key, List<String> flags) {
    RequestModel.Item item = model.items().get(key);
    boolean present = item != null && !(item instanceof RequestModel.Item.Expired);
    Optional<String> cas = argument(flags, 'C');
    if (present && cas.isPresent() && !isCas(key, cas.get())) {
      return answer(false, "EX" + shown(key, flags) + "\r\n");
    }
    return model.drop(key)
        ? answer(has(flags, 'q'), "HD" + shown(key, flags) + "\r\n")
        : answer(false, "NF" + shown(key, flags) + "\r\n");
  }

  /** Key and opaque, where they are asked for. */
  private static String shown(String key, List<String> flags) {
    StringBuilder shown = new StringBuilder();
    for (String flag : flags) {
      shown.append(
          switch (flag.charAt(0)) {
            case 'k' -> " k" + key;
            case 'O' -> " " + flag;
            default -> "";
          });
    }
    return shown.toString();
  }

  /** The same, and the cas. */
  private static String stored(String key, List<String> flags, long cas) {
    StringBuilder shown = new StringBuilder();
    for (String flag : flags) {
      shown.append(flag.equals("c") ? " c" + cas : shown(key, List.of(flag)));
    }
    return shown.toString();
  }

  private static Optional<RequestModel.Answer> answer(boolean quiet, String text) {
    return Optional.of(new RequestModel.Answer(quiet ? Optional.empty() : Optional.of(text)));
  }
}
