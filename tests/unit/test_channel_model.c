/* What is judged of a channel, and what that does to its evidence. */
#include "gateway/core/evidence_impl.h"
#include "tests/unit/signals.h"
#include "tests/unit/unit.h"

#include <string.h>

#define LEARN 320
#define ROWS  (LEARN + MW_WINDOW_ROWS)

/* --- kinds ------------------------------------------------------------------------------------ */

enum looks { STILL, NOISE, SWITCH, PIECES, SELDOM, N_LOOKS };

static double reading(enum looks looks, size_t t)
{
	switch (looks) {
	case NOISE:
		return 20 + sin((double)(t * t));
	case SWITCH:
		return (double)(t / 20 % 2);
	case PIECES:
		return (double)(t / 3);
	case SELDOM: /* counts, too seldom for the readings to tell */
		return (double)(t / 100);
	default:
		return 7.5;
	}
}

START_TEST(a_channels_kind_is_what_somebody_said_as_far_as_the_readings_bear_it)
{
	/* by enum looks: measured, state or counter */
	static const char *const kind[MW_N_USE] = {[MW_USE_GUESS] = "MMSCS",
						   [MW_USE_QUANTITY] = "MMMMM",
						   [MW_USE_STATE] = "SMSMS",
						   [MW_USE_COMMAND] = "SMSMS",
						   [MW_USE_COUNTER] = "CCCCC"};
	static const char letter[] = {
	    [MW_SERIES_MEASURED] = 'M', [MW_SERIES_STATE] = 'S', [MW_SERIES_COUNTER] = 'C'};
	double value[LEARN];
	struct channel_model model;

	for (int looks = 0; looks < N_LOOKS; looks++) {
		for (size_t t = 0; t < LEARN; t++)
			value[t] = reading((enum looks)looks, t);
		for (int use = 0; use < MW_N_USE; use++) {
			ck_assert_int_eq(
			    channel_learn((enum mw_channel_use)use, value, LEARN, &model), MW_E_OK);
			ck_assert_msg(letter[model.kind] == kind[use][looks],
				      "use %d, looks %d: %d", use, looks, (int)model.kind);
			channel_done(&model);
		}
	}
}
END_TEST

/* --- what is judged --------------------------------------------------------------------------- */

START_TEST(a_quantity_is_judged_as_it_is)
{
	struct channel_model model = {.kind = MW_SERIES_MEASURED};

	ck_assert_double_eq(channel_judged(&model, -3.25, 8, 1), -3.25);
	ck_assert_double_eq(channel_judged(&model, -3.25, NAN, 1), -3.25);
	ck_assert(isnan(channel_judged(&model, NAN, 8, 1)));
}
END_TEST

START_TEST(a_counter_is_judged_by_its_rate_and_not_at_its_first_reading_or_reset)
{
	struct channel_model model = {.kind = MW_SERIES_COUNTER};

	ck_assert_double_eq(channel_judged(&model, 1005, 1002, 1), 3);
	ck_assert_double_eq(channel_judged(&model, 1005, 1005, 1), 0);
	ck_assert_double_eq(channel_judged(&model, 1065, 1005, 60), 1); /* after an outage */
	ck_assert(isnan(channel_judged(&model, 1005, NAN, 1)));
	ck_assert(isnan(channel_judged(&model, 2, 1005, 1)));
	ck_assert(isnan(channel_judged(&model, NAN, 1005, 1)));
}
END_TEST

/* 1 mostly, 0 at times, 2 once. */
static void learn_modes(struct channel_model *ret)
{
	double value[LEARN];

	for (size_t t = 0; t < LEARN; t++)
		value[t] = t % 40 < 8 ? 0 : 1;
	for (size_t t = 100; t < 106; t++)
		value[t] = 2;
	value[50] = NAN;
	ck_assert_int_eq(channel_learn(MW_USE_STATE, value, LEARN, ret), MW_E_OK);
	ck_assert_int_eq((int)ret->kind, MW_SERIES_STATE);
}

START_TEST(a_state_is_judged_by_its_surprise_with_the_side_it_lies_on)
{
	struct channel_model model;
	double often, once, never;

	learn_modes(&model);
	ck_assert_double_eq(model.commonest, 1);
	ck_assert_double_eq(channel_judged(&model, 1, 0, 1), 0);
	often = channel_judged(&model, 0, 1, 1);
	once = channel_judged(&model, 2, 1, 1);
	never = channel_judged(&model, 3, 1, 1);
	ck_assert_double_lt(often, 0); /* below the commonest */
	ck_assert_double_gt(once, -often);
	ck_assert_double_gt(never, once);
	ck_assert_double_eq(channel_judged(&model, 0.5, 1, 1), -never);
	ck_assert_double_eq(never, mw_state_surprise(model.table, 3));
	ck_assert_double_eq(channel_judged(&model, 2, NAN, 1), once); /* whatever was before */
	ck_assert(isnan(channel_judged(&model, NAN, 1, 1)));
	channel_done(&model);
}
END_TEST

/* --- bytes ------------------------------------------------------------------------------------ */

static uint8_t *packed(const struct channel_model *model, size_t *ret_size)
{
	struct mw_writer writer = {0};
	uint8_t *data;

	channel_pack(&writer, model);
	ck_assert_int_eq(mw_writer_finish(&writer, &data, ret_size), MW_E_OK);
	return data;
}

static bool unpacks(const struct channel_model *model)
{
	struct channel_model again;
	struct mw_reader reader;
	size_t size;
	uint8_t *data = packed(model, &size);
	bool fine;

	mw_reader_init(&reader, data, size);
	fine = channel_unpack(&reader, &again);
	if (fine)
		channel_done(&again);
	free(data);
	return fine;
}

START_TEST(a_stored_model_judges_the_same)
{
	struct channel_model model, again;
	struct mw_reader reader;
	uint8_t *data;
	size_t size;

	learn_modes(&model);
	data = packed(&model, &size);
	mw_reader_init(&reader, data, size);
	ck_assert(channel_unpack(&reader, &again));
	ck_assert(mw_reader_is_done(&reader));
	for (double value = -1; value <= 4; value += 0.5)
		ck_assert_double_eq(channel_judged(&again, value, 0, 1),
				    channel_judged(&model, value, 0, 1));
	for (size_t s = 0; s < model.table->n; s++)
		ck_assert_double_eq(mw_state_dwell(again.table, (double)s, 99),
				    mw_state_dwell(model.table, (double)s, 99));
	channel_done(&again);
	channel_done(&model);
	for (size_t cut = 0; cut < size; cut++) {
		mw_reader_init(&reader, data, cut);
		ck_assert(!channel_unpack(&reader, &again));
	}
	free(data);
}
END_TEST

START_TEST(a_model_that_cannot_be_is_refused)
{
	struct channel_model fine, bad;

	learn_modes(&fine);
	ck_assert(unpacks(&fine));
	bad = fine;
	bad.commonest = NAN;
	ck_assert(!unpacks(&bad));
	fine.table->state[1].value = INFINITY;
	ck_assert(!unpacks(&fine));
	channel_done(&fine);
	bad = (struct channel_model){.kind = MW_SERIES_CONSTANT};
	ck_assert(!unpacks(&bad));
	bad = (struct channel_model){.kind = (enum mw_series_kind)200};
	ck_assert(!unpacks(&bad));
}
END_TEST

START_TEST(a_table_of_more_states_than_there_is_room_for_is_refused)
{
	struct channel_model model, again;
	struct mw_reader reader;
	uint8_t *data;
	size_t size;

	learn_modes(&model);
	data = packed(&model, &size);
	data[9] = MW_STATE_MAX + 1; /* after kind and commonest */
	mw_reader_init(&reader, data, size);
	ck_assert(!channel_unpack(&reader, &again));
	free(data);
	channel_done(&model);
}
END_TEST

/* --- in the evidence -------------------------------------------------------------------------- */

/* Two coupled quantities and, as channel 2, what a test is about. */
#define N 3
struct bench {
	double value[ROWS * N];
	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
	double worst_z, worst_r, worst_e, worst_d; /* of channel 2, over the live rows */
};

static double *at(struct bench *bench, size_t row)
{
	return &bench->value[row * N + 2];
}

static void bench_init(struct bench *bench, uint64_t seed)
{
	double *value = signals_new(seed, ROWS, N);

	memset(bench, 0, sizeof(*bench));
	memcpy(bench->value, value, sizeof(bench->value));
	free(value);
}

static void note_worst(struct bench *bench)
{
	const struct mw_row_evidence *row = mw_evidence_last(bench->evidence);

	bench->worst_z = fmax(bench->worst_z, fabs(row->z[2]));
	bench->worst_d = fmax(bench->worst_d, fabs(row->d[2]));
	bench->worst_r = fmax(bench->worst_r, fabs(row->r[2]));
	bench->worst_e = fmax(bench->worst_e, fabs(row->e[2]));
}

static void bench_feed(struct bench *bench, enum mw_channel_use use)
{
	struct mw_baseline_hints hints = {{MW_USE_QUANTITY, MW_USE_QUANTITY, (uint8_t)use}};

	ck_assert_int_eq(mw_baseline_fit(bench->value, LEARN, N, &hints, &bench->baseline),
			 MW_E_OK);
	ck_assert_int_eq(mw_evidence_new(bench->baseline, &bench->evidence), MW_E_OK);
	for (size_t t = 0; t < ROWS; t++) {
		if (t < LEARN) {
			mw_evidence_push_learn(bench->evidence, t, (int64_t)t,
					       bench->value + t * N);
			continue;
		}
		mw_evidence_push(bench->evidence, (int64_t)t, bench->value + t * N);
		note_worst(bench);
	}
}

static void bench_done(struct bench *bench)
{
	mw_evidence_free(bench->evidence);
	mw_baseline_free(bench->baseline);
}

START_TEST(a_rare_healthy_state_is_no_more_than_a_surprise)
{
	struct bench bench;
	double surprise;

	bench_init(&bench, 1);
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t) = t / 4 == 40 || t / 4 == (LEARN + 20) / 4; /* once, then again */
	bench_feed(&bench, MW_USE_STATE);
	surprise = mw_state_surprise(bench.baseline->channel[2].table, 1);
	ck_assert_double_gt(surprise, 1);
	ck_assert_double_eq_tol(bench.worst_z, surprise, 1e-12);
	ck_assert_double_le(bench.worst_d, surprise);
	ck_assert_double_le(bench.worst_r, 1.25 * surprise);
	ck_assert_double_le(bench.worst_e, 1.25 * surprise);
	ck_assert_double_le(bench.worst_r, 4);
	bench_done(&bench);
}
END_TEST

START_TEST(a_state_never_seen_weighs_what_the_learn_rows_can_prove)
{
	struct bench bench;
	double surprise;

	bench_init(&bench, 2);
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t) = t < LEARN ? (double)(t / 8 % 2) : 9;
	bench_feed(&bench, MW_USE_GUESS);
	surprise = mw_state_surprise(bench.baseline->channel[2].table, 9);
	ck_assert_double_eq_tol(surprise, mw_stat_z_of_p(1 / 41.0), 1e-12); /* 40 spells */
	ck_assert_double_eq_tol(bench.worst_z, surprise, 1e-12);
	bench_done(&bench);
}
END_TEST

START_TEST(a_counter_that_stood_still_while_it_was_learnt_says_nothing)
{
	struct bench bench;
	struct mw_channel_finding finding;

	bench_init(&bench, 3);
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t) = t < LEARN ? 400 : 400 + 3.0 * (double)(t - LEARN);
	bench_feed(&bench, MW_USE_COUNTER);
	ck_assert_double_lt(bench.worst_z, 1e-9);
	ck_assert_double_lt(bench.worst_r, 1e-6);
	ck_assert_double_lt(bench.worst_e, 1e-6);
	mw_evidence_finding(bench.evidence, 2, 0, &finding);
	ck_assert_int_eq(finding.direction, 0);
	ck_assert_double_eq_tol(finding.deviation, 0, 1e-9);
	bench_done(&bench);
}
END_TEST

START_TEST(a_counters_rare_steps_are_no_deviation)
{
	struct bench bench;

	bench_init(&bench, 4);
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t) = (double)(t / 30); /* a piece every 30 rows */
	bench_feed(&bench, MW_USE_COUNTER);
	ck_assert_double_gt(bench.worst_z, 2.9); /* the largest step learnt is 3 */
	ck_assert_double_lt(bench.worst_z, 3.1);
	ck_assert_double_lt(bench.worst_r, 3.5);
	ck_assert_double_lt(bench.worst_e, 3.5);
	bench_done(&bench);
}
END_TEST

START_TEST(a_reset_of_a_counter_is_no_deviation_and_a_race_is_one)
{
	struct bench bench;

	bench_init(&bench, 5);
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t) = (double)(t < LEARN + 20 ? t / 3 : (t - LEARN - 20) / 3);
	bench_feed(&bench, MW_USE_COUNTER);
	ck_assert_double_lt(bench.worst_z, 3.1);
	bench_done(&bench);
	memset(&bench.worst_z, 0, sizeof(bench.worst_z));
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t) = (double)(t < LEARN ? t / 3 : LEARN / 3 + 10 * (t - LEARN));
	bench_feed(&bench, MW_USE_COUNTER);
	ck_assert_double_gt(bench.worst_z, 20);
	bench_done(&bench);
}
END_TEST

START_TEST(a_quantity_is_held_against_the_rate_of_the_counter_that_counts_it)
{
	struct bench bench;
	double count = 1000;

	bench_init(&bench, 8);
	for (size_t t = 0; t < ROWS; t++) { /* power, and the energy that it adds up to */
		count += rint(3 * bench.value[t * N]);
		*at(&bench, t) = count;
	}
	bench_feed(&bench, MW_USE_COUNTER);
	ck_assert_uint_eq(bench.baseline->symptom[0].partner, 2);
	mw_evidence_read(bench.evidence);
	ck_assert_double_lt((double)mw_evidence_symptom(bench.evidence, 0, MW_SYMPTOM_COUPLING), 2);
	bench_done(&bench);
}
END_TEST

/* --- told to people --------------------------------------------------------------------------- */

START_TEST(a_states_finding_is_told_in_the_readings_own_unit)
{
	struct bench bench;
	struct mw_channel_finding finding;
	double value, expected;

	bench_init(&bench, 6);
	for (size_t t = 0; t < ROWS; t++) /* a gear, 3 mostly */
		*at(&bench, t) = t < LEARN ? (t % 40 < 30 ? 3 : 4) : 3;
	for (size_t t = ROWS - 12; t < ROWS; t++)
		*at(&bench, t) = 1;
	bench_feed(&bench, MW_USE_STATE);
	mw_evidence_finding(bench.evidence, 2, MW_WINDOW_PATCHES - 3, &finding);
	ck_assert_double_eq(finding.peak_value, 1);
	ck_assert_double_eq(finding.expected, 3);
	ck_assert_double_eq_tol(finding.deviation,
				-mw_state_surprise(bench.baseline->channel[2].table, 1), 1e-9);
	ck_assert_int_eq(finding.direction, -1);
	ck_assert_int_eq(finding.move, -1);
	mw_evidence_sample(bench.evidence, 2, 0, &value, &expected, NULL);
	ck_assert_double_eq(value, 3);
	ck_assert_double_eq(expected, 3);
	bench_done(&bench);
}
END_TEST

START_TEST(a_counters_finding_is_told_in_counts)
{
	struct bench bench;
	struct mw_channel_finding finding;
	double rate;

	bench_init(&bench, 7);
	for (size_t t = 0; t < ROWS; t++) /* 5 or 6 a row, then 20 */
		*at(&bench, t) = 1e6 + 5 * (double)t + (double)(t / 2);
	for (size_t t = ROWS - 8; t < ROWS; t++)
		*at(&bench, t) = *at(&bench, t - 1) + 20;
	bench_feed(&bench, MW_USE_COUNTER);
	rate = mw_baseline_location(bench.baseline, 2);
	mw_evidence_finding(bench.evidence, 2, MW_WINDOW_PATCHES - 2, &finding);
	ck_assert_double_eq(finding.peak_value - finding.expected, 20 - rate);
	ck_assert_double_ge(finding.peak_value, *at(&bench, ROWS - 8));
	ck_assert_double_eq_tol(finding.deviation,
				(20 - rate) / mw_baseline_scale(bench.baseline, 2), 1e-9);
	ck_assert_int_eq(finding.direction, 1);
	bench_done(&bench);
}
END_TEST

MW_TEST_MAIN("channel_model", a_channels_kind_is_what_somebody_said_as_far_as_the_readings_bear_it,
	     a_quantity_is_judged_as_it_is,
	     a_counter_is_judged_by_its_rate_and_not_at_its_first_reading_or_reset,
	     a_state_is_judged_by_its_surprise_with_the_side_it_lies_on,
	     a_stored_model_judges_the_same, a_model_that_cannot_be_is_refused,
	     a_table_of_more_states_than_there_is_room_for_is_refused,
	     a_rare_healthy_state_is_no_more_than_a_surprise,
	     a_state_never_seen_weighs_what_the_learn_rows_can_prove,
	     a_counter_that_stood_still_while_it_was_learnt_says_nothing,
	     a_counters_rare_steps_are_no_deviation,
	     a_reset_of_a_counter_is_no_deviation_and_a_race_is_one,
	     a_quantity_is_held_against_the_rate_of_the_counter_that_counts_it,
	     a_states_finding_is_told_in_the_readings_own_unit,
	     a_counters_finding_is_told_in_counts)
