// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load on lock managers, in the kernel. lock_load_receive is attached to the
 * generator's interface: it takes a reply, and sends what follows from it back
 * in the same frame: the release after the grant, the next acquire after the
 * release. Who has to wait for its time goes into a list, and any later frame
 * that has nothing to carry takes along who is due.
 *
 * lock_load_send is run by user space with live frames, turn after turn. It
 * sends who is due, begins transactions, and finds requests without a reply.
 */
#include "loadgen/lock_load_client.h"

#define LOCK_LOAD_PORT 16384 /* below those that Linux gives to sockets */
#define LOCK_LOAD_FRAME (NET_HEAD(0) + sizeof(struct lock_message))

/* Make the frame the request of client @t, which is ours, and let it go. */
static __always_inline int lock_load_ask(struct xdp_md *ctx, const struct lock_load_turn *t,
					 __u64 now)
{
	struct lock_load_client *c = t->client;
	__u32 which = lock_load_which(c), drawn = lock_load_drawn(c, which);
	struct lock_load_lane *lane = lock_load_lane_mine();
	void *data, *data_end;
	struct lock_message *m;

	if (!lane || !load_put_udp(ctx, LOCK_LOAD_PORT, sizeof(*m), &data, &data_end) ||
	    data + LOCK_LOAD_FRAME > data_end) {
		lock_load_count(LOCK_LOAD_BROKEN);
		return XDP_ABORTED;
	}
	m = data + NET_HEAD(0);
	m->magic = bpf_htons(LOCK_MAGIC);
	m->version = LOCK_PROTOCOL;
	m->op = c->releasing ? LOCK_RELEASE : LOCK_ACQUIRE;
	m->mode = drawn & LOCK_LOAD_SHARED ? LOCK_SHARED : LOCK_EXCLUSIVE;
	m->status = LOCK_REQUEST;
	m->reserved = 0;
	m->lock = bpf_cpu_to_be64(drawn & ~LOCK_LOAD_SHARED);
	m->client = bpf_cpu_to_be64(lock_load_first_client + t->index);
	m->sequence = bpf_cpu_to_be64(lock_load_first_sequence + c->held_number[which]);
	m->token = 0;
	m->wait = bpf_htonl(lock_load_wait_ms);
	m->lease = bpf_htonl(lock_load_lease_ms);
	c->sent_ns = now;
	lane->asked++;
	lock_load_count(LOCK_LOAD_SENT);
	/* From here on the reply may come. */
	__sync_fetch_and_add(&c->word,
			     (1ULL << LOCK_LOAD_STATE_BITS) + LOCK_LOAD_ASKED - LOCK_LOAD_OWNED);
	return XDP_TX;
}

/* Whether as much is under way as may be. */
static __always_inline bool lock_load_is_full(void)
{
	struct lock_load_lane *lane;
	__u64 under_way = 0;
	__u32 zero = 0, cpu;

	bpf_for(cpu, 0, LOAD_LANES_MAX) {
		lane = bpf_map_lookup_percpu_elem(&lock_load_lanes, &zero, cpu);
		if (!lane)
			break;
		under_way += lane->asked - lane->heard;
	}
	return (__s64)under_way >= (__s64)lock_load_window;
}

/* Send who is due, if anybody is. */
static __always_inline int lock_load_ask_due(struct xdp_md *ctx, __u64 now)
{
	struct lock_load_turn t;
	__u32 due;

	if (!lock_load_is_due(now) || lock_load_is_full())
		return XDP_DROP;
	due = lock_load_due(now);
	if (!due)
		return XDP_DROP;
	t.index = due - 1;
	t.client = lock_load_client_of(t.index);
	if (!t.client || !lock_load_go_on(t.client, now))
		return XDP_DROP;
	return lock_load_ask(ctx, &t, now);
}

/* Copy the messages of a datagram from the server to @m. Returns how many; 0: it is something else. */
static __always_inline int lock_load_replies(struct xdp_md *ctx, struct lock_message *m)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct net_head *h = (void *)(long)ctx->data;
	struct lock_message *from = (void *)(h + 1);

	if ((void *)(from + 1) > data_end || h->proto != bpf_htons(ETH_P_IP) ||
	    *(__u8 *)&h->ip != 0x45 || h->ip.protocol != IPPROTO_UDP ||
	    h->ip.saddr != load_ip_server || h->udp.source != load_port_server ||
	    h->udp.dest != bpf_htons(LOCK_LOAD_PORT))
		return 0;
	m[0] = from[0];
	if (h->udp.len != bpf_htons(sizeof(h->udp) + 2 * sizeof(*m)) ||
	    (void *)(from + 2) > data_end)
		return 1;
	m[1] = from[1];
	return 2;
}

/*
 * Take message @m at time @now. Returns the number + 1 of the client that sends
 * at once; 0: none does. Verified once for all messages of a datagram.
 */
__noinline __u32 lock_load_take(const struct lock_message *m, __u64 now)
{
	struct lock_load_turn t;
	__u64 client;

	if (!m)
		return 0;
	client = bpf_be64_to_cpu(m->client) - lock_load_first_client;
	t.index = client;
	t.client = client < lock_load_clients_max && m->magic == bpf_htons(LOCK_MAGIC)
			   ? lock_load_client_of(t.index)
			   : NULL;
	if (!t.client) {
		lock_load_count(LOCK_LOAD_FOREIGN);
		return 0;
	}
	return lock_load_heard(&t, m, now) ? t.index + 1 : 0;
}

/* Client @number - 1, which is ours; none, if @number is 0. */
static __always_inline struct lock_load_turn lock_load_turn_of(__u32 number)
{
	struct lock_load_turn t = {};

	if (number) {
		t.index = number - 1;
		t.client = lock_load_client_of(t.index);
	}
	return t;
}

SEC("xdp")
int lock_load_receive(struct xdp_md *ctx)
{
	volatile struct lock_load_control *control = &lock_load_control;
	__u64 now = bpf_ktime_get_ns();
	struct lock_message m[2];
	int messages = lock_load_replies(ctx, m);
	struct lock_load_turn t, also;

	if (!messages)
		return XDP_PASS;
	t = lock_load_turn_of(lock_load_take(&m[0], now));
	if (messages > 1) {
		/* The frame carries one request: of who holds a lock rather than of who wants one. */
		also = lock_load_turn_of(lock_load_take(&m[1], now));
		if (also.client && t.client)
			lock_load_pause(&t, LOCK_LOAD_BEGINNERS, now);
		if (also.client)
			t = also;
	}
	if (t.client &&
	    (t.client->held || t.client->tries || (!lock_load_is_due(now) && !lock_load_is_full())))
		return lock_load_ask(ctx, &t, now);
	if (t.client) /* It begins anew: in its turn with those that are due. */
		lock_load_pause(&t, LOCK_LOAD_BEGINNERS, now);
	return control->quit ? XDP_DROP : lock_load_ask_due(ctx, now);
}

/* Have one more client looked after. */
static __always_inline int lock_load_scan(struct xdp_md *ctx, struct lock_load_lane *lane,
					  __u64 now)
{
	struct lock_load_turn t = {.index = lane->scan};

	lane->scan += lane->stride;
	if (lane->scan >= lock_load_clients_max)
		lane->scan = lane->first;
	t.client = lock_load_client_of(t.index);
	if (!t.client || !lock_load_look(t.client, now))
		return XDP_DROP;
	if (t.client->resent || t.client->held || t.client->tries)
		return lock_load_ask(ctx, &t, now);
	/* A transaction begins: in its turn with those that are due. */
	lock_load_pause(&t, LOCK_LOAD_BEGINNERS, now);
	return XDP_DROP;
}

SEC("xdp")
int lock_load_send(struct xdp_md *ctx)
{
	volatile struct lock_load_control *control = &lock_load_control;
	struct lock_load_lane *lane = lock_load_lane_mine();
	__u64 now = bpf_ktime_get_ns();
	int verdict;

	if (!lane || control->quit)
		return XDP_DROP;
	verdict = lock_load_ask_due(ctx, now);
	return verdict == XDP_DROP ? lock_load_scan(ctx, lane, now) : verdict;
}

char LICENSE[] SEC("license") = "GPL";
