// SPDX-License-Identifier: GPL-2.0-only
/*
 * A lock manager whose wait queues are BPF queue maps, to compare with: one
 * preallocated queue for each lock that there can be, made by user space, which
 * takes the memory of its whole capacity whether anybody waits or not.
 *
 * It speaks Kerby-Lock's protocol as far as it goes: ACQUIRE is answered
 * GRANTED, QUEUED, BUSY or QUEUE_FULL, RELEASE (with the mode that was acquired)
 * RELEASED; who waited is sent GRANTED. It keeps no identities: a datagram that
 * comes twice is acted upon twice, and there are neither leases nor tokens. A
 * queue map gives elements only from its front, so nothing can be cancelled.
 *
 * XDP answers what concerns nobody but who asks; TC behind it can send to
 * others, too.
 */
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include "lock/lock_wire.h"
#include "lock/lock_word.h"

#define QUEUE_GRANTS_MAX 8 /* from one release; those left over are granted by the next */

/* A loader that changes it sets max_entries of queue_locks and queue_waiters to the same. */
const volatile __u32 queue_locks_max = 4096;

struct queue_waiter {
	struct lock_message message; /* as it will be sent */
	struct net_flow flow;
	__u32 ifindex;
	__u32 reserved;
};

struct queue_entry {
	__u64 word; /* lock_word.h */
	__u32 holders;
	__u32 waiting;
	__u32 mode; /* enum lock_mode, if there are holders */
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct queue_entry);
} queue_locks SEC(".maps");

/* The queue of each lock; user space makes them, with the same value size. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_QUEUE);
			__uint(max_entries, 16);
			__uint(value_size, sizeof(struct queue_waiter));
		});
} queue_waiters SEC(".maps");

struct queue_packet {
	struct queue_waiter request;
	struct queue_waiter granted[QUEUE_GRANTS_MAX];
	__u32 grants;
	struct lock_datagram datagram;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct queue_packet);
} queue_packet SEC(".maps");

static __always_inline bool queue_compatible(const struct queue_entry *e, __u8 mode)
{
	return !e->holders || (mode == LOCK_SHARED && e->mode == LOCK_SHARED);
}

static __always_inline void queue_hold(struct queue_entry *e, __u8 mode)
{
	e->mode = mode;
	e->holders++;
}

static __always_inline enum lock_status queue_acquire(struct queue_packet *p, struct queue_entry *e,
						      void *queue)
{
	__u8 mode = p->request.message.mode;

	if (!e->waiting && queue_compatible(e, mode)) {
		queue_hold(e, mode);
		return LOCK_GRANTED;
	}
	if (!p->request.message.wait)
		return LOCK_BUSY;
	if (bpf_map_push_elem(queue, &p->request, 0))
		return LOCK_QUEUE_FULL;
	e->waiting++;
	return LOCK_QUEUED;
}

/* Grant the lock to those in front who may hold it now. */
static __always_inline void queue_grant(struct queue_packet *p, struct queue_entry *e, void *queue)
{
	struct queue_waiter *to;
	int i;

	bpf_for(i, 0, QUEUE_GRANTS_MAX) {
		to = &p->granted[i];
		if (bpf_map_peek_elem(queue, to) || !queue_compatible(e, to->message.mode) ||
		    bpf_map_pop_elem(queue, to))
			break;
		e->waiting--;
		queue_hold(e, to->message.mode);
		to->message.status = LOCK_GRANTED;
		p->grants = i + 1;
	}
}

static __always_inline enum lock_status queue_release(struct queue_packet *p, struct queue_entry *e,
						      void *queue)
{
	if (!e->holders)
		return LOCK_NOT_HOLDER;
	e->holders--;
	queue_grant(p, e, queue);
	return LOCK_RELEASED;
}

/* What becomes of the request; LOCK_REQUEST: let it pass. */
static __always_inline enum lock_status queue_act(struct queue_packet *p, enum net_door door)
{
	__u32 index = bpf_be64_to_cpu(p->request.message.lock) % queue_locks_max;
	enum lock_status status = LOCK_REQUEST;
	struct queue_entry *e;
	void *queue;

	p->grants = 0;
	e = bpf_map_lookup_elem(&queue_locks, &index);
	queue = bpf_map_lookup_elem(&queue_waiters, &index);
	if (!e || !queue || !lock_word_take(&e->word))
		return LOCK_REQUEST;
	if (p->request.message.op == LOCK_ACQUIRE)
		status = queue_acquire(p, e, queue);
	else if (door == NET_DOOR_TC || !e->waiting || e->holders > 1)
		status = queue_release(p, e, queue);
	lock_word_give(&e->word);
	return status;
}

static __always_inline void queue_send(struct lock_frame *f, struct queue_packet *p)
{
	struct queue_waiter *to;
	int i;

	bpf_for(i, 0, QUEUE_GRANTS_MAX) {
		if (i >= p->grants)
			break;
		to = &p->granted[i];
		if (lock_put(f, &p->datagram, &to->flow, &to->message))
			bpf_clone_redirect(f->ctx, to->ifindex, 0);
	}
}

/* Make the frame the reply. False: it is let pass. */
static __always_inline bool queue_on_packet(struct lock_frame *f, __u32 ifindex, void *data,
					    void *data_end)
{
	struct queue_packet *p;
	__u32 zero = 0;

	p = bpf_map_lookup_elem(&queue_packet, &zero);
	if (!p || !lock_load(f, &p->request.flow, &p->request.message, data, data_end))
		return false;
	if (p->request.message.op != LOCK_ACQUIRE && p->request.message.op != LOCK_RELEASE)
		return false;
	p->request.ifindex = ifindex;
	p->request.message.status = queue_act(p, f->door);
	if (p->request.message.status == LOCK_REQUEST)
		return false;
	if (f->door == NET_DOOR_TC)
		queue_send(f, p);
	return lock_put(f, &p->datagram, &p->request.flow, &p->request.message);
}

SEC("xdp")
int queue_lock_xdp(struct xdp_md *ctx)
{
	struct lock_frame f = {ctx, NET_DOOR_XDP};

	return queue_on_packet(&f, ctx->ingress_ifindex, (void *)(long)ctx->data,
			       (void *)(long)ctx->data_end)
		       ? XDP_TX
		       : XDP_PASS;
}

SEC("tc")
int queue_lock_tc(struct __sk_buff *skb)
{
	__u32 pull = NET_HEAD_MAX + sizeof(struct lock_message);
	struct lock_frame f = {skb, NET_DOOR_TC};

	if (skb->pkt_type != PACKET_HOST || skb->gso_size)
		return TC_ACT_UNSPEC;
	if (skb->data_end - skb->data < pull && skb->len > skb->data_end - skb->data)
		bpf_skb_pull_data(skb, skb->len < pull ? skb->len : pull);
	return queue_on_packet(&f, skb->ifindex, (void *)(long)skb->data,
			       (void *)(long)skb->data_end)
		       ? bpf_redirect(skb->ifindex, 0)
		       : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
