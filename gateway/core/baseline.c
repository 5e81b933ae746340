#include "gateway/core/baseline_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* log2 ratios to the healthy median: far beyond what the codes tell apart. */
#define RATIO_MIN  (-8.0)
#define RATIO_MAX  24.0
#define RATIO_TINY 1e-6

struct mw_baseline *baseline_alloc(size_t n_channels, size_t n_rows)
{
	struct mw_baseline *baseline = calloc(1, sizeof(*baseline));
	double *at;

	if (!baseline)
		return NULL;
	baseline->n_channels = n_channels;
	baseline->n_rows = n_rows;
	baseline->block = calloc(BASELINE_DOUBLES(n_channels), sizeof(double));
	baseline->channel = calloc(n_channels, sizeof(*baseline->channel));
	baseline->symptom = calloc(n_channels, sizeof(*baseline->symptom));
	if (!baseline->block || !baseline->channel || !baseline->symptom) {
		mw_baseline_free(baseline);
		return NULL;
	}
	at = baseline->block;
	baseline->location = baseline_cut(&at, n_channels);
	baseline->scale = baseline_cut(&at, n_channels);
	baseline->step_scale = baseline_cut(&at, n_channels);
	baseline->static_scale = baseline_cut(&at, n_channels);
	baseline->dynamic_scale = baseline_cut(&at, n_channels);
	baseline->header = baseline_cut(&at, BASELINE_HEADER * n_channels);
	baseline->median = baseline_cut(&at, N_STAT);
	baseline->whitener = baseline_cut(&at, n_channels * n_channels);
	joint_place(&baseline->joint, at, n_channels);
	regime_place(&baseline->regime, at + JOINT_DOUBLES(n_channels), n_channels);
	baseline->regime.map.n = 1;
	return baseline;
}

void mw_baseline_free(struct mw_baseline *baseline)
{
	if (!baseline)
		return;
	mw_baseline_forget_learn(baseline);
	for (size_t c = 0; baseline->channel && c < baseline->n_channels; c++)
		channel_done(&baseline->channel[c]);
	free(baseline->block);
	free(baseline->channel);
	free(baseline->symptom);
	free(baseline);
}

void mw_baseline_forget_learn(struct mw_baseline *baseline)
{
	free(baseline->learn);
	free(baseline->learn_missing);
	baseline->learn = NULL;
	baseline->learn_missing = NULL;
}

size_t mw_baseline_n_channels(const struct mw_baseline *baseline)
{
	return baseline->n_channels;
}

double mw_baseline_location(const struct mw_baseline *baseline, size_t channel)
{
	return baseline->location[channel];
}

double mw_baseline_scale(const struct mw_baseline *baseline, size_t channel)
{
	return baseline->scale[channel];
}

size_t mw_baseline_n_regimes(const struct mw_baseline *baseline)
{
	return baseline->regime.map.n;
}

void mw_baseline_learn_evidence(const struct mw_baseline *baseline, size_t row,
				struct mw_row_evidence *ret_evidence)
{
	size_t n = baseline->n_channels;
	const double *from;

	memset(ret_evidence->z, 0, MW_ROW_DOUBLES(n) * sizeof(double));
	ret_evidence->t2 = ret_evidence->q = ret_evidence->dyn = ret_evidence->mewma = 0;
	if (!baseline->learn || row >= baseline->n_rows)
		return;
	from = baseline->learn + row * LEARN_STRIDE(n);
	memcpy(ret_evidence->z, from, n * sizeof(double));
	memcpy(ret_evidence->d, from + n, n * sizeof(double));
	memcpy(ret_evidence->r, from + 2 * n, n * sizeof(double));
	memcpy(ret_evidence->e, from + 3 * n, n * sizeof(double));
	ret_evidence->t2 = from[4 * n + STAT_T2];
	ret_evidence->q = from[4 * n + STAT_Q];
	ret_evidence->dyn = from[4 * n + STAT_DYNAMIC];
	ret_evidence->mewma = from[4 * n + STAT_MEWMA];
	memcpy(ret_evidence->missing, baseline->learn_missing + row * n, n);
}

void mw_row_evidence_place(struct mw_row_evidence *row, double *block, size_t n)
{
	*row = (struct mw_row_evidence){.z = baseline_cut(&block, n)};
	row->d = baseline_cut(&block, n);
	row->r = baseline_cut(&block, n);
	row->e = baseline_cut(&block, n);
	row->level = baseline_cut(&block, n);
	row->spread = baseline_cut(&block, n);
	row->l = baseline_cut(&block, n);
	row->missing = (uint8_t *)block;
}

double baseline_ratio(double value, double median)
{
	double ratio = log2(fmax(value, RATIO_TINY) / fmax(median, RATIO_TINY));

	return fmin(fmax(ratio, RATIO_MIN), RATIO_MAX);
}

/* --- a row of the stream ---------------------------------------------------------------------- */

void baseline_stream_init(struct baseline_stream *stream, double *block, size_t n_channels)
{
	double *level, *blur;

	memset(stream, 0, sizeof(*stream));
	stream->raw = baseline_cut(&block, n_channels);
	stream->held = baseline_cut(&block, n_channels);
	for (size_t k = 0; k < BASELINE_LAGS; k++)
		stream->lag[k] = baseline_cut(&block, n_channels);
	stream->mewma = baseline_cut(&block, n_channels);
	level = baseline_cut(&block, n_channels);
	blur = baseline_cut(&block, n_channels);
	stream->since = (void *)block; /* the rest of the block */
	for (size_t c = 0; c < n_channels; c++)
		stream->raw[c] = stream->held[c] = NAN;
	regime_state_init(&stream->regime, level, blur);
}

static double in_units(double value, double middle, double unit)
{
	return isnan(value) ? 0 : baseline_clip((value - middle) / unit, BASELINE_Z_MAX);
}

/* Holds the row's readings, marks what is missing, and asks what the regime expects. */
static void hold(const struct mw_baseline *baseline, struct baseline_stream *stream,
		 const double *value, struct mw_row_evidence *ret)
{
	size_t n = baseline->n_channels;

	for (size_t c = 0; c < n; c++) {
		double now = baseline_clip(value[c], BASELINE_ABSURD);
		uint32_t rows = stream->since[c] < BASELINE_SINCE_MAX ? stream->since[c] + 1
								      : BASELINE_SINCE_MAX;
		double judged = channel_judged(&baseline->channel[c], now, stream->raw[c], rows);

		ret->missing[c] = (uint8_t)(isnan(now) ? 1 : 0);
		stream->since[c] = isnan(now) ? rows : 0;
		if (!isnan(now))
			stream->raw[c] = now;
		if (!isnan(judged))
			stream->held[c] = judged;
	}
	regime_step(&baseline->regime, n, stream->raw, &stream->regime, ret->level, ret->spread);
	for (size_t c = 0; c < n; c++)
		ret->l[c] = in_units(stream->held[c], ret->level[c], ret->spread[c]);
}

/* z and d of the row. */
static void read_values(const struct mw_baseline *baseline, struct baseline_stream *stream,
			const double *value, struct mw_row_evidence *ret)
{
	double before[MW_MAX_CHANNELS];

	memcpy(before, stream->held, baseline->n_channels * sizeof(*before));
	hold(baseline, stream, value, ret);
	for (size_t c = 0; c < baseline->n_channels; c++) {
		ret->z[c] = in_units(stream->held[c], baseline->location[c], baseline->scale[c]);
		ret->d[c] = 0;
		if (!isnan(before[c]))
			ret->d[c] =
			    baseline_clip((stream->held[c] - before[c]) / baseline->step_scale[c],
					  BASELINE_D_MAX);
	}
}

static void remember(struct baseline_stream *stream, size_t n, const struct mw_row_evidence *row)
{
	memcpy(stream->lag[1], stream->lag[0], n * sizeof(double));
	memcpy(stream->lag[0], row->z, n * sizeof(double));
	for (size_t c = 0; c < n; c++)
		stream->mewma[c] +=
		    BASELINE_MEWMA * (baseline_clip(row->e[c], BASELINE_W_MAX) - stream->mewma[c]);
	stream->rows++;
}

void baseline_step(const struct mw_baseline *baseline, struct baseline_stream *stream,
		   const double *value, struct mw_row_evidence *ret)
{
	size_t n = baseline->n_channels;
	double stat[N_STAT] = {0};
	bool primed = stream->rows >= BASELINE_LAGS;

	read_values(baseline, stream, value, ret);
	stat[STAT_T2] = joint_residuals(&baseline->joint, n, ret->z, stream->lag[0], stream->lag[1],
					ret->r, ret->e);
	for (size_t c = 0; c < n; c++) {
		ret->r[c] = baseline_clip(ret->r[c] / baseline->static_scale[c], BASELINE_Z_MAX);
		ret->e[c] =
		    primed ? baseline_clip(ret->e[c] / baseline->dynamic_scale[c], BASELINE_Z_MAX)
			   : 0;
		stat[STAT_Q] += ret->r[c] * ret->r[c] / (double)n;
	}
	remember(stream, n, ret);
	stat[STAT_DYNAMIC] = joint_form(baseline->whitener, ret->e, n);
	stat[STAT_MEWMA] = joint_form(baseline->whitener, stream->mewma, n);
	ret->t2 = baseline_ratio(stat[STAT_T2], baseline->median[STAT_T2]);
	ret->q = baseline_ratio(stat[STAT_Q], baseline->median[STAT_Q]);
	/* Two rows without a past say nothing: what is usual stands in. */
	ret->dyn = primed ? baseline_ratio(stat[STAT_DYNAMIC], baseline->median[STAT_DYNAMIC]) : 0;
	ret->mewma = primed ? baseline_ratio(stat[STAT_MEWMA], baseline->median[STAT_MEWMA]) : 0;
}

void baseline_follow(const struct mw_baseline *baseline, struct baseline_stream *stream,
		     const double *value, struct mw_row_evidence *evidence)
{
	hold(baseline, stream, value, evidence);
	remember(stream, baseline->n_channels, evidence);
}
