/* cmd_lm_bench.c -- `millwright lm bench`: how fast this machine reads and writes with a model, and how
 * much that is of what it can do at most. */
#include "gateway/app/cmd_lm.h"
#include "gateway/app/cmd_lm_limits.h"
#include "gateway/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define MAX_RUNS 200

struct bench {
	const struct lm_args *args;
	const struct mw_lm_info *info;
	struct mw_lm *model;
	struct mw_lm_session *session[LM_MAX_BATCH];
	uint16_t *codes; /* of one window and its question */
	uint32_t *tokens;
	float *logits; /* [sessions][n_vocab] */
	float *each[LM_MAX_BATCH];
	uint32_t threads;
	double limit_bytes, limit_macs; /* a second, of so many threads */
	struct mw_json *object;         /* NULL: text */
};

/* What is measured: lengths of one run. */
struct run {
	uint32_t n_prompt, n_gen, batch;
};

static mw_lm_err run_prompt(const struct bench *bench, const struct run *run)
{
	mw_lm_err err;

	mw_lm_session_reset(bench->session[0]);
	err = mw_lm_prefill(bench->session[0], bench->tokens, run->n_prompt);
	return err ? err : mw_lm_logits(bench->session[0], 0, bench->info->n_vocab, bench->logits);
}

/* After one token, in every session; each token's logits are made, as a sampler needs them. */
static mw_lm_err run_writing(struct bench *bench, const struct run *run)
{
	uint32_t tokens[LM_MAX_BATCH];
	mw_lm_err err = MW_LM_E_OK;

	for (uint32_t k = 0; k < run->batch; k++)
		mw_lm_session_reset(bench->session[k]);
	for (uint32_t i = 0; i < run->n_gen && !err; i++) {
		for (uint32_t k = 0; k < run->batch; k++)
			tokens[k] = bench->tokens[(i + 7 * k) % run->n_gen];
		err = mw_lm_step_batch(bench->session, tokens, run->batch);
		if (!err)
			err = mw_lm_logits_batch(bench->session, run->batch, bench->each);
	}
	return err;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median seconds of a run, 0 on an error. */
static double run_seconds(struct bench *bench, const struct run *run)
{
	int64_t end = mw_clock_mono_ns() + bench->args->seconds * 1000000000, start;
	double seconds[MAX_RUNS];
	size_t n = 0;

	do {
		start = mw_clock_mono_ns();
		if ((run->n_prompt ? run_prompt(bench, run) : run_writing(bench, run)) !=
		    MW_LM_E_OK)
			return 0;
		seconds[n++] = (double)(mw_clock_mono_ns() - start) * 1e-9;
	} while (mw_clock_mono_ns() < end && n < MAX_RUNS);
	qsort(seconds, n, sizeof(seconds[0]), by_value);
	return seconds[n / 2];
}

/* Multiplications of a token: every weight of a matrix once.  The vocabulary's are left out of a
 * prompt, whose logits are made once. */
static double macs_of(const struct bench *bench, const struct run *run)
{
	double vocabulary = (double)bench->info->n_vocab * bench->info->n_embd, others = 0;
	const struct mw_lm_tensor *tensor;

	for (size_t i = 0; (tensor = mw_lm_tensor(bench->model, i)) != NULL; i++)
		if (tensor->rows > 1 && tensor->rows != bench->info->n_vocab)
			others += (double)tensor->rows * (double)tensor->cols;
	return run->n_prompt ? others + vocabulary / run->n_prompt : others + vocabulary;
}

/* Bytes of weights that are read for a token.  A prompt reads them once a pass of 64, a batch once
 * for all its sessions. */
static double bytes_of(const struct bench *bench, const struct run *run)
{
	/* of int8, 34 hold 32 */
	static const double weight_bytes[] = {
	    [MW_LM_INT8] = 34.0 / 32, [MW_LM_F32] = 4, [MW_LM_F16] = 2};
	double all = macs_of(bench, &(struct run){0, 1, 1}) * weight_bytes[bench->args->precision];
	uint32_t passes = (run->n_prompt + 63) / 64;

	return run->n_prompt ? all * passes / run->n_prompt : all / run->batch;
}

static void print_run(struct bench *bench, const struct run *run, double rate)
{
	double macs = rate * macs_of(bench, run) / bench->limit_macs;
	double bytes = rate * bytes_of(bench, run) / bench->limit_bytes;

	if (bench->object) {
		struct mw_json *item = mw_json_object();

		mw_json_integer(item, "n_prompt", run->n_prompt);
		mw_json_integer(item, "n_gen", run->n_gen);
		mw_json_integer(item, "threads", bench->threads);
		mw_json_integer(item, "batch", run->batch);
		mw_json_number(item, "tokens_per_s", rate);
		mw_json_number(item, "share_of_macs", macs);
		mw_json_number(item, "share_of_bytes", bytes);
		mw_json_append(bench->object, "results", item);
		return;
	}
	printf("%-6s %4u  threads %u  batch %2u %12.1f tokens/s  %3.0f %% of multiplications, "
	       "%3.0f %% of memory\n",
	       run->n_prompt ? "read" : "write", run->n_prompt + run->n_gen, bench->threads,
	       run->batch, rate, 100 * macs, 100 * bytes);
	(void)fflush(stdout);
}

static mw_lm_err measure(struct bench *bench, const struct run *run)
{
	double seconds = run_seconds(bench, run);

	if (seconds <= 0)
		return MW_LM_E_ARGUMENT;
	print_run(bench, run, (run->n_prompt ? run->n_prompt : run->n_gen * run->batch) / seconds);
	return MW_LM_E_OK;
}

static mw_lm_err measure_text(struct bench *bench, const struct lm_list *prompts)
{
	uint32_t n_gen = (uint32_t)bench->args->count, batch = (uint32_t)bench->args->batch;
	mw_lm_err err = MW_LM_E_OK;

	for (size_t i = 0; i < prompts->n && !err; i++)
		err = measure(bench, &(struct run){prompts->number[i], 0, 1});
	if (n_gen > 0 && !err)
		err = measure(bench, &(struct run){0, n_gen, 1});
	if (n_gen > 0 && batch > 1 && !err)
		err = measure(bench, &(struct run){0, n_gen, batch});
	return err;
}

/* --- windows ---------------------------------------------------------------------------------- */

static mw_lm_err read_windows(struct bench *bench, size_t n)
{
	size_t n_codes = (size_t)bench->args->rows * bench->info->row_length * bench->info->slots;
	struct mw_lm_window windows[LM_MAX_BATCH];

	for (size_t i = 0; i < n; i++)
		windows[i] = (struct mw_lm_window){.session = bench->session[i],
						   .codes = bench->codes,
						   .n_rows = (uint32_t)bench->args->rows,
						   .question = bench->codes + n_codes};
	return mw_lm_read_batch(windows, n);
}

static mw_lm_err measure_windows(struct bench *bench, const char *key, size_t n)
{
	int64_t start = mw_clock_mono_ns(), end = start + bench->args->seconds * 1000000000, now;
	double windows = 0, rate;

	do {
		mw_lm_err err = read_windows(bench, n);

		if (err)
			return err;
		windows += (double)n;
		now = mw_clock_mono_ns();
	} while (now < end);
	rate = windows * 1e9 / (double)(now - start);
	if (bench->object && bench->threads == bench->args->threads.number[0])
		mw_json_number(bench->object, key, rate);
	else if (!bench->object)
		printf("%-12s threads %u  batch %2zu %12.1f windows/s\n", key, bench->threads, n,
		       rate);
	return MW_LM_E_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static mw_lm_err make_sessions(struct bench *bench, uint32_t longest)
{
	bool windows = bench->info->slots > 0;
	const struct mw_lm_session_options options = {.max_rows =
							  windows ? (uint32_t)bench->args->rows : 0,
						      .max_tail = longest,
						      .cache = bench->args->cache};
	mw_lm_err err = MW_LM_E_OK;

	for (long i = 0; i < bench->args->batch && !err; i++)
		err = mw_lm_session_new(bench->model, &options, &bench->session[i]);
	return err;
}

static mw_lm_err make_input(struct bench *bench, uint32_t longest)
{
	size_t n = ((size_t)bench->args->rows * bench->info->row_length + 1) * bench->info->slots;
	uint32_t n_vocab = bench->info->n_vocab;
	size_t n_sessions = (size_t)bench->args->batch;

	bench->codes = calloc(n + 1, sizeof(*bench->codes));
	bench->tokens = calloc(longest, sizeof(*bench->tokens));
	bench->logits = calloc((size_t)n_vocab * n_sessions, sizeof(*bench->logits));
	if (!bench->codes || !bench->tokens || !bench->logits)
		return MW_LM_E_MEMORY;
	for (size_t i = 0; i < n_sessions; i++)
		bench->each[i] = bench->logits + i * n_vocab;
	for (size_t i = 0; i < n; i++)
		bench->codes[i] = (uint16_t)(i * 31 % n_vocab);
	for (uint32_t i = 0; i < longest; i++)
		bench->tokens[i] = (uint32_t)((i + 1) * 2654435761u) % n_vocab;
	return MW_LM_E_OK;
}

static mw_lm_err bench_all(struct bench *bench, const struct lm_list *prompts)
{
	uint32_t longest = (uint32_t)bench->args->count;
	mw_lm_err err;

	for (size_t i = 0; i < prompts->n; i++)
		longest = prompts->number[i] > longest ? prompts->number[i] : longest;
	if (longest > bench->info->n_context)
		return MW_LM_E_FULL;
	longest = longest ? longest : 1;
	err = make_input(bench, longest);
	if (!err)
		err = make_sessions(bench, longest);
	if (!err && bench->info->slots > 0)
		err = measure_windows(bench, "read_1", 1);
	if (!err && bench->info->slots > 0 && bench->args->batch > 1)
		err = measure_windows(bench, "read_batch", (size_t)bench->args->batch);
	return err ? err : measure_text(bench, prompts);
}

static void bench_done(struct bench *bench)
{
	for (size_t i = 0; i < LM_MAX_BATCH; i++)
		mw_lm_session_free(bench->session[i]);
	free(bench->codes);
	free(bench->tokens);
	free(bench->logits);
	mw_lm_close(bench->model);
}

static void print_limits(struct bench *bench)
{
	struct mw_json *item;

	bench->limit_macs = mw_lm_limit_macs(bench->threads);
	bench->limit_bytes = mw_lm_limit_bytes((size_t)bench->info->weight_bytes, bench->threads);
	if (!bench->object) {
		printf("this machine, threads %u: %.1f G multiplications/s, %.1f GB/s\n",
		       bench->threads, bench->limit_macs * 1e-9, bench->limit_bytes * 1e-9);
		return;
	}
	item = mw_json_object();
	mw_json_integer(item, "threads", bench->threads);
	mw_json_number(item, "int8_mac_per_s", bench->limit_macs);
	mw_json_number(item, "bytes_per_s", bench->limit_bytes);
	mw_json_append(bench->object, "limits", item);
}

static int bench_threads(const struct lm_args *args, uint32_t threads,
			 const struct lm_list *prompts, struct mw_json *object)
{
	struct bench bench = {.args = args, .threads = threads, .object = object};
	struct lm_list lengths = *prompts;
	int code = mw_lm_open_model(args, threads, &bench.model);
	mw_lm_err err;

	if (code)
		return code;
	bench.info = mw_lm_info(bench.model);
	while (!args->text && lengths.n > 1 &&
	       lengths.number[lengths.n - 1] > bench.info->n_context)
		lengths.n--;
	if (object && threads == args->threads.number[0]) {
		mw_json_text(object, "architecture", bench.info->architecture);
		mw_json_text(object, "kernels", bench.info->kernels);
	}
	print_limits(&bench);
	err = bench_all(&bench, &lengths);
	if (err)
		code =
		    mw_lm_complain(err, args->path[0],
				   err == MW_LM_E_FULL ? "its context is shorter than that" : "");
	bench_done(&bench);
	return code;
}

/* The defaults suit the model: windows and batches for one that reads windows. */
int mw_lm_bench_command(const struct lm_args *args)
{
	struct lm_list prompts = {{64, 256, 512}, 3};
	struct mw_json *object = args->json ? mw_json_object() : NULL;
	struct lm_args own = *args;
	int code = EX_OK;

	if (args->text && !mw_lm_parse_list(args->text, 1, 1 << 20, &prompts))
		code = EX_USAGE;
	if (own.batch == 0)
		own.batch = 16;
	for (size_t i = 0; i < args->threads.n && code == EX_OK; i++)
		code = bench_threads(&own, args->threads.number[i], &prompts, object);
	if (code == EX_OK && object)
		return mw_lm_print_json(object);
	mw_json_free(object);
	return code;
}
