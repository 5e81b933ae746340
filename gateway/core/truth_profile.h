/*
 * truth_profile.h -- what a site's engineers might have written of a simulated machine: limits a
 * little outside of what it does, what drives what, and a weak point that is sometimes the one that
 * breaks.  For training: a model that reads profiles must have seen some.
 */
#ifndef MW_CORE_TRUTH_PROFILE_H
#define MW_CORE_TRUTH_PROFILE_H

#include "gateway/core/profile.h"
#include "model/corpus/rng.h"
#include "model/corpus/sim.h"

/* One entry a channel; ret_profile [series->n_channels]. */
void mw_truth_profile(const struct mw_sim_series *series, struct mw_rng *rng,
		      struct mw_profile_channel *ret_profile);

#endif
