/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The identity of a key: SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein) under
 * the random key in kv_ctl, so that nobody outside can choose keys that share a
 * bucket or an identity. The same pass over the words finds where the key ends.
 */
#ifndef KERBY_KV_HASH_H
#define KERBY_KV_HASH_H

#include "kv/kv_work.h"

#define KV_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

struct kv_sip {
	__u64 v0, v1, v2, v3;
};

static __always_inline void kv_sip_round(struct kv_sip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = KV_ROTL(s->v1, 13) ^ s->v0;
	s->v3 = KV_ROTL(s->v3, 16) ^ s->v2;
	s->v0 = KV_ROTL(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = KV_ROTL(s->v1, 17) ^ s->v2;
	s->v3 = KV_ROTL(s->v3, 21) ^ s->v0;
	s->v2 = KV_ROTL(s->v2, 32);
}

#define KV_BYTES(b) (0x0101010101010101ULL * (b))

/* 0x80 at the lowest byte of @w that is 0; above it there may be others. */
static __always_inline __u64 kv_zero_byte(__u64 w)
{
	return (w - KV_BYTES(1)) & ~w & KV_BYTES(0x80);
}

/*
 * 0x80 at the lowest byte of @w that ends a key, 0 if there is none: memcached
 * takes every byte into a key but NUL, LF, CR and space.
 */
static __always_inline __u64 kv_key_end(__u64 w)
{
	if (!((w - KV_BYTES(0x21)) & ~w & KV_BYTES(0x80)))
		return 0;
	return kv_zero_byte(w) | kv_zero_byte(w ^ KV_BYTES('\n')) |
	       kv_zero_byte(w ^ KV_BYTES('\r')) | kv_zero_byte(w ^ KV_BYTES(' '));
}

/*
 * Hash the key at KV_TEXT_KEY into w->identity and return its length: @len, or
 * when @len is 0 the number of bytes before one that ends a key. A key of more than
 * KV_KEY_MAX bytes gives some length above KV_KEY_MAX and no identity.
 */
__noinline int kv_hash_key(struct kv_work *w, __u32 len)
{
	struct kv_ctl *ctl = kv_ctl_get();
	struct kv_sip s;
	__u64 word, end, below;
	__u32 i, n = 0;

	if (!w || !ctl)
		return KV_KEY_MAX + 1;
	s.v0 = 0x736f6d6570736575ULL ^ ctl->hash_key[0];
	s.v1 = 0x646f72616e646f6dULL ^ ctl->hash_key[1];
	s.v2 = 0x6c7967656e657261ULL ^ ctl->hash_key[0];
	s.v3 = 0x7465646279746573ULL ^ ctl->hash_key[1];
	for (i = 0; i < KV_KEY_ROOM / 8; i++) {
		word = w->text[KV_TEXT_KEY / 8 + i];
		if (!len)
			end = kv_key_end(word);
		else
			end = len - i * 8 < 8 ? 0x80ULL << (8 * (len - i * 8)) : 0;
		if (end) {
			/* The lowest mark alone counts: a borrow may have made others. */
			below = ((end & -end) >> 7) - 1;
			n = i * 8 + (((below & KV_BYTES(1)) * KV_BYTES(1)) >> 56);
			word = (word & below) | ((__u64)n << 56);
			break;
		}
		s.v3 ^= word;
		kv_sip_round(&s);
		s.v0 ^= word;
	}
	if (i == KV_KEY_ROOM / 8)
		return KV_KEY_MAX + 1;
	s.v3 ^= word;
	kv_sip_round(&s);
	s.v0 ^= word;
	s.v2 ^= 0xff;
	kv_sip_round(&s);
	kv_sip_round(&s);
	kv_sip_round(&s);
	w->identity = (s.v0 ^ s.v1 ^ s.v2 ^ s.v3) & kv_identity_mask;
	w->key_len = n;
	return n;
}

#endif /* KERBY_KV_HASH_H */
