/**
 * The kernel's half of the store, seen from user space: the programs and maps of kv.bpf.o, sized,
 * set up, attached, measured and audited. The binding below knows nothing of memcached; what is
 * above knows nothing of maps.
 */
package org.kerbykv.server.kernel;
