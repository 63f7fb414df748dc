package org.kerbykv.server.store;

/** How operations of some kinds are done with requests to a door. One batch's. */
interface Course {
  /** Prepares the first request. */
  void start(Request request);

  /**
   * Looks at what the door answered.
   *
   * @param status OK, MISS, EXISTS or NOSPC
   * @return how the operation ended, or null after preparing another request
   */
  Outcome advance(Request request, int status);
}
