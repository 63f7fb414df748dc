// SPDX-License-Identifier: GPL-2.0-only
/*
 * The load generator in the kernel. load_send is run by user space with live
 * frames, as if they had come in on the generator's interface, and sends them
 * out there; load_receive is attached to that interface.
 */
#include "loadgen/load_receive.h"
#include "loadgen/load_send.h"

SEC("xdp")
int load_send(struct xdp_md *ctx)
{
	return load_send_one(ctx);
}

SEC("xdp")
int load_receive(struct xdp_md *ctx)
{
	return load_receive_one(ctx);
}

char LICENSE[] SEC("license") = "GPL";
