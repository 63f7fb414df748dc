/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps and constants of the load on lock managers. Sizes are set by user space at loading. */
#ifndef KERBY_LOCK_LOAD_MAPS_H
#define KERBY_LOCK_LOAD_MAPS_H

#include "loadgen/load_latency.h"
#include "loadgen/load_peer.h"
#include "loadgen/lock_load_abi.h"
#include "lock/lock_abi.h"

const volatile __u32 lock_load_clients_max = 1;
/* Client ids on the wire are this + the number of the client; acquisitions likewise. */
const volatile __u64 lock_load_first_client = 1;
const volatile __u64 lock_load_first_sequence;
const volatile __u32 lock_load_transaction_mask; /* transactions drawn - 1: a power of two - 1 */
const volatile __u32 lock_load_locks = 1; /* of each, 1 to LOCK_LOAD_LOCKS_MAX */
const volatile __u32 lock_load_wait_ms = 10000;
const volatile __u32 lock_load_lease_ms = 10000;
const volatile __u64 lock_load_timeout_ns = 250000000;
const volatile __u32 lock_load_window = 192; /* requests under way, at most */
const volatile __u64 lock_load_hold_ns; /* all locks of a transaction are held for so long */
const volatile __u64 lock_load_pause_ns = 20000; /* the shortest after a rejection */
const volatile __u32 lock_load_level_max; /* it is doubled so often at most */

/* BTF has the types that some variable has. */
struct {
	enum lock_load_number number;
	enum lock_load_counter counter;
	enum lock_load_state state;
} *lock_load_types __attribute__((unused));

struct lock_load_control lock_load_control;

/*
 * What is drawn: for each transaction its locks in ascending order, none twice.
 * An array's elements are 8 bytes apart at least.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} lock_load_stream SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct lock_load_client);
} lock_load_clients SEC(".maps");

/* Of each lock, who holds it as far as we know: how many share it, and 2^32 for one alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lock_load_holders SEC(".maps");
#define LOCK_LOAD_ALONE (1ULL << 32)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lock_load_lane);
} lock_load_lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lock_load_counts);
} lock_load_counts SEC(".maps");

static __always_inline void lock_load_count(enum lock_load_counter counter)
{
	__u32 zero = 0;
	struct lock_load_counts *counts = bpf_map_lookup_elem(&lock_load_counts, &zero);

	if (counts)
		counts->counter[counter]++;
}

static __always_inline struct lock_load_lane *lock_load_lane_mine(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&lock_load_lanes, &zero);
}

/* A virtual client in the hands of a program. */
struct lock_load_turn {
	struct lock_load_client *client; /* NULL: none */
	__u32 index;
};

static __always_inline struct lock_load_client *lock_load_client_of(__u32 index)
{
	return bpf_map_lookup_elem(&lock_load_clients, &index);
}

#endif /* KERBY_LOCK_LOAD_MAPS_H */
