/* What a channel does in the window, in the numbers that an explanation cites. */
#include "gateway/core/evidence_impl.h"

#include <math.h>

#define CLEAR         1.0 /* healthy spreads: a smaller deviation has no direction, a smaller move held */
#define ONE_SIDED     2.0 /* how much larger the deviation must be than on the other side */
#define LOST_STRENGTH 8.0 /* of a patch without any reading */
#define DEVIATION_MAX 1000.0

void mw_evidence_sample(const struct mw_evidence *evidence, size_t channel, size_t row,
			double *ret_value, double *ret_expected, int64_t *ret_time_ns)
{
	size_t slot = evidence_row_slot(evidence, row);

	*ret_value = evidence->value[slot * evidence->n + channel];
	*ret_expected = evidence->expected[slot * evidence->n + channel];
	if (ret_time_ns)
		*ret_time_ns = evidence->time_ns[slot];
}

double mw_evidence_spread(const struct mw_evidence *evidence, size_t channel, size_t row)
{
	return evidence->spread[evidence_row_slot(evidence, row) * evidence->n + channel];
}

static double strength_of(const struct mw_evidence *evidence, size_t channel, size_t patch)
{
	const float *f = evidence_features(evidence, 1 + channel, patch);
	double strength = exp2((double)f[MW_F_DYNAMIC_RMS]);

	strength = fmax(strength, fabs((double)f[MW_F_LEVEL]));
	strength = fmax(strength, fabs((double)f[MW_F_STATIC]));
	strength = fmax(strength, fabs((double)f[MW_F_DYNAMIC]));
	if (mw_evidence_gap(evidence, channel, patch) == MW_PATCH_ROWS - 1)
		strength = fmax(strength, LOST_STRENGTH);
	return strength;
}

double mw_evidence_weight(const struct mw_evidence *evidence, size_t channel)
{
	double sum = 0;

	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++)
		sum += strength_of(evidence, channel, p);
	return sum / MW_WINDOW_PATCHES;
}

/* Deviation of a row; false: nothing was received, or nothing is known. */
static bool deviation_at(const struct mw_evidence *evidence, size_t channel, size_t row,
			 struct mw_channel_finding *ret)
{
	mw_evidence_sample(evidence, channel, row, &ret->peak_value, &ret->expected,
			   &ret->peak_time_ns);
	if (isnan(ret->peak_value) || isnan(ret->expected))
		return false;
	ret->deviation =
	    (ret->peak_value - ret->expected) / mw_evidence_spread(evidence, channel, row);
	return true;
}

/* Peak and direction, from the rows since the onset. */
static void find_peak(const struct mw_evidence *evidence, size_t onset_patch,
		      struct mw_channel_finding *finding)
{
	struct mw_channel_finding row = *finding;
	double above = 0;
	double below = 0;

	for (size_t p = onset_patch; p < MW_WINDOW_PATCHES; p++) {
		double sum = 0;
		size_t present = 0;

		for (size_t i = p * MW_PATCH_ROWS; i < (p + 1) * MW_PATCH_ROWS; i++) {
			if (!deviation_at(evidence, finding->channel, i, &row))
				continue;
			if (present++ == 0 && isnan(finding->peak_value))
				*finding = row;
			if (fabs(row.deviation) > fabs(finding->deviation))
				*finding = row;
			sum += baseline_clip(row.deviation, DEVIATION_MAX);
		}
		if (present == 0)
			continue;
		above = fmax(above, sum / (double)present);
		below = fmax(below, -sum / (double)present);
	}
	finding->deviation = baseline_clip(finding->deviation, DEVIATION_MAX);
	if (above >= CLEAR && above >= ONE_SIDED * below)
		finding->direction = 1;
	else if (below >= CLEAR && below >= ONE_SIDED * above)
		finding->direction = -1;
}

static int move_of(const struct mw_evidence *evidence, size_t channel, size_t onset_patch)
{
	size_t before = onset_patch > 0 ? onset_patch - 1 : 0;
	double from = (double)evidence_features(evidence, 1 + channel, before)[MW_F_LEVEL];
	double to =
	    (double)evidence_features(evidence, 1 + channel, MW_WINDOW_PATCHES - 1)[MW_F_LEVEL];

	if (fabs(to - from) < CLEAR)
		return 0;
	return to > from ? 1 : -1;
}

static double strength_since(const struct mw_evidence *evidence, size_t channel, size_t patch)
{
	double strength = 0;

	for (; patch < MW_WINDOW_PATCHES; patch++)
		strength = fmax(strength, strength_of(evidence, channel, patch));
	return strength;
}

void mw_evidence_finding(const struct mw_evidence *evidence, size_t channel, size_t onset_patch,
			 struct mw_channel_finding *ret_finding)
{
	struct mw_channel_finding finding = {.channel = (uint32_t)channel, .peak_value = NAN};

	if (onset_patch >= MW_WINDOW_PATCHES)
		onset_patch = MW_WINDOW_PATCHES - 1;
	find_peak(evidence, onset_patch, &finding);
	if (isnan(finding.peak_value)) {
		mw_evidence_sample(evidence, channel, MW_WINDOW_ROWS - 1, &finding.peak_value,
				   &finding.expected, &finding.peak_time_ns);
		finding.peak_value = evidence->stream.raw[channel];
	}
	finding.strength = strength_since(evidence, channel, onset_patch);
	finding.move = move_of(evidence, channel, onset_patch);
	*ret_finding = finding;
}

/* Of the peak's row; of the last one where nothing was received.  0: what is judged is no quantity, and
 * does not rise or swing. */
static double spread_at(const struct mw_evidence *evidence,
			const struct mw_channel_finding *finding)
{
	size_t row = MW_WINDOW_ROWS - 1;

	if (evidence->baseline->channel[finding->channel].kind != MW_SERIES_MEASURED)
		return 0;
	while (row > 0 &&
	       evidence->time_ns[evidence_row_slot(evidence, row)] != finding->peak_time_ns)
		row--;
	return mw_evidence_spread(evidence, finding->channel, row);
}

void mw_evidence_claims(const struct mw_evidence *evidence,
			const struct mw_channel_finding *finding, size_t onset_patch,
			bool onset_before, const struct mw_claim_limits *limits,
			struct mw_claims *ret_claims)
{
	size_t channel = finding->channel;
	double value[MW_WINDOW_ROWS], expected[MW_WINDOW_ROWS];
	struct mw_claim_rows rows = {
	    .n = MW_WINDOW_ROWS,
	    .value = value,
	    .expected = expected,
	    .spread = spread_at(evidence, finding),
	    .step = evidence->baseline->step_scale[channel],
	    .onset = MW_PATCH_ROWS *
		     (onset_patch < MW_WINDOW_PATCHES ? onset_patch : MW_WINDOW_PATCHES - 1),
	    .onset_before = onset_before,
	    .deviation = finding->deviation,
	    .direction = finding->direction,
	    .still_is_odd = mw_evidence_symptom(evidence, channel, MW_SYMPTOM_STILL) > 0,
	    .low = limits->low,
	    .high = limits->high,
	};

	for (size_t row = 0; row < MW_WINDOW_ROWS; row++)
		mw_evidence_sample(evidence, channel, row, &value[row], &expected[row], NULL);
	mw_claims_decide(&rows, ret_claims);
}

static bool is_among(const uint32_t *named, size_t n, size_t channel)
{
	for (size_t i = 0; i < n; i++)
		if (named[i] == channel)
			return true;
	return false;
}

/* What people read there: a residual is not the channel's own when its partner is off. */
static double level_since(const struct mw_evidence *evidence, size_t channel, size_t patch)
{
	double level = 0;

	for (; patch < MW_WINDOW_PATCHES; patch++)
		level =
		    fmax(level,
			 fabs((double)evidence_features(evidence, 1 + channel, patch)[MW_F_LEVEL]));
	return level;
}

struct mw_other_channels mw_evidence_others(const struct mw_evidence *evidence,
					    const uint32_t *named, size_t n, size_t onset_patch)
{
	struct mw_other_channels others = {0};

	for (size_t channel = 0; channel < evidence->n; channel++) {
		if (is_among(named, n, channel))
			continue;
		others.n++;
		others.level = fmax(others.level, level_since(evidence, channel, onset_patch));
	}
	return others;
}
