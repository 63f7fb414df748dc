/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memcached over UDP as the comparison systems speak it: get of one key and set,
 * IPv4 without options or tag, one datagram each way. All else is left to
 * memcached behind them. Requests' UDP checksums are not looked at, as theirs.
 */
#ifndef KERBY_COMPARE_MC_H
#define KERBY_COMPARE_MC_H

#include <linux/pkt_cls.h>
#include "net/frame.h"
#include "net/udp.h"

#define MC_KEY_MAX 250
#define MC_KEY_WORDS 32
#define MC_VALUE_MAX 1400 /* more fits no datagram */
#define MC_LINE 304 /* a key and the longest that may follow it: flags, exptime, bytes, noreply */
#define MC_HEAD NET_HEAD(0)
#define MC_TEXT (MC_HEAD + 8) /* behind memcached's frame header */
#define MC_OURS 0x6b76 /* skb->mark of a reply of ours, which is not to be learned from */

const volatile __u16 mc_port = 11211; /* host order */

enum mc_verdict {
	MC_UP, /* to memcached, unchanged */
	MC_REPLY, /* the frame is the reply */
	MC_SILENT, /* done, and no reply is wanted */
};

enum mc_op { MC_OTHER, MC_GET, MC_SET, MC_VALUE, MC_STORED };

struct mc_udp {
	__u16 id, sequence, total, reserved;
	__u32 word; /* the first four letters */
} __attribute__((packed, aligned(2)));

/* A request, or a reply of memcached's on its way out. */
struct mc_text {
	struct net_flow flow;
	__u64 hash; /* of the key */
	__u32 key_len;
	__u32 flags;
	__u32 value_off; /* in the frame */
	__u32 value_len;
	__u16 id; /* network order */
	__u8 noreply;
	__u8 expires;
	/* "..VALUE ", then the line from the key on; when read, the key alone and zeros to a word. */
	__u64 word[1 + MC_LINE / 8 + 1];
	__u8 room[MC_VALUE_MAX]; /* for what a reply has behind its line */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mc_text);
} mc_scratch SEC(".maps");

#define MC_WORD4(a, b, c, d) ((__u32)(a) | (b) << 8 | (c) << 16 | (__u32)(d) << 24)
#define MC_BYTES(b) (0x0101010101010101ULL * (b))
#define MC_VALUE_WORD (MC_WORD4('V', 'A', 'L', 'U') * 0x10000ULL | ('E' | ' ' << 8) * 1ULL << 48)

static __always_inline bool mc_load(void *ctx, enum net_door door, __u32 off, void *to, __u32 len)
{
	if (door == NET_DOOR_XDP)
		return !bpf_xdp_load_bytes(ctx, off, to, len);
	return !bpf_skb_load_bytes(ctx, off, to, len);
}

static __always_inline bool mc_store(void *ctx, enum net_door door, __u32 off, void *from,
				     __u32 len)
{
	if (door == NET_DOOR_XDP)
		return !bpf_xdp_store_bytes(ctx, off, from, len);
	return !bpf_skb_store_bytes(ctx, off, from, len, 0);
}

static __always_inline __u64 mc_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

static __always_inline __u8 mc_at(const struct mc_text *t, __u32 at)
{
	barrier_var(at);
	return at < MC_LINE ? ((const __u8 *)&t->word[1])[at] : 0;
}

/*
 * Find the key's end and hash it, and make what is behind it in its last word
 * zero; *@after is what was there. Words at a time: no byte of a key is below
 * '!' here, though memcached would take some.
 */
static __always_inline bool mc_key(struct mc_text *t, __u64 *after)
{
	__u64 word = 0, end = 0, below, hash = 0;
	__u32 i;

	for (i = 0; i < MC_KEY_WORDS; i++) {
		word = t->word[1 + i];
		end = (word - MC_BYTES(0x21)) & ~word & MC_BYTES(0x80);
		if (end)
			break;
		hash = mc_mix(hash, word);
	}
	if (!end || i >= MC_KEY_WORDS)
		return false;
	below = ((end & -end) >> 7) - 1;
	*after = word;
	t->word[1 + i] = word & below;
	t->hash = mc_mix(mc_mix(hash, word & below), 0x2545f4914f6cdd1dULL);
	t->key_len = i * 8 + (((below & MC_BYTES(1)) * MC_BYTES(1)) >> 56);
	return t->key_len && t->key_len <= MC_KEY_MAX;
}

/* A space and a decimal number at @at. Returns where it ends, 0: there is none. */
static __always_inline __u32 mc_number(const struct mc_text *t, __u32 at, __u32 *value)
{
	__u8 digit = mc_at(t, at + 1) - '0';
	__u64 n = 0;
	int i;

	if (mc_at(t, at) != ' ' || digit > 9)
		return 0;
	at++;
#pragma clang loop unroll(disable)
	for (i = 0; i < 11; i++) {
		digit = mc_at(t, at) - '0';
		if (digit > 9)
			break;
		n = n * 10 + digit;
		at++;
	}
	*value = n;
	return n >> 32 ? 0 : at;
}

/*
 * Read what follows the key of a set, or with @is_reply of a value in a reply.
 * Returns where the line ends, counted from the key's first byte, or 0.
 */
__noinline int mc_rest(struct mc_text *t, bool is_reply)
{
	static const char noreply[] = " noreply";
	__u32 at, exptime = 0, flags = 0, value_len = 0, i;

	if (!t)
		return 0;
	at = mc_number(t, t->key_len, &flags);
	if (at && !is_reply)
		at = mc_number(t, at, &exptime);
	if (!at)
		return 0;
	at = mc_number(t, at, &value_len);
	if (!at || value_len > MC_VALUE_MAX)
		return 0;
	t->flags = flags;
	t->value_len = value_len;
	t->expires = exptime != 0;
	t->noreply = !is_reply && mc_at(t, at) == ' ';
	if (t->noreply) {
		for (i = 0; i < sizeof(noreply) - 1; i++)
			if (mc_at(t, at + i) != noreply[i])
				return 0;
		at += sizeof(noreply) - 1;
	}
	return mc_at(t, at) == '\r' && mc_at(t, at + 1) == '\n' ? at + 2 : 0;
}

/* Read key and line of a set or of a reply's value, @prefix bytes behind the text's begin. */
static __always_inline bool mc_item(void *ctx, enum net_door door, struct mc_text *t, __u32 prefix,
				    bool is_reply)
{
	const __u32 tail = is_reply ? 7 : 2; /* behind the value: CR LF, and END CR LF */
	__u64 after, key;
	__u32 last, line;
	__u16 crlf;

	if (!mc_key(t, &after))
		return false;
	/* The numbers are read where they stand, in part in the key's last word. */
	last = 1 + t->key_len / 8;
	if (last > MC_KEY_WORDS)
		return false;
	key = t->word[last];
	t->word[last] = after;
	line = mc_rest(t, is_reply);
	t->word[last] = key;
	t->value_off = MC_TEXT + prefix + line;
	return line && t->flow.payload_len == 8 + prefix + line + t->value_len + tail &&
	       mc_load(ctx, door, t->value_off + t->value_len, &crlf, sizeof(crlf)) &&
	       crlf == bpf_htons(0x0d0a);
}

/* Bring the line from the key on, @prefix bytes behind the text's begin, into the scratch. */
static __always_inline bool mc_line(void *ctx, enum net_door door, struct mc_text *t, __u32 prefix)
{
	__u32 len = t->flow.payload_len - 8 - prefix;

	if (len > MC_LINE)
		len = MC_LINE;
	barrier_var(len);
	return len >= 3 && len <= MC_LINE && mc_load(ctx, door, MC_TEXT + prefix, &t->word[1], len);
}

/* Read the headers of a datagram; @dport in network order. Returns the text's first letters or 0. */
static __always_inline __u32 mc_start(void *ctx, enum net_door door, struct mc_text *t, void *data,
				      void *data_end, __u16 dport)
{
	struct mc_udp *u = data + MC_HEAD;

	if (!net_udp_parse(data, data_end, net_frame_len(ctx, door), dport, &t->flow) ||
	    t->flow.kind || (void *)(u + 1) > data_end || t->flow.payload_len < sizeof(*u))
		return 0;
	if (u->sequence || u->total != bpf_htons(1))
		return 0;
	t->id = u->id;
	return u->word;
}

/* Read a request. */
static __always_inline enum mc_op mc_request(void *ctx, enum net_door door, struct mc_text *t,
					     void *data, void *data_end)
{
	__u32 word = mc_start(ctx, door, t, data, data_end, bpf_htons(mc_port));
	__u64 after;

	if ((word != MC_WORD4('g', 'e', 't', ' ') && word != MC_WORD4('s', 'e', 't', ' ')) ||
	    t->flow.sport == bpf_htons(mc_port) || !mc_line(ctx, door, t, 4))
		return MC_OTHER;
	if (word == MC_WORD4('s', 'e', 't', ' '))
		return mc_item(ctx, door, t, 4, false) ? MC_SET : MC_OTHER;
	t->noreply = 0;
	if (!mc_key(t, &after) || t->flow.payload_len != 8 + 4 + t->key_len + 2)
		return MC_OTHER;
	/* The line ends here; CR alone is enough to know, for LF is all that there is room for. */
	after >>= 8 * (t->key_len % 8);
	return (after & 0xff) == '\r' ? MC_GET : MC_OTHER;
}

/* Read a reply of memcached's. */
static __always_inline enum mc_op mc_answer(struct __sk_buff *skb, struct mc_text *t)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct net_head *h = data;
	__u32 word;

	if (skb->mark == MC_OURS || data + sizeof(*h) > data_end ||
	    h->udp.source != bpf_htons(mc_port))
		return MC_OTHER;
	word = mc_start(skb, NET_DOOR_TC, t, data, data_end, h->udp.dest);
	if (word == MC_WORD4('S', 'T', 'O', 'R'))
		return MC_STORED;
	if (word != MC_WORD4('V', 'A', 'L', 'U') || !mc_line(skb, NET_DOOR_TC, t, 6))
		return MC_OTHER;
	return mc_item(skb, NET_DOOR_TC, t, 6, true) ? MC_VALUE : MC_OTHER;
}

/*
 * What tells one request from all others under way, and its reply from theirs: a
 * reply may be learned from only if it answers the get that asked last. Not 0.
 */
static __always_inline __u32 mc_ticket(const struct mc_text *t, bool is_reply)
{
	__u64 peer = is_reply ? (__u64)t->flow.dst[0] << 16 | t->flow.dport
			      : (__u64)t->flow.src[0] << 16 | t->flow.sport;

	return (__u32)mc_mix(t->hash ^ t->id, peer) | 1;
}

/* Make the frame a reply with @text_len bytes of text, which are still to be written. */
static __always_inline bool mc_reply_head(void *ctx, enum net_door door, struct mc_text *t,
					  __u32 text_len)
{
	void *data, *data_end;
	struct mc_udp *u;

	if (!net_frame_resize(ctx, door, MC_TEXT + text_len))
		return false;
	if (door == NET_DOOR_XDP) {
		data = (void *)(long)((struct xdp_md *)ctx)->data;
		data_end = (void *)(long)((struct xdp_md *)ctx)->data_end;
	} else {
		data = (void *)(long)((struct __sk_buff *)ctx)->data;
		data_end = (void *)(long)((struct __sk_buff *)ctx)->data_end;
	}
	u = data + MC_HEAD;
	if ((void *)(u + 1) > data_end)
		return false;
	net_udp_reply(data, &t->flow, 0, 8 + text_len);
	u->id = t->id;
	u->sequence = 0;
	u->total = bpf_htons(1);
	u->reserved = 0;
	return true;
}

/* Make the frame a reply of one short line. */
static __always_inline enum mc_verdict mc_reply_line(void *ctx, enum net_door door,
						     struct mc_text *t, const char *line, __u32 len)
{
	if (t->noreply)
		return MC_SILENT;
	__builtin_memcpy(t->word, line, len);
	if (!mc_reply_head(ctx, door, t, len))
		return MC_SILENT;
	return mc_store(ctx, door, MC_TEXT, t->word, len) ? MC_REPLY : MC_SILENT;
}

#define MC_REPLY_LINE(ctx, door, t, s) mc_reply_line(ctx, door, t, s, sizeof(s) - 1)

/* Write a space and @n in decimal behind byte @at of the key; returns where it ends. */
static __always_inline __u32 mc_put_number(struct mc_text *t, __u32 at, __u32 n)
{
	__u8 *line = (__u8 *)&t->word[1];
	__u32 end = at + 2, limit = 10, i;

	for (i = 0; i < 9 && n >= limit; i++) {
		limit *= 10;
		end++;
	}
	if (at < MC_LINE)
		line[at] = ' ';
	at = end;
#pragma clang loop unroll(disable)
	for (i = 0; i < 10; i++) {
		at--;
		if (at < MC_LINE)
			line[at] = '0' + n % 10;
		n /= 10;
		if (!n)
			break;
	}
	return end;
}

/* Complete "VALUE <key> <flags> <bytes>\r\n" around the key in the scratch; returns its length. */
__noinline int mc_value_line(struct mc_text *t, __u32 flags, __u32 value_len)
{
	__u8 *line;
	__u32 at;

	if (!t)
		return 0;
	line = (__u8 *)&t->word[1];
	t->word[0] = MC_VALUE_WORD;
	at = mc_put_number(t, t->key_len, flags);
	at = mc_put_number(t, at, value_len);
	if (at > MC_LINE - 2)
		return 0;
	line[at] = '\r';
	line[at + 1] = '\n';
	return 6 + at + 2;
}

/* What the kernel is told of a verdict. */
static __always_inline int mc_xdp_action(enum mc_verdict verdict)
{
	return verdict == MC_REPLY ? XDP_TX : verdict == MC_SILENT ? XDP_DROP : XDP_PASS;
}

static __always_inline int mc_tc_action(struct __sk_buff *skb, enum mc_verdict verdict)
{
	if (verdict == MC_SILENT)
		return TC_ACT_SHOT;
	if (verdict == MC_UP)
		return TC_ACT_UNSPEC;
	skb->mark = MC_OURS;
	return bpf_redirect(skb->ifindex, 0);
}

#endif /* KERBY_COMPARE_MC_H */
