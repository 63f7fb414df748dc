/** {@code kerby cli}: what an operator asks of a running server from a terminal. */
package org.kerbykv.server.cli;
