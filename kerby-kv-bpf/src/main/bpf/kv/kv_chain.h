/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains: the blocks that hold an item. A chain is the run of consecutive pool
 * indexes that one allocation gave; its bytes are the key and then, in the
 * kernel tier, the value, with nothing between. What the last block holds
 * behind that is of no account.
 *
 * Global functions, so that the verifier checks each once and not along every
 * path that leads to it.
 */
#ifndef KERBY_KV_CHAIN_H
#define KERBY_KV_CHAIN_H

#include "kv/kv_work.h"

enum kv_chain_result {
	KV_CHAIN_OK = 0,
	KV_CHAIN_OTHER_KEY = 1,
	KV_CHAIN_GONE = 2, /* a block is missing, or a packet could not be read */
};

/* Blocks of a chain for @key_len + @value_len bytes: at least one. */
static __always_inline __u32 kv_chain_blocks(__u32 key_len, __u32 value_len)
{
	return kerby_blocks(key_len + value_len);
}

#define KV_KEY_SHORT 32 /* bytes: the least block holds them */

/* Is this the first block of the key in @w? For keys of at most KV_KEY_SHORT bytes: no loop. */
static __always_inline bool kv_block_has_short_key(const struct kv_work *w, const __u64 *block)
{
	const __u64 *key = &w->text[KV_TEXT_KEY / 8];
	__u32 len = w->key_len;
	__u64 diff = 0;
	int j;

#pragma unroll
	for (j = 0; j < KV_KEY_SHORT / 8; j++) {
		if (len < 8 * (j + 1))
			return !(diff | ((key[j] ^ block[j]) & ((1ULL << (8 * (len & 7))) - 1)));
		diff |= key[j] ^ block[j];
	}
	return !diff;
}

/*
 * Compare the key in @w with the part of it that @block, which begins @off
 * bytes into the chain, should hold. Whole words, the last one masked.
 */
static __always_inline bool kv_block_has_key(const struct kv_work *w, const __u64 *block, __u32 off)
{
	__u32 at = KV_TEXT_KEY / 8 + off / 8, left, words;
	__u64 diff = 0, x;
	int j;

	if (off >= w->key_len)
		return true;
	if (w->key_len <= KV_KEY_SHORT)
		return kv_block_has_short_key(w, block);
	left = w->key_len - off;
	words = (left + 7) / 8;
	bpf_for(j, 0, words) {
		if (at + j >= KV_TEXT_BYTES / 8 || j >= kerby_block_bytes / 8)
			break;
		x = w->text[at + j] ^ block[j];
		if (left < 8)
			x &= (1ULL << (8 * left)) - 1;
		diff |= x;
		left -= 8;
	}
	return !diff;
}

/* Look up block @i of the chain found in @w, and compare its part of the key. */
static __always_inline int kv_chain_block(const struct kv_work *w, int i, void **block)
{
	*block = kerby_pool_block(w->found.first + i);
	if (!*block)
		return KV_CHAIN_GONE;
	return kv_block_has_key(w, *block, i * kerby_block_bytes) ? KV_CHAIN_OK
								  : KV_CHAIN_OTHER_KEY;
}

/* Bytes of @w's value that its chain holds: none in the user tier. */
static __always_inline __u32 kv_chained_len(const struct kv_work *w)
{
	return w->tier == KV_TIER_KERNEL ? w->value_len : 0;
}

/* Copy the key of the chain found in @w to its place in the text. */
__noinline int kv_chain_key(struct kv_work *w)
{
	__u32 at = KV_TEXT_KEY / 8, end;
	int i, j, n, result = KV_CHAIN_OK;
	__u64 *block;

	if (!w || w->found.key_len > KV_KEY_MAX)
		return KV_CHAIN_GONE;
	end = at + (w->found.key_len + 7) / 8;
	n = kerby_blocks(w->found.key_len);
	bpf_for(i, 0, n) {
		block = kerby_pool_block(w->found.first + i);
		if (!block) {
			result = KV_CHAIN_GONE;
			break;
		}
		bpf_for(j, 0, kerby_block_bytes / 8) {
			if (at >= end || at >= KV_TEXT_BYTES / 8 || j >= KERBY_BLOCK_BYTES_MAX / 8)
				break;
			w->text[at++] = block[j];
		}
	}
	w->key_len = w->found.key_len;
	return result;
}

/* Is the chain found in @w that of the key in @w? */
__noinline int kv_chain_check_key(struct kv_work *w)
{
	int i, n, result = KV_CHAIN_OK;
	void *block;

	if (!w)
		return KV_CHAIN_GONE;
	if (w->found.key_len != w->key_len)
		return KV_CHAIN_OTHER_KEY;
	n = kerby_blocks(w->key_len);
	bpf_for(i, 0, n) {
		result = kv_chain_block(w, i, &block);
		if (result != KV_CHAIN_OK)
			break;
	}
	return result;
}

/*
 * Copy the value of the chain found in @w to offset w->value_off of @out, and
 * compare the key on the way. Blocks are copied whole, so up to key_len bytes
 * in front of value_off are overwritten: the caller writes those afterwards.
 */
static __noinline int kv_chain_read(struct kv_work *w, struct bpf_dynptr *out)
{
	__u32 total, off, len, base;
	int i, n, result = KV_CHAIN_OK;
	void *block;

	if (w->found.key_len != w->key_len)
		return KV_CHAIN_OTHER_KEY;
	n = w->found.blocks;
	total = w->key_len + w->found.value_len;
	base = w->value_off - w->key_len;
	bpf_for(i, 0, n) {
		result = kv_chain_block(w, i, &block);
		if (result != KV_CHAIN_OK)
			break;
		off = i * kerby_block_bytes;
		if (off + kerby_block_bytes <= w->key_len || off >= total)
			continue;
		len = total - off;
		if (len > kerby_block_bytes)
			len = kerby_block_bytes;
		if (bpf_dynptr_write(out, base + off, block, len, 0)) {
			result = KV_CHAIN_GONE;
			break;
		}
	}
	return result;
}

/* Put the chain's bytes from @off on, a block of them at most, into w->block. */
static __always_inline bool kv_block_compose(struct kv_work *w, struct bpf_dynptr *src, __u32 off,
					     __u32 value_len)
{
	__u32 total = w->key_len + value_len, key = 0, len;

	if (off < w->key_len) {
		key = w->key_len - off;
		if (key > kerby_block_bytes)
			key = kerby_block_bytes;
		if (bpf_dynptr_read(w->block, key, src, w->key_off + off, 0))
			return false;
	}
	off += key;
	if (off >= total || key >= kerby_block_bytes)
		return true;
	len = total - off;
	if (len > kerby_block_bytes - key)
		len = kerby_block_bytes - key;
	if (len > KERBY_BLOCK_BYTES_MAX) /* never: for the verifier, which does not subtract */
		return false;
	return !bpf_dynptr_read(w->block + key, len, src, w->value_off + off - w->key_len, 0);
}

/* Free the @n blocks of the chain that begins at @first; those never made just miss. */
__noinline int kv_chain_free(__u64 first, __u32 n)
{
	kerby_free_run(first, n);
	return 0;
}

/*
 * Write a new chain with the key of @w and, in the kernel tier, its value.
 * Describes it in w->fresh.first and .blocks and returns 0; when there is no
 * room, -1 and nothing is taken.
 */
static __noinline int kv_chain_new(struct kv_work *w, struct bpf_dynptr *src)
{
	__u32 value_len = kv_chained_len(w);
	int i, n = kv_chain_blocks(w->key_len, value_len), done = 0;
	__u64 first = kerby_pool_reserve(n, w->keep);

	if (!first)
		return -1;
	bpf_for(i, 0, n) {
		if (!kv_block_compose(w, src, i * kerby_block_bytes, value_len) ||
		    kerby_pool_insert(first + i, w->block))
			break;
		done++;
	}
	if (done != n) {
		kv_chain_free(first, n);
		return -1;
	}
	w->fresh.first = first;
	w->fresh.blocks = n;
	return 0;
}

/*
 * Overwrite the value in the chain found in @w by the one of @w, which takes
 * @n blocks and not more than there are. The caller holds the entry's word. Nothing is written when the
 * chain has another key; GONE under the lock is a bug, and counted.
 *
 * A block that holds the key's end and the value's beginning is filled from the
 * packet as if the value alone stood there, and then the key's part is put
 * back: both lengths are then bounded by the block without an offset.
 */
static __noinline int kv_chain_overwrite(struct kv_work *w, struct bpf_dynptr *src, int n)
{
	__u32 total, off, len, key;
	int i, result = KV_CHAIN_OK;
	void *block;

	if (w->found.key_len != w->key_len)
		return KV_CHAIN_OTHER_KEY;
	total = w->key_len + kv_chained_len(w);
	bpf_for(i, 0, n) {
		result = kv_chain_block(w, i, &block);
		if (result != KV_CHAIN_OK)
			break;
		off = i * kerby_block_bytes;
		if (off + kerby_block_bytes <= w->key_len || off >= total)
			continue;
		len = total - off;
		if (len > kerby_block_bytes)
			len = kerby_block_bytes;
		if (bpf_dynptr_read(block, len, src, w->value_off + off - w->key_len, 0)) {
			result = KV_CHAIN_GONE;
			break;
		}
		if (off >= w->key_len)
			continue;
		key = w->key_len - off;
		if (key > kerby_block_bytes)
			key = kerby_block_bytes;
		if (bpf_dynptr_read(block, key, src, w->key_off + off, 0)) {
			result = KV_CHAIN_GONE;
			break;
		}
	}
	if (result == KV_CHAIN_GONE)
		kv_inconsistent();
	return result;
}

#endif /* KERBY_KV_CHAIN_H */
