/*
 * answer.h -- what the model says about a window: the answer grammar of schemas/prompt.md as a
 * compiled automaton for the engine, and the decoded tokens as a struct.
 */
#ifndef MW_CORE_ANSWER_H
#define MW_CORE_ANSWER_H

#include "gateway/core/prompt.h"
#include "model/engine/millwright_lm.h"

#define MW_ANSWER_CHANNELS    4
#define MW_ANSWER_MOST_TOKENS (6 + MW_ANSWER_CHANNELS)

struct mw_answer {
	enum mw_verdict verdict;
	enum mw_fault fault;
	double fault_probability; /* among the faults that fit the verdict; 1 if only parsed */
	unsigned severity;        /* 1..3 */
	size_t n_channel;
	uint8_t channel_row[MW_ANSWER_CHANNELS]; /* 1..16: rows of the prompt */
	int onset_patch;                         /* 0..15; -1 before the window; -2 none */
};

/* Is the model file made for this prompt?  Compares version, slots, and every code's name with
 * mw_prompt_token_name.  MW_E_UNSUPPORTED and a reason that names the first difference. */
MW_MUST_CHECK mw_err mw_answer_check_model(const struct mw_lm *model, char *why, size_t why_size);

/* Whether a fault is of the kind that the verdict asks for. */
bool mw_answer_fits(enum mw_verdict verdict, enum mw_fault fault);
/* Logits of the four verdicts, in their order, become their probabilities. */
void mw_answer_verdicts(float logit[4]);

/* What the answer to one window may say. */
struct mw_answer_limits {
	uint32_t n_channel_rows; /* channel tokens 1..n exist */
	bool verdict[4];         /* admitted verdicts, at least one */
	uint32_t channel_mask;   /* bit i: channel row i+1 deviates and may be named */
};

/* The grammar for those limits, up to the onset; words.h has that of the text after it.  Returns
 * owned (mw_lm_grammar_free).  MW_E_INVAL: no verdict admitted. */
MW_MUST_CHECK mw_err mw_answer_grammar(const struct mw_lm *model,
				       const struct mw_answer_limits *limits,
				       struct mw_lm_grammar **ret_grammar);

/* Decoded tokens (after the question) to a struct.  MW_E_MALFORMED if they are not in the grammar,
 * for any limits. */
MW_MUST_CHECK mw_err mw_answer_parse(const uint32_t *token, size_t n, struct mw_answer *ret_answer);
/* And back; returns how many. */
size_t mw_answer_tokens(const struct mw_answer *answer, uint32_t ret_token[MW_ANSWER_MOST_TOKENS]);

/* Lets the model answer the window that the session has read, question included.  MW_E_INVAL,
 * MW_E_NOMEM; MW_E_FULL: the session's tail is too short; MW_E_INTERNAL: the engine refused. */
MW_MUST_CHECK mw_err mw_answer_decode(struct mw_lm_session *session, const struct mw_lm *model,
				      const struct mw_answer_limits *limits,
				      struct mw_answer *ret_answer);

#endif
