package org.kerbykv.server.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AllowlistTest {
  @ParameterizedTest
  @CsvSource({
    "10.0.0.0/8, 10.255.255.255, true",
    "10.0.0.0/8, 11.0.0.0, false",
    "10.0.0.0/8, 9.255.255.255, false",
    "10.1.2.3/8, 10.0.0.0, true",
    "198.18.0.128/25, 198.18.0.127, false",
    "198.18.0.128/25, 198.18.0.128, true",
    "198.18.0.7, 198.18.0.7, true",
    "198.18.0.7, 198.18.0.6, false",
    "0.0.0.0/0, 255.255.255.255, true",
    "0.0.0.0/0, ::1, false",
    "0.0.0.0/0, ::, false",
    "::/0, 10.0.0.1, false",
    "::/0, 2001:db8::1, true",
    "2001:db8::/33, 2001:db8:7fff::1, true",
    "2001:db8::/33, 2001:db8:8000::1, false",
    "2001:db8::4/126, 2001:db8::7, true",
    "2001:db8::4/126, 2001:db8::8, false",
    "::1, ::1, true",
    "::1, 0.0.0.1, false",
  })
  void aNetworkHasTheAddressesThatBeginLikeIt(String network, String address, boolean in) {
    Allowlist list = new Allowlist(List.of(Cidr.parse(network)));
    assertThat(list.allows(InetAddress.ofLiteral(address))).isEqualTo(in);
  }

  /** A socket of IPv6 may give IPv4 peers so. */
  @Test
  void ip4InIp6sFormIsIp4() throws Exception {
    byte[] mapped = new byte[16];
    mapped[10] = (byte) 0xff;
    mapped[11] = (byte) 0xff;
    mapped[12] = 10;
    InetAddress address = Inet6Address.getByAddress(null, mapped, 0);
    assertThat(new Allowlist(List.of(Cidr.parse("10.0.0.0/8"))).allows(address)).isTrue();
    assertThat(new Allowlist(List.of(Cidr.parse("::/0"))).allows(address)).isFalse();
  }

  @Test
  void anEmptyListAllowsNobody() {
    assertThat(new Allowlist(List.of()).allows(InetAddress.getLoopbackAddress())).isFalse();
  }

  @Test
  void aroundAServerAreLoopbackAndItsNetwork() throws Exception {
    Allowlist list = Allowlist.around("lo", InetAddress.ofLiteral("127.0.0.1"));
    assertThat(list.allows(InetAddress.ofLiteral("127.3.4.5"))).isTrue();
    assertThat(list.allows(InetAddress.ofLiteral("::1"))).isTrue();
    assertThat(list.allows(InetAddress.ofLiteral("8.8.8.8"))).isFalse();
    assertThat(list.allows(InetAddress.ofLiteral("2001:db8::1"))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0/8/8",
        "::/129",
        "localhost",
        "10.0.0.256",
        "10.0.0.0/8 ",
        "any"
      })
  void whatIsNoNetworkIsRefused(String text) {
    assertThatThrownBy(() -> Cidr.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + text + "'");
  }
}
