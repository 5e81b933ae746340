/* test_site_fault.c -- a site's own faults: how a window is held against them, and how a file with
 * them is refused. */
#include "gateway/io/conf.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mw_site_window window;

static struct mw_site_channel *add(const char *name, double level)
{
	struct mw_site_channel *c = &window.channel[window.n_channel++];

	*c = (struct mw_site_channel){.name = name,
				      .level = level,
				      .residual = level,
				      .left = fabs(level) >= 3 ? 8 : -1,
				      .suspicion = fabs(level) >= 3 ? 20 : -20};
	return c;
}

static struct mw_site_fault rub(void)
{
	return (struct mw_site_fault){
	    .code = "seal_rub",
	    .weight = 1,
	    .n_sign = 4,
	    .sign = {{.channel = "*current*", .does = MW_CLAIM_ROSE, .weight = 1},
		     {.channel = "*temp*", .does = MW_CLAIM_ROSE, .weight = 1},
		     {.channel = "flow", .does = MW_SIGN_STEADY, .weight = 1},
		     {.channel = "*level*", .does = MW_CLAIM_FELL, .weight = 1}}};
}

START_TEST(what_is_shown_missing_and_unspoken_is_told_apart)
{
	struct mw_site_fault fault = rub();
	struct mw_site_fit fit;

	window.n_channel = 0;
	add("motor_current", 20);
	add("oil_temp", -20);
	add("flow", 0);
	mw_site_fit(&fault, &window, &fit);
	ck_assert_uint_eq(fit.n_measured, 3); /* nobody measures the level */
	ck_assert_double_eq_tol(fit.shown, 1, 1e-9);
	ck_assert_double_eq_tol(fit.missing, 1, 1e-9);
	ck_assert_double_eq_tol(fit.moved, 0, 1e-6);
	ck_assert_double_eq(fit.unspoken, 0);
	add("speed", 15);
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq_tol(fit.unspoken, 2, 1e-6); /* 16 is two octaves past 4 */
	window.channel[3].suspicion = -20;              /* which the model holds for healthy */
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_lt(fit.unspoken, 1e-3);
}
END_TEST

START_TEST(a_residual_alone_is_half_a_sign_and_none_against_the_level)
{
	struct mw_site_fault fault = rub();
	struct mw_site_fit fit;

	window.n_channel = 0;
	add("motor_current", 20)->level = 0;
	add("oil_temp", 20)->level = -20; /* a neighbour may be what moved */
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq_tol(fit.shown, 0.5, 1e-9);
	ck_assert_double_eq_tol(fit.missing, 1.5, 1e-9);
}
END_TEST

START_TEST(what_is_shown_counts_as_far_as_the_model_suspects_it)
{
	struct mw_site_fault fault = rub();
	struct mw_site_fit fit;

	window.n_channel = 0;
	add("motor_current", 20);
	add("oil_temp", 20)->suspicion = -20;
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq_tol(fit.shown, 2, 1e-9);
	ck_assert_double_eq_tol(fit.seen, 1, 1e-6);
	window.channel[1].suspicion = -INFINITY; /* not read: the model says nothing of it */
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq_tol(fit.seen, 2, 1e-6);
}
END_TEST

START_TEST(of_several_channels_the_plainest_speaks_and_of_steady_ones_the_worst)
{
	struct mw_site_fault fault = rub();
	struct mw_site_fit fit;

	window.n_channel = 0;
	add("temp_a", -20);
	add("temp_b", 20);
	fault.n_sign = 2;
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq_tol(fit.shown, 1, 1e-9);
	fault.sign[1].does = MW_SIGN_STEADY;
	window.channel[0] = (struct mw_site_channel){.name = "temp_a"};
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_gt(fit.moved, 0.9);
}
END_TEST

START_TEST(unrest_is_graded_and_its_names_are_one)
{
	static const int name[] = {MW_CLAIM_NOISY, MW_CLAIM_SWINGS, MW_CLAIM_SPIKES};
	struct mw_site_fault fault = rub();
	struct mw_site_fit fit;

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		window.n_channel = 0;
		add("motor_current", 0)->unrest = 0.4;
		fault.sign[0].does = name[i];
		mw_site_fit(&fault, &window, &fit);
		ck_assert_double_eq_tol(fit.shown, 0.4, 1e-9);
		window.channel[0].claims = MW_CLAIM(SWINGS);
		mw_site_fit(&fault, &window, &fit);
		ck_assert_double_eq_tol(fit.shown, 1, 1e-9);
	}
}
END_TEST

START_TEST(an_order_is_that_of_first_deviations)
{
	struct mw_site_fault fault = {
	    .weight = 1,
	    .n_sign = 1,
	    .sign = {{.channel = "b", .does = MW_CLAIM_AFTER, .other = "a", .weight = 1}}};
	struct mw_site_fit fit;

	window.n_channel = 0;
	add("a", 10)->left = 3;
	add("b", 10)->left = 7;
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq(fit.shown, 1);
	window.channel[1].left = 2;
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq(fit.shown, 0);
	window.channel[1].left = -1;
	mw_site_fit(&fault, &window, &fit);
	ck_assert_double_eq(fit.missing, 1);
}
END_TEST

START_TEST(the_entry_that_fits_wins_and_one_that_does_not_leaves_it_unknown)
{
	struct mw_site_fault fault[2] = {rub(), rub()};
	struct mw_site_match match;

	for (size_t i = 0; i < 2; i++) /* the second says the opposite */
		fault[1].sign[i].does = MW_CLAIM_FELL;
	window.n_channel = 0;
	add("motor_current", 20);
	add("oil_temp", 20);
	add("flow", 0);
	mw_site_match(fault, 2, &window, MW_FAULT_UNKNOWN, 0, -1, &match);
	ck_assert_int_eq(match.best, 0);
	ck_assert(match.wins && match.probability > 0.5);
	ck_assert_double_eq_tol(match.probability + match.unknown, 1, 0.01);
	mw_site_match(fault + 1, 1, &window, MW_FAULT_UNKNOWN, 0, -1, &match);
	ck_assert(!match.wins && match.unknown > 0.5);
	/* a name, however sure, loses to what fits plainly, and not to what is half missing */
	mw_site_match(fault, 2, &window, MW_FAULT_OVERLOAD, 0.9, -1, &match);
	ck_assert(match.wins);
	window.channel[1].level = window.channel[1].residual = 0;
	mw_site_match(fault, 2, &window, MW_FAULT_OVERLOAD, 0.9, -1, &match);
	ck_assert(!match.wins);
	window.n_channel = 1; /* one sign of four is no ground to judge on */
	mw_site_match(fault, 2, &window, MW_FAULT_UNKNOWN, 0, -1, &match);
	ck_assert_int_eq(match.best, -1);
	ck_assert(!match.wins);
}
END_TEST

START_TEST(a_sensor_is_believed_while_it_is_alone)
{
	struct mw_site_fault fault = rub();
	struct mw_site_match match;

	window.n_channel = 0;
	add("motor_current", 20);
	add("oil_temp", 0);
	mw_site_match(&fault, 1, &window, MW_FAULT_BIAS, 0.7, -1, &match);
	ck_assert(!match.wins && match.named > match.unknown);
	window.channel[1].level = 20;
	mw_site_match(&fault, 1, &window, MW_FAULT_BIAS, 0.99, -1, &match);
	ck_assert_double_eq(match.named, 0);
}
END_TEST

START_TEST(the_entry_that_is_held_is_given_up_later_than_it_is_taken)
{
	struct mw_site_fault fault = rub();
	struct mw_site_match taken, kept;

	window.n_channel = 0;
	add("motor_current", 20);
	add("oil_temp", 2);
	mw_site_match(&fault, 1, &window, MW_FAULT_UNKNOWN, 0, -1, &taken);
	mw_site_match(&fault, 1, &window, MW_FAULT_UNKNOWN, 0, 0, &kept);
	ck_assert_double_eq_tol(
	    log(kept.probability / kept.unknown) - log(taken.probability / taken.unknown), 1, 1e-9);
}
END_TEST

/* --- files ------------------------------------------------------------------------------------ */

#define WORDS                                                                                      \
	" name = { en = \"x\"; ko = \"y\"; }; causes = { en = (\"a\"); ko = \"b\"; };"             \
	" checks = { en = (\"c\", \"d\"); ko = (\"e\"); };"
#define SIGNS " symptoms = ( { channel = \"*t*\"; does = \"rose\"; } );"

static const struct {
	const char *entry, *why;
} refused[] = {
    {"code = \"Leak 2\";" WORDS SIGNS, ":3: faults[0].code: must be of small letters"},
    {"code = \"leak\";" WORDS SIGNS, ":3: faults[0].code: is a code of the fault library"},
    {"code = \"x\";" WORDS, ":3: faults[0].symptoms: must be a list"},
    {"code = \"x\";" WORDS " symptoms = ();", ":3: faults[0].symptoms: must be a list"},
    {"code = \"x\";" SIGNS, ":3: faults[0].name.en: is missing"},
    {"code = \"x\";" WORDS " symptoms = ({ channel = \"a\"; does = \"explodes\"; });",
     ":3: faults[0].symptoms[0].does: is not something"},
    {"code = \"x\";" WORDS " symptoms = ({ does = \"rose\"; });",
     ":3: faults[0].symptoms[0].channel: either channel or role"},
    {"code = \"x\";" WORDS " symptoms = ({ channel = \"a\"; role = \"flow\"; does = \"rose\"; });",
     ":3: faults[0].symptoms[0].channel: either channel or role"},
    {"code = \"x\";" WORDS " symptoms = ({ role = \"smell\"; does = \"rose\"; });",
     ":3: faults[0].symptoms[0].role: unknown role"},
    {"code = \"x\";" WORDS " symptoms = ({ channel = \"a\"; does = \"after\"; });",
     ":3: faults[0].symptoms[0].other: belongs to"},
    {"code = \"x\";" WORDS " symptoms = ({ channel = \"a\"; does = \"rose\"; weight = 99.0; });",
     ":3: faults[0].symptoms[0].weight:"},
    {"code = \"x\"; colour = 1;" WORDS SIGNS, ":3: faults[0].colour:"},
};

static mw_err load(const char *entry, char *why, struct mw_profile **ret)
{
	char path[] = "/tmp/mw-site-XXXXXX", text[4096];
	int fd = mkstemp(path), n;
	mw_err err;

	ck_assert_int_ge(fd, 0);
	n = snprintf(text, sizeof(text), "version = 1;\nfaults = (\n{ %s }\n);\n", entry);
	ck_assert_int_eq(write(fd, text, (size_t)n), n);
	(void)close(fd);
	err = mw_conf_load_profile(path, why, 512, ret);
	(void)unlink(path);
	if (err)
		memmove(why, why + strlen(path), strlen(why + strlen(path)) + 1);
	return err;
}

START_TEST(a_bad_entry_is_refused_with_its_line)
{
	char why[512] = "";
	struct mw_profile *profile = NULL;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		ck_assert_int_eq(load(refused[i].entry, why, &profile), MW_E_CONFIG);
		ck_assert_msg(strncmp(why, refused[i].why, strlen(refused[i].why)) == 0, "%zu: %s",
			      i, why);
	}
}
END_TEST

START_TEST(an_entry_is_read_whole)
{
	char why[512] = "";
	struct mw_profile *profile = NULL;
	const struct mw_site_fault *fault;

	ck_assert_msg(load("code = \"rub\"; weight = 3.0;" WORDS
			   " symptoms = ({ channel = \"*t*\"; does = \"rose\"; weight = 2.0; },"
			   " { role = \"flow\"; does = \"steady\"; },"
			   " { channel = \"a\"; does = \"before\"; other = \"b*\"; });",
			   why, &profile) == MW_E_OK,
		      "%s", why);
	ck_assert_uint_eq(profile->n_site, 1);
	fault = &profile->site[0];
	ck_assert_str_eq(fault->code, "rub");
	ck_assert(fault->weight == 3 && fault->n_sign == 3);
	ck_assert_str_eq(fault->check[MW_LANGUAGE_EN][1], "d");
	ck_assert_str_eq(fault->cause[MW_LANGUAGE_KO][0], "b");
	ck_assert(fault->sign[0].does == MW_CLAIM_ROSE && fault->sign[0].weight == 2);
	ck_assert(fault->sign[1].does == MW_SIGN_STEADY && fault->sign[1].role == MW_ROLE_FLOW);
	ck_assert_str_eq(fault->sign[2].other, "b*");
	mw_profile_free(profile);
}
END_TEST

MW_TEST_MAIN("site_fault", what_is_shown_missing_and_unspoken_is_told_apart,
	     a_residual_alone_is_half_a_sign_and_none_against_the_level,
	     what_is_shown_counts_as_far_as_the_model_suspects_it,
	     of_several_channels_the_plainest_speaks_and_of_steady_ones_the_worst,
	     unrest_is_graded_and_its_names_are_one, an_order_is_that_of_first_deviations,
	     the_entry_that_fits_wins_and_one_that_does_not_leaves_it_unknown,
	     a_sensor_is_believed_while_it_is_alone,
	     the_entry_that_is_held_is_given_up_later_than_it_is_taken,
	     a_bad_entry_is_refused_with_its_line, an_entry_is_read_whole)
