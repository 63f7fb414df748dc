/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kerby: malloc for eBPF programs, in a header.
 *
 * A pool of fixed-size blocks that are combined to hold data of any size, so
 * that only the last block of an allocation is partly empty. An allocation is
 * an array idx[] of block indexes, ended by a 0 unless it is full; the program
 * keeps it where it likes, for instance in the allocation map below.
 *
 * The functions, their names and their division follow G. Kim and D. Han, "A
 * Memory Pool Allocator for eBPF Applications"; the text is ours.
 *
 *	#define KERBY_POOL_ARENA        blocks in a BPF arena, not in a hash map
 *	#define KERBY_BLOCK_BYTES 64    bytes of a block; see the pool's header
 *	#define KERBY_CAPACITY 10000    blocks in the pool
 *	#define KERBY_MAX_BLOCKS 16     the most blocks of one allocation
 *	#define KERBY_ALLOC_ENTRIES 99  allocation map, if one is wanted
 *	#include "kerby.bpf.h"
 *
 * All of them: any number of CPUs may call them at once on different
 * allocations; who shares one allocation between CPUs orders the calls himself.
 * None may be called while a bpf_spin_lock is held (they call map helpers).
 * Sizes are bytes. Errors are negative errno values.
 */
#ifndef KERBY_BPF_H
#define KERBY_BPF_H

#ifndef KERBY_MAX_BLOCKS
#define KERBY_MAX_BLOCKS 16 /* idx[] is usually on the 512-byte stack */
#endif

#ifdef KERBY_POOL_ARENA
#include "kerby_pool_arena.h"
#else
#include "kerby_pool_hash.h"
#endif

/* Blocks that @size bytes take. */
static __always_inline __u32 kerby_blocks(__u32 size)
{
	/* In 64 bits: a size that a subtraction made enormous must not wrap to a small one. */
	return ((__u64)size + kerby_block_bytes - 1) / kerby_block_bytes;
}

/*
 * kerby_malloc - allocate blocks for @size bytes, filled with zeros.
 * @idx: KERBY_MAX_BLOCKS entries; filled with the blocks' indexes and then 0s.
 *       In the hash pool those of one malloc are consecutive, idx[i] == idx[0] + i;
 *       in an arena those of blocks side by side, which all are where there is room.
 * Returns the number of blocks (0 for a size of 0). -E2BIG: more than
 * KERBY_MAX_BLOCKS blocks; -ENOSPC: the pool has not as many; -ENOMEM: the
 * kernel has no memory now, or the arena was given none ahead. A failure frees
 * what was taken and leaves idx[] 0.
 */
static __always_inline long kerby_malloc(__u32 size, __u64 *idx)
{
	__u32 n = kerby_blocks(size), i;
	long err;

	for (i = 0; i < KERBY_MAX_BLOCKS; i++)
		idx[i] = 0;
	if (n > KERBY_MAX_BLOCKS)
		return -E2BIG;
	if (!n)
		return 0;
	err = kerby_extend(idx, 0, n);
	return err ? err : n;
}

/* The blocks in @idx: those before the first 0. */
static __always_inline __u32 kerby_count(const __u64 *idx)
{
	__u32 i;

	for (i = 0; i < KERBY_MAX_BLOCKS; i++)
		if (!idx[i])
			break;
	return i;
}

/*
 * kerby_free - release the blocks of @idx and make its entries 0. Freeing twice
 * is harmless: an index that is gone is not counted again.
 */
static __always_inline void kerby_free(__u64 *idx)
{
	kerby_truncate(idx, 0);
}

/*
 * kerby_resize - grow or shrink the allocation @idx to @size bytes. Blocks that
 * stay keep index and content; new ones are zero, and what a shrunken tail
 * block held behind the new end stays in it. Returns the number of blocks, or
 * an error of kerby_malloc, which leaves the allocation as it was.
 */
static __always_inline long kerby_resize(__u32 size, __u64 *idx)
{
	__u32 have = kerby_count(idx), want = kerby_blocks(size);
	long err;

	if (want > KERBY_MAX_BLOCKS)
		return -E2BIG;
	if (want > have) {
		err = kerby_extend(idx, have, want);
		if (err)
			return err;
	} else if (want < have) {
		kerby_truncate(idx, want);
	}
	return want;
}

/*
 * kerby_pool_update - write @size bytes from @values (the program's own memory,
 * which must be that long) over the blocks of @idx, from the first on. Returns
 * 0; -ENOSPC when @idx has fewer blocks, and then nothing is written; -ENOENT
 * when a block is gone, and then those before it have been written.
 */
static __always_inline long kerby_pool_update(const __u64 *idx, const void *values, __u32 size)
{
	__u32 i, off;
	long err;

	if (kerby_blocks(size) > kerby_count(idx))
		return -ENOSPC;
	for (i = 0; i < KERBY_MAX_BLOCKS; i++) {
		off = i * kerby_block_bytes;
		if (off >= size)
			break;
		err = kerby_block_write(idx[i], values + off, size - off);
		if (err)
			return err;
	}
	return 0;
}

#ifdef KERBY_ALLOC_ENTRIES
/* The allocation map: what a program that has no place of its own keeps. */
#ifndef KERBY_ALLOC_KEY
#define KERBY_ALLOC_KEY __u64
#endif

struct kerby_alloc {
	__u32 size; /* bytes */
	__u32 blocks;
	__u64 idx[KERBY_MAX_BLOCKS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, KERBY_ALLOC_ENTRIES);
	__type(key, KERBY_ALLOC_KEY);
	__type(value, struct kerby_alloc);
} kerby_alloc SEC(".maps");

/* What is recorded under @key, or NULL. */
static __always_inline struct kerby_alloc *kerby_alloc_lookup(const KERBY_ALLOC_KEY *key)
{
	return bpf_map_lookup_elem(&kerby_alloc, key);
}

/*
 * kerby_alloc_update - record the allocation @idx of @size bytes under @key, in
 * place of what was recorded (whose blocks are not freed). 0, -E2BIG when the
 * map is full, or -ENOMEM; a failure leaves the record as it was.
 */
static __always_inline long kerby_alloc_update(const KERBY_ALLOC_KEY *key, const __u64 *idx,
					       __u32 size)
{
	struct kerby_alloc a = {.size = size, .blocks = kerby_count(idx)};
	__u32 i;

	for (i = 0; i < KERBY_MAX_BLOCKS; i++)
		a.idx[i] = idx[i];
	return bpf_map_update_elem(&kerby_alloc, key, &a, BPF_ANY);
}

/* kerby_alloc_del - forget what is recorded under @key, not freeing it. 0 or -ENOENT. */
static __always_inline long kerby_alloc_del(const KERBY_ALLOC_KEY *key)
{
	return bpf_map_delete_elem(&kerby_alloc, key);
}
#endif /* KERBY_ALLOC_ENTRIES */

#endif /* KERBY_BPF_H */
