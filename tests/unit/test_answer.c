/* test_answer.c -- the judgement's grammar against random decodes, the parser against its own
 * strictness. */
#include "gateway/core/answer.h"
#include "tests/unit/answer_fixture.h"

#include <math.h>

/* The model with one token's text replaced by another of the same length. */
static struct mw_lm *open_patched(const char *from, const char *to)
{
	size_t n = strlen(from), size, found = 0;
	FILE *file = fopen(GOLDEN, "rb");
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
	return limits;
}

static void check_answer(const struct mw_answer *answer, const struct mw_answer_limits *limits)
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
}

START_TEST(random_decodes_parse_and_keep_to_the_limits)
{
	struct mw_lm *model = open_golden();
	size_t named = 0;
	struct mw_rng rng;

	mw_rng_seed(&rng, 11);
	for (int i = 0; i < 400; i++) {
		struct mw_answer_limits limits = random_limits(&rng);
		struct mw_lm_grammar *grammar = make(model, &limits);
		uint32_t token[MW_ANSWER_MOST_TOKENS], again[MW_ANSWER_MOST_TOKENS];
		struct mw_answer answer;
		bool final;
		size_t n = walk(grammar, model, &rng, token, MW_ANSWER_MOST_TOKENS, &final);

		mw_lm_grammar_free(grammar);
		ck_assert(final);
		ck_assert_int_eq(mw_answer_parse(token, n, &answer), MW_E_OK);
		check_answer(&answer, &limits);
		ck_assert_uint_eq(mw_answer_tokens(&answer, again), n);
		ck_assert_mem_eq(again, token, n * sizeof(*token));
		ck_assert_int_eq(mw_answer_parse(token, n - 1, &answer), MW_E_MALFORMED);
		named += answer.n_channel == 4;
	}
	ck_assert_uint_gt(named, 20);
	mw_lm_close(model);
}
END_TEST

#define HEAD "<verdict:fault> <fault:leak> <severity:2> "
#define TAIL "<end_channels> <onset:3> "

static const struct {
	const char *text;
	bool well;
} answers[] = {
    {HEAD TAIL, true},
    {HEAD TAIL "<eos>", false}, /* the judgement alone */
    {HEAD TAIL "reads +. <eos>", false},
    {HEAD "<channel:2> <channel:1> <channel:5> <channel:9> " TAIL, true},
    {HEAD "<channel:2> <channel:1> <channel:5> <channel:9> <channel:3> " TAIL, false},
    {HEAD "<channel:2> <channel:2> " TAIL, false},
    {HEAD "<channel:2> <end_channels> <onset:none>", true},
    {HEAD "<channel:2> <end_channels> <onset:none> <onset:none>", false},
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

START_TEST(parser_and_grammar_take_the_same_answers)
{
	struct mw_lm *model = open_golden();
	struct mw_lm_grammar *grammar = make(model, &everything);

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint32_t token[64];
		size_t n = tokens_of(model, answers[i].text, token);
		struct mw_answer answer;

		ck_assert_msg((mw_answer_parse(token, n, &answer) == MW_E_OK) == answers[i].well,
			      "parser: %s", answers[i].text);
		ck_assert_msg(grammar_takes(grammar, token, n) == answers[i].well, "grammar: %s",
			      answers[i].text);
	}
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

START_TEST(an_answer_is_read_into_its_fields)
{
	struct mw_lm *model = open_golden();
	struct mw_answer answer;
	uint32_t token[64];
	size_t n =
	    tokens_of(model, HEAD "<channel:7> <channel:3> <end_channels> <onset:before>", token);

	ck_assert_int_eq(mw_answer_parse(token, n, &answer), MW_E_OK);
	ck_assert_int_eq(answer.verdict, MW_VERDICT_FAULT);
	ck_assert_int_eq(answer.fault, MW_FAULT_LEAK);
	ck_assert_uint_eq(answer.severity, 2);
	ck_assert_uint_eq(answer.n_channel, 2);
	ck_assert_uint_eq(answer.channel_row[0], 7);
	ck_assert_uint_eq(answer.channel_row[1], 3);
	ck_assert_int_eq(answer.onset_patch, -1);
	token[n - 1] = MW_CODE_ONSET + 17;
	ck_assert_int_eq(mw_answer_parse(token, n, &answer), MW_E_OK);
	ck_assert_int_eq(answer.onset_patch, -2);
	mw_lm_close(model);
}
END_TEST

START_TEST(tokens_past_the_vocabulary_are_refused)
{
	struct mw_lm *model = open_golden();
	uint32_t token[16];
	size_t n = tokens_of(model, HEAD TAIL, token);
	struct mw_answer answer;

	for (size_t i = 0; i < n; i++) {
		uint32_t before = token[i];

		token[i] = UINT32_MAX;
		ck_assert_int_eq(mw_answer_parse(token, n, &answer), MW_E_MALFORMED);
		token[i] = before;
	}
	token[n] = mw_lm_info(model)->n_vocab;
	ck_assert_int_eq(mw_answer_parse(token, n + 1, &answer), MW_E_MALFORMED);
	mw_lm_close(model);
}
END_TEST

START_TEST(limits_without_a_verdict_are_refused)
{
	struct mw_answer_limits limits = {.n_channel_rows = 3, .channel_mask = 7};
	struct mw_lm *model = open_golden();
	struct mw_lm_grammar *grammar = NULL;

	ck_assert_int_eq(mw_answer_grammar(model, &limits, &grammar), MW_E_INVAL);
	ck_assert_ptr_null(grammar);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_model_file_for_this_prompt_is_accepted)
{
	struct mw_lm *model = open_golden();
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

START_TEST(the_engine_decodes_within_the_limits)
{
	struct mw_lm *model = open_golden();
	struct mw_lm_session *session = answer_session(model, 1 + MW_ANSWER_MOST_TOKENS);
	struct mw_rng rng;

	mw_rng_seed(&rng, 4);
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct mw_answer_limits limits = random_limits(&rng);
		struct mw_answer answer, again;

		limits.n_channel_rows = 3;
		read_noise(session, seed, seed % 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);
		ck_assert_int_eq(mw_answer_decode(session, model, &limits, &answer), MW_E_OK);
		check_answer(&answer, &limits);
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
	struct mw_lm *model = open_golden();
	struct mw_lm_session *session = answer_session(model, 4);
	struct mw_answer answer;

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
	     tokens_past_the_vocabulary_are_refused, limits_without_a_verdict_are_refused,
	     a_model_file_for_this_prompt_is_accepted,
	     a_model_file_with_another_code_is_refused_by_name,
	     the_engine_decodes_within_the_limits, a_session_without_room_says_so)
