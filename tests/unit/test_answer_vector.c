/*
 * test_answer_vector.c -- the parsers of judgement and text against the Python one, over answers
 * whole and spoiled (model/train/prompt_vector.py); and decoded answers, written out for it to judge.
 */
#include "tests/unit/answer_fixture.h"

#define ANSWERS "tests/data/prompt_answers.txt"

/* Splits a line into tokens; the first word is what Python says. */
static size_t split_line(const struct mw_lm *model, const char *line, uint32_t *ret_token,
			 bool *ret_well)
{
	size_t said = strcspn(line, " ");

	*ret_well = said == 3 && memcmp(line, "yes", 3) == 0;
	ck_assert(*ret_well || (said == 2 && memcmp(line, "no", 2) == 0));
	return tokens_of(model, line + said, ret_token);
}

/* A judgement up to the first onset, and a text or nothing after it. */
static bool is_answer(const struct mw_lm *model, const uint32_t *token, size_t n)
{
	struct mw_words_limits limits = {0};
	struct mw_answer answer;
	struct mw_words words;
	size_t head = 0;

	while (head < n && (token[head] < MW_CODE_ONSET ||
			    token[head] >= MW_CODE_ONSET + MW_WINDOW_PATCHES + 2))
		head++;
	if (head == n || mw_answer_parse(token, head + 1, &answer))
		return false;
	limits.n_channel = answer.n_channel;
	head++;
	return head == n ||
	       mw_words_parse(model, &limits, token + head, n - head, &words) == MW_E_OK;
}

START_TEST(parsers_and_python_take_the_same_answers)
{
	FILE *file = fopen(ANSWERS, "r");
	struct mw_lm *model = open_golden();
	size_t taken = 0, refused = 0;
	char line[4096];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		uint32_t token[2 * WHOLE_ANSWER];
		bool well;
		size_t n = split_line(model, line, token, &well);

		ck_assert_msg(is_answer(model, token, n) == well, "%s", line);
		taken += well;
		refused += !well;
	}
	(void)fclose(file);
	ck_assert_uint_gt(taken, 100);
	ck_assert_uint_gt(refused, 100);
	mw_lm_close(model);
}
END_TEST

/* --- decoded answers -------------------------------------------------------------------------- */

/* Decodes the text of an answer; 0: it found no end in time, as may happen to a model too. */
static size_t decode_text(const struct mw_lm *model, size_t n_channel, struct mw_rng *rng,
			  uint32_t *ret_token)
{
	struct mw_words_limits limits = {.n_channel = n_channel};
	struct mw_lm_grammar *grammar = NULL;
	struct mw_words words;
	bool final;
	size_t n;

	ck_assert_int_eq(mw_words_grammar(model, &limits, &grammar), MW_E_OK);
	n = walk(grammar, model, rng, ret_token, MW_WORDS_MOST + 1, &final);
	mw_lm_grammar_free(grammar);
	if (!final)
		return 0;
	ck_assert_int_eq(mw_words_parse(model, &limits, ret_token, n, &words), MW_E_OK);
	return n;
}

/* Decodes one answer, every fifth without a text; 0: its text found no end. */
static size_t decode(const struct mw_lm *model, const struct mw_lm_grammar *grammar,
		     struct mw_rng *rng, uint32_t ret_token[WHOLE_ANSWER])
{
	struct mw_answer answer;
	bool final;
	size_t n = walk(grammar, model, rng, ret_token, MW_ANSWER_MOST_TOKENS, &final), n_text;

	ck_assert(final);
	ck_assert_int_eq(mw_answer_parse(ret_token, n, &answer), MW_E_OK);
	if (mw_rng_chance(rng, .2))
		return n;
	n_text = decode_text(model, answer.n_channel, rng, ret_token + n);
	return n_text > 0 ? n + n_text : 0;
}

/* tests/train/prompt.test names the file in MW_DECODED and reads it back; without, nothing is
 * kept. */
START_TEST(most_random_decodes_are_whole_answers)
{
	static const struct mw_answer_limits everything = {
	    .n_channel_rows = 16, .verdict = {true, true, true, true}, .channel_mask = 0xffff};
	const char *path = getenv("MW_DECODED");
	FILE *file = path ? fopen(path, "w") : tmpfile();
	struct mw_lm *model = open_golden();
	struct mw_lm_grammar *grammar = NULL;
	struct mw_rng rng;
	size_t whole = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(mw_answer_grammar(model, &everything, &grammar), MW_E_OK);
	mw_rng_seed(&rng, 5);
	for (int i = 0; i < 300; i++) {
		uint32_t token[WHOLE_ANSWER];
		size_t n = decode(model, grammar, &rng, token);

		whole += n > 0;
		for (size_t t = 0; t < n; t++)
			ck_assert_int_gt(fprintf(file, "%s%c", mw_lm_token_text(model, token[t]),
						 t + 1 < n ? ' ' : '\n'),
					 0);
	}
	ck_assert_uint_gt(whole, 100);
	ck_assert_int_eq(fclose(file), 0);
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("answer_vector", parsers_and_python_take_the_same_answers,
	     most_random_decodes_are_whole_answers)
