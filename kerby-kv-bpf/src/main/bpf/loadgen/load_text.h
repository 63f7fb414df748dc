/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts of requests and values by rule. A value of 8 bytes or more is its
 * version, a check number of key, version and length, and a piece of the
 * pattern from a place that key and version give; a shorter one follows from
 * key and length. User space makes values by the same rule.
 */
#ifndef KERBY_LOAD_TEXT_H
#define KERBY_LOAD_TEXT_H

#include "loadgen/load_maps.h"
#include "loadgen/load_mix.h"
#include "loadgen/load_peer.h"

#define LOAD_UDP_HEAD 8 /* memcached's: id, number, count, reserved, 2 bytes each */
#define LOAD_TEXT (NET_HEAD(0) + LOAD_UDP_HEAD)
#define LOAD_KEY_AT (LOAD_TEXT + 4) /* behind "get " or "set " */
#define LOAD_VALUE_HEAD 8
#define LOAD_DIGITS_MAX 4

/* Four characters as they are in memory. */
#define LOAD_FOUR(a, b, c, d) ((__u32)(a) | (b) << 8 | (c) << 16 | (__u32)(d) << 24)

/* What a value's bytes follow from. */
static __always_inline __u64 load_bits(__u32 key, __u32 version)
{
	return load_mix((__u64)key << 32 | version);
}

static __always_inline __u32 load_check(__u64 bits, __u32 value_len)
{
	return (__u32)(bits >> 32) ^ value_len;
}

static __always_inline __u32 load_pattern_start(__u64 bits)
{
	return bits & (LOAD_PATTERN_BYTES - 1);
}

/* How many digits a value's length has. */
static __always_inline __u32 load_digits(__u32 n)
{
	return n < 10 ? 1 : n < 100 ? 2 : n < 1000 ? 3 : 4;
}

/* The digits of a length, the first in the lowest byte. */
static __always_inline __u32 load_decimal(__u32 n)
{
	__u32 text = 0;
	int i;

#pragma unroll
	for (i = 0; i < LOAD_DIGITS_MAX; i++) {
		text = text << 8 | ('0' + n % 10);
		n /= 10;
		if (!n)
			break;
	}
	return text;
}

#endif /* KERBY_LOAD_TEXT_H */
