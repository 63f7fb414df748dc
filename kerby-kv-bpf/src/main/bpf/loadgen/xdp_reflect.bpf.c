// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bare reflector: each UDP datagram to one port goes back to where it came
 * from, as it is. What no server can beat.
 */
#include "net/udp.h"

const volatile __u16 reflect_port; /* network order */

static __always_inline void swap_2(__u16 *a, __u16 *b)
{
	__u16 was = *a;

	*a = *b;
	*b = was;
}

SEC("xdp")
int xdp_reflect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct net_head *h = data;
	__u32 address;
	int i;

	if (data + sizeof(*h) > data_end || h->proto != bpf_htons(ETH_P_IP) || h->ip.ihl != 5 ||
	    h->ip.protocol != IPPROTO_UDP || h->ip.frag_off & bpf_htons(0x3fff) ||
	    h->udp.dest != reflect_port)
		return XDP_PASS;
	for (i = 0; i < 3; i++)
		swap_2(&h->mac_dst[i], &h->mac_src[i]);
	swap_2(&h->udp.source, &h->udp.dest);
	address = h->ip.saddr;
	h->ip.saddr = h->ip.daddr;
	h->ip.daddr = address;
	h->udp.check = 0; /* a local sender left it to a device to complete */
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
