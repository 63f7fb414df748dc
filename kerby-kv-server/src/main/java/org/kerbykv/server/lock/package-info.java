/**
 * Kerby-Lock, served: the programs of lock.bpf.o, sized, set up, attached and looked after; the
 * socket for what they leave to user space; what reports on them. The state of all locks is in the
 * kernel; nothing here decides who holds one.
 */
package org.kerbykv.server.lock;
