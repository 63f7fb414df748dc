// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on Kerby-KV's doors for packets: the programs, compiled for user
 * space, and the kernel's helpers in helpers.h. An input is a byte of choices,
 * and a frame, which meets a store that has items of one block and of several.
 */
#include "kv/kv.bpf.c"
#include "helpers.h"

/* Choices. */
#define FUZZ_TC 1 /* through the second door */
#define FUZZ_ROOM 2 /* the frame can grow at its tail */
#define FUZZ_TEXT 4 /* the input has the text alone: headers are made for it */

#define ARRAY(m) {&m, sizeof(*m.key), sizeof(*m.value), sizeof(*m.max_entries) / sizeof(int), true}
#define HASH(m) {&m, sizeof(*m.key), sizeof(*m.value), 0, false}
#define SIZED(m, size) {&m, sizeof(__u64), size, 0, false}

static const struct fuzz_map fuzz_maps[] = {
	ARRAY(kv_ctl),
	ARRAY(kv_slots),
	ARRAY(kv_stats),
	ARRAY(kv_work),
	ARRAY(kv_line),
	ARRAY(net_drops),
	ARRAY(net_rates),
	ARRAY(kerby_state),
	HASH(kv_index),
	HASH(kv_local),
	HASH(net_allowed),
	SIZED(kv_large, KV_LARGE_BYTES),
	SIZED(kerby_pool, KERBY_BLOCK_BYTES),
};

static const struct fuzz_map *fuzz_map_of(void *map)
{
	__u32 i;

	for (i = 0; i < sizeof(fuzz_maps) / sizeof(*fuzz_maps); i++) {
		if (fuzz_maps[i].map == map)
			return &fuzz_maps[i];
	}
	fuzz_fail("a map that is not listed");
	return NULL;
}

/* 198.18.0.2 to 198.18.0.1, and what goes before the text of a request. */
static const __u8 fuzz_headers[] = {
	0,    0,    0,		0,	     0, 0, 2,	 0, 0,	0,  0, 1, 8,   0, /* Ethernet */
	0x45, 0,    0,		0,	     0, 0, 0x40, 0, 64, 17, 0, 0, 198, 18,
	0,    2,    198,	18,	     0, 1, /* IPv4 */
	0x9c, 0x40, 11211 >> 8, 11211 & 255, 0, 0, 0,	 0, /* UDP */
	0,    1,    0,		0,	     0, 1, 0,	 0, /* memcached */
};

static void fuzz_put16(__u8 *at, __u32 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* Make headers for the @text_len bytes of text behind them. Returns the frame's length. */
static __u32 fuzz_head(__u8 *frame, __u32 text_len)
{
	__u32 len = sizeof(fuzz_headers) + text_len, sum = 0, i;

	memcpy(frame, fuzz_headers, sizeof(fuzz_headers));
	fuzz_put16(frame + 16, len - 14);
	fuzz_put16(frame + 38, len - 34);
	for (i = 14; i < 34; i += 2)
		sum += frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	fuzz_put16(frame + 24, ~((sum & 0xffff) + (sum >> 16)));
	return len;
}

static void fuzz_store(const char *key, __u32 value_len)
{
	__u8 frame[2048], *text = frame + sizeof(fuzz_headers);
	__u32 len = sprintf((char *)text, "set %s 7 0 %u\r\n", key, value_len);

	memset(text + len, 'v', value_len);
	memcpy(text + len + value_len, "\r\n", 2);
	fuzz_frame_set(frame, fuzz_head(frame, len + value_len + 2), FUZZ_TAIL);
	if (kv_xdp(&fuzz_frame.xdp) != XDP_TX)
		fuzz_fail("an item is not stored");
	fuzz_forget_deleted();
}

static void fuzz_begin(void)
{
	static const __u8 ip6[16] = {0x20, 1, 0, 2, [15] = 1};
	struct net_address a = {{0, 0, bpf_htonl(0xffff), bpf_htonl(0xc6120001)}};
	struct net_prefix source = {.bits = 128, .address = a};
	struct kv_ctl *ctl = kv_ctl_get();
	__u8 yes = 1;

	ctl->hash_key[0] = 0x0706050403020100ULL;
	ctl->hash_key[1] = 0x0f0e0d0c0b0a0908ULL;
	bpf_map_update_elem(&kv_local, &a, &yes, 0);
	bpf_map_update_elem(&kv_local, ip6, &yes, 0);
	/* Not a trie here: these two may ask. */
	source.address.word[3] = bpf_htonl(0xc6120002);
	bpf_map_update_elem(&net_allowed, &source, &yes, 0);
	memcpy(&source.address, ip6, sizeof(ip6));
	source.address.word[3] = bpf_htonl(2);
	bpf_map_update_elem(&net_allowed, &source, &yes, 0);
	fuzz_store("k", 5);
	fuzz_store("key", 300);
	fuzz_store("longer", 1200);
}

/* A reply is a whole datagram from where the request went, no longer than may be. */
static void fuzz_check_reply(const struct net_flow *asked)
{
	struct net_flow reply;
	__u32 len = fuzz_frame_len();

	/* To whatever address the frame came from; groups do not send, but we do not judge. */
	fuzz_frame.data[0] &= ~1;
	if (!net_udp_parse(fuzz_frame.data, fuzz_frame.end, len, asked->sport, &reply))
		fuzz_fail("a reply that is no datagram");
	if (reply.sport != asked->dport || reply.src[0] != asked->dst[0] ||
	    reply.dst[0] != asked->src[0])
		fuzz_fail("a reply from or to elsewhere");
	if (reply.payload_len > kv_datagram_max || len != reply.head + (__u32)reply.payload_len)
		fuzz_fail("a reply of another length");
}

static void fuzz_check_store(void)
{
	struct kv_stats *stats = kv_stats_mine();

	if (stats->inconsistent)
		fuzz_fail("a chain lacks a block");
	if (stats->items[0] != fuzz_count(&kv_index))
		fuzz_fail("items are miscounted");
}

int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size)
{
	static __u8 before[FUZZ_FRAME + sizeof(fuzz_headers)];
	struct net_flow asked = {};
	bool reply, up, tc;
	int verdict;

	if (size < 1 || size > FUZZ_FRAME - sizeof(fuzz_headers))
		return 0;
	tc = bytes[0] & FUZZ_TC;
	size--;
	if (bytes[0] & FUZZ_TEXT) {
		memcpy(before + sizeof(fuzz_headers), bytes + 1, size);
		size = fuzz_head(before, size);
	} else {
		memcpy(before, bytes + 1, size);
	}
	if (size < 14 + 20) /* the least that a driver lets through */
		return 0;
	fuzz_begin();
	fuzz_frame_set(before, size, bytes[0] & FUZZ_ROOM ? FUZZ_TAIL : 0);
	net_udp_parse(fuzz_frame.data, fuzz_frame.end, size, bpf_htons(kv_udp_port), &asked);
	verdict = tc ? kv_tc(&fuzz_frame.skb) : kv_xdp(&fuzz_frame.xdp);
	reply = verdict == (tc ? 7 : XDP_TX);
	up = verdict == (tc ? TC_ACT_UNSPEC : XDP_PASS);
	if (!reply && !up && verdict != (tc ? TC_ACT_SHOT : XDP_DROP))
		fuzz_fail("a verdict that is none");
	if (reply)
		fuzz_check_reply(&asked);
	if (up && (fuzz_frame_len() != size || memcmp(fuzz_frame.data, before, size)))
		fuzz_fail("a frame that goes up is not as it came");
	fuzz_check_store();
	fuzz_forget_all();
	return 0;
}
