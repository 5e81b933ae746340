#include "tests/unit/signals.h"
#include "tests/unit/unit.h"

#include <string.h>

#define N     4
#define LEARN 256
#define ROWS  (LEARN + 2 * MW_WINDOW_ROWS)

/* A machine whose last 8 patches a test may change before it is fed. */
struct bench {
	double *value;
	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
};

#define ONSET_PATCH 8
#define ONSET_ROW   (ROWS - (MW_WINDOW_PATCHES - ONSET_PATCH) * MW_PATCH_ROWS)

static void bench_init(struct bench *bench, uint64_t seed)
{
	memset(bench, 0, sizeof(*bench));
	bench->value = signals_new(seed, ROWS, N);
}

static void bench_feed(struct bench *bench)
{
	bench->evidence = signals_feed(bench->value, LEARN, ROWS, N, &bench->baseline);
}

static void bench_done(struct bench *bench)
{
	mw_evidence_free(bench->evidence);
	mw_baseline_free(bench->baseline);
	free(bench->value);
}

static double *at(struct bench *bench, size_t row, size_t channel)
{
	return &bench->value[row * N + channel];
}

/* --- the window ------------------------------------------------------------------------------- */

START_TEST(a_window_is_ready_when_it_is_full)
{
	struct bench bench;

	bench_init(&bench, 1);
	bench.evidence = signals_feed(bench.value, LEARN, 63, N, &bench.baseline);
	ck_assert(!mw_evidence_window_ready(bench.evidence));
	mw_evidence_push_learn(bench.evidence, 63, 63, bench.value + 63 * N);
	ck_assert(mw_evidence_window_ready(bench.evidence));
	ck_assert_uint_eq(mw_evidence_rows(bench.evidence), 64);
	bench_done(&bench);
}
END_TEST

START_TEST(patch_features_are_what_their_definition_says)
{
	struct bench bench;
	struct mw_row_evidence row[MW_PATCH_ROWS];
	double level = 0, slope = 0, steps = 0, r = 0, spread = 0, e = 0, ee = 0;
	float feature[MW_N_FEATURES];

	bench_init(&bench, 2);
	bench.evidence = signals_feed(bench.value, LEARN, ROWS - 4, N, &bench.baseline);
	for (size_t i = 0; i < MW_PATCH_ROWS; i++) {
		mw_evidence_push(bench.evidence, 0, at(&bench, ROWS - 4 + i, 0));
		row[i] = *mw_evidence_last(bench.evidence);
		level += row[i].z[1] / 4;
		slope += i ? row[i].d[1] / sqrt(3) : 0;
		steps += row[i].d[1] * row[i].d[1] / 4;
		r += row[i].r[1] / 4;
		e += row[i].e[1] / 4;
		ee += row[i].e[1] * row[i].e[1] / 4;
	}
	for (size_t i = 0; i < MW_PATCH_ROWS; i++)
		spread += (row[i].r[1] - r) * (row[i].r[1] - r) / 4;
	mw_evidence_patch(bench.evidence, 1, MW_WINDOW_PATCHES - 1, feature);
	ck_assert_float_eq_tol(feature[MW_F_LEVEL], (float)level, 1e-5f);
	ck_assert_float_eq_tol(feature[MW_F_SLOPE], (float)slope, 1e-5f);
	ck_assert_float_eq_tol(feature[MW_F_STEP_RMS], (float)log2(sqrt(steps)), 1e-5f);
	ck_assert_float_eq_tol(feature[MW_F_STATIC], (float)(1.5 * r), 1e-5f);
	ck_assert_float_eq_tol(feature[MW_F_STATIC_SPREAD], (float)log2(sqrt(spread)), 1e-5f);
	ck_assert_float_eq_tol(feature[MW_F_DYNAMIC], (float)(2 * e), 1e-5f);
	ck_assert_float_eq_tol(feature[MW_F_DYNAMIC_RMS], (float)log2(sqrt(ee)), 1e-5f);
	bench_done(&bench);
}
END_TEST

START_TEST(the_assets_maxima_are_those_of_its_channels)
{
	struct bench bench;
	float asset[MW_N_FEATURES], channel[MW_N_FEATURES];

	bench_init(&bench, 3);
	bench_feed(&bench);
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		float level = 0, residual = 0;

		mw_evidence_asset_patch(bench.evidence, p, asset);
		for (size_t c = 0; c < N; c++) {
			mw_evidence_patch(bench.evidence, c, p, channel);
			level = fmaxf(level, fabsf(channel[MW_F_LEVEL]));
			residual = fmaxf(residual, fabsf(channel[MW_F_STATIC]));
		}
		ck_assert_float_eq(asset[MW_G_MAX_Z], level);
		ck_assert_float_eq(asset[MW_G_MAX_STATIC], residual);
	}
	bench_done(&bench);
}
END_TEST

START_TEST(history_averages_the_patches_before_the_window)
{
	static const size_t from[] = {16, 32, 96}, to[] = {0, 16, 32};
	const size_t rows = 4 * (16 + 70); /* of the third block only a part was pushed */
	double *value = signals_new(4, rows, 1);
	struct mw_baseline *baseline;
	struct mw_evidence *evidence = signals_feed(value, 64, 0, 1, &baseline);
	float level[86], feature[MW_N_FEATURES];

	for (size_t t = 0; t < rows; t++) {
		mw_evidence_push(evidence, 0, value + t);
		if (t % 4 == 3 && t >= 63) {
			mw_evidence_patch(evidence, 0, 15, feature);
			level[t / 4] = feature[MW_F_LEVEL];
		} else if (t % 4 == 3) {
			level[t / 4] = 0;
		}
	}
	for (size_t p = 0; p < 15; p++) { /* seen only in the first window, which has gone by */
		double sum = 0;

		for (size_t t = 4 * p; t < 4 * p + 4; t++)
			sum += (value[t] - mw_baseline_location(baseline, 0)) /
			       mw_baseline_scale(baseline, 0);
		level[p] = (float)(sum / 4);
	}
	for (size_t h = 0; h < MW_HISTORY; h++) {
		size_t first = from[h] < 70 ? 70 - from[h] : 0;
		double mean = 0;

		for (size_t p = first; p < 70 - to[h]; p++)
			mean += (double)level[p] / (double)(70 - to[h] - first);
		mw_evidence_history(evidence, 0, h, feature);
		ck_assert_float_eq_tol(feature[MW_F_LEVEL], (float)mean, 1e-3f); /* halves */
	}
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
	free(value);
}
END_TEST

START_TEST(history_that_never_was_is_zero)
{
	struct bench bench;
	float feature[MW_N_FEATURES];

	bench_init(&bench, 5);
	bench.evidence = signals_feed(bench.value, LEARN, MW_WINDOW_ROWS, N, &bench.baseline);
	for (size_t h = 0; h < MW_HISTORY; h++) {
		mw_evidence_history(bench.evidence, 0, h, feature);
		for (size_t f = 0; f < MW_N_FEATURES; f++)
			ck_assert_float_eq(feature[f], 0);
	}
	bench_done(&bench);
}
END_TEST

START_TEST(missing_samples_are_counted_by_patch)
{
	static const unsigned bucket[] = {0, 1, 1, 2, 3};
	struct bench bench;

	bench_init(&bench, 6);
	for (size_t p = 0; p < 5; p++)
		for (size_t i = 0; i < p; i++)
			*at(&bench, ROWS - MW_WINDOW_ROWS + p * MW_PATCH_ROWS + i, 2) = NAN;
	bench_feed(&bench);
	for (size_t p = 0; p < 5; p++) {
		ck_assert_uint_eq(mw_evidence_gap(bench.evidence, 2, p), bucket[p]);
		ck_assert_uint_eq(mw_evidence_gap(bench.evidence, 1, p), 0);
	}
	bench_done(&bench);
}
END_TEST

START_TEST(samples_come_back_with_time_and_row)
{
	struct bench bench;
	double value, expected;
	int64_t time_ns;

	bench_init(&bench, 7);
	*at(&bench, ROWS - 1, 1) = NAN;
	bench_feed(&bench);
	for (size_t row = 0; row < MW_WINDOW_ROWS; row++) {
		size_t t = ROWS - MW_WINDOW_ROWS + row;

		mw_evidence_sample(bench.evidence, 1, row, &value, &expected, &time_ns);
		ck_assert_int_eq(time_ns, (int64_t)t);
		ck_assert(isfinite(expected));
		if (t == ROWS - 1)
			ck_assert(isnan(value));
		else
			ck_assert_double_eq(value, *at(&bench, t, 1));
	}
	bench_done(&bench);
}
END_TEST

START_TEST(a_window_that_ends_within_a_patch_shows_the_last_complete_one)
{
	struct bench bench;
	double value, expected;
	int64_t before, after;
	float was[MW_N_FEATURES], is[MW_N_FEATURES];

	bench_init(&bench, 8);
	bench.evidence = signals_feed(bench.value, LEARN, ROWS - 4, N, &bench.baseline);
	mw_evidence_patch(bench.evidence, 0, 15, was);
	mw_evidence_sample(bench.evidence, 0, 0, &value, &expected, &before);
	for (size_t i = 0; i < 3; i++) {
		mw_evidence_push(bench.evidence, 0, at(&bench, ROWS - 4 + i, 0));
		mw_evidence_patch(bench.evidence, 0, 15, is);
		mw_evidence_sample(bench.evidence, 0, 0, &value, &expected, &after);
		ck_assert_mem_eq(was, is, sizeof(is));
		ck_assert_int_eq(after, before);
		ck_assert_double_eq(value, *at(&bench, (size_t)before, 0));
	}
	bench_done(&bench);
}
END_TEST

/* --- findings --------------------------------------------------------------------------------- */

START_TEST(a_bias_is_above_and_rose_and_its_peak_is_named)
{
	struct bench bench;
	struct mw_channel_finding finding;
	double peak = 0;
	int64_t peak_row = 0;

	bench_init(&bench, 9);
	for (size_t t = ONSET_ROW; t < ROWS; t++)
		*at(&bench, t, 2) += 30;
	bench_feed(&bench);
	mw_evidence_finding(bench.evidence, 2, ONSET_PATCH, &finding);
	for (size_t t = ONSET_ROW; t < ROWS; t++) {
		double deviation = fabs(*at(&bench, t, 2) - finding.expected);

		peak_row = deviation > peak ? (int64_t)t : peak_row;
		peak = fmax(deviation, peak);
	}
	ck_assert_uint_eq(finding.channel, 2);
	ck_assert_int_eq(finding.direction, 1);
	ck_assert_int_eq(finding.move, 1);
	ck_assert_int_eq(finding.peak_time_ns, peak_row);
	ck_assert_double_eq(finding.peak_value, *at(&bench, (size_t)peak_row, 2));
	ck_assert_double_eq_tol(
	    finding.deviation,
	    (finding.peak_value - finding.expected) / mw_baseline_scale(bench.baseline, 2), 1e-12);
	ck_assert_double_gt(finding.strength, 8);
	bench_done(&bench);
}
END_TEST

START_TEST(a_fall_is_below_and_fell)
{
	struct bench bench;
	struct mw_channel_finding finding;

	bench_init(&bench, 10);
	for (size_t t = ONSET_ROW; t < ROWS; t++)
		*at(&bench, t, 0) -= (double)(t - ONSET_ROW);
	bench_feed(&bench);
	mw_evidence_finding(bench.evidence, 0, ONSET_PATCH, &finding);
	ck_assert_int_eq(finding.direction, -1);
	ck_assert_int_eq(finding.move, -1);
	ck_assert_double_lt(finding.deviation, -5);
	bench_done(&bench);
}
END_TEST

START_TEST(noise_on_both_sides_has_strength_but_no_direction)
{
	struct bench bench;
	struct mw_channel_finding finding;

	bench_init(&bench, 11);
	for (size_t t = ONSET_ROW; t < ROWS; t++)
		*at(&bench, t, 1) += t / MW_PATCH_ROWS % 2 ? 12 : -12;
	bench_feed(&bench);
	mw_evidence_finding(bench.evidence, 1, ONSET_PATCH, &finding);
	ck_assert_int_eq(finding.direction, 0);
	ck_assert_double_gt(finding.strength, 4);
	bench_done(&bench);
}
END_TEST

START_TEST(a_channel_that_fell_silent_is_found_and_keeps_its_last_value)
{
	struct bench bench;
	struct mw_channel_finding finding;

	bench_init(&bench, 12);
	for (size_t t = ONSET_ROW; t < ROWS; t++)
		*at(&bench, t, 3) = NAN;
	bench_feed(&bench);
	mw_evidence_finding(bench.evidence, 3, ONSET_PATCH, &finding);
	ck_assert_double_eq(finding.peak_value, *at(&bench, ONSET_ROW - 1, 3));
	ck_assert_double_eq(finding.deviation, 0);
	ck_assert_int_eq(finding.direction, 0);
	ck_assert_double_ge(finding.strength, 8);
	bench_done(&bench);
}
END_TEST

START_TEST(healthy_channels_are_weak)
{
	struct bench bench;
	struct mw_channel_finding finding;

	bench_init(&bench, 13);
	bench_feed(&bench);
	for (size_t c = 0; c < N; c++) {
		mw_evidence_finding(bench.evidence, c, 0, &finding);
		ck_assert_double_lt(finding.strength, 6);
	}
	bench_done(&bench);
}
END_TEST

START_TEST(what_is_expected_follows_the_other_channels_where_they_explain_the_channel)
{
	struct bench bench;
	struct mw_channel_finding finding;
	double *alone = signals_new(99, ROWS, 1);
	double value, expected;

	bench_init(&bench, 14);
	for (size_t t = 0; t < ROWS; t++) /* channel 1 repeats channel 0 -- until the onset */
		*at(&bench, t, 1) = t < ONSET_ROW ? 2 * *at(&bench, t, 0) : 0;
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t, 3) = alone[t];
	bench_feed(&bench);
	mw_evidence_finding(bench.evidence, 1, ONSET_PATCH, &finding);
	ck_assert_double_eq_tol(finding.expected, 2 * mw_baseline_location(bench.baseline, 0), 12);
	mw_evidence_sample(bench.evidence, 1, 0, &value, &expected, NULL);
	ck_assert_double_eq_tol(expected, value, 0.5 * mw_baseline_scale(bench.baseline, 1));
	mw_evidence_sample(bench.evidence, 3, 0, &value, &expected, NULL);
	ck_assert_double_eq(expected, mw_baseline_location(bench.baseline, 3));
	free(alone);
	bench_done(&bench);
}
END_TEST

/* --- bytes ------------------------------------------------------------------------------------ */

static void expect_same_window(const struct mw_evidence *one, const struct mw_evidence *other)
{
	float a[MW_N_FEATURES], b[MW_N_FEATURES];

	signals_same_row(mw_evidence_last(one), mw_evidence_last(other), N);
	for (size_t c = 0; c < N; c++) {
		struct mw_channel_finding x, y;

		for (size_t h = 0; h < MW_HISTORY; h++) {
			mw_evidence_history(one, c, h, a);
			mw_evidence_history(other, c, h, b);
			ck_assert_mem_eq(a, b, sizeof(a));
		}
		mw_evidence_finding(one, c, 3, &x);
		mw_evidence_finding(other, c, 3, &y);
		ck_assert_double_eq(x.deviation, y.deviation);
		ck_assert_int_eq(x.peak_time_ns, y.peak_time_ns);
	}
}

START_TEST(a_restored_stream_continues_bit_for_bit)
{
	struct bench bench;
	struct mw_evidence *restored;
	uint8_t *data;
	size_t size;

	bench_init(&bench, 15);
	*at(&bench, ROWS - 40, 1) = NAN;
	bench.evidence = signals_feed(bench.value, LEARN, ROWS - 37, N, &bench.baseline);
	ck_assert_int_eq(mw_evidence_pack(bench.evidence, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_evidence_unpack(bench.baseline, data, size, &restored), MW_E_OK);
	for (size_t t = ROWS - 37; t < ROWS; t++) {
		mw_evidence_push(bench.evidence, (int64_t)t, at(&bench, t, 0));
		mw_evidence_push(restored, (int64_t)t, at(&bench, t, 0));
		expect_same_window(bench.evidence, restored);
	}
	mw_evidence_free(restored);
	free(data);
	bench_done(&bench);
}
END_TEST

START_TEST(a_stream_cut_off_or_of_another_baseline_is_refused)
{
	struct bench bench;
	struct mw_baseline *narrow;
	struct mw_evidence *restored = NULL;
	uint8_t *data;
	size_t size;

	bench_init(&bench, 16);
	bench_feed(&bench);
	ck_assert_int_eq(mw_evidence_pack(bench.evidence, &data, &size), MW_E_OK);
	for (size_t cut = 0; cut < size; cut += 97)
		ck_assert_int_eq(mw_evidence_unpack(bench.baseline, data, cut, &restored),
				 MW_E_CORRUPT);
	ck_assert_int_eq(mw_baseline_fit(bench.value, LEARN, 2, NULL, &narrow), MW_E_OK);
	ck_assert_int_eq(mw_evidence_unpack(narrow, data, size, &restored), MW_E_CORRUPT);
	memset(data + 20 + 20 * N, 0xff, 8); /* a lag that is not a number */
	ck_assert_int_eq(mw_evidence_unpack(bench.baseline, data, size, &restored), MW_E_CORRUPT);
	ck_assert_ptr_null(restored);
	mw_baseline_free(narrow);
	free(data);
	bench_done(&bench);
}
END_TEST

MW_TEST_MAIN("evidence", a_window_is_ready_when_it_is_full,
	     patch_features_are_what_their_definition_says,
	     the_assets_maxima_are_those_of_its_channels,
	     history_averages_the_patches_before_the_window, history_that_never_was_is_zero,
	     missing_samples_are_counted_by_patch, samples_come_back_with_time_and_row,
	     a_window_that_ends_within_a_patch_shows_the_last_complete_one,
	     a_bias_is_above_and_rose_and_its_peak_is_named, a_fall_is_below_and_fell,
	     noise_on_both_sides_has_strength_but_no_direction,
	     a_channel_that_fell_silent_is_found_and_keeps_its_last_value,
	     healthy_channels_are_weak,
	     what_is_expected_follows_the_other_channels_where_they_explain_the_channel,
	     a_restored_stream_continues_bit_for_bit,
	     a_stream_cut_off_or_of_another_baseline_is_refused)
