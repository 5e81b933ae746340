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
	double spread;

	mw_evidence_sample(evidence, channel, row, &ret->peak_value, &ret->expected,
			   &ret->peak_time_ns);
	if (isnan(ret->peak_value) || isnan(ret->expected))
		return false;
	spread = evidence->spread[evidence_row_slot(evidence, row) * evidence->n + channel];
	ret->deviation = baseline_clip((ret->peak_value - ret->expected) / spread, DEVIATION_MAX);
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
			sum += row.deviation;
		}
		if (present == 0)
			continue;
		above = fmax(above, sum / (double)present);
		below = fmax(below, -sum / (double)present);
	}
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
	for (size_t p = onset_patch; p < MW_WINDOW_PATCHES; p++)
		finding.strength = fmax(finding.strength, strength_of(evidence, channel, p));
	finding.move = move_of(evidence, channel, onset_patch);
	*ret_finding = finding;
}
