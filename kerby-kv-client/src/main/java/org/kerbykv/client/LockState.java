package org.kerbykv.client;

import java.util.Optional;

/**
 * How a lock was when the server was asked.
 *
 * @param heldAs by its holders; empty if nobody holds it
 * @param waiting how many wait for it
 */
public record LockState(Optional<LockMode> heldAs, int waiting) {}
