/* stats_impl.h -- what a reading is, for stats*.c. */
#ifndef MW_CORE_STATS_IMPL_H
#define MW_CORE_STATS_IMPL_H

#include "gateway/core/stats.h"

#include <float.h>
#include <math.h>

#define STAT_LN_2 0.69314718055994530942

static inline bool stat_present(double value)
{
	return isfinite(value);
}

static inline double stat_bounded(double value, double most)
{
	return fmin(fmax(value, -most), most);
}

/* Comparisons, not fmin and fmax: those are calls, and this is the innermost loop. */
static inline double stat_cut(double value, double most)
{
	return value > most ? most : value < -most ? -most : value;
}

static inline double stat_larger(double a, double b)
{
	return a > b ? a : b;
}

static inline double stat_held_in(double value)
{
	return stat_cut(value, MW_STAT_LARGEST);
}

/* A residual may be larger than the readings that it is of. */
static inline double stat_residual(double residual)
{
	return stat_cut(residual, 10 * MW_STAT_LARGEST);
}

/* Is the movement rounding only?  squares: sum over count readings about their mean. */
static inline bool stat_still(double squares, size_t count, double largest)
{
	return squares < DBL_MIN || sqrt(squares / (double)count) <= MW_STAT_STILL * largest;
}

#endif
