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
	if (door ==
	    NET_DOOR_XDP) /* all of it: a program that is not xdp.frags gets no other frames */
		return ((struct xdp_md *)ctx)->data_end - ((struct xdp_md *)ctx)->data;
	return ((struct __sk_buff *)ctx)->len;
}

/* Copy @len > 0 bytes of the frame from @off on to @to. 0, or an error: they are not there. */
static __always_inline long net_frame_load(void *ctx, enum net_door door, __u32 off, void *to,
					   __u32 len)
{
	if (door == NET_DOOR_XDP)
		return bpf_xdp_load_bytes(ctx, off, to, len);
	return bpf_skb_load_bytes(ctx, off, to, len);
}

/* The same the other way. */
static __always_inline long net_frame_store(void *ctx, enum net_door door, __u32 off,
					    const void *from, __u32 len)
{
	if (door == NET_DOOR_XDP)
		return bpf_xdp_store_bytes(ctx, off, (void *)from, len);
	return bpf_skb_store_bytes(ctx, off, from, len, 0);
}

static __always_inline int net_frame_dynptr(void *ctx, enum net_door door, struct bpf_dynptr *d)
{
	if (door == NET_DOOR_XDP)
		return bpf_dynptr_from_xdp(ctx, 0, d);
	return bpf_dynptr_from_skb(ctx, 0, d);
}

/*
 * Whether the frame could leave by the interface that it came in by, if it were
 * @more bytes longer: the interface's MTU may have been lowered since the start.
 */
static __always_inline bool net_frame_within_mtu(void *ctx, int more)
{
	__u32 mtu = 0;

	return !bpf_check_mtu(ctx, 0, &mtu, more, 0);
}

/*
 * Make the frame @len bytes long. What it holds is undefined afterwards, since
 * XDP may have to grow at the head where it cannot at the tail. False: it is as
 * it was; the room is not there, or a frame of that length could not be sent.
 */
static __always_inline bool net_frame_resize(void *ctx, enum net_door door, __u32 len)
{
	int more = len - net_frame_len(ctx, door);

	if (!more)
		return true;
	if (more > 0 && !net_frame_within_mtu(ctx, more))
		return false;
	if (door == NET_DOOR_TC)
		return !bpf_skb_change_tail(ctx, len, 0);
	if (!bpf_xdp_adjust_tail(ctx, more))
		return true;
	return more > 0 && !bpf_xdp_adjust_head(ctx, -more);
}

#endif /* KERBY_NET_FRAME_H */
