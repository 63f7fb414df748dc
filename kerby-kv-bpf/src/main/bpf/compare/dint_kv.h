/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DINT-KV, to compare with: the key-value store of Y. Zhou and others, "DINT: Fast
 * In-Kernel Distributed Transactions with eBPF" (NSDI 2024), written anew from its
 * description. DINT_SLOT is the room for a value in bytes.
 *
 * Taken from the publication: a preallocated array of buckets of four slots, keys
 * and values in the slot; one word of Bloom filter for each bucket, so that XDP
 * answers a get of what was never stored; a lock word for each bucket, taken by
 * compare-and-swap, for gets too; write-back: a set is done when it is in the slot;
 * what has to leave a full bucket goes to user space; what is not there is asked
 * for in user space, and learned from its reply at TC egress. A client that comes
 * at the wrong moment is rejected and may try again.
 *
 * What differs, and why:
 * - Keys have any length up to 250 and values up to DINT_SLOT (theirs have one
 *   length each). A key's first 40 bytes have room of their own, the rest takes the value's.
 *   Larger items, and those that expire, live in user space.
 * - User space is memcached on the same address and port: what XDP lets pass
 *   reaches it. It cannot take an evicted item beside a request as theirs does, so
 *   that goes through a ring buffer to a process that stores it over TCP. A set
 *   that finds all four slots dirty starts the writing of one, and goes up itself.
 * - The lock is not held while user space works: a lost datagram would hold it for
 *   ever, and other keys would be rejected meanwhile. What it did for them:
 *   an evicted slot stays, and is read, until it is known to be written, and is
 *   given up only if nobody wrote it since (its version); a get that goes up leaves
 *   its ticket, and its reply is learned only if nothing was stored in the bucket
 *   since; a set that goes up because of its size while its key has a slot is
 *   acknowledged by memcached's reply, and until then the slot is read. Nothing
 *   that was answered STORED is lost. What remains: of two sets of one key that
 *   overlap, the earlier of which waits in memcached's socket until the later has
 *   been stored here, evicted and written, the earlier wins. And with several
 *   threads of memcached, whose order among themselves nobody knows, a get that
 *   overlaps a set which went up may have the value before it learned.
 * - A lock that is held is tried again some times before a request is rejected.
 *   Then gets and sets are answered SERVER_ERROR, as memcached has no other word.
 * - A TC program with the same body at ingress: where XDP has no room for a reply
 *   (sockets on a veth pair). Theirs have replies as long as requests.
 *
 * delete and the other commands go up, and are not known here: not to be used.
 */
#ifndef KERBY_COMPARE_DINT_KV_H
#define KERBY_COMPARE_DINT_KV_H

#include "compare/mc.h"

#define DINT_WAYS 4
/* With 8 bytes in front and 16 of the bucket's head, a slot costs 64 bytes more than its value. */
#define DINT_KEY_WORDS 5
#define DINT_DATA_WORDS (DINT_SLOT / 8)
#define DINT_CHUNK 8 /* words that are copied at once */
#define DINT_TRIES 4096 /* to take a lock that is held on another CPU, which may be a virtual one */

enum dint_state {
	DINT_EMPTY,
	DINT_CLEAN, /* memcached has the same */
	DINT_DIRTY, /* memcached has something older, or nothing */
	DINT_EVICTING, /* dirty, and on its way to memcached */
	DINT_SPILLING, /* a larger value is on its way to memcached */
};

struct dint_way {
	__u16 value_len;
	__u8 key_len;
	__u8 state; /* enum dint_state */
};

struct dint_slot {
	__u32 flags;
	__u32 version; /* counts what was stored here */
	__u64 key[DINT_KEY_WORDS]; /* its beginning */
	__u64 data
		[DINT_DATA_WORDS]; /* the value, and on a word's boundary behind it the key's rest */
};

struct dint_bucket {
	__u32 lock; /* 1: taken */
	__u32 ticket; /* of the last get that went up, 0: something was stored since */
	__u64 bloom;
	__u32 hand; /* where to look first for a slot to be given up */
	__u32 reserved[3];
	__u32 tag[DINT_WAYS]; /* of the keys' hashes */
	struct dint_way way[DINT_WAYS];
	struct dint_slot slot[DINT_WAYS];
};

_Static_assert(sizeof(struct dint_bucket) == DINT_WAYS * (DINT_SLOT + 64), "a slot's cost");

/* To user space: write this, and then give it to dint_written. */
struct dint_evicted {
	__u32 bucket;
	__u32 way;
	__u32 version;
	__u32 flags;
	__u32 key_len;
	__u32 value_len;
	__u64 key[DINT_KEY_WORDS]; /* as in the slot */
	__u64 data[DINT_DATA_WORDS];
};

/* From user space: an eviction that is over. Any number of them make the frame of a test run. */
struct dint_written {
	__u32 bucket;
	__u32 way;
	__u32 version;
	__u32 is_stored; /* else it stays, dirty */
};

/* A set that went up while its key has a slot, by its client and request. */
struct dint_spill_key {
	__u32 ip;
	__u16 port;
	__u16 id;
};

struct dint_spill {
	__u32 bucket;
	__u32 way;
	__u32 version;
};

/* Mapped, which puts it on a page's boundary: a bucket's head is one cache line. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 16); /* and dint_buckets */
	__type(key, __u32);
	__type(value, struct dint_bucket);
} dint_cache SEC(".maps");

const volatile __u32 dint_buckets = 1 << 16;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} dint_evicted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct dint_spill_key);
	__type(value, struct dint_spill);
} dint_spills SEC(".maps");

/* BTF has the types that some variable has; user space looks these up. */
const volatile struct {
	struct dint_evicted evicted;
	struct dint_written written;
} dint_abi = {};

static __always_inline __u32 dint_index(const struct mc_text *t)
{
	return (t->hash >> 32) * dint_buckets >> 32;
}

static __always_inline __u64 dint_bloom_bit(const struct mc_text *t)
{
	return 1ULL << (t->hash & 63);
}

static __always_inline bool dint_lock(struct dint_bucket *b)
{
	bool taken = !__sync_val_compare_and_swap(&b->lock, 0, 1);
	int i;

	if (taken)
		return true;
	bpf_for(i, 0, DINT_TRIES) {
		taken = !__sync_val_compare_and_swap(&b->lock, 0, 1);
		if (taken)
			break;
	}
	return taken;
}

/* A plain store, of x86's: it is seen after all that precede it. */
static __always_inline void dint_unlock(struct dint_bucket *b)
{
	barrier();
	*(volatile __u32 *)&b->lock = 0;
}

static __always_inline __u32 dint_words(__u32 bytes)
{
	return (bytes + 7) / 8;
}

/* Word @i of the key of a slot with @value_words words of value, NULL: not in the slot. */
static __always_inline __u64 *dint_key_word(struct dint_slot *s, __u32 value_words, __u32 i)
{
	__u32 at;

	if (i < DINT_KEY_WORDS)
		return &s->key[i];
	i += value_words - DINT_KEY_WORDS;
	at = i & (DINT_DATA_WORDS - 1); /* which is a power of two; the verifier sees the bound */
	barrier_var(at);
	return at == i ? &s->data[at] : NULL;
}

/* Where a key is put if there is room. */
static __always_inline __u32 dint_home(const struct mc_text *t)
{
	return (t->hash >> 6) % DINT_WAYS;
}

/* Whether the slot's key is the text's. */
static __always_inline bool dint_same_key(struct dint_slot *s, struct dint_way way,
					  const struct mc_text *t)
{
	__u32 first = dint_words(way.value_len), words = dint_words(t->key_len), i;
	__u64 *word;

	if (way.key_len != t->key_len)
		return false;
#pragma clang loop unroll(disable)
	for (i = 0; i < MC_KEY_WORDS; i++) {
		if (i >= words)
			return true;
		word = dint_key_word(s, first, i);
		if (!word || *word != t->word[1 + i])
			return false;
	}
	return true;
}

/* The way that has the text's key, or DINT_WAYS. */
static __always_inline __u32 dint_find(struct dint_bucket *b, const struct mc_text *t)
{
	__u32 tag = t->hash >> 32, i, at;

#pragma clang loop unroll(disable)
	for (i = 0; i < DINT_WAYS; i++) {
		at = (dint_home(t) + i) % DINT_WAYS;
		if (b->tag[at] == tag && b->way[at].state != DINT_EMPTY &&
		    dint_same_key(&b->slot[at], b->way[at], t))
			return at;
	}
	return DINT_WAYS;
}

/* A way that may be given up, the next from the hand on, or DINT_WAYS. */
static __always_inline __u32 dint_take(struct dint_bucket *b, __u32 home)
{
	__u32 i, at;

	for (i = 0; i < DINT_WAYS; i++) {
		at = (home + i) % DINT_WAYS;
		if (b->way[at].state == DINT_EMPTY)
			return at;
	}
	for (i = 0; i < DINT_WAYS; i++) {
		at = (b->hand + i) % DINT_WAYS;
		if (b->way[at].state == DINT_CLEAN) {
			b->hand = at + 1;
			return at;
		}
	}
	return DINT_WAYS;
}

/* Hand one of a full bucket's dirty slots to user space, unless one is on its way already. */
static __noinline void dint_evict(struct dint_bucket *b, __u32 bucket)
{
	struct dint_evicted *e;
	__u32 i, at, victim = DINT_WAYS;

	for (i = 0; i < DINT_WAYS; i++) {
		at = (b->hand + i) % DINT_WAYS;
		if (b->way[at].state == DINT_EVICTING)
			return;
		if (victim == DINT_WAYS && b->way[at].state == DINT_DIRTY)
			victim = at;
	}
	if (victim >= DINT_WAYS)
		return;
	e = bpf_ringbuf_reserve(&dint_evicted, sizeof(*e), 0);
	if (!e)
		return;
	e->bucket = bucket;
	e->way = victim;
	e->version = b->slot[victim].version;
	e->flags = b->slot[victim].flags;
	e->key_len = b->way[victim].key_len;
	e->value_len = b->way[victim].value_len;
#pragma clang loop unroll(disable)
	for (i = 0; i < DINT_KEY_WORDS; i++)
		e->key[i] = b->slot[victim].key[i];
#pragma clang loop unroll(disable)
	for (i = 0; i < DINT_DATA_WORDS; i++)
		e->data[i] = b->slot[victim].data[i];
	b->way[victim].state = DINT_EVICTING;
	b->hand = victim + 1;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline bool dint_fits(const struct mc_text *t)
{
	__u32 words = dint_words(t->key_len);

	words = words > DINT_KEY_WORDS ? words - DINT_KEY_WORDS : 0;
	return !t->expires && words + dint_words(t->value_len) <= DINT_DATA_WORDS;
}

/* Store the item in the frame in way @at of a locked bucket. */
static __always_inline bool dint_put(void *ctx, enum net_door door, struct dint_bucket *b, __u32 at,
				     const struct mc_text *t, enum dint_state state)
{
	__u32 len = t->value_len, first = dint_words(len), words = dint_words(t->key_len), i;
	__u64 *word;
	struct dint_slot *s;

	if (at >= DINT_WAYS)
		return false;
	s = &b->slot[at];
	barrier_var(len);
	if (len > DINT_SLOT || (len && !mc_load(ctx, door, t->value_off, s->data, len)))
		return false;
#pragma clang loop unroll(disable)
	for (i = 0; i < MC_KEY_WORDS; i++) {
		word = dint_key_word(s, first, i);
		if (i >= words || !word)
			break;
		*word = t->word[1 + i];
	}
	s->flags = t->flags;
	s->version++;
	b->tag[at] = t->hash >> 32;
	b->way[at].value_len = t->value_len;
	b->way[at].key_len = t->key_len;
	b->way[at].state = state;
	b->bloom |= dint_bloom_bit(t);
	b->ticket = 0;
	return true;
}

/*
 * A set that does not fit goes up. Its key's slot, if there is one, is what is
 * read until memcached has answered. False: the client has to try again.
 */
static __always_inline bool dint_spill(struct dint_bucket *b, __u32 at, const struct mc_text *t)
{
	struct dint_spill_key key = {t->flow.src[0], t->flow.sport, t->id};
	struct dint_spill spill = {dint_index(t), at};

	b->bloom |= dint_bloom_bit(t);
	b->ticket = 0;
	if (at >= DINT_WAYS)
		return true;
	if (b->way[at].state == DINT_EVICTING)
		return false; /* or the older value might be written last */
	if (t->noreply) {
		b->way[at].state = DINT_EMPTY;
		return true;
	}
	spill.version = b->slot[at].version;
	if (b->way[at].state != DINT_SPILLING)
		spill.version++;
	if (bpf_map_update_elem(&dint_spills, &key, &spill, BPF_ANY))
		return false;
	b->slot[at].version = spill.version;
	b->way[at].state = DINT_SPILLING;
	return true;
}

static __always_inline enum mc_verdict dint_busy(void *ctx, enum net_door door, struct mc_text *t)
{
	return MC_REPLY_LINE(ctx, door, t, "SERVER_ERROR busy\r\n");
}

static __always_inline enum mc_verdict dint_set(void *ctx, enum net_door door, struct mc_text *t)
{
	__u32 index = dint_index(t), at;
	struct dint_bucket *b = bpf_map_lookup_elem(&dint_cache, &index);
	bool done;

	if (!b)
		return MC_UP;
	if (!dint_lock(b))
		return dint_busy(ctx, door, t);
	at = dint_find(b, t);
	if (!dint_fits(t)) {
		done = dint_spill(b, at, t);
		dint_unlock(b);
		return done ? MC_UP : dint_busy(ctx, door, t);
	}
	if (at == DINT_WAYS)
		at = dint_take(b, dint_home(t));
	if (at < DINT_WAYS) {
		done = dint_put(ctx, door, b, at, t, DINT_DIRTY);
		dint_unlock(b);
		return done ? MC_REPLY_LINE(ctx, door, t, "STORED\r\n") : MC_UP;
	}
	b->bloom |= dint_bloom_bit(t);
	b->ticket = 0;
	dint_evict(b, index);
	dint_unlock(b);
	return MC_UP;
}

/* Put the slot's value and the reply's end behind the line in the scratch, words at a time. */
static __always_inline void dint_compose(struct mc_text *t, __u32 line, const struct dint_slot *s,
					 __u32 value_len)
{
	const char end[] = "\r\nEND\r\n";
	__u8 *to = (__u8 *)t->word + 2 + line;
	__u32 i, k;

#pragma clang loop unroll(disable)
	for (i = 0; i < DINT_DATA_WORDS / DINT_CHUNK; i++) {
		if (i * DINT_CHUNK * 8 >= value_len)
			break;
#pragma unroll
		for (k = 0; k < DINT_CHUNK; k++)
			*(__u64 *)(to + (i * DINT_CHUNK + k) * 8) = s->data[i * DINT_CHUNK + k];
	}
	__builtin_memcpy(to + value_len, end, sizeof(end) - 1);
}

/* Build the reply in the frame; false: it has no room. One helper call stores all of it. */
static __always_inline bool dint_reply(void *ctx, enum net_door door, struct mc_text *t,
				       struct dint_slot *s, __u32 value_len)
{
	__u32 line = mc_value_line(t, s->flags, value_len), len;

	barrier_var(line);
	barrier_var(value_len);
	if (!line || line > MC_LINE || value_len > DINT_SLOT)
		return false;
	len = line + value_len + 7;
	if (!mc_reply_head(ctx, door, t, len))
		return false;
	dint_compose(t, line, s, value_len);
	mc_store(ctx, door, MC_TEXT, (__u8 *)t->word + 2, len);
	return true;
}

static __always_inline enum mc_verdict dint_get(void *ctx, enum net_door door, struct mc_text *t)
{
	__u32 index = dint_index(t), at;
	struct dint_bucket *b = bpf_map_lookup_elem(&dint_cache, &index);
	bool is_known, done;

	if (!b)
		return MC_UP;
	if (!dint_lock(b))
		return dint_busy(ctx, door, t);
	at = dint_find(b, t);
	if (at < DINT_WAYS) {
		done = dint_reply(ctx, door, t, &b->slot[at], b->way[at].value_len);
		dint_unlock(b);
		return done ? MC_REPLY : MC_UP;
	}
	is_known = b->bloom & dint_bloom_bit(t);
	if (is_known)
		b->ticket = mc_ticket(t, false);
	dint_unlock(b);
	return is_known ? MC_UP : MC_REPLY_LINE(ctx, door, t, "END\r\n");
}

static __always_inline enum mc_verdict dint_request(void *ctx, enum net_door door, void *data,
						    void *data_end)
{
	__u32 zero = 0;
	struct mc_text *t = bpf_map_lookup_elem(&mc_scratch, &zero);

	if (!t)
		return MC_UP;
	switch (mc_request(ctx, door, t, data, data_end)) {
	case MC_GET:
		return dint_get(ctx, door, t);
	case MC_SET:
		return dint_set(ctx, door, t);
	default:
		return MC_UP;
	}
}

/* Learn what a get that went up has found. */
static __always_inline void dint_learn(struct __sk_buff *skb, struct mc_text *t)
{
	__u32 index = dint_index(t), at;
	struct dint_bucket *b = bpf_map_lookup_elem(&dint_cache, &index);

	if (!b || !dint_fits(t) || !dint_lock(b))
		return;
	if (b->ticket == mc_ticket(t, true)) { /* so it is still not here */
		at = dint_take(b, dint_home(t));
		if (at < DINT_WAYS)
			dint_put(skb, NET_DOOR_TC, b, at, t, DINT_CLEAN);
		else
			dint_evict(b, index);
	}
	dint_unlock(b);
}

/* memcached has a larger value now: its key's slot is out of date. False: not to be known yet. */
static __always_inline bool dint_spilled(struct mc_text *t)
{
	struct dint_spill_key key = {t->flow.dst[0], t->flow.dport, t->id};
	struct dint_spill *found = bpf_map_lookup_elem(&dint_spills, &key), spill;
	struct dint_bucket *b;
	__u32 at;

	if (!found)
		return true;
	spill = *found;
	at = spill.way;
	barrier_var(at);
	b = bpf_map_lookup_elem(&dint_cache, &spill.bucket);
	if (!b || at >= DINT_WAYS)
		return true;
	if (!dint_lock(b))
		return false;
	if (b->way[at].state == DINT_SPILLING && b->slot[at].version == spill.version)
		b->way[at].state = DINT_EMPTY;
	dint_unlock(b);
	bpf_map_delete_elem(&dint_spills, &key);
	return true;
}

static __always_inline void dint_over(const struct dint_written *w)
{
	struct dint_bucket *b = bpf_map_lookup_elem(&dint_cache, &w->bucket);
	__u32 at = w->way;

	barrier_var(at);
	/* Who fails here leaves a slot that is never given up, which is no more than a pity. */
	if (!b || at >= DINT_WAYS || !dint_lock(b))
		return;
	if (b->way[at].state == DINT_EVICTING && b->slot[at].version == w->version)
		b->way[at].state = w->is_stored ? DINT_CLEAN : DINT_DIRTY;
	dint_unlock(b);
}

SEC("xdp")
int dint_xdp(struct xdp_md *ctx)
{
	return mc_xdp_action(dint_request(ctx, NET_DOOR_XDP, (void *)(long)ctx->data,
					  (void *)(long)ctx->data_end));
}

SEC("tc")
int dint_tc(struct __sk_buff *skb)
{
	return mc_tc_action(skb, dint_request(skb, NET_DOOR_TC, (void *)(long)skb->data,
					      (void *)(long)skb->data_end));
}

SEC("tc")
int dint_egress(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct mc_text *t = bpf_map_lookup_elem(&mc_scratch, &zero);

	if (!t)
		return TC_ACT_UNSPEC;
	switch (mc_answer(skb, t)) {
	case MC_VALUE:
		dint_learn(skb, t);
		break;
	case MC_STORED:
		return dint_spilled(t) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	default:
		break;
	}
	return TC_ACT_UNSPEC;
}

/*
 * Run by user space. An XDP program, and not one for system calls, because those
 * may be interrupted, by the other programs, while they hold a lock.
 */
SEC("xdp")
int dint_written(struct xdp_md *ctx)
{
	struct dint_written w;
	int i;

	bpf_for(i, 0, 1024) {
		if (bpf_xdp_load_bytes(ctx, i * sizeof(w), &w, sizeof(w)))
			break;
		dint_over(&w);
	}
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";

#endif /* KERBY_COMPARE_DINT_KV_H */
