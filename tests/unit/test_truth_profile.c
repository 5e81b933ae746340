/* What a site might have written of a simulated machine: true of its healthy rows, and no oracle. */
#include "gateway/core/truth_profile.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define MACHINES 60

/* Machine number `seed` of the corpus and its profile. */
struct site {
	struct mw_sim_series *series;
	struct mw_profile_channel profile[MW_SIM_MAX_CHANNELS];
};

static void site_init(struct site *site, uint64_t seed)
{
	struct mw_sim_spec spec;
	struct mw_rng rng;

	mw_sim_spec_draw(seed, &spec);
	ck_assert_int_eq(mw_sim_series_new(&spec, &site->series), 0);
	memset(site->profile, 0xff, sizeof(site->profile)); /* all of an entry is written */
	mw_rng_seed(&rng, seed + 1000);
	mw_truth_profile(site->series, &rng, site->profile);
}

static void site_done(struct site *site)
{
	mw_sim_series_free(site->series);
}

/* Is a measured share what a chance of p gives, within four standard errors? */
static void expect_share(size_t hits, size_t all, double p)
{
	double share = (double)hits / (double)all;

	ck_assert_msg(fabs(share - p) <= 4 * sqrt(p * (1 - p) / (double)all), "%zu of %zu, not %g",
		      hits, all, p);
}

static void expect_enclosed(const struct site *site, size_t c)
{
	const struct mw_sim_series *series = site->series;

	for (size_t t = 0; t < series->spec.n_learn; t++)
		ck_assert_int_eq(mw_profile_outside(&site->profile[c],
						    series->value[t * series->n_channels + c]),
				 0);
}

START_TEST(limits_enclose_what_the_machine_did_while_it_was_learnt)
{
	size_t all = 0, told = 0, upper = 0;

	for (uint64_t seed = 1; seed <= MACHINES; seed++) {
		struct site site;

		site_init(&site, seed);
		for (size_t c = 0; c < site.series->n_channels; c++, all++) {
			const struct mw_profile_channel *p = &site.profile[c];

			expect_enclosed(&site, c);
			told += isnan(p->high) ? 0 : 1;
			upper += !isnan(p->high) && isnan(p->low);
			ck_assert_int_eq(isnan(p->high), isnan(p->alarm_high));
			ck_assert_int_eq(isnan(p->low), isnan(p->alarm_low));
			ck_assert(isnan(p->high) || p->alarm_high >= p->high);
			ck_assert(isnan(p->low) || (p->alarm_low <= p->low && p->low <= p->high));
			ck_assert(!isnan(p->high) || isnan(p->low));
		}
		site_done(&site);
	}
	expect_share(told, all, 0.6);
	expect_share(upper, told, 0.4);
}
END_TEST

START_TEST(limits_are_near_enough_for_a_gross_value_to_pass_them)
{
	for (uint64_t seed = 1; seed <= MACHINES; seed++) {
		struct site site;

		site_init(&site, seed);
		for (size_t c = 0; c < site.series->n_channels; c++) {
			double most = -INFINITY, least = INFINITY;

			for (size_t t = 0; t < site.series->spec.n_learn; t++) {
				double value = site.series->value[t * site.series->n_channels + c];

				most = fmax(most, value);
				least = fmin(least, value);
			}
			if (isnan(site.profile[c].high))
				continue;
			most += 4 * (most - least + site.series->noise_unit[c]) + 1e-9;
			ck_assert_int_eq(mw_profile_outside(&site.profile[c], most), 2);
		}
		site_done(&site);
	}
}
END_TEST

START_TEST(a_weak_point_is_told_of_some_machines_and_is_not_always_the_one_that_breaks)
{
	size_t weak = 0, broken = 0, hits = 0;

	for (uint64_t seed = 1; seed <= 4 * MACHINES; seed++) {
		struct site site;
		size_t points = 0, at = 0;

		site_init(&site, seed);
		for (size_t c = 0; c < site.series->n_channels; c++) {
			ck_assert(site.profile[c].weak == 0 || site.profile[c].weak == 1);
			points += site.profile[c].weak > 0;
			at = site.profile[c].weak > 0 ? c : at;
		}
		ck_assert_uint_le(points, 1);
		weak += points;
		if (points && site.series->spec.n_injection && site.series->n_cause[0] > 0) {
			broken++;
			hits += at == site.series->cause_order[0][0];
		}
		site_done(&site);
	}
	expect_share(weak, 4 * MACHINES, 0.4);
	ck_assert_uint_ge(broken, 20);
	ck_assert_uint_gt(hits * 3, broken); /* it knows something */
	ck_assert_uint_lt(hits * 10, broken * 9);
}
END_TEST

START_TEST(commands_drive_and_are_not_driven)
{
	size_t commands = 0;

	for (uint64_t seed = 1; seed <= MACHINES; seed++) {
		struct site site;

		site_init(&site, seed);
		for (size_t c = 0; c < site.series->n_channels; c++) {
			enum mw_role role = site.series->channel[c].role;
			bool command = role == MW_ROLE_SETPOINT || role == MW_ROLE_STATE;

			commands += command;
			ck_assert_uint_eq(site.profile[c].n_in, command ? 0 : 1);
			if (command)
				ck_assert_uint_eq(site.profile[c].n_out, 1);
			if (role == MW_ROLE_TEMPERATURE || role == MW_ROLE_VIBRATION)
				ck_assert_uint_eq(site.profile[c].n_out, 0);
		}
		site_done(&site);
	}
	ck_assert_uint_gt(commands, 0);
}
END_TEST

START_TEST(the_same_draw_writes_the_same_profile)
{
	struct site one, other;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		site_init(&one, seed);
		site_init(&other, seed);
		ck_assert_mem_eq(one.profile, other.profile, sizeof(one.profile));
		site_done(&one);
		site_done(&other);
	}
}
END_TEST

MW_TEST_MAIN("truth_profile", limits_enclose_what_the_machine_did_while_it_was_learnt,
	     limits_are_near_enough_for_a_gross_value_to_pass_them,
	     a_weak_point_is_told_of_some_machines_and_is_not_always_the_one_that_breaks,
	     commands_drive_and_are_not_driven, the_same_draw_writes_the_same_profile)
