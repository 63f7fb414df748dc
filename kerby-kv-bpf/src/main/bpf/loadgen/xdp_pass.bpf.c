// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets everything pass. A native XDP reply reaches a veth interface only if it
 * has a program, so sockets behind one need this.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
