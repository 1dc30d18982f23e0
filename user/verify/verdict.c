/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/verdict.h"

#include <stdlib.h>

const char *const verdict_status_names[VERDICT_STATUS_NR] = {
	[VERDICT_PASS] = "pass",
	[VERDICT_FAIL] = "fail",
	[VERDICT_INCONCLUSIVE] = "inconclusive",
	[VERDICT_SKIPPED] = "skipped",
};

const char *const verdict_reason_names[VERDICT_REASON_NR] = {
	[VERDICT_REASON_NONE] = "none",
	[VERDICT_REASON_ABSENT] = "absent",
	[VERDICT_REASON_SEEN] = "seen",
	[VERDICT_REASON_BOUND] = "bound",
	[VERDICT_REASON_STATUS] = "status",
	[VERDICT_REASON_LEFT] = "left",
	[VERDICT_REASON_LOST] = "lost",
	[VERDICT_REASON_CUT] = "cut",
	[VERDICT_REASON_BARRIER] = "barrier",
	[VERDICT_REASON_CONTRADICTED] = "contradicted",
	[VERDICT_REASON_UNRESOLVED] = "unresolved",
	[VERDICT_REASON_NOT_TRACED] = "not-traced",
	[VERDICT_REASON_UNPROVEN] = "unproven",
	[VERDICT_REASON_NOT_RECORDED] = "not-recorded",
	[VERDICT_REASON_NOT_MEASURED] = "not-measured",
};

/* The status of the command is no rule. */
static bool any_rule_passes(const struct verdicts *verdicts)
{
	for (size_t i = 0; i < verdicts->nr; i++)
		if (verdicts->all[i].kind != VERDICT_EXIT &&
		    verdicts->all[i].status == VERDICT_PASS)
			return true;
	return false;
}

enum verdict_status verdicts_status(const struct verdicts *verdicts)
{
	if (verdicts->count[VERDICT_FAIL])
		return VERDICT_FAIL;
	if (verdicts->count[VERDICT_SKIPPED] && !any_rule_passes(verdicts))
		return VERDICT_INCONCLUSIVE;
	return verdicts->count[VERDICT_INCONCLUSIVE] ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

size_t verdicts_role_processes(const struct verdicts *verdicts, uint32_t role)
{
	size_t nr = 0;

	for (size_t i = 0; i < verdicts->graph->processes_nr; i++)
		nr += verdicts->roles[i] == role;
	return nr;
}

void verdicts_fini(struct verdicts *verdicts)
{
	for (size_t i = 0; i < verdicts->nr; i++) {
		free(verdicts->all[i].edges);
		free(verdicts->all[i].pairs);
		free(verdicts->all[i].bounds);
		free(verdicts->all[i].leftovers.channels);
	}
	free(verdicts->all);
	free(verdicts->roles);
	*verdicts = (struct verdicts){};
}
