#include "gateway/core/period.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000LL
#define S  (1000 * MS)

static const int64_t nice_ns[] = {
    1 * MS,   2 * MS,   4 * MS,   5 * MS,   10 * MS,  20 * MS,  25 * MS,  40 * MS,   50 * MS,
    100 * MS, 200 * MS, 250 * MS, 500 * MS, 1 * S,    2 * S,    3 * S,    4 * S,     5 * S,
    6 * S,    10 * S,   12 * S,   15 * S,   20 * S,   30 * S,   60 * S,   120 * S,   180 * S,
    300 * S,  600 * S,  900 * S,  1200 * S, 1800 * S, 3600 * S, 7200 * S, 86400 * S,
};

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Ascending steps between the times; returns how many. */
static size_t sorted_steps(const int64_t *time_ns, size_t n, int64_t *ret_step)
{
	for (size_t i = 1; i < n; i++)
		ret_step[i - 1] = time_ns[i] - time_ns[i - 1];
	qsort(ret_step, n - 1, sizeof(*ret_step), compare);
	return n - 1;
}

/* How many of the ascending steps, from the end, are more than four medians long. */
static size_t long_steps(const int64_t *step, size_t n, double *ret_share)
{
	double all = 0, held = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_long = step[i] / 4 > step[n / 2];

		all += (double)step[i];
		held += is_long ? (double)step[i] : 0;
		count += is_long;
	}
	*ret_share = held / all;
	return count;
}

/* Mean of the steps within half of their median: finer than the median under jitter. */
static int64_t refine(const int64_t *step, size_t n)
{
	int64_t median = step[n / 2];
	double sum = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (step[i] >= median - median / 2 && step[i] <= median + median / 2) {
			sum += (double)step[i];
			count++;
		}
	return (int64_t)llround(sum / (double)count);
}

/* Three significant digits: a period that nobody chose should not look as if. */
static int64_t rounded(int64_t period)
{
	int64_t unit = 1;

	while (period / unit >= 1000)
		unit *= 10;
	return (period + unit / 2) / unit * unit;
}

static bool most_agree(const int64_t *step, size_t n)
{
	size_t same = 0;

	for (size_t i = 0; i < n; i++)
		same += step[i] == step[n / 2];
	return 2 * same > n;
}

static int64_t settle(const int64_t *step, size_t n)
{
	int64_t period = refine(step, n);

	if (most_agree(step, n))
		return step[n / 2];
	for (size_t i = 0; i < sizeof(nice_ns) / sizeof(nice_ns[0]); i++)
		if (llabs(period - nice_ns[i]) * 100 <= nice_ns[i] * 6)
			return nice_ns[i];
	return rounded(period);
}

/* The circular mean of the times on the period puts the samples in the middle of a row. */
static int64_t phase_of(const int64_t *time_ns, size_t n, int64_t period)
{
	const double turn = 2 * 3.14159265358979323846;
	double x = 0, y = 0;
	int64_t middle;

	for (size_t i = 0; i < n; i++) {
		double angle = turn * (double)(time_ns[i] % period) / (double)period;

		x += cos(angle);
		y += sin(angle);
	}
	middle = (int64_t)llround(atan2(y, x) / turn * (double)period);
	if (middle < 0)
		middle += period;
	/* A thousandth: the same source must get the same grid in spite of rounding. */
	if (period >= 1000)
		middle = (middle + period / 2000) / (period / 1000) * (period / 1000);
	middle %= period;
	if (middle >= period - period / 4)
		middle -= period; /* just before the slot belongs to it */
	return middle - period / 2;
}

/* Keeps the first time of each burst; returns how many. */
static size_t burst_starts(const int64_t *time_ns, size_t n, int64_t median, int64_t *ret_start)
{
	size_t count = 1;

	ret_start[0] = time_ns[0];
	for (size_t i = 1; i < n; i++)
		if ((time_ns[i] - time_ns[i - 1]) / 4 > median)
			ret_start[count++] = time_ns[i];
	return count;
}

bool mw_period_detect(const int64_t *time_ns, size_t n, bool must, struct mw_period *ret_period)
{
	int64_t step[MW_PERIOD_MAX_SAMPLES], start[MW_PERIOD_MAX_SAMPLES], period;
	size_t n_step, n_long;
	double share;

	if (n > MW_PERIOD_MAX_SAMPLES)
		n = MW_PERIOD_MAX_SAMPLES;
	if (n < 2 || (n <= MW_PERIOD_MIN_STEPS && !must))
		return false;
	n_step = sorted_steps(time_ns, n, step);
	n_long = long_steps(step, n_step, &share);
	if (share > .5 && n_long < 3 && n < MW_PERIOD_MAX_SAMPLES && !must)
		return false; /* one burst, or one long silence: the next samples tell */
	if (share > .5 && n_long >= 3)
		n_step =
		    sorted_steps(start, burst_starts(time_ns, n, step[n_step / 2], start), step);
	period = settle(step, n_step);
	if (period < MW_PERIOD_MIN_NS)
		period = MW_PERIOD_MIN_NS;
	if (period > MW_PERIOD_MAX_NS)
		period = MW_PERIOD_MAX_NS;
	*ret_period = (struct mw_period){period, phase_of(time_ns, n, period)};
	return true;
}
