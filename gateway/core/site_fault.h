/*
 * site_fault.h -- a site's own faults: described by what is seen, used without any training.
 *
 * An entry says which channels do what (a *sign*): "*oil*temp* fell", "flow steady".  A window is
 * held against every entry.  A level has two witnesses, the channel's own deviation and that from
 * what the other channels call for; each is worth -1 (plainly the other way) to 1 (plainly so), by
 * the logarithm of its size, and their mean is what the sign shows: a residual alone may be another
 * channel's doing.  Unrest (noisy, swings, spikes) is one quantity, graded, since it depends on the
 * period of sampling how it looks.  The entry's log-odds against "unknown" are a weighted sum of what
 * is seen, by channels as far as the model suspects them; what is missing; what moves though it should
 * not; and what deviates without being spoken of.  The model's own name has log-odds by its
 * probability, within bounds: how sure it is says little where it never saw the fault.  A sensor
 * is believed to be at fault while one channel is off, and not when several are.  All of them, and
 * "unknown", share one probability (a multinomial logit).  Its weights were fitted on simulated
 * machines of development seeds and faults (model/eval/site_develop.py), not on the faults that are
 * reported.
 *
 * Pure; no allocation; any thread.
 */
#ifndef MW_CORE_SITE_FAULT_H
#define MW_CORE_SITE_FAULT_H

#include "gateway/core/event.h"
#include "gateway/core/evidence.h"

#define MW_SITE_FAULTS_MAX 64
#define MW_SITE_SIGNS_MAX  12
#define MW_SITE_TEXTS      3

/* What a channel does: a claim (claim.h), or that it does nothing. */
enum { MW_SIGN_STEADY = MW_N_CLAIM, MW_N_SIGN };
const char *mw_sign_text(int does);
int mw_sign_from_text(const char *text); /* -1: no such word */

struct mw_site_sign {
	char channel[MW_NAME_SIZE]; /* a name or pattern (profile.h); "" = by role */
	enum mw_role role;
	int does;                 /* enum mw_claim or MW_SIGN_STEADY */
	char other[MW_NAME_SIZE]; /* AFTER, BEFORE, WITH: which channel; a name or pattern */
	double weight;            /* > 0 */
};

struct mw_site_fault {
	char code[MW_CODE_SIZE];
	char name[2][MW_NAME_SIZE]; /* by enum mw_language */
	char cause[2][MW_SITE_TEXTS][MW_PHRASE_SIZE], check[2][MW_SITE_TEXTS][MW_PHRASE_SIZE];
	double weight; /* how many times as likely as others: > 0 */
	size_t n_sign;
	struct mw_site_sign sign[MW_SITE_SIGNS_MAX];
};

/* What one channel does in the window. */
struct mw_site_channel {
	const char *name;
	enum mw_role role;
	uint32_t claims; /* bits MW_CLAIM(...) but AFTER, BEFORE, WITH */
	double level; /* healthy spreads: of the newest patches, or since the onset, the larger */
	double residual;  /* of the newest patches, against what the other channels call for */
	double unrest;    /* octaves past healthy, since the onset: 0 .. 3 */
	int left;         /* patch in which it began to deviate; -1: it does not */
	double suspicion; /* the model's log-odds; -INFINITY: not read */
};
struct mw_site_window {
	size_t n_channel;
	struct mw_site_channel channel[MW_MAX_CHANNELS];
};
/* Fills level, residual, unrest and left from the evidence, onset patch as in mw_evidence_finding;
 * the rest is the caller's. */
void mw_site_look(const struct mw_evidence *evidence, size_t channel, size_t onset_patch,
		  struct mw_site_channel *ret_channel);

/* How an entry fits. */
struct mw_site_fit {
	/* Sums over its signs but steady ones, by weight; a sign counts at most 1. */
	double seen; /* as far as the model suspects the channel, too */
	double shown, missing;
	double moved; /* the worst of its steady ones: 0 .. 1, as far as the channel is suspected */
	double unspoken;   /* likewise, octaves past healthy of what it does not speak of: 0 .. 3 */
	size_t n_measured; /* signs whose channel is there */
};
void mw_site_fit(const struct mw_site_fault *fault, const struct mw_site_window *window,
		 struct mw_site_fit *ret_fit);

/* Which entry it is, if it is one. */
struct mw_site_match {
	int best;              /* index of the likeliest entry that could be judged; -1: none */
	double probability;    /* of it */
	double named, unknown; /* of the model's own name; that it is neither */
	bool wins;             /* likelier than the name, and than not */
};
/* The model's own fault name and its probability; 0 = it named none.  held: the entry that the event
 * already carries, which another must beat clearly; -1: none. */
void mw_site_match(const struct mw_site_fault *fault, size_t n_fault,
		   const struct mw_site_window *window, enum mw_fault named, double probability,
		   int held, struct mw_site_match *ret_match);

#endif
