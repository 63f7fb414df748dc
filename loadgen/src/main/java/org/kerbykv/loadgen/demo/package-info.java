/** {@code ./kerby demo}: a server of its own, real files as items, and what came of it. */
package org.kerbykv.loadgen.demo;
