/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the programs that put load on lock managers and user
 * space, which draws what to lock, starts and stops, and reads the counts.
 *
 * The load is a closed loop of virtual clients. Each takes the locks of a
 * transaction one after the other, holds them for a while, releases them in
 * reverse order, and goes on to its next transaction.
 */
#ifndef KERBY_LOCK_LOAD_ABI_H
#define KERBY_LOCK_LOAD_ABI_H

#include <linux/types.h>

/* Numbers that user space reads from the object's BTF, under these names. */
enum lock_load_number {
	LOCK_LOAD_LOCKS_MAX = 8, /* of a transaction */
	LOCK_LOAD_SHARED_BIT = 31, /* of what is drawn; the bits below are the lock */
	LOCK_LOAD_STATE_BITS = 3,
	/* After the n-th rejection in a row: one of this many pauses of level n. */
	LOCK_LOAD_LEVELS = 12,
	LOCK_LOAD_PAUSES = 4,
	/* Lists: those who hold; those who begin, when others are due; those who were rejected. */
	LOCK_LOAD_HOLDERS = 0,
	LOCK_LOAD_BEGINNERS = 1,
	LOCK_LOAD_REJECTS = 2,
	LOCK_LOAD_LISTS = LOCK_LOAD_REJECTS + LOCK_LOAD_LEVELS * LOCK_LOAD_PAUSES,
};
#define LOCK_LOAD_SHARED (1U << LOCK_LOAD_SHARED_BIT)

/* What a virtual client is at. */
enum lock_load_state {
	LOCK_LOAD_IDLE, /* between transactions */
	LOCK_LOAD_OWNED, /* a program is at it, or it is in one of a lane's lists */
	LOCK_LOAD_ASKED, /* waits for the reply to its request */
	LOCK_LOAD_QUEUED, /* was told to wait for the lock */
	LOCK_LOAD_PAUSED, /* until due_ns, in no list: where no lane could take it */
};

/* A virtual client. Whoever takes its word from another state to OWNED may change the rest. */
struct lock_load_client {
	__u64 word; /* requests so far << LOCK_LOAD_STATE_BITS | enum lock_load_state */
	__u64 sent_ns; /* its last request, or when it was told to wait */
	__u64 began_ns; /* its wait for the lock began */
	__u64 due_ns; /* when it goes on: PAUSED, or in a list */
	__u32 next; /* in a list: number of the next client + 1; 0: the last */
	__u32 transaction; /* place in what is drawn */
	__u32 number; /* of its last acquisition, from 1 on */
	__u32 before; /* the acquisition of the request before */
	__u8 held; /* locks */
	__u8 releasing;
	__u8 tries; /* rejections in a row */
	__u8 resent; /* this request was sent again */
	__u8 before_op; /* enum lock_op of the request before */
	__u8 before_resent;
	__u8 reserved[2];
	__u32 held_number[LOCK_LOAD_LOCKS_MAX]; /* of the locks held, and the one asked for */
	__u64 acquired; /* locks, so far */
	__u64 longest_ns; /* wait for a lock; user space sets it back */
	__u64 reserved2[3];
};

/*
 * A CPU that sends. The lists are in the order in which their clients are due:
 * all of one list pause for the same time. Only this CPU touches them.
 */
struct lock_load_list {
	__u32 head; /* number of a client + 1; 0: none */
	__u32 tail;
	__u64 due; /* of the head */
};

struct lock_load_lane {
	__u32 stride; /* number of lanes; 0: this CPU is none */
	__u32 first; /* number of this lane */
	__u32 scan; /* the client to look at next: every stride-th from the first on */
	__u32 reserved;
	__u64 asked; /* requests sent for the first time, on this CPU */
	__u64 heard; /* replies to such, likewise */
	__u64 soonest; /* no list has anybody due before */
	struct lock_load_list list[LOCK_LOAD_LISTS];
};

/* What user space says while the programs run. Times are of the monotonic clock. */
struct lock_load_control {
	__u64 stop_ns; /* no transaction begins from then on */
	__u64 quit; /* nothing is sent any more */
};

/* Counters, a CPU's own. */
enum lock_load_counter {
	LOCK_LOAD_SENT, /* requests, and requests sent again */
	LOCK_LOAD_ACQUIRED, /* locks */
	LOCK_LOAD_RELEASED,
	LOCK_LOAD_WAITED, /* requests that were told to wait */
	LOCK_LOAD_REJECTED, /* each is retried, after a pause */
	LOCK_LOAD_TIMEOUT, /* waited as long as the limit */
	LOCK_LOAD_EXPIRED, /* leases */
	LOCK_LOAD_ERRORS, /* replies that make no sense here */
	LOCK_LOAD_LOST, /* nothing heard in time: sent again */
	LOCK_LOAD_POLLED, /* told to wait, and nothing heard since: asked again */
	LOCK_LOAD_LATE, /* replies to a request that had been sent again, or is long over */
	LOCK_LOAD_DUPLICATE, /* further replies to the request before, and to who waits already */
	LOCK_LOAD_FOREIGN, /* to what was never asked */
	LOCK_LOAD_VIOLATIONS, /* granted although it was held */
	LOCK_LOAD_BROKEN, /* requests that could not be built: none */
	LOCK_LOAD_COUNTERS,
};

struct lock_load_counts {
	__u64 counter[LOCK_LOAD_COUNTERS];
};

_Static_assert(sizeof(struct lock_load_client) == 128, "two cache lines");

#endif /* KERBY_LOCK_LOAD_ABI_H */
