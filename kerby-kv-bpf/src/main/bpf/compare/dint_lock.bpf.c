// SPDX-License-Identifier: GPL-2.0-only
/*
 * DINT-Lock, to compare with: shared and exclusive counters in an array, no
 * queue. What cannot be granted at once is rejected, and its client tries again.
 * Our own, after the description of DINT (Y. Zhou et al., "DINT: Fast In-Kernel
 * Distributed Transactions with eBPF").
 *
 * It speaks Kerby-Lock's protocol as far as it goes: ACQUIRE is answered GRANTED
 * or BUSY, RELEASE (with the mode that was acquired) RELEASED. It keeps no
 * identities: a datagram that comes twice is acted upon twice, and there are
 * neither leases nor tokens.
 *
 * In its favour: both counters are one word, changed by one compare-and-swap,
 * and numbers of locks below the array's length never share counters.
 */
#include "lock/lock_wire.h"

#define DINT_TRIES 64 /* compare-and-swaps lost to others, before the client has to try again */

/* Counters of one lock: how many share it, and in the upper half who has it alone. */
#define DINT_EXCLUSIVE (1ULL << 32)

/* A loader that changes it sets max_entries of map dint_locks to the same. */
const volatile __u32 dint_locks_max = 1 << 20;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << 20);
	__type(key, __u32);
	__type(value, __u64);
} dint_locks SEC(".maps");

struct dint_packet {
	struct net_flow flow;
	struct lock_message message;
	struct lock_datagram datagram;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dint_packet);
} dint_packet SEC(".maps");

/* What the counters are after an acquire; *counters as they are if it is rejected. */
static __always_inline __u64 dint_acquired(__u64 counters, __u8 mode)
{
	if (mode == LOCK_SHARED)
		return counters & DINT_EXCLUSIVE ? counters : counters + 1;
	return counters ? counters : DINT_EXCLUSIVE;
}

/* The same after a release. */
static __always_inline __u64 dint_released(__u64 counters, __u8 mode)
{
	if (mode == LOCK_SHARED)
		return counters & ~DINT_EXCLUSIVE ? counters - 1 : counters;
	return counters & ~DINT_EXCLUSIVE;
}

static __always_inline enum lock_status dint_act(__u64 *counters, const struct lock_message *m)
{
	bool acquire = m->op == LOCK_ACQUIRE;
	enum lock_status status = LOCK_BUSY;
	__u64 seen, next;
	int i;

	bpf_for(i, 0, DINT_TRIES) {
		seen = *(volatile __u64 *)counters;
		next = acquire ? dint_acquired(seen, m->mode) : dint_released(seen, m->mode);
		if (next == seen) {
			status = acquire ? LOCK_BUSY : LOCK_NOT_HOLDER;
			break;
		}
		if (__sync_val_compare_and_swap(counters, seen, next) == seen) {
			status = acquire ? LOCK_GRANTED : LOCK_RELEASED;
			break;
		}
	}
	return status;
}

SEC("xdp")
int dint_lock(struct xdp_md *ctx)
{
	struct lock_frame f = {ctx, NET_DOOR_XDP};
	struct dint_packet *p;
	__u32 zero = 0, index;
	__u64 *counters;

	p = bpf_map_lookup_elem(&dint_packet, &zero);
	if (!p || !lock_load(&f, &p->flow, &p->message, (void *)(long)ctx->data,
			     (void *)(long)ctx->data_end))
		return XDP_PASS;
	if (p->message.op != LOCK_ACQUIRE && p->message.op != LOCK_RELEASE)
		return XDP_PASS;
	index = bpf_be64_to_cpu(p->message.lock) % dint_locks_max;
	counters = bpf_map_lookup_elem(&dint_locks, &index);
	if (!counters)
		return XDP_PASS;
	p->message.status = dint_act(counters, &p->message);
	return lock_put(&f, &p->datagram, &p->flow, &p->message) ? XDP_TX : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
