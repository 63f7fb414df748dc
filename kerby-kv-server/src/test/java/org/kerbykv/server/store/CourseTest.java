package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What becomes of an operation when others are between two of its requests to the door. */
class CourseTest {
  private static final int MIB = 1 << 20;
  private static final int SLOT = 0;

  private UserStore store;
  private StoreFixture others;
  private StoreDoor door;
  private Course retrieval;
  private Course editing;
  private Course storing;
  private final Request request = new Request(SLOT);

  @BeforeEach
  void open() {
    store = new UserStore(64 * MIB, true);
    others = new StoreFixture(store, MIB);
    door = store.openDoor();
    Values values = new Values(door);
    retrieval = new Retrieval(door);
    editing = new Editing(door, values, MIB);
    storing = new Storing(door, values);
  }

  @AfterEach
  void close() {
    request.releaseFound(door);
    door.close();
    others.close();
    store.close();
  }

  private void begin(Operation operation, String key) {
    byte[] bytes = key.getBytes(ISO_8859_1);
    request.begin(operation);
    door.setKey(SLOT, bytes, 0, bytes.length, door.hash(bytes, 0, bytes.length));
  }

  /** Has the door do one request; returns how the operation ended, or null. */
  private Outcome step(Course course) {
    door.run(SLOT, 1);
    int status = door.status(SLOT);
    if (status == KvSlot.USER) {
      request.foundValue = door.getLong(SLOT, KvSlot.TOKEN);
      status = KvSlot.OK;
    }
    return course.advance(request, status);
  }

  private Outcome toTheEnd(Course course) {
    Outcome outcome;
    do {
      outcome = step(course);
    } while (outcome == null);
    return outcome;
  }

  private void setStale(String value) {
    others.store(Operation.SET, "k", value);
    Batch batch = others.batch();
    others.add(Operation.INVALIDATE, "k");
    batch.execute();
    batch.clear();
  }

  /** Returns whether another reader wins the item. */
  private boolean otherWins() {
    Batch batch = others.batch();
    int index = others.add(Operation.GET, "k");
    batch.setRecache(index, 0, false);
    batch.execute();
    boolean won = batch.isWon(index);
    batch.clear();
    return won;
  }

  private int expiry() {
    Batch batch = others.batch();
    int index = others.add(Operation.GET, "k");
    batch.execute();
    int expiry = batch.foundExpiry(index);
    batch.clear();
    return expiry;
  }

  @Test
  void aReaderDoesNotWinWhatAnotherHasWonMeanwhile() {
    setStale("old");
    begin(Operation.GET, "k");
    request.wins = true;
    retrieval.start(request);
    assertThat(step(retrieval)).as("has yet to win").isNull();
    assertThat(otherWins()).isTrue();
    assertThat(toTheEnd(retrieval)).isEqualTo(Outcome.HIT);
    assertThat(request.won).isFalse();
    assertThat(request.foundState(KvSlot.WON)).isTrue();
    assertThat(request.foundState(KvSlot.STALE)).isTrue();
  }

  @Test
  void aReaderLooksAgainWhenTheItemIsReplaced() {
    setStale("old");
    begin(Operation.GET, "k");
    request.wins = true;
    retrieval.start(request);
    assertThat(step(retrieval)).isNull();
    others.store(Operation.SET, "k", "new value");
    assertThat(toTheEnd(retrieval)).isEqualTo(Outcome.HIT);
    assertThat(request.won).isFalse();
    assertThat(request.foundState(KvSlot.STALE)).isFalse();
    assertThat(door.getInt(SLOT, KvSlot.VALUE_LEN)).isEqualTo("new value".length());
    assertThat(otherWins()).as("the new one is not stale").isFalse();
  }

  @Test
  void aReaderDoesNotCreateWhatAnotherHasCreatedMeanwhile() {
    begin(Operation.VIVIFY, "k");
    request.wins = true;
    retrieval.start(request);
    assertThat(step(retrieval)).isNull();
    others.store(Operation.SET, "k", "there");
    assertThat(toTheEnd(retrieval)).isEqualTo(Outcome.HIT);
    assertThat(request.won).isFalse();
    assertThat(door.getInt(SLOT, KvSlot.VALUE_LEN)).isEqualTo("there".length());
  }

  @Test
  void aTouchMeanwhileIsNotLost() {
    int life = BootClock.seconds() + 1000;
    for (Operation operation : new Operation[] {Operation.INCR, Operation.APPEND}) {
      others.store(Operation.SET, "k", "5");
      begin(operation, "k");
      request.delta = 1;
      request.operand = new byte[] {'7'};
      request.operandLength = 1;
      editing.start(request);
      assertThat(step(editing)).isNull();
      others.touch("k", life);
      assertThat(toTheEnd(editing)).isIn(Outcome.COUNTED, Outcome.STORED);
      assertThat(others.text("k")).isIn("6", "57");
      assertThat(expiry()).as(operation.name()).isEqualTo(life);
    }
  }

  @Test
  void aWinMeanwhileIsNotLostToOneWhoCounts() {
    setStale("5");
    begin(Operation.INCR, "k");
    request.delta = 1;
    editing.start(request);
    assertThat(step(editing)).isNull();
    assertThat(otherWins()).isTrue();
    assertThat(toTheEnd(editing)).isEqualTo(Outcome.COUNTED);
    assertThat(otherWins()).as("a second time").isFalse();
  }

  @Test
  void anEditGoesRoundWhenTheValueIsReplacedAndEndsWhenItGoes() {
    others.store(Operation.SET, "k", "5");
    begin(Operation.INCR, "k");
    request.delta = 1;
    editing.start(request);
    assertThat(step(editing)).isNull();
    others.store(Operation.SET, "k", "100");
    assertThat(step(editing)).isNull();
    assertThat(step(editing)).isNull();
    others.delete("k");
    assertThat(toTheEnd(editing)).isEqualTo(Outcome.NOT_FOUND);
  }

  @Test
  void aStaleValueIsJudgedByTheCasThatIsThereInTheEnd() {
    others.store(Operation.SET, "k", "first");
    long cas = others.get("k").cas();
    begin(Operation.CAS_OR_STALE, "k");
    request.hasCas = true;
    request.cas = cas;
    request.operand = "mine".getBytes(ISO_8859_1);
    request.operandLength = 4;
    storing.start(request);
    assertThat(step(storing)).as("the cas is the same").isNull();
    others.store(Operation.SET, "k", "newer");
    assertThat(toTheEnd(storing)).isEqualTo(Outcome.STORED);
    assertThat(others.text("k")).isEqualTo("mine");
    assertThat(otherWins()).as("it is stale").isTrue();
  }
}
