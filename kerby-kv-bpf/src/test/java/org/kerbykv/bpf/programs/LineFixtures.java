package org.kerbykv.bpf.programs;

import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/**
 * Request texts that the kernel leaves to user space, be they wrong or right: each goes up as it
 * came and changes and counts nothing. The keys k, k2 and 0 are stored.
 */
final class LineFixtures {
  private static final String KEY_250 = MemcachedText.key(250);
  private static final String KEY_251 = MemcachedText.key(251);

  private static final List<String> GETS =
      List.of(
          "get \r\n",
          "get  \r\n",
          "get k",
          "get k\r",
          "get k\n",
          "get k\n\r\n",
          "get  k\r\n",
          "get\tk\r\n",
          "get k\0\r\n",
          "get k\r\nx",
          "get k\r\n\r\n",
          "get k\r\nget k\r\n",
          "get k\r\nk2\r\n",
          "get k\rk\r\n",
          "GET k\r\n",
          "Get k\r\n",
          "gets \r\n",
          "gets  k\r\n",
          "gets k",
          "gets k\n",
          "gets k\r\n\r\n",
          "getsk\r\n",
          "getss k\r\n",
          "gets " + KEY_251 + "\r\n",
          "gets " + KEY_250,
          "geta k\r\n",
          " get k\r\n",
          "get " + KEY_251 + "\r\n",
          "get " + "k".repeat(256) + "\r\n",
          "get " + "k".repeat(257) + "\r\n",
          "get " + "k".repeat(1000) + "\r\n",
          "get " + KEY_250);

  private static final List<String> SETS =
      List.of(
          "set k 0 0 1\r\nx\r",
          "set k 0 0 1\r\nx\n\r",
          "set k 0 0 1\r\nx\n",
          "set k 0 0 1\r\nxx\r\n",
          "set k 0 0 1\r\nx",
          "set k 0 0 1\r\n",
          "set k 0 0 1\r\n\r\n",
          "set k 0 0 1\r\nx\r\n\r\n",
          "set k 0 0 1\r\nx\r\nget k\r\n",
          "set k 0 0 0\r\n",
          "set k 0 0 0\r\n\n\r",
          "set k 0 0 1\nx\r\n",
          "set k 0 0 1\n\rx\r\n",
          "set k 0 0 1 \r\nx\r\n",
          "set k 0 0  1\r\nx\r\n",
          "set k 0  0 1\r\nx\r\n",
          "set k  0 0 1\r\nx\r\n",
          "set  k 0 0 1\r\nx\r\n",
          "set k 0 0\r\nx\r\n",
          "set k 0 0 \r\nx\r\n",
          "set k 0\r\nx\r\n",
          "set k\r\nx\r\n",
          "set \r\nx\r\n",
          "set 0 0 1\r\nx\r\n",
          "set k 0 0 x\r\nx\r\n",
          "set k 0 x 1\r\nx\r\n",
          "set k x 0 1\r\nx\r\n",
          "set k -1 0 1\r\nx\r\n",
          "set k +1 0 1\r\nx\r\n",
          "set k 1x 0 1\r\nx\r\n",
          "set k 0x1 0 1\r\nx\r\n",
          "set k 1.0 0 1\r\nx\r\n",
          "set k 0 -1 1\r\nx\r\n",
          "set k 0 0 -1\r\nx\r\n",
          "set k 0 0 1x\r\nx\r\n",
          "set k 4294967296 0 1\r\nx\r\n",
          "set k 10000000000 0 1\r\nx\r\n",
          "set k 18446744073709551616 0 1\r\nx\r\n",
          "set k 18446744073709551617 0 1\r\nx\r\n",
          "set k 000000000001 0 1\r\nx\r\n",
          "set k 0 4294967296 1\r\nx\r\n",
          "set k 0 0 4294967296\r\nx\r\n",
          "set k 0 0 4294967297\r\nx\r\n",
          "set k 0 0 4294967295\r\nx\r\n",
          "set k 0 0 8961\r\nx\r\n",
          "set k 0 0 1048576\r\nx\r\n",
          "set k 0 0 1 1\r\nx\r\n",
          "set k 0 0 1 x\r\nx\r\n",
          "set k 0 0 1 noreply \r\nx\r\n",
          "set k 0 0 1  noreply\r\nx\r\n",
          "set k 0 0 1 noreply2\r\nx\r\n",
          "set k 0 0 1 norepl\r\nx\r\n",
          "set k 0 0 1 NOREPLY\r\nx\r\n",
          "set k 0 0 1 noreply\nx\r\n",
          "set k 0 0 1 noreply\r\nxx\r\n",
          "set k 0 0 1noreply\r\nx\r\n",
          "set k 0 0 1\u0000\r\nx\r\n",
          "set\tk 0 0 1\r\nx\r\n",
          "set k\t0 0 1\r\nx\r\n",
          "SET k 0 0 1\r\nx\r\n",
          "sets k 0 0 1\r\nx\r\n",
          "add k 0 0 1\r\nx\r\n",
          "add k2 0 0 1\r\nx\r\n",
          "replace k 0 0 1\r\nx\r\n",
          "append k 0 0 1\r\nx\r\n",
          "prepend k 0 0 1\r\nx\r\n",
          "cas k 0 0 1 1\r\nx\r\n",
          "set " + KEY_251 + " 0 0 1\r\nx\r\n",
          "set " + KEY_250 + " 4294967295 4294967295 000000000001 noreply\r\nx\r\n",
          "set " + KEY_250);

  private static final List<String> DELETES =
      List.of(
          "delete \r\n",
          "delete k",
          "delete k\n",
          "delete k\r",
          "delete k \r\n",
          "delete  k\r\n",
          "delete k 0\r\n",
          "delete k 0 noreply\r\n",
          "delete k noreply \r\n",
          "delete k  noreply\r\n",
          "delete k norepl\r\n",
          "delete k noreply",
          "delete k noreplyx\r\n",
          "delete k k2\r\n",
          "delete k\r\n\r\n",
          "delete k\r\ndelete k2\r\n",
          "deletek\r\n",
          "deletex k\r\n",
          "delet k\r\n",
          "delet  k\r\n",
          "delexe k\r\n",
          "deletek k\r\n",
          "DELETE k\r\n",
          "delete\tk\r\n",
          "delete " + KEY_251 + "\r\n",
          "delete " + KEY_250);

  private static final List<String> TOUCHES =
      List.of(
          "touch \r\n",
          "touch k\r\n",
          "touch k \r\n",
          "touch k 0",
          "touch k 0\n",
          "touch k 0\r",
          "touch k 0 \r\n",
          "touch k  0\r\n",
          "touch  k 0\r\n",
          "touch k -1\r\n",
          "touch k +1\r\n",
          "touch k x\r\n",
          "touch k 1x\r\n",
          "touch k 2147483648\r\n",
          "touch k 4294967296\r\n",
          "touch k 000000000001\r\n",
          "touch k 1 x\r\n",
          "touch k 1 noreply \r\n",
          "touch k 1 noreply",
          "touch k 1 norepl\r\n",
          "touch k 1noreply\r\n",
          "touch k 1\r\n\r\n",
          "touch k 1\r\ntouch k 2\r\n",
          "touch k k2 1\r\n",
          "touchk 1\r\n",
          "touche k 1\r\n",
          "touck k 1\r\n",
          "toucan k 1\r\n",
          "TOUCH k 1\r\n",
          "touch " + KEY_251 + " 1\r\n",
          "touch " + KEY_250);

  private static final List<String> OTHERS =
      List.of(
          "incr k 1\r\n",
          "decr k 1\r\n",
          "mn\r\n\r\n",
          "ma k\r\n",
          "me k\r\n",
          "mgk v\r\n",
          "MG k v\r\n",
          "mg\r\n\r\n",
          "gat\r\n",
          "gats\r\n",
          "gate 1 k\r\n",
          "gat",
          "GAT 1 k\r\n",
          "stats\r\n",
          "version\r\n",
          "verbosity 1\r\n",
          "flush_all\r\n",
          "quit\r\n",
          "\r\n\r\n",
          "\0\0\0\0\0\0\0\0",
          "\u0080\u0001k\0\0\0\0\0\0\0\0\0", // the binary protocol
          "get",
          "set",
          "del",
          "dele",
          "delete",
          "");

  private LineFixtures() {}

  static List<PacketFixture> all() {
    List<PacketFixture> all = new ArrayList<>();
    for (List<String> texts : List.of(GETS, SETS, DELETES, TOUCHES, OTHERS)) {
      for (String text : texts) {
        all.add(
            fixture("\"" + printable(text) + "\"")
                .given(
                    store -> {
                      store.set("k", "value of k");
                      store.set("k2", "value of k2");
                      store.set("0", "value of 0");
                    })
                .request(text)
                .goesUp());
      }
    }
    return all;
  }

  static String printable(String text) {
    StringBuilder printable = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\r' -> printable.append("\\r");
        case '\n' -> printable.append("\\n");
        case '\t' -> printable.append("\\t");
        default -> printable.append(c < ' ' || c > '~' ? "\\x%02x".formatted((int) c) : "" + c);
      }
    }
    return printable.length() < 100
        ? printable.toString()
        : printable.substring(0, 60) + "... of " + text.length();
  }
}
