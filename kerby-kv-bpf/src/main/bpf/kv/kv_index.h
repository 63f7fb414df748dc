/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index: which keys there are, and the protocol by which readers and
 * writers of all doors share an entry.
 *
 * The word of an entry is 2 * its version; odd, it is held by a writer. Every
 * version takes its number from one counter, so no value of the word ever comes
 * back, in this entry or in another.
 *
 * Writer of a key that is there. Writes the new chain, but for its head, where nobody sees it.
 * Takes the word by compare-and-swap from the even value under which it read
 * the entry: success says that nothing has changed since, that the entry is
 * still this key's and alive, and keeps all others from changing or deleting
 * it. Switches first, blocks, head, lengths, flags, exptime, tier. Releases the word
 * by setting it to the new version, again by compare-and-swap. Then frees the
 * old chain: nobody else can have taken it for his to free, since only the
 * holder of the word switches. When the old chain has blocks enough, the holder
 * overwrites them in place instead, and frees those left over after the release.
 *
 * Writer of a key that is not there. Inserts a complete entry with
 * BPF_NOEXIST, its word held, and releases it when the map has it: the map
 * decides between two such writers, and the loser starts again as a writer of a
 * key that is there.
 *
 * Deleter. Takes the word, deletes the map element, frees the chain, and never
 * releases the word. Only its holder deletes an element, so a delete never hits
 * a successor: the successor's insertion fails as long as the element is there.
 *
 * Reader. Reads an even word, then the fields, then copies the blocks, then
 * reads the word again: unchanged, the copy is what the entry held at any
 * moment in between, and this is where the read takes place. Before the old
 * chain is freed or an element's memory reused the word has changed, so
 * whatever a stale pointer or a stale block index let the reader see is thrown
 * away. touch changes exptime and state, by one store each under the word, and
 * releases it unchanged: a reader may see either.
 *
 * Memory reuse. The map may give the memory of a deleted element to another
 * entry at once, of another key or of the same one, and fills it in an order
 * that nobody with a stale pointer can rely on. But a word left by a deleter is
 * odd for ever, and that of a new entry is odd until the map has filled all of
 * it: as long as the memory is neither the old entry nor the whole new one, an
 * even word is not to be read there. A whole new entry has another word, which
 * fails a stale compare-and-swap, and its identity tells whose it is.
 *
 * Expiry. touch changes exptime without a new word, so whoever acts on what an
 * exptime told him compares it again once he holds the word.
 *
 * Flush. Versions up to kv_ctl.flush_version are expired. A writer whose new
 * version depends on a live item (a cas, an append, a move to the other tier)
 * must not carry it past a flush that ended before he releases the word. So he
 * takes his number first, and then asks whether a flush is under way or has
 * covered what he found. The flusher announces himself, then reads the counter,
 * then sets flush_version. Whoever takes a number before the announcement has
 * one that the flusher covers; whoever takes it later sees the announcement or
 * the new flush_version, and tries again.
 *
 * Order. A compare-and-swap is a full barrier, and so orders a writer's field
 * and block stores between taking and releasing. The reader's loads are in
 * volatile accesses and in helper calls, which the compiler keeps in order, and
 * x86 does not reorder loads; elsewhere kv_barrier() executes an atomic that
 * fetches, which is a full barrier.
 *
 * Progress. Nobody waits without bound: all loops end after KV_TRIES, and the
 * request goes up to user space, which tries again later. Programs run to
 * their end whatever happens to the process that loaded them, so the word is
 * never left held. A holder may be preempted in user space's door only.
 */
#ifndef KERBY_KV_INDEX_H
#define KERBY_KV_INDEX_H

#include "kv/kv_chain.h"

#define KV_TRIES 4
#define KV_SPINS 256 /* reads of a held word; an in-place SET holds it for 1 us or a few */

/* Set by the loader on machines that reorder loads: anything but x86. */
const volatile bool kv_weak_loads = false;

static __always_inline void kv_barrier(void)
{
	__u64 local = 0;

	if (kv_weak_loads)
		__sync_val_compare_and_swap((volatile __u64 *)&local, 0, 1);
	asm volatile("" ::: "memory");
}

#define KV_READ_ONCE(x) (*(volatile typeof(x) *)&(x))
#define KV_WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

/* The word when nobody holds it; odd when it stayed held for KV_SPINS reads. */
static __always_inline __u64 kv_word_read(struct kv_entry *e)
{
	__u64 word = KV_READ_ONCE(e->word);
	int i;

	if (!(word & 1))
		return word;
	bpf_for(i, 0, KV_SPINS) {
		word = KV_READ_ONCE(e->word);
		if (!(word & 1))
			break;
	}
	return word;
}

/* Take the word from @word, under which the entry was read. */
static __always_inline bool kv_word_take(struct kv_entry *e, const struct kv_work *w, __u64 word)
{
	if (__sync_val_compare_and_swap(&e->word, word, word | 1) != word)
		return false;
	if (KV_READ_ONCE(e->identity) == w->identity &&
	    KV_READ_ONCE(e->exptime) == w->found.exptime)
		return true;
	__sync_val_compare_and_swap(&e->word, word | 1, word);
	return false;
}

static __always_inline void kv_word_release(struct kv_entry *e, __u64 word, __u64 next)
{
	__sync_val_compare_and_swap(&e->word, word | 1, next);
}

static __always_inline __u64 kv_next_version(struct kv_ctl *ctl)
{
	return __sync_fetch_and_add(&ctl->next_version, 1) + 1;
}

enum kv_found {
	KV_FOUND = 0, /* w->found is a version of this key, if the word stays */
	KV_FOUND_EXPIRED = 1, /* the same, and nobody may see its value */
	KV_FOUND_BUSY = 2, /* held, gone or somebody else's: look up again */
};

static __always_inline bool kv_expired(const struct kv_ctl *ctl, __u64 word, __u32 exptime)
{
	if (word >> 1 <= KV_READ_ONCE(ctl->flush_version))
		return true;
	return exptime && exptime <= kv_now();
}

/*
 * Has a flush made an end of what was found? Asked with the new version's number
 * taken; see "Flush" above.
 */
static __always_inline bool kv_flushed_since(const struct kv_ctl *ctl, const struct kv_work *w)
{
	if (KV_READ_ONCE(ctl->flushing))
		return true;
	kv_barrier();
	return w->found.word >> 1 <= KV_READ_ONCE(ctl->flush_version);
}

/* Take all that is stored for expired. */
static __always_inline void kv_flush(struct kv_ctl *ctl)
{
	__sync_fetch_and_add(&ctl->flushing, 1);
	KV_WRITE_ONCE(ctl->flush_version, __sync_fetch_and_add(&ctl->next_version, 1));
	kv_barrier();
	__sync_fetch_and_add(&ctl->flushing, -1);
}

/* Note when the entry was accessed. */
static __always_inline void kv_entry_stamp(struct kv_entry *e, const struct kv_ctl *ctl,
					   const struct kv_work *w)
{
	if (w->found.last_access != ctl->epoch)
		KV_WRITE_ONCE(e->last_access, ctl->epoch);
}

/* Note that a get has found the item. */
static __always_inline void kv_entry_fetched(struct kv_entry *e, const struct kv_work *w)
{
	if (!w->found.fetched)
		KV_WRITE_ONCE(e->fetched, 1);
}

/* Read the entry's fields into w->found; @keep: enum kv_keep bits. */
static __always_inline enum kv_found kv_entry_read(struct kv_entry *e, const struct kv_ctl *ctl,
						   struct kv_work *w, __u8 keep)
{
	__u64 word = kv_word_read(e);

	if (word & 1)
		return KV_FOUND_BUSY;
	kv_barrier();
	w->found.word = word;
	w->found.first = KV_READ_ONCE(e->first);
	w->found.token = KV_READ_ONCE(e->token);
	w->found.flags = KV_READ_ONCE(e->flags);
	w->found.exptime = KV_READ_ONCE(e->exptime);
	w->found.value_len = KV_READ_ONCE(e->value_len);
	w->found.blocks = KV_READ_ONCE(e->blocks);
	w->found.key_len = KV_READ_ONCE(e->key_len);
	w->found.tier = KV_READ_ONCE(e->tier);
	w->found.large = KV_READ_ONCE(e->large);
	w->found.state = KV_READ_ONCE(e->state);
	w->found.fetched = KV_READ_ONCE(e->fetched);
	w->found.last_access = KV_READ_ONCE(e->last_access);
	w->found.cas = KV_READ_ONCE(e->cas);
	if (KV_READ_ONCE(e->identity) != w->identity)
		return KV_FOUND_BUSY;
	if (!(keep & (KV_KEEP_ITEM | KV_KEEP_ACCESS)))
		kv_entry_stamp(e, ctl, w);
	return kv_expired(ctl, word, w->found.exptime) ? KV_FOUND_EXPIRED : KV_FOUND;
}

/* Is what was read since kv_entry_read() one version? */
static __always_inline bool kv_entry_same(struct kv_entry *e, const struct kv_work *w)
{
	kv_barrier();
	return KV_READ_ONCE(e->word) == w->found.word;
}

/* Count an item in or out of the gauges. */
static __always_inline void kv_gauge(__u8 tier, __s64 items, __s64 value_bytes)
{
	struct kv_stats *st = kv_stats_mine();
	int i = tier == KV_TIER_USER;

	if (!st)
		return;
	if (items)
		__sync_fetch_and_add(&st->items[i], items);
	if (value_bytes)
		__sync_fetch_and_add(&st->value_bytes[i], value_bytes);
}

#endif /* KERBY_KV_INDEX_H */
