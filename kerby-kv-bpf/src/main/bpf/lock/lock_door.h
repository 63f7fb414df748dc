/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User space's door: requests that no kernel door could answer, and what nobody
 * asks for: sweeping locks that have a queue, and removing what is idle.
 */
#ifndef KERBY_LOCK_DOOR_H
#define KERBY_LOCK_DOOR_H

#include "lock/lock_message.h"

/* Hold lock @w->number, if there is one, and do what is due at it. */
static __always_inline enum lock_taking lock_look_after(struct lock_slot *w,
							struct lock_entry **held)
{
	enum lock_taking taking;

	w->notices = 0;
	w->due = LOCK_NEVER;
	w->now = lock_now();
	taking = lock_take(w->number, w->now, false, held);
	if (*held) {
		lock_settle(w, *held);
		w->due = lock_due(w, *held);
		(*held)->watched = w->due;
	}
	return taking;
}

static __always_inline enum lock_slot_status lock_sweep(struct lock_slot *w)
{
	struct lock_entry *e;

	if (lock_look_after(w, &e) == LOCK_LOST)
		return LOCK_SLOT_AGAIN;
	if (e)
		lock_word_give(&e->word);
	return LOCK_SLOT_DONE;
}

/* Remove a lock that nobody needs. */
static __always_inline enum lock_slot_status lock_reap(struct lock_slot *w)
{
	struct lock_ctl *ctl = lock_ctl_get();
	struct lock_entry *e;

	if (!ctl)
		return LOCK_SLOT_KEPT;
	if (lock_look_after(w, &e) == LOCK_LOST)
		return LOCK_SLOT_AGAIN;
	if (!e)
		return LOCK_SLOT_KEPT;
	/* The next entry's tokens begin at the time, which has to be past this one's. */
	if (e->holders || e->waiting || ctl->token_base + w->now < e->token ||
	    (w->since && e->idle_token != e->token)) {
		if (!e->holders)
			e->idle_token = e->token;
		lock_word_give(&e->word);
		return LOCK_SLOT_KEPT;
	}
	bpf_map_delete_elem(&lock_table, &w->number);
	return LOCK_SLOT_DONE;
}

/* Remove a client that has not been heard of for long. */
static __always_inline enum lock_slot_status lock_reap_client(struct lock_slot *w)
{
	struct lock_session *s = bpf_map_lookup_elem(&lock_sessions, &w->number);

	w->notices = 0;
	/* Without a reference, as its memory may be another's already; asked again with the word. */
	if (!s || *(volatile __u64 *)&s->seen >= w->since)
		return LOCK_SLOT_KEPT;
	if (__sync_val_compare_and_swap(&s->word, 0, 1) != 0)
		return LOCK_SLOT_KEPT;
	if (s->client != w->number || s->seen >= w->since) {
		__sync_fetch_and_add(&s->word, -1ULL);
		return LOCK_SLOT_KEPT;
	}
	bpf_map_delete_elem(&lock_sessions, &w->number);
	return LOCK_SLOT_DONE;
}

static __always_inline enum lock_slot_status lock_slot_handle(struct lock_slot *w)
{
	w->path = LOCK_PATH_USER;
	w->room = LOCK_NOTICES_MAX;
	switch (w->op) {
	case LOCK_SLOT_MESSAGE:
		return lock_serve(w);
	case LOCK_SLOT_SWEEP:
		return lock_sweep(w);
	case LOCK_SLOT_REAP_LOCK:
		return lock_reap(w);
	case LOCK_SLOT_REAP_CLIENT:
		return lock_reap_client(w);
	default:
		return LOCK_SLOT_UNKNOWN;
	}
}

/*
 * Handle slot @index. Returns 1, or 0 if there is no such slot. A global
 * function: the verifier checks it once, and not for every turn of the batch.
 */
__noinline int lock_slot_run(__u32 index)
{
	struct lock_slot *w = bpf_map_lookup_elem(&lock_slots, &index);

	if (!w)
		return 0;
	if (w->op != LOCK_SLOT_NOP)
		w->status = lock_slot_handle(w);
	return 1;
}

#endif /* KERBY_LOCK_DOOR_H */
