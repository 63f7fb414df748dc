/** What the server says to who runs it. */
package org.kerbykv.server.log;
