/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The contract between the eBPF programs of Kerby-KV and user space: every
 * binary layout and every number that both sides know, and nothing else.
 * LayoutTest compares the Java side with the BTF of the compiled object.
 *
 * All integers are in host byte order. Times are seconds of CLOCK_BOOTTIME,
 * which neither stops in suspend nor follows steps of the wall clock.
 */
#ifndef KERBY_KV_ABI_H
#define KERBY_KV_ABI_H

#include <linux/types.h>

/* Grows with every change of a layout below; checked when maps are adopted. */
#define KV_LAYOUT_VERSION 3

#define KV_KEY_MAX 250 /* bytes; memcached's limit */
#define KV_KEY_ROOM 256 /* KV_KEY_MAX rounded up to whole words */
/* The longest value that the kernel keeps: a jumbo frame's payload. */
#define KV_VALUE_MAX 8960
#define KV_SCRATCH 4096 /* bytes of a slot that the program works in */
#define KV_EXPTIME_NEVER 0
#define KV_EXPTIME_PAST 1 /* a time that has always passed */

enum kv_tier {
	KV_TIER_KERNEL = 1, /* the chain holds key and value */
	KV_TIER_USER = 2, /* the chain holds the key, user space the value */
};

/* What the meta commands know of an item. */
enum kv_state {
	KV_STATE_STALE = 1, /* invalidated: served, and marked as such */
	KV_STATE_WON = 2, /* some client was told that the new value is its to make */
	KV_STATE_FETCHED = 4, /* read since it was written; a byte of its own in the entry */
	KV_STATE_BINARY = 8, /* the key came in base64, and is shown so */
};

/* What of an item, its key and then its value, stands in its index entry. */
#define KV_HEAD_BYTES 128

/* A large block: with the hash map's own 64 bytes it fills a slab class exactly. */
#define KV_LARGE_BYTES 960

/*
 * An index entry: the value of map kv_index, whose key is the identity.
 * Protocol in kv_index.h. 192 bytes, so that with the hash map's own 64 it
 * fills a slab class exactly.
 */
struct kv_entry {
	__u64 word; /* 2 * version; odd while somebody holds it */
	__u64 identity; /* keyed hash of the key, again: an entry may be reused */
	__u64 first; /* block i of the chain, but for block 0, is the pool's first + i */
	__u64 token; /* KV_TIER_USER: user space's name for the value */
	__u32 flags;
	__u32 exptime; /* boot seconds, or KV_EXPTIME_* */
	__u32 value_len; /* bytes, in whichever tier */
	__u32 last_access; /* kv_ctl.epoch when it was last read or written */
	__u16 blocks; /* length of the chain, block 0 included */
	__u8 key_len;
	__u8 tier; /* enum kv_tier */
	__u8 state; /* enum kv_state bits */
	__u8 fetched; /* 1: read since it was written; set without the word, as last_access */
	__u8 large; /* 1: the other blocks of the chain are in map kv_large, not in the pool */
	__u8 reserved;
	__u64 cas; /* what clients see; the version of their last write, if they set none */
	__u64 head[KV_HEAD_BYTES / 8]; /* block 0 of the chain */
};

/*
 * What user space tells the programs while they run: the one value of map
 * kv_ctl (array, mmapable). Written by user space only, except next_version.
 */
struct kv_ctl {
	__u64 layout_version; /* KV_LAYOUT_VERSION, once set up */
	__u64 hash_key[2]; /* random; fixed for the life of the maps */
	__u64 flush_version; /* versions up to this one are expired (flush_all) */
	__s64 unix_minus_boot; /* seconds: wall clock less boot clock */
	__u32 epoch; /* coarse boot clock for last_access, seconds; kept by user space */
	__u32 flushing; /* flush_version is about to change; see kv_flushed_since() */
	__u64 pad[2];
	/* A cache line of its own: every version written takes a number here. */
	__u64 next_version; /* the last version given out */
	__u64 pad2[7];
};

/* Operations of user space's door. */
enum kv_slot_op {
	KV_SLOT_NOP = 0,
	KV_SLOT_GET = 1,
	KV_SLOT_SET = 2,
	KV_SLOT_DELETE = 3,
	KV_SLOT_TOUCH = 4, /* sets exptime, state, cas; leaves version and value */
	KV_SLOT_REAP = 5, /* removes the entry of identity token, if it is expired */
	KV_SLOT_FLUSH = 6, /* takes all that is stored for expired; one at a time */
};

/* When a SET, DELETE or TOUCH goes ahead. */
enum kv_slot_cond {
	KV_IF_ANY = 0,
	KV_IF_ABSENT = 1,
	KV_IF_PRESENT = 2,
	KV_IF_CAS = 3, /* present and its cas is kv_slot.cas */
	KV_IF_VERSION = 4, /* present and its version is kv_slot.version */
};

/* What an operation leaves as it found it: bits of kv_slot.keep. */
enum kv_keep {
	KV_KEEP_EXPTIME = 1, /* SET, TOUCH: the found item's exptime, not the slot's */
	/*
	 * SET: a move between the tiers, of which clients see nothing: exptime,
	 * flags, cas, state and last_access stay. With KV_IF_VERSION only.
	 */
	KV_KEEP_ITEM = 2,
	KV_KEEP_ACCESS = 4, /* GET, TOUCH: last_access and KV_STATE_FETCHED */
	KV_KEEP_STATE = 8, /* SET: the found item's state, but for the bits set and cleared */
};

/* kv_slot.new_cas of a TOUCH: the next of the sequence. */
#define KV_CAS_NEXT (~0ULL)

/* Results of the engine, in kv_slot.status. */
enum kv_status {
	KV_OK = 0,
	KV_MISS = 1, /* no such key (or expired) */
	KV_EXISTS = 2, /* KV_IF_ABSENT or KV_IF_CAS did not hold */
	KV_BUSY = 3, /* lost to other writers too often: try again */
	KV_NOSPC = 4, /* no block or no index entry to be had */
	KV_TOO_BIG = 5, /* its GET reply would not fit a datagram */
	KV_COLLISION = 6, /* another key with the same identity is stored */
	KV_INVALID = 7, /* a malformed slot */
	KV_USER = 8, /* found, but the value is in the user tier: see token */
};

/*
 * One request through user space's door, and its answer: an element of map
 * kv_slots (array, mmapable, elements adjacent and 8-byte aligned). The caller
 * owns the elements it names in struct kv_door_args from before the test run
 * until it returns.
 */
struct kv_slot {
	__u8 op; /* in: enum kv_slot_op */
	__u8 cond; /* in: enum kv_slot_cond */
	__u8 key_len; /* in: 1..KV_KEY_MAX, GET: or 0, by identity; no matter for REAP, FLUSH */
	__u8 tier; /* in, SET: where the value is; out: where it was found */
	__u32 status; /* out: enum kv_status */
	__u32 flags; /* in: SET; out: GET */
	__u32 exptime; /* in: SET, TOUCH; out: GET; boot seconds */
	__u32 value_len; /* in: SET; out: GET; bytes */
	__u32 old_tier; /* out, SET, DELETE, REAP: tier of the value that went, or 0 */
	__u64 cas; /* in: KV_IF_CAS; out: cas found or written */
	__u64 token; /* in: SET to the user tier; identity (REAP, GET); out: GET of the user tier */
	__u64 old_token; /* out: old_tier is USER: the caller drops this value */
	__u64 version; /* in: KV_IF_VERSION; out: GET, SET, TOUCH */
	__u64 new_cas; /* in, SET, TOUCH: cas to give; 0: the version (SET), as it is (TOUCH) */
	__u32 last_access; /* out, GET: before this one; boot seconds */
	__u8 keep; /* in: enum kv_keep bits */
	__u8 state; /* in, SET, TOUCH: bits to set; out, GET, TOUCH: as it was before */
	__u8 clear; /* in, SET with KV_KEEP_STATE, TOUCH: state bits to clear */
	__u8 reserved;
	__u8 key[KV_KEY_ROOM]; /* in; out: GET by identity */
	__u8 scratch[KV_SCRATCH]; /* the program's own */
	__u8 value[KV_VALUE_MAX];
};

/* Context of user space's door: handle kv_slots[first .. first + count). */
struct kv_door_args {
	__u32 first;
	__u32 count;
};

#define KV_SLOTS 512 /* elements of kv_slots */
#define KV_BATCH_MAX 64 /* most slots in one run */

/* Paths, operations and results as counted. The names are the metrics'. */
enum kv_path { KV_PATH_XDP, KV_PATH_TC, KV_PATH_USER, KV_PATH_MAX };
enum kv_op { KV_OP_GET, KV_OP_SET, KV_OP_DELETE, KV_OP_TOUCH, KV_OP_OTHER, KV_OP_MAX };
enum kv_result {
	KV_RESULT_HIT,
	KV_RESULT_MISS,
	KV_RESULT_STORED,
	KV_RESULT_DELETED,
	KV_RESULT_NOT_FOUND,
	KV_RESULT_ERROR,
	KV_RESULT_PASSED,
	KV_RESULT_MAX
};

/*
 * Map kv_stats (per-CPU array of one). Sums over all CPUs are exact; gauges
 * count up on one CPU and down on another, so only the sum means anything.
 */
struct kv_stats {
	__u64 requests[KV_PATH_MAX][KV_OP_MAX][KV_RESULT_MAX];
	__s64 items[2]; /* gauge: [0] kernel, [1] user tier */
	__s64 value_bytes[2]; /* gauge, likewise */
	__u64 inconsistent; /* a block or entry was not where its owner left it: a bug */
};

/*
 * Map kv_counts (array, mmapable): what user space counts, in its own order. The
 * programs do not look at it: it is a map so that the counts outlive the process.
 * Row 0 is the store's, the others are one for each event loop.
 */
#define KV_COUNT_ROWS 65
struct kv_counts {
	__u64 counts[256];
};

/*
 * Sent through ring buffer kv_events when a kernel door supersedes or deletes
 * a value of the user tier: user space drops that value.
 */
struct kv_event {
	__u64 token;
};

#endif /* KERBY_KV_ABI_H */
