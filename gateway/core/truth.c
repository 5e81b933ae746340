#include "gateway/core/truth.h"

#include "model/corpus/proof.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct mw_truth {
	const struct mw_sim_series *series; /* borrowed */
	size_t n_patches, n_channels;
	uint8_t *visible; /* [n_patches][n_channels] */
	int *fault;       /* [n_patches] the injection that acts or acted last, -1: none yet */
};

/* A window while it is described. */
struct view {
	const struct mw_truth *truth;
	const struct mw_evidence *evidence;
	const struct mw_prompt *prompt;
	size_t first; /* patch */
	int injection;
};

static float patch_effect(const struct mw_truth *truth, size_t patch, size_t channel)
{
	float largest = 0;

	for (size_t t = patch * MW_PATCH_ROWS; t < (patch + 1) * MW_PATCH_ROWS; t++)
		largest = fmaxf(largest, truth->series->effect[t * truth->n_channels + channel]);
	return largest;
}

static void mark_visible(struct mw_truth *truth)
{
	size_t n = truth->n_channels;
	int last = -1;

	for (size_t p = 0; p < truth->n_patches; p++) {
		for (size_t t = p * MW_PATCH_ROWS; t < (p + 1) * MW_PATCH_ROWS; t++)
			if (truth->series->fault_at[t] >= 0)
				last = truth->series->fault_at[t];
		truth->fault[p] = last;
		for (size_t c = 0; c < n; c++)
			truth->visible[p * n + c] =
			    last >= 0 && patch_effect(truth, p, c) >= MW_TRUTH_VISIBLE;
	}
}

mw_err mw_truth_new(const struct mw_sim_series *series, struct mw_truth **ret_truth)
{
	struct mw_truth *truth = calloc(1, sizeof(*truth));

	if (!truth)
		return MW_E_NOMEM;
	truth->series = series;
	truth->n_channels = series->n_channels;
	truth->n_patches = series->n_rows / MW_PATCH_ROWS;
	truth->visible = calloc(truth->n_patches + 1, truth->n_channels);
	truth->fault = calloc(truth->n_patches + 1, sizeof(*truth->fault));
	if (!truth->visible || !truth->fault) {
		mw_truth_free(truth);
		return MW_E_NOMEM;
	}
	mark_visible(truth);
	*ret_truth = truth;
	return MW_E_OK;
}

void mw_truth_free(struct mw_truth *truth)
{
	if (!truth)
		return;
	free(truth->visible);
	free(truth->fault);
	free(truth);
}

static bool patch_shows(const struct mw_truth *truth, size_t patch)
{
	return memchr(truth->visible + patch * truth->n_channels, 1, truth->n_channels) != NULL;
}

/* --- channels --------------------------------------------------------------------------------- */

struct candidate {
	uint8_t row, channel;
	size_t place; /* in the causal order */
	float effect;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	if (x->effect != y->effect)
		return x->effect > y->effect ? -1 : 1;
	return (int)x->row - (int)y->row;
}

/* Place of a channel in the causal order of the injection; those not in it come last. */
static size_t causal_place(const struct view *view, size_t channel)
{
	const struct mw_sim_series *series = view->truth->series;
	size_t n = series->n_cause[view->injection];

	for (size_t i = 0; i < n; i++)
		if (series->cause_order[view->injection][i] == channel)
			return i;
	return n;
}

static float window_effect(const struct view *view, size_t channel)
{
	const struct mw_truth *truth = view->truth;
	float largest = 0;

	for (size_t p = view->first; p < view->first + MW_WINDOW_PATCHES; p++)
		if (truth->visible[p * truth->n_channels + channel])
			largest = fmaxf(largest, patch_effect(truth, p, channel));
	return largest;
}

static size_t find_candidates(const struct view *view, float largest,
			      struct candidate ret[MW_PROMPT_MAX_CHANNELS])
{
	size_t n = 0;

	for (uint32_t row = 1; row < view->prompt->n_rows; row++) {
		uint8_t channel = view->prompt->channel[row - 1];
		float effect = window_effect(view, channel);

		if (effect >= MW_TRUTH_VISIBLE && effect >= MW_TRUTH_NAMED_SHARE * largest)
			ret[n++] = (struct candidate){(uint8_t)row, channel,
						      causal_place(view, channel), effect};
	}
	qsort(ret, n, sizeof(ret[0]), compare_candidates);
	return n;
}

/* What proves the fault on a channel, over the patches of the window that show it. */
static enum mw_proof proof_of(const struct view *view, size_t channel)
{
	const struct mw_truth *truth = view->truth;
	const uint8_t *visible = truth->visible + channel;
	size_t from = view->first;
	size_t to = view->first + MW_WINDOW_PATCHES;
	struct mw_proof_stats stats;

	while (from < to && !visible[from * truth->n_channels])
		from++;
	while (to > from && !visible[(to - 1) * truth->n_channels])
		to--;
	mw_proof_measure(truth->series, channel, from * MW_PATCH_ROWS, to * MW_PATCH_ROWS, &stats);
	return mw_proof_decide(&stats);
}

/* What may be said of a named channel.  Limits are said of windows with a profile, by the gateway. */
static void describe_channel(const struct view *view, size_t i, size_t channel, size_t onset,
			     struct mw_claims *ret_claims, struct mw_window_truth *ret)
{
	static const struct mw_claim_limits none = {(double)NAN, (double)NAN};
	struct mw_channel_finding finding;

	mw_evidence_finding(view->evidence, channel, onset, &finding);
	mw_evidence_claims(view->evidence, &finding, onset, ret->onset == MW_TRUTH_ONSET_BEFORE,
			   &none, ret_claims);
	ret->move[i] = finding.move;
	ret->proof[i] = proof_of(view, channel);
}

static void name_channels(const struct view *view, struct mw_window_truth *ret)
{
	struct candidate candidate[MW_PROMPT_MAX_CHANNELS];
	struct mw_claims claims[MW_TRUTH_CHANNELS];
	uint32_t named[MW_TRUTH_CHANNELS];
	size_t onset = ret->onset == MW_TRUTH_ONSET_BEFORE ? 0 : ret->onset;
	size_t n = find_candidates(view, ret->effect, candidate);
	struct mw_other_channels others;

	if (n > MW_TRUTH_CHANNELS)
		n = MW_TRUTH_CHANNELS;
	for (size_t i = 0; i < n; i++) {
		named[i] = candidate[i].channel;
		ret->row[i] = candidate[i].row;
		describe_channel(view, i, named[i], onset, &claims[i], ret);
		if (i > 0)
			mw_claims_order(&claims[0], &claims[i]);
		ret->claims[i] = claims[i].set;
	}
	others = mw_evidence_others(view->evidence, named, n, onset);
	ret->event_claims = mw_event_claims_of(others.n, others.level);
}

/* --- the window ------------------------------------------------------------------------------- */

static void describe_operation(const struct view *view, struct mw_window_truth *ret)
{
	const struct mw_sim_series *series = view->truth->series;
	size_t from = view->first * MW_PATCH_ROWS;

	for (size_t t = from + MW_WINDOW_ROWS; t-- > from;) {
		if (series->operation_at[t] < 0)
			continue;
		ret->verdict = MW_VERDICT_OPERATION;
		ret->fault = series->spec.injection[series->operation_at[t]].fault;
		return;
	}
}

unsigned mw_truth_severity(float effect)
{
	if (effect < MW_TRUTH_VISIBLE)
		return 0;
	if (effect > 8)
		return 3;
	return effect >= 4 ? 2 : 1;
}

static void describe_fault(const struct view *view, size_t onset, struct mw_window_truth *ret)
{
	const struct mw_truth *truth = view->truth;

	for (size_t c = 0; c < truth->n_channels; c++)
		ret->effect = fmaxf(ret->effect, window_effect(view, c));
	ret->verdict = MW_VERDICT_FAULT;
	ret->fault = truth->series->spec.injection[view->injection].fault;
	ret->severity = mw_truth_severity(ret->effect);
	ret->onset = (unsigned)onset;
	if (onset == 0 && view->first > 0 && patch_shows(truth, view->first - 1))
		ret->onset = MW_TRUTH_ONSET_BEFORE;
	name_channels(view, ret);
}

static void describe_patches(const struct view *view, struct mw_window_truth *ret)
{
	const struct mw_truth *truth = view->truth;

	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		const uint8_t *visible = truth->visible + (view->first + p) * truth->n_channels;

		ret->patch[0][p] = patch_shows(truth, view->first + p);
		for (uint32_t row = 1; row < view->prompt->n_rows; row++)
			ret->patch[row][p] = visible[view->prompt->channel[row - 1]];
	}
}

void mw_truth_window(const struct mw_truth *truth, const struct mw_evidence *evidence,
		     const struct mw_prompt *prompt, struct mw_window_truth *ret)
{
	struct view view = {truth, evidence, prompt, 0, -1};
	size_t onset = 0;

	view.first = mw_evidence_rows(evidence) / MW_PATCH_ROWS - MW_WINDOW_PATCHES;
	memset(ret, 0, sizeof(*ret));
	memset(ret->row, MW_TRUTH_NO_CHANNEL, sizeof(ret->row));
	ret->onset = MW_TRUTH_ONSET_NONE;
	describe_patches(&view, ret);
	while (onset < MW_WINDOW_PATCHES && !ret->patch[0][onset])
		onset++;
	if (onset == MW_WINDOW_PATCHES) {
		describe_operation(&view, ret);
		return;
	}
	view.injection = truth->fault[view.first + onset];
	describe_fault(&view, onset, ret);
}
