/* test_site_sim.c -- the faults of evaluation: nobody draws them for training, each shows on its own
 * machine only, first where it says, and not before its onset. */
#include "model/corpus/sim.h"
#include "tests/unit/unit.h"

#include <math.h>

#define DRAWS 3000
#define EACH  6

START_TEST(the_corpus_never_draws_one)
{
	for (uint64_t seed = 0; seed < DRAWS; seed++) {
		struct mw_sim_spec spec;

		mw_sim_spec_draw(seed, &spec);
		for (size_t i = 0; i < spec.n_injection; i++)
			ck_assert_int_eq(spec.injection[i].site, MW_SITE_NONE);
	}
}
END_TEST

/* Largest effect of a series before and from the onset on. */
static void peaks(const struct mw_sim_series *series, float *ret_before, float *ret_after)
{
	size_t onset = series->spec.injection[0].onset_row * series->n_channels;

	*ret_before = *ret_after = 0;
	for (size_t i = 0; i < series->n_rows * series->n_channels; i++) {
		float *into = i < onset ? ret_before : ret_after;

		*into = fmaxf(*into, series->effect[i]);
	}
}

START_TEST(each_shows_on_its_machine_and_not_before_its_onset)
{
	enum mw_sim_site site = (enum mw_sim_site)_i;
	size_t made = 0, clear = 0;

	for (uint64_t seed = 0; seed < EACH; seed++) {
		struct mw_sim_series *series;
		struct mw_sim_spec spec;
		float before, after;

		mw_site_spec_draw(seed, site, &spec);
		ck_assert_int_eq(spec.machine, mw_site_machine(site));
		ck_assert_int_eq(spec.injection[0].fault, MW_FAULT_UNKNOWN);
		if (mw_sim_series_new(&spec, &series) != 0)
			continue;
		peaks(series, &before, &after);
		ck_assert_msg(before == 0, "%s seed %d", mw_site_code(site), (int)seed);
		made++;
		clear += after >= 4 && series->n_cause[0] > 0;
		mw_sim_series_free(series);
	}
	ck_assert_uint_ge(made, EACH - 1);
	ck_assert_msg(clear >= EACH / 2, "%s shows in %zu of %d", mw_site_code(site), clear, EACH);
}
END_TEST

START_TEST(another_machine_refuses_it)
{
	struct mw_sim_series *series;
	struct mw_sim_spec spec;

	mw_site_spec_draw(1, MW_SITE_SEAL_RUB, &spec);
	spec.machine = MW_MACHINE_FAN;
	ck_assert_int_eq(mw_sim_series_new(&spec, &series), -1);
	spec.machine = MW_MACHINE_PUMP;
	spec.injection[0].fault = MW_FAULT_LEAK;
	ck_assert_int_eq(mw_sim_series_new(&spec, &series), -1);
}
END_TEST

START_TEST(codes_go_there_and_back)
{
	for (int site = 0; site < MW_N_SIM_SITE; site++) {
		ck_assert_int_eq(mw_site_from_code(mw_site_code((enum mw_sim_site)site)), site);
		ck_assert(site == MW_SITE_NONE || mw_site_n_cause((enum mw_sim_site)site) >= 2);
	}
	ck_assert_int_eq(mw_site_from_code("leak"), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("site_sim");
	TCase *tests = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, the_corpus_never_draws_one);
	tcase_add_loop_test(tests, each_shows_on_its_machine_and_not_before_its_onset, 1,
			    MW_N_SIM_SITE);
	tcase_add_test(tests, another_machine_refuses_it);
	tcase_add_test(tests, codes_go_there_and_back);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
