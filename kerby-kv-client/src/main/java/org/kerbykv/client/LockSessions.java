package org.kerbykv.client;

import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.collection.LongObjectMap;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The sessions of one client program: as many as its unfinished acquisitions need. There is never
 * one more without room than there are acquisitions. Belongs to the event loop.
 */
final class LockSessions {
  private final SecureRandom random = new SecureRandom();
  private final LongObjectMap<LockSession> all = new LongObjectHashMap<>();
  private final ArrayDeque<LockSession> withRoom = new ArrayDeque<>();

  /** A session with room for another acquisition. */
  LockSession withRoom() {
    while (!withRoom.isEmpty()) {
      if (withRoom.peek().hasRoom()) {
        return withRoom.peek();
      }
      withRoom.remove().listed = false;
    }
    LockSession made = new LockSession(newClient());
    all.put(made.client, made);
    list(made);
    return made;
  }

  private long newClient() {
    long client;
    do {
      client = random.nextLong();
    } while (client == 0 || all.containsKey(client));
    return client;
  }

  /** The session of this client number, or null. */
  LockSession find(long client) {
    return all.get(client);
  }

  /** An acquisition is over. */
  void end(LockSession session, Acquisition<?> one) {
    session.end(one);
    if (session.isAbandoned()) {
      if (session.isIdle()) {
        all.remove(session.client);
      }
    } else if (!session.listed && session.hasRoom()) {
      list(session);
    }
  }

  private void list(LockSession session) {
    session.listed = true;
    withRoom.add(session);
  }

  /** Those that are not over. */
  List<Acquisition<?>> unfinished() {
    List<Acquisition<?>> found = new ArrayList<>();
    for (LockSession session : all.values()) {
      session.addUnfinished(found);
    }
    return found;
  }
}
