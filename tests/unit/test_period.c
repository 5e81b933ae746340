/* test_period.c -- the rows' period found from the first samples. */
#include "model/corpus/rng.h"
#include "tests/unit/assembler_fixture.h"

#include <stdio.h>

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

MW_TEST_MAIN("period", the_period_is_found, the_fastest_channel_sets_the_period,
	     samples_before_the_period_is_known_are_replayed,
	     jitter_on_the_slot_does_not_double_or_empty_rows,
	     the_end_of_a_short_stream_settles_the_period,
	     a_source_without_a_rhythm_cannot_fill_the_memory)
