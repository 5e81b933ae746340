/*
 * lookout.h -- what wants an explanation on a machine, and which variable is behind it.
 *
 * Keeps the machine's timeline (timeline.h) and, for every alarm of the control that comes to
 * stand, how unusual each channel was when it showed: at that time and MW_LOOKOUT_SLACK_NS later,
 * since messages of one change come in any order.  When asked, those alarms are the symptoms; when
 * none stands, every channel that deviates is one.  What the window's statistics say of channels
 * that are no state channels is added (mw_lookout_finding).  causes.h ranks.
 *
 * The same code in the daemon, where rows are pushed, and in replay, where events are.  Pure; one
 * thread.  Memory: the timeline, and for as many alarms as the profile knows of, at most
 * MW_CAUSES_SYMPTOMS, two small records a channel.
 */
#ifndef MW_CORE_LOOKOUT_H
#define MW_CORE_LOOKOUT_H

#include "gateway/core/causes.h"
#include "gateway/core/evidence.h"
#include "gateway/core/timeline.h"

#define MW_LOOKOUT_SLACK_NS INT64_C(1000000000)

struct mw_lookout;

/* Profile: borrowed for the lookout's life; NULL = none.  entry[c]: the profile's entry of channel
 * c, -1 = none; copied. */
MW_MUST_CHECK mw_err mw_lookout_new(const struct mw_profile *profile, const int *entry,
				    size_t n_channels, struct mw_lookout **ret_lookout);
void mw_lookout_free(struct mw_lookout *lookout);

/* As mw_timeline_push, _learn and _cut. */
void mw_lookout_push(struct mw_lookout *lookout, size_t channel, int64_t time_ns, double value);
void mw_lookout_learn(struct mw_lookout *lookout, bool learn);
void mw_lookout_cut(struct mw_lookout *lookout, int64_t time_ns);

/* What the present window says of a channel, by the evidence's own index; false: nothing, for it
 * was never learnt.  Bits: two an octave of strength past the healthy one; the channel's own level
 * counts in full, what only the other channels or its recent past make unusual by half, since a
 * joint model spreads one channel's deviation over all (Alcala and Qin 2009 on smearing). */
bool mw_lookout_finding(const struct mw_evidence *evidence, size_t channel, int64_t now_ns,
			struct mw_cause_channel *ret_finding);

/* Ranked causes at a time not before the last push. */
struct mw_ranking {
	size_t n_symptom, n_cause;
	struct mw_symptom symptom[MW_CAUSES_SYMPTOMS]; /* `at` lent until the next call */
	struct mw_cause cause[MW_MAX_CHANNELS];
	struct mw_causes_input input; /* what was ranked, for mw_causes_faults; lent as well */
};
/* finding: n_channels; `known` false where there is none. */
void mw_lookout_rank(struct mw_lookout *lookout, int64_t time_ns,
		     const struct mw_cause_channel *finding, struct mw_ranking *ret_ranking);
/* What the lookout holds for the kind of a channel. */
enum mw_channel_kind mw_lookout_kind(const struct mw_lookout *lookout, size_t channel);

/* State for the store, and back into a fresh lookout of the same machine.  A state of another
 * profile is left out: the lookout stays as new.  Trusts nothing: MW_E_CORRUPT. */
void mw_lookout_put(const struct mw_lookout *lookout, struct mw_writer *writer);
MW_MUST_CHECK mw_err mw_lookout_get(struct mw_lookout *lookout, struct mw_reader *reader);

#endif
