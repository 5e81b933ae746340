/*
 * mixture.h -- internal to the corpus: an unnamed disturbance of any machine, for training only.
 *
 * A few measured channels, drawn anew for every fault, are each pushed in a way of their own: to
 * another level, away at a slope, into scatter, into a wave, into jolts, or after another channel.
 * At least two ways are among them, so that it is not one of the generic process' disturbances, all
 * of whose channels move alike.  No physics: what matters is that there are many.
 */
#ifndef MW_CORPUS_MIXTURE_H
#define MW_CORPUS_MIXTURE_H

#include "model/corpus/run.h"

/* Adds what the act does at its row to the machine's channels, by the machine's index. */
void mw_mixture_push(const struct mw_run *run, const struct mw_plant_act *act, double *truth);
/* The channels it pushes, prompt ones first, by the machine's index; their number returned.  0 as
 * long as the series has no channels. */
size_t mw_mixture_cause(const struct mw_run *run, const struct mw_plant_act *act,
			uint8_t *ret_full);

#endif
