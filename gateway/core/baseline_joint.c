/* The joint models: each channel from all others (precision matrix), and from the past (VAR). */
#include "gateway/core/baseline_impl.h"
#include "gateway/core/linalg.h"

#include <string.h>

#define RIDGE 0.02 /* share of a channel's own variance */
#define STILL 1e-3 /* variance under which a channel did not move (z units) */

void joint_place(struct joint *joint, double *block, size_t n)
{
	joint->mean = block;
	joint->intercept = block + n;
	joint->precision = block + 2 * n;
	joint->var = block + 2 * n + n * n;
}

void moments_place(struct moments *moments, double *block, size_t n)
{
	moments->rows = 0;
	moments->sum = block;
	moments->cross = block + 3 * n;
	memset(block, 0, MOMENTS_DOUBLES(n) * sizeof(*block));
}

void moments_add(struct moments *moments, const double *z, size_t n, size_t from, size_t to)
{
	double row[(1 + BASELINE_LAGS) * MW_MAX_CHANNELS];
	size_t m = 3 * n;

	for (size_t t = from; t < to; t++) {
		for (size_t lag = 0; lag <= BASELINE_LAGS; lag++)
			memcpy(row + lag * n, z + (t - lag) * n, n * sizeof(*row));
		mw_linalg_add(moments->sum, row, 1, m);
		for (size_t i = 0; i < m; i++)
			mw_linalg_add(moments->cross + i * m, row, row[i], i + 1);
	}
	moments->rows += to - from;
}

/* Covariance of entries i and j of (z, lag 1, lag 2). */
static double covariance(const struct moments *moments, size_t m, size_t i, size_t j)
{
	double rows = (double)moments->rows;
	double cross = i >= j ? moments->cross[i * m + j] : moments->cross[j * m + i];

	return cross / rows - moments->sum[i] / rows * (moments->sum[j] / rows);
}

size_t moments_partner(const struct moments *moments, size_t n, size_t c)
{
	double own = covariance(moments, 3 * n, c, c);
	double best = 0;
	size_t partner = c;

	for (size_t i = 0; i < n; i++) {
		double other = covariance(moments, 3 * n, i, i);
		double both = covariance(moments, 3 * n, c, i);

		if (i == c || own <= STILL || other <= STILL || both * both / other <= best)
			continue;
		best = both * both / other;
		partner = i;
	}
	return partner;
}

static void add_ridge(double *a, size_t n, double ridge)
{
	for (size_t i = 0; i < n; i++)
		a[i * n + i] += a[i * n + i] > STILL ? ridge * a[i * n + i] : 1;
}

bool joint_precision(double *covariance_matrix, size_t n, double ridge, double *ret_precision)
{
	add_ridge(covariance_matrix, n, ridge);
	if (!mw_linalg_cholesky(covariance_matrix, n))
		return false;
	mw_linalg_inverse(covariance_matrix, n, ret_precision);
	return true;
}

static bool fit_static(const struct moments *moments, size_t n, double *scratch, struct joint *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret->mean[i] = moments->sum[i] / (double)moments->rows;
		for (size_t j = 0; j < n; j++)
			scratch[i * n + j] = covariance(moments, 3 * n, i, j);
	}
	return joint_precision(scratch, n, RIDGE, ret->precision);
}

static bool fit_dynamic(const struct moments *moments, size_t n, double *scratch, struct joint *ret)
{
	size_t m = BASELINE_LAGS * n;
	double rows = (double)moments->rows;

	for (size_t i = 0; i < m; i++) {
		for (size_t j = 0; j < m; j++)
			scratch[i * m + j] = covariance(moments, 3 * n, n + i, n + j);
		for (size_t j = 0; j < n; j++)
			ret->var[i * n + j] = covariance(moments, 3 * n, n + i, j);
	}
	add_ridge(scratch, m, RIDGE);
	if (!mw_linalg_cholesky(scratch, m))
		return false;
	mw_linalg_solve(scratch, m, ret->var, n);
	memcpy(ret->intercept, ret->mean, n * sizeof(*ret->mean));
	for (size_t i = 0; i < m; i++)
		mw_linalg_add(ret->intercept, ret->var + i * n, -moments->sum[n + i] / rows, n);
	return true;
}

mw_err joint_fit(const struct moments *moments, size_t n, double *scratch, struct joint *ret)
{
	if (!fit_static(moments, n, scratch, ret) || !fit_dynamic(moments, n, scratch, ret))
		return MW_E_INTERNAL;
	return MW_E_OK;
}

double joint_residuals(const struct joint *joint, size_t n, const double *z, const double *lag1,
		       const double *lag2, double *ret_r, double *ret_e)
{
	double centred[MW_MAX_CHANNELS] = {0};
	double t2;

	for (size_t c = 0; c < n; c++) {
		centred[c] = z[c] - joint->mean[c];
		ret_e[c] = z[c] - joint->intercept[c];
	}
	mw_linalg_apply(joint->precision, centred, n, ret_r);
	t2 = mw_linalg_dot(ret_r, centred, n) / (double)n;
	for (size_t c = 0; c < n; c++)
		ret_r[c] /= joint->precision[c * n + c];
	for (size_t c = 0; c < n; c++)
		mw_linalg_add(ret_e, joint->var + c * n, -lag1[c], n);
	for (size_t c = 0; c < n; c++)
		mw_linalg_add(ret_e, joint->var + (n + c) * n, -lag2[c], n);
	return t2;
}

double joint_form(const double *precision, const double *x, size_t n)
{
	double product[MW_MAX_CHANNELS];

	mw_linalg_apply(precision, x, n, product);
	return mw_linalg_dot(product, x, n) / (double)n;
}
