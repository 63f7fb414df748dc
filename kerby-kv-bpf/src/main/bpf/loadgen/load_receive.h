/* SPDX-License-Identifier: GPL-2.0-only */
/* Receiving: replies are matched, timed, judged and counted, and go no further. */
#ifndef KERBY_LOAD_RECEIVE_H
#define KERBY_LOAD_RECEIVE_H

#include "loadgen/load_latency.h"
#include "loadgen/load_text.h"
#include "loadgen/load_verify.h"

/* A reply and the request that it says it answers. */
struct load_reply {
	struct load_slot *slot;
	__u32 lane_number;
	__u32 number; /* as much of it as the reply tells */
	__u32 number_mask;
	__u32 text_len;
};

/* Judge a reply to request @word by its text. */
static __always_inline enum load_counter load_judge(struct xdp_md *ctx,
						    const struct load_reply *reply, __u64 word)
{
	__u32 index = ((word >> LOAD_WORD_BITS) +
		       reply->lane_number * ((load_stream_mask + 1) >> load_lane_bits)) &
		      load_stream_mask;
	struct load_request *r = bpf_map_lookup_elem(&load_stream, &index);
	void *data_end = (void *)(long)ctx->data_end;
	void *text = (void *)(long)ctx->data + LOAD_TEXT;
	bool set;

	/* The shortest reply is "END\r\n". */
	if (!r || text + 5 > data_end || reply->text_len < 5)
		return LOAD_CORRUPT;
	set = r->key & LOAD_SET;
	switch (*(__u32 *)text) {
	case LOAD_FOUR('g', 'e', 't', ' '):
		return load_echo && !set ? LOAD_HITS : LOAD_CORRUPT;
	case LOAD_FOUR('s', 'e', 't', ' '):
		return load_echo && set ? LOAD_STORED : LOAD_CORRUPT;
	case LOAD_FOUR('E', 'N', 'D', '\r'):
		if (set || reply->text_len != 5 || *(__u8 *)(text + 4) != '\n')
			return LOAD_CORRUPT;
		return LOAD_MISSES;
	case LOAD_FOUR('S', 'T', 'O', 'R'):
		if (!set || reply->text_len != 8 || text + 8 > data_end ||
		    *(__u32 *)(text + 4) != LOAD_FOUR('E', 'D', '\r', '\n'))
			return LOAD_CORRUPT;
		return LOAD_STORED;
	case LOAD_FOUR('V', 'A', 'L', 'U'):
		if (set || (load_verify && !load_is_value(ctx, r, reply->text_len)))
			return LOAD_CORRUPT;
		return LOAD_HITS;
	case LOAD_FOUR('E', 'R', 'R', 'O'):
	case LOAD_FOUR('C', 'L', 'I', 'E'):
	case LOAD_FOUR('S', 'E', 'R', 'V'):
		return LOAD_ERRORS;
	}
	return LOAD_CORRUPT;
}

/* The first reply to a request that was waited for. */
static __always_inline void load_answered(struct xdp_md *ctx, const struct load_reply *reply,
					  __u64 word, __u64 due_ns, __u64 sent_ns)
{
	struct load_lane *lane = bpf_map_lookup_elem(&load_lanes, &reply->lane_number);
	__u64 now = bpf_ktime_get_ns();

	if (lane)
		__sync_fetch_and_add(&lane->done, 1);
	if (!(word & LOAD_WORD_COUNTED))
		return;
	if (now - sent_ns > load_timeout_ns) {
		load_count(LOAD_LATE);
		load_count(LOAD_LATE_LOST);
		return;
	}
	load_count(load_judge(ctx, reply, word));
	load_count_latency(now - due_ns);
}

/* Find out what a reply is to the request in its slot. */
static __always_inline void load_match(struct xdp_md *ctx, const struct load_reply *reply)
{
	__u64 word = *(volatile __u64 *)&reply->slot->word;
	__u64 due_ns = *(volatile __u64 *)&reply->slot->due_ns;
	__u64 sent_ns = *(volatile __u64 *)&reply->slot->sent_ns;
	__u32 state = word & LOAD_WORD_STATE;
	__u64 answered = (word & ~(__u64)LOAD_WORD_STATE) | LOAD_ANSWERED;

	if (state == LOAD_FREE) {
		load_count(LOAD_FOREIGN);
		return;
	}
	if (((word >> LOAD_WORD_BITS) ^ reply->number) & reply->number_mask) {
		load_count(LOAD_LATE); /* so late that its slot has gone to another */
		return;
	}
	if (state != LOAD_ANSWERED &&
	    __sync_val_compare_and_swap(&reply->slot->word, word, answered) == word) {
		if (state == LOAD_PENDING)
			load_answered(ctx, reply, word, due_ns, sent_ns);
		else if (word & LOAD_WORD_COUNTED)
			load_count(LOAD_LATE);
	} else if (word & LOAD_WORD_COUNTED) {
		load_count(LOAD_DUPLICATE);
	}
}

static __always_inline int load_receive_one(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 port_bits = LOAD_PORT_BITS - load_lane_bits;
	struct net_head *h = data;
	struct load_reply reply;
	struct net_flow flow;
	__u32 port, index;

	if (data + LOAD_TEXT > data_end)
		return XDP_PASS;
	port = bpf_ntohs(h->udp.dest) - LOAD_PORT_BASE;
	if (port >= LOAD_PORTS || h->ip.saddr != load_ip_server ||
	    h->udp.source != load_port_server ||
	    !net_udp_parse(data, data_end, data_end - data, h->udp.dest, &flow) || flow.kind ||
	    flow.payload_len < LOAD_UDP_HEAD)
		return XDP_PASS;
	reply.lane_number = port >> port_bits;
	reply.number = (port & ((1 << port_bits) - 1)) << LOAD_ID_BITS |
		       bpf_ntohs(*(__u16 *)(data + NET_HEAD(0)));
	reply.number_mask = (1U << (port_bits + LOAD_ID_BITS)) - 1;
	reply.text_len = flow.payload_len - LOAD_UDP_HEAD;
	index = reply.lane_number * (load_slot_mask + 1) + (reply.number & load_slot_mask);
	reply.slot = bpf_map_lookup_elem(&load_slots, &index);
	if (reply.slot)
		load_match(ctx, &reply);
	else
		load_count(LOAD_FOREIGN);
	return XDP_DROP;
}

#endif /* KERBY_LOAD_RECEIVE_H */
