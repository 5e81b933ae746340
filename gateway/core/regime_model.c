/* What is healthy within each regime, and how a channel goes from one to the next. */
#include "gateway/core/baseline_impl.h"
#include "gateway/core/regime.h"

#include <math.h>
#include <string.h>

#define GAIN        0.8 /* of the spread over all rows: above it regimes explain nothing of a channel */
#define SETTLE_ROWS 12   /* rows after a switch that do not count for a regime's level */
#define OWN_ROWS    64   /* from which a regime has a spread of its own */
#define OWN_RANGE   4.0  /* and how far that may lie from the spread within all regimes */
#define STEP_MIN    3.0  /* spreads; a smaller step of level needs no lag */
#define PACES       6    /* 1, 1/2, .. 1/32 a row */
#define FLOOR_SHARE 0.05 /* of the spread over all rows: a command does not vary within a regime */
#define BLUR_KEEP   0.92 /* a row, at most: half is gone after eight rows */

void regime_place(struct regime_model *model, double *block, size_t n)
{
	model->level = block;
	model->spread = block + REGIME_SETS * n;
	model->pace = block + 2 * (size_t)REGIME_SETS * n;
	model->blur = model->pace + n;
}

/* --- a stream --------------------------------------------------------------------------------- */

void regime_state_init(struct regime_state *state, double *level, double *blur)
{
	*state = (struct regime_state){
	    .now = REGIME_ANY, .lost = REGIME_SETTLED, .level = level, .blur = blur};
}

/* The first known regime of a stream is there at once; later ones are gone to. */
static void change(const struct regime_model *model, size_t n, struct regime_state *state, int to,
		   bool first)
{
	const double *level = model->level + (size_t)to * n;

	for (size_t c = 0; c < n && !first; c++)
		state->blur[c] =
		    fmax(state->blur[c], model->blur[c] * fabs(level[c] - state->level[c]));
	if (first)
		memcpy(state->level, level, n * sizeof(*level));
	state->now = to;
	state->age =
	    first ? REGIME_SETTLED : to == REGIME_ANY; /* there age 0 is a stream's start */
}

static void find_regime(const struct regime_model *model, size_t n, const double *value,
			struct regime_state *state)
{
	int to = regime_of(&model->map, value);
	bool first = state->now == REGIME_ANY && state->age == 0;

	if (state->age < REGIME_SETTLED && !first)
		state->age++;
	state->lost = to == REGIME_UNKNOWN ? state->lost + (state->lost < REGIME_SETTLED) : 0;
	if (to == REGIME_UNKNOWN && state->lost >= REGIME_LOST)
		to = REGIME_ANY;
	if (to != REGIME_UNKNOWN && to != state->now)
		change(model, n, state, to, first);
}

void regime_step(const struct regime_model *model, size_t n, const double *value,
		 struct regime_state *state, double *ret_level, double *ret_spread)
{
	const double *level;
	const double *spread;

	if (model->map.n > 1)
		find_regime(model, n, value, state);
	level = model->level + (size_t)state->now * n;
	spread = model->spread + (size_t)state->now * n;
	if (state->now == REGIME_ANY && state->age == 0) {
		memcpy(ret_level, level, n * sizeof(*level));
		memcpy(ret_spread, spread, n * sizeof(*spread));
		return;
	}
	for (size_t c = 0; c < n; c++) {
		double blur = state->blur[c];

		state->level[c] += model->pace[c] * (level[c] - state->level[c]);
		ret_level[c] = state->level[c];
		ret_spread[c] = blur > 0 ? sqrt(spread[c] * spread[c] + blur * blur) : spread[c];
		state->blur[c] *= fmax(BLUR_KEEP, 1 - model->pace[c] / 2);
	}
}

enum mw_mode regime_mode(const struct regime_map *map, const struct regime_state *state)
{
	if (map->n < 2)
		return MW_MODE_SINGLE;
	if (state->now == REGIME_ANY)
		return MW_MODE_NEW;
	return state->age < REGIME_SETTLED ? MW_MODE_SETTLING : MW_MODE_STEADY;
}

/* --- learning --------------------------------------------------------------------------------- */

struct learn {
	struct regime_model *model;
	const double *raw, *value;
	size_t rows, n;
	double *column; /* [rows] */
	double *regime; /* [rows] number of the regime, or -1 */
};

/* Regime of every row; rows soon after a switch are left out. */
static void assign(struct learn *learn)
{
	int now = REGIME_UNKNOWN;
	size_t age = 0;

	for (size_t t = 0; t < learn->rows; t++) {
		int to = regime_of(&learn->model->map, learn->raw + t * learn->n);

		age = to == now || now == REGIME_UNKNOWN ? age + 1 : 0;
		now = to == REGIME_UNKNOWN ? now : to;
		learn->regime[t] = to != REGIME_UNKNOWN && (age >= SETTLE_ROWS || t < SETTLE_ROWS)
				       ? to
				       : REGIME_UNKNOWN;
	}
}

/* Readings of channel c in regime k, less `level`, into the column. */
static size_t gather(const struct learn *learn, size_t c, size_t k, double level, size_t from)
{
	size_t m = from;

	for (size_t t = 0; t < learn->rows; t++) {
		double value = learn->value[t * learn->n + c];

		if (learn->regime[t] == (double)k && fabs(value) <= BASELINE_ABSURD)
			learn->column[m++] = value - level;
	}
	return m;
}

static void one_level(struct regime_model *model, size_t n, size_t c, double level, double spread)
{
	for (size_t k = 0; k < REGIME_SETS; k++) {
		model->level[k * n + c] = level;
		model->spread[k * n + c] = spread;
	}
	model->pace[c] = 1;
	model->blur[c] = 0;
}

/* Channels that hold one level in every regime: unknown ones, and commands. */
static bool is_free(const struct regime_map *map, size_t c, double scale)
{
	for (uint32_t i = 0; i < map->n_tell; i++)
		if (map->tell[i].channel == c)
			return true;
	return map->n < 2 || scale >= BASELINE_ABSURD;
}

/* Levels by regime, and the spread about them of all rows: false without a gain. */
static bool fit_levels(const struct learn *learn, size_t c, double scale, double floor,
		       double *ret_within)
{
	struct regime_model *model = learn->model;
	size_t m = 0;
	double rest;

	for (size_t k = 0; k < model->map.n; k++) {
		double *level = &model->level[k * learn->n + c];
		size_t count = gather(learn, c, k, 0, 0);

		if (count < BASELINE_MIN_READ)
			return false;
		*level = robust_median(learn->column, count);
	}
	for (size_t k = 0; k < model->map.n; k++)
		m = gather(learn, c, k, model->level[k * learn->n + c], m);
	*ret_within = robust_scale(learn->column, m, floor, &rest);
	return *ret_within < GAIN * scale;
}

static void fit_spreads(const struct learn *learn, size_t c, double within)
{
	struct regime_model *model = learn->model;

	for (size_t k = 0; k < MW_MAX_REGIMES; k++) {
		double *spread = &model->spread[k * learn->n + c];
		double rest;
		size_t count = k < model->map.n ? gather(learn, c, k, 0, 0) : 0;

		*spread = within;
		if (count >= OWN_ROWS)
			*spread =
			    fmin(fmax(robust_scale(learn->column, count, within / OWN_RANGE, &rest),
				      within / OWN_RANGE),
				 within * OWN_RANGE);
	}
}

/* Follows channel c through the learn rows at a pace; sums what it leaves unexplained after
 * switches, and in *ret_share relative to the steps. */
static double follow(const struct learn *learn, size_t c, double pace, double *ret_share)
{
	const double *level = learn->model->level + c;
	double expected = NAN;
	double step = 0;
	double missed = 0;
	double relative = 0;
	size_t steps = 0;
	size_t age = REGIME_SETTLED;
	int now = REGIME_UNKNOWN;

	for (size_t t = 0; t < learn->rows; t++) {
		double value = learn->value[t * learn->n + c];
		int to = regime_of(&learn->model->map, learn->raw + t * learn->n);

		if (to != REGIME_UNKNOWN && to != now && now != REGIME_UNKNOWN) {
			step = fabs(level[(size_t)to * learn->n] - expected);
			age = 0;
		}
		now = to == REGIME_UNKNOWN ? now : to;
		if (now == REGIME_UNKNOWN)
			continue;
		if (isnan(expected))
			expected = level[(size_t)now * learn->n];
		expected += pace * (level[(size_t)now * learn->n] - expected);
		if (age++ >= SETTLE_ROWS || isnan(value) ||
		    step < STEP_MIN * learn->model->spread[(size_t)now * learn->n + c])
			continue;
		missed += fabs(value - expected);
		relative += (value - expected) * (value - expected) / (step * step);
		steps++;
	}
	*ret_share = steps > 0 ? fmin(sqrt(relative / (double)steps), 1) : 0;
	return missed;
}

static void fit_pace(const struct learn *learn, size_t c)
{
	double best = INFINITY;

	for (int i = 0; i < PACES; i++) {
		double pace = ldexp(1, -i);
		double share;
		double missed = follow(learn, c, pace, &share);

		if (missed >= best)
			continue;
		best = missed;
		learn->model->pace[c] = pace;
		learn->model->blur[c] = share;
	}
}

void regime_fit(struct regime_model *model, const double *raw, const double *value, size_t rows,
		size_t n, const double *location, const double *scale, double *scratch)
{
	struct learn learn = {model, raw, value, rows, n, scratch, scratch + rows};
	bool gain = false;

	if (model->map.n > 1)
		assign(&learn);
	for (size_t c = 0; c < n; c++) {
		double floor = FLOOR_SHARE * scale[c];
		double within;

		one_level(model, n, c, location[c], scale[c]);
		if (is_free(&model->map, c, scale[c]))
			continue;
		if (!fit_levels(&learn, c, scale[c], floor, &within)) {
			one_level(model, n, c, location[c], scale[c]);
			continue;
		}
		gain = true;
		fit_spreads(&learn, c, within);
		fit_pace(&learn, c);
	}
	if (!gain)
		model->map = (struct regime_map){.n = 1};
}
