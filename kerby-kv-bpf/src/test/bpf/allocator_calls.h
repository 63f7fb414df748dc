/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each function of kerby.bpf.h as a program of its own, for its tests. The
 * arguments and results are in an element of map calls, since a syscall
 * program's context is not memory that helpers take.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define KERBY_CAPACITY 40
#define KERBY_MAX_BLOCKS 16
#define KERBY_ALLOC_ENTRIES 4
#include "kerby.bpf.h"

struct call {
	__u32 size; /* bytes */
	__u32 reserved;
	__u64 key; /* of the allocation map */
	__s64 result;
	__u64 idx[KERBY_MAX_BLOCKS];
	struct kerby_alloc found;
	__u8 values[KERBY_MAX_BLOCKS * KERBY_BLOCK_BYTES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 8); /* one for each thread of a test */
	__type(key, __u32);
	__type(value, struct call);
} calls SEC(".maps");

/* Context of each program: which element of calls. */
struct call_args {
	__u32 index;
};

static __always_inline struct call *call_of(const struct call_args *args)
{
	__u32 index = args->index;

	return bpf_map_lookup_elem(&calls, &index);
}

#define CALL(name, expression)                  \
	SEC("syscall")                          \
	int call_##name(struct call_args *args) \
	{                                       \
		struct call *c = call_of(args); \
                                                \
		if (!c)                         \
			return 1;               \
		c->result = (expression);       \
		return 0;                       \
	}

CALL(malloc, kerby_malloc(c->size, c->idx))
CALL(free, (kerby_free(c->idx), 0))
CALL(resize, kerby_resize(c->size, c->idx))
CALL(pool_update, kerby_pool_update(c->idx, c->values, c->size))
CALL(alloc_update, kerby_alloc_update(&c->key, c->idx, c->size))
CALL(alloc_del, kerby_alloc_del(&c->key))

/* What is recorded under the key; result -ENOENT when nothing is. */
SEC("syscall")
int call_alloc_lookup(struct call_args *args)
{
	struct call *c = call_of(args);
	struct kerby_alloc *known;

	if (!c)
		return 1;
	known = kerby_alloc_lookup(&c->key);
	c->result = known ? 0 : -ENOENT;
	if (known)
		c->found = *known;
	return 0;
}

char _license[] SEC("license") = "GPL";
