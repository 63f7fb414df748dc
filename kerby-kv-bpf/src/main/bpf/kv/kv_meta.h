/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The meta commands mg, ms and md of one plain key, with the flags that need
 * nothing of user space. What memcached 1.6.18 takes beside those, base64 keys,
 * stale items and win tokens among it, is left to user space.
 *
 * Global functions, as in kv_line.h.
 */
#ifndef KERBY_KV_META_H
#define KERBY_KV_META_H

#include "kv/kv_line.h"

/* A flag in a set of them: letters only. */
#define KV_FLAG(c) (1ULL << ((c) - 'A'))

#define KV_MG_FLAGS                                                                                \
	(KV_FLAG('c') | KV_FLAG('f') | KV_FLAG('h') | KV_FLAG('k') | KV_FLAG('l') | KV_FLAG('O') | \
	 KV_FLAG('q') | KV_FLAG('s') | KV_FLAG('t') | KV_FLAG('v') | KV_FLAG('T'))
#define KV_MS_FLAGS                                                                                \
	(KV_FLAG('c') | KV_FLAG('C') | KV_FLAG('F') | KV_FLAG('k') | KV_FLAG('M') | KV_FLAG('O') | \
	 KV_FLAG('q') | KV_FLAG('T'))
#define KV_MD_FLAGS (KV_FLAG('C') | KV_FLAG('k') | KV_FLAG('O') | KV_FLAG('q'))

/* The code of a reply, as it stands in memory. */
#define KV_CODE(a, b) bpf_htons((a) << 8 | (b))

/* What a reply shows beside its code. */
#define KV_SHOWN_ALWAYS (KV_FLAG('k') | KV_FLAG('O'))
#define KV_SHOWN_STORED (KV_SHOWN_ALWAYS | KV_FLAG('c'))
#define KV_SHOWN_HIT \
	(KV_SHOWN_STORED | KV_FLAG('f') | KV_FLAG('h') | KV_FLAG('l') | KV_FLAG('s') | KV_FLAG('t'))

/* Where the key of a meta command is in its line. */
#define KV_META_KEY 3

/*
 * Read at most 20 digits at byte @at of the text. Returns where they end, 0 when
 * there is none or the number has more than 64 bits.
 */
static __always_inline __u32 kv_meta_digits(const struct kv_work *w, __u32 at, __u64 *value)
{
	__u32 begin = at;
	__u64 n = 0;
	__u8 digit;
	int i;

	bpf_for(i, 0, 20) {
		digit = kv_text_at(w, at) - '0';
		if (digit > 9)
			break;
		/* 20 digits may be too many; none of those is a cas that we gave. */
		if (n > (~0ULL - 9) / 10)
			return 0;
		n = n * 10 + digit;
		at++;
	}
	*value = n;
	return at == begin ? 0 : at;
}

/* Read the argument of flag @flag at byte @at of the text into @w; returns its end, 0: not ours. */
static __noinline __u32 kv_meta_argument(struct kv_work *w, struct kv_line *line, __u8 flag,
					 __u32 at)
{
	__u64 n = 0;
	__u8 c;
	int i;

	if (flag == 'O') {
		line->opaque = at;
		bpf_for(i, 0, KV_META_OPAQUE_MAX + 1) {
			c = kv_text_at(w, at);
			if (c == ' ' || c == '\r' || c == '\n' || !c)
				break;
			at++;
		}
		line->opaque_len = at - line->opaque;
		return line->opaque_len > KV_META_OPAQUE_MAX ? 0 : at;
	}
	if (flag == 'M') {
		c = kv_text_at(w, at);
		if (c != 'S' && c != 'E' && c != 'R')
			return 0;
		w->cond = c == 'E' ? KV_IF_ABSENT : c == 'R' ? KV_IF_PRESENT : KV_IF_ANY;
		return at + 1;
	}
	at = kv_meta_digits(w, at, &n);
	if (!at)
		return 0;
	if (flag == 'C') {
		w->cas = n;
		return at;
	}
	if (n > 0xffffffffULL)
		return 0;
	if (flag == 'F') {
		w->flags = n;
		return at;
	}
	/* A point in Unix time has edges that user space knows better. */
	if (n > KV_REALTIME_MAX)
		return 0;
	w->exptime = kv_exptime(n);
	return at;
}

/*
 * Read the flags from byte @at of the text to the line's end; @allowed is a set
 * of KV_FLAG(). Returns the end, 0 when there is something else.
 */
__noinline int kv_meta_flags(struct kv_work *w, __u32 at, __u64 allowed)
{
	struct kv_line *line = kv_line_get();
	const __u64 arguments =
		KV_FLAG('O') | KV_FLAG('M') | KV_FLAG('C') | KV_FLAG('F') | KV_FLAG('T');
	__u32 n = 0;
	__u64 seen = 0, bit;
	__u8 flag;
	int i;

	if (!w || !line)
		return 0;
	bpf_for(i, 0, KV_META_FLAGS) {
		if (kv_text_at(w, at) != ' ')
			break;
		flag = kv_text_at(w, at + 1);
		at += 2;
		bit = flag >= 'A' && flag <= 'z' ? KV_FLAG(flag) : 0;
		if (!(bit & allowed & ~seen)) {
			at = 0;
			break;
		}
		seen |= bit;
		line->flags[i] = flag;
		n = i + 1;
		if (bit & arguments)
			at = kv_meta_argument(w, line, flag, at);
		if (!at)
			break;
	}
	line->flag_count = n;
	line->seen = seen;
	return at && kv_text_crlf(w, at) ? at + 2 : 0;
}

/*
 * Bring the line of a meta command in, hash its key and read its flags, which a
 * number for @value_len precedes if it is a set. Returns the line's length, 0:
 * not ours.
 */
static __always_inline __u32 kv_meta_line(struct kv_work *w, __u64 allowed, bool set)
{
	struct kv_line *line = kv_line_get();
	__u32 len, at;

	if (!line)
		return 0;
	len = kv_line_key(w, KV_META_KEY);
	if (!len)
		return 0;
	at = KV_TEXT_KEY + len;
	if (set) {
		at = kv_text_number(w, at, &w->value_len);
		if (!at || w->value_len > KV_VALUE_MAX)
			return 0;
		w->flags = 0;
	}
	w->exptime = KV_EXPTIME_NEVER;
	at = kv_meta_flags(w, at, allowed);
	if (!at)
		return 0;
	/* What a cas and a mode come to together is user space's to say. */
	if (line->seen & KV_FLAG('C')) {
		if (line->seen & KV_FLAG('M'))
			return 0;
		w->cond = KV_IF_CAS;
	}
	/* The opaque is read from the request later, when the text is the reply's. */
	line->opaque += KV_META_KEY - KV_TEXT_KEY;
	return at - KV_TEXT_KEY + KV_META_KEY;
}

/* Write @n in decimal at byte @at of w->block; returns where it ends. */
__noinline int kv_meta_number(struct kv_work *w, __u32 at, __u64 n)
{
	__u32 end = at + kv_digits64(n), pos = end;
	int i;

	if (!w)
		return 0;
	bpf_for(i, 0, 20) {
		pos--;
		if (pos < at || pos >= sizeof(w->block))
			break;
		w->block[pos] = '0' + n % 10;
		n /= 10;
	}
	return end;
}

/* The number that flag @flag shows of the item in w->found. */
static __always_inline __u64 kv_meta_shown(const struct kv_work *w, __u8 flag)
{
	struct kv_ctl *ctl = kv_ctl_get();
	__u64 now;

	switch (flag) {
	case 'c':
		return w->found.cas;
	case 'f':
		return w->found.flags;
	case 'h':
		return w->found.fetched;
	case 'l':
		return ctl ? ctl->epoch - w->found.last_access : 0;
	case 't':
		now = kv_now();
		return now < w->found.exptime ? w->found.exptime - now : 0;
	default:
		return w->found.value_len;
	}
}

/* Append the argument that flag @flag has in a reply at byte @at of w->block; returns its end. */
static __noinline __u32 kv_meta_show(struct kv_work *w, struct kv_line *line, __u8 flag, __u32 at)
{
	__u32 from = line->opaque, len;

	barrier_var(at);
	if (at > KERBY_BLOCK_BYTES_MAX)
		return at;
	if (flag == 'k') {
		len = w->key_len;
		if (len > KV_KEY_MAX)
			return at;
		if (len)
			bpf_probe_read_kernel(&w->block[at], len, &w->text[KV_TEXT_KEY / 8]);
		return at + len;
	}
	if (flag == 'O') {
		len = line->opaque_len;
		barrier_var(len);
		if (len && len <= KV_META_OPAQUE_MAX && from < KV_LINE_MAX)
			bpf_probe_read_kernel(&w->block[at], len, line->request + from);
		return at + len;
	}
	if (flag == 't' && w->found.exptime == KV_EXPTIME_NEVER) {
		w->block[at] = '-';
		w->block[at + 1] = '1';
		return at + 2;
	}
	return kv_meta_number(w, at, kv_meta_shown(w, flag));
}

/*
 * Make the reply's line in w->block: @code, the value's length if it is VA, and
 * those of the request's flags that @shown has. Returns its length.
 */
__noinline int kv_meta_reply(struct kv_work *w, __u16 code, __u64 shown)
{
	struct kv_line *line = kv_line_get();
	__u32 at = 2, n;
	__u8 flag;
	int i;

	if (!w || !line)
		return 0;
	*(__u16 *)w->block = code;
	if (code == KV_CODE('V', 'A')) {
		w->block[2] = ' ';
		at = kv_meta_number(w, 3, w->found.value_len);
	}
	n = line->flag_count;
	bpf_for(i, 0, n) {
		if (i >= KV_META_FLAGS || at > KERBY_BLOCK_BYTES_MAX)
			break;
		flag = line->flags[i];
		if (flag < 'A' || flag > 'z' || !(shown & KV_FLAG(flag)))
			continue;
		w->block[at] = ' ';
		w->block[at + 1] = flag;
		at = kv_meta_show(w, line, flag, at + 2);
	}
	barrier_var(at);
	if (at > KERBY_BLOCK_BYTES_MAX)
		return 0;
	w->block[at] = '\r';
	w->block[at + 1] = '\n';
	return at + 2;
}

/*
 * Complete a reply whose value, if @code is VA, is at w->value_off of the line.
 * Returns what the functions for commands do.
 */
static __noinline int kv_meta_answer(struct kv_work *w, struct kv_line *line, __u16 code,
				     __u64 shown)
{
	__u32 reply = offsetof(struct kv_line, reply), len = kv_meta_reply(w, code, shown),
	      begin = 0;
	struct bpf_dynptr l;
	__u32 value_len = 0;

	if (!kv_line_dynptr(&l))
		return KV_LINE_UP;
	if (code == KV_CODE('V', 'A')) {
		begin = w->value_off - reply - len;
		value_len = w->found.value_len + 2;
		if (KV_UDP_HEADER + len + value_len > kv_datagram_max ||
		    bpf_dynptr_write(&l, w->value_off + w->found.value_len, "\r\n", 2, 0))
			return KV_LINE_UP;
	}
	barrier_var(len);
	if (!len || len > sizeof(w->block) || bpf_dynptr_write(&l, reply + begin, w->block, len, 0))
		return KV_LINE_UP;
	line->begin = begin;
	return len + value_len;
}

/* "mg <key> <flag>*" */
__noinline int kv_meta_get(struct kv_work *w)
{
	struct kv_line *line = kv_line_get();
	__u8 how = 0;
	__u64 seen;
	int item;

	if (!w || !line || kv_meta_line(w, KV_MG_FLAGS, false) != line->len)
		return KV_LINE_UP;
	seen = line->seen;
	if (seen & KV_FLAG('v'))
		how |= KV_FIND_VALUE;
	if (seen & KV_FLAG('T'))
		how |= KV_FIND_TOUCH;
	if (how & KV_FIND_TOUCH && seen & KV_FLAG('t'))
		return KV_LINE_UP; /* the order of the two decides which time is shown */
	w->keep_bits = KV_KEEP_ACCESS; /* h and l show what was before, at this door or the next */
	w->with_cas = 0;
	/* In front of the value there has to be room for the line. */
	item = kv_line_find(w, KV_LINE_BEGIN_MAX, sizeof(line->reply) - 2, how);
	if (item == KV_ITEM_UP ||
	    (item == KV_ITEM_HIT &&
	     w->found.state & (KV_STATE_STALE | KV_STATE_WON | KV_STATE_BINARY))) {
		kv_count(w->path, KV_OP_GET, KV_RESULT_PASSED);
		return KV_LINE_UP;
	}
	if (item == KV_ITEM_MISS) {
		kv_line_count(w, how & KV_FIND_TOUCH, 0, 1);
		if (seen & KV_FLAG('q'))
			return KV_LINE_SILENT;
		return kv_meta_answer(w, line, KV_CODE('E', 'N'), KV_SHOWN_ALWAYS);
	}
	item = kv_meta_answer(w, line, how & KV_FIND_VALUE ? KV_CODE('V', 'A') : KV_CODE('H', 'D'),
			      KV_SHOWN_HIT);
	if (item != KV_LINE_UP)
		kv_line_count(w, how & KV_FIND_TOUCH, 1, 0);
	return item;
}

/* An mg's reply is on its way: now the item has been accessed. */
__noinline int kv_meta_accessed(struct kv_work *w)
{
	struct kv_ctl *ctl = kv_ctl_get();
	struct kv_entry *e;

	if (!w || !ctl)
		return 0;
	e = bpf_map_lookup_elem(&kv_index, &w->identity);
	if (e && KV_READ_ONCE(e->word) == w->found.word) {
		kv_entry_stamp(e, ctl, w);
		kv_entry_fetched(e, w);
	}
	return 0;
}

/* "md <key> <flag>*" */
__noinline int kv_meta_delete(struct kv_work *w)
{
	struct kv_line *line = kv_line_get();

	if (!w || !line || kv_meta_line(w, KV_MD_FLAGS, false) != line->len)
		return KV_LINE_UP;
	switch (kv_delete(w)) {
	case KV_OK:
		kv_count(w->path, KV_OP_DELETE, KV_RESULT_DELETED);
		if (line->seen & KV_FLAG('q'))
			return KV_LINE_SILENT;
		return kv_meta_answer(w, line, KV_CODE('H', 'D'), KV_SHOWN_ALWAYS);
	case KV_MISS:
		kv_count(w->path, KV_OP_DELETE, KV_RESULT_NOT_FOUND);
		return kv_meta_answer(w, line, KV_CODE('N', 'F'), KV_SHOWN_ALWAYS);
	case KV_EXISTS:
		kv_count(w->path, KV_OP_DELETE, KV_RESULT_NOT_FOUND);
		return kv_meta_answer(w, line, KV_CODE('E', 'X'), KV_SHOWN_ALWAYS);
	default:
		kv_count(w->path, KV_OP_DELETE, KV_RESULT_PASSED);
		return KV_LINE_UP;
	}
}

/*
 * Read "ms <key> <length> <flag>*" into @w. Returns the line's length, 0: not
 * ours. Its reply always has room where the request was: nothing is stored for
 * which there is then no answer.
 */
__noinline int kv_meta_set(struct kv_work *w)
{
	struct kv_line *line = kv_line_get();
	struct kv_ctl *ctl = kv_ctl_get();
	__u32 len, reply = 4;

	if (!w || !line || !ctl)
		return 0;
	len = kv_meta_line(w, KV_MS_FLAGS, true);
	if (!len)
		return 0;
	if (line->seen & KV_FLAG('c'))
		reply += 2 + kv_digits64(ctl->next_version) + 1; /* it grows meanwhile */
	if (line->seen & KV_FLAG('k'))
		reply += 2 + w->key_len;
	if (line->seen & KV_FLAG('O'))
		reply += 2 + line->opaque_len;
	return KV_UDP_HEADER + reply <= w->flow.payload_len ? len : 0;
}

/* The reply to an ms that ended with @status. */
__noinline int kv_meta_stored(struct kv_work *w, int status)
{
	struct kv_line *line = kv_line_get();

	if (!w || !line)
		return KV_LINE_UP;
	if (status == KV_OK) {
		kv_count(w->path, KV_OP_SET, KV_RESULT_STORED);
		if (line->seen & KV_FLAG('q'))
			return KV_LINE_SILENT;
		w->found.cas = w->fresh.word >> 1;
		return kv_meta_answer(w, line, KV_CODE('H', 'D'), KV_SHOWN_STORED);
	}
	if (status != KV_MISS && status != KV_EXISTS)
		return KV_LINE_UP;
	w->found.cas = 0;
	if (w->cond != KV_IF_CAS) {
		kv_count(w->path, KV_OP_SET, KV_RESULT_ERROR);
		return kv_meta_answer(w, line, KV_CODE('N', 'S'), KV_SHOWN_STORED);
	}
	if (status == KV_MISS) {
		kv_count(w->path, KV_OP_SET, KV_RESULT_NOT_FOUND);
		return kv_meta_answer(w, line, KV_CODE('N', 'F'), KV_SHOWN_STORED);
	}
	kv_count(w->path, KV_OP_SET, KV_RESULT_ERROR);
	return kv_meta_answer(w, line, KV_CODE('E', 'X'), KV_SHOWN_STORED);
}

#endif /* KERBY_KV_META_H */
