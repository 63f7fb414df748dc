/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds a lock and who waits for it. All functions: under the lock's word.
 *
 * Each acquisition that is not over is in one place: in lock_entry.first, in
 * the list of holders (more), or in the queue (head, tail). Those in lists are a
 * block each, made when the acquisition begins and freed when it ends, and by
 * nobody else: a grant moves a block and makes none, so it cannot fail.
 * Blocks link both ways, so that any can leave without a walk.
 *
 * A block's index may be read from a session's record, which a client that uses
 * one number for two locks can make wrong. The block then belongs to the other
 * lock, and may be freed and made anew meanwhile. Its "lock" tells: it cannot
 * become ours under our eyes, as blocks of this lock are made under its word
 * only, which we hold.
 *
 * Holders are blocks of the pool, as waiters are, and not elements of a map
 * keyed by lock and client: a waiter becomes a holder without moving, the audit
 * is one walk, and what a lock's end has to free hangs on the lock. The first
 * who finds it free is kept in the entry itself: a lock that nobody contends
 * for needs no block.
 */
#ifndef KERBY_LOCK_QUEUE_H
#define KERBY_LOCK_QUEUE_H

#include "lock/lock_session.h"

/* The block of @index if it is of lock @e, else NULL. */
static __always_inline struct lock_node *lock_node(const struct lock_entry *e, __u64 index)
{
	struct lock_node *n = kerby_pool_block(index);

	return n && n->lock == e->lock ? n : NULL;
}

/* The same for one that has to be there. */
static __always_inline struct lock_node *lock_node_linked(const struct lock_entry *e, __u64 index)
{
	struct lock_node *n = lock_node(e, index);

	if (!n)
		lock_inconsistent();
	return n;
}

/* May an acquisition of @mode hold the lock with those who do? */
static __always_inline bool lock_compatible(const struct lock_entry *e, __u8 mode)
{
	return !e->holders ||
	       (mode == LOCK_SHARED && e->mode == LOCK_SHARED && e->holders < lock_holders_max);
}

/* Take @n out of its list. */
static __always_inline void lock_unlink(struct lock_entry *e, struct lock_node *n)
{
	struct lock_node *other;

	if (n->prev) {
		other = lock_node_linked(e, n->prev);
		if (other)
			other->next = n->next;
	} else if (n->held) {
		e->more = n->next;
	} else {
		e->head = n->next;
	}
	if (n->next) {
		other = lock_node_linked(e, n->next);
		if (other)
			other->prev = n->prev;
	} else if (!n->held) {
		e->tail = n->prev;
	}
}

/* One holder more, of @mode, until @until; the next token. */
static __always_inline __u64 lock_hold(struct lock_entry *e, __u8 mode, __u64 until)
{
	e->mode = mode;
	e->holders++;
	if (until < e->expires)
		e->expires = until;
	lock_gauge(1, 0);
	return ++e->token;
}

/* One holder less. */
static __always_inline void lock_unhold(struct lock_entry *e)
{
	e->holders--;
	if (!e->holders)
		e->expires = LOCK_NEVER;
	lock_gauge(-1, 0);
}

/* Make block @index, whose fields are filled, a holder. */
static __always_inline void lock_hold_node(struct lock_entry *e, struct lock_node *n, __u64 index,
					   __u64 now)
{
	struct lock_node *other;

	n->held = 1;
	n->until = now + n->lease_ms * 1000000ULL;
	n->token = lock_hold(e, n->mode, n->until);
	n->prev = 0;
	n->next = e->more;
	if (e->more) {
		other = lock_node_linked(e, e->more);
		if (other)
			other->prev = index;
	}
	e->more = index;
}

/* Put block @index, whose fields are filled, at the end of the queue. */
static __always_inline void lock_enqueue(struct lock_entry *e, struct lock_node *n, __u64 index)
{
	struct lock_node *last;

	n->held = 0;
	n->next = 0;
	n->prev = e->tail;
	if (e->tail) {
		last = lock_node_linked(e, e->tail);
		if (last)
			last->next = index;
	} else {
		e->head = index;
	}
	e->tail = index;
	e->waiting++;
	if (n->until < e->deadline)
		e->deadline = n->until;
	lock_gauge(0, 1);
}

/* Take @n out of the queue. */
static __always_inline void lock_dequeue(struct lock_entry *e, struct lock_node *n)
{
	lock_unlink(e, n);
	e->waiting--;
	if (!e->waiting)
		e->deadline = LOCK_NEVER;
	lock_gauge(0, -1);
}

/*
 * The acquisition in block @index, which is in no list any more, is over. Here
 * and below, @s: its session, if the caller has it.
 */
static __always_inline void lock_free_node(struct lock_session *s, struct lock_node *n, __u64 index,
					   enum lock_status status)
{
	__u64 idx[KERBY_MAX_BLOCKS] = {index};

	lock_record_end(s, n->client, n->sequence, index, status);
	kerby_free(idx);
}

/* The acquisition in block @index, a holder or a waiter, is over. */
static __always_inline void lock_end_node(struct lock_entry *e, struct lock_session *s,
					  struct lock_node *n, __u64 index, enum lock_status status)
{
	if (n->held) {
		lock_unlink(e, n);
		lock_unhold(e);
	} else {
		lock_dequeue(e, n);
	}
	lock_free_node(s, n, index, status);
}

/* The acquisition in the entry is over. */
static __always_inline void lock_end_first(struct lock_entry *e, struct lock_session *s,
					   enum lock_status status)
{
	lock_record_end(s, e->first.client, e->first.sequence, 0, status);
	e->first.sequence = 0;
	lock_unhold(e);
}

/* Milliseconds of a lease that are left. */
static __always_inline __u32 lock_left(__u64 until, __u64 now)
{
	return until > now ? (until - now) / 1000000 : 0;
}

/* Note that the client of @n is to be told. There has to be room. */
static __always_inline void lock_notify(struct lock_slot *w, const struct lock_entry *e,
					const struct lock_node *n, enum lock_status status)
{
	__u32 i = w->notices;
	struct lock_notice *to;
	struct lock_message *m;

	if (i >= LOCK_NOTICES_MAX)
		return;
	to = &w->notice[i];
	w->notices = i + 1;
	m = &to->message;
	m->magic = bpf_htons(LOCK_MAGIC);
	m->version = LOCK_PROTOCOL;
	m->op = LOCK_ACQUIRE;
	m->mode = n->mode;
	m->status = status;
	m->reserved = 0;
	m->lock = bpf_cpu_to_be64(n->lock);
	m->client = bpf_cpu_to_be64(n->client);
	m->sequence = bpf_cpu_to_be64(n->sequence);
	m->token = status == LOCK_GRANTED ? bpf_cpu_to_be64(n->token) : 0;
	m->wait = bpf_htonl(e->waiting);
	m->lease = status == LOCK_GRANTED ? bpf_htonl(n->lease_ms) : 0;
	to->flow = n->flow;
	to->ifindex = n->ifindex;
}

/* End what is held longer than its lease, and find out when the next one ends. */
static __always_inline void lock_expire(const struct lock_slot *w, struct lock_entry *e)
{
	__u64 soonest = LOCK_NEVER, index = e->more, next;
	struct lock_node *n;
	int i;

	if (e->first.sequence) {
		if (e->first.until <= w->now)
			lock_end_first(e, NULL, LOCK_EXPIRED);
		else
			soonest = e->first.until;
	}
	bpf_for(i, 0, LOCK_WALK_MAX) {
		n = index ? lock_node_linked(e, index) : NULL;
		if (!n)
			break;
		next = n->next;
		if (n->until <= w->now)
			lock_end_node(e, NULL, n, index, LOCK_EXPIRED);
		else if (n->until < soonest)
			soonest = n->until;
		index = next;
	}
	e->expires = soonest;
}

/* End what waits longer than it wants to, as far as there is room to tell, and find the next. */
static __always_inline void lock_time_out(struct lock_slot *w, struct lock_entry *e)
{
	__u64 soonest = LOCK_NEVER, index = e->head, next;
	struct lock_node *n;
	int i;

	bpf_for(i, 0, LOCK_WALK_MAX) {
		n = index ? lock_node_linked(e, index) : NULL;
		if (!n)
			break;
		next = n->next;
		if (n->until <= w->now && w->notices < w->room) {
			lock_dequeue(e, n); /* before the notice, which says how many wait */
			lock_notify(w, e, n, LOCK_TIMEOUT);
			lock_free_node(NULL, n, index, LOCK_TIMEOUT);
		} else if (n->until < soonest) {
			soonest = n->until;
		}
		index = next;
	}
	e->deadline = soonest;
}

/*
 * Grant the lock to those in front of the queue who may hold it now, as far as
 * there is room to tell them. Nobody whose time is up: there was room to end
 * him, or there is none now.
 */
static __always_inline void lock_grant(struct lock_slot *w, struct lock_entry *e)
{
	struct lock_node *n;
	__u64 index;
	int i;

	e->behind = 0;
	if (!e->head)
		return;
	bpf_for(i, 0, LOCK_NOTICES_MAX + 1) {
		if (!e->head)
			break;
		index = e->head;
		n = lock_node_linked(e, index);
		if (!n || !lock_compatible(e, n->mode))
			break;
		if (w->notices >= w->room) {
			e->behind = 1;
			break;
		}
		lock_dequeue(e, n);
		lock_hold_node(e, n, index, w->now);
		lock_notify(w, e, n, LOCK_GRANTED);
	}
}

#endif /* KERBY_LOCK_QUEUE_H */
