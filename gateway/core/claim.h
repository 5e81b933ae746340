/*
 * claim.h -- what may be said in words of a channel of the window: "rose", "stands still",
 * "after the first channel".  Every claim is decided from the rows that the event keeps, so that whoever has
 * the event can decide it again (model/eval/words.py does).
 *
 * z = (value - expected) / spread; A = the rows since the onset, B = the patch before it; rows without
 * a reading are left out.  What the list has no room for:
 *   above, below the peak, >= 2, and >= .8 of A's readings are on that side of what was expected
 *   rose, fell   the value itself went that way by >= 1 spread; the change is >= 1.5 of the rms of z about
 *                its mean in the last half of A; no swings, not back
 *   gradual      a straight line explains at least as much of z as the best single step
 *   growing      the last quarter is >= 3 and >= 1.1 of the third; the last 4 readings are >= .98 of any 4 in
 *                a row and >= 1.05 of those 8 readings earlier
 *   noisy        also without the largest step, and the median step is as large, and so are the reading's
 *                own steps, whatever was expected; the rms step is >= .8 of
 *                the rms of z about its mean, >= 1 of |mean z|, and >= 1.5 of that of the rows before the
 *                onset (>= 8 steps there); no spikes, no swings
 *   calm         |mean z| < 3
 *   swings       z passes its mean >= 3 times, by half its rms each way; the autocorrelation is >= .5 at
 *                1 row, of >= 24 rows; or >= .2 there and >= .45 again beyond its lowest
 * Pure.
 */
#ifndef MW_CORE_CLAIM_H
#define MW_CORE_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, statistic that is cited */
#define MW_CLAIM_MAP(X)                                                                            \
	X(ABOVE, "above") /* deviation of the finding, when its direction is that ... */           \
	X(BELOW, "below")                                                                          \
	X(ROSE, "rose")       /* mean z of the last 4 readings minus that of B: >= 2 ... */        \
	X(FELL, "fell")       /* ... <= -2 */                                                      \
	X(SUDDEN, "sudden")   /* rows after which 80 % of the change was reached: <= 8 */          \
	X(GRADUAL, "gradual") /* correlation of A with time: >= .8, >= 16 rows ... */              \
	X(GROWING, "growing") /* mean |z| of the last quarter of A to the second's: >= 1.5 ... */  \
	X(BACK, "back")       /* largest |z|: >= 4, and < 2 in each of the last 4 rows */          \
	X(STILL, "still")     /* newest readings, one and the same value: >= 12, and .8 of A */    \
	X(LOST, "lost")       /* share of A without a reading: >= .25, or the last 4 rows */       \
	X(SPIKES, "spikes")   /* rows with |z| >= 6, >= 4 more than beside; median |z| of A < 2 */ \
	X(NOISY, "noisy")     /* rms step in A to the healthy one: >= 1.8 ... */                   \
	X(CALM, "calm")       /* ... <= .5 ... */                                                  \
	X(SWINGS, "swings")   /* lowest autocorrelation of A: <= -.4; rms >= 2, >= 16 rows ... */  \
	X(OVER_LIMIT, "over_limit")   /* largest value in A, past the profile's limit */           \
	X(UNDER_LIMIT, "under_limit") /* smallest */                                               \
	X(SLIGHT, "slight")           /* |deviation| at the peak: < 5 */                           \
	X(STRONG, "strong")           /* ... >= 15 */                                              \
	X(AFTER, "after")   /* rows from the first channel's leaving (|z| >= 4 in two rows) */     \
	X(BEFORE, "before") /* to this one's: >= 4; <= -4 */                                       \
	X(WITH, "with")     /* between */                                                          \
	X(GONE, "gone")     /* share of A without a reading: >= .7, or the last 8 rows */

enum mw_claim {
#define X(name, text) MW_CLAIM_##name,
	MW_CLAIM_MAP(X)
#undef X
	    MW_N_CLAIM
};
#define MW_CLAIM(name) (1u << MW_CLAIM_##name)

/* Of the event. */
enum mw_event_claim {
	/* There are channels that are not named, and the largest level of any since the onset is */
	MW_CLAIM_OTHERS_STEADY, /* < 3 */
	MW_CLAIM_OTHERS_OFF,    /* >= 6 */
	MW_N_EVENT_CLAIM
};

const char *mw_claim_text(enum mw_claim claim);
const char *mw_event_claim_text(enum mw_event_claim claim); /* "others.steady" */
/* Of n bytes; -1: no such claim. */
int mw_claim_from_text(const char *text, size_t n);
int mw_event_claim_from_text(const char *text, size_t n);

/* A set as its names, apart by blanks, and back (names that are not known are left out); returns ret. */
#define MW_CLAIMS_TEXT_SIZE 256
char *mw_claims_text(uint32_t set, char ret[MW_CLAIMS_TEXT_SIZE]);
uint32_t mw_claims_from_text(const char *text);

/* One channel's rows. */
struct mw_claim_rows {
	size_t n;                       /* rows, oldest first */
	const double *value, *expected; /* [n]; NaN: no reading, nothing known */
	double spread, step;            /* healthy: spread, and rms of the steps, in the unit */
	size_t onset;                   /* first row of A */
	bool onset_before;              /* the onset lies before the rows: B is their first patch */
	double deviation;               /* of the finding's peak */
	int direction;                  /* of the finding */
	bool still_is_odd;              /* a run of equal readings would be unusual here */
	double low, high;               /* limits; NaN: none */
};

/* Bits of enum mw_event_claim: of so many other channels, with this largest level. */
uint32_t mw_event_claims_of(uint32_t n, double level);

/* What holds of it, and what is cited. */
struct mw_claims {
	uint32_t set;             /* bits MW_CLAIM(...) */
	double value[MW_N_CLAIM]; /* the statistic of each that holds; else 0 */
	double spread, step;      /* as above */
	double from, now; /* mean of B and of the last 4 readings, in the unit; NaN: unknown */
	double limit;     /* the one passed; NaN: none */
	int left; /* row in which it left its normal range; -1: it did not, or before the window */
};

/* Everything but AFTER, BEFORE and WITH. */
void mw_claims_decide(const struct mw_claim_rows *rows, struct mw_claims *ret_claims);
/* Those three, of a channel against the first. */
void mw_claims_order(const struct mw_claims *first, struct mw_claims *claims);

#endif
