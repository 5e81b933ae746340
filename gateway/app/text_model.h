/*
 * text_model.h -- a general language model (llama, phi3, openelm) that judges windows or words events:
 * the window as text in the model's chat template, the answer under a schema.
 *
 * Greedy: the same window gives the same answer, unless the time budget of an explanation ends it.
 * What it writes is never trusted: a sentence that says a number, a direction or a size by itself is left
 * out, and without one that cites what was measured there is no text.  Owns the model and one session.
 * One thread.
 */
#ifndef MW_APP_TEXT_MODEL_H
#define MW_APP_TEXT_MODEL_H

#include "gateway/core/text_prompt.h"

#define MW_TEXT_CONTEXT_LEAST 512  /* tokens that a model must read */
#define MW_TEXT_CONTEXT_MOST  4096 /* that are used, however many it can */

struct mw_text_model;

struct mw_text_model_opts {
	const char *path; /* for messages, and opened unless the model is handed over */
	const char *key;  /* of the configuration, for messages: "model.explainer" */
	const char *kernels;
	size_t memory;     /* bytes of weights and session; 0 = no limit */
	uint32_t threads;  /* 0 = 1 */
	int64_t budget_ns; /* of one explanation; after one, four times its time passes before the
			      next.  0 = no limit: no clock is read */
	size_t max_tokens; /* of one explanation; 0 = 96 */
};

/* Opens the file: MW_E_IO, MW_E_MALFORMED, MW_E_NOMEM (past the limit), MW_E_UNSUPPORTED (a window
 * model, no tokenizer, no chat template, context too short), and a reason that names key and file.
 * Returns owned. */
MW_MUST_CHECK mw_err mw_text_model_open(const struct mw_text_model_opts *opts, char *why,
					size_t why_size, struct mw_text_model **ret_model);
/* The same of an open model, which is taken on success. */
MW_MUST_CHECK mw_err mw_text_model_take(struct mw_lm *lm, const struct mw_text_model_opts *opts,
					char *why, size_t why_size,
					struct mw_text_model **ret_model);
void mw_text_model_free(struct mw_text_model *model);
const char *mw_text_model_name(const struct mw_text_model *model); /* "phi-3-mini" */

/* Reads a window: one row of equal patches, the log-odds of fault and unknown against normal and
 * operation, and the verdicts' probabilities.  MW_E_FULL: not even one channel fits the context. */
MW_MUST_CHECK mw_err mw_text_model_judge(struct mw_text_model *model,
					 const struct mw_text_view *view,
					 struct mw_reading *ret_reading);
/* The answer to the window judged last, within the limits. */
MW_MUST_CHECK mw_err mw_text_model_answer(struct mw_text_model *model,
					  const struct mw_answer_limits *limits,
					  struct mw_answer *ret_answer);
/* Words the event of `like`, a fresh renderer.  MW_E_AGAIN: the budget is spent; MW_E_FULL: the context
 * is too short; MW_E_MALFORMED: nothing that may be said. */
MW_MUST_CHECK mw_err mw_text_model_tell(struct mw_text_model *model, struct mw_text_view *view,
					const struct mw_render *like,
					struct mw_text_words *ret_words);

struct mw_text_model_stats {
	uint64_t windows, tokens; /* judged; read and written */
	uint64_t told, refused,
	    skipped; /* explanations; refused: nothing sayable; skipped: budget */
	int64_t busy_ns;
};
void mw_text_model_stats(const struct mw_text_model *model, struct mw_text_model_stats *ret_stats);

#endif
