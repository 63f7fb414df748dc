/**
 * Systems to compare with that are this project's own programs: processes that load and attach
 * them.
 */
package org.kerbykv.loadgen.baseline;
