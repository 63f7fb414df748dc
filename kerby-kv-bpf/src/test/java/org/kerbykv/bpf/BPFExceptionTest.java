package org.kerbykv.bpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a caller is told about each way in which opening and loading fail. */
@RequiresBPF
class BPFExceptionTest {
  private static final String OBJECT = BPFProgramTest.OBJECT;

  @Test
  void verifierRefusalNamesTheProgramAndQuotesTheLog() {
    BPFException e =
        catchThrowableOfType(
            BPFException.class, () -> BPFProgram.load(BPFExceptionTest.class, "rejected.bpf.o"));

    assertThat(e.errno()).isEqualTo(13);
    assertThat(e.errnoName()).isEqualTo("EACCES");
    assertThat(e.attempted()).isEqualTo("load program refused of rejected.bpf.o");
    assertThat(e.summary())
        .startsWith("load program refused of rejected.bpf.o: EACCES (Permission denied): ")
        .contains("prog 'refused': BPF program load failed")
        .doesNotContain("\n");
    assertThat(e.verifierLog())
        .contains("invalid access to packet")
        .contains("return *(char *)(long)ctx->data;");
    assertThat(e.getMessage()).contains("\n  ").contains("invalid access to packet");
  }

  @Test
  void messageHasTheLastLinesOfALongLog() {
    String log =
        IntStream.rangeClosed(1, 100).mapToObj(i -> "line " + i).collect(Collectors.joining("\n"));
    BPFException e = new BPFException("load it", 7, "", log);
    assertThat(e.getMessage())
        .startsWith("load it: E2BIG (Argument list too long)\nverifier log, last 20 of 100 lines:")
        .contains("\n  line 81\n")
        .endsWith("\n  line 100")
        .doesNotContain("line 80\n");
    assertThat(e.verifierLog()).isEqualTo(log);
  }

  @Test
  void errorsOfLibbpfAndOfTheKernelAloneHaveNames() {
    assertThat(new BPFException("do", 4003).getMessage())
        .isEqualTo("do: LIBBPF_ERRNO__ENDIAN (Endian mismatch)");
    assertThat(new BPFException("do", 524).errnoName()).isEqualTo("ENOTSUPP");
    assertThat(new BPFException("do", 9999).getMessage()).isEqualTo("do: errno 9999");
  }

  @Test
  void fileThatIsNoObjectIsRefused() {
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(() -> BPFLoader.open(BPFExceptionTest.class, "BPFExceptionTest.class"))
        .withMessageStartingWith("open BPF object BPFExceptionTest.class: LIBBPF_ERRNO__");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BPFLoader.open(BPFExceptionTest.class, "missing.bpf.o"))
        .withMessage("no resource missing.bpf.o beside org.kerbykv.bpf.BPFExceptionTest");
  }

  @Test
  void mapThatTheKernelWillNotMakeIsNamed() {
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(
            () ->
                BPFLoader.open(BPFExceptionTest.class, OBJECT)
                    .mapValueSize("counters", 1 << 20) // above what a CPU can have
                    .load())
        .satisfies(
            e -> {
              assertThat(e.attempted()).isEqualTo("load BPF object binding.bpf.o");
              assertThat(e.errnoName()).isEqualTo("E2BIG");
              assertThat(e.summary()).contains("map 'counters': failed to create");
              assertThat(e.verifierLog()).isEmpty();
            });
  }

  @Test
  void namesThatTheObjectLacksAreQuotedBack() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open().mapMaxEntries("nothing", 1))
        .withMessage("no map nothing in binding.bpf.o");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open().disable("nothing"))
        .withMessage("no program nothing in binding.bpf.o");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open().constant("nothing", 1))
        .withMessage("no variable nothing in the BTF");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open().constant("xdp_runs", 1))
        .withMessage("variable xdp_runs is in .bss: it is not a constant");
  }

  @Test
  void valuesOutOfRangeAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open().constant("constant_u16", 0x1_0000))
        .withMessage("65536 does not fit constant constant_u16 of 16 bits");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open().constant("constant_u8", -129))
        .withMessage("-129 does not fit constant constant_u8 of 8 bits");
    assertThatIllegalArgumentException().isThrownBy(() -> open().mapMaxEntries("samples", 0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open().mapMaxEntries("samples", 1L << 32));
    assertThatIllegalArgumentException().isThrownBy(() -> open().mapValueSize("samples", 0));
  }

  @Test
  void loaderEndsWithLoadAndWithFailure() {
    BPFLoader loaded = open();
    loaded.load().close();
    assertThatIllegalStateException()
        .isThrownBy(() -> loaded.disable("drop_xdp"))
        .withMessage("binding.bpf.o has been loaded or given up");
    BPFLoader failed = open();
    assertThatIllegalArgumentException().isThrownBy(() -> failed.disable("nothing"));
    assertThatIllegalStateException().isThrownBy(failed::load);
  }

  private static BPFLoader open() {
    return BPFLoader.open(BPFExceptionTest.class, OBJECT);
  }
}
