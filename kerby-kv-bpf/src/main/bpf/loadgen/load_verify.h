/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a reply is exactly one of its key's values, of whatever version. */
#ifndef KERBY_LOAD_VERIFY_H
#define KERBY_LOAD_VERIFY_H

#include "loadgen/load_text.h"

#define LOAD_SCRATCH_BYTES 2048 /* a power of two, longer than any text */

/* A text where any of its bytes can be looked at. */
struct load_scratch {
	__u8 text[LOAD_SCRATCH_BYTES];
	__u8 beyond[8]; /* what reading a word at the end touches */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct load_scratch);
} load_scratch SEC(".maps");

/* Characters of a text from @at on, the first in the lowest byte. */
static __always_inline __u64 load_at(const struct load_scratch *s, __u32 at)
{
	return *(const __u64 *)(s->text + (at & (LOAD_SCRATCH_BYTES - 1)));
}

/* A mask for the first @bytes of a word, 1 to 8. */
static __always_inline __u64 load_mask(__u32 bytes)
{
	return ~0ULL >> (64 - bytes * 8);
}

/* Whether the text from @at on is the @len bytes at @expected, where @room are and a word more. */
static __always_inline bool load_same(const struct load_scratch *s, __u32 at, const __u8 *expected,
				      __u32 len, __u32 room)
{
	bool same = true;
	__u64 different;
	__u32 i, left;

	bpf_for(i, 0, (len + 7) / 8) {
		if (i > room / 8)
			break;
		different = load_at(s, at + i * 8) ^ *(const __u64 *)(expected + i * 8);
		left = len - i * 8;
		if (left < 8)
			different &= load_mask(left);
		if (different) {
			same = false;
			break;
		}
	}
	return same;
}

/* Whether the @len bytes from @at on are one of the values of key number @key. */
static __always_inline bool load_is_value_of(const struct load_scratch *s, __u32 at, __u32 key,
					     __u32 len)
{
	__u64 head = load_at(s, at), bits;
	__u32 zero = 0;
	__u8 *pattern = bpf_map_lookup_elem(&load_pattern, &zero);

	if (!pattern)
		return false;
	if (len < LOAD_VALUE_HEAD)
		return !len || !((head ^ load_bits(key, len)) & load_mask(len));
	bits = load_bits(key, head); /* the version is its lower half */
	return head >> 32 == load_check(bits, len) &&
	       load_same(s, at + LOAD_VALUE_HEAD, pattern + load_pattern_start(bits),
			 len - LOAD_VALUE_HEAD, LOAD_VALUE_MAX);
}

/* The length of a value whose length and digits, as text, take @both bytes. ~0 if there is none. */
static __always_inline __u32 load_value_len(__u32 both)
{
	__u32 len = both - 1;

	if (len >= 10)
		len--;
	if (len >= 100)
		len--;
	if (len >= 1000)
		len--;
	return both && len + load_digits(len) == both ? len : ~0U;
}

/* Whether the text of a reply is "VALUE KEY 0 LEN\r\n", value, "\r\nEND\r\n" for its key. */
static __noinline bool load_is_value(struct xdp_md *ctx, const struct load_request *r,
				     __u32 text_len)
{
	const __u32 around = 6 + 3 + 2 + 7; /* what is neither key, digits nor value */
	__u32 zero = 0, index = r->key & ~LOAD_SET, key_len, len, digits, at;
	struct load_scratch *s = bpf_map_lookup_elem(&load_scratch, &zero);
	struct load_key *key = bpf_map_lookup_elem(&load_keys, &index);

	if (!s || !key || text_len > LOAD_SCRATCH_BYTES)
		return false;
	key_len = key->len;
	if (!key_len || key_len > load_key_room || text_len < around + key_len)
		return false;
	barrier_var(text_len); /* the verifier does not see that it is not 0 */
	if (!text_len || bpf_xdp_load_bytes(ctx, LOAD_TEXT, s->text, text_len))
		return false;
	len = load_value_len(text_len - around - key_len);
	if (len > load_value_max || (load_at(s, 4) & load_mask(2)) != ('E' | ' ' << 8) ||
	    !load_same(s, 6, key->text, key_len, load_key_room))
		return false;
	at = 6 + key_len;
	if ((load_at(s, at) & load_mask(3)) != (' ' | '0' << 8 | ' ' << 16))
		return false;
	at += 3;
	digits = load_digits(len);
	if ((load_at(s, at) & load_mask(digits)) != load_decimal(len))
		return false;
	at += digits;
	if ((load_at(s, at) & load_mask(2)) != ('\r' | '\n' << 8))
		return false;
	at += 2;
	if (!load_is_value_of(s, at, index, len))
		return false;
	/* "\r\nEND\r\n" */
	return (load_at(s, at + len) & load_mask(7)) == 0x0a0d444e450a0dULL;
}

#endif /* KERBY_LOAD_VERIFY_H */
