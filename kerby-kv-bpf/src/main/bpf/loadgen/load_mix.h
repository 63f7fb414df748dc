/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KERBY_LOAD_MIX_H
#define KERBY_LOAD_MIX_H

#include <linux/types.h>

/* SplitMix64's bijection. */
static __always_inline __u64 load_mix(__u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

#endif /* KERBY_LOAD_MIX_H */
