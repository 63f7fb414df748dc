// SPDX-License-Identifier: GPL-2.0-only
/*
 * One of each thing that the Java binding can do something with: for its tests.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

enum sample_kind {
	SAMPLE_SMALL = 1,
	SAMPLE_NEGATIVE = -5,
};

struct sample {
	__u64 wide;
	__u32 narrow;
	__u16 pair[3];
	__u8 tail;
	struct {
		__u8 inner;
	};
	__u32 low:3;
	__u32 high:5;
};

const volatile __u8 constant_u8 = 1;
const volatile __u16 constant_u16 = 2;
const volatile __u32 constant_u32 = 3;
const volatile __s64 constant_s64 = 4;
const volatile enum sample_kind constant_kind = SAMPLE_SMALL;

__u64 xdp_runs;
__u32 tc_runs;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 100);
	__type(key, __u64);
	__type(value, struct sample);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4);
	__uint(key_size, 8);
	__uint(value_size, 8);
} resized SEC(".maps");

struct lpm_key {
	__u32 prefix_bits;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__type(key, struct lpm_key);
	__type(value, __u32);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} plain SEC(".maps");

struct mapped {
	__u8 bytes[12]; /* stride 16 */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1000);
	__type(key, __u32);
	__type(value, struct mapped);
} mapped SEC(".maps");

struct counters {
	__u64 runs;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* Context of syscall programs. */
struct arguments {
	__u32 count;
	__u32 out;
	__u64 sum;
};

/* Puts 0, 1, ... count - 1 into the ring buffer. */
SEC("syscall")
int emit(struct arguments *arguments)
{
	__u32 count = arguments->count;

	for (__u64 i = 0; i < 64; i++) {
		if (i >= count)
			break;
		if (bpf_ringbuf_output(&events, &i, sizeof(i), 0))
			return 1;
	}
	return 0;
}

/* Tells what the constants are, and the first byte of mapped[count]. */
SEC("syscall")
int reflect(struct arguments *arguments)
{
	__u32 index = arguments->count;
	struct mapped *element = bpf_map_lookup_elem(&mapped, &index);

	if (!element)
		return 7;
	arguments->sum = (__u64)constant_u8 + constant_u16 + constant_u32 + constant_s64;
	arguments->out = element->bytes[0];
	element->bytes[1] = element->bytes[0] + 1;
	return constant_kind;
}

static __always_inline void count(__u64 bytes)
{
	__u32 zero = 0;
	struct counters *own = bpf_map_lookup_elem(&counters, &zero);

	if (own) {
		own->runs++;
		own->bytes += bytes;
	}
}

/* Turns a frame's addresses round and adds a byte at its end. */
SEC("xdp")
int reflect_xdp(struct xdp_md *ctx)
{
	__u8 *data, *end, keep;

	__sync_fetch_and_add(&xdp_runs, 1);
	count(ctx->data_end - ctx->data);
	if (bpf_xdp_adjust_tail(ctx, 1))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + 14 > end)
		return XDP_ABORTED;
	for (int i = 0; i < 6; i++) {
		keep = data[i];
		data[i] = data[6 + i];
		data[6 + i] = keep;
	}
	return XDP_TX;
}

SEC("xdp")
int drop_xdp(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&xdp_runs, 1000);
	return XDP_DROP;
}

/* Passes, with the metadata and interface that it saw in its results. */
SEC("xdp")
int context_xdp(struct xdp_md *ctx)
{
	__u32 *meta = (void *)(long)ctx->data_meta;
	void *data = (void *)(long)ctx->data;

	if ((void *)(meta + 1) > data)
		return XDP_ABORTED;
	if (*meta != ctx->ingress_ifindex)
		return XDP_DROP;
	*meta = 0x6b657262;
	return XDP_PASS;
}

SEC("tcx/ingress")
int mark_tc(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&tc_runs, 1);
	skb->mark += 1;
	return TC_ACT_OK;
}

SEC("tc")
int other_tc(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&tc_runs, 1000);
	return TC_ACT_OK;
}
