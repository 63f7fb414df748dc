/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations on a lock, whichever door the request came in by.
 *
 * Whatever is done to a lock, first comes what is due: leases that have ended,
 * waiters whose time is up, grants that follow. So no answer depends on who
 * noticed first, and the queue moves on at every request. Where nobody asks,
 * user space does: it is told when something will be due at a lock that has a
 * queue (LOCK_EVENT_WATCH), and whenever that becomes earlier than it knows, and
 * sweeps the lock through its door then. It is not done by a bpf_timer, though this
 * kernel would allow it: a timer has no packet to send with, so its grants would
 * need user space all the same, and arming one costs every grant more than
 * the rest of it. A lock without a queue needs nobody: the next to come ends the
 * lease. Where user space is dead, those who wait send again, and find out.
 *
 * A door has room for so many notices, LOCK_NOTICES_MAX or none. One without
 * lets a request pass that might lead to a notice, before anything is changed;
 * but XDP's reply takes one along to where it goes itself.
 */
#ifndef KERBY_LOCK_ENGINE_H
#define KERBY_LOCK_ENGINE_H

#include "lock/lock_queue.h"

/* Where the acquisition of a request is. */
enum lock_place {
	LOCK_IN_NONE, /* not heard of yet */
	LOCK_IN_ENTRY,
	LOCK_IN_NODE,
	LOCK_IN_RECORD, /* over, or never to be: w->result says how */
};

struct lock_found {
	enum lock_place place;
	struct lock_node *node;
	__u64 index;
};

static __always_inline enum lock_place lock_answer(struct lock_slot *w, enum lock_status status)
{
	w->result = status;
	return LOCK_IN_RECORD;
}

/* Find the acquisition of @w at lock @e. */
static __always_inline enum lock_place lock_find(struct lock_slot *w, struct lock_entry *e,
						 struct lock_session *s, struct lock_found *f)
{
	struct lock_record *r = lock_record_of(s, w->sequence);

	if (r->sequence > w->sequence)
		return lock_answer(w, LOCK_STALE);
	if (r->sequence < w->sequence) {
		/* The one that is to be written over has to be over. */
		if (r->sequence && !(r->state & 0xff))
			return lock_answer(w, LOCK_INVALID);
		return LOCK_IN_NONE;
	}
	if (r->state & 0xff)
		return lock_answer(w, r->state & 0xff);
	f->index = r->state >> 8;
	if (!f->index) {
		if (e->first.sequence == w->sequence && e->first.client == w->client)
			return LOCK_IN_ENTRY;
		return lock_answer(w, LOCK_INVALID);
	}
	f->node = lock_node(e, f->index);
	if (f->node && f->node->sequence == w->sequence && f->node->client == w->client)
		return LOCK_IN_NODE;
	return lock_answer(w, LOCK_INVALID);
}

/* Do what is due. */
static __always_inline void lock_settle(struct lock_slot *w, struct lock_entry *e)
{
	if (w->now >= e->expires)
		lock_expire(w, e);
	if (w->now >= e->deadline)
		lock_time_out(w, e);
	lock_grant(w, e);
}

/* When something will be due that may lead to a notice; LOCK_NEVER: nobody waits. */
static __always_inline __u64 lock_due(const struct lock_slot *w, const struct lock_entry *e)
{
	if (!e->waiting)
		return LOCK_NEVER;
	if (e->behind)
		return w->now;
	return e->expires < e->deadline ? e->expires : e->deadline;
}

/* Might it, when a holder goes? Whoever is in front waits for all of them, or for one place. */
static __always_inline bool lock_moves_on(const struct lock_entry *e)
{
	return e->waiting && (e->holders == 1 || e->holders >= lock_holders_max);
}

/*
 * Whether a holder's leave leads to one notice at most, to where the reply goes.
 * Nothing else is due.
 */
static __always_inline bool lock_goes_along(const struct lock_slot *w, const struct lock_entry *e)
{
	struct lock_node *n;

	if (w->path != LOCK_PATH_XDP)
		return false;
	n = lock_node_linked(e, e->head);
	return n && (n->mode == LOCK_EXCLUSIVE || e->waiting == 1) && n->ifindex == w->ifindex &&
	       net_flow_same(&n->flow, &w->flow);
}

static __always_inline void lock_granted(struct lock_slot *w, __u64 token, __u64 until)
{
	w->result = LOCK_GRANTED;
	w->token = token;
	w->lease_ms = lock_left(until, w->now);
}

/* Say how an acquisition stands that is not over. */
static __always_inline void lock_report(struct lock_slot *w, const struct lock_entry *e,
					const struct lock_found *f)
{
	if (f->place == LOCK_IN_ENTRY) {
		w->mode = e->mode;
		lock_granted(w, e->first.token, e->first.until);
	} else if (f->node) {
		w->mode = f->node->mode;
		if (f->node->held)
			lock_granted(w, f->node->token, f->node->until);
		else
			w->result = LOCK_QUEUED;
	}
}

/* Hold the lock without a block. */
static __always_inline void lock_hold_first(struct lock_slot *w, struct lock_entry *e)
{
	e->first.client = w->client;
	e->first.sequence = w->sequence;
	e->first.until = w->now + w->lease_ms * 1000000ULL;
	e->first.token = lock_hold(e, w->mode, e->first.until);
	lock_granted(w, e->first.token, e->first.until);
}

/* Hold the lock, or wait for it, in a block. Returns its index; 0: there was none to be had. */
static __always_inline __u64 lock_begin_node(struct lock_slot *w, struct lock_entry *e, bool hold)
{
	__u64 idx[KERBY_MAX_BLOCKS];
	struct lock_node *n;

	if (kerby_malloc(sizeof(*n), idx) != 1)
		return 0;
	n = kerby_pool_block(idx[0]);
	if (!n) {
		lock_inconsistent();
		return 0;
	}
	n->lock = w->lock;
	n->client = w->client;
	n->sequence = w->sequence;
	n->mode = w->mode;
	n->lease_ms = w->lease_ms;
	n->ifindex = w->ifindex;
	n->flow = w->flow;
	if (hold) {
		lock_hold_node(e, n, idx[0], w->now);
		lock_granted(w, n->token, n->until);
	} else {
		n->until = w->now + w->wait_ms * 1000000ULL;
		lock_enqueue(e, n, idx[0]);
		w->result = LOCK_QUEUED;
	}
	return idx[0];
}

/* An acquisition begins, or is refused. */
static __always_inline void lock_begin(struct lock_slot *w, struct lock_entry *e,
				       struct lock_session *s)
{
	struct lock_record *r = lock_record_of(s, w->sequence);
	bool hold = !e->waiting && lock_compatible(e, w->mode);
	__u64 index = 0;

	if (hold && !e->first.sequence) {
		lock_hold_first(w, e);
	} else if (!hold && !w->wait_ms) {
		w->result = LOCK_BUSY;
	} else if (!hold && e->waiting >= lock_queue_max) {
		w->result = LOCK_QUEUE_FULL;
	} else {
		index = lock_begin_node(w, e, hold);
		if (!index)
			w->result = LOCK_NO_ROOM;
	}
	r->sequence = w->sequence;
	if (w->result == LOCK_GRANTED || w->result == LOCK_QUEUED) {
		r->state = index << 8;
		__sync_fetch_and_add(&s->word, 2);
	} else {
		r->state = w->result;
	}
}

static __always_inline void lock_acquire(struct lock_slot *w, struct lock_entry *e,
					 struct lock_session *s, struct lock_found *f)
{
	if (f->place == LOCK_IN_NONE) {
		lock_begin(w, e, s);
		return;
	}
	if (f->node) {
		/* It may have another way to us by now. */
		f->node->flow = w->flow;
		f->node->ifindex = w->ifindex;
	}
	lock_report(w, e, f);
}

static __always_inline void lock_renew(struct lock_slot *w, struct lock_entry *e,
				       struct lock_found *f)
{
	__u64 until = w->now + w->lease_ms * 1000000ULL;
	bool held = true;

	if (f->place == LOCK_IN_ENTRY)
		e->first.until = until;
	else if (f->node && f->node->held)
		f->node->until = until;
	else
		held = false;
	if (held && (e->holders == 1 || until < e->expires))
		e->expires = until;
	lock_report(w, e, f);
}

/* A release, or a cancel of what is held or waits. Without room for notices it may have to pass. */
static __always_inline void lock_leave(struct lock_slot *w, struct lock_entry *e,
				       struct lock_session *s, struct lock_found *f)
{
	bool waits = f->node && !f->node->held;

	if (waits && w->verb == LOCK_RELEASE) {
		lock_report(w, e, f);
		return;
	}
	if (!w->room && (waits ? f->index == e->head && e->waiting > 1 : lock_moves_on(e))) {
		if (waits || !lock_goes_along(w, e))
			return;
		w->room = 1;
	}
	w->result = waits ? LOCK_CANCELLED : LOCK_RELEASED;
	if (f->node) {
		w->mode = f->node->mode;
		lock_end_node(e, s, f->node, f->index, w->result);
	} else {
		w->mode = e->mode;
		lock_end_first(e, s, w->result);
	}
	lock_grant(w, e);
}

/* What is asked of an acquisition that has never been. */
static __always_inline void lock_leave_none(struct lock_slot *w, struct lock_session *s)
{
	struct lock_record *r = lock_record_of(s, w->sequence);

	if (w->verb != LOCK_CANCEL) {
		w->result = LOCK_NOT_HOLDER;
		return;
	}
	/* The cancel has overtaken its acquire, which is not to start anything now. */
	r->sequence = w->sequence;
	r->state = LOCK_CANCELLED;
	w->result = LOCK_CANCELLED;
}

/* Tell user space when to sweep a lock, if that is before it will. */
static __always_inline void lock_watch(const struct lock_slot *w, struct lock_entry *e)
{
	__u64 due = lock_due(w, e);
	struct {
		__u32 kind, reserved;
		__u64 number, due;
	} event = {.kind = LOCK_EVENT_WATCH, .number = e->lock, .due = due};

	/* If there is no room for it, the next to come tries again. */
	if (due < e->watched && !bpf_ringbuf_output(&lock_events, &event, sizeof(event), 0))
		e->watched = due;
}

/* The request @w, with the lock's word held. */
static __always_inline void lock_act(struct lock_slot *w, struct lock_entry *e,
				     struct lock_session *s)
{
	struct lock_found f = {};

	if (!w->room && lock_due(w, e) <= w->now)
		return;
	lock_settle(w, e);
	f.place = lock_find(w, e, s, &f);
	if (f.place == LOCK_IN_RECORD)
		;
	else if (w->verb == LOCK_ACQUIRE)
		lock_acquire(w, e, s, &f);
	else if (f.place == LOCK_IN_NONE)
		lock_leave_none(w, s);
	else if (w->verb == LOCK_QUERY)
		lock_report(w, e, &f);
	else if (w->verb == LOCK_RENEW)
		lock_renew(w, e, &f);
	else
		lock_leave(w, e, s, &f);
	if (w->verb == LOCK_QUERY)
		w->mode = e->holders ? e->mode : LOCK_FREE;
	w->wait_ms = e->waiting;
	lock_watch(w, e);
}

/* The same for a client that has never acquired or cancelled anything. */
static __always_inline void lock_act_unknown(struct lock_slot *w)
{
	enum lock_taking taking;
	struct lock_entry *e;

	w->mode = LOCK_FREE;
	w->wait_ms = 0;
	if (w->verb == LOCK_QUERY) {
		taking = lock_take(w->lock, w->now, false, &e);
		if (taking == LOCK_LOST)
			return;
		if (e) {
			w->mode = e->holders ? e->mode : LOCK_FREE;
			w->wait_ms = e->waiting;
			lock_word_give(&e->word);
		}
	}
	w->result = LOCK_NOT_HOLDER;
}

static __always_inline enum lock_slot_status lock_status_of(enum lock_taking taking)
{
	return taking == LOCK_TABLE_FULL ? LOCK_SLOT_FULL : LOCK_SLOT_AGAIN;
}

/*
 * Handle the request in @w. Returns enum lock_slot_status; if it is not
 * LOCK_SLOT_DONE, or w->result is 0, nothing has been done.
 *
 * A global function, which the verifier checks once for all doors.
 */
__noinline int lock_handle(struct lock_slot *w)
{
	enum lock_taking taking;
	struct lock_session *s;
	struct lock_entry *e;
	bool begins;

	if (!w)
		return LOCK_SLOT_AGAIN;
	w->notices = 0;
	w->result = 0;
	w->token = 0;
	w->now = lock_now();
	begins = w->verb == LOCK_ACQUIRE || w->verb == LOCK_CANCEL;
	taking = lock_session_get(w->client, begins, &s);
	if (taking == LOCK_ABSENT) {
		lock_act_unknown(w);
		return w->result ? LOCK_SLOT_DONE : LOCK_SLOT_AGAIN;
	}
	if (!s)
		return lock_status_of(taking);
	s->seen = w->now;
	taking = lock_take(w->lock, w->now, true, &e);
	if (e) {
		lock_act(w, e, s);
		lock_word_give(&e->word);
	}
	lock_session_put(s);
	return e ? LOCK_SLOT_DONE : lock_status_of(taking);
}

#endif /* KERBY_LOCK_ENGINE_H */
