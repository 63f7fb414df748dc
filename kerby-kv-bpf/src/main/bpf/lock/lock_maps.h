/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps and constants that all doors of Kerby-Lock share. */
#ifndef KERBY_LOCK_MAPS_H
#define KERBY_LOCK_MAPS_H

#define KERBY_BLOCK_BYTES 128 /* a struct lock_node */
#define KERBY_MAX_BLOCKS 1 /* of one allocation: each node is on its own */
#include "kerby.bpf.h"
#include "lock/lock_abi.h"

/* Set before loading; see the server's flags of the same meaning. */
/* Waiters of one lock, and holders that share one: 1 to LOCK_WALK_MAX. */
const volatile __u32 lock_queue_max = 256;
const volatile __u32 lock_holders_max = 256;
/* Longer ones are cut to these. */
const volatile __u32 lock_lease_max_ms = 3600 * 1000;
const volatile __u32 lock_wait_max_ms = 3600 * 1000;
/* Whether TC sends notices itself. If not, they go up as events. */
const volatile bool lock_clones = true;
/* For tests: the time is lock_ctl.manual_now. */
const volatile bool lock_manual_clock = false;

/* The most that a walk along the list of one lock visits: a bound for the verifier. */
#define LOCK_WALK_MAX 1024

/*
 * BTF has the types that some variable has. The enumerations of lock_abi.h are
 * used as plain numbers and some structures as bytes, and are named here for whoever checks the other side.
 */
const volatile struct {
	enum lock_op op;
	enum lock_mode mode;
	enum lock_status status;
	enum lock_slot_op slot_op;
	enum lock_slot_status slot_status;
	enum lock_path path;
	enum lock_event_kind event_kind;
	struct lock_node node;
	struct lock_event event;
} lock_abi_names = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u64);
	__type(value, struct lock_entry);
} lock_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 16);
	__type(key, __u64);
	__type(value, struct lock_session);
} lock_sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lock_ctl);
} lock_ctl SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LOCK_SLOTS);
	__type(key, __u32);
	__type(value, struct lock_slot);
} lock_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lock_stats);
} lock_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} lock_events SEC(".maps");

static __always_inline struct lock_ctl *lock_ctl_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&lock_ctl, &zero);
}

static __always_inline struct lock_stats *lock_stats_mine(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&lock_stats, &zero);
}

static __always_inline __u64 lock_now(void)
{
	struct lock_ctl *ctl;

	if (!lock_manual_clock)
		return bpf_ktime_get_boot_ns();
	ctl = lock_ctl_get();
	return ctl ? ctl->manual_now : 0;
}

/* Count what cannot happen, so that an audit or an operator hears of it. */
static __always_inline void lock_inconsistent(void)
{
	struct lock_stats *st = lock_stats_mine();

	if (st)
		__sync_fetch_and_add(&st->inconsistent, 1);
}

/* Count holders and waiters that come and go. */
static __always_inline void lock_gauge(__s64 held, __s64 waiting)
{
	struct lock_stats *st = lock_stats_mine();

	if (!st)
		return;
	/* Atomic: user space's door may be interrupted by one for packets. */
	if (held)
		__sync_fetch_and_add(&st->held, held);
	if (waiting)
		__sync_fetch_and_add(&st->waiting, waiting);
}

#endif /* KERBY_LOCK_MAPS_H */
