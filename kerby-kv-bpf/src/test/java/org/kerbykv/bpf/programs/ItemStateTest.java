package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.BINARY;
import static org.kerbykv.bpf.programs.KvAbi.CAS_NEXT;
import static org.kerbykv.bpf.programs.KvAbi.FETCHED;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_ACCESS;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_EXPTIME;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_ITEM;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_STATE;
import static org.kerbykv.bpf.programs.KvAbi.STALE;
import static org.kerbykv.bpf.programs.KvAbi.TIER_USER;
import static org.kerbykv.bpf.programs.KvAbi.WON;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Cond;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/** What user space's door knows of an item beside its value: state, cas, access, moves. */
@RequiresBPF
class ItemStateTest {
  private static final int LATER = 0x7fff_ffff;
  private static final long TOKEN = 0x1234;

  private static KvStore store;

  @BeforeAll
  static void load() {
    store = new KvStore(KvConfig.of(64));
  }

  @AfterAll
  static void unload() {
    store.close();
  }

  @BeforeEach
  void someItem() {
    store.clear();
    store.setEpoch(KvStore.EPOCH);
    run(request(Op.SET, "k").value("value").flags(7).exptime(LATER), Status.OK);
  }

  @AfterEach
  void whole() {
    StoreAudit.check(store);
  }

  private KvSlot request(Op op, String key) {
    return store.slot(0).request(op, key);
  }

  private KvSlot run(KvSlot slot, Status status) {
    assertThat(store.run(slot)).isEqualTo(status);
    return slot;
  }

  private KvSlot peek() {
    return run(request(Op.GET, "k").keep(KEEP_ACCESS), Status.OK);
  }

  @Test
  void aGetSaysWhatWasBeforeIt() {
    store.setEpoch(KvStore.EPOCH + 5);
    KvSlot first = run(request(Op.GET, "k"), Status.OK);
    assertThat(first.state()).isZero();
    assertThat(first.lastAccess()).isEqualTo(KvStore.EPOCH);
    KvSlot second = run(request(Op.GET, "k"), Status.OK);
    assertThat(second.state()).isEqualTo(FETCHED);
    assertThat(second.lastAccess()).isEqualTo(KvStore.EPOCH + 5);
  }

  @Test
  void aGetThatKeepsTheAccessLeavesNoTrace() {
    store.setEpoch(KvStore.EPOCH + 5);
    peek();
    assertThat(peek().state()).isZero();
    assertThat(peek().lastAccess()).isEqualTo(KvStore.EPOCH);
  }

  @Test
  void aNewValueIsNotFetched() {
    run(request(Op.GET, "k"), Status.OK);
    run(request(Op.SET, "k").value("other"), Status.OK);
    assertThat(peek().state()).isZero();
  }

  @Test
  void packetsFetchToo() {
    store.send(PacketDoor.XDP, Frame.request("get k\r\n"));
    assertThat(peek().state()).isEqualTo(FETCHED);
  }

  @Test
  void touchSetsAndClearsStateAndSaysWhatWas() {
    assertThat(run(touch().state(WON | BINARY, 0), Status.OK).state()).isZero();
    assertThat(run(touch().state(FETCHED, BINARY), Status.OK).state()).isEqualTo(WON | BINARY);
    assertThat(run(touch().state(WON | STALE, 0), Status.OK).state()).isEqualTo(WON);
    assertThat(run(touch().state(0, WON), Status.OK).state()).isEqualTo(WON | STALE);
    KvSlot now = peek();
    assertThat(now.state()).isEqualTo(STALE);
    assertThat(now.exptime()).isEqualTo(LATER);
    assertThat(now.value()).isEqualTo("value");
  }

  private KvSlot touch() {
    return request(Op.TOUCH, "k").keep(KEEP_EXPTIME | KEEP_ACCESS);
  }

  @Test
  void aTouchIsAnAccess() {
    store.setEpoch(KvStore.EPOCH + 5);
    run(request(Op.TOUCH, "k").keep(KEEP_EXPTIME), Status.OK);
    assertThat(peek().state()).isEqualTo(FETCHED);
    assertThat(peek().lastAccess()).isEqualTo(KvStore.EPOCH + 5);
  }

  @Test
  void touchGivesAnotherCasWithAnotherVersion() {
    KvSlot before = peek();
    long version = before.version();
    KvSlot touched = run(touch().newCas(77), Status.OK);
    assertThat(touched.cas()).isEqualTo(77);
    assertThat(touched.version()).isGreaterThan(version);
    assertThat(peek().cas()).isEqualTo(77);
    assertThat(peek().version()).isEqualTo(store.nextVersion());
    touched = run(touch().newCas(CAS_NEXT), Status.OK);
    assertThat(touched.cas()).isEqualTo(touched.version()).isEqualTo(store.nextVersion());
  }

  @Test
  void touchUnderAConditionThatDoesNotHold() {
    run(touch().state(STALE, 0).ifCas(12345), Status.EXISTS);
    run(touch().state(STALE, 0).ifVersion(12345), Status.EXISTS);
    run(touch().state(STALE, 0).condition(Cond.ABSENT), Status.EXISTS);
    assertThat(peek().state()).isZero();
    long cas = peek().cas();
    run(touch().state(STALE, 0).ifCas(cas), Status.OK);
    assertThat(peek().state()).isEqualTo(STALE);
  }

  @Test
  void setTakesStateAndCas() {
    KvSlot stored = run(request(Op.SET, "k").value("w").state(WON, 0).newCas(99), Status.OK);
    assertThat(stored.cas()).isEqualTo(99);
    assertThat(stored.version()).isEqualTo(store.nextVersion());
    assertThat(peek().cas()).isEqualTo(99);
    assertThat(peek().state()).isEqualTo(WON);
    run(request(Op.SET, "n").value("w").state(STALE, 0).newCas(98), Status.OK);
    KvSlot other = run(request(Op.GET, "n"), Status.OK);
    assertThat(other.cas()).isEqualTo(98);
    assertThat(other.state()).isEqualTo(STALE);
  }

  @Test
  void setKeepsTheStateButForWhatIsNamed() {
    run(touch().state(WON | BINARY, 0), Status.OK);
    run(request(Op.GET, "k"), Status.OK);
    for (String value : new String[] {"other", "v".repeat(900), "in place"}) {
      run(touch().state(WON, STALE), Status.OK);
      run(request(Op.SET, "k").value(value).keep(KEEP_STATE).state(STALE, WON), Status.OK);
      assertThat(peek().state()).isEqualTo(STALE | BINARY | FETCHED);
    }
  }

  @Test
  void aNewItemMayCountAsFetched() {
    run(request(Op.SET, "k").value("w").state(WON | FETCHED, 0), Status.OK);
    assertThat(peek().state()).isEqualTo(WON | FETCHED);
    assertThat(store.entry("k").state()).isEqualTo(WON);
    run(request(Op.SET, "n").value("w").state(WON | FETCHED, 0), Status.OK);
    assertThat(run(request(Op.GET, "n"), Status.OK).state()).isEqualTo(WON | FETCHED);
    assertThat(store.entry("n").state()).isEqualTo(WON);
  }

  @Test
  void versionIsNotCas() {
    run(request(Op.SET, "k").value("w").newCas(99), Status.OK);
    long version = store.nextVersion();
    run(request(Op.SET, "k").value("x").ifVersion(99), Status.EXISTS);
    run(request(Op.SET, "k").value("x").ifCas(version), Status.EXISTS);
    run(request(Op.SET, "k").value("x").ifVersion(version), Status.OK);
    run(request(Op.SET, "absent").value("x").ifVersion(version), Status.MISS);
  }

  @Test
  void setKeepsTheExptime() {
    for (String value : new String[] {"other", "v".repeat(900), "in place"}) {
      run(request(Op.SET, "k").value(value).exptime(5).keep(KEEP_EXPTIME), Status.OK);
      assertThat(peek().exptime()).isEqualTo(LATER);
      assertThat(peek().flags()).isZero();
    }
  }

  @Test
  void aMoveThereAndBackIsNotSeen() {
    run(request(Op.SET, "k").value("v".repeat(900)).flags(7).exptime(LATER), Status.OK);
    run(request(Op.GET, "k"), Status.OK);
    run(touch().state(STALE, 0), Status.OK);
    long cas = peek().cas();
    long blocks = store.blocksInUse();
    store.setEpoch(KvStore.EPOCH + 5);
    KvSlot slot = move(peek().version()).userValue(TOKEN, 900);
    assertThat(run(slot, Status.OK).cas()).isEqualTo(cas);
    assertThat(store.blocksInUse()).isLessThan(blocks);
    KvEntry user = store.entry("k");
    assertThat(user.tier()).isEqualTo(TIER_USER);
    assertThat(user.token()).isEqualTo(TOKEN);
    assertUnchangedByTheMove(user, cas);
    slot = move(user.version()).value("v".repeat(900));
    assertThat(run(slot, Status.OK).oldToken()).isEqualTo(TOKEN);
    assertThat(slot.oldTier()).isEqualTo(TIER_USER);
    assertUnchangedByTheMove(store.entry("k"), cas);
    assertThat(peek().value()).isEqualTo("v".repeat(900));
    assertThat(store.blocksInUse()).isEqualTo(blocks);
  }

  private KvSlot move(long version) {
    return request(Op.SET, "k").keep(KEEP_ITEM).ifVersion(version);
  }

  private static void assertUnchangedByTheMove(KvEntry entry, long cas) {
    assertThat(entry.cas()).isEqualTo(cas);
    assertThat(entry.flags()).isEqualTo(7);
    assertThat(entry.exptime()).isEqualTo(LATER);
    assertThat(entry.state()).isEqualTo(STALE);
    assertThat(entry.fetched()).isEqualTo(1);
    assertThat(entry.lastAccess()).isEqualTo(KvStore.EPOCH);
  }

  @Test
  void aMoveNeedsTheVersion() {
    for (Cond condition : new Cond[] {Cond.ANY, Cond.ABSENT, Cond.PRESENT, Cond.CAS}) {
      KvSlot slot = request(Op.SET, "k").keep(KEEP_ITEM).value("w").condition(condition);
      run(slot, Status.INVALID);
    }
    run(move(store.nextVersion() + 1).value("w"), Status.EXISTS);
    assertThat(peek().value()).isEqualTo("value");
  }

  @Test
  void aSmallerValueStaysInPlaceAndFreesTheRest() {
    run(request(Op.SET, "k").value("v".repeat(900)), Status.OK);
    long first = store.entry("k").first();
    store.fill(0);
    for (String value : new String[] {"w".repeat(899), "w".repeat(300), "w", ""}) {
      run(request(Op.SET, "k").value(value), Status.OK);
      assertThat(store.entry("k").first()).isEqualTo(first);
      assertThat(peek().value()).isEqualTo(value);
      StoreAudit.check(store);
    }
    assertThat(store.entry("k").blocks()).isEqualTo(1);
  }

  @Test
  void getByIdentityFillsTheKeyIn() {
    String key = "a-key-that-is-longer-than-a-block/".repeat(6);
    run(request(Op.SET, key).value("value"), Status.OK);
    KvSlot slot = run(store.slot(1).getByIdentity(store.identity(key)), Status.OK);
    assertThat(slot.key()).isEqualTo(key);
    assertThat(slot.value()).isEqualTo("value");
    run(store.slot(1).getByIdentity(store.identity("absent")), Status.MISS);
  }

  @Test
  void flushEndsAllThatIsStored() {
    run(store.slot(0).request(Op.FLUSH, ""), Status.OK);
    run(request(Op.GET, "k"), Status.MISS);
    run(request(Op.SET, "k").value("new"), Status.OK);
    assertThat(peek().value()).isEqualTo("new");
  }

  @Test
  void whatDependsOnALiveItemWaitsWhileAFlushIsUnderWay() {
    long version = peek().version();
    store.setFlushing(1);
    run(request(Op.SET, "k").value("w").condition(Cond.PRESENT), Status.BUSY);
    run(request(Op.SET, "k").value("w").ifVersion(version), Status.BUSY);
    run(request(Op.SET, "k").value("w".repeat(900)).ifVersion(version), Status.BUSY);
    run(touch().newCas(CAS_NEXT), Status.BUSY);
    run(request(Op.SET, "n").value("w").condition(Cond.ABSENT), Status.OK);
    assertThat(peek().version()).isEqualTo(version);
    store.setFlushing(0);
    run(request(Op.SET, "k").value("w").ifVersion(version), Status.OK);
  }
}
