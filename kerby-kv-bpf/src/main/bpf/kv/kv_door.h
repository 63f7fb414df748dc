/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User space's door: requests in slots of shared memory, handled by a program
 * that user space runs. It differs from the packets' doors in three ways only:
 * conditions and the user tier are open to it, it may use the reserve, and it
 * reports superseded user-tier values in the slot instead of by an event.
 */
#ifndef KERBY_KV_DOOR_H
#define KERBY_KV_DOOR_H

#include "kv/kv_engine.h"
#include "kv/kv_text.h"

/* Copy the value found to the slot. */
static __always_inline enum kv_status kv_slot_get(struct kv_slot *slot, struct kv_work *w,
						  struct bpf_dynptr *d)
{
	struct kv_ctl *ctl = kv_ctl_get();
	enum kv_status status = KV_BUSY;
	enum kv_found found;
	struct kv_entry *e;
	int i, result;

	if (!ctl)
		return KV_NOSPC;
	bpf_for(i, 0, KV_TRIES) {
		e = bpf_map_lookup_elem(&kv_index, &w->identity);
		if (!e) {
			status = KV_MISS;
			break;
		}
		found = kv_entry_read(e, ctl, w, slot->keep);
		if (found == KV_FOUND_BUSY)
			continue;
		result = w->found.tier == KV_TIER_KERNEL ? kv_chain_read(w, e, d)
							 : kv_chain_check_key(w, e);
		if (!kv_entry_same(e, w) || result == KV_CHAIN_GONE)
			continue;
		if (found == KV_FOUND_EXPIRED || result == KV_CHAIN_OTHER_KEY)
			status = KV_MISS;
		else
			status = w->found.tier == KV_TIER_KERNEL ? KV_OK : KV_USER;
		if ((status == KV_OK || status == KV_USER) && !(slot->keep & KV_KEEP_ACCESS))
			kv_entry_fetched(e, w);
		break;
	}
	if (status == KV_OK || status == KV_USER) {
		slot->flags = w->found.flags;
		slot->exptime = w->found.exptime;
		slot->value_len = w->found.value_len;
		slot->cas = w->found.cas;
		slot->version = w->found.word >> 1;
		slot->token = w->found.token;
		slot->tier = w->found.tier;
		slot->last_access = w->found.last_access;
		slot->state = w->found.state | (w->found.fetched ? KV_STATE_FETCHED : 0);
	}
	return status;
}

static __always_inline enum kv_status kv_slot_set(struct kv_slot *slot, struct kv_work *w,
						  struct bpf_dynptr *d)
{
	enum kv_status status;

	if (slot->tier == KV_TIER_KERNEL) {
		if (slot->value_len > KV_VALUE_MAX)
			return KV_INVALID;
		if (kv_get_reply_len(w->key_len, slot->flags, slot->value_len) > kv_datagram_max)
			return KV_TOO_BIG;
	} else if (slot->tier != KV_TIER_USER) {
		return KV_INVALID;
	}
	if (slot->keep & KV_KEEP_ITEM && slot->cond != KV_IF_VERSION)
		return KV_INVALID;
	w->flags = slot->flags;
	w->value_len = slot->value_len;
	w->token = slot->tier == KV_TIER_USER ? slot->token : 0;
	w->tier = slot->tier;
	status = kv_set(w, d);
	if (status == KV_OK) {
		slot->version = w->fresh.word >> 1;
		if (slot->keep & KV_KEEP_ITEM)
			slot->cas = w->found.cas;
		else
			slot->cas = slot->new_cas ? slot->new_cas : slot->version;
	}
	return status;
}

static __always_inline enum kv_status kv_slot_touch(struct kv_slot *slot, struct kv_work *w)
{
	enum kv_status status = kv_touch(w);

	if (status == KV_OK) {
		slot->version = w->fresh.word >> 1;
		slot->cas = w->found.cas;
		slot->state = w->found.state | (w->found.fetched ? KV_STATE_FETCHED : 0);
	}
	return status;
}

/*
 * Find the key of an identity, for a get that has no other name for its item:
 * those who walk the index. The get then compares it as any key.
 */
static __always_inline enum kv_status kv_slot_identify(struct kv_slot *slot, struct kv_work *w)
{
	struct kv_ctl *ctl = kv_ctl_get();
	struct kv_entry *e;

	w->identity = slot->token;
	e = bpf_map_lookup_elem(&kv_index, &w->identity);
	if (!ctl || !e)
		return KV_MISS;
	if (kv_entry_read(e, ctl, w, KV_KEEP_ACCESS) == KV_FOUND_BUSY ||
	    kv_chain_key(w, e) != KV_CHAIN_OK)
		return KV_BUSY;
	slot->key_len = w->key_len;
	__builtin_memcpy(slot->key, &w->text[KV_TEXT_KEY / 8], KV_KEY_ROOM);
	return KV_OK;
}

/* Remove the entry of an identity if it is expired. KV_MISS: it is not, or not there. */
static __always_inline enum kv_status kv_slot_reap(struct kv_slot *slot, struct kv_work *w)
{
	struct kv_ctl *ctl = kv_ctl_get();
	enum kv_found found;
	struct kv_entry *e;

	w->identity = slot->token;
	e = bpf_map_lookup_elem(&kv_index, &w->identity);
	if (!ctl || !e)
		return KV_MISS;
	found = kv_entry_read(e, ctl, w, KV_KEEP_ACCESS);
	if (found == KV_FOUND_BUSY)
		return KV_BUSY;
	return found == KV_FOUND_EXPIRED ? kv_unlink(e, w) : KV_MISS;
}

/* The key of the request into the text, hashed. False: a malformed slot. */
static __always_inline bool kv_slot_key(struct kv_slot *slot, struct kv_work *w)
{
	if (!slot->key_len || slot->key_len > KV_KEY_MAX)
		return false;
	__builtin_memcpy(&w->text[KV_TEXT_KEY / 8], slot->key, KV_KEY_ROOM);
	return kv_hash_key(w, slot->key_len) == slot->key_len;
}

/* An operation on one key. */
static __always_inline enum kv_status kv_slot_item(struct kv_slot *slot, struct kv_work *w)
{
	enum kv_status status;
	struct bpf_dynptr d;

	if (bpf_dynptr_from_mem(slot, sizeof(*slot), 0, &d))
		return KV_INVALID;
	if (slot->op == KV_SLOT_GET && !slot->key_len) {
		status = kv_slot_identify(slot, w);
		if (status != KV_OK)
			return status;
	} else if (!kv_slot_key(slot, w)) {
		return KV_INVALID;
	}
	w->key_off = offsetof(struct kv_slot, key);
	w->value_off = offsetof(struct kv_slot, value);
	w->keep = 0;
	w->cond = slot->cond;
	w->cas = slot->cas;
	w->version = slot->version;
	w->new_cas = slot->new_cas;
	w->exptime = slot->exptime;
	w->keep_bits = slot->keep;
	w->state = slot->state;
	w->clear = slot->clear;
	switch (slot->op) {
	case KV_SLOT_GET:
		return kv_slot_get(slot, w, &d);
	case KV_SLOT_TOUCH:
		return kv_slot_touch(slot, w);
	case KV_SLOT_SET:
		return kv_slot_set(slot, w, &d);
	default:
		return kv_delete(w);
	}
}

static __always_inline enum kv_status kv_slot_handle(struct kv_slot *slot)
{
	struct kv_work *w = (void *)slot->scratch;
	struct kv_ctl *ctl = kv_ctl_get();
	enum kv_status status;

	slot->old_tier = 0;
	slot->old_token = 0;
	w->path = KV_PATH_USER;
	w->old_tier = 0;
	if (slot->cond > KV_IF_VERSION || slot->op > KV_SLOT_FLUSH || !ctl)
		return KV_INVALID;
	if (slot->op == KV_SLOT_FLUSH) {
		kv_flush(ctl);
		return KV_OK;
	}
	if (slot->op == KV_SLOT_REAP)
		status = kv_slot_reap(slot, w);
	else
		status = kv_slot_item(slot, w);
	slot->old_tier = w->old_tier;
	slot->old_token = w->found.token;
	return status;
}

/*
 * Handle slot @index. Returns 1, or 0 if there is no such slot. A global
 * function: the verifier checks it once, and not for every turn of the batch.
 */
__noinline int kv_slot_run(__u32 index)
{
	struct kv_slot *slot = bpf_map_lookup_elem(&kv_slots, &index);

	if (!slot)
		return 0;
	if (slot->op != KV_SLOT_NOP)
		slot->status = kv_slot_handle(slot);
	return 1;
}

#endif /* KERBY_KV_DOOR_H */
