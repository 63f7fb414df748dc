/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests whose lines or replies have no fixed shape: several keys, get and
 * touch, the meta commands. The line is copied out of the packet and the reply
 * put together beside it, so that the frame is as it came until all is done.
 *
 * Global functions, which the verifier checks once for both doors. Those for a
 * command return the length of the reply in kv_line, or KV_LINE_*.
 */
#ifndef KERBY_KV_LINE_H
#define KERBY_KV_LINE_H

#include "kv/kv_engine.h"
#include "kv/kv_text.h"

#define KV_LINE_UP 0 /* not for the kernel, or not now */
#define KV_LINE_SILENT (-1) /* done, and no reply is wanted */

#define KV_LINE_MAX 2048 /* bytes of a line and what follows; longer ones go up */
#define KV_LINE_KEYS 64 /* keys of a get */
#define KV_LINE_WINDOW (KV_TEXT_BYTES - KV_TEXT_KEY) /* what of a line is in the text at once */
#define KV_LINE_BEGIN_MAX 512
#define KV_META_FLAGS 12
#define KV_META_OPAQUE_MAX 31 /* bytes, as memcached 1.6.18 has it */

struct kv_line {
	__u8 request[KV_LINE_MAX + KV_LINE_WINDOW]; /* as much as there is room for, and a 0 */
	__u32 len; /* of the request's text, all of it */
	/* The flags of a meta command, in the order of the request. */
	__u8 flags[KV_META_FLAGS];
	__u32 flag_count;
	__u64 seen; /* a set of KV_FLAG() */
	__u32 opaque, opaque_len; /* where it is in the request */
	__u32 begin; /* where in reply it begins */
	/* Reading a chain writes up to a key's length in front of the value. */
	__u8 room[KV_KEY_ROOM];
	__u8 reply[KV_LINE_BEGIN_MAX + KV_TEXT_BYTES + KV_VALUE_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kv_line);
} kv_line SEC(".maps");

static __always_inline struct kv_line *kv_line_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&kv_line, &zero);
}

/* The same, for reading and writing at places that are not known before. */
static __always_inline bool kv_line_dynptr(struct bpf_dynptr *l)
{
	struct kv_line *line = kv_line_get();

	return line && !bpf_dynptr_from_mem(line, sizeof(*line), 0, l);
}

/*
 * Bring the line from byte @pos on into the text, and hash the key that it
 * begins with. Returns the key's length, 0 if there is none.
 */
__noinline int kv_line_key(struct kv_work *w, __u32 pos)
{
	struct bpf_dynptr l;
	int len;

	if (!w || !kv_line_dynptr(&l) ||
	    bpf_dynptr_read(&w->text[KV_TEXT_KEY / 8], KV_LINE_WINDOW, &l, pos, 0))
		return 0;
	len = kv_hash_key(w, 0);
	return len < 1 || len > KV_KEY_MAX ? 0 : len;
}

/* How reading an item ended. */
enum kv_line_item { KV_ITEM_HIT, KV_ITEM_MISS, KV_ITEM_UP };

/* What kv_line_find() is to do. */
enum kv_line_how {
	KV_FIND_TOUCH = 1, /* touch the item first; w->keep_bits say how */
	KV_FIND_VALUE = 2, /* copy the value */
};

/*
 * One attempt at kv_line_find(), of version @touched if that is not 0. -1: try
 * again.
 */
static __always_inline int kv_line_read(struct kv_work *w, __u32 at, __u32 end, __u8 how,
					__u64 touched)
{
	struct kv_entry *e = bpf_map_lookup_elem(&kv_index, &w->identity);
	struct kv_ctl *ctl = kv_ctl_get();
	enum kv_found found;
	struct bpf_dynptr l;
	int result;

	if (!ctl || !kv_line_dynptr(&l))
		return KV_ITEM_UP;
	if (!e)
		return touched ? -1 : KV_ITEM_MISS;
	found = kv_entry_read(e, ctl, w, w->keep_bits);
	if (found == KV_FOUND_BUSY || (touched && w->found.word != touched))
		return -1;
	/* A touch to the next second may have ended the item meanwhile: this is its answer. */
	if (found == KV_FOUND_EXPIRED && !touched)
		return kv_entry_same(e, w) ? KV_ITEM_MISS : -1;
	at += kv_value_line(w->key_len, w->found.flags, w->found.value_len);
	if (w->with_cas)
		at += 1 + kv_digits64(w->found.cas);
	w->value_off = offsetof(struct kv_line, reply) + at;
	if (!(how & KV_FIND_VALUE))
		result = kv_chain_check_key(w, e);
	else if (w->found.tier != KV_TIER_KERNEL || at + w->found.value_len > end)
		return kv_entry_same(e, w) ? KV_ITEM_UP : -1;
	else
		result = kv_chain_read(w, e, &l);
	if (!kv_entry_same(e, w) || result == KV_CHAIN_GONE)
		return -1;
	if (result == KV_CHAIN_OTHER_KEY)
		return KV_ITEM_MISS;
	if (!(w->keep_bits & KV_KEEP_ACCESS))
		kv_entry_fetched(e, w);
	return KV_ITEM_HIT;
}

/*
 * Find the key in @w as @how says. The value is copied to w->value_off of the
 * line: in the reply, behind a VALUE line at @at, and not beyond @end; if it
 * does not fit, KV_ITEM_UP. What is read is the version touched.
 */
__noinline int kv_line_find(struct kv_work *w, __u32 at, __u32 end, __u8 how)
{
	int i, result = -1;
	__u64 touched = 0;

	if (!w)
		return KV_ITEM_UP;
	bpf_for(i, 0, KV_TRIES) {
		if (how & KV_FIND_TOUCH) {
			result = kv_touch(w);
			if (result != KV_OK) {
				result = result == KV_MISS ? KV_ITEM_MISS : KV_ITEM_UP;
				break;
			}
			touched = w->fresh.word;
		}
		result = kv_line_read(w, at, end, how, touched);
		if (result >= 0)
			break;
	}
	return result < 0 ? KV_ITEM_UP : result;
}

/* Append "VALUE ...\r\n<value>\r\n" of what was found; returns the reply's new length, 0: failed. */
__noinline int kv_line_value(struct kv_work *w, __u32 at)
{
	__u32 reply = offsetof(struct kv_line, reply), len;
	struct bpf_dynptr l;

	if (!w || !kv_line_dynptr(&l))
		return 0;
	len = kv_text_value_line(w) - (KV_TEXT_KEY - 6);
	barrier_var(len);
	if (len > KV_LINE_WINDOW ||
	    bpf_dynptr_write(&l, reply + at, (__u8 *)w->text + KV_TEXT_KEY - 6, len, 0) ||
	    bpf_dynptr_write(&l, w->value_off + w->found.value_len, "\r\n", 2, 0))
		return 0;
	return w->value_off - reply + w->found.value_len + 2;
}

/* Count what the keys of one get or gat came to. */
static __always_inline void kv_line_count(const struct kv_work *w, bool touch, __u32 hits,
					  __u32 misses)
{
	struct kv_stats *st = kv_stats_mine();
	__u8 path = w->path;

	if (!st || path >= KV_PATH_MAX)
		return;
	if (touch) {
		st->requests[path][KV_OP_TOUCH][KV_RESULT_HIT] += hits;
		st->requests[path][KV_OP_TOUCH][KV_RESULT_NOT_FOUND] += misses;
	} else {
		st->requests[path][KV_OP_GET][KV_RESULT_HIT] += hits;
		st->requests[path][KV_OP_GET][KV_RESULT_MISS] += misses;
	}
}

/* "get[s] <key>*" or, with @touch, "gat[s] <exptime> <key>*"; a space is at @pos. */
__noinline int kv_line_gets(struct kv_work *w, __u32 pos, bool touch)
{
	struct kv_line *line = kv_line_get();
	__u8 how = KV_FIND_VALUE | (touch ? KV_FIND_TOUCH : 0), next;
	__u32 at = 0, hits = 0, misses = 0, len;
	struct bpf_dynptr l;
	bool done = false;
	int i, item;

	if (!w || !line || !kv_line_dynptr(&l))
		return KV_LINE_UP;
	if (touch) {
		if (bpf_dynptr_read(&w->text[KV_TEXT_KEY / 8], KV_LINE_WINDOW, &l, pos, 0))
			return KV_LINE_UP;
		len = kv_text_touch(w, KV_TEXT_KEY);
		if (!len)
			return KV_LINE_UP;
		/* That ends the item, and then user space could not answer with its value any more. */
		if (w->exptime && w->exptime <= kv_now())
			return KV_LINE_UP;
		pos += len - KV_TEXT_KEY;
		if (kv_text_at(w, len) != ' ')
			return KV_LINE_UP;
	}
	bpf_for(i, 0, KV_LINE_KEYS) {
		len = kv_line_key(w, pos + 1);
		if (!len)
			break;
		pos += 1 + len;
		next = kv_text_at(w, KV_TEXT_KEY + len);
		done = pos + 2 == line->len && kv_text_crlf(w, KV_TEXT_KEY + len);
		if (!done && next != ' ')
			break;
		item = kv_line_find(w, at, kv_datagram_max - KV_UDP_HEADER - 7, how);
		if (item == KV_ITEM_HIT) {
			at = kv_line_value(w, at);
			hits++;
		} else {
			misses++;
		}
		if (item == KV_ITEM_UP || (item == KV_ITEM_HIT && !at)) {
			kv_count(w->path, touch ? KV_OP_TOUCH : KV_OP_GET, KV_RESULT_PASSED);
			done = false;
			break;
		}
		if (done)
			break;
	}
	if (!done || bpf_dynptr_write(&l, offsetof(struct kv_line, reply) + at, "END\r\n", 5, 0))
		return KV_LINE_UP;
	kv_line_count(w, touch, hits, misses);
	line->begin = 0;
	return at + 5;
}

#endif /* KERBY_KV_LINE_H */
