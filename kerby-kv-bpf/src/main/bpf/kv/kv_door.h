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
		found = kv_entry_read(e, ctl, w);
		if (found == KV_FOUND_BUSY)
			continue;
		result = w->found.tier == KV_TIER_KERNEL ? kv_chain_read(w, d)
							 : kv_chain_check_key(w);
		if (!kv_entry_same(e, w) || result == KV_CHAIN_GONE)
			continue;
		if (found == KV_FOUND_EXPIRED || result == KV_CHAIN_OTHER_KEY)
			status = KV_MISS;
		else
			status = w->found.tier == KV_TIER_KERNEL ? KV_OK : KV_USER;
		break;
	}
	if (status == KV_OK || status == KV_USER) {
		slot->flags = w->found.flags;
		slot->exptime = w->found.exptime;
		slot->value_len = w->found.value_len;
		slot->cas = w->found.word >> 1;
		slot->token = w->found.token;
		slot->tier = w->found.tier;
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
	w->flags = slot->flags;
	w->exptime = slot->exptime;
	w->value_len = slot->value_len;
	w->token = slot->tier == KV_TIER_USER ? slot->token : 0;
	w->tier = slot->tier;
	status = kv_set(w, d);
	if (status == KV_OK)
		slot->cas = w->fresh.word >> 1;
	return status;
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
	found = kv_entry_read(e, ctl, w);
	if (found == KV_FOUND_BUSY)
		return KV_BUSY;
	return found == KV_FOUND_EXPIRED ? kv_unlink(e, w) : KV_MISS;
}

/* Handle one slot. */
static __always_inline enum kv_status kv_slot_run(struct kv_slot *slot)
{
	struct kv_work *w = (void *)slot->scratch;
	enum kv_status status;
	struct bpf_dynptr d;

	slot->old_tier = 0;
	slot->old_token = 0;
	w->path = KV_PATH_USER;
	w->old_tier = 0;
	if (slot->op == KV_SLOT_REAP) {
		status = kv_slot_reap(slot, w);
		goto out;
	}
	if (!slot->key_len || slot->key_len > KV_KEY_MAX || slot->cond > KV_IF_CAS ||
	    bpf_dynptr_from_mem(slot, sizeof(*slot), 0, &d))
		return KV_INVALID;
	__builtin_memcpy(&w->text[KV_TEXT_KEY / 8], slot->key, KV_KEY_ROOM);
	if (kv_hash_key(w, slot->key_len) != slot->key_len)
		return KV_INVALID;
	w->key_off = offsetof(struct kv_slot, key);
	w->value_off = offsetof(struct kv_slot, value);
	w->keep = 0;
	w->cond = slot->cond;
	w->cas = slot->cas;
	switch (slot->op) {
	case KV_SLOT_GET:
		return kv_slot_get(slot, w, &d);
	case KV_SLOT_TOUCH:
		w->exptime = slot->exptime;
		status = kv_touch(w);
		slot->cas = w->found.word >> 1;
		return status;
	case KV_SLOT_SET:
		status = kv_slot_set(slot, w, &d);
		break;
	case KV_SLOT_DELETE:
		status = kv_delete(w);
		break;
	default:
		return KV_INVALID;
	}
out:
	slot->old_tier = w->old_tier;
	slot->old_token = w->found.token;
	return status;
}

#endif /* KERBY_KV_DOOR_H */
