/* test_assembler.c -- samples to rows: grids, lateness, clocks, periods, and the packed state. */
#include "gateway/base/clock.h"
#include "gateway/core/assembler.h"
#include "model/corpus/rng.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define S  MW_NS_PER_S
#define MS MW_NS_PER_MS
#define T0 (1700000000 * S)

static struct mw_assembler *make(struct mw_assembler_opts opts)
{
	struct mw_assembler *a = NULL;

	ck_assert_int_eq(mw_assembler_new(&opts, &a), MW_E_OK);
	return a;
}

static enum mw_sample_fate push(struct mw_assembler *a, const char *channel, int64_t time,
				double value)
{
	return mw_assembler_push(a, (struct mw_str){channel, strlen(channel)}, time, value, 0,
				 time);
}

#define ck_taken(a, channel, time, value)                                                          \
	ck_assert_int_eq(push(a, channel, time, value), MW_FATE_TAKEN)

/* The next row is at `time` and channel 0 shows `value` (NAN: nothing). */
#define ck_row(a, at, expected)                                                                    \
	do {                                                                                       \
		struct mw_row row_;                                                                \
		double expected_ = (expected);                                                     \
                                                                                                   \
		ck_assert_msg(mw_assembler_pop(a, &row_), "no row is ready");                      \
		ck_assert_int_eq(row_.time_ns - T0, (at)-T0);                                      \
		ck_assert_msg(isnan(expected_) ? isnan(row_.value[0])                              \
					       : row_.value[0] == expected_,                       \
			      "value %g, not %g", row_.value[0], expected_);                       \
	} while (0)
#define ck_no_row(a)                                                                               \
	do {                                                                                       \
		struct mw_row row_;                                                                \
                                                                                                   \
		ck_assert_msg(!mw_assembler_pop(a, &row_), "a row at %lld",                        \
			      (long long)row_.time_ns);                                            \
	} while (0)

START_TEST(a_row_is_ready_when_the_watermark_has_passed_its_end)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	ck_taken(a, "t", T0, 1);
	ck_taken(a, "t", T0 + S, 2);
	ck_taken(a, "t", T0 + 3 * S - 1, 3);
	ck_no_row(a);
	ck_taken(a, "t", T0 + 3 * S, 4);
	ck_row(a, T0, 1);
	ck_no_row(a);
	mw_assembler_flush(a);
	ck_row(a, T0 + S, 2);
	ck_row(a, T0 + 2 * S, 3);
	ck_row(a, T0 + 3 * S, 4);
	ck_no_row(a);
	mw_assembler_free(a);
}
END_TEST

START_TEST(rows_are_multiples_of_the_period_and_means_of_their_samples)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = 10 * S});

	ck_taken(a, "t", T0 + 3 * S, 1);
	ck_taken(a, "t", T0 + 4 * S, 2);
	ck_taken(a, "t", T0 + 9 * S, 6);
	ck_taken(a, "t", T0 + 10 * S, 7);
	mw_assembler_flush(a);
	ck_row(a, T0, 3);
	ck_row(a, T0 + 10 * S, 7);
	mw_assembler_free(a);
}
END_TEST

START_TEST(samples_out_of_order_in_time_make_the_same_rows)
{
	static const int order[] = {2, 0, 1, 4, 3, 5, 7, 6, 9, 8, 11, 10};
	struct mw_assembler *a =
	    make((struct mw_assembler_opts){.period_ns = S, .lateness_ns = 3 * S});

	for (size_t i = 0; i < 12; i++)
		ck_taken(a, "t", T0 + order[i] * S, order[i]);
	mw_assembler_flush(a);
	for (int i = 0; i < 12; i++)
		ck_row(a, T0 + i * S, i);
	mw_assembler_free(a);
}
END_TEST

START_TEST(a_late_sample_is_counted_and_changes_nothing)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	for (int i = 0; i < 6; i++)
		ck_taken(a, "t", T0 + i * S, i);
	ck_assert_int_eq(push(a, "t", T0 + S, 99), MW_FATE_LATE); /* ready, though not popped */
	ck_row(a, T0, 0);
	ck_row(a, T0 + S, 1);
	ck_assert_int_eq(push(a, "new", T0 + S, 99), MW_FATE_LATE);
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_LATE), 2);
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_TAKEN), 6);
	ck_assert_uint_eq(mw_assembler_n_channels(a), 1);
	mw_assembler_free(a);
}
END_TEST

START_TEST(of_duplicates_the_first_wins)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	ck_taken(a, "t", T0, 1);
	ck_taken(a, "t", T0 + S, 2);
	ck_assert_int_eq(push(a, "t", T0, 7), MW_FATE_DUPLICATE);
	ck_assert_int_eq(push(a, "t", T0 + S, 2), MW_FATE_DUPLICATE);
	ck_taken(a, "u", T0, 5); /* another channel at the same time is none */
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_DUPLICATE), 2);
	mw_assembler_flush(a);
	ck_row(a, T0, 1);
	mw_assembler_free(a);
}
END_TEST

START_TEST(samples_from_the_future_are_refused)
{
	struct mw_assembler *a =
	    make((struct mw_assembler_opts){.period_ns = S, .future_ns = 60 * S});
	struct mw_str t = {"t", 1};

	ck_assert_int_eq(mw_assembler_push(a, t, T0 + 60 * S, 1, 0, T0), MW_FATE_TAKEN);
	ck_assert_int_eq(mw_assembler_push(a, t, T0 + 60 * S + 1, 1, 0, T0), MW_FATE_FUTURE);
	ck_assert_int_eq(mw_assembler_push(a, t, INT64_MAX, 1, 0, T0), MW_FATE_FUTURE);
	ck_assert_int_eq(mw_assembler_push(a, t, INT64_MAX, 1, 0, INT64_MAX), MW_FATE_FUTURE);
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_FUTURE), 3);
	ck_assert_int_eq(mw_assembler_newest(a), T0 + 60 * S);
	mw_assembler_free(a);
}
END_TEST

START_TEST(what_is_no_reading_is_bad)
{
	static const double value[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 2e300};
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(push(a, "t", T0, value[i]), MW_FATE_BAD);
	ck_assert_int_eq(mw_assembler_push(a, (struct mw_str){"t", 1}, T0, 1, 8, T0), MW_FATE_BAD);
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_BAD), 5);
	ck_assert_uint_eq(mw_assembler_n_channels(a), 0);
	ck_assert_int_eq(push(a, "t", 0, 1), MW_FATE_LATE);
	ck_assert_int_eq(push(a, "t", INT64_MIN, 1), MW_FATE_LATE);
	mw_assembler_free(a);
}
END_TEST

START_TEST(improper_names_are_refused)
{
	static const char *const name[] = {
	    "", "a\nb", "\x7f", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc2\x85"};
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	char long_name[MW_NAME_SIZE + 1];

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		ck_assert_int_eq(push(a, name[i], T0, 1), MW_FATE_BAD);
		ck_assert_int_eq(mw_assembler_channel(a, name[i], ""), -1);
	}
	memset(long_name, 'x', MW_NAME_SIZE);
	long_name[MW_NAME_SIZE] = '\0';
	ck_assert_int_eq(push(a, long_name, T0, 1), MW_FATE_BAD);
	long_name[MW_NAME_SIZE - 1] = '\0';
	ck_taken(a, long_name, T0, 1);
	ck_taken(a, "온도 1", T0, 1);
	ck_assert_str_eq(mw_assembler_name(a, 0), long_name);
	ck_assert_str_eq(mw_assembler_name(a, 1), "온도 1");
	mw_assembler_free(a);
}
END_TEST

START_TEST(there_is_room_for_64_channels_and_names_stay_where_they_are)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	const char *first;
	struct mw_row row;
	char name[16];

	ck_assert_int_eq(mw_assembler_channel(a, "c0", ""), 0);
	ck_assert_int_eq(mw_assembler_channel(a, "c0", "bar"), 0);
	ck_assert_int_eq(mw_assembler_channel(a, "c0", "psi"), 0);
	first = mw_assembler_name(a, 0);
	for (int i = 1; i < 70; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		ck_assert_int_eq(push(a, name, T0, i), i < 64 ? MW_FATE_TAKEN : MW_FATE_FULL);
	}
	ck_assert_ptr_eq(mw_assembler_name(a, 0), first);
	ck_assert_str_eq(mw_assembler_unit(a, 0), "bar");
	ck_assert_int_eq(mw_assembler_channel(a, "c99", ""), -1);
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_FULL), 6);
	mw_assembler_flush(a);
	ck_assert(mw_assembler_pop(a, &row));
	ck_assert_uint_eq(row.n_channels, 64);
	ck_assert(isnan(row.value[0]) && row.value[63] == 63);
	mw_assembler_free(a);
}
END_TEST

START_TEST(a_frozen_set_takes_no_new_channels)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	ck_taken(a, "t", T0, 1);
	mw_assembler_freeze(a);
	ck_assert_int_eq(push(a, "u", T0, 1), MW_FATE_UNKNOWN_CHANNEL);
	ck_taken(a, "t", T0 + S, 1);
	mw_assembler_free(a);
}
END_TEST

START_TEST(missing_samples_of_a_regular_channel_are_gaps)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	for (int i = 0; i < 20; i++)
		ck_taken(a, "t", T0 + i * S, i);
	for (int i = 23; i < 26; i++)
		ck_taken(a, "t", T0 + i * S, i);
	mw_assembler_flush(a);
	for (int i = 0; i < 26; i++)
		ck_row(a, T0 + i * S, i >= 20 && i < 23 ? (double)NAN : i);
	mw_assembler_free(a);
}
END_TEST

START_TEST(a_slow_channel_is_held_until_its_next_sample_is_due)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	struct mw_row row;

	(void)mw_assembler_channel(a, "slow", "");
	for (int i = 0; i < 200; i++) {
		ck_taken(a, "fast", T0 + i * S, i);
		if (i % 10 == 0 && i < 150) /* the last one at 140 */
			ck_taken(a, "slow", T0 + i * S, i);
	}
	mw_assembler_flush(a);
	for (int i = 0; i < 200; i++) {
		ck_assert(mw_assembler_pop(a, &row));
		if (i < 150)
			ck_assert_double_eq(row.value[0], i / 10 * 10);
		if (i > 152)
			ck_assert_double_nan(row.value[0]);
		ck_assert_double_eq(row.value[1], i);
	}
	mw_assembler_free(a);
}
END_TEST

static const int irregular[] = {0, 1, 9, 10, 11, 40, 41, 60, 62, 63, 64, 99, 120, 121, 122};

START_TEST(a_channel_that_reports_by_exception_is_held)
{
	static const int64_t hold[] = {0, 30 * S};

	for (size_t h = 0; h < 2; h++) {
		struct mw_assembler *a =
		    make((struct mw_assembler_opts){.period_ns = S, .hold_ns = hold[h]});
		struct mw_row row;
		size_t at = 0;

		(void)mw_assembler_channel(a, "valve", "");
		for (int i = 0; i < 400; i++) {
			ck_taken(a, "clock", T0 + i * S, i);
			if (at < 15 && irregular[at] == i)
				ck_taken(a, "valve", T0 + i * S, (double)at++);
		}
		mw_assembler_flush(a);
		for (int i = 0; i < 400; i++)
			ck_assert(mw_assembler_pop(a, &row));
		if (hold[h] == 0)
			ck_assert_double_eq(row.value[0], 14);
		else
			ck_assert_double_nan(row.value[0]);
		mw_assembler_free(a);
	}
}
END_TEST

START_TEST(a_clock_that_steps_back_restarts_the_grid)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	struct mw_row row;
	int n_late = 0;

	for (int i = 0; i < 100; i++)
		ck_taken(a, "t", T0 + 7200 * S + i * S, i);
	while (mw_assembler_pop(a, &row))
		;
	for (int i = 0; i < 100; i++) {
		n_late += push(a, "t", T0 + i * S, 1000 + i) == MW_FATE_LATE;
		while (mw_assembler_pop(a, &row))
			;
	}
	ck_assert_int_eq(n_late, 32);
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_LATE), 32);
	ck_assert_uint_eq(mw_assembler_clock_steps(a), 1);
	ck_assert_int_eq(row.time_ns, T0 + 96 * S);
	ck_assert_double_eq(row.value[0], 1096);
	ck_assert_int_eq(mw_assembler_newest(a), T0 + 99 * S);
	mw_assembler_free(a);
}
END_TEST

START_TEST(stragglers_among_samples_in_time_are_no_clock_step)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	for (int i = 0; i < 100; i++) {
		ck_taken(a, "t", T0 + i * S, i);
		for (int k = 0; k < 20 && i > 10; k++)
			ck_assert_int_eq(push(a, "t", T0 + k * MS, i), MW_FATE_LATE);
	}
	ck_assert_uint_eq(mw_assembler_clock_steps(a), 0);
	mw_assembler_free(a);
}
END_TEST

START_TEST(one_wild_sample_ahead_heals)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	struct mw_row row;

	for (int i = 0; i < 200; i++) {
		(void)push(a, "t", T0 + i * S, i);
		if (i == 50)
			ck_taken(a, "t", T0 + 1000000000LL * S, -1);
		while (mw_assembler_pop(a, &row))
			;
	}
	ck_assert_int_eq(row.time_ns, T0 + 196 * S);
	ck_assert_double_eq(row.value[0], 196);
	ck_assert_uint_eq(mw_assembler_clock_steps(a), 1);
	mw_assembler_free(a);
}
END_TEST

START_TEST(a_long_silence_restarts_the_grid_and_a_short_one_is_filled)
{
	struct mw_assembler *a =
	    make((struct mw_assembler_opts){.period_ns = S, .max_gap_rows = 100});

	for (int i = 0; i < 20; i++)
		ck_taken(a, "t", T0 + i * S, i);
	ck_taken(a, "t", T0 + 119 * S, 119);
	ck_taken(a, "t", T0 + 1000 * S, 1000);
	mw_assembler_flush(a);
	for (int i = 0; i < 20; i++)
		ck_row(a, T0 + i * S, i);
	for (int i = 20; i < 119; i++)
		ck_row(a, T0 + i * S, (double)NAN);
	ck_row(a, T0 + 119 * S, 119);
	ck_row(a, T0 + 1000 * S, 1000);
	ck_no_row(a);
	ck_assert_uint_eq(mw_assembler_gaps(a), 1);
	mw_assembler_free(a);
}
END_TEST

/* --- the period ------------------------------------------------------------------------------ */

enum pattern { EXACT, JITTERY, OWN_TIMES_IN_BATCHES, STAMPED_IN_BURSTS, LOSSY };

static int64_t time_of(enum pattern pattern, int64_t period, int i, struct mw_rng *rng)
{
	int64_t t = T0 + 123 * period + i * period;

	if (pattern == JITTERY)
		return t + (int64_t)(mw_rng_uniform(rng, -.2, .2) * (double)period);
	if (pattern == STAMPED_IN_BURSTS) /* ten at once, microseconds apart */
		return T0 + i / 10 * period + i % 10 * 1500;
	return t;
}

START_TEST(the_period_is_found)
{
	static const struct {
		enum pattern pattern;
		int64_t period, expected;
	} cases[] = {
	    {EXACT, S, S},
	    {EXACT, 100 * MS, 100 * MS},
	    {EXACT, 700 * MS, 700 * MS},
	    {EXACT, 60 * S, 60 * S},
	    {EXACT, 180 * S, 180 * S},
	    {JITTERY, S, S},
	    {JITTERY, 20 * MS, 20 * MS},
	    {JITTERY, 300 * S, 300 * S},
	    {OWN_TIMES_IN_BATCHES, S, S},
	    {STAMPED_IN_BURSTS, 10 * S, 10 * S},
	    {LOSSY, S, S},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct mw_assembler *a = make((struct mw_assembler_opts){0});
		struct mw_rng rng;
		int i = 0;

		mw_rng_seed(&rng, k);
		for (; i < 300 && mw_assembler_period(a) == 0; i++) {
			int j =
			    cases[k].pattern == OWN_TIMES_IN_BATCHES ? i / 10 * 10 + 9 - i % 10 : i;

			if (cases[k].pattern == LOSSY && mw_rng_chance(&rng, .2))
				continue;
			ck_taken(a, "t", time_of(cases[k].pattern, cases[k].period, j, &rng), i);
		}
		ck_assert_msg(mw_assembler_period(a) == cases[k].expected, "case %zu: %lld", k,
			      (long long)mw_assembler_period(a));
		ck_assert_int_gt(i, 16);
		ck_assert_int_lt(i, 64);
		mw_assembler_free(a);
	}
}
END_TEST

START_TEST(the_fastest_channel_sets_the_period)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){0});

	for (int i = 0; i < 400; i++) {
		if (i % 50 == 0)
			ck_taken(a, "slow", T0 + i * 100 * MS, i);
		if (i % 10 == 0)
			ck_taken(a, "middle", T0 + i * 100 * MS, i);
		ck_taken(a, "fast", T0 + i * 100 * MS + 3 * MS, i);
	}
	ck_assert_int_eq(mw_assembler_period(a), 100 * MS);
	mw_assembler_free(a);
}
END_TEST

START_TEST(samples_before_the_period_is_known_are_replayed)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){0});

	for (int i = 0; i < 40; i++) {
		ck_taken(a, "t", T0 + i * S, i);
		if (mw_assembler_period(a) == 0)
			ck_no_row(a);
	}
	mw_assembler_flush(a);
	for (int i = 0; i < 40; i++)
		ck_row(a, T0 + i * S, i);
	mw_assembler_free(a);
}
END_TEST

START_TEST(jitter_on_the_slot_does_not_double_or_empty_rows)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){0});
	struct mw_row row;
	struct mw_rng rng;
	int n = 0;

	mw_rng_seed(&rng, 5);
	for (int i = 0; i < 500; i++)
		ck_taken(a, "t", T0 + i * S + (int64_t)(mw_rng_uniform(&rng, -.15, .15) * S), i);
	mw_assembler_flush(a);
	for (; mw_assembler_pop(a, &row); n++)
		ck_assert_double_eq(row.value[0], n);
	ck_assert_int_eq(n, 500);
	mw_assembler_free(a);
}
END_TEST

START_TEST(the_end_of_a_short_stream_settles_the_period)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){0});

	ck_taken(a, "t", T0, 1);
	mw_assembler_flush(a);
	ck_assert_int_eq(mw_assembler_period(a), 0);
	ck_taken(a, "t", T0 + 2 * S, 2);
	ck_taken(a, "t", T0 + 4 * S, 3);
	mw_assembler_flush(a);
	ck_assert_int_eq(mw_assembler_period(a), 2 * S);
	ck_row(a, T0, 1);
	ck_row(a, T0 + 2 * S, 2);
	ck_row(a, T0 + 4 * S, 3);
	mw_assembler_free(a);
}
END_TEST

START_TEST(a_source_without_a_rhythm_cannot_fill_the_memory)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){0});
	int64_t t = T0;
	char name[16];
	int n = 0;

	for (; n < 3 * MW_MAX_DETECT && mw_assembler_period(a) == 0; n++) {
		(void)snprintf(name, sizeof(name), "c%d", n % 64);
		t += (n % 64 == 0) * (1 + (int64_t)(n / 64 % 13) * 7 * S);
		(void)push(a, name, t, n);
	}
	ck_assert_int_le(n, MW_MAX_DETECT);
	mw_assembler_free(a);
}
END_TEST

START_TEST(heavy_oversampling_folds_into_means)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = 3600 * S});
	const int n = 3 * MW_MAX_OPEN_SAMPLES;
	struct mw_row row;

	for (int i = 0; i < n; i++)
		ck_taken(a, i % 2 ? "odd" : "even", T0 / (3600 * S) * (3600 * S) + i * 10 * MS,
			 i % 2 ? .1 : i / 2 % 2);
	mw_assembler_flush(a);
	ck_assert(mw_assembler_pop(a, &row));
	ck_assert_double_eq_tol(row.value[0], .5, 1e-9);
	ck_assert_double_eq(row.value[1], .1); /* a mean of equals is the equal */
	mw_assembler_free(a);
}
END_TEST

START_TEST(when_nobody_pops_samples_are_refused_and_counted)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});

	for (int i = 0; i < MW_MAX_OPEN_SAMPLES; i++)
		ck_taken(a, "t", T0 + i * S, i);
	ck_assert_int_eq(push(a, "t", T0 + MW_MAX_OPEN_SAMPLES * S, 1), MW_FATE_FULL);
	mw_assembler_free(a);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
	static const struct mw_assembler_opts bad[] = {
	    {.period_ns = -1},           {.period_ns = 999},
	    {.lateness_ns = -1},         {.hold_ns = -1},
	    {.future_ns = -1},           {.max_gap_rows = -1},
	    {.max_gap_rows = INT64_MAX}, {.period_ns = INT64_MAX},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mw_assembler *a = NULL;

		ck_assert_int_eq(mw_assembler_new(&bad[i], &a), MW_E_INVAL);
		ck_assert_ptr_null(a);
	}
	mw_assembler_free(NULL);
}
END_TEST

/* --- the whole, by random streams ------------------------------------------------------------ */

/* A hard life: three channels, jitter, disorder, loss, duplicates, clock steps, gaps. */
static void live(struct mw_assembler *a, struct mw_rng *rng, int64_t *clock, int i)
{
	static const char *const name[] = {"flow", "p_in", "valve"};
	const char *channel = name[mw_rng_below(rng, 3)];
	int64_t t;

	*clock += 333 * MS;
	if (mw_rng_chance(rng, .001))
		*clock += (int64_t)mw_rng_log_uniform(rng, 1, 1e6) * S;
	if (mw_rng_chance(rng, .001))
		*clock -= (int64_t)mw_rng_log_uniform(rng, 1, 1e4) * S;
	t = *clock + (int64_t)(mw_rng_normal(rng) * .3 * S);
	(void)push(a, channel, t, mw_rng_normal(rng));
	if (mw_rng_chance(rng, .02))
		(void)push(a, channel, t, i);
}

static void drain(struct mw_assembler *a, double *digest, int64_t *n_row)
{
	struct mw_row row;

	while (mw_assembler_pop(a, &row)) {
		++*n_row;
		ck_assert_int_eq(row.time_ns % mw_assembler_period(a), 0);
		for (uint32_t c = 0; c < row.n_channels; c++)
			*digest = *digest * .99 + (isnan(row.value[c]) ? 3 : row.value[c]);
	}
}

static struct mw_assembler *through_the_store(struct mw_assembler *a,
					      const struct mw_assembler_opts *opts)
{
	struct mw_assembler *back = NULL;
	uint8_t *data = NULL, *again = NULL;
	size_t size = 0, size_again = 0;

	ck_assert_int_eq(mw_assembler_pack(a, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_assembler_unpack(opts, data, size, &back), MW_E_OK);
	ck_assert_int_eq(mw_assembler_pack(back, &again, &size_again), MW_E_OK);
	ck_assert_uint_eq(size, size_again);
	ck_assert_mem_eq(data, again, size);
	free(data);
	free(again);
	mw_assembler_free(a);
	return back;
}

START_TEST(a_restored_state_continues_bit_for_bit)
{
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct mw_assembler_opts opts = {.period_ns = seed % 2 ? S : 0,
						 .lateness_ns = 2 * S};
		struct mw_assembler *a = make(opts), *b = make(opts);
		struct mw_rng rng_a, rng_b;
		int64_t clock_a = T0, clock_b = T0, n_a = 0, n_b = 0;
		double digest_a = 0, digest_b = 0;

		mw_rng_seed(&rng_a, seed);
		mw_rng_seed(&rng_b, seed);
		for (int i = 0; i < 6000; i++) {
			live(a, &rng_a, &clock_a, i);
			live(b, &rng_b, &clock_b, i);
			if (i % 7 == 0)
				drain(a, &digest_a, &n_a);
			if (i % 7 == 0)
				drain(b, &digest_b, &n_b);
			if (i % 41 == 0 || i < 60)
				b = through_the_store(b, &opts);
		}
		ck_assert_int_gt(n_a, 300);
		ck_assert_int_eq(n_a, n_b);
		ck_assert_double_eq(digest_a, digest_b);
		for (int fate = 0; fate < MW_N_FATE; fate++)
			ck_assert_uint_eq(mw_assembler_count(a, (enum mw_sample_fate)fate),
					  mw_assembler_count(b, (enum mw_sample_fate)fate));
		mw_assembler_free(a);
		mw_assembler_free(b);
	}
}
END_TEST

START_TEST(every_sample_has_a_fate_and_they_add_up)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	struct mw_rng rng;
	int64_t clock = T0, n_row = 0;
	uint64_t sum = 0;
	double digest = 0;

	mw_rng_seed(&rng, 77);
	for (int i = 0; i < 20000; i++) {
		live(a, &rng, &clock, i);
		drain(a, &digest, &n_row);
	}
	for (int fate = 0; fate < MW_N_FATE; fate++)
		sum += mw_assembler_count(a, (enum mw_sample_fate)fate);
	ck_assert_uint_ge(sum, 20000);
	ck_assert_uint_le(sum, 21000); /* duplicates come on top */
	ck_assert_uint_gt(mw_assembler_count(a, MW_FATE_DUPLICATE), 100);
	ck_assert_uint_gt(mw_assembler_gaps(a), 0);
	ck_assert_uint_gt(mw_assembler_clock_steps(a), 0);
	mw_assembler_free(a);
}
END_TEST

START_TEST(damaged_states_are_refused_or_harmless)
{
	struct mw_assembler_opts opts = {0};
	struct mw_assembler *a = make(opts), *b;
	struct mw_rng rng;
	int64_t clock = T0, n_row = 0;
	double digest = 0;
	uint8_t *data = NULL;
	size_t size = 0;

	mw_rng_seed(&rng, 3);
	for (int i = 0; i < 500; i++)
		live(a, &rng, &clock, i);
	drain(a, &digest, &n_row);
	ck_assert_int_eq(mw_assembler_pack(a, &data, &size), MW_E_OK);
	for (size_t cut = 0; cut < size; cut++) {
		b = NULL;
		ck_assert_int_eq(mw_assembler_unpack(&opts, data, cut, &b), MW_E_CORRUPT);
		ck_assert_ptr_null(b);
	}
	for (size_t at = 0; at < size; at++) {
		data[at] ^= 0x5a;
		b = NULL;
		if (mw_assembler_unpack(&opts, data, size, &b) == MW_E_OK) {
			live(b, &rng, &clock, 0);
			mw_assembler_flush(b);
			drain(b, &digest, &n_row);
		}
		mw_assembler_free(b);
		data[at] ^= 0x5a;
	}
	free(data);
	mw_assembler_free(a);
}
END_TEST

START_TEST(a_state_of_another_period_is_refused)
{
	struct mw_assembler_opts one = {.period_ns = S}, two = {.period_ns = 2 * S};
	struct mw_assembler *a = make(one), *b = NULL;
	uint8_t *data = NULL;
	size_t size = 0;

	ck_taken(a, "t", T0, 1);
	ck_assert_int_eq(mw_assembler_pack(a, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_assembler_unpack(&two, data, size, &b), MW_E_INVAL);
	ck_assert_ptr_null(b);
	free(data);
	mw_assembler_free(a);
}
END_TEST

MW_TEST_MAIN("assembler", a_row_is_ready_when_the_watermark_has_passed_its_end,
	     rows_are_multiples_of_the_period_and_means_of_their_samples,
	     samples_out_of_order_in_time_make_the_same_rows,
	     a_late_sample_is_counted_and_changes_nothing, of_duplicates_the_first_wins,
	     samples_from_the_future_are_refused, what_is_no_reading_is_bad,
	     improper_names_are_refused,
	     there_is_room_for_64_channels_and_names_stay_where_they_are,
	     a_frozen_set_takes_no_new_channels, missing_samples_of_a_regular_channel_are_gaps,
	     a_slow_channel_is_held_until_its_next_sample_is_due,
	     a_channel_that_reports_by_exception_is_held, a_clock_that_steps_back_restarts_the_grid,
	     stragglers_among_samples_in_time_are_no_clock_step, one_wild_sample_ahead_heals,
	     a_long_silence_restarts_the_grid_and_a_short_one_is_filled, the_period_is_found,
	     the_fastest_channel_sets_the_period, samples_before_the_period_is_known_are_replayed,
	     jitter_on_the_slot_does_not_double_or_empty_rows,
	     the_end_of_a_short_stream_settles_the_period,
	     a_source_without_a_rhythm_cannot_fill_the_memory, heavy_oversampling_folds_into_means,
	     when_nobody_pops_samples_are_refused_and_counted, options_out_of_range_are_refused,
	     a_restored_state_continues_bit_for_bit, every_sample_has_a_fate_and_they_add_up,
	     damaged_states_are_refused_or_harmless, a_state_of_another_period_is_refused)
