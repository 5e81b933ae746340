/*
 * proof.h -- which statistic of which channel proves an injected fault, decided from what the twins
 * really did.
 *
 * Over some rows the difference d = value - healthy of a channel falls into orthogonal parts: its
 * mean (level), its trend (slope), what follows the healthy twin's own movement (the channel
 * answers more or less than it should: coupling) and the rest.  The squares of the parts add up to
 * that of d.  The largest part is the proof; the rest proves by the spread of the channel where its
 * steps have become larger or smaller, else only by the residual, d itself.  Lost readings and a
 * reading that stands still come before all of these.
 *
 * Units: noise units of the channel (measure.h).  A reading that is missing is the one before.
 * Pure; one thread.
 */
#ifndef MW_CORPUS_PROOF_H
#define MW_CORPUS_PROOF_H

#include "model/corpus/sim.h"

#define MW_PROOF_STILL_ROWS 8    /* and half of the rows, twice as long as the healthy twin */
#define MW_PROOF_GAP_SHARE  0.1  /* of the rows lost */
#define MW_PROOF_STEP_RATIO 1.5  /* factor on the rms step, either way */
#define MW_PROOF_STEP_FLOOR 0.05 /* steps under this are as good as none */

struct mw_proof_stats {
	size_t n;                            /* rows */
	double rms;                          /* of d */
	double level, slope, coupling, rest; /* parts of d, root mean square; slope with its sign,
						 level too, coupling positive for a larger answer */
	double step, step_healthy;           /* rms step from row to row */
	size_t still, still_healthy;         /* longest run of one reading, rows */
	size_t lost;                         /* readings lost to the fault */
};

/* Rows from .. to - 1 of a channel. */
void mw_proof_measure(const struct mw_sim_series *series, size_t channel, size_t from, size_t to,
		      struct mw_proof_stats *ret_stats);
/* NONE: nothing deviates. */
enum mw_proof mw_proof_decide(const struct mw_proof_stats *stats);

#endif
