/* Architectures of published text models: against the logits that an independent program wrote into
 * the golden files (tests/data/reference_text_models.py). */
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "model/engine/file.h"
#include "model/engine/model.h"
#include "model/engine/weights.h"
#include "tests/unit/gguf_build.h"

#define MAX_TOKENS 32u
#define MAX_VOCAB  64u

struct golden {
	uint32_t n, n_vocab;
	uint32_t tokens[MAX_TOKENS];
	float logits[MAX_TOKENS][MAX_VOCAB]; /* after the tokens 0..i */
};

static const char *const files[] = {"tests/data/golden_openelm.gguf", "tests/data/golden_phi3.gguf",
				    "tests/data/golden_phi3_long.gguf"};
enum { N_FILES = sizeof(files) / sizeof(files[0]) };

static void golden_read(const char *path, struct golden *golden)
{
	const struct gguf_tensor *logits;
	const struct gguf_value *tokens;
	struct lm_file file;
	struct gguf gguf;

	ck_assert_int_eq(lm_file_map(path, &file, NULL), MW_LM_E_OK);
	ck_assert_int_eq(gguf_parse(file.data, file.size, &gguf, NULL), MW_LM_E_OK);
	logits = gguf_tensor_find(&gguf, "reference.logits");
	tokens = gguf_value_find(&gguf, "reference.tokens");
	ck_assert(logits && tokens && tokens->n == logits->dim[1] && tokens->n <= MAX_TOKENS &&
		  logits->dim[0] <= MAX_VOCAB);
	golden->n = (uint32_t)tokens->n;
	golden->n_vocab = (uint32_t)logits->dim[0];
	for (uint32_t i = 0; i < golden->n; i++) {
		uint64_t token;

		ck_assert(gguf_value_uint(tokens, i, &token));
		golden->tokens[i] = (uint32_t)token;
		ck_assert(lm_row_floats(logits, i, golden->logits[i]));
	}
	gguf_done(&gguf);
	lm_file_unmap(&file);
}

static struct mw_lm *open_file(const char *path, enum mw_lm_precision precision,
			       const char *kernels)
{
	const struct mw_lm_options options = {.precision = precision, .kernels = kernels};
	struct mw_lm *model = NULL;
	char why[256] = "";

	ck_assert_msg(mw_lm_open(path, &options, &model, why, sizeof(why)) == MW_LM_E_OK, "%s",
		      why);
	return model;
}

static struct mw_lm_session *text_session(const struct mw_lm *model, uint32_t max_tail,
					  uint32_t pass)
{
	const struct mw_lm_session_options options = {.max_tail = max_tail, .pass = pass};
	struct mw_lm_session *session = NULL;

	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	return session;
}

/* Root mean square of the difference, over that of the truth. */
static double relative_error(const float *x, const float *truth, uint32_t n)
{
	double off = 0, all = 0;

	for (uint32_t i = 0; i < n; i++) {
		off += pow((double)x[i] - (double)truth[i], 2);
		all += pow((double)truth[i], 2);
	}
	return sqrt(off / all);
}

/* The worst error over all prefixes, read a token at a time. */
static double worst_error(const char *path, enum mw_lm_precision precision)
{
	struct mw_lm *model = open_file(path, precision, NULL);
	struct mw_lm_session *session = text_session(model, MAX_TOKENS, 0);
	struct golden golden;
	float logits[MAX_VOCAB];
	double worst = 0;

	golden_read(path, &golden);
	for (uint32_t i = 0; i < golden.n; i++) {
		ck_assert_int_eq(mw_lm_step(session, golden.tokens[i]), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_logits(session, 0, golden.n_vocab, logits), MW_LM_E_OK);
		worst = fmax(worst, relative_error(logits, golden.logits[i], golden.n_vocab));
	}
	mw_lm_session_free(session);
	mw_lm_close(model);
	return worst;
}

START_TEST(float_logits_agree_with_the_reference)
{
	for (size_t i = 0; i < N_FILES; i++)
		ck_assert_double_le(worst_error(files[i], MW_LM_F32), 1e-5);
}
END_TEST

START_TEST(half_precision_logits_stay_near_the_reference)
{
	for (size_t i = 0; i < N_FILES; i++)
		ck_assert_double_le(worst_error(files[i], MW_LM_F16), 2e-2);
}
END_TEST

START_TEST(int8_logits_stay_near_the_reference)
{
	for (size_t i = 0; i < N_FILES; i++)
		ck_assert_double_le(worst_error(files[i], MW_LM_INT8), 0.2);
}
END_TEST

START_TEST(portions_passes_and_kernels_do_not_change_the_bits)
{
	static const uint32_t passes[] = {1, 5, 64};
	float truth[MAX_VOCAB], logits[MAX_VOCAB];
	struct golden golden;
	const char *name;

	for (size_t f = 0; f < N_FILES; f++) {
		bool first = true;

		golden_read(files[f], &golden);
		for (size_t k = 0; (name = mw_lm_kernels_name(k)) != NULL; k++) {
			struct mw_lm *model = open_file(files[f], MW_LM_INT8, name);

			for (uint32_t part = 0; part <= golden.n; part += 4) {
				struct mw_lm_session *session =
				    text_session(model, MAX_TOKENS, passes[part % 3]);

				if (part > 0)
					ck_assert_int_eq(
					    mw_lm_prefill(session, golden.tokens, part),
					    MW_LM_E_OK);
				if (part < golden.n)
					ck_assert_int_eq(mw_lm_prefill(session,
								       golden.tokens + part,
								       golden.n - part),
							 MW_LM_E_OK);
				ck_assert_int_eq(mw_lm_logits(session, 0, golden.n_vocab, logits),
						 MW_LM_E_OK);
				if (first)
					memcpy(truth, logits, sizeof(truth));
				first = false;
				ck_assert_mem_eq(truth, logits, golden.n_vocab * sizeof(*logits));
				mw_lm_session_free(session);
			}
			mw_lm_close(model);
		}
	}
}
END_TEST

START_TEST(a_reset_session_reads_short_texts_with_short_factors_again)
{
	struct mw_lm *model = open_file(files[2], MW_LM_F32, NULL);
	struct mw_lm_session *session = text_session(model, MAX_TOKENS, 0);
	struct golden golden;
	float logits[MAX_VOCAB];

	golden_read(files[2], &golden);
	ck_assert_int_eq(mw_lm_prefill(session, golden.tokens, golden.n), MW_LM_E_OK);
	mw_lm_session_reset(session);
	ck_assert_int_eq(mw_lm_prefill(session, golden.tokens, 13), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits(session, 0, golden.n_vocab, logits), MW_LM_E_OK);
	ck_assert_double_le(relative_error(logits, golden.logits[12], golden.n_vocab), 1e-5);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

START_TEST(sessions_that_turn_long_share_a_step_with_others)
{
	struct mw_lm *model = open_file(files[2], MW_LM_F32, NULL);
	struct mw_lm_session *sessions[2] = {text_session(model, MAX_TOKENS, 4),
					     text_session(model, MAX_TOKENS, 4)};
	struct golden golden;
	float logits[MAX_VOCAB];

	golden_read(files[2], &golden);
	ck_assert_int_eq(mw_lm_prefill(sessions[0], golden.tokens, 13), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_prefill(sessions[1], golden.tokens, 5), MW_LM_E_OK);
	ck_assert_int_eq(
	    mw_lm_step_batch(sessions, (uint32_t[]){golden.tokens[13], golden.tokens[5]}, 2),
	    MW_LM_E_OK);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(mw_lm_tail_length(sessions[i]), i ? 6 : 14);
		ck_assert_int_eq(mw_lm_logits(sessions[i], 0, golden.n_vocab, logits), MW_LM_E_OK);
		ck_assert_double_le(
		    relative_error(logits, golden.logits[i ? 5 : 13], golden.n_vocab), 1e-5);
		mw_lm_session_free(sessions[i]);
	}
	mw_lm_close(model);
}
END_TEST

/* --- files that are not right ----------------------------------------------------------------- */

struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes copy_file(const char *path)
{
	struct lm_file file;
	struct bytes copy;

	ck_assert_int_eq(lm_file_map(path, &file, NULL), MW_LM_E_OK);
	copy = (struct bytes){malloc(file.size), file.size};
	ck_assert_ptr_nonnull(copy.data);
	memcpy(copy.data, file.data, file.size);
	lm_file_unmap(&file);
	return copy;
}

/* Opens and, if that is possible, reads past where long factors begin. */
static bool try_bytes(const struct bytes *bytes)
{
	const struct mw_lm_options options = {.memory_limit = 8u << 20};
	const struct mw_lm_session_options sizes = {.max_tail = 14, .memory_limit = 8u << 20};
	struct mw_lm_session *session = NULL;
	const uint32_t tokens[14] = {1, 2, 3};
	struct mw_lm *model = NULL;
	float logit;
	bool opened =
	    mw_lm_open_memory(bytes->data, bytes->size, &options, &model, NULL, 0) == MW_LM_E_OK;

	if (opened && mw_lm_session_new(model, &sizes, &session) == MW_LM_E_OK) {
		ck_assert_int_eq(mw_lm_prefill(session, tokens, 13), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_step(session, tokens[13]), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_logits(session, 0, 1, &logit), MW_LM_E_OK);
	}
	mw_lm_session_free(session);
	mw_lm_close(model);
	return opened;
}

START_TEST(flipped_bytes_never_do_harm)
{
	for (size_t f = 0; f < N_FILES; f++) {
		struct bytes file = copy_file(files[f]);
		size_t opened = 0;

		for (size_t i = 0; i < 3600; i += 3) {
			uint8_t flip = (uint8_t)(i % 2 ? 0x80 : 1 + i % 7);

			file.data[i] ^= flip;
			opened += try_bytes(&file);
			file.data[i] ^= flip;
		}
		ck_assert_uint_gt(opened, 0);
		free(file.data);
	}
}
END_TEST

/* The value of a key of 4 bytes. */
static uint8_t *find_number(const struct bytes *file, const char *key)
{
	uint8_t *at = memmem(file->data, file->size, key, strlen(key));

	ck_assert_ptr_nonnull(at);
	return at + strlen(key) + 4;
}

static void open_changed(const struct bytes *file, mw_lm_err wanted, const char *named)
{
	struct mw_lm *model = NULL;
	char why[256] = "";

	ck_assert_msg(mw_lm_open_memory(file->data, file->size, NULL, &model, why, sizeof(why)) ==
			  wanted,
		      "%s", why);
	ck_assert_ptr_nonnull(strstr(why, named));
	mw_lm_close(model);
}

START_TEST(what_long_rope_needs_is_checked)
{
	const float nothing = 0, most = 1e9f;
	struct bytes file = copy_file(files[2]);
	struct gguf gguf;
	size_t at;

	memcpy(find_number(&file, "phi3.rope.scaling.attn_factor"), &most, 4);
	open_changed(&file, MW_LM_E_FORMAT, "attn_factor");
	free(file.data);

	file = copy_file(files[2]);
	memset(find_number(&file, "phi3.rope.scaling.original_context_length"), 0, 4);
	open_changed(&file, MW_LM_E_FORMAT, "original_context_length");
	free(file.data);

	file = copy_file(files[2]);
	ck_assert_int_eq(gguf_parse(file.data, file.size, &gguf, NULL), MW_LM_E_OK);
	at = (size_t)(gguf_tensor_find(&gguf, "rope_factors_long.weight")->data - gguf.data);
	gguf_done(&gguf);
	memcpy(file.data + at + 8, &nothing, 4);
	open_changed(&file, MW_LM_E_FORMAT, "rope_factors_long.weight");
	free(file.data);
}
END_TEST

START_TEST(a_missing_norm_of_heads_is_named)
{
	struct bytes file = copy_file(files[0]);
	uint8_t *name = memmem(file.data, file.size, "blk.1.attn_k_norm.weight", 24);

	ck_assert_ptr_nonnull(name);
	name[4] = '7';
	open_changed(&file, MW_LM_E_FORMAT, "blk.1.attn_k_norm.weight");
	free(file.data);
}
END_TEST

/* Files of context 4096 from before the key was there have the window that the model was trained
 * with; others have none. */
START_TEST(old_files_without_a_sliding_window_have_the_published_one)
{
	static const uint32_t contexts[] = {4096, 4095};
	struct bytes file = copy_file(files[1]);
	uint8_t *key = memmem(file.data, file.size, "phi3.attention.sliding_window", 29);

	ck_assert_ptr_nonnull(key);
	key[28] = 'x';
	for (size_t i = 0; i < 2; i++) {
		struct mw_lm *model = NULL;

		memcpy(find_number(&file, "phi3.context_length"), &contexts[i], 4);
		ck_assert_int_eq(mw_lm_open_memory(file.data, file.size, NULL, &model, NULL, 0),
				 MW_LM_E_OK);
		ck_assert_uint_eq(model->sliding_window, i ? 0 : 2047);
		mw_lm_close(model);
	}
	free(file.data);
}
END_TEST

MW_TEST_MAIN("lm_archs", float_logits_agree_with_the_reference,
	     half_precision_logits_stay_near_the_reference, int8_logits_stay_near_the_reference,
	     portions_passes_and_kernels_do_not_change_the_bits,
	     a_reset_session_reads_short_texts_with_short_factors_again,
	     sessions_that_turn_long_share_a_step_with_others, flipped_bytes_never_do_harm,
	     what_long_rope_needs_is_checked, a_missing_norm_of_heads_is_named,
	     old_files_without_a_sliding_window_have_the_published_one)
