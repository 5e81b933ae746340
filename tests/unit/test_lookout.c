/* test_lookout.c -- what a machine's lookout remembers of alarms, row by row, and over a restart. */
#include "gateway/base/pack.h"
#include "gateway/core/lookout.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S 1000000000LL

enum { DOOR, PUMP, ALARM, N };

static struct mw_profile_channel channel[N] = {
    [DOOR] = {.name = "door", .kind = MW_CHANNEL_STATE},
    [PUMP] = {.name = "pump", .kind = MW_CHANNEL_STATE},
    [ALARM] = {.name = "alarm", .kind = MW_CHANNEL_ALARM},
};
static struct mw_profile_edge edge[] = {{.from = DOOR, .to = ALARM}, {.from = PUMP, .to = ALARM}};
static struct mw_profile_paths paths;
static struct mw_profile profile = {
    .n_channel = N, .channel = channel, .n_edge = 2, .edge = edge, .paths = &paths};
static const int entry[N] = {DOOR, PUMP, ALARM};
static const struct mw_cause_channel none[N];

/* An hour in which the pump goes on and off every minute and the door stays shut. */
static struct mw_lookout *watching(void)
{
	struct mw_lookout *l;

	for (size_t c = 0; c < N; c++)
		channel[c].low = channel[c].high = channel[c].alarm_low = channel[c].alarm_high =
		    NAN;
	mw_profile_paths(&profile, &paths);
	ck_assert_int_eq(mw_lookout_new(&profile, entry, N, &l), MW_E_OK);
	mw_lookout_learn(l, true);
	for (int64_t t = 0; t < 3600; t += 30) {
		mw_lookout_push(l, DOOR, t * S, 0);
		mw_lookout_push(l, PUMP, t * S, (double)(t / 30 % 2));
		mw_lookout_push(l, ALARM, t * S, 0);
	}
	mw_lookout_cut(l, 3600 * S);
	mw_lookout_learn(l, false);
	return l;
}

static void row(struct mw_lookout *l, int64_t t, double door, double pump, double alarm)
{
	mw_lookout_push(l, DOOR, t * S, door);
	mw_lookout_push(l, PUMP, t * S, pump);
	mw_lookout_push(l, ALARM, t * S, alarm);
}

/* The door opens, the alarm comes, the door shuts again while the alarm stands. */
static void door_trips_alarm(struct mw_lookout *l)
{
	row(l, 5000, 0, 0, 0);
	row(l, 5010, 0, 1, 0);
	row(l, 5020, 1, 1, 1);
	row(l, 5021, 1, 1, 1);
	row(l, 5030, 0, 1, 1);
}

START_TEST(an_alarm_is_explained_by_what_was_when_it_showed)
{
	struct mw_lookout *l = watching();
	struct mw_ranking ranking;

	door_trips_alarm(l);
	mw_lookout_rank(l, 5030 * S, none, &ranking);
	ck_assert_uint_eq(ranking.n_symptom, 1);
	ck_assert_uint_eq(ranking.symptom[0].channel, ALARM);
	ck_assert_int_eq(ranking.symptom[0].onset_ns, 5020 * S);
	ck_assert_uint_eq(ranking.cause[0].channel, DOOR);
	ck_assert(ranking.cause[0].at.value == 1);
	mw_lookout_free(l);
}
END_TEST

START_TEST(an_alarm_of_this_very_moment_is_explained_as_well)
{
	struct mw_lookout *l = watching();
	struct mw_ranking ranking;

	row(l, 5000, 0, 0, 0);
	row(l, 5020, 1, 0, 1);
	mw_lookout_rank(l, 5020 * S, none, &ranking);
	ck_assert_uint_eq(ranking.n_symptom, 1);
	ck_assert_uint_eq(ranking.cause[0].channel, DOOR);
	mw_lookout_free(l);
}
END_TEST

START_TEST(an_alarm_that_went_is_no_symptom_any_more)
{
	struct mw_lookout *l = watching();
	struct mw_ranking ranking;

	door_trips_alarm(l);
	row(l, 5040, 0, 1, 0);
	mw_lookout_rank(l, 5040 * S, none, &ranking);
	for (size_t i = 0; i < ranking.n_symptom; i++)
		ck_assert_uint_ne(ranking.symptom[i].channel, ALARM);
	mw_lookout_free(l);
}
END_TEST

static uint8_t *packed(const struct mw_lookout *l, size_t *ret_size)
{
	struct mw_writer w = {0};
	uint8_t *data;

	mw_lookout_put(l, &w);
	ck_assert_int_eq(mw_writer_finish(&w, &data, ret_size), MW_E_OK);
	return data;
}

START_TEST(a_restored_lookout_knows_the_same)
{
	struct mw_lookout *l = watching(), *back;
	struct mw_ranking a, b;
	struct mw_reader r;
	uint8_t *data, *again;
	size_t size, size_again;

	door_trips_alarm(l);
	data = packed(l, &size);
	ck_assert_int_eq(mw_lookout_new(&profile, entry, N, &back), MW_E_OK);
	mw_reader_init(&r, data, size);
	ck_assert_int_eq(mw_lookout_get(back, &r), MW_E_OK);
	ck_assert(mw_reader_is_done(&r));
	again = packed(back, &size_again);
	ck_assert_uint_eq(size, size_again);
	ck_assert_mem_eq(data, again, size);
	mw_lookout_rank(l, 5030 * S, none, &a);
	mw_lookout_rank(back, 5030 * S, none, &b);
	ck_assert_uint_eq(a.n_cause, b.n_cause);
	for (size_t i = 0; i < a.n_cause; i++)
		ck_assert(a.cause[i].channel == b.cause[i].channel &&
			  a.cause[i].score == b.cause[i].score);
	free(data);
	free(again);
	mw_lookout_free(l);
	mw_lookout_free(back);
}
END_TEST

START_TEST(a_cut_or_bent_state_is_refused_and_another_profiles_left_out)
{
	struct mw_lookout *l = watching(), *back;
	struct mw_ranking ranking;
	struct mw_reader r;
	size_t size;
	uint8_t *data;

	door_trips_alarm(l);
	data = packed(l, &size);
	for (size_t cut = 0; cut < size; cut++) {
		ck_assert_int_eq(mw_lookout_new(&profile, entry, N, &back), MW_E_OK);
		mw_reader_init(&r, data, cut);
		ck_assert_int_eq(mw_lookout_get(back, &r), MW_E_CORRUPT);
		mw_lookout_free(back);
	}
	ck_assert_int_eq(mw_lookout_new(NULL, NULL, N, &back), MW_E_OK);
	mw_reader_init(&r, data, size);
	ck_assert_int_eq(mw_lookout_get(back, &r), MW_E_OK);
	mw_lookout_rank(back, 5030 * S, none, &ranking);
	ck_assert_uint_eq(ranking.n_cause, 0);
	free(data);
	mw_lookout_free(l);
	mw_lookout_free(back);
}
END_TEST

START_TEST(with_the_model_its_suspect_comes_first_and_probabilities_sum_to_one)
{
	struct mw_cause_channel finding[N] = {{true, true, 4, 100 * S, -1, 1},
					      {true, true, 4, 100 * S, -1, 1}};
	struct mw_cause_view view[N] = {
	    [DOOR] = {.read = true, .suspicion = -4}, [PUMP] = {.read = true, .suspicion = 4}};
	struct mw_lookout *l;
	struct mw_ranking ranking;

	ck_assert_int_eq(mw_lookout_new(NULL, NULL, N, &l), MW_E_OK);
	mw_lookout_push(l, DOOR, 100 * S, 1);
	mw_lookout_push(l, PUMP, 100 * S, 1);
	mw_lookout_rank(l, 200 * S, finding, &ranking);
	mw_causes_blend(&ranking.input, view, ranking.cause, ranking.n_cause);
	ck_assert_uint_eq(ranking.n_cause, 2);
	ck_assert_uint_eq(ranking.cause[0].channel, PUMP);
	ck_assert_double_eq_tol(ranking.cause[0].probability + ranking.cause[1].probability, 1,
				1e-12);
	ck_assert_double_gt(ranking.cause[0].probability, 0.6);
	mw_lookout_free(l);
}
END_TEST

MW_TEST_MAIN("lookout", an_alarm_is_explained_by_what_was_when_it_showed,
	     an_alarm_of_this_very_moment_is_explained_as_well,
	     an_alarm_that_went_is_no_symptom_any_more, a_restored_lookout_knows_the_same,
	     a_cut_or_bent_state_is_refused_and_another_profiles_left_out,
	     with_the_model_its_suspect_comes_first_and_probabilities_sum_to_one)
