#include "gateway/core/linalg.h"

#include <math.h>
#include <string.h>

double mw_linalg_dot(const double *x, const double *y, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i] * y[i];
	return sum;
}

bool mw_linalg_cholesky(double *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double *row = a + i * n;

		for (size_t j = 0; j < i; j++)
			row[j] = (row[j] - mw_linalg_dot(row, a + j * n, j)) / a[j * n + j];
		row[i] -= mw_linalg_dot(row, row, i);
		if (!(row[i] > 0) || !isfinite(row[i]))
			return false;
		row[i] = sqrt(row[i]);
	}
	return true;
}

void mw_linalg_solve(const double *l, size_t n, double *b, size_t n_rhs)
{
	for (size_t i = 0; i < n; i++) {
		double *row = b + i * n_rhs;

		for (size_t j = 0; j < i; j++)
			mw_linalg_add(row, b + j * n_rhs, -l[i * n + j], n_rhs);
		for (size_t k = 0; k < n_rhs; k++)
			row[k] /= l[i * n + i];
	}
	for (size_t i = n; i-- > 0;) {
		double *row = b + i * n_rhs;

		for (size_t j = i + 1; j < n; j++)
			mw_linalg_add(row, b + j * n_rhs, -l[j * n + i], n_rhs);
		for (size_t k = 0; k < n_rhs; k++)
			row[k] /= l[i * n + i];
	}
}

void mw_linalg_inverse(const double *l, size_t n, double *ret_inverse)
{
	memset(ret_inverse, 0, n * n * sizeof(*ret_inverse));
	for (size_t i = 0; i < n; i++)
		ret_inverse[i * n + i] = 1;
	mw_linalg_solve(l, n, ret_inverse, n);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			ret_inverse[j * n + i] = ret_inverse[i * n + j];
}

void mw_linalg_apply(const double *a, const double *x, size_t n, double *ret_y)
{
	memset(ret_y, 0, n * sizeof(*ret_y));
	for (size_t i = 0; i < n; i++)
		mw_linalg_add(ret_y, a + i * n, x[i], n);
}
