/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending: one turn of the program is one request, or none if none is due. The
 * frame is one that has been used before, so all of it is written.
 */
#ifndef KERBY_LOAD_SEND_H
#define KERBY_LOAD_SEND_H

#include "loadgen/load_text.h"

/* A request on its way into a frame. */
struct load_turn {
	struct load_lane *lane;
	__u32 lane_number;
	__u64 number; /* of the request */
	__u64 due_ns;
	__u64 sent_ns;
};

/* Whether a request is due, and since when. */
static __always_inline bool load_is_due(struct load_turn *t)
{
	volatile struct load_control *c = &load_control;
	volatile struct load_lane *lane = t->lane;
	__u64 now = bpf_ktime_get_ns();

	t->sent_ns = now;
	t->number = lane->next;
	if (now < c->start_ns || now >= c->stop_ns || lane->counted >= lane->limit)
		return false;
	if (t->number - lane->done - lane->given_up >= c->window) {
		load_count(LOAD_FULL);
		return false;
	}
	t->due_ns = c->interval ? c->start_ns + (lane->due >> 16) : now;
	if (t->due_ns > now) {
		load_count(LOAD_AHEAD);
		return false;
	}
	return true;
}

/* Length of the text of a request. */
static __always_inline __u32 load_text_len(const struct load_request *r, __u32 key_len)
{
	__u32 len = 4 + key_len + 2;

	if (r->key & LOAD_SET)
		len += 5 + load_digits(r->value_len) + 2 + r->value_len;
	return len;
}

/* Give the frame its length and write all headers. */
static __always_inline bool load_put_head(struct xdp_md *ctx, const struct load_turn *t,
					  __u32 text_len, __u32 verb)
{
	__u32 port_bits = LOAD_PORT_BITS - load_lane_bits;
	__u32 port = t->lane_number << port_bits |
		     ((t->number >> LOAD_ID_BITS) & ((1 << port_bits) - 1));
	void *data, *data_end;

	if (!load_put_udp(ctx, LOAD_PORT_BASE + port, LOAD_UDP_HEAD + text_len, &data, &data_end) ||
	    data + LOAD_KEY_AT > data_end)
		return false;
	*(__u16 *)(data + NET_HEAD(0)) = bpf_htons(t->number);
	*(__u16 *)(data + NET_HEAD(0) + 2) = 0;
	*(__u16 *)(data + NET_HEAD(0) + 4) = bpf_htons(1);
	*(__u16 *)(data + NET_HEAD(0) + 6) = 0;
	*(__u32 *)(data + LOAD_TEXT) = verb;
	return true;
}

/* Write what follows the key of a set: " 0 0 NNNN\r\n", value, "\r\n". */
static __always_inline bool load_put_value(struct xdp_md *ctx, const struct load_request *r,
					   __u32 at)
{
	__u32 key = r->key & ~LOAD_SET, len = r->value_len, digits = load_digits(len), zero = 0;
	void *pattern = bpf_map_lookup_elem(&load_pattern, &zero);
	__u64 bits = load_bits(key, r->version);
	struct {
		__u32 zeros;
		__u8 blank;
		__u32 decimal;
		__u16 end;
	} __attribute__((packed)) line;
	__u32 head[2];

	if (!pattern || len > load_value_max)
		return false;
	line.zeros = LOAD_FOUR(' ', '0', ' ', '0');
	line.blank = ' ';
	line.decimal = load_decimal(len);
	line.end = '\r' | '\n' << 8;
	if (bpf_xdp_store_bytes(ctx, at, &line, 5 + LOAD_DIGITS_MAX))
		return false;
	at += 5 + digits;
	if (bpf_xdp_store_bytes(ctx, at, &line.end, 2) ||
	    bpf_xdp_store_bytes(ctx, at + 2 + len, &line.end, 2))
		return false;
	at += 2;
	if (len < LOAD_VALUE_HEAD) {
		bits = load_bits(key, len);
		return !len || !bpf_xdp_store_bytes(ctx, at, &bits, len);
	}
	head[0] = r->version;
	head[1] = load_check(bits, len);
	if (bpf_xdp_store_bytes(ctx, at, head, sizeof(head)))
		return false;
	len -= LOAD_VALUE_HEAD;
	return !len || !bpf_xdp_store_bytes(ctx, at + LOAD_VALUE_HEAD,
					    pattern + load_pattern_start(bits), len);
}

static __always_inline bool load_put_request(struct xdp_md *ctx, const struct load_turn *t,
					     const struct load_request *r)
{
	bool set = r->key & LOAD_SET;
	__u32 index = r->key & ~LOAD_SET;
	struct load_key *key = bpf_map_lookup_elem(&load_keys, &index);
	__u16 end = '\r' | '\n' << 8;
	__u32 key_len;

	if (!key)
		return false;
	key_len = key->len;
	if (!key_len || key_len > load_key_room ||
	    !load_put_head(ctx, t, load_text_len(r, key_len),
			   set ? LOAD_FOUR('s', 'e', 't', ' ') : LOAD_FOUR('g', 'e', 't', ' ')) ||
	    bpf_xdp_store_bytes(ctx, LOAD_KEY_AT, key->text, key_len))
		return false;
	if (set)
		return load_put_value(ctx, r, LOAD_KEY_AT + key_len);
	return !bpf_xdp_store_bytes(ctx, LOAD_KEY_AT + key_len, &end, sizeof(end));
}

/* Note the request in its slot. Whoever was there and had no answer is lost. */
static __always_inline bool load_note(const struct load_turn *t)
{
	volatile struct load_control *c = &load_control;
	__u32 index = t->lane_number * (load_slot_mask + 1) + ((__u32)t->number & load_slot_mask);
	struct load_slot *slot = bpf_map_lookup_elem(&load_slots, &index);
	bool counted = t->sent_ns >= c->count_from_ns && t->sent_ns < c->count_until_ns;
	__u64 word = t->number << LOAD_WORD_BITS | LOAD_PENDING, old;

	if (!slot)
		return false;
	if (counted) {
		word |= LOAD_WORD_COUNTED;
		t->lane->counted++;
		load_count(LOAD_SENT);
	}
	slot->due_ns = t->due_ns;
	slot->sent_ns = t->sent_ns;
	old = __sync_lock_test_and_set(&slot->word, word);
	if ((old & LOAD_WORD_STATE) == LOAD_PENDING) {
		__sync_fetch_and_add(&t->lane->done, 1);
		if (old & LOAD_WORD_COUNTED)
			load_count(LOAD_LOST_SENDING);
	}
	return true;
}

static __always_inline int load_send_one(struct xdp_md *ctx)
{
	volatile struct load_control *c = &load_control;
	__u32 zero = 0, index, *number = bpf_map_lookup_elem(&load_lane_of_cpu, &zero);
	struct load_request *r;
	struct load_turn t = {0};

	if (!number || *number >= LOAD_LANES_MAX)
		return XDP_DROP;
	t.lane_number = *number;
	t.lane = bpf_map_lookup_elem(&load_lanes, &t.lane_number);
	if (!t.lane || !load_is_due(&t))
		return XDP_DROP;
	/* Each lane starts at a place of its own. */
	index = (t.number + t.lane_number * ((load_stream_mask + 1) >> load_lane_bits)) &
		load_stream_mask;
	r = bpf_map_lookup_elem(&load_stream, &index);
	if (!r)
		return XDP_DROP;
	t.lane->next = t.number + 1;
	t.lane->due += c->interval * r->gap >> LOAD_GAP_BITS;
	if (!load_put_request(ctx, &t, r) || !load_note(&t)) {
		load_count(LOAD_BROKEN);
		return XDP_DROP;
	}
	return XDP_TX;
}

#endif /* KERBY_LOAD_SEND_H */
