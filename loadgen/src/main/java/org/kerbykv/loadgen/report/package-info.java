/** What a person or a program gets to read of a load. */
package org.kerbykv.loadgen.report;
