/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one layer in which the kernel's two doors for packets differ: how a frame
 * is read, resized and sent back. @door is a constant wherever these are used,
 * so each program keeps its half only.
 */
#ifndef KERBY_NET_FRAME_H
#define KERBY_NET_FRAME_H

#include "kerby_compat.h"

enum net_door { NET_DOOR_XDP, NET_DOOR_TC };

static __always_inline __u32 net_frame_len(void *ctx, enum net_door door)
{
	if (door == NET_DOOR_XDP)
		return bpf_xdp_get_buff_len(ctx);
	return ((struct __sk_buff *)ctx)->len;
}

static __always_inline int net_frame_dynptr(void *ctx, enum net_door door, struct bpf_dynptr *d)
{
	if (door == NET_DOOR_XDP)
		return bpf_dynptr_from_xdp(ctx, 0, d);
	return bpf_dynptr_from_skb(ctx, 0, d);
}

/*
 * Make the frame @len bytes long. What it holds is undefined afterwards, since
 * XDP may have to grow at the head where it cannot at the tail. False: it is as
 * it was; the room is not there.
 */
static __always_inline bool net_frame_resize(void *ctx, enum net_door door, __u32 len)
{
	int more = len - net_frame_len(ctx, door);

	if (!more)
		return true;
	if (door == NET_DOOR_TC)
		return !bpf_skb_change_tail(ctx, len, 0);
	if (!bpf_xdp_adjust_tail(ctx, more))
		return true;
	return more > 0 && !bpf_xdp_adjust_head(ctx, -more);
}

#endif /* KERBY_NET_FRAME_H */
