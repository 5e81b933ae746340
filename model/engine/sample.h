/*
 * sample.h -- the next token from its logits.
 *
 * Only arithmetic that is the same everywhere: float exp of kernels_math.h, sums in double in the
 * order of the tokens, ties to the lower token, numbers drawn from splitmix64 (Steele, Lea, Flood,
 * 2014).
 */
#ifndef MW_LM_SAMPLE_H
#define MW_LM_SAMPLE_H

#include "model/engine/millwright_lm.h"

struct lm_candidate {
	uint32_t token;
	float logit;  /* after the penalty */
	float weight; /* e^(logit - the best one's) */
};

struct lm_sampler {
	struct mw_lm_sampling how;
	uint64_t state;            /* of the generator */
	struct lm_candidate *list; /* [n_vocab] */
	uint32_t n;
};

/* The next number in [0, 1). */
double lm_random(uint64_t *state);

/* Whether every number is in its range. */
bool lm_sampling_is_sane(const struct mw_lm_sampling *sampling);

/* Starts over. */
void lm_sampler_seed(struct lm_sampler *sampler);

/* Chooses one of the tokens that mask (NULL: all) marks; there is one.  logits [n_vocab]; recent
 * [n_recent]: tokens that are penalised.  *ret_log_prob: of the token, before any of this. */
uint32_t lm_sample(struct lm_sampler *sampler, const float *logits, const uint64_t *mask,
		   uint32_t n_vocab, const uint32_t *recent, size_t n_recent, float *ret_log_prob);

#endif
