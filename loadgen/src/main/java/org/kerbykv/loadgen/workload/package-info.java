/** What a load consists of: keys, values, and the order in which they are asked for. */
package org.kerbykv.loadgen.workload;
