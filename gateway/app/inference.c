#include "gateway/app/inference.h"

#include "gateway/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MODEL "none"

struct mw_inference {
	struct mw_lm *model; /* of windows; NULL: there is none */
	struct mw_text_model *text;
	struct mw_lm_session *session[MW_INFERENCE_BATCH];
	char name[64];
	char kernels[16]; /* of a model of text */
	struct mw_inference_stats stats;
};

static void name_model(struct mw_inference *inference, const struct mw_lm *model)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	const char *hash = mw_lm_metadata(model, "millwright.weights_hash");

	(void)snprintf(inference->name, sizeof(inference->name), "%.40s%s%.16s",
		       info->name[0] ? info->name : "unnamed", hash ? " " : "", hash ? hash : "");
}

static mw_err open_file(const struct mw_inference_opts *opts, char *why, size_t why_size,
			struct mw_lm **ret_model)
{
	struct mw_lm_options options = {.kernels = opts->kernels && opts->kernels[0] ? opts->kernels
										     : NULL};
	char text[256] = "";
	mw_lm_err err = mw_lm_open(opts->path, &options, ret_model, text, sizeof(text));

	if (!err)
		return MW_E_OK;
	return mw_why(err == MW_LM_E_IO       ? MW_E_IO
		      : err == MW_LM_E_MEMORY ? MW_E_NOMEM
					      : MW_E_MALFORMED,
		      why, why_size, "model %s: %s", opts->path,
		      text[0] ? text : mw_lm_err_text(err));
}

/* Hands a model of text over to who asks in text. */
static mw_err open_model(struct mw_inference *inference, const struct mw_inference_opts *opts,
			 char *why, size_t why_size)
{
	const struct mw_text_model_opts as_text = {
	    .path = opts->path, .key = "model.path", .memory = opts->memory};
	char text[256] = "";
	mw_err err = open_file(opts, why, why_size, &inference->model);

	if (err)
		return err;
	name_model(inference, inference->model);
	if (mw_lm_info(inference->model)->slots > 0) {
		if (mw_answer_check_model(inference->model, text, sizeof(text)) == MW_E_OK)
			return MW_E_OK;
		return mw_why(MW_E_MALFORMED, why, why_size, "model %s: %s", opts->path, text);
	}
	(void)snprintf(inference->kernels, sizeof(inference->kernels), "%s",
		       mw_lm_info(inference->model)->kernels);
	err = mw_text_model_take(inference->model, &as_text, why, why_size, &inference->text);
	if (!err)
		inference->model = NULL;
	return err;
}

static mw_err make_sessions(struct mw_inference *inference)
{
	struct mw_lm_session_options options = {.max_rows = MW_PROMPT_MAX_ROWS,
						.max_tail = 1 + MW_ANSWER_MOST_TOKENS +
							    MW_WORDS_TOLD + MW_WORDS_MOST};

	for (size_t i = 0; i < MW_INFERENCE_BATCH && inference->model; i++)
		if (mw_lm_session_new(inference->model, &options, &inference->session[i]) !=
		    MW_LM_E_OK)
			return MW_E_NOMEM;
	return MW_E_OK;
}

mw_err mw_inference_new(const struct mw_inference_opts *opts, char *why, size_t why_size,
			struct mw_inference **ret_reader)
{
	struct mw_inference *inference = calloc(1, sizeof(*inference));
	mw_err err;

	if (!inference)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	if (strcmp(opts->path, NO_MODEL) == 0) {
		(void)snprintf(inference->name, sizeof(inference->name), "%s", NO_MODEL);
		*ret_reader = inference;
		return MW_E_OK;
	}
	err = open_model(inference, opts, why, why_size);
	if (!err && (err = make_sessions(inference)))
		(void)mw_why(err, why, why_size, "out of memory for the model's sessions");
	if (err) {
		mw_inference_free(inference);
		return err;
	}
	*ret_reader = inference;
	return MW_E_OK;
}

void mw_inference_free(struct mw_inference *inference)
{
	if (!inference)
		return;
	for (size_t i = 0; i < MW_INFERENCE_BATCH; i++)
		mw_lm_session_free(inference->session[i]);
	mw_lm_close(inference->model);
	mw_text_model_free(inference->text);
	free(inference);
}

const struct mw_lm *mw_inference_model(const struct mw_inference *inference)
{
	return inference->model;
}

const char *mw_inference_kernels(const struct mw_inference *inference)
{
	if (inference->model)
		return mw_lm_info(inference->model)->kernels;
	return inference->text ? inference->kernels : NO_MODEL;
}

struct mw_text_model *mw_inference_text(const struct mw_inference *inference)
{
	return inference->text;
}

const char *mw_inference_name(const struct mw_inference *inference)
{
	return inference->name;
}

static mw_err read_verdict(struct mw_inference *inference, size_t i, struct mw_reading *ret)
{
	mw_lm_err err =
	    mw_lm_logits(inference->session[i], MW_CODE_VERDICT, 4, ret->verdict_probability);

	if (err)
		return MW_E_INTERNAL;
	mw_answer_verdicts(ret->verdict_probability);
	ret->hidden = mw_lm_hidden(inference->session[i]);
	ret->n_hidden = mw_lm_info(inference->model)->n_embd;
	return MW_E_OK;
}

mw_err mw_inference_read(struct mw_inference *inference, const struct mw_prompt *const *prompt,
			 size_t n, struct mw_reading *ret_reading)
{
	struct mw_lm_window window[MW_INFERENCE_BATCH];
	int64_t start = mw_clock_mono_ns();
	mw_err err = MW_E_OK;

	if (n > MW_INFERENCE_BATCH)
		return MW_E_INVAL;
	if (!inference->model) {
		memset(ret_reading, 0, n * sizeof(*ret_reading));
		inference->stats.windows += n;
		return MW_E_OK;
	}
	for (size_t i = 0; i < n; i++) {
		window[i] =
		    (struct mw_lm_window){.session = inference->session[i],
					  .codes = prompt[i]->code,
					  .n_rows = prompt[i]->n_rows,
					  .question = prompt[i]->question,
					  .ret_patch_logits = ret_reading[i].patch_logit[0]};
		ret_reading[i].n_rows = prompt[i]->n_rows;
		inference->stats.positions += prompt[i]->n_rows * MW_PROMPT_ROW_LEN + 1;
	}
	if (mw_lm_read_batch(window, n) != MW_LM_E_OK)
		return MW_E_INTERNAL;
	for (size_t i = 0; i < n && !err; i++)
		err = read_verdict(inference, i, &ret_reading[i]);
	inference->stats.windows += n;
	inference->stats.busy_ns += mw_clock_mono_ns() - start;
	return err;
}

mw_err mw_inference_answer(struct mw_inference *inference, size_t slot,
			   const struct mw_answer_limits *limits, struct mw_answer *ret_answer)
{
	int64_t start = mw_clock_mono_ns();
	mw_err err;

	if (!inference->model)
		return MW_E_UNSUPPORTED;
	err = mw_answer_decode(inference->session[slot], inference->model, limits, ret_answer);

	inference->stats.busy_ns += mw_clock_mono_ns() - start;
	if (err)
		return err;
	inference->stats.answers++;
	return MW_E_OK;
}

mw_err mw_inference_words(struct mw_inference *inference, size_t slot,
			  const struct mw_answer *answer, const struct mw_words_limits *limits,
			  uint64_t seed, struct mw_words *ret_words)
{
	int64_t start = mw_clock_mono_ns();
	mw_err err;

	if (!inference->model)
		return MW_E_UNSUPPORTED;
	err = mw_words_decode(inference->session[slot], inference->model, answer, limits, seed,
			      ret_words);
	inference->stats.busy_ns += mw_clock_mono_ns() - start;
	if (!err)
		inference->stats.words += ret_words->n;
	return err;
}

void mw_inference_stats(const struct mw_inference *inference, struct mw_inference_stats *ret_stats)
{
	struct mw_text_model_stats text;

	*ret_stats = inference->stats;
	if (!inference->text)
		return;
	mw_text_model_stats(inference->text, &text);
	ret_stats->windows = text.windows;
	ret_stats->positions = text.tokens;
	ret_stats->busy_ns = text.busy_ns;
}
