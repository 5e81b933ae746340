/*
 * inference.h -- the engine as the gateway uses it: batches of windows in, readings out, and an
 * answer for the windows that are raised.  Owns the model and a fixed set of sessions.  One thread.
 */
#ifndef MW_APP_INFERENCE_H
#define MW_APP_INFERENCE_H

#include "gateway/app/text_model.h"
#include "gateway/core/answer.h"
#include "gateway/core/judge.h"
#include "gateway/core/words.h"

#define MW_INFERENCE_BATCH 4 /* windows that share one pass over the weights */

struct mw_inference;

struct mw_inference_stats {
	uint64_t windows, positions; /* read */
	uint64_t answers, words;     /* decoded */
	int64_t busy_ns;             /* in the engine */
};

struct mw_inference_opts {
	const char
	    *path; /* "none": there is no model, readings have no rows and nothing is worded */
	const char *kernels; /* NULL or "" = the best */
	size_t memory;       /* bytes of a model of text; 0 = no limit */
};

/* Opens the model, which speaks our prompt or reads and writes text.  Returns owned. */
MW_MUST_CHECK mw_err mw_inference_new(const struct mw_inference_opts *opts, char *why,
				      size_t why_size, struct mw_inference **ret_reader);
void mw_inference_free(struct mw_inference *inference);

/* NULL when there is none. */
const struct mw_lm *mw_inference_model(const struct mw_inference *inference);
/* The judge that reads text, NULL: the model reads windows, or there is none.  Then windows are read by
 * mw_text_model_judge, one by one, and mw_inference_read does not know them. */
struct mw_text_model *mw_inference_text(const struct mw_inference *inference);
const char *mw_inference_kernels(const struct mw_inference *inference); /* "avx2", "none" */
const char *
mw_inference_name(const struct mw_inference *inference); /* "millwright-nano 1a2b3c4d" */

/* Reads n <= MW_INFERENCE_BATCH windows; readings in the same order.  The result of a window does
 * not depend on the others. */
MW_MUST_CHECK mw_err mw_inference_read(struct mw_inference *inference,
				       const struct mw_prompt *const *prompt, size_t n,
				       struct mw_reading *ret_reading);
/* The answer to window `slot` of the last mw_inference_read, within the limits. */
MW_MUST_CHECK mw_err mw_inference_answer(struct mw_inference *inference, size_t slot,
					 const struct mw_answer_limits *limits,
					 struct mw_answer *ret_answer);
/* The same window's text for that answer (words.h). */
MW_MUST_CHECK mw_err mw_inference_words(struct mw_inference *inference, size_t slot,
					const struct mw_answer *answer,
					const struct mw_words_limits *limits, uint64_t seed,
					struct mw_words *ret_words);
void mw_inference_stats(const struct mw_inference *inference, struct mw_inference_stats *ret_stats);

#endif
