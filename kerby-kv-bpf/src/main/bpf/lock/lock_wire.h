/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages on the wire: a request out of a frame, and a datagram back. Knows
 * nothing of locks, so that whoever speaks the protocol can use it.
 */
#ifndef KERBY_LOCK_WIRE_H
#define KERBY_LOCK_WIRE_H

#include "lock/lock_abi.h"
#include "net/frame.h"

/* Set before loading; see the server's flags of the same meaning. */
const volatile __u16 lock_udp_port = 11311; /* host order */
const volatile __u32 lock_listen_ip4 = 0; /* network order; 0: those in lock_local */

/* The addresses that packets for us are sent to, but for the IPv4 address in lock_listen_ip4. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct net_address);
	__type(value, __u8);
} lock_local SEC(".maps");

/* A frame being handled. door is a constant of the program. */
struct lock_frame {
	void *ctx;
	enum net_door door;
};

#define LOCK_FRAME_MAX (NET_HEAD_MAX + LOCK_MESSAGES_MAX * sizeof(struct lock_message))

/* A frame in the making: its headers end where the messages begin. */
struct lock_datagram {
	__u8 frame[LOCK_FRAME_MAX];
	__u8 reserved[NET_HEAD_MAX - NET_HEAD_MIN]; /* for the verifier: any start, any length */
};

static __always_inline __u32 lock_message_sum(struct lock_message *m)
{
	return bpf_csum_diff(NULL, 0, (void *)m, sizeof(*m), 0);
}

/*
 * The sum of a datagram of @len bytes of messages, but for these and the
 * checksum in its header; the same in both directions.
 */
static __always_inline __u64 lock_head_sum(const struct net_flow *flow, __u32 len)
{
	return net_udp_pseudo(flow, len) + flow->sport + flow->dport +
	       bpf_htons(sizeof(struct udphdr) + len);
}

/*
 * Make to->frame the datagram that goes back where @flow comes from: of @m, and
 * of @also if it is not NULL. Returns the length of its headers.
 */
__noinline int lock_frame_make(struct lock_datagram *to, const struct net_flow *flow,
			       struct lock_message *m, struct lock_message *also)
{
	__u32 head = NET_HEAD_MIN, len = also ? 2 * sizeof(*m) : sizeof(*m);
	__u64 sum;
	__u16 check;

	if (!to || !flow || !m)
		return 0;
#define LOCK_HEAD_OF(kind)                                                                 \
	case kind:                                                                         \
		net_udp_reply(to->frame + NET_HEAD_MAX - NET_HEAD(kind), flow, kind, len); \
		head = NET_HEAD(kind);                                                     \
		break
	switch (flow->kind) {
		LOCK_HEAD_OF(0);
		LOCK_HEAD_OF(NET_TAGGED);
		LOCK_HEAD_OF(NET_IP6);
		LOCK_HEAD_OF(NET_TAGGED | NET_IP6);
	}
#undef LOCK_HEAD_OF
	__builtin_memcpy(to->frame + NET_HEAD_MAX, m, sizeof(*m));
	if (also)
		__builtin_memcpy(to->frame + NET_HEAD_MAX + sizeof(*m), also, sizeof(*m));
	if (flow->kind & NET_IP6) {
		sum = lock_head_sum(flow, len) + lock_message_sum(m);
		if (also)
			sum += lock_message_sum(also);
		check = ~net_fold(sum);
		*(__u16 *)(to->frame + NET_HEAD_MAX - sizeof(check)) = check ? check : 0xffff;
	}
	return head;
}

/* Make the frame the datagram of @m, and @also if it is not NULL, that goes back where @flow comes from. */
static __always_inline bool lock_put_both(struct lock_frame *f, struct lock_datagram *to,
					  const struct net_flow *flow, struct lock_message *m,
					  struct lock_message *also)
{
	__u32 head = lock_frame_make(to, flow, m, also);
	__u32 len = head + (also ? 2 * sizeof(*m) : sizeof(*m)), start = NET_HEAD_MAX - head;
	struct bpf_dynptr d;

	/* Apart, for the verifier, which does not relate the two. */
	barrier_var(len);
	barrier_var(start);
	if (len > LOCK_FRAME_MAX || start > NET_HEAD_MAX - NET_HEAD_MIN)
		return false;
	return net_frame_resize(f->ctx, f->door, len) && !net_frame_dynptr(f->ctx, f->door, &d) &&
	       !bpf_dynptr_write(&d, 0, to->frame + start, len, 0);
}

/* The same of one message. */
static __always_inline bool lock_put(struct lock_frame *f, struct lock_datagram *to,
				     const struct net_flow *flow, struct lock_message *m)
{
	return lock_put_both(f, to, flow, m, NULL);
}

/* Is this a request of ours, and not a reply or something else? */
static __always_inline bool lock_is_request(const struct lock_message *m)
{
	return m->magic == bpf_htons(LOCK_MAGIC) && m->version == LOCK_PROTOCOL &&
	       m->status == LOCK_REQUEST;
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
static __always_inline bool lock_load(struct lock_frame *f, struct net_flow *flow,
				      struct lock_message *message, void *data, void *data_end)
{
	struct lock_message *m;
	__u32 head;

	if (!net_udp_parse(data, data_end, net_frame_len(f->ctx, f->door), bpf_htons(lock_udp_port),
			   flow))
		return false;
	head = flow->head; /* read again: one number that is not known, not four that are */
	m = data + head;
	if (head > NET_HEAD_MAX || (void *)(m + 1) > data_end || flow->payload_len != sizeof(*m) ||
	    !lock_is_request(m))
		return false;
	/* From our own port comes nothing but another server's reply. */
	if (flow->sport == bpf_htons(lock_udp_port) || !lock_is_local(flow))
		return false;
	*message = *m;
	return net_udp_unsummed(flow) ||
	       net_fold(lock_head_sum(flow, sizeof(*message)) + lock_message_sum(message) +
			flow->check) == 0xffff;
}

#endif /* KERBY_LOCK_WIRE_H */
