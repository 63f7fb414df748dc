/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a virtual client. All but lock_load_heard and lock_load_look: with
 * a client that is ours, LOCK_LOAD_OWNED. They return whether it sends at once.
 */
#ifndef KERBY_LOCK_LOAD_CLIENT_H
#define KERBY_LOCK_LOAD_CLIENT_H

#include "loadgen/load_mix.h"
#include "loadgen/lock_load_pause.h"

#define LOCK_LOAD_STATE(word) ((word) & ((1 << LOCK_LOAD_STATE_BITS) - 1))
#define LOCK_LOAD_WITH(word, state) ((word) - LOCK_LOAD_STATE(word) + (state))

/* Take a client whose word is @word. */
static __always_inline bool lock_load_own(struct lock_load_client *c, __u64 word)
{
	return __sync_val_compare_and_swap(&c->word, word, LOCK_LOAD_WITH(word, LOCK_LOAD_OWNED)) ==
	       word;
}

/* What is drawn as the @i-th lock of the client's transaction. */
static __always_inline __u32 lock_load_drawn(const struct lock_load_client *c, __u32 i)
{
	__u32 at = c->transaction * lock_load_locks + i;
	__u64 *drawn = bpf_map_lookup_elem(&lock_load_stream, &at);

	return drawn ? *drawn : 0;
}

/* Which of the transaction's locks the client's request is about. */
static __always_inline __u32 lock_load_which(const struct lock_load_client *c)
{
	return (c->held - (c->releasing ? 1 : 0)) & (LOCK_LOAD_LOCKS_MAX - 1);
}

static __always_inline bool lock_load_hold(__u32 drawn)
{
	__u32 lock = drawn & ~LOCK_LOAD_SHARED;
	__u64 *holders = bpf_map_lookup_elem(&lock_load_holders, &lock);

	if (!holders)
		return false;
	if (drawn & LOCK_LOAD_SHARED)
		return __sync_fetch_and_add(holders, 1) < LOCK_LOAD_ALONE;
	return !__sync_fetch_and_add(holders, LOCK_LOAD_ALONE);
}

static __always_inline void lock_load_unhold(__u32 drawn)
{
	__u32 lock = drawn & ~LOCK_LOAD_SHARED;
	__u64 *holders = bpf_map_lookup_elem(&lock_load_holders, &lock);

	if (holders)
		__sync_fetch_and_add(holders, drawn & LOCK_LOAD_SHARED ? -1ULL : -LOCK_LOAD_ALONE);
}

/* The acquisition that comes next gets a number. */
static __always_inline bool lock_load_number(struct lock_load_client *c)
{
	c->held_number[lock_load_which(c)] = ++c->number;
	return true;
}

/* On to the next lock. */
static __always_inline bool lock_load_want(struct lock_load_client *c, __u64 now)
{
	c->tries = 0;
	c->began_ns = now;
	return lock_load_number(c);
}

/* The next transaction begins, unless it is over. */
static __always_inline bool lock_load_begin(struct lock_load_client *c, __u64 now)
{
	volatile struct lock_load_control *control = &lock_load_control;

	c->releasing = 0;
	if (now >= control->stop_ns) {
		__sync_fetch_and_add(&c->word, LOCK_LOAD_IDLE - LOCK_LOAD_OWNED);
		return false;
	}
	c->transaction = (c->transaction + 1) & lock_load_transaction_mask;
	return lock_load_want(c, now);
}

/* One lock after the other is given up. */
static __always_inline bool lock_load_release(struct lock_load_client *c, __u64 now)
{
	if (!c->held)
		return lock_load_begin(c, now);
	c->releasing = 1;
	lock_load_unhold(lock_load_drawn(c, lock_load_which(c)));
	return true;
}

static __always_inline bool lock_load_granted(const struct lock_load_turn *t, __u64 now)
{
	struct lock_load_client *c = t->client;
	__u64 wait = now - c->began_ns;

	lock_load_count(LOCK_LOAD_ACQUIRED);
	load_count_latency(wait);
	c->acquired++;
	if (wait > c->longest_ns)
		c->longest_ns = wait;
	if (!lock_load_hold(lock_load_drawn(c, lock_load_which(c))))
		lock_load_count(LOCK_LOAD_VIOLATIONS);
	c->held++;
	if (c->held < lock_load_locks)
		return lock_load_want(c, now);
	if (!lock_load_hold_ns)
		return lock_load_release(c, now);
	lock_load_pause(t, LOCK_LOAD_HOLDERS, now);
	return false;
}

/* A pause after a rejection: twice as long each time, by chance up to twice that. */
static __always_inline bool lock_load_back_off(const struct lock_load_turn *t, __u64 now)
{
	struct lock_load_client *c = t->client;
	__u32 level = c->tries < lock_load_level_max ? c->tries : lock_load_level_max;

	if (c->tries < 255)
		c->tries++;
	lock_load_number(c);
	lock_load_pause(t,
			LOCK_LOAD_REJECTS + level * LOCK_LOAD_PAUSES +
				load_mix(c->word ^ (__u64)t->index << 40) % LOCK_LOAD_PAUSES,
			now);
	return false;
}

static __always_inline bool lock_load_acquire_heard(const struct lock_load_turn *t, __u8 status,
						    __u64 now)
{
	switch (status) {
	case LOCK_GRANTED:
		return lock_load_granted(t, now);
	case LOCK_TIMEOUT:
		lock_load_count(LOCK_LOAD_TIMEOUT);
		return lock_load_release(t->client, now);
	case LOCK_BUSY:
	case LOCK_QUEUE_FULL:
	case LOCK_NO_ROOM:
		lock_load_count(LOCK_LOAD_REJECTED);
		return lock_load_back_off(t, now);
	case LOCK_EXPIRED:
		lock_load_count(LOCK_LOAD_EXPIRED);
		return lock_load_back_off(t, now);
	default:
		lock_load_count(LOCK_LOAD_ERRORS);
		return lock_load_back_off(t, now);
	}
}

static __always_inline bool lock_load_release_heard(struct lock_load_client *c, __u8 status,
						    __u64 now)
{
	lock_load_count(status == LOCK_RELEASED	 ? LOCK_LOAD_RELEASED
			: status == LOCK_EXPIRED ? LOCK_LOAD_EXPIRED
						 : LOCK_LOAD_ERRORS);
	c->held--;
	return lock_load_release(c, now);
}

/* A reply that the client does not wait for. */
static __always_inline void lock_load_stray(const struct lock_load_client *c, __u8 op, __u8 status,
					    __u32 number)
{
	if (number > c->number)
		lock_load_count(LOCK_LOAD_FOREIGN);
	else if (number == c->before && op == c->before_op && !c->before_resent &&
		 status != LOCK_QUEUED)
		lock_load_count(LOCK_LOAD_DUPLICATE);
	else
		lock_load_count(LOCK_LOAD_LATE);
}

static __always_inline void lock_load_heard_first(void)
{
	struct lock_load_lane *lane = lock_load_lane_mine();

	if (lane)
		lane->heard++;
}

/* It waits. What was sent again may be answered twice. */
static __always_inline bool lock_load_waits(struct lock_load_client *c, __u64 word, __u64 now)
{
	if (LOCK_LOAD_STATE(word) == LOCK_LOAD_ASKED &&
	    __sync_val_compare_and_swap(&c->word, word, LOCK_LOAD_WITH(word, LOCK_LOAD_QUEUED)) ==
		    word) {
		lock_load_heard_first();
		lock_load_count(LOCK_LOAD_WAITED);
		c->sent_ns = now;
	} else if (!c->resent) {
		lock_load_count(LOCK_LOAD_DUPLICATE);
	}
	return false;
}

/* A reply to client @t, which is not ours. */
static __always_inline bool lock_load_heard(const struct lock_load_turn *t,
					    const struct lock_message *m, __u64 now)
{
	__u64 number = bpf_be64_to_cpu(m->sequence) - lock_load_first_sequence;
	struct lock_load_client *c = t->client;
	__u64 word = *(volatile __u64 *)&c->word;
	__u8 op = m->op, status = m->status;

	if (number != (__u32)number || !number) {
		lock_load_count(LOCK_LOAD_FOREIGN);
		return false;
	}
	if (LOCK_LOAD_STATE(word) < LOCK_LOAD_ASKED || LOCK_LOAD_STATE(word) > LOCK_LOAD_QUEUED ||
	    op != (c->releasing ? LOCK_RELEASE : LOCK_ACQUIRE) ||
	    number != c->held_number[lock_load_which(c)]) {
		lock_load_stray(c, op, status, number);
		return false;
	}
	if (status == LOCK_QUEUED && op == LOCK_ACQUIRE)
		return lock_load_waits(c, word, now);
	if (!lock_load_own(c, word)) {
		lock_load_stray(c, op, status, number);
		return false;
	}
	if (LOCK_LOAD_STATE(word) == LOCK_LOAD_ASKED)
		lock_load_heard_first();
	c->before = number;
	c->before_op = op;
	c->before_resent = c->resent;
	c->resent = 0;
	if (c->releasing)
		return lock_load_release_heard(c, status, now);
	return lock_load_acquire_heard(t, status, now);
}

/* The time of client @c, which is ours, has come. */
static __always_inline bool lock_load_go_on(struct lock_load_client *c, __u64 now)
{
	volatile struct lock_load_control *control = &lock_load_control;

	/* The frame that came with the reply to its release carried somebody else's request. */
	if (c->releasing)
		return true;
	/* Who was rejected gives up when the load is over. */
	if (c->held == lock_load_locks || now >= control->stop_ns)
		return lock_load_release(c, now);
	if (!c->tries)
		c->began_ns = now;
	return true;
}

/* Look whether there is something to do for client @c, which is not ours. */
static __always_inline bool lock_load_look(struct lock_load_client *c, __u64 now)
{
	volatile struct lock_load_control *control = &lock_load_control;
	__u64 word = *(volatile __u64 *)&c->word;

	switch (LOCK_LOAD_STATE(word)) {
	case LOCK_LOAD_IDLE:
		return now < control->stop_ns && lock_load_own(c, word) && lock_load_begin(c, now);
	case LOCK_LOAD_ASKED:
	case LOCK_LOAD_QUEUED:
		if (now < c->sent_ns + lock_load_timeout_ns || !lock_load_own(c, word))
			return false;
		lock_load_count(LOCK_LOAD_STATE(word) == LOCK_LOAD_ASKED ? LOCK_LOAD_LOST
									 : LOCK_LOAD_POLLED);
		if (LOCK_LOAD_STATE(word) == LOCK_LOAD_ASKED)
			lock_load_heard_first(); /* or never */
		c->resent = 1;
		return true;
	case LOCK_LOAD_PAUSED:
		return now >= c->due_ns && lock_load_own(c, word) && lock_load_go_on(c, now);
	}
	return false;
}

#endif /* KERBY_LOCK_LOAD_CLIENT_H */
