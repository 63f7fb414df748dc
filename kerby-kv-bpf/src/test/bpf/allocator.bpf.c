// SPDX-License-Identifier: GPL-2.0-only
/* The allocator on the hash pool. */
#define KERBY_BLOCK_BYTES 32
#include "allocator_calls.h"
