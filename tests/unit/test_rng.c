#include "model/corpus/rng.h"
#include "tests/unit/unit.h"

#include <math.h>

#define N_DRAW 200000

START_TEST(the_stream_is_the_published_one)
{
	/* xoshiro256** from the state 1, 2, 3, 4: the reference implementation's first outputs. */
	static const uint64_t want[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
	struct mw_rng rng = {.s = {1, 2, 3, 4}};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		ck_assert_uint_eq(mw_rng_u64(&rng), want[i]);
}
END_TEST

START_TEST(one_seed_gives_one_stream_and_another_seed_another)
{
	struct mw_rng a;
	struct mw_rng b;
	struct mw_rng c;
	int same = 0;

	mw_rng_seed(&a, 7);
	mw_rng_seed(&b, 7);
	mw_rng_seed(&c, 8);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = mw_rng_u64(&a);

		ck_assert_uint_eq(x, mw_rng_u64(&b));
		same += x == mw_rng_u64(&c);
	}
	ck_assert_int_eq(same, 0);
}
END_TEST

START_TEST(forks_of_one_purpose_agree_and_of_two_do_not)
{
	struct mw_rng root;
	struct mw_rng a;
	struct mw_rng b;
	struct mw_rng c;

	mw_rng_seed(&root, 1);
	mw_rng_fork(&root, 5, &a);
	mw_rng_fork(&root, 5, &b);
	mw_rng_fork(&root, 6, &c);
	for (int i = 0; i < 100; i++) {
		uint64_t x = mw_rng_u64(&a);

		ck_assert_uint_eq(x, mw_rng_u64(&b));
		ck_assert_uint_ne(x, mw_rng_u64(&c));
	}
}
END_TEST

START_TEST(forking_moves_nothing_in_the_stream_forked_from)
{
	struct mw_rng a;
	struct mw_rng b;
	struct mw_rng fork;

	mw_rng_seed(&a, 3);
	mw_rng_seed(&b, 3);
	mw_rng_fork(&a, 9, &fork);
	mw_rng_normal(&fork);
	ck_assert_uint_eq(mw_rng_u64(&a), mw_rng_u64(&b));
}
END_TEST

START_TEST(normals_have_mean_0_spread_1_and_gaussian_tails)
{
	struct mw_rng rng;
	double sum = 0;
	double square = 0;
	int beyond_2 = 0;

	mw_rng_seed(&rng, 11);
	for (int i = 0; i < N_DRAW; i++) {
		double x = mw_rng_normal(&rng);

		sum += x;
		square += x * x;
		beyond_2 += fabs(x) > 2;
	}
	ck_assert_double_eq_tol(sum / N_DRAW, 0, 0.01);
	ck_assert_double_eq_tol(square / N_DRAW, 1, 0.02);
	ck_assert_double_eq_tol((double)beyond_2 / N_DRAW, 0.0455, 0.003);
}
END_TEST

START_TEST(draws_stay_in_their_range_and_fill_it)
{
	struct mw_rng rng;
	double lowest = 5;
	double highest = -3;
	int hit[7] = {0};
	int below_geometric_mean = 0;

	mw_rng_seed(&rng, 12);
	for (int i = 0; i < N_DRAW; i++) {
		double x = mw_rng_uniform(&rng, -3, 5);
		double l = mw_rng_log_uniform(&rng, 0.01, 100);

		ck_assert(x >= -3 && x < 5);
		ck_assert(l >= 0.01 && l <= 100);
		lowest = fmin(lowest, x);
		highest = fmax(highest, x);
		below_geometric_mean += l < 1;
		hit[mw_rng_below(&rng, 7)]++;
	}
	ck_assert_double_lt(lowest, -2.99);
	ck_assert_double_gt(highest, 4.99);
	ck_assert_double_eq_tol((double)below_geometric_mean / N_DRAW, 0.5, 0.01);
	for (size_t i = 0; i < 7; i++)
		ck_assert_double_eq_tol((double)hit[i] / N_DRAW, 1. / 7, 0.005);
}
END_TEST

START_TEST(chance_comes_as_often_as_asked)
{
	struct mw_rng rng;
	int hit = 0;

	mw_rng_seed(&rng, 13);
	for (int i = 0; i < N_DRAW; i++) {
		hit += mw_rng_chance(&rng, 0.2);
		ck_assert(!mw_rng_chance(&rng, 0));
		ck_assert(mw_rng_chance(&rng, 1));
	}
	ck_assert_double_eq_tol((double)hit / N_DRAW, 0.2, 0.005);
}
END_TEST

MW_TEST_MAIN("rng", the_stream_is_the_published_one,
	     one_seed_gives_one_stream_and_another_seed_another,
	     forks_of_one_purpose_agree_and_of_two_do_not,
	     forking_moves_nothing_in_the_stream_forked_from,
	     normals_have_mean_0_spread_1_and_gaussian_tails, draws_stay_in_their_range_and_fill_it,
	     chance_comes_as_often_as_asked)
