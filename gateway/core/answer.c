#include "gateway/core/answer.h"

#include "gateway/base/utf8.h"
#include "gateway/core/render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- words ------------------------------------------------------------------------------------ */

/* What a word may follow depends on what it is. */
enum word_class {
	WORD_REFUSED,
	WORD_PLAIN,
	WORD_JOINED,
	WORD_ENDER, /* ends a sentence */
	WORD_JOSA,
	WORD_EOS,
	WORD_REFERENCE, /* + channel: 0 = of the event */
	N_WORD = WORD_REFERENCE + 4
};

enum text_state { TEXT_START, TEXT_WORD, TEXT_CITED, TEXT_ENDED, N_TEXT, TEXT_DONE };

#define NO_TEXT N_TEXT /* this word cannot stand here */

static enum text_state text_next(enum text_state state, enum word_class class)
{
	static const enum text_state next[N_TEXT][WORD_REFERENCE + 1] = {
	    /* refused, plain, joined, ender, josa, eos, reference */
	    [TEXT_START] = {NO_TEXT, TEXT_WORD, NO_TEXT, NO_TEXT, NO_TEXT, NO_TEXT, TEXT_CITED},
	    [TEXT_WORD] = {NO_TEXT, TEXT_WORD, TEXT_WORD, TEXT_ENDED, NO_TEXT, NO_TEXT, TEXT_CITED},
	    [TEXT_CITED] = {NO_TEXT, TEXT_WORD, TEXT_WORD, TEXT_ENDED, TEXT_WORD, NO_TEXT,
			    TEXT_CITED},
	    [TEXT_ENDED] = {NO_TEXT, TEXT_WORD, NO_TEXT, NO_TEXT, NO_TEXT, TEXT_DONE, TEXT_CITED},
	};

	return next[state][class < WORD_REFERENCE ? class : WORD_REFERENCE];
}

static bool is_hangul(uint32_t code)
{
	return (code >= 0xac00 && code <= 0xd7a3) || (code >= 0x1100 && code <= 0x11ff) ||
	       (code >= 0x3130 && code <= 0x318f);
}

/* Which languages a literal word can be of, as a mask; 0: no proper word. */
static uint32_t languages_of(const char *word)
{
	size_t left = strlen(word), n;
	bool latin = false, hangul = false;
	uint32_t code;

	for (; left > 0; word += n, left -= n) {
		n = mw_utf8_decode(word, left, &code);
		if (n == 0 || code <= ' ' || code == '{' || code == '}' ||
		    (code >= '0' && code <= '9'))
			return 0;
		latin |= (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
		hangul |= is_hangul(code);
	}
	if (hangul)
		return 1u << MW_LANGUAGE_KO;
	return latin ? 1u << MW_LANGUAGE_EN : 1u << MW_LANGUAGE_KO | 1u << MW_LANGUAGE_EN;
}

static enum word_class class_of_reference(const char *text, uint32_t languages)
{
	struct mw_reference reference;

	if (!mw_reference_parse(text, &reference))
		return WORD_REFUSED;
	if (reference.kind == MW_REFERENCE_JOSA)
		return languages & 1u << MW_LANGUAGE_KO ? WORD_JOSA : WORD_REFUSED;
	return WORD_REFERENCE + reference.channel;
}

static enum word_class class_of(const struct mw_lm *model, uint32_t token, uint32_t languages)
{
	const char *text = mw_lm_token_text(model, token);
	size_t n = text ? strlen(text) : 0;
	bool joined = n > 1 && text[0] == '+';

	if (token == MW_CODE_EOS)
		return WORD_EOS;
	if (token < MW_CODE_END || n == 0)
		return WORD_REFUSED;
	if (text[0] == '{')
		return class_of_reference(text, languages);
	if ((languages_of(text + joined) & languages) == 0)
		return WORD_REFUSED;
	if (joined)
		return strchr(".!?", text[n - 1]) ? WORD_ENDER : WORD_JOINED;
	return WORD_PLAIN;
}

static uint32_t all_languages(uint32_t mask)
{
	return mask ? mask : UINT32_MAX;
}

/* --- the grammar ------------------------------------------------------------------------------ */

enum state { /* before the channels' states, whose number depends on how many there are */
	     STATE_VERDICT,
	     STATE_FAULT, /* + verdict */
	     STATE_SEVERITY = STATE_FAULT + 4,
	     STATE_ONSET,                  /* + channels named, 3 at most */
	     STATE_TEXT = STATE_ONSET + 4, /* + named * N_TEXT + text state */
	     STATE_DONE = STATE_TEXT + 4 * N_TEXT,
	     STATE_FULL, /* 4 channels named */
	     STATE_PICK  /* + set of channels named */
};

struct builder {
	struct mw_lm_grammar *grammar;
	const struct mw_lm *model;
	const struct mw_answer_limits *limits;
	uint32_t n_channel;
	uint8_t channel[MW_PROMPT_MAX_CHANNELS]; /* rows that may be named, from 0, ascending */
	uint32_t n_vocab;
	uint8_t *class; /* enum word_class of each token */
	mw_lm_err err;
};

static void allow(struct builder *b, uint32_t state, uint32_t first, uint32_t n, uint32_t next)
{
	if (b->err == MW_LM_E_OK)
		b->err = mw_lm_grammar_allow_range(b->grammar, state, first, n, next);
}

static bool fits(enum mw_verdict verdict, enum mw_fault fault)
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
			if (fits((enum mw_verdict)v, (enum mw_fault)f))
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

	allow(b, state, MW_CODE_END_CHANNELS, 1, STATE_ONSET + (size < 3 ? size : 3));
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
	allow(b, STATE_FULL, MW_CODE_END_CHANNELS, 1, STATE_ONSET + 3);
}

static uint32_t word_next(const struct builder *b, uint32_t token, uint32_t named,
			  enum text_state state)
{
	enum word_class class = (enum word_class)b->class[token];
	enum text_state next = text_next(state, class);

	if (next == NO_TEXT || (class > WORD_REFERENCE && class - WORD_REFERENCE > named))
		return MW_LM_NO_TOKEN;
	return next == TEXT_DONE ? STATE_DONE : STATE_TEXT + named * N_TEXT + next;
}

/* Runs of tokens that lead to the same state. */
static void allow_words(struct builder *b, uint32_t named, enum text_state state)
{
	uint32_t from = STATE_TEXT + named * N_TEXT + state, first = MW_CODE_EOS;
	uint32_t next = word_next(b, first, named, state);

	for (uint32_t token = first + 1; token <= b->n_vocab; token++) {
		uint32_t other =
		    token < b->n_vocab ? word_next(b, token, named, state) : MW_LM_NO_TOKEN;

		if (other == next && token < b->n_vocab)
			continue;
		if (next != MW_LM_NO_TOKEN)
			allow(b, from, first, token - first, next);
		first = token;
		next = other;
	}
}

static void allow_text(struct builder *b)
{
	for (uint32_t named = 0; named < 4; named++) {
		allow(b, STATE_ONSET + named, MW_CODE_ONSET, MW_WINDOW_PATCHES + 2,
		      b->limits->no_text ? STATE_DONE : STATE_TEXT + named * N_TEXT + TEXT_START);
		for (int state = 0; state < N_TEXT && !b->limits->no_text; state++)
			allow_words(b, named, (enum text_state)state);
	}
}

/* Whether any text of these words comes to an end. */
static bool has_text(const struct builder *b)
{
	bool begins = false, ends = false;

	for (uint32_t token = MW_CODE_END; token < b->n_vocab; token++) {
		begins |= b->class[token] == WORD_PLAIN || b->class[token] == WORD_REFERENCE;
		ends |= b->class[token] == WORD_ENDER;
	}
	return begins && ends;
}

static mw_err prepare(struct builder *b)
{
	uint32_t rows = b->limits->n_channel_rows, admitted = 0;

	for (uint32_t c = 0; c < rows && c < MW_PROMPT_MAX_CHANNELS; c++)
		if (b->limits->channel_mask >> c & 1)
			b->channel[b->n_channel++] = (uint8_t)c;
	for (size_t v = 0; v < 4; v++)
		admitted += b->limits->verdict[v];
	b->n_vocab = mw_lm_info(b->model)->n_vocab;
	if (admitted == 0 || b->n_vocab < MW_CODE_END)
		return MW_E_INVAL;
	b->class = malloc(b->n_vocab);
	if (!b->class)
		return MW_E_NOMEM;
	for (uint32_t token = 0; token < b->n_vocab; token++)
		b->class[token] =
		    (uint8_t)class_of(b->model, token, all_languages(b->limits->language_mask));
	return MW_E_OK;
}

mw_err mw_answer_grammar(const struct mw_lm *model, const struct mw_answer_limits *limits,
			 struct mw_lm_grammar **ret_grammar)
{
	struct mw_answer_limits silent = *limits;
	struct builder b = {.model = model, .limits = limits};
	mw_err err = prepare(&b);

	if (err != MW_E_OK)
		return err;
	if (!has_text(&b)) {
		silent.no_text = true;
		b.limits = &silent;
	}
	b.err = mw_lm_grammar_new(n_states(&b), b.n_vocab, &b.grammar);
	allow_verdicts(&b);
	allow_channels(&b);
	allow_text(&b);
	free(b.class);
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
	return fits(answer->verdict, answer->fault);
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

static bool parse_text(const struct mw_lm *model, struct tokens *t, struct mw_answer *answer)
{
	enum text_state state = TEXT_START;

	while (t->at < t->n && state != TEXT_DONE) {
		uint32_t token = t->token[t->at++];
		enum word_class class = class_of(model, token, all_languages(0));

		if (class > WORD_REFERENCE && class - WORD_REFERENCE > answer->n_channel)
			return false;
		state = text_next(state, class);
		if (state == NO_TEXT)
			return false;
		if (state == TEXT_DONE)
			break;
		if (answer->n_word == MW_ANSWER_MAX_WORDS)
			return false;
		answer->word[answer->n_word++] = token;
	}
	return t->at == t->n && (state == TEXT_DONE || answer->n_word == 0);
}

mw_err mw_answer_parse(const struct mw_lm *model, const uint32_t *token, size_t n,
		       struct mw_answer *ret_answer)
{
	struct tokens t = {token, n, 0};
	struct mw_answer answer;

	memset(&answer, 0, sizeof(answer));
	if (!parse_judgement(&t, &answer) || !parse_channels(&t, &answer) ||
	    !parse_onset(&t, &answer) || !parse_text(model, &t, &answer))
		return MW_E_MALFORMED;
	*ret_answer = answer;
	return MW_E_OK;
}

/* --- decoding --------------------------------------------------------------------------------- */

/* Tokens up to the onset, which is there in every answer that got so far. */
static size_t without_text(const uint32_t *token, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (token[i] >= MW_CODE_ONSET && token[i] < MW_CODE_EOS)
			return i + 1;
	return n;
}

static mw_err from_choices(const struct mw_lm *model, const struct mw_lm_choice *choice, size_t n,
			   bool final, struct mw_answer *ret_answer)
{
	uint32_t token[MW_ANSWER_MAX_TOKENS] = {0};
	mw_err err;

	for (size_t i = 0; i < n; i++)
		token[i] = choice[i].token;
	err = final ? mw_answer_parse(model, token, n, ret_answer) : MW_E_MALFORMED;
	if (err == MW_E_MALFORMED) /* the text did not end, or too late */
		err = mw_answer_parse(model, token, without_text(token, n), ret_answer);
	if (err != MW_E_OK)
		return MW_E_INTERNAL;
	ret_answer->fault_probability = exp((double)choice[1].log_prob);
	return MW_E_OK;
}

mw_err mw_answer_decode(struct mw_lm_session *session, const struct mw_lm *model,
			const struct mw_answer_limits *limits, struct mw_answer *ret_answer)
{
	struct mw_lm_choice choice[MW_ANSWER_MAX_TOKENS];
	struct mw_lm_grammar *grammar = NULL;
	mw_err err = mw_answer_grammar(model, limits, &grammar);
	bool final = false;
	mw_lm_err lm_err;
	size_t n = 0;

	if (err != MW_E_OK)
		return err;
	lm_err = mw_lm_generate(session, grammar, MW_ANSWER_MAX_TOKENS, choice, &n, &final);
	mw_lm_grammar_free(grammar);
	if (lm_err != MW_LM_E_OK)
		return lm_err == MW_LM_E_FULL ? MW_E_FULL : MW_E_INTERNAL;
	return from_choices(model, choice, n, final, ret_answer);
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
