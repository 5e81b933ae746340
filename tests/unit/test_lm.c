/* The forward pass: against a reference, in batches, on every kernel, on many threads. */
#include "tests/unit/unit.h"

#include <math.h>
#include <pthread.h>

#include "tests/unit/lm_fixture.h"
#include "tests/unit/lm_reference.h"

/* --- against the reference -------------------------------------------------------------------- */

static struct ref_position ref_codes(const uint16_t *codes, uint32_t row, uint32_t rope)
{
	struct ref_position position = {.row = row, .rope = rope};

	for (uint32_t i = 0; i < SLOTS; i++)
		if (codes[i] != MW_LM_NO_CODE)
			position.codes[position.n_codes++] = codes[i];
	return position;
}

static struct ref ref_of(const struct build_shape *shape, const uint8_t *file, size_t size)
{
	struct ref ref = {.pairs = strcmp(shape->arch, "llama") == 0,
			  .asset_prefix = shape->asset_prefix,
			  .n_layers = shape->n_layers,
			  .n_embd = shape->n_embd,
			  .head_size = shape->head_size,
			  .eps = (double)1e-5f,
			  .base = 10000};

	ck_assert_int_eq(gguf_parse(file, size, &ref.gguf, NULL), MW_LM_E_OK);
	return ref;
}

static uint32_t ref_window(const struct build_shape *shape, const struct reading *reading,
			   const uint32_t *tail, uint32_t n_tail, struct ref_position *positions)
{
	uint32_t n = 0, base = shape->asset_prefix ? ROW : 0;

	for (uint32_t row = 0; row < reading->n_rows; row++)
		for (uint32_t i = 0; i < ROW; i++, n++)
			positions[n] =
			    ref_codes(reading->codes + n * SLOTS, row, (row ? base : 0) + i);
	positions[n++] = ref_codes(reading->question, REF_TAIL, base + ROW);
	for (uint32_t i = 0; i < n_tail; i++)
		positions[n++] = (struct ref_position){
		    .codes = {tail[i]}, .n_codes = 1, .row = REF_TAIL, .rope = base + ROW + 1 + i};
	return n;
}

static void check_patches(const struct ref *ref, const struct reading *reading,
			  const double *states, double tolerance)
{
	uint32_t rows;

	for (uint32_t i = 0; i < reading->n_rows * ROW; i++) {
		const char *head =
		    i < ROW ? "patch_head.asset.weight" : "patch_head.channel.weight";
		double *bias = ref_tensor(
		    ref, i < ROW ? "patch_head.asset.bias" : "patch_head.channel.bias", &rows);
		double wanted = ref_logit(ref, head, 0, states + i * ref->n_embd) + *bias;

		free(bias);
		if (i % ROW >= 4)
			ck_assert_double_eq_tol(
			    (double)reading->patches[i / ROW * PATCHES + i % ROW - 4], wanted,
			    tolerance);
	}
}

/* Largest difference of the logits from the reference's, and their root mean square. */
static double compare_logits(const struct ref *ref, const char *output, const double *state,
			     struct mw_lm_session *session, double *ret_rms)
{
	float *logits = malloc(ref->n_vocab * sizeof(*logits));
	double worst = 0, sum = 0;

	ck_assert_ptr_nonnull(logits);
	ck_assert_int_eq(mw_lm_logits(session, 0, ref->n_vocab, logits), MW_LM_E_OK);
	for (uint32_t t = 0; t < ref->n_vocab; t++) {
		double wanted = ref_logit(ref, output, t, state);

		worst = fmax(worst, fabs((double)logits[t] - wanted));
		sum += wanted * wanted;
	}
	free(logits);
	*ret_rms = sqrt(sum / ref->n_vocab);
	return worst;
}

static void check_window_model(const struct build_shape *shape, enum mw_lm_precision precision,
			       double tolerance)
{
	static const uint32_t tail[] = {7, 149, 33};
	struct ref_position positions[MAX_ROWS * ROW + 4];
	struct mw_lm *model = open_shape(shape, precision, "scalar");
	struct mw_lm_session *session = new_session(model, 0);
	struct reading reading;
	size_t size;
	uint8_t *file = build_model(shape, &size);
	struct ref ref = ref_of(shape, file, size);
	double *states, rms;

	reading_init(&reading, MAX_ROWS, shape->n_vocab, 5);
	ref.positions = positions;
	ref.n = ref_window(shape, &reading, tail, 3, positions);
	states = ref_forward(&ref);
	read_one(&reading, session);
	check_patches(&ref, &reading, states, tolerance);
	for (uint32_t i = 0; i <= 3; i++) {
		const double *state = states + (MAX_ROWS * ROW + i) * ref.n_embd;

		ck_assert_double_le(compare_logits(&ref, "token_embd.weight", state, session, &rms),
				    tolerance);
		ck_assert_double_gt(rms, 0.1);
		if (i < 3)
			ck_assert_int_eq(mw_lm_step(session, tail[i]), MW_LM_E_OK);
	}
	free(states);
	gguf_done(&ref.gguf);
	free(file);
	mw_lm_session_free(session);
	mw_lm_close(model);
}

START_TEST(float_windows_agree_with_the_reference)
{
	struct build_shape shape = window_shape;

	check_window_model(&shape, MW_LM_F32, 1e-4);
	shape.asset_prefix = false;
	check_window_model(&shape, MW_LM_F32, 1e-4);
	shape.per_layer = true;
	shape.n_ff = 128;
	shape.weights = GGUF_W_BF16;
	check_window_model(&shape, MW_LM_F32, 1e-4);
}
END_TEST

START_TEST(int8_windows_stay_near_the_reference)
{
	check_window_model(&window_shape, MW_LM_INT8, 0.35);
}
END_TEST

static void check_text_model(enum mw_lm_precision precision, bool untied, double tolerance)
{
	static const uint32_t text[] = {1, 70, 3, 3, 25, 74, 0, 12, 50};
	const uint32_t n = sizeof(text) / sizeof(text[0]);
	struct build_shape shape = text_shape;
	struct ref_position positions[16];
	struct mw_lm_session *session;
	struct mw_lm *model;
	struct ref ref;
	uint8_t *file;
	size_t size;
	double *states, rms;

	shape.untied = untied;
	model = open_shape(&shape, precision, "scalar");
	session = new_session(model, 4);
	file = build_model(&shape, &size);
	ref = ref_of(&shape, file, size);
	ref.positions = positions;
	ref.n = n;
	for (uint32_t i = 0; i < n; i++)
		positions[i] = (struct ref_position){
		    .codes = {text[i]}, .n_codes = 1, .row = REF_TAIL, .rope = i};
	states = ref_forward(&ref);
	ck_assert_int_eq(mw_lm_prefill(session, text, n), MW_LM_E_OK);
	ck_assert_double_le(compare_logits(&ref, untied ? "output.weight" : "token_embd.weight",
					   states + (n - 1) * ref.n_embd, session, &rms),
			    tolerance);
	free(states);
	gguf_done(&ref.gguf);
	free(file);
	mw_lm_session_free(session);
	mw_lm_close(model);
}

START_TEST(text_models_agree_with_the_reference)
{
	check_text_model(MW_LM_F32, true, 1e-4);
	check_text_model(MW_LM_F32, false, 1e-4);
	check_text_model(MW_LM_INT8, true, 0.35);
}
END_TEST

/* --- the same bits ---------------------------------------------------------------------------- */

struct result {
	float patches[MAX_ROWS * PATCHES];
	float logits[160];
};

/* Reads a window, steps twice, and takes everything that can be seen. */
static void collect(struct mw_lm_session *session, struct reading *reading, struct result *result)
{
	memset(result, 0, sizeof(*result));
	memcpy(result->patches, reading->patches, sizeof(result->patches));
	ck_assert_int_eq(mw_lm_step(session, 17), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_step(session, 4), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits(session, 0, 150, result->logits), MW_LM_E_OK);
}

static void read_alone(const struct mw_lm *model, uint32_t pass, uint32_t n_rows, uint64_t seed,
		       struct result *result)
{
	struct mw_lm_session *session = new_session(model, pass);
	struct reading reading;

	reading_init(&reading, n_rows, 150, seed);
	read_one(&reading, session);
	collect(session, &reading, result);
	mw_lm_session_free(session);
}

START_TEST(a_window_gives_the_same_bits_in_every_batch_and_pass)
{
	enum { N = 5 };
	static const uint32_t passes[] = {1, 7, 64, 333};
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct result alone, together;

	for (size_t p = 0; p < sizeof(passes) / sizeof(passes[0]); p++) {
		struct mw_lm_session *sessions[N];
		struct mw_lm_window windows[N];
		struct reading readings[N];

		for (uint32_t i = 0; i < N; i++) {
			sessions[i] = new_session(model, passes[p]);
			reading_init(&readings[i], 1 + i % MAX_ROWS, 150, i);
			windows[i] = reading_window(&readings[i], sessions[i]);
		}
		ck_assert_int_eq(mw_lm_read_batch(windows, N), MW_LM_E_OK);
		for (uint32_t i = 0; i < N; i++) {
			collect(sessions[i], &readings[i], &together);
			read_alone(model, 64, 1 + i % MAX_ROWS, i, &alone);
			ck_assert_mem_eq(&alone, &together, sizeof(alone));
			mw_lm_session_free(sessions[i]);
		}
	}
	mw_lm_close(model);
}
END_TEST

START_TEST(every_kernel_gives_the_same_bits)
{
	static const enum mw_lm_precision precisions[] = {MW_LM_INT8, MW_LM_F32};
	struct result truth, result;
	const char *name;

	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; (name = mw_lm_kernels_name(i)) != NULL; i++) {
			struct mw_lm *model = open_shape(&window_shape, precisions[p], name);

			ck_assert_str_eq(mw_lm_info(model)->kernels, name);
			read_alone(model, 64, MAX_ROWS, 3, i ? &result : &truth);
			if (i > 0)
				ck_assert_mem_eq(&truth, &result, sizeof(truth));
			mw_lm_close(model);
		}
}
END_TEST

START_TEST(steps_of_many_sessions_equal_single_steps)
{
	enum { N = 3 };
	static const uint32_t tokens[N] = {3, 99, 140};
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *together[N], *alone = new_session(model, 2);
	float a[150], b[150];
	struct reading reading;

	for (uint32_t i = 0; i < N; i++) {
		together[i] = new_session(model, 2);
		reading_init(&reading, 1 + i, 150, i);
		read_one(&reading, together[i]);
	}
	ck_assert_int_eq(mw_lm_step_batch(together, tokens, N), MW_LM_E_OK);
	for (uint32_t i = 0; i < N; i++) {
		reading_init(&reading, 1 + i, 150, i);
		read_one(&reading, alone);
		ck_assert_int_eq(mw_lm_step(alone, tokens[i]), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_logits(alone, 0, 150, a), MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_logits(together[i], 0, 150, b), MW_LM_E_OK);
		ck_assert_mem_eq(a, b, sizeof(a));
		mw_lm_session_free(together[i]);
	}
	mw_lm_session_free(alone);
	mw_lm_close(model);
}
END_TEST

START_TEST(order_of_channel_rows_does_not_matter)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	struct reading reading, swapped;
	const size_t row = ROW * SLOTS;

	reading_init(&reading, 3, 150, 8);
	swapped = reading;
	memcpy(swapped.codes + row, reading.codes + 2 * row, row * sizeof(uint16_t));
	memcpy(swapped.codes + 2 * row, reading.codes + row, row * sizeof(uint16_t));
	read_one(&reading, session);
	read_one(&swapped, session);
	ck_assert_mem_eq(reading.patches, swapped.patches, PATCHES * sizeof(float));
	ck_assert_mem_eq(reading.patches + PATCHES, swapped.patches + 2 * PATCHES,
			 PATCHES * sizeof(float));
	ck_assert_mem_eq(reading.patches + 2 * PATCHES, swapped.patches + PATCHES,
			 PATCHES * sizeof(float));
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_part_of_the_logits_equals_the_whole)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	float all[150], part[150];
	struct reading reading;

	reading_init(&reading, 2, 150, 4);
	read_one(&reading, session);
	ck_assert_int_eq(mw_lm_logits(session, 0, 150, all), MW_LM_E_OK);
	for (uint32_t first = 0; first < 150; first += 13)
		for (uint32_t n = 1; n <= 150 - first; n += 9) {
			ck_assert_int_eq(mw_lm_logits(session, first, n, part), MW_LM_E_OK);
			ck_assert_mem_eq(part, all + first, n * sizeof(float));
		}
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

/* --- threads ---------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 6 };

struct worker {
	pthread_t thread;
	const struct mw_lm *model;
	struct result results[ROUNDS];
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (uint32_t i = 0; i < ROUNDS; i++)
		read_alone(worker->model, 16, 1 + i % MAX_ROWS, i, &worker->results[i]);
	return NULL;
}

START_TEST(threads_share_a_model_and_get_the_same_bits)
{
	static struct worker workers[THREADS];
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);

	for (size_t i = 0; i < THREADS; i++) {
		workers[i].model = model;
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
	for (size_t i = 1; i < THREADS; i++)
		ck_assert_mem_eq(workers[0].results, workers[i].results,
				 sizeof(workers[0].results));
	mw_lm_close(model);
}
END_TEST

/* --- refusals --------------------------------------------------------------------------------- */

START_TEST(bad_windows_are_refused_and_change_nothing)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm *other = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0), *foreign = new_session(other, 0);
	struct mw_lm_window windows[2];
	struct reading reading;

	reading_init(&reading, 2, 150, 4);
	read_one(&reading, session);
	windows[0] = windows[1] = reading_window(&reading, session);
	ck_assert_int_eq(mw_lm_read_batch(windows, 2), MW_LM_E_ARGUMENT);
	windows[1].session = foreign;
	ck_assert_int_eq(mw_lm_read_batch(windows, 2), MW_LM_E_ARGUMENT);
	windows[0].n_rows = 0;
	ck_assert_int_eq(mw_lm_read(windows), MW_LM_E_ARGUMENT);
	windows[0].n_rows = MAX_ROWS + 1;
	ck_assert_int_eq(mw_lm_read(windows), MW_LM_E_ARGUMENT);
	windows[0].n_rows = 2;
	reading.codes[2 * ROW * SLOTS - 1] = 150;
	ck_assert_int_eq(mw_lm_read(windows), MW_LM_E_ARGUMENT);
	reading.codes[2 * ROW * SLOTS - 1] = 149;
	reading.question[3] = 0xFFFE;
	ck_assert_int_eq(mw_lm_read(windows), MW_LM_E_ARGUMENT);
	ck_assert_uint_eq(mw_lm_tail_length(session), 1);
	ck_assert_int_eq(mw_lm_step(session, 150), MW_LM_E_ARGUMENT);
	ck_assert_ptr_nonnull(mw_lm_hidden(session));
	mw_lm_session_reset(session);
	ck_assert_ptr_null(mw_lm_hidden(session));
	mw_lm_session_free(session);
	mw_lm_session_free(foreign);
	mw_lm_close(model);
	mw_lm_close(other);
}
END_TEST

START_TEST(a_full_tail_is_reported)
{
	struct mw_lm *model = open_shape(&text_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	uint32_t text[71] = {0};
	float logit;

	ck_assert_int_eq(mw_lm_logits(session, 0, 1, &logit), MW_LM_E_STATE);
	ck_assert_int_eq(mw_lm_prefill(session, text, 71), MW_LM_E_FULL);
	ck_assert_int_eq(mw_lm_prefill(session, text, 70), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_step(session, 0), MW_LM_E_FULL);
	ck_assert_int_eq(mw_lm_logits(session, 75, 1, &logit), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_logits(session, 74, 2, &logit), MW_LM_E_ARGUMENT);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

START_TEST(memory_stays_below_its_limits)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session_options options = {.max_rows = 2, .max_tail = 10};
	struct mw_lm_session *session = NULL;
	size_t needed, refused = 0;

	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_OK);
	needed = mw_lm_session_memory(session);
	mw_lm_session_free(session);
	session = NULL;
	for (options.memory_limit = 1; options.memory_limit < needed;
	     options.memory_limit += 9973) {
		if (mw_lm_session_new(model, &options, &session) == MW_LM_E_OK) {
			ck_assert_uint_le(mw_lm_session_memory(session),
					  options.memory_limit + 4096);
			mw_lm_session_free(session);
			session = NULL;
		} else {
			refused++;
		}
		ck_assert_ptr_null(session);
	}
	ck_assert_uint_gt(refused, 0);
	options = (struct mw_lm_session_options){.max_rows = 18, .max_tail = 1};
	ck_assert_int_eq(mw_lm_session_new(model, &options, &session), MW_LM_E_ARGUMENT);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("lm", float_windows_agree_with_the_reference, int8_windows_stay_near_the_reference,
	     text_models_agree_with_the_reference,
	     a_window_gives_the_same_bits_in_every_batch_and_pass, every_kernel_gives_the_same_bits,
	     steps_of_many_sessions_equal_single_steps, order_of_channel_rows_does_not_matter,
	     a_part_of_the_logits_equals_the_whole, bad_windows_are_refused_and_change_nothing,
	     a_full_tail_is_reported, memory_stays_below_its_limits,
	     threads_share_a_model_and_get_the_same_bits)
