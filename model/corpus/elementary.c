#include "model/corpus/elementary.h"

#include <math.h>
#include <stddef.h>

#define LOG2_E    1.4426950408889634
#define TWO_BY_PI 0.6366197723675814
#define ROOT_HALF 0.7071067811865476

/* ln 2 and pi / 2 in parts: a whole number times all but the last is exact. */
static const double ln2[] = {6.93147180369123816490e-01, 1.90821492927058770002e-10};
static const double half_pi[] = {1.57079632673412561417e+00, 6.07710050630396597660e-11,
				 2.02226624879595063154e-21};

/* 1 / n!, n = 0 .. 18 */
static const double inverse_factorial[] = {
    1.0,
    1.0,
    1.0 / 2,
    1.0 / 6,
    1.0 / 24,
    1.0 / 120,
    1.0 / 720,
    1.0 / 5040,
    1.0 / 40320,
    1.0 / 362880,
    1.0 / 3628800,
    1.0 / 39916800,
    1.0 / 479001600,
    1.0 / 6227020800,
    1.0 / 87178291200,
    1.0 / 1307674368000,
    1.0 / 20922789888000,
    1.0 / 355687428096000,
    1.0 / 6402373705728000,
};

double mw_square(double x)
{
	return x * x;
}

double mw_exp(double x)
{
	double sum = inverse_factorial[13];
	double k;
	double r;

	if (isnan(x))
		return x;
	if (x > 709.7)
		return INFINITY;
	if (x < -745)
		return 0;
	k = rint(x * LOG2_E);
	r = x - k * ln2[0] - k * ln2[1];
	for (size_t n = 13; n-- > 0;)
		sum = sum * r + inverse_factorial[n];
	return ldexp(sum, (int)k);
}

/* log m = 2 artanh((m - 1) / (m + 1)), m within a factor of sqrt 2 of 1. */
double mw_ln(double x)
{
	double sum = 0;
	double s;
	double s2;
	int k;

	if (!(x > 0))
		return x == 0 ? -INFINITY : NAN;
	if (isinf(x))
		return x;
	x = frexp(x, &k);
	if (x < ROOT_HALF) {
		x *= 2;
		k--;
	}
	s = (x - 1) / (x + 1);
	s2 = s * s;
	for (int n = 23; n >= 3; n -= 2)
		sum = (sum + 1.0 / n) * s2;
	return k * ln2[0] + (2 * s + (2 * s * sum + k * ln2[1]));
}

double mw_pow(double x, double y)
{
	if (y == 0)
		return 1;
	if (x == 0)
		return y > 0 ? 0 : INFINITY;
	return mw_exp(y * mw_ln(x));
}

/* cos r (first = 0) or sin r (first = 1), |r| <= pi / 4. */
static double series(double r, size_t first)
{
	double sum = 0;

	for (size_t n = first + 16; n > first; n -= 2)
		sum = (inverse_factorial[n] - sum) * (r * r);
	return (first ? r : 1) * (1 - sum);
}

double mw_sin(double x)
{
	double q = rint(x * TWO_BY_PI);
	double r = x - q * half_pi[0] - q * half_pi[1] - q * half_pi[2];
	int quarter = (int)(q - 4 * floor(q / 4));
	double value = quarter % 2 ? series(r, 0) : series(r, 1);

	return quarter < 2 ? value : -value;
}

double mw_tanh(double x)
{
	double e = mw_exp(2 * fmin(fabs(x), 30));

	return copysign(1 - 2 / (e + 1), x);
}
