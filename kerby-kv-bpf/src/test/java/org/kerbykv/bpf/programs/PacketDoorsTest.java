package org.kerbykv.bpf.programs;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.kerbykv.bpf.RequiresBPF;

/** The tables of fixtures, through both doors of packets, with every block size. */
@RequiresBPF
class PacketDoorsTest {
  private static final LoadedStores STORES = new LoadedStores();

  @AfterAll
  static void unload() {
    STORES.close();
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

  private static Stream<DynamicNode> table(
      Function<KvConfig, List<PacketFixture>> fixtures, Function<Integer, KvConfig> configOf) {
    return Arrays.stream(KvConfig.BLOCK_SIZES)
        .boxed()
        .map(configOf)
        .map(
            config ->
                DynamicContainer.dynamicContainer(
                    "blocks of " + config.blockBytes(),
                    Arrays.stream(PacketDoor.values())
                        .map(door -> throughDoor(door, config, fixtures.apply(config)))));
  }

  private static DynamicNode throughDoor(
      PacketDoor door, KvConfig config, List<PacketFixture> fixtures) {
    return DynamicContainer.dynamicContainer(
        door.name(),
        fixtures.stream()
            .map(
                fixture ->
                    DynamicTest.dynamicTest(
                        fixture.description(), () -> fixture.run(STORES.get(config), door))));
  }
}
