/**
 * The load generator: its command line. What to ask for is in {@code workload}, how to ask and what
 * came of it in {@code engine}, the engine over sockets in {@code socket}, output in {@code
 * report}, and the demonstration in {@code demo}.
 */
package org.kerbykv.loadgen;
