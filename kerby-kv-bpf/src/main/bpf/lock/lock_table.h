/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table: which locks there are, and the word by which the doors take turns
 * at one.
 *
 * Whoever reads or changes a lock holds its word: all that the entry says, its
 * queue, its holders, their blocks, and the records that clients' sessions have
 * of them. The word is taken by compare-and-swap from even to odd and given back
 * by adding one. It is not a bpf_spin_lock, so helpers may be called while it is
 * held: blocks come and go meanwhile.
 *
 * Coming and going. A new entry is inserted with its word held, by BPF_NOEXIST:
 * of two who insert the map takes one, and the other goes back to the lookup.
 * Its maker then is the first to hold it. Whoever removes an entry holds its
 * word, and never gives it back; no other deletes, so a delete never hits a
 * successor, which cannot be inserted as long as the element is there.
 *
 * Memory reuse. The map may give the memory of a removed element to another
 * lock's entry at once, under the pointer of somebody who has just looked up the
 * old one. But a word left by a remover is odd for ever, and a new one is odd
 * until its maker gives it back, when the map has long filled all of it: so in
 * between nobody can take it. Whoever takes it then has it like anybody else,
 * looks at whose entry it is, and if it is another lock's gives it back and
 * looks up again. As long as it is held the entry stays what it is. Nobody
 * remembers a word or a field from one turn to the next, so it does not matter
 * that the word's values come back.
 *
 * Order. Both atomics fetch, so they are full barriers, and everything between
 * is plain.
 *
 * Progress. A turn ends by itself: every loop has a bound, programs run to
 * their end whatever becomes of the process that loaded them, and packets'
 * doors are not preempted. User space's door can be, with a word in its hands;
 * so all attempts end after LOCK_SPINS reads and LOCK_TRIES lookups, and the
 * request goes up to user space, which tries again later.
 */
#ifndef KERBY_LOCK_TABLE_H
#define KERBY_LOCK_TABLE_H

#include "lock/lock_maps.h"
#include "lock/lock_word.h"

#define LOCK_TRIES 4

/* Insert lock @number, held. NULL: somebody else has, or there is no room; see @full. */
static __always_inline struct lock_entry *lock_insert(__u64 number, __u64 now, bool *full)
{
	struct lock_entry fresh = {.word = 1, .lock = number};
	struct lock_ctl *ctl = lock_ctl_get();
	long err;

	if (!ctl)
		return NULL;
	fresh.expires = LOCK_NEVER;
	fresh.deadline = LOCK_NEVER;
	fresh.watched = LOCK_NEVER;
	/* Grants take longer than 1 ns each, so this is more than any token of an entry before. */
	fresh.token = ctl->token_base + now;
	err = bpf_map_update_elem(&lock_table, &number, &fresh, BPF_NOEXIST);
	if (!err)
		return bpf_map_lookup_elem(&lock_table, &number);
	*full = err != -EEXIST;
	return NULL;
}

/* What became of an attempt to hold a lock's word. */
enum lock_taking {
	LOCK_TAKEN,
	LOCK_ABSENT, /* there is no such entry */
	LOCK_LOST, /* to others, too often */
	LOCK_TABLE_FULL,
};

/* Hold the word of lock @number, whose entry is then in *@held; with @create, make it if need be. */
static __always_inline enum lock_taking lock_take(__u64 number, __u64 now, bool create,
						  struct lock_entry **held)
{
	enum lock_taking taking = LOCK_LOST;
	struct lock_entry *e;
	bool full = false;
	int i;

	*held = NULL;
	for (i = 0; i < LOCK_TRIES; i++) {
		e = bpf_map_lookup_elem(&lock_table, &number);
		if (!e) {
			if (!create) {
				taking = LOCK_ABSENT;
				break;
			}
			e = lock_insert(number, now, &full);
			if (full)
				taking = LOCK_TABLE_FULL;
			else if (!e)
				continue;
			else
				taking = LOCK_TAKEN;
			*held = e;
			break;
		}
		if (!lock_word_take(&e->word))
			continue;
		if (e->lock == number) {
			*held = e;
			taking = LOCK_TAKEN;
			break;
		}
		lock_word_give(&e->word);
	}
	return taking;
}

#endif /* KERBY_LOCK_TABLE_H */
