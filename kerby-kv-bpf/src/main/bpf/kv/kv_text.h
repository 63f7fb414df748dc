/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memcached's text: the request lines that the kernel answers and the lines it
 * answers with. Only the plain form of a request is taken, one space between
 * words and CR LF behind them; whatever else might still be valid, and all that
 * is not, is left to user space, which has the full grammar and the error texts.
 */
#ifndef KERBY_KV_TEXT_H
#define KERBY_KV_TEXT_H

#include "kv/kv_hash.h"

#define KV_REALTIME_MAX (60 * 60 * 24 * 30) /* longer times are points in Unix time */
#define KV_EXPTIME_MAX 0x7fffffff /* memcached reads a larger one as negative */
#define KV_UDP_HEADER 8 /* memcached's own, before the text: id, sequence, total, 0 */

static __always_inline __u8 kv_text_at(const struct kv_work *w, __u32 at)
{
	barrier_var(at); /* the compiler may know the bound, the verifier has to see it */
	return at < KV_TEXT_BYTES ? ((const __u8 *)w->text)[at] : 0;
}

static __always_inline bool kv_text_crlf(const struct kv_work *w, __u32 at)
{
	return kv_text_at(w, at) == '\r' && kv_text_at(w, at + 1) == '\n';
}

/*
 * Read a space and a decimal number of at most 32 bits at @at. Returns where it
 * ends, or 0 when there is none.
 */
static __always_inline __u32 kv_text_number(const struct kv_work *w, __u32 at, __u32 *value)
{
	__u64 n = 0;
	__u8 digit;
	int i;

	digit = kv_text_at(w, at + 1) - '0';
	if (kv_text_at(w, at) != ' ' || digit > 9)
		return 0;
	at++;
	/* Few turns, mostly one or two: a bpf_for would cost more than the digits. */
#pragma clang loop unroll(disable)
	for (i = 0; i < 11; i++) {
		digit = kv_text_at(w, at) - '0';
		if (digit > 9)
			break;
		n = n * 10 + digit;
		at++;
	}
	if (n > 0xffffffffULL)
		return 0;
	*value = n;
	return at;
}

/* memcached's exptime as a time of the boot clock. */
static __always_inline __u32 kv_exptime(__u32 exptime)
{
	struct kv_ctl *ctl = kv_ctl_get();
	__s64 at = exptime;

	if (!exptime)
		return KV_EXPTIME_NEVER;
	if (exptime <= KV_REALTIME_MAX)
		return kv_now() + exptime;
	if (ctl)
		at -= ctl->unix_minus_boot;
	return at <= KV_EXPTIME_PAST ? KV_EXPTIME_PAST : at;
}

/*
 * Read what follows the key of a set, " <flags> <exptime> <bytes>[ noreply]\r\n",
 * from byte @at of the text on. Returns where the value begins, or 0.
 */
__noinline int kv_text_set(struct kv_work *w, __u32 at)
{
	__u32 flags = 0, exptime = 0, bytes = 0;

	if (!w)
		return 0;
	at = kv_text_number(w, at, &flags);
	if (!at)
		return 0;
	at = kv_text_number(w, at, &exptime);
	if (!at || exptime > KV_EXPTIME_MAX)
		return 0;
	at = kv_text_number(w, at, &bytes);
	if (!at || bytes > KV_VALUE_MAX)
		return 0;
	w->flags = flags;
	w->exptime = kv_exptime(exptime);
	w->value_len = bytes;
	w->noreply = 0;
	return at;
}

/*
 * Read what follows the key of a touch, " <exptime>", from byte @at of the text
 * on. Returns where it ends, or 0.
 */
__noinline int kv_text_touch(struct kv_work *w, __u32 at)
{
	__u32 exptime = 0;

	if (!w)
		return 0;
	at = kv_text_number(w, at, &exptime);
	if (!at || exptime > KV_EXPTIME_MAX)
		return 0;
	w->exptime = kv_exptime(exptime);
	return at;
}

/* The end of a line at @at: CR LF, or " noreply" before it. Returns 0 if neither. */
static __always_inline __u32 kv_text_line_end(struct kv_work *w, __u32 at)
{
	static const char noreply[] = " noreply";
	__u32 i;

	if (kv_text_crlf(w, at))
		return at + 2;
	for (i = 0; i < sizeof(noreply) - 1; i++)
		if (kv_text_at(w, at + i) != noreply[i])
			return 0;
	at += sizeof(noreply) - 1;
	if (!kv_text_crlf(w, at))
		return 0;
	w->noreply = 1;
	return at + 2;
}

/* Decimal digits of @n. */
static __always_inline __u32 kv_digits(__u32 n)
{
	__u32 digits = 1, i;

	for (i = 0; i < 9 && n >= 10; i++) {
		n /= 10;
		digits++;
	}
	return digits;
}

/* Decimal digits of a cas id. A function of its own: its result is one unknown, not twenty. */
__noinline int kv_digits64(__u64 n)
{
	int digits = 1, i;

	for (i = 0; i < 19 && n >= 10; i++) {
		n /= 10;
		digits++;
	}
	return digits;
}

/* Bytes of "VALUE <key> <flags> <bytes>\r\n". */
static __always_inline __u32 kv_value_line(__u32 key_len, __u32 flags, __u32 value_len)
{
	return 6 + key_len + 1 + kv_digits(flags) + 1 + kv_digits(value_len) + 2;
}

/* Bytes of a datagram that answers a get: the most of any reply to a value. */
static __always_inline __u32 kv_get_reply_len(__u32 key_len, __u32 flags, __u32 value_len)
{
	return KV_UDP_HEADER + kv_value_line(key_len, flags, value_len) + value_len + 7;
}

/* Write a space and @n in decimal at byte @at; returns where it ends. */
__noinline int kv_text_put_number(struct kv_work *w, __u32 at, __u32 n)
{
	__u32 end = at + 1 + kv_digits(n), i, pos = end;
	__u8 *text = (__u8 *)w->text;

	if (!w)
		return 0;
	for (i = 0; i < 10; i++) {
		pos--;
		if (pos <= at || pos >= KV_TEXT_BYTES)
			break;
		text[pos] = '0' + n % 10;
		n /= 10;
	}
	if (at < KV_TEXT_BYTES)
		text[at] = ' ';
	return end;
}

/* Write a space and a cas id in decimal at byte @at; returns where it ends. */
__noinline int kv_text_put_cas(struct kv_work *w, __u32 at, __u64 cas)
{
	__u32 end, pos;
	__u8 *text;
	int i;

	if (!w || at >= KV_TEXT_BYTES)
		return 0;
	text = (__u8 *)w->text;
	text[at] = ' ';
	end = at + 1 + kv_digits64(cas);
	pos = end;
	bpf_for(i, 0, 20) {
		pos--;
		if (pos <= at || pos >= KV_TEXT_BYTES)
			break;
		text[pos] = '0' + cas % 10;
		cas /= 10;
	}
	return end;
}

/*
 * Complete "VALUE <key> <flags> <bytes>[ <cas>]\r\n" around the key in place;
 * returns its end.
 */
__noinline int kv_text_value_line(struct kv_work *w)
{
	__u8 *text = (__u8 *)w->text;
	__u32 at;

	if (!w || w->key_len > KV_KEY_MAX)
		return 0;
	__builtin_memcpy(text + KV_TEXT_KEY - 6, "VALUE ", 6);
	at = KV_TEXT_KEY + w->key_len;
	barrier_var(at);
	if (!w->found.flags && at < KV_TEXT_BYTES - 2) { /* mostly */
		text[at] = ' ';
		text[at + 1] = '0';
		at += 2;
	} else {
		at = kv_text_put_number(w, at, w->found.flags);
	}
	at = kv_text_put_number(w, at, w->found.value_len);
	if (w->with_cas)
		at = kv_text_put_cas(w, at, w->found.cas);
	if (at > KV_TEXT_BYTES - 2)
		return 0;
	text[at] = '\r';
	text[at + 1] = '\n';
	return at + 2;
}

#endif /* KERBY_KV_TEXT_H */
