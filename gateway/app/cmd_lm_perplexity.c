/* cmd_lm_perplexity.c -- `millwright lm perplexity`: how well a model foresees a text.
 *
 * The text is cut into chunks of `context` tokens, each read on its own (after the beginning token,
 * where the model wants one); the tokens of a chunk's second half are scored, as each has at least
 * half the context before it.  A text of one chunk or less is scored from its second token on. */
#include "gateway/app/cmd_lm.h"
#include "gateway/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define SESSIONS 16        /* chunks that are read side by side */
#define PORTION  (1 << 19) /* bytes of text that are encoded at once */

struct perplexity {
	const struct lm_args *args;
	struct mw_lm *model;
	struct mw_lm_session *session[SESSIONS];
	uint32_t *tokens;
	size_t n_tokens, room;
	uint32_t context;
	float *logits; /* [SESSIONS][n_vocab] */
	float *each[SESSIONS];
	double sum, squares; /* of -log p */
	size_t n;
	double seconds;
};

/* Bytes of a portion: up to the last line's end in it. */
static size_t portion(const char *text, size_t size)
{
	size_t n = size < PORTION ? size : PORTION;

	if (n == size)
		return n;
	while (n > 0 && text[n - 1] != '\n')
		n--;
	return n > 0 ? n : PORTION;
}

static mw_lm_err encode(struct perplexity *run, const char *text, size_t size)
{
	uint32_t first;
	size_t n;
	mw_lm_err err;

	err = mw_lm_encode(run->model, "", 0, MW_LM_PLAIN, &first, 1, &n);
	if (err)
		return err;
	for (size_t skip = n; size > 0;) {
		size_t part = portion(text, size), max = MW_LM_MAX_TOKENS(part);
		uint32_t *tokens = realloc(run->tokens, (run->n_tokens + max) * sizeof(*tokens));

		if (!tokens)
			return MW_LM_E_MEMORY;
		run->tokens = tokens;
		err = mw_lm_encode(run->model, text, part, MW_LM_PLAIN, tokens + run->n_tokens, max,
				   &n);
		if (err)
			return err;
		/* later portions begin no text */
		if (run->n_tokens > 0) {
			n -= skip;
			for (size_t i = 0; i < n; i++)
				tokens[run->n_tokens + i] = tokens[run->n_tokens + i + skip];
		}
		run->n_tokens += n;
		text += part;
		size -= part;
	}
	return MW_LM_E_OK;
}

static void score(struct perplexity *run, const float *logits, uint32_t token)
{
	uint32_t n = mw_lm_info(run->model)->n_vocab;
	double sum = 1, loss; /* the likeliest one's own part */
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		best = logits[i] > logits[best] ? i : best;
	for (uint32_t i = 0; i < n; i++)
		if (i != best)
			sum += exp((double)(logits[i] - logits[best]));
	loss = log(sum) - (double)(logits[token] - logits[best]);
	run->sum += loss;
	run->squares += loss * loss;
	run->n++;
}

/* Chunks first .. first + n - 1, token by token side by side. */
static mw_lm_err read_chunks(struct perplexity *run, size_t first, size_t n, uint32_t length,
			     uint32_t score_from)
{
	uint32_t tokens[SESSIONS];
	mw_lm_err err = MW_LM_E_OK;

	for (size_t k = 0; k < n; k++)
		mw_lm_session_reset(run->session[k]);
	for (uint32_t i = 0; i + 1 < length && !err; i++) {
		for (size_t k = 0; k < n; k++)
			tokens[k] = run->tokens[(first + k) * run->context + i];
		err = mw_lm_step_batch(run->session, tokens, n);
		if (i + 1 < score_from || err)
			continue;
		err = mw_lm_logits_batch(run->session, n, run->each);
		for (size_t k = 0; k < n && !err; k++)
			score(run, run->each[k], run->tokens[(first + k) * run->context + i + 1]);
	}
	return err;
}

static mw_lm_err read_all(struct perplexity *run)
{
	size_t chunks = run->n_tokens / run->context;
	int64_t start = mw_clock_mono_ns();
	mw_lm_err err = MW_LM_E_OK;

	if (chunks < 2) {
		uint32_t length =
		    run->n_tokens < run->context ? (uint32_t)run->n_tokens : run->context;

		err = read_chunks(run, 0, 1, length, 1);
		chunks = 0;
	}
	for (size_t i = 0; i < chunks && !err; i += SESSIONS) {
		size_t n = chunks - i < SESSIONS ? chunks - i : SESSIONS;

		err = read_chunks(run, i, n, run->context, run->context / 2);
		if (isatty(STDERR_FILENO))
			(void)fprintf(stderr, "\r%zu of %zu chunks: %.4f ", i + n, chunks,
				      exp(run->sum / (double)run->n));
	}
	if (chunks > 0 && isatty(STDERR_FILENO))
		(void)fputc('\n', stderr);
	run->seconds = (double)(mw_clock_mono_ns() - start) * 1e-9;
	return err;
}

static mw_lm_err prepare(struct perplexity *run, const char *text, size_t size)
{
	const struct mw_lm_info *info = mw_lm_info(run->model);
	struct mw_lm_session_options options = {.pass = SESSIONS, .cache = run->args->cache};
	mw_lm_err err = encode(run, text, size);

	run->context = (uint32_t)run->args->context;
	if (run->context > info->n_context)
		run->context = info->n_context;
	options.max_tail = run->context;
	run->logits = calloc((size_t)info->n_vocab * SESSIONS, sizeof(*run->logits));
	if (!err && !run->logits)
		err = MW_LM_E_MEMORY;
	for (size_t i = 0; i < SESSIONS && !err; i++)
		run->each[i] = run->logits + i * info->n_vocab;
	for (size_t i = 0; i < SESSIONS && !err; i++)
		err = mw_lm_session_new(run->model, &options, &run->session[i]);
	return err;
}

static int print(const struct perplexity *run)
{
	double n = (double)run->n, mean = run->sum / n;
	double spread = run->squares / n - mean * mean;
	double error = n > 1 && spread > 0 ? exp(mean) * sqrt(spread / (n - 1)) : 0;
	struct mw_json *object;

	if (!run->args->json) {
		printf("perplexity %.4f +- %.4f over %zu of %zu tokens, contexts of %u, %.1f "
		       "tokens/s\n",
		       exp(mean), error, run->n, run->n_tokens, run->context,
		       (double)run->n_tokens / run->seconds);
		return EX_OK;
	}
	object = mw_json_object();
	mw_json_number(object, "perplexity", exp(mean));
	mw_json_number(object, "standard_error", error);
	mw_json_integer(object, "n_scored", (int64_t)run->n);
	mw_json_integer(object, "n_tokens", (int64_t)run->n_tokens);
	mw_json_integer(object, "context", run->context);
	return mw_lm_print_json(object);
}

static int perplexity_run(struct perplexity *run, const char *text, size_t size)
{
	const char *why = mw_lm_no_text(run->model);
	mw_lm_err err;

	if (why)
		return mw_lm_complain(MW_LM_E_UNSUPPORTED, run->args->path[0], why);
	err = prepare(run, text, size);
	if (!err && run->n_tokens < 2) {
		(void)fprintf(stderr, "lm: %s: less than two tokens\n", run->args->path[1]);
		return EX_DATAERR;
	}
	if (!err)
		err = read_all(run);
	return err ? mw_lm_complain(err, run->args->path[0], "") : print(run);
}

int mw_lm_perplexity_command(const struct lm_args *args)
{
	struct perplexity run = {.args = args};
	size_t size = 0;
	char *text;
	int code = mw_lm_open_model(args, args->threads.number[0], &run.model);

	if (code)
		return code;
	text = mw_lm_read_file(args->path[1], &size);
	code = text ? perplexity_run(&run, text, size) : EX_NOINPUT;
	for (size_t i = 0; i < SESSIONS; i++)
		mw_lm_session_free(run.session[i]);
	free(text);
	free(run.tokens);
	free(run.logits);
	mw_lm_close(run.model);
	return code;
}
