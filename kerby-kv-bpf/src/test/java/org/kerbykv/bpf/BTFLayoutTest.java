package org.kerbykv.bpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

/** The layouts of binding.bpf.c as its BTF tells them. */
@RequiresBPF
class BTFLayoutTest {
  private final BTFLayout layout = BTFLayout.read(BTFLayoutTest.class, BPFProgramTest.OBJECT);

  @Test
  void structureHasSizeAndMembersInOrder() {
    BTFLayout.Struct sample = layout.struct("sample");
    assertThat(sample.size()).isEqualTo(24);
    assertThat(sample.members().values())
        .containsExactly(
            new BTFLayout.Member("wide", 0, 8),
            new BTFLayout.Member("narrow", 8, 4),
            new BTFLayout.Member("pair", 12, 6),
            new BTFLayout.Member("tail", 18, 1),
            new BTFLayout.Member("inner", 19, 1),
            new BTFLayout.Member("low", 20, 4),
            new BTFLayout.Member("high", 20, 4));
    assertThat(sample.member("pair").offset()).isEqualTo(12);
  }

  @Test
  void enumeratorsHaveTheirValues() {
    assertThat(layout.enumerator("SAMPLE_SMALL")).isEqualTo(1);
    assertThat(layout.enumerator("SAMPLE_NEGATIVE")).isEqualTo(-5);
  }

  @Test
  void variablesHaveSectionAndSize() {
    assertThat(layout.variable("constant_u16").section()).isEqualTo(".rodata");
    assertThat(layout.variable("constant_u16").size()).isEqualTo(2);
    assertThat(layout.variable("xdp_runs").section()).isEqualTo(".bss");
    assertThat(layout.variable("xdp_runs").offset())
        .isNotEqualTo(layout.variable("tc_runs").offset());
  }

  @Test
  void contextsAreLaidOutAsTheProgramsSeeThem() {
    BTFLayout.Struct xdp = layout.struct("xdp_md");
    assertThat(xdp.size()).isEqualTo(XdpMd.BYTES);
    assertThat(xdp.member("data").offset()).isEqualTo(XdpMd.DATA);
    assertThat(xdp.member("data_end").offset()).isEqualTo(XdpMd.DATA_END);
    assertThat(xdp.member("data_meta").offset()).isEqualTo(XdpMd.DATA_META);
    assertThat(xdp.member("ingress_ifindex").offset()).isEqualTo(XdpMd.INGRESS_IFINDEX);
    assertThat(xdp.member("rx_queue_index").offset()).isEqualTo(XdpMd.RX_QUEUE_INDEX);
    assertThat(xdp.member("egress_ifindex").offset()).isEqualTo(XdpMd.EGRESS_IFINDEX);

    BTFLayout.Struct skb = layout.struct("__sk_buff");
    assertThat(skb.size()).isEqualTo(SkBuff.BYTES);
    assertThat(skb.member("mark").offset()).isEqualTo(SkBuff.MARK);
    assertThat(skb.member("priority").offset()).isEqualTo(SkBuff.PRIORITY);
    assertThat(skb.member("ingress_ifindex").offset()).isEqualTo(SkBuff.INGRESS_IFINDEX);
    assertThat(skb.member("ifindex").offset()).isEqualTo(SkBuff.IFINDEX);
    assertThat(skb.member("cb").offset()).isEqualTo(SkBuff.CB);
  }

  @Test
  void whatIsMissingIsNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> layout.struct("nothing"))
        .withMessage("no struct nothing in the BTF");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> layout.struct("sample").member("nothing"))
        .withMessageStartingWith("struct sample has no member nothing, only {wide=");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> layout.enumerator("nothing"))
        .withMessage("no enumerator nothing in the BTF");
  }
}
