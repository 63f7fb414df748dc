/** Events for flight recordings: what happens off the fast path. Free while nobody records. */
package org.kerbykv.server.flight;
