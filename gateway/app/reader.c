#include "gateway/app/reader.h"

#include "gateway/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mw_reader {
	struct mw_lm *model;
	struct mw_lm_session *session[MW_READER_BATCH];
	char name[64];
	struct mw_reader_stats stats;
};

static void name_model(struct mw_reader *reader)
{
	const struct mw_lm_info *info = mw_lm_info(reader->model);
	const char *hash = mw_lm_metadata(reader->model, "millwright.weights_hash");

	(void)snprintf(reader->name, sizeof(reader->name), "%.40s%s%.16s",
		       info->name[0] ? info->name : "unnamed", hash ? " " : "", hash ? hash : "");
}

static mw_err open_model(struct mw_reader *reader, const char *path, const char *kernels, char *why,
			 size_t why_size)
{
	struct mw_lm_options options = {.kernels = kernels && kernels[0] ? kernels : NULL};
	mw_lm_err err = mw_lm_open(path, &options, &reader->model, why, why_size);

	if (err == MW_LM_E_IO)
		return MW_E_IO;
	if (err == MW_LM_E_MEMORY)
		return MW_E_NOMEM;
	if (err)
		return MW_E_MALFORMED;
	return mw_answer_check_model(reader->model, why, why_size);
}

static mw_err make_sessions(struct mw_reader *reader)
{
	struct mw_lm_session_options options = {.max_rows = MW_PROMPT_MAX_ROWS,
						.max_tail = 1 + MW_ANSWER_MAX_TOKENS};

	for (size_t i = 0; i < MW_READER_BATCH; i++)
		if (mw_lm_session_new(reader->model, &options, &reader->session[i]) != MW_LM_E_OK)
			return MW_E_NOMEM;
	return MW_E_OK;
}

mw_err mw_reader_new(const char *path, const char *kernels, char *why, size_t why_size,
		     struct mw_reader **ret_reader)
{
	struct mw_reader *reader = calloc(1, sizeof(*reader));
	mw_err err;

	if (!reader)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	err = open_model(reader, path, kernels, why, why_size);
	if (!err && (err = make_sessions(reader)))
		(void)mw_why(err, why, why_size, "out of memory for the model's sessions");
	if (err) {
		mw_reader_free(reader);
		return err;
	}
	name_model(reader);
	*ret_reader = reader;
	return MW_E_OK;
}

void mw_reader_free(struct mw_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < MW_READER_BATCH; i++)
		mw_lm_session_free(reader->session[i]);
	mw_lm_close(reader->model);
	free(reader);
}

const struct mw_lm *mw_reader_model(const struct mw_reader *reader)
{
	return reader->model;
}

const char *mw_reader_name(const struct mw_reader *reader)
{
	return reader->name;
}

static void softmax(float *value, size_t n)
{
	float top = value[0];
	float sum = 0;

	for (size_t i = 1; i < n; i++)
		top = fmaxf(top, value[i]);
	for (size_t i = 0; i < n; i++)
		sum += value[i] = expf(value[i] - top);
	for (size_t i = 0; i < n; i++)
		value[i] /= sum;
}

static mw_err read_verdict(struct mw_reader *reader, size_t i, struct mw_reading *ret)
{
	mw_lm_err err =
		mw_lm_logits(reader->session[i], MW_CODE_VERDICT, 4, ret->verdict_probability);

	if (err)
		return MW_E_INTERNAL;
	softmax(ret->verdict_probability, 4);
	return MW_E_OK;
}

mw_err mw_reader_read(struct mw_reader *reader, const struct mw_prompt *const *prompt, size_t n,
		      struct mw_reading *ret_reading)
{
	struct mw_lm_window window[MW_READER_BATCH];
	int64_t start = mw_clock_mono_ns();
	mw_err err = MW_E_OK;

	if (n > MW_READER_BATCH)
		return MW_E_INVAL;
	for (size_t i = 0; i < n; i++) {
		window[i] = (struct mw_lm_window){.session = reader->session[i],
						  .codes = prompt[i]->code,
						  .n_rows = prompt[i]->n_rows,
						  .question = prompt[i]->question,
						  .ret_patch_logits =
							  ret_reading[i].patch_logit[0]};
		ret_reading[i].n_rows = prompt[i]->n_rows;
		reader->stats.positions += prompt[i]->n_rows * MW_PROMPT_ROW_LEN + 1;
	}
	if (mw_lm_read_batch(window, n) != MW_LM_E_OK)
		return MW_E_INTERNAL;
	for (size_t i = 0; i < n && !err; i++)
		err = read_verdict(reader, i, &ret_reading[i]);
	reader->stats.windows += n;
	reader->stats.busy_ns += mw_clock_mono_ns() - start;
	return err;
}

void mw_reader_stats(const struct mw_reader *reader, struct mw_reader_stats *ret_stats)
{
	*ret_stats = reader->stats;
}
