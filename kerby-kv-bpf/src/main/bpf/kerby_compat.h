/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs use and the distribution's kernel and libbpf headers do
 * not declare yet, in one place. Each goes away when the headers have it.
 */
#ifndef KERBY_COMPAT_H
#define KERBY_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

/* Open-coded iterator over numbers (Linux 6.4). */
struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

/*
 * for (i = start; i < end; i++), where the verifier need not follow every turn.
 * The body may leave by break, not by return.
 */
#ifndef bpf_for
#define bpf_for(i, start, end)                                                                    \
	for (struct bpf_iter_num it__ __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))), \
	     *once__                                                                              \
	     __attribute__((unused)) = (bpf_iter_num_new(&it__, (start), (end)), (void *)0);      \
	     ({                                                                                   \
		     int *turn__ = bpf_iter_num_next(&it__);                                      \
		     turn__ && ((i) = *turn__, (i) >= (start) && (i) < (end));                    \
	     });)
#endif

/* Packets as dynptrs (Linux 6.4). */
struct __sk_buff;
struct xdp_md;
extern int bpf_dynptr_from_xdp(struct xdp_md *xdp, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

/*
 * A condition of a loop, which the kernel makes false after some millions of turns
 * (may_goto, Linux 6.9): the verifier need not see that the loop ends.
 */
#define can_loop                                                                \
	({                                                                      \
		__label__ over__, on__;                                         \
		bool more__ = true;                                             \
		asm volatile goto("1: .byte 0xe5, 0;"                           \
				  ".long ((%l[over__] - 1b - 8) / 8) & 0xffff;" \
				  ".short 0"                                    \
				  :                                             \
				  :                                             \
				  :                                             \
				  : over__);                                    \
		goto on__;                                                      \
over__:                                                                         \
		more__ = false;                                                 \
on__:;                                                                          \
		more__;                                                         \
	})

/* Arenas (Linux 6.9): memory whose pointers helpers do not take. */
#define BPF_MAP_TYPE_ARENA 33
#define __arena __attribute__((address_space(1)))
extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *address, __u32 pages, int node,
					   __u64 flags) __ksym;
extern void bpf_arena_free_pages(void *map, void __arena *address, __u32 pages) __ksym;

#endif /* KERBY_COMPAT_H */
