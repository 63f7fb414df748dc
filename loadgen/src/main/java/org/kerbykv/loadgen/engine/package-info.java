/** How a load is run, whatever sends it, and what is reported of it. */
package org.kerbykv.loadgen.engine;
