/* test_site_sim.c -- faults without a name.  Those of evaluation: nobody draws them for training, each
 * shows on its own machine only, first where it says, and not before its onset.  Those of training:
 * mw-series cannot ask for one, each moves several channels, and a share of a corpus has them. */
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
		mw_sim_spec_unname(seed, MW_SIM_MAX_UNNAMED, &spec);
		for (size_t i = 0; i < spec.n_injection; i++)
			ck_assert(spec.injection[i].site == MW_SITE_NONE ||
				  spec.injection[i].site >= MW_N_SIM_SITE);
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
	for (int site = MW_N_SIM_SITE; site < MW_N_SIM_UNNAMED; site++) {
		const char *code = mw_site_code((enum mw_sim_site)site);

		ck_assert_msg(mw_site_from_code(code) == -1, "%s can be evaluated", code);
		ck_assert_msg(mw_fault_from_code(code) == -1, "%s has a name", code);
		ck_assert(site == MW_SITE_MIXTURE || mw_site_n_cause((enum mw_sim_site)site) >= 2);
	}
}
END_TEST

/* ---- for training ---- */

static size_t n_moved(const struct mw_sim_series *series, float size)
{
	size_t n = 0;

	for (size_t c = 0; c < series->n_channels; c++) {
		float peak = 0;

		for (size_t row = 0; row < series->n_rows; row++)
			peak = fmaxf(peak, series->effect[row * series->n_channels + c]);
		n += peak >= size;
	}
	return n;
}

/* 1 if the fault is clear and shows on two channels at least; -1 if there is no such series. */
static int moves_several(const struct mw_sim_spec *spec)
{
	struct mw_sim_series *series;
	float before, after;
	int several;

	if (mw_sim_series_new(spec, &series) != 0)
		return -1;
	for (size_t i = 0; i < series->n_rows * series->n_channels; i++)
		ck_assert(isfinite(series->effect[i]));
	peaks(series, &before, &after);
	ck_assert(before == 0);
	several = after >= 4 && n_moved(series, 1) >= 2 && series->n_cause[0] >= 2;
	mw_sim_series_free(series);
	return several;
}

START_TEST(each_of_training_moves_several_channels_of_its_machine)
{
	enum mw_sim_site site = (enum mw_sim_site)_i;
	size_t made = 0, several = 0;

	for (uint64_t seed = 0; seed < 2 * EACH; seed++) {
		struct mw_sim_spec spec;
		int moves;

		mw_site_spec_draw(seed, site, &spec);
		moves = moves_several(&spec);
		made += moves >= 0;
		several += moves > 0;
	}
	ck_assert_uint_ge(made, 2 * EACH - 1);
	ck_assert_msg(3 * several >= 2 * made, "%s in %zu of %zu", mw_site_code(site), several,
		      made);
}
END_TEST

START_TEST(every_machine_has_one_and_a_mixture)
{
	enum mw_machine machine = (enum mw_machine)_i;
	size_t several = 0;
	bool own = false;

	for (int site = MW_N_SIM_SITE; site < MW_N_SIM_UNNAMED; site++)
		own |= mw_site_machine((enum mw_sim_site)site) == machine;
	ck_assert(own);
	for (uint64_t seed = 0; seed < EACH; seed++) {
		struct mw_sim_spec spec;

		mw_site_spec_draw(seed, MW_SITE_MIXTURE, &spec);
		spec.machine = machine;
		spec.period_s = 0;
		several += moves_several(&spec) > 0;
	}
	ck_assert_msg(3 * several >= 2 * EACH, "%s: %zu", mw_machine_code(machine), several);
}
END_TEST

static int n_unnamed(const struct mw_sim_spec *spec)
{
	int n = 0;

	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];

		ck_assert_int_eq(in->site != MW_SITE_NONE, in->fault == MW_FAULT_UNKNOWN);
		ck_assert(in->onset_row < in->end_row && in->end_row <= spec->n_rows);
		n += in->site != MW_SITE_NONE;
	}
	return n;
}

START_TEST(a_share_of_the_series_has_one_instead_of_a_fault)
{
	bool seen[MW_N_SIM_UNNAMED] = {false};
	int changed = 0;

	for (uint64_t seed = 0; seed < DRAWS; seed++) {
		struct mw_sim_spec plain, spec;

		mw_sim_spec_draw(seed, &plain);
		spec = plain;
		mw_sim_spec_unname(seed, 0, &spec);
		ck_assert_mem_eq(&spec, &plain, sizeof(spec));
		mw_sim_spec_unname(seed, 0.15, &spec);
		ck_assert_uint_eq(spec.n_injection, plain.n_injection);
		ck_assert_int_le(n_unnamed(&spec), 1);
		changed += n_unnamed(&spec);
		if (n_unnamed(&spec) == 0)
			ck_assert_mem_eq(&spec, &plain, sizeof(spec));
		for (size_t i = 0; i < spec.n_injection; i++)
			seen[spec.injection[i].site] = true;
	}
	ck_assert_double_eq_tol((double)changed / DRAWS, 0.15, 0.02);
	for (int site = MW_N_SIM_SITE; site < MW_N_SIM_UNNAMED; site++)
		ck_assert_msg(seen[site], "no %s", mw_site_code((enum mw_sim_site)site));
}
END_TEST

START_TEST(a_mixture_moves_its_channels_in_different_ways)
{
	size_t proofs[MW_N_PROOF] = {0};
	size_t kinds = 0;

	for (uint64_t seed = 0; seed < 40; seed++) {
		struct mw_sim_series *series;
		struct mw_sim_spec spec;

		mw_site_spec_draw(seed, MW_SITE_MIXTURE, &spec);
		if (mw_sim_series_new(&spec, &series) != 0)
			continue;
		proofs[series->proof[0]]++;
		mw_sim_series_free(series);
	}
	for (int proof = MW_PROOF_LEVEL; proof < MW_N_PROOF; proof++)
		kinds += proofs[proof] > 0;
	ck_assert_uint_ge(kinds, 3);
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
	tcase_add_loop_test(tests, each_of_training_moves_several_channels_of_its_machine,
			    MW_N_SIM_SITE, MW_N_SIM_UNNAMED);
	tcase_add_loop_test(tests, every_machine_has_one_and_a_mixture, 0, MW_N_MACHINE);
	tcase_add_test(tests, a_share_of_the_series_has_one_instead_of_a_fault);
	tcase_add_test(tests, a_mixture_moves_its_channels_in_different_ways);
	tcase_add_test(tests, another_machine_refuses_it);
	tcase_add_test(tests, codes_go_there_and_back);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
