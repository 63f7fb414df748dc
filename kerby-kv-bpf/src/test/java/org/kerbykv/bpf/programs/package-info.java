/**
 * Tests of the eBPF programs themselves, run through BPF_PROG_TEST_RUN: packet in, verdict and
 * packet out; slot in, slot out; and after each the state of the maps. The Java binding has its own
 * tests in the package above.
 */
package org.kerbykv.bpf.programs;
