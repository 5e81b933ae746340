/* The stream's exact state as bytes, and back. */
#include "gateway/base/pack.h"
#include "gateway/core/evidence_impl.h"
#include "model/engine/f16.h"

#include <math.h>
#include <string.h>

#define MAGIC   0x5645574du /* "MWEV" */
#define VERSION 3u

/* One walk over the state serves both directions, so that they cannot part. */
struct walk {
	struct mw_writer *writer; /* or */
	struct mw_reader *reader;
};

static void walk_u64(struct walk *walk, uint64_t *value)
{
	if (walk->writer)
		mw_put_u64(walk->writer, *value);
	else
		*value = mw_get_u64(walk->reader);
}

static void walk_f64(struct walk *walk, double *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (walk->writer)
			mw_put_f64(walk->writer, value[i]);
		else
			value[i] = mw_get_f64(walk->reader);
	}
}

static void walk_f32(struct walk *walk, float *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (walk->writer)
			mw_put_f32(walk->writer, value[i]);
		else
			value[i] = mw_get_f32(walk->reader);
	}
}

static void walk_u16(struct walk *walk, uint16_t *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (walk->writer)
			mw_put_u16(walk->writer, value[i]);
		else
			value[i] = mw_get_u16(walk->reader);
	}
}

static void walk_bytes(struct walk *walk, uint8_t *bytes, size_t n)
{
	const uint8_t *from;

	if (walk->writer) {
		mw_put_bytes(walk->writer, bytes, n);
		return;
	}
	from = mw_get_bytes(walk->reader, n);
	if (from)
		memcpy(bytes, from, n);
}

static void walk_row(struct walk *walk, struct mw_row_evidence *row, size_t n)
{
	walk_f64(walk, row->z, n);
	walk_f64(walk, row->d, n);
	walk_f64(walk, row->r, n);
	walk_f64(walk, row->e, n);
	walk_f64(walk, row->level, n);
	walk_f64(walk, row->spread, n);
	walk_f64(walk, row->l, n);
	walk_f64(walk, &row->t2, 1);
	walk_f64(walk, &row->q, 1);
	walk_f64(walk, &row->dyn, 1);
	walk_f64(walk, &row->mewma, 1);
	walk_bytes(walk, row->missing, n);
}

static void walk_regime(struct walk *walk, struct regime_state *regime, size_t n)
{
	uint64_t now = (uint64_t)(int64_t)regime->now;
	uint64_t age = regime->age;
	uint64_t lost = regime->lost;

	walk_u64(walk, &now);
	walk_u64(walk, &age);
	walk_u64(walk, &lost);
	regime->now = (int32_t)(int64_t)now;
	regime->age = (uint32_t)age;
	regime->lost = (uint32_t)lost;
	walk_f64(walk, regime->level, n);
	walk_f64(walk, regime->blur, n);
}

static void walk_u32(struct walk *walk, uint32_t *value)
{
	if (walk->writer)
		mw_put_u32(walk->writer, *value);
	else
		*value = mw_get_u32(walk->reader);
}

static void walk_slow(struct walk *walk, struct mw_evidence *evidence)
{
	for (size_t c = 0; c < evidence->n; c++) {
		struct mw_long_memory *memory = &evidence->memory[c];

		walk_u32(walk, &evidence->run[c].still);
		walk_u32(walk, &evidence->run[c].lost);
		walk_f64(walk, &memory->mean, 1);
		walk_f64(walk, &memory->variance, 1);
		walk_f64(walk, &memory->covariance, 1);
		walk_f64(walk, &memory->last, 1);
		walk_u32(walk, &memory->rows);
		walk_u32(walk, &memory->has_last);
	}
}

static void walk_evidence(struct walk *walk, struct mw_evidence *evidence)
{
	size_t n = evidence->n;
	struct baseline_stream *stream = &evidence->stream;

	walk_u64(walk, &stream->rows);
	walk_f64(walk, stream->raw, n);
	for (size_t c = 0; c < n; c++)
		walk_u32(walk, &stream->since[c]);
	walk_f64(walk, stream->held, n);
	for (size_t k = 0; k < BASELINE_LAGS; k++)
		walk_f64(walk, stream->lag[k], n);
	walk_f64(walk, stream->mewma, n);
	walk_regime(walk, &stream->regime, n);
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		walk_row(walk, &evidence->row[i], n);
	for (size_t i = 0; i < EVIDENCE_ROWS; i++) {
		uint64_t time = (uint64_t)evidence->time_ns[i];

		walk_u64(walk, &time);
		evidence->time_ns[i] = (int64_t)time;
	}
	walk_f64(walk, evidence->value, EVIDENCE_ROWS * n);
	walk_f64(walk, evidence->expected, EVIDENCE_ROWS * n);
	walk_f64(walk, evidence->spread, EVIDENCE_ROWS * n);
	walk_f32(walk, evidence->patch, MW_WINDOW_PATCHES * (1 + n) * MW_N_FEATURES);
	walk_u16(walk, evidence->history, MW_HISTORY_PATCHES * (1 + n) * MW_N_FEATURES);
	walk_bytes(walk, evidence->gap, MW_WINDOW_PATCHES * n);
	walk_slow(walk, evidence);
}

mw_err mw_evidence_pack(const struct mw_evidence *evidence, uint8_t **ret_data, size_t *ret_size)
{
	struct mw_writer writer = {0};
	struct walk walk = {.writer = &writer};

	mw_put_u32(&writer, MAGIC);
	mw_put_u32(&writer, VERSION);
	mw_put_u32(&writer, (uint32_t)evidence->n);
	/* A writing walk only reads what it is given. */
	walk_evidence(&walk, (struct mw_evidence *)(uintptr_t)evidence);
	return mw_writer_finish(&writer, ret_data, ret_size);
}

static bool within(const double *x, size_t n, double limit)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs(x[i]) <= limit))
			return false;
	return true;
}

static bool row_is_sane(const struct mw_row_evidence *row, size_t n)
{
	for (size_t c = 0; c < n; c++)
		if (row->missing[c] > 1)
			return false;
	return within(row->z, n, BASELINE_Z_MAX) && within(row->l, n, BASELINE_Z_MAX) &&
	       within(row->d, n, BASELINE_D_MAX) && within(row->r, n, BASELINE_Z_MAX) &&
	       within(row->e, n, BASELINE_Z_MAX) && isfinite(row->t2) && isfinite(row->q) &&
	       isfinite(row->dyn) && isfinite(row->mewma);
}

static bool regime_is_sane(const struct mw_evidence *evidence)
{
	const struct regime_state *state = &evidence->stream.regime;

	if (state->now < 0 ||
	    (state->now != REGIME_ANY && state->now >= (int)evidence->baseline->regime.map.n) ||
	    state->age > REGIME_SETTLED || state->lost > REGIME_SETTLED)
		return false;
	for (size_t c = 0; c < evidence->n; c++)
		if (!(state->blur[c] >= 0))
			return false;
	return within(state->level, evidence->n, BASELINE_ABSURD) &&
	       within(state->blur, evidence->n, 2 * BASELINE_ABSURD);
}

static bool memory_is_sane(const struct mw_long_memory *memory)
{
	return fabs(memory->mean) <= MW_LONG_CLIP && fabs(memory->last) <= MW_LONG_CLIP &&
	       memory->variance >= 0 && memory->variance <= 4 * MW_LONG_CLIP * MW_LONG_CLIP &&
	       fabs(memory->covariance) <= 4 * MW_LONG_CLIP * MW_LONG_CLIP &&
	       memory->rows <= MW_LONG_ROWS && memory->has_last <= 1;
}

/* Everything that is computed with later is finite and in its range. */
static bool is_sane(const struct mw_evidence *evidence)
{
	size_t n = evidence->n;
	const struct baseline_stream *stream = &evidence->stream;

	for (size_t k = 0; k < BASELINE_LAGS; k++)
		if (!within(stream->lag[k], n, BASELINE_Z_MAX))
			return false;
	for (size_t c = 0; c < n; c++)
		if (fabs(stream->held[c]) > BASELINE_ABSURD ||
		    fabs(stream->raw[c]) > BASELINE_ABSURD || stream->since[c] > BASELINE_SINCE_MAX)
			return false;
	for (size_t c = 0; c < n; c++)
		if (!memory_is_sane(&evidence->memory[c]) ||
		    evidence->run[c].still > SYMPTOM_RUN_MOST ||
		    evidence->run[c].lost > SYMPTOM_RUN_MOST)
			return false;
	if (!regime_is_sane(evidence))
		return false;
	for (size_t i = 0; i < EVIDENCE_ROWS * n; i++)
		if (!(evidence->spread[i] >= 0))
			return false;
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		if (!row_is_sane(&evidence->row[i], n))
			return false;
	for (size_t i = 0; i < MW_WINDOW_PATCHES * (1 + n) * MW_N_FEATURES; i++)
		if (!isfinite(evidence->patch[i]))
			return false;
	for (size_t i = 0; i < MW_HISTORY_PATCHES * (1 + n) * MW_N_FEATURES; i++)
		if (!isfinite(lm_f16_load(evidence->history[i])))
			return false;
	for (size_t i = 0; i < MW_WINDOW_PATCHES * n; i++)
		if (evidence->gap[i] > MW_PATCH_ROWS)
			return false;
	return within(stream->mewma, n, BASELINE_W_MAX);
}

mw_err mw_evidence_unpack(const struct mw_baseline *baseline, const uint8_t *data, size_t size,
			  struct mw_evidence **ret_evidence)
{
	struct mw_evidence *evidence;
	struct mw_reader reader;
	struct walk walk = {.reader = &reader};
	mw_err err;

	mw_reader_init(&reader, data, size);
	if (mw_get_u32(&reader) != MAGIC || mw_get_u32(&reader) != VERSION ||
	    mw_get_u32(&reader) != baseline->n_channels)
		return MW_E_CORRUPT;
	err = mw_evidence_new(baseline, &evidence);
	if (err)
		return err;
	walk_evidence(&walk, evidence);
	if (!mw_reader_is_done(&reader) || !is_sane(evidence)) {
		mw_evidence_free(evidence);
		return MW_E_CORRUPT;
	}
	*ret_evidence = evidence;
	return MW_E_OK;
}
