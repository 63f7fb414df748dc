package org.kerbykv.loadgen.figures;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.loadgen.cli.Console;

/** Nothing is started for options that make no sense. */
class KvCommandTest {
  private static final int EXIT_USAGE = 2;

  @ParameterizedTest
  @ValueSource(strings = {"--rounds=0", "--duration=0", "--keys=0", "--systems=kerby,nope"})
  void isRefused(String option) {
    assertThat(Console.run(new FiguresCommand(), new String[] {"kv", option}))
        .isEqualTo(EXIT_USAGE);
  }
}
