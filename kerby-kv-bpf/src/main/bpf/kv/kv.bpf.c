// SPDX-License-Identifier: GPL-2.0-only
/* Kerby-KV: the three doors to one store. */
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include "kv/kv_door.h"
#include "kv/kv_packet.h"
#include "net/next.h"

/* What of a packet is read without a helper. */
#define KV_PULL (NET_HEAD_MAX + sizeof(struct kv_request_start))

/*
 * First door. Answers what fits the frame's room; the rest, unchanged, goes on
 * to the next program, if there is one, to TC and then to the stack. Not xdp.frags: in generic mode the kernel would
 * copy the packet, and TC behind would find it without its link-layer header.
 */
SEC("xdp")
int kv_xdp(struct xdp_md *ctx)
{
	struct kv_frame f = {ctx, NET_DOOR_XDP, KV_PATH_XDP};

	switch (kv_packet(&f, (void *)(long)ctx->data, (void *)(long)ctx->data_end)) {
	case KV_REPLY:
		return XDP_TX;
	case KV_SILENT:
		return XDP_DROP;
	default:
		return net_pass(ctx);
	}
}

/* Second door: TC ingress can grow a packet; the loader keeps kv_datagram_max within the MTU. */
SEC("tc")
int kv_tc(struct __sk_buff *skb)
{
	struct kv_frame f = {skb, NET_DOOR_TC, KV_PATH_TC};

	/*
	 * Not for this host; several datagrams in one. A tag that the device took
	 * off stays beside the packet, and goes back with the reply.
	 */
	if (skb->pkt_type != PACKET_HOST || skb->gso_size)
		return TC_ACT_UNSPEC;
	/* Drivers may leave headers outside the linear part. */
	if (skb->data_end - skb->data < KV_PULL && skb->len > skb->data_end - skb->data)
		bpf_skb_pull_data(skb, skb->len < KV_PULL ? skb->len : KV_PULL);
	switch (kv_packet(&f, (void *)(long)skb->data, (void *)(long)skb->data_end)) {
	case KV_REPLY:
		return bpf_redirect(skb->ifindex, 0);
	case KV_SILENT:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_UNSPEC;
	}
}

/* User space's door. Returns the number of slots handled. */
SEC("syscall")
int kv_door(struct kv_door_args *args)
{
	__u32 first = args->first, count = args->count;
	int i, done = 0;

	if (count > KV_BATCH_MAX)
		count = KV_BATCH_MAX;
	bpf_for(i, 0, count) {
		if (!kv_slot_run(first + i))
			break;
		done++;
	}
	return done;
}

char _license[] SEC("license") = "GPL";
