package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.RequiresBPF;

/**
 * How many instructions the verifier goes through for each program. The kernel gives up at a
 * million; growth is to be noticed long before. The budget is in verifier-budget.properties.
 */
@RequiresBPF
class VerifierBudgetTest {
  private static final String BUDGET = "verifier-budget.properties";

  /** How far above its budget a program may be. */
  private static final double TOLERANCE = 1.10;

  @Test
  void noProgramHasGrownByMoreThanATenth() throws IOException {
    Properties budget = new Properties();
    try (InputStream file = VerifierBudgetTest.class.getResourceAsStream(BUDGET)) {
      budget.load(file);
    }
    String kernel = budget.getProperty("kernel");
    String running = System.getProperty("os.version");
    assumeTrue(
        running.startsWith(kernel + "."),
        "the budget is for Linux " + kernel + ", another verifier counts otherwise than this one");

    Map<String, Integer> now = new TreeMap<>();
    count("kv.bpf.o", now, "kv_xdp", "kv_tc", "kv_door");
    count("lock.bpf.o", now, "lock_xdp", "lock_tc", "lock_door");
    count("last_words.bpf.o", now, "last_words");
    StringBuilder lines = new StringBuilder("kernel = " + kernel + "\n");
    now.forEach((program, instructions) -> lines.append(program + " = " + instructions + "\n"));
    String explanation = "where that is meant, put this into " + BUDGET + ":\n" + lines;
    assertThat(budget.stringPropertyNames())
        .as(explanation)
        .containsAll(now.keySet())
        .hasSize(now.size() + 1);
    now.forEach(
        (program, instructions) ->
            assertThat(instructions)
                .as("instructions of %s; %s", program, explanation)
                .isLessThanOrEqualTo(
                    (int) (Integer.parseInt(budget.getProperty(program)) * TOLERANCE)));
  }

  private static void count(String object, Map<String, Integer> counts, String... programs) {
    try (BPFProgram loaded = BPFProgram.load(BPFProgram.class, object)) {
      for (String program : programs) {
        counts.put(program, loaded.verifiedInstructions(program));
      }
    }
  }
}
