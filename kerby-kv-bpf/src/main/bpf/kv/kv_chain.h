/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains: the blocks that hold an item. Their bytes are the key and then, in the
 * kernel tier, the value, with nothing between; what the last block holds behind
 * that is of no account. Block 0 is the head in the index entry: a small item is
 * found and read by one lookup. The others are all of the pool or all large, in
 * the run of indexes that one reservation gave. The head counts as a block of the
 * pool (an entry takes the memory of one), a large block as kv_large_units of them;
 * indexes that no block gets are not missed.
 *
 * Global functions, so that the verifier checks each once and not along every
 * path that leads to it. What is done to blocks of either kind is written once,
 * with @large a constant.
 */
#ifndef KERBY_KV_CHAIN_H
#define KERBY_KV_CHAIN_H

#include "kv/kv_work.h"

enum kv_chain_result {
	KV_CHAIN_OK = 0,
	KV_CHAIN_OTHER_KEY = 1,
	KV_CHAIN_GONE = 2, /* a block is missing, or a packet could not be read */
};

static __always_inline __u32 kv_room(bool large)
{
	return large ? KV_LARGE_BYTES : kerby_block_bytes;
}

/* Blocks of a chain of @total bytes: at least the head. */
static __always_inline __u32 kv_chain_blocks(__u32 total, bool large)
{
	if (total <= KV_HEAD_BYTES)
		return 1;
	total -= KV_HEAD_BYTES;
	return 1 + (large ? (total + KV_LARGE_BYTES - 1) / KV_LARGE_BYTES : kerby_blocks(total));
}

/* What @blocks blocks of a chain, its head not among them, count as. */
static __always_inline __u32 kv_units(__u32 blocks, bool large)
{
	return large ? blocks * kv_large_units : blocks;
}

/* Whether a chain of @total bytes is to have large blocks. */
static __always_inline bool kv_chain_large(__u32 total)
{
	return total > KV_HEAD_BYTES && kv_units(kv_chain_blocks(total, true) - 1, true) <=
						kv_chain_blocks(total, false) - 1;
}

/* Where in a chain's bytes block @i begins; not for the head. */
static __always_inline __u32 kv_block_off(int i, bool large)
{
	return KV_HEAD_BYTES + (i - 1) * kv_room(large);
}

static __always_inline void *kv_block(__u64 index, bool large)
{
	return large ? bpf_map_lookup_elem(&kv_large, &index) : kerby_pool_block(index);
}

#define KV_KEY_SHORT 32 /* bytes: compared without a loop */

/* Does the head begin with the key in @w, of at most KV_KEY_SHORT bytes? */
static __always_inline bool kv_head_has_short_key(const struct kv_work *w, const __u64 *head)
{
	const __u64 *key = &w->text[KV_TEXT_KEY / 8];
	__u32 len = w->key_len;
	__u64 diff = 0;
	int j;

#pragma unroll
	for (j = 0; j < KV_KEY_SHORT / 8; j++) {
		if (len < 8 * (j + 1))
			return !(diff | ((key[j] ^ head[j]) & ((1ULL << (8 * (len & 7))) - 1)));
		diff |= key[j] ^ head[j];
	}
	return !diff;
}

/*
 * Compare the key in @w with the part of it that the @room bytes at @block, which
 * begin @off bytes into the chain, should hold. Whole words, the last one masked.
 */
static __always_inline bool kv_block_has_key(const struct kv_work *w, const __u64 *block, __u32 off,
					     __u32 room)
{
	__u32 at = KV_TEXT_KEY / 8 + off / 8, left, words;
	__u64 diff = 0, x;
	int j;

	if (off >= w->key_len)
		return true;
	left = w->key_len - off;
	words = (left + 7) / 8;
	bpf_for(j, 0, words) {
		if (at + j >= KV_TEXT_BYTES / 8 || j >= room / 8)
			break;
		x = w->text[at + j] ^ block[j];
		if (left < 8)
			x &= (1ULL << (8 * left)) - 1;
		diff |= x;
		left -= 8;
	}
	return !diff;
}

static __always_inline bool kv_head_has_key(const struct kv_work *w, const __u64 *head)
{
	if (w->found.key_len != w->key_len)
		return false;
	if (w->key_len <= KV_KEY_SHORT)
		return kv_head_has_short_key(w, head);
	return kv_block_has_key(w, head, 0, KV_HEAD_BYTES);
}

/* Look up block @i > 0 of the chain found in @w, and compare its part of the key. */
static __always_inline int kv_chain_block(const struct kv_work *w, int i, void **block,
					  const bool large)
{
	*block = kv_block(w->found.first + i, large);
	if (!*block)
		return KV_CHAIN_GONE;
	return kv_block_has_key(w, *block, kv_block_off(i, large), kv_room(large))
		       ? KV_CHAIN_OK
		       : KV_CHAIN_OTHER_KEY;
}

/* Bytes of @w's value that its chain holds: none in the user tier. */
static __always_inline __u32 kv_chained_len(const struct kv_work *w)
{
	return w->tier == KV_TIER_KERNEL ? w->value_len : 0;
}

/* Copy the rest of the key found in @w, which the head does not hold, to its place in the text. */
static __always_inline int kv_chain_key_rest(struct kv_work *w, const bool large)
{
	__u32 at = (KV_TEXT_KEY + KV_HEAD_BYTES) / 8,
	      end = (KV_TEXT_KEY + w->found.key_len + 7) / 8;
	int i, j, n = kv_chain_blocks(w->found.key_len, large);
	__u64 *block;

	bpf_for(i, 1, n) {
		block = kv_block(w->found.first + i, large);
		if (!block)
			return KV_CHAIN_GONE;
		bpf_for(j, 0, kv_room(large) / 8) {
			if (at >= end || at >= KV_TEXT_BYTES / 8 || j >= KERBY_BLOCK_BYTES_MAX / 8)
				break;
			w->text[at++] = block[j];
		}
	}
	return KV_CHAIN_OK;
}

/* Copy the key of the chain found in @w, whose entry is @e, to its place in the text. */
__noinline int kv_chain_key(struct kv_work *w, struct kv_entry *e)
{
	if (!w || !e || w->found.key_len > KV_KEY_MAX)
		return KV_CHAIN_GONE;
	__builtin_memcpy(&w->text[KV_TEXT_KEY / 8], e->head, KV_HEAD_BYTES);
	w->key_len = w->found.key_len;
	if (w->key_len <= KV_HEAD_BYTES)
		return KV_CHAIN_OK;
	return w->found.large ? kv_chain_key_rest(w, true) : kv_chain_key_rest(w, false);
}

/* Compare the rest of the key, which the head does not hold. */
static __always_inline int kv_chain_check_rest(struct kv_work *w, const bool large)
{
	int i, n = kv_chain_blocks(w->key_len, large), result = KV_CHAIN_OK;
	void *block;

	bpf_for(i, 1, n) {
		result = kv_chain_block(w, i, &block, large);
		if (result != KV_CHAIN_OK)
			break;
	}
	return result;
}

/* Is the chain found in @w, whose entry is @e, that of the key in @w? */
__noinline int kv_chain_check_key(struct kv_work *w, struct kv_entry *e)
{
	if (!w || !e)
		return KV_CHAIN_GONE;
	if (!kv_head_has_key(w, e->head))
		return KV_CHAIN_OTHER_KEY;
	if (w->key_len <= KV_HEAD_BYTES)
		return KV_CHAIN_OK;
	return w->found.large ? kv_chain_check_rest(w, true) : kv_chain_check_rest(w, false);
}

static __always_inline int kv_chain_read_each(struct kv_work *w, struct bpf_dynptr *out,
					      const bool large)
{
	__u32 total = w->key_len + w->found.value_len, base = w->value_off - w->key_len, off, len;
	int i, n = w->found.blocks, result = KV_CHAIN_OK;
	void *block;

	bpf_for(i, 1, n) {
		result = kv_chain_block(w, i, &block, large);
		if (result != KV_CHAIN_OK)
			break;
		off = kv_block_off(i, large);
		if (off + kv_room(large) <= w->key_len || off >= total)
			continue;
		len = total - off;
		if (len > kv_room(large))
			len = kv_room(large);
		if (bpf_dynptr_write(out, base + off, block, len, 0)) {
			result = KV_CHAIN_GONE;
			break;
		}
	}
	return result;
}

/*
 * Copy what of the value of the chain found in @w is not in the head to its place
 * in @out, where the value begins at w->value_off, and compare what of the key is
 * there. Blocks are copied whole: those of a long key overwrite up to its length
 * in front of value_off, which the caller writes afterwards.
 */
static __noinline int kv_chain_read_blocks(struct kv_work *w, struct bpf_dynptr *out)
{
	return w->found.large ? kv_chain_read_each(w, out, true)
			      : kv_chain_read_each(w, out, false);
}

/*
 * Copy the value of the chain found in @w, whose entry is @e, to offset
 * w->value_off of @out, and compare the key. Up to key_len bytes in front of
 * value_off are overwritten, as above.
 */
static __noinline int kv_chain_read(struct kv_work *w, struct kv_entry *e, struct bpf_dynptr *out)
{
	__u32 len = w->key_len + w->found.value_len;

	if (!kv_head_has_key(w, e->head))
		return KV_CHAIN_OTHER_KEY;
	if (len > KV_HEAD_BYTES)
		len = KV_HEAD_BYTES;
	if (bpf_dynptr_write(out, w->value_off - w->key_len, e->head, len, 0))
		return KV_CHAIN_GONE;
	return w->found.blocks == 1 ? KV_CHAIN_OK : kv_chain_read_blocks(w, out);
}

/*
 * Put the chain's bytes from @off on, @room of them at most, at @to. The verifier
 * sees twice the room taken: behind @to there has to be as much.
 */
static __always_inline bool kv_block_compose(struct kv_work *w, struct bpf_dynptr *src, void *to,
					     __u32 off, __u32 room, __u32 value_len)
{
	__u32 total = w->key_len + value_len, key = 0, len;

	if (off < w->key_len) {
		key = w->key_len - off;
		if (key > room)
			key = room;
		if (bpf_dynptr_read(to, key, src, w->key_off + off, 0))
			return false;
	}
	off += key;
	if (off >= total || key >= room)
		return true;
	len = total - off;
	if (len > room - key)
		len = room - key;
	if (len > room) /* never: for the verifier, which does not subtract */
		return false;
	return !bpf_dynptr_read(to + key, len, src, w->value_off + off - w->key_len, 0);
}

/* Free blocks @from to @to - 1 of the chain of @first; those never made just miss. */
__noinline int kv_chain_free(__u64 first, __u32 from, __u32 to, bool large)
{
	__u32 i, units = 0;
	__u64 index;

	if (!from) {
		from = 1;
		units = 1;
	}
	if (from < to) {
		units += kv_units(to - from, large);
		bpf_for(i, from, to) {
			index = first + i;
			if (large)
				bpf_map_delete_elem(&kv_large, &index);
			else
				kerby_pool_delete(index);
		}
	}
	kerby_pool_unreserve(units);
	return 0;
}

static __always_inline int kv_chain_new_rest(struct kv_work *w, struct bpf_dynptr *src, int n,
					     const bool large)
{
	__u32 value_len = kv_chained_len(w);
	__u64 first, index;
	int i, done = 1;

	first = kerby_pool_reserve(1 + kv_units(n - 1, large), w->keep);
	if (!first)
		return -1;
	w->fresh.first = first;
	w->fresh.blocks = n;
	w->fresh.large = large;
	if (n == 1)
		return 0;
	bpf_for(i, 1, n) {
		if (!kv_block_compose(w, src, w->block, kv_block_off(i, large), kv_room(large),
				      value_len))
			break;
		index = first + i;
		if (large ? bpf_map_update_elem(&kv_large, &index, w->block, BPF_NOEXIST)
			  : kerby_pool_insert(index, w->block))
			break;
		done++;
	}
	if (done == n)
		return 0;
	kv_chain_free(first, 0, n, large);
	w->fresh.blocks = 0;
	return -1;
}

/*
 * Write a new chain with the key of @w and, in the kernel tier, its value.
 * Describes it in w->fresh: first, blocks, large, head. Returns 0; when there is no
 * room, -1 and nothing is taken.
 */
static __noinline int kv_chain_new(struct kv_work *w, struct bpf_dynptr *src)
{
	__u32 value_len = kv_chained_len(w), total = w->key_len + value_len;

	if (!kv_block_compose(w, src, w->fresh.head, 0, KV_HEAD_BYTES, value_len))
		return -1;
	if (kv_chain_large(total))
		return kv_chain_new_rest(w, src, kv_chain_blocks(total, true), true);
	return kv_chain_new_rest(w, src, kv_chain_blocks(total, false), false);
}

/*
 * Fill @room bytes at @block, which begin @off bytes into the chain, with what of
 * the key and value of @w should be there. A block that holds the key's end and
 * the value's beginning is filled from the packet as if the value alone stood
 * there, and then the key's part is put back: both lengths are then bounded by
 * the block without an offset.
 */
static __always_inline bool kv_block_fill(struct kv_work *w, struct bpf_dynptr *src, void *block,
					  __u32 off, __u32 room, __u32 total)
{
	__u32 len = total - off, key;

	if (off + room <= w->key_len || off >= total)
		return true;
	if (len > room)
		len = room;
	if (bpf_dynptr_read(block, len, src, w->value_off + off - w->key_len, 0))
		return false;
	if (off >= w->key_len)
		return true;
	key = w->key_len - off;
	if (key > room)
		key = room;
	return !bpf_dynptr_read(block, key, src, w->key_off + off, 0);
}

static __always_inline int kv_chain_overwrite_rest(struct kv_work *w, struct bpf_dynptr *src, int n,
						   const bool large)
{
	__u32 total = w->key_len + kv_chained_len(w);
	int i, result = KV_CHAIN_OK;
	void *block;

	bpf_for(i, 1, n) {
		block = kv_block(w->found.first + i, large);
		if (!block ||
		    !kv_block_fill(w, src, block, kv_block_off(i, large), kv_room(large), total)) {
			result = KV_CHAIN_GONE;
			break;
		}
	}
	return result;
}

/*
 * Overwrite the value in the chain found in @w, whose entry is @e, by the one of
 * @w, which takes @n blocks and not more than there are. The caller holds the
 * entry's word. Nothing is written when the chain has another key; GONE under the
 * lock is a bug, and counted.
 */
static __noinline int kv_chain_overwrite(struct kv_work *w, struct kv_entry *e,
					 struct bpf_dynptr *src, int n)
{
	__u32 total = w->key_len + kv_chained_len(w);
	int result = kv_chain_check_key(w, e);

	if (result == KV_CHAIN_OTHER_KEY)
		return result;
	if (result == KV_CHAIN_OK && !kv_block_fill(w, src, e->head, 0, KV_HEAD_BYTES, total))
		result = KV_CHAIN_GONE;
	if (n > 1 && result == KV_CHAIN_OK)
		result = w->found.large ? kv_chain_overwrite_rest(w, src, n, true)
					: kv_chain_overwrite_rest(w, src, n, false);
	if (result == KV_CHAIN_GONE)
		kv_inconsistent();
	return result;
}

#endif /* KERBY_KV_CHAIN_H */
