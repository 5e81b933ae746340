#include "gateway/core/claim_impl.h"

#define PATCH         4 /* rows of a mean */
#define CHANGE        2.0
#define SUDDEN_PART   0.8
#define SUDDEN_ROWS   8
#define GRADUAL_ROWS  16
#define GRADUAL_LINE  0.8
#define GROWING_TO    3.0
#define GROWING_BY    1.5
#define GROWING_STILL 1.1  /* last quarter to the third */
#define GROWING_LAST  1.05 /* last patch to the one that many readings before it */
#define GROWING_AGO   8
#define GROWING_MOST  0.98 /* last patch to the largest mean of as many readings */
#define GROWN_FROM    0.01 /* of what it grew from, in the ratio that is cited */
#define LEFT          4.0
#define STILL_ROWS    12
#define STILL_SHARE   0.8
#define LOST_SHARE    0.25
#define GONE_SHARE    0.7
#define GONE_ROWS     8
#define MOVE_ITSELF   1.0 /* spreads by which the value has to go that way, too */
#define MOVE_CLEAR    1.5 /* a change to the spread of z about its mean over the last half of A */
#define SMALL         5.0
#define LARGE         15.0
#define ORDER_ROWS    4
#define STEADY        3.0
#define ONE_SIDED     0.8 /* of A's readings */
#define SEEN          2.0 /* spreads at the peak: a smaller one is no side */
#define OFF           6.0

/* --- rows ------------------------------------------------------------------------------------- */

static void collect(struct claim_view *view)
{
	const struct mw_claim_rows *rows = view->rows;

	for (size_t row = rows->onset; row < rows->n; row++) {
		double z = claim_z(rows, row);

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
		double x = of_z ? claim_z(rows, row) : rows->value[row];

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

/* --- movement --------------------------------------------------------------------------------- */

/* Rows from the onset until two readings in a row have most of the change; NaN: later. */
static double rows_until(const struct claim_view *view, double start, double change)
{
	for (size_t i = 0; i + 1 < view->n && view->at[i] <= SUDDEN_ROWS; i++) {
		double moved = (view->z[i] + view->z[i + 1]) / 2 - start;

		if (moved / change >= SUDDEN_PART)
			return view->at[i];
	}
	return (double)NAN;
}

static double correlation_with_time(const struct claim_view *view)
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
static double best_step(const struct claim_view *view)
{
	double mean = claim_mean(view, 0), rms = claim_spread(view, 0), n = (double)view->n;
	double sum = 0, best = 0;

	for (size_t i = 0; i + 1 < view->n; i++) {
		double left = (double)(i + 1);

		sum += view->z[i] - mean;
		best = fmax(best, sum * sum / (left * (n - left)));
	}
	return rms > 0 ? best / (rms * rms) : 0;
}

static void decide_pace(struct claim_view *view, double start, double change)
{
	double line = correlation_with_time(view) * (change > 0 ? 1 : -1);
	double until = rows_until(view, start, change);

	if (view->n >= GRADUAL_ROWS && line >= GRADUAL_LINE && line * line >= best_step(view))
		claim_hold(view, MW_CLAIM_GRADUAL, line);
	else if (!view->rows->onset_before && !isnan(until))
		claim_hold(view, MW_CLAIM_SUDDEN, until);
}

static void decide_move(struct claim_view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	size_t from = before_from(rows);
	double start = mean_of(rows, from, from + PATCH, true);
	double change = mean_of(rows, last_readings(rows), rows->n, true) - start;
	double value = mean_of(rows, from, from + PATCH, false);

	view->claims->now = mean_of(rows, last_readings(rows), rows->n, false);
	view->claims->from = (double)NAN;
	if (!(fabs(change) >= CHANGE) || claim_holds(view, MW_CLAIM_SWINGS) ||
	    claim_holds(view, MW_CLAIM_BACK) ||
	    fabs(change) < MOVE_CLEAR * claim_spread(view, view->n / 2) ||
	    copysign(1, change) * (view->claims->now - value) < MOVE_ITSELF * rows->spread)
		return;
	if (!rows->onset_before && rows->onset >= PATCH)
		view->claims->from = value;
	claim_hold(view, change > 0 ? MW_CLAIM_ROSE : MW_CLAIM_FELL, change);
	decide_pace(view, start, change);
}

static double mean_size(const struct claim_view *view, size_t from, size_t to)
{
	double sum = 0;

	for (size_t i = from; i < to; i++)
		sum += fabs(view->z[i]);
	return sum / (double)(to - from);
}

/* Largest mean |z| of a patch's readings in a row. */
static double largest_patch(const struct claim_view *view)
{
	double largest = 0;

	for (size_t i = 0; i + PATCH <= view->n; i++)
		largest = fmax(largest, mean_size(view, i, i + PATCH));
	return largest;
}

/* The newest readings are the worst, and were not so a little while ago. */
static bool is_still_growing(const struct claim_view *view)
{
	double newest = mean_size(view, view->n - PATCH, view->n);
	size_t ago = view->n - GROWING_AGO;

	return newest >= GROWING_MOST * largest_patch(view) &&
	       newest >= GROWING_LAST * mean_size(view, ago - PATCH, ago);
}

static void decide_growth(struct claim_view *view)
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
		claim_hold(view, MW_CLAIM_GROWING, last / fmax(second, GROWN_FROM));
}

static void decide_back(struct claim_view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	double peak = 0;

	for (size_t i = 0; i < view->n; i++)
		peak = fmax(peak, fabs(view->z[i]));
	for (size_t row = rows->n - PATCH; row < rows->n; row++)
		if (!(fabs(claim_z(rows, row)) < CLAIM_QUIET))
			return;
	if (peak >= LEFT)
		claim_hold(view, MW_CLAIM_BACK, peak);
}

/* --- shape ------------------------------------------------------------------------------------ */

static void decide_still(struct claim_view *view)
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
		claim_hold(view, MW_CLAIM_STILL, (double)n);
}

static void decide_lost(struct claim_view *view)
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
		claim_hold(view, MW_CLAIM_LOST, share);
	if (share >= GONE_SHARE || run >= GONE_ROWS)
		claim_hold(view, MW_CLAIM_GONE, share);
}

/* --- size and limits -------------------------------------------------------------------------- */

static void decide_limits(struct claim_view *view)
{
	const struct mw_claim_rows *rows = view->rows;
	double largest = -INFINITY, smallest = INFINITY;

	for (size_t row = rows->onset; row < rows->n; row++) {
		largest = fmax(largest, rows->value[row]);
		smallest = fmin(smallest, rows->value[row]);
	}
	if (largest > rows->high) {
		claim_hold(view, MW_CLAIM_OVER_LIMIT, largest);
		view->claims->limit = rows->high;
	} else if (smallest < rows->low) {
		claim_hold(view, MW_CLAIM_UNDER_LIMIT, smallest);
		view->claims->limit = rows->low;
	}
}

/* Of A's readings: those above (1) or below (-1) what was expected. */
static double share_on_side(const struct claim_view *view, int side)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++)
		n += side > 0 ? view->z[i] > 0 : view->z[i] < 0;
	return (double)n / (double)view->n;
}

static void decide_size(struct claim_view *view)
{
	const struct mw_claim_rows *rows = view->rows;

	if (rows->direction != 0 && rows->direction * rows->deviation >= SEEN &&
	    share_on_side(view, rows->direction) >= ONE_SIDED)
		claim_hold(view, rows->direction > 0 ? MW_CLAIM_ABOVE : MW_CLAIM_BELOW,
			   rows->deviation);
	if (fabs(rows->deviation) < SMALL)
		claim_hold(view, MW_CLAIM_SLIGHT, rows->deviation);
	if (fabs(rows->deviation) >= LARGE)
		claim_hold(view, MW_CLAIM_STRONG, rows->deviation);
}

/* Where two rows after each other are first out of the normal range; in the first rows it may have
 * been before. */
static int left_at(const struct mw_claim_rows *rows)
{
	for (size_t row = 0; row + 1 < rows->n; row++)
		if (fabs(claim_z(rows, row)) >= LEFT && fabs(claim_z(rows, row + 1)) >= LEFT)
			return row > 0 ? (int)row : -1;
	return -1;
}

/* --- claims ----------------------------------------------------------------------------------- */

void mw_claims_decide(const struct mw_claim_rows *rows, struct mw_claims *ret_claims)
{
	struct claim_view view = {.rows = rows, .claims = ret_claims};

	*ret_claims = (struct mw_claims){.spread = rows->spread,
					 .step = rows->step,
					 .from = (double)NAN,
					 .now = (double)NAN,
					 .limit = (double)NAN,
					 .left = -1};
	if (rows->n > CLAIM_ROWS || rows->n < PATCH || rows->onset >= rows->n)
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
	claim_decide_swings(&view);
	decide_back(&view);
	decide_move(&view);
	decide_growth(&view);
	claim_decide_spikes(&view);
	claim_decide_noise(&view);
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
