package org.kerbykv.bpf.programs;

import java.util.List;
import java.util.stream.Stream;

/** The tables of requests that no state of a test's own comes before, one for each command. */
final class RequestFixtures {
  private RequestFixtures() {}

  static Stream<List<PacketFixture>> of(KvConfig config) {
    return Stream.of(
        GetFixtures.of(config),
        GetsFixtures.of(config),
        SeveralKeysFixtures.of(config),
        GatFixtures.of(config),
        MetaGetFixtures.of(config),
        MetaSetFixtures.of(config),
        MetaDeleteFixtures.of(config),
        SetFixtures.of(config),
        DeleteFixtures.of(config),
        TouchFixtures.of(config),
        LineFixtures.all());
  }
}
