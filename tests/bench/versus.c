/*
 * versus.c -- one engine, measured from outside; the same program for ours and for its peers.
 *
 *     versus speed MODEL THREADS        tokens/s of one text: medians of the runs that fit a time
 *     versus batch MODEL THREADS        the same of 16 texts that grow side by side
 *     versus first MODEL THREADS        reads one token, chooses the next and ends: for start-up time
 *     versus greedy MODEL               prompts of token numbers, a line each, from the input; prints 64
 *                                       tokens that follow each
 *     versus logits MODEL FILE          the same prompts; writes float logits after every token
 *
 * VERSUS_ARITHMETIC=f32|f16 asks for weights and activations of that precision, VERSUS_ATTENTION=plain
 * for no flash attention, where an engine has the choice.  VERSUS_CLOCK=processor measures
 * the time that the process ran: for one thread on a machine that has other work.
 */
#include "tests/bench/versus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_RUNS  101u
#define CASE_S    0.3 /* time of a case */
#define MAX_TEXT  640u
#define N_GREEDY  64u
#define LINE_SIZE 16384u

static clockid_t clock_id = CLOCK_MONOTONIC;

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(clock_id, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* --- speed ------------------------------------------------------------------------------------ */

static uint32_t text[MAX_TEXT];

struct speed_case {
	const char *name;
	void (*prepare)(void); /* not timed */
	void (*run)(void);
	double tokens;
};

static void prefill_64(void)
{
	versus_prefill(text, 64);
}

static void prefill_512(void)
{
	versus_prefill(text, 512);
}

static void decode(void)
{
	for (size_t i = 0; i < 32; i++)
		versus_step(text + i, 1);
}

static void decode_16(void)
{
	for (size_t i = 0; i < 16; i++)
		versus_step(text + i, VERSUS_MAX_TEXTS);
}

static const struct speed_case cases[] = {
    {"prefill_64", versus_reset, prefill_64, 64},
    {"prefill_512", versus_reset, prefill_512, 512},
    {"decode", versus_reset, decode, 32},
};
static const struct speed_case batch_case = {"decode_16", versus_reset, decode_16,
					     16 * VERSUS_MAX_TEXTS};

/* Prints tokens/s: the median of the runs and the fastest, which a busy machine disturbs less. */
static void measure(const struct speed_case *c)
{
	double seconds[MAX_RUNS], begin = now_s();
	size_t n = 0;

	c->prepare();
	c->run();
	do {
		double start;

		c->prepare();
		start = now_s();
		c->run();
		seconds[n++] = now_s() - start;
	} while (n < MAX_RUNS && now_s() - begin < CASE_S);
	qsort(seconds, n, sizeof(seconds[0]), by_value);
	printf("%s %.1f %.1f\n", c->name, c->tokens / seconds[n / 2], c->tokens / seconds[0]);
	(void)fflush(stdout);
}

static void print_memory(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	printf("rss_mib %.1f\n", (double)usage.ru_maxrss / 1024);
}

static void report(const struct speed_case *c)
{
	for (uint32_t i = 0; i < MAX_TEXT; i++)
		text[i] = 3 + i * 2654435761u % (versus_vocabulary() - 3);
	measure(c);
}

static int speed(const struct versus_options *options)
{
	versus_open(options);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		report(&cases[i]);
	print_memory();
	return EXIT_SUCCESS;
}

static int batch(struct versus_options *options)
{
	options->n_texts = VERSUS_MAX_TEXTS;
	options->max_text = 32;
	versus_open(options);
	report(&batch_case);
	print_memory();
	return EXIT_SUCCESS;
}

/* --- texts ------------------------------------------------------------------------------------ */

static uint32_t best(const float *logits)
{
	uint32_t token = 0;

	for (uint32_t i = 1; i < versus_vocabulary(); i++)
		if (logits[i] > logits[token])
			token = i;
	return token;
}

static int first(const struct versus_options *options)
{
	const uint32_t token = 1;

	versus_open(options);
	versus_step(&token, 1);
	printf("token %u\n", best(versus_logits(0)));
	print_memory();
	return EXIT_SUCCESS;
}

/* The next prompt of the input; its length, 0 at the end. */
static size_t read_prompt(uint32_t *ret_tokens)
{
	static char line[LINE_SIZE];
	char *at = line, *end;
	size_t n = 0;

	if (!fgets(line, sizeof(line), stdin))
		return 0;
	while (n < MAX_TEXT - N_GREEDY) {
		unsigned long token = strtoul(at, &end, 10);

		if (end == at)
			break;
		if (token >= versus_vocabulary()) {
			(void)fprintf(stderr, "versus: no token %lu\n", token);
			exit(EXIT_FAILURE);
		}
		ret_tokens[n++] = (uint32_t)token;
		at = end;
	}
	return n;
}

static int greedy(const struct versus_options *options)
{
	size_t n;

	versus_open(options);
	while ((n = read_prompt(text)) > 0) {
		versus_reset();
		versus_prefill(text, n);
		for (size_t i = 0; i < N_GREEDY; i++) {
			uint32_t token = best(versus_logits(0));

			printf("%u ", token);
			versus_step(&token, 1);
		}
		printf("\n");
	}
	return EXIT_SUCCESS;
}

static int logits(const struct versus_options *options, const char *target)
{
	FILE *out = fopen(target, "wb");
	float *all;
	size_t n;

	versus_open(options);
	all = malloc(MAX_TEXT * versus_vocabulary() * sizeof(*all));
	while (out && all && (n = read_prompt(text)) > 0) {
		versus_reset();
		versus_all_logits(text, n, all);
		if (fwrite(all, versus_vocabulary() * sizeof(*all), n, out) != n)
			break;
	}
	free(all);
	if (!out || ferror(out) || fclose(out) != 0) {
		perror(target);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct versus_options options = {.threads = 1, .n_texts = 1, .max_text = MAX_TEXT};

	if (argc < 3) {
		(void)fprintf(stderr, "versus speed|batch|first|greedy|logits MODEL ...\n");
		return EXIT_FAILURE;
	}
	if (getenv("VERSUS_CLOCK") && strcmp(getenv("VERSUS_CLOCK"), "processor") == 0)
		clock_id = CLOCK_PROCESS_CPUTIME_ID;
	options.path = argv[2];
	options.arithmetic = getenv("VERSUS_ARITHMETIC");
	options.plain_attention = getenv("VERSUS_ATTENTION") != NULL;
	if (strcmp(argv[1], "greedy") == 0)
		return greedy(&options);
	if (strcmp(argv[1], "logits") == 0 && argc > 3)
		return logits(&options, argv[3]);
	options.threads = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1;
	if (strcmp(argv[1], "first") == 0)
		return first(&options);
	if (strcmp(argv[1], "batch") == 0)
		return batch(&options);
	return speed(&options);
}
