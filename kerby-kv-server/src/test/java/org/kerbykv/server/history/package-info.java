/**
 * Histories of what clients asked and were answered, and whether a store whose every key is
 * linearizable can have given those answers.
 */
package org.kerbykv.server.history;
