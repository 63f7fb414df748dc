package org.kerbykv.loadgen.workload;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkloadTest {
  private static final int KEYS = 1000;

  private static SyntheticWorkload workload(SizeDistribution sizes) {
    return new SyntheticWorkload(
        KEYS, SizeDistribution.fixed(20), KeyDistribution.uniform(KEYS), sizes);
  }

  private static ByteBuf value(Workload workload, int key, int version) {
    ByteBuf out = Unpooled.buffer();
    workload.writeValue(key, version, out);
    assertThat(out.readableBytes()).isEqualTo(workload.valueLength(key, version));
    return out;
  }

  private static boolean isValue(Workload workload, int key, ByteBuf value) {
    return workload.isValue(key, value, value.readerIndex(), value.readableBytes());
  }

  @Property(tries = 300)
  void everyVersionOfAValueIsRecognized(
      @ForAll @IntRange(max = KEYS - 1) int key,
      @ForAll int version,
      @ForAll @IntRange(max = 200_000) int max) {
    Workload workload = workload(SizeDistribution.uniform(0, max));
    assertThat(isValue(workload, key, value(workload, key, version))).isTrue();
  }

  @Property(tries = 300)
  void aChangedByteIsNoticed(
      @ForAll @IntRange(max = KEYS - 1) int key,
      @ForAll int version,
      @ForAll @IntRange(min = 1, max = 3000) int length,
      @ForAll @IntRange(max = 2999) int place,
      @ForAll @IntRange(min = 1, max = 255) int change) {
    Workload workload = workload(SizeDistribution.fixed(length));
    ByteBuf value = value(workload, key, version);
    value.setByte(place % length, value.getByte(place % length) ^ change);
    assertThat(isValue(workload, key, value)).isFalse();
  }

  @Property(tries = 300)
  void aMixtureOfTwoVersionsIsNoticed(
      @ForAll @IntRange(max = KEYS - 1) int key,
      @ForAll int version,
      @ForAll @IntRange(min = 9, max = 1023) int cut) {
    Workload workload = workload(SizeDistribution.fixed(1024));
    ByteBuf mixed =
        Unpooled.copiedBuffer(
            value(workload, key, version).slice(0, cut),
            value(workload, key, version + 1).slice(cut, 1024 - cut));
    // Two pieces of a random pattern may agree in their last bytes.
    boolean sameEnd =
        value(workload, key, version)
            .slice(cut, 1024 - cut)
            .equals(value(workload, key, version + 1).slice(cut, 1024 - cut));
    assertThat(isValue(workload, key, mixed)).isEqualTo(sameEnd);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 7, 8, 9, 64, 1024, 100_000})
  void anotherKeysValueAndACutOneAreNoticed(int length) {
    Workload workload = workload(SizeDistribution.fixed(length));
    int wrong = 0;
    for (int key = 1; key < KEYS; key++) {
      wrong += isValue(workload, 0, value(workload, key, 5)) ? 1 : 0;
    }
    // One byte tells 256 keys apart, no more.
    assertThat(wrong).isLessThanOrEqualTo(length == 1 ? 20 : 0);
    ByteBuf cut = value(workload, 3, 5);
    assertThat(isValue(workload, 3, cut.slice(0, length - 1))).isFalse();
    assertThat(isValue(workload, 3, cut.writeByte(0))).isFalse();
  }

  @Test
  void keysHaveOneLengthAndAreDistinct() {
    Workload workload = workload(SizeDistribution.fixed(1));
    ByteBuf out = Unpooled.buffer();
    assertThat(workload.writeKey(0, out)).isEqualTo(20);
    assertThat(workload.writeKey(999, out)).isEqualTo(20);
    assertThat(out.toString(US_ASCII)).isEqualTo("k0000000000000000000k0000000000000000999");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new SyntheticWorkload(
                    1001,
                    SizeDistribution.fixed(4),
                    KeyDistribution.uniform(1001),
                    SizeDistribution.fixed(1)))
        .withMessageContaining("need a key size of 5");
  }

  @Test
  void sizesAreReadFromText() {
    assertThat(SizeDistribution.parse("100")).isEqualTo(SizeDistribution.fixed(100));
    assertThat(SizeDistribution.parse("0")).isEqualTo(SizeDistribution.fixed(0));
    assertThat(SizeDistribution.parse("64-1024")).isEqualTo(SizeDistribution.uniform(64, 1024));
    for (String wrong : new String[] {"", "-", "-1", "5-", "9-5", "x", "1-2-3", "4294967295"}) {
      assertThatIllegalArgumentException()
          .as(wrong)
          .isThrownBy(() -> SizeDistribution.parse(wrong));
    }
  }

  @Property
  void aRangeOfSizesIsKept(@ForAll long bits) {
    assertThat(SizeDistribution.uniform(5, 9).length(bits)).isBetween(5, 9);
  }

  @Test
  void listedItemsComeBackAsGiven() {
    ListedWorkload workload =
        ListedWorkload.builder()
            .add("first".getBytes(US_ASCII), "one".getBytes(US_ASCII))
            .add("b".getBytes(US_ASCII), new byte[0])
            .build();
    ByteBuf key = Unpooled.buffer();
    assertThat(workload.writeKey(0, key)).isEqualTo(5);
    assertThat(key.toString(US_ASCII)).isEqualTo("first");
    assertThat(value(workload, 0, 0).toString(US_ASCII)).isEqualTo("one");
    assertThat(isValue(workload, 0, Unpooled.copiedBuffer("one", US_ASCII))).isTrue();
    assertThat(isValue(workload, 0, Unpooled.copiedBuffer("onf", US_ASCII))).isFalse();
    assertThat(isValue(workload, 1, Unpooled.EMPTY_BUFFER)).isTrue();
    assertThat(workload.itemLengthMax()).isEqualTo(8);
    assertThat(workload.keyLengthMax()).isEqualTo(5);
  }
}
