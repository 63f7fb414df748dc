/** Placeholder. */
package org.kerbykv.server;
