/* Symptoms of a window: against numpy, and what each one is there for. */
#include "gateway/core/evidence_impl.h"
#include "tests/unit/reference.h"
#include "tests/unit/signals.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* --- against numpy ---------------------------------------------------------------------------- */

#define REFERENCE "tests/data/reference_symptom.bin"
#define EXACT     1e-9 /* of its size, or of 1: another order of summation */
#define QUANTILE  2e-6 /* a surprise is a normal quantile, AS 241; also of a correlation with one */
#define ROUNDED   1e-5 /* of its size, or of 1: a symptom is a float */

static void near(double value, double expected, double tolerance, const char *what, size_t c)
{
	if (isnan(expected)) {
		ck_assert_msg(isnan(value), "%s of channel %zu: %.17g, not missing", what, c,
			      value);
		return;
	}
	ck_assert_msg(fabs(value - expected) <= tolerance * fmax(1, fabs(expected)),
		      "%s of channel %zu: %.17g is not %.17g", what, c, value, expected);
}

/* One asset of the file. */
struct vector {
	size_t n, learn, rows, windows;
	const double *use, *kind, *value, *judged;
	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
	size_t fed;
};

static void vector_learn(struct reference *reference, struct vector *v)
{
	const double *head = reference_take(reference, 4);
	struct mw_baseline_hints hints = {{0}};

	*v = (struct vector){.n = (size_t)head[0],
			     .learn = (size_t)head[1],
			     .rows = (size_t)head[2],
			     .windows = (size_t)head[3]};
	v->use = reference_take(reference, v->n);
	v->kind = reference_take(reference, v->n);
	v->value = reference_take(reference, v->rows * v->n);
	v->judged = reference_take(reference, v->rows * v->n);
	for (size_t c = 0; c < v->n; c++)
		hints.use[c] = (uint8_t)v->use[c];
	ck_assert_int_eq(mw_baseline_fit(v->value, v->learn, v->n, &hints, &v->baseline), MW_E_OK);
	ck_assert_int_eq(mw_evidence_new(v->baseline, &v->evidence), MW_E_OK);
}

static void check_judged(const struct vector *v, size_t c)
{
	const struct channel_model *channel = &v->baseline->channel[c];
	double tolerance = channel->kind == MW_SERIES_STATE ? QUANTILE : 0;
	double before = NAN;
	uint32_t rows = 0;

	ck_assert_int_eq((int)channel->kind, (int)v->kind[c]);
	for (size_t t = 0; t < v->rows; t++) {
		double value = v->value[t * v->n + c];

		near(channel_judged(channel, value, before, ++rows), v->judged[t * v->n + c],
		     tolerance, "judged", c);
		if (isnan(value))
			continue;
		before = value;
		rows = 0;
	}
}

static void check_model(struct reference *reference, const struct vector *v, size_t c)
{
	const double *median = reference_take(reference, N_MEASURE),
		     *spread = reference_take(reference, N_MEASURE);
	const double *rest = reference_take(reference, 8);
	const struct symptom_model *model = &v->baseline->symptom[c];

	for (size_t k = 0; k < N_MEASURE; k++) {
		near(model->median[k], median[k], EXACT, "median", c);
		near(model->spread[k], spread[k], EXACT, "spread", c);
	}
	near(model->correlation, rest[0], QUANTILE, "correlation", c);
	ck_assert_uint_eq(model->still_rows, (unsigned)rest[1]);
	ck_assert_uint_eq(model->lost_rows, (unsigned)rest[2]);
	ck_assert_uint_eq(model->lost_most, (unsigned)rest[3]);
	ck_assert_uint_eq(model->partner, rest[4] < 0 ? SYMPTOM_NO_PARTNER : (unsigned)rest[4]);
	ck_assert_int_eq(model->lag, (int)rest[5]);
	near(mw_baseline_location(v->baseline, c), rest[6], EXACT, "location", c);
	near(mw_baseline_scale(v->baseline, c), rest[7], EXACT, "scale", c);
}

/* Rows up to `end`; every patch was healthy, so that the long memory takes it in. */
static void vector_feed(struct vector *v, size_t end)
{
	for (size_t t = v->fed; t < end; t++) {
		const double *row = v->value + t * v->n;

		if (t < v->learn)
			mw_evidence_push_learn(v->evidence, t, (int64_t)t, row);
		else
			mw_evidence_push(v->evidence, (int64_t)t, row);
		if ((t + 1) % MW_PATCH_ROWS == 0)
			mw_evidence_remember(v->evidence, true);
	}
	v->fed = end;
	mw_evidence_read(v->evidence);
}

static void check_window(struct reference *reference, struct vector *v, size_t shown[MW_N_SYMPTOM])
{
	vector_feed(v, (size_t)reference_take(reference, 1)[0]);
	for (size_t c = 0; c < v->n; c++) {
		const double *expected = reference_take(reference, MW_N_SYMPTOM);

		for (int k = 0; k < MW_N_SYMPTOM; k++) {
			enum mw_symptom_kind kind = (enum mw_symptom_kind)k;

			near((double)mw_evidence_symptom(v->evidence, c, kind), expected[k],
			     ROUNDED, mw_symptom_text(kind), c);
			shown[k] += fabs(expected[k]) > 1;
		}
	}
}

START_TEST(what_is_learnt_and_every_symptom_agree_with_numpy)
{
	struct reference reference;
	struct vector v;
	size_t shown[MW_N_SYMPTOM] = {0};
	size_t cases;

	reference_open(&reference, REFERENCE);
	cases = (size_t)reference_take(&reference, 1)[0];
	ck_assert_uint_ge(cases, 4);
	while (cases-- > 0) {
		vector_learn(&reference, &v);
		for (size_t c = 0; c < v.n; c++)
			check_judged(&v, c);
		for (size_t c = 0; c < v.n; c++)
			check_model(&reference, &v, c);
		for (size_t i = 0; i < v.windows; i++)
			check_window(&reference, &v, shown);
		mw_evidence_free(v.evidence);
		mw_baseline_free(v.baseline);
	}
	ck_assert_uint_eq(reference.at, reference.size);
	free(reference.data);
	for (int k = 0; k < MW_N_SYMPTOM; k++)
		ck_assert_msg(shown[k] >= 4, "%s is hardly there",
			      mw_symptom_text((enum mw_symptom_kind)k));
}
END_TEST

/* --- what each one is there for --------------------------------------------------------------- */

#define N     4
#define LEARN 320
#define LIVE  LEARN /* the first row that was not learnt */
#define ROWS  (LEARN + 2 * MW_WINDOW_ROWS)

/* A healthy machine whose last window a test may change before it is fed. */
struct bench {
	double *value;
	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
};

static void bench_init(struct bench *bench, uint64_t seed)
{
	memset(bench, 0, sizeof(*bench));
	bench->value = signals_new(seed, ROWS, N);
}

static double *at(const struct bench *bench, size_t row, size_t channel)
{
	return &bench->value[row * N + channel];
}

static void bench_feed(struct bench *bench)
{
	bench->evidence = signals_feed(bench->value, LEARN, ROWS, N, &bench->baseline);
	mw_evidence_read(bench->evidence);
}

static void bench_done(struct bench *bench)
{
	mw_evidence_free(bench->evidence);
	mw_baseline_free(bench->baseline);
	free(bench->value);
}

static double symptom(const struct bench *bench, size_t channel, enum mw_symptom_kind kind)
{
	return (double)mw_evidence_symptom(bench->evidence, channel, kind);
}

START_TEST(healthy_windows_show_hardly_any_symptom)
{
	size_t large = 0, all = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct bench bench;

		bench_init(&bench, seed);
		bench_feed(&bench);
		for (size_t c = 0; c < N; c++)
			for (int k = 0; k < MW_N_SYMPTOM; k++, all++)
				large += fabs(symptom(&bench, c, (enum mw_symptom_kind)k)) > 3;
		bench_done(&bench);
	}
	ck_assert_uint_le(large * 50, all);
}
END_TEST

START_TEST(knocks_raise_impulse_of_their_channel_and_do_not_take_power_away)
{
	struct bench bench;

	bench_init(&bench, 21);
	for (size_t t = ROWS - 50; t < ROWS; t += 16)
		*at(&bench, t, 1) += 25;
	bench_feed(&bench);
	ck_assert_double_gt(symptom(&bench, 1, MW_SYMPTOM_IMPULSE), 5);
	ck_assert_double_gt(symptom(&bench, 1, MW_SYMPTOM_POWER), 0);
	for (size_t c = 0; c < N; c += 2)
		ck_assert_double_lt(symptom(&bench, c, MW_SYMPTOM_IMPULSE), 3);
	bench_done(&bench);
}
END_TEST

START_TEST(power_tells_by_its_sign_whether_a_channel_moves_more_or_less)
{
	struct bench bench;

	bench_init(&bench, 22);
	for (size_t t = LIVE; t < ROWS; t++) {
		*at(&bench, t, 0) = 20 + 6 * (*at(&bench, t, 0) - 20);
		*at(&bench, t, 1) = 20 + (*at(&bench, t, 1) - 20) / 6;
	}
	bench_feed(&bench);
	ck_assert_double_gt(symptom(&bench, 0, MW_SYMPTOM_POWER), 2);
	ck_assert_double_lt(symptom(&bench, 1, MW_SYMPTOM_POWER), -2);
	ck_assert_double_lt(fabs(symptom(&bench, 3, MW_SYMPTOM_POWER)), 2);
	bench_done(&bench);
}
END_TEST

START_TEST(a_tone_that_was_not_there_moves_the_bands)
{
	struct bench bench;

	bench_init(&bench, 23);
	for (size_t t = LIVE; t < ROWS; t++)
		*at(&bench, t, 2) += 4 * sin(2.5 * (double)t);
	bench_feed(&bench);
	ck_assert_double_gt(fabs(symptom(&bench, 2, MW_SYMPTOM_BAND)), 1.5);
	bench_done(&bench);
}
END_TEST

START_TEST(a_stuck_sensors_stillness_grows_with_the_log_of_its_run)
{
	struct bench bench;
	double half;

	bench_init(&bench, 24);
	for (size_t t = LIVE; t < ROWS; t++)
		*at(&bench, t, 1) = *at(&bench, LIVE, 1);
	bench.evidence =
	    signals_feed(bench.value, LEARN, LIVE + MW_WINDOW_ROWS, N, &bench.baseline);
	mw_evidence_read(bench.evidence);
	half = symptom(&bench, 1, MW_SYMPTOM_STILL);
	ck_assert_double_eq_tol(half, log2(MW_WINDOW_ROWS / 8.0), ROUNDED);
	for (size_t t = LIVE + MW_WINDOW_ROWS; t < ROWS; t++)
		mw_evidence_push(bench.evidence, (int64_t)t, at(&bench, t, 0));
	mw_evidence_read(bench.evidence);
	ck_assert_double_eq_tol(symptom(&bench, 1, MW_SYMPTOM_STILL), half + 1, ROUNDED);
	ck_assert_double_eq(symptom(&bench, 0, MW_SYMPTOM_STILL), 0);
	bench_done(&bench);
}
END_TEST

START_TEST(what_stood_still_while_it_was_learnt_may_stand_still)
{
	struct bench bench;

	bench_init(&bench, 25);
	for (size_t t = 0; t < ROWS; t++) /* a new reading every 16 rows */
		*at(&bench, t, 3) = *at(&bench, t - t % 16, 3);
	bench_feed(&bench);
	ck_assert_double_eq(symptom(&bench, 3, MW_SYMPTOM_STILL), 0);
	bench_done(&bench);
}
END_TEST

START_TEST(a_channel_that_falls_silent_alone_is_lost)
{
	const size_t rows = 40;
	struct bench bench;

	bench_init(&bench, 26);
	for (size_t t = ROWS - rows; t < ROWS; t++)
		*at(&bench, t, 2) = NAN;
	bench_feed(&bench);
	ck_assert_double_eq_tol(symptom(&bench, 2, MW_SYMPTOM_LOST), log2(((double)rows + 4) / 4),
				ROUNDED);
	for (size_t c = 0; c < N; c += c == 1 ? 2 : 1)
		ck_assert_double_eq(symptom(&bench, c, MW_SYMPTOM_LOST), 0);
	bench_done(&bench);
}
END_TEST

START_TEST(scattered_losses_add_up_over_the_window)
{
	struct bench bench;

	bench_init(&bench, 27);
	for (size_t t = LIVE; t < ROWS; t += 2)
		*at(&bench, t, 0) = NAN;
	bench_feed(&bench);
	ck_assert_double_eq_tol(symptom(&bench, 0, MW_SYMPTOM_LOST),
				log2((MW_WINDOW_ROWS / 2 + 4) / 4.0), ROUNDED);
	bench_done(&bench);
}
END_TEST

START_TEST(rows_in_which_nothing_was_heard_are_nobodys_loss)
{
	struct bench bench;

	bench_init(&bench, 28);
	for (size_t t = ROWS - 40; t < ROWS - 4; t++)
		for (size_t c = 0; c < N; c++)
			*at(&bench, t, c) = NAN;
	bench_feed(&bench);
	for (size_t c = 0; c < N; c++)
		ck_assert_double_eq(symptom(&bench, c, MW_SYMPTOM_LOST), 0);
	bench_done(&bench);
}
END_TEST

START_TEST(silence_of_all_does_not_hide_that_one_stays_away_longer)
{
	struct bench bench;

	bench_init(&bench, 29);
	for (size_t t = ROWS - 30; t < ROWS; t++)
		for (size_t c = 0; c < N; c++)
			if (c == 3 || t < ROWS - 12)
				*at(&bench, t, c) = NAN;
	bench_feed(&bench);
	ck_assert_double_eq_tol(symptom(&bench, 3, MW_SYMPTOM_LOST), log2((12 + 4) / 4.0), ROUNDED);
	ck_assert_double_eq(symptom(&bench, 0, MW_SYMPTOM_LOST), 0);
	bench_done(&bench);
}
END_TEST

START_TEST(a_broken_coupling_is_told_of_the_pair)
{
	struct bench bench;
	double *other = signals_new(99, ROWS, 1);

	bench_init(&bench, 30);
	for (size_t t = 0; t < ROWS; t++)
		*at(&bench, t, 1) = 3 * *at(&bench, t, 0) + 0.1 * *at(&bench, t, 1);
	bench_feed(&bench);
	ck_assert_uint_eq(bench.baseline->symptom[1].partner, 0);
	ck_assert_double_lt(symptom(&bench, 1, MW_SYMPTOM_COUPLING), 3);
	mw_evidence_free(bench.evidence);
	mw_baseline_free(bench.baseline);
	for (size_t t = LIVE; t < ROWS; t++) /* as lively as before, but by itself */
		*at(&bench, t, 1) = 3 * other[t] + 2;
	bench_feed(&bench);
	ck_assert_double_gt(symptom(&bench, 1, MW_SYMPTOM_COUPLING), 5);
	ck_assert_double_lt(symptom(&bench, 3, MW_SYMPTOM_COUPLING), 5);
	free(other);
	bench_done(&bench);
}
END_TEST

START_TEST(a_state_never_seen_and_one_that_lasts_are_surprises)
{
	struct bench bench;

	bench_init(&bench, 31);
	for (size_t t = 0; t < ROWS; t++) {
		*at(&bench, t, 0) = (double)(t / 10 % 2); /* 10 rows on, 10 off */
		*at(&bench, t, 1) = (double)(t / 10 % 2);
	}
	for (size_t t = ROWS - 4; t < ROWS; t++)
		*at(&bench, t, 0) = 5;
	for (size_t t = ROWS - 40; t < ROWS; t++)
		*at(&bench, t, 1) = 1;
	bench_feed(&bench);
	ck_assert_int_eq((int)bench.baseline->channel[0].kind, MW_SERIES_STATE);
	ck_assert_double_gt(symptom(&bench, 0, MW_SYMPTOM_STATE), 2); /* of 32 spells: p = 1 / 33 */
	ck_assert_double_ge(symptom(&bench, 1, MW_SYMPTOM_STATE), 2); /* 4 times as long */
	ck_assert_double_eq(symptom(&bench, 2, MW_SYMPTOM_STATE), 0);
	bench_done(&bench);
}
END_TEST

START_TEST(too_short_a_learn_segment_says_nothing_of_shapes)
{
	struct bench bench;

	bench_init(&bench, 32);
	for (size_t t = ROWS - 50; t < ROWS; t += 16)
		*at(&bench, t, 1) += 25;
	bench.evidence = signals_feed(bench.value, 128, ROWS, N, &bench.baseline);
	mw_evidence_read(bench.evidence);
	ck_assert_double_eq(symptom(&bench, 1, MW_SYMPTOM_IMPULSE), 0);
	ck_assert_double_eq(symptom(&bench, 1, MW_SYMPTOM_COUPLING), 0);
	bench_done(&bench);
}
END_TEST

START_TEST(symptoms_are_bounded_and_finite_whatever_comes)
{
	static const double odd[] = {1e30, -1e30, 0, NAN, 1e-300, INFINITY};
	struct bench bench;

	bench_init(&bench, 33);
	for (size_t t = LIVE; t < ROWS; t++)
		for (size_t c = 0; c < N; c++)
			*at(&bench, t, c) = odd[(t * (c + 1) + t / 7) % 6];
	bench_feed(&bench);
	for (size_t c = 0; c < N; c++)
		for (int k = 0; k < MW_N_SYMPTOM; k++)
			ck_assert(fabs(symptom(&bench, c, (enum mw_symptom_kind)k)) <= 60);
	bench_done(&bench);
}
END_TEST

/* --- bytes ------------------------------------------------------------------------------------ */

static uint8_t *packed(const struct symptom_model *model, size_t *ret_size)
{
	struct mw_writer writer = {0};
	uint8_t *data;

	symptom_pack(&writer, model);
	ck_assert_int_eq(mw_writer_finish(&writer, &data, ret_size), MW_E_OK);
	return data;
}

static bool unpacks(const struct symptom_model *model, size_t n)
{
	struct symptom_model again;
	struct mw_reader reader;
	size_t size;
	uint8_t *data = packed(model, &size);
	bool fine;

	mw_reader_init(&reader, data, size);
	fine = symptom_unpack(&reader, n, &again);
	free(data);
	return fine;
}

START_TEST(a_stored_model_is_the_same)
{
	struct bench bench;
	struct symptom_model again;
	struct mw_reader reader;
	uint8_t *data;
	size_t size;

	bench_init(&bench, 34);
	bench_feed(&bench);
	for (size_t c = 0; c < N; c++) {
		data = packed(&bench.baseline->symptom[c], &size);
		mw_reader_init(&reader, data, size);
		memset(&again, 0, sizeof(again));
		ck_assert(symptom_unpack(&reader, N, &again));
		ck_assert(mw_reader_is_done(&reader));
		ck_assert_mem_eq(&again, &bench.baseline->symptom[c], sizeof(again));
		for (size_t cut = 0; cut < size; cut++) {
			mw_reader_init(&reader, data, cut);
			ck_assert(!symptom_unpack(&reader, N, &again));
		}
		free(data);
	}
	bench_done(&bench);
}
END_TEST

START_TEST(a_model_of_impossible_numbers_is_refused)
{
	struct symptom_model fine = {.correlation = -1, .partner = 2, .lag = -SYMPTOM_LAG_MOST};
	struct symptom_model bad;

	for (size_t k = 0; k < N_MEASURE; k++)
		fine.spread[k] = 1;
	ck_assert(unpacks(&fine, 3));
	ck_assert(!unpacks(&fine, 2)); /* a partner that is not there */
	for (size_t k = 0; k < N_MEASURE; k++) {
		bad = fine;
		bad.median[k] = NAN;
		ck_assert(!unpacks(&bad, 3));
		bad = fine;
		bad.spread[k] = INFINITY;
		ck_assert(!unpacks(&bad, 3));
		bad = fine;
		bad.spread[k] = -1;
		ck_assert(!unpacks(&bad, 3));
	}
	for (size_t k = 1; k < N_MEASURE; k++) {
		bad = fine;
		bad.spread[k] = 0; /* of what was learnt: it is divided by */
		ck_assert(!unpacks(&bad, 3));
	}
	bad = fine;
	bad.median[MEASURE_POWER] = -1;
	ck_assert(!unpacks(&bad, 3));
	bad = fine;
	bad.correlation = 1.5;
	ck_assert(!unpacks(&bad, 3));
	bad = fine;
	bad.lag = SYMPTOM_LAG_MOST + 1;
	ck_assert(!unpacks(&bad, 3));
}
END_TEST

MW_TEST_MAIN("symptom", what_is_learnt_and_every_symptom_agree_with_numpy,
	     healthy_windows_show_hardly_any_symptom,
	     knocks_raise_impulse_of_their_channel_and_do_not_take_power_away,
	     power_tells_by_its_sign_whether_a_channel_moves_more_or_less,
	     a_tone_that_was_not_there_moves_the_bands,
	     a_stuck_sensors_stillness_grows_with_the_log_of_its_run,
	     what_stood_still_while_it_was_learnt_may_stand_still,
	     a_channel_that_falls_silent_alone_is_lost, scattered_losses_add_up_over_the_window,
	     rows_in_which_nothing_was_heard_are_nobodys_loss,
	     silence_of_all_does_not_hide_that_one_stays_away_longer,
	     a_broken_coupling_is_told_of_the_pair,
	     a_state_never_seen_and_one_that_lasts_are_surprises,
	     too_short_a_learn_segment_says_nothing_of_shapes,
	     symptoms_are_bounded_and_finite_whatever_comes, a_stored_model_is_the_same,
	     a_model_of_impossible_numbers_is_refused)
