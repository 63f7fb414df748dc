package org.kerbykv.loadgen.figures;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintStream;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.kerbykv.bpf.RequiresBPF;

/**
 * Each system's programs are measured in all that is asked of them: a measurement fails if the
 * program's verdict or reply is another than it should be.
 */
@RequiresBPF
class ProgramSubjectTest {
  private static final int KEYS = 2000;

  static Stream<ProgramSubject> subjects() {
    return Stream.of(
        new ProgramSubject(KvSystem.REFLECTOR, 0, KEYS, true),
        new ProgramSubject(KvSystem.KERBY, KvFigures.BLOCK_DEFAULT, KEYS, true),
        new ProgramSubject(KvSystem.dint(512), 512, KEYS, true),
        new ProgramSubject(KvSystem.BMC, 0, KEYS, true));
  }

  @ParameterizedTest
  @MethodSource("subjects")
  void allIsMeasured(ProgramSubject subject) throws Exception {
    List<Cell> cells = subject.cells();
    assertThat(cells).isNotEmpty();
    PrintStream log = System.err;
    try (Subject.Session session = subject.open(log)) {
      for (Cell cell : cells) {
        assertThat(session.measure(cell)).containsOnlyKeys(ProgramSubject.NANOS);
      }
    }
  }
}
