package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.InvalidClassException;
import java.io.ObjectInputFilter;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import net.spy.memcached.CachedData;
import net.spy.memcached.transcoders.SerializingTranscoder;
import org.junit.jupiter.api.Test;

/** Serialized objects: what is created from the stored bytes, and what is not. */
class SerializedTranscoderTest {
  record Order(String item, int count) implements Serializable {}

  /** Shows whether it was created from stored bytes. */
  static final class Gadget implements Serializable {
    static boolean created;

    private void readObject(java.io.ObjectInputStream in) {
      created = true;
    }
  }

  private static final String ORDER = Order.class.getName();

  private static <T> Transcoder<T> transcoder(Class<T> type, String pattern) {
    return Transcoder.serialized(type, ObjectInputFilter.Config.createFilter(pattern));
  }

  @Test
  void readsWhatItWrote() {
    Transcoder<Order> orders = transcoder(Order.class, ORDER + ";maxbytes=10000");
    Order order = new Order("a", 2);
    assertThat(orders.decode(orders.encode(order), orders.flags(order))).isEqualTo(order);
  }

  @Test
  void createsOnlyWhatTheFilterNames() {
    Transcoder<Object> all = transcoder(Object.class, "*");
    byte[] gadget = all.encode(new Gadget());
    byte[] list = all.encode(new ArrayList<>(List.of(new Gadget())));
    Gadget.created = false;
    for (String pattern : List.of(ORDER, "java.util.*;java.lang.Object", "maxbytes=100000", "!*")) {
      for (byte[] stored : List.of(gadget, list)) {
        assertThatIllegalArgumentException()
            .as(pattern)
            .isThrownBy(() -> transcoder(Object.class, pattern).decode(stored, 1))
            .withCauseInstanceOf(InvalidClassException.class);
      }
    }
    assertThat(Gadget.created).isFalse();
    all.decode(gadget, 1);
    assertThat(Gadget.created).isTrue();
  }

  @Test
  void keepsToTheFiltersLimits() {
    Transcoder<int[]> small = transcoder(int[].class, "[I;maxarray=10");
    assertThat(small.decode(small.encode(new int[10]), 1)).hasSize(10);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> small.decode(small.encode(new int[11]), 1));
  }

  @Test
  void refusesWhatIsNoSerializedObjectOfItsType() {
    Transcoder<Order> orders = transcoder(Order.class, ORDER + ";java.lang.*");
    byte[] stored = orders.encode(new Order("a", 2));
    assertThatIllegalArgumentException().isThrownBy(() -> orders.decode(stored, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> orders.decode(stored, 3)); // compressed
    assertThatIllegalArgumentException().isThrownBy(() -> orders.decode(new byte[0], 1));
    for (int length = 0; length < stored.length; length++) {
      byte[] cut = Arrays.copyOf(stored, length);
      assertThatIllegalArgumentException().isThrownBy(() -> orders.decode(cut, 1));
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> orders.decode(Arrays.copyOf(stored, stored.length + 1), 1))
        .withMessageContaining("behind");
    byte[] number = transcoder(Integer.class, "*").encode(7);
    assertThatIllegalArgumentException().isThrownBy(() -> orders.decode(number, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> transcoder(Object.class, "*").encode(new Object()));
  }

  @Test
  void sharesItsFormWithSpymemcached() {
    Transcoder<Order> orders = transcoder(Order.class, ORDER);
    SerializingTranscoder theirs = new SerializingTranscoder();
    CachedData stored = theirs.encode(new Order("a", 2));
    assertThat(orders.decode(stored.getData(), stored.getFlags())).isEqualTo(new Order("a", 2));
    Order mine = new Order("b", 3);
    assertThat(theirs.decode(new CachedData(orders.flags(mine), orders.encode(mine), 1 << 20)))
        .isEqualTo(mine);
  }

  @Test
  void noOtherTranscoderReadsObjects() {
    byte[] stored = transcoder(Object.class, "*").encode(new Gadget());
    Gadget.created = false;
    assertThat(Transcoder.bytes().decode(stored, 1)).isSameAs(stored);
    assertThatIllegalArgumentException().isThrownBy(() -> Transcoder.utf8().decode(stored, 1));
    assertThat(Gadget.created).isFalse();
  }
}
