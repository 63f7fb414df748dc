// SPDX-License-Identifier: GPL-2.0-only
/*
 * The allocator on the arena pool, with what its tests need besides: looking into
 * the pool, as user space can do with a hash map by itself, and a load in the kernel.
 */
#define KERBY_POOL_ARENA
#include "allocator_calls.h"

/* Upkeep to between c->key and c->size idle spans. */
CALL(upkeep, kerby_arena_upkeep(c->key, c->size, 1 << 20))

/* Copy the block of index c->key to c->values. */
static __always_inline long block_read(struct call *c)
{
	__u64 __arena *word = kerby_pool_block(c->key);
	__u64 *to = (__u64 *)c->values;
	__u32 i;

	if (!word)
		return -ENOENT;
	for (i = 0; i < KERBY_BLOCK_BYTES_MAX / 8; i++)
		if (i < kerby_block_bytes / 8)
			to[i] = word[i];
	return 0;
}

CALL(block_read, block_read(c))

/* The index of the first block in use with a number of c->key or more, or 0. */
static __always_inline __u64 block_next(const struct call *c)
{
	__u32 blocks = kerby_spans() * KERBY_SPAN, block;
	__u64 generation;

	for (block = c->key; block < blocks && can_loop; block++) {
		generation = *kerby_generation(block);
		if (generation)
			return generation << 32 | block;
	}
	return 0;
}

CALL(block_next, block_next(c))

/* Say that c->size runs have been taken of the span of block number c->key. */
static __always_inline long span_age(const struct call *c)
{
	kerby_span(c->key / KERBY_SPAN)->runs = c->size;
	return 0;
}

CALL(span_age, span_age(c))

/* Write c->size to the first word of block number c->key, whoever has it. */
static __always_inline long block_damage(const struct call *c)
{
	*kerby_content(c->key) = c->size;
	return 0;
}

CALL(block_damage, block_damage(c))

/* Take the span of block number c->key off list c->size, as somebody who was overtaken does. */
CALL(unlist, kerby_unlist(c->size, c->key / KERBY_SPAN))

/* What a churning thread has allocated. */
#define CHURN_HELD 256
struct churn {
	__u64 random; /* not 0 */
	__u64 operations;
	__u64 refused; /* mallocs for which the pool had not as many blocks */
	__u64 without_memory; /* mallocs that found no block though the pool is not full */
	__u64 blocks; /* that were allocated, */
	__u64 runs; /* in so many runs */
	__u64 damaged; /* blocks that were not what their owner left */
	__u32 size_mask; /* sizes are random under this mask, */
	__u32 size_min; /* and this much more */
	struct {
		__u64 mark; /* in the first word of each block */
		__u64 idx[KERBY_MAX_BLOCKS];
	} held[CHURN_HELD];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct churn);
} churns SEC(".maps");

/* Mark new blocks, or look whether they still are. */
static __always_inline void churn_blocks(struct churn *c, const __u64 *idx, __u64 mark, bool new)
{
	__u64 __arena *word;
	__u32 i;

	for (i = 0; i < KERBY_MAX_BLOCKS; i++) {
		if (!idx[i])
			return;
		word = kerby_pool_block(idx[i]);
		if (!word || *word != (new ? 0 : mark))
			c->damaged++;
		else
			*word = mark;
		if (new) {
			c->blocks++;
			c->runs += !i || idx[i] != idx[i - 1] + 1;
		}
	}
}

/* Free one of what is held and allocate something else in its place. */
__noinline int churn_once(struct churn *c)
{
	__u32 at, size;
	long result;
	__u64 x;

	if (!c)
		return 1;
	x = c->random;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	c->random = x;
	at = x >> 32 & (CHURN_HELD - 1);
	size = (x & c->size_mask) + c->size_min;
	churn_blocks(c, c->held[at].idx, c->held[at].mark, false);
	kerby_free(c->held[at].idx);
	result = kerby_malloc(size, c->held[at].idx);
	c->operations++;
	c->refused += result == -ENOSPC;
	c->without_memory += result == -ENOMEM;
	c->held[at].mark = x;
	churn_blocks(c, c->held[at].idx, x, true);
	return 0;
}

struct churn_args {
	__u32 index;
	__u32 operations;
};

SEC("syscall")
int churn(struct churn_args *args)
{
	__u32 index = args->index, n = args->operations, i;
	struct churn *c = bpf_map_lookup_elem(&churns, &index);

	if (!c)
		return 1;
	for (i = 0; i < n && can_loop; i++)
		churn_once(c);
	return 0;
}

/* The same by an XDP program, which interrupts the others. */
SEC("xdp")
int churn_packet(struct xdp_md *ctx)
{
	__u32 index = ctx->rx_queue_index + 7;
	struct churn *c = bpf_map_lookup_elem(&churns, &index);

	return c && !churn_once(c) ? XDP_DROP : XDP_ABORTED;
}
