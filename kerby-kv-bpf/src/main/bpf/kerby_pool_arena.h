/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arena pool: storage for kerby.bpf.h in a BPF arena, memory that programs
 * read and write by pointers without a helper's help (Linux 6.9).
 *
 * A span is 64 blocks side by side and one word, in which a bit is 1 for each
 * block that is free. Blocks are taken in runs of neighbours, by one
 * compare-and-swap of that word, and given back by one addition to it: what is
 * freed joins its free neighbours by itself. An allocation is one run when some
 * span has one so long, else several: any free block can be used by anybody, so
 * the pool is full only when no block is left.
 *
 * A span is listed by its longest run of free blocks, in the class of the
 * greatest power of two that the run has room for, and an allocation takes the
 * span with the least that is enough. Each CPU goes on with the span that it
 * used last for a size, so CPUs meet in few words and sizes stay together.
 *
 * An index is a generation and the number of a block. Every block in use has
 * its generation noted beside it, by one number for all blocks of a run: a span
 * counts the runs taken from it, from 1 on. A stale or wrong index does not find
 * its generation, unless 2^32 runs were taken from that span in between. The
 * indexes of a run are consecutive.
 *
 * Memory. Only programs that may sleep can get pages for an arena, so a program
 * of user space's runs kerby_arena_upkeep() ahead of time and from time to time.
 * It gives memory to spans and takes that of idle ones back. What is known of a
 * span, 272 bytes, keeps its memory once it has it. An address without memory
 * reads as 0, so such spans have no free block and no block in use. (But an
 * atomic operation on one seems to succeed: none is done here that a load has not
 * shown to be on memory that stays.)
 *
 * Concurrency. Any number of CPUs, and programs that were interrupted:
 * - The word of free bits decides alone to whom a block belongs. Taking is a
 *   compare-and-swap, giving a fetching addition; both are full barriers.
 * - Who took a run sets its generations before anybody is told its indexes. Who
 *   gives one first sets the generation of its first block to 0, by
 *   compare-and-swap: of two who free the same run at once only one goes on. Then
 *   those of the others, and then the free bits. So from the free bit on, no
 *   index names the block, and what is written into it later is written after
 *   its old generation has gone: whoever reads a block that may be freed under
 *   him asks kerby_pool_block() again afterwards.
 * - The lists are hints and three levels high: a bit for each span, one for each word of
 *   those, one for each word of those. Who changes a span's class puts it on
 *   the new list first; then takes it off the old one, and after a full barrier
 *   looks whether the span belongs there after all. So a span may be on a list
 *   where it does not belong, which whoever looks there puts right in the same way; but
 *   none is missing from its list for longer than such a change takes. The
 *   levels are kept in the same way: set from the bottom up; cleared where a word
 *   has become 0, after which the word is looked at again.
 * - A span's memory is taken back by whoever took all its blocks at once; a reader
 *   with a stale index then reads zeros.
 *
 * Progress: nobody waits for anybody. A compare-and-swap that fails has been
 * overtaken by one that did not; after KERBY_TRIES the next span is tried.
 */
#ifndef KERBY_POOL_ARENA_H
#define KERBY_POOL_ARENA_H

#include <linux/errno.h>
#include "kerby_compat.h"

/* Bytes of a block: a multiple of 64, for a span to be whole pages of 4 KiB. */
#ifndef KERBY_BLOCK_BYTES
#define KERBY_BLOCK_BYTES 64
#endif
#define KERBY_BLOCK_BYTES_MAX 960

/* Blocks in the pool: to 3.5 GiB / KERBY_BLOCK_BYTES. */
#ifndef KERBY_CAPACITY
#define KERBY_CAPACITY 65536
#endif

const volatile __u32 kerby_block_bytes = KERBY_BLOCK_BYTES;
const volatile __u32 kerby_capacity = KERBY_CAPACITY;

/* A loader may clear it on machines whose locked operations order all others: x86. */
const volatile bool kerby_weak_order = true;

/*
 * Count in kerby_state.wrong: indexes that name no block in use, blocks freed
 * that were free, and writes to blocks after they were freed.
 */
const volatile bool kerby_debug = false;

#define KERBY_SPAN 64 /* blocks */
#define KERBY_PAGE 4096
#define KERBY_TRIES 8

/* Where things are in the arena; nothing is at 0. */
#define KERBY_AT_LISTS2 0x1000U
#define KERBY_AT_HINTS 0x2000U
#define KERBY_AT_LISTS1 0x4000U
#define KERBY_AT_LISTS0 0x100000U
#define KERBY_AT_SPANS 0x1000000U
#define KERBY_AT_GENERATIONS 0x10000000U
#define KERBY_AT_BLOCKS 0x20000000U
#define KERBY_CPUS 64 /* with hints of their own */

enum kerby_class {
	/* 0 to 5: spans whose longest run of free blocks is 1, 2, 4, 8, 16, 32 or more */
	KERBY_IDLE = 6, /* all blocks are free */
	KERBY_ABSENT = 7, /* without memory */
	KERBY_CLASSES = 8,
	KERBY_FULL = 8, /* on no list */
};

struct kerby_span {
	__u64 free; /* bit i: block i is free */
	__u32 runs; /* taken so far: the generation of the last */
	__u32 reserved;
};

/* Blocks side by side. */
struct kerby_run {
	__u64 first; /* index; the next block's is one more */
	__u32 blocks;
	__u32 reserved;
};

struct kerby_state {
	__u64 blocks_in_use;
	__u64 pad[7];
	__u64 spans_idle;
	__u64 spans; /* with memory */
	__u64 spans_known; /* with memory for what is known of them */
	__u64 wrong; /* kerby_debug: how often something was */
	__u64 upkeep; /* 1: under way */
	__u64 pad2[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kerby_state);
} kerby_state SEC(".maps");

/* The loader sets map_extra, user space's address of it, to a multiple of 4 GiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 20); /* pages: 4 GiB of addresses */
} kerby_arena SEC(".maps");

/* The memory at byte @at of the arena. The map is named for programs to belong to it. */
static __always_inline void __arena *kerby_at(__u64 at)
{
	asm volatile("" : : "r"(&kerby_arena));
	return (void __arena *)at;
}

#define KERBY_READ(x) (*(volatile typeof(x) *)&(x))

static __always_inline struct kerby_state *kerby_pool_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&kerby_state, &zero);
}

/*
 * Order what was read, and written by an atomic that does not fetch, before what is read
 * next. A reader of blocks that may be freed has one before it asks again.
 */
static __always_inline void kerby_full_barrier(void)
{
	__u64 local = 0;

	if (kerby_weak_order)
		__sync_val_compare_and_swap((volatile __u64 *)&local, 0, 1);
	asm volatile("" ::: "memory");
}

static __always_inline void kerby_wrong(void)
{
	struct kerby_state *st = kerby_pool_state();

	if (kerby_debug && st)
		__sync_fetch_and_add(&st->wrong, 1);
}

static __always_inline struct kerby_span __arena *kerby_span(__u32 span)
{
	return kerby_at(KERBY_AT_SPANS + (__u64)span * sizeof(struct kerby_span));
}

static __always_inline __u32 __arena *kerby_generation(__u32 block)
{
	return kerby_at(KERBY_AT_GENERATIONS + (__u64)block * sizeof(__u32));
}

static __always_inline __u64 __arena *kerby_content(__u32 block)
{
	return kerby_at(KERBY_AT_BLOCKS + (__u64)block * kerby_block_bytes);
}

/* How many spans the pool has when all have memory. */
static __always_inline __u32 kerby_spans(void)
{
	return (kerby_capacity + KERBY_SPAN - 1) / KERBY_SPAN;
}

/* The lowest bit of @x that is 1; of 0: 64. */
static __always_inline __u32 kerby_lowest_bit(__u64 x)
{
	x = (x & -x) - 1;
	x -= (x >> 1) & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return x * 0x0101010101010101ULL >> 56;
}

/* @n bits, 1 to 64, from bit @at on. */
static __always_inline __u64 kerby_bits(__u32 n, __u32 at)
{
	return (~0ULL >> (KERBY_SPAN - n)) << at;
}

/* The bits of @free from which on @n are 1, 1 to 64. */
static __always_inline __u64 kerby_runs_of(__u64 free, __u32 n)
{
	__u32 have = 1;

#pragma unroll
	for (int i = 0; i < 5; i++) {
		if (n < 2 * have)
			break;
		free &= free >> have;
		have *= 2;
	}
	return free & (free >> (n - have));
}

static __always_inline __u32 kerby_class_of(__u64 free)
{
	__u32 class;

	if (!free)
		return KERBY_FULL;
	if (!~free)
		return KERBY_IDLE;
#pragma unroll
	for (class = 0; class < 5; class ++) {
		free &= free >> (1 << class);
		if (!free)
			break;
	}
	return class;
}

/* The lists. */

/* The word of list @class at @level that has bit @i. */
static __always_inline __u64 __arena *kerby_list_word(__u32 level, __u32 class, __u32 i)
{
	__u64 at = level == 0 ? KERBY_AT_LISTS0 : level == 1 ? KERBY_AT_LISTS1 : KERBY_AT_LISTS2;

	return kerby_at(at + (i >> 6) * 64ULL + class * 8);
}

/* Set bit @i of a level and what tells of it above. */
static __always_inline void kerby_list_raise(__u32 level, __u32 class, __u32 i)
{
	for (; level < 3; level++) {
		__u64 __arena *word = kerby_list_word(level, class, i);

		if (KERBY_READ(*word) >> (i & 63) & 1)
			return;
		__sync_fetch_and_or(word, 1ULL << (i & 63));
		kerby_full_barrier();
		i >>= 6;
	}
}

/* Put @span on list @class. */
__noinline int kerby_list(__u32 class, __u32 span)
{
	class &= KERBY_CLASSES - 1;
	kerby_list_raise(0, class, span);
	return 0;
}

/* Take @span off list @class, unless it belongs there. */
__noinline int kerby_unlist(__u32 class, __u32 span)
{
	__u32 i = span, level;

	class &= KERBY_CLASSES - 1;
	for (level = 0; level < 3; level++) {
		__u64 __arena *word = kerby_list_word(level, class, i);

		__sync_fetch_and_and(word, ~(1ULL << (i & 63)));
		kerby_full_barrier();
		if (level && KERBY_READ(*kerby_list_word(level - 1, class, i << 6)))
			kerby_list_raise(level, class, i);
		if (KERBY_READ(*word))
			break;
		i >>= 6;
	}
	if (kerby_class_of(KERBY_READ(kerby_span(span)->free)) == class)
		kerby_list_raise(0, class, span);
	return 0;
}

/* The word's lowest bit from bit @from on, or else from bit 0 on; 64: it has none. */
static __always_inline __u32 kerby_bit_from(__u64 word, __u32 from)
{
	__u64 above = word & (~0ULL << from);

	return kerby_lowest_bit(above ? above : word);
}

#define KERBY_NO_SPAN (~0U)

/* Some span of list @class; which one differs from CPU to CPU where there are several. */
static __always_inline __u32 kerby_list_find(__u32 class, __u32 cpu)
{
	__u32 from = cpu * 8 & 63, i, bit, span = 0, level;
	__u64 word = 0;

	for (i = 0; i < 4 && !word; i++) {
		span = (i + cpu) & 3;
		word = KERBY_READ(*kerby_list_word(2, class, span << 6));
	}
	for (level = 2; word; level--) {
		bit = kerby_bit_from(word, from);
		span = (span << 6) + (bit & 63);
		if (!level)
			return span;
		word = KERBY_READ(*kerby_list_word(level - 1, class, span << 6));
	}
	return KERBY_NO_SPAN;
}

/* Let the lists know that the free blocks of @span were @old and have become @new. */
__noinline int kerby_relist(__u32 span, __u64 old, __u64 new)
{
	__u32 was = kerby_class_of(old), is = kerby_class_of(new);
	struct kerby_state *st = kerby_pool_state();

	if (was == is || !st)
		return 0;
	if (is == KERBY_IDLE)
		__sync_fetch_and_add(&st->spans_idle, 1);
	if (was == KERBY_IDLE)
		__sync_fetch_and_add(&st->spans_idle, -1);
	if (is != KERBY_FULL)
		kerby_list(is, span);
	if (was != KERBY_FULL)
		kerby_unlist(was, span);
	return 0;
}

/* Runs. */

/* Note a new generation for the run's @n blocks from @block on; returns its first index. */
__noinline __u64 kerby_run_begin(__u32 block, __u32 n)
{
	struct kerby_span __arena *s = kerby_span(block / KERBY_SPAN);
	__u32 generation = __sync_fetch_and_add(&s->runs, 1) + 1, i;

	if (!generation) /* none is 0 */
		generation = __sync_fetch_and_add(&s->runs, 1) + 1;
	for (i = 0; i < n && can_loop; i++)
		KERBY_READ(*kerby_generation(block + i)) = generation;
	return (__u64)generation << 32 | block;
}

/* Take @n blocks side by side, 1 to 64, of @span. 0, or -ENOMEM: it has none, or others were faster. */
__noinline int kerby_span_take(struct kerby_run *run, __u32 span, __u32 n)
{
	struct kerby_span __arena *s = kerby_span(span);
	__u64 free, starts, mask;
	__u32 at, try;

	if (!run || !n || n > KERBY_SPAN)
		return -EINVAL;
	for (try = 0; try < KERBY_TRIES; try++) {
		free = KERBY_READ(s->free);
		starts = kerby_runs_of(free, n);
		if (!starts)
			break;
		at = kerby_lowest_bit(starts) & 63;
		mask = kerby_bits(n, at);
		if (__sync_val_compare_and_swap(&s->free, free, free & ~mask) != free)
			continue;
		kerby_relist(span, free, free & ~mask);
		run->first = kerby_run_begin(span * KERBY_SPAN + at, n);
		run->blocks = n;
		return 0;
	}
	return -ENOMEM;
}

/*
 * Take @n blocks side by side, 1 to 64, of the pool. 0, or -ENOMEM: no span has
 * as many, though smaller runs may be free. Content is what it was.
 */
__noinline int kerby_run_take(struct kerby_run *run, __u32 n)
{
	__u32 cpu = bpf_get_smp_processor_id() & (KERBY_CPUS - 1), class = 0, span, try;
	__u64 __arena *hint;

	if (!run || !n || n > KERBY_SPAN)
		return -EINVAL;
	while (class < KERBY_IDLE && 1U << class < n)
		class ++;
	hint = kerby_at(KERBY_AT_HINTS + cpu * 64 + class * 8);
	if (!kerby_span_take(run, KERBY_READ(*hint), n))
		return 0;
	/* Of the class below, some have a run that is long enough. */
	for (try = 0; class && 1U << class > n && try < KERBY_TRIES; try++) {
		span = kerby_list_find(class - 1, cpu + try);
		if (span == KERBY_NO_SPAN)
			break;
		if (!kerby_span_take(run, span, n))
			return 0;
	}
	for (; class <= KERBY_IDLE; class ++) {
		for (try = 0; try < KERBY_TRIES; try++) {
			span = kerby_list_find(class, cpu);
			if (span == KERBY_NO_SPAN)
				break;
			if (!kerby_span_take(run, span, n)) {
				KERBY_READ(*hint) = span;
				return 0;
			}
			kerby_unlist(class, span);
		}
	}
	return -ENOMEM;
}

/* Take a run of @n blocks, or of as many as there are side by side. */
__noinline int kerby_run_take_some(struct kerby_run *run, __u32 n)
{
	int i;

	if (!run)
		return -EINVAL;
	if (n > KERBY_SPAN)
		n = KERBY_SPAN;
	if (!kerby_run_take(run, n))
		return 0;
	for (i = 5; i >= 0; i--)
		if (1U << i < n && !kerby_run_take(run, 1U << i))
			return 0;
	return -ENOMEM;
}

/* Make the @n blocks from @index on zero. */
__noinline int kerby_run_clear(__u64 index, __u32 n)
{
	__u64 __arena *word = kerby_content((__u32)index);
	__u32 lines = n * (kerby_block_bytes / 64), i, j;

	for (i = 0; i < lines && can_loop; i++, word += 8)
#pragma unroll
		for (j = 0; j < 8; j++)
			KERBY_READ(word[j]) = 0;
	return 0;
}

/* kerby_debug: whoever wrote into free blocks had freed them, or had a wrong index. */
__noinline int kerby_run_check(__u64 index, __u32 n)
{
	__u64 __arena *word = kerby_content((__u32)index);
	__u32 words = n * (kerby_block_bytes / 8), i;
	__u64 written = 0;

	for (i = 0; i < words && can_loop; i++)
		written |= word[i];
	if (written)
		kerby_wrong();
	return 0;
}

/* Is @index that of a block in use? */
static __always_inline bool kerby_in_use(__u64 index)
{
	__u32 block = index, generation = index >> 32;

	return generation && block < kerby_spans() * KERBY_SPAN &&
	       KERBY_READ(*kerby_generation(block)) == generation;
}

/*
 * Free the first of the @n blocks from @index on, which are in one span, and
 * those behind it up to one that is not in use. Returns how many that were.
 */
__noinline int kerby_run_give(__u64 index, __u32 n)
{
	__u32 block = index, generation = index >> 32, span = block / KERBY_SPAN, i;
	__u64 mask, old;

	if (!n || !kerby_in_use(index) ||
	    __sync_val_compare_and_swap(kerby_generation(block), generation, 0) != generation) {
		kerby_wrong();
		return 0;
	}
	for (i = 1; i < n && can_loop; i++) {
		if (KERBY_READ(*kerby_generation(block + i)) != generation)
			break;
		KERBY_READ(*kerby_generation(block + i)) = 0;
	}
	if (kerby_debug)
		kerby_run_clear(index, i);
	mask = kerby_bits(i, block & 63);
	old = __sync_fetch_and_add(&kerby_span(span)->free, mask);
	if (old & mask)
		kerby_wrong();
	kerby_relist(span, old, old + mask);
	return i;
}

/* Free the @n blocks from @index on, which are in one span. Returns how many were in use. */
__noinline int kerby_run_free(__u64 index, __u32 n)
{
	__u32 done = 0, freed = 0, given;

	while (done < n && can_loop) {
		given = kerby_run_give(index + done, n - done);
		freed += given;
		done += given ? given : 1;
	}
	return freed;
}

/* What kerby.bpf.h asks of a pool. */

/*
 * Take room for @n blocks, as long as @keep blocks stay free. False: the pool
 * has no such room; then nothing is taken.
 */
static __always_inline bool kerby_pool_reserve(__u32 n, __u32 keep)
{
	struct kerby_state *st = kerby_pool_state();

	if (!st)
		return false;
	if (__sync_fetch_and_add(&st->blocks_in_use, n) + n + keep <= kerby_capacity)
		return true;
	__sync_fetch_and_add(&st->blocks_in_use, -(__u64)n);
	return false;
}

/* Give back the room of @n blocks. */
static __always_inline void kerby_pool_unreserve(__u32 n)
{
	struct kerby_state *st = kerby_pool_state();

	if (st)
		__sync_fetch_and_add(&st->blocks_in_use, -(__u64)n);
}

/* The block of @index: kerby_block_bytes bytes, or NULL when it is not in use. */
static __always_inline void __arena *kerby_pool_block(__u64 index)
{
	if (!kerby_in_use(index)) {
		kerby_wrong();
		return NULL;
	}
	return kerby_content(index);
}

/* Free idx[from] and all after it, and make them 0. */
static __always_inline void kerby_truncate(__u64 *idx, __u32 from)
{
	__u64 first = 0, index;
	__u32 i, n = 0, freed = 0;

	for (i = 0; i < KERBY_MAX_BLOCKS; i++) {
		if (i < from)
			continue;
		index = idx[i];
		if (!index)
			break;
		idx[i] = 0;
		if (n && index == first + n && index % KERBY_SPAN) {
			n++;
			continue;
		}
		if (n)
			freed += kerby_run_free(first, n);
		first = index;
		n = 1;
	}
	if (n)
		freed += kerby_run_free(first, n);
	kerby_pool_unreserve(freed);
}

/* Allocate idx[from] to idx[to - 1]: all of them, or none and an error. */
static __always_inline long kerby_extend(__u64 *idx, __u32 from, __u32 to)
{
	struct kerby_run run = {};
	__u32 i;

	if (!kerby_pool_reserve(to - from, 0))
		return -ENOSPC;
	for (i = 0; i < KERBY_MAX_BLOCKS; i++) {
		if (i < from)
			continue;
		if (i >= to)
			return 0;
		if (!run.blocks) {
			if (kerby_run_take_some(&run, to - i))
				break;
			if (kerby_debug)
				kerby_run_check(run.first, run.blocks);
			kerby_run_clear(run.first, run.blocks);
		}
		idx[i] = run.first++;
		run.blocks--;
	}
	if (i >= to)
		return 0;
	kerby_pool_unreserve(to - i);
	kerby_truncate(idx, from);
	return -ENOMEM;
}

/* A part of what is written, in memory that both helpers and programs can use. */
struct kerby_line {
	__u64 word[8];
};

/* Write the first @len bytes of @line from byte @off of block number @block on. */
__noinline int kerby_line_write(__u32 block, __u32 off, const struct kerby_line *line, __u32 len)
{
	__u64 __arena *to = kerby_content(block) + off / 8;
	__u32 i, rest = len % 8;
	__u64 last;

	if (!line || len > sizeof(*line))
		return -EINVAL;
#pragma unroll
	for (i = 0; i < 8; i++) {
		if (i >= len / 8)
			break;
		KERBY_READ(to[i]) = line->word[i];
	}
	if (!rest)
		return 0;
	last = line->word[len / 8 & 7];
	for (i = 0; i < rest && can_loop; i++, last >>= 8)
		KERBY_READ(((__u8 __arena *)to)[len - rest + i]) = last;
	return 0;
}

/*
 * Write @len bytes, or a block if that is less, from @from to the block of @index. 0;
 * -ENOENT: it is not in use; -EFAULT: @from cannot be read.
 */
static __always_inline long kerby_block_write(__u64 index, const void *from, __u32 len)
{
	struct kerby_line line = {};
	__u32 off, part;

	if (!kerby_pool_block(index))
		return -ENOENT;
	if (len > kerby_block_bytes)
		len = kerby_block_bytes;
	for (off = 0; off < KERBY_BLOCK_BYTES_MAX && off < len; off += sizeof(line)) {
		part = len - off;
		if (part > sizeof(line))
			part = sizeof(line);
		if (bpf_probe_read_kernel(&line, part, from + off))
			return -EFAULT;
		kerby_line_write(index, off, &line, part);
	}
	return 0;
}

/* Upkeep. */

/*
 * Give @pages pages of the arena from byte @at on memory. It may be that user
 * space gave them some by touching them, of which nobody else knows.
 */
static __always_inline bool kerby_pages_give(__u64 at, __u32 pages)
{
	bpf_arena_free_pages(&kerby_arena, kerby_at(at), pages);
	return bpf_arena_alloc_pages(&kerby_arena, kerby_at(at), pages, -1, 0);
}

#define KERBY_AT_ONCE 16 /* spans that become known together: their generations fill a page */

/* Give memory to what is known of the next KERBY_AT_ONCE spans, and list them as absent. */
static __always_inline bool kerby_spans_know(struct kerby_state *st)
{
	__u64 span = st->spans_known;
	__u32 i;

	if (!span && !kerby_pages_give(KERBY_AT_LISTS2, 2)) /* and the hints */
		return false;
	if (!(span % (1 << 18)) && !kerby_pages_give(KERBY_AT_LISTS1 + (span >> 12) * 64, 1))
		return false;
	if (!(span % (1 << 12)) && !kerby_pages_give(KERBY_AT_LISTS0 + span, 1))
		return false;
	if (!(span % (KERBY_PAGE / sizeof(struct kerby_span))) &&
	    !kerby_pages_give(KERBY_AT_SPANS + span * sizeof(struct kerby_span), 1))
		return false;
	if (!kerby_pages_give(KERBY_AT_GENERATIONS + span * KERBY_SPAN * sizeof(__u32), 1))
		return false;
	for (i = 0; i < KERBY_AT_ONCE; i++)
		if (span + i < kerby_spans())
			kerby_list(KERBY_ABSENT, span + i);
	st->spans_known = span + KERBY_AT_ONCE;
	return true;
}

/* Give memory to one more span. 1, 0: all have it, or -ENOMEM. */
static __noinline long kerby_span_fill(struct kerby_state *st)
{
	__u32 span;

	if (st->spans == kerby_spans())
		return 0;
	if (st->spans == st->spans_known && !kerby_spans_know(st))
		return -ENOMEM;
	span = kerby_list_find(KERBY_ABSENT, 0);
	if (span == KERBY_NO_SPAN || !kerby_pages_give((__u64)kerby_content(span * KERBY_SPAN),
						       kerby_block_bytes * KERBY_SPAN / KERBY_PAGE))
		return -ENOMEM;
	kerby_unlist(KERBY_ABSENT, span);
	st->spans++;
	__sync_fetch_and_add(&kerby_span(span)->free, ~0ULL);
	kerby_relist(span, 0, ~0ULL);
	return 1;
}

/* Take the memory of an idle span back. 1, or 0: there is none. */
static __noinline long kerby_span_empty(struct kerby_state *st)
{
	__u32 span = kerby_list_find(KERBY_IDLE, 0);

	if (span == KERBY_NO_SPAN)
		return 0;
	if (__sync_val_compare_and_swap(&kerby_span(span)->free, ~0ULL, 0) != ~0ULL) {
		kerby_unlist(KERBY_IDLE, span);
		return 0;
	}
	kerby_relist(span, ~0ULL, 0);
	bpf_arena_free_pages(&kerby_arena, kerby_content(span * KERBY_SPAN),
			     kerby_block_bytes * KERBY_SPAN / KERBY_PAGE);
	st->spans--;
	kerby_list(KERBY_ABSENT, span);
	return 1;
}

/*
 * kerby_arena_upkeep - for programs that may sleep: give memory to spans until
 * @idle_min are idle, or all have it; take the memory of idle ones back as long
 * as more than @idle_max are. At most @most of them, so that it ends. Returns
 * how many that were; -ENOMEM: the kernel has no memory for more; -EBUSY:
 * another call is under way; -EINVAL: no pool of so many and so large blocks
 * can be.
 */
__noinline long kerby_arena_upkeep(__u64 idle_min, __u64 idle_max, __u32 most)
{
	struct kerby_state *st = kerby_pool_state();
	long changed = 1;
	__u32 done;

	if (kerby_block_bytes % 64 || kerby_block_bytes > KERBY_BLOCK_BYTES_MAX ||
	    KERBY_AT_BLOCKS + (__u64)kerby_spans() * KERBY_SPAN * kerby_block_bytes > 1ULL << 32)
		return -EINVAL;
	if (!st || __sync_val_compare_and_swap(&st->upkeep, 0, 1))
		return -EBUSY;
	for (done = 0; done < most && can_loop; done++) {
		if (KERBY_READ(st->spans_idle) < idle_min)
			changed = kerby_span_fill(st);
		else if (KERBY_READ(st->spans_idle) > idle_max)
			changed = kerby_span_empty(st);
		else
			break;
		if (changed <= 0)
			break;
	}
	__sync_val_compare_and_swap(&st->upkeep, 1, 0);
	return changed < 0 ? changed : done;
}

#endif /* KERBY_POOL_ARENA_H */
