/**
 * Histories of what clients of a lock manager asked for and got, and whether a lock manager that
 * keeps its promises can have given them that.
 */
package org.kerbykv.bpf.lockhistory;
