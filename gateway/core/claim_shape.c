/* claim_shape.c -- what the readings do beside their level: spikes, noise and calm, swings. */
#include "gateway/core/claim_impl.h"

#include "gateway/core/baseline_impl.h"

#define SPIKE            6.0
#define SPIKE_SHARE      0.25
#define SPIKE_OVER       4.0 /* by which it is farther off than the readings beside it */
#define NOISY            1.8
#define RESTLESS         0.8 /* steps to z about its mean: 1.4 for noise, little for a ramp or a step */
#define NOISY_BEFORE     1.5    /* steps in A to those of the rows before it */
#define NOISY_SHARE      1.0    /* steps to |mean z|: beside a shift, noise is not the matter */
#define MAD_OF_NORMAL    0.6745 /* median distance from the median, of normal noise of rms 1 */
#define CALM             0.5
#define CALM_LEVEL       3.0 /* |mean z| from which the level is the matter */
#define STEPS_LEAST      8
#define SWING_ROWS       24
#define SWING_LEAST_ROWS 16
#define SWING_SLOW       0.5  /* autocorrelation at 1 row */
#define SWING_AGAIN      0.45 /* ... and after the lowest, where it has come round */
#define SWING_FAST       0.2  /* ... then it may be that little at 1 row */
#define SWING_LEAST      2.0
#define SWING_TURN       (-0.4)
#define SWING_HALF       0.5 /* of rms: how far it passes its mean to have crossed it */
#define SWING_CROSSED    3

/* Of an even number the upper one. */
static double median_of(double *value, size_t n)
{
	robust_sort(value, n);
	return value[n / 2];
}

static double median_size(const struct claim_view *view)
{
	double size[CLAIM_ROWS] = {0};

	for (size_t i = 0; i < view->n; i++)
		size[i] = fabs(view->z[i]);
	return median_of(size, view->n);
}

/* The larger |z| of the readings beside one. */
static double beside(const struct claim_view *view, size_t i)
{
	double before = i > 0 ? fabs(view->z[i - 1]) : 0;
	double after = i + 1 < view->n ? fabs(view->z[i + 1]) : 0;

	return fmax(before, after);
}

void claim_decide_spikes(struct claim_view *view)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++) {
		if (fabs(view->z[i]) < SPIKE)
			continue;
		if (fabs(view->z[i]) - beside(view, i) < SPIKE_OVER)
			return;
		n++;
	}
	if (n > 0 && (double)n <= SPIKE_SHARE * (double)view->n && median_size(view) < CLAIM_QUIET)
		claim_hold(view, MW_CLAIM_SPIKES, (double)n);
}

/* A jump or a ramp makes large steps, too, but most of them are alike: the median distance of a step
 * from the mean one, in what it is of normal noise of rms 1. */
static double scatter(const double *step, size_t n)
{
	double distance[CLAIM_ROWS] = {0};
	double mean = 0;

	for (size_t i = 0; i < n; i++)
		mean += step[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		distance[i] = fabs(step[i] - mean);
	return median_of(distance, n) / MAD_OF_NORMAL;
}

/* rms of the steps of rows [0, onset), in z; 0: too few to say. */
static double step_before(const struct mw_claim_rows *rows)
{
	double sum = 0;
	size_t n = 0;

	for (size_t row = 1; row < rows->onset; row++) {
		double step = claim_z(rows, row) - claim_z(rows, row - 1);

		if (!isfinite(step))
			continue;
		sum += step * step;
		n++;
	}
	return n >= STEPS_LEAST ? sqrt(sum / (double)n) : 0;
}

struct steps {
	double step[CLAIM_ROWS]; /* between readings of neighbouring rows, in z */
	size_t n;
	double rms, but_one; /* but_one: without the largest, since a jump is no noise */
	double own;          /* rms of the reading's steps, whatever was expected */
};

static void collect_steps(const struct claim_view *view, struct steps *ret)
{
	const double *value = view->rows->value + view->rows->onset;
	double sum = 0, largest = 0, own = 0;

	ret->n = 0;
	for (size_t i = 1; i < view->n; i++) {
		double step = view->z[i] - view->z[i - 1];
		size_t row = (size_t)view->at[i];

		if (view->at[i] != view->at[i - 1] + 1)
			continue;
		ret->step[ret->n++] = step;
		sum += step * step;
		largest = fmax(largest, step * step);
		step = (value[row] - value[row - 1]) / view->rows->spread;
		own += step * step;
	}
	ret->own = ret->n > 0 ? sqrt(own / (double)ret->n) : 0;
	ret->rms = ret->n > 0 ? sqrt(sum / (double)ret->n) : 0;
	ret->but_one = ret->n > 0 ? sqrt((sum - largest) / (double)ret->n) : 0;
}

static bool is_noisy(const struct claim_view *view, const struct steps *steps, double healthy)
{
	return steps->but_one >= NOISY * healthy && steps->own >= NOISY * healthy &&
	       scatter(steps->step, steps->n) >= NOISY * healthy &&
	       steps->rms >= RESTLESS * claim_spread(view, 0) &&
	       steps->rms >= NOISY_BEFORE * step_before(view->rows) &&
	       steps->rms >= NOISY_SHARE * fabs(claim_mean(view, 0)) &&
	       !claim_holds(view, MW_CLAIM_SPIKES) && !claim_holds(view, MW_CLAIM_SWINGS);
}

void claim_decide_noise(struct claim_view *view)
{
	double healthy = view->rows->step / view->rows->spread;
	struct steps steps;

	collect_steps(view, &steps);
	if (steps.n < STEPS_LEAST || !(healthy > 0) || claim_holds(view, MW_CLAIM_STILL))
		return;
	if (steps.rms <= CALM * healthy && fabs(claim_mean(view, 0)) < CALM_LEVEL)
		claim_hold(view, MW_CLAIM_CALM, steps.rms / healthy);
	else if (is_noisy(view, &steps, healthy))
		claim_hold(view, MW_CLAIM_NOISY, steps.rms / healthy);
}

static double autocorrelation(const struct claim_view *view, double mean, size_t lag)
{
	double sum = 0, all = 0;

	for (size_t i = 0; i < view->n; i++) {
		all += (view->z[i] - mean) * (view->z[i] - mean);
		if (i + lag < view->n)
			sum += (view->z[i] - mean) * (view->z[i + lag] - mean);
	}
	return all > 0 ? sum / all : 0;
}

/* Times that z passes from clearly on one side of its mean to clearly on the other. */
static size_t crossings(const struct claim_view *view, double mean, double rms)
{
	int side = 0;
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++) {
		double z = view->z[i] - mean;
		int now = z > SWING_HALF * rms ? 1 : z < -SWING_HALF * rms ? -1 : side;

		n += side != 0 && now != side;
		side = now;
	}
	return n;
}

/* Slow to and fro is told from noise by its neighbours, fast by coming round again. */
static double comes_and_goes(const struct claim_view *view, double mean)
{
	double beside = autocorrelation(view, mean, 1), lowest = 0, again = 0;

	for (size_t lag = 2; lag <= view->n / 2; lag++) {
		double now = autocorrelation(view, mean, lag);

		again = now < lowest ? 0 : fmax(again, now);
		lowest = fmin(lowest, now);
	}
	if (again >= SWING_AGAIN && beside >= SWING_FAST)
		return lowest;
	return view->n >= SWING_ROWS && beside >= SWING_SLOW ? lowest : 0;
}

void claim_decide_swings(struct claim_view *view)
{
	double mean = claim_mean(view, 0), rms = claim_spread(view, 0), lowest;

	if (view->n < SWING_LEAST_ROWS || rms < SWING_LEAST ||
	    crossings(view, mean, rms) < SWING_CROSSED)
		return;
	lowest = comes_and_goes(view, mean);
	if (lowest <= SWING_TURN)
		claim_hold(view, MW_CLAIM_SWINGS, lowest);
}
