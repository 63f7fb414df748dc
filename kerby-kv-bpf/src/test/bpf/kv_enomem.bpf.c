// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kerby-KV on a kernel that has no memory now and then: as kv.bpf.c, but of the
 * updates of maps, each of which takes memory, every so many-th fails.
 */
#include <linux/errno.h>
#include "kerby_compat.h"

struct kv_enomem {
	__u64 period; /* every so many-th update fails; 0: none */
	__u64 updates;
	__u64 failures;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kv_enomem);
} kv_enomem SEC(".maps");

static __always_inline long kv_enomem_update(void *map, const void *key, const void *value,
					     __u64 flags)
{
	__u32 zero = 0;
	struct kv_enomem *e = bpf_map_lookup_elem(&kv_enomem, &zero);

	if (e && e->period && __sync_fetch_and_add(&e->updates, 1) % e->period == 0) {
		__sync_fetch_and_add(&e->failures, 1);
		return -ENOMEM;
	}
	return bpf_map_update_elem(map, key, value, flags);
}

#define bpf_map_update_elem kv_enomem_update
#include "kv/kv.bpf.c"
