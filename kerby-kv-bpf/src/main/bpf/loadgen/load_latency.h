/* SPDX-License-Identifier: GPL-2.0-only */
/* Times, counted in buckets; each CPU has its own. */
#ifndef KERBY_LOAD_LATENCY_H
#define KERBY_LOAD_LATENCY_H

#include "kerby_compat.h"
#include "loadgen/load_abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct load_latency);
} load_latency SEC(".maps");

/* The index of the highest bit of v, which is not 0. */
static __always_inline __u32 load_log2(__u64 v)
{
	__u32 log = 0;

#define LOAD_HALVE(bits)       \
	if (v >> (bits)) {     \
		v >>= (bits);  \
		log += (bits); \
	}
	LOAD_HALVE(32)
	LOAD_HALVE(16)
	LOAD_HALVE(8)
	LOAD_HALVE(4)
	LOAD_HALVE(2)
	LOAD_HALVE(1)
#undef LOAD_HALVE
	return log;
}

static __always_inline void load_count_latency(__u64 ns)
{
	__u32 zero = 0, bucket, log;
	struct load_latency *latency = bpf_map_lookup_elem(&load_latency, &zero);

	if (!latency)
		return;
	if (ns < LOAD_BUCKETS_LINEAR) {
		bucket = ns;
	} else {
		log = load_log2(ns) - LOAD_BUCKET_BITS;
		bucket = log * LOAD_BUCKETS_LINEAR + (__u32)(ns >> log);
	}
	if (bucket >= LOAD_BUCKETS)
		bucket = LOAD_BUCKETS - 1;
	latency->bucket[bucket]++;
}

#endif /* KERBY_LOAD_LATENCY_H */
