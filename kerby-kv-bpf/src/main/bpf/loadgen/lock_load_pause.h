/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients that go on after a time: who holds a lock, and who was rejected. */
#ifndef KERBY_LOCK_LOAD_PAUSE_H
#define KERBY_LOCK_LOAD_PAUSE_H

#include "loadgen/lock_load_maps.h"

/* How long those in list @which pause. */
static __always_inline __u64 lock_load_pause_of(__u32 which)
{
	__u32 level = (which - LOCK_LOAD_REJECTS) / LOCK_LOAD_PAUSES;
	__u32 parts = (which - LOCK_LOAD_REJECTS) % LOCK_LOAD_PAUSES;

	if (which < LOCK_LOAD_REJECTS)
		return which == LOCK_LOAD_HOLDERS ? lock_load_hold_ns : 0;
	return (lock_load_pause_ns << (level & 31)) * (LOCK_LOAD_PAUSES + parts) / LOCK_LOAD_PAUSES;
}

/* Have client @t, which is ours, go on after the time of list @which. */
static __always_inline void lock_load_pause(const struct lock_load_turn *t, __u32 which, __u64 now)
{
	struct lock_load_lane *lane = lock_load_lane_mine();
	struct lock_load_client *last;
	struct lock_load_list *list;

	if (!lane || which >= LOCK_LOAD_LISTS)
		return;
	t->client->due_ns = now + lock_load_pause_of(which);
	t->client->next = 0;
	if (!lane->stride) {
		/* Nobody looks at this CPU's lists, but somebody at all clients. */
		__sync_fetch_and_add(&t->client->word, LOCK_LOAD_PAUSED - LOCK_LOAD_OWNED);
		return;
	}
	list = &lane->list[which];
	if (list->head) {
		last = lock_load_client_of(list->tail - 1);
		if (last)
			last->next = t->index + 1;
	} else {
		list->head = t->index + 1;
		list->due = t->client->due_ns;
		if (list->due < lane->soonest)
			lane->soonest = list->due;
	}
	list->tail = t->index + 1;
}

/* The first of @list goes. Returns its number + 1. */
static __always_inline __u32 lock_load_unlist(struct lock_load_list *list)
{
	struct lock_load_client *client, *next;
	__u32 first = list->head;

	client = lock_load_client_of(first - 1);
	list->head = client ? client->next : 0;
	next = list->head ? lock_load_client_of(list->head - 1) : NULL;
	list->due = next ? next->due_ns : 0;
	return first;
}

static __always_inline bool lock_load_is_due(__u64 now)
{
	struct lock_load_lane *lane = lock_load_lane_mine();

	return lane && now >= lane->soonest;
}

/* Number + 1 of the client that has been due for longest; 0: none is. Verified once. */
__noinline __u32 lock_load_due(__u64 now)
{
	struct lock_load_lane *lane = lock_load_lane_mine();
	__u64 first = ~0ULL, second = ~0ULL, due;
	__u32 which = 0, index;
	int i;

	if (!lane || now < lane->soonest)
		return 0;
	bpf_for(i, 0, LOCK_LOAD_LISTS) {
		due = lane->list[i].head ? lane->list[i].due : ~0ULL;
		if (due < first) {
			second = first;
			first = due;
			which = i;
		} else if (due < second) {
			second = due;
		}
	}
	lane->soonest = first;
	if (first > now || which >= LOCK_LOAD_LISTS)
		return 0;
	index = lock_load_unlist(&lane->list[which]);
	if (lane->list[which].head && lane->list[which].due < second)
		second = lane->list[which].due;
	lane->soonest = second;
	return index;
}

#endif /* KERBY_LOCK_LOAD_PAUSE_H */
