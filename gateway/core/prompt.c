#include "gateway/core/profile.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Slots of a position; 0..6 are the features, of which the asset's header has none. */
enum { SLOT_MODE = 0, SLOT_ROW = MW_N_FEATURES, SLOT_EXTRA, SLOT_LAST };

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

/* In the order of the codes: history position h carries symptoms 2 h and 2 h + 1. */
static const struct {
	enum mw_symptom_kind symptom;
	struct binning bins;
} symptom_table[MW_PROMPT_SYMPTOMS] = {
    {MW_SYMPTOM_IMPULSE, {POSITIVE, 0, 0}}, {MW_SYMPTOM_POWER, {SIGNED, 0, 0}},
    {MW_SYMPTOM_BAND, {SIGNED, 0, 0}},      {MW_SYMPTOM_COUPLING, {POSITIVE, 0, 0}},
    {MW_SYMPTOM_DRIFT, {SIGNED, 0, 0}},     {MW_SYMPTOM_STILL, {POSITIVE, 0, 0}},
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

static void choose_rows(const struct mw_evidence *evidence, size_t n,
			struct mw_prompt_features *ret)
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

/* --- what is known ---------------------------------------------------------------------------- */

static void gather_asset(const struct mw_evidence *evidence, struct mw_prompt_features *ret)
{
	for (size_t h = 0; h < MW_HISTORY; h++)
		mw_evidence_asset_history(evidence, h, ret->feature[0][1 + h]);
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++)
		mw_evidence_asset_patch(evidence, p, ret->feature[0][MW_PROMPT_FIRST_PATCH + p]);
}

static uint8_t profile_code(const struct mw_profile_channel *profile, double now)
{
	bool limits;
	int outside;
	int topology;

	if (!profile)
		return MW_PROMPT_NO_PROFILE;
	limits = !isnan(profile->low) || !isnan(profile->high) || !isnan(profile->alarm_low) ||
		 !isnan(profile->alarm_high);
	outside = limits ? 1 + mw_profile_outside(profile, now) : 0;
	topology = profile->n_out > 0 ? 1 : profile->n_in > 0 ? 2 : 0;
	return (uint8_t)((outside * MW_PROMPT_TOPOLOGIES + topology) * 2 + (profile->weak > 0));
}

static void gather_channel(const struct mw_evidence *evidence, const struct mw_machine_info *info,
			   size_t row, struct mw_prompt_features *ret)
{
	size_t c = ret->channel[row - 1];
	float(*feature)[MW_N_FEATURES] = ret->feature[row];

	ret->role[row - 1] = info->role[c];
	ret->profile[row - 1] = profile_code(info->profile[c], mw_evidence_now(evidence, c));
	mw_evidence_header(evidence, c, feature[0]);
	for (size_t h = 0; h < MW_HISTORY; h++)
		mw_evidence_history(evidence, c, h, feature[1 + h]);
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		mw_evidence_patch(evidence, c, p, feature[MW_PROMPT_FIRST_PATCH + p]);
		ret->gap[row - 1][p] = (uint8_t)mw_evidence_gap(evidence, c, p);
	}
	for (size_t s = 0; s < MW_PROMPT_SYMPTOMS; s++)
		ret->symptom[row - 1][s] =
		    mw_evidence_symptom(evidence, c, symptom_table[s].symptom);
}

void mw_prompt_gather(const struct mw_evidence *evidence, const struct mw_machine_info *info,
		      enum mw_language language, struct mw_prompt_features *ret_features)
{
	size_t n = mw_evidence_n_channels(evidence);

	memset(ret_features, 0, sizeof(*ret_features));
	ret_features->n_channels = (uint32_t)n;
	ret_features->machine = info->machine;
	ret_features->mode = mw_evidence_mode(evidence);
	ret_features->language = language;
	choose_rows(evidence, n, ret_features);
	gather_asset(evidence, ret_features);
	for (size_t row = 1; row < ret_features->n_rows; row++)
		gather_channel(evidence, info, row, ret_features);
}

/* --- codes ------------------------------------------------------------------------------------ */

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

static void code_asset(const struct mw_prompt_features *features, struct mw_prompt *ret)
{
	uint16_t *header = position_of(ret, 0, 0);

	header[SLOT_MODE] = (uint16_t)(MW_CODE_MODE + (unsigned)features->mode);
	header[SLOT_EXTRA] = (uint16_t)(MW_CODE_MACHINE + (unsigned)features->machine);
	header[SLOT_LAST] = count_code(features->n_channels);
	for (size_t p = 1; p < MW_PROMPT_ROW_LEN; p++)
		put_features(position_of(ret, 0, p),
			     p < MW_PROMPT_FIRST_PATCH ? MW_CODE_ASSET_HISTORY : MW_CODE_ASSET,
			     asset_bins, features->feature[0][p]);
}

static uint16_t symptom_code(const struct mw_prompt_features *features, size_t row, size_t s)
{
	return (uint16_t)(MW_CODE_SYMPTOM + s * MW_CODE_BINS +
			  bin(&symptom_table[s].bins, features->symptom[row - 1][s]));
}

static void code_history(const struct mw_prompt_features *features, size_t row,
			 struct mw_prompt *ret)
{
	for (size_t h = 0; h < MW_HISTORY; h++) {
		uint16_t *position = position_of(ret, row, 1 + h);

		put_features(position, MW_CODE_HISTORY, channel_bins,
			     features->feature[row][1 + h]);
		position[SLOT_EXTRA] = symptom_code(features, row, 2 * h);
		position[SLOT_LAST] = symptom_code(features, row, 2 * h + 1);
	}
}

static void code_channel(const struct mw_prompt_features *features, size_t row,
			 struct mw_prompt *ret)
{
	uint16_t *header = position_of(ret, row, 0);

	put_features(header, MW_CODE_HEADER, header_bins, features->feature[row][0]);
	header[SLOT_EXTRA] = (uint16_t)(MW_CODE_ROLE + (unsigned)features->role[row - 1]);
	if (features->profile[row - 1] != MW_PROMPT_NO_PROFILE)
		header[SLOT_LAST] = (uint16_t)(MW_CODE_PROFILE + features->profile[row - 1]);
	code_history(features, row, ret);
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		uint16_t *position = position_of(ret, row, MW_PROMPT_FIRST_PATCH + p);

		put_features(position, MW_CODE_PATCH, channel_bins,
			     features->feature[row][MW_PROMPT_FIRST_PATCH + p]);
		position[SLOT_EXTRA] = (uint16_t)(MW_CODE_GAP + features->gap[row - 1][p]);
	}
}

void mw_prompt_code(const struct mw_prompt_features *features, struct mw_prompt *ret_prompt)
{
	memset(ret_prompt, 0, offsetof(struct mw_prompt, code));
	memset(ret_prompt->code, 0xFF, sizeof(ret_prompt->code));
	memset(ret_prompt->question, 0xFF, sizeof(ret_prompt->question));
	ret_prompt->n_rows = features->n_rows;
	memcpy(ret_prompt->channel, features->channel, sizeof(ret_prompt->channel));
	code_asset(features, ret_prompt);
	for (size_t row = 1; row < features->n_rows; row++)
		code_channel(features, row, ret_prompt);
	for (size_t row = 0; row < features->n_rows; row++)
		for (size_t p = 0; p < MW_PROMPT_ROW_LEN; p++)
			position_of(ret_prompt, row, p)[SLOT_ROW] = (uint16_t)(MW_CODE_ROW + row);
	ret_prompt->question[0] = MW_CODE_ASK;
	ret_prompt->question[1] = features->language == MW_LANGUAGE_KO ? MW_CODE_KO : MW_CODE_EN;
}

void mw_prompt_encode(const struct mw_evidence *evidence, const struct mw_machine_info *info,
		      enum mw_language language, struct mw_prompt *ret_prompt)
{
	struct mw_prompt_features features;

	mw_prompt_gather(evidence, info, language, &features);
	mw_prompt_code(&features, ret_prompt);
}
