/* Noise, calm and swings: what the rows since the onset do beside their level. */
#include "tests/unit/claim_fixture.h"

static struct channel_rows c;

static void swing_rows(size_t from, double size)
{
	for (size_t row = from; row < N_ROWS; row++)
		put_z(&c, row, row % 2 ? size : -size);
}

START_TEST(noisy_and_calm_compare_the_steps_with_the_healthy_ones)
{
	healthy(&c, 16); /* 47 steps of 2 sizes; the largest of them is left out for noise */
	swing_rows(16, 0.46);
	ck_holds(&c, NOISY, 1.84);
	swing_rows(16, 0.45);
	ck_fails(&c, NOISY);
	swing_rows(16, 0.125);
	ck_holds(&c, CALM, 0.5);
	swing_rows(16, 0.13);
	ck_fails(&c, CALM);
	healthy(&c, 55); /* 8 steps */
	swing_rows(55, 1);
	ck_holds(&c, NOISY, 4);
	c.rows.onset = 56;
	ck_fails(&c, NOISY);
	c.rows.onset = 55;
	lose(&c, 58, 59); /* no step leads over a gap */
	ck_fails(&c, NOISY);
	healthy(&c, 16);
	c.rows.step = 0;
	swing_rows(16, 3);
	ck_fails(&c, NOISY);
}
END_TEST

START_TEST(noise_is_told_only_where_it_is_the_matter)
{
	healthy(&c, 16);
	swing_rows(16, 1);
	ck_holds(&c, NOISY, 4);
	swing_rows(0, 1); /* it was so before */
	ck_fails(&c, NOISY);
	healthy(&c, 8); /* 7 steps before do not tell */
	swing_rows(0, 1);
	ck_holds(&c, NOISY, 4);
	healthy(&c, 16);
	swing_rows(16, 1);
	shift(&c, 16, N_ROWS, 1.9); /* steps of 2 beside a shift of 1.9 */
	ck_holds(&c, NOISY, 4);
	shift(&c, 16, N_ROWS, 0.2);
	ck_fails(&c, NOISY);
}
END_TEST

START_TEST(noise_of_what_was_expected_is_not_the_readings)
{
	healthy(&c, 16);
	swing_rows(16, 1);
	ck_holds(&c, NOISY, 4);
	/* It is the expectation that goes to and fro. */
	for (size_t row = 16; row < N_ROWS; row++) {
		c.expected[row] = EXPECTED + SPREAD * (row % 2 ? -1 : 1);
		c.value[row] = EXPECTED;
	}
	ck_fails(&c, NOISY);
}
END_TEST

START_TEST(calm_beside_a_shift_is_not_the_matter)
{
	healthy(&c, 16);
	swing_rows(16, 0.05);
	ck_assert(decide(&c).set & MW_CLAIM(CALM));
	shift(&c, 16, N_ROWS, 2.9);
	ck_assert(decide(&c).set & MW_CLAIM(CALM));
	shift(&c, 16, N_ROWS, 0.2);
	ck_fails(&c, CALM);
}
END_TEST

START_TEST(jumps_spikes_and_standstill_are_neither_noise_nor_calm)
{
	healthy(&c, 16);
	shift(&c, 30, N_ROWS, 20);
	ck_fails(&c, NOISY);
	healthy(&c, 16);
	put_z(&c, 30, 9);
	put_z(&c, 40, 9);
	ck_assert(decide(&c).set & MW_CLAIM(SPIKES));
	ck_fails(&c, NOISY);
	level(&c, 16, N_ROWS, 1);
	ck_assert(decide(&c).set & MW_CLAIM(STILL));
	ck_fails(&c, CALM);
	c.rows.still_is_odd = false;
	ck_holds(&c, CALM, 0);
}
END_TEST

static void wave(size_t from, double size, double period)
{
	for (size_t row = from; row < N_ROWS; row++)
		put_z(&c, row, size * sin(2 * 3.14159265358979 * (double)row / period));
}

START_TEST(swings_go_to_and_fro_slowly_and_far)
{
	healthy(&c, 16);
	wave(0, 3, 16);
	ck_assert(decide(&c).set & MW_CLAIM(SWINGS));
	ck_assert_double_le(decide(&c).value[MW_CLAIM_SWINGS], -0.4);
	wave(0, 2.8, 16); /* rms 1.98 */
	ck_fails(&c, SWINGS);
	wave(0, 3, 6);
	c.rows.onset = 49; /* 15 rows */
	ck_fails(&c, SWINGS);
	c.rows.onset = 48;
	ck_assert(decide(&c).set & MW_CLAIM(SWINGS));
	wave(0, 3, 11); /* no whole period within half of 20 rows */
	c.rows.onset = 44;
	ck_fails(&c, SWINGS);
	c.rows.onset = 40; /* but of 24 it is slow enough to be seen */
	ck_assert(decide(&c).set & MW_CLAIM(SWINGS));
	healthy(&c, 16);
	wave(16, 3, 5); /* fast, and regular */
	ck_assert(decide(&c).set & MW_CLAIM(SWINGS));
	ck_fails(&c, NOISY);
	healthy(&c, 16);
	swing_rows(0, 3); /* from row to row: noise */
	ck_fails(&c, SWINGS);
	healthy(&c, 16);
	wave(16, 3, 16);
	shift(&c, 16, N_ROWS, 2.5); /* and off to the side: not told as a move */
	ck_assert(decide(&c).set & MW_CLAIM(SWINGS));
	ck_fails(&c, ROSE);
	wave(0, 9, 1000); /* one way only */
	ck_fails(&c, SWINGS);
	healthy(&c, 32);
	wave(32, 9, 32); /* once up, once down: passes its mean once */
	ck_fails(&c, SWINGS);
}
END_TEST

MW_TEST_MAIN("claim_noise", noisy_and_calm_compare_the_steps_with_the_healthy_ones,
	     noise_is_told_only_where_it_is_the_matter,
	     noise_of_what_was_expected_is_not_the_readings, calm_beside_a_shift_is_not_the_matter,
	     jumps_spikes_and_standstill_are_neither_noise_nor_calm,
	     swings_go_to_and_fro_slowly_and_far)
