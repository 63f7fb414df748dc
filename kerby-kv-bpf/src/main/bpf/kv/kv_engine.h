/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations on the store, the same for every door. Input and output are
 * fields of struct kv_work; values come from or go to a dynptr (a packet or a
 * slot). The protocol is in kv_index.h.
 */
#ifndef KERBY_KV_ENGINE_H
#define KERBY_KV_ENGINE_H

#include "kv/kv_index.h"

/*
 * Whether the condition of @w lets it replace what was found. KV_OK: it does.
 * An expired item counts as absent.
 */
static __always_inline enum kv_status kv_cond_check(const struct kv_work *w, bool present)
{
	switch (w->cond) {
	case KV_IF_ABSENT:
		return present ? KV_EXISTS : KV_OK;
	case KV_IF_PRESENT:
		return present ? KV_OK : KV_MISS;
	case KV_IF_CAS:
		if (!present)
			return KV_MISS;
		return w->found.cas == w->cas ? KV_OK : KV_EXISTS;
	case KV_IF_VERSION:
		if (!present)
			return KV_MISS;
		return w->found.word >> 1 == w->version ? KV_OK : KV_EXISTS;
	default:
		return KV_OK;
	}
}

/* Insert an entry for the chain in w->fresh. KV_BUSY: somebody else did. */
static __always_inline enum kv_status kv_insert(struct kv_work *w, struct kv_ctl *ctl)
{
	struct kv_entry *f = &w->fresh, *e;
	__u64 version = kv_next_version(ctl), word = 2 * version;
	long err;

	f->word = word | 1;
	f->identity = w->identity;
	f->token = w->token;
	f->flags = w->flags;
	f->exptime = w->exptime;
	f->value_len = w->value_len;
	f->last_access = ctl->epoch;
	f->key_len = w->key_len;
	f->tier = w->tier;
	f->state = w->state & ~KV_STATE_FETCHED;
	f->fetched = !!(w->state & KV_STATE_FETCHED);
	f->cas = w->new_cas ? w->new_cas : version;
	err = bpf_map_update_elem(&kv_index, &w->identity, f, BPF_NOEXIST);
	if (err)
		return err == -EEXIST ? KV_BUSY : KV_NOSPC;
	f->word = word;
	e = bpf_map_lookup_elem(&kv_index, &w->identity);
	if (e)
		kv_word_release(e, word, word);
	else
		kv_inconsistent(); /* never: only who holds the word deletes */
	kv_gauge(w->tier, 1, w->value_len);
	return KV_OK;
}

/*
 * Take the word of an entry whose value is to go. KV_BUSY: changed meanwhile.
 *
 * Superseded values of the user tier are user space's to drop. A packet's door
 * announces them through kv_events, and reserves the room, which is then in
 * @ev, before it changes anything, so that none is forgotten: KV_NOSPC, if there
 * is none. User space's door reports in the slot.
 */
static __always_inline enum kv_status kv_take(struct kv_entry *e, const struct kv_work *w,
					      struct kv_event **ev)
{
	*ev = NULL;
	if (w->found.tier == KV_TIER_USER && w->path != KV_PATH_USER) {
		*ev = bpf_ringbuf_reserve(&kv_events, sizeof(**ev), 0);
		if (!*ev)
			return KV_NOSPC;
		(*ev)->token = w->found.token;
	}
	if (kv_word_take(e, w, w->found.word))
		return KV_OK;
	if (*ev)
		bpf_ringbuf_discard(*ev, 0);
	return KV_BUSY;
}

/* Undo kv_take(): the word becomes @word, and nothing is announced. */
static __always_inline void kv_take_back(struct kv_entry *e, const struct kv_work *w,
					 struct kv_event *ev, __u64 word)
{
	kv_word_release(e, w->found.word, word);
	if (ev)
		bpf_ringbuf_discard(ev, 0);
}

/* Whether the new version is made from what was found, and ends with it. */
static __always_inline bool kv_depends(const struct kv_work *w)
{
	return w->cond == KV_IF_PRESENT || w->cond == KV_IF_CAS || w->cond == KV_IF_VERSION;
}

/* The state bits that the holder of the word gives the entry. */
static __always_inline __u8 kv_new_state(struct kv_entry *e, const struct kv_work *w)
{
	return ((KV_READ_ONCE(e->state) & ~w->clear) | w->state) & ~KV_STATE_FETCHED;
}

/* Write all fields but the chain and the word. The caller holds the word. */
static __always_inline void kv_entry_write(struct kv_entry *e, const struct kv_work *w,
					   __u64 version)
{
	KV_WRITE_ONCE(e->token, w->token);
	KV_WRITE_ONCE(e->value_len, w->value_len);
	KV_WRITE_ONCE(e->tier, w->tier);
	if (w->keep_bits & KV_KEEP_ITEM)
		return;
	KV_WRITE_ONCE(e->flags, w->flags);
	if (w->keep_bits & KV_KEEP_STATE) {
		KV_WRITE_ONCE(e->state, kv_new_state(e, w));
		if (w->clear & KV_STATE_FETCHED)
			KV_WRITE_ONCE(e->fetched, 0);
	} else {
		KV_WRITE_ONCE(e->state, w->state & ~KV_STATE_FETCHED);
		KV_WRITE_ONCE(e->fetched, !!(w->state & KV_STATE_FETCHED));
	}
	KV_WRITE_ONCE(e->cas, w->new_cas ? w->new_cas : version);
	if (!(w->keep_bits & KV_KEEP_EXPTIME))
		KV_WRITE_ONCE(e->exptime, w->exptime);
}

/* Count the change from what was found to what @w has, and report it. */
static __always_inline void kv_replaced(struct kv_work *w)
{
	w->old_tier = w->found.tier;
	if (w->found.tier == w->tier) {
		kv_gauge(w->tier, 0, (__s64)w->value_len - w->found.value_len);
		return;
	}
	kv_gauge(w->found.tier, -1, -(__s64)w->found.value_len);
	kv_gauge(w->tier, 1, w->value_len);
}

/*
 * Take the word of an entry that gets a new version, the word of which is then in
 * w->fresh.word. As kv_take(), and KV_BUSY if what the version depends on was
 * flushed.
 */
static __always_inline enum kv_status kv_take_version(struct kv_entry *e, struct kv_work *w,
						      struct kv_ctl *ctl, struct kv_event **ev)
{
	enum kv_status status = kv_take(e, w, ev);

	if (status != KV_OK)
		return status;
	w->fresh.word = 2 * kv_next_version(ctl);
	if (kv_depends(w) && kv_flushed_since(ctl, w)) {
		kv_take_back(e, w, *ev, w->found.word);
		return KV_BUSY;
	}
	return KV_OK;
}

/* Complete the version that kv_take_version() began and whose chain is in place. */
static __always_inline void kv_publish(struct kv_entry *e, struct kv_work *w, struct kv_event *ev)
{
	kv_entry_write(e, w, w->fresh.word >> 1);
	kv_word_release(e, w->found.word, w->fresh.word);
	if (ev)
		bpf_ringbuf_submit(ev, 0);
	kv_replaced(w);
}

/*
 * Replace the value in place, in @need blocks of those that are there. KV_BUSY:
 * changed meanwhile.
 */
static __noinline enum kv_status kv_replace_in_place(struct kv_entry *e, struct kv_work *w,
						     struct kv_ctl *ctl, struct bpf_dynptr *src,
						     __u32 need)
{
	enum kv_status status;
	struct kv_event *ev;
	int result;

	status = kv_take_version(e, w, ctl, &ev);
	if (status != KV_OK)
		return status;
	result = kv_chain_overwrite(w, e, src, need);
	if (result == KV_CHAIN_OTHER_KEY) {
		kv_take_back(e, w, ev, w->found.word);
		return KV_COLLISION;
	}
	if (result == KV_CHAIN_GONE) {
		/* Bytes may have been written: what was read before is no more. */
		kv_take_back(e, w, ev, w->fresh.word);
		return KV_BUSY;
	}
	if (need != w->found.blocks)
		KV_WRITE_ONCE(e->blocks, need);
	kv_publish(e, w, ev);
	if (need != w->found.blocks)
		kv_chain_free(w->found.first, need, w->found.blocks, w->found.large);
	return KV_OK;
}

/* Replace the chain by the one in w->fresh. KV_BUSY: changed meanwhile. */
static __always_inline enum kv_status kv_replace_chain(struct kv_entry *e, struct kv_work *w,
						       struct kv_ctl *ctl)
{
	enum kv_status status;
	struct kv_event *ev;

	status = kv_take_version(e, w, ctl, &ev);
	if (status != KV_OK)
		return status;
	KV_WRITE_ONCE(e->first, w->fresh.first);
	KV_WRITE_ONCE(e->blocks, w->fresh.blocks);
	KV_WRITE_ONCE(e->large, w->fresh.large);
	__builtin_memcpy(e->head, w->fresh.head, sizeof(e->head));
	kv_publish(e, w, ev);
	kv_chain_free(w->found.first, 0, w->found.blocks, w->found.large);
	return KV_OK;
}

/* One attempt of kv_set() at the entry @e. */
static __always_inline enum kv_status kv_replace(struct kv_entry *e, struct kv_work *w,
						 struct kv_ctl *ctl, struct bpf_dynptr *src)
{
	enum kv_found found = kv_entry_read(e, ctl, w, w->keep_bits);
	__u32 total = w->key_len + kv_chained_len(w), fits = kv_chain_blocks(total, w->found.large);
	enum kv_status status;
	int result;

	if (found == KV_FOUND_BUSY)
		return KV_BUSY;
	status = kv_cond_check(w, found == KV_FOUND);
	if (status == KV_OK && !w->fresh.blocks && fits <= w->found.blocks &&
	    (fits == 1 || kv_chain_large(total) == w->found.large))
		return kv_replace_in_place(e, w, ctl, src, fits);
	result = kv_chain_check_key(w, e);
	if (status != KV_OK || result != KV_CHAIN_OK) {
		if (result == KV_CHAIN_GONE || !kv_entry_same(e, w))
			return KV_BUSY;
		return result == KV_CHAIN_OTHER_KEY ? KV_COLLISION : status;
	}
	if (!w->fresh.blocks && kv_chain_new(w, src)) {
		/* Blocks of the other kind, but there are no better ones. */
		if (fits <= w->found.blocks)
			return kv_replace_in_place(e, w, ctl, src, fits);
		return KV_NOSPC;
	}
	return kv_replace_chain(e, w, ctl);
}

/*
 * Store the value that @w describes. KV_OK with the version in w->fresh.word
 * and, where a value was superseded, its tier in w->old_tier (else 0);
 * KV_MISS, KV_EXISTS by the condition; KV_NOSPC, KV_BUSY, KV_COLLISION:
 * nothing has changed.
 */
static __always_inline enum kv_status kv_set(struct kv_work *w, struct bpf_dynptr *src)
{
	struct kv_ctl *ctl = kv_ctl_get();
	enum kv_status status = KV_BUSY;
	struct kv_entry *e;
	int i;

	if (!ctl)
		return KV_NOSPC;
	w->fresh.blocks = 0;
	w->old_tier = 0;
	bpf_for(i, 0, KV_TRIES) {
		e = bpf_map_lookup_elem(&kv_index, &w->identity);
		if (e) {
			status = kv_replace(e, w, ctl, src);
		} else {
			status = kv_cond_check(w, false);
			if (status == KV_OK && !w->fresh.blocks && kv_chain_new(w, src))
				status = KV_NOSPC;
			if (status == KV_OK)
				status = kv_insert(w, ctl);
		}
		if (status != KV_BUSY)
			break;
	}
	if (status != KV_OK && w->fresh.blocks)
		kv_chain_free(w->fresh.first, 0, w->fresh.blocks, w->fresh.large);
	return status;
}

/* Remove the entry @e as it was found. KV_BUSY: changed meanwhile. */
static __always_inline enum kv_status kv_unlink(struct kv_entry *e, struct kv_work *w)
{
	enum kv_status status;
	struct kv_event *ev;

	status = kv_take(e, w, &ev);
	if (status != KV_OK)
		return status;
	if (bpf_map_delete_elem(&kv_index, &w->identity)) {
		/* The map's own lock was not to be had: all is as it was. */
		kv_take_back(e, w, ev, w->found.word);
		return KV_BUSY;
	}
	if (ev)
		bpf_ringbuf_submit(ev, 0);
	kv_chain_free(w->found.first, 0, w->found.blocks, w->found.large);
	kv_gauge(w->found.tier, -1, -(__s64)w->found.value_len);
	w->old_tier = w->found.tier;
	return KV_OK;
}

/* One attempt of kv_delete() at the entry @e. */
static __always_inline enum kv_status kv_remove(struct kv_entry *e, struct kv_work *w,
						struct kv_ctl *ctl)
{
	enum kv_found found = kv_entry_read(e, ctl, w, KV_KEEP_ACCESS);
	enum kv_status status;
	int result;

	if (found == KV_FOUND_BUSY)
		return KV_BUSY;
	result = kv_chain_check_key(w, e);
	if (result != KV_CHAIN_OK && !kv_entry_same(e, w))
		return KV_BUSY;
	if (result == KV_CHAIN_OTHER_KEY)
		return KV_MISS;
	if (result == KV_CHAIN_GONE)
		kv_inconsistent(); /* never; and deleting it is the way out */
	if (found == KV_FOUND) {
		status = kv_cond_check(w, true);
		if (status != KV_OK)
			return kv_entry_same(e, w) ? status : KV_BUSY;
	}
	status = kv_unlink(e, w);
	/* An expired item is gone for the asker; its memory is back all the same. */
	return status == KV_OK && found == KV_FOUND_EXPIRED ? KV_MISS : status;
}

/*
 * Delete the key of @w. KV_OK; KV_MISS: not there; KV_EXISTS: KV_IF_CAS does
 * not hold; KV_BUSY, KV_NOSPC: try again. w->old_tier is the tier of what was
 * removed, 0 if nothing was (an expired item is removed, and a KV_MISS).
 */
__noinline int kv_delete(struct kv_work *w)
{
	struct kv_ctl *ctl = kv_ctl_get();
	enum kv_status status = KV_BUSY;
	struct kv_entry *e;
	int i;

	if (!w || !ctl)
		return KV_NOSPC;
	w->old_tier = 0;
	bpf_for(i, 0, KV_TRIES) {
		e = bpf_map_lookup_elem(&kv_index, &w->identity);
		status = e ? kv_remove(e, w, ctl) : KV_MISS;
		if (status != KV_BUSY)
			break;
	}
	return status;
}

/* Write what a touch changes; returns the word to release. The caller holds it. */
static __always_inline __u64 kv_touch_write(struct kv_entry *e, struct kv_work *w, __u64 version)
{
	w->found.state = KV_READ_ONCE(e->state);
	if (w->state | w->clear)
		KV_WRITE_ONCE(e->state, kv_new_state(e, w));
	if (!(w->keep_bits & KV_KEEP_ACCESS))
		kv_entry_fetched(e, w);
	if (!(w->keep_bits & KV_KEEP_EXPTIME))
		KV_WRITE_ONCE(e->exptime, w->exptime);
	if (!w->new_cas)
		return w->found.word;
	/* KV_IF_CAS trusts the word: another cas is another version. */
	w->found.cas = w->new_cas == KV_CAS_NEXT ? version : w->new_cas;
	KV_WRITE_ONCE(e->cas, w->found.cas);
	return 2 * version;
}

/* One attempt of kv_touch() at the entry @e. */
static __always_inline enum kv_status kv_touch_entry(struct kv_entry *e, struct kv_work *w,
						     struct kv_ctl *ctl)
{
	enum kv_found found = kv_entry_read(e, ctl, w, w->keep_bits);
	enum kv_status status;
	__u64 word, version;
	int result;

	if (found == KV_FOUND_BUSY)
		return KV_BUSY;
	result = kv_chain_check_key(w, e);
	if (result == KV_CHAIN_GONE)
		return KV_BUSY;
	status = kv_cond_check(w, true);
	if (found == KV_FOUND_EXPIRED || result == KV_CHAIN_OTHER_KEY)
		status = KV_MISS;
	if (status != KV_OK)
		return kv_entry_same(e, w) ? status : KV_BUSY;
	if (!kv_word_take(e, w, w->found.word))
		return KV_BUSY;
	version = w->new_cas ? kv_next_version(ctl) : 0;
	if (kv_flushed_since(ctl, w) || kv_expired(ctl, w->found.word, w->found.exptime)) {
		/* Meanwhile: somebody may have been told so. */
		kv_word_release(e, w->found.word, w->found.word);
		return KV_BUSY;
	}
	word = kv_touch_write(e, w, version);
	kv_word_release(e, w->found.word, word);
	w->fresh.word = word;
	return KV_OK;
}

/*
 * Change exptime, state and cas of a live item as @w says. KV_OK: the word is
 * then w->fresh.word, cas and the state before in w->found. KV_MISS, KV_EXISTS by
 * the condition, KV_BUSY: nothing changed.
 */
__noinline int kv_touch(struct kv_work *w)
{
	struct kv_ctl *ctl = kv_ctl_get();
	enum kv_status status = KV_BUSY;
	struct kv_entry *e;
	int i;

	if (!w || !ctl)
		return KV_BUSY;
	bpf_for(i, 0, KV_TRIES) {
		e = bpf_map_lookup_elem(&kv_index, &w->identity);
		status = e ? kv_touch_entry(e, w, ctl) : KV_MISS;
		if (status != KV_BUSY)
			break;
	}
	return status;
}

#endif /* KERBY_KV_ENGINE_H */
