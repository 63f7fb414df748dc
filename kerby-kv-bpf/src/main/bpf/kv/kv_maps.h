/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps and constants that all doors of Kerby-KV share. */
#ifndef KERBY_KV_MAPS_H
#define KERBY_KV_MAPS_H

#include "kv/kv_abi.h"
#include "kerby.bpf.h"
#include "net/udp.h"

/* Set before loading; see the server's flags of the same meaning. */
const volatile __u16 kv_udp_port = 11211; /* host order */
const volatile __u32 kv_listen_ip4 = 0; /* network order; 0: those in kv_local */
const volatile __u32 kv_datagram_max = 1400; /* UDP payload bytes of one reply */
/* Blocks that only user space's door may take, so that it can always demote. */
const volatile __u32 kv_reserve = 0;
/*
 * Blocks of the pool that a large block counts as, since it takes their memory. An
 * item has large blocks where they count as no more than those of the pool would:
 * the lookups are fewer.
 */
const volatile __u32 kv_large_units = 1 << 16; /* never fewer */
/* For tests: a narrow mask makes identities collide. */
const volatile __u64 kv_identity_mask = ~0ULL;

/*
 * BTF has the types that some variable has. The enumerations of kv_abi.h are
 * used as plain numbers, and are named here for whoever checks the other side.
 */
const volatile struct {
	enum kv_tier tier;
	enum kv_state state;
	enum kv_keep keep;
	enum kv_slot_op op;
	enum kv_slot_cond cond;
	enum kv_status status;
	enum kv_path path;
	enum kv_op operation;
	enum kv_result result;
} kv_abi_names = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, KERBY_CAPACITY);
	__type(key, __u64);
	__type(value, struct kv_entry);
} kv_index SEC(".maps");

/* Large blocks, beside the pool's, under indexes of the same sequence. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, KERBY_CAPACITY);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, KV_LARGE_BYTES);
} kv_large SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kv_ctl);
} kv_ctl SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KV_SLOTS);
	__type(key, __u32);
	__type(value, struct kv_slot);
} kv_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kv_stats);
} kv_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KV_COUNT_ROWS);
	__type(key, __u32);
	__type(value, struct kv_counts);
} kv_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} kv_events SEC(".maps");

/*
 * The addresses that packets for us are sent to, but for the IPv4 address in
 * kv_listen_ip4: a router's transit traffic is left alone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct net_address);
	__type(value, __u8);
} kv_local SEC(".maps");

/* Seconds of the boot clock, in which all times are kept. */
static __always_inline __u64 kv_now(void)
{
	return bpf_ktime_get_boot_ns() / 1000000000;
}

static __always_inline struct kv_stats *kv_stats_mine(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&kv_stats, &zero);
}

static __always_inline struct kv_ctl *kv_ctl_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&kv_ctl, &zero);
}

/* Count what cannot happen, so that an audit or an operator hears of it. */
static __always_inline void kv_inconsistent(void)
{
	struct kv_stats *st = kv_stats_mine();

	if (st)
		__sync_fetch_and_add(&st->inconsistent, 1);
}

/* Count a request of a door for packets. User space counts its own. */
static __always_inline void kv_count(enum kv_path path, enum kv_op op, enum kv_result result)
{
	struct kv_stats *st = kv_stats_mine();

	/* No door for packets interrupts another on its CPU. */
	if (st && path < KV_PATH_MAX)
		st->requests[path][op][result]++;
}

#endif /* KERBY_KV_MAPS_H */
