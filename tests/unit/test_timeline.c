/* test_timeline.c -- sojourns of states and of pairs, and how rare a standing state is. */
#include "gateway/core/timeline.h"
#include "tests/unit/unit.h"

#include <math.h>

#define S 1000000000LL

enum { ORDER, ANSWER };

static const struct mw_timeline_pair pair = {ORDER, ANSWER};

/* An hour of a cylinder: each minute ordered out for 20 s, and it answers 2 s later. */
static struct mw_timeline *cylinder(void)
{
	struct mw_timeline *t = NULL;

	ck_assert_int_eq(mw_timeline_new(2, &pair, 1, &t), MW_E_OK);
	mw_timeline_learn(t, true);
	mw_timeline_push(t, ORDER, 0, 0);
	mw_timeline_push(t, ANSWER, 0, 0);
	for (int64_t minute = 0; minute < 60; minute++) {
		mw_timeline_push(t, ORDER, (60 * minute + 10) * S, 1);
		mw_timeline_push(t, ANSWER, (60 * minute + 12) * S, 1);
		mw_timeline_push(t, ORDER, (60 * minute + 30) * S, 0);
		mw_timeline_push(t, ANSWER, (60 * minute + 32) * S, 0);
	}
	mw_timeline_cut(t, 3600 * S);
	mw_timeline_learn(t, false);
	return t;
}

START_TEST(rarity_is_minutes_of_normal_life_per_sojourn_of_that_length)
{
	struct mw_timeline *t = cylinder();
	struct mw_rarity r;

	ck_assert_double_eq_tol(mw_timeline_exposure(t, ORDER), 3600, 1e-9);
	mw_timeline_push(t, ORDER, 0, 1);
	r = mw_timeline_rarity(t, ORDER, 1 * S); /* sixty sojourns of 20 s were longer than that */
	ck_assert(r.known && r.seen == 60 && r.since_ns == 0);
	ck_assert_double_eq_tol(r.bits, log2(60 / 60.5), 1e-9);
	r = mw_timeline_rarity(t, ORDER, 60 * S); /* none was */
	ck_assert_double_eq_tol(r.bits, log2(60 / .5), 1e-9);
	mw_timeline_free(t);
}
END_TEST

START_TEST(a_value_that_normal_life_never_had_is_as_rare_as_can_be)
{
	struct mw_timeline *t = cylinder();
	struct mw_rarity r;

	mw_timeline_push(t, ANSWER, 0, 7);
	r = mw_timeline_rarity(t, ANSWER, 0);
	ck_assert(r.known && r.seen == 0);
	ck_assert_double_eq_tol(r.bits, log2(60 / .5), 1e-9);
	mw_timeline_free(t);
}
END_TEST

START_TEST(a_state_cut_off_may_have_lasted_for_ever)
{
	struct mw_timeline *t = cylinder();
	struct mw_rarity r;

	mw_timeline_push(t, ORDER, 0, 0); /* the first and the last sojourn in 0 were cut off */
	r = mw_timeline_rarity(t, ORDER, 100000 * S);
	ck_assert_double_eq_tol(r.bits, log2(60 / 2.5), 1e-9);
	mw_timeline_free(t);
}
END_TEST

START_TEST(an_order_without_an_answer_becomes_rare_when_it_lasts)
{
	struct mw_timeline *t = cylinder();

	mw_timeline_push(t, ORDER, 0, 0);
	mw_timeline_push(t, ANSWER, 0, 0);
	mw_timeline_push(t, ORDER, 10 * S, 1);
	ck_assert(mw_timeline_pair_rarity(t, 0, 11 * S).bits < .1);
	ck_assert(mw_timeline_pair_rarity(t, 0, 15 * S).bits > 6.5);
	ck_assert(mw_timeline_rarity(t, ORDER, 15 * S).bits < .1); /* the order itself is normal */
	ck_assert_int_eq(mw_timeline_pair_rarity(t, 0, 15 * S).since_ns, 10 * S);
	mw_timeline_free(t);
}
END_TEST

START_TEST(nothing_is_said_of_what_was_not_seen_or_is_no_state)
{
	struct mw_timeline *t = NULL;

	ck_assert_int_eq(mw_timeline_new(2, NULL, 0, &t), MW_E_OK);
	mw_timeline_learn(t, true);
	for (int i = 0; i < 1000; i++) /* a measured value */
		mw_timeline_push(t, 0, i * S, i);
	mw_timeline_cut(t, 1000 * S);
	mw_timeline_learn(t, false);
	ck_assert(!mw_timeline_rarity(t, 0, 0).known); /* it stands nowhere */
	mw_timeline_push(t, 0, 0, 3);
	mw_timeline_push(t, 1, 0, 3);
	ck_assert(!mw_timeline_rarity(t, 0, S).known);
	ck_assert(!mw_timeline_rarity(t, 1, S).known);
	mw_timeline_free(t);
}
END_TEST

START_TEST(what_is_followed_is_not_learnt)
{
	struct mw_timeline *t = cylinder();

	mw_timeline_push(t, ANSWER, 0, 7);
	mw_timeline_push(t, ANSWER, 900 * S, 0);
	mw_timeline_push(t, ANSWER, 901 * S, 7);
	ck_assert_uint_eq(mw_timeline_rarity(t, ANSWER, 902 * S).seen, 0);
	ck_assert_double_eq_tol(mw_timeline_exposure(t, ANSWER), 3600, 1e-9);
	mw_timeline_push(t, ANSWER, 903 * S, NAN); /* lost: it stands nowhere */
	ck_assert(!mw_timeline_rarity(t, ANSWER, 904 * S).known);
	mw_timeline_free(t);
}
END_TEST

START_TEST(a_pair_of_nothing_is_refused)
{
	const struct mw_timeline_pair wrong = {0, 2};
	struct mw_timeline *t = NULL;

	ck_assert_int_eq(mw_timeline_new(2, &wrong, 1, &t), MW_E_INVAL);
	ck_assert_int_eq(mw_timeline_new(0, NULL, 0, &t), MW_E_INVAL);
	ck_assert_int_eq(mw_timeline_new(2, NULL, MW_TIMELINE_PAIRS_MAX + 1, &t), MW_E_INVAL);
	ck_assert_ptr_null(t);
}
END_TEST

MW_TEST_MAIN("timeline", rarity_is_minutes_of_normal_life_per_sojourn_of_that_length,
	     a_value_that_normal_life_never_had_is_as_rare_as_can_be,
	     a_state_cut_off_may_have_lasted_for_ever,
	     an_order_without_an_answer_becomes_rare_when_it_lasts,
	     nothing_is_said_of_what_was_not_seen_or_is_no_state, what_is_followed_is_not_learnt,
	     a_pair_of_nothing_is_refused)
