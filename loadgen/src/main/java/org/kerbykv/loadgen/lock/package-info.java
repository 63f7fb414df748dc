/** What a load on a lock manager is, whatever sends it, and what came of it. */
package org.kerbykv.loadgen.lock;
