#include "gateway/core/claim.h"

#include <math.h>
#include <stdlib.h>

#define PATCH            4 /* rows of a mean */
#define MOST_ROWS        256
#define CHANGE           2.0
#define SUDDEN_PART      0.8
#define SUDDEN_ROWS      8
#define GRADUAL_ROWS     16
#define GRADUAL_LINE     0.8
#define GROWING_TO       3.0
#define GROWING_BY       1.5
#define GROWING_STILL    1.1  /* last quarter to the third */
#define GROWING_LAST     1.05 /* last patch to the one that many readings before it */
#define GROWING_AGO      8
#define GROWING_MOST     0.98 /* last patch to the largest mean of as many readings */
#define GROWN_FROM       0.01 /* of what it grew from, in the ratio that is cited */
#define QUIET            2.0
#define LEFT             4.0
#define STILL_ROWS       12
#define STILL_SHARE      0.8
#define LOST_SHARE       0.25
#define GONE_SHARE       0.7
#define GONE_ROWS        8
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
#define MOVE_ITSELF      1.0 /* spreads by which the value has to go that way, too */
#define MOVE_CLEAR       1.5 /* a change to the spread of z about its mean over the last half of A */
#define SMALL            5.0
#define LARGE            15.0
#define ORDER_ROWS       4
#define STEADY           3.0
#define ONE_SIDED        0.8 /* of A's readings */
#define SEEN             2.0 /* spreads at the peak: a smaller one is no side */
#define OFF              6.0

/* --- rows ------------------------------------------------------------------------------------- */

struct view {
	const struct mw_claim_rows *rows;
	struct mw_claims *claims;
	size_t n;             /* readings of A */
	double z[MOST_ROWS];  /* of A's readings, in order */
	double at[MOST_ROWS]; /* their rows, counted from the onset */
};

static void hold(struct view *view, enum mw_claim claim, double value)
{
	view->claims->set |= 1u << claim;
	view->claims->value[claim] = value;
}

static bool holds(const struct view *view, enum mw_claim claim)
{
	return view->claims->set >> claim & 1;
}

static double z_of(const struct mw_claim_rows *rows, size_t row)
{
	return (rows->value[row] - rows->expected[row]) / rows->spread;
}

static void collect(struct view *view)
{
	const struct mw_claim_rows *rows = view->rows;

	for (size_t row = rows->onset; row < rows->n; row++) {
		double z = z_of(rows, row);

		if (!isfinite(z))
			continue;
		view->at[view->n] = (double)(row - rows->onset);
		view->z[view->n++] = z;
	}
}

/* Mean of value, or of z, over the readings of rows [from, to); NaN: there are none. */
static double mean_of(const struct mw_claim_rows *rows, size_t from, size_t to, bool of_z)
{
	double sum = 0;
	size_t n = 0;

	for (size_t row = from; row < to; row++) {
		double x = of_z ? z_of(rows, row) : rows->value[row];

		if (isnan(x))
			continue;
		sum += x;
		n++;
	}
	return n > 0 ? sum / (double)n : (double)NAN;
}

/* First row of the last 4 readings. */
static size_t last_readings(const struct mw_claim_rows *rows)
{
	size_t row = rows->n, n = 0;

	while (row > 0 && n < PATCH)
		n += isnan(rows->value[--row]) ? 0 : 1;
	return row;
}

/* B: the patch before the onset, or the first where the onset lies before. */
static size_t before_from(const struct mw_claim_rows *rows)
{
	return rows->onset >= PATCH ? rows->onset - PATCH : 0;
}

static double mean_z(const struct view *view, size_t from)
{
	double sum = 0;

	for (size_t i = from; i < view->n; i++)
		sum += view->z[i];
	return sum / (double)(view->n - from);
}

/* rms of z about its mean, from one of A's readings on */
static double spread_of_z(const struct view *view, size_t from)
{
	double mean = mean_z(view, from), squares = 0;

	for (size_t i = from; i < view->n; i++)
		squares += (view->z[i] - mean) * (view->z[i] - mean);
	return sqrt(squares / (double)(view->n - from));
}

/* --- movement --------------------------------------------------------------------------------- */

/* Rows from the onset until two readings in a row have most of the change; NaN: later. */
static double rows_until(const struct view *view, double start, double change)
{
	for (size_t i = 0; i + 1 < view->n && view->at[i] <= SUDDEN_ROWS; i++) {
		double moved = (view->z[i] + view->z[i + 1]) / 2 - start;

		if (moved / change >= SUDDEN_PART)
			return view->at[i];
	}
	return (double)NAN;
}

static double correlation_with_time(const struct view *view)
{
	double n = (double)view->n, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

	for (size_t i = 0; i < view->n; i++) {
		x += view->at[i] / n;
		y += view->z[i] / n;
	}
	for (size_t i = 0; i < view->n; i++) {
		xx += (view->at[i] - x) * (view->at[i] - x);
		yy += (view->z[i] - y) * (view->z[i] - y);
		xy += (view->at[i] - x) * (view->z[i] - y);
	}
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* The most of the variance of z that one step explains, as the square of a correlation. */
static double best_step(const struct view *view)
{
	double mean = mean_z(view, 0), rms = spread_of_z(view, 0), n = (double)view->n;
	double sum = 0, best = 0;

	for (size_t i = 0; i + 1 < view->n; i++) {
		double left = (double)(i + 1);

		sum += view->z[i] - mean;
		best = fmax(best, sum * sum / (left * (n - left)));
	}
	return rms > 0 ? best / (rms * rms) : 0;
}

static void decide_pace(struct view *view, double start, double change)
{
	double line = correlation_with_time(view) * (change > 0 ? 1 : -1);
	double until = rows_until(view, start, change);

	if (view->n >= GRADUAL_ROWS && line >= GRADUAL_LINE && line * line >= best_step(view))
		hold(view, MW_CLAIM_GRADUAL, line);
	else if (!view->rows->onset_before && !isnan(until))
		hold(view, MW_CLAIM_SUDDEN, until);
}

static void decide_move(struct view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	size_t from = before_from(rows);
	double start = mean_of(rows, from, from + PATCH, true);
	double change = mean_of(rows, last_readings(rows), rows->n, true) - start;
	double value = mean_of(rows, from, from + PATCH, false);

	view->claims->now = mean_of(rows, last_readings(rows), rows->n, false);
	view->claims->from = (double)NAN;
	if (!(fabs(change) >= CHANGE) || holds(view, MW_CLAIM_SWINGS) ||
	    holds(view, MW_CLAIM_BACK) ||
	    fabs(change) < MOVE_CLEAR * spread_of_z(view, view->n / 2) ||
	    copysign(1, change) * (view->claims->now - value) < MOVE_ITSELF * rows->spread)
		return;
	if (!rows->onset_before && rows->onset >= PATCH)
		view->claims->from = value;
	hold(view, change > 0 ? MW_CLAIM_ROSE : MW_CLAIM_FELL, change);
	decide_pace(view, start, change);
}

static double mean_size(const struct view *view, size_t from, size_t to)
{
	double sum = 0;

	for (size_t i = from; i < to; i++)
		sum += fabs(view->z[i]);
	return sum / (double)(to - from);
}

/* Largest mean |z| of a patch's readings in a row. */
static double largest_patch(const struct view *view)
{
	double largest = 0;

	for (size_t i = 0; i + PATCH <= view->n; i++)
		largest = fmax(largest, mean_size(view, i, i + PATCH));
	return largest;
}

/* The newest readings are the worst, and were not so a little while ago. */
static bool is_still_growing(const struct view *view)
{
	double newest = mean_size(view, view->n - PATCH, view->n);
	size_t ago = view->n - GROWING_AGO;

	return newest >= GROWING_MOST * largest_patch(view) &&
	       newest >= GROWING_LAST * mean_size(view, ago - PATCH, ago);
}

static void decide_growth(struct view *view)
{
	size_t n = view->n, quarter = n / 4;
	double second, third, last;

	if (n < GRADUAL_ROWS)
		return;
	second = mean_size(view, quarter, 2 * quarter);
	third = mean_size(view, n - 2 * quarter, n - quarter);
	last = mean_size(view, n - quarter, n);
	if (last >= GROWING_TO && last >= GROWING_BY * second && last >= GROWING_STILL * third &&
	    is_still_growing(view))
		hold(view, MW_CLAIM_GROWING, last / fmax(second, GROWN_FROM));
}

static void decide_back(struct view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	double peak = 0;

	for (size_t i = 0; i < view->n; i++)
		peak = fmax(peak, fabs(view->z[i]));
	for (size_t row = rows->n - PATCH; row < rows->n; row++)
		if (!(fabs(z_of(rows, row)) < QUIET))
			return;
	if (peak >= LEFT)
		hold(view, MW_CLAIM_BACK, peak);
}

/* --- shape ------------------------------------------------------------------------------------ */

static void decide_still(struct view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	double newest = (double)NAN;
	size_t n = 0;

	for (size_t row = rows->n; row-- > 0;) {
		if (isnan(rows->value[row]))
			continue;
		if (n > 0 && rows->value[row] != newest)
			break;
		newest = rows->value[row];
		n++;
	}
	if (n >= STILL_ROWS && (double)n >= STILL_SHARE * (double)view->n && rows->step > 0 &&
	    rows->still_is_odd)
		hold(view, MW_CLAIM_STILL, (double)n);
}

static void decide_lost(struct view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	size_t lost = 0, run = 0;
	double share;

	for (size_t row = rows->onset; row < rows->n; row++) {
		bool missing = isnan(rows->value[row]);

		lost += missing;
		run = missing ? run + 1 : 0;
	}
	share = (double)lost / (double)(rows->n - rows->onset);
	if (share >= LOST_SHARE || run >= PATCH)
		hold(view, MW_CLAIM_LOST, share);
	if (share >= GONE_SHARE || run >= GONE_ROWS)
		hold(view, MW_CLAIM_GONE, share);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_of(double *value, size_t n)
{
	qsort(value, n, sizeof(value[0]), ascending);
	return value[n / 2];
}

static double median_size(const struct view *view)
{
	double size[MOST_ROWS] = {0};

	for (size_t i = 0; i < view->n; i++)
		size[i] = fabs(view->z[i]);
	return median_of(size, view->n);
}

/* The larger |z| of the readings beside one. */
static double beside(const struct view *view, size_t i)
{
	double before = i > 0 ? fabs(view->z[i - 1]) : 0;
	double after = i + 1 < view->n ? fabs(view->z[i + 1]) : 0;

	return fmax(before, after);
}

static void decide_spikes(struct view *view)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++) {
		if (fabs(view->z[i]) < SPIKE)
			continue;
		if (fabs(view->z[i]) - beside(view, i) < SPIKE_OVER)
			return;
		n++;
	}
	if (n > 0 && (double)n <= SPIKE_SHARE * (double)view->n && median_size(view) < QUIET)
		hold(view, MW_CLAIM_SPIKES, (double)n);
}

/* A jump or a ramp makes large steps, too, but most of them are alike: the median distance of a step
 * from the mean one, in what it is of normal noise of rms 1. */
static double scatter(const double *step, size_t n)
{
	double distance[MOST_ROWS] = {0};
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
		double step = z_of(rows, row) - z_of(rows, row - 1);

		if (!isfinite(step))
			continue;
		sum += step * step;
		n++;
	}
	return n >= STEPS_LEAST ? sqrt(sum / (double)n) : 0;
}

struct steps {
	double step[MOST_ROWS]; /* between readings of neighbouring rows, in z */
	size_t n;
	double rms, but_one; /* but_one: without the largest, since a jump is no noise */
	double own;          /* rms of the reading's steps, whatever was expected */
};

static void collect_steps(const struct view *view, struct steps *ret)
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

static bool is_noisy(const struct view *view, const struct steps *steps, double healthy)
{
	return steps->but_one >= NOISY * healthy && steps->own >= NOISY * healthy &&
	       scatter(steps->step, steps->n) >= NOISY * healthy &&
	       steps->rms >= RESTLESS * spread_of_z(view, 0) &&
	       steps->rms >= NOISY_BEFORE * step_before(view->rows) &&
	       steps->rms >= NOISY_SHARE * fabs(mean_z(view, 0)) && !holds(view, MW_CLAIM_SPIKES) &&
	       !holds(view, MW_CLAIM_SWINGS);
}

static void decide_noise(struct view *view)
{
	double healthy = view->rows->step / view->rows->spread;
	struct steps steps;

	collect_steps(view, &steps);
	if (steps.n < STEPS_LEAST || !(healthy > 0) || holds(view, MW_CLAIM_STILL))
		return;
	if (steps.rms <= CALM * healthy && fabs(mean_z(view, 0)) < CALM_LEVEL)
		hold(view, MW_CLAIM_CALM, steps.rms / healthy);
	else if (is_noisy(view, &steps, healthy))
		hold(view, MW_CLAIM_NOISY, steps.rms / healthy);
}

static double autocorrelation(const struct view *view, double mean, size_t lag)
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
static size_t crossings(const struct view *view, double mean, double rms)
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
static double comes_and_goes(const struct view *view, double mean)
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

static void decide_swings(struct view *view)
{
	double mean = mean_z(view, 0), rms = spread_of_z(view, 0), lowest;

	if (view->n < SWING_LEAST_ROWS || rms < SWING_LEAST ||
	    crossings(view, mean, rms) < SWING_CROSSED)
		return;
	lowest = comes_and_goes(view, mean);
	if (lowest <= SWING_TURN)
		hold(view, MW_CLAIM_SWINGS, lowest);
}

/* --- size and limits -------------------------------------------------------------------------- */

static void decide_limits(struct view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	double largest = -INFINITY, smallest = INFINITY;

	for (size_t row = rows->onset; row < rows->n; row++) {
		largest = fmax(largest, rows->value[row]);
		smallest = fmin(smallest, rows->value[row]);
	}
	if (largest > rows->high) {
		hold(view, MW_CLAIM_OVER_LIMIT, largest);
		view->claims->limit = rows->high;
	} else if (smallest < rows->low) {
		hold(view, MW_CLAIM_UNDER_LIMIT, smallest);
		view->claims->limit = rows->low;
	}
}

/* Of A's readings: those above (1) or below (-1) what was expected. */
static double share_on_side(const struct view *view, int side)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++)
		n += side > 0 ? view->z[i] > 0 : view->z[i] < 0;
	return (double)n / (double)view->n;
}

static void decide_size(struct view *view)
{
	const struct mw_claim_rows *rows = view->rows;

	if (rows->direction != 0 && rows->direction * rows->deviation >= SEEN &&
	    share_on_side(view, rows->direction) >= ONE_SIDED)
		hold(view, rows->direction > 0 ? MW_CLAIM_ABOVE : MW_CLAIM_BELOW, rows->deviation);
	if (fabs(rows->deviation) < SMALL)
		hold(view, MW_CLAIM_SLIGHT, rows->deviation);
	if (fabs(rows->deviation) >= LARGE)
		hold(view, MW_CLAIM_STRONG, rows->deviation);
}

/* Where two rows after each other are first out of the normal range; in the first rows it may have
 * been before. */
static int left_at(const struct mw_claim_rows *rows)
{
	for (size_t row = 0; row + 1 < rows->n; row++)
		if (fabs(z_of(rows, row)) >= LEFT && fabs(z_of(rows, row + 1)) >= LEFT)
			return row > 0 ? (int)row : -1;
	return -1;
}

/* --- claims ----------------------------------------------------------------------------------- */

void mw_claims_decide(const struct mw_claim_rows *rows, struct mw_claims *ret_claims)
{
	struct view view = {.rows = rows, .claims = ret_claims};

	*ret_claims = (struct mw_claims){.spread = rows->spread,
					 .step = rows->step,
					 .from = (double)NAN,
					 .now = (double)NAN,
					 .limit = (double)NAN,
					 .left = -1};
	if (rows->n > MOST_ROWS || rows->n < PATCH || rows->onset >= rows->n)
		return;
	decide_lost(&view);
	decide_limits(&view);
	if (!(rows->spread > 0))
		return;
	collect(&view);
	if (view.n == 0)
		return;
	decide_size(&view);
	decide_still(&view);
	decide_swings(&view);
	decide_back(&view);
	decide_move(&view);
	decide_growth(&view);
	decide_spikes(&view);
	decide_noise(&view);
	ret_claims->left = rows->onset_before ? -1 : left_at(rows);
}

uint32_t mw_event_claims_of(uint32_t n, double level)
{
	uint32_t steady = n > 0 && level < STEADY;
	uint32_t off = n > 0 && level >= OFF;

	return steady << MW_CLAIM_OTHERS_STEADY | off << MW_CLAIM_OTHERS_OFF;
}

void mw_claims_order(const struct mw_claims *first, struct mw_claims *claims)
{
	int rows = claims->left - first->left;
	enum mw_claim claim = rows >= ORDER_ROWS    ? MW_CLAIM_AFTER
			      : rows <= -ORDER_ROWS ? MW_CLAIM_BEFORE
						    : MW_CLAIM_WITH;

	if (claims->left < 0 || first->left < 0)
		return;
	claims->set |= 1u << claim;
	claims->value[claim] = rows;
}
