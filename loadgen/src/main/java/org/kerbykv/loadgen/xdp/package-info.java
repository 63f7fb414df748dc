/** The engine in the kernel: eBPF programs send, match, time and judge; Java draws and reads. */
package org.kerbykv.loadgen.xdp;
