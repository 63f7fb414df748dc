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

/* Add @n to @word, if it is even. */
static __always_inline bool lock_word_try(__u64 *word, __u64 n)
{
	__u64 seen = *(volatile __u64 *)word;

	return !(seen & 1) && __sync_val_compare_and_swap(word, seen, seen + n) == seen;
}

/* Add @n to @word as soon as it is even. False: it did not come to that. */
static __always_inline bool lock_word_add(__u64 *word, __u64 n)
{
	bool added = false;
	int i;

	if (lock_word_try(word, n)) /* as a rule, and without the cost of a loop */
		return true;
	bpf_for(i, 0, LOCK_SPINS) {
		added = lock_word_try(word, n);
		if (added)
			break;
	}
	return added;
}

/* Take @word from even to odd. */
static __always_inline bool lock_word_take(__u64 *word)
{
	return lock_word_add(word, 1);
}

/* Give a word back. */
static __always_inline void lock_word_give(__u64 *word)
{
	__sync_fetch_and_add(word, 1);
}

#endif /* KERBY_LOCK_WORD_H */
