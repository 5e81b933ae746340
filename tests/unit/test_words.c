/* test_words.c -- which words may follow which, and that only true ones do. */
#include "tests/unit/words_fixture.h"

static struct mw_lm_grammar *make(const struct mw_lm *model, const struct mw_words_limits *limits)
{
	struct mw_lm_grammar *grammar = NULL;

	ck_assert_int_eq(mw_words_grammar(model, limits, &grammar), MW_E_OK);
	return grammar;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Whether grammar and parser take a word after a reference, "{onset}". */
static bool takes_word(const struct mw_lm *model, const struct mw_lm_grammar *grammar,
		       const struct mw_words_limits *limits, uint32_t word)
{
	uint32_t onset = mw_lm_token_find(model, "{onset}");
	uint32_t token[] = {onset, word, mw_lm_token_find(model, "+."), MW_CODE_EOS};
	const char *text = mw_lm_token_text(model, word);
	uint32_t state = mw_lm_grammar_next(grammar, mw_lm_grammar_next(grammar, 0, onset), word);
	bool taken = state != MW_LM_NO_TOKEN;
	struct mw_words words;

	if (text[0] == '+' && text[strlen(text) - 1] == '.')
		return taken; /* no second end after it */
	ck_assert_int_eq(grammar_takes(grammar, token, 4), taken);
	ck_assert_int_eq(mw_words_parse(model, limits, token, 4, &words) == MW_E_OK, taken);
	return taken;
}

static void check_vocabulary(const struct mw_lm *model, const struct mw_words_limits *limits,
			     unsigned where)
{
	struct mw_lm_grammar *grammar = make(model, limits);

	for (uint32_t i = 0; i < N_WORDS; i++)
		ck_assert_msg(takes_word(model, grammar, limits, MW_CODE_END + i) ==
				  ((vocabulary[i].where & where) != 0),
			      "%s, where %u", vocabulary[i].text, where);
	for (uint32_t code = 0; code < MW_CODE_END; code++) /* codes are no words */
		ck_assert(!takes_word(model, grammar, limits, code));
	mw_lm_grammar_free(grammar);
}

START_TEST(words_are_of_the_language_and_say_what_can_be_shown)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_words_limits any = {.n_channel = 2};
	struct told told;

	for (int l = 0; l < 2; l++) {
		tell(&told, (enum mw_language)l);
		check_vocabulary(model, &told.limits, l == MW_LANGUAGE_EN ? EN : KO);
		told.limits.like = NULL;
		check_vocabulary(model, &told.limits,
				 l == MW_LANGUAGE_EN ? EN | OTHERS_EN : KO | OTHERS_KO);
		mw_fault_library_free(told.library);
	}
	check_vocabulary(model, &any, BOTH | OTHERS);
	mw_lm_close(model);
}
END_TEST

START_TEST(what_the_answer_does_not_name_is_not_cited)
{
	struct mw_lm *model = open_words(N_WORDS);
	static const char *const text[] = {
	    "{c1.name} reads +. <eos>",  "{c1.rose|climbed} +. <eos>",
	    "{c2.value} reads +. <eos>", "{c2.after|later} +. <eos>",
	    "{c3.name} reads +. <eos>",  "{c3.rose|climbed} +. <eos>"};
	static const size_t channel[] = {1, 1, 2, 2, 3, 3};

	for (size_t n = 0; n <= 4; n++) {
		struct mw_words_limits limits = {.n_channel = n};
		struct mw_lm_grammar *grammar = make(model, &limits);

		for (size_t i = 0; i < 6; i++) {
			uint32_t token[8];
			struct mw_words words;
			size_t k = tokens_of(model, text[i], token);

			ck_assert_int_eq(grammar_takes(grammar, token, k), channel[i] <= n);
			ck_assert_int_eq(mw_words_parse(model, &limits, token, k, &words) ==
					     MW_E_OK,
					 channel[i] <= n);
		}
		mw_lm_grammar_free(grammar);
	}
	mw_lm_close(model);
}
END_TEST

START_TEST(another_event_admits_other_claims)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct told told;
	struct mw_words words;
	uint32_t fell[8], rose[8];
	size_t n_fell = tokens_of(model, "{c1.fell|sank} +. <eos>", fell);
	size_t n_rose = tokens_of(model, "{c1.rose|climbed} +. <eos>", rose);

	tell(&told, MW_LANGUAGE_EN);
	told.event.channel[0].claims.set = MW_CLAIM(FELL);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, fell, n_fell, &words), MW_E_OK);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, rose, n_rose, &words), MW_E_MALFORMED);
	mw_fault_library_free(told.library);
	mw_lm_close(model);
}
END_TEST

START_TEST(where_hardly_a_reading_came_it_is_not_said_that_some_are_lost)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_words words;
	struct told told;
	uint32_t lost[8];
	size_t n = tokens_of(model, "{c1.lost|lost_readings} +. <eos>", lost);

	tell(&told, MW_LANGUAGE_EN);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, lost, n, &words), MW_E_MALFORMED);
	told.event.channel[0].claims.set |= MW_CLAIM(LOST);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, lost, n, &words), MW_E_OK);
	told.event.channel[0].claims.set |= MW_CLAIM(GONE);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, lost, n, &words), MW_E_MALFORMED);
	mw_fault_library_free(told.library);
	mw_lm_close(model);
}
END_TEST

START_TEST(what_has_no_name_or_direction_is_given_none)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct told told;
	struct mw_words words;
	uint32_t fault[8], dir[8], dev[8];
	size_t n_fault = tokens_of(model, "{fault} +. <eos>", fault);
	size_t n_dir = tokens_of(model, "{c1.dir} +. <eos>", dir);
	size_t n_dev = tokens_of(model, "{c1.dev} +. <eos>", dev);

	tell(&told, MW_LANGUAGE_KO);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, fault, n_fault, &words), MW_E_OK);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, dir, n_dir, &words), MW_E_OK);
	told.event.fault = MW_FAULT_UNKNOWN;
	told.event.channel[0].claims.set &= ~(MW_CLAIM(ABOVE) | MW_CLAIM(BELOW));
	ck_assert_int_eq(mw_words_parse(model, &told.limits, dev, n_dev, &words), MW_E_OK);
	told.event.channel[0].finding.deviation = -0.5;
	ck_assert_int_eq(mw_words_parse(model, &told.limits, dev, n_dev, &words), MW_E_MALFORMED);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, fault, n_fault, &words),
			 MW_E_MALFORMED);
	ck_assert_int_eq(mw_words_parse(model, &told.limits, dir, n_dir, &words), MW_E_MALFORMED);
	mw_fault_library_free(told.library);
	mw_lm_close(model);
}
END_TEST

/* --- texts ------------------------------------------------------------------------------------ */

static const struct {
	const char *text;
	bool well;
} texts[] = {
    {"reads +. <eos>", true},
    {"{c1.value} +…. <eos>", true},
    {"{c1.value} {c2.value} +. <eos>", true},
    {"reads +. {c2.value} reads +, reads +. <eos>", true},
    {"{c1.rose|climbed} {onset} +. <eos>", true},
    {"{c1.value} {c1.rose|+,_having_climbed} +. <eos>", true},
    {"{c1.name} {josa:이/가} {c1.value} +. <eos>", true},
    {"", false},
    {"<eos>", false},
    {"reads", false},
    {"reads +.", false},
    {"reads <eos>", false},
    {"{c1.value} <eos>", false},
    {"+. <eos>", false},
    {"+, reads +. <eos>", false},
    {"{c1.rose|+,_having_climbed} reads +. <eos>", false},
    {"reads +. +. <eos>", false},
    {"reads +. +, reads +. <eos>", false},
    {"reads +. reads <eos>", false},
    {"reads +. <eos> reads +. <eos>", false},
    {"reads +. <eos> <eos>", false},
    {"reads +. {josa:이/가} reads +. <eos>", false},
    {"reads {josa:이/가} +. <eos>", false},
    {"{josa:이/가} reads +. <eos>", false},
    {"{c1.rose|climbed} {josa:이/가} reads +. <eos>", false},
    {"{c1.name} {josa:이/가} {josa:이/가} reads +. <eos>", false},
    {"reads <severity:1> +. <eos>", false},
    {"<onset:3> reads +. <eos>", false},
};

START_TEST(parser_and_grammar_take_the_same_texts)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_words_limits limits = {.n_channel = 2};
	struct mw_lm_grammar *grammar = make(model, &limits);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint32_t token[16];
		size_t n = tokens_of(model, texts[i].text, token);
		struct mw_words words;

		memset(&words, 0x55, sizeof(words));
		ck_assert_msg((mw_words_parse(model, &limits, token, n, &words) == MW_E_OK) ==
				  texts[i].well,
			      "parser: %s", texts[i].text);
		ck_assert_msg(grammar_takes(grammar, token, n) == texts[i].well, "grammar: %s",
			      texts[i].text);
		if (!texts[i].well) /* untouched */
			ck_assert_uint_eq(words.n, (size_t)UINT64_C(0x5555555555555555));
		for (size_t k = 0; texts[i].well && k < words.n; k++)
			ck_assert_str_eq(words.text[k], mw_lm_token_text(model, token[k]));
		ck_assert(!texts[i].well || words.n == n - 1);
	}
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_text_that_is_too_long_is_refused)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_words_limits limits = {0};
	uint32_t token[MW_WORDS_MOST + 2], stop = mw_lm_token_find(model, "+.");
	struct mw_words words;

	for (size_t i = 0; i < MW_WORDS_MOST; i++)
		token[i] = mw_lm_token_find(model, "reads");
	token[MW_WORDS_MOST - 1] = stop;
	token[MW_WORDS_MOST] = MW_CODE_EOS;
	ck_assert_int_eq(mw_words_parse(model, &limits, token, MW_WORDS_MOST + 1, &words), MW_E_OK);
	ck_assert_uint_eq(words.n, MW_WORDS_MOST);
	token[MW_WORDS_MOST - 1] = token[0];
	token[MW_WORDS_MOST] = stop;
	token[MW_WORDS_MOST + 1] = MW_CODE_EOS;
	ck_assert_int_eq(mw_words_parse(model, &limits, token, MW_WORDS_MOST + 2, &words),
			 MW_E_MALFORMED);
	mw_lm_close(model);
}
END_TEST

START_TEST(tokens_past_the_vocabulary_are_refused)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_words_limits limits = {.n_channel = 1};
	uint32_t token[16];
	size_t n = tokens_of(model, "{c1.value} reads +. <eos>", token);
	struct mw_words words;

	for (size_t i = 0; i < n; i++) {
		uint32_t before = token[i];

		token[i] = mw_lm_info(model)->n_vocab;
		ck_assert_int_eq(mw_words_parse(model, &limits, token, n, &words), MW_E_MALFORMED);
		token[i] = UINT32_MAX;
		ck_assert_int_eq(mw_words_parse(model, &limits, token, n, &words), MW_E_MALFORMED);
		token[i] = before;
	}
	ck_assert_int_eq(mw_words_parse(model, &limits, token, n, &words), MW_E_OK);
	mw_lm_close(model);
}
END_TEST

START_TEST(words_without_an_end_or_a_beginning_are_no_text)
{
	static const size_t few[] = {0, 1, N_WORDS - N_ENDERS};
	struct mw_words_limits korean = {.language_mask = 1u << MW_LANGUAGE_KO};

	for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++) {
		struct mw_lm *model = open_words(few[i]);
		struct mw_words_limits limits = {.n_channel = 3};
		struct mw_lm_grammar *grammar = NULL;

		ck_assert_int_eq(mw_words_grammar(model, &limits, &grammar), MW_E_UNSUPPORTED);
		ck_assert_int_eq(mw_words_grammar(model, &korean, &grammar), MW_E_UNSUPPORTED);
		ck_assert_ptr_null(grammar);
		mw_lm_close(model);
	}
}
END_TEST

/* --- random texts ----------------------------------------------------------------------------- */

/* What the renderer makes of it: everything but too many citations. */
static void check_rendered(const struct told *told, const struct mw_words *words)
{
	struct mw_render render;

	mw_render_init(&render, told->library, &seoul, &told->event);
	for (size_t i = 0; i < words->n; i++)
		mw_render_word(&render, words->text[i]);
	if (render.n_citation < MW_MAX_CITATIONS)
		ck_assert_msg(mw_render_is_whole(&render), "%s", render.text);
}

static void check_words(const struct mw_words *words, enum mw_language language)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *text = words->text[i];
		size_t k = 0;

		while (strcmp(vocabulary[k].text, text) != 0)
			k++;
		ck_assert_msg(vocabulary[k].where & (language == MW_LANGUAGE_EN ? EN : KO), "%s",
			      text);
		ck_assert(text[0] == '{' || !strpbrk(text, "0123456789"));
		if (strncmp(text, "{josa", 5) == 0)
			ck_assert_msg(i > 0 && words->text[i - 1][0] == '{' &&
					  !strpbrk(words->text[i - 1], "|:"),
				      "%s after %s", text, i > 0 ? words->text[i - 1] : "nothing");
	}
}

START_TEST(random_decodes_are_whole_texts_of_the_event)
{
	struct mw_lm *model = open_words(N_WORDS);
	struct mw_rng rng;

	mw_rng_seed(&rng, 31);
	for (int l = 0; l < 2; l++) {
		struct mw_lm_grammar *grammar;
		struct told told;
		size_t whole = 0;

		tell(&told, (enum mw_language)l);
		grammar = make(model, &told.limits);
		for (int i = 0; i < 500; i++) {
			uint32_t token[MW_WORDS_MOST + 1];
			struct mw_words words;
			bool final;
			size_t n = walk(grammar, model, &rng, token, MW_WORDS_MOST + 1, &final);
			mw_err err = mw_words_parse(model, &told.limits, token, n, &words);

			ck_assert_int_eq(err, final ? MW_E_OK : MW_E_MALFORMED);
			if (!final)
				continue;
			whole++;
			check_words(&words, (enum mw_language)l);
			check_rendered(&told, &words);
		}
		ck_assert_uint_gt(whole, 400);
		mw_lm_grammar_free(grammar);
		mw_fault_library_free(told.library);
	}
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("words", words_are_of_the_language_and_say_what_can_be_shown,
	     what_the_answer_does_not_name_is_not_cited, another_event_admits_other_claims,
	     where_hardly_a_reading_came_it_is_not_said_that_some_are_lost,
	     what_has_no_name_or_direction_is_given_none, parser_and_grammar_take_the_same_texts,
	     a_text_that_is_too_long_is_refused, tokens_past_the_vocabulary_are_refused,
	     words_without_an_end_or_a_beginning_are_no_text,
	     random_decodes_are_whole_texts_of_the_event)
