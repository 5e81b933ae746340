#include "model/corpus/measure.h"

#include <math.h>
#include <stdlib.h>

#define N_BIN       64
#define CUT         33    /* one step in so many is left out ... */
#define CUT_SHRINKS 0.911 /* ... which leaves so much of the root mean square of white noise */

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Root mean square of the steps but for the largest few, which are changes of regime; corrected so
 * that white noise gives sqrt 2 of its standard deviation.  Sorts `step`, n - 1 numbers. */
static double step_rms(const double *value, size_t n, double *step)
{
	size_t kept = n - n / CUT;
	double square = 0;

	if (n < 2)
		return 0;
	for (size_t i = 1; i < n; i++)
		step[i - 1] = fabs(value[i] - value[i - 1]);
	qsort(step, n - 1, sizeof(*step), compare_double);
	kept = kept < n - 1 ? kept : n - 1;
	for (size_t i = 0; i < kept; i++)
		square += step[i] * step[i];
	return sqrt(square / (double)kept) / CUT_SHRINKS;
}

/* The standard deviation of a normal distribution whose densest half is as wide as that of the
 * values, which are sorted: the spread within the usual regime, where there are several. */
static double usual_sd(const double *sorted, size_t n)
{
	size_t half = n / 2;
	double width = INFINITY;

	for (size_t i = 0; i + half < n; i++)
		width = fmin(width, sorted[i + half] - sorted[i]);
	return n > 1 ? 0.7413 * width : 0;
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

/* In which 64ths of its range the channel spent one row in a hundred, three at least. */
static void remember(const double *sorted, size_t n, struct mw_measure *m)
{
	size_t count[N_BIN] = {0};
	size_t enough = n / 100 > 3 ? n / 100 : 3;
	double width;

	if (n == 0)
		return;
	m->lowest = sorted[0];
	m->highest = sorted[n - 1];
	width = (m->highest - m->lowest) / N_BIN;
	for (size_t i = 0; i < n && width > 0; i++)
		count[(size_t)fmin((sorted[i] - m->lowest) / width, N_BIN - 1)]++;
	for (size_t i = 0; i < N_BIN; i++)
		m->seen |= (uint64_t)(count[i] >= enough) << i;
}

void mw_measure_channel(const double *value, size_t n_rows, size_t stride, double resolution,
			bool hold, double *scratch, struct mw_measure *ret_measure)
{
	struct mw_measure m = {0};
	size_t n = 0;
	double least;

	for (size_t row = 0; row < n_rows; row++)
		if (!isnan(value[row * stride])) {
			scratch[n++] = value[row * stride];
		} else if (hold && n > 0) {
			scratch[n] = scratch[n - 1];
			n++;
		}
	moments(scratch, n, &m);
	m.noise_unit = step_rms(scratch, n, scratch + n) / sqrt(2);
	qsort(scratch, n, sizeof(*scratch), compare_double);
	m.noise_unit += 0.15 * m.sd + 0.15 * usual_sd(scratch, n);
	least = fmax(fmax(0.5 * resolution, 1e-4 * m.rms), 1e-9);
	m.noise_unit = fmax(m.noise_unit, least);
	m.low = n ? scratch[n / 20] : 0;
	m.high = n ? scratch[n - 1 - n / 20] : 0;
	remember(scratch, n, &m);
	*ret_measure = m;
}

bool mw_measure_knows(const struct mw_measure *measure, double value)
{
	double width = (measure->highest - measure->lowest) / N_BIN;
	double unit = measure->noise_unit;
	double from = (value - unit - measure->lowest) / width;
	double to = (value + unit - measure->lowest) / width;

	if (!(width > 0))
		return fabs(value - measure->lowest) <= unit;
	for (int i = 0; i < N_BIN; i++)
		if ((measure->seen >> i & 1u) && i + 1 >= from && i <= to)
			return true;
	return false;
}
