/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One request on its way through the engine, whichever door it came in by.
 *
 * The doors of packets keep it in a per-CPU map (XDP and TC run in softirq and
 * neither interrupts the other on a CPU), user space's door in the slot of the
 * request (it may be preempted, so per-CPU memory would not be its own).
 */
#ifndef KERBY_KV_WORK_H
#define KERBY_KV_WORK_H

#include "kv/kv_maps.h"
#include "net/udp.h"

/*
 * Where the key stands in kv_work.text: on a word boundary, with room in front
 * for the headers of a reply (Ethernet to UDP at most 66, frame header 8) and
 * "VALUE ", so that a reply's first line is built around the key in place.
 */
#define KV_TEXT_KEY 96
/* A key in any block position, read by whole words; also the longest line we take. */
#define KV_TEXT_BYTES 576

struct kv_work {
	__u64 text[KV_TEXT_BYTES / 8]; /* in words, so that they are read as such */
	__u64 identity;
	/* The request. Offsets are into the dynptr that goes with it. */
	__u32 key_len;
	__u32 key_off;
	__u32 value_off;
	__u32 value_len;
	__u32 flags;
	__u32 exptime;
	__u64 cas; /* KV_IF_CAS */
	__u64 version; /* KV_IF_VERSION */
	__u64 new_cas; /* as in struct kv_slot */
	__u64 token; /* tier USER */
	__u8 cond; /* enum kv_slot_cond */
	__u8 tier; /* where the value is to be */
	__u8 noreply;
	__u8 path; /* enum kv_path */
	__u8 keep_bits; /* enum kv_keep */
	__u8 state, clear; /* state bits, as in struct kv_slot */
	__u8 old_tier; /* result: the tier of what was superseded or removed, or 0 */
	__u32 keep; /* blocks to leave free: kv_reserve, or 0 */
	/* The entry as it was read. */
	struct kv_entry found;
	/* The entry to insert, and what the operation left behind. */
	struct kv_entry fresh;
	__u8 fresh_room
		[KV_HEAD_BYTES]; /* behind fresh.head, so that offset + length is in bounds */
	struct net_flow flow; /* of a packet */
	__u32 frame_text; /* offset of the text in its frame */
	/* A packet as it came: all before the key, for when it has to be put back. */
	__u64 head[KV_TEXT_KEY / 8];
	__u32 frame_len;
	__u8 padding[4]; /* Ethernet's, to its least length of 60: a get has at least 57 bytes */
	__u16 udp_id; /* request id of memcached's frame header */
	__u8 changed; /* the frame is not as it came */
	__u8 with_cas; /* a gets: the reply has the cas id */
	/* A block in the making: twice the largest, so that offset + length is in bounds. */
	__u8 block[2 * KERBY_BLOCK_BYTES_MAX] __attribute__((aligned(8)));
};

/* Reading a chain overwrites up to a key's length in front of the value; see kv_chain_read(). */
_Static_assert(sizeof(struct kv_work) + KV_KEY_ROOM <= KV_SCRATCH,
	       "a slot's scratch holds a kv_work, and a key behind it");

#endif /* KERBY_KV_WORK_H */
