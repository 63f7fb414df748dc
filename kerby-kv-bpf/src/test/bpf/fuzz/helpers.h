/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's helpers as Kerby-KV's programs use them: a frame with room around
 * it that may not be touched, and maps of elements each of which is an allocation.
 */
#ifndef KERBY_FUZZ_HELPERS_H
#define KERBY_FUZZ_HELPERS_H

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FUZZ_HEAD 256 /* what XDP has in front of a frame, and behind it */
#define FUZZ_TAIL 352
#define FUZZ_FRAME 4096
#define FUZZ_ELEMENTS 4096 /* of all maps */

/* One frame at a time. Programs have 32-bit addresses of it. */
static struct {
	__u8 *room; /* FUZZ_HEAD + FUZZ_FRAME + FUZZ_TAIL */
	__u8 *data, *end, *limit;
	struct xdp_md xdp;
	struct __sk_buff skb;
} fuzz_frame;

static void fuzz_fail(const char *what)
{
	fprintf(stderr, "property violated: %s\n", what);
	abort();
}

static void fuzz_frame_moved(void)
{
	__u32 size = FUZZ_HEAD + FUZZ_FRAME + FUZZ_TAIL;

	__asan_poison_memory_region(fuzz_frame.room, size);
	__asan_unpoison_memory_region(fuzz_frame.data, fuzz_frame.end - fuzz_frame.data);
	fuzz_frame.xdp.data = (__u32)(long)fuzz_frame.data;
	fuzz_frame.xdp.data_end = (__u32)(long)fuzz_frame.end;
	fuzz_frame.skb.data = fuzz_frame.xdp.data;
	fuzz_frame.skb.data_end = fuzz_frame.xdp.data_end;
	fuzz_frame.skb.len = fuzz_frame.end - fuzz_frame.data;
}

static void fuzz_frame_set(const void *bytes, __u32 len, __u32 tail)
{
	__u32 size = FUZZ_HEAD + FUZZ_FRAME + FUZZ_TAIL;

	if (!fuzz_frame.room) {
		fuzz_frame.room = mmap(NULL, size, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		if (fuzz_frame.room == MAP_FAILED)
			fuzz_fail("no memory below 4 GiB");
	}
	fuzz_frame.data = fuzz_frame.room + FUZZ_HEAD;
	fuzz_frame.end = fuzz_frame.data + len;
	fuzz_frame.limit = fuzz_frame.end + tail;
	fuzz_frame_moved();
	memcpy(fuzz_frame.data, bytes, len);
}

static __u32 fuzz_frame_len(void)
{
	return fuzz_frame.end - fuzz_frame.data;
}

static long fuzz_frame_copy(__u32 off, void *to, const void *from, __u32 len)
{
	__u32 size = fuzz_frame_len();

	if (off > size || len > size - off)
		return -1;
	if (to)
		memcpy(to, fuzz_frame.data + off, len);
	else
		memcpy(fuzz_frame.data + off, from, len);
	return 0;
}

long bpf_xdp_load_bytes(void *ctx, __u32 off, void *to, __u32 len)
{
	return fuzz_frame_copy(off, to, NULL, len);
}

long bpf_xdp_store_bytes(void *ctx, __u32 off, void *from, __u32 len)
{
	return fuzz_frame_copy(off, NULL, from, len);
}

long bpf_skb_load_bytes(const void *ctx, __u32 off, void *to, __u32 len)
{
	return fuzz_frame_copy(off, to, NULL, len);
}

long bpf_skb_store_bytes(void *ctx, __u32 off, const void *from, __u32 len, __u64 flags)
{
	return fuzz_frame_copy(off, NULL, from, len);
}

long bpf_xdp_adjust_tail(void *ctx, int delta)
{
	if (delta > fuzz_frame.limit - fuzz_frame.end ||
	    -(long)delta > fuzz_frame.end - fuzz_frame.data - 14)
		return -1;
	fuzz_frame.end += delta;
	fuzz_frame_moved();
	return 0;
}

long bpf_xdp_adjust_head(void *ctx, int delta)
{
	if (fuzz_frame.data + delta < fuzz_frame.room ||
	    fuzz_frame.data + delta > fuzz_frame.end - 14)
		return -1;
	fuzz_frame.data += delta;
	fuzz_frame_moved();
	return 0;
}

long bpf_skb_change_tail(void *ctx, __u32 len, __u64 flags)
{
	if (len > FUZZ_FRAME)
		return -1;
	fuzz_frame.end = fuzz_frame.data + len;
	fuzz_frame_moved();
	return 0;
}

long bpf_skb_pull_data(void *ctx, __u32 len)
{
	return 0;
}

/* A dynptr of memory, or, with no address, of the frame. */
struct fuzz_dynptr {
	void *data;
	__u32 size;
};

static long fuzz_dynptr(struct bpf_dynptr *ptr, void *data, __u32 size)
{
	struct fuzz_dynptr d = {data, size};

	memcpy(ptr, &d, sizeof(d));
	return 0;
}

int bpf_dynptr_from_xdp(struct xdp_md *xdp, __u64 flags, struct bpf_dynptr *ptr)
{
	return fuzz_dynptr(ptr, NULL, 0);
}

int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr)
{
	return fuzz_dynptr(ptr, NULL, 0);
}

long bpf_dynptr_from_mem(void *data, __u32 size, __u64 flags, struct bpf_dynptr *ptr)
{
	return fuzz_dynptr(ptr, data, size);
}

long bpf_dynptr_read(void *to, __u32 len, const struct bpf_dynptr *from, __u32 off, __u64 flags)
{
	struct fuzz_dynptr d;

	memcpy(&d, from, sizeof(d));
	if (!d.data)
		return fuzz_frame_copy(off, to, NULL, len);
	if (off > d.size || len > d.size - off)
		return -1;
	memcpy(to, d.data + off, len);
	return 0;
}

long bpf_dynptr_write(const struct bpf_dynptr *to, __u32 off, void *from, __u32 len, __u64 flags)
{
	struct fuzz_dynptr d;

	memcpy(&d, to, sizeof(d));
	if (!d.data)
		return fuzz_frame_copy(off, NULL, from, len);
	if (off > d.size || len > d.size - off)
		return -1;
	memcpy(d.data + off, from, len);
	return 0;
}

/* Maps. An element that is deleted may be read until the program ends, as in the kernel. */
struct fuzz_map {
	void *map;
	__u32 key_size, value_size, max_entries;
	bool is_array;
};

static const struct fuzz_map *fuzz_map_of(void *map);

static struct {
	const struct fuzz_map *map;
	void *key, *value;
} fuzz_element[FUZZ_ELEMENTS];
static __u32 fuzz_elements;
static void *fuzz_deleted[FUZZ_ELEMENTS];
static __u32 fuzz_deletions;

static __u32 fuzz_count(void *map)
{
	__u32 i, n = 0;

	for (i = 0; i < fuzz_elements; i++)
		n += fuzz_element[i].map->map == map;
	return n;
}

static int fuzz_find(const struct fuzz_map *m, const void *key)
{
	__u32 i;

	for (i = 0; i < fuzz_elements; i++) {
		if (fuzz_element[i].map == m && !memcmp(fuzz_element[i].key, key, m->key_size))
			return i;
	}
	return -1;
}

static void *fuzz_insert(const struct fuzz_map *m, const void *key)
{
	if (fuzz_elements == FUZZ_ELEMENTS)
		return NULL;
	fuzz_element[fuzz_elements].map = m;
	fuzz_element[fuzz_elements].key = malloc(m->key_size);
	memcpy(fuzz_element[fuzz_elements].key, key, m->key_size);
	fuzz_element[fuzz_elements].value = calloc(1, m->value_size);
	return fuzz_element[fuzz_elements++].value;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	const struct fuzz_map *m = fuzz_map_of(map);
	int i = fuzz_find(m, key);

	if (i >= 0)
		return fuzz_element[i].value;
	if (m->is_array && *(const __u32 *)key < m->max_entries)
		return fuzz_insert(m, key);
	return NULL;
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	const struct fuzz_map *m = fuzz_map_of(map);
	int i = fuzz_find(m, key);
	void *to;

	if (i >= 0 && flags == BPF_NOEXIST)
		return -17;
	to = i >= 0 ? fuzz_element[i].value : fuzz_insert(m, key);
	if (!to)
		return -7;
	memcpy(to, value, m->value_size);
	return 0;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	int i = fuzz_find(fuzz_map_of(map), key);

	if (i < 0)
		return -2;
	free(fuzz_element[i].key);
	if (fuzz_deletions == FUZZ_ELEMENTS)
		fuzz_fail("no program deletes that much");
	fuzz_deleted[fuzz_deletions++] = fuzz_element[i].value;
	fuzz_element[i] = fuzz_element[--fuzz_elements];
	return 0;
}

static void fuzz_forget_deleted(void)
{
	while (fuzz_deletions)
		free(fuzz_deleted[--fuzz_deletions]);
}

static void fuzz_forget_all(void)
{
	fuzz_forget_deleted();
	while (fuzz_elements) {
		fuzz_elements--;
		free(fuzz_element[fuzz_elements].key);
		free(fuzz_element[fuzz_elements].value);
	}
}

long bpf_probe_read_kernel(void *to, __u32 size, const void *from)
{
	memcpy(to, from, size);
	return 0;
}

__u64 bpf_ktime_get_boot_ns(void)
{
	return 1000000000000ULL;
}

void bpf_tail_call(void *ctx, void *map, __u32 index)
{
}

long bpf_check_mtu(void *ctx, __u32 ifindex, __u32 *mtu, __s32 more, __u64 flags)
{
	return fuzz_frame.end - fuzz_frame.data + more > FUZZ_FRAME;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	return 7; /* TC_ACT_REDIRECT */
}

__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __u32 seed)
{
	__u64 sum = seed;
	__u32 i;

	for (i = 0; i < to_size / 4; i++)
		sum += to[i];
	while (sum >> 32)
		sum = (__u32)sum + (sum >> 32);
	return sum;
}

static __u64 fuzz_event[64];

void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags)
{
	return size <= sizeof(fuzz_event) ? fuzz_event : NULL;
}

void bpf_ringbuf_submit(void *data, __u64 flags)
{
}

void bpf_ringbuf_discard(void *data, __u64 flags)
{
}

int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end)
{
	int *turn = (int *)it;

	turn[0] = start - 1;
	turn[1] = end;
	return 0;
}

int *bpf_iter_num_next(struct bpf_iter_num *it)
{
	int *turn = (int *)it;

	return ++turn[0] < turn[1] ? turn : NULL;
}

void bpf_iter_num_destroy(struct bpf_iter_num *it)
{
}

#endif /* KERBY_FUZZ_HELPERS_H */
