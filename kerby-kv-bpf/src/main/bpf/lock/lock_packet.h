/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel doors for packets: a datagram in, a verdict and perhaps a reply
 * out, and notices to others. XDP and TC run the same functions; net/frame.h has
 * what differs.
 *
 * Only TC can send several packets for one. XDP has no room for notices: what
 * might lead to one, it lets pass to TC.
 */
#ifndef KERBY_LOCK_PACKET_H
#define KERBY_LOCK_PACKET_H

#include "lock/lock_message.h"
#include "net/frame.h"

enum lock_verdict {
	LOCK_UP, /* not ours, or not now: on to the next door */
	LOCK_REPLY, /* the frame is the reply */
	LOCK_SILENT, /* done, but there is no reply: the client will ask again */
};

/* A frame being handled. All but @ctx, and @room in TC, are constants of the program. */
struct lock_frame {
	void *ctx;
	enum net_door door;
	enum lock_path path;
	__u32 ifindex; /* where it came in; 0: what we send must not go there by itself */
	__u32 room; /* most notices */
};

#define LOCK_FRAME_MAX (NET_HEAD_MAX + sizeof(struct lock_message))

/* A packet's slot, and a frame in the making: its headers end where the message begins. */
struct lock_packet {
	struct lock_slot slot;
	__u8 frame[LOCK_FRAME_MAX];
	__u8 reserved[NET_HEAD_MAX - NET_HEAD_MIN]; /* for the verifier: any start, any length */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lock_packet);
} lock_packet SEC(".maps");

/* The sum of a datagram of @m, but for the checksum in its header; the same in both directions. */
static __always_inline __u64 lock_sum(const struct net_flow *flow, struct lock_message *m)
{
	__u64 sum = net_udp_pseudo(flow, sizeof(*m));

	sum += (__u64)flow->sport + flow->dport + bpf_htons(sizeof(struct udphdr) + sizeof(*m));
	return sum + (__u32)bpf_csum_diff(NULL, 0, (void *)m, sizeof(*m), 0);
}

/*
 * Make p->frame the datagram of @m that goes back where @flow comes from.
 * Returns the length of its headers.
 */
__noinline int lock_frame_make(struct lock_packet *p, const struct net_flow *flow,
			       struct lock_message *m)
{
	__u32 head = NET_HEAD_MIN;
	__u16 sum;

	if (!p || !flow || !m)
		return 0;
#define LOCK_HEAD_OF(kind)                                                                       \
	case kind:                                                                               \
		net_udp_reply(p->frame + NET_HEAD_MAX - NET_HEAD(kind), flow, kind, sizeof(*m)); \
		head = NET_HEAD(kind);                                                           \
		break
	switch (flow->kind) {
		LOCK_HEAD_OF(0);
		LOCK_HEAD_OF(NET_TAGGED);
		LOCK_HEAD_OF(NET_IP6);
		LOCK_HEAD_OF(NET_TAGGED | NET_IP6);
	}
#undef LOCK_HEAD_OF
	__builtin_memcpy(p->frame + NET_HEAD_MAX, m, sizeof(*m));
	if (flow->kind & NET_IP6) {
		sum = ~net_fold(lock_sum(flow, m));
		*(__u16 *)(p->frame + NET_HEAD_MAX - sizeof(sum)) = sum ? sum : 0xffff;
	}
	return head;
}

/* Make the frame the datagram of @m that goes back where @flow comes from. */
static __always_inline bool lock_put(struct lock_frame *f, struct lock_packet *p,
				     const struct net_flow *flow, struct lock_message *m)
{
	__u32 head = lock_frame_make(p, flow, m);
	__u32 len = head + sizeof(*m), start = NET_HEAD_MAX - head;
	struct bpf_dynptr d;

	/* Apart, for the verifier, which does not relate the two. */
	barrier_var(len);
	barrier_var(start);
	if (len > LOCK_FRAME_MAX || start > NET_HEAD_MAX - NET_HEAD_MIN)
		return false;
	return net_frame_resize(f->ctx, f->door, len) && !net_frame_dynptr(f->ctx, f->door, &d) &&
	       !bpf_dynptr_write(&d, 0, p->frame + start, len, 0);
}

/* Leave a notice to user space. If there is no room, its client finds out by asking. */
static __always_inline void lock_notice_up(struct lock_notice *n)
{
	struct lock_event *event = bpf_ringbuf_reserve(&lock_events, sizeof(*event), 0);

	if (!event)
		return;
	event->kind = LOCK_EVENT_NOTICE;
	event->reserved = 0;
	event->number = 0;
	event->notice = *n;
	bpf_ringbuf_submit(event, 0);
}

/* Send the notices of an operation. The frame is what they are made in. */
static __always_inline void lock_send(struct lock_frame *f, struct lock_packet *p)
{
	struct lock_notice *n;
	int i;

	bpf_for(i, 0, LOCK_NOTICES_MAX) {
		if (i >= p->slot.notices)
			break;
		n = &p->slot.notice[i];
		if (!lock_clones || !n->ifindex || !lock_put(f, p, &n->flow, &n->message) ||
		    bpf_clone_redirect(f->ctx, n->ifindex, 0))
			lock_notice_up(n);
	}
}

/* Is the datagram sent to an address that we serve? */
static __always_inline bool lock_is_local(const struct net_flow *flow)
{
	struct net_address a;

	if (lock_listen_ip4 && !(flow->kind & NET_IP6))
		return flow->dst[0] == lock_listen_ip4;
	return net_flow_to(flow, &a) && bpf_map_lookup_elem(&lock_local, &a);
}

/* Read the frame's headers and message. False: not a request of ours. */
static __always_inline bool lock_load(struct lock_frame *f, struct lock_slot *w, void *data,
				      void *data_end)
{
	struct lock_message *m;
	__u32 head;

	if (!net_udp_parse(data, data_end, net_frame_len(f->ctx, f->door), bpf_htons(lock_udp_port),
			   &w->flow))
		return false;
	head = w->flow.head; /* read again: one number that is not known, not four that are */
	m = data + head;
	if (head > NET_HEAD_MAX || (void *)(m + 1) > data_end ||
	    w->flow.payload_len != sizeof(*m) || !lock_is_request(m))
		return false;
	/* From our own port comes nothing but another server's reply. */
	if (w->flow.sport == bpf_htons(lock_udp_port) || !lock_is_local(&w->flow))
		return false;
	w->message = *m;
	return net_udp_unsummed(&w->flow) ||
	       net_fold(lock_sum(&w->flow, &w->message) + w->flow.check) == 0xffff;
}

static __always_inline enum lock_verdict lock_on_packet(struct lock_frame *f, void *data,
							void *data_end)
{
	struct lock_packet *p;
	struct lock_slot *w;
	__u32 zero = 0;

	p = bpf_map_lookup_elem(&lock_packet, &zero);
	if (!p)
		return LOCK_UP;
	w = &p->slot;
	if (!lock_load(f, w, data, data_end))
		return LOCK_UP;
	w->path = f->path;
	w->room = f->room;
	w->ifindex = f->ifindex;
	lock_serve(w);
	if (!w->result)
		return LOCK_UP;
	if (f->door == NET_DOOR_TC)
		lock_send(f, p);
	return lock_put(f, p, &w->flow, &w->message) ? LOCK_REPLY : LOCK_SILENT;
}

#endif /* KERBY_LOCK_PACKET_H */
