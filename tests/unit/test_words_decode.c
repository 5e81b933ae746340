/* test_words_decode.c -- the model tells an event: by the seed, after the answer, in the room there is. */
#include "tests/unit/words_fixture.h"

#define TEXTS 100 /* many find no end in time: the weights are random */

static struct mw_answer answer = {.verdict = MW_VERDICT_FAULT,
				  .fault = MW_FAULT_BEARING_WEAR,
				  .fault_probability = 1,
				  .severity = 2,
				  .n_channel = 2,
				  .channel_row = {3, 1},
				  .onset_patch = -1};

static const struct mw_answer_limits everything = {
    .n_channel_rows = 3, .verdict = {true, true, true, true}, .channel_mask = 7};

static mw_err tell_by(struct mw_lm_session *session, const struct mw_lm *model,
		      const struct told *told, uint64_t seed, struct mw_words *ret_words)
{
	return mw_words_decode(session, model, &answer, &told->limits, seed, ret_words);
}

static bool same_text(const struct mw_words *a, const struct mw_words *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	return a->n == b->n;
}

START_TEST(a_seed_is_a_text)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_lm_session *session = answer_session(model, 1 + WHOLE_ANSWER);
	struct mw_lm_session *twin = answer_session(model, 1 + WHOLE_ANSWER);
	struct mw_words words, again;
	size_t whole = 0, pairs = 0, others = 0;
	struct told told;

	tell(&told, MW_LANGUAGE_EN);
	read_noise(session, 5, MW_LANGUAGE_EN);
	for (uint64_t seed = 0; seed < TEXTS; seed++) {
		mw_err err = tell_by(session, model, &told, seed, &words);

		ck_assert(err == MW_E_OK || err == MW_E_FULL);
		read_noise(twin, 5, MW_LANGUAGE_EN);
		ck_assert_int_eq(tell_by(twin, model, &told, seed, &again), err);
		if (err)
			continue;
		ck_assert(same_text(&words, &again));
		whole++;
		if (tell_by(twin, model, &told, seed + 1000, &again) == MW_E_OK) {
			pairs++;
			others += !same_text(&words, &again);
		}
	}
	ck_assert_uint_gt(whole, TEXTS / 4);
	ck_assert_uint_gt(pairs, TEXTS / 10);
	ck_assert_uint_ge(others + 1, pairs);
	mw_fault_library_free(told.library);
	mw_lm_session_free(session);
	mw_lm_session_free(twin);
	mw_lm_close(model);
}
END_TEST

START_TEST(what_is_told_is_admitted_and_can_be_shown)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_lm_session *session = answer_session(model, 1 + WHOLE_ANSWER);
	size_t whole = 0;

	for (uint64_t seed = 0; seed < TEXTS; seed++) {
		enum mw_language language = seed % 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN;
		struct mw_words words;
		struct told told;

		tell(&told, language);
		read_noise(session, seed, language);
		if (tell_by(session, model, &told, seed, &words) == MW_E_OK) {
			mw_explain_texts(words.text, words.n, told.library, &seoul, &told.event);
			ck_assert(told.event.form == MW_FORM_WORDS || words.n >= MW_MAX_CITATIONS);
			check_form(&told.event);
			whole++;
		}
		mw_fault_library_free(told.library);
	}
	ck_assert_uint_gt(whole, TEXTS / 4);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

START_TEST(the_text_follows_the_answer_that_is_told_not_the_one_that_was_given)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_lm_session *session = answer_session(model, 1 + WHOLE_ANSWER);
	const struct mw_answer told_answer = answer;
	size_t whole = 0, other = 0;
	struct told told;

	tell(&told, MW_LANGUAGE_EN);
	for (uint64_t seed = 0; seed < TEXTS; seed++) {
		struct mw_words words, again;
		struct mw_answer given;

		read_noise(session, 8, MW_LANGUAGE_EN);
		if (tell_by(session, model, &told, seed, &words))
			continue;
		whole++;
		read_noise(session, 8, MW_LANGUAGE_EN);
		ck_assert_int_eq(mw_answer_decode(session, model, &everything, &given), MW_E_OK);
		ck_assert_int_eq(tell_by(session, model, &told, seed, &again), MW_E_OK);
		ck_assert(same_text(&words, &again));
		answer.fault = MW_FAULT_LEAK;
		if (tell_by(session, model, &told, seed, &again) == MW_E_OK)
			other += !same_text(&words, &again);
		answer = told_answer;
	}
	ck_assert_uint_gt(whole, TEXTS / 4);
	ck_assert_uint_gt(other, whole / 4);
	mw_fault_library_free(told.library);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_tail_that_is_too_short_is_full)
{
	uint32_t token[MW_ANSWER_MOST_TOKENS], n = (uint32_t)mw_answer_tokens(&answer, token);
	struct mw_lm *model = open_words(N_WORDS);
	struct told told;

	tell(&told, MW_LANGUAGE_EN);
	for (uint32_t room = 1; room <= 1 + n + 1; room++) { /* the shortest text needs two more */
		struct mw_lm_session *session = answer_session(model, room);
		struct mw_words words;

		memset(&words, 0x55, sizeof(words));
		read_noise(session, 1, MW_LANGUAGE_EN);
		ck_assert_int_eq(tell_by(session, model, &told, 1, &words), MW_E_FULL);
		ck_assert_uint_eq(words.n, (size_t)UINT64_C(0x5555555555555555));
		mw_lm_session_free(session);
	}
	mw_fault_library_free(told.library);
	mw_lm_close(model);
}
END_TEST

START_TEST(without_a_window_or_words_nothing_is_told)
{
	struct mw_lm *model = open_words(N_WORDS), *mute = open_words(3);
	struct mw_lm_session *session = answer_session(model, 1 + WHOLE_ANSWER);
	struct mw_lm_session *silent = answer_session(mute, 1 + WHOLE_ANSWER);
	struct mw_words words;
	struct told told;

	tell(&told, MW_LANGUAGE_EN);
	ck_assert_int_eq(tell_by(session, model, &told, 1, &words), MW_E_INTERNAL);
	read_noise(silent, 1, MW_LANGUAGE_EN);
	ck_assert_int_eq(tell_by(silent, mute, &told, 1, &words), MW_E_UNSUPPORTED);
	ck_assert_uint_eq(mw_lm_tail_length(silent), 1); /* nothing was told to it */
	mw_fault_library_free(told.library);
	mw_lm_session_free(session);
	mw_lm_session_free(silent);
	mw_lm_close(model);
	mw_lm_close(mute);
}
END_TEST

MW_TEST_MAIN("words_decode", a_seed_is_a_text, what_is_told_is_admitted_and_can_be_shown,
	     the_text_follows_the_answer_that_is_told_not_the_one_that_was_given,
	     a_tail_that_is_too_short_is_full, without_a_window_or_words_nothing_is_told)
