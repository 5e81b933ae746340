/* test_claim.c -- every claim where it only just holds, and where it only just does not. */
#include "tests/unit/claim_fixture.h"

#include <string.h>

static struct channel_rows c;

START_TEST(of_healthy_rows_nothing_is_said_but_that_they_deviate_slightly)
{
	struct mw_claims claims;

	healthy(&c, 16);
	claims = decide(&c);
	ck_assert_uint_eq(claims.set, MW_CLAIM(SLIGHT));
	ck_assert_double_eq(claims.now, EXPECTED);
	ck_assert(isnan(claims.from));
	ck_assert(isnan(claims.limit));
	ck_assert_int_eq(claims.left, -1);
	ck_assert_double_eq(claims.spread, SPREAD);
	ck_assert_double_eq(claims.step, STEP);
}
END_TEST

START_TEST(above_and_below_are_the_findings_direction)
{
	healthy(&c, 24); /* 40 rows */
	level(&c, 24, N_ROWS, 2);
	c.rows.deviation = 7;
	ck_fails(&c, ABOVE);
	ck_fails(&c, BELOW);
	c.rows.direction = 1;
	ck_holds(&c, ABOVE, 7);
	level(&c, 24, 32, -1); /* 4 of 5 on that side */
	ck_holds(&c, ABOVE, 7);
	put_z(&c, 32, 0);
	ck_fails(&c, ABOVE);
	level(&c, 24, N_ROWS, -2);
	c.rows.direction = -1;
	c.rows.deviation = -7;
	ck_holds(&c, BELOW, -7);
	level(&c, 24, 33, 1);
	ck_fails(&c, BELOW);
}
END_TEST

START_TEST(slight_and_strong_are_the_size_of_the_deviation)
{
	healthy(&c, 16);
	c.rows.deviation = -4.99;
	ck_holds(&c, SLIGHT, -4.99);
	c.rows.deviation = -5;
	ck_fails(&c, SLIGHT);
	c.rows.deviation = 14.99;
	ck_fails(&c, STRONG);
	c.rows.deviation = 15;
	ck_holds(&c, STRONG, 15);
	c.rows.deviation = (double)NAN;
	ck_fails(&c, SLIGHT);
	ck_fails(&c, STRONG);
}
END_TEST

START_TEST(it_rose_or_fell_by_two_spreads_since_the_patch_before_the_onset)
{
	struct mw_claims claims;

	healthy(&c, 32);
	shift(&c, 32, N_ROWS, 1.9375);
	ck_fails(&c, ROSE);
	shift(&c, 32, N_ROWS, 0.0625);
	ck_holds(&c, ROSE, 2);
	claims = decide(&c);
	ck_assert_double_eq(claims.from, EXPECTED);
	ck_assert_double_eq(claims.now, EXPECTED + 2 * SPREAD);
	shift(&c, 32, N_ROWS, -4);
	ck_holds(&c, FELL, -2);
	ck_fails(&c, ROSE);
	shift(&c, 32, N_ROWS, 0.0625);
	ck_fails(&c, FELL);
	shift(&c, 28, 32, 5); /* what it fell from counts, not what is normal */
	ck_holds(&c, FELL, -6.9375);
}
END_TEST

START_TEST(moves_are_told_by_readings_and_what_is_expected_of_each)
{
	healthy(&c, 32);
	shift(&c, 32, N_ROWS, 3);
	lose(&c, 60, N_ROWS);
	lose(&c, 28, 30);
	ck_holds(&c, ROSE, 3);
	ck_assert_double_eq(decide(&c).now, EXPECTED + 3 * SPREAD);
	lose(&c, 28, 32); /* no reading to start from */
	ck_fails(&c, ROSE);
	ck_assert(isnan(decide(&c).from));
	healthy(&c, 32);
	for (size_t row = 32; row < N_ROWS; row++) /* it should rise */
		c.value[row] += 10, c.expected[row] += 10;
	ck_fails(&c, ROSE);
}
END_TEST

START_TEST(an_onset_before_the_window_moves_from_its_first_patch_but_from_no_known_value)
{
	healthy(&c, 0);
	shift(&c, 4, N_ROWS, 3);
	c.rows.onset_before = true;
	ck_holds(&c, ROSE, 3);
	ck_fails(&c, SUDDEN);
	ck_assert(isnan(decide(&c).from));
	c.rows.onset_before = false; /* neither before the first patch is anything known */
	ck_holds(&c, SUDDEN, 4);
	ck_assert(isnan(decide(&c).from));
}
END_TEST

START_TEST(sudden_is_most_of_the_change_within_eight_rows)
{
	healthy(&c, 16);
	shift(&c, 16, N_ROWS, 4);
	ck_holds(&c, SUDDEN, 0);
	shift(&c, 16, 24, -4);
	ck_holds(&c, SUDDEN, 8);
	shift(&c, 24, 25, -4);
	ck_fails(&c, SUDDEN);
	healthy(&c, 16);
	level(&c, 12, 16, 0);
	level(&c, 16, 26, 3.1); /* not yet .8 of the change */
	level(&c, 26, N_ROWS, 4);
	ck_fails(&c, SUDDEN);
	level(&c, 16, 26, 3.3);
	ck_holds(&c, SUDDEN, 0);
	level(&c, 16, 26, 0);
	put_z(&c, 17, 4); /* one row is no change */
	ck_fails(&c, SUDDEN);
	level(&c, 12, N_ROWS, 0);
	level(&c, 16, 20, 9); /* and what went back did not move */
	ck_fails(&c, SUDDEN);
}
END_TEST

static void ramp(size_t from, double per_row)
{
	for (size_t row = from; row < N_ROWS; row++)
		put_z(&c, row, per_row * (double)(row - from));
}

START_TEST(gradual_goes_with_time_over_sixteen_rows)
{
	healthy(&c, 48);
	ramp(48, 0.5);
	ck_holds(&c, GRADUAL, 1);
	ck_fails(&c, SUDDEN);
	ramp(48, -0.5);
	ck_holds(&c, GRADUAL, 1);
	healthy(&c, 49);
	ramp(49, 0.5);
	ck_holds(&c, ROSE, 6.25);
	ck_fails(&c, GRADUAL);
	healthy(&c, 32); /* flat: too little of a move, however straight */
	ramp(32, 0.0625);
	ck_fails(&c, GRADUAL);
	healthy(&c, 32); /* a step half way: correlation sqrt(3 / 4), but a step says more of it */
	shift(&c, 48, N_ROWS, 8);
	ck_assert(decide(&c).set & MW_CLAIM(ROSE));
	ck_fails(&c, GRADUAL);
	healthy(&c, 32);
	ramp(32, 0.2);
	shift(&c, 48, N_ROWS, 1); /* a ramp with a small step in it */
	ck_assert(decide(&c).set & MW_CLAIM(GRADUAL));
}
END_TEST

/* The last 12 rows: 4 of them larger than the 8 before, z in all on average. */
static void rising_end(double z)
{
	level(&c, 52, 60, z - 0.125 * copysign(1, z));
	level(&c, 60, N_ROWS, z + 0.25 * copysign(1, z));
}

START_TEST(growing_is_half_as_large_again_late_as_early_and_large)
{
	healthy(&c, 16); /* quarters of 12 rows */
	level(&c, 28, 40, -2);
	rising_end(-3);
	ck_holds(&c, GROWING, 1.5);
	level(&c, 28, 40, -2.0625);
	ck_fails(&c, GROWING);
	level(&c, 28, 40, 1);
	rising_end(2.9375);
	ck_fails(&c, GROWING);
	level(&c, 16, N_ROWS, 0); /* from nothing: a number all the same */
	rising_end(3);
	ck_assert(decide(&c).set & MW_CLAIM(GROWING));
	level(&c, 16, 20, 3.5); /* it was worse before */
	ck_fails(&c, GROWING);
	healthy(&c, 49); /* 15 rows */
	level(&c, 60, N_ROWS, 9);
	ck_fails(&c, GROWING);
	c.rows.onset = 48;
	ck_assert(decide(&c).set & MW_CLAIM(GROWING));
}
END_TEST

START_TEST(back_is_quiet_in_each_of_the_last_rows_after_a_peak)
{
	healthy(&c, 16);
	put_z(&c, 30, -4);
	ck_holds(&c, BACK, 4);
	put_z(&c, 30, -3.9375);
	ck_fails(&c, BACK);
	put_z(&c, 30, 9);
	level(&c, 60, N_ROWS, -1.9375);
	ck_holds(&c, BACK, 9);
	put_z(&c, 60, 2);
	ck_fails(&c, BACK);
	put_z(&c, 60, 0);
	lose(&c, 62, 63); /* nobody knows */
	ck_fails(&c, BACK);
	healthy(&c, 31); /* the peak lies before the onset */
	put_z(&c, 30, 9);
	ck_fails(&c, BACK);
}
END_TEST

START_TEST(still_is_one_value_twelve_times_where_that_is_odd)
{
	healthy(&c, 49); /* 15 rows: 12 are four fifths of them */
	level(&c, 52, N_ROWS, 1);
	ck_holds(&c, STILL, 12);
	c.rows.onset = 48;
	ck_fails(&c, STILL);
	c.rows.onset = 49;
	c.rows.still_is_odd = false;
	ck_fails(&c, STILL);
	c.rows.still_is_odd = true;
	c.rows.step = 0;
	ck_fails(&c, STILL);
	c.rows.step = STEP;
	put_z(&c, 52, 1.0625);
	ck_fails(&c, STILL);
	level(&c, 48, 53, 1);
	lose(&c, 55, 57); /* rows without a reading neither count nor break */
	ck_holds(&c, STILL, 14);
	lose(&c, 48, 52);
	ck_fails(&c, STILL);
}
END_TEST

START_TEST(lost_is_a_quarter_of_the_rows_or_the_newest_four)
{
	healthy(&c, 16);
	lose(&c, 20, 31);
	ck_fails(&c, LOST);
	lose(&c, 40, 41);
	ck_holds(&c, LOST, 0.25);
	healthy(&c, 16);
	lose(&c, 4, 16); /* before the onset */
	lose(&c, 20, 25);
	lose(&c, 61, N_ROWS);
	ck_fails(&c, LOST);
	healthy(&c, 16);
	lose(&c, 60, N_ROWS);
	ck_holds(&c, LOST, 4 / 48.0);
	c.rows.spread = 0; /* a state of a machine can be lost too */
	ck_holds(&c, LOST, 4 / 48.0);
	lose(&c, 16, N_ROWS);
	c.rows.spread = SPREAD;
	c.rows.deviation = 9;
	c.rows.direction = 1;
	ck_holds(&c, LOST, 1);
	ck_assert_uint_eq(decide(&c).set, MW_CLAIM(LOST) | MW_CLAIM(GONE));
}
END_TEST

START_TEST(gone_is_seven_tenths_of_the_rows_or_the_newest_eight)
{
	healthy(&c, 24); /* 40 rows */
	lose(&c, 24, 51);
	ck_fails(&c, GONE);
	lose(&c, 51, 52);
	ck_holds(&c, GONE, 0.7);
	ck_holds(&c, LOST, 0.7);
	healthy(&c, 24);
	lose(&c, 57, N_ROWS);
	ck_fails(&c, GONE);
	lose(&c, 56, N_ROWS);
	ck_holds(&c, GONE, 0.2);
}
END_TEST

START_TEST(spikes_are_single_rows_out_of_a_calm_rest)
{
	healthy(&c, 16);
	put_z(&c, 30, -6);
	put_z(&c, 40, 8);
	ck_holds(&c, SPIKES, 2);
	put_z(&c, 31, 2);
	ck_holds(&c, SPIKES, 2);
	put_z(&c, 31, 2.0625); /* on the way back: a swing rather than a spike */
	ck_fails(&c, SPIKES);
	healthy(&c, 16);
	put_z(&c, 30, 5.9375);
	ck_fails(&c, SPIKES);
	healthy(&c, 16);
	for (size_t row = 17; row < 41; row += 2)
		put_z(&c, row, 6);
	ck_holds(&c, SPIKES, 12);
	put_z(&c, 41, 6); /* more than a quarter */
	ck_fails(&c, SPIKES);
	level(&c, 16, N_ROWS, 2);
	put_z(&c, 30, 6); /* the rest is off */
	ck_fails(&c, SPIKES);
	level(&c, 16, N_ROWS, 1.9375);
	put_z(&c, 30, 6);
	ck_holds(&c, SPIKES, 1);
}
END_TEST

START_TEST(a_move_is_larger_than_the_scatter_after_it)
{
	healthy(&c, 16);
	shift(&c, 16, N_ROWS, 3);
	ck_assert(decide(&c).set & MW_CLAIM(ROSE));
	for (size_t row = 16; row < N_ROWS; row++)
		put_z(&c, row, row % 2 ? 5.5 : 0.5); /* about 3 by 2.5, wanted are 3.75 */
	ck_fails(&c, ROSE);
	for (size_t row = 16; row < N_ROWS; row++)
		put_z(&c, row, row % 2 ? 4.5 : 1.5);
	ck_assert(decide(&c).set & MW_CLAIM(ROSE));
}
END_TEST

START_TEST(what_rises_rises_itself)
{
	healthy(&c, 16);
	for (size_t row = 16; row < N_ROWS; row++)
		c.expected[row] -= 6 * c.rows.spread; /* less was called for */
	ck_fails(&c, ROSE);
	for (size_t row = 16; row < N_ROWS; row++)
		c.value[row] += 1.5 * c.rows.spread;
	ck_assert(decide(&c).set & MW_CLAIM(ROSE));
}
END_TEST

START_TEST(what_has_levelled_off_or_turned_is_not_growing)
{
	healthy(&c, 0);
	for (size_t row = 0; row < N_ROWS; row++)
		put_z(&c, row, 0.125 * (double)row);
	ck_assert(decide(&c).set & MW_CLAIM(GROWING));
	level(&c, 36, N_ROWS, 4.5);
	ck_fails(&c, GROWING);
	for (size_t row = 0; row < N_ROWS; row++)
		put_z(&c, row, row < 60 ? 0.125 * (double)row : 6.5); /* .9 of the rows before */
	ck_fails(&c, GROWING);
}
END_TEST

START_TEST(limits_are_passed_after_the_onset)
{
	healthy(&c, 16);
	c.rows.high = 110;
	c.rows.low = 90;
	c.value[15] = 200;
	c.value[14] = 0;
	c.value[30] = 110;
	c.value[31] = 90;
	ck_fails(&c, OVER_LIMIT);
	ck_fails(&c, UNDER_LIMIT);
	c.value[31] = 89.5;
	ck_holds(&c, UNDER_LIMIT, 89.5);
	ck_assert_double_eq(decide(&c).limit, 90);
	c.value[30] = 110.5;
	ck_holds(&c, OVER_LIMIT, 110.5);
	ck_fails(&c, UNDER_LIMIT);
	ck_assert_double_eq(decide(&c).limit, 110);
	c.rows.spread = 0;
	ck_holds(&c, OVER_LIMIT, 110.5);
	c.rows.high = (double)NAN;
	ck_holds(&c, UNDER_LIMIT, 89.5);
	lose(&c, 16, N_ROWS);
	ck_fails(&c, UNDER_LIMIT);
}
END_TEST

/* A channel that leaves its normal range in this row. */
static struct mw_claims leaving(size_t row)
{
	healthy(&c, 8);
	level(&c, row, N_ROWS, -4);
	return decide(&c);
}

START_TEST(the_order_is_that_of_leaving_the_normal_range)
{
	static const struct {
		size_t row;
		enum mw_claim claim;
		double rows;
	} cases[] = {{24, MW_CLAIM_AFTER, 4},  {23, MW_CLAIM_WITH, 3},    {20, MW_CLAIM_WITH, 0},
		     {17, MW_CLAIM_WITH, -3},  {16, MW_CLAIM_BEFORE, -4}, {62, MW_CLAIM_AFTER, 42},
		     {1, MW_CLAIM_BEFORE, -19}};
	struct mw_claims first = leaving(20);
	const uint32_t order = MW_CLAIM(AFTER) | MW_CLAIM(BEFORE) | MW_CLAIM(WITH);

	ck_assert_int_eq(first.left, 20);
	ck_assert_uint_eq(first.set & order, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_claims claims = leaving(cases[i].row);

		mw_claims_order(&first, &claims);
		ck_assert_uint_eq(claims.set & order, 1u << cases[i].claim);
		ck_assert_double_eq(claims.value[cases[i].claim], cases[i].rows);
	}
}
END_TEST

START_TEST(without_a_time_of_leaving_there_is_no_order)
{
	struct mw_claims first = leaving(20), claims = leaving(63); /* one row is not enough */

	ck_assert_int_eq(claims.left, -1);
	mw_claims_order(&first, &claims);
	ck_assert_uint_eq(claims.set & (MW_CLAIM(AFTER) | MW_CLAIM(WITH)), 0);
	claims = leaving(0); /* nobody saw it leave */
	ck_assert_int_eq(claims.left, -1);
	mw_claims_order(&first, &claims);
	ck_assert_uint_eq(claims.set & (MW_CLAIM(BEFORE) | MW_CLAIM(WITH)), 0);
	mw_claims_order(&claims, &first);
	healthy(&c, 16);
	level(&c, 20, N_ROWS, 9);
	ck_assert_int_eq(decide(&c).left, 20);
	c.rows.onset_before = true;
	ck_assert_int_eq(decide(&c).left, -1);
	ck_assert_uint_eq(first.set & (MW_CLAIM(AFTER) | MW_CLAIM(BEFORE) | MW_CLAIM(WITH)), 0);
	healthy(&c, 8);
	for (size_t row = 20; row < N_ROWS; row += 2)
		put_z(&c, row, 5);
	ck_assert_int_eq(decide(&c).left, -1);
	level(&c, 30, 40, 3.9375);
	put_z(&c, 50, -4);
	put_z(&c, 51, 4);
	ck_assert_int_eq(decide(&c).left, 50);
}
END_TEST

START_TEST(what_is_no_quantity_or_no_window_claims_nothing)
{
	healthy(&c, 16);
	shift(&c, 16, N_ROWS, 9);
	c.rows.direction = 1;
	c.rows.deviation = 20;
	ck_assert_uint_ne(decide(&c).set, 0);
	c.rows.spread = 0;
	ck_assert_uint_eq(decide(&c).set, 0);
	c.rows.spread = (double)NAN;
	ck_assert_uint_eq(decide(&c).set, 0);
	c.rows.spread = SPREAD;
	c.rows.onset = N_ROWS;
	ck_assert_uint_eq(decide(&c).set, 0);
	c.rows.onset = 1;
	c.rows.n = 3;
	ck_assert_uint_eq(decide(&c).set, 0);
	c.rows.n = N_ROWS;
	for (size_t row = 0; row < N_ROWS; row++)
		c.expected[row] = (double)NAN; /* nothing is known of it */
	ck_assert_uint_eq(decide(&c).set, 0);
}
END_TEST

MW_TEST_MAIN("claim", of_healthy_rows_nothing_is_said_but_that_they_deviate_slightly,
	     above_and_below_are_the_findings_direction,
	     slight_and_strong_are_the_size_of_the_deviation,
	     it_rose_or_fell_by_two_spreads_since_the_patch_before_the_onset,
	     moves_are_told_by_readings_and_what_is_expected_of_each,
	     an_onset_before_the_window_moves_from_its_first_patch_but_from_no_known_value,
	     sudden_is_most_of_the_change_within_eight_rows,
	     gradual_goes_with_time_over_sixteen_rows,
	     growing_is_half_as_large_again_late_as_early_and_large,
	     back_is_quiet_in_each_of_the_last_rows_after_a_peak,
	     still_is_one_value_twelve_times_where_that_is_odd,
	     lost_is_a_quarter_of_the_rows_or_the_newest_four,
	     gone_is_seven_tenths_of_the_rows_or_the_newest_eight,
	     spikes_are_single_rows_out_of_a_calm_rest, a_move_is_larger_than_the_scatter_after_it,
	     what_rises_rises_itself, what_has_levelled_off_or_turned_is_not_growing,
	     limits_are_passed_after_the_onset, the_order_is_that_of_leaving_the_normal_range,
	     without_a_time_of_leaving_there_is_no_order,
	     what_is_no_quantity_or_no_window_claims_nothing)
