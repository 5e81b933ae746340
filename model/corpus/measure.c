#include "model/corpus/measure.h"

#include <math.h>
#include <stdlib.h>

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double step_rms(const double *value, size_t n)
{
	double square = 0;

	for (size_t i = 1; i < n; i++)
		square += (value[i] - value[i - 1]) * (value[i] - value[i - 1]);
	return n > 1 ? sqrt(square / (double)(n - 1)) : 0;
}

static void moments(const double *value, size_t n, struct mw_measure *m)
{
	double sum = 0;
	double square = 0;

	for (size_t i = 0; i < n; i++)
		sum += value[i];
	m->mean = n ? sum / (double)n : 0;
	for (size_t i = 0; i < n; i++)
		square += (value[i] - m->mean) * (value[i] - m->mean);
	m->sd = n ? sqrt(square / (double)n) : 0;
	m->rms = sqrt(m->mean * m->mean + m->sd * m->sd);
}

void mw_measure_channel(const double *value, size_t n_rows, size_t stride, double resolution,
			double *scratch, struct mw_measure *ret_measure)
{
	struct mw_measure m = {0};
	size_t n = 0;
	double least;

	for (size_t row = 0; row < n_rows; row++)
		if (!isnan(value[row * stride]))
			scratch[n++] = value[row * stride];
	moments(scratch, n, &m);
	m.noise_unit = step_rms(scratch, n) / sqrt(2) + 0.3 * m.sd;
	least = fmax(fmax(0.5 * resolution, 1e-4 * m.rms), 1e-9);
	m.noise_unit = fmax(m.noise_unit, least);
	qsort(scratch, n, sizeof(*scratch), compare_double);
	m.low = n ? scratch[n / 20] : 0;
	m.high = n ? scratch[n - 1 - n / 20] : 0;
	*ret_measure = m;
}
