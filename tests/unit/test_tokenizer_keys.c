/* Keys of a tokenizer that are not what they should be: the error names them. */
#include "tests/unit/unit.h"

#include "tests/unit/gguf_build.h"

/* A model whose tokenizer has one key more; the error, and what it names. */
static mw_lm_err open_with_key(void (*put)(struct gguf_build *build), char *why, size_t size)
{
	const struct build_shape shape = build_tiny(3);
	struct gguf_build build = {.seed = 1};
	struct mw_lm *model = NULL;
	size_t file_size;
	uint8_t *bytes;
	mw_lm_err err;

	build_keys(&build, &shape);
	build_string(&build, "tokenizer.ggml.model", "llama");
	build_array(&build, "tokenizer.ggml.tokens", GGUF_STRING, 3);
	for (size_t i = 0; i < 3; i++)
		bytes_put_string(&build.keys, "abc" + i);
	put(&build);
	build_random_tensor(&build, "token_embd.weight", GGUF_W_Q8_0, 3, 32, 0, 1);
	build_random_tensor(&build, "output_norm.weight", GGUF_W_F32, 1, 32, 1, 0);
	build_layer(&build, &shape, 0);
	bytes = gguf_build_end(&build, &file_size);
	err = mw_lm_open_memory(bytes, file_size, NULL, &model, why, size);
	mw_lm_close(model);
	free(bytes);
	return err;
}

static void put_scores(struct gguf_build *build)
{
	build_array(build, "tokenizer.ggml.scores", GGUF_F32, 3);
	bytes_put(&build->keys, (float[]){0, 1, 2}, 12);
}

static void few_scores(struct gguf_build *build)
{
	build_array(build, "tokenizer.ggml.scores", GGUF_F32, 2);
	bytes_put(&build->keys, (float[]){0, 1}, 8);
}

static void no_scores(struct gguf_build *build)
{
	(void)build;
}

static void types_of_text(struct gguf_build *build)
{
	put_scores(build);
	build_string(build, "tokenizer.ggml.token_type", "normal");
}

static void an_unknown_type(struct gguf_build *build)
{
	put_scores(build);
	build_array(build, "tokenizer.ggml.token_type", GGUF_I32, 3);
	for (uint32_t i = 0; i < 3; i++)
		bytes_put_uint(&build->keys, i + 5, 4);
}

static void a_token_past_the_vocabulary(struct gguf_build *build)
{
	put_scores(build);
	build_u32(build, "tokenizer.ggml.eos_token_id", 3);
}

static void a_token_that_is_a_text(struct gguf_build *build)
{
	put_scores(build);
	build_string(build, "tokenizer.ggml.bos_token_id", "<s>");
}

static void a_flag_that_is_a_number(struct gguf_build *build)
{
	put_scores(build);
	build_u32(build, "tokenizer.ggml.add_bos_token", 1);
}

START_TEST(bad_keys_of_a_tokenizer_are_named)
{
	static const struct {
		void (*put)(struct gguf_build *build);
		const char *named;
	} cases[] = {{few_scores, "tokenizer.ggml.scores"},
		     {no_scores, "tokenizer.ggml.scores"},
		     {types_of_text, "tokenizer.ggml.token_type"},
		     {an_unknown_type, "tokenizer.ggml.token_type"},
		     {a_token_past_the_vocabulary, "tokenizer.ggml.eos_token_id"},
		     {a_token_that_is_a_text, "tokenizer.ggml.bos_token_id"},
		     {a_flag_that_is_a_number, "tokenizer.ggml.add_bos_token"}};
	char why[256] = "";

	ck_assert_msg(open_with_key(put_scores, why, sizeof(why)) == MW_LM_E_OK, "%s", why);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(open_with_key(cases[i].put, why, sizeof(why)), MW_LM_E_FORMAT);
		ck_assert_msg(strstr(why, cases[i].named) != NULL, "case %zu: %s", i, why);
	}
}
END_TEST

MW_TEST_MAIN("tokenizer_keys", bad_keys_of_a_tokenizer_are_named)
