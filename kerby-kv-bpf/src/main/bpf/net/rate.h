/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much a source is sent: a token bucket each, of reply bytes. What is kept is
 * the time at which all that was sent will have been paid for, at the rate; a
 * source may be ahead of that by net_rate_burst_ns. Requests of one that is not
 * are dropped before they are carried out, so no write is done and not answered.
 *
 * Sources share NET_RATES buckets by a hash of their address (IPv6: of their /64,
 * which one host has whole to choose from). A table of fixed size cannot be
 * flushed by forged sources, as one of least recently used entries could, and
 * user space, whose replies count too, has the same words in its memory.
 */
#ifndef KERBY_NET_RATE_H
#define KERBY_NET_RATE_H

#include "net/udp.h"

#define NET_RATES_BITS 14
#define NET_RATES (1 << NET_RATES_BITS)

/* Set before loading. Picoseconds that a byte takes; 0: as fast as may be. */
const volatile __u64 net_rate_byte_ps = 0;
const volatile __u64 net_rate_burst_ns = 1000000000;

/* Nanoseconds of the boot clock. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NET_RATES);
	__type(key, __u32);
	__type(value, __u64);
} net_rates SEC(".maps");

static __always_inline __u64 *net_rate_of(const struct net_flow *flow)
{
	__u64 source = flow->src[0];
	__u32 bucket;

	if (flow->kind & NET_IP6)
		source |= (__u64)flow->src[1] << 32;
	bucket = source * 0x9e3779b97f4a7c15ULL >> (64 - NET_RATES_BITS);
	return bpf_map_lookup_elem(&net_rates, &bucket);
}

/* May something be sent to the source of a datagram? */
static __always_inline bool net_rate_allows(const struct net_flow *flow)
{
	volatile __u64 *paid;

	if (!net_rate_byte_ps)
		return true;
	paid = net_rate_of(flow);
	return !paid || *paid <= bpf_ktime_get_boot_ns() + net_rate_burst_ns;
}

/* Count @bytes that are sent there. */
static __always_inline void net_rate_charge(const struct net_flow *flow, __u32 bytes)
{
	__u64 *paid, before, now;

	if (!net_rate_byte_ps)
		return;
	paid = net_rate_of(flow);
	if (!paid)
		return;
	now = bpf_ktime_get_boot_ns();
	before = *(volatile __u64 *)paid;
	/* If that fails, another has done it. */
	if (before < now)
		__sync_val_compare_and_swap(paid, before, now);
	__sync_fetch_and_add(paid, bytes * net_rate_byte_ps / 1000);
}

#endif /* KERBY_NET_RATE_H */
