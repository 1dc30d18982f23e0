/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of each rule of a specification: data, which user/output puts into words. Strings,
 * rules and edges are borrowed from the specification and the graph.
 */
#ifndef IPCTRACE_VERDICT_H
#define IPCTRACE_VERDICT_H

#include "graph/graph.h"
#include "graph/graph_leftover.h"
#include "verify/examples.h"
#include "verify/spec.h"

enum verdict_status {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_INCONCLUSIVE, /* what was recorded does not decide it */
	VERDICT_SKIPPED,      /* not judged at all */
	VERDICT_STATUS_NR,
};

extern const char *const verdict_status_names[VERDICT_STATUS_NR];

/* Why a verdict is not "pass". */
enum verdict_reason {
	VERDICT_REASON_NONE,
	VERDICT_REASON_ABSENT,	     /* fail: what is required was not seen */
	VERDICT_REASON_SEEN,	     /* fail: what is forbidden or not allowed was */
	VERDICT_REASON_BOUND,	     /* a bound does not hold, or may not */
	VERDICT_REASON_STATUS,	     /* fail: the command ended with another status */
	VERDICT_REASON_LEFT,	     /* fail: objects were left */
	VERDICT_REASON_LOST,	     /* inconclusive: records were lost, ... */
	VERDICT_REASON_CUT,	     /* recording stopped before the command ended, or was killed */
	VERDICT_REASON_BARRIER,	     /* not all CPUs said that nothing more comes from them */
	VERDICT_REASON_CONTRADICTED, /* records make no sense, or are not as many as were counted */
	VERDICT_REASON_UNRESOLVED,   /* something went through a channel that nobody can name */
	VERDICT_REASON_NOT_TRACED,   /* the mechanism was not (-e) */
	VERDICT_REASON_UNPROVEN,     /* the edge was seen, but the order that proves it was not */
	VERDICT_REASON_NOT_RECORDED, /* objects at the end, the status of the command */
	VERDICT_REASON_NOT_MEASURED, /* skipped: this version measures no such field */
	VERDICT_REASON_NR,
};

/* As in machine-readable outputs: "absent". Static. */
extern const char *const verdict_reason_names[VERDICT_REASON_NR];

enum verdict_kind {
	VERDICT_RULE,
	VERDICT_CLOSED,
	VERDICT_LEFTOVER,
	VERDICT_EXIT,
};

/* A number that is at least `low` and at most `high` (UINT64_MAX: no limit is known). */
struct measure {
	uint64_t low, high;
	uint64_t best; /* as the graph has it */
};

enum certainty { CERTAIN_NO, CERTAIN_MAYBE, CERTAIN_YES };

struct verdict_bound {
	const struct spec_bound *bound;
	struct measure measure;
	enum certainty holds;
};

/* Two processes that map one channel. */
struct verdict_pair {
	uint32_t from, to, channel;
};

#define VERDICT_EXAMPLES_MAX 3

struct verdict_example {
	uint32_t edge;
	struct example transfer;
	bool is_edge; /* no single transfer is known: the numbers of the whole edge */
};

struct verdict {
	enum verdict_kind kind;
	enum verdict_status status;
	enum verdict_reason reason;
	size_t line;			      /* of the specification; 0: it does not say it */
	const struct spec_rule *rule;	      /* VERDICT_RULE */
	const struct spec_leftover *leftover; /* VERDICT_LEFTOVER */
	uint32_t *edges;		      /* that match; VERDICT_CLOSED: that nothing allows */
	size_t edges_nr;
	struct verdict_pair *pairs; /* of shared memory, the same */
	size_t pairs_nr;
	struct measure messages, bytes, peers; /* VERDICT_RULE: of the edges, or pairs */
	struct verdict_bound *bounds;
	size_t bounds_nr;
	uint32_t nearest; /* edge that comes near to what is required, or GRAPH_NONE */
	bool from_is_missing, to_is_missing; /* no process has the role of the rule */
	struct graph_leftovers leftovers;
	struct verdict_example examples[VERDICT_EXAMPLES_MAX];
	size_t examples_nr;
};

struct verdicts {
	const struct spec *spec; /* borrowed, as the graph */
	const struct graph *graph;
	uint32_t *roles; /* of each process */
	struct verdict *all;
	size_t nr;
	size_t count[VERDICT_STATUS_NR];
};

/*
 * The verdict on the whole: fail if anything failed, then inconclusive; else pass. Where rules were
 * skipped and none passed, nothing was judged: inconclusive.
 */
enum verdict_status verdicts_status(const struct verdicts *verdicts);

/* How many processes have the role. */
size_t verdicts_role_processes(const struct verdicts *verdicts, uint32_t role);

void verdicts_fini(struct verdicts *verdicts);

#endif
