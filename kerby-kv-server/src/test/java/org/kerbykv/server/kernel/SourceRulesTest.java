package org.kerbykv.server.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.Cidr;

/** What the programs make of an allowlist, for a request from 198.18.0.1. */
@RequiresBPF
class SourceRulesTest {
  private static KernelDoors doors;
  private static BPFTestRun xdp;

  @BeforeAll
  static void load() {
    DoorPlace place =
        new DoorPlace(
            "lo",
            List.of(InetAddress.ofLiteral("198.18.0.2")),
            XdpMode.GENERIC,
            Optional.empty(),
            new Allowlist(List.of()));
    doors = KernelDoors.open(new KernelConfig(place, 11211, 8 << 20, 192, 1400, 0), 8);
    xdp = doors.program().testRun("kv_xdp");
  }

  @AfterAll
  static void unload() {
    xdp.close();
    doors.close();
  }

  private static SourceRules rules(String networks, boolean loopback) {
    return new SourceRules(
        new Allowlist(
            Stream.of(networks.split(" ", -1))
                .filter(network -> !network.isEmpty())
                .map(Cidr::parse)
                .toList()),
        loopback);
  }

  /** Each list takes the place of the one before, as that of an adopted map. */
  @ParameterizedTest
  @CsvSource(
      value = {
        "198.18.0.0/15 | true",
        "127.0.0.0/8 10.0.0.0/8 | false",
        "198.18.0.1 | true",
        "198.18.0.0 | false",
        "10.0.0.0/8 10.1.0.0/16 10.2.0.0/16 10.3.0.0/16 198.18.0.0/24 | true",
        "'' | false",
        "0.0.0.0/0 | true",
        "::/0 | false",
        "0.0.0.0/0 ::/0 | true"
      },
      delimiter = '|')
  void theProgramsHaveTheList(String networks, boolean answered) {
    rules(networks, false).put(doors.program());
    NetDrops drops = doors.drops();
    long before = drops.count(NetDrops.Reason.NOT_ALLOWED);
    assertThat(KernelDoorsTest.send(xdp, "get k\r\n").equals("END\r\n")).isEqualTo(answered);
    assertThat(drops.count(NetDrops.Reason.NOT_ALLOWED) - before).isEqualTo(answered ? 0 : 1);
  }

  /** The first four networks of IPv4 which have no source in them that can be none. */
  @ParameterizedTest
  @CsvSource(
      value = {
        "127.0.0.0/8 198.18.0.0/24 ::1 fe80::/64 | false | ffffff00c6120000",
        "127.0.0.0/8 198.18.0.0/24 | true | ff0000007f000000 ffffff00c6120000",
        "0.0.0.0/0 224.0.0.1 127.0.0.1 | false | ''",
        "1.0.0.0/8 2.0.0.0/8 3.0.0.0/8 4.5.6.7 5.0.0.0/8 | true"
            + " | ff00000001000000 ff00000002000000 ff00000003000000 ffffffff04050607"
      },
      delimiter = '|')
  void networksThatAreConstants(String networks, boolean loopback, String constants) {
    assertThat(LongStream.of(rules(networks, loopback).near()).mapToObj(SourceRulesTest::read))
        .containsExactlyElementsOf(
            Stream.of(constants.split(" ", -1)).filter(word -> !word.isEmpty()).toList());
  }

  /** Mask and network, in the order in which addresses are written. */
  private static String read(long constant) {
    return HexFormat.of().toHexDigits(Integer.reverseBytes((int) (constant >>> 32)))
        + HexFormat.of().toHexDigits(Integer.reverseBytes((int) constant));
  }
}
