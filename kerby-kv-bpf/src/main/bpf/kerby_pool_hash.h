/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash pool: storage for kerby.bpf.h.
 *
 * An index allocator (one atomic counter) hands out 64-bit indexes that only
 * grow and are never used twice; a BPF_F_NO_PREALLOC hash maps an index to its
 * block, so the kernel allocates a block when its index is inserted and frees
 * it when the index is deleted. A stale index can only miss, it never names
 * somebody else's block. (G. Kim, D. Han: "A Memory Pool Allocator for eBPF
 * Applications".)
 *
 * No function here may be called while a bpf_spin_lock is held, since each
 * calls map helpers. All are safe on any number of CPUs at once.
 *
 * Concurrency. kerby_state.blocks_in_use is raised before a block is inserted
 * and lowered after it is deleted, so it never counts fewer blocks than the map
 * holds and the map is never asked for more than its capacity. The kernel may
 * give a deleted block's memory to another index at once, under the pointer of
 * a reader: whoever reads a block without owning it must find out afterwards
 * whether the index was still the one it wanted.
 *
 * A pool of another kind stands beside this one by giving the same functions:
 * kerby_pool_reserve, _unreserve, _insert, _block and _delete.
 */
#ifndef KERBY_POOL_HASH_H
#define KERBY_POOL_HASH_H

#include <linux/errno.h>
#include "kerby_compat.h"

/*
 * Bytes of a block. An element takes 64 + block bytes rounded up to a class of
 * the slab allocator, so 32, 64, 128, 192, 448 and 960 fit exactly. A loader
 * that changes it sets the map's value size to the same number.
 */
#ifndef KERBY_BLOCK_BYTES
#define KERBY_BLOCK_BYTES 128
#endif
#define KERBY_BLOCK_BYTES_MAX 960

/* Blocks in the pool. A loader that changes it sets max_entries to the same. */
#ifndef KERBY_CAPACITY
#define KERBY_CAPACITY 65536
#endif

const volatile __u32 kerby_block_bytes = KERBY_BLOCK_BYTES;
const volatile __u32 kerby_capacity = KERBY_CAPACITY;

/* On two cache lines: every allocation writes the first, every free the second. */
struct kerby_state {
	__u64 next_index; /* the last index given out; 0 is never one */
	__u64 pad[7];
	__u64 blocks_in_use;
	__u64 pad2[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kerby_state);
} kerby_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, KERBY_CAPACITY);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, KERBY_BLOCK_BYTES);
} kerby_pool SEC(".maps");

static __always_inline struct kerby_state *kerby_pool_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&kerby_state, &zero);
}

/*
 * Take room for @n blocks and @n consecutive indexes, as long as @keep blocks
 * stay free. Returns the first index, or 0 when the pool has no such room;
 * then nothing is taken.
 */
static __always_inline __u64 kerby_pool_reserve(__u32 n, __u32 keep)
{
	struct kerby_state *st = kerby_pool_state();

	if (!st)
		return 0;
	if (__sync_fetch_and_add(&st->blocks_in_use, n) + n + keep > kerby_capacity) {
		__sync_fetch_and_add(&st->blocks_in_use, -(__u64)n);
		return 0;
	}
	return __sync_fetch_and_add(&st->next_index, n) + 1;
}

/* Give back the room of @n blocks. Their indexes are gone for good. */
static __always_inline void kerby_pool_unreserve(__u32 n)
{
	struct kerby_state *st = kerby_pool_state();

	if (st)
		__sync_fetch_and_add(&st->blocks_in_use, -(__u64)n);
}

/*
 * Make the block of a reserved index, with the kerby_block_bytes bytes at
 * @content. 0, or -ENOMEM when the kernel has no memory at the moment.
 */
static __always_inline long kerby_pool_insert(__u64 index, const void *content)
{
	return bpf_map_update_elem(&kerby_pool, &index, content, BPF_NOEXIST);
}

/* The block of @index: kerby_block_bytes bytes, or NULL when it is not there. */
static __always_inline void *kerby_pool_block(__u64 index)
{
	return bpf_map_lookup_elem(&kerby_pool, &index);
}

/* Free the block of @index, not its reserved room. 0, or -ENOENT. */
static __always_inline long kerby_pool_delete(__u64 index)
{
	return bpf_map_delete_elem(&kerby_pool, &index);
}

/*
 * Write @len bytes, or a block if that is less, from @from to the block of @index. 0;
 * -ENOENT: it is not there; -EFAULT: @from cannot be read.
 */
static __always_inline long kerby_block_write(__u64 index, const void *from, __u32 len)
{
	void *block = kerby_pool_block(index);

	if (!block)
		return -ENOENT;
	if (len > kerby_block_bytes)
		len = kerby_block_bytes;
	return bpf_probe_read_kernel(block, len, from) ? -EFAULT : 0;
}

/* Free the @n blocks from index @first on, and their room. */
static __always_inline void kerby_free_run(__u64 first, __u32 n)
{
	__u32 i;

	bpf_for(i, 0, n)
		kerby_pool_delete(first + i);
	kerby_pool_unreserve(n);
}

/* What a new block holds; never written. */
const volatile __u8 kerby_zero_block[KERBY_BLOCK_BYTES_MAX] = {};

/* Allocate idx[from] to idx[to - 1]: all of them, or none and an error. */
static __always_inline long kerby_extend(__u64 *idx, __u32 from, __u32 to)
{
	__u64 first = kerby_pool_reserve(to - from, 0);
	long err = 0;
	__u32 i;

	if (!first)
		return -ENOSPC;
	for (i = 0; i < KERBY_MAX_BLOCKS; i++) {
		if (i < from)
			continue;
		if (i >= to)
			break;
		err = kerby_pool_insert(first + i - from, (const void *)kerby_zero_block);
		if (err)
			break;
		idx[i] = first + i - from;
	}
	if (!err)
		return 0;
	/* The indexes after the one that failed were never inserted: deleting them misses. */
	kerby_free_run(first, to - from);
	for (i = 0; i < KERBY_MAX_BLOCKS; i++)
		if (i >= from)
			idx[i] = 0;
	return err;
}

/* Free idx[from] and all after it, and make them 0. */
static __always_inline void kerby_truncate(__u64 *idx, __u32 from)
{
	__u32 i, n = 0;

	for (i = 0; i < KERBY_MAX_BLOCKS; i++) {
		if (i < from)
			continue;
		if (!idx[i])
			break;
		n += !kerby_pool_delete(idx[i]);
		idx[i] = 0;
	}
	kerby_pool_unreserve(n);
}

#endif /* KERBY_POOL_HASH_H */
