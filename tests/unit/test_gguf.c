/* Opening models: what is read from a good file, and how every kind of bad one is refused. */
#include "tests/unit/unit.h"

#include <math.h>
#include <unistd.h>

#include "model/engine/millwright_lm.h"
#include "tests/unit/gguf_build.h"

static const struct build_shape tiny = {.arch = "millwright",
					.weights = GGUF_W_Q8_0,
					.n_embd = 32,
					.n_layers = 1,
					.n_head = 2,
					.n_kv = 1,
					.head_size = 16,
					.n_ff = 32,
					.n_vocab = 40,
					.asset_prefix = true,
					.seed = 1};

static mw_lm_err open_bytes(const uint8_t *data, size_t size, struct mw_lm **ret_model, char *why,
			    size_t why_size)
{
	/* a copy of the exact size, so that a read past the end is seen by the sanitizer */
	uint8_t *copy = malloc(size ? size : 1);
	mw_lm_err err;

	ck_assert_ptr_nonnull(copy);
	if (size > 0)
		memcpy(copy, data, size);
	err = mw_lm_open_memory(copy, size, NULL, ret_model, why, why_size);
	free(copy);
	return err;
}

START_TEST(what_a_model_is_can_be_read)
{
	struct mw_lm *model = NULL;
	char why[256] = "";
	size_t size;
	uint8_t *file = build_model(&tiny, &size);
	const struct mw_lm_info *info;

	ck_assert_int_eq(open_bytes(file, size, &model, why, sizeof(why)), MW_LM_E_OK);
	info = mw_lm_info(model);
	ck_assert_str_eq(info->architecture, "millwright");
	ck_assert_str_eq(info->name, "random");
	ck_assert_uint_eq(info->n_vocab, 40);
	ck_assert_uint_eq(info->n_embd, 32);
	ck_assert_uint_eq(info->n_patches, 16);
	ck_assert_uint_eq(info->max_rows, 17);
	ck_assert(info->asset_prefix);
	ck_assert_uint_eq(info->file_size, size);
	ck_assert_uint_eq(info->n_parameters,
			  40 * 32 + 3 * 32 + 32 * (32 + 16 + 16 + 32) + 3 * 32 * 32 + 2 * 33);
	ck_assert_str_eq(mw_lm_metadata(model, "millwright.embedding_length"), "32");
	ck_assert_str_eq(mw_lm_metadata(model, "millwright.attention.asset_prefix"), "true");
	ck_assert_str_eq(mw_lm_metadata(model, "millwright.rope.freq_base"), "10000");
	ck_assert_ptr_null(mw_lm_metadata(model, "tokenizer.ggml.tokens"));
	ck_assert_ptr_null(mw_lm_metadata(model, "nobody"));
	ck_assert_str_eq(mw_lm_metadata_key(model, 0), "general.architecture");
	ck_assert_ptr_null(mw_lm_metadata_key(model, 1000));
	ck_assert_str_eq(mw_lm_token_text(model, 39), "<t39>");
	ck_assert_ptr_null(mw_lm_token_text(model, 40));
	ck_assert_uint_eq(mw_lm_token_find(model, "<t7>"), 7);
	ck_assert_uint_eq(mw_lm_token_find(model, "<t40>"), MW_LM_NO_TOKEN);
	free(file);
	mw_lm_close(model);
	mw_lm_close(NULL);
}
END_TEST

START_TEST(a_file_cut_short_anywhere_is_refused)
{
	struct mw_lm *model = NULL;
	char why[256];
	size_t size;
	uint8_t *file = build_model(&tiny, &size);

	for (size_t n = 0; n < size; n += n < 4000 ? 1 : 37) {
		why[0] = '\0';
		ck_assert_int_ne(open_bytes(file, n, &model, why, sizeof(why)), MW_LM_E_OK);
		ck_assert_ptr_null(model);
		ck_assert_str_ne(why, "");
	}
	free(file);
}
END_TEST

START_TEST(flipped_bytes_never_do_harm)
{
	size_t size, opened = 0;
	uint8_t *file = build_model(&tiny, &size);

	for (size_t i = 0; i < 3000 && i < size; i++) {
		static const uint8_t flips[] = {0x01, 0x80, 0xFF};

		for (size_t k = 0; k < sizeof(flips); k++) {
			struct mw_lm *model = NULL;

			file[i] ^= flips[k];
			if (open_bytes(file, size, &model, NULL, 0) == MW_LM_E_OK)
				opened++;
			mw_lm_close(model);
			file[i] ^= flips[k];
		}
	}
	ck_assert_uint_gt(opened, 0); /* token texts, say */
	free(file);
}
END_TEST

/* --- one thing wrong -------------------------------------------------------------------------- */

static void all_keys(struct gguf_build *build)
{
	build_keys(build, &tiny);
	build_window_keys(build, &tiny);
}

static void no_keys(struct gguf_build *build)
{
	(void)build;
}

static void no_architecture(struct gguf_build *build)
{
	build_u32(build, "general.architecture", 3);
}

static void unknown_architecture(struct gguf_build *build)
{
	build_string(build, "general.architecture", "perceptron");
}

static void a_key_twice(struct gguf_build *build)
{
	all_keys(build);
	build_u32(build, "millwright.block_count", 1);
}

static void an_empty_key(struct gguf_build *build)
{
	build_u32(build, "", 1);
}

static void unknown_type(struct gguf_build *build)
{
	build_key(build, "odd", (enum gguf_type)13);
}

static void an_array_of_arrays(struct gguf_build *build)
{
	build_array(build, "odd", GGUF_ARRAY, 1);
}

static void an_endless_array(struct gguf_build *build)
{
	build_array(build, "odd", GGUF_U64, UINT64_MAX / 4);
}

static void endless_strings(struct gguf_build *build)
{
	build_array(build, "odd", GGUF_STRING, UINT64_MAX);
}

static void an_endless_string(struct gguf_build *build)
{
	build_key(build, "odd", GGUF_STRING);
	bytes_put_uint(&build->keys, UINT64_MAX - 3, 8);
}

static void a_string_with_nul(struct gguf_build *build)
{
	build_key(build, "odd", GGUF_STRING);
	bytes_put_uint(&build->keys, 3, 8);
	bytes_put(&build->keys, "a\0b", 3);
}

static void alignment_of_three(struct gguf_build *build)
{
	build_u32(build, "general.alignment", 3);
}

static void no_layers(struct gguf_build *build)
{
	build_string(build, "general.architecture", "millwright");
	build_u32(build, "millwright.block_count", 0);
}

static void negative_layers(struct gguf_build *build)
{
	build_string(build, "general.architecture", "millwright");
	build_key(build, "millwright.block_count", GGUF_I32);
	bytes_put_uint(&build->keys, 0xFFFFFFFF, 4);
}

static void a_width_of_33(struct gguf_build *build)
{
	build_string(build, "general.architecture", "millwright");
	build_u32(build, "millwright.block_count", 1);
	build_u32(build, "millwright.embedding_length", 33);
	build_u32(build, "millwright.context_length", 33);
}

static void no_tensor(struct gguf_build *build)
{
	all_keys(build);
}

static void raw_tensor(struct gguf_build *build, const char *name, uint32_t n_dims, uint64_t d0,
		       uint64_t d1, uint32_t type, uint64_t offset)
{
	bytes_put_string(&build->tensors, name);
	bytes_put_uint(&build->tensors, n_dims, 4);
	for (uint32_t i = 0; i < n_dims; i++)
		bytes_put_uint(&build->tensors, i == 0 ? d0 : i == 1 ? d1 : 1, 8);
	bytes_put_uint(&build->tensors, type, 4);
	bytes_put_uint(&build->tensors, offset, 8);
	build->n_tensors++;
}

static void a_tensor_of_five_sides(struct gguf_build *build)
{
	raw_tensor(build, "five", 5, 1, 1, GGUF_W_F32, 0);
}

static void a_tensor_past_64_bits(struct gguf_build *build)
{
	raw_tensor(build, "huge", 2, 1ull << 33, 1ull << 33, GGUF_W_F32, 0);
}

static void a_tensor_of_nothing(struct gguf_build *build)
{
	raw_tensor(build, "void", 2, 0, 4, GGUF_W_F32, 0);
}

static void a_tensor_outside(struct gguf_build *build)
{
	raw_tensor(build, "far", 1, 4, 1, GGUF_W_F32, 1ull << 62);
}

static void a_tensor_larger_than_the_file(struct gguf_build *build)
{
	raw_tensor(build, "wide", 2, 1ull << 30, 1ull << 28, GGUF_W_F32, 0);
}

static void a_crooked_offset(struct gguf_build *build)
{
	raw_tensor(build, "crooked", 1, 1, 1, GGUF_W_F32, 4);
}

static void broken_blocks(struct gguf_build *build)
{
	raw_tensor(build, "blocks", 2, 16, 2, GGUF_W_Q8_0, 0);
}

static void overlapping_tensors(struct gguf_build *build)
{
	float x[64] = {0};

	build_tensor(build, "one", GGUF_W_F32, 1, 64, x);
	raw_tensor(build, "two", 1, 8, 1, GGUF_W_F32, 224);
}

static void a_tensor_twice(struct gguf_build *build)
{
	float x[8] = {0};

	build_tensor(build, "one", GGUF_W_F32, 1, 8, x);
	build_tensor(build, "one", GGUF_W_F32, 1, 8, x);
}

static void a_vocabulary_of_another_size(struct gguf_build *build)
{
	all_keys(build);
	build_random_tensor(build, "token_embd.weight", GGUF_W_F32, 39, 32, 0, 1);
}

static void an_embedding_of_another_width(struct gguf_build *build)
{
	all_keys(build);
	build_random_tensor(build, "token_embd.weight", GGUF_W_F32, 40, 64, 0, 1);
}

static void a_weight_that_is_not_finite(struct gguf_build *build)
{
	float x[40 * 32] = {0};

	x[5 * 32 + 1] = INFINITY;
	all_keys(build);
	build_tensor(build, "token_embd.weight", GGUF_W_F16, 40, 32, x);
}

static void an_unknown_weight_type(struct gguf_build *build)
{
	all_keys(build);
	raw_tensor(build, "token_embd.weight", 2, 32, 40, 11, 0);
}

static void a_missing_layer(struct gguf_build *build)
{
	all_keys(build);
	build_random_tensor(build, "token_embd.weight", GGUF_W_F32, 40, 32, 0, 1);
	build_random_tensor(build, "output_norm.weight", GGUF_W_F32, 1, 32, 0, 1);
}

START_TEST(one_thing_wrong_is_refused_and_named)
{
	static const struct {
		void (*make)(struct gguf_build *build);
		mw_lm_err err;
		const char *named;
	} cases[] = {
	    {no_keys, MW_LM_E_FORMAT, "general.architecture"},
	    {no_architecture, MW_LM_E_FORMAT, "general.architecture"},
	    {unknown_architecture, MW_LM_E_UNSUPPORTED, "perceptron"},
	    {a_key_twice, MW_LM_E_FORMAT, "millwright.block_count"},
	    {an_empty_key, MW_LM_E_FORMAT, "key of 0 bytes"},
	    {unknown_type, MW_LM_E_FORMAT, "odd"},
	    {an_array_of_arrays, MW_LM_E_FORMAT, "odd"},
	    {an_endless_array, MW_LM_E_FORMAT, "odd"},
	    {endless_strings, MW_LM_E_FORMAT, "odd"},
	    {an_endless_string, MW_LM_E_FORMAT, "odd"},
	    {a_string_with_nul, MW_LM_E_FORMAT, "odd"},
	    {alignment_of_three, MW_LM_E_FORMAT, "general.alignment"},
	    {no_layers, MW_LM_E_FORMAT, "millwright.block_count"},
	    {negative_layers, MW_LM_E_FORMAT, "millwright.block_count"},
	    {a_width_of_33, MW_LM_E_UNSUPPORTED, "33"},
	    {no_tensor, MW_LM_E_FORMAT, "token_embd.weight"},
	    {a_tensor_of_five_sides, MW_LM_E_FORMAT, "five"},
	    {a_tensor_past_64_bits, MW_LM_E_FORMAT, "huge"},
	    {a_tensor_of_nothing, MW_LM_E_FORMAT, "void"},
	    {a_tensor_outside, MW_LM_E_FORMAT, "far"},
	    {a_tensor_larger_than_the_file, MW_LM_E_FORMAT, "wide"},
	    {a_crooked_offset, MW_LM_E_FORMAT, "crooked"},
	    {broken_blocks, MW_LM_E_FORMAT, "blocks"},
	    {overlapping_tensors, MW_LM_E_FORMAT, "two"},
	    {a_tensor_twice, MW_LM_E_FORMAT, "one"},
	    {a_vocabulary_of_another_size, MW_LM_E_FORMAT, "tokenizer.ggml.tokens"},
	    {an_embedding_of_another_width, MW_LM_E_FORMAT, "token_embd.weight"},
	    {a_weight_that_is_not_finite, MW_LM_E_FORMAT, "token_embd.weight"},
	    {an_unknown_weight_type, MW_LM_E_UNSUPPORTED, "token_embd.weight"},
	    {a_missing_layer, MW_LM_E_FORMAT, "blk.0.attn_norm.weight"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gguf_build build = {.seed = 1};
		struct mw_lm *model = NULL;
		char why[256] = "";
		uint8_t *file;
		size_t size;

		cases[i].make(&build);
		file = gguf_build_end(&build, &size);
		ck_assert_msg(open_bytes(file, size, &model, why, sizeof(why)) == cases[i].err,
			      "case %zu: %s", i, why);
		ck_assert_msg(strstr(why, cases[i].named) != NULL, "case %zu: %s", i, why);
		ck_assert_ptr_null(model);
		free(file);
	}
}
END_TEST

START_TEST(tokens_must_be_utf8)
{
	static const char *const bad[] = {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
					  "\x80",     "\xE2\x82",     "a\xFF"};
	static const char *const good[] = {"\xC3\xA9", "\xEA\xB0\x80", "\xF0\x9F\x98\x80", ""};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]) + sizeof(good) / sizeof(good[0]); i++) {
		bool is_bad = i < sizeof(bad) / sizeof(bad[0]);
		const char *text = is_bad ? bad[i] : good[i - sizeof(bad) / sizeof(bad[0])];
		struct build_shape shape = tiny;
		struct gguf_build build = {.seed = 1};
		struct mw_lm *model = NULL;
		char why[256] = "";
		uint8_t *file;
		size_t size;

		shape.arch = "llama"; /* has no list of its own here */
		build_keys(&build, &shape);
		build_array(&build, "tokenizer.ggml.tokens", GGUF_STRING, 1);
		bytes_put_string(&build.keys, text);
		build_random_tensor(&build, "token_embd.weight", GGUF_W_F32, 1, 32, 0, 1);
		file = gguf_build_end(&build, &size);
		ck_assert_int_eq(open_bytes(file, size, &model, why, sizeof(why)), MW_LM_E_FORMAT);
		ck_assert_msg(is_bad == (strstr(why, "UTF-8") != NULL), "%zu: %s", i, why);
		free(file);
	}
}
END_TEST

/* --- limits, files ---------------------------------------------------------------------------- */

START_TEST(a_model_past_its_memory_limit_is_refused)
{
	struct mw_lm_options options = {.memory_limit = 0};
	struct mw_lm *model = NULL;
	char why[256];
	size_t size, needed, refused = 0;
	uint8_t *file = build_model(&tiny, &size);

	ck_assert_int_eq(mw_lm_open_memory(file, size, &options, &model, NULL, 0), MW_LM_E_OK);
	needed = mw_lm_info(model)->weight_bytes;
	mw_lm_close(model);
	model = NULL;
	for (options.memory_limit = 1; options.memory_limit < 2 * needed;
	     options.memory_limit += 501) {
		mw_lm_err err = mw_lm_open_memory(file, size, &options, &model, why, sizeof(why));

		ck_assert(err == MW_LM_E_OK || err == MW_LM_E_MEMORY);
		if (err)
			refused++;
		else
			ck_assert_uint_le(mw_lm_info(model)->weight_bytes, options.memory_limit);
		mw_lm_close(model);
		model = NULL;
	}
	ck_assert_uint_gt(refused, 0);
	free(file);
}
END_TEST

START_TEST(unknown_kernels_are_refused)
{
	const struct mw_lm_options options = {.kernels = "abacus"};
	struct mw_lm *model = NULL;
	char why[256] = "";
	size_t size;
	uint8_t *file = build_model(&tiny, &size);

	ck_assert_int_eq(mw_lm_open_memory(file, size, &options, &model, why, sizeof(why)),
			 MW_LM_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(why, "abacus"));
	free(file);
}
END_TEST

/* A new empty file; the caller unlinks and frees its name. */
static char *temporary(void)
{
	char *name = strdup("/tmp/mw-gguf-XXXXXX");
	int fd = name ? mkstemp(name) : -1;

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	return name;
}

static void write_model(const char *path, const struct build_shape *shape)
{
	size_t size;
	uint8_t *file = build_model(shape, &size);
	FILE *out = fopen(path, "wb");

	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(file, 1, size, out), size);
	ck_assert_int_eq(fclose(out), 0);
	free(file);
}

START_TEST(files_that_cannot_be_models_are_refused)
{
	struct mw_lm *model = NULL;
	char why[256] = "", *empty = temporary();

	ck_assert_int_eq(mw_lm_open("/nonexistent/x.gguf", NULL, &model, why, sizeof(why)),
			 MW_LM_E_IO);
	ck_assert_str_ne(why, "");
	ck_assert_int_eq(mw_lm_open("/tmp", NULL, &model, why, sizeof(why)), MW_LM_E_IO);
	ck_assert_int_eq(mw_lm_open(empty, NULL, &model, why, sizeof(why)), MW_LM_E_FORMAT);
	ck_assert_ptr_null(model);
	(void)unlink(empty);
	free(empty);
}
END_TEST

static void first_logits(const char *path, float *logits)
{
	static const uint16_t codes[20 * 10] = {1, 2, 3}, question[10] = {4, 5};
	const struct mw_lm_session_options options = {.max_rows = 1, .max_tail = 1};
	struct mw_lm_session *session = NULL;
	struct mw_lm *model = NULL;
	char why[256] = "";

	ck_assert_msg(mw_lm_open(path, NULL, &model, why, sizeof(why)) == MW_LM_E_OK, "%s", why);
	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_read(&(struct mw_lm_window){session, codes, 1, question, NULL}),
			 MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits(session, 0, 40, logits), MW_LM_E_OK);
	mw_lm_session_free(session);
	mw_lm_close(model);
}

START_TEST(a_quantized_file_gives_the_bits_of_its_source)
{
	static const uint32_t types[] = {GGUF_W_F32, GGUF_W_F16, GGUF_W_BF16, GGUF_W_Q8_0};
	char *source = temporary(), *target = temporary(), why[256] = "";
	float before[40], after[40];
	struct mw_lm *model = NULL;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct build_shape shape = tiny;

		shape.weights = types[i];
		write_model(source, &shape);
		ck_assert_msg(mw_lm_quantize(source, target, why, sizeof(why)) == MW_LM_E_OK, "%s",
			      why);
		first_logits(source, before);
		first_logits(target, after);
		ck_assert_mem_eq(before, after, sizeof(before));
		ck_assert_int_eq(mw_lm_open(target, NULL, &model, why, sizeof(why)), MW_LM_E_OK);
		ck_assert_uint_lt(mw_lm_info(model)->file_size, 14500);
		ck_assert_str_eq(mw_lm_token_text(model, 39), "<t39>");
		mw_lm_close(model);
	}
	(void)unlink(source);
	(void)unlink(target);
	free(source);
	free(target);
}
END_TEST

START_TEST(quantizing_what_is_no_model_leaves_the_target_alone)
{
	char *source = temporary(), *target = temporary(), why[256] = "";
	struct mw_lm *model = NULL;

	write_model(target, &tiny);
	ck_assert_int_eq(mw_lm_quantize(source, target, why, sizeof(why)), MW_LM_E_FORMAT);
	ck_assert_int_eq(mw_lm_open(target, NULL, &model, why, sizeof(why)), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_quantize(target, "/nonexistent/y", why, sizeof(why)), MW_LM_E_IO);
	mw_lm_close(model);
	(void)unlink(source);
	(void)unlink(target);
	free(source);
	free(target);
}
END_TEST

START_TEST(errors_have_texts)
{
	ck_assert_str_eq(mw_lm_err_text(MW_LM_E_OK), "ok");
	ck_assert_str_ne(mw_lm_err_text(MW_LM_E_STATE), mw_lm_err_text(MW_LM_E_FULL));
	ck_assert_str_eq(mw_lm_err_text((mw_lm_err)999), "an unknown error");
}
END_TEST

MW_TEST_MAIN("gguf", what_a_model_is_can_be_read, a_file_cut_short_anywhere_is_refused,
	     flipped_bytes_never_do_harm, one_thing_wrong_is_refused_and_named, tokens_must_be_utf8,
	     a_model_past_its_memory_limit_is_refused, unknown_kernels_are_refused,
	     files_that_cannot_be_models_are_refused, a_quantized_file_gives_the_bits_of_its_source,
	     quantizing_what_is_no_model_leaves_the_target_alone, errors_have_texts)
