/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In the place of libbpf's header of this name: the programs as functions of user
 * space, and the kernel's helpers as others, which helpers.h has.
 */
#ifndef KERBY_FUZZ_BPF_HELPERS_H
#define KERBY_FUZZ_BPF_HELPERS_H

#include <linux/bpf.h>

#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define SEC(name) __attribute__((used))
#undef __always_inline /* the C library has one */
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define barrier_var(var) asm volatile("" : "+r"(var))

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_probe_read_kernel(void *to, __u32 size, const void *from);
__u64 bpf_ktime_get_boot_ns(void);
void bpf_tail_call(void *ctx, void *map, __u32 index);
long bpf_check_mtu(void *ctx, __u32 ifindex, __u32 *mtu, __s32 more, __u64 flags);
long bpf_redirect(__u32 ifindex, __u64 flags);
__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __u32 seed);
long bpf_xdp_load_bytes(void *ctx, __u32 off, void *to, __u32 len);
long bpf_xdp_store_bytes(void *ctx, __u32 off, void *from, __u32 len);
long bpf_xdp_adjust_tail(void *ctx, int delta);
long bpf_xdp_adjust_head(void *ctx, int delta);
long bpf_skb_load_bytes(const void *ctx, __u32 off, void *to, __u32 len);
long bpf_skb_store_bytes(void *ctx, __u32 off, const void *from, __u32 len, __u64 flags);
long bpf_skb_change_tail(void *ctx, __u32 len, __u64 flags);
long bpf_skb_pull_data(void *ctx, __u32 len);
void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags);
void bpf_ringbuf_submit(void *data, __u64 flags);
void bpf_ringbuf_discard(void *data, __u64 flags);
long bpf_dynptr_from_mem(void *data, __u32 size, __u64 flags, struct bpf_dynptr *ptr);
long bpf_dynptr_read(void *to, __u32 len, const struct bpf_dynptr *from, __u32 off, __u64 flags);
long bpf_dynptr_write(const struct bpf_dynptr *to, __u32 off, void *from, __u32 len, __u64 flags);

#endif /* KERBY_FUZZ_BPF_HELPERS_H */
