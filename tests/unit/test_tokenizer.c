/* Text to tokens and back: small vocabularies whose answers can be seen, and random ones against
 * joining pairs the slow way. */
#include "tests/unit/unit.h"

#include "model/engine/tokenizer.h"
#include "tests/unit/gguf_build.h"

enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED, BYTE };

struct token {
	const char *text;
	float score;
	uint32_t type;
};

/* A model of one layer whose only purpose is its vocabulary. */
struct vocabulary {
	struct token tokens[700];
	uint32_t n;
	const char *merges[8];
	uint32_t n_merges;
	char texts[700][16];
};

static void add(struct vocabulary *words, const char *text, float score, uint32_t type)
{
	(void)snprintf(words->texts[words->n], sizeof(words->texts[0]), "%s", text);
	words->tokens[words->n] = (struct token){words->texts[words->n], score, type};
	words->n++;
}

static void put_lists(struct gguf_build *build, const struct vocabulary *words)
{
	build_array(build, "tokenizer.ggml.tokens", GGUF_STRING, words->n);
	for (uint32_t i = 0; i < words->n; i++)
		bytes_put_string(&build->keys, words->tokens[i].text);
	build_array(build, "tokenizer.ggml.scores", GGUF_F32, words->n);
	for (uint32_t i = 0; i < words->n; i++)
		bytes_put(&build->keys, &words->tokens[i].score, 4);
	build_array(build, "tokenizer.ggml.token_type", GGUF_I32, words->n);
	for (uint32_t i = 0; i < words->n; i++)
		bytes_put_uint(&build->keys, words->tokens[i].type, 4);
	if (words->n_merges == 0)
		return;
	build_array(build, "tokenizer.ggml.merges", GGUF_STRING, words->n_merges);
	for (uint32_t i = 0; i < words->n_merges; i++)
		bytes_put_string(&build->keys, words->merges[i]);
}

static struct mw_lm *open_words(const struct vocabulary *words, const char *kind, const char *pre)
{
	const struct build_shape shape = build_tiny(words->n);
	struct gguf_build build = {.seed = 1};
	struct mw_lm *model = NULL;
	char why[256] = "";
	uint8_t *bytes;
	size_t size;

	build_keys(&build, &shape);
	build_string(&build, "tokenizer.ggml.model", kind);
	if (pre)
		build_string(&build, "tokenizer.ggml.pre", pre);
	put_lists(&build, words);
	build_random_tensor(&build, "token_embd.weight", GGUF_W_Q8_0, words->n, 32, 0, 1);
	build_random_tensor(&build, "output_norm.weight", GGUF_W_F32, 1, 32, 1, 0);
	build_layer(&build, &shape, 0);
	bytes = gguf_build_end(&build, &size);
	ck_assert_msg(mw_lm_open_memory(bytes, size, NULL, &model, why, sizeof(why)) == MW_LM_E_OK,
		      "%s", why);
	free(bytes);
	return model;
}

static void add_bytes(struct vocabulary *words)
{
	char text[8];

	for (uint32_t i = 0; i < 256; i++) {
		(void)snprintf(text, sizeof(text), "<0x%02X>", i);
		add(words, text, 0, BYTE);
	}
}

static struct mw_lm *open_spm(void)
{
	static const char *const pieces[] = {
	    "\xE2\x96\x81", "h", "e", "l", "o", "w", "he", "ll", "hell", "llo", "\xE2\x96\x81hell"};
	struct vocabulary *words = calloc(1, sizeof(*words));
	struct mw_lm *model;

	ck_assert_ptr_nonnull(words);
	add(words, "<unk>", 0, UNKNOWN);
	add(words, "<s>", 0, CONTROL);
	add(words, "</s>", 0, CONTROL);
	add_bytes(words); /* 3..258 */
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		add(words, pieces[i], i > 5 ? -(float)i : -100, NORMAL); /* 259.. */
	add(words, "<|end|>", 0, CONTROL);                               /* 270 */
	add(words, "<mark>", 0, USER);                                   /* 271 */
	model = open_words(words, "llama", NULL);
	free(words);
	return model;
}

static void check_tokens(const struct mw_lm *model, const char *text, enum mw_lm_encoding encoding,
			 const uint32_t *wanted, size_t n_wanted)
{
	uint32_t tokens[64];
	size_t n = 0;

	ck_assert_int_eq(mw_lm_encode(model, text, strlen(text), encoding, tokens, 64, &n),
			 MW_LM_E_OK);
	ck_assert_msg(n == n_wanted, "%s: %zu tokens", text, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(tokens[i] == wanted[i], "%s: token %zu is %u, not %u", text, i,
			      tokens[i], wanted[i]);
}

#define CHECK_TOKENS(model, text, encoding, ...)                                                   \
	check_tokens(model, text, encoding, (uint32_t[]){__VA_ARGS__},                             \
		     sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

START_TEST(the_best_pair_is_joined_first)
{
	struct mw_lm *model = open_spm();

	CHECK_TOKENS(model, "", MW_LM_PLAIN, 1);
	/* he, ll, hell, _hell, and then o stands alone */
	CHECK_TOKENS(model, "hello", MW_LM_PLAIN, 1, 269, 263);
	CHECK_TOKENS(model, "hello llo", MW_LM_PLAIN, 1, 269, 263, 259, 268);
	CHECK_TOKENS(model, " w", MW_LM_PLAIN, 1, 259, 259, 264);
	mw_lm_close(model);
}
END_TEST

START_TEST(what_is_no_piece_goes_as_bytes)
{
	struct mw_lm *model = open_spm();

	CHECK_TOKENS(model, "h\xC3\xA9\n", MW_LM_PLAIN, 1, 259, 260, 3 + 0xC3, 3 + 0xA9, 3 + 10);
	CHECK_TOKENS(model, "\xFFo", MW_LM_PLAIN, 1, 259, 3 + 0xFF, 263);
	mw_lm_close(model);
}
END_TEST

START_TEST(control_tokens_are_text_unless_asked_for)
{
	struct mw_lm *model = open_spm();
	uint32_t tokens[64];
	size_t n;

	CHECK_TOKENS(model, "h<|end|>h", MW_LM_SPECIALS, 1, 259, 260, 270, 259, 260);
	CHECK_TOKENS(model, "<s>", MW_LM_SPECIALS, 1, 1);
	CHECK_TOKENS(model, "h<mark>h", MW_LM_PLAIN, 1, 259, 260, 271, 260);
	ck_assert_int_eq(mw_lm_encode(model, "<|end|>", 7, MW_LM_PLAIN, tokens, 64, &n),
			 MW_LM_E_OK);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_ne(tokens[i], 270);
	ck_assert(mw_lm_token_ends(model, 270));
	ck_assert(mw_lm_token_ends(model, 2));
	ck_assert(!mw_lm_token_ends(model, 1));
	mw_lm_close(model);
}
END_TEST

/* Phi-3's published file has its end token as one of the user's. */
START_TEST(what_ends_an_answer_is_no_text_whatever_its_type)
{
	struct vocabulary *words = calloc(1, sizeof(*words));
	struct mw_lm *model;
	uint32_t tokens[64];
	size_t n = 0;

	ck_assert_ptr_nonnull(words);
	add(words, "<unk>", 0, UNKNOWN);
	add(words, "<s>", 0, CONTROL);
	add(words, "</s>", 0, USER);
	add_bytes(words);
	add(words, "<|end|>", 0, USER);
	model = open_words(words, "llama", NULL);
	free(words);
	ck_assert_int_eq(mw_lm_encode(model, "</s><|end|>", 11, MW_LM_PLAIN, tokens, 64, &n),
			 MW_LM_E_OK);
	ck_assert_uint_gt(n, 11);
	CHECK_TOKENS(model, "</s><|end|>", MW_LM_SPECIALS, 1, 2, 259);
	ck_assert(mw_lm_token_ends(model, 2) && mw_lm_token_ends(model, 259));
	mw_lm_close(model);
}
END_TEST

static void check_round_trip(const struct mw_lm *model, const char *text, size_t size)
{
	size_t max = MW_LM_MAX_TOKENS(size), n = 0, back_size = 0;
	uint32_t *tokens = malloc(max * sizeof(*tokens));
	char *back = malloc(size + 1);

	ck_assert(tokens && back);
	ck_assert_int_eq(mw_lm_encode(model, text, size, MW_LM_PLAIN, tokens, max, &n), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_decode(model, tokens, n, true, back, size, &back_size), MW_LM_E_OK);
	ck_assert_uint_eq(back_size, size);
	ck_assert_mem_eq(back, text, size);
	free(tokens);
	free(back);
}

static void check_round_trips(const struct mw_lm *model)
{
	static const char *const texts[] = {"hello",
					    "  two blanks  ",
					    " ",
					    "<s>hello</s>",
					    "Temperatur 73,5 \xC2\xB0"
					    "C",
					    "\xEA\xB8\xB0\xEA\xB3\x84",
					    "\xF0\x9F\x94\xA7 tool",
					    "\n\n\t x",
					    "it's 12 o'clock!"};
	struct gguf_build random = {.seed = 9};
	char noise[200];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_round_trip(model, texts[i], strlen(texts[i]));
	for (size_t round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (char)(int)(128 * build_random(&random));
		check_round_trip(model, noise, round * 4);
	}
}

START_TEST(pieces_give_the_text_back)
{
	struct mw_lm *model = open_spm();

	check_round_trips(model);
	mw_lm_close(model);
}
END_TEST

static struct mw_lm *open_bpe(const char *pre)
{
	struct vocabulary *words = calloc(1, sizeof(*words));
	struct mw_lm *model;

	ck_assert_ptr_nonnull(words);
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = lm_byte_char((uint8_t)i);
		char text[3] = {(char)c, 0, 0};

		if (c >= 0x80) {
			text[0] = (char)(0xC0 | c >> 6);
			text[1] = (char)(0x80 | (c & 0x3F));
		}
		add(words, text, 0, NORMAL);
	}
	add(words, "ll", 0, NORMAL);             /* 256 */
	add(words, "he", 0, NORMAL);             /* 257 */
	add(words, "hell", 0, NORMAL);           /* 258 */
	add(words, "\xC4\xA0h", 0, NORMAL);      /* 259: a blank and h */
	add(words, "<|endoftext|>", 0, CONTROL); /* 260 */
	add(words, "odd", 0, NORMAL);            /* 261: no merge makes it */
	words->merges[0] = "l l";
	words->merges[1] = "\xC4\xA0 h";
	words->merges[2] = "h e";
	words->merges[3] = "he ll";
	words->n_merges = 4;
	model = open_words(words, "gpt2", pre);
	free(words);
	return model;
}

START_TEST(merges_are_taken_by_rank_and_within_words)
{
	struct mw_lm *model = open_bpe("gpt-2");

	CHECK_TOKENS(model, "hello", MW_LM_PLAIN, 258, 'o');
	CHECK_TOKENS(model, " hello", MW_LM_PLAIN, 259, 'e', 256, 'o');
	CHECK_TOKENS(model, "l\nl", MW_LM_PLAIN, 'l', '\n', 'l');
	CHECK_TOKENS(model, "o<|endoftext|>", MW_LM_SPECIALS, 'o', 260);
	mw_lm_close(model);
}
END_TEST

START_TEST(merges_give_the_text_back)
{
	struct mw_lm *model = open_bpe(NULL);

	check_round_trips(model);
	mw_lm_close(model);
}
END_TEST

START_TEST(words_end_where_gpt_2_ends_them)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {{"hello world", 5},
		     {" world", 6},
		     {"  world", 1},
		     {"\nworld", 1},
		     {"   ", 3},
		     {"'s x", 2},
		     {"'llx", 3},
		     {"'x", 1},
		     {"12ab", 2},
		     {" 12", 3},
		     {"!?a", 2},
		     {" ...x", 4},
		     {" \n x", 2},
		     {"\xC3\xA9t\xC3\xA9 x", 5},
		     {"\xFF\xFE"
		      "a",
		      2},
		     {"\xEA\xB8\xB0, x", 3}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(lm_word_length(LM_WORDS_GPT2, (const uint8_t *)cases[i].text,
					     strlen(cases[i].text)) == cases[i].length,
			      "'%s'", cases[i].text);
}
END_TEST

/* Words by the rule, apart by '|', which is in no text. */
static void check_words(enum lm_words rule, const char *wanted)
{
	char text[128];
	size_t size = 0, at = 0;

	for (const char *c = wanted; *c; c++)
		if (*c != '|')
			text[size++] = *c;
	for (const char *word = wanted; *word; word += word[0] == '|') {
		size_t n = strcspn(word, "|");

		ck_assert_msg(lm_word_length(rule, (const uint8_t *)text + at, size - at) == n,
			      "%d: %s at %zu", (int)rule, wanted, at);
		at += n;
		word += n;
	}
	ck_assert_uint_eq(at, size);
}

START_TEST(words_end_where_each_rule_ends_them)
{
	static const struct {
		enum lm_words rule;
		const char *words;
	} cases[] = {
	    {LM_WORDS_GPT2, "it|'s| 1234| x"},
	    {LM_WORDS_GPT2, "IT|'|S|  | a"},
	    {LM_WORDS_GPT2, "\xD9\xA3\xC2\xBD\xE2\x85\xA7|x"},
	    {LM_WORDS_DIGITS, "ab|1|2|  |3| |4|  | x"},
	    {LM_WORDS_DIGITS, "it|'s| |1|,|2"},
	    {LM_WORDS_LLAMA3, "IT|'S| | |123|456|7| x"},
	    {LM_WORDS_LLAMA3, "(the| pump|)\n\n| \n|  | a"},
	    {LM_WORDS_LLAMA3, "\tx| ...\r\n|\ta|!b"},
	    {LM_WORDS_LLAMA3, "a| \n| "},
	    {LM_WORDS_QWEN2, "x| |1|2|3|'ll|  "},
	    {LM_WORDS_QWEN2, "\xEA\xB8\xB0\xEA\xB3\x84| \xF0\x9F\x94\xA7|\xD9\xA3|1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_words(cases[i].rule, cases[i].words);
}
END_TEST

START_TEST(splittings_are_known_by_their_names)
{
	static const char *const known[] = {"gpt-2", "smollm", "llama-bpe", "qwen2", "starcoder"};
	static const char *const others[] = {"default", "tekken", "gpt-4o", "", "llama-bpe "};
	const char *why = NULL;
	struct mw_lm *model;

	for (size_t i = 0; i < 5; i++) {
		model = open_bpe(known[i]);
		ck_assert_ptr_nonnull(mw_lm_tokenizer_name(model, &why));
		ck_assert_ptr_null(why);
		check_round_trips(model);
		mw_lm_close(model);
		model = open_bpe(others[i]);
		ck_assert_ptr_null(mw_lm_tokenizer_name(model, &why));
		ck_assert_ptr_nonnull(strstr(why, "tokenizer.ggml.pre"));
		mw_lm_close(model);
	}
}
END_TEST

/* " hell" is no token of GPT-2's merges, but one as a word. */
START_TEST(llama_3_takes_words_that_are_tokens_whole)
{
	struct mw_lm *model = open_bpe("llama-bpe"), *other = open_bpe("qwen2");

	CHECK_TOKENS(model, "hello hell", MW_LM_PLAIN, 258, 'o', 259, 'e', 256);
	CHECK_TOKENS(other, "hell", MW_LM_PLAIN, 258);
	CHECK_TOKENS(other, "odd", MW_LM_PLAIN, 'o', 'd', 'd');
	CHECK_TOKENS(model, "odd", MW_LM_PLAIN, 261);
	mw_lm_close(model);
	mw_lm_close(other);
}
END_TEST

START_TEST(bytes_and_their_characters_are_one_to_one)
{
	bool seen[0x800] = {false};

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = lm_byte_char((uint8_t)i);

		ck_assert_uint_lt(c, 0x800);
		ck_assert(!seen[c]);
		seen[c] = true;
		ck_assert_int_eq(lm_char_byte(c), (int)i);
	}
	ck_assert_uint_eq(lm_byte_char(' '), 0x120);
	ck_assert_uint_eq(lm_byte_char(0xAD), 0x143);
	ck_assert_int_eq(lm_char_byte(0x144), -1);
	ck_assert_int_eq(lm_char_byte('\n'), -1);
}
END_TEST

/* --- the slow way ----------------------------------------------------------------------------- */

static uint32_t find_word(const struct vocabulary *words, const char *text, size_t size)
{
	for (uint32_t i = 0; i < words->n; i++)
		if (strlen(words->tokens[i].text) == size &&
		    memcmp(words->tokens[i].text, text, size) == 0)
			return i;
	return MW_LM_NO_TOKEN;
}

/* Joins the best pair of all, again and again; sizes[n] of the pieces. */
static size_t join_slowly(const struct vocabulary *words, const char *text, size_t *sizes, size_t n)
{
	for (;;) {
		size_t best = n, at = 0;
		float score = 0;

		for (size_t i = 0; i + 1 < n; at += sizes[i++]) {
			uint32_t word = find_word(words, text + at, sizes[i] + sizes[i + 1]);

			if (word == MW_LM_NO_TOKEN ||
			    (best < n && words->tokens[word].score <= score))
				continue;
			best = i;
			score = words->tokens[word].score;
		}
		if (best == n)
			return n;
		sizes[best] += sizes[best + 1];
		memmove(sizes + best + 1, sizes + best + 2, (n - best - 2) * sizeof(*sizes));
		n--;
	}
}

/* Words of a, b and c, with scores of which some are equal. */
static void make_words(struct vocabulary *words, struct gguf_build *random)
{
	add(words, "<unk>", 0, UNKNOWN);
	add(words, "<s>", 0, CONTROL);
	add(words, "a", -50, NORMAL);
	add(words, "b", -50, NORMAL);
	add(words, "c", -50, NORMAL);
	add(words, "\xE2\x96\x81", -50, NORMAL);
	for (size_t i = 0; i < 60; i++) {
		size_t n = 2 + (size_t)(2 * (1 + build_random(random)));
		char text[8] = "";

		for (size_t k = 0; k < n; k++)
			text[k] = (char)('a' + (int)(1.5f * (1 + build_random(random))));
		if (find_word(words, text, n) == MW_LM_NO_TOKEN)
			add(words, text, (float)(int)(20 * build_random(random)), NORMAL);
	}
}

START_TEST(random_texts_are_joined_as_the_slow_way_does)
{
	struct gguf_build random = {.seed = 4};

	for (size_t round = 0; round < 20; round++) {
		struct vocabulary *words = calloc(1, sizeof(*words));
		struct mw_lm *model;

		ck_assert_ptr_nonnull(words);
		make_words(words, &random);
		model = open_words(words, "llama", NULL);
		for (size_t k = 0; k < 30; k++) {
			char text[3 + 40] = "\xE2\x96\x81";
			size_t size = 1 + k, n = 0, m, at = 0, sizes[41];
			uint32_t tokens[128];

			for (size_t i = 0; i < size; i++)
				text[3 + i] =
				    (char)('a' + (int)(1.5f * (1 + build_random(&random))));
			ck_assert_int_eq(
			    mw_lm_encode(model, text + 3, size, MW_LM_PLAIN, tokens, 128, &n),
			    MW_LM_E_OK);
			for (size_t i = 0; i <= size; i++)
				sizes[i] = i ? 1 : 3;
			m = join_slowly(words, text, sizes, size + 1);
			ck_assert_uint_eq(n, m + 1);
			for (size_t i = 0; i < m; at += sizes[i++])
				ck_assert_uint_eq(tokens[i + 1],
						  find_word(words, text + at, sizes[i]));
		}
		mw_lm_close(model);
		free(words);
	}
}
END_TEST

START_TEST(limits_are_reported)
{
	struct mw_lm *model = open_spm(), *other = open_bpe("some-other-split");
	uint32_t tokens[4], past = 100000;
	char text[4];
	size_t n = 77;

	ck_assert_int_eq(mw_lm_encode(model, "wwww", 4, MW_LM_PLAIN, tokens, 4, &n), MW_LM_E_FULL);
	ck_assert_int_eq(mw_lm_encode(model, text, MW_LM_MAX_TEXT + 1, MW_LM_PLAIN, tokens, 4, &n),
			 MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_decode(model, &past, 1, true, text, 4, &n), MW_LM_E_ARGUMENT);
	tokens[0] = tokens[1] = 269;
	ck_assert_int_eq(mw_lm_decode(model, tokens, 2, true, text, 4, &n), MW_LM_E_FULL);
	ck_assert_int_eq(mw_lm_encode(other, "a", 1, MW_LM_PLAIN, tokens, 4, &n),
			 MW_LM_E_UNSUPPORTED);
	ck_assert_int_eq(mw_lm_decode(other, tokens, 1, true, text, 4, &n), MW_LM_E_UNSUPPORTED);
	ck_assert_uint_eq(n, 77);
	mw_lm_close(model);
	mw_lm_close(other);
}
END_TEST

MW_TEST_MAIN("tokenizer", the_best_pair_is_joined_first, what_is_no_piece_goes_as_bytes,
	     control_tokens_are_text_unless_asked_for,
	     what_ends_an_answer_is_no_text_whatever_its_type, pieces_give_the_text_back,
	     merges_are_taken_by_rank_and_within_words, merges_give_the_text_back,
	     words_end_where_gpt_2_ends_them, words_end_where_each_rule_ends_them,
	     splittings_are_known_by_their_names, llama_3_takes_words_that_are_tokens_whole,
	     bytes_and_their_characters_are_one_to_one,
	     random_texts_are_joined_as_the_slow_way_does, limits_are_reported)
