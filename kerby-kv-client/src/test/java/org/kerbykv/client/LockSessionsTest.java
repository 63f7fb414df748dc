package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** The numbers that acquisitions get. */
class LockSessionsTest {
  private final LockLink link =
      new LockLink(null, KerbyLockConfig.builder().server("unused", 1).build());

  /** However long single locks are held, no number is used that the server would take for old. */
  @Property(tries = 50)
  void noNumberIsUsedBeforeThoseAWindowBehindItAreOver(@ForAll long seed) {
    Random random = new Random(seed);
    LockSessions sessions = new LockSessions();
    record Begun(LockSession session, Acquisition<?> one) {}
    List<Begun> unfinished = new ArrayList<>();
    for (int step = 0; step < 3000; step++) {
      if (unfinished.size() < 200 && random.nextInt(5) > 1) {
        LockSession session = sessions.withRoom();
        Acquisition<?> one = new Acquisition<>(link, 1, LockMode.SHARED, 0, 1, lock -> lock, null);
        session.begin(one);
        unfinished.add(new Begun(session, one));
        for (Begun other : unfinished) {
          assertThat(other.session() == session && other.one().sequence() <= one.sequence() - 56)
              .isFalse();
        }
      } else if (!unfinished.isEmpty()) {
        // Some are held for very long.
        int which = Math.min(unfinished.size() - 1, 10 + random.nextInt(unfinished.size()));
        Begun ended = unfinished.remove(which);
        sessions.end(ended.session(), ended.one());
        assertThat(ended.session().find(ended.one().sequence())).isNull();
      }
      for (Begun other : unfinished) {
        assertThat(sessions.find(other.session().client).find(other.one().sequence()))
            .isSameAs(other.one());
      }
    }
    assertThat(new HashSet<>(sessions.unfinished()))
        .hasSameSizeAs(unfinished)
        .containsAll(unfinished.stream().map(Begun::one).toList());
  }
}
