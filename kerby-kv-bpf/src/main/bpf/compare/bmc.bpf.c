// SPDX-License-Identifier: GPL-2.0-only
/*
 * BMC, to compare with: the look-aside cache before memcached of Y. Ghigoff and
 * others, "BMC: Accelerating Memcached using Safe In-kernel Caching and Pre-stack
 * Processing" (NSDI 2021), written anew from its description.
 *
 * Taken from the publication: a preallocated array of entries, direct-mapped by the
 * key's hash, for values of up to 1000 bytes; an entry has the text of a reply,
 * whose key is compared as a whole, and a spin lock; XDP answers a get that hits,
 * lets all else pass to memcached, and makes an entry invalid when a set of its key
 * comes, by TCP or UDP; the replies of memcached over UDP fill the cache at TC egress.
 *
 * What differs, and why:
 * - One key in a get: what the load generators send. So there are no tail calls.
 * - The hash takes words of the key, not bytes (FNV-1a): it is faster.
 * - A reply fills the cache only if it is to the get that missed last, and no set of
 *   its entry came since. Theirs may fill the cache with a reply that was on its way
 *   out when a set came in, and serve that until the next set. With several threads of
 *   memcached, whose order among themselves nobody knows, that can still happen
 *   where a get overlaps a set.
 * - A TC program with the same body at ingress answers where XDP has no room for the
 *   reply (sockets on a veth pair).
 */
#include <linux/tcp.h>
#include "compare/mc.h"

#define BMC_VALUE_MAX 1000
/* "VALUE <key> <flags> <bytes>\r\n<value>\r\n", on a boundary of what is copied at once. */
#define BMC_TEXT_MAX (6 + MC_KEY_MAX + 11 + 5 + 2 + BMC_VALUE_MAX + 2)
#define BMC_CHUNK 8 /* words */
#define BMC_CHUNKS ((2 + BMC_TEXT_MAX + BMC_CHUNK * 8 - 1) / (BMC_CHUNK * 8))
#define BMC_SEGMENT 1500 /* bytes of a TCP segment that are searched */

struct bmc_entry {
	struct bpf_spin_lock lock;
	__u32 ticket; /* of the get that missed last, 0: a set came since */
	__u32 hash;
	__u16 len; /* of the text, 0: invalid */
	__u8 key_len;
	__u8 reserved;
	/* Two bytes, then the text: so the key is on a boundary of words. */
	__u64 word[BMC_CHUNKS * BMC_CHUNK];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << 16); /* and bmc_entries */
	__type(key, __u32);
	__type(value, struct bmc_entry);
} bmc_cache SEC(".maps");

const volatile __u32 bmc_entries = 1 << 16;

/* A text on its way between an entry and a frame. */
struct bmc_copy {
	__u64 word[BMC_CHUNKS * BMC_CHUNK + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bmc_copy);
} bmc_copy SEC(".maps");

static __always_inline struct bmc_entry *bmc_find(const struct mc_text *t)
{
	__u32 index = (t->hash >> 32) * bmc_entries >> 32;

	return bpf_map_lookup_elem(&bmc_cache, &index);
}

static __always_inline struct bmc_copy *bmc_copy_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&bmc_copy, &zero);
}

/* Copy the words that hold two bytes and @len of text. */
static __always_inline void bmc_copy_words(__u64 *to, const __u64 *from, __u32 len)
{
	__u32 chunks = (2 + len + BMC_CHUNK * 8 - 1) / (BMC_CHUNK * 8), i, k;

#pragma clang loop unroll(disable)
	for (i = 0; i < BMC_CHUNKS; i++) {
		if (i >= chunks)
			break;
#pragma unroll
		for (k = 0; k < BMC_CHUNK; k++)
			to[i * BMC_CHUNK + k] = from[i * BMC_CHUNK + k];
	}
}

/* Whether a copied text has the request's key. */
static __always_inline bool bmc_same_key(const struct bmc_copy *c, const struct mc_text *t)
{
	__u32 words = t->key_len / 8, last = t->key_len % 8, i;

#pragma clang loop unroll(disable)
	for (i = 0; i < MC_KEY_WORDS; i++) {
		if (i >= words)
			break;
		if (c->word[1 + i] != t->word[1 + i])
			return false;
	}
	if (!last || i >= MC_KEY_WORDS)
		return true;
	return !((c->word[1 + i] ^ t->word[1 + i]) << (64 - 8 * last));
}

static __always_inline enum mc_verdict bmc_get(void *ctx, enum net_door door, struct mc_text *t)
{
	struct bmc_entry *e = bmc_find(t);
	struct bmc_copy *c = bmc_copy_get();
	__u32 hash = t->hash, ticket = mc_ticket(t, false), len = 0;

	if (!e || !c)
		return MC_UP;
	bpf_spin_lock(&e->lock);
	if (e->len && e->hash == hash && e->key_len == t->key_len) {
		len = e->len;
		bmc_copy_words(c->word, e->word, len);
	} else {
		e->ticket = ticket;
	}
	bpf_spin_unlock(&e->lock);
	barrier_var(len);
	if (!len || len > BMC_TEXT_MAX || !bmc_same_key(c, t))
		return MC_UP;
	__builtin_memcpy((__u8 *)c->word + 2 + len, "END\r\n", 5);
	if (!mc_reply_head(ctx, door, t, len + 5))
		return MC_UP;
	return mc_store(ctx, door, MC_TEXT, (__u8 *)c->word + 2, len + 5) ? MC_REPLY : MC_SILENT;
}

static __always_inline void bmc_invalidate(const struct mc_text *t)
{
	struct bmc_entry *e = bmc_find(t);

	if (!e)
		return;
	bpf_spin_lock(&e->lock);
	if (e->hash == (__u32)t->hash)
		e->len = 0;
	e->ticket = 0;
	bpf_spin_unlock(&e->lock);
}

/* Fill the entry with a reply of memcached's. */
static __always_inline void bmc_fill(struct __sk_buff *skb, struct mc_text *t)
{
	__u32 hash = t->hash, ticket = mc_ticket(t, true), len;
	struct bmc_entry *e = bmc_find(t);
	struct bmc_copy *c = bmc_copy_get();
	__u8 key_len = t->key_len;

	len = t->value_off - MC_TEXT + t->value_len + 2;
	barrier_var(len);
	if (!e || !c || t->value_len > BMC_VALUE_MAX || !len || len > BMC_TEXT_MAX ||
	    bpf_skb_load_bytes(skb, MC_TEXT, (__u8 *)c->word + 2, len))
		return;
	bpf_spin_lock(&e->lock);
	if (e->ticket == ticket) {
		bmc_copy_words(e->word, c->word, len);
		e->hash = hash;
		e->key_len = key_len;
		e->len = len;
		e->ticket = 0;
	}
	bpf_spin_unlock(&e->lock);
}

static __always_inline enum mc_verdict bmc_request(void *ctx, enum net_door door, void *data,
						   void *data_end)
{
	__u32 zero = 0;
	struct mc_text *t = bpf_map_lookup_elem(&mc_scratch, &zero);

	if (!t)
		return MC_UP;
	switch (mc_request(ctx, door, t, data, data_end)) {
	case MC_GET:
		return bmc_get(ctx, door, t);
	case MC_SET:
		bmc_invalidate(t);
		return MC_UP;
	default:
		return MC_UP;
	}
}

/* Forget the keys of the sets whose lines begin in a segment. */
static __always_inline void bmc_segment(struct xdp_md *ctx, void *data, void *data_end)
{
	struct iphdr *ip = data + sizeof(struct net_eth);
	struct tcphdr *tcp = (void *)(ip + 1);
	struct net_eth *eth = data;
	__u32 zero = 0, at, len, word;
	struct mc_text *t = bpf_map_lookup_elem(&mc_scratch, &zero);
	__u64 after;
	int i;

	if ((void *)(tcp + 1) > data_end || !t || eth->proto != bpf_htons(ETH_P_IP) ||
	    ip->ihl != 5 || ip->protocol != IPPROTO_TCP || tcp->dest != bpf_htons(mc_port))
		return;
	at = sizeof(*eth) + sizeof(*ip) + tcp->doff * 4;
	bpf_for(i, 0, BMC_SEGMENT) {
		if (bpf_xdp_load_bytes(ctx, at + i, &word, sizeof(word)))
			break;
		if (word != MC_WORD4('s', 'e', 't', ' '))
			continue;
		len = bpf_xdp_get_buff_len(ctx) - at - i - 4;
		if (len > MC_LINE)
			len = MC_LINE;
		barrier_var(len);
		if (len && len <= MC_LINE &&
		    !bpf_xdp_load_bytes(ctx, at + i + 4, &t->word[1], len) && mc_key(t, &after))
			bmc_invalidate(t);
	}
}

SEC("xdp")
int bmc_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	enum mc_verdict verdict = bmc_request(ctx, NET_DOOR_XDP, data, data_end);

	if (verdict == MC_UP)
		bmc_segment(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end);
	return mc_xdp_action(verdict);
}

SEC("tc")
int bmc_tc(struct __sk_buff *skb)
{
	return mc_tc_action(skb, bmc_request(skb, NET_DOOR_TC, (void *)(long)skb->data,
					     (void *)(long)skb->data_end));
}

SEC("tc")
int bmc_egress(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct mc_text *t = bpf_map_lookup_elem(&mc_scratch, &zero);

	if (t && mc_answer(skb, t) == MC_VALUE)
		bmc_fill(skb, t);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
