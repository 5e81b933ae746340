#include "gateway/core/baseline_impl.h"

#include <math.h>
#include <stdlib.h>

#define MAD_TO_SD 1.4826 /* for Gaussian data */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

void robust_sort(double *x, size_t n)
{
	qsort(x, n, sizeof(*x), compare);
}

static void swap(double *a, double *b)
{
	double t = *a;

	*a = *b;
	*b = t;
}

/* Hoare's quickselect: afterwards x[k] is the k-th smallest, smaller ones before it. */
static void select_kth(double *x, size_t n, size_t k)
{
	size_t low = 0;
	size_t high = n - 1;

	while (low < high) {
		double pivot = x[low + (high - low) / 2];
		size_t i = low;
		size_t j = high;

		for (;;) {
			while (x[i] < pivot)
				i++;
			while (x[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap(&x[i++], &x[j--]);
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
}

double robust_median(double *x, size_t n)
{
	double below;

	select_kth(x, n, n / 2);
	if (n % 2)
		return x[n / 2];
	below = x[0];
	for (size_t i = 1; i < n / 2; i++)
		below = fmax(below, x[i]);
	return (below + x[n / 2]) / 2;
}

static double deviation(const double *x, size_t n)
{
	double mean = 0;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		mean += x[i];
	mean /= (double)n;
	for (size_t i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return sqrt(sum / (double)n);
}

double robust_scale(double *x, size_t n, double floor, double *ret_median)
{
	double half = deviation(x, n) / 2;
	double median = robust_median(x, n);

	for (size_t i = 0; i < n; i++)
		x[i] = fabs(x[i] - median);
	*ret_median = median;
	return fmax(fmax(MAD_TO_SD * robust_median(x, n), half), floor);
}
