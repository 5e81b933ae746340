/* Threads inside a pass: the same bits on any number of them, and a pool that others find busy. */
#include "tests/unit/unit.h"

#include <pthread.h>

#include "model/engine/pool.h"
#include "tests/unit/lm_fixture.h"

/* More tokens than a logits chunk of one worker, odd widths, grouped queries. */
static const struct build_shape wide_shape = {.arch = "llama",
					      .weights = GGUF_W_Q8_0,
					      .n_embd = 96,
					      .n_layers = 2,
					      .n_head = 4,
					      .n_kv = 2,
					      .head_size = 24,
					      .n_ff = 160,
					      .n_vocab = 2011,
					      .seed = 5};

enum { TEXTS = 3, LENGTH = 40, VOCAB = 2011 };

struct result {
	float logits[TEXTS][VOCAB];
	float patches[MAX_ROWS * PATCHES];
};

static struct mw_lm *open_threads(const struct build_shape *shape, uint32_t threads,
				  enum mw_lm_precision precision)
{
	const struct mw_lm_options options = {.precision = precision, .threads = threads};
	struct mw_lm *model = NULL;
	size_t size;
	uint8_t *file = build_model(shape, &size);

	ck_assert_int_eq(mw_lm_open_memory(file, size, &options, &model, NULL, 0), MW_LM_E_OK);
	free(file);
	return model;
}

/* Three texts of different length, then a step of all and their logits. */
static void read_texts(const struct mw_lm *model, uint32_t pass, struct result *result)
{
	struct mw_lm_session *sessions[TEXTS];
	float *logits[TEXTS];
	uint32_t tokens[LENGTH];

	for (uint32_t i = 0; i < LENGTH; i++)
		tokens[i] = i * 97 % VOCAB;
	for (uint32_t i = 0; i < TEXTS; i++) {
		sessions[i] = new_session(model, pass);
		logits[i] = result->logits[i];
		ck_assert_int_eq(mw_lm_prefill(sessions[i], tokens + i, LENGTH / (i + 1)),
				 MW_LM_E_OK);
	}
	ck_assert_int_eq(mw_lm_step_batch(sessions, tokens, TEXTS), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits_batch(sessions, TEXTS, logits), MW_LM_E_OK);
	for (uint32_t i = 0; i < TEXTS; i++)
		mw_lm_session_free(sessions[i]);
}

START_TEST(texts_have_the_same_bits_on_any_number_of_threads)
{
	static const enum mw_lm_precision precisions[] = {MW_LM_INT8, MW_LM_F32, MW_LM_F16};
	static struct result truth, result;

	for (size_t p = 0; p < 3; p++)
		for (uint32_t threads = 1; threads <= 5; threads++) {
			struct mw_lm *model = open_threads(&wide_shape, threads, precisions[p]);

			read_texts(model, threads == 1 ? 64 : 1 + threads,
				   threads == 1 ? &truth : &result);
			if (threads > 1)
				ck_assert_mem_eq(&truth, &result, sizeof(truth));
			mw_lm_close(model);
		}
}
END_TEST

START_TEST(windows_have_the_same_bits_on_any_number_of_threads)
{
	static struct reading truth, reading;

	for (uint32_t threads = 1; threads <= 5; threads++) {
		struct mw_lm *model = open_threads(&window_shape, threads, MW_LM_INT8);
		struct mw_lm_session *session = new_session(model, threads == 1 ? 64 : 7);
		struct reading *to = threads == 1 ? &truth : &reading;

		reading_init(to, MAX_ROWS, window_shape.n_vocab, 3);
		read_one(to, session);
		ck_assert_mem_eq(truth.patches, to->patches, sizeof(truth.patches));
		mw_lm_session_free(session);
		mw_lm_close(model);
	}
}
END_TEST

START_TEST(logits_of_many_sessions_equal_those_of_each)
{
	static struct result together;
	static float alone[VOCAB];
	struct mw_lm *model = open_threads(&wide_shape, 2, MW_LM_INT8);
	struct mw_lm_session *sessions[TEXTS];
	float *logits[TEXTS] = {together.logits[0], together.logits[1], together.logits[2]};

	for (uint32_t i = 0; i < TEXTS; i++) {
		sessions[i] = new_session(model, 2); /* fewer positions than sessions */
		ck_assert_int_eq(mw_lm_logits_batch(sessions, i + 1, logits), MW_LM_E_STATE);
		ck_assert_int_eq(mw_lm_step(sessions[i], 3 * i + 1), MW_LM_E_OK);
	}
	ck_assert_int_eq(mw_lm_logits_batch(sessions, TEXTS, logits), MW_LM_E_OK);
	for (uint32_t i = 0; i < TEXTS; i++) {
		ck_assert_int_eq(mw_lm_logits(sessions[i], 0, VOCAB, alone), MW_LM_E_OK);
		ck_assert_mem_eq(alone, together.logits[i], sizeof(alone));
	}
	mw_lm_session_free(sessions[2]);
	sessions[2] = sessions[0];
	ck_assert_int_eq(mw_lm_logits_batch(sessions, TEXTS, logits), MW_LM_E_ARGUMENT);
	mw_lm_session_free(sessions[0]);
	mw_lm_session_free(sessions[1]);
	mw_lm_close(model);
}
END_TEST

/* --- several callers of one pool -------------------------------------------------------------- */

enum { CALLERS = 3, ROUNDS = 4 };

struct caller {
	pthread_t thread;
	const struct mw_lm *model;
	struct result results[ROUNDS];
};

static void *call(void *arg)
{
	struct caller *caller = arg;

	for (size_t i = 0; i < ROUNDS; i++)
		read_texts(caller->model, 64, &caller->results[i]);
	return NULL;
}

START_TEST(callers_that_find_the_threads_busy_get_the_same_bits)
{
	static struct caller callers[CALLERS];
	static struct result truth;
	struct mw_lm *model = open_threads(&wide_shape, 2, MW_LM_INT8);

	read_texts(model, 64, &truth);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i].model = model;
		ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
	}
	for (size_t i = 0; i < CALLERS; i++) {
		ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
		for (size_t k = 0; k < ROUNDS; k++)
			ck_assert_mem_eq(&truth, &callers[i].results[k], sizeof(truth));
	}
	mw_lm_close(model);
}
END_TEST

/* --- the pool --------------------------------------------------------------------------------- */

enum { STEPS = 2000, WORKERS = 3 };

struct relay {
	uint32_t count[WORKERS];
	uint32_t wrong;
};

/* Each step counts on and, after the meeting, finds all others as far. */
static void run_relay(void *data, const struct lm_worker *worker)
{
	struct relay *relay = data;

	for (uint32_t step = 1; step <= STEPS; step++) {
		relay->count[worker->rank] = step;
		lm_meet(worker);
		for (uint32_t i = 0; i < worker->n; i++)
			if (relay->count[i] != step)
				relay->wrong = step;
		lm_meet(worker);
	}
}

START_TEST(workers_meet_at_every_step)
{
	struct relay relay = {0};
	struct lm_pool *pool;

	ck_assert_int_eq(lm_pool_new(WORKERS, &pool), MW_LM_E_OK);
	for (int i = 0; i < 3; i++)
		lm_pool_run(pool, run_relay, &relay);
	ck_assert_uint_eq(relay.wrong, 0);
	for (int i = 0; i < WORKERS; i++)
		ck_assert_uint_eq(relay.count[i], STEPS);
	lm_pool_free(pool);
}
END_TEST

START_TEST(parts_cover_everything_once)
{
	for (uint32_t n_workers = 1; n_workers < 8; n_workers++)
		for (size_t n = 0; n < 70; n++) {
			size_t at = 0;

			for (uint32_t rank = 0; rank < n_workers; rank++) {
				struct lm_part part =
				    lm_part(&(struct lm_worker){NULL, rank, n_workers}, n, 3);

				ck_assert_uint_eq(part.from < n ? part.from : n, at);
				ck_assert_uint_le(part.to, n);
				at = part.to;
			}
			ck_assert_uint_eq(at, n);
		}
}
END_TEST

START_TEST(too_many_threads_are_refused)
{
	const struct mw_lm_options options = {.threads = MW_LM_MAX_THREADS + 1};
	struct mw_lm *model = NULL;
	char why[128] = "";
	size_t size;
	uint8_t *file = build_model(&wide_shape, &size);

	ck_assert_int_eq(mw_lm_open_memory(file, size, &options, &model, why, sizeof(why)),
			 MW_LM_E_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(why, "65 threads"));
	ck_assert_ptr_null(model);
	free(file);
}
END_TEST

MW_TEST_MAIN("lm_threads", texts_have_the_same_bits_on_any_number_of_threads,
	     windows_have_the_same_bits_on_any_number_of_threads,
	     logits_of_many_sessions_equal_those_of_each,
	     callers_that_find_the_threads_busy_get_the_same_bits, workers_meet_at_every_step,
	     parts_cover_everything_once, too_many_threads_are_refused)
