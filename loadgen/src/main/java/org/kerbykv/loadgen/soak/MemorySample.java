package org.kerbykv.loadgen.soak;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.ServerMetrics;

/**
 * The memory of a running server at one time, in bytes.
 *
 * @param poolBytes kernel memory of blocks and index entries
 * @param kernelValueBytes of values in the kernel
 * @param userValueBytes of values in user space
 * @param slabBytes of the whole machine that the kernel cannot reclaim
 * @param residentBytes of the server's process
 * @param heapBytes of its Java heap in use after a collection
 */
record MemorySample(
    long poolBytes,
    long kernelValueBytes,
    long userValueBytes,
    long slabBytes,
    long residentBytes,
    long heapBytes) {
  private static final Pattern HEAP_USED = Pattern.compile("used (\\d+)K");
  private static final long KIB = 1024;

  /** Takes a sample, after a collection of the server's garbage. */
  static MemorySample of(long pid, ServerMetrics metrics) throws LoadException {
    jcmd(pid, "GC.run");
    return new MemorySample(
        (long) metrics.sum("kerby_pool_memory_bytes"),
        (long) metrics.sum("kerby_kv_value_bytes", "tier=\"kernel\""),
        (long) metrics.sum("kerby_kv_value_bytes", "tier=\"user\""),
        kibibytes(Path.of("/proc/meminfo"), "SUnreclaim"),
        kibibytes(Path.of("/proc", Long.toString(pid), "status"), "VmRSS"),
        heapUsed(pid));
  }

  /** A line such as "VmRSS: 123 kB". */
  private static long kibibytes(Path file, String name) throws LoadException {
    try {
      return KIB
          * Files.readAllLines(file).stream()
              .filter(line -> line.startsWith(name + ":"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
              .sum();
    } catch (IOException e) {
      throw new LoadException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static long heapUsed(long pid) throws LoadException {
    String info = jcmd(pid, "GC.heap_info");
    Matcher used = HEAP_USED.matcher(info);
    if (!used.find()) {
      throw new LoadException("jcmd says nothing of a heap: " + info.strip());
    }
    return KIB * Long.parseLong(used.group(1));
  }

  private static String jcmd(long pid, String command) throws LoadException {
    try {
      Process jcmd =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                  Long.toString(pid),
                  command)
              .redirectErrorStream(true)
              .start();
      String said = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (jcmd.onExit().join().exitValue() != 0) {
        throw new LoadException("jcmd " + command + ": " + said.strip());
      }
      return said;
    } catch (IOException e) {
      throw new LoadException("jcmd " + command + ": " + e.getMessage(), e);
    }
  }
}
