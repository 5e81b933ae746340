/* versus.h by this engine. */
#include "tests/bench/versus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/millwright_lm.h"

static struct mw_lm *model;
static struct mw_lm_session *sessions[VERSUS_MAX_TEXTS];
static size_t n_sessions;
static float *logits[VERSUS_MAX_TEXTS];

static void must(mw_lm_err err, const char *what)
{
	if (err == MW_LM_E_OK)
		return;
	(void)fprintf(stderr, "versus: %s: %s\n", what, mw_lm_err_text(err));
	exit(EXIT_FAILURE);
}

void versus_open(const struct versus_options *options)
{
	const char *name = options->arithmetic ? options->arithmetic : "int8";
	const struct mw_lm_options how = {.precision = strcmp(name, "f32") == 0   ? MW_LM_F32
						       : strcmp(name, "f16") == 0 ? MW_LM_F16
										  : MW_LM_INT8,
					  .threads = options->threads};
	const struct mw_lm_session_options size = {.max_tail = options->max_text};
	char why[256] = "no memory";

	must(mw_lm_open(options->path, &how, &model, why, sizeof(why)), why);
	n_sessions = options->n_texts;
	for (size_t i = 0; i < n_sessions; i++) {
		must(mw_lm_session_new(model, &size, &sessions[i]), "session");
		logits[i] = malloc(versus_vocabulary() * sizeof(**logits));
		must(logits[i] ? MW_LM_E_OK : MW_LM_E_MEMORY, "logits");
	}
}

uint32_t versus_vocabulary(void)
{
	return mw_lm_info(model)->n_vocab;
}

void versus_reset(void)
{
	for (size_t i = 0; i < n_sessions; i++)
		mw_lm_session_reset(sessions[i]);
}

void versus_prefill(const uint32_t *tokens, size_t n)
{
	must(mw_lm_prefill(sessions[0], tokens, n), "prefill");
	must(mw_lm_logits(sessions[0], 0, versus_vocabulary(), logits[0]), "logits");
}

void versus_step(const uint32_t *tokens, size_t n)
{
	must(mw_lm_step_batch(sessions, tokens, n), "step");
	must(mw_lm_logits_batch(sessions, n, logits), "logits");
}

const float *versus_logits(size_t text)
{
	return logits[text];
}

void versus_all_logits(const uint32_t *tokens, size_t n, float *ret_logits)
{
	for (size_t i = 0; i < n; i++) {
		must(mw_lm_step(sessions[0], tokens[i]), "step");
		must(mw_lm_logits(sessions[0], 0, versus_vocabulary(),
				  ret_logits + i * versus_vocabulary()),
		     "logits");
	}
}
