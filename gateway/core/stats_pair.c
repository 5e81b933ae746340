/* Correlation, lag, and how far correlations are apart. */
#include "gateway/core/stats_impl.h"

#include <string.h>

struct pairs {
	size_t count;
	double mean_x, mean_y, xx, yy, xy, largest_x, largest_y;
};

/* First row of x whose partner exists, and the row past the last one. */
static void overlap(size_t n, int lag, size_t *ret_first, size_t *ret_end)
{
	size_t shift = (size_t)(lag < 0 ? -(int64_t)lag : lag);

	shift = shift < n ? shift : n;
	*ret_first = lag < 0 ? shift : 0;
	*ret_end = lag < 0 ? n : n - shift;
}

static void pair_means(const double *x, const double *y, size_t first, size_t end, int lag,
		       struct pairs *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t t = first; t < end; t++) {
		double a = x[t], b = y[(size_t)((int64_t)t + lag)];

		if (!stat_present(a) || !stat_present(b))
			continue;
		ret->count++;
		ret->mean_x += stat_held_in(a);
		ret->mean_y += stat_held_in(b);
		ret->largest_x = stat_larger(ret->largest_x, fabs(stat_held_in(a)));
		ret->largest_y = stat_larger(ret->largest_y, fabs(stat_held_in(b)));
	}
	ret->mean_x /= ret->count ? (double)ret->count : 1;
	ret->mean_y /= ret->count ? (double)ret->count : 1;
}

static void pair_products(const double *x, const double *y, size_t first, size_t end, int lag,
			  struct pairs *ret)
{
	for (size_t t = first; t < end; t++) {
		double a = x[t], b = y[(size_t)((int64_t)t + lag)];

		if (!stat_present(a) || !stat_present(b))
			continue;
		a = stat_held_in(a) - ret->mean_x;
		b = stat_held_in(b) - ret->mean_y;
		ret->xx += a * a;
		ret->yy += b * b;
		ret->xy += a * b;
	}
}

double mw_stat_correlation(const double *x, const double *y, size_t n, int lag)
{
	struct pairs pairs;
	size_t first, end;

	overlap(n, lag, &first, &end);
	pair_means(x, y, first, end, lag, &pairs);
	if (pairs.count < (size_t)2 * MW_STAT_FEW)
		return 0;
	pair_products(x, y, first, end, lag, &pairs);
	if (stat_still(pairs.xx, pairs.count, pairs.largest_x) ||
	    stat_still(pairs.yy, pairs.count, pairs.largest_y))
		return 0;
	return stat_bounded(pairs.xy / (sqrt(pairs.xx) * sqrt(pairs.yy)), 1);
}

int mw_stat_lag(const double *x, const double *y, size_t n, int max_lag, double *ret_correlation)
{
	int most = max_lag < 0 ? 0 : (size_t)max_lag < n / 4 ? max_lag : (int)(n / 4), best = 0;

	*ret_correlation = mw_stat_correlation(x, y, n, 0);
	for (int lag = 1; lag <= most; lag++)
		for (int sign = 1; sign >= -1; sign -= 2) {
			double r = mw_stat_correlation(x, y, n, sign * lag);

			if (fabs(r) > fabs(*ret_correlation) + 1e-9) {
				*ret_correlation = r;
				best = sign * lag;
			}
		}
	return best;
}

double mw_stat_fisher_z(double r)
{
	r = stat_bounded(r, MW_STAT_R_MOST);
	return .5 * STAT_LN_2 * (log2(1 + r) - log2(1 - r));
}

double mw_stat_correlation_change(double r, double learnt, double rows)
{
	if (!(rows >= 4))
		return 0;
	return (mw_stat_fisher_z(r) - mw_stat_fisher_z(learnt)) * sqrt(rows - 3);
}
