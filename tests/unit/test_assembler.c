/* test_assembler.c -- samples to rows: grids, lateness, clocks, gaps, holding, limits. */
#include "tests/unit/assembler_fixture.h"

#include <stdio.h>

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

START_TEST(there_is_room_for_128_channels_and_names_stay_where_they_are)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	const char *first;
	struct mw_row row;
	char name[16];

	ck_assert_int_eq(mw_assembler_channel(a, "c0", ""), 0);
	ck_assert_int_eq(mw_assembler_channel(a, "c0", "bar"), 0);
	ck_assert_int_eq(mw_assembler_channel(a, "c0", "psi"), 0);
	first = mw_assembler_name(a, 0);
	for (int i = 1; i < MW_MAX_CHANNELS + 6; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		ck_assert_int_eq(push(a, name, T0, i),
				 i < MW_MAX_CHANNELS ? MW_FATE_TAKEN : MW_FATE_FULL);
	}
	ck_assert_ptr_eq(mw_assembler_name(a, 0), first);
	ck_assert_str_eq(mw_assembler_unit(a, 0), "bar");
	ck_assert_int_eq(mw_assembler_channel(a, "other", ""), -1);
	ck_assert_uint_eq(mw_assembler_count(a, MW_FATE_FULL), 6);
	mw_assembler_flush(a);
	ck_assert(mw_assembler_pop(a, &row));
	ck_assert_uint_eq(row.n_channels, MW_MAX_CHANNELS);
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

/* Sends rows [from, to) of a clock, and of a channel in rows i where i % step < on; returns the missing
 * readings of the channel. */
static size_t feed_steps(struct mw_assembler *a, int from, int to, int step, int on)
{
	struct mw_row row;
	size_t missing = 0;

	for (int i = from; i < to; i++) {
		ck_taken(a, "clock", T0 + i * S, i);
		if (i % step < on)
			ck_taken(a, "valve", T0 + i * S, i);
	}
	mw_assembler_flush(a);
	while (mw_assembler_pop(a, &row))
		missing += isnan(row.value[0]) ? 1 : 0;
	return missing;
}

START_TEST(how_a_channel_reports_is_learnt_until_the_set_is_frozen)
{
	struct mw_assembler *regular = make((struct mw_assembler_opts){.period_ns = S});
	struct mw_assembler *bursts = make((struct mw_assembler_opts){.period_ns = S});

	(void)mw_assembler_channel(regular, "valve", "");
	(void)mw_assembler_channel(bursts, "valve", "");
	(void)feed_steps(regular, 0, 100, 1, 1);
	(void)feed_steps(bursts, 0, 100, 5, 2); /* steps of 1 and 4 */
	mw_assembler_freeze(regular);
	mw_assembler_freeze(bursts);
	/* The same: one loses samples, the other has nothing to report. */
	ck_assert_uint_eq(feed_steps(regular, 100, 200, 5, 2), 60);
	ck_assert_uint_eq(feed_steps(bursts, 100, 200, 20, 20), 0);
	ck_assert_uint_eq(feed_steps(bursts, 200, 300, 50, 1), 0);
	mw_assembler_free(regular);
	mw_assembler_free(bursts);
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

MW_TEST_MAIN("assembler", a_row_is_ready_when_the_watermark_has_passed_its_end,
	     rows_are_multiples_of_the_period_and_means_of_their_samples,
	     samples_out_of_order_in_time_make_the_same_rows,
	     a_late_sample_is_counted_and_changes_nothing, of_duplicates_the_first_wins,
	     samples_from_the_future_are_refused, what_is_no_reading_is_bad,
	     improper_names_are_refused,
	     there_is_room_for_128_channels_and_names_stay_where_they_are,
	     a_frozen_set_takes_no_new_channels, missing_samples_of_a_regular_channel_are_gaps,
	     a_slow_channel_is_held_until_its_next_sample_is_due,
	     a_channel_that_reports_by_exception_is_held,
	     how_a_channel_reports_is_learnt_until_the_set_is_frozen,
	     a_clock_that_steps_back_restarts_the_grid,
	     stragglers_among_samples_in_time_are_no_clock_step, one_wild_sample_ahead_heals,
	     a_long_silence_restarts_the_grid_and_a_short_one_is_filled,
	     heavy_oversampling_folds_into_means, when_nobody_pops_samples_are_refused_and_counted,
	     options_out_of_range_are_refused)
