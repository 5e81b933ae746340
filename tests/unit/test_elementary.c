#include "model/corpus/elementary.h"
#include "model/corpus/rng.h"
#include "tests/unit/unit.h"

#include <math.h>

#define N   20000
#define ULP 2.3e-16

static struct mw_rng rng;

static void near(double mine, double exact, double ulps)
{
	ck_assert_double_le(fabs(mine - exact), ulps * ULP * fabs(exact));
}

START_TEST(exp_and_log_are_within_two_ulp_of_the_library)
{
	mw_rng_seed(&rng, 1);
	for (int i = 0; i < N; i++) {
		double x = mw_rng_uniform(&rng, -700, 700);
		double y = exp(mw_rng_uniform(&rng, -300, 300));

		near(mw_exp(x), exp(x), 2);
		near(mw_ln(y), log(y), 2);
	}
}
END_TEST

START_TEST(sin_and_tanh_are_within_two_ulp_of_one)
{
	mw_rng_seed(&rng, 2);
	for (int i = 0; i < N; i++) {
		double x = mw_rng_uniform(&rng, -1000, 1000);

		ck_assert_double_le(fabs(mw_sin(x) - sin(x)), 2 * ULP);
		ck_assert_double_le(fabs(mw_tanh(x / 100) - tanh(x / 100)), 2 * ULP);
	}
}
END_TEST

START_TEST(pow_is_within_its_promise)
{
	mw_rng_seed(&rng, 3);
	for (int i = 0; i < N; i++) {
		double x = exp(mw_rng_uniform(&rng, -5, 5));
		double y = mw_rng_uniform(&rng, -4, 4);

		near(mw_pow(x, y), pow(x, y), 3 + 2 * fabs(y * log(x)));
	}
}
END_TEST

START_TEST(the_edges_are_exact)
{
	ck_assert_double_eq(mw_exp(0), 1);
	ck_assert(isinf(mw_exp(1000)));
	ck_assert_double_eq(mw_exp(-1000), 0);
	ck_assert(isnan(mw_exp(NAN)));
	ck_assert_double_eq(mw_ln(1), 0);
	ck_assert(isinf(mw_ln(0)) && mw_ln(0) < 0);
	ck_assert(isnan(mw_ln(-1)));
	ck_assert_double_eq(mw_pow(0, 2), 0);
	ck_assert_double_eq(mw_pow(7, 0), 1);
	ck_assert_double_eq(mw_sin(0), 0);
	ck_assert_double_eq(mw_tanh(0), 0);
	ck_assert_double_eq(mw_tanh(-100), -1);
	ck_assert_double_eq(mw_square(-3), 9);
}
END_TEST

MW_TEST_MAIN("elementary", exp_and_log_are_within_two_ulp_of_the_library,
	     sin_and_tanh_are_within_two_ulp_of_one, pow_is_within_its_promise, the_edges_are_exact)
