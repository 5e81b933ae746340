/*
 * bench_lm.c -- speed of the engine on models of random weights: median of several runs, one
 * thread.
 *
 * Shapes: the window model that the gateway ships, and the llama shapes that other engines are
 * measured with.  Kernels by MW_LM_KERNELS.
 */
#include <stdio.h>
#include <time.h>

#include "model/engine/kernels.h"
#include "model/engine/millwright_lm.h"
#include "tests/unit/gguf_build.h"

#define RUNS    11
#define N_BATCH 16

struct bench {
	struct mw_lm *model;
	struct mw_lm_session *sessions[N_BATCH];
	uint16_t codes[9 * 20 * 10], question[10];
	uint32_t text[512];
	float patches[9 * 16];
};

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void must(mw_lm_err err)
{
	if (err == MW_LM_E_OK)
		return;
	(void)fprintf(stderr, "bench_lm: %s\n", mw_lm_err_text(err));
	exit(EXIT_FAILURE);
}

/* Median seconds of a case. */
static double measure(struct bench *bench, void (*run)(struct bench *))
{
	double seconds[RUNS];

	run(bench);
	for (int i = 0; i < RUNS; i++) {
		double start = now_s();

		run(bench);
		seconds[i] = now_s() - start;
	}
	qsort(seconds, RUNS, sizeof(seconds[0]), by_value);
	return seconds[RUNS / 2];
}

static void read_windows(struct bench *bench, size_t n)
{
	struct mw_lm_window windows[N_BATCH];

	for (size_t i = 0; i < n; i++)
		windows[i] = (struct mw_lm_window){bench->sessions[i], bench->codes, 9,
						   bench->question, bench->patches};
	must(mw_lm_read_batch(windows, n));
}

static void read_window(struct bench *bench)
{
	read_windows(bench, 1);
}

static void read_batch(struct bench *bench)
{
	read_windows(bench, N_BATCH);
}

static void prefill(struct bench *bench, size_t n)
{
	float logit;

	mw_lm_session_reset(bench->sessions[0]);
	must(mw_lm_prefill(bench->sessions[0], bench->text, n));
	must(mw_lm_logits(bench->sessions[0], 0, 1, &logit));
}

static void prefill_64(struct bench *bench)
{
	prefill(bench, 64);
}

static void prefill_512(struct bench *bench)
{
	prefill(bench, 512);
}

static float logits[32768];

/* 32 tokens, each with all logits. */
static void decode(struct bench *bench)
{
	uint32_t n_vocab = mw_lm_info(bench->model)->n_vocab;

	mw_lm_session_reset(bench->sessions[0]);
	for (size_t i = 0; i < 32; i++) {
		must(mw_lm_step(bench->sessions[0], bench->text[i]));
		must(mw_lm_logits(bench->sessions[0], 0, n_vocab, logits));
	}
}

static void decode_batch(struct bench *bench)
{
	float *each[N_BATCH];

	for (size_t i = 0; i < N_BATCH; i++)
		each[i] = logits; /* of all sessions at one place: nobody reads them */
	for (size_t i = 0; i < N_BATCH; i++)
		mw_lm_session_reset(bench->sessions[i]);
	for (size_t i = 0; i < 16; i++) {
		must(mw_lm_step_batch(bench->sessions, bench->text, N_BATCH));
		must(mw_lm_logits_batch(bench->sessions, N_BATCH, each));
	}
}

static void bench_init(struct bench *bench, const struct build_shape *shape)
{
	bool windows = strcmp(shape->arch, "millwright") == 0;
	const struct mw_lm_session_options options = {.max_rows = windows ? 9 : 0,
						      .max_tail = windows ? 80 : 512};
	struct gguf_build random = {.seed = 3};
	char why[256] = "";
	size_t size;
	uint8_t *file = build_model(shape, &size);

	if (mw_lm_open_memory(file, size, NULL, &bench->model, why, sizeof(why)) != MW_LM_E_OK) {
		(void)fprintf(stderr, "bench_lm: %s\n", why);
		exit(EXIT_FAILURE);
	}
	free(file);
	for (size_t i = 0; i < N_BATCH; i++)
		must(mw_lm_session_new(bench->model, &options, &bench->sessions[i]));
	for (size_t i = 0; i < sizeof(bench->codes) / 2; i++)
		bench->codes[i] =
		    (uint16_t)((build_random(&random) + 1) * 0.49f * (float)shape->n_vocab);
	for (size_t i = 0; i < 512; i++)
		bench->text[i] = bench->codes[i];
}

static void bench_done(struct bench *bench)
{
	for (size_t i = 0; i < N_BATCH; i++)
		mw_lm_session_free(bench->sessions[i]);
	mw_lm_close(bench->model);
}

static void report(const char *shape, const char *what, double seconds, double n, const char *unit)
{
	printf("lm %-12s %-24s %10.3f ms %12.0f %s/s\n", shape, what, 1e3 * seconds, n / seconds,
	       unit);
	(void)fflush(stdout);
}

static void bench_window(const char *name, const struct build_shape *shape)
{
	static struct bench bench;

	bench_init(&bench, shape);
	report(name, "read 1 x 9 rows", measure(&bench, read_window), 1, "windows");
	report(name, "read 16 x 9 rows", measure(&bench, read_batch), 16, "windows");
	report(name, "decode 1", measure(&bench, decode), 32, "tokens");
	report(name, "decode 16", measure(&bench, decode_batch), 16 * 16, "tokens");
	bench_done(&bench);
}

static void bench_text(const char *name, const struct build_shape *shape)
{
	static struct bench bench;

	bench_init(&bench, shape);
	report(name, "prefill 64", measure(&bench, prefill_64), 64, "tokens");
	report(name, "prefill 512", measure(&bench, prefill_512), 512, "tokens");
	report(name, "decode 1", measure(&bench, decode), 32, "tokens");
	report(name, "decode 16", measure(&bench, decode_batch), 16 * 16, "tokens");
	bench_done(&bench);
}

/* --- what the machine can do ------------------------------------------------------------------ */

#define MEMORY (256u << 20)
#define ROOF_N 60u

/* Of the time that this thread ran. */
static double ran_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double fastest(void (*run)(void))
{
	double best = 1e9;

	for (int i = 0; i < RUNS; i++) {
		double start = ran_s(), seconds;

		run();
		seconds = ran_s() - start;
		best = seconds < best ? seconds : best;
	}
	return best;
}

static uint64_t *memory, sum;

static void read_memory(void)
{
	uint64_t sums[8] = {0};

	for (size_t i = 0; i < MEMORY / sizeof(*memory); i += 8)
		for (size_t k = 0; k < 8; k++)
			sums[k] += memory[i + k];
	for (size_t k = 0; k < 8; k++)
		sum += sums[k];
}

/* Two panels of 8 blocks and 60 positions: all of it stays in the nearest caches. */
static void multiply(void)
{
	static _Alignas(64) uint8_t weights[2 * 8 * LM_BLOCK_BYTES];
	static _Alignas(64) uint16_t scales[2 * 8 * LM_LANES];
	static int8_t q[ROOF_N * 8 * LM_BLOCK];
	static float scale[ROOF_N * 8], y[ROOF_N * 2 * LM_LANES];
	static int32_t bias[ROOF_N * 8];
	const struct lm_q8 x = {q, scale, bias};
	const struct lm_kernels *ops = lm_kernels_find(getenv("MW_LM_KERNELS"));

	for (int i = 0; i < 200; i++)
		ops->gemm((struct lm_panels){weights, scales}, 2, 8, &x, ROOF_N, y, 2 * LM_LANES);
}

static void bench_machine(void)
{
	double products = 200.0 * 2 * 8 * LM_BLOCK_BYTES * ROOF_N;

	memory = calloc(MEMORY, 1);
	if (!memory)
		return;
	memset(memory, 1, MEMORY);
	printf("lm %-12s reads %.1f GB/s from memory, multiplies %.0f G int8 products/s\n",
	       "machine", MEMORY / fastest(read_memory) * 1e-9,
	       products / fastest(multiply) * 1e-9);
	free(memory);
}

/* bench_lm [SHAPE]: all shapes, or the one of that name. */
int main(int argc, char **argv)
{
	static const struct build_shape window = {.arch = "millwright",
						  .weights = GGUF_W_Q8_0,
						  .n_embd = 128,
						  .n_layers = 4,
						  .n_head = 4,
						  .n_kv = 2,
						  .head_size = 32,
						  .n_ff = 384,
						  .n_vocab = 1400,
						  .asset_prefix = true,
						  .seed = 1};
	static const struct build_shape text_5m = {.arch = "llama",
						   .weights = GGUF_W_Q8_0,
						   .n_embd = 256,
						   .n_layers = 6,
						   .n_head = 8,
						   .n_kv = 4,
						   .head_size = 32,
						   .n_ff = 704,
						   .n_vocab = 4096,
						   .seed = 2};
	static const struct build_shape text_25m = {.arch = "llama",
						    .weights = GGUF_W_Q8_0,
						    .n_embd = 512,
						    .n_layers = 7,
						    .n_head = 8,
						    .n_kv = 4,
						    .head_size = 64,
						    .n_ff = 1408,
						    .n_vocab = 8192,
						    .seed = 3};

	const char *only = argc > 1 ? argv[1] : NULL;

	if (!only || strcmp(only, "machine") == 0)
		bench_machine();
	if (!only || strcmp(only, "window-0.9M") == 0)
		bench_window("window-0.9M", &window);
	if (!only || strcmp(only, "llama-5M") == 0)
		bench_text("llama-5M", &text_5m);
	if (!only || strcmp(only, "llama-25M") == 0)
		bench_text("llama-25M", &text_25m);
	return EXIT_SUCCESS;
}
