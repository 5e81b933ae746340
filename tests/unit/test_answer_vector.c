/*
 * test_answer_vector.c -- the answer's parser against the Python one, over answers whole and
 * spoiled (model/train/prompt_vector.py); and decoded answers, written out for it to judge.
 */
#include "gateway/core/answer.h"
#include "model/corpus/rng.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define MODEL   "tests/data/golden_lm.gguf"
#define ANSWERS "tests/data/prompt_answers.txt"

static struct mw_lm *open_model(void)
{
	struct mw_lm *model = NULL;
	char why[256] = "";

	ck_assert_msg(mw_lm_open(MODEL, NULL, &model, why, sizeof(why)) == MW_LM_E_OK, "%s", why);
	return model;
}

/* Splits a line into tokens; the first word is what Python says. */
static size_t tokens_of(const struct mw_lm *model, char *line, uint32_t *ret_token, bool *ret_well)
{
	char *save = NULL, *word = strtok_r(line, " \n", &save);
	size_t n = 0;

	ck_assert_ptr_nonnull(word);
	*ret_well = strcmp(word, "yes") == 0;
	ck_assert(*ret_well || strcmp(word, "no") == 0);
	while ((word = strtok_r(NULL, " \n", &save))) {
		ck_assert_uint_lt(n, 2 * MW_ANSWER_MAX_TOKENS);
		ret_token[n] = mw_lm_token_find(model, word);
		ck_assert_msg(ret_token[n] != MW_LM_NO_TOKEN, "no token %s", word);
		n++;
	}
	return n;
}

START_TEST(parser_and_python_take_the_same_answers)
{
	FILE *file = fopen(ANSWERS, "r");
	struct mw_lm *model = open_model();
	size_t taken = 0, refused = 0;
	char line[4096];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		uint32_t token[2 * MW_ANSWER_MAX_TOKENS];
		struct mw_answer answer;
		char copy[sizeof(line)];
		bool well;
		size_t n;

		memcpy(copy, line, sizeof(line));
		n = tokens_of(model, line, token, &well);
		ck_assert_msg((mw_answer_parse(model, token, n, &answer) == MW_E_OK) == well, "%s",
			      copy);
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

/* An admitted token at random; an ending is likelier, so that texts end. */
static uint32_t draw(const struct mw_lm_grammar *grammar, uint32_t state, const struct mw_lm *model,
		     struct mw_rng *rng)
{
	uint32_t n_vocab = mw_lm_info(model)->n_vocab, stop = mw_lm_token_find(model, "+.");
	uint32_t best = MW_LM_NO_TOKEN;
	double top = 0;

	for (uint32_t token = MW_CODE_VERDICT; token < n_vocab; token++) {
		bool ends = token == MW_CODE_EOS || token == stop;
		double chance = mw_rng_uniform(rng, 0, 1) + (ends && mw_rng_chance(rng, .2));

		if (mw_lm_grammar_next(grammar, state, token) != MW_LM_NO_TOKEN && chance > top) {
			top = chance;
			best = token;
		}
	}
	return best;
}

/* Decodes one answer; 0: its text found no end in time, as may happen to a model too. */
static size_t decode(const struct mw_lm *model, const struct mw_lm_grammar *grammar,
		     struct mw_rng *rng, uint32_t ret_token[MW_ANSWER_MAX_TOKENS])
{
	struct mw_answer answer;
	uint32_t state = 0;
	size_t n = 0;

	while (!mw_lm_grammar_is_final(grammar, state)) {
		if (n == MW_ANSWER_MAX_TOKENS)
			return 0;
		ret_token[n] = draw(grammar, state, model, rng);
		ck_assert_uint_ne(ret_token[n], MW_LM_NO_TOKEN);
		state = mw_lm_grammar_next(grammar, state, ret_token[n++]);
	}
	return mw_answer_parse(model, ret_token, n, &answer) == MW_E_OK ? n : 0;
}

/* tests/train/prompt.test names the file in MW_DECODED and reads it back; without, nothing is
 * kept. */
START_TEST(most_random_decodes_are_whole_answers)
{
	static const struct mw_answer_limits everything = {
	    .n_channel_rows = 16, .verdict = {true, true, true, true}, .channel_mask = 0xffff};
	const char *path = getenv("MW_DECODED");
	FILE *file = path ? fopen(path, "w") : tmpfile();
	struct mw_lm *model = open_model();
	struct mw_lm_grammar *grammar = NULL;
	struct mw_rng rng;
	size_t whole = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(mw_answer_grammar(model, &everything, &grammar), MW_E_OK);
	mw_rng_seed(&rng, 5);
	for (int i = 0; i < 200; i++) {
		uint32_t token[MW_ANSWER_MAX_TOKENS];
		size_t n = decode(model, grammar, &rng, token);

		whole += n > 0;
		for (size_t t = 0; t < n; t++)
			ck_assert_int_gt(fprintf(file, "%s%c", mw_lm_token_text(model, token[t]),
						 t + 1 < n ? ' ' : '\n'),
					 0);
	}
	ck_assert_uint_gt(whole, 150);
	ck_assert_int_eq(fclose(file), 0);
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("answer_vector", parser_and_python_take_the_same_answers,
	     most_random_decodes_are_whole_answers)
