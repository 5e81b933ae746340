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

static void set_up(struct fixture *f)
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
		mw_evidence_read(f->evidence);
		mw_judge_learn(&f->judge, f->evidence, &reading, true);
	}
}

static void tear_down(struct fixture *f)
{
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

MW_TEST_MAIN("judge", too_few_healthy_windows_do_not_calibrate,
	     healthy_windows_are_centred_and_their_p_values_spread,
	     a_stronger_reading_never_scores_lower,
	     gross_evidence_cannot_be_voted_down_by_the_model)
