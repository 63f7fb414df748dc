/**
 * Figures that compare systems: measured interleaved and in rounds, kept in a file that an
 * interrupted run goes on from, and drawn. What is measured of a kind of system, and what of it is
 * shown, stands apart from how that is done.
 */
package org.kerbykv.loadgen.figures;
