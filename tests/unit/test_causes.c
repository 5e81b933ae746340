/* test_causes.c -- which variable and which fault come first, on a machine small enough to reason
 * about: order -> answer -> alarm, filter -> alarm, alarm -> stop, and a thing apart. */
#include "gateway/core/causes.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define S 1000000000LL

enum { ORDER, ANSWER, FILTER, ALARM, STOP, APART, LINE, N };

static struct mw_profile_channel channel[N] = {
    [ORDER] = {.name = "order", .kind = MW_CHANNEL_COMMAND},
    [ANSWER] = {.name = "answer", .kind = MW_CHANNEL_STATE},
    [FILTER] = {.name = "filter", .kind = MW_CHANNEL_STATE},
    [ALARM] = {.name = "alarm", .kind = MW_CHANNEL_ALARM},
    [STOP] = {.name = "stop", .kind = MW_CHANNEL_STATE},
    [APART] = {.name = "apart", .kind = MW_CHANNEL_MEASURED},
    [LINE] = {.name = "line", .kind = MW_CHANNEL_COUNTER},
};
static struct mw_profile_edge edge[] = {
    {.from = LINE, .to = ORDER},  {.from = ORDER, .to = ANSWER}, {.from = ANSWER, .to = ALARM},
    {.from = ORDER, .to = ALARM}, {.from = FILTER, .to = ALARM}, {.from = ALARM, .to = STOP}};
static struct mw_profile_weak weak[] = {
    {.fault = MW_FAULT_STUCK, .weight = 4, .channel = ANSWER, .cause = {"chips", ""}},
    {.fault = MW_FAULT_LEAK, .weight = 2, .channel = -1, .check = {"hoses", ""}}};
static struct mw_profile profile = {
    .n_channel = N, .channel = channel, .n_edge = 6, .edge = edge, .n_weak = 0, .weak = weak};
static struct mw_profile_paths paths;
static const int entry[N] = {ORDER, ANSWER, FILTER, ALARM, STOP, APART, LINE};

static struct mw_cause_channel at[N];
static struct mw_symptom symptom[2];
static struct mw_cause cause[MW_MAX_CHANNELS];
static struct mw_causes_input input;

/* All as it should be since long ago; the alarm stands since second 100. */
static void begin(void)
{
	for (size_t c = 0; c < N; c++)
		at[c] = (struct mw_cause_channel){
		    .present = true, .known = true, .bits = -2, .since_ns = 10 * S, .partner = -1};
	symptom[0] = (struct mw_symptom){ALARM, 8, 100 * S, at};
	mw_profile_paths(&profile, &paths);
	profile.n_weak = 0;
	channel[ANSWER].weak = 0;
	input = (struct mw_causes_input){.n_channels = N,
					 .profile = &profile,
					 .paths = &paths,
					 .entry = entry,
					 .slack_ns = S,
					 .n_symptoms = 1,
					 .symptom = symptom};
}

static size_t place_of(size_t c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cause[i].channel == c)
			return i;
	return MW_MAX_CHANNELS;
}

START_TEST(what_is_unusual_and_drives_the_alarm_comes_first)
{
	size_t n;
	double sum = 0;

	begin();
	at[FILTER].bits = 9;
	n = mw_causes_rank(&input, cause);
	ck_assert_uint_eq(cause[0].channel, FILTER);
	ck_assert_uint_eq(cause[0].distance, 1);
	ck_assert(cause[0].score > .9);
	for (size_t i = 0; i < n; i++)
		sum += cause[i].score;
	ck_assert_double_eq_tol(sum, 1, 1e-9);
}
END_TEST

START_TEST(alarms_counters_consequences_and_strangers_are_no_causes_of_an_alarm)
{
	size_t n;

	begin();
	for (size_t c = 0; c < N; c++)
		at[c].bits = 9;
	n = mw_causes_rank(&input, cause);
	ck_assert_uint_eq(place_of(ALARM, n), MW_MAX_CHANNELS);
	ck_assert_uint_eq(place_of(LINE, n), MW_MAX_CHANNELS);
	ck_assert_uint_eq(place_of(STOP, n), MW_MAX_CHANNELS);
	ck_assert_uint_eq(place_of(APART, n), MW_MAX_CHANNELS);
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(an_order_counts_half_and_what_came_after_a_quarter)
{
	begin();
	at[ORDER].bits = at[ANSWER].bits = at[FILTER].bits = 4.9;
	at[FILTER].since_ns = 150 * S;
	ck_assert_uint_eq(mw_causes_rank(&input, cause), 3);
	ck_assert_uint_eq(cause[0].channel, ANSWER);
	ck_assert_uint_eq(cause[1].channel, ORDER);
	ck_assert_double_eq_tol(cause[0].score / cause[1].score, 2, 1e-9);
	ck_assert_double_eq_tol(cause[0].score / cause[2].score, 4, 1e-9);
	at[FILTER].since_ns = 101 * S; /* within the slack there is no order */
	ck_assert_uint_eq(mw_causes_rank(&input, cause), 3);
	ck_assert_double_eq_tol(cause[0].score, cause[1].score, 1e-12);
}
END_TEST

START_TEST(of_two_equal_ones_the_more_recent_goes_first)
{
	begin();
	at[ANSWER].bits = at[FILTER].bits = 5;
	at[FILTER].since_ns = 90 * S;
	ck_assert_uint_ge(mw_causes_rank(&input, cause), 2);
	ck_assert_uint_eq(cause[0].channel, FILTER);
	ck_assert_uint_eq(cause[1].channel, ANSWER);
}
END_TEST

START_TEST(a_sole_cause_of_which_nothing_is_known_explains_the_alarm)
{
	begin();
	for (size_t c = 0; c < N; c++)
		at[c].present = c == FILTER || c == ALARM || c == STOP;
	at[FILTER].known = false;
	at[STOP].bits = 12;
	ck_assert_uint_eq(mw_causes_rank(&input, cause), 1);
	ck_assert_uint_eq(cause[0].channel, FILTER);
	ck_assert(cause[0].score == 1);
}
END_TEST

START_TEST(without_an_alarm_the_upstream_deviation_explains_the_others)
{
	begin();
	at[ORDER].bits = 0;
	at[ANSWER].bits = 6;
	at[STOP].bits = 6;
	symptom[0] = (struct mw_symptom){ANSWER, 6, 50 * S, at};
	symptom[1] = (struct mw_symptom){STOP, 6, 60 * S, at};
	input.n_symptoms = 2;
	ck_assert_uint_ge(mw_causes_rank(&input, cause), 2);
	ck_assert_uint_eq(cause[0].channel, ANSWER);
	ck_assert_uint_eq(cause[1].channel, STOP);
}
END_TEST

START_TEST(without_a_profile_the_strongest_deviation_comes_first)
{
	begin();
	input.profile = NULL;
	input.entry = NULL;
	input.paths = NULL;
	at[APART].bits = 7;
	at[FILTER].bits = 3;
	symptom[0] = (struct mw_symptom){FILTER, 3, 50 * S, at};
	symptom[1] = (struct mw_symptom){APART, 7, 50 * S, at};
	input.n_symptoms = 2;
	ck_assert_uint_ge(mw_causes_rank(&input, cause), 2);
	ck_assert_uint_eq(cause[0].channel, APART);
	ck_assert_uint_eq(cause[1].channel, FILTER);
	input.n_symptoms = 0;
	ck_assert_uint_eq(mw_causes_rank(&input, cause), 0);
}
END_TEST

/* --- faults ----------------------------------------------------------------------------------- */

START_TEST(the_prior_is_a_distribution_of_the_answers_kind)
{
	static const enum mw_fault answers[] = {MW_FAULT_LEAK, MW_FAULT_NONE, MW_FAULT_STARTUP};

	for (size_t i = 0; i < 3; i++) {
		double prior[MW_N_FAULT], sum = 0;
		bool operation = answers[i] == MW_FAULT_STARTUP;

		mw_causes_prior(answers[i], .6, prior);
		for (int f = 0; f < MW_N_FAULT; f++) {
			enum mw_fault_kind kind = mw_fault_kind_of((enum mw_fault)f);

			sum += prior[f];
			ck_assert(prior[f] == 0 || (kind == MW_KIND_OPERATION) == operation);
			ck_assert(prior[f] == 0 || kind != MW_KIND_NONE);
		}
		ck_assert_double_eq_tol(sum, 1, 1e-9);
		if (answers[i] != MW_FAULT_NONE)
			ck_assert_double_eq_tol(prior[answers[i]], .6, 1e-12);
	}
}
END_TEST

START_TEST(weak_points_move_faults_where_they_show)
{
	static struct mw_fault_library library;
	struct mw_fault_belief belief[MW_CAUSES_FAULTS];
	double prior[MW_N_FAULT] = {0};
	size_t n;

	library.fault[MW_FAULT_STUCK][MW_LANGUAGE_EN].cause[0] = (char *)"frost";
	library.fault[MW_FAULT_STUCK][MW_LANGUAGE_EN].check[0] = (char *)"the switch";
	begin();
	profile.n_weak = 2;
	prior[MW_FAULT_STUCK] = .2;
	prior[MW_FAULT_LEAK] = .3;
	prior[MW_FAULT_BIAS] = .5;
	at[ANSWER].bits = 9;
	n = mw_causes_rank(&input, cause);
	ck_assert_uint_eq(cause[0].channel, ANSWER);
	n = mw_causes_faults(prior, &input, cause, n, &library, MW_LANGUAGE_EN, belief);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(belief[0].fault, MW_FAULT_STUCK); /* .2 x nearly 4, .3 x 2, .5 */
	ck_assert_int_eq(belief[1].fault, MW_FAULT_LEAK);
	ck_assert_str_eq(belief[0].cause, "chips");
	ck_assert_str_eq(belief[0].check, "the switch");
	ck_assert_str_eq(belief[1].check, "hoses");
	ck_assert_str_eq(belief[2].cause, "");
	ck_assert_double_eq_tol(
	    belief[0].probability + belief[1].probability + belief[2].probability, 1, 1e-9);
	n = mw_causes_faults(prior, &input, NULL, 0, &library, MW_LANGUAGE_EN, belief);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(belief[0].fault, MW_FAULT_LEAK);
	ck_assert_double_eq_tol(belief[0].probability, .6 / 1.3, 1e-9);
}
END_TEST

START_TEST(a_contact_has_no_offset)
{
	struct mw_fault_belief belief[MW_CAUSES_FAULTS];
	double prior[MW_N_FAULT] = {0};
	size_t n;

	begin();
	prior[MW_FAULT_BIAS] = .8;
	prior[MW_FAULT_STUCK] = .2;
	at[ANSWER].bits = 20;
	n = mw_causes_rank(&input, cause);
	ck_assert_uint_eq(mw_causes_faults(prior, &input, cause, n, NULL, MW_LANGUAGE_EN, belief),
			  2);
	ck_assert_int_eq(belief[0].fault, MW_FAULT_STUCK);
	channel[ANSWER].kind = MW_CHANNEL_MEASURED;
	ck_assert_uint_eq(mw_causes_faults(prior, &input, cause, n, NULL, MW_LANGUAGE_EN, belief),
			  2);
	ck_assert_int_eq(belief[0].fault, MW_FAULT_BIAS);
	channel[ANSWER].kind = MW_CHANNEL_STATE;
}
END_TEST

MW_TEST_MAIN("causes", what_is_unusual_and_drives_the_alarm_comes_first,
	     alarms_counters_consequences_and_strangers_are_no_causes_of_an_alarm,
	     an_order_counts_half_and_what_came_after_a_quarter,
	     of_two_equal_ones_the_more_recent_goes_first,
	     a_sole_cause_of_which_nothing_is_known_explains_the_alarm,
	     without_an_alarm_the_upstream_deviation_explains_the_others,
	     without_a_profile_the_strongest_deviation_comes_first,
	     the_prior_is_a_distribution_of_the_answers_kind,
	     weak_points_move_faults_where_they_show, a_contact_has_no_offset)
