/*
 * signals.h -- made-up machines for tests: correlated noise with a memory, the same for the same
 * seed.
 */
#ifndef MW_TESTS_SIGNALS_H
#define MW_TESTS_SIGNALS_H

#include "gateway/core/evidence.h"
#include "model/corpus/rng.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

/* rows x n values: a shared slow factor and noise of their own.  Owned by the caller: free. */
static inline double *signals_new(uint64_t seed, size_t rows, size_t n)
{
	double *value = malloc(rows * n * sizeof(*value));
	struct mw_rng rng;
	double factor = 0;

	if (!value)
		abort();
	mw_rng_seed(&rng, seed);
	for (size_t t = 0; t < rows; t++) {
		factor = 0.9 * factor + mw_rng_normal(&rng);
		for (size_t c = 0; c < n; c++)
			value[t * n + c] = 20.0 + (double)c + factor * (c % 3 == 2 ? -0.5 : 1.0) +
					   mw_rng_normal(&rng);
	}
	return value;
}

/* Learns from the first `learn` rows and feeds rows [0, rows).  Both are the caller's. */
static inline struct mw_evidence *signals_feed(const double *value, size_t learn, size_t rows,
					       size_t n, struct mw_baseline **ret_baseline)
{
	struct mw_evidence *evidence = NULL;

	if (mw_baseline_fit(value, learn, n, NULL, ret_baseline) != MW_E_OK ||
	    mw_evidence_new(*ret_baseline, &evidence) != MW_E_OK)
		abort();
	for (size_t t = 0; t < rows; t++) {
		if (t < learn)
			mw_evidence_push_learn(evidence, t, (int64_t)t, value + t * n);
		else
			mw_evidence_push(evidence, (int64_t)t, value + t * n);
	}
	return evidence;
}

/* All of a row's evidence, bit for bit. */
static inline void signals_same_row(const struct mw_row_evidence *one,
				    const struct mw_row_evidence *other, size_t n)
{
	ck_assert_mem_eq(one->z, other->z, MW_ROW_DOUBLES(n) * sizeof(double));
	ck_assert_mem_eq(&one->t2, &other->t2, sizeof(double));
	ck_assert_mem_eq(&one->q, &other->q, sizeof(double));
	ck_assert_mem_eq(&one->dyn, &other->dyn, sizeof(double));
	ck_assert_mem_eq(&one->mewma, &other->mewma, sizeof(double));
}

#endif
