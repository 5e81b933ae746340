/* cmd_lm_run.c -- `millwright lm run`: a model of text continues one, by its likeliest token. */
#include "gateway/app/cmd_lm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct run {
	const struct mw_lm *model;
	struct mw_lm_session *session;
	uint32_t *prompt; /* [MW_LM_MAX_TOKENS(length of the text)] */
	size_t n_prompt;
	float *logits; /* [n_vocab] */
};

static mw_lm_err run_init(struct run *run, const struct lm_args *args)
{
	const struct mw_lm_info *info = mw_lm_info(run->model);
	size_t size = strlen(args->text), max = MW_LM_MAX_TOKENS(size);
	struct mw_lm_session_options options = {0};
	mw_lm_err err;

	run->prompt = malloc(max * sizeof(*run->prompt));
	run->logits = malloc(info->n_vocab * sizeof(*run->logits));
	if (!run->prompt || !run->logits)
		return MW_LM_E_MEMORY;
	err = mw_lm_encode(run->model, args->text, size, MW_LM_SPECIALS, run->prompt, max,
			   &run->n_prompt);
	if (err)
		return err;
	if (run->n_prompt == 0 || run->n_prompt >= info->n_context)
		return MW_LM_E_ARGUMENT;
	options.max_tail = info->n_context;
	if (run->n_prompt + (size_t)args->count < info->n_context)
		options.max_tail = (uint32_t)(run->n_prompt + (size_t)args->count);
	return mw_lm_session_new(run->model, &options, &run->session);
}

/* Of equals the first. */
static mw_lm_err find_best(const struct run *run, uint32_t *ret_token)
{
	uint32_t n = mw_lm_info(run->model)->n_vocab, best = 0;
	mw_lm_err err = mw_lm_logits(run->session, 0, n, run->logits);

	for (uint32_t i = 1; i < n && !err; i++)
		if (run->logits[i] > run->logits[best])
			best = i;
	*ret_token = best;
	return err;
}

static mw_lm_err print_token(const struct run *run, uint32_t token)
{
	size_t max = strlen(mw_lm_token_text(run->model, token)), size;
	char *bytes = malloc(max + 1);
	mw_lm_err err =
	    bytes ? mw_lm_decode(run->model, &token, 1, false, bytes, max, &size) : MW_LM_E_MEMORY;

	if (!err) {
		(void)fwrite(bytes, 1, size, stdout);
		(void)fflush(stdout);
	}
	free(bytes);
	return err;
}

/* Until the model ends its answer, or `count` tokens, or the context is full. */
static mw_lm_err run_answer(const struct run *run, long count)
{
	mw_lm_err err = mw_lm_prefill(run->session, run->prompt, run->n_prompt);
	uint32_t token;

	for (long i = 0; i < count && !err; i++) {
		err = find_best(run, &token);
		if (err || mw_lm_token_ends(run->model, token))
			break;
		err = print_token(run, token);
		if (err || i + 1 == count)
			break;
		err = mw_lm_step(run->session, token);
	}
	(void)putchar('\n');
	return err == MW_LM_E_FULL ? MW_LM_E_OK : err;
}

static int run_complain(const struct lm_args *args, mw_lm_err err)
{
	if (err == MW_LM_E_UNSUPPORTED)
		return mw_lm_complain(err, args->path[0],
				      "the model is not one of text, or its tokenizer is not "
				      "known");
	if (err != MW_LM_E_ARGUMENT)
		return mw_lm_complain(err, args->path[0], "");
	(void)fprintf(stderr, "lm: the text is empty or too long for the model\n");
	return EX_DATAERR;
}

int mw_lm_run_command(const struct lm_args *args)
{
	struct run run = {0};
	struct mw_lm *model = NULL;
	mw_lm_err err;
	int code;

	if (!args->text) {
		(void)fputs("lm: run needs a text: -p TEXT\n", stderr);
		return EX_USAGE;
	}
	code = mw_lm_open_model(args, &model);
	if (code)
		return code;
	run.model = model;
	err = run_init(&run, args);
	if (!err)
		err = run_answer(&run, args->count);
	if (err)
		code = run_complain(args, err);
	mw_lm_session_free(run.session);
	free(run.prompt);
	free(run.logits);
	mw_lm_close(model);
	return code;
}
