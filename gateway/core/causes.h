/*
 * causes.h -- which variable, and which fault, is behind what is seen.
 *
 * Variables.  A *symptom* is what wants an explanation: an alarm of the control that stands, or,
 * when there is none, a channel that deviates.  Its weight is how unusual it is, in bits.  Every
 * channel is a candidate for it but alarms and counters, what the symptom itself drives (a
 * consequence), and, for an alarm, what has no path to it while others have.  A candidate counts
 *
 *     q = 2^(max(bits, 0) / 2) * 2^-(d - 1) * k * w
 *
 * with bits how unusual the candidate was when the symptom showed (unknown: 3; half, since channels
 * of one machine are not independent witnesses; at most 20), d the steps along
 * the topology from it to the symptom (itself: 1, no path: 5), k 1/2 for a command, since it is
 * mostly meant, and 1/4 for what deviates only after the symptom, w the weight of the profile's weak
 * point there (1 without).  The symptom's weight is shared among its candidates by q; a variable's
 * score is its part of all weights.  So what is abnormal, upstream and explains most comes first,
 * and an ancestor that is as it should be gets little.  The more recent of two equal ones goes
 * first.  (Consistency-based diagnosis in the sense of de Kleer and Williams, 1987, with measured
 * rarity in the place of failure priors.)
 *
 * An alarm counts as a symptom of its own rarity; one that belongs to normal life weighs nothing.
 *
 * Faults.  What the model holds likely is weighed with the profile's weak points at the variables
 * ranked: p(f) ~ prior(f) * sum over variables of score * weight(f there) * fit, normalised; fit is
 * 1/20 for an analogue sensor's fault (offset, drift, noise, saturation, unit, lag) of a state or a
 * command, else 1.
 *
 * Pure; no allocation; any thread.
 */
#ifndef MW_CORE_CAUSES_H
#define MW_CORE_CAUSES_H

#include "gateway/core/faults.h"
#include "gateway/core/profile.h"
#include "gateway/core/row.h"

#define MW_CAUSES_SYMPTOMS     32
#define MW_CAUSES_FAULTS       8
#define MW_CAUSES_UNKNOWN_BITS 3.0

/* A channel at the moment when a symptom showed. */
struct mw_cause_channel {
	bool present;     /* the machine has it and has reported it */
	bool known;       /* something is known of what is normal for it */
	double bits;      /* how unusual it was; <= 0 is normal */
	int64_t since_ns; /* since when it was so */
	int partner;      /* the channel that drives it and that it does not follow, -1 = none */
	double value;     /* its value then, for people */
};

struct mw_symptom {
	size_t channel;
	double bits; /* weight, > 0 */
	int64_t onset_ns;
	const struct mw_cause_channel *at; /* n_channels, lent */
};

struct mw_causes_input {
	size_t n_channels;                    /* <= MW_MAX_CHANNELS */
	const struct mw_profile *profile;     /* NULL = none */
	const struct mw_profile_paths *paths; /* of that profile */
	const int
	    *entry; /* index of each channel's entry in it, -1 = none; NULL without a profile */
	int64_t slack_ns;  /* times closer than this have no order */
	size_t n_symptoms; /* <= MW_CAUSES_SYMPTOMS */
	const struct mw_symptom *symptom;
};

struct mw_cause {
	size_t channel;
	double score;               /* 0..1; all sum to 1 */
	size_t symptom;             /* index of the one it explains most */
	unsigned distance;          /* steps to that one; 0 itself, MW_PROFILE_NO_PATH none */
	struct mw_cause_channel at; /* as it was then */
	double probability;         /* of mw_causes_blend */
};

/* Ranks candidates, best first; returns how many.  0: no symptom, or none that can be explained. */
size_t mw_causes_rank(const struct mw_causes_input *input,
		      struct mw_cause ret_cause[MW_MAX_CHANNELS]);

/* What the model and the window say of a channel, beside the ranking. */
struct mw_cause_view {
	bool read;        /* the model had a row for it */
	double suspicion; /* its head's log-odds, now */
	unsigned named;   /* place among the channels that the answer named, from 1; 0 = not */
};
/*
 * Joins both: probabilities that the anomaly comes from each variable, which then order the causes
 * (score stays what it was).  Where alarms of the control are the symptoms, the ranking decides:
 * p ~ score^a.  Else a conditional logit over the machine's variables
 *
 *     p ~ exp(b1 log score + b2 suspicion + b3 [named first] + b4 [named later])
 *
 * (McFadden 1974), whose weights were fitted on simulated machines of development seeds; reliability
 * on others is in model/RESULTS.md.  view: n_channels; lends.
 */
void mw_causes_blend(const struct mw_causes_input *input, const struct mw_cause_view *view,
		     struct mw_cause *cause, size_t n_cause);
/* Did nothing unusual show before it (by more than the input's slack)? */
bool mw_cause_is_first_out(const struct mw_causes_input *input, const struct mw_cause *cause,
			   size_t n_cause, size_t i);

/* From the answer's fault: it gets `probability`, the other faults of its kind or any fault when it
 * is NONE or UNKNOWN (sensor and process) share the rest evenly. */
void mw_causes_prior(enum mw_fault fault, double probability, double ret_prior[MW_N_FAULT]);

struct mw_fault_belief {
	enum mw_fault fault;
	double probability;
	const struct mw_profile_weak
	    *weak;                 /* the profile's weak point that speaks for it, or NULL */
	const char *cause, *check; /* the profile's, else the library's first; lent, never NULL */
};

/* The likeliest faults, best first; returns how many.  `cause` may be of length 0: then weak points
 * of anywhere count alone. */
size_t mw_causes_faults(const double prior[MW_N_FAULT], const struct mw_causes_input *input,
			const struct mw_cause *cause, size_t n_cause,
			const struct mw_fault_library *library, enum mw_language language,
			struct mw_fault_belief ret_belief[MW_CAUSES_FAULTS]);

#endif
