#include "gateway/app/text_model.h"

#include "gateway/app/text_model_impl.h"
#include "gateway/base/clock.h"
#include "gateway/base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TOKENS 96
#define ANSWER_TOKENS  96   /* kept free after a judge's question */
#define ODDS_MOST      30.0 /* bound of the log-odds */
#define WORD_TOKENS    TEXT_WORD_TOKENS

static const char *const verdict_word[4] = {"normal", "operation", "fault", "unknown"};

/* --- opening ---------------------------------------------------------------------------------- */

static mw_err complain(const struct mw_text_model_opts *opts, mw_err err, char *why,
		       size_t why_size, const char *what)
{
	return mw_why(err, why, why_size, "%s: %s: %s", opts->key, opts->path, what);
}

static mw_err too_large(const struct mw_text_model_opts *opts, char *why, size_t why_size)
{
	char limit[32];

	if (opts->memory == 0)
		return complain(opts, MW_E_NOMEM, why, why_size, "out of memory");
	return mw_why(MW_E_NOMEM, why, why_size, "%s: %s: needs more than model.memory = \"%s\"",
		      opts->key, opts->path, mw_size_format(opts->memory, limit, sizeof(limit)));
}

/* Can it be asked at all? */
static mw_err check(const struct mw_lm *lm, const struct mw_text_model_opts *opts, char *why,
		    size_t why_size)
{
	const struct mw_lm_info *info = mw_lm_info(lm);
	const char *reason = NULL;

	if (info->slots > 0)
		return complain(opts, MW_E_UNSUPPORTED, why, why_size,
				"reads windows, not text: only model.path takes such a model");
	if (!mw_lm_tokenizer_name(lm, &reason) || !mw_lm_chat_template(lm, &reason))
		return complain(opts, MW_E_UNSUPPORTED, why, why_size,
				reason ? reason : "no tokenizer");
	if (info->n_context < MW_TEXT_CONTEXT_LEAST)
		return mw_why(MW_E_UNSUPPORTED, why, why_size,
			      "%s: %s: reads %u tokens at once, a window needs %d", opts->key,
			      opts->path, info->n_context, MW_TEXT_CONTEXT_LEAST);
	return MW_E_OK;
}

/* As long as the model reads, or as the limit lets it. */
static mw_err make_session(struct mw_text_model *model, size_t memory)
{
	size_t weights = mw_lm_info(model->lm)->weight_bytes;
	uint32_t length = mw_lm_info(model->lm)->n_context;
	mw_lm_err err = MW_LM_E_MEMORY;

	if (memory > 0 && memory <= weights)
		return MW_E_NOMEM;
	if (length > MW_TEXT_CONTEXT_MOST)
		length = MW_TEXT_CONTEXT_MOST;
	for (; err == MW_LM_E_MEMORY && length >= MW_TEXT_CONTEXT_LEAST; length /= 2) {
		struct mw_lm_session_options options = {
		    .max_tail = length, .memory_limit = memory > 0 ? memory - weights : 0};

		err = mw_lm_session_new(model->lm, &options, &model->session);
		model->length = length;
	}
	return err == MW_LM_E_OK ? MW_E_OK : err == MW_LM_E_MEMORY ? MW_E_NOMEM : MW_E_INTERNAL;
}

/* A text's tokens without what the model puts before every text. */
static mw_err encode(const struct mw_text_model *model, const char *text, uint32_t *ret_tokens,
		     size_t max, size_t *ret_n)
{
	uint32_t none[4], all[WORD_TOKENS + 4];
	size_t n_none, n;

	if (mw_lm_encode(model->lm, "", 0, MW_LM_PLAIN, none, 4, &n_none) != MW_LM_E_OK ||
	    mw_lm_encode(model->lm, text, strlen(text), MW_LM_PLAIN, all, WORD_TOKENS + 4, &n) !=
		MW_LM_E_OK ||
	    n <= n_none || n - n_none > max)
		return MW_E_UNSUPPORTED;
	memcpy(ret_tokens, all + n_none, (n - n_none) * sizeof(*all));
	*ret_n = n - n_none;
	return MW_E_OK;
}

static bool shares_token(const struct mw_text_model *model, size_t at)
{
	for (size_t v = 0; v < 4; v++)
		if (at + 1 >= model->verdict[v].n ||
		    model->verdict[v].token[at] != model->verdict[0].token[at])
			return false;
	return true;
}

/* The verdicts' words part at one token: its probability is the verdict's. */
static mw_err encode_verdicts(struct mw_text_model *model)
{
	mw_err err = MW_E_OK;

	for (size_t v = 0; v < 4 && !err; v++)
		err = encode(model, verdict_word[v], model->verdict[v].token, WORD_TOKENS,
			     &model->verdict[v].n);
	while (!err && shares_token(model, model->common))
		model->common++;
	for (size_t v = 0; v < 4 && !err; v++)
		for (size_t w = 0; w < v; w++)
			if (model->verdict[v].token[model->common] ==
			    model->verdict[w].token[model->common])
				err = MW_E_UNSUPPORTED;
	return err;
}

static mw_err prepare(struct mw_text_model *model, const struct mw_text_model_opts *opts, char *why,
		      size_t why_size)
{
	mw_err err = make_session(model, opts->memory);

	if (err)
		return too_large(opts, why, why_size);
	model->token = calloc(model->length, sizeof(*model->token));
	model->question = malloc(MW_TEXT_PROMPT_SIZE);
	if (!model->token || !model->question)
		return complain(opts, MW_E_NOMEM, why, why_size, "out of memory");
	if (encode_verdicts(model) != MW_E_OK)
		return complain(opts, MW_E_UNSUPPORTED, why, why_size,
				"its tokenizer does not tell the verdicts' words apart");
	return MW_E_OK;
}

mw_err mw_text_model_take(struct mw_lm *lm, const struct mw_text_model_opts *opts, char *why,
			  size_t why_size, struct mw_text_model **ret_model)
{
	struct mw_text_model *model;
	mw_err err = check(lm, opts, why, why_size);

	if (err)
		return err;
	model = calloc(1, sizeof(*model));
	if (!model)
		return complain(opts, MW_E_NOMEM, why, why_size, "out of memory");
	model->lm = lm;
	model->budget_ns = opts->budget_ns;
	model->max_tokens = opts->max_tokens ? opts->max_tokens : DEFAULT_TOKENS;
	(void)snprintf(model->name, sizeof(model->name), "%s",
		       mw_lm_info(lm)->name[0] ? mw_lm_info(lm)->name : "unnamed");
	err = prepare(model, opts, why, why_size);
	if (err) {
		model->lm = NULL; /* the caller's still */
		mw_text_model_free(model);
		return err;
	}
	*ret_model = model;
	return MW_E_OK;
}

mw_err mw_text_model_open(const struct mw_text_model_opts *opts, char *why, size_t why_size,
			  struct mw_text_model **ret_model)
{
	struct mw_lm_options options = {.kernels = opts->kernels && opts->kernels[0] ? opts->kernels
										     : NULL,
					.memory_limit = opts->memory,
					.threads = opts->threads};
	struct mw_lm *lm = NULL;
	char text[256] = "";
	mw_lm_err lm_err = mw_lm_open(opts->path, &options, &lm, text, sizeof(text));
	mw_err err;

	if (lm_err == MW_LM_E_MEMORY)
		return too_large(opts, why, why_size);
	if (lm_err)
		return complain(opts, lm_err == MW_LM_E_IO ? MW_E_IO : MW_E_MALFORMED, why,
				why_size, text[0] ? text : mw_lm_err_text(lm_err));
	err = mw_text_model_take(lm, opts, why, why_size, ret_model);
	if (err)
		mw_lm_close(lm);
	return err;
}

void mw_text_model_free(struct mw_text_model *model)
{
	if (!model)
		return;
	mw_lm_session_free(model->session);
	mw_lm_close(model->lm);
	free(model->token);
	free(model->question);
	free(model);
}

const char *mw_text_model_name(const struct mw_text_model *model)
{
	return model->name;
}

void mw_text_model_stats(const struct mw_text_model *model, struct mw_text_model_stats *ret_stats)
{
	*ret_stats = model->stats;
}

/* --- asking ----------------------------------------------------------------------------------- */

mw_err text_model_encode(struct mw_text_model *model, const char *system, size_t room,
			 size_t *ret_n)
{
	const struct mw_lm_message messages[] = {{MW_LM_SYSTEM, system},
						 {MW_LM_USER, model->question}};

	switch (mw_lm_chat_encode(model->lm, NULL, messages, 2, model->token, room, ret_n)) {
	case MW_LM_E_OK:
		return MW_E_OK;
	case MW_LM_E_FULL:
	case MW_LM_E_ARGUMENT:
		return MW_E_FULL;
	default:
		return MW_E_INTERNAL;
	}
}

mw_err text_model_read(struct mw_text_model *model, const uint32_t *token, size_t n)
{
	model->stats.tokens += n;
	return n == 0 || mw_lm_prefill(model->session, token, n) == MW_LM_E_OK ? MW_E_OK
									       : MW_E_INTERNAL;
}

/* --- judging ---------------------------------------------------------------------------------- */

static mw_err ask_judge(struct mw_text_model *model, const struct mw_text_view *view)
{
	struct mw_text_view shown = *view;
	size_t room = model->length - ANSWER_TOKENS, n = 0;
	mw_err err;

	do {
		(void)mw_text_judge_question(&shown, model->question, MW_TEXT_PROMPT_SIZE);
		err = text_model_encode(model, mw_text_judge_system(), room, &n);
	} while (err == MW_E_FULL && mw_text_view_shrink(&shown, 1));
	if (err)
		return err;
	mw_lm_session_reset(model->session);
	err = text_model_read(model, model->token, n);
	return err ? err : text_model_read(model, model->verdict[0].token, model->common);
}

/* The log-odds that something is wrong, by logits: probabilities may be too near 0 and 1. */
static float odds(const float logit[4])
{
	double wrong = fmax((double)logit[MW_VERDICT_FAULT], (double)logit[MW_VERDICT_UNKNOWN]);
	double well = fmax((double)logit[MW_VERDICT_NORMAL], (double)logit[MW_VERDICT_OPERATION]);
	double other_wrong =
	    fmin((double)logit[MW_VERDICT_FAULT], (double)logit[MW_VERDICT_UNKNOWN]);
	double other_well =
	    fmin((double)logit[MW_VERDICT_NORMAL], (double)logit[MW_VERDICT_OPERATION]);

	wrong += log1p(exp(other_wrong - wrong));
	well += log1p(exp(other_well - well));
	return (float)fmin(fmax(wrong - well, -ODDS_MOST), ODDS_MOST);
}

mw_err mw_text_model_judge(struct mw_text_model *model, const struct mw_text_view *view,
			   struct mw_reading *ret_reading)
{
	int64_t start = mw_clock_mono_ns();
	struct mw_reading reading = {.n_rows = 1};
	mw_err err = ask_judge(model, view);

	for (size_t v = 0; v < 4 && !err; v++)
		if (mw_lm_logits(model->session, model->verdict[v].token[model->common], 1,
				 &reading.verdict_probability[v]) != MW_LM_E_OK)
			err = MW_E_INTERNAL;
	model->stats.busy_ns += mw_clock_mono_ns() - start;
	if (err)
		return err;
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++)
		reading.patch_logit[0][p] = odds(reading.verdict_probability);
	mw_answer_verdicts(reading.verdict_probability);
	reading.hidden = mw_lm_hidden(model->session);
	reading.n_hidden = mw_lm_info(model->lm)->n_embd;
	model->stats.windows++;
	*ret_reading = reading;
	return MW_E_OK;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* {"fault":...,"channels":[...]} with what the limits admit. */
static void answer_schema(enum mw_verdict verdict, const struct mw_answer_limits *limits,
			  char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "{\"properties\":{\"fault\":{\"enum\":[");
	unsigned channels = 0;

	for (int f = 0, k = 0; f < MW_N_FAULT; f++)
		if (mw_answer_fits(verdict, (enum mw_fault)f))
			n += (size_t)snprintf(text + n, size - n, "%s\"%s\"", k++ ? "," : "",
					      mw_fault_code((enum mw_fault)f));
	n += (size_t)snprintf(text + n, size - n, "]},\"channels\":{\"items\":{\"enum\":[");
	for (uint32_t c = 0; c < limits->n_channel_rows && c < MW_PROMPT_MAX_CHANNELS; c++)
		if (limits->channel_mask >> c & 1)
			n += (size_t)snprintf(text + n, size - n, "%s\"c%u\"",
					      channels++ ? "," : "", c + 1);
	(void)snprintf(
	    text + n, size - n,
	    "%s]},\"minItems\":%d,\"maxItems\":%u}},\"required\":[\"fault\",\"channels\"]}",
	    channels ? "" : "\"c0\"", channels ? 1 : 0,
	    channels < MW_ANSWER_CHANNELS ? channels : MW_ANSWER_CHANNELS);
}

/* What is written, and how likely its first part -- the fault -- was. */
struct written {
	char text[1024];
	size_t size;
	double fault_log_prob;
};

static bool take_piece(void *context, const struct mw_lm_piece *piece)
{
	struct written *written = context;

	if (!strstr(written->text, "\"channels\"") && piece->token != MW_LM_NO_TOKEN)
		written->fault_log_prob += (double)piece->log_prob;
	if (written->size + piece->size >= sizeof(written->text))
		return false;
	memcpy(written->text + written->size, piece->text, piece->size);
	written->size += piece->size;
	written->text[written->size] = '\0';
	return true;
}

static mw_err write_answer(struct mw_text_model *model, const char *schema_text,
			   struct written *ret_written)
{
	struct mw_lm_schema *schema = NULL;
	struct mw_lm_writer *writer = NULL;
	struct mw_lm_answer answer = {0};
	mw_lm_err err =
	    mw_lm_schema_new(model->lm, schema_text, strlen(schema_text), NULL, &schema, NULL, 0);

	if (!err) {
		const struct mw_lm_writer_options options = {
		    .schema = schema, .on_piece = take_piece, .context = ret_written};

		err = mw_lm_writer_new(model->lm, &options, &writer);
	}
	if (!err)
		err = mw_lm_write(writer, model->session, NULL, 0, ANSWER_TOKENS, &answer);
	model->stats.tokens += answer.n_tokens;
	mw_lm_writer_free(writer);
	mw_lm_schema_free(schema);
	if (err)
		return err == MW_LM_E_FULL ? MW_E_FULL : MW_E_INTERNAL;
	return answer.ended == MW_LM_ENDED_BY_SCHEMA ? MW_E_OK : MW_E_FULL;
}

/* The schema's own JSON: no blanks, codes without escapes. */
static mw_err parse_answer(const struct written *written, enum mw_verdict verdict,
			   struct mw_answer *ret_answer)
{
	struct mw_answer answer = {.verdict = verdict, .severity = 1, .onset_patch = -2};
	char code[64] = "";
	const char *at = strstr(written->text, "\"channels\"");
	int fault;

	if (!at || sscanf(written->text, "{\"fault\":\"%63[a-z_]\"", code) != 1 ||
	    (fault = mw_fault_from_code(code)) < 0)
		return MW_E_INTERNAL;
	answer.fault = (enum mw_fault)fault;
	answer.fault_probability = exp(written->fault_log_prob);
	while ((at = strstr(at, "\"c")) != NULL) {
		unsigned long row = strtoul(at + 2, NULL, 10);

		at += 2;
		if (row >= 1 && row <= MW_PROMPT_MAX_CHANNELS &&
		    !memchr(answer.channel_row, (int)row, answer.n_channel) &&
		    answer.n_channel < MW_ANSWER_CHANNELS)
			answer.channel_row[answer.n_channel++] = (uint8_t)row;
	}
	*ret_answer = answer;
	return MW_E_OK;
}

mw_err mw_text_model_answer(struct mw_text_model *model, const struct mw_answer_limits *limits,
			    struct mw_answer *ret_answer)
{
	int64_t start = mw_clock_mono_ns();
	struct written written = {0};
	char schema[2048];
	uint32_t line[WORD_TOKENS];
	size_t v = 0, n_line = 0;
	mw_err err;

	while (v < 3 && !limits->verdict[v])
		v++;
	answer_schema((enum mw_verdict)v, limits, schema, sizeof(schema));
	err = text_model_read(model, model->verdict[v].token + model->common,
			      model->verdict[v].n - model->common);
	if (!err)
		err = encode(model, "\n", line, WORD_TOKENS, &n_line);
	if (!err)
		err = text_model_read(model, line, n_line);
	if (!err)
		err = write_answer(model, schema, &written);
	if (!err)
		err = parse_answer(&written, (enum mw_verdict)v, ret_answer);
	model->stats.busy_ns += mw_clock_mono_ns() - start;
	return err;
}
