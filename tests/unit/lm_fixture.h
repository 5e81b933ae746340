/*
 * lm_fixture.h -- small random models, sessions and windows for the tests of the engine.
 */
#ifndef MW_TESTS_LM_FIXTURE_H
#define MW_TESTS_LM_FIXTURE_H

#include <check.h>

#include "model/engine/millwright_lm.h"
#include "tests/unit/gguf_build.h"

#define ROW      20u
#define SLOTS    10u
#define PATCHES  16u
#define MAX_ROWS 4u

static const struct build_shape window_shape = {.arch = "millwright",
						.weights = GGUF_W_Q8_0,
						.n_embd = 64,
						.n_layers = 3,
						.n_head = 4,
						.n_kv = 2,
						.head_size = 16,
						.n_ff = 96,
						.n_vocab = 150,
						.asset_prefix = true,
						.seed = 1};
static const struct build_shape text_shape = {.arch = "llama",
					      .weights = GGUF_W_F32,
					      .n_embd = 64,
					      .n_layers = 2,
					      .n_head = 4,
					      .n_kv = 1,
					      .head_size = 24,
					      .n_ff = 96,
					      .n_vocab = 75,
					      .untied = true,
					      .seed = 2};

static inline struct mw_lm *open_shape(const struct build_shape *shape,
				       enum mw_lm_precision precision, const char *kernels)
{
	const struct mw_lm_options options = {.precision = precision, .kernels = kernels};
	struct mw_lm *model = NULL;
	char why[256] = "";
	size_t size;
	uint8_t *file = build_model(shape, &size);

	ck_assert_msg(mw_lm_open_memory(file, size, &options, &model, why, sizeof(why)) ==
			  MW_LM_E_OK,
		      "%s", why);
	free(file);
	return model;
}

static inline struct mw_lm_session *new_session(const struct mw_lm *model, uint32_t pass)
{
	const struct mw_lm_session_options options = {
	    .max_rows = mw_lm_info(model)->slots ? MAX_ROWS : 0, .max_tail = 70, .pass = pass};
	struct mw_lm_session *session = NULL;

	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	return session;
}

/* Random codes, some slots unused. */
static inline void make_codes(uint16_t *codes, size_t n, uint32_t n_vocab, uint64_t seed)
{
	struct gguf_build random = {.seed = seed};

	for (size_t i = 0; i < n; i++) {
		float x = build_random(&random);

		codes[i] =
		    x > 0.4f ? MW_LM_NO_CODE : (uint16_t)((x + 1) / 1.4f * 0.99f * (float)n_vocab);
	}
}

struct reading {
	uint16_t codes[MAX_ROWS * ROW * SLOTS];
	uint16_t question[SLOTS];
	uint32_t n_rows;
	float patches[MAX_ROWS * PATCHES];
};

static inline void reading_init(struct reading *reading, uint32_t n_rows, uint32_t n_vocab,
				uint64_t seed)
{
	memset(reading, 0, sizeof(*reading));
	make_codes(reading->codes, sizeof(reading->codes) / 2, n_vocab, seed);
	make_codes(reading->question, SLOTS, n_vocab, seed + 1000);
	reading->n_rows = n_rows;
}

static inline struct mw_lm_window reading_window(struct reading *reading,
						 struct mw_lm_session *session)
{
	return (struct mw_lm_window){session, reading->codes, reading->n_rows, reading->question,
				     reading->patches};
}

static inline void read_one(struct reading *reading, struct mw_lm_session *session)
{
	const struct mw_lm_window window = reading_window(reading, session);

	ck_assert_int_eq(mw_lm_read(&window), MW_LM_E_OK);
}

#endif
