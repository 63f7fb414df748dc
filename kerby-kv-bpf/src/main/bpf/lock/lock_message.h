/* SPDX-License-Identifier: GPL-2.0-only */
/* A client's message into a slot, and the reply out of it. */
#ifndef KERBY_LOCK_MESSAGE_H
#define KERBY_LOCK_MESSAGE_H

#include "lock/lock_engine.h"

static __always_inline __u32 lock_at_most(__u32 value, __u32 max)
{
	return value < max ? value : max;
}

/* Read w->message. False: it is malformed. */
static __always_inline bool lock_read(struct lock_slot *w)
{
	const struct lock_message *m = &w->message;

	w->verb = m->op;
	w->mode = m->mode;
	w->lock = bpf_be64_to_cpu(m->lock);
	w->client = bpf_be64_to_cpu(m->client);
	w->sequence = bpf_be64_to_cpu(m->sequence);
	w->wait_ms = lock_at_most(bpf_ntohl(m->wait), lock_wait_max_ms);
	w->lease_ms = lock_at_most(bpf_ntohl(m->lease), lock_lease_max_ms);
	if (!w->client || !w->sequence || w->verb < LOCK_ACQUIRE || w->verb > LOCK_RENEW)
		return false;
	if (w->verb == LOCK_ACQUIRE && w->mode != LOCK_SHARED && w->mode != LOCK_EXCLUSIVE)
		return false;
	return w->lease_ms || (w->verb != LOCK_ACQUIRE && w->verb != LOCK_RENEW);
}

/* Make w->message the reply. */
static __always_inline void lock_write(struct lock_slot *w)
{
	struct lock_message *m = &w->message;

	m->mode = w->mode;
	m->status = w->result;
	m->reserved = 0;
	m->token = bpf_cpu_to_be64(w->token);
	m->wait = bpf_htonl(w->wait_ms);
	m->lease = w->result == LOCK_GRANTED ? bpf_htonl(w->lease_ms) : 0;
}

/* Count a reply, or that there was none here. */
static __always_inline void lock_count(const struct lock_slot *w)
{
	struct lock_stats *st = lock_stats_mine();
	__u32 path = w->path, verb = w->verb, result = w->result;

	if (!st || path >= LOCK_PATH_MAX || verb > LOCK_RENEW || result >= LOCK_STATUS_MAX)
		return;
	/* Packets' doors do not interrupt each other; user space's may be preempted by another run. */
	if (path == LOCK_PATH_USER)
		__sync_fetch_and_add(&st->requests[path][verb][result], 1);
	else
		st->requests[path][verb][result]++;
}

/* Handle the request in w->message, and make it the reply unless w->result is 0. */
static __always_inline enum lock_slot_status lock_serve(struct lock_slot *w)
{
	enum lock_slot_status status = LOCK_SLOT_DONE;

	if (lock_read(w)) {
		status = lock_handle(w);
	} else {
		w->verb = 0;
		w->notices = 0;
		w->result = LOCK_INVALID;
		w->token = 0;
		w->wait_ms = 0;
	}
	lock_count(w);
	if (w->result)
		lock_write(w);
	return status;
}

#endif /* KERBY_LOCK_MESSAGE_H */
