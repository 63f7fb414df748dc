/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet, with or without one 802.1Q tag, IPv4 or IPv6, and UDP headers:
 * reading those of a request, writing those of its reply. Knows nothing of what
 * the payload is.
 */
#ifndef KERBY_NET_UDP_H
#define KERBY_NET_UDP_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include "kerby_compat.h"

/* What the headers of a datagram are made of: bits of net_flow.kind. */
#define NET_TAGGED 1
#define NET_IP6 2
#define NET_KINDS 4

struct net_eth {
	__u16 dst[3];
	__u16 src[3];
	__u16 proto;
};

struct net_tag {
	__u16 tci;
	__u16 proto;
};

/* Bytes in front of the payload. */
#define NET_HEAD(kind)                                                                         \
	((__u32)(sizeof(struct net_eth) + ((kind) & NET_TAGGED ? sizeof(struct net_tag) : 0) + \
		 ((kind) & NET_IP6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +          \
		 sizeof(struct udphdr)))
#define NET_HEAD_MIN NET_HEAD(0)
#define NET_HEAD_MAX NET_HEAD(NET_TAGGED | NET_IP6)

/* All of them for the plainest kind, 0. */
struct net_head {
	__u16 mac_dst[3];
	__u16 mac_src[3];
	__u16 proto;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed, aligned(2)));

/* What a reply needs of its request. Addresses, ports and tag in network order. */
struct net_flow {
	__u16 mac_dst[3];
	__u16 mac_src[3];
	__u32 src[4], dst[4]; /* IPv4: the first word */
	__u16 sport, dport;
	__u16 check; /* UDP checksum as it came */
	__u16 tci; /* if tagged */
	__u8 kind;
	__u8 head; /* NET_HEAD(kind) */
	__u16 payload_len; /* bytes behind the UDP header */
};

/* An IP address in network order; IPv4 as ::ffff:a.b.c.d. */
struct net_address {
	__u32 word[4];
};

/* Where a datagram is sent to. False: to no host; IPv4 in IPv6's form is never on the wire. */
static __always_inline bool net_flow_to(const struct net_flow *flow, struct net_address *a)
{
	__builtin_memset(a, 0, sizeof(*a));
	if (flow->kind & NET_IP6) {
		__builtin_memcpy(a, flow->dst, sizeof(*a));
		return a->word[0] || a->word[1] || a->word[2] != bpf_htonl(0xffff);
	}
	a->word[2] = bpf_htonl(0xffff);
	a->word[3] = flow->dst[0];
	return true;
}

/* Do the replies to both go the same way? MAC addresses apart: the later one knows. */
static __always_inline bool net_flow_same(const struct net_flow *a, const struct net_flow *b)
{
	if (a->kind != b->kind || a->sport != b->sport || a->dport != b->dport ||
	    a->src[0] != b->src[0] || a->dst[0] != b->dst[0] ||
	    (a->kind & NET_TAGGED && a->tci != b->tci))
		return false;
	return !(a->kind & NET_IP6) ||
	       (a->src[1] == b->src[1] && a->src[2] == b->src[2] && a->src[3] == b->src[3] &&
		a->dst[1] == b->dst[1] && a->dst[2] == b->dst[2] && a->dst[3] == b->dst[3]);
}

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

/* The UDP header at the end of the headers, in @udp_len bytes of a frame. */
static __always_inline bool net_udp_header(const struct udphdr *udp, __u32 udp_len, __u16 port,
					   struct net_flow *flow)
{
	if (udp->dest != port || bpf_ntohs(udp->len) != udp_len)
		return false;
	flow->sport = udp->source;
	flow->dport = udp->dest;
	flow->check = udp->check;
	flow->payload_len = udp_len - sizeof(*udp);
	return true;
}

static __always_inline bool net_ip4_parse(void *data, void *data_end, __u32 len, __u16 port,
					  struct net_flow *flow)
{
	struct iphdr *ip = data;
	struct udphdr *udp = (void *)(ip + 1);
	__u32 total;

	if ((void *)(udp + 1) > data_end)
		return false;
	if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP ||
	    ip->frag_off & bpf_htons(0x3fff))
		return false;
	total = bpf_ntohs(ip->tot_len);
	if (total < sizeof(*ip) + sizeof(*udp) || total > len)
		return false;
	if (net_ip4_sum(ip) != 0xffff)
		return false;
	flow->src[0] = ip->saddr;
	flow->dst[0] = ip->daddr;
	return net_udp_header(udp, total - sizeof(*ip), port, flow);
}

static __always_inline bool net_ip6_parse(void *data, void *data_end, __u32 len, __u16 port,
					  struct net_flow *flow)
{
	struct ipv6hdr *ip = data;
	struct udphdr *udp = (void *)(ip + 1);
	__u32 total;

	if ((void *)(udp + 1) > data_end)
		return false;
	if (ip->version != 6 || ip->nexthdr != IPPROTO_UDP || ip->saddr.s6_addr[0] == 0xff ||
	    ip->daddr.s6_addr[0] == 0xff)
		return false;
	total = bpf_ntohs(ip->payload_len);
	if (total < sizeof(*udp) || sizeof(*ip) + total > len)
		return false;
	__builtin_memcpy(flow->src, &ip->saddr, sizeof(flow->src));
	__builtin_memcpy(flow->dst, &ip->daddr, sizeof(flow->dst));
	/* IPv6 has no "no checksum". */
	return net_udp_header(udp, total, port, flow) && flow->check;
}

/*
 * Read the headers of a UDP datagram in one frame of @frame_len bytes to @port
 * (network order). False for all else: other protocols, IP options and extension
 * headers, fragments, lengths that do not agree, a wrong IP checksum, frames to a
 * group. None of those is ours to judge; the stack does as it always did.
 */
static __always_inline bool net_udp_parse(void *data, void *data_end, __u32 frame_len, __u16 port,
					  struct net_flow *flow)
{
	struct net_eth *eth = data;
	struct net_tag *tag = (void *)(eth + 1);
	void *ip = tag;
	__u16 proto;
	__u8 kind = 0;

	if ((void *)(tag + 1) > data_end || eth->dst[0] & bpf_htons(0x0100))
		return false;
	proto = eth->proto;
	frame_len -= sizeof(*eth);
	if (proto == bpf_htons(ETH_P_8021Q)) {
		proto = tag->proto;
		flow->tci = tag->tci;
		kind = NET_TAGGED;
		ip = tag + 1;
		frame_len -= sizeof(*tag);
	}
	if (proto == bpf_htons(ETH_P_IP)) {
		if (!net_ip4_parse(ip, data_end, frame_len, port, flow))
			return false;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		kind |= NET_IP6;
		if (!net_ip6_parse(ip, data_end, frame_len, port, flow))
			return false;
	} else {
		return false;
	}
	__builtin_memcpy(flow->mac_dst, eth->dst, sizeof(flow->mac_dst));
	__builtin_memcpy(flow->mac_src, eth->src, sizeof(flow->mac_src));
	flow->kind = kind;
	flow->head = NET_HEAD(kind);
	return true;
}

/* The sum of the UDP pseudo header of @flow, or of its reply: the same addresses. */
static __always_inline __u64 net_udp_pseudo(const struct net_flow *flow, __u32 payload_len)
{
	__u64 sum = (__u64)flow->src[0] + flow->dst[0] + bpf_htons(IPPROTO_UDP) +
		    bpf_htons(payload_len + sizeof(struct udphdr));
	int i;

	if (!(flow->kind & NET_IP6))
		return sum;
#pragma unroll
	for (i = 1; i < 4; i++)
		sum += (__u64)flow->src[i] + flow->dst[i];
	return sum;
}

/*
 * Whether the checksum needs no look at the payload: there is none, or it is
 * the partial one of a packet that a socket of this host has just sent, whose
 * completion was left to a device it never meets. (A damaged packet has that
 * very value once in 65536 times, as it has any other.)
 */
static __always_inline bool net_udp_unsummed(const struct net_flow *flow)
{
	return !flow->check || flow->check == net_fold(net_udp_pseudo(flow, flow->payload_len));
}

static __always_inline void net_ip4_reply(struct iphdr *ip, const struct net_flow *flow,
					  __u32 udp_len)
{
	*(__u16 *)ip = bpf_htons(0x4500);
	ip->tot_len = bpf_htons(udp_len + sizeof(*ip));
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000); /* do not fragment: then the id may be 0 */
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->check = 0;
	ip->saddr = flow->dst[0];
	ip->daddr = flow->src[0];
	ip->check = ~net_ip4_sum(ip);
}

static __always_inline void net_ip6_reply(struct ipv6hdr *ip, const struct net_flow *flow,
					  __u32 udp_len)
{
	*(__u32 *)ip = bpf_htonl(0x60000000);
	ip->payload_len = bpf_htons(udp_len);
	ip->nexthdr = IPPROTO_UDP;
	ip->hop_limit = 64;
	__builtin_memcpy(&ip->saddr, flow->dst, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, flow->src, sizeof(ip->daddr));
}

/*
 * Write the headers of a reply with @payload_len bytes; @kind is flow->kind as a
 * constant. The UDP checksum is 0: "none" for IPv4, where the reply's bytes come
 * straight out of the store; for IPv6 the caller puts it in when all is there.
 */
static __always_inline void net_udp_reply(void *at, const struct net_flow *flow, const __u8 kind,
					  __u32 payload_len)
{
	__u32 udp_len = payload_len + sizeof(struct udphdr);
	struct net_eth *eth = at;
	struct udphdr *udp;
	struct net_tag *tag;

	__builtin_memcpy(eth->dst, flow->mac_src, sizeof(eth->dst));
	__builtin_memcpy(eth->src, flow->mac_dst, sizeof(eth->src));
	eth->proto = bpf_htons(kind & NET_IP6 ? ETH_P_IPV6 : ETH_P_IP);
	at = eth + 1;
	if (kind & NET_TAGGED) {
		tag = at;
		tag->tci = flow->tci;
		tag->proto = eth->proto;
		eth->proto = bpf_htons(ETH_P_8021Q);
		at = tag + 1;
	}
	if (kind & NET_IP6) {
		net_ip6_reply(at, flow, udp_len);
		at += sizeof(struct ipv6hdr);
	} else {
		net_ip4_reply(at, flow, udp_len);
		at += sizeof(struct iphdr);
	}
	udp = at;
	udp->source = flow->dport;
	udp->dest = flow->sport;
	udp->len = bpf_htons(udp_len);
	udp->check = 0;
}

#endif /* KERBY_NET_UDP_H */
