/* What keys and values are kept as, sessions that share what they have read, and limits of memory. */
#include "tests/unit/unit.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/lm_fixture.h"

#define N_TEXT 150u /* positions: more than are made float at once */

static uint32_t text_token(uint32_t i, uint32_t n_vocab)
{
	return (i * 7919u + i / 5) % n_vocab;
}

static void read_text(struct mw_lm_session *session, uint32_t from, uint32_t to)
{
	uint32_t tokens[N_TEXT];

	for (uint32_t i = from; i < to; i++)
		tokens[i - from] = text_token(i, text_shape.n_vocab);
	ck_assert_int_eq(mw_lm_prefill(session, tokens, to - from), MW_LM_E_OK);
}

static struct mw_lm_session *session_of(const struct mw_lm *model, enum mw_lm_cache cache,
					uint32_t pass)
{
	const struct mw_lm_session_options options = {
	    .max_tail = N_TEXT, .pass = pass, .cache = cache};
	struct mw_lm_session *session = NULL;

	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	return session;
}

static struct mw_lm_session *fork_of(struct mw_lm_session *parent, uint32_t max_tail)
{
	const struct mw_lm_session_options options = {.max_tail = max_tail, .pass = 5};
	struct mw_lm_session *session = NULL;

	ck_assert_int_eq(mw_lm_session_fork(parent, &options, &session), MW_LM_E_OK);
	return session;
}

static const float *logits_of(struct mw_lm_session *session, float *logits)
{
	ck_assert_int_eq(mw_lm_logits(session, 0, text_shape.n_vocab, logits), MW_LM_E_OK);
	return logits;
}

static void check_same(struct mw_lm_session *a, struct mw_lm_session *b)
{
	float x[128], y[128];

	ck_assert_mem_eq(logits_of(a, x), logits_of(b, y), text_shape.n_vocab * sizeof(*x));
}

/* --- what they are kept as -------------------------------------------------------------------- */

static const enum mw_lm_cache kinds[] = {MW_LM_CACHE_F32, MW_LM_CACHE_F16, MW_LM_CACHE_INT8};

/* Root mean square of the difference of the logits, over that of float's. */
static double cache_error(const struct mw_lm *model, enum mw_lm_cache cache)
{
	struct mw_lm_session *exact = session_of(model, MW_LM_CACHE_F32, 0);
	struct mw_lm_session *session = session_of(model, cache, 0);
	float x[128], y[128];
	double off = 0, all = 0;

	read_text(exact, 0, N_TEXT);
	read_text(session, 0, N_TEXT);
	(void)logits_of(exact, x);
	(void)logits_of(session, y);
	for (uint32_t i = 0; i < text_shape.n_vocab; i++) {
		off += pow((double)x[i] - (double)y[i], 2);
		all += pow((double)x[i], 2);
	}
	mw_lm_session_free(exact);
	mw_lm_session_free(session);
	return sqrt(off / all);
}

START_TEST(halves_and_int8_stay_near_floats)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_F32, NULL);

	ck_assert_double_le(cache_error(model, MW_LM_CACHE_F16), 5e-4);
	ck_assert_double_gt(cache_error(model, MW_LM_CACHE_F16), 0);
	ck_assert_double_le(cache_error(model, MW_LM_CACHE_INT8), 1e-2);
	ck_assert_double_gt(cache_error(model, MW_LM_CACHE_INT8),
			    cache_error(model, MW_LM_CACHE_F16));
	mw_lm_close(model);
}
END_TEST

START_TEST(the_default_is_halves_for_texts_and_floats_for_windows)
{
	struct mw_lm *text = open_shape(&text_shape, MW_LM_INT8, NULL);
	struct mw_lm *exact = open_shape(&text_shape, MW_LM_F32, NULL);
	struct mw_lm *window = open_shape(&window_shape, MW_LM_INT8, NULL);
	const struct {
		struct mw_lm *model;
		enum mw_lm_cache cache;
	} wanted[] = {{text, MW_LM_CACHE_F16}, {exact, MW_LM_CACHE_F32}, {window, MW_LM_CACHE_F32}};

	for (size_t i = 0; i < 3; i++) {
		struct mw_lm_session *by_default =
		    session_of(wanted[i].model, MW_LM_CACHE_DEFAULT, 0);
		struct mw_lm_session *named = session_of(wanted[i].model, wanted[i].cache, 0);

		ck_assert_uint_eq(mw_lm_session_memory(by_default), mw_lm_session_memory(named));
		mw_lm_session_free(by_default);
		mw_lm_session_free(named);
		mw_lm_close(wanted[i].model);
	}
}
END_TEST

START_TEST(every_kind_has_the_same_bits_in_all_passes_and_on_all_kernels)
{
	for (size_t k = 0; k < 3; k++) {
		float truth[128], x[128];

		for (size_t i = 0; mw_lm_kernels_name(i); i++) {
			struct mw_lm *model =
			    open_shape(&text_shape, MW_LM_INT8, mw_lm_kernels_name(i));
			struct mw_lm_session *session = session_of(model, kinds[k], i % 2 ? 7 : 64);

			read_text(session, 0, N_TEXT);
			(void)logits_of(session, i ? x : truth);
			if (i)
				ck_assert_mem_eq(x, truth, text_shape.n_vocab * sizeof(*x));
			mw_lm_session_free(session);
			mw_lm_close(model);
		}
	}
}
END_TEST

START_TEST(smaller_kinds_take_less_memory)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	size_t last = SIZE_MAX;

	for (size_t k = 0; k < 3; k++) {
		struct mw_lm_session *session = session_of(model, kinds[k], 1);

		ck_assert(mw_lm_session_memory(session) < last);
		last = mw_lm_session_memory(session);
		mw_lm_session_free(session);
	}
	mw_lm_close(model);
}
END_TEST

/* --- forks ------------------------------------------------------------------------------------ */

START_TEST(a_fork_has_the_bits_of_a_session_that_read_all)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);

	/* forked in the middle of a tile, at its end and past what is made float at once */
	for (size_t k = 0; k < 3; k++)
		for (uint32_t at = 15; at < 100; at += 17) {
			struct mw_lm_session *whole = session_of(model, kinds[k], 0);
			struct mw_lm_session *parent = session_of(model, kinds[k], 0);
			struct mw_lm_session *fork;

			read_text(parent, 0, at);
			read_text(whole, 0, at);
			fork = fork_of(parent, N_TEXT - at);
			check_same(fork, whole);
			read_text(fork, at, 120);
			read_text(whole, at, 120);
			check_same(fork, whole);
			ck_assert_uint_eq(mw_lm_tail_length(fork), 120);
			mw_lm_session_free(parent);
			read_text(fork, 120, N_TEXT);
			read_text(whole, 120, N_TEXT);
			check_same(fork, whole);
			mw_lm_session_free(fork);
			mw_lm_session_free(whole);
		}
	mw_lm_close(model);
}
END_TEST

START_TEST(forks_of_forks_share_what_all_of_them_read)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *whole = session_of(model, MW_LM_CACHE_F16, 0);
	struct mw_lm_session *session = session_of(model, MW_LM_CACHE_F16, 0), *next;
	uint32_t at = 3;

	read_text(session, 0, at);
	for (uint32_t more = 5; at + more < N_TEXT; more += 9) {
		next = fork_of(session, more);
		mw_lm_session_free(session);
		read_text(next, at, at + more);
		session = next;
		at += more;
	}
	read_text(whole, 0, at);
	check_same(session, whole);
	mw_lm_session_free(whole);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_reset_fork_starts_where_it_was_forked)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *parent = session_of(model, MW_LM_CACHE_DEFAULT, 0);
	struct mw_lm_session *fork, *other;
	const uint32_t token = 9;

	read_text(parent, 0, 40);
	fork = fork_of(parent, 20);
	other = fork_of(parent, 20);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(mw_lm_step(fork, token), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_step(fork, token), MW_LM_E_FULL);
	mw_lm_session_reset(fork);
	check_same(fork, parent);
	read_text(fork, 40, 60);
	read_text(other, 40, 60);
	check_same(fork, other);
	mw_lm_session_free(other);
	mw_lm_session_free(fork);
	mw_lm_session_free(parent);
	mw_lm_close(model);
}
END_TEST

START_TEST(forks_step_together_in_one_batch)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *parent = session_of(model, MW_LM_CACHE_DEFAULT, 0);
	struct mw_lm_session *forks[3], *whole = session_of(model, MW_LM_CACHE_DEFAULT, 0);

	read_text(parent, 0, 90);
	for (size_t i = 0; i < 3; i++)
		forks[i] = fork_of(parent, 10);
	for (uint32_t n = 0; n < 10; n++) {
		const uint32_t tokens[] = {n, n + 20, n + 40};

		ck_assert_int_eq(mw_lm_step_batch(forks, tokens, 3), MW_LM_E_OK);
	}
	for (uint32_t i = 0; i < 3; i++) {
		mw_lm_session_reset(whole);
		read_text(whole, 0, 90);
		for (uint32_t n = 0; n < 10; n++)
			ck_assert_int_eq(mw_lm_step(whole, n + 20 * i), MW_LM_E_OK);
		check_same(forks[i], whole);
		mw_lm_session_free(forks[i]);
	}
	mw_lm_session_free(whole);
	mw_lm_session_free(parent);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_parent_does_not_read_while_it_is_shared)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *parent = session_of(model, MW_LM_CACHE_DEFAULT, 0), *fork;
	const struct mw_lm_session_options none = {.max_tail = 0}, rows = {.max_rows = 1},
					   some = {.max_tail = 4}, many = {.max_tail = UINT32_MAX};
	const uint32_t token = 1;

	ck_assert_int_eq(mw_lm_session_fork(parent, &some, &fork), MW_LM_E_STATE);
	read_text(parent, 0, 10);
	ck_assert_int_eq(mw_lm_session_fork(parent, &none, &fork), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_session_fork(parent, &rows, &fork), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_session_fork(parent, &many, &fork), MW_LM_E_ARGUMENT);
	fork = fork_of(parent, 4);
	ck_assert_int_eq(mw_lm_step(parent, token), MW_LM_E_STATE);
	ck_assert_int_eq(mw_lm_prefill(parent, &token, 1), MW_LM_E_STATE);
	mw_lm_session_free(fork);
	ck_assert_int_eq(mw_lm_step(parent, token), MW_LM_E_OK);
	mw_lm_session_free(parent);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_window_is_answered_by_forks)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *parent = new_session(model, 0), *fork;
	const uint32_t answer[] = {3, 141, 59, 26};
	struct mw_lm_window window;
	struct reading reading;
	float x[150], y[150];

	reading_init(&reading, MAX_ROWS, window_shape.n_vocab, 5);
	read_one(&reading, parent);
	fork = fork_of(parent, 4);
	window = reading_window(&reading, fork);
	ck_assert_int_eq(mw_lm_read(&window), MW_LM_E_ARGUMENT);
	window = reading_window(&reading, parent);
	ck_assert_int_eq(mw_lm_read(&window), MW_LM_E_STATE);
	ck_assert_int_eq(mw_lm_prefill(fork, answer, 4), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits(fork, 0, 150, x), MW_LM_E_OK);
	mw_lm_session_free(fork);
	ck_assert_int_eq(mw_lm_prefill(parent, answer, 4), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits(parent, 0, 150, y), MW_LM_E_OK);
	ck_assert_mem_eq(x, y, sizeof(x));
	mw_lm_session_free(parent);
	mw_lm_close(model);
}
END_TEST

/* The golden file of two sets of RoPE factors turns to the long ones past a few tokens. */
START_TEST(a_fork_that_becomes_long_is_read_anew)
{
	struct mw_lm *model = NULL;
	char why[256] = "";
	const struct mw_lm_session_options options = {.max_tail = 24};
	struct mw_lm_session *whole, *parent, *fork;
	float x[64], y[64];
	uint32_t tokens[24], n_vocab;

	ck_assert_msg(mw_lm_open("tests/data/golden_phi3_long.gguf", NULL, &model, why,
				 sizeof(why)) == MW_LM_E_OK,
		      "%s", why);
	n_vocab = mw_lm_info(model)->n_vocab;
	ck_assert_uint_le(n_vocab, 64);
	for (uint32_t i = 0; i < 24; i++)
		tokens[i] = i * 5 % n_vocab;
	for (uint32_t at = 1; at < 24; at++) {
		const struct mw_lm_session_options small = {.max_tail = at};

		ck_assert_int_eq(mw_lm_session_new(model, &options, &whole), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_session_new(model, &small, &parent), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_prefill(whole, tokens, 24), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_prefill(parent, tokens, at), MW_LM_E_OK);
		fork = fork_of(parent, 24 - at);
		for (int again = 0; again < 2; again++) {
			for (uint32_t i = at; i < 24; i++)
				ck_assert_int_eq(mw_lm_step(fork, tokens[i]), MW_LM_E_OK);
			ck_assert_int_eq(mw_lm_logits(whole, 0, n_vocab, x), MW_LM_E_OK);
			ck_assert_int_eq(mw_lm_logits(fork, 0, n_vocab, y), MW_LM_E_OK);
			ck_assert_mem_eq(x, y, n_vocab * sizeof(*x));
			mw_lm_session_reset(fork);
		}
		mw_lm_session_free(whole);
		mw_lm_session_free(parent);
		mw_lm_session_free(fork);
	}
	mw_lm_close(model);
}
END_TEST

static void *answer_and_free(void *data)
{
	struct mw_lm_session *fork = data;

	for (uint32_t i = 0; i < 20; i++)
		if (mw_lm_step(fork, i) != MW_LM_E_OK)
			abort();
	mw_lm_session_free(fork);
	return NULL;
}

START_TEST(forks_are_read_and_freed_on_other_threads)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *parent = session_of(model, MW_LM_CACHE_DEFAULT, 0);
	pthread_t threads[4];

	read_text(parent, 0, 50);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, answer_and_free, fork_of(parent, 20)), 0);
	mw_lm_session_free(parent);
	for (size_t i = 0; i < 4; i++)
		(void)pthread_join(threads[i], NULL);
	mw_lm_close(model);
}
END_TEST

/* --- limits ----------------------------------------------------------------------------------- */

START_TEST(a_session_is_made_at_its_memory_and_not_below)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);

	for (size_t k = 0; k < 3; k++) {
		struct mw_lm_session_options options = {.max_tail = N_TEXT, .cache = kinds[k]};
		struct mw_lm_session *session = session_of(model, kinds[k], 0), *again, *fork;

		options.memory_limit = mw_lm_session_memory(session);
		ck_assert_int_eq(mw_lm_session_new(model, &options, &again), MW_LM_E_OK);
		ck_assert_uint_le(mw_lm_session_memory(again), options.memory_limit);
		mw_lm_session_free(again);
		options.memory_limit /= 2;
		ck_assert_int_eq(mw_lm_session_new(model, &options, &again), MW_LM_E_MEMORY);
		options.memory_limit = 1;
		ck_assert_int_eq(mw_lm_session_new(model, &options, &again), MW_LM_E_MEMORY);
		read_text(session, 0, 10);
		ck_assert_int_eq(mw_lm_session_fork(session, &options, &fork), MW_LM_E_MEMORY);
		read_text(session, 10, 20); /* a fork that was not made shares nothing */
		mw_lm_session_free(session);
	}
	mw_lm_close(model);
}
END_TEST

START_TEST(a_batch_has_room_for_its_longest_session)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	const struct mw_lm_session_options options = {.max_tail = 2};
	struct mw_lm_session *both[2] = {NULL, session_of(model, MW_LM_CACHE_F32, 0)};
	struct mw_lm_session *alone = session_of(model, MW_LM_CACHE_F32, 0);
	const uint32_t tokens[] = {5, 6};

	ck_assert_int_eq(mw_lm_session_new(model, &options, &both[0]), MW_LM_E_OK);
	read_text(both[1], 0, N_TEXT - 1);
	read_text(alone, 0, N_TEXT - 1);
	ck_assert_int_eq(mw_lm_step_batch(both, tokens, 2), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_step(alone, tokens[1]), MW_LM_E_OK);
	check_same(both[1], alone);
	mw_lm_session_free(both[0]);
	mw_lm_session_free(both[1]);
	mw_lm_session_free(alone);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("lm cache", halves_and_int8_stay_near_floats,
	     the_default_is_halves_for_texts_and_floats_for_windows,
	     every_kind_has_the_same_bits_in_all_passes_and_on_all_kernels,
	     smaller_kinds_take_less_memory, a_fork_has_the_bits_of_a_session_that_read_all,
	     forks_of_forks_share_what_all_of_them_read, a_reset_fork_starts_where_it_was_forked,
	     forks_step_together_in_one_batch, a_parent_does_not_read_while_it_is_shared,
	     a_window_is_answered_by_forks, a_fork_that_becomes_long_is_read_anew,
	     forks_are_read_and_freed_on_other_threads,
	     a_session_is_made_at_its_memory_and_not_below,
	     a_batch_has_room_for_its_longest_session)
