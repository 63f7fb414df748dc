/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may ask. A datagram's source is looked up before anything behind its
 * headers is read; from any other it is dropped without a word, so that a
 * stranger, whose address may be forged, gets no byte out of us.
 */
#ifndef KERBY_NET_ALLOW_H
#define KERBY_NET_ALLOW_H

#include "net/udp.h"

/*
 * Up to four networks of IPv4, set before loading: the mask in the upper half,
 * the network in the lower, both as addresses are in packets. The verifier knows
 * the constants, so that each costs a comparison, and the trie's lookup of 20 to
 * 60 ns is for all others.
 */
#define NET_ALLOW4 4
#define NET_ALLOW4_NONE 0xffffffffULL /* no address, masked by 0, is this one */
const volatile __u64 net_allow4[NET_ALLOW4] = {NET_ALLOW4_NONE, NET_ALLOW4_NONE, NET_ALLOW4_NONE,
					       NET_ALLOW4_NONE};

struct net_prefix {
	__u32 bits; /* of an IPv4 network: 96 more than it is called */
	struct net_address address;
};

/* All networks: 1: may ask, 0: may not. The longest prefix counts; others may not. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct net_prefix);
	__type(value, __u8);
} net_allowed SEC(".maps");

/* Why a datagram was dropped. */
enum net_drop {
	NET_DROP_NOT_ALLOWED, /* its source may not ask */
	NET_DROP_SOURCE, /* it comes from a port that no client has */
	NET_DROP_RATE, /* its source was sent too much lately */
	NET_DROP_MAX,
};

struct net_drops {
	__u64 count[NET_DROP_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct net_drops);
} net_drops SEC(".maps");

/* BTF has the types that some variable has. */
const volatile enum net_drop net_allow_names = 0;

static __always_inline void net_dropped(enum net_drop why)
{
	__u32 zero = 0;
	struct net_drops *drops = bpf_map_lookup_elem(&net_drops, &zero);

	/* No door for packets interrupts another on its CPU. */
	if (drops)
		drops->count[why]++;
}

/* May the source of a datagram ask? */
static __always_inline bool net_allows(const struct net_flow *flow)
{
	struct net_prefix source = {.bits = 128};
	__u8 *allowed;
	int i;

	if (flow->kind & NET_IP6) {
		__builtin_memcpy(&source.address, flow->src, sizeof(source.address));
	} else {
#pragma unroll
		for (i = 0; i < NET_ALLOW4; i++) {
			if ((flow->src[0] & net_allow4[i] >> 32) == (__u32)net_allow4[i])
				return true;
		}
		source.address.word[2] = bpf_htonl(0xffff);
		source.address.word[3] = flow->src[0];
	}
	allowed = bpf_map_lookup_elem(&net_allowed, &source);
	return allowed && *allowed;
}

#endif /* KERBY_NET_ALLOW_H */
