/*
 * baseline.h -- what healthy looks like for one asset, learnt from its first rows.
 *
 * States and counters are judged by what channel_model.h makes of them.  Per channel: robust
 * location and scale of the values, by operating regime where the learn rows show several
 * (regime.h), and scale of the steps.  Joint: a static model (each channel from all others, by one
 * ridge-regularised precision matrix) and a dynamic one (VAR with 2 lags, ridge), with residual
 * scales from contiguous held-out folds.  Asset statistics: T2,
 * Q, the whitened dynamic statistic and its MEWMA, with their healthy medians. Sources: Hotelling
 * T2 / SPE (Jackson & Mudholkar 1979), MEWMA (Lowry et al. 1992).
 *
 * Immutable after it is made; may be shared by threads.  No I/O.
 */
#ifndef MW_CORE_BASELINE_H
#define MW_CORE_BASELINE_H

#include "gateway/base/err.h"
#include "gateway/core/channel_model.h"
#include "gateway/core/regime.h"

struct mw_baseline;

#define MW_BASELINE_MIN_ROWS 64

/* What one row looks like against the baseline.  Arrays are n_channels long, in the scale units
 * said, and borrowed from one block: as small as the asset. */
struct mw_row_evidence {
	double *z;                /* (x - location) / scale */
	double *d;                /* step / step scale */
	double *r;                /* static residual / its held-out scale */
	double *e;                /* dynamic residual / its held-out scale */
	double t2, q, dyn, mewma; /* log2 ratio to the healthy median */
	uint8_t *missing;         /* 1: no reading in this row (held value used) */
	/* Not of a learn row, until it is fed to a stream: */
	double *level;  /* expected in the present regime, in the channel's unit */
	double *spread; /* healthy about it */
	double *l;      /* (x - level) / spread; z where there is one regime */
};
/* Cuts a block of MW_ROW_DOUBLES(n) zeroed doubles into the arrays; borrows it. */
#define MW_ROW_DOUBLES(n) (7 * (n) + ((n) + 7) / 8)
void mw_row_evidence_place(struct mw_row_evidence *row, double *block, size_t n_channels);

/* What is known of the channels beforehand. */
struct mw_baseline_hints {
	uint8_t use[MW_MAX_CHANNELS]; /* enum mw_channel_use */
};

/* Learns from n_rows x n_channels values, row-major, NaN = missing.  hints: NULL = guess.  Returns
 * owned.
 * MW_E_INVAL: fewer than MW_BASELINE_MIN_ROWS rows or no channels. */
MW_MUST_CHECK mw_err mw_baseline_fit(const double *value, size_t n_rows, size_t n_channels,
				     const struct mw_baseline_hints *hints,
				     struct mw_baseline **ret_baseline);
void mw_baseline_free(struct mw_baseline *baseline);

size_t mw_baseline_n_channels(const struct mw_baseline *baseline);
/* Over all learn rows, whatever the regime. */
double mw_baseline_location(const struct mw_baseline *baseline, size_t channel); /* in its unit */
double mw_baseline_scale(const struct mw_baseline *baseline, size_t channel);    /* in its unit */

/* How many operating regimes the learn rows showed: 1 = no others. */
size_t mw_baseline_n_regimes(const struct mw_baseline *baseline);

/* The learn rows' own evidence, held out fold by fold (the model never saw the row it is scored
 * on). Kept only until mw_baseline_forget_learn; row < the n_rows it was fitted with. */
void mw_baseline_learn_evidence(const struct mw_baseline *baseline, size_t row,
				struct mw_row_evidence *ret_evidence);
void mw_baseline_forget_learn(struct mw_baseline *baseline);

/* Versioned, endian-fixed blob for the store (without the learn rows' evidence).  The parser trusts
 * nothing: MW_E_CORRUPT and a reason. */
MW_MUST_CHECK mw_err mw_baseline_pack(const struct mw_baseline *baseline, uint8_t **ret_data,
				      size_t *ret_size);
MW_MUST_CHECK mw_err mw_baseline_unpack(const uint8_t *data, size_t size, char *why,
					size_t why_size, struct mw_baseline **ret_baseline);

#endif
