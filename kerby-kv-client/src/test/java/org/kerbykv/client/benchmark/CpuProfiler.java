package org.kerbykv.client.benchmark;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Processor time of the whole JVM for each call, in microseconds: what a client costs whatever else
 * the machine does, and so the figure that a shared machine disturbs least.
 */
public final class CpuProfiler implements InternalProfiler {
  static final String LABEL = "cpu.per.call";
  private static final double NANOS_PER_MICRO = 1e3;

  private final OperatingSystemMXBean system =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  private long before;

  @Override
  public String getDescription() {
    return "processor time of the JVM for each call";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    before = system.getProcessCpuTime();
  }

  @Override
  public Collection<ScalarResult> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    long calls = result.getMetadata().getAllOps();
    double micros = (system.getProcessCpuTime() - before) / NANOS_PER_MICRO / Math.max(1, calls);
    return List.of(new ScalarResult(LABEL, micros, "us/call", AggregationPolicy.AVG));
  }
}
