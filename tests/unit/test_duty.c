#include "model/corpus/duty.h"
#include "tests/unit/unit.h"

#include <math.h>

#define N_SEED  400
#define N_LEARN 256

static void init(struct mw_duty *duty, uint64_t seed, struct mw_rng *rng)
{
	mw_rng_seed(rng, seed);
	mw_duty_init(duty, 0.4, 0.9, 2.0, rng);
}

static struct mw_order step(struct mw_duty *duty, struct mw_rng *rng, double *ret_load)
{
	static const struct mw_plant_act none;
	struct mw_draws draws;

	mw_draws_take(&draws, rng);
	*ret_load = mw_duty_step(duty, &draws, 2.0);
	return mw_duty_order(duty, &none);
}

START_TEST(every_kind_is_drawn)
{
	size_t seen[MW_N_DUTY] = {0};

	for (uint64_t seed = 0; seed < N_SEED; seed++) {
		struct mw_duty duty;
		struct mw_rng rng;

		init(&duty, seed, &rng);
		seen[duty.kind]++;
		ck_assert_int_eq(mw_duty_has_regimes(&duty), duty.kind >= MW_DUTY_SHIFT);
	}
	for (int k = 0; k < MW_N_DUTY; k++)
		ck_assert_uint_gt(seen[k], 5);
}
END_TEST

START_TEST(a_learn_segment_sees_every_regime_and_the_rows_after_it_see_them_again)
{
	size_t all = 0;
	size_t complete[2] = {0};

	for (uint64_t seed = 0; seed < N_SEED; seed++) {
		struct mw_duty duty;
		struct mw_rng rng;

		init(&duty, seed, &rng);
		if (!mw_duty_has_regimes(&duty))
			continue;
		all++;
		for (size_t part = 0; part < 2; part++) {
			unsigned seen = 0;
			double load;

			for (size_t row = 0; row < N_LEARN; row++) {
				(void)step(&duty, &rng, &load);
				seen |= 1u << duty.at;
			}
			complete[part] += seen + 1 == 1u << duty.n;
		}
	}
	ck_assert_uint_gt(all, N_SEED / 4);
	for (size_t part = 0; part < 2; part++)
		ck_assert_msg(100 * complete[part] >= 95 * all, "%zu of %zu", complete[part], all);
}
END_TEST

START_TEST(loads_stay_in_their_range_and_orders_are_those_of_the_regime)
{
	for (uint64_t seed = 0; seed < N_SEED; seed++) {
		struct mw_duty duty;
		struct mw_rng rng;
		double hours;
		double pieces;

		init(&duty, seed, &rng);
		for (size_t row = 0; row < 600; row++) {
			struct mw_order order;
			double load;

			hours = duty.hours;
			pieces = duty.pieces;
			order = step(&duty, &rng, &load);
			ck_assert(load >= 0.4 - 1e-9 && load <= 0.9 + 1e-9);
			ck_assert(order.run >= 0 && order.run <= 1 && order.load == 1);
			ck_assert(order.setpoint > 0.8 && order.setpoint < 1.1);
			ck_assert(fabs(order.product) <= 1 && order.idle >= 0 && order.idle <= 1);
			ck_assert_double_ge(duty.hours, hours);
			ck_assert(duty.pieces == pieces || duty.pieces == pieces + 1);
			ck_assert(duty.code >= 1 && duty.code <= MW_DUTY_MAX_REGIME);
			if (mw_duty_has_regimes(&duty))
				ck_assert_double_eq(order.idle, duty.regime[duty.at].idle);
		}
	}
}
END_TEST

START_TEST(an_operation_comes_on_top_and_a_new_product_has_a_code_of_its_own)
{
	static const struct mw_plant_act stop = {
	    .fault = MW_FAULT_SHUTDOWN, .level = 1, .age_rows = 9, .length_rows = 10};
	static const struct mw_plant_act other = {.fault = MW_FAULT_PRODUCT_CHANGE, .level = 1};

	for (uint64_t seed = 0; seed < N_SEED; seed++) {
		struct mw_duty duty;
		struct mw_rng rng;
		double load;

		init(&duty, seed, &rng);
		(void)step(&duty, &rng, &load);
		ck_assert_double_lt(mw_duty_order(&duty, &stop).run, 0.01);
		ck_assert(!duty.running);
		(void)mw_duty_order(&duty, &other);
		ck_assert_uint_gt(duty.code, duty.n);
	}
}
END_TEST

MW_TEST_MAIN("duty", every_kind_is_drawn,
	     a_learn_segment_sees_every_regime_and_the_rows_after_it_see_them_again,
	     loads_stay_in_their_range_and_orders_are_those_of_the_regime,
	     an_operation_comes_on_top_and_a_new_product_has_a_code_of_its_own)
