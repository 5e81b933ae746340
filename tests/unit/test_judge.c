#include "gateway/core/judge.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define ROWS 320

/* A healthy asset of two channels, deterministic noise; evidence over its learn rows. */
struct fixture {
	double value[ROWS * 2];
	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
	struct mw_judge judge;
	uint32_t noise;
};

static double noise(struct fixture *f)
{
	f->noise = f->noise * 1664525u + 1013904223u;
	return (double)(f->noise >> 8) / 8388608.0 - 1.0;
}

static void reading_of(double asset, double channel, struct mw_reading *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->n_rows = 3;
	ret->patch_logit[0][MW_WINDOW_PATCHES - 1] = (float)asset;
	ret->patch_logit[1][MW_WINDOW_PATCHES - 1] = (float)channel;
	ret->patch_logit[2][MW_WINDOW_PATCHES - 1] = -9;
	ret->verdict_probability[MW_VERDICT_NORMAL] = 1;
}

/* blind: there is no model, and so no reading of rows. */
static void learn(struct fixture *f, bool blind)
{
	struct mw_reading reading;

	memset(f, 0, sizeof(*f));
	f->noise = 7;
	for (size_t i = 0; i < ROWS; i++) {
		f->value[2 * i] = 5 + noise(f);
		f->value[2 * i + 1] = 3 * f->value[2 * i] + 0.2 * noise(f);
	}
	ck_assert_int_eq(mw_baseline_fit(f->value, ROWS, 2, NULL, &f->baseline), MW_E_OK);
	ck_assert_int_eq(mw_evidence_new(f->baseline, &f->evidence), MW_E_OK);
	mw_judge_init(&f->judge);
	for (size_t i = 0; i < ROWS; i++) {
		mw_evidence_push_learn(f->evidence, i, (int64_t)i, f->value + 2 * i);
		if ((i + 1) % MW_PATCH_ROWS != 0 || !mw_evidence_window_ready(f->evidence))
			continue;
		reading_of(-4 + noise(f), -3 + noise(f), &reading);
		reading.n_rows = blind ? 0 : reading.n_rows;
		mw_evidence_read(f->evidence);
		mw_judge_learn(&f->judge, f->evidence, &reading, true);
	}
}

static void set_up(struct fixture *f)
{
	learn(f, false);
}

static void tear_down(struct fixture *f)
{
	mw_judge_done(&f->judge);
	mw_evidence_free(f->evidence);
	mw_baseline_free(f->baseline);
}

START_TEST(too_few_healthy_windows_do_not_calibrate)
{
	struct mw_judge judge;

	mw_judge_init(&judge);
	ck_assert_int_eq(mw_judge_calibrate(&judge), MW_E_AGAIN);
	ck_assert(!judge.ready);
}
END_TEST

START_TEST(healthy_windows_are_centred_and_their_p_values_spread)
{
	struct fixture f;
	struct mw_judgement j;
	int below_half = 0;

	set_up(&f);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	for (uint32_t i = 0; i < f.judge.n_calibration; i++) {
		mw_judge_of_learnt(&f.judge, i, &j);
		ck_assert(j.p_value > 0 && j.p_value <= 1);
		ck_assert(j.score >= 0 && j.score < 1);
		below_half += j.p_value < 0.5;
	}
	ck_assert_int_ge(below_half, (int)f.judge.n_calibration / 3);
	ck_assert_int_le(below_half, (int)f.judge.n_calibration * 2 / 3);
	tear_down(&f);
}
END_TEST

START_TEST(a_stronger_reading_never_scores_lower)
{
	struct fixture f;
	double last = -1;

	set_up(&f);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	for (int step = 0; step < 30; step++) {
		struct mw_judge judge = f.judge; /* each step from the same past */
		struct mw_reading reading;
		struct mw_judgement j;

		reading_of(-4 + step, -3 + step, &reading);
		mw_judge_window(&judge, f.evidence, &reading, &j);
		ck_assert(j.score >= last);
		last = j.score;
	}
	ck_assert(last > 0.5);
	tear_down(&f);
}
END_TEST

/* Pushes rows of one reading; the last judgement of them. */
static void stay(struct fixture *f, struct mw_judge *judge, int64_t from, int64_t rows,
		 const double reading[2], struct mw_judgement *ret)
{
	struct mw_reading calm;

	reading_of(-4, -3, &calm);
	for (int64_t t = from; t < from + rows; t++) {
		mw_evidence_push(f->evidence, ROWS + t, reading);
		mw_evidence_read(f->evidence);
		if (mw_evidence_rows(f->evidence) % MW_PATCH_ROWS == 0)
			mw_judge_window(judge, f->evidence, &calm, ret);
	}
}

START_TEST(on_few_channels_a_level_counts_by_how_long_it_stays)
{
	static const double away[2] = {5, 30};
	struct fixture f;
	struct mw_judgement early;
	struct mw_judgement late;

	set_up(&f);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	ck_assert(f.judge.few);
	stay(&f, &f.judge, 0, MW_PATCH_ROWS, away, &early);
	stay(&f, &f.judge, MW_PATCH_ROWS, 40 * MW_PATCH_ROWS, away, &late);
	ck_assert_double_lt(early.component[MW_COMPONENT_LEVEL], f.judge.level_most);
	ck_assert_double_eq_tol(late.component[MW_COMPONENT_LEVEL], f.judge.level_most, 1e-3);
	ck_assert_double_gt(late.component[MW_COMPONENT_MAX_Z], f.judge.level_most + 1);
	tear_down(&f);
}
END_TEST

START_TEST(gross_evidence_cannot_be_voted_down_by_the_model)
{
	struct fixture f;
	struct mw_reading calm;
	struct mw_judgement j;

	set_up(&f);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	reading_of(-20, -20, &calm);
	for (int64_t t = 0; t < 40; t++) {
		const double broken[2] = {5, 300};

		mw_evidence_push(f.evidence, ROWS + t, broken);
		mw_evidence_read(f.evidence);
		if (mw_evidence_rows(f.evidence) % MW_PATCH_ROWS == 0)
			mw_judge_window(&f.judge, f.evidence, &calm, &j);
	}
	ck_assert(j.p_value < 1e-3);
	tear_down(&f);
}
END_TEST

/* --- the evidence alone ----------------------------------------------------------------------- */

/* Feeds `rows` more rows, the second channel off by `off`; the last window's judgement. */
static void go_on(struct fixture *f, size_t rows, double off, const struct mw_reading *reading,
		  struct mw_judgement *ret)
{
	for (size_t t = 0; t < rows; t++) {
		double first = 5 + noise(f);
		double row[2] = {first, 3 * first + 0.2 * noise(f) + off};

		mw_evidence_push(f->evidence, (int64_t)(ROWS + t), row);
		if (mw_evidence_rows(f->evidence) % MW_PATCH_ROWS != 0)
			continue;
		mw_evidence_read(f->evidence);
		mw_judge_window(&f->judge, f->evidence, reading, ret);
	}
}

static const struct mw_reading no_model;

START_TEST(without_a_model_the_score_rises_with_the_evidence)
{
	static const double off[] = {0, 1, 2, 4, 8, 32};
	struct fixture f;
	struct mw_judgement j;
	double last = 0;

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		learn(&f, true);
		ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
		ck_assert(f.judge.blind);
		go_on(&f, 40, off[i], &no_model, &j);
		ck_assert_double_gt(j.score, last);
		ck_assert_double_eq(j.fused, j.evidence);
		last = j.score;
		tear_down(&f);
	}
	ck_assert_double_gt(last, 0.95);
}
END_TEST

START_TEST(without_a_model_the_p_value_is_that_of_the_evidence)
{
	struct fixture f;
	struct mw_judgement j, with;
	struct mw_reading alarmed;
	const struct mw_tail *own = &f.judge.own[MW_VIEW_EVIDENCE];
	double tail;

	learn(&f, true);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	go_on(&f, 40, 16, &no_model, &j);
	tail = own->share * exp(-(j.evidence - own->from) / own->mean);

	ck_assert_double_lt(j.p_value, 0.01);
	ck_assert_double_ge(j.p_value, tail * (1 - 1e-12)); /* the milder of two */
	tear_down(&f);
	/* The same rows, read by a model that came after the calibration: it is not asked. */
	learn(&f, true);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	reading_of(50, 50, &alarmed);
	go_on(&f, 40, 16, &alarmed, &with);
	ck_assert_double_eq(with.p_value, j.p_value);
	ck_assert_double_eq(with.score, j.score);
	tear_down(&f);
}
END_TEST

static double calibrated(const struct mw_judge *judge, const struct mw_judgement *j, int k)
{
	return (j->component[k] - judge->center[k]) / judge->spread[k];
}

static void expect_innovation(const struct mw_judge *judge, const struct mw_judgement *j)
{
	double joint = calibrated(judge, j, MW_COMPONENT_DYNAMIC);
	double largest = calibrated(judge, j, MW_COMPONENT_MAX_DYNAMIC);

	ck_assert_double_eq(j->component[MW_COMPONENT_SYMPTOM + MW_SYMPTOM_LOST], 0);
	ck_assert_double_eq_tol(j->evidence, fmax(joint, largest), 1e-12);
}

START_TEST(the_evidence_is_the_larger_innovation_where_nothing_is_gross)
{
	struct fixture f;
	struct mw_judgement j;
	struct mw_reading calm;

	set_up(&f);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	reading_of(-4, -3, &calm);
	for (uint32_t i = 0; i < f.judge.n_calibration; i++) {
		mw_judge_of_learnt(&f.judge, i, &j);
		expect_innovation(&f.judge, &j);
	}
	for (int i = 0; i < 20; i++) {
		go_on(&f, MW_PATCH_ROWS, i < 10 ? 0 : 1.5, &calm, &j);
		expect_innovation(&f.judge, &j);
	}
	tear_down(&f);
}
END_TEST

/* Fifteen spreads past health, of each component alone: heard as far as it passes the guard (10),
 * heard whole, raised alone (12, and 2 for each doubling past 2), or left to the model. */
START_TEST(what_lasts_is_guarded_what_is_new_is_heard_and_the_rest_is_the_models)
{
	static const double heard[MW_N_COMPONENT] = {[MW_COMPONENT_T2] = 5,
						     [MW_COMPONENT_Q] = 5,
						     [MW_COMPONENT_DYNAMIC] = 15,
						     [MW_COMPONENT_MEWMA] = 5,
						     [MW_COMPONENT_MAX_Z] = 5,
						     [MW_COMPONENT_MAX_STATIC] = 5,
						     [MW_COMPONENT_MAX_DYNAMIC] = 15,
						     [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_STILL] = 20,
						     [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_LOST] = 23,
						     [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_DRIFT] = 5};
	struct fixture f;
	struct mw_judgement j;
	float *window;

	set_up(&f);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	window = f.judge.calibration[0];
	for (int k = 0; k < MW_N_COMPONENT; k++) {
		for (int i = 0; i < MW_N_COMPONENT; i++)
			window[i] = (float)f.judge.center[i];
		window[k] = (float)(f.judge.center[k] + 15 * f.judge.spread[k]);
		mw_judge_of_learnt(&f.judge, 0, &j);
		ck_assert_msg(fabs(j.evidence - heard[k]) < 1e-4, "%s: %g is not %g",
			      mw_component_text((enum mw_component)k), j.evidence, heard[k]);
	}
	tear_down(&f);
}
END_TEST

/* Stands or is lost in the last of so many rows; NaN: the reading goes on. */
static void hold_channels(struct fixture *f, double first, double second, struct mw_judgement *ret)
{
	struct mw_reading calm;

	reading_of(-4, -3, &calm);
	for (size_t t = 0; t < MW_WINDOW_ROWS; t++) {
		double moving = 5 + noise(f);
		double row[2] = {isnan(first) ? moving : first,
				 isnan(second) ? 3 * moving + 0.2 * noise(f) : second};

		mw_evidence_push(f->evidence, (int64_t)(ROWS + t), row);
		if (mw_evidence_rows(f->evidence) % MW_PATCH_ROWS != 0)
			continue;
		mw_evidence_read(f->evidence);
		mw_judge_window(&f->judge, f->evidence, &calm, ret);
	}
}

START_TEST(a_channel_that_stands_raises_alone_and_a_machine_that_stands_does_not)
{
	struct mw_judgement one, both, none;
	struct fixture f;

	for (int which = 0; which < 3; which++) {
		set_up(&f);
		ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
		hold_channels(&f, which == 1 ? 5 : (double)NAN, which < 2 ? 15 : (double)NAN,
			      which == 0   ? &one
			      : which == 1 ? &both
					   : &none);
		tear_down(&f);
	}
	ck_assert_double_gt(one.component[MW_COMPONENT_SYMPTOM + MW_SYMPTOM_STILL], 2);
	ck_assert_double_ge(one.fused, 12);
	ck_assert_double_lt(one.p_value, 0.002);
	ck_assert_double_lt(both.component[MW_COMPONENT_SYMPTOM + MW_SYMPTOM_STILL], 0.5);
	ck_assert_double_lt(none.fused, 5);
}
END_TEST

START_TEST(a_loss_that_is_none_is_not_weighed)
{
	struct fixture f;
	struct mw_judgement j;
	struct mw_reading calm;

	set_up(&f);
	ck_assert_int_eq(mw_judge_calibrate(&f.judge), MW_E_OK);
	/* Losses were many while it was learnt: none is far below the usual. */
	f.judge.center[MW_COMPONENT_SYMPTOM + MW_SYMPTOM_LOST] = -10;
	reading_of(-4, -3, &calm);
	go_on(&f, MW_PATCH_ROWS, 0, &calm, &j);
	expect_innovation(&f.judge, &j);
	tear_down(&f);
}
END_TEST

MW_TEST_MAIN("judge", too_few_healthy_windows_do_not_calibrate,
	     healthy_windows_are_centred_and_their_p_values_spread,
	     a_stronger_reading_never_scores_lower,
	     on_few_channels_a_level_counts_by_how_long_it_stays,
	     gross_evidence_cannot_be_voted_down_by_the_model,
	     without_a_model_the_score_rises_with_the_evidence,
	     without_a_model_the_p_value_is_that_of_the_evidence,
	     the_evidence_is_the_larger_innovation_where_nothing_is_gross,
	     what_lasts_is_guarded_what_is_new_is_heard_and_the_rest_is_the_models,
	     a_channel_that_stands_raises_alone_and_a_machine_that_stands_does_not,
	     a_loss_that_is_none_is_not_weighed)
