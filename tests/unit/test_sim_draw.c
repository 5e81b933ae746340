#include "model/corpus/measure.h"
#include "model/corpus/rng.h"
#include "model/corpus/sim.h"
#include "tests/unit/unit.h"

#include <math.h>

static size_t n_of_kind(const struct mw_sim_spec *spec, enum mw_fault_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->n_injection; i++)
		n += mw_fault_kind_of(spec->injection[i].fault) == kind;
	return n;
}

START_TEST(drawn_specs_have_the_shares_and_limits_they_promise)
{
	const int n = 20000;
	int healthy = 0;
	int operated = 0;
	int generic = 0;

	for (int i = 0; i < n; i++) {
		struct mw_sim_spec spec;
		size_t faults;

		mw_sim_spec_draw((uint64_t)i, &spec);
		ck_assert(spec.n_learn >= 256 && spec.n_learn <= 448);
		ck_assert(spec.n_rows >= spec.n_learn + 256 && spec.n_rows <= spec.n_learn + 640);
		faults = n_of_kind(&spec, MW_KIND_SENSOR) + n_of_kind(&spec, MW_KIND_PROCESS);
		ck_assert_uint_le(faults, 1);
		for (size_t k = 0; k < spec.n_injection; k++) {
			ck_assert(mw_sim_can(spec.machine, spec.injection[k].fault));
			ck_assert_uint_ge(spec.injection[k].onset_row, spec.n_learn + 8);
			ck_assert_uint_lt(spec.injection[k].onset_row, spec.injection[k].end_row);
			ck_assert_uint_le(spec.injection[k].end_row, spec.n_rows);
		}
		healthy += spec.n_injection == 0;
		operated += spec.n_injection > 0 && faults == 0;
		generic += spec.machine == MW_MACHINE_OTHER;
	}
	ck_assert_double_eq_tol((double)healthy / n, 0.30, 0.02);
	ck_assert_double_eq_tol((double)operated / n, 0.18, 0.02);
	ck_assert_double_eq_tol((double)generic / n, 0.45, 0.02);
}
END_TEST

START_TEST(noise_unit_of_white_noise_is_1_3_standard_deviations)
{
	struct mw_measure m;
	double value[4000];
	double scratch[8000];
	struct mw_rng rng;

	mw_rng_seed(&rng, 1);
	for (size_t i = 0; i < 4000; i++)
		value[i] = i % 2 ? NAN : 50 + 2 * mw_rng_normal(&rng);
	mw_measure_channel(value, 4000, 1, 0, false, scratch, &m);
	ck_assert_double_eq_tol(m.mean, 50, 0.2);
	ck_assert_double_eq_tol(m.sd, 2, 0.1);
	ck_assert_double_eq_tol(m.noise_unit, 2.6, 0.15);
	ck_assert_double_eq_tol(m.high - m.low, 2 * 1.645 * 2, 0.3);
}
END_TEST

START_TEST(a_constant_channel_has_a_noise_unit_from_its_resolution)
{
	double value[100] = {0};
	double scratch[200];
	struct mw_measure m;

	mw_measure_channel(value, 100, 1, 1, false, scratch, &m);
	ck_assert_double_eq(m.noise_unit, 0.5);
}
END_TEST

MW_TEST_MAIN("sim_draw", drawn_specs_have_the_shares_and_limits_they_promise,
	     noise_unit_of_white_noise_is_1_3_standard_deviations,
	     a_constant_channel_has_a_noise_unit_from_its_resolution)
