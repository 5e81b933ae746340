/*
 * mask.h -- which tokens an automaton of bytes admits.
 *
 * The vocabulary is sorted by its tokens' bytes, and each token knows how many bytes it shares with
 * the one before: a walk down the list goes through the automaton as through a tree, every shared
 * beginning once.
 */
#ifndef MW_LM_MASK_H
#define MW_LM_MASK_H

#include "model/engine/automaton.h"

struct lm_written {
	uint32_t token;
	uint32_t at, size; /* in bytes */
	uint32_t shared;   /* bytes that the one before begins with too */
	uint32_t chars; /* whole characters that strings may hold as they are; 0: not only such */
};

/* The tokens that write something; the model's, but for what they write. */
struct lm_vocabulary {
	struct lm_written *list; /* [n], by what they write */
	uint8_t *bytes;
	uint32_t n;
	uint32_t longest;   /* bytes of one */
	bool single[256];   /* the byte is a token of its own */
	uint64_t *of_token; /* [n_vocab]: at << 32 | size; 0: writes nothing */
};

/* Errors: UNSUPPORTED (no tokenizer), MEMORY.  The arena owns what is made. */
mw_lm_err lm_vocabulary_init(struct lm_vocabulary *vocabulary, const struct mw_lm *model,
			     struct lm_arena *arena);

/* Fills in which tokens are characters of strings alone: where there is room they are admitted
 * without a walk. */
void lm_vocabulary_measure(struct lm_vocabulary *vocabulary, const struct lm_automaton *automaton);

/* Marks the admitted tokens, bit t of ret_mask[(n_vocab + 63) / 64] for token t, other bits 0.
 * places: room for longest + 1. */
void lm_mask_fill(const struct lm_vocabulary *vocabulary, const struct lm_automaton *automaton,
		  struct lm_place from, struct lm_place *places, uint64_t *ret_mask,
		  size_t n_words);

/* The place after a token; false if it is not admitted or writes nothing. */
bool lm_mask_step(const struct lm_vocabulary *vocabulary, const struct lm_automaton *automaton,
		  struct lm_place *place, uint32_t token);

#endif
