/* Schemas: what they admit, how bad ones are refused, and that no token is admitted that should not
 * be, nor left out. */
#include "tests/unit/unit.h"

#include "model/engine/schema.h"
#include "tests/unit/text_fixture.h"

static struct mw_lm *models[2];

static void open_models(void)
{
	for (uint32_t i = 0; i < 2; i++)
		models[i] = text_model_open(&(struct text_model){.spm = i == 0, .seed = i});
}

static void close_models(void)
{
	for (uint32_t i = 0; i < 2; i++)
		mw_lm_close(models[i]);
}

static struct mw_lm_schema *compile(const struct mw_lm *model, const char *text,
				    const struct mw_lm_schema_options *options)
{
	struct mw_lm_schema *schema = NULL;
	char why[256] = "";

	ck_assert_msg(mw_lm_schema_new(model, text, strlen(text), options, &schema, why,
				       sizeof(why)) == MW_LM_E_OK,
		      "%s: %s", text, why);
	return schema;
}

static const char *const references[] = {"{ch2.peak}", "{ch12.rms}"};
static const struct mw_lm_schema_options numberless = {true, references, 2};

static const struct {
	const char *schema;
	const char *good[6], *bad[12];
} described[] = {
    {"{\"type\":\"boolean\"}", {"true", "false"}, {"", "tru", "truee", "null", " true"}},
    {"{\"type\":[\"string\",\"null\"],\"maxLength\":2}",
     {"null", "\"\"", "\"ab\"", "\"\xC3\xA9\xEA\xB8\xB0\"", "\"\\n\\\"\""},
     {"\"abc\"", "true", "\"a", "\"\n\"", "\"\xC3\"", "\"\\u0041\"", "\"\xED\xA0\x80\"",
      "\"\xC0\xAF\"", "\"\xF4\x90\x80\x80\"", "\"\x7F\"", "\"\xC2\x85\""}},
    {"{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
     {"\"ab\"", "\"abc\"", "\"{1}\""},
     {"\"a\"", "\"abcd\"", "\"\""}},
    {"{\"type\":\"string\",\"minLength\":1}", {"\"a\"", "\"abcabc\""}, {"\"\""}},
    {"{\"enum\":[1,12,\"a\",\"ab\",null,{\"k\":[1, 2]}]}",
     {"1", "12", "\"a\"", "\"ab\"", "null", "{\"k\":[1,2]}"},
     {"2", "123", "\"\"", "{\"k\":[1, 2]}", "\"abc\""}},
    {"{\"enum\":[1,\"x\",2.5],\"type\":\"integer\"}", {"1"}, {"\"x\"", "2.5"}},
    {"{\"const\":\"a\\u00e9\\n\"}", {"\"a\xC3\xA9\\u000a\""}, {"\"a\""}},
    {"{\"type\":\"integer\"}",
     {"0", "-1", "12345", "-90", "999999999999999"},
     {"01", "-0", "+1", "1.0", "1e3", "-", "1234567890123456"}},
    {"{\"type\":\"integer\",\"minimum\":-2,\"maximum\":11}",
     {"-2", "-1", "0", "1", "10", "11"},
     {"-3", "12", "111", "01"}},
    {"{\"type\":\"integer\",\"minimum\":1}", {"1", "20"}, {"0", "-1"}},
    {"{\"type\":\"number\",\"minimum\":0}", {"0", "0.5", "12.000001"}, {"-1", "1.", ".5"}},
    {"{\"type\":\"array\",\"items\":{\"type\":\"null\"},\"minItems\":1,\"maxItems\":2}",
     {"[null]", "[null,null]"},
     {"[]", "[null,null,null]", "[null,]", "[,null]"}},
    {"{\"items\":{\"const\":1}}", {"[]", "[1]", "[1,1,1,1,1]"}, {"[1 ]", "[1,]"}},
    {"{\"items\":{\"const\":1},\"minItems\":3}", {"[1,1,1]", "[1,1,1,1]"}, {"[1,1]"}},
    {"{\"type\":\"array\",\"maxItems\":0}", {"[]"}, {"[1]"}},
    {"{\"type\":\"object\"}", {"{}"}, {"{\"a\":1}"}},
    {"{\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":2},\"c\":{\"const\":3}},"
     "\"required\":[\"b\"]}",
     {"{\"b\":2}", "{\"a\":1,\"b\":2}", "{\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2,\"c\":3}"},
     {"{}", "{\"a\":1}", "{\"b\":2,\"a\":1}", "{,\"b\":2}", "{\"a\":1,\"c\":3}", "{\"b\":2,}",
      "{\"b\":2,\"b\":2}"}},
    {"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"integer\"},{\"items\":{\"const\":1}}]}",
     {"null", "-7", "[1,1]"},
     {"\"\"", "true"}},
};

START_TEST(a_schema_admits_what_it_describes_and_nothing_else)
{
	open_models();
	for (size_t i = 0; i < sizeof(described) / sizeof(described[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			struct mw_lm_schema *schema = compile(models[k], described[i].schema, NULL);

			for (size_t g = 0; g < 6 && described[i].good[g]; g++)
				ck_assert_msg(mw_lm_schema_admits(schema, described[i].good[g],
								  strlen(described[i].good[g])),
					      "%s: %s", described[i].schema, described[i].good[g]);
			for (size_t b = 0; b < 12 && described[i].bad[b]; b++)
				ck_assert_msg(!mw_lm_schema_admits(schema, described[i].bad[b],
								   strlen(described[i].bad[b])),
					      "%s: %s", described[i].schema, described[i].bad[b]);
			mw_lm_schema_free(schema);
		}
	}
	close_models();
}
END_TEST

START_TEST(without_free_digits_numbers_come_from_references)
{
	static const char text[] = "{\"type\":\"string\",\"maxLength\":12}";
	static const char *const good[] = {"\"{ch2.peak}\"", "\"a {ch2.peak}\"", "\"{ch12.rms}ab\"",
					   "\"a b\""};
	static const char *const bad[] = {"\"1\"",
					  "\"{ch2.rms}\"",
					  "\"{\"",
					  "\"}\"",
					  "\"{ch2.peak\"",
					  "\"abc{ch2.peak}\"", /* 13 characters */
					  "\"\xD9\xA3\"",      /* three, in Arabic */
					  "\"\xC2\xBD\"",      /* a half */
					  "\"\xE2\x85\xA7\"",  /* eight, in Roman */
					  "\"\xF0\x92\x90\x80\""};
	struct mw_lm_schema *schema;

	open_models();
	schema = compile(models[0], text, &numberless);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(mw_lm_schema_admits(schema, good[i], strlen(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!mw_lm_schema_admits(schema, bad[i], strlen(bad[i])), "%s", bad[i]);
	mw_lm_schema_free(schema);
	close_models();
}
END_TEST

START_TEST(schemas_that_cannot_be_followed_are_refused_and_the_place_is_named)
{
	static const struct {
		const char *schema;
		mw_lm_err err;
		const char *named;
		bool no_digits;
	} cases[] = {
	    {"", MW_LM_E_FORMAT, "line 1", false},
	    {"{\n\"type\":\n", MW_LM_E_FORMAT, "line 3", false},
	    {"{\"type\":\"string\"} x", MW_LM_E_FORMAT, "follows", false},
	    {"{\"type\":\"string\",\"type\":\"null\"}", MW_LM_E_FORMAT, "twice", false},
	    {"true", MW_LM_E_FORMAT, "not an object", false},
	    {"{}", MW_LM_E_UNSUPPORTED, "no type", false},
	    {"{\"type\":\"text\"}", MW_LM_E_FORMAT, "type", false},
	    {"{\"type\":[]}", MW_LM_E_FORMAT, "type", false},
	    {"{\"enum\":[]}", MW_LM_E_FORMAT, "enum", false},
	    {"{\"enum\":[\"a\"],\"type\":\"integer\"}", MW_LM_E_FORMAT, "enum", false},
	    {"{\"enum\":[\"a\"],\"maxLength\":3}", MW_LM_E_UNSUPPORTED, "maxLength", false},
	    {"{\"type\":\"string\",\"pattern\":\"a\"}", MW_LM_E_UNSUPPORTED, "pattern", false},
	    {"{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}", MW_LM_E_FORMAT, "3", false},
	    {"{\"type\":\"string\",\"maxLength\":-1}", MW_LM_E_FORMAT, "maxLength", false},
	    {"{\"items\":{\"const\":1},\"minItems\":3,\"maxItems\":2}", MW_LM_E_FORMAT, "3", false},
	    {"{\"type\":\"array\"}", MW_LM_E_FORMAT, "items", false},
	    {"{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}", MW_LM_E_FORMAT, "5", false},
	    {"{\"type\":\"integer\",\"maximum\":4}", MW_LM_E_UNSUPPORTED, "minimum", false},
	    {"{\"properties\":{\"a\":{\"items\":{\"format\":\"x\"}}}}", MW_LM_E_UNSUPPORTED,
	     "a.items: the key 'format'", false},
	    {"{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"b\"]}", MW_LM_E_FORMAT, "'b'",
	     false},
	    {"{\"anyOf\":[{\"const\":\"a\"},{\"type\":\"string\"}]}", MW_LM_E_UNSUPPORTED,
	     "begin with", false},
	    {"{\"anyOf\":[]}", MW_LM_E_FORMAT, "anyOf", false},
	    {"{\"properties\":{\"x\":{\"type\":\"integer\"}}}", MW_LM_E_UNSUPPORTED,
	     "x: a number is free", true},
	    {"{\"type\":\"array\",\"maxItems\":900,\"items\":{\"type\":\"string\",\"maxLength\":"
	     "5000}}",
	     MW_LM_E_MEMORY, "states", false},
	};

	open_models();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mw_lm_schema_options options = {.no_digits = cases[i].no_digits};
		struct mw_lm_schema *schema = NULL;
		char why[256] = "";

		ck_assert_msg(mw_lm_schema_new(models[0], cases[i].schema, strlen(cases[i].schema),
					       &options, &schema, why, sizeof(why)) == cases[i].err,
			      "%s: %s", cases[i].schema, why);
		ck_assert_msg(strstr(why, cases[i].named) != NULL, "%s: %s", cases[i].schema, why);
		ck_assert_ptr_null(schema);
	}
	close_models();
}
END_TEST

START_TEST(a_schema_nested_without_end_is_refused)
{
	char text[4096] = "", why[256] = "";
	struct mw_lm_schema *schema = NULL;

	open_models();
	for (size_t i = 0; i < 200; i++)
		strcat(text, "{\"items\":");
	ck_assert_int_eq(
	    mw_lm_schema_new(models[0], text, strlen(text), NULL, &schema, why, sizeof(why)),
	    MW_LM_E_FORMAT);
	ck_assert_ptr_nonnull(strstr(why, "deep"));
	close_models();
}
END_TEST

START_TEST(bad_references_are_refused)
{
	static const char *const bad[] = {"",     "{",          "a}",   "{a}b",
					  "{a}}", "{\xC3\xA9}", "{\"}", "{\\}"};
	static const char text[] = "{\"type\":\"string\"}";
	struct mw_lm_schema *schema = NULL;
	char why[256] = "";

	open_models();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct mw_lm_schema_options options = {true, &bad[i], 1};

		ck_assert_int_eq(mw_lm_schema_new(models[0], text, strlen(text), &options, &schema,
						  why, sizeof(why)),
				 MW_LM_E_ARGUMENT);
	}
	close_models();
}
END_TEST

/* --- masks ------------------------------------------------------------------------------------ */

/* Compares the mask of a place with every token on its own; returns how many are admitted. */
static uint32_t check_mask(const struct mw_lm_schema *schema, struct lm_place place,
			   struct lm_place twin)
{
	uint32_t n_vocab = mw_lm_info(schema->model)->n_vocab, n = 0;
	uint64_t mask[16], others[16];
	struct lm_place places[128];

	ck_assert_uint_le(n_vocab, 16 * 64);
	ck_assert_uint_lt(schema->vocabulary.longest, 128);
	lm_mask_fill(&schema->vocabulary, &schema->automaton, place, places, mask, 16);
	lm_mask_fill(&schema->vocabulary, &schema->automaton, twin, places, others, 16);
	ck_assert_mem_eq(mask, others, sizeof(mask));
	for (uint32_t i = 0; i < n_vocab; i++) {
		struct lm_place next = place;
		char bytes[64];
		size_t size = 0;
		bool good;

		ck_assert_int_eq(
		    mw_lm_decode(schema->model, &i, 1, false, bytes, sizeof(bytes), &size),
		    MW_LM_E_OK);
		good = size > 0;
		for (size_t k = 0; k < size && good; k++)
			good = lm_automaton_step(&schema->automaton, &next, (uint8_t)bytes[k]);
		ck_assert_int_eq(good, mask[i / 64] >> i % 64 & 1);
		n += good;
	}
	return n;
}

/* Walks at random to the end; at every place some token leads on, and one of them nearer. */
static size_t walk(const struct mw_lm_schema *schema, struct gguf_build *random)
{
	const struct lm_automaton *automaton = &schema->automaton;
	struct lm_place place = {automaton->start, 0};
	uint32_t n_vocab = mw_lm_info(schema->model)->n_vocab;
	size_t n = 0;

	for (; n < 300 && !lm_automaton_must_end(automaton, place); n++) {
		struct lm_place twin = {automaton->nodes[place.node].twin, place.within}, next;
		uint32_t distance = lm_automaton_distance(automaton, place), token;
		bool nearer = lm_automaton_may_end(automaton, place);

		ck_assert_uint_gt(check_mask(schema, place, twin), 0);
		for (token = 0; token < n_vocab; token++) {
			next = place;
			if (lm_mask_step(&schema->vocabulary, automaton, &next, token))
				nearer |= lm_automaton_distance(automaton, next) < distance;
		}
		ck_assert(nearer);
		do {
			next = place;
			token = (uint32_t)((1 + build_random(random)) / 2 * (float)n_vocab);
		} while (!lm_mask_step(&schema->vocabulary, automaton, &next, token % n_vocab));
		place = next;
	}
	return n;
}

START_TEST(masks_hold_the_admitted_tokens_and_every_place_leads_on)
{
	static const char *const schemas[] = {
	    "{\"properties\":{\"cause\":{\"enum\":[\"pump\",\"motor\",12]},\"note\":{\"type\":"
	    "\"string\",\"maxLength\":90}},\"required\":[\"note\"]}",
	    "{\"items\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"minLength\":3}]},"
	    "\"minItems\":2}",
	    "{\"type\":\"string\",\"minLength\":2,\"maxLength\":200}"};
	struct gguf_build random = {.seed = 6};
	size_t steps = 0;

	open_models();
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
		for (size_t k = 0; k < 4; k++) {
			struct mw_lm_schema *schema =
			    compile(models[k % 2], schemas[i], k < 2 ? &numberless : NULL);

			for (size_t round = 0; round < 3; round++)
				steps += walk(schema, &random);
			mw_lm_schema_free(schema);
		}
	}
	ck_assert_uint_gt(steps, 300);
	close_models();
}
END_TEST

START_TEST(the_shortest_answer_is_known)
{
	static const struct {
		const char *schema;
		uint32_t shortest;
	} cases[] = {{"{\"type\":\"boolean\"}", 4},
		     {"{\"type\":\"string\",\"minLength\":7}", 9},
		     {"{\"properties\":{\"a\":{\"const\":\"xyz\"}}}", 2},
		     {"{\"properties\":{\"a\":{\"const\":\"xyz\"}},\"required\":[\"a\"]}", 11},
		     {"{\"items\":{\"type\":\"integer\"},\"minItems\":3}", 7}};

	open_models();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_lm_schema *schema = compile(models[1], cases[i].schema, NULL);

		ck_assert_msg(mw_lm_schema_shortest(schema) == cases[i].shortest, "%s: %u",
			      cases[i].schema, mw_lm_schema_shortest(schema));
		mw_lm_schema_free(schema);
	}
	close_models();
}
END_TEST

START_TEST(a_model_without_a_tokenizer_has_no_schemas)
{
	const struct build_shape shape = build_tiny(40);
	struct mw_lm_schema *schema = NULL;
	struct mw_lm *model = NULL;
	char why[256] = "";
	size_t size;
	uint8_t *file = build_model(&shape, &size);

	ck_assert_int_eq(mw_lm_open_memory(file, size, NULL, &model, why, sizeof(why)), MW_LM_E_OK);
	ck_assert_int_eq(
	    mw_lm_schema_new(model, "{\"type\":\"null\"}", 15, NULL, &schema, why, sizeof(why)),
	    MW_LM_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(why, "vocabulary"));
	mw_lm_close(model);
	free(file);
}
END_TEST

MW_TEST_MAIN("schema", a_schema_admits_what_it_describes_and_nothing_else,
	     without_free_digits_numbers_come_from_references,
	     schemas_that_cannot_be_followed_are_refused_and_the_place_is_named,
	     a_schema_nested_without_end_is_refused, bad_references_are_refused,
	     masks_hold_the_admitted_tokens_and_every_place_leads_on, the_shortest_answer_is_known,
	     a_model_without_a_tokenizer_has_no_schemas)
