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

#endif /* KERBY_COMPAT_H */
