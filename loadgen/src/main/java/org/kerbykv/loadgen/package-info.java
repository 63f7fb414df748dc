/** Placeholder. */
package org.kerbykv.loadgen;
