package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.DELETE;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.DELETED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What an md can meet; the replies are memcached 1.6.18's. */
final class MetaDeleteFixtures {
  private static final PacketFixture.Check EMPTY =
      (store, _, after) -> {
        assertThat(after.index()).isEmpty();
        assertThat(store.blocksInUse()).isZero();
      };
  private static final PacketFixture.Check UNCHANGED =
      (_, before, after) -> assertThat(after).isEqualTo(before);

  /** Right and wrong, and left to user space; k is stored. */
  private static final List<String> ODD_LINES =
      List.of(
          "md \r\n",
          "md  k\r\n",
          "md k \r\n",
          "md k  q\r\n",
          "md k",
          "md k\n",
          "md k\r",
          "md k\r\n\r\n",
          "md k\r\nmd k\r\n",
          "md k qk\r\n",
          "md k q q\r\n",
          "md k k k\r\n",
          "md k b\r\n",
          "md k I\r\n",
          "md k I T30\r\n",
          "md k T30\r\n",
          "md k E5\r\n",
          "md k x\r\n",
          "md k c\r\n",
          "md k v\r\n",
          "md k noreply\r\n",
          "md k C\r\n",
          "md k Cx\r\n",
          "md k C-1\r\n",
          "md k C18446744073709551616\r\n",
          "md k O" + "x".repeat(32) + "\r\n",
          "md " + key(251) + "\r\n",
          "md " + key(250));

  private MetaDeleteFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    String opaque = "\u0001\t!az~\u007f\u0080\u00ff0123456789012345678901".substring(0, 31);
    all.add(deleted("", "HD\r\n"));
    all.add(deleted(" k", "HD kk\r\n"));
    all.add(deleted(" O", "HD O\r\n"));
    all.add(deleted(" O" + opaque + " k", "HD O" + opaque + " kk\r\n"));
    all.add(deleted(" k O1", "HD kk O1\r\n"));
    all.add(deleted(" C1", "HD\r\n"));
    all.add(deleted(" k C1 O1", "HD kk O1\r\n"));
    for (ItemSize size : ItemSize.around(config)) {
      all.add(
          fixture("md of " + size)
              .given(store -> store.set(size.key(), size.value()))
              .request("md " + size.key() + " k O1\r\n")
              .replies("HD k" + size.key() + " O1\r\n")
              .counted(DELETE, DELETED)
              .then(EMPTY));
    }
    for (String quiet : List.of(" q", " q k O1", " C1 q")) {
      all.add(
          fixture("md with" + quiet)
              .given(store -> store.set("k", "value"))
              .request("md k" + quiet + "\r\n")
              .isSilent()
              .counted(DELETE, DELETED)
              .then(EMPTY));
    }
    for (String flags : List.of(" C2", " C0", " q C2")) {
      all.add(notDeleted("md of another cas:" + flags, "md k" + flags + "\r\n", "EX\r\n"));
    }
    all.add(notDeleted("md of another cas, shown", "md k C9 q O8 k\r\n", "EX O8 kk\r\n"));
    all.add(notDeleted("md of another key", "md x\r\n", "NF\r\n"));
    all.add(notDeleted("md of another key, shown", "md x q k O3\r\n", "NF kx O3\r\n"));
    all.add(notDeleted("md of another key with a cas", "md x C1 k\r\n", "NF kx\r\n"));
    all.addAll(others());
    for (String request : ODD_LINES) {
      all.add(
          fixture("\"" + LineFixtures.printable(request) + "\"")
              .given(store -> store.set("k", "value"))
              .request(request)
              .goesUp()
              .mayCountAsPassed());
    }
    return all;
  }

  private static PacketFixture deleted(String flags, String reply) {
    return fixture("md with" + (flags.isEmpty() ? "out flags" : flags))
        .given(store -> store.set("k", "value"))
        .request("md k" + flags + "\r\n")
        .replies(reply)
        .counted(DELETE, DELETED)
        .then(EMPTY);
  }

  private static PacketFixture notDeleted(String what, String request, String reply) {
    return fixture(what)
        .given(store -> store.set("k", "value"))
        .request(request)
        .replies(reply)
        .counted(DELETE, NOT_FOUND)
        .then(UNCHANGED);
  }

  private static List<PacketFixture> others() {
    return List.of(
        fixture("md of a value of the user tier")
            .given(store -> store.setUser("k", 77, 5000))
            .request("md k\r\n")
            .replies("HD\r\n")
            .counted(DELETE, DELETED)
            .drops(77L)
            .then(EMPTY),
        fixture("md of an item that has expired: not found, and its memory is back")
            .given(store -> store.set("k", "v", 0, KvAbi.EXPTIME_PAST))
            .request("md k k\r\n")
            .replies("NF kk\r\n")
            .counted(DELETE, NOT_FOUND)
            .then(EMPTY),
        fixture("md of a stale item")
            .given(
                store ->
                    store.run(
                        store.slot(0).request(KvAbi.Op.SET, "k").value("v").state(KvAbi.STALE, 0)))
            .request("md k\r\n")
            .replies("HD\r\n")
            .counted(DELETE, DELETED)
            .then(EMPTY),
        fixture("md while a writer holds the item")
            .given(
                store -> {
                  store.set("k", "v");
                  store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                })
            .request("md k\r\n")
            .goesUp()
            .mayCountAsPassed()
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))));
  }
}
