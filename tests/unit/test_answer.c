/* test_answer.c -- the answer's grammar against random decodes, the parser against its own
 * strictness. */
#include "gateway/core/answer.h"
#include "gateway/core/render.h"
#include "model/corpus/rng.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MODEL "tests/data/golden_lm.gguf"

static struct mw_lm *open_model(void)
{
	struct mw_lm *model = NULL;
	char why[256] = "";

	ck_assert_msg(mw_lm_open(MODEL, NULL, &model, why, sizeof(why)) == MW_LM_E_OK, "%s", why);
	return model;
}

/* The model with one token's text replaced by another of the same length. */
static struct mw_lm *open_patched(const char *from, const char *to)
{
	size_t n = strlen(from), size, found = 0;
	FILE *file = fopen(MODEL, "rb");
	struct mw_lm *model = NULL;
	uint8_t *data;

	ck_assert_ptr_nonnull(file);
	data = malloc(1 << 22);
	size = fread(data, 1, 1 << 22, file);
	(void)fclose(file);
	for (size_t i = 8; i + n <= size; i++)
		if (memcmp(data + i, from, n) == 0 && data[i - 8] == n && data[i - 7] == 0) {
			memcpy(data + i, to, n);
			found++;
		}
	ck_assert_uint_ge(found, 1);
	ck_assert_int_eq(mw_lm_open_memory(data, size, NULL, &model, NULL, 0), MW_LM_E_OK);
	free(data);
	return model;
}

static struct mw_lm_grammar *make(const struct mw_lm *model, const struct mw_answer_limits *limits)
{
	struct mw_lm_grammar *grammar = NULL;

	ck_assert_int_eq(mw_answer_grammar(model, limits, &grammar), MW_E_OK);
	return grammar;
}

static const struct mw_answer_limits everything = {
    .n_channel_rows = 16, .verdict = {true, true, true, true}, .channel_mask = 0xffff};

/* Decoding with logits of a seeded source: each token has a random logit, sometimes strongly in
 * favour of ending, and the best admitted one is taken. */
static size_t decode(const struct mw_lm_grammar *grammar, const struct mw_lm *model,
		     struct mw_rng *rng, uint32_t *ret_token, size_t max, bool *ret_final)
{
	uint32_t state = 0, n_vocab = mw_lm_info(model)->n_vocab;
	uint32_t stop = mw_lm_token_find(model, "+.");
	size_t n = 0;

	while (n < max && !mw_lm_grammar_is_final(grammar, state)) {
		uint32_t best = MW_LM_NO_TOKEN;
		double top = -1e9;

		for (uint32_t token = MW_CODE_VERDICT; token < n_vocab; token++) {
			double logit =
			    mw_rng_normal(rng) + (token == MW_CODE_EOS || token == stop ? 2 : 0);

			if (logit > top &&
			    mw_lm_grammar_next(grammar, state, token) != MW_LM_NO_TOKEN) {
				top = logit;
				best = token;
			}
		}
		ck_assert_msg(best != MW_LM_NO_TOKEN, "state %u admits nothing", state);
		ret_token[n++] = best;
		state = mw_lm_grammar_next(grammar, state, best);
	}
	*ret_final = mw_lm_grammar_is_final(grammar, state);
	return n;
}

static struct mw_answer_limits random_limits(struct mw_rng *rng)
{
	struct mw_answer_limits limits = {0};

	limits.n_channel_rows = (uint32_t)mw_rng_below(rng, 17);
	limits.channel_mask = (uint32_t)mw_rng_u64(rng); /* also bits past the rows */
	if (mw_rng_chance(rng, .3))
		limits.channel_mask &= (uint32_t)mw_rng_u64(rng) & (uint32_t)mw_rng_u64(rng);
	for (int i = 0; i < 4; i++)
		limits.verdict[i] = mw_rng_chance(rng, .5);
	limits.verdict[mw_rng_below(rng, 4)] = true;
	limits.language_mask = (uint32_t)mw_rng_below(rng, 4);
	limits.no_text = mw_rng_chance(rng, .2);
	return limits;
}

static bool has_digit(const char *text)
{
	return strpbrk(text, "0123456789") != NULL;
}

static bool has_hangul(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0xea && (unsigned char)*text <= 0xed)
			return true;
	return false;
}

static void check_words(const struct mw_lm *model, const struct mw_answer *answer,
			const struct mw_answer_limits *limits)
{
	for (size_t i = 0; i < answer->n_word; i++) {
		const char *text = mw_lm_token_text(model, answer->word[i]);
		struct mw_reference reference;
		bool latin = strpbrk(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (mw_reference_parse(text, &reference)) {
			ck_assert_uint_le(reference.channel, answer->n_channel);
			continue;
		}
		ck_assert_msg(!has_digit(text), "%s", text);
		if (limits->language_mask == 1u << MW_LANGUAGE_EN)
			ck_assert_msg(!has_hangul(text), "%s", text);
		if (limits->language_mask == 1u << MW_LANGUAGE_KO)
			ck_assert_msg(!latin, "%s", text);
	}
}

static void check_answer(const struct mw_lm *model, const struct mw_answer *answer,
			 const struct mw_answer_limits *limits)
{
	uint32_t seen = 0;

	ck_assert(limits->verdict[answer->verdict]);
	for (size_t i = 0; i < answer->n_channel; i++) {
		unsigned row = answer->channel_row[i];

		ck_assert(row >= 1 && row <= limits->n_channel_rows);
		ck_assert(limits->channel_mask >> (row - 1) & 1);
		ck_assert(!(seen >> row & 1));
		seen |= 1u << row;
	}
	ck_assert(answer->severity >= 1 && answer->severity <= 3);
	ck_assert(answer->onset_patch >= -2 && answer->onset_patch < MW_WINDOW_PATCHES);
	ck_assert(!limits->no_text || answer->n_word == 0);
	check_words(model, answer, limits);
}

START_TEST(random_decodes_parse_and_keep_to_the_limits)
{
	struct mw_lm *model = open_model();
	size_t whole = 0, spoken = 0, named = 0;
	struct mw_rng rng;

	mw_rng_seed(&rng, 11);
	for (int i = 0; i < 400; i++) {
		struct mw_answer_limits limits = random_limits(&rng);
		struct mw_lm_grammar *grammar = make(model, &limits);
		uint32_t token[MW_ANSWER_MAX_TOKENS];
		struct mw_answer answer;
		bool final;
		size_t n = decode(grammar, model, &rng, token, MW_ANSWER_MAX_WORDS, &final);

		mw_lm_grammar_free(grammar);
		ck_assert_int_eq(mw_answer_parse(model, token, n, &answer),
				 final ? MW_E_OK : MW_E_MALFORMED);
		if (!final)
			continue;
		check_answer(model, &answer, &limits);
		whole++;
		spoken += answer.n_word > 0;
		named += answer.n_channel == 4;
	}
	ck_assert_uint_gt(whole, 200);
	ck_assert_uint_gt(spoken, 100);
	ck_assert_uint_gt(named, 20);
	mw_lm_close(model);
}
END_TEST

/* Tokens of an answer in letters: V verdict, F fault ... by the table; words by their text. */
static size_t tokens_of(const struct mw_lm *model, const char *text, uint32_t *ret_token)
{
	char copy[512], *save = NULL;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		ret_token[n] = mw_lm_token_find(model, w);
		ck_assert_msg(ret_token[n] != MW_LM_NO_TOKEN, "no token %s", w);
		n++;
	}
	return n;
}

#define HEAD "<verdict:fault> <fault:leak> <severity:2> "
#define TAIL "<end_channels> <onset:3> "

static const struct {
	const char *text;
	bool well;
} answers[] = {
    {HEAD TAIL, true},
    {HEAD TAIL "<eos>", false}, /* an empty text has no end */
    {HEAD "<channel:2> <channel:1> " TAIL "{c2.name} reads {c2.value} +. <eos>", true},
    {HEAD "<channel:2> <channel:1> <channel:5> <channel:9> " TAIL, true},
    {HEAD "<channel:2> <channel:1> <channel:5> <channel:9> <channel:3> " TAIL, false},
    {HEAD "<channel:2> <channel:2> " TAIL, false},
    {HEAD "<channel:2> " TAIL "{c2.name} reads {c1.value} +. <eos>", false},
    {HEAD "<channel:2> " TAIL "{c1.name} {josa:이/가} {c1.value} +. <eos>", true},
    {HEAD "<channel:2> " TAIL "reads {josa:이/가} {c1.value} +. <eos>", false},
    {HEAD "<channel:2> " TAIL "+, reads +. <eos>", false},
    {HEAD "<channel:2> " TAIL "reads +. +. <eos>", false},
    {HEAD "<channel:2> " TAIL "reads +.", false},
    {HEAD "<channel:2> " TAIL "reads <eos>", false},
    {HEAD "<channel:2> " TAIL "reads +. <eos> reads", false},
    {HEAD "<channel:2> " TAIL "reads <severity:1> +. <eos>", false},
    {HEAD "<channel:2> <onset:3>", false},
    {"<verdict:fault> <fault:leak> <severity:2>", false},
    {"<verdict:fault> <fault:idle> <severity:2> " TAIL, false},
    {"<verdict:operation> <fault:leak> <severity:2> " TAIL, false},
    {"<verdict:operation> <fault:idle> <severity:2> " TAIL, true},
    {"<verdict:normal> <fault:none> <severity:1> " TAIL, true},
    {"<verdict:normal> <fault:unknown> <severity:1> " TAIL, false},
    {"<verdict:unknown> <fault:unknown> <severity:3> " TAIL, true},
    {"<verdict:unknown> <fault:none> <severity:3> " TAIL, false},
    {"<fault:leak> <verdict:fault> <severity:3> " TAIL, false},
    {"<verdict:fault>", false},
    {"", false},
};

static bool grammar_takes(const struct mw_lm_grammar *grammar, const uint32_t *token, size_t n)
{
	uint32_t state = 0;

	for (size_t i = 0; i < n && state != MW_LM_NO_TOKEN; i++)
		state = mw_lm_grammar_next(grammar, state, token[i]);
	return state != MW_LM_NO_TOKEN && mw_lm_grammar_is_final(grammar, state);
}

START_TEST(parser_and_grammar_take_the_same_answers)
{
	struct mw_answer_limits silent = everything;
	struct mw_lm *model = open_model();
	struct mw_lm_grammar *full = make(model, &everything), *mute;

	silent.no_text = true;
	mute = make(model, &silent);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint32_t token[64];
		size_t n = tokens_of(model, answers[i].text, token);
		struct mw_answer answer;

		ck_assert_msg((mw_answer_parse(model, token, n, &answer) == MW_E_OK) ==
				  answers[i].well,
			      "parser: %s", answers[i].text);
		ck_assert_msg((grammar_takes(full, token, n) || grammar_takes(mute, token, n)) ==
				  answers[i].well,
			      "grammar: %s", answers[i].text);
	}
	mw_lm_grammar_free(full);
	mw_lm_grammar_free(mute);
	mw_lm_close(model);
}
END_TEST

START_TEST(an_answer_is_read_into_its_fields)
{
	struct mw_lm *model = open_model();
	struct mw_answer answer;
	uint32_t token[64];
	size_t n = tokens_of(model,
			     HEAD "<channel:7> <channel:3> <end_channels> <onset:before> {c2.name} "
				  "reads {c2.value} +. <eos>",
			     token);

	ck_assert_int_eq(mw_answer_parse(model, token, n, &answer), MW_E_OK);
	ck_assert_int_eq(answer.verdict, MW_VERDICT_FAULT);
	ck_assert_int_eq(answer.fault, MW_FAULT_LEAK);
	ck_assert_uint_eq(answer.severity, 2);
	ck_assert_uint_eq(answer.n_channel, 2);
	ck_assert_uint_eq(answer.channel_row[0], 7);
	ck_assert_uint_eq(answer.channel_row[1], 3);
	ck_assert_int_eq(answer.onset_patch, -1);
	ck_assert_uint_eq(answer.n_word, 4);
	ck_assert_str_eq(mw_lm_token_text(model, answer.word[1]), "reads");
	token[n - 6] = MW_CODE_ONSET + 17;
	ck_assert_int_eq(mw_answer_parse(model, token, n, &answer), MW_E_OK);
	ck_assert_int_eq(answer.onset_patch, -2);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_text_that_is_too_long_is_refused)
{
	struct mw_lm *model = open_model();
	uint32_t token[200], word = mw_lm_token_find(model, "reads");
	size_t n = tokens_of(model, HEAD TAIL, token);
	struct mw_answer answer;

	for (size_t i = 0; i < MW_ANSWER_MAX_WORDS - 1; i++)
		token[n++] = word;
	token[n++] = mw_lm_token_find(model, "+.");
	token[n] = MW_CODE_EOS;
	ck_assert_int_eq(mw_answer_parse(model, token, n + 1, &answer), MW_E_OK);
	token[n - 1] = word;
	token[n] = mw_lm_token_find(model, "+.");
	token[n + 1] = MW_CODE_EOS;
	ck_assert_int_eq(mw_answer_parse(model, token, n + 2, &answer), MW_E_MALFORMED);
	mw_lm_close(model);
}
END_TEST

START_TEST(tokens_past_the_vocabulary_are_refused)
{
	struct mw_lm *model = open_model();
	uint32_t token[16];
	size_t n = tokens_of(model, HEAD TAIL, token);
	struct mw_answer answer;

	for (size_t i = 0; i < n; i++) {
		uint32_t before = token[i];

		token[i] = UINT32_MAX;
		ck_assert_int_eq(mw_answer_parse(model, token, n, &answer), MW_E_MALFORMED);
		token[i] = before;
	}
	token[n] = mw_lm_info(model)->n_vocab;
	ck_assert_int_eq(mw_answer_parse(model, token, n + 1, &answer), MW_E_MALFORMED);
	mw_lm_close(model);
}
END_TEST

START_TEST(words_that_could_lie_are_not_in_the_grammar)
{
	static const char *const lie[] = {"r3ads", "{c1.x", "re ds", "{foo}", "re{ds"};

	for (size_t i = 0; i < sizeof(lie) / sizeof(lie[0]); i++) {
		struct mw_lm *model = open_patched("reads", lie[i]);
		struct mw_lm_grammar *grammar = make(model, &everything);
		uint32_t token[16], bad = mw_lm_token_find(model, lie[i]);
		size_t n = tokens_of(model, HEAD TAIL, token);
		struct mw_answer answer;

		ck_assert_uint_ne(bad, MW_LM_NO_TOKEN);
		token[n++] = bad;
		token[n++] = mw_lm_token_find(model, "+.");
		token[n++] = MW_CODE_EOS;
		ck_assert_int_eq(mw_answer_parse(model, token, n, &answer), MW_E_MALFORMED);
		ck_assert(!grammar_takes(grammar, token, n));
		mw_lm_grammar_free(grammar);
		mw_lm_close(model);
	}
}
END_TEST

START_TEST(limits_without_a_verdict_are_refused)
{
	struct mw_answer_limits limits = {.n_channel_rows = 3, .channel_mask = 7};
	struct mw_lm *model = open_model();
	struct mw_lm_grammar *grammar = NULL;

	ck_assert_int_eq(mw_answer_grammar(model, &limits, &grammar), MW_E_INVAL);
	ck_assert_ptr_null(grammar);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_model_file_for_this_prompt_is_accepted)
{
	struct mw_lm *model = open_model();
	char why[256] = "";

	ck_assert_msg(mw_answer_check_model(model, why, sizeof(why)) == MW_E_OK, "%s", why);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_model_file_with_another_code_is_refused_by_name)
{
	struct mw_lm *model = open_patched("<fault:leak>", "<fault:LEAK>");
	char why[256] = "";

	ck_assert_int_eq(mw_answer_check_model(model, why, sizeof(why)), MW_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(why, "<fault:LEAK>"));
	ck_assert_ptr_nonnull(strstr(why, "<fault:leak>"));
	mw_lm_close(model);
}
END_TEST

/* A window of any codes: what a model answers to it must be an answer all the same. */
static void read_noise(struct mw_lm_session *session, uint64_t seed, enum mw_language language)
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

START_TEST(the_engine_decodes_within_the_limits)
{
	struct mw_lm_session_options options = {.max_rows = 4,
						.max_tail = 1 + MW_ANSWER_MAX_TOKENS};
	struct mw_lm_session *session = NULL;
	struct mw_lm *model = open_model();
	struct mw_rng rng;

	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	mw_rng_seed(&rng, 4);
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct mw_answer_limits limits = random_limits(&rng);
		struct mw_answer answer, again;

		limits.n_channel_rows = 3;
		read_noise(session, seed, seed % 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);
		ck_assert_int_eq(mw_answer_decode(session, model, &limits, &answer), MW_E_OK);
		check_answer(model, &answer, &limits);
		ck_assert(answer.fault_probability > 0 && answer.fault_probability <= 1);
		read_noise(session, seed, seed % 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);
		ck_assert_int_eq(mw_answer_decode(session, model, &limits, &again), MW_E_OK);
		ck_assert_mem_eq(&answer, &again, sizeof(answer));
	}
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_session_without_room_says_so)
{
	struct mw_lm_session_options options = {.max_rows = 4, .max_tail = 4};
	struct mw_lm_session *session = NULL;
	struct mw_lm *model = open_model();
	struct mw_answer answer;

	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	read_noise(session, 1, MW_LANGUAGE_EN);
	ck_assert_int_eq(mw_answer_decode(session, model, &everything, &answer), MW_E_FULL);
	mw_lm_session_reset(session);
	ck_assert_int_eq(mw_answer_decode(session, model, &everything, &answer), MW_E_INTERNAL);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("answer", random_decodes_parse_and_keep_to_the_limits,
	     parser_and_grammar_take_the_same_answers, an_answer_is_read_into_its_fields,
	     a_text_that_is_too_long_is_refused, tokens_past_the_vocabulary_are_refused,
	     words_that_could_lie_are_not_in_the_grammar, limits_without_a_verdict_are_refused,
	     a_model_file_for_this_prompt_is_accepted,
	     a_model_file_with_another_code_is_refused_by_name,
	     the_engine_decodes_within_the_limits, a_session_without_room_says_so)
