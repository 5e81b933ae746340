/*
 * timeline.h -- what is normal for channels that change by events: states, how long they last, and
 * which of them go together.
 *
 * A *track* is a channel, or two channels where one drives the other; its state is the value, or
 * both values.  A *sojourn* is the time from entering a state to leaving it.  In normal life every
 * state has its sojourns, so how unusual it is that a track stands in a state for d seconds is how
 * rarely normal life held it there for at least as long:
 *
 *     rarity = min( log2(E / (N + 1/2) / 60 s), log2(E / L) )   [bits]
 *
 * with E the seconds of normal life in which the track was seen, N the sojourns in that state of d
 * or longer and L the seconds spent in them.  The first term says how seldom such a sojourn begins
 * (with half a count for what was never seen, as Krichevsky and Trofimov's estimator has it): 0 =
 * once a minute, 6 = once an hour.  The second is the chance of finding the track in one: what
 * nearly always holds is not rare, however seldom it begins; it is left out while L is 0.  A
 * sojourn that was cut off by the recording's begin or end may have been as long as one likes and
 * counts for every d.  Lengths are kept in half octaves; one in the bin of d counts as longer.
 *
 * A track that takes more than MW_TIMELINE_STATES states is no state channel: nothing is said of
 * it.  Pure; one thread.  A track has memory for its states alone (50 bytes each, and 12 for every length
 * that was seen) and gives it back when it turns out to be no state channel; when memory is short it
 * counts as one, too.
 */
#ifndef MW_CORE_TIMELINE_H
#define MW_CORE_TIMELINE_H

#include "gateway/base/pack.h"
#include "gateway/core/row.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_TIMELINE_STATES     16  /* of one track */
#define MW_TIMELINE_PAIRS_MAX  512 /* of one timeline */
#define MW_TIMELINE_EXPOSURE_S 60  /* less normal life than that says nothing */

struct mw_timeline;

/* Channel `from` drives channel `to`. */
struct mw_timeline_pair {
	uint16_t from, to;
};

/* How unusual the state is that a track stands in. */
struct mw_rarity {
	bool known; /* normal life was seen, and the track is a state channel standing in a state */
	double bits;      /* see above; may be negative */
	double value[2];  /* the state; value[1] of a pair's driven channel */
	int64_t since_ns; /* when it was entered */
	uint32_t seen;    /* sojourns of normal life in that state, of any length */
};

/* Copies the pairs.  MW_E_INVAL: a pair names a channel that is not there, or there are more than
 * MW_TIMELINE_PAIRS_MAX. */
MW_MUST_CHECK mw_err mw_timeline_new(size_t n_channels, const struct mw_timeline_pair *pair,
				     size_t n_pairs, struct mw_timeline **ret_timeline);
void mw_timeline_free(struct mw_timeline *timeline);

/* A channel has this value from now on; times must not go back (an earlier one is taken as the last
 * one).  NaN: it is not known any more. */
void mw_timeline_push(struct mw_timeline *timeline, size_t channel, int64_t time_ns, double value);
/* Normal life from here to the next mw_timeline_cut is learnt, or is only followed (the default). */
void mw_timeline_learn(struct mw_timeline *timeline, bool learn);
/* The recording ends here: open sojourns are cut off and no channel's value is known any more. */
void mw_timeline_cut(struct mw_timeline *timeline, int64_t time_ns);

/* How unusual a channel's, or pair i's, state is at a time not before the last push. */
struct mw_rarity mw_timeline_rarity(const struct mw_timeline *timeline, size_t channel,
				    int64_t time_ns);
struct mw_rarity mw_timeline_pair_rarity(const struct mw_timeline *timeline, size_t pair,
					 int64_t time_ns);
/* Seconds of normal life in which the channel was seen. */
double mw_timeline_exposure(const struct mw_timeline *timeline, size_t channel);

/* Exact state for the store, and back (owned).  Trusts nothing: MW_E_CORRUPT. */
void mw_timeline_put(const struct mw_timeline *timeline, struct mw_writer *writer);
MW_MUST_CHECK mw_err mw_timeline_get(struct mw_reader *reader, struct mw_timeline **ret_timeline);
/* Was it made for these? */
bool mw_timeline_is_of(const struct mw_timeline *timeline, size_t n_channels,
		       const struct mw_timeline_pair *pair, size_t n_pairs);

#endif
