/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions: what became of each client's last acquisitions, so that a request
 * that comes again, or late, starts nothing that has been before.
 *
 * A session has a record for each of LOCK_WINDOW successive numbers. A client
 * begins an acquisition only when those that far behind it are over, so a record
 * is written over when nobody needs it any more; whatever comes with an older
 * number is told that it is stale.
 *
 * Why not a map keyed by client and number: it would need an insertion and a
 * deletion for each acquisition, and somebody who knows when a number can be
 * forgotten. Here the client says so, by using a later one.
 *
 * A record is read and written by who holds the word of the lock that the
 * acquisition is of. A client that uses one number for two locks at once makes
 * two write one record: it gets its own acquisitions mixed up, which then end
 * with their leases; nobody else's can.
 *
 * Coming and going is as in lock_table.h, but for what the word means: it counts
 * references, times two. Every acquisition that is not over has one, and every
 * program as long as it works with the session. A reference is taken by
 * compare-and-swap from an even word, and kept only if the session is the
 * client's; given back by subtraction. Whoever removes a session takes its word
 * from 0, no references, to 1, and leaves it so; one that is inserted has it
 * at 1, until it is filled. So who has a reference has the memory, too.
 */
#ifndef KERBY_LOCK_SESSION_H
#define KERBY_LOCK_SESSION_H

#include "lock/lock_table.h"

/* What a new session holds; never written. */
const volatile struct lock_session lock_session_new = {.word = 1};

static __always_inline void lock_session_put(struct lock_session *s)
{
	__sync_fetch_and_add(&s->word, -2ULL);
}

/* A reference to the session of @client in *@held; with @create, make it if need be. */
static __always_inline enum lock_taking lock_session_get(__u64 client, bool create,
							 struct lock_session **held)
{
	enum lock_taking taking = LOCK_LOST;
	struct lock_session *s;
	long err;
	int i;

	*held = NULL;
	for (i = 0; i < LOCK_TRIES; i++) {
		s = bpf_map_lookup_elem(&lock_sessions, &client);
		if (!s) {
			if (!create) {
				taking = LOCK_ABSENT;
				break;
			}
			err = bpf_map_update_elem(&lock_sessions, &client,
						  (const void *)&lock_session_new, BPF_NOEXIST);
			if (err == -EEXIST)
				continue;
			if (err) {
				taking = LOCK_TABLE_FULL;
				break;
			}
			s = bpf_map_lookup_elem(&lock_sessions, &client);
			if (!s)
				continue;
			s->client = client;
			__sync_fetch_and_add(&s->word, 1); /* 2: one reference, ours */
			*held = s;
			taking = LOCK_TAKEN;
			break;
		}
		if (!lock_word_add(&s->word, 2))
			continue;
		if (s->client == client) {
			*held = s;
			taking = LOCK_TAKEN;
			break;
		}
		lock_session_put(s);
	}
	return taking;
}

static __always_inline struct lock_record *lock_record_of(struct lock_session *s, __u64 sequence)
{
	__u64 i = sequence % LOCK_WINDOW;

	barrier_var(i); /* the verifier does not know what a remainder is */
	return &s->record[i < LOCK_WINDOW ? i : 0];
}

/*
 * An acquisition that was in block @index, or 0, is over. It has a reference,
 * so the session is there; @s, if the caller has it.
 */
static __always_inline void lock_record_end(struct lock_session *s, __u64 client, __u64 sequence,
					    __u64 index, enum lock_status status)
{
	struct lock_record *r;

	if (!s)
		s = bpf_map_lookup_elem(&lock_sessions, &client);
	if (!s) {
		lock_inconsistent();
		return;
	}
	r = lock_record_of(s, sequence);
	if (r->sequence == sequence && r->state == index << 8)
		r->state = status;
	lock_session_put(s);
}

#endif /* KERBY_LOCK_SESSION_H */
