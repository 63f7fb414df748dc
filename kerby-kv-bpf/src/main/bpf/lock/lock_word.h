/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A word by which programs take turns: even, it is free; odd, somebody holds it.
 * It is not a bpf_spin_lock: helpers may be called while it is held. See
 * lock_table.h for what follows from that.
 */
#ifndef KERBY_LOCK_WORD_H
#define KERBY_LOCK_WORD_H

#include "kerby_compat.h"

#define LOCK_SPINS 1024 /* reads of a held word; a turn takes 1 us, with long walks a hundred */

/* Take @word from even to odd. */
static __always_inline bool lock_word_take(__u64 *word)
{
	bool taken = false;
	__u64 seen;
	int i;

	bpf_for(i, 0, LOCK_SPINS) {
		seen = *(volatile __u64 *)word;
		if (seen & 1)
			continue;
		taken = __sync_val_compare_and_swap(word, seen, seen + 1) == seen;
		if (taken)
			break;
	}
	return taken;
}

/* Give a word back. */
static __always_inline void lock_word_give(__u64 *word)
{
	__sync_fetch_and_add(word, 1);
}

#endif /* KERBY_LOCK_WORD_H */
