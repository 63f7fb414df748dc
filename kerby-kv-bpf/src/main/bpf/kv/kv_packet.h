/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel doors for packets: a datagram in, a verdict and perhaps a reply
 * out. XDP and TC run the same functions; net/frame.h has what differs.
 *
 * A frame is left as it came until an operation has succeeded, but for a GET,
 * whose reply is built in the frame; where that comes to nothing, the request
 * is put back before the frame goes up.
 */
#ifndef KERBY_KV_PACKET_H
#define KERBY_KV_PACKET_H

#include "kv/kv_meta.h"
#include "net/allow.h"
#include "net/frame.h"
#include "net/rate.h"

enum kv_verdict {
	KV_UP, /* not ours, or not now: on to the next door */
	KV_REPLY, /* the frame is the reply */
	KV_SILENT, /* no reply: none is wanted, or the datagram was refused */
};

/* A frame being handled. door and path are constants of the program. */
struct kv_frame {
	void *ctx;
	enum net_door door;
	enum kv_path path;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kv_work);
} kv_work SEC(".maps");

/*
 * Make NAME(), a call of NAME_frame() by way of a global function, of which each
 * door needs its own: the verifier checks it once, and not along every path that
 * leads to it.
 */
#define KV_AT_EACH_DOOR(name)                                                                \
	__noinline int name##_xdp(struct xdp_md *ctx, struct kv_work *w, __u32 prefix)       \
	{                                                                                    \
		struct kv_frame f = {ctx, NET_DOOR_XDP, KV_PATH_XDP};                        \
                                                                                             \
		return w ? name##_frame(&f, w, prefix) : 0;                                  \
	}                                                                                    \
	__noinline int name##_tc(struct __sk_buff *ctx, struct kv_work *w, __u32 prefix)     \
	{                                                                                    \
		struct kv_frame f = {ctx, NET_DOOR_TC, KV_PATH_TC};                          \
                                                                                             \
		return w ? name##_frame(&f, w, prefix) : 0;                                  \
	}                                                                                    \
	static __always_inline int name(struct kv_frame *f, struct kv_work *w, __u32 prefix) \
	{                                                                                    \
		return f->door == NET_DOOR_XDP ? name##_xdp(f->ctx, w, prefix)               \
					       : name##_tc(f->ctx, w, prefix);               \
	}

/* Where a reply's line begins in the text: "VALUE " and then the key in its place. */
#define KV_TEXT_REPLY_LINE (KV_TEXT_KEY - 6)

struct kv_udp_header {
	__u16 id, sequence, total, reserved;
};

#define KV_SUM_BYTES 512 /* older kernels sum no more at once */

/* Add the @len bytes from the UDP header on to @sum; 0 if they cannot be read. Uses w->block. */
static __noinline __u16 kv_sum(struct kv_work *w, struct bpf_dynptr *d, __u64 sum, __u32 len)
{
	__u32 start = w->frame_text - KV_UDP_HEADER - sizeof(struct udphdr), off, n;
	int i, turns = (len + KV_SUM_BYTES - 1) / KV_SUM_BYTES;
	__s64 part = 0;

	bpf_for(i, 0, turns) {
		/* From the turn alone: what changes by a known amount has no end for the verifier. */
		off = i * KV_SUM_BYTES;
		n = len - off;
		if (n > KV_SUM_BYTES)
			n = KV_SUM_BYTES;
		if (!n || bpf_dynptr_read(w->block, n, d, start + off, 0))
			return 0;
		*(__u32 *)&w->block[n] = 0; /* padding to a whole word */
		part = bpf_csum_diff(NULL, 0, (void *)w->block, (n + 3) & ~3U, part);
	}
	return net_fold(sum + (__u32)part);
}

/*
 * Put the headers of a reply with @text_len bytes of text in front of its place.
 * Returns the offset of its first byte in the text.
 */
__noinline int kv_reply_head(struct kv_work *w, __u32 text_len)
{
	struct kv_udp_header *u;
	__u8 *line;

	if (!w)
		return 0;
	line = (__u8 *)w->text + KV_TEXT_REPLY_LINE;
	u = (void *)(line - KV_UDP_HEADER);
	u->id = w->udp_id;
	u->sequence = 0;
	u->total = bpf_htons(1);
	u->reserved = 0;
#define KV_HEAD_OF(kind)                                                  \
	case kind:                                                        \
		net_udp_reply((void *)u - NET_HEAD(kind), &w->flow, kind, \
			      KV_UDP_HEADER + text_len);                  \
		break
	switch (w->flow.kind) {
		KV_HEAD_OF(0);
		KV_HEAD_OF(NET_TAGGED);
		KV_HEAD_OF(NET_IP6);
		KV_HEAD_OF(NET_TAGGED | NET_IP6);
	}
#undef KV_HEAD_OF
	return KV_TEXT_REPLY_LINE - w->frame_text;
}

/*
 * Write the text from byte @start to @end, a reply's headers and what follows them,
 * to the frame's beginning.
 */
static __always_inline bool kv_reply_store(struct kv_frame *f, struct kv_work *w, __u32 start,
					   __u32 end)
{
	__u32 len = end - start;

	/* Apart, for the verifier, which does not relate the two. */
	barrier_var(start);
	barrier_var(len);
	return start <= KV_TEXT_KEY && len && len <= KV_TEXT_BYTES - KV_TEXT_KEY &&
	       !net_frame_store(f->ctx, f->door, 0, (__u8 *)w->text + start, len);
}

/* Complete a reply with @text_len bytes of text, which is in its frame but for the checksum. */
static __always_inline bool kv_reply_sum(struct kv_frame *f, struct kv_work *w, __u32 text_len)
{
	__u32 payload_len = KV_UDP_HEADER + text_len;
	struct bpf_dynptr d;
	__u16 sum;

	if (!(w->flow.kind & NET_IP6))
		return true;
	if (net_frame_dynptr(f->ctx, f->door, &d))
		return false;
	sum = kv_sum(w, &d, net_udp_pseudo(&w->flow, payload_len),
		     payload_len + sizeof(struct udphdr));
	sum = ~sum;
	if (!sum)
		sum = 0xffff; /* 0 would mean that there is none */
	return !net_frame_store(f->ctx, f->door, w->frame_text - KV_UDP_HEADER - sizeof(sum), &sum,
				sizeof(sum));
}

/* Make the frame a reply of one short line. */
static __always_inline enum kv_verdict kv_reply_line(struct kv_frame *f, struct kv_work *w,
						     const char *line, __u32 len)
{
	__u32 start;

	if (w->noreply)
		return KV_SILENT;
	__builtin_memcpy((__u8 *)w->text + KV_TEXT_REPLY_LINE, line, len);
	start = kv_reply_head(w, len);
	/* Only NOT_FOUND can be longer than its request, and then nothing has changed. */
	if (!net_frame_resize(f->ctx, f->door, w->frame_text + len))
		return KV_UP;
	if (!kv_reply_store(f, w, start, KV_TEXT_REPLY_LINE + len) || !kv_reply_sum(f, w, len))
		return KV_SILENT;
	return KV_REPLY;
}

#define KV_REPLY_LINE(f, w, s) kv_reply_line(f, w, s, sizeof(s) - 1)

/* Is the request's UDP checksum right? */
static __always_inline bool kv_checked(struct kv_frame *f, struct kv_work *w)
{
	struct bpf_dynptr d;

	if (net_udp_unsummed(&w->flow))
		return true;
	return !net_frame_dynptr(f->ctx, f->door, &d) &&
	       kv_sum(w, &d, net_udp_pseudo(&w->flow, w->flow.payload_len),
		      w->flow.payload_len + sizeof(struct udphdr)) == 0xffff;
}

/* What a request is unless its line says otherwise. */
static __always_inline void kv_work_begin(struct kv_frame *f, struct kv_work *w)
{
	w->path = f->path;
	w->noreply = 0;
	w->keep = kv_reserve;
	w->cond = KV_IF_ANY;
	w->keep_bits = 0;
	w->state = 0;
	w->clear = 0;
	w->new_cas = 0;
}

/* The most of a request that has to be in the text: all of the longest line. */
#define KV_REQUEST_LINE (KV_KEY_MAX + 1 + 10 + 1 + 10 + 1 + 10 + 8 + 2)

/*
 * Bring the request's headers and first line into the text, with the key, which
 * @prefix bytes of command precede, at its place; check what can be checked of
 * the frame. Returns the offset in the text of the datagram's end (or, when it
 * is longer than a line, of what was read), 0: leave the frame alone.
 */
static __always_inline __u32 kv_load_frame(struct kv_frame *f, struct kv_work *w, __u32 prefix)
{
	__u32 start = KV_TEXT_KEY - prefix - w->frame_text, len;
	int key_len;

	len = w->flow.head + w->flow.payload_len;
	if (len > w->frame_text + prefix + KV_REQUEST_LINE)
		len = w->frame_text + prefix + KV_REQUEST_LINE;
	barrier_var(len);
	if (start > KV_TEXT_KEY || !len || len > KV_TEXT_BYTES - KV_TEXT_KEY ||
	    net_frame_load(f->ctx, f->door, 0, (__u8 *)w->text + start, len))
		return 0;
	if (!kv_checked(f, w))
		return 0;
	key_len = kv_hash_key(w, 0);
	if (key_len < 1 || key_len > KV_KEY_MAX || KV_TEXT_KEY + key_len + 2 > start + len)
		return 0;
	w->key_off = w->frame_text + prefix;
	kv_work_begin(f, w);
	return start + len;
}

KV_AT_EACH_DOOR(kv_load)

/* Undo what a get did to its frame. False: the frame is lost. */
static __always_inline bool kv_put_back(struct kv_frame *f, struct kv_work *w, __u32 prefix)
{
	__u32 start = KV_TEXT_KEY - prefix - w->frame_text, i, len;
	__u32 key_len = w->key_len, pad;
	__u8 *text = (__u8 *)w->text;

	for (i = 0; i < sizeof(w->head) / 8; i++)
		w->text[i] = w->head[i];
	if (key_len > KV_KEY_MAX)
		return false;
	text[KV_TEXT_KEY + key_len] = '\r';
	text[KV_TEXT_KEY + key_len + 1] = '\n';
	len = w->frame_text + prefix + key_len + 2;
	if (!net_frame_resize(f->ctx, f->door, w->frame_len) ||
	    !kv_reply_store(f, w, start, start + len))
		return false;
	pad = w->frame_len - len;
	barrier_var(pad);
	if (pad && pad <= sizeof(w->padding))
		net_frame_store(f->ctx, f->door, len, w->padding, pad);
	return true;
}

/* Copy the request's text for the functions of kv_line.h. */
static __always_inline struct kv_line *kv_line_load(struct kv_frame *f, struct kv_work *w)
{
	__u32 len = w->flow.payload_len - KV_UDP_HEADER;
	struct kv_line *line = kv_line_get();

	if (!line || !kv_checked(f, w))
		return NULL;
	line->len = len;
	if (len > KV_LINE_MAX)
		len = KV_LINE_MAX;
	barrier_var(len);
	if (!len || len > KV_LINE_MAX ||
	    net_frame_load(f->ctx, f->door, w->frame_text, line->request, len))
		return NULL;
	line->request[len] = 0; /* no key goes on behind it */
	kv_work_begin(f, w);
	return line;
}

/* Make the frame the reply of @len bytes in kv_line, or do what else its function says. */
static __always_inline enum kv_verdict kv_line_reply(struct kv_frame *f, struct kv_work *w,
						     struct kv_line *line, int result)
{
	__u32 start, begin, len = result;

	if (result == KV_LINE_SILENT)
		return KV_SILENT;
	begin = line->begin;
	barrier_var(len);
	barrier_var(begin);
	if (!len || len > sizeof(line->reply) - KV_LINE_BEGIN_MAX - KV_TEXT_BYTES ||
	    begin > KV_LINE_BEGIN_MAX + KV_TEXT_BYTES)
		return KV_UP;
	start = kv_reply_head(w, len);
	if (!net_frame_resize(f->ctx, f->door, w->frame_text + len))
		return KV_UP;
	if (!kv_reply_store(f, w, start, KV_TEXT_REPLY_LINE) ||
	    net_frame_store(f->ctx, f->door, w->frame_text, line->reply + begin, len) ||
	    !kv_reply_sum(f, w, len))
		return KV_SILENT;
	return KV_REPLY;
}

/* A get of several keys, or a gat; @prefix bytes of command precede the first space. */
static __always_inline enum kv_verdict kv_packet_gets(struct kv_frame *f, struct kv_work *w,
						      bool touch)
{
	struct kv_line *line = kv_line_load(f, w);
	__u32 pos = 3;

	if (!line)
		return KV_UP;
	w->with_cas = line->request[3] == 's';
	if (w->with_cas)
		pos = 4;
	if (line->request[pos] != ' ')
		return KV_UP;
	return kv_line_reply(f, w, line, kv_line_gets(w, pos, touch));
}

/* How an attempt to answer a get ended. */
enum kv_attempt { KV_TRY_AGAIN, KV_TRY_HIT, KV_TRY_MISS, KV_TRY_UP };

/* Remember the request for kv_put_back(). */
static __always_inline void kv_get_save(struct kv_frame *f, struct kv_work *w)
{
	__u32 i, pad;

	for (i = 0; i < sizeof(w->head) / 8; i++)
		w->head[i] = w->text[i];
	w->changed = 0;
	w->frame_len = net_frame_len(f->ctx, f->door);
	pad = w->frame_len - w->flow.head - w->flow.payload_len;
	barrier_var(pad); /* one check for the compiler, two for the verifier */
	if (pad && pad <= sizeof(w->padding))
		net_frame_load(f->ctx, f->door, w->frame_len - pad, w->padding, pad);
}

/*
 * Make the reply to a get around the key in place: its line, what of the value is
 * in the head, of which w->block has a copy, and, if that is all of it, the reply's
 * end. Sets w->value_off. Returns where in the text it ends; 0: the key is another.
 */
__noinline int kv_get_text(struct kv_work *w)
{
	__u32 at, len, i, key_len;
	__u8 *text;

	if (!w || !kv_head_has_key(w, (const __u64 *)w->block))
		return 0;
	key_len = w->key_len; /* one number for the verifier */
	barrier_var(key_len);
	if (key_len > KV_KEY_MAX)
		return 0;
	text = (__u8 *)w->text;
	at = kv_text_value_line(w);
	barrier_var(at);
	w->value_off = w->frame_text + at - KV_TEXT_REPLY_LINE;
	len = key_len < KV_HEAD_BYTES ? KV_HEAD_BYTES - key_len : 0;
	if (len > w->found.value_len)
		len = w->found.value_len;
	if (at > KV_TEXT_BYTES - KV_HEAD_BYTES - 8)
		return 0; /* never: the longest line is shorter */
	/* By words, over both ends: what is behind is written later, or of no account. */
	for (i = 0; i < KV_HEAD_BYTES; i += 8) {
		if (i >= len)
			break;
		*(__u64 *)(text + at + i) = *(__u64 *)(w->block + key_len + i);
	}
	at += len;
	barrier_var(at);
	if (len != w->found.value_len)
		return at;
	if (at > KV_TEXT_BYTES - 8)
		return 0;
	__builtin_memcpy(text + at, "\r\nEND\r\n", 7);
	return at + 7;
}

/*
 * Write the reply to a get, of which the text has all up to @end and the frame what
 * is in the pool's blocks.
 */
static __always_inline bool kv_get_reply(struct kv_frame *f, struct kv_work *w, __u32 text_len,
					 __u32 end)
{
	if (w->found.blocks > 1 &&
	    net_frame_store(f->ctx, f->door, w->value_off + w->found.value_len, "\r\nEND\r\n", 7))
		return false;
	return kv_reply_store(f, w, kv_reply_head(w, text_len), end) &&
	       kv_reply_sum(f, w, text_len);
}

/* Give the frame the length of the reply. */
static __always_inline bool kv_get_resize(struct kv_frame *f, struct kv_work *w, __u32 text_len)
{
	if (!net_frame_resize(f->ctx, f->door, w->frame_text + text_len))
		return false;
	w->changed = 1;
	return true;
}

/*
 * One attempt at a get. A reply with blocks of the pool is made in the frame while
 * it is not yet certain that they are of one version; one without is not.
 */
static __always_inline enum kv_attempt kv_get_try(struct kv_frame *f, struct kv_work *w,
						  struct kv_ctl *ctl)
{
	struct kv_entry *e = bpf_map_lookup_elem(&kv_index, &w->identity);
	int result = KV_CHAIN_OK;
	enum kv_found found;
	struct bpf_dynptr d;
	__u32 text_len, end;

	if (!e)
		return KV_TRY_MISS;
	found = kv_entry_read(e, ctl, w, 0);
	if (found == KV_FOUND_BUSY)
		return KV_TRY_AGAIN;
	if (found == KV_FOUND_EXPIRED)
		return kv_entry_same(e, w) ? KV_TRY_MISS : KV_TRY_AGAIN;
	if (w->found.tier != KV_TIER_KERNEL)
		return kv_entry_same(e, w) ? KV_TRY_UP : KV_TRY_AGAIN;
	__builtin_memcpy(w->block, e->head, KV_HEAD_BYTES);
	end = kv_get_text(w);
	if (!end)
		return kv_entry_same(e, w) ? KV_TRY_MISS : KV_TRY_AGAIN;
	text_len = w->value_off - w->frame_text + w->found.value_len + 7;
	if (KV_UDP_HEADER + text_len > kv_datagram_max)
		return kv_entry_same(e, w) ? KV_TRY_UP : KV_TRY_AGAIN;
	if (w->found.blocks > 1) {
		if (!kv_get_resize(f, w, text_len) || net_frame_dynptr(f->ctx, f->door, &d))
			return KV_TRY_UP;
		result = kv_chain_read_blocks(w, &d);
	}
	if (!kv_entry_same(e, w) || result == KV_CHAIN_GONE)
		return KV_TRY_AGAIN;
	if (result == KV_CHAIN_OTHER_KEY)
		return KV_TRY_MISS;
	if (w->found.blocks == 1 && !kv_get_resize(f, w, text_len))
		return KV_TRY_UP;
	if (!kv_get_reply(f, w, text_len, end))
		return KV_TRY_UP;
	kv_entry_fetched(e, w);
	return KV_TRY_HIT;
}

/* The get of the key in @w: an enum kv_verdict. */
static __always_inline int kv_get_frame(struct kv_frame *f, struct kv_work *w, __u32 prefix)
{
	enum kv_attempt attempt = KV_TRY_UP;
	struct kv_ctl *ctl = kv_ctl_get();
	int i;

	if (!ctl || prefix > 5 || w->frame_text > NET_HEAD_MAX + KV_UDP_HEADER)
		return KV_UP;
	kv_get_save(f, w);
	for (i = 0; i < KV_TRIES; i++) {
		attempt = kv_get_try(f, w, ctl);
		if (attempt != KV_TRY_AGAIN)
			break;
	}
	switch (attempt) {
	case KV_TRY_HIT:
		kv_count(f->path, KV_OP_GET, KV_RESULT_HIT);
		return KV_REPLY;
	case KV_TRY_MISS:
		kv_count(f->path, KV_OP_GET, KV_RESULT_MISS);
		return KV_REPLY_LINE(f, w, "END\r\n");
	default:
		kv_count(f->path, KV_OP_GET, KV_RESULT_PASSED);
		return !w->changed || kv_put_back(f, w, prefix) ? KV_UP : KV_SILENT;
	}
}

KV_AT_EACH_DOOR(kv_get)

/* A get of one key, or a gets: @prefix is 4 or 5. */
static __always_inline enum kv_verdict kv_packet_get(struct kv_frame *f, struct kv_work *w,
						     __u32 prefix)
{
	__u32 end = kv_load(f, w, prefix);

	w->with_cas = prefix == 5;
	if (!end || kv_text_at(w, KV_TEXT_KEY - 1) != ' ')
		return KV_UP;
	if (kv_text_at(w, KV_TEXT_KEY + w->key_len) == ' ')
		return kv_packet_gets(f, w, false);
	if (KV_TEXT_KEY + w->key_len + 2 != end || !kv_text_crlf(w, KV_TEXT_KEY + w->key_len))
		return KV_UP;
	return kv_get(f, w, prefix);
}

/* Read the line of a set into @w. Returns its length, 0: not ours. */
static __always_inline __u32 kv_set_line(struct kv_frame *f, struct kv_work *w)
{
	__u32 end = kv_load(f, w, 4), at;

	if (!end)
		return 0;
	at = kv_text_set(w, KV_TEXT_KEY + w->key_len);
	if (!at)
		return 0;
	at = kv_text_line_end(w, at);
	return !at || at > end ? 0 : at - KV_TEXT_KEY + 4;
}

/* The same for an ms, whose line and flags are then in *@meta. */
static __always_inline __u32 kv_ms_line(struct kv_frame *f, struct kv_work *w,
					struct kv_line **meta)
{
	*meta = kv_line_load(f, w);
	if (!*meta)
		return 0;
	w->key_off = w->frame_text + KV_META_KEY;
	return kv_meta_set(w);
}

/* A set or, with @is_meta, an ms. */
static __always_inline enum kv_verdict kv_packet_set(struct kv_frame *f, struct kv_work *w,
						     bool is_meta)
{
	struct kv_line *meta = NULL;
	enum kv_status status;
	struct bpf_dynptr d;
	__u16 crlf;
	__u32 line;

	line = is_meta ? kv_ms_line(f, w, &meta) : kv_set_line(f, w);
	if (!line)
		return KV_UP;
	w->value_off = w->frame_text + line;
	if (w->flow.payload_len != KV_UDP_HEADER + line + w->value_len + 2 ||
	    net_frame_load(f->ctx, f->door, w->value_off + w->value_len, &crlf, sizeof(crlf)) ||
	    crlf != bpf_htons(0x0d0a) || net_frame_dynptr(f->ctx, f->door, &d))
		return KV_UP;
	w->tier = KV_TIER_KERNEL;
	w->token = 0;
	if (kv_get_reply_len(w->key_len, w->flags, w->value_len) > kv_datagram_max)
		status = KV_TOO_BIG;
	else
		status = kv_set(w, &d);
	if (meta && (status == KV_OK || status == KV_MISS || status == KV_EXISTS))
		return kv_line_reply(f, w, meta, kv_meta_stored(w, status));
	if (status != KV_OK) {
		kv_count(f->path, KV_OP_SET, KV_RESULT_PASSED);
		return KV_UP;
	}
	kv_count(f->path, KV_OP_SET, KV_RESULT_STORED);
	return KV_REPLY_LINE(f, w, "STORED\r\n");
}

/* An mg or, if not @get, an md. */
static __always_inline enum kv_verdict kv_packet_meta(struct kv_frame *f, struct kv_work *w,
						      bool get)
{
	struct kv_line *line = kv_line_load(f, w);
	enum kv_verdict verdict;

	if (!line)
		return KV_UP;
	verdict = kv_line_reply(f, w, line, get ? kv_meta_get(w) : kv_meta_delete(w));
	if (get && verdict == KV_REPLY)
		kv_meta_accessed(w);
	return verdict;
}

static __always_inline enum kv_verdict kv_packet_delete(struct kv_frame *f, struct kv_work *w)
{
	__u32 end = kv_load(f, w, 7);

	if (kv_text_at(w, KV_TEXT_KEY - 3) != 't' || kv_text_at(w, KV_TEXT_KEY - 2) != 'e' ||
	    kv_text_at(w, KV_TEXT_KEY - 1) != ' ')
		return KV_UP;
	if (!end || kv_text_line_end(w, KV_TEXT_KEY + w->key_len) != end)
		return KV_UP;
	w->cond = KV_IF_ANY;
	switch (kv_delete(w)) {
	case KV_OK:
		kv_count(f->path, KV_OP_DELETE, KV_RESULT_DELETED);
		return KV_REPLY_LINE(f, w, "DELETED\r\n");
	case KV_MISS:
		kv_count(f->path, KV_OP_DELETE, KV_RESULT_NOT_FOUND);
		return KV_REPLY_LINE(f, w, "NOT_FOUND\r\n");
	default:
		kv_count(f->path, KV_OP_DELETE, KV_RESULT_PASSED);
		return KV_UP;
	}
}

static __always_inline enum kv_verdict kv_packet_touch(struct kv_frame *f, struct kv_work *w)
{
	__u32 end = kv_load(f, w, 6), at;

	if (!end || kv_text_at(w, KV_TEXT_KEY - 2) != 'h' || kv_text_at(w, KV_TEXT_KEY - 1) != ' ')
		return KV_UP;
	at = kv_text_touch(w, KV_TEXT_KEY + w->key_len);
	if (!at || kv_text_line_end(w, at) != end)
		return KV_UP;
	switch (kv_touch(w)) {
	case KV_OK:
		kv_count(f->path, KV_OP_TOUCH, KV_RESULT_HIT);
		return KV_REPLY_LINE(f, w, "TOUCHED\r\n");
	case KV_MISS:
		kv_count(f->path, KV_OP_TOUCH, KV_RESULT_NOT_FOUND);
		return KV_REPLY_LINE(f, w, "NOT_FOUND\r\n");
	default:
		kv_count(f->path, KV_OP_TOUCH, KV_RESULT_PASSED);
		return KV_UP;
	}
}

/* The first letters of a command, as they stand in memory. */
#define KV_WORD4(a, b, c, d) bpf_htonl((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

struct kv_request_start {
	struct kv_udp_header udp;
	__u32 command; /* its first four letters */
} __attribute__((packed, aligned(2)));

/* Is the datagram sent to an address that we serve? */
static __always_inline bool kv_is_local(const struct net_flow *flow)
{
	struct net_address a;

	if (kv_listen_ip4 && !(flow->kind & NET_IP6))
		return flow->dst[0] == kv_listen_ip4;
	return net_flow_to(flow, &a) && bpf_map_lookup_elem(&kv_local, &a);
}

/* Replies from such ports could be taken for requests here, and so go round for ever. */
#define KV_PORT_MIN 1024

/* Whether a datagram for us is dropped unread, and counted. */
static __always_inline bool kv_refused(const struct net_flow *flow)
{
	__u16 port = bpf_ntohs(flow->sport);

	if (!net_allows(flow))
		net_dropped(NET_DROP_NOT_ALLOWED);
	else if (port < KV_PORT_MIN || port == kv_udp_port)
		net_dropped(NET_DROP_SOURCE);
	else if (!net_rate_allows(flow))
		net_dropped(NET_DROP_RATE);
	else
		return false;
	return true;
}

/* Read memcached's frame header into @w. Returns the command's first letters, 0: not ours. */
static __always_inline __u32 kv_packet_start(struct kv_work *w, void *data, void *data_end)
{
	struct kv_request_start *r;
	__u32 head;

	head = w->flow.head; /* read again: one number that is not known, not four that are */
	r = data + head;
	if (head > NET_HEAD_MAX || (void *)(r + 1) > data_end || w->flow.payload_len < sizeof(*r))
		return 0;
	if (r->udp.sequence || r->udp.total != bpf_htons(1))
		return 0;
	w->udp_id = r->udp.id;
	w->frame_text = head + KV_UDP_HEADER;
	return r->command;
}

/* Carry out the @command that stands behind the headers. */
static __always_inline enum kv_verdict kv_packet_command(struct kv_frame *f, struct kv_work *w,
							 __u32 command)
{
	__u32 meta = command & KV_WORD4(0xff, 0xff, 0xff, 0);

	if (command == KV_WORD4('g', 'e', 't', ' ') || command == KV_WORD4('g', 'e', 't', 's'))
		return kv_packet_get(f, w, command == KV_WORD4('g', 'e', 't', ' ') ? 4 : 5);
	if (command == KV_WORD4('g', 'a', 't', ' ') || command == KV_WORD4('g', 'a', 't', 's'))
		return kv_packet_gets(f, w, true);
	if (command == KV_WORD4('s', 'e', 't', ' ') || meta == KV_WORD4('m', 's', ' ', 0))
		return kv_packet_set(f, w, meta == KV_WORD4('m', 's', ' ', 0));
	if (command == KV_WORD4('d', 'e', 'l', 'e'))
		return kv_packet_delete(f, w);
	if (command == KV_WORD4('t', 'o', 'u', 'c'))
		return kv_packet_touch(f, w);
	if (meta == KV_WORD4('m', 'g', ' ', 0) || meta == KV_WORD4('m', 'd', ' ', 0))
		return kv_packet_meta(f, w, meta == KV_WORD4('m', 'g', ' ', 0));
	return KV_UP;
}

static __always_inline enum kv_verdict kv_packet(struct kv_frame *f, void *data, void *data_end)
{
	enum kv_verdict verdict;
	__u32 zero = 0, command, len;
	struct kv_work *w;

	w = bpf_map_lookup_elem(&kv_work, &zero);
	if (!w ||
	    !net_udp_parse(data, data_end, net_frame_len(f->ctx, f->door), bpf_htons(kv_udp_port),
			   &w->flow) ||
	    !kv_is_local(&w->flow))
		return KV_UP;
	if (kv_refused(&w->flow))
		return KV_SILENT;
	command = kv_packet_start(w, data, data_end);
	if (!command)
		return KV_UP;
	verdict = kv_packet_command(f, w, command);
	if (verdict == KV_REPLY) {
		len = net_frame_len(f->ctx, f->door);
		barrier_var(len); /* a number, no longer two pointers */
		net_rate_charge(&w->flow, len - w->flow.head);
	}
	return verdict;
}

#endif /* KERBY_KV_PACKET_H */
