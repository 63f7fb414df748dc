/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps and constants of the generator. Sizes are set by user space at loading. */
#ifndef KERBY_LOAD_MAPS_H
#define KERBY_LOAD_MAPS_H

#include "kerby_compat.h"
#include "loadgen/load_abi.h"

/* Lanes and requests to the stream are powers of two; slots are those of one lane. */
const volatile __u32 load_lane_bits;
const volatile __u32 load_slot_mask;
const volatile __u32 load_stream_mask;
const volatile __u32 load_key_room = LOAD_KEY_MAX; /* the longest key */
const volatile __u32 load_value_max = LOAD_VALUE_MAX; /* the longest value */
const volatile __u64 load_timeout_ns = 250000000;
const volatile bool load_verify = true; /* compare the whole of each reply */
const volatile bool load_echo; /* the reply is the request, as a bare reflector sends it */

/*
 * BTF has the types that some variable has. The enumerations of load_abi.h, and
 * structures that no map names, are had by this one alone.
 */
struct {
	enum load_number number;
	enum load_counter counter;
	enum load_state state;
	struct load_key key;
} *load_types __attribute__((unused));

struct load_control load_control;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct load_request);
} load_stream SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct load_key) + LOAD_KEY_MAX + 10);
} load_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, LOAD_PATTERN_ROOM);
} load_pattern SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct load_slot);
} load_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOAD_LANES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct load_lane);
} load_lanes SEC(".maps");

/* Which lane a CPU is. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} load_lane_of_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct load_counts);
} load_counts SEC(".maps");

static __always_inline void load_count(enum load_counter counter)
{
	__u32 zero = 0;
	struct load_counts *counts = bpf_map_lookup_elem(&load_counts, &zero);

	if (counts)
		counts->counter[counter]++;
}

#endif /* KERBY_LOAD_MAPS_H */
