#include "gateway/core/stats_impl.h"

#include <string.h>

double mw_stat_log_ratio(double value, double reference)
{
	if (!(value > 0))
		return reference > 0 ? -MW_STAT_LOG_MOST : 0;
	if (!(reference > 0))
		return MW_STAT_LOG_MOST;
	return stat_bounded(log2(value) - log2(reference), MW_STAT_LOG_MOST);
}

/* --- normal quantile -------------------------------------------------------------------------- */

/* Horner, the highest power first. */
static double polynomial(const double *c, size_t n, double x)
{
	double sum = c[0];

	for (size_t i = 1; i < n; i++)
		sum = sum * x + c[i];
	return sum;
}

static double ratio(const double *above, size_t n_above, const double *below, size_t n_below,
		    double x)
{
	return polynomial(above, n_above, x) / polynomial(below, n_below, x);
}

/* The quantile of AS 241 for an upper tail q <= 1/2. */
static double upper_quantile(double q)
{
	static const double a[] = {59.109374720, 159.29113202, 50.434271938, 3.3871327179};
	static const double b[] = {67.187563600, 78.757757664, 17.895169469, 1};
	static const double c[] = {.17023821103, 1.3067284816, 2.7568153900, 1.4234372777};
	static const double d[] = {.12021132975, .73700164250, 1};
	static const double e[] = {.017337203997, .42868294337, 3.0812263860, 6.6579051150};
	static const double f[] = {.012258202635, .24197894225, 1};
	double middle = .5 - q, r;

	if (middle <= .425)
		return middle * ratio(a, 4, b, 4, .180625 - middle * middle);
	r = sqrt(-log2(q) * STAT_LN_2);
	if (r <= 5)
		return ratio(c, 4, d, 3, r - 1.6);
	return ratio(e, 4, f, 3, r - 5);
}

double mw_stat_z_of_p(double p)
{
	return upper_quantile(fmin(fmax(p, 1e-12), 1) / 2);
}

/* --- shape ------------------------------------------------------------------------------------ */

/* Mean of the readings present; returns how many. */
static size_t mean_of(const double *value, size_t n, double *ret_mean, double *ret_mean_row)
{
	double sum = 0, rows = 0;
	size_t count = 0;

	for (size_t t = 0; t < n; t++)
		if (stat_present(value[t])) {
			sum += stat_held_in(value[t]);
			rows += (double)t;
			count++;
		}
	*ret_mean = count ? sum / (double)count : 0;
	*ret_mean_row = count ? rows / (double)count : 0;
	return count;
}

static double largest_of(const double *value, size_t n)
{
	double largest = 0;

	for (size_t t = 0; t < n; t++)
		if (stat_present(value[t]))
			largest = stat_larger(largest, fabs(stat_residual(value[t])));
	return largest;
}

static double mean_square(const double *value, size_t n, size_t *ret_count)
{
	double sum = 0;

	*ret_count = 0;
	for (size_t t = 0; t < n; t++)
		if (stat_present(value[t])) {
			sum += stat_residual(value[t]) * stat_residual(value[t]);
			(*ret_count)++;
		}
	return *ret_count ? sum / (double)*ret_count : 0;
}

static double slope_of(const double *value, size_t n, double mean, double mean_row)
{
	double above = 0, below = 0;

	for (size_t t = 0; t < n; t++)
		if (stat_present(value[t])) {
			double row = (double)t - mean_row;

			above += row * (stat_held_in(value[t]) - mean);
			below += row * row;
		}
	return below > 0 ? above / below : 0;
}

size_t mw_stat_detrend(const double *value, size_t n, double *ret_residual)
{
	double largest = fmin(largest_of(value, n), MW_STAT_LARGEST), mean, mean_row, slope;
	size_t count = mean_of(value, n, &mean, &mean_row);

	slope = slope_of(value, n, mean, mean_row);
	for (size_t t = 0; t < n; t++)
		ret_residual[t] = stat_present(value[t]) ? stat_held_in(value[t]) - mean -
							       slope * ((double)t - mean_row)
							 : NAN;
	if (sqrt(mean_square(ret_residual, n, &count)) <= MW_STAT_STILL * largest)
		for (size_t t = 0; t < n; t++)
			ret_residual[t] = stat_present(value[t]) ? 0 : NAN;
	return count;
}

double mw_stat_rms(const double *residual, size_t n)
{
	size_t count;
	double square = mean_square(residual, n, &count);

	return count < MW_STAT_FEW ? 0 : sqrt(square);
}

double mw_stat_kurtosis(const double *residual, size_t n)
{
	size_t count;
	double square = mean_square(residual, n, &count), fourth = 0;

	if (count < MW_STAT_FEW || square < DBL_MIN)
		return 0;
	for (size_t t = 0; t < n; t++)
		if (stat_present(residual[t])) {
			double x = stat_residual(residual[t]);

			fourth += x * x / square * (x * x / square);
		}
	return fourth / (double)count - 3;
}

double mw_stat_crest(const double *residual, size_t n)
{
	size_t count;
	double square = mean_square(residual, n, &count);

	if (count < MW_STAT_FEW || square < DBL_MIN)
		return 0;
	return largest_of(residual, n) / sqrt(square);
}

/* --- spectrum --------------------------------------------------------------------------------- */

#define QUARTER (MW_STAT_ROWS / 4)

/* cos(2 pi k / 64) */
static double cosine(size_t k)
{
	static const double quarter[QUARTER + 1] = {
	    1.0,
	    0.9951847266721969,
	    0.9807852804032304,
	    0.9569403357322088,
	    0.9238795325112867,
	    0.881921264348355,
	    0.8314696123025452,
	    0.773010453362737,
	    0.7071067811865476,
	    0.6343932841636455,
	    0.5555702330196023,
	    0.4713967368259978,
	    0.38268343236508984,
	    0.29028467725446233,
	    0.19509032201612833,
	    0.09801714032956077,
	    0.0,
	};

	k %= MW_STAT_ROWS;
	if (k > 2 * QUARTER)
		k = MW_STAT_ROWS - k;
	return k <= QUARTER ? quarter[k] : -quarter[2 * QUARTER - k];
}

static double sine(size_t k)
{
	return cosine(k + 3 * QUARTER);
}

static size_t bit_reversed(size_t i)
{
	size_t reversed = 0;

	for (size_t bit = 1; bit < MW_STAT_ROWS; bit <<= 1, i >>= 1)
		reversed = reversed << 1 | (i & 1);
	return reversed;
}

static void butterfly(double *re, double *im, size_t i, size_t j, double c, double s)
{
	double x = c * re[j] + s * im[j], y = c * im[j] - s * re[j];

	re[j] = re[i] - x;
	im[j] = im[i] - y;
	re[i] += x;
	im[i] += y;
}

/* In place, decimation in time; input in bit-reversed order. */
static void transform(double *re, double *im)
{
	for (size_t half = 1; half < MW_STAT_ROWS; half *= 2)
		for (size_t k = 0; k < half; k++) {
			size_t turn = k * (MW_STAT_ROWS / 2 / half);
			double c = cosine(turn), s = sine(turn);

			for (size_t i = k; i < MW_STAT_ROWS; i += 2 * half)
				butterfly(re, im, i, i + half, c, s);
		}
}

/* Windowed readings in bit-reversed order; returns the sum of the squared weights. */
static double load(const double *residual, double *re)
{
	double squares = 0;

	for (size_t t = 0; t < MW_STAT_ROWS; t++) {
		double weight = .5 - .5 * cosine(t);
		bool here = stat_present(residual[t]);

		re[bit_reversed(t)] = here ? weight * stat_residual(residual[t]) : 0;
		squares += here ? weight * weight : 0;
	}
	return squares;
}

static double band_energy(const double *re, const double *im, size_t first, size_t end)
{
	double sum = 0;

	for (size_t k = first; k < end; k++)
		sum += (k == MW_STAT_ROWS / 2 ? 1 : 2) * (re[k] * re[k] + im[k] * im[k]);
	return sum / MW_STAT_ROWS;
}

void mw_stat_bands(const double *residual, struct mw_stat_bands *ret_bands)
{
	static const size_t edge[MW_STAT_BANDS + 1] = {1, 4, 8, 16, MW_STAT_ROWS / 2 + 1};
	double re[MW_STAT_ROWS], im[MW_STAT_ROWS] = {0}, squares = load(residual, re), sum = 0;
	size_t count;

	memset(ret_bands, 0, sizeof(*ret_bands));
	if (mean_square(residual, MW_STAT_ROWS, &count) < DBL_MIN || count < MW_STAT_FEW ||
	    !(squares > 0))
		return;
	transform(re, im);
	for (size_t b = 0; b < MW_STAT_BANDS; b++) {
		ret_bands->energy[b] = band_energy(re, im, edge[b], edge[b + 1]) / squares;
		sum += ret_bands->energy[b];
	}
	for (size_t b = 0; b < MW_STAT_BANDS && sum > 0; b++)
		ret_bands->share[b] = ret_bands->energy[b] / sum;
}

/* --- flatline and dropout --------------------------------------------------------------------- */

struct mw_stat_run mw_stat_flat_run(const double *value, size_t n)
{
	struct mw_stat_run run = {0, 0};
	double before = NAN;

	for (size_t t = 0; t < n; t++) {
		if (!stat_present(value[t]))
			continue;
		run.last = value[t] == before ? run.last + 1 : 1;
		run.longest = run.last > run.longest ? run.last : run.longest;
		before = value[t];
	}
	return run;
}

struct mw_stat_run mw_stat_gap_run(const double *value, size_t n)
{
	struct mw_stat_run run = {0, 0};

	for (size_t t = 0; t < n; t++) {
		run.last = stat_present(value[t]) ? 0 : run.last + 1;
		run.longest = run.last > run.longest ? run.last : run.longest;
	}
	return run;
}

double mw_stat_gap_share(const double *value, size_t n)
{
	size_t missing = 0;

	for (size_t t = 0; t < n; t++)
		missing += !stat_present(value[t]);
	return n ? (double)missing / (double)n : 0;
}
