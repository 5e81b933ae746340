/* cmd_lm.c -- the language-model engine by hand: what a file is, how fast it runs, what it answers.
 */
#include "gateway/app/cmd_lm.h"
#include "gateway/app/commands.h"
#include "gateway/base/clock.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MAX_BATCH 64

static const char usage_text[] =
    "usage: millwright lm info FILE [--json] [--tokens]\n"
    "       millwright lm bench FILE [--rows N] [--batch N] [--seconds N] [--json]\n"
    "       millwright lm logits FILE [--prompt FILE] [--top N] [--f32] [--json]\n"
    "       millwright lm run -m FILE -p TEXT [-n N] [--f32]\n"
    "       millwright lm quantize SOURCE TARGET\n"
    "\n"
    "  --kernels NAME  scalar, avx2, avxvnni or avx512vnni instead of the fastest\n"
    "  --rows N        rows of the window that is read (9)\n"
    "  --batch N       windows that share a pass (16)\n"
    "  --seconds N     how long each speed is measured (2)\n"
    "  --prompt FILE   one position a line, its codes apart by blanks, '-' for none: all rows of "
    "the\n"
    "                  window, then the question; or the tokens of a text.  Default: standard "
    "input\n"
    "  --top N         how many tokens to print (10)\n"
    "  -m, --model FILE  the model of text that run continues TEXT with\n"
    "  -p, --text TEXT   what it continues; names of control tokens are these tokens\n"
    "  -n, --count N     at most so many tokens (64)\n"
    "  --f32           float weights and activations\n"
    "  --tokens        print the vocabulary\n";

static bool parse_number(const char *text, long min, long max, long *ret_number)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < min || number > max) {
		(void)fprintf(stderr, "lm: '%s' is not a number from %ld to %ld\n", text, min, max);
		return false;
	}
	*ret_number = number;
	return true;
}

static bool parse_option(int option, struct lm_args *args)
{
	switch (option) {
	case 'k':
		args->kernels = optarg;
		return true;
	case 'P':
		args->prompt = optarg;
		return true;
	case 'p':
		args->text = optarg;
		return true;
	case 'm':
		args->path[0] = optarg;
		args->n_path = 1;
		return true;
	case 'r':
		return parse_number(optarg, 1, 4096, &args->rows);
	case 'b':
		return parse_number(optarg, 1, MAX_BATCH, &args->batch);
	case 's':
		return parse_number(optarg, 1, 3600, &args->seconds);
	case 'T':
		return parse_number(optarg, 1, 1000, &args->top);
	case 'n':
		return parse_number(optarg, 1, 1000000, &args->count);
	case 'j':
		return args->json = true;
	case 't':
		return args->tokens = true;
	case 'f':
		return args->f32 = true;
	default:
		return false;
	}
}

static bool parse_args(int argc, char **argv, struct lm_args *args)
{
	static const struct option options[] = {{"kernels", required_argument, NULL, 'k'},
						{"prompt", required_argument, NULL, 'P'},
						{"rows", required_argument, NULL, 'r'},
						{"batch", required_argument, NULL, 'b'},
						{"seconds", required_argument, NULL, 's'},
						{"top", required_argument, NULL, 'T'},
						{"model", required_argument, NULL, 'm'},
						{"text", required_argument, NULL, 'p'},
						{"count", required_argument, NULL, 'n'},
						{"json", no_argument, NULL, 'j'},
						{"tokens", no_argument, NULL, 't'},
						{"f32", no_argument, NULL, 'f'},
						{0}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "m:p:n:", options, NULL)) != -1)
		if (!parse_option(option, args))
			return false;
	for (; optind < argc && args->n_path < 2; optind++)
		args->path[args->n_path++] = argv[optind];
	return optind == argc;
}

static int exit_code(mw_lm_err err)
{
	switch (err) {
	case MW_LM_E_OK:
		return EX_OK;
	case MW_LM_E_IO:
		return EX_NOINPUT;
	case MW_LM_E_FORMAT:
	case MW_LM_E_UNSUPPORTED:
		return EX_DATAERR;
	default:
		return EX_SOFTWARE;
	}
}

int mw_lm_complain(mw_lm_err err, const char *path, const char *why)
{
	(void)fprintf(stderr, "lm: %s: %s\n", path, why[0] ? why : mw_lm_err_text(err));
	return exit_code(err);
}

int mw_lm_open_model(const struct lm_args *args, struct mw_lm **ret_model)
{
	const struct mw_lm_options options = {.precision = args->f32 ? MW_LM_F32 : MW_LM_INT8,
					      .kernels = args->kernels};
	char why[512] = "";
	mw_lm_err err = mw_lm_open(args->path[0], &options, ret_model, why, sizeof(why));

	return err ? mw_lm_complain(err, args->path[0], why) : EX_OK;
}

int mw_lm_print_json(struct mw_json *object)
{
	char *text;

	if (mw_json_finish(object, &text) != MW_E_OK)
		return EX_OSERR;
	puts(text);
	free(text);
	return EX_OK;
}

/* --- info ------------------------------------------------------------------------------------- */

static int info_json(const struct mw_lm *model)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	struct mw_json *object = mw_json_object(), *metadata = mw_json_object();
	const char *key;

	mw_json_text(object, "architecture", info->architecture);
	mw_json_text(object, "name", info->name);
	mw_json_text(object, "kernels", info->kernels);
	mw_json_integer(object, "parameters", (int64_t)info->n_parameters);
	mw_json_integer(object, "layers", info->n_layers);
	mw_json_integer(object, "width", info->n_embd);
	mw_json_integer(object, "vocabulary", info->n_vocab);
	mw_json_integer(object, "context", info->n_context);
	mw_json_integer(object, "file_bytes", (int64_t)info->file_size);
	mw_json_integer(object, "weight_bytes", (int64_t)info->weight_bytes);
	for (size_t i = 0; (key = mw_lm_metadata_key(model, i)) != NULL; i++)
		if (mw_lm_metadata(model, key))
			mw_json_text(metadata, key, mw_lm_metadata(model, key));
	mw_json_child(object, "metadata", metadata);
	return mw_lm_print_json(object);
}

static void info_text(const struct mw_lm *model)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	const char *key;

	printf("%s '%s': %.2f M parameters, %u layers, width %u, vocabulary %u, context %u\n",
	       info->architecture, info->name, (double)info->n_parameters / 1e6, info->n_layers,
	       info->n_embd, info->n_vocab, info->n_context);
	printf("file %.2f MiB, in memory %.2f MiB, kernels %s\n",
	       (double)info->file_size / (1 << 20), (double)info->weight_bytes / (1 << 20),
	       info->kernels);
	for (size_t i = 0; (key = mw_lm_metadata_key(model, i)) != NULL; i++)
		printf("  %-48s %s\n", key,
		       mw_lm_metadata(model, key) ? mw_lm_metadata(model, key) : "(list)");
}

static int lm_info(const struct lm_args *args)
{
	struct mw_lm *model = NULL;
	int code = mw_lm_open_model(args, &model);
	const char *text;

	if (code)
		return code;
	if (args->json)
		code = info_json(model);
	else
		info_text(model);
	for (uint32_t i = 0; args->tokens && (text = mw_lm_token_text(model, i)) != NULL; i++)
		printf("%u %s\n", i, text);
	mw_lm_close(model);
	return code;
}

/* --- bench ------------------------------------------------------------------------------------ */

struct bench {
	const struct lm_args *args;
	const struct mw_lm_info *info;
	struct mw_lm_session *session[MAX_BATCH];
	uint16_t *codes; /* of one window and its question */
};

typedef mw_lm_err bench_step(struct bench *bench, size_t n);

static mw_lm_err bench_read(struct bench *bench, size_t n)
{
	size_t n_codes = (size_t)bench->args->rows * bench->info->row_length * bench->info->slots;
	struct mw_lm_window windows[MAX_BATCH];

	for (size_t i = 0; i < n; i++)
		windows[i] = (struct mw_lm_window){.session = bench->session[i],
						   .codes = bench->codes,
						   .n_rows = (uint32_t)bench->args->rows,
						   .question = bench->codes + n_codes};
	return mw_lm_read_batch(windows, n);
}

static mw_lm_err bench_prefill(struct bench *bench, size_t n)
{
	uint32_t tokens[64];

	for (uint32_t i = 0; i < 64; i++)
		tokens[i] = i * 37 % bench->info->n_vocab;
	for (size_t i = 0; i < n; i++) {
		mw_lm_err err;

		mw_lm_session_reset(bench->session[i]);
		err = mw_lm_prefill(bench->session[i], tokens, 64);
		if (err)
			return err;
	}
	return MW_LM_E_OK;
}

/* One token more in n sessions, which start over when they are full. */
static mw_lm_err bench_decode(struct bench *bench, size_t n)
{
	uint32_t tokens[MAX_BATCH];
	float logit;
	mw_lm_err err;

	for (size_t i = 0; i < n; i++) {
		tokens[i] = (uint32_t)i * 11 % bench->info->n_vocab;
		if (mw_lm_tail_length(bench->session[i]) >= 128)
			mw_lm_session_reset(bench->session[i]);
	}
	err = mw_lm_step_batch(bench->session, tokens, n);
	return err ? err : mw_lm_logits(bench->session[0], 0, 1, &logit);
}

/* Calls a second, 0 on an error. */
static double bench_rate(struct bench *bench, bench_step *step, size_t n)
{
	int64_t start = mw_clock_mono_ns(), end = start + bench->args->seconds * 1000000000, now;
	double calls = 0;

	do {
		if (step(bench, n) != MW_LM_E_OK)
			return 0;
		calls++;
		now = mw_clock_mono_ns();
	} while (now < end);
	return calls * 1e9 / (double)(now - start);
}

static void bench_print(struct mw_json *object, const char *key, double rate, const char *unit)
{
	if (object)
		mw_json_number(object, key, rate);
	else
		printf("%-28s %12.1f %s/s\n", key, rate, unit);
	(void)fflush(stdout);
}

static int bench_run(struct bench *bench)
{
	struct mw_json *object = bench->args->json ? mw_json_object() : NULL;
	size_t batch = (size_t)bench->args->batch;
	bool windows = bench->info->slots > 0;
	bench_step *read = windows ? bench_read : bench_prefill;
	const char *unit = windows ? "windows" : "tokens";
	double each = windows ? 1 : 64;

	if (object)
		mw_json_text(object, "kernels", bench->info->kernels);
	bench_print(object, "read_1", each * bench_rate(bench, read, 1), unit);
	bench_print(object, "read_batch", each * (double)batch * bench_rate(bench, read, batch),
		    unit);
	bench_print(object, "decode_1", bench_rate(bench, bench_decode, 1), "tokens");
	bench_print(object, "decode_batch", (double)batch * bench_rate(bench, bench_decode, batch),
		    "tokens");
	return object ? mw_lm_print_json(object) : EX_OK;
}

static mw_lm_err bench_init(struct bench *bench, const struct mw_lm *model)
{
	bool windows = bench->info->slots > 0;
	struct mw_lm_session_options options = {
	    .max_rows = windows ? (uint32_t)bench->args->rows : 0, .max_tail = 160};
	size_t n = (options.max_rows * bench->info->row_length + 1u) * bench->info->slots;
	mw_lm_err err = MW_LM_E_OK;

	bench->codes = calloc(n + 1, sizeof(*bench->codes));
	if (!bench->codes)
		return MW_LM_E_MEMORY;
	for (size_t i = 0; i < n; i++)
		bench->codes[i] = (uint16_t)(i * 31 % bench->info->n_vocab);
	for (long i = 0; i < bench->args->batch && !err; i++)
		err = mw_lm_session_new(model, &options, &bench->session[i]);
	return err;
}

static int lm_bench(const struct lm_args *args)
{
	struct bench bench = {.args = args};
	struct mw_lm *model = NULL;
	int code = mw_lm_open_model(args, &model);
	mw_lm_err err;

	if (code)
		return code;
	bench.info = mw_lm_info(model);
	err = bench_init(&bench, model);
	code = err ? mw_lm_complain(err, args->path[0], "") : bench_run(&bench);
	for (size_t i = 0; i < MAX_BATCH; i++)
		mw_lm_session_free(bench.session[i]);
	free(bench.codes);
	mw_lm_close(model);
	return code;
}

static int lm_quantize(const struct lm_args *args)
{
	char why[512] = "";
	mw_lm_err err = mw_lm_quantize(args->path[0], args->path[1], why, sizeof(why));

	return err ? mw_lm_complain(err, args->path[0], why) : EX_OK;
}

int mw_cmd_lm(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct lm_args *args);
		int n_path;
	} actions[] = {{"info", lm_info, 1},
		       {"bench", lm_bench, 1},
		       {"logits", mw_lm_logits_command, 1},
		       {"run", mw_lm_run_command, 1},
		       {"quantize", lm_quantize, 2}};
	struct lm_args args = {.rows = 9, .batch = 16, .seconds = 2, .top = 10, .count = 64};

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage_text, stdout);
		return EX_OK;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(argv[1], actions[i].name) == 0 &&
		    parse_args(argc - 1, argv + 1, &args) && args.n_path == actions[i].n_path)
			return actions[i].run(&args);
	(void)fputs(usage_text, stderr);
	return EX_USAGE;
}
