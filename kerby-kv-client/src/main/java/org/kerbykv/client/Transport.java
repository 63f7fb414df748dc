package org.kerbykv.client;

/**
 * Which way small requests take. Requests that do not fit one datagram, and replies of more
 * datagrams than {@link KerbyClientConfig#maxReplyDatagrams()}, use TCP under every setting.
 */
public enum Transport {
  /**
   * UDP for calls that may be repeated safely (get, set, delete, touch), so that the kernel can
   * answer them, and TCP after that if no attempt was answered; TCP for calls that must not run
   * twice (add, replace, append, prepend, cas, incr, decr), so that their outcome is known.
   */
  AUTO,

  /**
   * UDP for every call that fits. A call that must not run twice is sent once; without a reply it
   * ends in {@link KerbyUnknownOutcomeException}.
   */
  UDP,

  /** TCP for everything. Calls on one key, made by one thread, are executed in their order. */
  TCP
}
