package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What must hold of an idle lock manager: every block in exactly one list of one lock, no list with
 * a cycle, the counts right, each acquisition known to its client's session and to nobody else.
 */
final class LockAudit {
  private final LockState state;
  private final Set<Long> reached = new HashSet<>();
  private final Map<Long, Long> live = new HashMap<>(); // acquisitions of each client
  private long held;
  private long waiting;

  private LockAudit(LockState state) {
    this.state = state;
  }

  /** Fails unless all of it holds. */
  static void check(LockManager manager) {
    LockState state = manager.state();
    LockAudit audit = new LockAudit(state);
    state.entries().forEach(audit::checkEntry);
    assertThat(state.nodes().keySet())
        .as("blocks in the pool, and blocks reachable from the locks")
        .isEqualTo(audit.reached);
    assertThat(manager.blocksInUse()).as("blocks_in_use").isEqualTo(audit.reached.size());
    state.sessions().forEach(audit::checkSession);
    assertThat(audit.live.keySet()).as("clients").isSubsetOf(state.sessions().keySet());
    assertThat(manager.stat("held")).as("gauge of holders").isEqualTo(audit.held);
    assertThat(manager.stat("waiting")).as("gauge of waiters").isEqualTo(audit.waiting);
    assertThat(manager.stat("inconsistent")).as("inconsistent").isZero();
  }

  private void checkEntry(long number, LockState.Entry entry) {
    assertThat(entry.lock()).as("number in the entry").isEqualTo(number);
    assertThat(entry.word() & 1).as("word %d is held", entry.word()).isZero();
    List<LockState.Node> queue = list(number, entry.head(), entry.tail(), false);
    List<LockState.Node> more = list(number, entry.more(), -1, true);
    boolean hasFirst = entry.first().sequence() != 0;
    assertThat(queue).as("queue of %d", number).hasSize(entry.waiting());
    assertThat(more.size() + (hasFirst ? 1 : 0))
        .as("holders of %d", number)
        .isEqualTo(entry.holders());
    if (hasFirst) {
      checkLive(entry.first().client(), entry.first().sequence(), 0);
    }
    if (entry.holders() > 1) {
      assertThat(entry.mode()).as("mode of %s", entry).isEqualTo(KvAbi.number(LockAbi.Mode.SHARED));
    }
    more.forEach(node -> assertThat(node.mode()).as("mode of %s", node).isEqualTo(entry.mode()));
    checkTimes(entry, queue, more);
    held += entry.holders();
    waiting += entry.waiting();
  }

  /** The times in the entry are not later than the first of each. */
  private static void checkTimes(
      LockState.Entry entry, List<LockState.Node> queue, List<LockState.Node> more) {
    queue.forEach(
        node ->
            assertThat(Long.compareUnsigned(entry.deadline(), node.until()))
                .as("deadline of %s and its waiter %s", entry, node)
                .isNotPositive());
    more.forEach(
        node ->
            assertThat(Long.compareUnsigned(entry.expires(), node.until()))
                .as("expiry of %s and its holder %s", entry, node)
                .isNotPositive());
    if (entry.first().sequence() != 0) {
      assertThat(Long.compareUnsigned(entry.expires(), entry.first().until()))
          .as("expiry of %s", entry)
          .isNotPositive();
    }
  }

  /** Walks a list; {@code tail} is -1 where none is kept. */
  private List<LockState.Node> list(long lock, long head, long tail, boolean held) {
    List<LockState.Node> nodes = new ArrayList<>();
    long last = 0;
    for (long index = head; index != 0; ) {
      LockState.Node node = state.nodes().get(index);
      assertThat(node).as("block %d of lock %d", index, lock).isNotNull();
      assertThat(reached.add(index)).as("block %d in two places", index).isTrue();
      assertThat(node.lock()).as("lock of block %d", index).isEqualTo(lock);
      assertThat(node.held()).as("list of block %d", index).isEqualTo(held);
      assertThat(node.prev()).as("link back of block %d", index).isEqualTo(last);
      checkLive(node.client(), node.sequence(), index);
      nodes.add(node);
      last = index;
      index = node.next();
    }
    if (tail != -1) {
      assertThat(tail).as("tail of lock %d", lock).isEqualTo(last);
    }
    return nodes;
  }

  private void checkLive(long client, long sequence, long index) {
    live.merge(client, 1L, Long::sum);
    LockState.Session session = state.sessions().get(client);
    assertThat(session).as("session of client %d", client).isNotNull();
    assertThat(session.records().get(sequence))
        .as("record of client %d, sequence %d", client, sequence)
        .isEqualTo(index << 8);
  }

  private void checkSession(long number, LockState.Session session) {
    assertThat(session.client()).as("number in the session").isEqualTo(number);
    assertThat(session.live())
        .as("acquisitions of client %d that are not over", number)
        .isEqualTo(live.getOrDefault(number, 0L));
    assertThat(session.word()).as("references to client %d", number).isEqualTo(2 * session.live());
  }
}
