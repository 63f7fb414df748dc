/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel doors for packets: a datagram in, a verdict and perhaps a reply
 * out, and notices to others. XDP and TC run the same functions; net/frame.h has
 * what differs.
 *
 * Only TC can send several packets for one. XDP sends its reply, and in the same
 * datagram one notice to the same address: what might lead to others, it lets
 * pass to TC.
 */
#ifndef KERBY_LOCK_PACKET_H
#define KERBY_LOCK_PACKET_H

#include "lock/lock_message.h"
#include "lock/lock_wire.h"
#include "net/allow.h"

enum lock_verdict {
	LOCK_UP, /* not ours, or not now: on to the next door */
	LOCK_REPLY, /* the frame is the reply */
	LOCK_SILENT, /* no reply: refused, or the client will ask again */
};

/* A packet's slot, and room for what is sent. */
struct lock_packet {
	struct lock_slot slot;
	struct lock_datagram datagram;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lock_packet);
} lock_packet SEC(".maps");

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
		if (!lock_clones || !n->ifindex ||
		    !lock_put(f, &p->datagram, &n->flow, &n->message) ||
		    bpf_clone_redirect(f->ctx, n->ifindex, 0))
			lock_notice_up(n);
	}
}

/*
 * @ifindex: where the frame came in; 0: what we send must not go there by
 * itself. @room: the most notices that can be sent.
 */
static __always_inline enum lock_verdict lock_on_packet(struct lock_frame *f, enum lock_path path,
							__u32 ifindex, __u32 room, void *data,
							void *data_end)
{
	struct lock_packet *p;
	struct lock_slot *w;
	__u32 zero = 0;
	bool sent;

	p = bpf_map_lookup_elem(&lock_packet, &zero);
	if (!p)
		return LOCK_UP;
	w = &p->slot;
	if (!lock_load(f, &w->flow, &w->message, data, data_end))
		return LOCK_UP;
	if (!net_allows(&w->flow)) {
		net_dropped(NET_DROP_NOT_ALLOWED);
		return LOCK_SILENT;
	}
	w->path = path;
	w->room = room;
	w->ifindex = ifindex;
	lock_serve(w);
	if (!w->result)
		return LOCK_UP;
	if (f->door == NET_DOOR_TC) {
		lock_send(f, p);
		sent = lock_put(f, &p->datagram, &w->flow, &w->message);
	} else {
		sent = lock_put_both(f, &p->datagram, &w->flow, &w->message,
				     w->notices ? &w->notice[0].message : NULL);
	}
	return sent ? LOCK_REPLY : LOCK_SILENT;
}

#endif /* KERBY_LOCK_PACKET_H */
