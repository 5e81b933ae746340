#include "gateway/core/prompt.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Slots of a position; 0..6 are the features. */
enum { SLOT_ROW = MW_N_FEATURES, SLOT_EXTRA, SLOT_COUNT };

/* How a real number becomes one of 32 bins. */
enum scale { SIGNED, LINEAR, POSITIVE };
struct binning {
	enum scale scale;
	double low, step; /* LINEAR: value of bin 0, width of a bin */
};

static const struct binning channel_bins[MW_N_FEATURES] = {
    [MW_F_LEVEL] = {SIGNED, 0, 0},
    [MW_F_SLOPE] = {SIGNED, 0, 0},
    [MW_F_STEP_RMS] = {LINEAR, -4, 0.3},
    [MW_F_STATIC] = {SIGNED, 0, 0},
    [MW_F_STATIC_SPREAD] = {LINEAR, -4, 0.3},
    [MW_F_DYNAMIC] = {SIGNED, 0, 0},
    [MW_F_DYNAMIC_RMS] = {LINEAR, -4, 0.3},
};
static const struct binning asset_bins[MW_N_FEATURES] = {
    [MW_G_T2] = {LINEAR, -4, 0.4},         [MW_G_Q] = {LINEAR, -4, 0.4},
    [MW_G_DYNAMIC] = {LINEAR, -4, 0.4},    [MW_G_MEWMA] = {LINEAR, -4, 0.4},
    [MW_G_MAX_Z] = {POSITIVE, 0, 0},       [MW_G_MAX_STATIC] = {POSITIVE, 0, 0},
    [MW_G_MAX_DYNAMIC] = {POSITIVE, 0, 0},
};
static const struct binning header_bins[MW_N_FEATURES] = {
    {LINEAR, 0, 0.04},  {SIGNED, 0, 0},     {LINEAR, -6, 0.25}, {LINEAR, -6, 0.25},
    {LINEAR, -6, 0.25}, {LINEAR, 0, 0.033}, {POSITIVE, 0, 0},
};

static double place(const struct binning *binning, double value)
{
	switch (binning->scale) {
	case SIGNED:
		return asinh(value / 0.5) * 2.83 + MW_CODE_BINS / 2.0;
	case LINEAR:
		return (value - binning->low) / binning->step;
	default:
		return log2(1 + 4 * fmax(value, 0)) * 3;
	}
}

static uint16_t bin(const struct binning *binning, float value)
{
	double at = rint(place(binning, (double)value));

	return (uint16_t)fmin(fmax(at, 0), MW_CODE_BINS - 1);
}

static void put_features(uint16_t *position, unsigned table, const struct binning *bins,
			 const float *feature)
{
	for (unsigned f = 0; f < MW_N_FEATURES; f++)
		position[f] = (uint16_t)(table + f * MW_CODE_BINS + bin(&bins[f], feature[f]));
}

/* --- rows ------------------------------------------------------------------------------------- */

static uint16_t *position_of(struct mw_prompt *prompt, size_t row, size_t position)
{
	return prompt->code + (row * MW_PROMPT_ROW_LEN + position) * MW_PROMPT_SLOTS;
}

static uint16_t count_code(size_t n_channels)
{
	static const size_t most[] = {1, 2, 4, 8};
	uint16_t bucket = 0;

	while (bucket < 4 && n_channels > most[bucket])
		bucket++;
	return (uint16_t)(MW_CODE_COUNT + bucket);
}

static void encode_asset(const struct mw_evidence *evidence, const struct mw_machine_info *info,
			 size_t n_channels, struct mw_prompt *ret)
{
	float feature[MW_N_FEATURES];
	uint16_t *header = position_of(ret, 0, 0);

	header[SLOT_EXTRA] = (uint16_t)(MW_CODE_MACHINE + (unsigned)info->machine);
	header[SLOT_COUNT] = count_code(n_channels);
	for (size_t h = 0; h < MW_HISTORY; h++) {
		mw_evidence_asset_history(evidence, h, feature);
		put_features(position_of(ret, 0, 1 + h), MW_CODE_ASSET_HISTORY, asset_bins,
			     feature);
	}
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		mw_evidence_asset_patch(evidence, p, feature);
		put_features(position_of(ret, 0, MW_PROMPT_FIRST_PATCH + p), MW_CODE_ASSET,
			     asset_bins, feature);
	}
}

static void encode_channel(const struct mw_evidence *evidence, const struct mw_machine_info *info,
			   size_t row, struct mw_prompt *ret)
{
	size_t channel = ret->channel[row - 1];
	uint16_t *header = position_of(ret, row, 0);
	float feature[MW_N_FEATURES];

	mw_evidence_header(evidence, channel, feature);
	put_features(header, MW_CODE_HEADER, header_bins, feature);
	header[SLOT_EXTRA] = (uint16_t)(MW_CODE_ROLE + (unsigned)info->role[channel]);
	for (size_t h = 0; h < MW_HISTORY; h++) {
		mw_evidence_history(evidence, channel, h, feature);
		put_features(position_of(ret, row, 1 + h), MW_CODE_HISTORY, channel_bins, feature);
	}
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		uint16_t *position = position_of(ret, row, MW_PROMPT_FIRST_PATCH + p);

		mw_evidence_patch(evidence, channel, p, feature);
		put_features(position, MW_CODE_PATCH, channel_bins, feature);
		position[SLOT_EXTRA] =
		    (uint16_t)(MW_CODE_GAP + mw_evidence_gap(evidence, channel, p));
	}
}

/* --- which channels --------------------------------------------------------------------------- */

/* Marks the channels that stand out most; of equals, the first. */
static void choose(const struct mw_evidence *evidence, size_t n, bool ret_chosen[MW_MAX_CHANNELS])
{
	double weight[MW_MAX_CHANNELS] = {0};

	for (size_t c = 0; c < n; c++)
		weight[c] = mw_evidence_weight(evidence, c);
	for (size_t i = 0; i < MW_PROMPT_MAX_CHANNELS; i++) {
		size_t best = 0;

		for (size_t c = 1; c < n; c++)
			if (weight[c] > weight[best])
				best = c;
		ret_chosen[best] = true;
		weight[best] = -1;
	}
}

static void choose_rows(const struct mw_evidence *evidence, size_t n, struct mw_prompt *ret)
{
	bool chosen[MW_MAX_CHANNELS] = {false};
	bool all = n <= MW_PROMPT_MAX_CHANNELS;

	if (!all)
		choose(evidence, n, chosen);
	ret->n_rows = 1;
	for (size_t c = 0; c < n; c++)
		if (all || chosen[c])
			ret->channel[ret->n_rows++ - 1] = (uint8_t)c;
}

void mw_prompt_encode(const struct mw_evidence *evidence, const struct mw_machine_info *info,
		      enum mw_language language, struct mw_prompt *ret_prompt)
{
	size_t n = mw_evidence_n_channels(evidence);

	memset(ret_prompt, 0, offsetof(struct mw_prompt, code));
	memset(ret_prompt->code, 0xFF, sizeof(ret_prompt->code));
	memset(ret_prompt->question, 0xFF, sizeof(ret_prompt->question));
	choose_rows(evidence, n, ret_prompt);
	encode_asset(evidence, info, n, ret_prompt);
	for (size_t row = 1; row < ret_prompt->n_rows; row++)
		encode_channel(evidence, info, row, ret_prompt);
	for (size_t row = 0; row < ret_prompt->n_rows; row++)
		for (size_t p = 0; p < MW_PROMPT_ROW_LEN; p++)
			position_of(ret_prompt, row, p)[SLOT_ROW] = (uint16_t)(MW_CODE_ROW + row);
	ret_prompt->question[0] = MW_CODE_ASK;
	ret_prompt->question[1] = language == MW_LANGUAGE_KO ? MW_CODE_KO : MW_CODE_EN;
}
