/* SPDX-License-Identifier: GPL-2.0-only */
/* Who talks to whom: the headers of what the generator sends. */
#ifndef KERBY_LOAD_PEER_H
#define KERBY_LOAD_PEER_H

#include "net/udp.h"

/* The server and ourselves; addresses and port in network order. */
const volatile __u64 load_mac_server; /* 6 bytes, first byte lowest */
const volatile __u64 load_mac_self;
const volatile __u32 load_ip_server;
const volatile __u32 load_ip_self;
const volatile __u16 load_port_server;

/*
 * Make the frame one of @payload_len bytes to the server from @port (host order),
 * with its headers written. The payload is *@data + NET_HEAD(0); the caller
 * checks it against *@data_end.
 */
static __always_inline bool load_put_udp(struct xdp_md *ctx, __u16 port, __u32 payload_len,
					 void **data, void **data_end)
{
	int more = NET_HEAD(0) + payload_len - (__u32)bpf_xdp_get_buff_len(ctx);
	struct net_flow flow = {0};
	__u64 mac;

	if (more && bpf_xdp_adjust_tail(ctx, more))
		return false;
	*data = (void *)(long)ctx->data;
	*data_end = (void *)(long)ctx->data_end;
	if (*data + NET_HEAD(0) > *data_end)
		return false;
	/* A "reply" to a request from the server to us. */
	mac = load_mac_self;
	__builtin_memcpy(flow.mac_dst, &mac, sizeof(flow.mac_dst));
	mac = load_mac_server;
	__builtin_memcpy(flow.mac_src, &mac, sizeof(flow.mac_src));
	flow.src[0] = load_ip_server;
	flow.dst[0] = load_ip_self;
	flow.sport = load_port_server;
	flow.dport = bpf_htons(port);
	net_udp_reply(*data, &flow, 0, payload_len);
	return true;
}

#endif /* KERBY_LOAD_PEER_H */
