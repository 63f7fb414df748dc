/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The contract of Kerby-Lock: the messages between clients and the lock
 * manager, and every binary layout and number that the eBPF programs and user
 * space share.
 *
 * Messages are in network byte order; all else is in host byte order, but for
 * addresses and ports (struct net_flow). Times are nanoseconds of
 * CLOCK_BOOTTIME.
 */
#ifndef KERBY_LOCK_ABI_H
#define KERBY_LOCK_ABI_H

#include <linux/types.h>
#include "net/udp.h"

/* Grows with every change of a layout below; checked when maps are adopted. */
#define LOCK_LAYOUT_VERSION 2

/* The wire protocol. */

#define LOCK_MAGIC 0x4b4c /* "KL" */
#define LOCK_PROTOCOL 1 /* version of struct lock_message */

/*
 * Operations. A client names each acquisition by a number of its own, the
 * sequence, and all it says of that acquisition bears the number: so whatever
 * the network does to a datagram, it is acted upon once.
 */
enum lock_op {
	LOCK_ACQUIRE = 1,
	LOCK_RELEASE = 2, /* give up what is held; what waits goes on waiting */
	LOCK_CANCEL = 3, /* give up, whether it is held, waits, or has not arrived yet */
	LOCK_QUERY = 4, /* what became of it, and how the lock is */
	LOCK_RENEW = 5, /* a new lease, from now on */
};

enum lock_mode {
	LOCK_FREE = 0, /* of a lock that nobody holds, in the reply to a query */
	LOCK_SHARED = 1,
	LOCK_EXCLUSIVE = 2,
};

/*
 * Where an acquisition stands, in replies. From RELEASED to NO_ROOM it is over:
 * the same number asks about it as long as the window holds, and never starts
 * another.
 */
enum lock_status {
	LOCK_REQUEST = 0, /* in requests */
	LOCK_GRANTED = 1, /* held: see token and lease */
	LOCK_QUEUED = 2, /* waits; LOCK_GRANTED or LOCK_TIMEOUT follows by itself */
	LOCK_RELEASED = 3,
	LOCK_EXPIRED = 4, /* was held, and its lease ended */
	LOCK_CANCELLED = 5, /* given up before it was held */
	LOCK_TIMEOUT = 6, /* waited as long as it wanted to */
	LOCK_BUSY = 7, /* did not want to wait */
	LOCK_QUEUE_FULL = 8, /* as many wait for this lock as may */
	LOCK_NO_ROOM = 9, /* no memory to wait in, or to share in */
	LOCK_NOT_HOLDER = 10, /* there is no such acquisition */
	LOCK_STALE = 11, /* its number is LOCK_WINDOW or more behind a later one */
	LOCK_INVALID = 12, /* a malformed request, or a number in use for another lock */
	LOCK_STATUS_MAX
};

/*
 * A request, and a reply. A datagram to the server holds one. The server answers
 * each request with one datagram, and sends the reply to a LOCK_ACQUIRE once
 * more when what it said is no longer so: when a waiter is granted the lock, or
 * has waited long enough. If that goes to where the reply goes, it may go along:
 * a datagram from the server holds 1 to LOCK_MESSAGES_MAX messages, the reply
 * first. Datagrams get lost; a client that hears nothing sends its request again.
 */
struct lock_message {
	__be16 magic; /* LOCK_MAGIC */
	__u8 version; /* LOCK_PROTOCOL */
	__u8 op; /* enum lock_op; in a reply, that of its request */
	__u8 mode; /* ACQUIRE: wanted; replies: wanted or held; replies to QUERY: the lock's */
	__u8 status; /* enum lock_status */
	__be16 reserved; /* 0 */
	__be64 lock; /* any number */
	__be64 client; /* not 0; random, so that no two are the same */
	/*
	 * The acquisition: 1, 2, ... 2^64 - 1. A client may begin one only when
	 * those LOCK_WINDOW and more behind it are over.
	 */
	__be64 sequence;
	/* Replies with GRANTED: the fencing token, which grows with every grant of this lock. */
	__be64 token;
	/* ACQUIRE: how long to wait, milliseconds, 0 for not at all; replies: how many wait. */
	__be32 wait;
	/* ACQUIRE, RENEW: milliseconds, 1 or more; GRANTED: what is left of it. */
	__be32 lease;
};

#define LOCK_MESSAGES_MAX 2

/* Sized so that a session and the 64 bytes of a hash element fill a slab class of 1024 bytes. */
#define LOCK_WINDOW 56

/* The maps. */

#define LOCK_NEVER (~0ULL)

/* A holder that did not have to wait, and shares with nobody before it. */
struct lock_holder {
	__u64 client;
	__u64 sequence; /* 0: nobody */
	__u64 token;
	__u64 until; /* end of the lease */
};

/*
 * A lock: the value of map lock_table, whose key is its number. Protocol in
 * lock_table.h. 128 bytes, so that with the hash map's own 64 it fills a slab
 * class exactly.
 */
struct lock_entry {
	__u64 word; /* odd while somebody holds it */
	__u64 lock; /* its number again: an entry may be reused */
	__u64 token; /* of the last grant */
	__u64 expires; /* no lease ends before; LOCK_NEVER: nobody holds it */
	__u64 deadline; /* no waiter's time is up before; LOCK_NEVER: nobody waits */
	__u64 head; /* pool index of the first waiter; 0: nobody waits */
	__u64 tail; /* of the last */
	__u64 more; /* of the newest holder in a block; 0: none */
	__u32 waiting; /* length of the queue */
	__u32 holders; /* first, and those in blocks */
	__u8 mode; /* enum lock_mode, if there are holders */
	__u8 behind; /* the front of the queue may hold it, and nobody has told him yet */
	__u8 reserved[6];
	struct lock_holder first;
	__u64 watched; /* user space sweeps by then; LOCK_NEVER: it has not been told to */
	__u64 idle_token; /* the token when it was last found idle */
};

/*
 * A block of the pool: a waiter, or a holder. A waiter that is granted the lock
 * stays in its block, which only changes from one list to the other.
 */
struct lock_node {
	__u64 next; /* pool index; 0: the last */
	__u64 prev; /* 0: the first */
	__u64 lock;
	__u64 client;
	__u64 sequence;
	__u64 token; /* holder */
	__u64 until; /* holder: end of the lease; waiter: end of its patience */
	__u32 lease_ms;
	__u32 ifindex; /* where it can be reached; 0: by user space only */
	__u8 mode; /* enum lock_mode */
	__u8 held; /* 1: a holder */
	__u8 reserved[6];
	struct net_flow flow; /* of its last request */
};

/* What a session knows of one acquisition. */
struct lock_record {
	__u64 sequence; /* 0: none yet */
	/*
	 * Low 8 bits: enum lock_status, if it is over; 0 if not, and then the
	 * rest is the pool index of its block, or 0 for lock_entry.first.
	 */
	__u64 state;
};

/* A client: the value of map lock_sessions, whose key is its number. Protocol in lock_session.h. */
struct lock_session {
	__u64 word; /* 2 * (acquisitions not over + programs at it); odd: coming or going */
	__u64 client; /* its number again: a session may be reused */
	__u64 seen; /* when it was last heard of */
	__u64 reserved;
	struct lock_record record[LOCK_WINDOW]; /* of sequence: sequence % LOCK_WINDOW */
};

/*
 * What user space tells the programs: the one value of map lock_ctl (array,
 * mmapable). Written by user space only.
 */
struct lock_ctl {
	__u64 layout_version; /* LOCK_LAYOUT_VERSION, once set up */
	/*
	 * The first token of a lock that comes into being is this + the time.
	 * Nanoseconds from 1970 to boot, so that tokens outgrow those from
	 * before a boot; fixed for the life of the maps.
	 */
	__u64 token_base;
	__u64 manual_now; /* the time, if lock_manual_clock */
};

/* To be sent: what has become of an acquire. */
struct lock_notice {
	struct lock_message message;
	struct net_flow flow; /* of the waiter's last request: the notice goes the other way */
	__u32 ifindex; /* 0: the kernel does not know the way */
	__u32 reserved;
};

/* Most notices from one operation. What is left to grant then, the next one on the lock grants. */
#define LOCK_NOTICES_MAX 8

/* Operations of user space's door. */
enum lock_slot_op {
	LOCK_SLOT_NOP = 0,
	LOCK_SLOT_MESSAGE = 1, /* a client's request */
	LOCK_SLOT_SWEEP = 2, /* what is due at lock @number: leases, waiters, grants */
	/* The same, and removes the lock, if nobody holds it or waits; see @since. */
	LOCK_SLOT_REAP_LOCK = 3,
	LOCK_SLOT_REAP_CLIENT = 4, /* removes client @number, if not seen since @since */
};

/* How a slot fared. */
enum lock_slot_status {
	LOCK_SLOT_DONE = 0,
	LOCK_SLOT_AGAIN = 1, /* lost to others too often: try again */
	LOCK_SLOT_FULL = 2, /* no room for another lock or client: reap, and try again */
	LOCK_SLOT_KEPT = 3, /* a reap found it in use, or not there */
	LOCK_SLOT_UNKNOWN = 4, /* no such operation */
};

/*
 * One request on its way through the engine. Those of user space's door are
 * elements of map lock_slots (array, mmapable, 8-byte aligned): the caller owns
 * the elements it names in struct lock_door_args from before the test run until
 * it returns. The doors of packets have one for each CPU.
 */
struct lock_slot {
	__u32 op; /* in: enum lock_slot_op */
	__u32 status; /* out: enum lock_slot_status */
	struct lock_message message; /* MESSAGE: in: the request; out: the reply, if DONE */
	struct net_flow flow; /* MESSAGE: in: kind, addresses and ports of the request */
	__u32 ifindex; /* MESSAGE: in: 0 */
	__u32 notices; /* out: how many are in notice[] */
	__u64 number; /* SWEEP, REAP: in: lock or client */
	/* REAP_CLIENT: in; REAP_LOCK: in: not 0: and has not since it was last found so. */
	__u64 since;
	__u64 due; /* SWEEP, REAP_LOCK: out: when next to sweep it; LOCK_NEVER: nobody waits */
	/* The program's own: the request in host order. */
	__u64 now, lock, client, sequence, token;
	__u32 wait_ms, lease_ms;
	__u8 verb; /* enum lock_op */
	__u8 mode;
	__u8 result; /* enum lock_status; 0: not decided here */
	__u8 path; /* enum lock_path */
	__u32 room; /* most notices that this door can send */
	struct lock_notice notice[LOCK_NOTICES_MAX];
};

/* Context of user space's door: handle lock_slots[first .. first + count). */
struct lock_door_args {
	__u32 first;
	__u32 count;
};

#define LOCK_SLOTS 512 /* elements of lock_slots */
#define LOCK_BATCH_MAX 64 /* most slots in one run */

/* Paths as counted. The names are the metrics'. */
enum lock_path { LOCK_PATH_XDP, LOCK_PATH_TC, LOCK_PATH_USER, LOCK_PATH_MAX };

/*
 * Map lock_stats (per-CPU array of one). Sums over all CPUs are exact; gauges
 * count up on one CPU and down on another, so only the sum means anything.
 */
struct lock_stats {
	/* Replies; status 0: let pass to the next door. */
	__u64 requests[LOCK_PATH_MAX][LOCK_RENEW + 1][LOCK_STATUS_MAX];
	__s64 held; /* gauge: holders */
	__s64 waiting; /* gauge: waiters */
	__u64 inconsistent; /* a block or record was not where it has to be: a bug */
};

/* Through ring buffer lock_events. */
enum lock_event_kind {
	LOCK_EVENT_WATCH =
		1, /* sweep lock @number at @due: earlier than it said before, or first */
	LOCK_EVENT_NOTICE = 2, /* send the notice: the kernel could not */
};

struct lock_event {
	__u32 kind; /* enum lock_event_kind */
	__u32 reserved;
	__u64 number;
	__u64 due;
	struct lock_notice notice;
};

_Static_assert(sizeof(struct lock_message) == 48, "the wire's");
_Static_assert(sizeof(struct lock_entry) == 128, "a slab class");
_Static_assert(sizeof(struct lock_node) == 128, "a block");
_Static_assert(sizeof(struct lock_session) <= 960, "a slab class");

#endif /* KERBY_LOCK_ABI_H */
