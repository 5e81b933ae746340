/* claim_impl.h -- a channel's rows on the way to claims; claim.c decides level, movement and readings,
 * claim_shape.c spikes, noise and swings. */
#ifndef MW_CORE_CLAIM_IMPL_H
#define MW_CORE_CLAIM_IMPL_H

#include "gateway/core/claim.h"

#include <math.h>

#define CLAIM_ROWS  256
#define CLAIM_QUIET 2.0 /* |z| of a reading that is normal */

struct claim_view {
	const struct mw_claim_rows *rows;
	struct mw_claims *claims;
	size_t n;              /* readings of A */
	double z[CLAIM_ROWS];  /* of A's readings, in order */
	double at[CLAIM_ROWS]; /* their rows, counted from the onset */
};

static inline void claim_hold(struct claim_view *view, enum mw_claim claim, double value)
{
	view->claims->set |= 1u << claim;
	view->claims->value[claim] = value;
}

static inline bool claim_holds(const struct claim_view *view, enum mw_claim claim)
{
	return view->claims->set >> claim & 1;
}

static inline double claim_z(const struct mw_claim_rows *rows, size_t row)
{
	return (rows->value[row] - rows->expected[row]) / rows->spread;
}

/* Mean of z, and its rms about it, from one of A's readings on. */
static inline double claim_mean(const struct claim_view *view, size_t from)
{
	double sum = 0;

	for (size_t i = from; i < view->n; i++)
		sum += view->z[i];
	return sum / (double)(view->n - from);
}

static inline double claim_spread(const struct claim_view *view, size_t from)
{
	double mean = claim_mean(view, from), squares = 0;

	for (size_t i = from; i < view->n; i++)
		squares += (view->z[i] - mean) * (view->z[i] - mean);
	return sqrt(squares / (double)(view->n - from));
}

/* In claim_shape.c; swings come first, for noise and moves ask after them, and spikes before noise. */
void claim_decide_swings(struct claim_view *view);
void claim_decide_spikes(struct claim_view *view);
void claim_decide_noise(struct claim_view *view);

#endif
