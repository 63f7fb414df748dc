/** The command line of the load generator. */
package org.kerbykv.loadgen.cli;
