/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the generator's programs and user space, which draws
 * the requests, says when to send, and reads the counts.
 *
 * A request's number within its lane (a CPU that sends) is its identity. On the
 * wire its low 16 bits are the request id of memcached's UDP header and the
 * bits above, with the lane, its source port: so LOAD_PORTS << 16 requests can
 * be told apart. Its slot remembers when it was due and what became of it.
 */
#ifndef KERBY_LOAD_ABI_H
#define KERBY_LOAD_ABI_H

#include <linux/types.h>

/* Source ports: below the range from which Linux gives ports to sockets. */
#define LOAD_PORT_BASE 16384
#define LOAD_PORT_BITS 11
#define LOAD_PORTS (1 << LOAD_PORT_BITS)
#define LOAD_ID_BITS 16

/* Numbers that user space reads from the object's BTF, under these names. */
enum load_number {
	LOAD_LANES_MAX = 8,
	/* Texts: "get "/"set ", key, " 0 0 NNNN\r\n", value, "\r\n" in one datagram. */
	LOAD_KEY_MAX = 250,
	LOAD_VALUE_MAX = 1400,
	/* The values' bytes are pieces of one pattern, which repeats after this many. */
	LOAD_PATTERN_BYTES = 65536,
	LOAD_SET_BIT = 31,
	LOAD_GAP_BITS = 10,
	LOAD_WORD_BITS = 3,
	LOAD_WORD_COUNTED = 4,
	LOAD_BUCKET_BITS = 7,
};

#define LOAD_LANE_NONE 0xffffffff
#define LOAD_PATTERN_ROOM (LOAD_PATTERN_BYTES + 2048)

/* One request of the stream that user space has drawn. */
struct load_request {
	__u32 key; /* index, LOAD_SET on top */
	__u32 version; /* of the value, if it is a set */
	__u32 value_len; /* likewise */
	__u32 gap; /* to the next request in 2^-LOAD_GAP_BITS of the mean */
};
#define LOAD_SET (1U << LOAD_SET_BIT)

/* One of the keys; text has room for the longest and a word more. */
struct load_key {
	__u32 len;
	__u8 text[];
};

enum load_state {
	LOAD_FREE, /* nothing was sent with it */
	LOAD_PENDING,
	LOAD_ANSWERED,
	LOAD_LOST, /* no answer in time: user space or the slot's next request said so */
};

/* What the newest request of a slot is and has come to. */
struct load_slot {
	__u64 word; /* number << LOAD_WORD_BITS | LOAD_WORD_COUNTED | enum load_state */
	__u64 due_ns; /* when it was to be sent; latency is counted from there */
	__u64 sent_ns; /* when it was; the timeout is */
};
#define LOAD_WORD_STATE 3

/* One CPU's sending; each line is written by one side alone. */
struct load_lane {
	__u64 next; /* number of the next request */
	__u64 due; /* when, in 2^-16 ns from the start */
	__u64 counted; /* requests sent while counting */
	__u64 limit; /* ends the lane when reached by the latter; by user space, beforehand */
	__u64 pad0[4];
	__u64 done; /* requests whose answer came, in time or not, and overwritten ones */
	__u64 pad1[7];
	__u64 given_up; /* by user space: pending for longer than the timeout */
	__u64 pad2[7];
};

/* What user space says while the programs run. Times are of the monotonic clock. */
struct load_control {
	__u64 start_ns; /* of the schedule */
	__u64 stop_ns; /* nothing is sent from then on */
	__u64 count_from_ns; /* requests sent from here... */
	__u64 count_until_ns; /* ...until here are counted */
	__u64 interval; /* mean gap of a lane's requests in 2^-16 ns; 0: no schedule */
	__u64 window; /* requests of a lane under way at a time, at most */
};

/* Counters, a CPU's own. Those of requests: counted ones alone. */
enum load_counter {
	LOAD_SENT,
	LOAD_HITS,
	LOAD_MISSES,
	LOAD_STORED,
	LOAD_ERRORS,
	LOAD_CORRUPT,
	LOAD_LOST_SENDING, /* pending when its slot was needed again */
	LOAD_LATE,
	LOAD_LATE_LOST, /* of the late ones: not yet counted as lost elsewhere */
	LOAD_DUPLICATE,
	LOAD_FOREIGN, /* replies to what was never asked */
	LOAD_AHEAD, /* turns in which nothing was due */
	LOAD_FULL, /* turns in which the window was full */
	LOAD_BROKEN, /* requests that could not be built: none, unless the tables are wrong */
	LOAD_COUNTERS,
};

/*
 * Latency in ns: below LOAD_BUCKETS_LINEAR a bucket each, above as many buckets
 * for each power of two, so a bucket is at most 1/128 of its values wide.
 */
#define LOAD_BUCKETS_LINEAR (1 << LOAD_BUCKET_BITS)
#define LOAD_LATENCY_BITS 35
#define LOAD_BUCKETS ((LOAD_LATENCY_BITS - LOAD_BUCKET_BITS + 1) * LOAD_BUCKETS_LINEAR)

struct load_counts {
	__u64 counter[LOAD_COUNTERS];
};

struct load_latency {
	__u64 bucket[LOAD_BUCKETS];
};

#endif /* KERBY_LOAD_ABI_H */
