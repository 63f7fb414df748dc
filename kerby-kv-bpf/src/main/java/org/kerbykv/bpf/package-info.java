/**
 * eBPF from Java: loads compiled BPF objects, drives their programs and maps, and attaches them,
 * through libbpf and {@code java.lang.foreign}.
 *
 * <p>The words are the kernel's. {@link org.kerbykv.bpf.BPFLoader} opens an object and sets what
 * must be set before it is loaded; {@link org.kerbykv.bpf.BPFProgram} is a loaded object; {@link
 * org.kerbykv.bpf.BPFPinnedMaps} opens what an earlier process pinned. Whatever fails throws one
 * {@link org.kerbykv.bpf.BPFException} that says what was attempted. {@link
 * org.kerbykv.bpf.BPFSupport} tells beforehand whether this machine allows eBPF at all.
 *
 * <p>Needs libbpf 1.1 or newer ({@code libbpf.so.1}) and the JVM flag {@code
 * --enable-native-access}.
 */
package org.kerbykv.bpf;
