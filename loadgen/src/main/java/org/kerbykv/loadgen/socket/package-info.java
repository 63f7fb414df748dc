/** The engine over sockets: Netty, with many datagrams in one system call. */
package org.kerbykv.loadgen.socket;
