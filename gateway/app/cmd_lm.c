/* cmd_lm.c -- the language-model engine by hand: what is asked for, and what its actions share. */
#include "gateway/app/cmd_lm.h"
#include "gateway/app/commands.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MAX_FILE (64 << 20)

static const char usage_text[] =
    "usage: millwright lm info FILE [--tokens] [--json]\n"
    "       millwright lm run -m FILE -p TEXT [-n N] [--chat] [--json-schema FILE] [--json]\n"
    "       millwright lm logits -m FILE [--tokens N,N... | --prompt FILE] [--top N] [--json]\n"
    "       millwright lm bench -m FILE [-p N,N...] [-n N] [-t N,N...] [--json]\n"
    "       millwright lm perplexity -m FILE TEXTFILE [--context N] [--json]\n"
    "       millwright lm quantize SOURCE TARGET\n"
    "\n"
    "  -m, --model FILE  the model; or the first argument\n"
    "  -t, --threads N   threads that share the work (1); a list for bench\n"
    "  --kernels NAME    scalar, avx2 ... instead of the fastest\n"
    "  --f32, --f16      weights and activations of single or half precision\n"
    "  --cache TYPE      keys and values as f32, f16 or int8 (f16; f32 for window models)\n"
    "  --json            for programs\n"
    "run:\n"
    "  -p, --text TEXT   what it continues; names of control tokens are these tokens\n"
    "  -n, --count N     at most so many tokens (64)\n"
    "  --chat            TEXT is a message, and the answer is the assistant's\n"
    "  --system TEXT     the system message before it\n"
    "  --template NAME   phi3, llama2, llama3, chatml or zephyr instead of the file's\n"
    "  --json-schema FILE  the answer is JSON of this schema\n"
    "  --no-digits       numbers only from enums, consts and references\n"
    "  --reference TEXT  {...}, which strings may hold; may be repeated\n"
    "  --temperature T   0 (the default): always the likeliest token\n"
    "  --top-k K         of the K likeliest tokens\n"
    "  --top-p P         of the likeliest that have probability P together\n"
    "  --min-p P         of those that have P of the likeliest one's probability\n"
    "  --repeat-penalty R  logits of the last 64 tokens are divided by R\n"
    "  --seed N          of what is drawn (0)\n"
    "  --stop TEXT       ends the answer; may be repeated\n"
    "  --log-probs       each token and its log-probability\n"
    "logits:\n"
    "  --tokens N,N...   the tokens that are read; info: print the vocabulary\n"
    "  --prompt FILE     one position a line, its codes apart by blanks, '-' for none: all rows\n"
    "                    of the window, then the question; or the tokens of a text.  Default:\n"
    "                    standard input\n"
    "  --top N           how many tokens to print (10)\n"
    "bench:\n"
    "  -p, --prompts N,N...  lengths that are read (64,256,512)\n"
    "  -n, --count N     tokens that are written (64)\n"
    "  --batch N         windows, or sessions, that share a pass (16 windows, 1 session)\n"
    "  --rows N          rows of the window that is read (9)\n"
    "  --seconds N       how long each speed is measured (2)\n"
    "perplexity:\n"
    "  --context N       tokens that are read at once (512)\n";

bool mw_lm_parse_whole(const char *text, long min, long max, long *ret_number)
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

bool mw_lm_parse_number(const char *text, double min, double max, float *ret_number)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(text, &end);
	if (errno || end == text || *end || !(number >= min && number <= max)) {
		(void)fprintf(stderr, "lm: '%s' is not a number from %g to %g\n", text, min, max);
		return false;
	}
	*ret_number = (float)number;
	return true;
}

bool mw_lm_parse_list(const char *text, long min, long max, struct lm_list *ret_list)
{
	char *copy = strdup(text), *rest = NULL;
	struct lm_list list = {.n = 0};
	long number = 0;
	bool good = copy != NULL;

	for (char *word = good ? strtok_r(copy, ",", &rest) : NULL; word && good;
	     word = strtok_r(NULL, ",", &rest)) {
		good = list.n < LM_MAX_LIST && mw_lm_parse_whole(word, min, max, &number);
		if (good)
			list.number[list.n++] = (uint32_t)number;
	}
	free(copy);
	if (!good || list.n == 0) {
		(void)fprintf(stderr, "lm: '%s' is not a list of 1 to %d numbers\n", text,
			      LM_MAX_LIST);
		return false;
	}
	*ret_list = list;
	return true;
}

enum {
	OPT_SYSTEM = 256,
	OPT_TEMPLATE,
	OPT_SCHEMA,
	OPT_NO_DIGITS,
	OPT_REFERENCE,
	OPT_TEMPERATURE,
	OPT_TOP_K,
	OPT_TOP_P,
	OPT_MIN_P,
	OPT_PENALTY,
	OPT_SEED,
	OPT_STOP,
	OPT_LOG_PROBS,
	OPT_CHAT,
	OPT_CONTEXT,
	OPT_F16,
	OPT_CACHE
};

static bool parse_repeated(const char **list, size_t *n)
{
	if (*n == LM_MAX_REPEATS) {
		(void)fprintf(stderr, "lm: more than %d of '%s'\n", LM_MAX_REPEATS, optarg);
		return false;
	}
	list[(*n)++] = optarg;
	return true;
}

static bool parse_sampling(int option, struct mw_lm_sampling *sampling)
{
	long number = 0;
	bool good;

	switch (option) {
	case OPT_TEMPERATURE:
		return mw_lm_parse_number(optarg, 0, 100, &sampling->temperature);
	case OPT_TOP_P:
		return mw_lm_parse_number(optarg, 0, 1, &sampling->top_p);
	case OPT_MIN_P:
		return mw_lm_parse_number(optarg, 0, 1, &sampling->min_p);
	case OPT_PENALTY:
		return mw_lm_parse_number(optarg, 0.01, 100, &sampling->repeat_penalty);
	case OPT_TOP_K:
		good = mw_lm_parse_whole(optarg, 0, 1 << 20, &number);
		sampling->top_k = (uint32_t)number;
		return good;
	case OPT_SEED:
		good = mw_lm_parse_whole(optarg, 0, LONG_MAX, &number);
		sampling->seed = (uint64_t)number;
		return good;
	default:
		return false;
	}
}

static bool parse_run(int option, struct lm_args *args)
{
	switch (option) {
	case OPT_SYSTEM:
		args->system = optarg;
		return true;
	case OPT_TEMPLATE:
		args->chat_template = optarg;
		return true;
	case OPT_SCHEMA:
		args->schema = optarg;
		return true;
	case OPT_NO_DIGITS:
		return args->no_digits = true;
	case OPT_REFERENCE:
		return parse_repeated(args->references, &args->n_references);
	case OPT_STOP:
		return parse_repeated(args->stops, &args->n_stops);
	case OPT_LOG_PROBS:
		return args->log_probs = true;
	case OPT_CHAT:
		return args->chat = true;
	default:
		return parse_sampling(option, &args->sampling);
	}
}

static bool parse_cache(enum mw_lm_cache *ret_cache)
{
	static const char *const names[] = {
	    [MW_LM_CACHE_F32] = "f32", [MW_LM_CACHE_F16] = "f16", [MW_LM_CACHE_INT8] = "int8"};

	for (enum mw_lm_cache i = MW_LM_CACHE_F32; i <= MW_LM_CACHE_INT8; i++) {
		if (strcmp(optarg, names[i]) == 0) {
			*ret_cache = i;
			return true;
		}
	}
	(void)fprintf(stderr, "lm: '%s' is not f32, f16 or int8\n", optarg);
	return false;
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
	case 'T':
		args->token_list = optarg;
		return args->tokens = true;
	case 'j':
		return args->json = true;
	case 'f':
		args->precision = MW_LM_F32;
		return true;
	case OPT_F16:
		args->precision = MW_LM_F16;
		return true;
	case OPT_CACHE:
		return parse_cache(&args->cache);
	case 't':
		return mw_lm_parse_list(optarg, 1, 64, &args->threads);
	case 'r':
		return mw_lm_parse_whole(optarg, 1, 4096, &args->rows);
	case 'b':
		return mw_lm_parse_whole(optarg, 1, LM_MAX_BATCH, &args->batch);
	case 's':
		return mw_lm_parse_whole(optarg, 1, 3600, &args->seconds);
	case 'o':
		return mw_lm_parse_whole(optarg, 1, 1000, &args->top);
	case 'n':
		return mw_lm_parse_whole(optarg, 0, 1000000, &args->count);
	case OPT_CONTEXT:
		return mw_lm_parse_whole(optarg, 2, 1 << 20, &args->context);
	default:
		return parse_run(option, args);
	}
}

static bool parse_args(int argc, char **argv, struct lm_args *args)
{
	static struct option options[] = {{"tokens", required_argument, NULL, 'T'},
					  {"kernels", required_argument, NULL, 'k'},
					  {"prompt", required_argument, NULL, 'P'},
					  {"rows", required_argument, NULL, 'r'},
					  {"batch", required_argument, NULL, 'b'},
					  {"seconds", required_argument, NULL, 's'},
					  {"top", required_argument, NULL, 'o'},
					  {"model", required_argument, NULL, 'm'},
					  {"text", required_argument, NULL, 'p'},
					  {"prompts", required_argument, NULL, 'p'},
					  {"count", required_argument, NULL, 'n'},
					  {"threads", required_argument, NULL, 't'},
					  {"json", no_argument, NULL, 'j'},
					  {"f32", no_argument, NULL, 'f'},
					  {"f16", no_argument, NULL, OPT_F16},
					  {"cache", required_argument, NULL, OPT_CACHE},
					  {"system", required_argument, NULL, OPT_SYSTEM},
					  {"template", required_argument, NULL, OPT_TEMPLATE},
					  {"json-schema", required_argument, NULL, OPT_SCHEMA},
					  {"no-digits", no_argument, NULL, OPT_NO_DIGITS},
					  {"reference", required_argument, NULL, OPT_REFERENCE},
					  {"temperature", required_argument, NULL, OPT_TEMPERATURE},
					  {"top-k", required_argument, NULL, OPT_TOP_K},
					  {"top-p", required_argument, NULL, OPT_TOP_P},
					  {"min-p", required_argument, NULL, OPT_MIN_P},
					  {"repeat-penalty", required_argument, NULL, OPT_PENALTY},
					  {"seed", required_argument, NULL, OPT_SEED},
					  {"stop", required_argument, NULL, OPT_STOP},
					  {"log-probs", no_argument, NULL, OPT_LOG_PROBS},
					  {"chat", no_argument, NULL, OPT_CHAT},
					  {"context", required_argument, NULL, OPT_CONTEXT},
					  {0}};
	int option;

	/* the vocabulary for info, a list for logits */
	options[0].has_arg = strcmp(argv[0], "info") == 0 ? no_argument : required_argument;
	optind = 1;
	while ((option = getopt_long(argc, argv, "m:p:n:t:", options, NULL)) != -1)
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

int mw_lm_open_model(const struct lm_args *args, uint32_t threads, struct mw_lm **ret_model)
{
	const struct mw_lm_options options = {
	    .precision = args->precision, .kernels = args->kernels, .threads = threads};
	char why[512] = "";
	mw_lm_err err = mw_lm_open(args->path[0], &options, ret_model, why, sizeof(why));

	return err ? mw_lm_complain(err, args->path[0], why) : EX_OK;
}

const char *mw_lm_no_text(const struct mw_lm *model)
{
	const char *why = NULL;

	if (mw_lm_tokenizer_name(model, &why))
		return NULL;
	return why ? why : "the model is not one of text";
}

char *mw_lm_read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	char *text = file ? malloc(MAX_FILE + 1) : NULL;
	size_t size = text ? fread(text, 1, MAX_FILE + 1, file) : 0;
	bool good = text && !ferror(file) && size <= MAX_FILE;

	if (!good)
		(void)fprintf(stderr, "lm: %s: %s\n", path,
			      size > MAX_FILE ? "larger than 64 MiB" : strerror(errno));
	if (file)
		(void)fclose(file);
	if (!good) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	*ret_size = size;
	return text;
}

void mw_lm_print_text(const char *text)
{
	for (; *text; text++)
		(void)putchar((unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text);
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
	} actions[] = {{"info", mw_lm_info_command, 1},
		       {"bench", mw_lm_bench_command, 1},
		       {"logits", mw_lm_logits_command, 1},
		       {"run", mw_lm_run_command, 1},
		       {"perplexity", mw_lm_perplexity_command, 2},
		       {"quantize", lm_quantize, 2}};
	struct lm_args args = {
	    .rows = 9, .seconds = 2, .top = 10, .count = 64, .context = 512, .threads = {{1}, 1}};

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
