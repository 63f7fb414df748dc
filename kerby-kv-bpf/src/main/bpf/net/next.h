/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interface has one XDP program. Where two services share it, the first hands
 * on to the second what it does not answer, by a tail call: what it answers
 * costs nothing more, and where there is no second the call is no instruction.
 */
#ifndef KERBY_NET_NEXT_H
#define KERBY_NET_NEXT_H

#include "kerby_compat.h"

/* The program behind this one, which user space puts here. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} net_next SEC(".maps");

/* Hand a packet on. Returns the verdict if there is nobody behind. */
static __always_inline int net_pass(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &net_next, 0);
	return XDP_PASS;
}

#endif /* KERBY_NET_NEXT_H */
