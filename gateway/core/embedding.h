/*
 * embedding.h -- a window as one vector, so that windows of one asset can be compared: how the model
 * read it, and which channels it held for faulty.
 *
 *     v = int8( unit(h - c) , unit(s) )
 *
 * h is the model's hidden state when it has read the question (mw_lm_hidden), c the mean of h over
 * the asset's own healthy windows: what all windows of a machine share says nothing.  s has one
 * number a channel of the asset: the largest patch probability of its row, 0 without a row.  unit()
 * is to length 1 (zeros stay).  Both halves count the same; model/eval/similar.py measures it
 * against either alone.  value[i] = round(v[i] / scale), scale = max|v| / 127.
 *
 * Vectors of other model files are not comparable, whoever keeps them keeps the model's name.
 * Pure; any thread.
 */
#ifndef MW_CORE_EMBEDDING_H
#define MW_CORE_EMBEDDING_H

#include "gateway/core/judge.h"

#define MW_HIDDEN_MAX          1024 /* width of a model; windows of a wider one have no embedding */
#define MW_EMBEDDING_MAX       (MW_HIDDEN_MAX + MW_MAX_CHANNELS)
#define MW_EMBEDDING_LEARN     256 /* healthy windows that make c; it stays then */
#define MW_EMBEDDING_LEARN_MIN 16  /* with fewer of them there is no embedding */

struct mw_embedding {
	uint32_t n; /* the model's width and one a channel; 0: there is none */
	float scale;
	int8_t value[MW_EMBEDDING_MAX];
};

/* c, as far as it is learnt; zeroed: nothing yet. */
struct mw_embedding_center {
	uint32_t n_hidden, n_windows;
	float *mean; /* [n_hidden], owned */
};
/* Makes room for a c of that width (at most MW_HIDDEN_MAX; 0: none) and forgets what was learnt.
 * MW_E_NOMEM: it is as zeroed. */
MW_MUST_CHECK mw_err mw_embedding_center_reset(struct mw_embedding_center *center,
					       uint32_t n_hidden);
void mw_embedding_center_done(struct mw_embedding_center *center);

/* Takes in a healthy window; a reading of another width starts over.  Without memory it is left out. */
void mw_embedding_learn(struct mw_embedding_center *center, const struct mw_reading *reading);
/* Channel row i+1 of the reading shows asset channel channel[i].  n = 0 where there is no model, no
 * center yet, or n_channels > MW_MAX_CHANNELS. */
void mw_embedding_make(const struct mw_embedding_center *center, const struct mw_reading *reading,
		       const uint8_t *channel, size_t n_channels,
		       struct mw_embedding *ret_embedding);

/* Cosine of the angle, -1..1; 0 when either is zero or absent.  What one lacks at its end (channels
 * that came up later) counts as 0. */
double mw_embedding_cosine(const struct mw_embedding *a, const struct mw_embedding *b);

#endif
