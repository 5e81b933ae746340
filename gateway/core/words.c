#include "gateway/core/words.h"

#include "gateway/base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Drawn, so that no two events read alike; but a word that is far from the likeliest one there leads
 * out of any sentence that was learnt. */
#define TEMPERATURE 0.8f
#define LEAST_PART  0.25f /* of the likeliest word's probability */
#define DRAWS       3
#define DEV_LEAST   1    /* healthy spreads: multiples that tell something ... */
#define DEV_MOST    1000 /* ... an on/off channel has next to no spread */
#define ROUND       100  /* off how sure it is, of one that went round */
#define SEED_STEP   0x9E3779B97F4A7C15u

/* --- words ------------------------------------------------------------------------------------ */

/* What a word may follow depends on what it is. */
enum word_class {
	WORD_REFUSED,
	WORD_PLAIN,
	WORD_JOINED,
	WORD_ENDER, /* ends a sentence */
	WORD_JOSA,
	WORD_EOS,
	WORD_REFERENCE,
	N_WORD
};

enum text_state { TEXT_START, TEXT_WORD, TEXT_CITED, TEXT_ENDED, TEXT_DONE, N_TEXT };

#define NO_TEXT N_TEXT /* this word cannot stand here */

static enum text_state text_next(enum text_state state, enum word_class class)
{
	static const enum text_state next[TEXT_DONE][N_WORD] = {
	    /* refused, plain, joined, ender, josa, eos, reference */
	    [TEXT_START] = {NO_TEXT, TEXT_WORD, NO_TEXT, NO_TEXT, NO_TEXT, NO_TEXT, TEXT_CITED},
	    [TEXT_WORD] = {NO_TEXT, TEXT_WORD, TEXT_WORD, TEXT_ENDED, NO_TEXT, NO_TEXT, TEXT_CITED},
	    [TEXT_CITED] = {NO_TEXT, TEXT_WORD, TEXT_WORD, TEXT_ENDED, TEXT_WORD, NO_TEXT,
			    TEXT_CITED},
	    [TEXT_ENDED] = {NO_TEXT, TEXT_WORD, NO_TEXT, NO_TEXT, NO_TEXT, TEXT_DONE, TEXT_CITED},
	};

	return next[state][class];
}

static bool is_hangul(uint32_t code)
{
	return (code >= 0xac00 && code <= 0xd7a3) || (code >= 0x1100 && code <= 0x11ff) ||
	       (code >= 0x3130 && code <= 0x318f);
}

/* Which languages a literal word of n bytes can be of, as a mask; 0: no proper word. */
static uint32_t languages_of(const char *word, size_t left)
{
	bool latin = false, hangul = false;
	uint32_t code;

	for (size_t n; left > 0; word += n, left -= n) {
		n = mw_utf8_decode(word, left, &code);
		if (n == 0 || code <= ' ' || code == '{' || code == '}' || code == '|' ||
		    (code >= '0' && code <= '9'))
			return 0;
		latin |= (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
		hangul |= is_hangul(code);
	}
	if (hangul)
		return 1u << MW_LANGUAGE_KO;
	return latin ? 1u << MW_LANGUAGE_EN : 1u << MW_LANGUAGE_KO | 1u << MW_LANGUAGE_EN;
}

/* The renderer decides, so that the two never disagree. */
static bool renders(const struct mw_render *like, const char *word)
{
	struct mw_render render;

	if (!like)
		return true;
	mw_render_init(&render, like->library, like->opts, like->event);
	mw_render_word(&render, word);
	return !render.failed;
}

/* Of two claims the one that says more is made. */
static bool is_outdone(const struct mw_render *like, const struct mw_reference *reference)
{
	return like && reference->channel > 0 && reference->claim == MW_CLAIM_LOST &&
	       (like->event->channel[reference->channel - 1].claims.set & MW_CLAIM(GONE));
}

static enum word_class class_of_claim(const char *text, const struct mw_reference *reference,
				      const struct mw_words_limits *limits, uint32_t languages)
{
	size_t joined = reference->words[0] == '+', n = strlen(reference->words) - joined - 1;

	if ((languages_of(reference->words + joined, n) & languages) == 0 ||
	    !renders(limits->like, text) || is_outdone(limits->like, reference))
		return WORD_REFUSED;
	return joined ? WORD_JOINED : WORD_PLAIN;
}

/* What the renderer can show, but says nothing in a sentence. */
static bool says_nothing(const struct mw_render *like, const struct mw_reference *reference)
{
	const struct mw_event_channel *channel;

	if (!like)
		return false;
	if (reference->kind == MW_REFERENCE_FAULT)
		return like->event->fault == MW_FAULT_UNKNOWN;
	if (reference->channel == 0)
		return false;
	channel = &like->event->channel[reference->channel - 1];
	return (reference->kind == MW_REFERENCE_DIR &&
		!(channel->claims.set & (MW_CLAIM(ABOVE) | MW_CLAIM(BELOW)))) ||
	       (reference->kind == MW_REFERENCE_DEV &&
		(fabs(channel->finding.deviation) < DEV_LEAST ||
		 fabs(channel->finding.deviation) >= DEV_MOST));
}

static enum word_class class_of_reference(const char *text, const struct mw_words_limits *limits,
					  uint32_t languages)
{
	struct mw_reference reference;

	if (!mw_reference_parse(text, &reference) || reference.channel > limits->n_channel)
		return WORD_REFUSED;
	if (reference.kind == MW_REFERENCE_JOSA)
		return languages & 1u << MW_LANGUAGE_KO ? WORD_JOSA : WORD_REFUSED;
	if (reference.words)
		return class_of_claim(text, &reference, limits, languages);
	return renders(limits->like, text) && !says_nothing(limits->like, &reference)
		   ? WORD_REFERENCE
		   : WORD_REFUSED;
}

static enum word_class class_of(const struct mw_lm *model, uint32_t token,
				const struct mw_words_limits *limits)
{
	uint32_t languages = limits->language_mask ? limits->language_mask : UINT32_MAX;
	const char *text = mw_lm_token_text(model, token);
	size_t n = text ? strlen(text) : 0;
	bool joined = n > 1 && text[0] == '+';

	if (token == MW_CODE_EOS)
		return WORD_EOS;
	if (token < MW_CODE_END || n == 0)
		return WORD_REFUSED;
	if (text[0] == '{')
		return class_of_reference(text, limits, languages);
	if ((languages_of(text + joined, n - joined) & languages) == 0)
		return WORD_REFUSED;
	if (joined)
		return strchr(".!?", text[n - 1]) ? WORD_ENDER : WORD_JOINED;
	return WORD_PLAIN;
}

/* --- the grammar ------------------------------------------------------------------------------ */

/* Runs of tokens that lead to the same state. */
static mw_lm_err allow_words(struct mw_lm_grammar *grammar, const uint8_t *class, uint32_t n_vocab,
			     enum text_state state)
{
	uint32_t first = MW_CODE_EOS;
	mw_lm_err err = MW_LM_E_OK;

	while (first < n_vocab && !err) {
		enum text_state next = text_next(state, (enum word_class) class[first]);
		uint32_t end = first + 1;

		while (end < n_vocab && text_next(state, (enum word_class) class[end]) == next)
			end++;
		if (next != NO_TEXT)
			err = mw_lm_grammar_allow_range(grammar, state, first, end - first, next);
		first = end;
	}
	return err;
}

/* Whether any text of these words comes to an end. */
static bool has_text(const uint8_t *class, uint32_t n_vocab)
{
	bool begins = false, ends = false;

	for (uint32_t token = MW_CODE_END; token < n_vocab; token++) {
		begins |= class[token] == WORD_PLAIN || class[token] == WORD_REFERENCE;
		ends |= class[token] == WORD_ENDER;
	}
	return begins && ends;
}

static mw_err build(const uint8_t *class, uint32_t n_vocab, struct mw_lm_grammar **ret_grammar)
{
	struct mw_lm_grammar *grammar = NULL;
	mw_lm_err err = mw_lm_grammar_new(N_TEXT, n_vocab, &grammar);

	for (int state = 0; state < TEXT_DONE && !err; state++)
		err = allow_words(grammar, class, n_vocab, (enum text_state)state);
	if (err) {
		mw_lm_grammar_free(grammar);
		return err == MW_LM_E_MEMORY ? MW_E_NOMEM : MW_E_INTERNAL;
	}
	*ret_grammar = grammar;
	return MW_E_OK;
}

mw_err mw_words_grammar(const struct mw_lm *model, const struct mw_words_limits *limits,
			struct mw_lm_grammar **ret_grammar)
{
	uint32_t n_vocab = mw_lm_info(model)->n_vocab;
	uint8_t *class = malloc(n_vocab);
	mw_err err = MW_E_UNSUPPORTED;

	if (!class)
		return MW_E_NOMEM;
	for (uint32_t token = 0; token < n_vocab; token++)
		class[token] = (uint8_t)class_of(model, token, limits);
	if (n_vocab > MW_CODE_END && has_text(class, n_vocab))
		err = build(class, n_vocab, ret_grammar);
	free(class);
	return err;
}

/* --- parsing ---------------------------------------------------------------------------------- */

mw_err mw_words_parse(const struct mw_lm *model, const struct mw_words_limits *limits,
		      const uint32_t *token, size_t n, struct mw_words *ret_words)
{
	enum text_state state = TEXT_START;
	struct mw_words words = {0};

	for (size_t i = 0; i < n && state != TEXT_DONE; i++) {
		state = text_next(state, class_of(model, token[i], limits));
		if (state == NO_TEXT || (state == TEXT_DONE && i + 1 < n))
			return MW_E_MALFORMED;
		if (state == TEXT_DONE)
			break;
		if (words.n == MW_WORDS_MOST)
			return MW_E_MALFORMED;
		words.text[words.n++] = mw_lm_token_text(model, token[i]);
	}
	if (state != TEXT_DONE)
		return MW_E_MALFORMED;
	*ret_words = words;
	return MW_E_OK;
}

/* --- decoding --------------------------------------------------------------------------------- */

/* "{c1.rose}" of a claim that holds for the event. */
static bool tells_claim(const char *text, const struct mw_words_limits *limits)
{
	size_t n = text ? strlen(text) : 0;
	struct mw_reference reference;
	char claim[64];

	if (n < 3 || n + 3 > sizeof(claim) || text[0] != '{' || strchr(text, '|'))
		return false;
	memcpy(claim, text, n - 1);
	memcpy(claim + n - 1, "|x}", 4);
	return mw_reference_parse(claim, &reference) && reference.channel <= limits->n_channel &&
	       renders(limits->like, claim) && !is_outdone(limits->like, &reference);
}

static mw_lm_err tell_claims(struct mw_lm_session *session, const struct mw_lm *model,
			     const struct mw_words_limits *limits)
{
	uint32_t n_vocab = mw_lm_info(model)->n_vocab, n = 0;
	mw_lm_err err = MW_LM_E_OK;

	for (uint32_t t = MW_CODE_END; limits->like && t < n_vocab && n < MW_WORDS_TOLD && !err;
	     t++)
		if (tells_claim(mw_lm_token_text(model, t), limits)) {
			err = mw_lm_step(session, t);
			n++;
		}
	return err;
}

/* Takes the tail back to the question and goes on from there with this answer. */
static mw_lm_err tell_answer(struct mw_lm_session *session, const struct mw_answer *answer)
{
	uint32_t token[MW_ANSWER_MOST_TOKENS];
	size_t n = mw_answer_tokens(answer, token);
	mw_lm_err err = mw_lm_cut_tail(session, 1);

	for (size_t i = 0; i < n && !err; i++)
		err = mw_lm_step(session, token[i]);
	return err;
}

/* One text, and how sure the model was of it: mean log-probability of a word. */
struct drawn {
	struct mw_words words;
	double sure;
};

static mw_err draw(struct mw_lm_session *session, const struct mw_lm *model,
		   const struct mw_lm_grammar *grammar, const struct mw_words_limits *limits,
		   uint64_t seed, struct drawn *ret)
{
	const struct mw_lm_sampling sampling = {
	    .temperature = TEMPERATURE, .min_p = LEAST_PART, .seed = seed};
	struct mw_lm_choice choice[MW_WORDS_MOST + 1];
	uint32_t token[MW_WORDS_MOST + 1];
	bool final = false;
	size_t n = 0;
	mw_lm_err err =
	    mw_lm_generate(session, grammar, &sampling, MW_WORDS_MOST + 1, choice, &n, &final);

	if (err)
		return err == MW_LM_E_FULL ? MW_E_FULL : MW_E_INTERNAL;
	if (!final)
		return MW_E_FULL;
	ret->sure = 0;
	for (size_t i = 0; i < n; i++) {
		token[i] = choice[i].token;
		ret->sure += (double)choice[i].log_prob / (double)n;
	}
	return mw_words_parse(model, limits, token, n, &ret->words);
}

/* A value that is cited twice is the sign of a sentence that went round in a circle. */
static bool goes_round(const struct mw_words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		struct mw_reference reference;

		if (!mw_reference_parse(words->text[i], &reference) ||
		    reference.kind == MW_REFERENCE_JOSA || reference.kind == MW_REFERENCE_NAME)
			continue;
		for (size_t k = 0; k < i; k++)
			if (strcmp(words->text[i], words->text[k]) == 0)
				return true;
	}
	return false;
}

static mw_err tell(struct mw_lm_session *session, const struct mw_lm *model,
		   const struct mw_answer *answer, const struct mw_lm_grammar *grammar,
		   const struct mw_words_limits *limits, uint64_t seed, struct drawn *ret)
{
	mw_lm_err lm_err = tell_answer(session, answer);

	if (!lm_err)
		lm_err = tell_claims(session, model, limits);
	if (lm_err)
		return lm_err == MW_LM_E_FULL ? MW_E_FULL : MW_E_INTERNAL;
	return draw(session, model, grammar, limits, seed, ret);
}

/* Of several texts the one that the model is surest of: a text that slid out of what was learnt goes
 * on with words that it is not sure of. */
static mw_err tell_best(struct mw_lm_session *session, const struct mw_lm *model,
			const struct mw_answer *answer, const struct mw_lm_grammar *grammar,
			const struct mw_words_limits *limits, uint64_t seed,
			struct mw_words *ret_words)
{
	struct drawn best = {.sure = -INFINITY}, now;
	mw_err last = MW_E_OK;

	for (uint64_t i = 0; i < DRAWS; i++) {
		mw_err err =
		    tell(session, model, answer, grammar, limits, seed + i * SEED_STEP, &now);

		last = err ? err : last;
		if (err == MW_E_FULL)
			continue; /* found no end; another may */
		if (err)
			return err;
		if (goes_round(&now.words))
			now.sure -= ROUND;
		if (now.sure > best.sure)
			best = now;
	}
	if (best.words.n == 0)
		return last;
	*ret_words = best.words;
	return MW_E_OK;
}

mw_err mw_words_decode(struct mw_lm_session *session, const struct mw_lm *model,
		       const struct mw_answer *answer, const struct mw_words_limits *limits,
		       uint64_t seed, struct mw_words *ret_words)
{
	struct mw_lm_grammar *grammar = NULL;
	mw_err err = mw_words_grammar(model, limits, &grammar);

	if (err)
		return err;
	err = tell_best(session, model, answer, grammar, limits, seed, ret_words);
	mw_lm_grammar_free(grammar);
	return err;
}
