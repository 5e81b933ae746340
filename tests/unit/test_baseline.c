#include "tests/unit/reference.h"
#include "tests/unit/signals.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define REFERENCE "tests/data/reference_evidence.bin"
#define TOLERANCE 1e-9

/* --- against numpy ----------------------------------------------------------------------- */

static void expect_near(const char *what, size_t row, const double *is, const double *should,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(fabs(is[i] - should[i]) <= TOLERANCE * fmax(1, fabs(should[i])),
			      "%s[%zu] of row %zu is %.17g, numpy says %.17g", what, i, row, is[i],
			      should[i]);
}

static void expect_row(size_t row, size_t n, const struct mw_row_evidence *is, const double *should)
{
	const double ratio[] = {is->t2, is->q, is->dyn, is->mewma};

	expect_near("z", row, is->z, should, n);
	expect_near("d", row, is->d, should + n, n);
	expect_near("r", row, is->r, should + 2 * n, n);
	expect_near("e", row, is->e, should + 3 * n, n);
	expect_near("ratio", row, ratio, should + 4 * n, 4);
}

static void expect_channels(const struct mw_evidence *evidence, const struct mw_baseline *baseline,
			    const double *location, const double *scale, const double *header)
{
	for (size_t c = 0; c < mw_baseline_n_channels(baseline); c++) {
		double is[] = {mw_baseline_location(baseline, c), mw_baseline_scale(baseline, c)};
		double should[] = {location[c], scale[c]};
		float feature[MW_N_FEATURES];

		expect_near("location and scale", c, is, should, 2);
		mw_evidence_header(evidence, c, feature);
		for (size_t f = 0; f < MW_N_FEATURES; f++)
			ck_assert_float_eq_tol(feature[f], (float)header[c * MW_N_FEATURES + f],
					       1e-5f);
	}
}

static void check_case(struct reference *reference)
{
	const double *head = reference_take(reference, 3);
	size_t n = (size_t)head[0];
	size_t learn = (size_t)head[1];
	size_t rows = (size_t)head[2];
	const double *value = reference_take(reference, rows * n);
	const double *location = reference_take(reference, n);
	const double *scale = reference_take(reference, n);
	const double *header = reference_take(reference, n * MW_N_FEATURES);
	struct mw_baseline *baseline;
	struct mw_evidence *evidence = signals_feed(value, learn, 0, n, &baseline);

	expect_channels(evidence, baseline, location, scale, header);
	for (size_t t = 0; t < rows; t++) {
		if (t < learn) {
			double block[MW_ROW_DOUBLES(MW_MAX_CHANNELS)];
			struct mw_row_evidence row;

			mw_row_evidence_place(&row, block, n);
			mw_baseline_learn_evidence(baseline, t, &row);
			mw_evidence_push_learn(evidence, t, 0, value + t * n);
			ck_assert_mem_eq(row.z, mw_evidence_last(evidence)->z,
					 4 * n * sizeof(double));
			ck_assert_mem_eq(row.missing, mw_evidence_last(evidence)->missing, n);
		} else {
			mw_evidence_push(evidence, 0, value + t * n);
		}
		expect_row(t, n, mw_evidence_last(evidence), reference_take(reference, 4 * n + 4));
	}
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
}

START_TEST(every_statistic_is_what_numpy_says)
{
	struct reference reference;

	reference_open(&reference, REFERENCE);
	for (size_t cases = (size_t)*reference_take(&reference, 1); cases > 0; cases--)
		check_case(&reference);
	ck_assert_uint_eq(reference.at, reference.size);
	free(reference.data);
}
END_TEST

/* --- properties -------------------------------------------------------------------------- */

START_TEST(too_few_rows_and_impossible_channel_counts_are_refused)
{
	double *value = signals_new(1, 64, MW_MAX_CHANNELS + 1);
	struct mw_baseline *baseline = NULL;

	ck_assert_int_eq(mw_baseline_fit(value, 63, 4, NULL, &baseline), MW_E_INVAL);
	ck_assert_int_eq(mw_baseline_fit(value, 64, 0, NULL, &baseline), MW_E_INVAL);
	ck_assert_int_eq(mw_baseline_fit(value, 64, MW_MAX_CHANNELS + 1, NULL, &baseline),
			 MW_E_INVAL);
	ck_assert_ptr_null(baseline);
	free(value);
}
END_TEST

/* Mean over rows of the sum of the asset's four statistics. */
static double mean_ratios(const double *value, size_t rows, size_t n, bool held_out)
{
	struct mw_baseline *baseline;
	struct mw_evidence *evidence = signals_feed(value, rows, 0, n, &baseline);
	double sum = 0;

	for (size_t t = 0; t < rows; t++) {
		const struct mw_row_evidence *row = mw_evidence_last(evidence);

		if (held_out)
			mw_evidence_push_learn(evidence, t, 0, value + t * n);
		else
			mw_evidence_push(evidence, 0, value + t * n);
		row = mw_evidence_last(evidence);
		sum += row->t2 + row->q + row->dyn + row->mewma;
	}
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
	return sum / (double)rows;
}

START_TEST(rows_look_worse_to_a_model_that_never_saw_them)
{
	double *value = signals_new(2, 160, 16);

	ck_assert_double_gt(mean_ratios(value, 160, 16, true),
			    mean_ratios(value, 160, 16, false) + 0.5);
	free(value);
}
END_TEST

START_TEST(held_out_evidence_matches_that_of_new_healthy_rows)
{
	const size_t n = 12, learn = 400, rows = 800;
	double *value = signals_new(3, rows, n);
	struct mw_baseline *baseline;
	struct mw_evidence *evidence = signals_feed(value, learn, learn, n, &baseline);
	double known = 0, fresh = 0;

	for (size_t t = 0; t < learn; t++) {
		double block[MW_ROW_DOUBLES(12)];
		struct mw_row_evidence row;

		mw_row_evidence_place(&row, block, n);
		mw_baseline_learn_evidence(baseline, t, &row);
		known += row.t2 + row.q + row.dyn;
		mw_evidence_push(evidence, 0, value + (learn + t) * n);
		fresh += mw_evidence_last(evidence)->t2 + mw_evidence_last(evidence)->q +
			 mw_evidence_last(evidence)->dyn;
	}
	ck_assert_double_eq_tol(known / (double)learn, fresh / (double)learn, 0.25);
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
	free(value);
}
END_TEST

static void expect_finite(const struct mw_row_evidence *row, size_t n)
{
	for (size_t c = 0; c < n; c++) {
		ck_assert(fabs(row->z[c]) <= 60 && fabs(row->d[c]) <= 100);
		ck_assert(fabs(row->r[c]) <= 60 && fabs(row->e[c]) <= 60);
	}
	ck_assert(isfinite(row->t2) && isfinite(row->q));
	ck_assert(isfinite(row->dyn) && isfinite(row->mewma));
}

/* Learns and feeds; every row's evidence is finite and within its bounds. */
static void expect_all_finite(const double *value, size_t learn, size_t rows, size_t n)
{
	struct mw_baseline *baseline;
	struct mw_evidence *evidence = signals_feed(value, learn, 0, n, &baseline);

	for (size_t t = 0; t < rows; t++) {
		if (t < learn)
			mw_evidence_push_learn(evidence, t, 0, value + t * n);
		else
			mw_evidence_push(evidence, 0, value + t * n);
		expect_finite(mw_evidence_last(evidence), n);
	}
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
}

START_TEST(one_channel_and_more_channels_than_rows_work)
{
	static const size_t sizes[] = {1, 2, 63, 64};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double *value = signals_new(i, 128, sizes[i]);

		expect_all_finite(value, MW_BASELINE_MIN_ROWS, 128, sizes[i]);
		free(value);
	}
}
END_TEST

START_TEST(constant_empty_and_doubled_channels_work)
{
	const size_t n = 6, rows = 200;
	double *value = signals_new(5, rows, n);

	for (size_t t = 0; t < rows; t++) {
		value[t * n] = 0;
		value[t * n + 1] = 1e9 + (t > 150);
		value[t * n + 2] = NAN;
		value[t * n + 3] = t > 150 ? 7.5 : NAN; /* speaks up after learning */
		value[t * n + 4] = value[t * n + 5];
	}
	expect_all_finite(value, 128, rows, n);
	for (size_t i = 0; i < rows * n; i++)
		value[i] = NAN;
	expect_all_finite(value, 128, rows, n);
	free(value);
}
END_TEST

START_TEST(absurd_values_are_bounded_and_do_not_spoil_the_learning)
{
	static const double absurd[] = {INFINITY, -INFINITY, 1e308, -1e308, 1e-320};
	const size_t n = 3, learn = 200, rows = 320;
	double *value = signals_new(6, rows, n);
	struct mw_baseline *clean, *spoilt;

	ck_assert_int_eq(mw_baseline_fit(value, learn, n, NULL, &clean), MW_E_OK);
	for (size_t i = 0; i < 5; i++) {
		value[(20 + 30 * i) * n + i % n] = absurd[i];
		value[(220 + 9 * i) * n + i % n] = absurd[i];
	}
	expect_all_finite(value, learn, rows, n);
	ck_assert_int_eq(mw_baseline_fit(value, learn, n, NULL, &spoilt), MW_E_OK);
	for (size_t c = 0; c < n; c++) {
		ck_assert_double_eq_tol(mw_baseline_location(spoilt, c),
					mw_baseline_location(clean, c), 0.2);
		ck_assert_double_eq_tol(mw_baseline_scale(spoilt, c), mw_baseline_scale(clean, c),
					0.2);
	}
	mw_baseline_free(clean);
	mw_baseline_free(spoilt);
	free(value);
}
END_TEST

START_TEST(a_missing_reading_is_held_and_marked)
{
	const size_t n = 2, learn = 100;
	double *value = signals_new(7, learn + 2, n);
	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
	double z;

	value[(learn + 1) * n + 1] = NAN;
	evidence = signals_feed(value, learn, learn + 1, n, &baseline);
	ck_assert_uint_eq(mw_evidence_last(evidence)->missing[1], 0);
	z = mw_evidence_last(evidence)->z[1];
	mw_evidence_push(evidence, 0, value + (learn + 1) * n);
	ck_assert_uint_eq(mw_evidence_last(evidence)->missing[0], 0);
	ck_assert_uint_eq(mw_evidence_last(evidence)->missing[1], 1);
	ck_assert_double_eq(mw_evidence_last(evidence)->z[1], z);
	ck_assert_double_eq(mw_evidence_last(evidence)->d[1], 0);
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
	free(value);
}
END_TEST

/* --- bytes ------------------------------------------------------------------------------- */

START_TEST(a_stored_baseline_judges_as_before)
{
	const size_t n = 5, learn = 128, rows = 160;
	double *value = signals_new(8, rows, n);
	struct mw_baseline *baseline, *restored;
	struct mw_evidence *one, *other;
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(mw_baseline_fit(value, learn, n, NULL, &baseline), MW_E_OK);
	ck_assert_int_eq(mw_baseline_pack(baseline, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_baseline_unpack(data, size, NULL, 0, &restored), MW_E_OK);
	ck_assert_int_eq(mw_evidence_new(baseline, &one), MW_E_OK);
	ck_assert_int_eq(mw_evidence_new(restored, &other), MW_E_OK);
	for (size_t t = learn; t < rows; t++) {
		mw_evidence_push(one, 0, value + t * n);
		mw_evidence_push(other, 0, value + t * n);
		signals_same_row(mw_evidence_last(one), mw_evidence_last(other), n);
	}
	mw_evidence_free(one);
	mw_evidence_free(other);
	mw_baseline_free(baseline);
	mw_baseline_free(restored);
	free(data);
	free(value);
}
END_TEST

START_TEST(a_baseline_with_any_bit_changed_or_byte_missing_is_refused)
{
	double *value = signals_new(9, 64, 2);
	struct mw_baseline *baseline;
	char why[200] = "";
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(mw_baseline_fit(value, 64, 2, NULL, &baseline), MW_E_OK);
	ck_assert_int_eq(mw_baseline_pack(baseline, &data, &size), MW_E_OK);
	mw_baseline_free(baseline);
	baseline = NULL;
	for (size_t i = 0; i < size; i++) {
		data[i] ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(mw_baseline_unpack(data, size, why, sizeof(why), &baseline),
				 MW_E_CORRUPT);
		data[i] ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(mw_baseline_unpack(data, i, why, sizeof(why), &baseline),
				 MW_E_CORRUPT);
	}
	ck_assert_str_ne(why, "");
	ck_assert_ptr_null(baseline);
	free(data);
	free(value);
}
END_TEST

/* The check sum of gateway/core/baseline_pack.c, so that what lies behind it is reached. */
static void seal(uint8_t *data, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i + 8 < size; i++)
		sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < 8; i++)
		data[size - 8 + i] = (uint8_t)(sum >> (8 * i));
}

START_TEST(forged_baselines_are_refused)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} forged[] = {
	    {0, 0},        /* magic */
	    {4, 99},       /* version */
	    {8, 0},        /* no channels */
	    {8, 65},       /* too many */
	    {11, 0x80},    /* absurdly many */
	    {20 + 7, 0x7f} /* a huge first value, then infinite below */
	};
	double *value = signals_new(10, 64, 3);
	struct mw_baseline *baseline;
	uint8_t *data, *copy;
	size_t size;

	ck_assert_int_eq(mw_baseline_fit(value, 64, 3, NULL, &baseline), MW_E_OK);
	ck_assert_int_eq(mw_baseline_pack(baseline, &data, &size), MW_E_OK);
	mw_baseline_free(baseline);
	copy = malloc(size);
	ck_assert_ptr_nonnull(copy);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		memcpy(copy, data, size);
		copy[forged[i].at] = forged[i].byte;
		if (forged[i].at == 27)
			copy[26] = 0xf0; /* exponent of all ones: infinity or NaN */
		seal(copy, size);
		ck_assert_msg(mw_baseline_unpack(copy, size, NULL, 0, &baseline) == MW_E_CORRUPT,
			      "forgery %zu was taken", i);
	}
	memcpy(copy, data, size);
	seal(copy, size);
	ck_assert_int_eq(mw_baseline_unpack(copy, size, NULL, 0, &baseline), MW_E_OK);
	mw_baseline_free(baseline);
	free(copy);
	free(data);
	free(value);
}
END_TEST

MW_TEST_MAIN("baseline", every_statistic_is_what_numpy_says,
	     too_few_rows_and_impossible_channel_counts_are_refused,
	     rows_look_worse_to_a_model_that_never_saw_them,
	     held_out_evidence_matches_that_of_new_healthy_rows,
	     one_channel_and_more_channels_than_rows_work, constant_empty_and_doubled_channels_work,
	     absurd_values_are_bounded_and_do_not_spoil_the_learning,
	     a_missing_reading_is_held_and_marked, a_stored_baseline_judges_as_before,
	     a_baseline_with_any_bit_changed_or_byte_missing_is_refused,
	     forged_baselines_are_refused)
