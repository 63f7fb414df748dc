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
#include "net/frame.h"

enum kv_verdict {
	KV_UP, /* not ours, or not now: on to the next door */
	KV_REPLY, /* the frame is the reply */
	KV_SILENT, /* done, and no reply is wanted */
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

/* Write the headers, which begin at byte @start of the text, into the frame. */
static __always_inline bool kv_reply_write_head(struct kv_work *w, struct bpf_dynptr *d,
						__u32 start)
{
	__u32 len = KV_TEXT_REPLY_LINE - start;

	/* Apart, for the verifier, which does not relate the two. */
	barrier_var(start);
	barrier_var(len);
	return start <= KV_TEXT_REPLY_LINE && len <= KV_TEXT_REPLY_LINE &&
	       !bpf_dynptr_write(d, 0, (__u8 *)w->text + start, len, 0);
}

/* Complete a reply with @text_len bytes of text, which is in its frame but for the checksum. */
static __always_inline bool kv_reply_sum(struct kv_work *w, struct bpf_dynptr *d, __u32 text_len)
{
	__u32 payload_len = KV_UDP_HEADER + text_len;
	__u16 sum;

	if (!(w->flow.kind & NET_IP6))
		return true;
	sum = kv_sum(w, d, net_udp_pseudo(&w->flow, payload_len),
		     payload_len + sizeof(struct udphdr));
	sum = ~sum;
	if (!sum)
		sum = 0xffff; /* 0 would mean that there is none */
	return !bpf_dynptr_write(d, w->frame_text - KV_UDP_HEADER - sizeof(sum), &sum, sizeof(sum),
				 0);
}

/* Make the frame a reply of one short line. */
static __always_inline enum kv_verdict kv_reply_line(struct kv_frame *f, struct kv_work *w,
						     const char *line, __u32 len)
{
	struct bpf_dynptr d;
	__u32 start;

	if (w->noreply)
		return KV_SILENT;
	__builtin_memcpy((__u8 *)w->text + KV_TEXT_REPLY_LINE, line, len);
	start = kv_reply_head(w, len);
	/* Only NOT_FOUND can be longer than its request, and then nothing has changed. */
	if (!net_frame_resize(f->ctx, f->door, w->frame_text + len))
		return KV_UP;
	if (net_frame_dynptr(f->ctx, f->door, &d) || !kv_reply_write_head(w, &d, start) ||
	    bpf_dynptr_write(&d, w->frame_text, (__u8 *)w->text + KV_TEXT_REPLY_LINE, len, 0) ||
	    !kv_reply_sum(w, &d, len))
		return KV_SILENT;
	return KV_REPLY;
}

#define KV_REPLY_LINE(f, w, s) kv_reply_line(f, w, s, sizeof(s) - 1)

/* Is the request's UDP checksum right? */
static __always_inline bool kv_checked(struct kv_work *w, struct bpf_dynptr *d)
{
	return net_udp_unsummed(&w->flow) ||
	       kv_sum(w, d, net_udp_pseudo(&w->flow, w->flow.payload_len),
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
static __always_inline __u32 kv_load(struct kv_frame *f, struct kv_work *w, struct bpf_dynptr *d,
				     __u32 prefix)
{
	__u32 start = KV_TEXT_KEY - prefix - w->frame_text, len;
	int key_len;

	len = w->flow.head + w->flow.payload_len;
	if (len > w->frame_text + prefix + KV_REQUEST_LINE)
		len = w->frame_text + prefix + KV_REQUEST_LINE;
	barrier_var(len);
	if (start > KV_TEXT_KEY || len > KV_TEXT_BYTES - KV_TEXT_KEY ||
	    bpf_dynptr_read((__u8 *)w->text + start, len, d, 0, 0))
		return 0;
	if (!kv_checked(w, d))
		return 0;
	key_len = kv_hash_key(w, 0);
	if (key_len < 1 || key_len > KV_KEY_MAX || KV_TEXT_KEY + key_len + 2 > start + len)
		return 0;
	w->key_off = w->frame_text + prefix;
	kv_work_begin(f, w);
	return start + len;
}

/* Undo what a get did to its frame. False: the frame is lost. */
static __always_inline bool kv_put_back(struct kv_frame *f, struct kv_work *w, __u32 prefix)
{
	__u32 start = KV_TEXT_KEY - prefix - w->frame_text, i, len;
	__u32 key_len = w->key_len, pad;
	__u8 *text = (__u8 *)w->text;
	struct bpf_dynptr d;

	for (i = 0; i < sizeof(w->head) / 8; i++)
		w->text[i] = w->head[i];
	if (key_len > KV_KEY_MAX)
		return false;
	text[KV_TEXT_KEY + key_len] = '\r';
	text[KV_TEXT_KEY + key_len + 1] = '\n';
	len = w->frame_text + prefix + key_len + 2;
	barrier_var(len);
	if (start > KV_TEXT_KEY || len > KV_TEXT_BYTES - KV_TEXT_KEY)
		return false;
	if (!net_frame_resize(f->ctx, f->door, w->frame_len) ||
	    net_frame_dynptr(f->ctx, f->door, &d) || bpf_dynptr_write(&d, 0, text + start, len, 0))
		return false;
	pad = w->frame_len - len;
	if (pad && pad <= sizeof(w->padding))
		bpf_dynptr_write(&d, len, w->padding, pad, 0);
	return true;
}

/* Copy the request's text for the functions of kv_line.h. */
static __always_inline struct kv_line *kv_line_load(struct kv_frame *f, struct kv_work *w,
						    struct bpf_dynptr *d)
{
	__u32 len = w->flow.payload_len - KV_UDP_HEADER;
	struct kv_line *line = kv_line_get();

	if (!line || !kv_checked(w, d))
		return NULL;
	line->len = len;
	if (len > KV_LINE_MAX)
		len = KV_LINE_MAX;
	barrier_var(len);
	if (len > KV_LINE_MAX || bpf_dynptr_read(line->request, len, d, w->frame_text, 0))
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
	struct bpf_dynptr d;

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
	if (net_frame_dynptr(f->ctx, f->door, &d) || !kv_reply_write_head(w, &d, start) ||
	    bpf_dynptr_write(&d, w->frame_text, line->reply + begin, len, 0) ||
	    !kv_reply_sum(w, &d, len))
		return KV_SILENT;
	return KV_REPLY;
}

/* A get of several keys, or a gat; @prefix bytes of command precede the first space. */
static __always_inline enum kv_verdict kv_packet_gets(struct kv_frame *f, struct kv_work *w,
						      struct bpf_dynptr *d, bool touch)
{
	struct kv_line *line = kv_line_load(f, w, d);
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

/* One attempt at a get: build the reply in the frame. */
static __always_inline enum kv_attempt kv_get_try(struct kv_frame *f, struct kv_work *w,
						  struct kv_ctl *ctl)
{
	struct kv_entry *e = bpf_map_lookup_elem(&kv_index, &w->identity);
	enum kv_found found;
	struct bpf_dynptr d;
	__u32 line, text_len, head_len, start;
	int result;

	if (!e)
		return KV_TRY_MISS;
	found = kv_entry_read(e, ctl, w, 0);
	if (found == KV_FOUND_BUSY)
		return KV_TRY_AGAIN;
	if (found == KV_FOUND_EXPIRED)
		return kv_entry_same(e, w) ? KV_TRY_MISS : KV_TRY_AGAIN;
	line = kv_value_line(w->key_len, w->found.flags, w->found.value_len);
	if (w->with_cas)
		line += 1 + kv_digits64(w->found.cas);
	text_len = line + w->found.value_len + 7;
	if (w->found.tier != KV_TIER_KERNEL || KV_UDP_HEADER + text_len > kv_datagram_max)
		return kv_entry_same(e, w) ? KV_TRY_UP : KV_TRY_AGAIN;
	if (!net_frame_resize(f->ctx, f->door, w->frame_text + text_len))
		return KV_TRY_UP;
	w->changed = 1;
	w->value_off = w->frame_text + line;
	if (net_frame_dynptr(f->ctx, f->door, &d))
		return KV_TRY_UP;
	result = kv_chain_read(w, e, &d);
	if (!kv_entry_same(e, w) || result == KV_CHAIN_GONE)
		return KV_TRY_AGAIN;
	if (result == KV_CHAIN_OTHER_KEY)
		return KV_TRY_MISS;
	start = kv_reply_head(w, text_len);
	head_len = kv_text_value_line(w) - start;
	barrier_var(head_len); /* checked here and not sooner, where the verifier sees it */
	if (start > KV_TEXT_KEY || head_len != w->value_off ||
	    head_len > KV_TEXT_BYTES - KV_TEXT_KEY ||
	    bpf_dynptr_write(&d, 0, (__u8 *)w->text + start, head_len, 0) ||
	    bpf_dynptr_write(&d, w->value_off + w->found.value_len, "\r\nEND\r\n", 7, 0) ||
	    !kv_reply_sum(w, &d, text_len))
		return KV_TRY_UP;
	kv_entry_fetched(e, w);
	return KV_TRY_HIT;
}

/* A get of one key, or a gets: @prefix is 4 or 5. */
static __always_inline enum kv_verdict kv_packet_get(struct kv_frame *f, struct kv_work *w,
						     struct bpf_dynptr *d, __u32 prefix)
{
	enum kv_attempt attempt = KV_TRY_UP;
	struct kv_ctl *ctl = kv_ctl_get();
	__u32 end = kv_load(f, w, d, prefix), pad;
	int i;

	w->with_cas = prefix == 5;
	if (!ctl || !end || kv_text_at(w, KV_TEXT_KEY - 1) != ' ')
		return KV_UP;
	if (kv_text_at(w, KV_TEXT_KEY + w->key_len) == ' ')
		return kv_packet_gets(f, w, d, false);
	if (KV_TEXT_KEY + w->key_len + 2 != end || !kv_text_crlf(w, KV_TEXT_KEY + w->key_len))
		return KV_UP;
	for (i = 0; i < sizeof(w->head) / 8; i++)
		w->head[i] = w->text[i];
	w->frame_len = net_frame_len(f->ctx, f->door);
	pad = w->frame_len - w->flow.head - w->flow.payload_len;
	if (pad && pad <= sizeof(w->padding))
		bpf_dynptr_read(w->padding, pad, d, w->frame_len - pad, 0);
	w->changed = 0;
	bpf_for(i, 0, KV_TRIES) {
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

/* Read the line of a set into @w. Returns its length, 0: not ours. */
static __always_inline __u32 kv_set_line(struct kv_frame *f, struct kv_work *w,
					 struct bpf_dynptr *d)
{
	__u32 end = kv_load(f, w, d, 4), at;

	if (!end)
		return 0;
	at = kv_text_set(w, KV_TEXT_KEY + w->key_len);
	if (!at)
		return 0;
	at = kv_text_line_end(w, at);
	return !at || at > end ? 0 : at - KV_TEXT_KEY + 4;
}

/* The same for an ms, whose line and flags are then in *@meta. */
static __always_inline __u32 kv_ms_line(struct kv_frame *f, struct kv_work *w, struct bpf_dynptr *d,
					struct kv_line **meta)
{
	*meta = kv_line_load(f, w, d);
	if (!*meta)
		return 0;
	w->key_off = w->frame_text + KV_META_KEY;
	return kv_meta_set(w);
}

/* A set or, with @is_meta, an ms. */
static __always_inline enum kv_verdict kv_packet_set(struct kv_frame *f, struct kv_work *w,
						     struct bpf_dynptr *d, bool is_meta)
{
	struct kv_line *meta = NULL;
	enum kv_status status;
	__u16 crlf;
	__u32 line;

	line = is_meta ? kv_ms_line(f, w, d, &meta) : kv_set_line(f, w, d);
	if (!line)
		return KV_UP;
	w->value_off = w->frame_text + line;
	if (w->flow.payload_len != KV_UDP_HEADER + line + w->value_len + 2 ||
	    bpf_dynptr_read(&crlf, 2, d, w->value_off + w->value_len, 0) ||
	    crlf != bpf_htons(0x0d0a))
		return KV_UP;
	w->tier = KV_TIER_KERNEL;
	w->token = 0;
	if (kv_get_reply_len(w->key_len, w->flags, w->value_len) > kv_datagram_max)
		status = KV_TOO_BIG;
	else
		status = kv_set(w, d);
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
						      struct bpf_dynptr *d, bool get)
{
	struct kv_line *line = kv_line_load(f, w, d);
	enum kv_verdict verdict;

	if (!line)
		return KV_UP;
	verdict = kv_line_reply(f, w, line, get ? kv_meta_get(w) : kv_meta_delete(w));
	if (get && verdict == KV_REPLY)
		kv_meta_accessed(w);
	return verdict;
}

static __always_inline enum kv_verdict kv_packet_delete(struct kv_frame *f, struct kv_work *w,
							struct bpf_dynptr *d)
{
	__u32 end = kv_load(f, w, d, 7);

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

static __always_inline enum kv_verdict kv_packet_touch(struct kv_frame *f, struct kv_work *w,
						       struct bpf_dynptr *d)
{
	__u32 end = kv_load(f, w, d, 6), at;

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
	struct kv_address a = {};

	if (flow->kind & NET_IP6) {
		__builtin_memcpy(&a, flow->dst, sizeof(a));
		if (!a.word[0] && !a.word[1] && a.word[2] == bpf_htonl(0xffff))
			return false; /* IPv4 in this form is ours, and never on the wire */
	} else if (kv_listen_ip4) {
		return flow->dst[0] == kv_listen_ip4;
	} else {
		a.word[2] = bpf_htonl(0xffff);
		a.word[3] = flow->dst[0];
	}
	return bpf_map_lookup_elem(&kv_local, &a) != NULL;
}

/* Read all that comes before the text into @w. Returns the command's first letters, 0: not ours. */
static __always_inline __u32 kv_packet_start(struct kv_frame *f, struct kv_work *w, void *data,
					     void *data_end)
{
	struct kv_request_start *r;
	__u32 head;

	if (!net_udp_parse(data, data_end, net_frame_len(f->ctx, f->door), bpf_htons(kv_udp_port),
			   &w->flow))
		return 0;
	head = w->flow.head; /* read again: one number that is not known, not four that are */
	r = data + head;
	if (head > NET_HEAD_MAX || (void *)(r + 1) > data_end || w->flow.payload_len < sizeof(*r))
		return 0;
	/* Replies to our own port would go round for ever between two servers. */
	if (r->udp.sequence || r->udp.total != bpf_htons(1) ||
	    w->flow.sport == bpf_htons(kv_udp_port) || !kv_is_local(&w->flow))
		return 0;
	w->udp_id = r->udp.id;
	w->frame_text = head + KV_UDP_HEADER;
	return r->command;
}

static __always_inline enum kv_verdict kv_packet(struct kv_frame *f, void *data, void *data_end)
{
	__u32 zero = 0, command, meta;
	struct bpf_dynptr d;
	struct kv_work *w;

	w = bpf_map_lookup_elem(&kv_work, &zero);
	if (!w)
		return KV_UP;
	command = kv_packet_start(f, w, data, data_end);
	if (!command || net_frame_dynptr(f->ctx, f->door, &d))
		return KV_UP;
	if (command == KV_WORD4('g', 'e', 't', ' ') || command == KV_WORD4('g', 'e', 't', 's'))
		return kv_packet_get(f, w, &d, command == KV_WORD4('g', 'e', 't', ' ') ? 4 : 5);
	if (command == KV_WORD4('g', 'a', 't', ' ') || command == KV_WORD4('g', 'a', 't', 's'))
		return kv_packet_gets(f, w, &d, true);
	meta = command & KV_WORD4(0xff, 0xff, 0xff, 0);
	if (command == KV_WORD4('s', 'e', 't', ' ') || meta == KV_WORD4('m', 's', ' ', 0))
		return kv_packet_set(f, w, &d, meta == KV_WORD4('m', 's', ' ', 0));
	if (command == KV_WORD4('d', 'e', 'l', 'e'))
		return kv_packet_delete(f, w, &d);
	if (command == KV_WORD4('t', 'o', 'u', 'c'))
		return kv_packet_touch(f, w, &d);
	if (meta == KV_WORD4('m', 'g', ' ', 0) || meta == KV_WORD4('m', 'd', ' ', 0))
		return kv_packet_meta(f, w, &d, meta == KV_WORD4('m', 'g', ' ', 0));
	return KV_UP;
}

#endif /* KERBY_KV_PACKET_H */
