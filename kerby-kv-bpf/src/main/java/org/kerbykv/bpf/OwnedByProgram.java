package org.kerbykv.bpf;

/** What is got from a {@link BPFProgram} and closed with it, if not before. */
sealed interface OwnedByProgram extends AutoCloseable permits BPFLink, BPFRingBuffer, BPFTestRun {
  @Override
  void close();
}
