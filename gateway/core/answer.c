#include "gateway/core/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the grammar ------------------------------------------------------------------------------ */

enum state { /* before the channels' states, whose number depends on how many there are */
	     STATE_VERDICT,
	     STATE_FAULT, /* + verdict */
	     STATE_SEVERITY = STATE_FAULT + 4,
	     STATE_ONSET,
	     STATE_DONE,
	     STATE_FULL, /* 4 channels named */
	     STATE_PICK  /* + set of channels named */
};

struct builder {
	struct mw_lm_grammar *grammar;
	const struct mw_answer_limits *limits;
	uint32_t n_channel;
	uint8_t channel[MW_PROMPT_MAX_CHANNELS]; /* rows that may be named, from 0, ascending */
	mw_lm_err err;
};

static void allow(struct builder *b, uint32_t state, uint32_t first, uint32_t n, uint32_t next)
{
	if (b->err == MW_LM_E_OK)
		b->err = mw_lm_grammar_allow_range(b->grammar, state, first, n, next);
}

void mw_answer_verdicts(float logit[4])
{
	float top = logit[0], sum = 0;

	for (int v = 1; v < 4; v++)
		top = fmaxf(top, logit[v]);
	for (int v = 0; v < 4; v++)
		sum += logit[v] = expf(logit[v] - top);
	for (int v = 0; v < 4; v++)
		logit[v] /= sum;
}

bool mw_answer_fits(enum mw_verdict verdict, enum mw_fault fault)
{
	enum mw_fault_kind kind = mw_fault_kind_of(fault);

	switch (verdict) {
	case MW_VERDICT_NORMAL:
		return fault == MW_FAULT_NONE;
	case MW_VERDICT_OPERATION:
		return kind == MW_KIND_OPERATION;
	case MW_VERDICT_FAULT:
		return kind == MW_KIND_SENSOR || kind == MW_KIND_PROCESS;
	default:
		return fault == MW_FAULT_UNKNOWN;
	}
}

static void allow_verdicts(struct builder *b)
{
	for (uint32_t v = 0; v < 4; v++) {
		if (!b->limits->verdict[v])
			continue;
		allow(b, STATE_VERDICT, MW_CODE_VERDICT + v, 1, STATE_FAULT + v);
		for (uint32_t f = 0; f < MW_N_FAULT; f++)
			if (mw_answer_fits((enum mw_verdict)v, (enum mw_fault)f))
				allow(b, STATE_FAULT + v, MW_CODE_FAULT + f, 1, STATE_SEVERITY);
	}
	allow(b, STATE_SEVERITY, MW_CODE_SEVERITY, 3, STATE_PICK);
}

static uint32_t choose(uint32_t n, uint32_t k)
{
	uint32_t value = 1;

	for (uint32_t i = 1; i <= k; i++)
		value = value * (n - k + i) / i;
	return k > n ? 0 : value;
}

/* Number of a set of at most three channels: the smaller sets first, then by the combinatorial
 * number system (C(c1, 1) + C(c2, 2) + ..., c ascending). */
static uint32_t pick_state(const struct builder *b, uint32_t set)
{
	uint32_t state = STATE_PICK, size = 0;

	for (uint32_t c = 0; c < b->n_channel; c++)
		if (set >> c & 1)
			state += choose(c, ++size);
	for (uint32_t k = 0; k < size; k++)
		state += choose(b->n_channel, k);
	return size == MW_ANSWER_CHANNELS ? STATE_FULL : state;
}

static uint32_t n_states(const struct builder *b)
{
	uint32_t n = STATE_PICK;

	for (uint32_t k = 0; k < MW_ANSWER_CHANNELS; k++)
		n += choose(b->n_channel, k);
	return n;
}

static void allow_picks(struct builder *b, uint32_t set, uint32_t size)
{
	uint32_t state = pick_state(b, set);

	allow(b, state, MW_CODE_END_CHANNELS, 1, STATE_ONSET);
	if (size == MW_ANSWER_CHANNELS)
		return;
	for (uint32_t c = 0; c < b->n_channel; c++)
		if (!(set >> c & 1))
			allow(b, state, MW_CODE_CHANNEL + b->channel[c], 1,
			      pick_state(b, set | 1u << c));
}

static unsigned bits(uint32_t set)
{
	unsigned n = 0;

	for (; set; set &= set - 1)
		n++;
	return n;
}

static void allow_channels(struct builder *b)
{
	for (uint32_t set = 0; set < 1u << b->n_channel; set++)
		if (bits(set) < MW_ANSWER_CHANNELS)
			allow_picks(b, set, bits(set));
	allow(b, STATE_FULL, MW_CODE_END_CHANNELS, 1, STATE_ONSET);
	allow(b, STATE_ONSET, MW_CODE_ONSET, MW_WINDOW_PATCHES + 2, STATE_DONE);
}

static bool prepare(struct builder *b)
{
	uint32_t rows = b->limits->n_channel_rows, admitted = 0;

	for (uint32_t c = 0; c < rows && c < MW_PROMPT_MAX_CHANNELS; c++)
		if (b->limits->channel_mask >> c & 1)
			b->channel[b->n_channel++] = (uint8_t)c;
	for (size_t v = 0; v < 4; v++)
		admitted += b->limits->verdict[v];
	return admitted > 0;
}

mw_err mw_answer_grammar(const struct mw_lm *model, const struct mw_answer_limits *limits,
			 struct mw_lm_grammar **ret_grammar)
{
	struct builder b = {.limits = limits};

	if (!prepare(&b) || mw_lm_info(model)->n_vocab < MW_CODE_END)
		return MW_E_INVAL;
	b.err = mw_lm_grammar_new(n_states(&b), mw_lm_info(model)->n_vocab, &b.grammar);
	allow_verdicts(&b);
	allow_channels(&b);
	if (b.err != MW_LM_E_OK) {
		mw_lm_grammar_free(b.grammar);
		return b.err == MW_LM_E_MEMORY ? MW_E_NOMEM : MW_E_INTERNAL;
	}
	*ret_grammar = b.grammar;
	return MW_E_OK;
}

/* --- parsing ---------------------------------------------------------------------------------- */

struct tokens {
	const uint32_t *token;
	size_t n, at;
};

/* The next token's place in a table of size n; false: it is not of the table, or there is none. */
static bool take(struct tokens *t, uint32_t first, uint32_t n, uint32_t *ret_index)
{
	if (t->at == t->n || t->token[t->at] < first || t->token[t->at] - first >= n)
		return false;
	*ret_index = t->token[t->at++] - first;
	return true;
}

static bool parse_judgement(struct tokens *t, struct mw_answer *answer)
{
	uint32_t verdict, fault, severity;

	if (!take(t, MW_CODE_VERDICT, 4, &verdict) || !take(t, MW_CODE_FAULT, MW_N_FAULT, &fault) ||
	    !take(t, MW_CODE_SEVERITY, 3, &severity))
		return false;
	answer->verdict = (enum mw_verdict)verdict;
	answer->fault = (enum mw_fault)fault;
	answer->severity = severity + 1;
	answer->fault_probability = 1;
	return mw_answer_fits(answer->verdict, answer->fault);
}

static bool parse_channels(struct tokens *t, struct mw_answer *answer)
{
	uint32_t row, seen = 0, end;

	while (take(t, MW_CODE_CHANNEL, MW_PROMPT_MAX_CHANNELS, &row)) {
		if (answer->n_channel == MW_ANSWER_CHANNELS || (seen >> row & 1))
			return false;
		seen |= 1u << row;
		answer->channel_row[answer->n_channel++] = (uint8_t)(row + 1);
	}
	return take(t, MW_CODE_END_CHANNELS, 1, &end);
}

static bool parse_onset(struct tokens *t, struct mw_answer *answer)
{
	uint32_t onset;

	if (!take(t, MW_CODE_ONSET, MW_WINDOW_PATCHES + 2, &onset))
		return false;
	answer->onset_patch = (int)onset;
	if (onset >= MW_WINDOW_PATCHES)
		answer->onset_patch = onset == MW_WINDOW_PATCHES ? -1 : -2;
	return true;
}

mw_err mw_answer_parse(const uint32_t *token, size_t n, struct mw_answer *ret_answer)
{
	struct tokens t = {token, n, 0};
	struct mw_answer answer;

	memset(&answer, 0, sizeof(answer));
	if (!parse_judgement(&t, &answer) || !parse_channels(&t, &answer) ||
	    !parse_onset(&t, &answer) || t.at != n)
		return MW_E_MALFORMED;
	*ret_answer = answer;
	return MW_E_OK;
}

size_t mw_answer_tokens(const struct mw_answer *answer, uint32_t ret_token[MW_ANSWER_MOST_TOKENS])
{
	uint32_t onset = answer->onset_patch >= 0    ? (uint32_t)answer->onset_patch
			 : answer->onset_patch == -1 ? MW_WINDOW_PATCHES
						     : MW_WINDOW_PATCHES + 1;
	size_t n = 0;

	ret_token[n++] = MW_CODE_VERDICT + (uint32_t)answer->verdict;
	ret_token[n++] = MW_CODE_FAULT + (uint32_t)answer->fault;
	ret_token[n++] = MW_CODE_SEVERITY + answer->severity - 1;
	for (size_t i = 0; i < answer->n_channel; i++)
		ret_token[n++] = MW_CODE_CHANNEL + answer->channel_row[i] - 1u;
	ret_token[n++] = MW_CODE_END_CHANNELS;
	ret_token[n++] = MW_CODE_ONSET + onset;
	return n;
}

/* --- decoding --------------------------------------------------------------------------------- */

mw_err mw_answer_decode(struct mw_lm_session *session, const struct mw_lm *model,
			const struct mw_answer_limits *limits, struct mw_answer *ret_answer)
{
	struct mw_lm_choice choice[MW_ANSWER_MOST_TOKENS];
	uint32_t token[MW_ANSWER_MOST_TOKENS];
	struct mw_lm_grammar *grammar = NULL;
	mw_err err = mw_answer_grammar(model, limits, &grammar);
	bool final = false;
	mw_lm_err lm_err;
	size_t n = 0;

	if (err != MW_E_OK)
		return err;
	lm_err = mw_lm_generate(session, grammar, NULL, MW_ANSWER_MOST_TOKENS, choice, &n, &final);
	mw_lm_grammar_free(grammar);
	if (lm_err != MW_LM_E_OK)
		return lm_err == MW_LM_E_FULL ? MW_E_FULL : MW_E_INTERNAL;
	for (size_t i = 0; i < n; i++)
		token[i] = choice[i].token;
	if (!final || mw_answer_parse(token, n, ret_answer) != MW_E_OK)
		return MW_E_INTERNAL;
	ret_answer->fault_probability = exp((double)choice[1].log_prob);
	return MW_E_OK;
}

/* --- the model file --------------------------------------------------------------------------- */

static mw_err check_shape(const struct mw_lm *model, char *why, size_t why_size)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	const char *version = mw_lm_metadata(model, "millwright.prompt.version");

	if (info->slots == 0)
		return mw_why(MW_E_UNSUPPORTED, why, why_size,
			      "the model \"%s\" reads text, not windows", info->name);
	if (!version || strtol(version, NULL, 10) != MW_PROMPT_VERSION)
		return mw_why(MW_E_UNSUPPORTED, why, why_size,
			      "the model's prompt has version %s, not %d",
			      version ? version : "(none)", MW_PROMPT_VERSION);
	if (info->slots != MW_PROMPT_SLOTS || info->row_length != MW_PROMPT_ROW_LEN ||
	    info->first_patch != MW_PROMPT_FIRST_PATCH || info->max_rows != MW_PROMPT_MAX_ROWS)
		return mw_why(MW_E_UNSUPPORTED, why, why_size,
			      "the model's prompt has %u rows of %u positions with %u slots, "
			      "not %d of %d with %d",
			      info->max_rows, info->row_length, info->slots, MW_PROMPT_MAX_ROWS,
			      MW_PROMPT_ROW_LEN, MW_PROMPT_SLOTS);
	return MW_E_OK;
}

mw_err mw_answer_check_model(const struct mw_lm *model, char *why, size_t why_size)
{
	mw_err err = check_shape(model, why, why_size);
	char expected[MW_TOKEN_NAME_SIZE];

	for (uint32_t code = 0; err == MW_E_OK && code < MW_CODE_END; code++) {
		const char *name = mw_lm_token_text(model, code);

		mw_prompt_token_name(code, expected);
		if (!name || strcmp(name, expected) != 0)
			err = mw_why(MW_E_UNSUPPORTED, why, why_size,
				     "the model's code %u is %s, not %s", code,
				     name ? name : "(none)", expected);
	}
	return err;
}
