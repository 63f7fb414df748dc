/** Where a load runs: processes, network namespaces, and which CPU does what. */
package org.kerbykv.loadgen.topology;
