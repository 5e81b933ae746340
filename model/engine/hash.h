/*
 * hash.h -- a check sum of a file's weights: a flipped bit changes the answers, not the shapes.
 *
 * Key millwright.tensor_hash (U64), optional.  The tensors' data in the order of their offsets,
 * each filled up with zero bytes to a multiple of 8, as little-endian words w[0..n-1].  Four lanes
 * k = 0..3, which start at 0xCBF29CE484222325 + k; word i goes into lane i mod 4:
 *
 *     h = (h ^ w) * 0x9E3779B97F4A7C15;  h = h ^ (h >> 32)        (modulo 2^64)
 *
 * At the end the lanes 0..3 go as words into a fifth that starts at n.  Every step can be undone, so
 * that one changed word always changes the sum.
 */
#ifndef MW_LM_HASH_H
#define MW_LM_HASH_H

#include "model/engine/file.h"
#include "model/engine/gguf.h"

#define LM_HASH_KEY   "millwright.tensor_hash"
#define LM_HASH_LANES 4u

struct lm_hash {
	uint64_t lanes[LM_HASH_LANES];
	uint64_t n; /* words */
	uint8_t rest[8];
	uint32_t n_rest; /* bytes of a word that is not whole yet */
};

void lm_hash_init(struct lm_hash *hash);
void lm_hash_add(struct lm_hash *hash, const void *data, size_t size);
/* The tensor ends: fills up the word that is not whole. */
void lm_hash_pad(struct lm_hash *hash);
uint64_t lm_hash_end(const struct lm_hash *hash);

/* Whether the tensors are what the file's key says, if it has one.  What was read of a mapped file
 * (NULL: it is in memory) is let go of.  Errors: FORMAT, MEMORY. */
mw_lm_err lm_hash_check(const struct gguf *gguf, const struct lm_file *file,
			const struct lm_why *why);

#endif
