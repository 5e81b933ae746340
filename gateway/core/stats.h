/*
 * stats.h -- statistics of one channel (or two) over one window, beside the joint model's evidence.
 *
 * A window is an array of readings in time order, one per row; NaN = missing, and an infinite
 * reading counts as missing too.  A reading past +-MW_STAT_LARGEST counts as that bound.  Pure: no
 * state but the structs handed in, no allocation, a fixed order of summation, and of libm only what
 * is said.  Results are finite and within the bounds stated; only mw_stat_detrend and
 * mw_counter_rate give NaN.  "Undefined" below means: fewer than MW_STAT_FEW readings, or no
 * movement at all; then the neutral value stated comes out.
 */
#ifndef MW_CORE_STATS_H
#define MW_CORE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_STAT_ROWS      64     /* of a window: what the spectrum is made of */
#define MW_STAT_LARGEST   1e75   /* its fourth power, summed over a window, is still a double */
#define MW_STAT_FEW       8      /* fewer readings than this say nothing */
#define MW_STAT_STILL     1e-12  /* less movement than this share of the largest is rounding */
#define MW_STAT_LOG_MOST  16.0   /* bound of a log2 ratio */
#define MW_STAT_R_MOST    0.9999 /* bound of a correlation before Fisher's z */
#define MW_STAT_LAG1_MOST 0.99   /* bound of a lag-1 autocorrelation */

/* log2(value / reference), bounded by +-MW_STAT_LOG_MOST.  Both 0: 0.  Only the reference 0: the
 * upper bound.  Neither may be negative.  libm: log2. */
double mw_stat_log_ratio(double value, double reference);

/* The z whose two-sided tail has probability p: P(|Z| >= z) = p.  p is taken into [1e-12, 1].
 * Accuracy 1e-6.  Source: Wichura, AS 241 (PPND7), Applied Statistics 37 (1988).  libm: sqrt,
 * log2. */
double mw_stat_z_of_p(double p);

/* --- shape of a fast channel ------------------------------------------------------------------ */

/* Readings minus their least-squares line over the row number; NaN where missing.  All 0 when what
 * is left is rounding (MW_STAT_STILL of the largest reading).  Returns how many readings there are.
 * In the channel's unit. */
size_t mw_stat_detrend(const double *value, size_t n, double *ret_residual);

/* Of a detrended window, over the readings present.  Sources: ISO 13373-2 (crest, RMS); Randall,
 * Vibration-based Condition Monitoring, 2nd ed., 2.2 and 5.3 (kurtosis as impulsiveness).
 * libm: sqrt. */

/* sqrt(mean x^2), in the channel's unit.  Undefined: 0. */
double mw_stat_rms(const double *residual, size_t n);
/* Fisher's excess, g2 = mean x^4 / (mean x^2)^2 - 3; a normal signal 0, a sine -1.5; spread
 * sqrt(24 / n) under normality; within [-2, n].  Undefined: 0. */
double mw_stat_kurtosis(const double *residual, size_t n);
/* max |x| / rms; a sine 1.41, a normal signal of 64 rows about 2.5; within [1, sqrt n].
 * Undefined: 0. */
double mw_stat_crest(const double *residual, size_t n);

/* Power in frequency bands of a detrended window of MW_STAT_ROWS rows: Hann window (periodic), 64
 * point FFT, one-sided periodogram 2 |X_k|^2 / (64 sum w^2) (k = 32 once), summed over bins.
 * Missing rows weigh nothing.  Cycles per row: [1/64, 1/16), [1/16, 1/8), [1/8, 1/4), [1/4, 1/2].
 * Source: Welch, IEEE Trans. Audio Electroacoust. 15 (1967), one segment; FFT: Cooley and Tukey
 * (1965).  No libm: the sines are a table. */
#define MW_STAT_BANDS 4
struct mw_stat_bands {
	double energy[MW_STAT_BANDS]; /* unit^2; their sum is about the mean square */
	double share[MW_STAT_BANDS];  /* of their sum: 0..1; undefined: all 0 */
};
void mw_stat_bands(const double *residual, struct mw_stat_bands *ret_bands);

/* --- flatline and dropout --------------------------------------------------------------------- */

/* Runs of equal readings, in readings: missing rows neither lengthen nor break a run. */
struct mw_stat_run {
	uint32_t longest; /* in the window; 0: no reading */
	uint32_t last;    /* the one that ends the window */
};
struct mw_stat_run mw_stat_flat_run(const double *value, size_t n);
/* Runs of missing rows, in rows; last: 0 when the last row has a reading. */
struct mw_stat_run mw_stat_gap_run(const double *value, size_t n);
/* Share of missing rows, 0..1; of no rows: 0. */
double mw_stat_gap_share(const double *value, size_t n);

/* --- slow drift against a long memory --------------------------------------------------------- */

/* Autocorrelation at lag 1 over neighbouring readings, about the mean of the readings:
 * sum (x_t - m)(x_t+1 - m) / sum (x_t - m)^2, bounded by +-MW_STAT_LAG1_MOST.  Undefined: 0.
 * Source: Box, Jenkins, Reinsel, Time Series Analysis, 2.1.5. */
double mw_stat_lag1(const double *value, size_t n);

/* How many independent readings n autocorrelated ones are worth: n (1 - r) / (1 + r) for lag-1
 * autocorrelation r (a first-order process), within [1, n]: alternation earns nothing.  Source:
 * Bayley and Hammersley, J. R. Stat. Soc. Suppl. 8 (1946). */
double mw_stat_effective_rows(double n, double lag1);

/*
 * What the channel was like over the last thousand or so *healthy* rows: exponentially weighted
 * mean, variance and lag-1 autocovariance of z = (value - location) / scale, where location and
 * scale are those learnt and do not move.  Rows scored or labelled as anomalous are not taken in,
 * and z is cut at MW_LONG_CLIP, so no fault, however long, moves the memory by itself.  The first
 * MW_LONG_ROWS rows are weighted equally (a plain mean).  Plain data: may be copied and stored.
 * Source: Roberts, Technometrics 1 (1959); variance of the mean: Lucas and Saccucci (1990).
 */
#define MW_LONG_ROWS 1024
#define MW_LONG_CLIP 8.0
struct mw_long_memory {
	double location, scale;            /* learnt; scale > 0 */
	double mean, variance, covariance; /* of z, about 0 for the mean learnt */
	double last;                       /* z of the row before, when has_last */
	uint32_t rows;                     /* taken in, counted up to MW_LONG_ROWS */
	uint32_t has_last;                 /* 1: the row before was taken in */
};
/* scale not above 0 or not finite counts as 1; location not finite as 0. */
void mw_long_memory_init(struct mw_long_memory *memory, double location, double scale);
/* The next row; a missing or unhealthy one only breaks the chain of neighbours. */
void mw_long_memory_push(struct mw_long_memory *memory, double value, bool healthy);
/* (long mean - location) / scale, within +-MW_LONG_CLIP; before any row: 0. */
double mw_long_memory_drift(const struct mw_long_memory *memory);
/* Standard error of the drift, in the same unit: sqrt(variance / effective rows), where the memory
 * is worth min(rows, 2 MW_LONG_ROWS - 1) rows before the correction for autocorrelation.  At least
 * 1e-3; before MW_STAT_FEW rows: 1. */
double mw_long_memory_error(const struct mw_long_memory *memory);

/* --- states, events, counters ----------------------------------------------------------------- */

enum mw_series_kind {
	MW_SERIES_MEASURED, /* a quantity; also whatever is not clearly one of the others */
	MW_SERIES_STATE,    /* a switch, a mode, an enumeration, a stepwise set point */
	MW_SERIES_COUNTER,  /* counts up in integers, may be reset */
	MW_SERIES_CONSTANT  /* never moved */
};

/*
 * Guesses a channel's kind from its learn rows:
 *   fewer than MW_STAT_FEW readings                                     -> MEASURED
 *   all equal                                                           -> CONSTANT
 *   a reading that is not an integer (or past 2^53)                     -> MEASURED
 *   at least 8 steps up, at most one fall per 8 of them, each fall to no
 *   more than the least reading plus the largest step up                -> COUNTER
 *   at most 8 values, at most 1 change per 4 readings, and either codes (all within +-16) or values
 *   with a hole between (a quantised reading walks through neighbours); codes that only ever move
 *   to a neighbour among 3 or more must hold 16 readings a change       -> STATE
 *   else                                                                -> MEASURED
 * Errs: an integer-valued quantity that only rose while learning looks like a counter; a quiet
 * small integer quantity (a pressure of 3, 4 or 5 bar) like a state; a program step of more than 8
 * values like a counter; a state coded as two large neighbours (71, 72) or in fractions like a
 * measurement.  A profile's word goes before this guess.
 */
enum mw_series_kind mw_stat_kind(const double *value, size_t n);

/* The states of a channel while it was learnt.  A spell is a run of one state; missing rows neither
 * break nor lengthen it.  Rows of a spell are not independent, so states are counted in looks: a
 * spell is one, and one more for each further MW_STAT_ROWS rows of it.  Plain data. */
#define MW_STATE_MAX 16
struct mw_state {
	double value;
	uint32_t rows, spells, looks;
	uint32_t longest; /* spell, in readings */
};
struct mw_state_table {
	uint32_t n;        /* states, in order of appearance */
	uint32_t looks;    /* of all states, those left out included */
	uint32_t left_out; /* readings of a 17th state and later ones */
	struct mw_state state[MW_STATE_MAX];
};
void mw_state_learn(struct mw_state_table *ret_table, const double *value, size_t n);
/* Index of a value's state, or MW_STATE_MAX when it was never seen. */
size_t mw_state_find(const struct mw_state_table *table, double value);
/* A z (mw_stat_z_of_p) of how rare a state is: p = (looks at states as rare or rarer + 1) / (all
 * looks + 1), so the commonest state gives 0 and a state never seen p = 1 / (looks + 1), which is
 * the rule of succession's answer.  Missing: 0.  Within [0, 8]. */
double mw_state_surprise(const struct mw_state_table *table, double value);
/* log2 of the present spell's readings to the longest one learnt of that state (which may have been
 * cut by the ends of learning), within +-MW_STAT_LOG_MOST.  Never seen, missing or no reading: 0. */
double mw_state_dwell(const struct mw_state_table *table, double value, uint32_t readings);

/* Counts per row: now - before.  NaN when either is missing or the counter fell (a reset, or its
 * roll-over: how far it counts is not known). */
double mw_counter_rate(double before, double now);

/* --- two channels ----------------------------------------------------------------------------- */

/* Pearson's correlation of x[t] and y[t + lag] over the rows where both have a reading; within
 * +-1.  Undefined (fewer than 2 MW_STAT_FEW pairs, or one of them still): 0.  libm: sqrt. */
double mw_stat_correlation(const double *x, const double *y, size_t n, int lag);
/* The lag, in rows, of largest |correlation| among -max_lag..max_lag (cut to n / 4): positive when
 * y follows x.  Of equals (within 1e-9) the nearest to 0, and then the positive one.  Undefined: 0,
 * correlation 0.  Source: Knapp and Carter, IEEE Trans. ASSP 24 (1976), the plain cross-correlator;
 * normalised per lag. */
int mw_stat_lag(const double *x, const double *y, size_t n, int max_lag, double *ret_correlation);
/* Fisher's z = atanh r, r bounded by +-MW_STAT_R_MOST: within +-4.96.  libm: log2. */
double mw_stat_fisher_z(double r);
/* How far two correlations are apart, in standard errors: (z(r) - z(learnt)) sqrt(rows - 3) with
 * the effective rows of the window; at fewer than 4 rows 0.  The one learnt counts as exact.
 * Source: Fisher, Metron 1 (1921). */
double mw_stat_correlation_change(double r, double learnt, double rows);

#endif
