/*
 * linalg.h -- small dense linear algebra: what the joint models need and no more.
 *
 * Square matrices of n x n doubles, row-major, symmetric positive definite where a Cholesky factor
 * is asked for.  In place where said; no allocation; fixed order of summation, so equal input gives
 * equal bits.  Source: Golub & Van Loan, Matrix Computations, 4.2 (Cholesky) and 3.1
 * (substitution).
 */
#ifndef MW_CORE_LINALG_H
#define MW_CORE_LINALG_H

#include <stdbool.h>
#include <stddef.h>

/* a = L L'; L replaces the lower triangle (the upper one is left as it was).  false: a is not
 * positive definite, and holds rubbish now. */
bool mw_linalg_cholesky(double *a, size_t n);

/* Solves L L' x = b for n_rhs right-hand sides, b being n x n_rhs; x replaces b. */
void mw_linalg_solve(const double *l, size_t n, double *b, size_t n_rhs);

/* ret_inverse = (L L')^-1, full and exactly symmetric.  Must not overlap l. */
void mw_linalg_inverse(const double *l, size_t n, double *ret_inverse);

/* y += s * x, element by element. */
static inline void mw_linalg_add(double *restrict y, const double *restrict x, double s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += s * x[i];
}

/* ret_y = a x for a symmetric a. */
void mw_linalg_apply(const double *a, const double *x, size_t n, double *ret_y);

double mw_linalg_dot(const double *x, const double *y, size_t n);

#endif
