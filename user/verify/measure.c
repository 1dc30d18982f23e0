/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/histogram.h"
#include "model/mechanism_set.h"

/* Numbers ---------------------------------------------------------------------------------- */

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t subtract(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void measure_add(struct measure *to, const struct measure *more)
{
	to->low = add(to->low, more->low);
	to->high = add(to->high, more->high);
	to->best = add(to->best, more->best);
}

static enum certainty within(const struct measure *measure, const struct spec_bound *bound)
{
	if (measure->low >= bound->low && measure->high <= bound->high)
		return CERTAIN_YES;
	if (measure->low > bound->high || measure->high < bound->low)
		return CERTAIN_NO;
	return CERTAIN_MAYBE;
}

enum certainty measure_holds(const struct measure *measure, const struct spec_bound *bound)
{
	enum certainty is_within = within(measure, bound);

	return bound->is_not ? (enum certainty)(CERTAIN_YES - is_within) : is_within;
}

/* Edges ------------------------------------------------------------------------------------ */

/* Edges of one direction of a channel: their sum is exact although each may be a guess. */
struct flow {
	struct {
		uint32_t channel, direction;
	} key;
	struct graph_count ours, others; /* best */
	struct graph_count ours_least, others_least;
	bool is_exact;	/* ours are */
	bool is_shared; /* with edges that the rule does not speak of */
	bool is_lone;	/* nobody else was seen to send or receive here */
	UT_hash_handle hh;
};

struct flows {
	struct flow *by_key;
	struct flow *all;
};

static void count_add(struct graph_count *to, const struct graph_count *more)
{
	to->messages = add(to->messages, more->messages);
	to->bytes = add(to->bytes, more->bytes);
}

static struct flow *flow_find(struct flows *flows, const struct graph_edge *edge)
{
	struct flow key = { .key = { edge->channel, edge->direction } }, *flow;

	HASH_FIND(hh, flows->by_key, &key.key, sizeof(key.key), flow);
	return flow;
}

static bool role_sends(enum ipct_role role)
{
	return role == IPCT_ROLE_SEND || role == IPCT_ROLE_POST;
}

static bool role_receives(enum ipct_role role)
{
	return role == IPCT_ROLE_RECEIVE || role == IPCT_ROLE_WAIT;
}

/* What went off the machine or came from there, as it was counted on this side. */
static bool is_far(const struct scene *scene, const struct graph_edge *edge)
{
	return scene->roles[edge->from] == SPEC_ROLE_REMOTE ||
	       scene->roles[edge->to] == SPEC_ROLE_REMOTE;
}

/*
 * Are the two of this edge the only ones that were seen at its ends? Then what was received was
 * seen to go from one to the other, whatever else was lost.
 */
static bool is_lone(const struct scene *scene, const struct graph_edge *edge)
{
	const struct graph_channel *channel = &scene->graph->channels[edge->channel];

	for (size_t i = 0; i < scene->graph->edges_nr; i++) {
		const struct graph_edge *other = &scene->graph->edges[i];

		if (other != edge && other->channel == edge->channel &&
		    other->direction == edge->direction)
			return false;
	}
	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];

		if ((role_sends(endpoint->role) || role_receives(endpoint->role)) &&
		    endpoint->process != edge->from && endpoint->process != edge->to)
			return false;
	}
	return true;
}

static void flow_add(const struct scene *scene, struct flow *flow, const struct graph_edge *edge)
{
	count_add(&flow->ours, &edge->count);
	if (is_far(scene, edge) && !scene_is_lossy(scene)) {
		count_add(&flow->ours_least, &edge->count);
		return;
	}
	count_add(&flow->ours_least, &edge->at_least);
	flow->is_exact = flow->is_exact && edge->is_exact;
}

/* Room for a flow of each edge of the verdict. */
static int flows_fill(const struct scene *scene, const struct verdict *verdict, struct flows *flows)
{
	bool *is_ours = calloc(scene->graph->edges_nr + 1, sizeof(*is_ours));

	flows->all = calloc(verdict->edges_nr + 1, sizeof(*flows->all));
	if (!flows->all || !is_ours) {
		free(is_ours);
		return -ENOMEM;
	}
	for (size_t i = 0; i < verdict->edges_nr; i++) {
		const struct graph_edge *edge = &scene->graph->edges[verdict->edges[i]];
		struct flow *flow = flow_find(flows, edge);

		if (!flow) {
			flow = &flows->all[i];
			flow->key.channel = edge->channel;
			flow->key.direction = edge->direction;
			flow->is_exact = true;
			flow->is_lone = scene_is_lossy(scene) && is_lone(scene, edge);
			HASH_ADD(hh, flows->by_key, key, sizeof(flow->key), flow);
		}
		is_ours[verdict->edges[i]] = true;
		flow_add(scene, flow, edge);
	}
	for (size_t i = 0; i < scene->graph->edges_nr && flows->by_key; i++) {
		const struct graph_edge *edge = &scene->graph->edges[i];
		struct flow *flow = is_ours[i] ? NULL : flow_find(flows, edge);

		if (!flow)
			continue;
		flow->is_shared = true;
		count_add(&flow->others, &edge->count);
		count_add(&flow->others_least, &edge->at_least);
	}
	free(is_ours);
	return 0;
}

static void flows_fini(struct flows *flows)
{
	HASH_CLEAR(hh, flows->by_key);
	free(flows->all);
}

static struct measure flow_measure(const struct scene *scene, const struct flow *flow,
				   uint64_t ours, uint64_t least, uint64_t others,
				   uint64_t others_least)
{
	struct measure measure = { ours, ours, ours };

	if (scene_trusts_numbers(scene) || (flow->is_exact && !scene_is_lossy(scene)))
		return measure;
	if (scene_is_lossy(scene)) {
		/* the sum is not exact either: what was lost may be of anybody */
		measure.low = flow->is_lone ? ours : least;
		measure.high = UINT64_MAX;
	} else if (flow->is_shared) {
		measure.low = least;
		measure.high = subtract(add(ours, others), others_least);
	}
	return measure;
}

struct pair_entry {
	struct {
		uint32_t from, to;
	} key;
	UT_hash_handle hh;
};

/* How many different ones of `nr` pairs there are. `stride` bytes lie between them. 0 or -ENOMEM.
 */
static int pairs_count(const struct verdict_pair *pairs, size_t nr, size_t *ret_count)
{
	struct pair_entry *entries = calloc(nr + 1, sizeof(*entries)), *by_key = NULL, *known;

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		entries[i].key.from = pairs[i].from;
		entries[i].key.to = pairs[i].to;
		HASH_FIND(hh, by_key, &entries[i].key, sizeof(entries[i].key), known);
		if (!known)
			HASH_ADD(hh, by_key, key, sizeof(entries[i].key), &entries[i]);
	}
	*ret_count = HASH_COUNT(by_key);
	HASH_CLEAR(hh, by_key);
	free(entries);
	return 0;
}

/* Pairs that exchanged something: those that did for sure, and those that may have. */
static int edges_peers(const struct scene *scene, struct verdict *verdict)
{
	struct verdict_pair *pairs = calloc(verdict->edges_nr + 1, sizeof(*pairs));
	size_t count = 0, sure = 0, sure_nr = 0;
	int err = pairs ? 0 : -ENOMEM;

	for (size_t i = 0; i < verdict->edges_nr && !err; i++) {
		const struct graph_edge *edge = &scene->graph->edges[verdict->edges[i]];

		pairs[i] = (struct verdict_pair){ edge->from, edge->to, 0 };
	}
	if (!err)
		err = pairs_count(pairs, verdict->edges_nr, &count);
	for (size_t i = 0; i < verdict->edges_nr && !err; i++) {
		const struct graph_edge *edge = &scene->graph->edges[verdict->edges[i]];

		if (edge->at_least.messages || edge->at_least.bytes ||
		    scene_trusts_numbers(scene) || (is_far(scene, edge) && !scene_is_lossy(scene)))
			pairs[sure_nr++] = (struct verdict_pair){ edge->from, edge->to, 0 };
	}
	if (!err)
		err = pairs_count(pairs, sure_nr, &sure);
	free(pairs);
	verdict->peers = (struct measure){ sure, count, count };
	if (scene_is_lossy(scene))
		verdict->peers.high = UINT64_MAX;
	return err;
}

int measure_edges(const struct scene *scene, struct verdict *verdict)
{
	struct flows flows = {};
	struct flow *flow;
	int err = flows_fill(scene, verdict, &flows);

	verdict->messages = verdict->bytes = (struct measure){};
	if (scene_is_lossy(scene))
		verdict->messages.high = verdict->bytes.high = UINT64_MAX;
	for (flow = flows.by_key; flow && !err; flow = flow->hh.next) {
		struct measure messages =
			flow_measure(scene, flow, flow->ours.messages, flow->ours_least.messages,
				     flow->others.messages, flow->others_least.messages);
		struct measure bytes = flow_measure(scene, flow, flow->ours.bytes,
						    flow->ours_least.bytes, flow->others.bytes,
						    flow->others_least.bytes);

		measure_add(&verdict->messages, &messages);
		measure_add(&verdict->bytes, &bytes);
	}
	flows_fini(&flows);
	return err ? err : edges_peers(scene, verdict);
}

int measure_pairs(const struct scene *scene, struct verdict *verdict)
{
	size_t count = 0;
	int err = pairs_count(verdict->pairs, verdict->pairs_nr, &count);

	verdict->peers = (struct measure){ count, count, count };
	if (scene_is_lossy(scene))
		verdict->peers.high = UINT64_MAX;
	return err;
}

/* Fields of channels ----------------------------------------------------------------------- */

/* An end of the channel that the rule's first side sends through, or its second receives from. */
static bool rule_has_endpoint(const struct scene *scene, const struct spec_rule *rule,
			      const struct graph_endpoint *endpoint)
{
	return (role_sends(endpoint->role) &&
		scene_side_matches(scene, rule->from, endpoint->process)) ||
	       (role_receives(endpoint->role) &&
		scene_side_matches(scene, rule->to, endpoint->process));
}

/* An end that can be received from; what holds a socket may hold either. */
static bool holds_receiving(const struct graph_endpoint *endpoint)
{
	return endpoint->role == IPCT_ROLE_HOLD && (endpoint->ends & GRAPH_END_FIRST);
}

/*
 * Is the second side of the rule where the first one sent? Surely, if it received or if it holds
 * the end and nobody received; perhaps, if others received, or if nobody is known to have the end.
 */
static enum certainty side_receives(const struct scene *scene, const struct spec_rule *rule,
				    const struct graph_channel *channel)
{
	bool has_receiver = false, has_holder = false, is_held = false;

	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];
		bool is_ours = scene_side_matches(scene, rule->to, endpoint->process);

		if (role_receives(endpoint->role) && is_ours)
			return CERTAIN_YES;
		has_receiver |= role_receives(endpoint->role);
		has_holder |= holds_receiving(endpoint);
		is_held |= holds_receiving(endpoint) && is_ours;
	}
	if (is_held)
		return has_receiver || ipct_is_socket(channel->mechanism) ? CERTAIN_MAYBE :
									    CERTAIN_YES;
	return has_receiver || has_holder ? CERTAIN_NO : CERTAIN_MAYBE;
}

/* The channels that a rule speaks of: with an edge of its, or where its sides have both ends. */
static enum certainty rule_uses_channel(const struct scene *scene, const struct verdict *verdict,
					uint32_t index)
{
	const struct graph_channel *channel = &scene->graph->channels[index];
	bool sends = false;

	if (!scene_rule_has_channel(scene, verdict->rule, index))
		return CERTAIN_NO;
	for (size_t i = 0; i < verdict->edges_nr; i++)
		if (scene->graph->edges[verdict->edges[i]].channel == index)
			return CERTAIN_YES;
	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];

		sends |= role_sends(endpoint->role) &&
			 scene_side_matches(scene, verdict->rule->from, endpoint->process);
	}
	return sends ? side_receives(scene, verdict->rule, channel) : CERTAIN_NO;
}

static uint64_t channel_errors(const struct scene *scene, const struct spec_rule *rule,
			       const struct graph_channel *channel, int number)
{
	uint64_t count = 0;

	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];

		if (!rule_has_endpoint(scene, rule, endpoint))
			continue;
		for (size_t e = 0; e < endpoint->errors_nr; e++)
			if (endpoint->errors[e].number == number)
				count = add(count, endpoint->errors[e].count);
	}
	return count;
}

/* Of byte streams bytes are counted, else messages. */
static bool is_stream(enum ipct_mechanism mechanism)
{
	return mechanism_set_of_models(1U << IPCT_MODEL_STREAM | 1U << IPCT_MODEL_TERMINAL) &
	       MECHANISM_SET_BIT(mechanism);
}

static uint64_t unit_of(enum ipct_mechanism mechanism, const struct graph_count *count)
{
	return is_stream(mechanism) ? count->bytes : count->messages;
}

/* What the edges of a process through a channel took for sure. */
static uint64_t taken_of(const struct scene *scene, uint32_t channel, uint32_t process)
{
	enum ipct_mechanism mechanism = scene->graph->channels[channel].mechanism;
	uint64_t taken = 0;

	for (size_t i = 0; i < scene->graph->edges_nr; i++) {
		const struct graph_edge *edge = &scene->graph->edges[i];

		if (edge->channel == channel && edge->from == process)
			taken = add(taken, unit_of(mechanism, scene_trusts_numbers(scene) ?
								      &edge->count :
								      &edge->at_least));
	}
	return taken;
}

/*
 * What is unread in a channel is of whoever sent what was not taken: all of it is of the rule's
 * senders, unless others sent, too, and may have something left.
 */
static struct measure channel_unread(const struct scene *scene, const struct spec_rule *rule,
				     uint32_t index)
{
	const struct graph_channel *channel = &scene->graph->channels[index];
	uint64_t unread = unit_of(channel->mechanism, &channel->unread);
	uint64_t ours = 0, others = unit_of(channel->mechanism, &channel->before_capture);
	struct measure measure = { unread, unread, unread };

	if (!unread)
		return measure;
	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];
		uint64_t left;

		if (!role_sends(endpoint->role))
			continue;
		left = subtract(unit_of(channel->mechanism, &endpoint->count),
				taken_of(scene, index, endpoint->process));
		if (scene_side_matches(scene, rule->from, endpoint->process))
			ours = add(ours, left);
		else
			others = add(others, left);
	}
	measure.low = subtract(unread, others);
	if (others && measure.high > ours)
		measure.high = ours > measure.low ? ours : measure.low;
	return measure;
}

static struct measure channels_measure(const struct scene *scene, const struct verdict *verdict,
				       const struct spec_bound *bound)
{
	struct measure measure = {};

	for (uint32_t i = 0; i < scene->graph->channels_nr; i++) {
		enum certainty is_used = rule_uses_channel(scene, verdict, i);
		struct measure one;

		if (is_used == CERTAIN_NO)
			continue;
		if (bound->field == SPEC_FIELD_UNREAD) {
			one = channel_unread(scene, verdict->rule, i);
		} else {
			one.best = channel_errors(scene, verdict->rule, &scene->graph->channels[i],
						  bound->error_number);
			one.low = one.high = one.best;
		}
		if (is_used == CERTAIN_MAYBE)
			one.low = 0;
		measure_add(&measure, &one);
	}
	if (!scene_is_lossy(scene))
		return measure;
	/* what was lost may have been the receive, or another error */
	measure.high = UINT64_MAX;
	if (bound->field == SPEC_FIELD_UNREAD)
		measure.low = 0;
	return measure;
}

/* Fields of edges -------------------------------------------------------------------------- */

static uint64_t per_second(uint64_t bytes, uint64_t duration_ns)
{
	double rate = (double)bytes * 1e9 / (double)duration_ns;

	return bytes == UINT64_MAX || rate >= 0x1p64 ? UINT64_MAX : (uint64_t)rate;
}

static struct measure rate_measure(const struct scene *scene, const struct verdict *verdict)
{
	uint64_t duration_ns = scene->graph->capture.duration_ns;

	if (!duration_ns)
		return (struct measure){ 0, UINT64_MAX, 0 };
	return (struct measure){ per_second(verdict->bytes.low, duration_ns),
				 per_second(verdict->bytes.high, duration_ns),
				 per_second(verdict->bytes.best, duration_ns) };
}

/* Of `all`, to which `missing` values belong that may be anything, as exact as it is: 1/16. */
static struct measure percentile_measure(const struct histogram *all, uint64_t missing,
					 double percent)
{
	double nr = (double)histogram_count(all), rank = percent / 100 * (nr + (double)missing);
	uint64_t value = histogram_percentile(all, percent);
	struct measure measure = { 0, UINT64_MAX, value };

	if (rank > (double)missing) {
		value = histogram_percentile(all, (rank - (double)missing) / nr * 100);
		measure.low = value - value / 16;
	}
	if (rank <= nr) {
		value = histogram_percentile(all, missing ? rank / nr * 100 : percent);
		measure.high = add(value, value / 16);
	}
	return measure;
}

/* A percentile of all edges together; messages without a time, or of nobody for sure, may be any.
 */
static int residency_measure(const struct scene *scene, const struct verdict *verdict,
			     double percent, struct measure *ret_measure)
{
	struct histogram *all = histogram_new();
	uint64_t messages = 0;
	bool is_exact = true;
	int err = all ? 0 : -ENOMEM;

	*ret_measure = (struct measure){ 0, UINT64_MAX, 0 };
	for (size_t i = 0; i < verdict->edges_nr && !err; i++) {
		const struct graph_edge *edge = &scene->graph->edges[verdict->edges[i]];

		messages = add(messages, edge->count.messages);
		is_exact = is_exact && (edge->is_exact || scene_trusts_numbers(scene));
		if (edge->residency)
			err = histogram_merge(all, edge->residency);
	}
	if (!err && histogram_count(all))
		*ret_measure =
			percentile_measure(all, subtract(messages, histogram_count(all)), percent);
	if (scene_is_lossy(scene) || !is_exact) {
		ret_measure->low = 0;
		ret_measure->high = UINT64_MAX;
	}
	histogram_free(all);
	return err;
}

int measure_bound(const struct scene *scene, const struct verdict *verdict,
		  const struct spec_bound *bound, struct measure *ret_measure)
{
	switch (bound->field) {
	case SPEC_FIELD_MESSAGES:
		*ret_measure = verdict->messages;
		return 0;
	case SPEC_FIELD_BYTES:
		*ret_measure = verdict->bytes;
		return 0;
	case SPEC_FIELD_PEERS:
		*ret_measure = verdict->peers;
		return 0;
	case SPEC_FIELD_RATE:
		*ret_measure = rate_measure(scene, verdict);
		return 0;
	case SPEC_FIELD_ERROR:
	case SPEC_FIELD_UNREAD:
		*ret_measure = channels_measure(scene, verdict, bound);
		return 0;
	case SPEC_FIELD_P50:
		return residency_measure(scene, verdict, 50, ret_measure);
	case SPEC_FIELD_P90:
		return residency_measure(scene, verdict, 90, ret_measure);
	case SPEC_FIELD_P99:
		return residency_measure(scene, verdict, 99, ret_measure);
	default:
		*ret_measure = (struct measure){ 0, UINT64_MAX, 0 };
		return 0;
	}
}
