package org.kerbykv.loadgen.cli;

import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;
import org.kerbykv.loadgen.workload.Workload;
import picocli.CommandLine.Option;

/** Options that say what is asked for. */
final class WorkloadOptions {
  @Option(
      names = "--keys",
      paramLabel = "N",
      defaultValue = "100000",
      description = "How many items there are. Default ${DEFAULT-VALUE}.")
  private int keys;

  @Option(
      names = "--key-size",
      paramLabel = "SIZE",
      defaultValue = "16",
      description = "Length of the keys: as --value-size, up to 250. Default ${DEFAULT-VALUE}.")
  private String keySize;

  @Option(
      names = "--key-distribution",
      paramLabel = "DISTRIBUTION",
      defaultValue = "uniform",
      description = {
        "Which keys are asked for how often: uniform, zipf[:EXPONENT] (0.99), hot:KEYS:REQUESTS",
        "(that share of the keys gets that share of the requests), sequential.",
        "Default ${DEFAULT-VALUE}."
      })
  private String keyDistribution;

  @Option(
      names = "--value-size",
      paramLabel = "SIZE",
      defaultValue = "64",
      description = {
        "Length of the values in bytes: one (64), a range (64-1024), a list with weights",
        "(64:9,1024:1), or Facebook's ETC: fb_value[:MAX], fb_key. Default ${DEFAULT-VALUE}."
      })
  private String valueSize;

  @Option(
      names = "--read-ratio",
      paramLabel = "SHARE",
      defaultValue = "0.95",
      description = "Share of gets, 0 to 1; the others are sets. Default ${DEFAULT-VALUE}.")
  private double readRatio;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "The same seed gives the same stream of requests. Default ${DEFAULT-VALUE}.")
  private long seed;

  Workload workload() {
    require(keys >= 1, "--keys must be 1 or more");
    return new SyntheticWorkload(
        keys,
        SizeDistribution.parse(keySize),
        KeyDistribution.parse(keyDistribution, keys),
        SizeDistribution.parse(valueSize));
  }

  double readRatio() {
    require(readRatio >= 0 && readRatio <= 1, "--read-ratio must be 0 to 1");
    return readRatio;
  }

  long seed() {
    return seed;
  }

  static void require(boolean condition, String complaint) {
    if (!condition) {
      throw new IllegalArgumentException(complaint);
    }
  }
}
