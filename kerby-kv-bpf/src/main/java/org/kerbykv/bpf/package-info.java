/** Placeholder. */
package org.kerbykv.bpf;
