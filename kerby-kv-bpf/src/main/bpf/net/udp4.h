/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet, IPv4 and UDP headers: reading those of a request, writing those of
 * its reply. Knows nothing of what the payload is.
 */
#ifndef KERBY_NET_UDP4_H
#define KERBY_NET_UDP4_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include "kerby_compat.h"

/* Bytes in front of the payload. */
#define NET_UDP4_HEAD (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr))

/* What a reply needs of its request. Addresses and ports in network order. */
struct net_flow {
	__u16 mac_dst[3];
	__u16 mac_src[3];
	__u32 src, dst;
	__u16 sport, dport;
	__u16 check; /* UDP checksum as it came */
	__u32 payload_len; /* bytes behind the UDP header */
};

struct net_head {
	__u16 mac_dst[3];
	__u16 mac_src[3];
	__u16 proto;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed, aligned(2)));

static __always_inline __u16 net_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The sum of a plain IPv4 header, 0xffff when its checksum is right. */
static __always_inline __u16 net_ip4_sum(const void *ip)
{
	const __u16 *half = ip;
	__u64 sum = 0;
	int i;

#pragma unroll
	for (i = 0; i < 10; i++)
		sum += half[i];
	return net_fold(sum);
}

/*
 * Read the headers of a UDP datagram in one frame of @frame_len bytes to @port
 * (network order). False for all else: other protocols, IP options, fragments,
 * lengths that do not agree, a wrong IP checksum, frames to a group. None of
 * those is ours to judge; the stack does as it always did.
 */
static __always_inline bool net_udp4_parse(void *data, void *data_end, __u32 frame_len, __u16 port,
					   struct net_flow *flow)
{
	struct net_head *h = data;
	__u32 total;

	if (data + sizeof(*h) > data_end)
		return false;
	if (h->proto != bpf_htons(ETH_P_IP) || h->ip.version != 4 || h->ip.ihl != 5 ||
	    h->ip.protocol != IPPROTO_UDP || h->udp.dest != port)
		return false;
	if (h->ip.frag_off & bpf_htons(0x3fff) || h->mac_dst[0] & bpf_htons(0x0100))
		return false;
	total = bpf_ntohs(h->ip.tot_len);
	if (total < sizeof(struct iphdr) + sizeof(struct udphdr) || ETH_HLEN + total > frame_len ||
	    bpf_ntohs(h->udp.len) != total - sizeof(struct iphdr))
		return false;
	if (net_ip4_sum((void *)&h->ip) != 0xffff)
		return false;
	__builtin_memcpy(flow->mac_dst, h->mac_dst, sizeof(flow->mac_dst));
	__builtin_memcpy(flow->mac_src, h->mac_src, sizeof(flow->mac_src));
	flow->src = h->ip.saddr;
	flow->dst = h->ip.daddr;
	flow->sport = h->udp.source;
	flow->dport = h->udp.dest;
	flow->check = h->udp.check;
	flow->payload_len = total - sizeof(struct iphdr) - sizeof(struct udphdr);
	return true;
}

/* The sum of the UDP pseudo header. */
static __always_inline __u64 net_udp4_pseudo(const struct net_flow *flow)
{
	return (__u64)flow->src + flow->dst + bpf_htons(IPPROTO_UDP) +
	       bpf_htons(flow->payload_len + sizeof(struct udphdr));
}

/*
 * Whether the checksum needs no look at the payload: there is none, or it is
 * the partial one of a packet that a socket of this host has just sent, whose
 * completion was left to a device it never meets. (A damaged packet has that
 * very value once in 65536 times, as it has any other.)
 */
static __always_inline bool net_udp4_unsummed(const struct net_flow *flow)
{
	return !flow->check || flow->check == net_fold(net_udp4_pseudo(flow));
}

/*
 * Write the headers of a reply with @payload_len bytes. The UDP checksum is 0,
 * "none", as IPv4 allows: the reply's bytes come straight out of the store.
 */
static __always_inline void net_udp4_reply(struct net_head *h, const struct net_flow *flow,
					   __u32 payload_len)
{
	__u16 udp_len = payload_len + sizeof(struct udphdr);

	__builtin_memcpy(h->mac_dst, flow->mac_src, sizeof(h->mac_dst));
	__builtin_memcpy(h->mac_src, flow->mac_dst, sizeof(h->mac_src));
	h->proto = bpf_htons(ETH_P_IP);
	*(__u16 *)&h->ip = bpf_htons(0x4500);
	h->ip.tot_len = bpf_htons(udp_len + sizeof(struct iphdr));
	h->ip.id = 0;
	h->ip.frag_off = bpf_htons(0x4000); /* do not fragment: then the id may be 0 */
	h->ip.ttl = 64;
	h->ip.protocol = IPPROTO_UDP;
	h->ip.check = 0;
	h->ip.saddr = flow->dst;
	h->ip.daddr = flow->src;
	h->ip.check = ~net_ip4_sum((void *)&h->ip);
	h->udp.source = flow->dport;
	h->udp.dest = flow->sport;
	h->udp.len = bpf_htons(udp_len);
	h->udp.check = 0;
}

#endif /* KERBY_NET_UDP4_H */
