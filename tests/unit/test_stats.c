#include "gateway/core/stats.h"
#include "tests/unit/reference.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define REFERENCE "tests/data/reference_stats.bin"
#define ROWS      MW_STAT_ROWS

/* --- against numpy ---------------------------------------------------------------------------- */

static size_t take_count(struct reference *reference)
{
	return (size_t)reference_take(reference, 1)[0];
}

/* Equal within 1e-9 of its size (and `least`, of what the case's numbers are like). */
static void same(double value, double expected, double least)
{
	if (isnan(expected)) {
		ck_assert(isnan(value));
		return;
	}
	ck_assert_msg(fabs(value - expected) <= 1e-9 * fmax(fabs(expected), least),
		      "%.17g is not %.17g", value, expected);
}

static double size_of(const double *value, size_t n)
{
	double size = 0;

	for (size_t t = 0; t < n; t++)
		if (isfinite(value[t]))
			size = fmax(size, fmin(fabs(value[t]), MW_STAT_LARGEST));
	return size;
}

static void check_shape(const double *residual, const double *expected, double size)
{
	struct mw_stat_bands bands;

	/* A residual far under the readings carries their rounding: 1e-16 of 1e6 is 1e-7 of .001 */
	same(mw_stat_rms(residual, ROWS), expected[0], size * 1e-3);
	ck_assert_double_eq_tol(mw_stat_kurtosis(residual, ROWS), expected[1], 1e-5);
	ck_assert_double_eq_tol(mw_stat_crest(residual, ROWS), expected[2], 1e-6);
	mw_stat_bands(residual, &bands);
	for (size_t b = 0; b < MW_STAT_BANDS; b++) {
		same(bands.energy[b], expected[3 + b], size * size * 1e-3);
		ck_assert_double_eq_tol(bands.share[b], expected[7 + b], 1e-6);
	}
}

static void check_runs(const double *value, size_t n, const double *expected)
{
	struct mw_stat_run flat = mw_stat_flat_run(value, n), gap = mw_stat_gap_run(value, n);

	ck_assert_uint_eq(flat.longest, (unsigned)expected[0]);
	ck_assert_uint_eq(flat.last, (unsigned)expected[1]);
	ck_assert_uint_eq(gap.longest, (unsigned)expected[2]);
	ck_assert_uint_eq(gap.last, (unsigned)expected[3]);
	same(mw_stat_gap_share(value, n), expected[4], 1);
}

static void check_window(struct reference *reference)
{
	size_t n = take_count(reference);
	const double *value = reference_take(reference, n),
		     *residual = reference_take(reference, n), *expected;
	double own[ROWS], size = size_of(value, n);

	ck_assert_uint_eq(n, ROWS);
	mw_stat_detrend(value, n, own);
	for (size_t t = 0; t < n; t++)
		same(own[t], residual[t], size * 1e-3);
	check_shape(own, reference_take(reference, 11), size);
	check_runs(value, n, reference_take(reference, 5));
	expected = reference_take(reference, 2);
	same(mw_stat_lag1(value, n), expected[0], 1);
	same(mw_stat_effective_rows(ROWS, mw_stat_lag1(value, n)), expected[1], 10);
}

static void check_pair(struct reference *reference)
{
	const double *x = reference_take(reference, ROWS), *y = reference_take(reference, ROWS);
	const double *best = reference_take(reference, 3), *fixed = reference_take(reference, 7);
	const double *fisher = reference_take(reference, 2);
	double r;

	ck_assert_int_eq(mw_stat_lag(x, y, ROWS, (int)best[0], &r), (int)best[1]);
	same(r, best[2], 1);
	for (int lag = -3; lag <= 3; lag++)
		same(mw_stat_correlation(x, y, ROWS, lag), fixed[lag + 3], 1);
	same(mw_stat_fisher_z(fixed[3]), fisher[0], 1);
	same(mw_stat_correlation_change(fixed[3], .25, ROWS), fisher[1], 1);
}

static void check_memory(struct reference *reference)
{
	const double *head = reference_take(reference, 3);
	size_t n = (size_t)head[0];
	const double *value = reference_take(reference, n), *healthy = reference_take(reference, n);
	const double *expected = reference_take(reference, 5);
	struct mw_long_memory memory;

	mw_long_memory_init(&memory, head[1], head[2]);
	for (size_t t = 0; t < n; t++)
		mw_long_memory_push(&memory, value[t], healthy[t] > 0);
	same(mw_long_memory_drift(&memory), expected[0], 1);
	same(memory.variance, expected[1], 1);
	same(memory.covariance, expected[2], 1);
	ck_assert_uint_eq(memory.rows, (unsigned)expected[3]);
	same(mw_long_memory_error(&memory), expected[4], 1);
}

static void check_state(const struct mw_state *state, const double *expected)
{
	ck_assert_double_eq(state->value, expected[0]);
	ck_assert_uint_eq(state->rows, (unsigned)expected[1]);
	ck_assert_uint_eq(state->spells, (unsigned)expected[2]);
	ck_assert_uint_eq(state->looks, (unsigned)expected[3]);
	ck_assert_uint_eq(state->longest, (unsigned)expected[4]);
}

static void check_kind(struct reference *reference)
{
	size_t n = take_count(reference);
	const double *value = reference_take(reference, n),
		     *expected = reference_take(reference, 3);
	struct mw_state_table table;

	ck_assert_int_eq((int)mw_stat_kind(value, n), (int)expected[0]);
	mw_state_learn(&table, value, n);
	ck_assert_uint_eq(table.n, (unsigned)expected[1]);
	ck_assert_uint_eq(table.looks, (unsigned)expected[2]);
	for (size_t s = 0; s < table.n; s++)
		check_state(&table.state[s], reference_take(reference, 5));
	for (size_t q = take_count(reference); q-- > 0;) {
		const double *query = reference_take(reference, 4);

		ck_assert_double_eq_tol(mw_state_surprise(&table, query[0]), query[2], 2e-6);
		same(mw_state_dwell(&table, query[0], (uint32_t)query[1]), query[3], 1);
	}
}

static void check_normal(struct reference *reference)
{
	const double *expected = reference_take(reference, 2);

	ck_assert_double_eq_tol(mw_stat_z_of_p(expected[0]), expected[1], 2e-6);
}

START_TEST(every_statistic_agrees_with_numpy)
{
	void (*const check[])(struct reference *) = {check_window, check_pair, check_memory,
						     check_kind, check_normal};
	struct reference reference;

	reference_open(&reference, REFERENCE);
	for (size_t s = 0; s < sizeof(check) / sizeof(check[0]); s++) {
		size_t cases = take_count(&reference);

		ck_assert_uint_ge(cases, 6);
		while (cases-- > 0)
			check[s](&reference);
	}
	ck_assert_uint_eq(reference.at, reference.size);
	free(reference.data);
}
END_TEST

/* --- shape ------------------------------------------------------------------------------------ */

#define TURN 6.283185307179586

START_TEST(a_sine_has_its_own_shape_and_one_band)
{
	static const double cycles[MW_STAT_BANDS] = {2, 6, 12, 24};
	double value[ROWS], residual[ROWS];
	struct mw_stat_bands bands;

	for (size_t b = 0; b < MW_STAT_BANDS; b++) {
		for (size_t t = 0; t < ROWS; t++)
			value[t] = 9 + 2 * sin(TURN * cycles[b] * (double)t / ROWS);
		mw_stat_detrend(value, ROWS, residual);
		mw_stat_bands(residual, &bands);
		ck_assert_double_ge(bands.share[b], .9);
		ck_assert_double_eq_tol(mw_stat_rms(residual, ROWS), sqrt(2), .2);
		ck_assert_double_eq_tol(mw_stat_kurtosis(residual, ROWS), -1.5, b == 0 ? .5 : .1);
	}
}
END_TEST

START_TEST(a_few_strokes_are_impulsive)
{
	double smooth[ROWS], struck[ROWS];

	for (size_t t = 0; t < ROWS; t++) {
		smooth[t] = sin(TURN * (double)t / 7);
		struck[t] = smooth[t] + (t % 32 == 5 ? 20 : 0);
	}
	mw_stat_detrend(smooth, ROWS, smooth);
	mw_stat_detrend(struck, ROWS, struck);
	ck_assert_double_lt(mw_stat_kurtosis(smooth, ROWS), 0);
	ck_assert_double_gt(mw_stat_kurtosis(struck, ROWS), 10);
	ck_assert_double_gt(mw_stat_crest(struck, ROWS), 2 * mw_stat_crest(smooth, ROWS));
}
END_TEST

START_TEST(a_straight_line_and_a_constant_have_no_shape)
{
	double value[ROWS], residual[ROWS];
	struct mw_stat_bands bands;

	for (size_t slope = 0; slope < 2; slope++) {
		for (size_t t = 0; t < ROWS; t++)
			value[t] = 0.1 + 1e3 * (double)(slope * t);
		ck_assert_uint_eq(mw_stat_detrend(value, ROWS, residual), ROWS);
		ck_assert_double_eq(mw_stat_rms(residual, ROWS), 0);
		ck_assert_double_eq(mw_stat_kurtosis(residual, ROWS), 0);
		ck_assert_double_eq(mw_stat_crest(residual, ROWS), 0);
		mw_stat_bands(residual, &bands);
		ck_assert_double_eq(bands.energy[0] + bands.energy[3] + bands.share[1], 0);
	}
}
END_TEST

/* Readings that no sensor gives, in an order that depends on `seed`. */
static void wild(unsigned seed, double value[ROWS])
{
	static const double all[] = {0,   1,    -1,    1e300, -1e300,   1e-300,   5e-324,
				     NAN, 1e75, -1e75, 1e-75, INFINITY, -INFINITY};

	for (size_t t = 0; t < ROWS; t++) {
		seed = seed * 1103515245u + 12345u;
		value[t] = all[(seed >> 16) % (sizeof(all) / sizeof(all[0]))];
	}
}

START_TEST(whatever_is_read_the_numbers_are_finite_and_in_bounds)
{
	for (unsigned seed = 1; seed < 300; seed++) {
		double x[ROWS], y[ROWS], residual[ROWS], r;
		struct mw_stat_bands bands;
		struct mw_long_memory memory;

		wild(seed, x);
		wild(seed + 1000, y);
		mw_stat_detrend(x, ROWS, residual);
		ck_assert(isfinite(mw_stat_rms(residual, ROWS)));
		r = mw_stat_kurtosis(residual, ROWS);
		ck_assert(r >= -2 && r <= ROWS);
		r = mw_stat_crest(residual, ROWS);
		ck_assert(r >= 0 && r <= 8 + 1e-9);
		mw_stat_bands(residual, &bands);
		for (size_t b = 0; b < MW_STAT_BANDS; b++) {
			ck_assert(isfinite(bands.energy[b]));
			ck_assert(bands.share[b] >= 0 && bands.share[b] <= 1);
		}
		ck_assert(fabs(mw_stat_lag1(x, ROWS)) <= MW_STAT_LAG1_MOST);
		ck_assert_int_le(abs(mw_stat_lag(x, y, ROWS, 99, &r)), ROWS / 4);
		ck_assert(fabs(r) <= 1 && fabs(mw_stat_fisher_z(r)) < 4.96);
		mw_long_memory_init(&memory, x[0], y[0]);
		for (size_t t = 0; t < ROWS; t++)
			mw_long_memory_push(&memory, x[t], true);
		ck_assert(fabs(mw_long_memory_drift(&memory)) <= MW_LONG_CLIP);
		ck_assert(mw_long_memory_error(&memory) > 0 && mw_long_memory_error(&memory) < 9);
	}
}
END_TEST

START_TEST(a_log_ratio_is_bounded_and_calm_at_nothing)
{
	ck_assert_double_eq(mw_stat_log_ratio(0, 0), 0);
	ck_assert_double_eq(mw_stat_log_ratio(8, 2), 2);
	ck_assert_double_eq(mw_stat_log_ratio(1, 0), MW_STAT_LOG_MOST);
	ck_assert_double_eq(mw_stat_log_ratio(0, 1), -MW_STAT_LOG_MOST);
	ck_assert_double_eq(mw_stat_log_ratio(1e300, 1e-300), MW_STAT_LOG_MOST);
}
END_TEST

/* --- runs ------------------------------------------------------------------------------------- */

START_TEST(a_gap_does_not_break_a_flat_run_and_is_counted_apart)
{
	const double value[] = {1, 2, 2, NAN, NAN, 2, 3, 3, NAN};
	struct mw_stat_run flat = mw_stat_flat_run(value, 9), gap = mw_stat_gap_run(value, 9);

	ck_assert_uint_eq(flat.longest, 3);
	ck_assert_uint_eq(flat.last, 2);
	ck_assert_uint_eq(gap.longest, 2);
	ck_assert_uint_eq(gap.last, 1);
	ck_assert_double_eq_tol(mw_stat_gap_share(value, 9), 3. / 9, 1e-15);
	ck_assert_uint_eq(mw_stat_flat_run(value, 0).longest, 0);
	ck_assert_double_eq(mw_stat_gap_share(value, 0), 0);
}
END_TEST

/* --- long memory ------------------------------------------------------------------------------ */

/* A repeatable noise of spread about 1. */
static double noise(unsigned *seed)
{
	double sum = 0;

	for (int i = 0; i < 12; i++) {
		*seed = *seed * 1103515245u + 12345u;
		sum += (double)(*seed >> 16 & 0x7FFF) / 0x8000;
	}
	return sum - 6;
}

START_TEST(a_fault_of_any_length_does_not_move_the_memory)
{
	struct mw_long_memory memory;
	unsigned seed = 1;
	double before;

	mw_long_memory_init(&memory, 100, 2);
	for (int t = 0; t < 2000; t++)
		mw_long_memory_push(&memory, 100 + 2 * noise(&seed), true);
	before = mw_long_memory_drift(&memory);
	for (int t = 0; t < 100000; t++)
		mw_long_memory_push(&memory, 150, false);
	ck_assert_double_eq(mw_long_memory_drift(&memory), before);
	ck_assert_double_lt(fabs(before), 4 * mw_long_memory_error(&memory));
}
END_TEST

START_TEST(a_slow_drift_shows_before_any_single_row_does)
{
	struct mw_long_memory memory;
	unsigned seed = 2;

	mw_long_memory_init(&memory, 0, 1);
	for (int t = 0; t < 4000; t++)
		mw_long_memory_push(&memory, noise(&seed) + t / 4000., true);
	ck_assert_double_gt(mw_long_memory_drift(&memory), 10 * mw_long_memory_error(&memory));
	ck_assert_double_eq_tol(mw_long_memory_drift(&memory), .75, .15);
}
END_TEST

START_TEST(autocorrelated_rows_are_worth_less)
{
	struct mw_long_memory white, red;
	unsigned seed = 3;
	double x = 0;

	mw_long_memory_init(&white, 0, 1);
	mw_long_memory_init(&red, 0, 1);
	for (int t = 0; t < 3000; t++) {
		double step = noise(&seed);

		x = .9 * x + sqrt(1 - .81) * step;
		mw_long_memory_push(&white, step, true);
		mw_long_memory_push(&red, x, true);
	}
	ck_assert_double_eq_tol(mw_long_memory_error(&white), 1 / sqrt(2047), .005);
	ck_assert_double_gt(mw_long_memory_error(&red), 3 * mw_long_memory_error(&white));
	ck_assert_double_eq(mw_stat_effective_rows(100, -.5), 100);
	ck_assert_double_eq_tol(mw_stat_effective_rows(100, .5), 100. / 3, 1e-12);
}
END_TEST

/* --- states and counters ---------------------------------------------------------------------- */

START_TEST(a_state_never_seen_is_as_rare_as_learning_was_long)
{
	double value[4096];
	struct mw_state_table brief, full;

	for (size_t t = 0; t < 4096; t++)
		value[t] = t / 16 % 2 ? 3 : 0;
	mw_state_learn(&brief, value, 128);
	mw_state_learn(&full, value, 4096);
	ck_assert_double_eq_tol(mw_state_surprise(&brief, 7), mw_stat_z_of_p(1. / 9), 1e-12);
	ck_assert_double_eq_tol(mw_state_surprise(&full, 7), mw_stat_z_of_p(1. / 257), 1e-12);
	ck_assert_double_eq(mw_state_surprise(&full, 0), 0);
	ck_assert_double_eq(mw_state_surprise(&full, NAN), 0);
}
END_TEST

START_TEST(a_switch_that_never_moved_surprises_by_how_long_it_held)
{
	double value[1024] = {0};
	struct mw_state_table table;

	mw_state_learn(&table, value, 1024);
	ck_assert_uint_eq(table.state[0].spells, 1);
	ck_assert_uint_eq(table.looks, 1024 / MW_STAT_ROWS);
	ck_assert_double_gt(mw_state_surprise(&table, 1), 1.8);
}
END_TEST

START_TEST(a_spell_is_weighed_against_the_longest_one_learnt)
{
	const double value[] = {0, 0, 0, 0, 1, NAN, 1, 0, 0, 1};
	struct mw_state_table table;

	mw_state_learn(&table, value, 10);
	ck_assert_double_eq(mw_state_dwell(&table, 1, 8), 2);
	ck_assert_double_eq(mw_state_dwell(&table, 0, 1), -2);
	ck_assert_double_eq(mw_state_dwell(&table, 5, 100), 0);
	ck_assert_double_eq(mw_state_dwell(&table, 0, 0), 0);
}
END_TEST

START_TEST(a_seventeenth_state_is_left_out_and_counted)
{
	double value[40];
	struct mw_state_table table;

	for (size_t t = 0; t < 40; t++)
		value[t] = (double)(t / 2);
	mw_state_learn(&table, value, 40);
	ck_assert_uint_eq(table.n, MW_STATE_MAX);
	ck_assert_uint_eq(table.left_out, 8);
	ck_assert_uint_eq(table.looks, 20);
	ck_assert_uint_eq(mw_state_find(&table, 17), MW_STATE_MAX);
}
END_TEST

START_TEST(a_counter_that_falls_has_no_rate)
{
	ck_assert_double_eq(mw_counter_rate(10, 14), 4);
	ck_assert_double_eq(mw_counter_rate(10, 10), 0);
	ck_assert(isnan(mw_counter_rate(10, 2)));
	ck_assert(isnan(mw_counter_rate(NAN, 2)));
	ck_assert(isnan(mw_counter_rate(2, INFINITY)));
	ck_assert(isfinite(mw_counter_rate(-1e308, 1e308)));
}
END_TEST

/* --- two channels ----------------------------------------------------------------------------- */

START_TEST(the_lag_says_who_follows)
{
	double x[ROWS], y[ROWS], r;
	unsigned seed = 4;

	for (size_t t = 0; t < ROWS; t++)
		x[t] = noise(&seed);
	for (size_t t = 0; t < ROWS; t++)
		y[t] = t >= 5 ? -3 * x[t - 5] : 0;
	ck_assert_int_eq(mw_stat_lag(x, y, ROWS, 16, &r), 5);
	ck_assert_double_lt(r, -.999);
	ck_assert_int_eq(mw_stat_lag(y, x, ROWS, 16, &r), -5);
	ck_assert_int_eq(mw_stat_lag(x, x, ROWS, 16, &r), 0);
	ck_assert_double_eq_tol(r, 1, 1e-12);
	ck_assert_int_ne(mw_stat_lag(x, y, ROWS, 4, &r), 5);
}
END_TEST

START_TEST(a_broken_coupling_is_many_standard_errors)
{
	ck_assert_double_eq(mw_stat_correlation_change(.4, .4, 40), 0);
	ck_assert_double_lt(mw_stat_correlation_change(.1, .9, 40), -6);
	ck_assert_double_eq(mw_stat_correlation_change(.1, .9, 3), 0);
	ck_assert(isfinite(mw_stat_correlation_change(1, -1, 64)));
}
END_TEST

MW_TEST_MAIN("stats", every_statistic_agrees_with_numpy, a_sine_has_its_own_shape_and_one_band,
	     a_few_strokes_are_impulsive, a_straight_line_and_a_constant_have_no_shape,
	     whatever_is_read_the_numbers_are_finite_and_in_bounds,
	     a_log_ratio_is_bounded_and_calm_at_nothing,
	     a_gap_does_not_break_a_flat_run_and_is_counted_apart,
	     a_fault_of_any_length_does_not_move_the_memory,
	     a_slow_drift_shows_before_any_single_row_does, autocorrelated_rows_are_worth_less,
	     a_state_never_seen_is_as_rare_as_learning_was_long,
	     a_switch_that_never_moved_surprises_by_how_long_it_held,
	     a_spell_is_weighed_against_the_longest_one_learnt,
	     a_seventeenth_state_is_left_out_and_counted, a_counter_that_falls_has_no_rate,
	     the_lag_says_who_follows, a_broken_coupling_is_many_standard_errors)
