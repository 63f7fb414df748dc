// SPDX-License-Identifier: GPL-2.0-only
/* Two programs of which the verifier refuses the second. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int accepted(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* Reads the packet without asking where it ends. */
SEC("xdp")
int refused(struct xdp_md *ctx)
{
	return *(char *)(long)ctx->data;
}
