/*
 * words.h -- the text of an answer: which words may follow which, and which of them are true.
 *
 * A word of the vocabulary is plain ("reads"), joined to what stands before ("+,"), a reference
 * ("{c1.value}"), a claim ("{c1.rose|climbed}") or a Korean particle ("{josa:이/가}");
 * schemas/prompt.md has the rules.  References and claims are admitted only where the renderer can
 * show them for the event at hand, so a text can neither cite what is not there nor claim what does
 * not hold.  The name of a fault is not admitted where it has none, nor a channel's direction where
 * it has none, nor its deviation where that is less than its healthy spread.
 */
#ifndef MW_CORE_WORDS_H
#define MW_CORE_WORDS_H

#include "gateway/core/answer.h"
#include "gateway/core/render.h"

#define MW_WORDS_MOST 64 /* of a text */
#define MW_WORDS_TOLD 20 /* claims that the model is told of */

struct mw_words {
	size_t n;                        /* 0: no text */
	const char *text[MW_WORDS_MOST]; /* lent by the model */
};

struct mw_words_limits {
	uint32_t language_mask; /* words of these; 0 = all */
	size_t n_channel;       /* of the answer: c1 .. exist */
	/* The event that is told, in a fresh renderer; NULL: whatever could be said of any. */
	const struct mw_render *like;
};

/* The grammar of a text, <eos> included.  Its length is not in it (bound the decoding).  Returns
 * owned (mw_lm_grammar_free).  MW_E_UNSUPPORTED: no text of these words comes to an end. */
MW_MUST_CHECK mw_err mw_words_grammar(const struct mw_lm *model,
				      const struct mw_words_limits *limits,
				      struct mw_lm_grammar **ret_grammar);

/* Tokens, <eos> last, to a text.  MW_E_MALFORMED if they are not in the grammar of the limits. */
MW_MUST_CHECK mw_err mw_words_parse(const struct mw_lm *model, const struct mw_words_limits *limits,
				    const uint32_t *token, size_t n, struct mw_words *ret_words);

/* Lets the model tell the event: after the question the session is told the answer (token by token,
 * as if the model had given it) and which claims hold, where its vocabulary can tell that
 * ("{c1.rose}"); then the text is drawn; the same seed draws the same text.
 * MW_E_FULL: it found no end in time, or the session's tail is too short; MW_E_UNSUPPORTED: the
 * model has no words for it; MW_E_INTERNAL: the engine refused. */
MW_MUST_CHECK mw_err mw_words_decode(struct mw_lm_session *session, const struct mw_lm *model,
				     const struct mw_answer *answer,
				     const struct mw_words_limits *limits, uint64_t seed,
				     struct mw_words *ret_words);

#endif
