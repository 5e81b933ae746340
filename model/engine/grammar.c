#include "model/engine/kernels_math.h"
#include "model/engine/sample.h"
#include "model/engine/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE 0xFFFFFFFFu

struct range {
	uint32_t first, n; /* tokens */
	uint32_t next;     /* state */
	uint32_t link;     /* the state's next range, or NONE */
};

struct state {
	uint32_t head, tail; /* ranges in the order of their admission, or NONE */
};

struct mw_lm_grammar {
	uint32_t n_states, n_vocab;
	struct state *states;
	struct range *ranges;
	uint32_t n_ranges, room;
};

mw_lm_err mw_lm_grammar_new(uint32_t n_states, uint32_t n_vocab, struct mw_lm_grammar **ret_grammar)
{
	struct mw_lm_grammar *grammar;

	if (n_states == 0 || n_states > MW_LM_GRAMMAR_MAX_STATES || n_vocab == 0)
		return MW_LM_E_ARGUMENT;
	grammar = calloc(1, sizeof(*grammar));
	if (!grammar)
		return MW_LM_E_MEMORY;
	grammar->n_states = n_states;
	grammar->n_vocab = n_vocab;
	grammar->states = calloc(n_states, sizeof(*grammar->states));
	if (!grammar->states) {
		mw_lm_grammar_free(grammar);
		return MW_LM_E_MEMORY;
	}
	for (uint32_t i = 0; i < n_states; i++)
		grammar->states[i] = (struct state){NONE, NONE};
	*ret_grammar = grammar;
	return MW_LM_E_OK;
}

void mw_lm_grammar_free(struct mw_lm_grammar *grammar)
{
	if (!grammar)
		return;
	free(grammar->states);
	free(grammar->ranges);
	free(grammar);
}

static mw_lm_err make_room(struct mw_lm_grammar *grammar)
{
	uint32_t room = grammar->room ? 2 * grammar->room : 64;
	struct range *ranges;

	if (grammar->n_ranges < grammar->room)
		return MW_LM_E_OK;
	if (room > MW_LM_GRAMMAR_MAX_RANGES)
		return MW_LM_E_MEMORY;
	ranges = realloc(grammar->ranges, room * sizeof(*ranges));
	if (!ranges)
		return MW_LM_E_MEMORY;
	grammar->ranges = ranges;
	grammar->room = room;
	return MW_LM_E_OK;
}

mw_lm_err mw_lm_grammar_allow_range(struct mw_lm_grammar *grammar, uint32_t state, uint32_t first,
				    uint32_t n, uint32_t next)
{
	uint32_t at = grammar->n_ranges;
	mw_lm_err err;

	if (state >= grammar->n_states || next >= grammar->n_states || n == 0 ||
	    first >= grammar->n_vocab || n > grammar->n_vocab - first)
		return MW_LM_E_ARGUMENT;
	err = make_room(grammar);
	if (err)
		return err;
	grammar->ranges[at] = (struct range){first, n, next, NONE};
	if (grammar->states[state].tail == NONE)
		grammar->states[state].head = at;
	else
		grammar->ranges[grammar->states[state].tail].link = at;
	grammar->states[state].tail = at;
	grammar->n_ranges++;
	return MW_LM_E_OK;
}

mw_lm_err mw_lm_grammar_allow(struct mw_lm_grammar *grammar, uint32_t state, uint32_t token,
			      uint32_t next)
{
	return mw_lm_grammar_allow_range(grammar, state, token, 1, next);
}

bool mw_lm_grammar_is_final(const struct mw_lm_grammar *grammar, uint32_t state)
{
	return state < grammar->n_states && grammar->states[state].head == NONE;
}

uint32_t mw_lm_grammar_next(const struct mw_lm_grammar *grammar, uint32_t state, uint32_t token)
{
	uint32_t at = state < grammar->n_states ? grammar->states[state].head : NONE;

	for (; at != NONE; at = grammar->ranges[at].link)
		if (token - grammar->ranges[at].first < grammar->ranges[at].n)
			return grammar->ranges[at].next;
	return MW_LM_NO_TOKEN;
}

/* The token, if the state admits exactly one: its probability is 1 and no logit is needed. */
static bool only_token(const struct mw_lm_grammar *grammar, uint32_t state, uint32_t *ret_token)
{
	const struct range *range = &grammar->ranges[grammar->states[state].head];

	*ret_token = range->first;
	return range->n == 1 && range->link == NONE;
}

/* Marks the admitted tokens and computes their logits. */
static void admit(struct mw_lm_session *session, const struct mw_lm_grammar *grammar,
		  uint32_t state)
{
	uint8_t *mark = session->scratch.mark;

	memset(mark, 0, grammar->n_vocab);
	lm_logits_begin(session);
	for (uint32_t at = grammar->states[state].head; at != NONE; at = grammar->ranges[at].link) {
		const struct range *range = &grammar->ranges[at];

		memset(mark + range->first, 1, range->n);
		lm_logits_panels(session, range->first, range->n);
	}
}

/* The best admitted token and its log-probability.  A logit that is not a number never wins over
 * one that is. */
static void choose(const struct lm_scratch *scratch, uint32_t n_vocab, struct mw_lm_choice *choice)
{
	double sum = 1; /* the best one's own part */
	uint32_t best = NONE;

	for (uint32_t i = 0; i < n_vocab; i++)
		if (scratch->mark[i] &&
		    (best == NONE || scratch->logits[i] > scratch->logits[best] ||
		     isnan(scratch->logits[best])))
			best = i;
	for (uint32_t i = 0; i < n_vocab; i++)
		if (scratch->mark[i] && i != best)
			sum += exp((double)(scratch->logits[i] - scratch->logits[best]));
	choice->token = best;
	choice->log_prob = (float)-log(sum);
}

/* Weight of a token for the draw, 1 of the best one; 0 below min_p of it. */
static double draw_weight(const struct lm_scratch *scratch, uint32_t token, float best,
			  const struct mw_lm_sampling *sampling)
{
	float gap = scratch->logits[token] - best;

	if (!scratch->mark[token] || !(lm_exp(gap) >= sampling->min_p))
		return 0;
	return (double)lm_exp(gap / sampling->temperature);
}

/* Draws one of the admitted tokens instead of the best one, which `choose` has found. */
static void draw(const struct lm_scratch *scratch, uint32_t n_vocab,
		 const struct mw_lm_sampling *sampling, uint64_t *state,
		 struct mw_lm_choice *choice)
{
	float best = scratch->logits[choice->token];
	double sum = 0, left;

	if (!isfinite(best))
		return;
	for (uint32_t i = 0; i < n_vocab; i++)
		sum += draw_weight(scratch, i, best, sampling);
	left = lm_random(state) * sum;
	for (uint32_t i = 0; i < n_vocab; i++) {
		double weight = draw_weight(scratch, i, best, sampling);

		if (weight > 0 && left < weight) {
			choice->log_prob += scratch->logits[i] - best;
			choice->token = i;
			return;
		}
		left -= weight;
	}
}

mw_lm_err mw_lm_generate(struct mw_lm_session *session, const struct mw_lm_grammar *grammar,
			 const struct mw_lm_sampling *sampling, size_t max_choices,
			 struct mw_lm_choice *ret_choices, size_t *ret_n, bool *ret_final)
{
	uint64_t random = sampling ? sampling->seed : 0;
	uint32_t state = 0;
	size_t n = 0;

	if (grammar->n_vocab != session->model->info.n_vocab ||
	    (sampling && !lm_sampling_is_sane(sampling)))
		return MW_LM_E_ARGUMENT;
	if (session->n_tail == 0 || session->was_cut)
		return MW_LM_E_STATE;
	while (n < max_choices && !mw_lm_grammar_is_final(grammar, state)) {
		struct mw_lm_choice *choice = &ret_choices[n];
		mw_lm_err err = n > 0 ? mw_lm_step(session, ret_choices[n - 1].token) : MW_LM_E_OK;

		if (err)
			return err;
		*choice = (struct mw_lm_choice){.state = state};
		if (!only_token(grammar, state, &choice->token)) {
			admit(session, grammar, state);
			choose(&session->scratch, grammar->n_vocab, choice);
			if (sampling && sampling->temperature > 0)
				draw(&session->scratch, grammar->n_vocab, sampling, &random,
				     choice);
		}
		state = mw_lm_grammar_next(grammar, state, choice->token);
		n++;
	}
	*ret_n = n;
	*ret_final = mw_lm_grammar_is_final(grammar, state);
	return MW_LM_E_OK;
}
