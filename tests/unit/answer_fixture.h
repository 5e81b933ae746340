/* answer_fixture.h -- a model file of the prompt, tokens by name, and walks through a grammar. */
#ifndef MW_TESTS_ANSWER_FIXTURE_H
#define MW_TESTS_ANSWER_FIXTURE_H

#include "gateway/core/words.h"
#include "model/corpus/rng.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define GOLDEN "tests/data/golden_lm.gguf"

/* Tokens of a judgement and the longest text, its end included. */
#define WHOLE_ANSWER (MW_ANSWER_MOST_TOKENS + MW_WORDS_TOLD + MW_WORDS_MOST + 1)

static inline struct mw_lm *open_golden(void)
{
	struct mw_lm *model = NULL;
	char why[256] = "";

	ck_assert_msg(mw_lm_open(GOLDEN, NULL, &model, why, sizeof(why)) == MW_LM_E_OK, "%s", why);
	return model;
}

/* Tokens by their text, apart by blanks. */
static inline size_t tokens_of(const struct mw_lm *model, const char *text, uint32_t *ret_token)
{
	char copy[4096], *save = NULL;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		ret_token[n] = mw_lm_token_find(model, w);
		ck_assert_msg(ret_token[n] != MW_LM_NO_TOKEN, "no token %s", w);
		n++;
	}
	return n;
}

static inline bool grammar_takes(const struct mw_lm_grammar *grammar, const uint32_t *token,
				 size_t n)
{
	uint32_t state = 0;

	for (size_t i = 0; i < n && state != MW_LM_NO_TOKEN; i++)
		state = mw_lm_grammar_next(grammar, state, token[i]);
	return state != MW_LM_NO_TOKEN && mw_lm_grammar_is_final(grammar, state);
}

/* An admitted token by random logits, the ends of sentences and of texts favoured. */
static inline uint32_t pick(const struct mw_lm_grammar *grammar, uint32_t state,
			    const struct mw_lm *model, struct mw_rng *rng)
{
	uint32_t n_vocab = mw_lm_info(model)->n_vocab, stop = mw_lm_token_find(model, "+.");
	uint32_t best = MW_LM_NO_TOKEN;
	double top = -1e9;

	for (uint32_t token = MW_CODE_VERDICT; token < n_vocab; token++) {
		double logit = mw_rng_normal(rng) + (token == MW_CODE_EOS || token == stop ? 2 : 0);

		if (logit > top && mw_lm_grammar_next(grammar, state, token) != MW_LM_NO_TOKEN) {
			top = logit;
			best = token;
		}
	}
	ck_assert_msg(best != MW_LM_NO_TOKEN, "state %u admits nothing", state);
	return best;
}

/* Walks from state 0 to a final one, or `max` tokens far. */
static inline size_t walk(const struct mw_lm_grammar *grammar, const struct mw_lm *model,
			  struct mw_rng *rng, uint32_t *ret_token, size_t max, bool *ret_final)
{
	uint32_t state = 0;
	size_t n = 0;

	while (n < max && !mw_lm_grammar_is_final(grammar, state)) {
		ret_token[n] = pick(grammar, state, model, rng);
		state = mw_lm_grammar_next(grammar, state, ret_token[n++]);
	}
	*ret_final = mw_lm_grammar_is_final(grammar, state);
	return n;
}

/* A window of any codes: what a model answers to it must be an answer all the same. */
static inline void read_noise(struct mw_lm_session *session, uint64_t seed,
			      enum mw_language language)
{
	uint16_t code[4 * MW_PROMPT_ROW_LEN * MW_PROMPT_SLOTS], question[MW_PROMPT_SLOTS];
	float logit[4 * MW_WINDOW_PATCHES];
	struct mw_lm_window window = {session, code, 4, question, logit};
	struct mw_rng rng;

	mw_rng_seed(&rng, seed);
	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++)
		code[i] = (uint16_t)mw_rng_below(&rng, MW_CODE_ASK);
	for (size_t i = 0; i < MW_PROMPT_SLOTS; i++)
		question[i] = MW_PROMPT_NONE;
	question[0] = MW_CODE_ASK;
	question[1] = (uint16_t)(MW_CODE_EN + language);
	ck_assert_int_eq(mw_lm_read(&window), MW_LM_E_OK);
}

static inline struct mw_lm_session *answer_session(const struct mw_lm *model, uint32_t max_tail)
{
	struct mw_lm_session_options options = {.max_rows = 4, .max_tail = max_tail};
	struct mw_lm_session *session = NULL;

	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	return session;
}

#endif
