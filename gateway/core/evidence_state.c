/* evidence_state.c -- the exact state of an evidence stream as bytes, and back. */
#include "gateway/core/evidence_impl.h"

#include "gateway/base/pack.h"

#include <math.h>
#include <string.h>

static void put_doubles(struct mw_writer *w, const double *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mw_put_f64(w, value[i]);
}

static void get_doubles(struct mw_reader *r, double *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		value[i] = mw_get_f64(r);
}

static void put_row(struct mw_writer *w, const struct mw_row_evidence *row, size_t n)
{
	const double stat[] = {row->t2, row->q, row->dyn, row->mewma};

	put_doubles(w, row->z, n);
	put_doubles(w, row->d, n);
	put_doubles(w, row->r, n);
	put_doubles(w, row->e, n);
	put_doubles(w, stat, 4);
	mw_put_u64(w, row->missing);
}

static void get_row(struct mw_reader *r, struct mw_row_evidence *row, size_t n)
{
	double stat[4];

	get_doubles(r, row->z, n);
	get_doubles(r, row->d, n);
	get_doubles(r, row->r, n);
	get_doubles(r, row->e, n);
	get_doubles(r, stat, 4);
	row->t2 = stat[0];
	row->q = stat[1];
	row->dyn = stat[2];
	row->mewma = stat[3];
	row->missing = mw_get_u64(r);
}

mw_err mw_evidence_pack(const struct mw_evidence *evidence, uint8_t **ret_data, size_t *ret_size)
{
	const struct baseline_stream *stream = &evidence->stream;
	struct mw_writer w = {0};
	size_t n = evidence->n;

	mw_put_u32(&w, (uint32_t)n);
	mw_put_u64(&w, stream->rows);
	put_doubles(&w, stream->held, n);
	for (size_t lag = 0; lag < BASELINE_LAGS; lag++)
		put_doubles(&w, stream->lag[lag], n);
	put_doubles(&w, stream->mewma, n);
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		put_row(&w, &evidence->row[i], n);
	for (size_t i = 0; i < EVIDENCE_ROWS; i++)
		mw_put_i64(&w, evidence->time_ns[i]);
	put_doubles(&w, evidence->value, EVIDENCE_ROWS * n);
	put_doubles(&w, evidence->expected, EVIDENCE_ROWS * n);
	for (size_t i = 0; i < EVIDENCE_PATCHES * (1 + n) * MW_N_FEATURES; i++)
		mw_put_f32(&w, evidence->patch[i]);
	mw_put_bytes(&w, evidence->gap, EVIDENCE_PATCHES * n);
	return mw_writer_finish(&w, ret_data, ret_size);
}

static bool get_arrays(struct mw_reader *r, struct mw_evidence *evidence)
{
	size_t n = evidence->n;
	const uint8_t *gap;

	for (size_t i = 0; i < EVIDENCE_ROWS; i++)
		evidence->time_ns[i] = mw_get_i64(r);
	get_doubles(r, evidence->value, EVIDENCE_ROWS * n);
	get_doubles(r, evidence->expected, EVIDENCE_ROWS * n);
	for (size_t i = 0; i < EVIDENCE_PATCHES * (1 + n) * MW_N_FEATURES; i++) {
		evidence->patch[i] = mw_get_f32(r);
		if (!isfinite(evidence->patch[i]))
			return false;
	}
	gap = mw_get_bytes(r, EVIDENCE_PATCHES * n);
	for (size_t i = 0; gap && i < EVIDENCE_PATCHES * n; i++)
		if (gap[i] > MW_PATCH_ROWS)
			return false;
	if (gap)
		memcpy(evidence->gap, gap, EVIDENCE_PATCHES * n);
	return gap && mw_reader_is_done(r);
}

mw_err mw_evidence_unpack(const struct mw_baseline *baseline, const uint8_t *data, size_t size,
			  struct mw_evidence **ret_evidence)
{
	struct mw_evidence *evidence;
	struct mw_reader r;
	mw_err err = mw_evidence_new(baseline, &evidence);

	if (err)
		return err;
	mw_reader_init(&r, data, size);
	if (mw_get_u32(&r) != evidence->n) {
		mw_evidence_free(evidence);
		return MW_E_CORRUPT;
	}
	evidence->stream.rows = mw_get_u64(&r);
	get_doubles(&r, evidence->stream.held, evidence->n);
	for (size_t lag = 0; lag < BASELINE_LAGS; lag++)
		get_doubles(&r, evidence->stream.lag[lag], evidence->n);
	get_doubles(&r, evidence->stream.mewma, evidence->n);
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		get_row(&r, &evidence->row[i], evidence->n);
	if (!get_arrays(&r, evidence)) {
		mw_evidence_free(evidence);
		return MW_E_CORRUPT;
	}
	*ret_evidence = evidence;
	return MW_E_OK;
}
