// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures another XDP program by test runs: each run writes a request into the
 * frame, whole, with a key of its own, and goes on to the program under test by a
 * tail call. The time of bench_nothing in its place is what the bench itself takes.
 */
#include "kerby_compat.h"

#define BENCH_FRAME 2048 /* bytes of the longest request, a power of two */
#define BENCH_DIGITS 8 /* of a key's number, with zeros in front */

/* Set before the runs. */
volatile struct bench_control {
	__u64 next; /* key, or what random keys are made of: not 0 */
	__u64 stride; /* from one key to the next, coprime to keys: each in turn; 0: at random */
	__u64 keys;
	__u32 frame_len;
	__u32 digits_at; /* where in the frame the last digits of the key are */
} bench_control = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, BENCH_FRAME);
} bench_frame SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_target SEC(".maps");

static __always_inline __u64 bench_key(volatile struct bench_control *c)
{
	__u64 key = c->next, next = key + c->stride;

	if (c->stride) {
		c->next = next < c->keys ? next : next - c->keys;
		return key;
	}
	next = key ^ key << 13;
	next ^= next >> 7;
	next ^= next << 17;
	c->next = next;
	return (next >> 32) * c->keys >> 32;
}

SEC("xdp")
int bench_nothing(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp")
int bench(struct xdp_md *ctx)
{
	volatile struct bench_control *c = &bench_control;
	__u32 zero = 0, len = c->frame_len;
	void *frame = bpf_map_lookup_elem(&bench_frame, &zero);
	__u64 rest = bench_key(c), ten;
	__u8 digits[BENCH_DIGITS];
	int i;

	if (!frame || !len || len > BENCH_FRAME)
		return XDP_ABORTED;
	for (i = BENCH_DIGITS - 1; i >= 0; i--) {
		ten = rest / 10;
		digits[i] = '0' + (rest - 10 * ten);
		rest = ten;
	}
	if (bpf_xdp_adjust_tail(ctx, (int)(len - (__u32)bpf_xdp_get_buff_len(ctx))) ||
	    bpf_xdp_store_bytes(ctx, 0, frame, len) ||
	    bpf_xdp_store_bytes(ctx, c->digits_at, digits, sizeof(digits)))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &bench_target, 0);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
