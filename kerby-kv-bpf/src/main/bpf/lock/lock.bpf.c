// SPDX-License-Identifier: GPL-2.0-only
/* Kerby-Lock: the three doors to one lock table. */
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include "lock/lock_door.h"
#include "lock/lock_packet.h"

/* What of a packet is read without a helper. */
#define LOCK_PULL (NET_HEAD_MAX + sizeof(struct lock_message))

/* First door: answers what concerns nobody but who asks. */
SEC("xdp")
int lock_xdp(struct xdp_md *ctx)
{
	struct lock_frame f = {ctx, NET_DOOR_XDP};

	switch (lock_on_packet(&f, LOCK_PATH_XDP, ctx->ingress_ifindex, 0, (void *)(long)ctx->data,
			       (void *)(long)ctx->data_end)) {
	case LOCK_REPLY:
		return XDP_TX;
	case LOCK_SILENT:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

/* Second door: TC ingress can send to others, too. */
SEC("tc")
int lock_tc(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex, room = LOCK_NOTICES_MAX;
	struct lock_frame f = {skb, NET_DOOR_TC};

	/* Not for this host; several datagrams in one. */
	if (skb->pkt_type != PACKET_HOST || skb->gso_size)
		return TC_ACT_UNSPEC;
	/*
	 * A tag that the device took off stays beside the packet and goes back
	 * with the reply; notices to others would have it, too, and ours from
	 * others would not. User space sends those.
	 */
	if (skb->vlan_present) {
		ifindex = 0;
		room = 0;
	}
	/* Drivers may leave headers outside the linear part. */
	if (skb->data_end - skb->data < LOCK_PULL && skb->len > skb->data_end - skb->data)
		bpf_skb_pull_data(skb, skb->len < LOCK_PULL ? skb->len : LOCK_PULL);
	switch (lock_on_packet(&f, LOCK_PATH_TC, ifindex, room, (void *)(long)skb->data,
			       (void *)(long)skb->data_end)) {
	case LOCK_REPLY:
		return bpf_redirect(skb->ifindex, 0);
	case LOCK_SILENT:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_UNSPEC;
	}
}

/* User space's door. Returns the number of slots handled. */
SEC("syscall")
int lock_door(struct lock_door_args *args)
{
	__u32 first = args->first, count = args->count;
	int i, done = 0;

	if (count > LOCK_BATCH_MAX)
		count = LOCK_BATCH_MAX;
	bpf_for(i, 0, count) {
		if (!lock_slot_run(first + i))
			break;
		done++;
	}
	return done;
}

char _license[] SEC("license") = "GPL";
