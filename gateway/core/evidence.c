#include "gateway/core/evidence_impl.h"

#include "model/engine/f16.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_3         1.7320508075688772
#define STATIC_GAIN    1.5
#define DYNAMIC_GAIN   2.0
#define RMS_TINY       1e-3
#define WELL_EXPLAINED 0.5 /* held-out error of the joint model, in healthy spreads */

/* History block h: patches [from, to) before the window, counted back from it. */
static const size_t history_from[MW_HISTORY] = {16, 32, MW_HISTORY_PATCHES};
static const size_t history_to[MW_HISTORY] = {0, 16, 32};

static void place_block(struct mw_evidence *evidence)
{
	size_t n = evidence->n;
	double *row = evidence->block + STREAM_DOUBLES(n);

	baseline_stream_init(&evidence->stream, evidence->block, n);
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		mw_row_evidence_place(&evidence->row[i], row + i * MW_ROW_DOUBLES(n), n);
}

mw_err mw_evidence_new(const struct mw_baseline *baseline, struct mw_evidence **ret_evidence)
{
	struct mw_evidence *evidence = calloc(1, sizeof(*evidence));
	size_t n = baseline->n_channels;

	if (!evidence)
		return MW_E_NOMEM;
	evidence->baseline = baseline;
	evidence->n = n;
	evidence->block =
	    calloc(STREAM_DOUBLES(n) + MW_PATCH_ROWS * MW_ROW_DOUBLES(n), sizeof(double));
	evidence->value = calloc(EVIDENCE_ROWS * n, sizeof(double));
	evidence->expected = calloc(EVIDENCE_ROWS * n, sizeof(double));
	evidence->run = calloc(n, sizeof(*evidence->run));
	evidence->memory = calloc(n, sizeof(*evidence->memory));
	evidence->symptom = calloc(n * MW_N_SYMPTOM, sizeof(float));
	evidence->spread = calloc(EVIDENCE_ROWS * n, sizeof(double));
	evidence->patch = calloc(MW_WINDOW_PATCHES * (1 + n) * MW_N_FEATURES, sizeof(float));
	evidence->gap = calloc(MW_WINDOW_PATCHES * n, sizeof(uint8_t));
	evidence->history = calloc(MW_HISTORY_PATCHES * (1 + n) * MW_N_FEATURES, sizeof(uint16_t));
	if (!evidence->value || !evidence->expected || !evidence->spread || !evidence->patch ||
	    !evidence->gap || !evidence->run || !evidence->memory || !evidence->symptom ||
	    !evidence->block || !evidence->history) {
		mw_evidence_free(evidence);
		return MW_E_NOMEM;
	}
	for (size_t c = 0; c < n; c++)
		mw_long_memory_init(&evidence->memory[c], 0, 1);
	place_block(evidence);
	*ret_evidence = evidence;
	return MW_E_OK;
}

void mw_evidence_free(struct mw_evidence *evidence)
{
	if (!evidence)
		return;
	free(evidence->block);
	free(evidence->value);
	free(evidence->expected);
	free(evidence->spread);
	free(evidence->run);
	free(evidence->memory);
	free(evidence->symptom);
	free(evidence->patch);
	free(evidence->gap);
	free(evidence->history);
	free(evidence);
}

/* --- a patch ---------------------------------------------------------------------------------- */

static double log_rms(double squares)
{
	return log2(fmax(sqrt(squares / MW_PATCH_ROWS), RMS_TINY));
}

static void channel_patch(struct mw_evidence *evidence, size_t c, float *ret)
{
	double z = 0, slope = 0, steps = 0, r = 0, rr = 0, e = 0, ee = 0;

	for (size_t i = 0; i < MW_PATCH_ROWS; i++) {
		const struct mw_row_evidence *row = &evidence->row[i];

		z += row->l[c];
		slope += i > 0 ? row->d[c] : 0;
		steps += row->d[c] * row->d[c];
		r += row->r[c];
		e += row->e[c];
		ee += row->e[c] * row->e[c];
	}
	r /= MW_PATCH_ROWS;
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		rr += (evidence->row[i].r[c] - r) * (evidence->row[i].r[c] - r);
	ret[MW_F_LEVEL] = (float)(z / MW_PATCH_ROWS);
	ret[MW_F_SLOPE] = (float)(slope / ROOT_3);
	ret[MW_F_STEP_RMS] = (float)log_rms(steps);
	ret[MW_F_STATIC] = (float)(r * STATIC_GAIN);
	ret[MW_F_STATIC_SPREAD] = (float)log_rms(rr);
	ret[MW_F_DYNAMIC] = (float)(e / MW_PATCH_ROWS * DYNAMIC_GAIN);
	ret[MW_F_DYNAMIC_RMS] = (float)log_rms(ee);
}

static void raise_to(float *largest, float value)
{
	*largest = fmaxf(*largest, fabsf(value));
}

static void asset_patch(const struct mw_evidence *evidence, float *ret)
{
	double mean[N_STAT] = {0};

	for (size_t i = 0; i < MW_PATCH_ROWS; i++) {
		mean[STAT_T2] += evidence->row[i].t2 / MW_PATCH_ROWS;
		mean[STAT_Q] += evidence->row[i].q / MW_PATCH_ROWS;
		mean[STAT_DYNAMIC] += evidence->row[i].dyn / MW_PATCH_ROWS;
		mean[STAT_MEWMA] += evidence->row[i].mewma / MW_PATCH_ROWS;
	}
	memset(ret, 0, MW_N_FEATURES * sizeof(*ret));
	for (size_t s = 0; s < N_STAT; s++)
		ret[s] = (float)mean[s];
	for (size_t c = 0; c < evidence->n; c++) {
		const float *channel = ret + (1 + c) * MW_N_FEATURES;

		raise_to(&ret[MW_G_MAX_Z], channel[MW_F_LEVEL]);
		raise_to(&ret[MW_G_MAX_STATIC], channel[MW_F_STATIC]);
		raise_to(&ret[MW_G_MAX_DYNAMIC], channel[MW_F_DYNAMIC]);
	}
}

/* The patch that leaves the window, for the new one takes its slot. */
static void archive(struct mw_evidence *evidence, uint64_t patch)
{
	size_t size = (1 + evidence->n) * MW_N_FEATURES;
	const float *from = evidence->patch + patch % MW_WINDOW_PATCHES * size;
	uint16_t *into = evidence->history + patch % MW_HISTORY_PATCHES * size;

	for (size_t i = 0; i < size; i++)
		into[i] = lm_f16_store(from[i]);
}

static void close_patch(struct mw_evidence *evidence)
{
	size_t n = evidence->n;
	uint64_t number = evidence->stream.rows / MW_PATCH_ROWS - 1;
	size_t slot = number % MW_WINDOW_PATCHES;
	float *features = evidence->patch + slot * (1 + n) * MW_N_FEATURES;
	uint8_t *gap = evidence->gap + slot * n;

	if (number >= MW_WINDOW_PATCHES)
		archive(evidence, number - MW_WINDOW_PATCHES);
	for (size_t c = 0; c < n; c++) {
		channel_patch(evidence, c, features + (1 + c) * MW_N_FEATURES);
		gap[c] = 0;
		for (size_t i = 0; i < MW_PATCH_ROWS; i++)
			gap[c] = (uint8_t)(gap[c] + evidence->row[i].missing[c]);
	}
	asset_patch(evidence, features);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Of a quantity; what the joint model estimates where it is to be trusted, else the level. */
static double expect_quantity(const struct mw_evidence *evidence, const struct mw_row_evidence *row,
			      size_t c)
{
	const struct mw_baseline *baseline = evidence->baseline;
	double estimate = row->z[c] - row->r[c] * baseline->static_scale[c];
	double reached = baseline->header[c * BASELINE_HEADER + BASELINE_HEADER - 1];

	if (row->spread[c] >= BASELINE_ABSURD)
		return NAN;
	if (baseline->static_scale[c] < WELL_EXPLAINED && fabs(row->r[c]) < BASELINE_Z_MAX &&
	    fabs(row->z[c]) < BASELINE_Z_MAX && fabs(estimate) <= reached)
		return baseline->location[c] + estimate * baseline->scale[c];
	return row->level[c];
}

/* What people are told to have expected of a reading, and the spread by which it is told to
 * deviate: in the unit of the reading also where something else is judged. */
static void expect(const struct mw_evidence *evidence, const struct mw_row_evidence *row, size_t c,
		   double value, double before, double *ret_expected, double *ret_spread)
{
	const struct channel_model *channel = &evidence->baseline->channel[c];

	*ret_spread = row->spread[c];
	if (channel->kind == MW_SERIES_STATE) {
		*ret_expected = channel->commonest;
		*ret_spread = row->l[c] == 0 || isnan(value) || value == channel->commonest
				  ? 1
				  : (value - channel->commonest) / row->l[c];
	} else if (channel->kind == MW_SERIES_COUNTER) {
		*ret_expected = before + row->level[c];
	} else {
		*ret_expected = expect_quantity(evidence, row, c);
	}
}

/* Keeps what people may ask for; the row's evidence is in place and the stream has moved on. */
static void take_row(struct mw_evidence *evidence, const struct mw_row_evidence *row,
		     int64_t time_ns, const double *value, const double *before)
{
	size_t slot = (evidence->stream.rows - 1) % EVIDENCE_ROWS;
	bool silent = memchr(row->missing, 0, evidence->n) == NULL;

	evidence->time_ns[slot] = time_ns;
	for (size_t c = 0; c < evidence->n; c++) {
		size_t at = slot * evidence->n + c;

		evidence->value[at] = baseline_clip(value[c], BASELINE_ABSURD);
		symptom_run_step(&evidence->run[c], evidence->value[at], before[c], silent);
		expect(evidence, row, c, evidence->value[at], before[c], &evidence->expected[at],
		       &evidence->spread[at]);
	}
	if (evidence->stream.rows % MW_PATCH_ROWS == 0)
		close_patch(evidence);
}

void mw_evidence_push(struct mw_evidence *evidence, int64_t time_ns, const double *value)
{
	struct mw_row_evidence *row = &evidence->row[evidence->stream.rows % MW_PATCH_ROWS];
	double before[MW_MAX_CHANNELS];

	memcpy(before, evidence->stream.raw, evidence->n * sizeof(*before));
	baseline_step(evidence->baseline, &evidence->stream, value, row);
	take_row(evidence, row, time_ns, value, before);
}

void mw_evidence_push_learn(struct mw_evidence *evidence, size_t row, int64_t time_ns,
			    const double *value)
{
	struct mw_row_evidence *into = &evidence->row[evidence->stream.rows % MW_PATCH_ROWS];
	double before[MW_MAX_CHANNELS];

	memcpy(before, evidence->stream.raw, evidence->n * sizeof(*before));
	mw_baseline_learn_evidence(evidence->baseline, row, into);
	baseline_follow(evidence->baseline, &evidence->stream, value, into);
	take_row(evidence, into, time_ns, value, before);
}

uint64_t mw_evidence_rows(const struct mw_evidence *evidence)
{
	return evidence->stream.rows;
}

enum mw_mode mw_evidence_mode(const struct mw_evidence *evidence)
{
	return regime_mode(&evidence->baseline->regime.map, &evidence->stream.regime);
}

size_t mw_evidence_n_channels(const struct mw_evidence *evidence)
{
	return evidence->n;
}

bool mw_evidence_window_ready(const struct mw_evidence *evidence)
{
	return evidence->stream.rows >= MW_WINDOW_ROWS;
}

const struct mw_row_evidence *mw_evidence_last(const struct mw_evidence *evidence)
{
	return &evidence->row[(evidence->stream.rows + MW_PATCH_ROWS - 1) % MW_PATCH_ROWS];
}

/* --- the window ------------------------------------------------------------------------------- */

static uint64_t first_patch(const struct mw_evidence *evidence)
{
	return evidence->stream.rows / MW_PATCH_ROWS - MW_WINDOW_PATCHES;
}

size_t evidence_patch_slot(const struct mw_evidence *evidence, size_t patch)
{
	return (first_patch(evidence) + patch) % MW_WINDOW_PATCHES;
}

size_t evidence_row_slot(const struct mw_evidence *evidence, size_t row)
{
	return (first_patch(evidence) * MW_PATCH_ROWS + row) % EVIDENCE_ROWS;
}

const float *evidence_features(const struct mw_evidence *evidence, size_t row, size_t patch)
{
	size_t slot = evidence_patch_slot(evidence, patch);

	return evidence->patch + (slot * (1 + evidence->n) + row) * MW_N_FEATURES;
}

void mw_evidence_patch(const struct mw_evidence *evidence, size_t channel, size_t patch,
		       float ret_feature[MW_N_FEATURES])
{
	memcpy(ret_feature, evidence_features(evidence, 1 + channel, patch),
	       MW_N_FEATURES * sizeof(*ret_feature));
}

void mw_evidence_asset_patch(const struct mw_evidence *evidence, size_t patch,
			     float ret_feature[MW_N_FEATURES])
{
	memcpy(ret_feature, evidence_features(evidence, 0, patch),
	       MW_N_FEATURES * sizeof(*ret_feature));
}

static void average(const struct mw_evidence *evidence, size_t row, size_t h, float *ret_feature)
{
	uint64_t window = first_patch(evidence);
	uint64_t from = window > history_from[h] ? window - history_from[h] : 0;
	uint64_t to = window > history_to[h] ? window - history_to[h] : 0;
	double sum[MW_N_FEATURES] = {0};

	for (uint64_t p = from; p < to; p++) {
		size_t at = (p % MW_HISTORY_PATCHES * (1 + evidence->n) + row) * MW_N_FEATURES;

		for (size_t f = 0; f < MW_N_FEATURES; f++)
			sum[f] += (double)lm_f16_load(evidence->history[at + f]);
	}
	for (size_t f = 0; f < MW_N_FEATURES; f++)
		ret_feature[f] = to > from ? (float)(sum[f] / (double)(to - from)) : 0;
}

void mw_evidence_history(const struct mw_evidence *evidence, size_t channel, size_t h,
			 float ret_feature[MW_N_FEATURES])
{
	average(evidence, 1 + channel, h, ret_feature);
}

void mw_evidence_asset_history(const struct mw_evidence *evidence, size_t h,
			       float ret_feature[MW_N_FEATURES])
{
	average(evidence, 0, h, ret_feature);
}

unsigned mw_evidence_gap(const struct mw_evidence *evidence, size_t channel, size_t patch)
{
	static const unsigned bucket[MW_PATCH_ROWS + 1] = {0, 1, 1, 2, 3};

	return bucket[evidence->gap[evidence_patch_slot(evidence, patch) * evidence->n + channel]];
}

void mw_evidence_header(const struct mw_evidence *evidence, size_t channel,
			float ret_feature[MW_N_FEATURES])
{
	for (size_t f = 0; f < MW_N_FEATURES; f++)
		ret_feature[f] = (float)evidence->baseline->header[channel * BASELINE_HEADER + f];
}

/* --- the whole window ------------------------------------------------------------------------- */

/* A channel's judged readings over the window, NaN = missing (a counter's: as received). */
static void window_of(const struct mw_evidence *evidence, size_t c, double ret[MW_WINDOW_ROWS])
{
	const struct channel_model *channel = &evidence->baseline->channel[c];

	for (size_t row = 0; row < MW_WINDOW_ROWS; row++) {
		double value = evidence->value[evidence_row_slot(evidence, row) * evidence->n + c];

		ret[row] = channel->kind == MW_SERIES_STATE ? channel_judged(channel, value, NAN, 1)
							    : value;
	}
}

/* The same of a partner: a counter's rates, with which the coupling was learnt. */
static void partner_of(const struct mw_evidence *evidence, size_t c, double ret[MW_WINDOW_ROWS])
{
	const struct channel_model *channel = &evidence->baseline->channel[c];
	double before = NAN;
	uint32_t rows = 0;

	window_of(evidence, c, ret);
	for (size_t row = 0; channel->kind == MW_SERIES_COUNTER && row < MW_WINDOW_ROWS; row++) {
		double value = ret[row];

		ret[row] = channel_judged(channel, value, before, ++rows);
		if (isnan(value))
			continue;
		before = value;
		rows = 0;
	}
}

static bool is_silent(const struct mw_evidence *evidence, size_t row)
{
	const double *value = evidence->value + evidence_row_slot(evidence, row) * evidence->n;

	for (size_t c = 0; c < evidence->n; c++)
		if (!isnan(value[c]))
			return false;
	return true;
}

void mw_evidence_read(struct mw_evidence *evidence)
{
	double value[MW_WINDOW_ROWS];
	double partner[MW_WINDOW_ROWS];
	uint32_t silent = 0;

	for (size_t row = 0; row < MW_WINDOW_ROWS; row++)
		silent += is_silent(evidence, row) ? 1 : 0;
	for (size_t c = 0; c < evidence->n; c++) {
		const struct symptom_model *model = &evidence->baseline->symptom[c];
		struct symptom_window window = {
		    .value = value,
		    .now = evidence->stream.raw[c],
		    .silent = silent,
		    .drift = mw_long_memory_drift(&evidence->memory[c]),
		    .run = evidence->run[c],
		};

		window_of(evidence, c, value);
		if (model->partner != SYMPTOM_NO_PARTNER) {
			partner_of(evidence, model->partner, partner);
			window.partner = partner;
		}
		symptom_of(model, &evidence->baseline->channel[c], &window,
			   evidence->symptom + c * MW_N_SYMPTOM);
	}
}

double mw_evidence_now(const struct mw_evidence *evidence, size_t channel)
{
	return evidence->stream.raw[channel];
}

float mw_evidence_symptom(const struct mw_evidence *evidence, size_t channel,
			  enum mw_symptom_kind symptom)
{
	return evidence->symptom[channel * MW_N_SYMPTOM + symptom];
}

void mw_evidence_remember(struct mw_evidence *evidence, bool healthy)
{
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		for (size_t c = 0; c < evidence->n; c++)
			mw_long_memory_push(
			    &evidence->memory[c],
			    evidence->row[i].missing[c] ? NAN : evidence->row[i].l[c], healthy);
}
