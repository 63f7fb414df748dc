/** Placeholder. */
package org.kerbykv.client;
