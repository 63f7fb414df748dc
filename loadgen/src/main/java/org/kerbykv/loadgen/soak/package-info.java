/**
 * The soak: a server under mixed load for long, with faults, whose every answer is held against
 * what was acknowledged before.
 */
package org.kerbykv.loadgen.soak;
