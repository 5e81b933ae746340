/*
 * baseline_impl.h -- the inside of struct mw_baseline, shared by baseline*.c and evidence.c.
 *
 * n = channels.  Quantities called "raw" are in multiples of the channels' healthy spread (z units)
 * and not yet divided by their held-out residual scale.
 */
#ifndef MW_CORE_BASELINE_IMPL_H
#define MW_CORE_BASELINE_IMPL_H

#include "gateway/core/baseline.h"
#include "gateway/core/symptom.h"

#define BASELINE_LAGS     2
#define BASELINE_HEADER   7
#define BASELINE_Z_MAX    60.0  /* bound of z, r and e */
#define BASELINE_D_MAX    100.0 /* bound of d */
#define BASELINE_ABSURD   1e30 /* no sensor reads beyond it; also the scale of an unknown channel */
#define BASELINE_MIN_READ 16   /* readings from which a channel's health is known */
#define BASELINE_MEWMA    0.15
#define BASELINE_W_MAX                                                                             \
	20.0 /* bound of what the MEWMA takes in: one gross row must not blind it                  \
	      */

/* The asset's statistics, in this order wherever there are four of them. */
enum { STAT_T2, STAT_Q, STAT_DYNAMIC, STAT_MEWMA, N_STAT };

/* Static and dynamic model of z.  Arrays are borrowed from one block. */
struct joint {
	double *mean;      /* [n] */
	double *precision; /* [n][n] */
	double *var;       /* [2n][n]: the row of a regressor, lag 1 first */
	double *intercept; /* [n]: e_raw = z - intercept - var' lags */
};
#define JOINT_DOUBLES(n) (2 * (n) + 3 * (n) * (n))
/* Cuts a block of JOINT_DOUBLES(n) into the arrays. */
void joint_place(struct joint *joint, double *block, size_t n);

struct mw_baseline {
	size_t n_channels, n_rows;
	double *block; /* owns every array below but the learn rows; BASELINE_DOUBLES long */
	double *location, *scale, *step_scale; /* [n] */
	double *static_scale, *dynamic_scale;  /* [n], z units, held out */
	double *header;                        /* [n][BASELINE_HEADER] */
	double *median;                        /* [N_STAT] healthy medians, held out */
	double *whitener; /* [n][n] precision of the scaled dynamic residuals */
	struct joint joint;
	struct regime_model regime;
	struct channel_model *channel; /* [n], owned */
	struct symptom_model *symptom; /* [n], owned */
	double *learn; /* [n_rows][LEARN_STRIDE]: z, d, r, e, then N_STAT ratios; or NULL */
	uint8_t *learn_missing; /* [n_rows][n] */
};
#define BASELINE_DOUBLES(n)                                                                        \
	(N_STAT + (5 + BASELINE_HEADER) * (n) + (n) * (n) + JOINT_DOUBLES(n) + REGIME_DOUBLES(n))
#define LEARN_STRIDE(n) (4 * (n) + N_STAT)

/* A baseline with zeroed arrays and no learn rows; NULL: out of memory. */
struct mw_baseline *baseline_alloc(size_t n_channels, size_t n_rows);

#define BASELINE_SINCE_MAX 1000000u
/* What a stream of rows must remember. */
struct baseline_stream {
	uint64_t rows;
	/* [n] each, borrowed from one block */
	double *raw;  /* last reading of each channel; NaN: none yet */
	double *held; /* the number judged, of that reading; NaN: none yet */
	double *lag[BASELINE_LAGS];
	double *mewma;
	uint32_t *since; /* rows since the last reading, bounded */
	struct regime_state regime;
};
/* Cuts a block of STREAM_DOUBLES(n) zeroed doubles into the arrays; borrows it. */
#define STREAM_DOUBLES(n) ((5 + BASELINE_LAGS) * (n) + ((n) + 1) / 2)
void baseline_stream_init(struct baseline_stream *stream, double *block, size_t n_channels);

/* The evidence of the stream's next live row. */
void baseline_step(const struct mw_baseline *baseline, struct baseline_stream *stream,
		   const double *value, struct mw_row_evidence *ret);
/* The same for a learn row whose evidence is known, but for level and spread, which it fills in. */
void baseline_follow(const struct mw_baseline *baseline, struct baseline_stream *stream,
		     const double *value, struct mw_row_evidence *evidence);

/* The next `size` doubles of a block. */
static inline double *baseline_cut(double **block, size_t size)
{
	double *part = *block;

	*block += size;
	return part;
}

static inline double baseline_clip(double x, double limit)
{
	return x > limit ? limit : x < -limit ? -limit : x;
}

/* log2 of value over its healthy median, bounded. */
double baseline_ratio(double value, double median);

/* Raw residuals of z given the two rows before: r [n], e [n]; returns T2. */
double joint_residuals(const struct joint *joint, size_t n, const double *z, const double *lag1,
		       const double *lag2, double *ret_r, double *ret_e);
/* x' P x / n */
double joint_form(const double *precision, const double *x, size_t n);
/* Adds to a covariance's diagonal `ridge` of itself -- or 1, one spread, where nothing varied --
 * and inverts it.  In place.  false: not possible. */
bool joint_precision(double *covariance, size_t n, double ridge, double *ret_precision);

/* Moments of (z, lag 1, lag 2) over the rows of a fold. */
struct moments {
	size_t rows;
	double *sum;   /* [3n] */
	double *cross; /* [3n][3n], lower triangle */
};
#define MOMENTS_DOUBLES(n) (3 * (n) + 9 * (n) * (n))
void moments_place(struct moments *moments, double *block, size_t n);
/* Rows [from, to) of z, row-major; from >= BASELINE_LAGS. */
void moments_add(struct moments *moments, const double *z, size_t n, size_t from, size_t to);
/* The other channel that correlates most with c, over the rows of the moments; c: there is none. */
size_t moments_partner(const struct moments *moments, size_t n, size_t c);
/* Fits the joint model to moments; scratch: 5 n n doubles. */
MW_MUST_CHECK mw_err joint_fit(const struct moments *moments, size_t n, double *scratch,
			       struct joint *ret);

/* Sorts x, ascending. */
void robust_sort(double *x, size_t n);
/* Median of x; reorders x.  n > 0. */
double robust_median(double *x, size_t n);
/* max(1.4826 MAD, half the standard deviation, floor) and the median; reorders x.  n > 0. */
double robust_scale(double *x, size_t n, double floor, double *ret_median);

#endif
