package org.kerbykv.bpf.programs;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.kerbykv.bpf.RequiresBPF;

/** The tables of fixtures, through both doors of packets, most with every block size. */
@RequiresBPF
class PacketDoorsTest {
  /** Where the size of blocks makes no difference. */
  private static final KvConfig ONE_OF_MANY = KvConfig.of(64);

  private static LoadedStores stores;

  @BeforeAll
  static void load() {
    stores =
        new LoadedStores(
            Stream.<IntFunction<KvConfig>>of(KvConfig::of, CollisionFixtures::config)
                .flatMap(configOf -> Arrays.stream(KvConfig.BLOCK_SIZES).mapToObj(configOf))
                .toList());
  }

  @AfterAll
  static void unload() {
    stores.close();
  }

  @TestFactory
  Stream<DynamicNode> get() {
    return table(GetFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> set() {
    return table(SetFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> delete() {
    return table(DeleteFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> gets() {
    return table(GetsFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> severalKeys() {
    return table(SeveralKeysFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> gat() {
    return table(GatFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> metaGet() {
    return table(MetaGetFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> metaSet() {
    return table(MetaSetFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> metaDelete() {
    return table(MetaDeleteFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> touch() {
    return table(TouchFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> requestsLeftToUserSpace() {
    return table(_ -> LineFixtures.all(), KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> headers() {
    return table(_ -> HeaderFixtures.all(), KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> itemsInUserSpace() {
    return table(UserTierFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> fullPool() {
    return table(FullPoolFixtures::of, KvConfig::of);
  }

  @TestFactory
  Stream<DynamicNode> collidingKeys() {
    return table(CollisionFixtures::of, CollisionFixtures::config);
  }

  @TestFactory
  Stream<DynamicNode> otherHeaders() {
    return throughDoors(ONE_OF_MANY, Headers.IP4, OtherHeaderFixtures.all());
  }

  /** The tables of requests once more, behind headers of the other kinds. */
  @TestFactory
  Stream<DynamicNode> requestsBehindOtherHeaders() {
    KvConfig config = ONE_OF_MANY;
    List<PacketFixture> ordinary =
        Stream.concat(RequestFixtures.of(config), Stream.of(UserTierFixtures.of(config)))
            .flatMap(List::stream)
            .filter(PacketFixture::isOrdinary)
            .toList();
    return Stream.of(Headers.IP4_TAGGED, Headers.IP6, Headers.IP6_TAGGED)
        .map(
            headers ->
                DynamicContainer.dynamicContainer(
                    headers.name(), throughDoors(config, headers, ordinary)));
  }

  private static Stream<DynamicNode> table(
      Function<KvConfig, List<PacketFixture>> fixtures, Function<Integer, KvConfig> configOf) {
    return Arrays.stream(KvConfig.BLOCK_SIZES)
        .boxed()
        .map(configOf)
        .map(
            config ->
                DynamicContainer.dynamicContainer(
                    "blocks of " + config.blockBytes(),
                    throughDoors(config, Headers.IP4, fixtures.apply(config))));
  }

  private static Stream<DynamicNode> throughDoors(
      KvConfig config, Headers headers, List<PacketFixture> fixtures) {
    return Arrays.stream(PacketDoor.values())
        .map(
            door ->
                DynamicContainer.dynamicContainer(
                    door.name(),
                    fixtures.stream()
                        .map(
                            fixture ->
                                DynamicTest.dynamicTest(
                                    fixture.description(),
                                    () -> fixture.run(stores.get(config), door, headers)))));
  }
}
