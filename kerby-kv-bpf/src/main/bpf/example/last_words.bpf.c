// SPDX-License-Identifier: GPL-2.0-only
/*
 * An example of Kerby on its own: remembers the last thing that each IPv4
 * address said over UDP, however long or short. A payload of 0 bytes forgets
 * the sender.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define KERBY_BLOCK_BYTES 64
#define KERBY_CAPACITY 64
#define KERBY_MAX_BLOCKS 8
#define KERBY_ALLOC_ENTRIES 32
#define KERBY_ALLOC_KEY __u32
#include "../kerby.bpf.h"

#define WORDS_MAX (KERBY_MAX_BLOCKS * KERBY_BLOCK_BYTES)
#define PAYLOAD (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr))

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8[WORDS_MAX]);
} words SEC(".maps");

SEC("xdp")
int last_words(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	__u32 len = bpf_xdp_get_buff_len(ctx) - PAYLOAD, zero = 0, from;
	__u64 idx[KERBY_MAX_BLOCKS] = {};
	struct kerby_alloc *known;
	void *text = bpf_map_lookup_elem(&words, &zero);

	if (!text || data + PAYLOAD > data_end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->ihl != 5 || ip->protocol != IPPROTO_UDP || len > WORDS_MAX)
		return XDP_PASS;
	from = ip->saddr;
	known = kerby_alloc_lookup(&from);
	if (known)
		__builtin_memcpy(idx, known->idx, sizeof(idx));
	if (!len) {
		kerby_alloc_del(&from);
		kerby_free(idx);
		return XDP_DROP;
	}
	/* A resize that fails keeps the old blocks, and with them the old words. */
	if (bpf_xdp_load_bytes(ctx, PAYLOAD, text, len) || kerby_resize(len, idx) < 0)
		return XDP_ABORTED;
	kerby_pool_update(idx, text, len);
	if (kerby_alloc_update(&from, idx, len) && !known)
		kerby_free(idx);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
