/* Learning: what healthy rows look like, and the same rows' own evidence, held out. */
#include "gateway/core/baseline_impl.h"
#include "gateway/core/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS          4
#define WHITENER_RIDGE 0.05
#define SCALE_TINY     1e-9  /* of a channel's magnitude: below it is rounding, not movement */
#define SCALE_LEAST    1e-12 /* of a channel that was always 0 */
#define RESIDUAL_TINY  1e-6  /* z units */
#define COUNTER_STEP   3.0   /* z of the largest step of a counter while it was learnt */
#define BLOCK_ROWS     32    /* of the low-frequency share */

struct fit {
	const double *value; /* [rows][n] as received */
	size_t rows, n;
	struct mw_baseline *baseline;
	const struct mw_baseline_hints *hints;
	double *judged;        /* [rows][n] what channel_model makes of them; NaN: none */
	double *raw, *held;    /* [rows][n] readings and what is judged, the last one held */
	double *z, *d, *r, *e; /* [rows][n]; r and e held out, raw until scaled */
	double *stat;          /* [rows][N_STAT], raw */
	double *column;        /* [2 rows] scratch */
	double *scratch;       /* 5 n n */
	double *share;         /* [n] of rows without a step */
	uint8_t *missing;      /* [rows][n] */
	struct moments fold[FOLDS], total;
	size_t edge[FOLDS + 1]; /* fold k: rows [edge[k], edge[k + 1]) */
	double *block;          /* owns the arrays above */
};

static bool is_reading(double value)
{
	return fabs(value) <= BASELINE_ABSURD; /* false for NaN */
}

/* --- what is judged --------------------------------------------------------------------------- */

static mw_err judge_channel(struct fit *fit, size_t c)
{
	struct channel_model *model = &fit->baseline->channel[c];
	double before = NAN;
	uint32_t rows = 0;
	mw_err err;

	for (size_t t = 0; t < fit->rows; t++) {
		double value = fit->value[t * fit->n + c];

		fit->column[t] = is_reading(value) ? value : NAN;
	}
	err = channel_learn(fit->hints ? (enum mw_channel_use)fit->hints->use[c] : MW_USE_GUESS,
			    fit->column, fit->rows, model);
	if (err)
		return err;
	for (size_t t = 0; t < fit->rows; t++) {
		size_t at = t * fit->n + c;

		fit->judged[at] = channel_judged(model, fit->column[t], before, ++rows);
		fit->missing[at] = (uint8_t)(isnan(fit->column[t]) ? 1 : 0);
		if (!isnan(fit->column[t])) {
			before = fit->column[t];
			rows = 0;
		}
		fit->raw[at] = before;
	}
	return MW_E_OK;
}

/* --- channels --------------------------------------------------------------------------------- */

/* Readings of a counter's rate are mostly one value; a healthy step must not look like a deviation,
 * and of a counter that stood still nothing is known. */
static double counter_scale(const double *rate, size_t n)
{
	double low = INFINITY;
	double high = -INFINITY;

	for (size_t i = 0; i < n; i++) {
		low = fmin(low, rate[i]);
		high = fmax(high, rate[i]);
	}
	return high > low ? (high - low) / COUNTER_STEP : BASELINE_ABSURD;
}

static void learn_location(struct fit *fit, size_t c)
{
	struct mw_baseline *baseline = fit->baseline;
	enum mw_series_kind kind = baseline->channel[c].kind;
	double counted = 0;
	double largest = 0;
	size_t m = 0;

	for (size_t t = 0; t < fit->rows; t++) {
		double value = fit->judged[t * fit->n + c];

		if (isnan(value))
			continue;
		fit->column[m++] = value;
		largest = fmax(largest, fabs(value));
	}
	baseline->location[c] = 0;
	baseline->scale[c] = kind == MW_SERIES_STATE ? 1 : BASELINE_ABSURD; /* a surprise is a z */
	if (m < BASELINE_MIN_READ || kind == MW_SERIES_STATE)
		return;
	if (kind == MW_SERIES_COUNTER)
		counted = counter_scale(fit->column, m);
	baseline->scale[c] =
	    fmax(counted, robust_scale(fit->column, m, fmax(SCALE_TINY * largest, SCALE_LEAST),
				       &baseline->location[c]));
}

/* z of every row, missing readings held; the steps between present readings go to `column`. */
static size_t hold_values(struct fit *fit, size_t c)
{
	const struct mw_baseline *baseline = fit->baseline;
	double held = NAN;
	size_t steps = 0;

	for (size_t t = 0; t < fit->rows; t++) {
		size_t at = t * fit->n + c;
		double value = fit->judged[at];

		fit->d[at] = 0;
		if (!isnan(value)) {
			if (!isnan(held)) {
				fit->d[at] = value - held;
				fit->column[steps++] = fit->d[at];
			}
			held = value;
		}
		fit->held[at] = held;
		fit->z[at] =
		    isnan(held) ? 0
				: baseline_clip((held - baseline->location[c]) / baseline->scale[c],
						BASELINE_Z_MAX);
	}
	return steps;
}

static void learn_steps(struct fit *fit, size_t c)
{
	struct mw_baseline *baseline = fit->baseline;
	size_t steps = hold_values(fit, c);
	size_t still = 0;
	double median;
	double floor =
	    fmax(SCALE_TINY * fmax(fabs(baseline->location[c]), baseline->scale[c]), SCALE_LEAST);

	for (size_t i = 0; i < steps; i++)
		still += fit->column[i] == 0;
	fit->share[c] = steps ? (double)still / (double)steps : 1;
	baseline->step_scale[c] = baseline->scale[c];
	if (steps >= BASELINE_MIN_READ)
		baseline->step_scale[c] = robust_scale(fit->column, steps, floor, &median);
	if (baseline->channel[c].kind != MW_SERIES_MEASURED)
		baseline->step_scale[c] = fmax(baseline->step_scale[c], baseline->scale[c]);
	for (size_t t = 0; t < fit->rows; t++) {
		double *d = &fit->d[t * fit->n + c];

		*d = baseline_clip(*d / baseline->step_scale[c], BASELINE_D_MAX);
	}
}

/* --- regimes ---------------------------------------------------------------------------------- */

static void learn_regimes(struct fit *fit)
{
	struct mw_baseline *baseline = fit->baseline;
	bool commands[MW_MAX_CHANNELS] = {false};

	for (size_t c = 0; fit->hints && c < fit->n; c++)
		commands[c] = fit->hints->use[c] == MW_USE_COMMAND;
	regime_map_learn(fit->raw, fit->rows, fit->n, commands, fit->column, &baseline->regime.map);
	regime_fit(&baseline->regime, fit->raw, fit->held, fit->rows, fit->n, baseline->location,
		   baseline->scale, fit->column);
}

/* --- joint models, held out ------------------------------------------------------------------- */

static void gather_moments(struct fit *fit)
{
	size_t n = fit->n;

	for (size_t k = 0; k <= FOLDS; k++)
		fit->edge[k] = BASELINE_LAGS + k * (fit->rows - BASELINE_LAGS) / FOLDS;
	for (size_t k = 0; k < FOLDS; k++) {
		moments_add(&fit->fold[k], fit->z, n, fit->edge[k], fit->edge[k + 1]);
		mw_linalg_add(fit->total.sum, fit->fold[k].sum, 1, 3 * n);
		mw_linalg_add(fit->total.cross, fit->fold[k].cross, 1, 9 * n * n);
		fit->total.rows += fit->fold[k].rows;
	}
	fit->edge[0] = 0; /* the first rows have static residuals, too */
}

/* Turns fold k's moments into those of all other folds. */
static void leave_out(struct fit *fit, size_t k)
{
	struct moments *fold = &fit->fold[k];
	size_t sums = MOMENTS_DOUBLES(fit->n);

	for (size_t i = 0; i < sums; i++)
		fold->sum[i] = fit->total.sum[i] - fold->sum[i];
	fold->rows = fit->total.rows - fold->rows;
}

static mw_err score_fold(struct fit *fit, size_t k, struct joint *joint)
{
	size_t n = fit->n;
	mw_err err;

	leave_out(fit, k);
	err = joint_fit(&fit->fold[k], n, fit->scratch, joint);
	if (err)
		return err;
	for (size_t t = fit->edge[k]; t < fit->edge[k + 1]; t++) {
		const double *z = fit->z + t * n;
		const double *lag1 = t >= 1 ? z - n : z;
		const double *lag2 = t >= 2 ? z - 2 * n : z;
		double *e = fit->e + t * n;

		fit->stat[t * N_STAT + STAT_T2] =
		    joint_residuals(joint, n, z, lag1, lag2, fit->r + t * n, e);
		if (t < BASELINE_LAGS)
			memset(e, 0, n * sizeof(*e));
	}
	return MW_E_OK;
}

/* What is rare leaves a small spread behind: of states and counters a unit of z is one at least. */
static double residual_floor(const struct fit *fit, size_t c)
{
	return fit->baseline->channel[c].kind == MW_SERIES_MEASURED ? RESIDUAL_TINY : 1;
}

/* Scales residuals of one kind, channel by channel, and remembers the scales. */
static void scale_residuals(struct fit *fit, double *residual, double *ret_scale)
{
	size_t rows = fit->rows - BASELINE_LAGS;
	double median;

	for (size_t c = 0; c < fit->n; c++) {
		double *first = residual + c;

		for (size_t t = 0; t < rows; t++)
			fit->column[t] = first[(t + BASELINE_LAGS) * fit->n];
		ret_scale[c] = robust_scale(fit->column, rows, residual_floor(fit, c), &median);
		for (size_t t = 0; t < fit->rows; t++)
			first[t * fit->n] =
			    baseline_clip(first[t * fit->n] / ret_scale[c], BASELINE_Z_MAX);
	}
}

static mw_err fit_joint(struct fit *fit)
{
	struct mw_baseline *baseline = fit->baseline;
	struct joint held_out;
	double *block = malloc(JOINT_DOUBLES(fit->n) * sizeof(*block));
	mw_err err;

	if (!block)
		return MW_E_NOMEM;
	joint_place(&held_out, block, fit->n);
	gather_moments(fit);
	err = joint_fit(&fit->total, fit->n, fit->scratch, &baseline->joint);
	for (size_t k = 0; k < FOLDS && !err; k++)
		err = score_fold(fit, k, &held_out);
	free(block);
	if (err)
		return err;
	scale_residuals(fit, fit->r, baseline->static_scale);
	scale_residuals(fit, fit->e, baseline->dynamic_scale);
	return MW_E_OK;
}

/* --- windows ---------------------------------------------------------------------------------- */

static void find_silence(const struct fit *fit, bool *ret_silent)
{
	for (size_t t = 0; t < fit->rows; t++) {
		ret_silent[t] = true;
		for (size_t c = 0; c < fit->n; c++)
			ret_silent[t] = ret_silent[t] && fit->missing[t * fit->n + c] != 0;
	}
}

static mw_err learn_symptoms(struct fit *fit)
{
	struct mw_baseline *baseline = fit->baseline;
	double *scratch = malloc((N_MEASURE + 2) * fit->rows * sizeof(*scratch));
	bool *silent = malloc(fit->rows * sizeof(*silent));

	if (!scratch || !silent) {
		free(scratch);
		free(silent);
		return MW_E_NOMEM;
	}
	find_silence(fit, silent);
	for (size_t c = 0; c < fit->n; c++)
		symptom_learn(&baseline->symptom[c], baseline->channel[c].kind, fit->judged,
			      fit->value, silent, fit->rows, fit->n, c,
			      moments_partner(&fit->total, fit->n, c), scratch);
	free(scratch);
	free(silent);
	return MW_E_OK;
}

/* --- the asset's statistics ------------------------------------------------------------------- */

/* Precision of the scaled dynamic residuals of all rows but [from, to). */
static mw_err whiten(struct fit *fit, size_t from, size_t to, double *ret_precision)
{
	size_t n = fit->n;
	size_t rows = 0;

	memset(fit->scratch, 0, n * n * sizeof(double));
	for (size_t t = BASELINE_LAGS; t < fit->rows; t++) {
		const double *e = fit->e + t * n;

		if (t >= from && t < to)
			continue;
		for (size_t i = 0; i < n; i++)
			mw_linalg_add(fit->scratch + i * n, e, e[i], i + 1);
		rows++;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= i; j++)
			fit->scratch[i * n + j] /= (double)rows;
	return joint_precision(fit->scratch, n, WHITENER_RIDGE, ret_precision) ? MW_E_OK
									       : MW_E_INTERNAL;
}

static void score_statistics(struct fit *fit, size_t k, const double *whitener, double *mewma)
{
	size_t n = fit->n;

	for (size_t t = fit->edge[k]; t < fit->edge[k + 1]; t++) {
		const double *e = fit->e + t * n;
		double *stat = fit->stat + t * N_STAT;

		for (size_t c = 0; c < n; c++)
			mewma[c] +=
			    BASELINE_MEWMA * (baseline_clip(e[c], BASELINE_W_MAX) - mewma[c]);
		stat[STAT_Q] = mw_linalg_dot(fit->r + t * n, fit->r + t * n, n) / (double)n;
		stat[STAT_DYNAMIC] = joint_form(whitener, e, n);
		stat[STAT_MEWMA] = joint_form(whitener, mewma, n);
	}
}

static void to_ratios(struct fit *fit)
{
	size_t rows = fit->rows - BASELINE_LAGS;

	for (size_t s = 0; s < N_STAT; s++) {
		double *first = fit->stat + s;
		double median;

		for (size_t t = 0; t < rows; t++)
			fit->column[t] = first[(t + BASELINE_LAGS) * N_STAT];
		median = robust_median(fit->column, rows);
		fit->baseline->median[s] = median;
		for (size_t t = 0; t < fit->rows; t++)
			first[t * N_STAT] = baseline_ratio(first[t * N_STAT], median);
	}
	for (size_t t = 0; t < BASELINE_LAGS; t++) {
		fit->stat[t * N_STAT + STAT_DYNAMIC] = 0;
		fit->stat[t * N_STAT + STAT_MEWMA] = 0;
	}
}

/* Each fold is whitened by the other folds' precision: with many channels and few rows, a matrix
 * calls the rows it was made from harmless. */
static mw_err fit_statistics(struct fit *fit)
{
	double mewma[MW_MAX_CHANNELS] = {0};
	double *whitener = fit->baseline->whitener;
	mw_err err = MW_E_OK;

	for (size_t k = 0; k < FOLDS && !err; k++) {
		err = whiten(fit, fit->edge[k], fit->edge[k + 1], whitener);
		if (!err)
			score_statistics(fit, k, whitener, mewma);
	}
	if (!err)
		err = whiten(fit, fit->rows, fit->rows, whitener);
	if (!err)
		to_ratios(fit);
	return err;
}

/* --- the channels' headers -------------------------------------------------------------------- */

static double mean_z(const struct fit *fit, size_t c, size_t from, size_t to)
{
	double sum = 0;

	for (size_t t = from; t < to; t++)
		sum += fit->z[t * fit->n + c];
	return sum / (double)(to - from);
}

static double spread_z(const struct fit *fit, size_t c, double *ret_largest)
{
	double mean = mean_z(fit, c, BASELINE_LAGS, fit->rows);
	double sum = 0;

	*ret_largest = 0;
	for (size_t t = 0; t < fit->rows; t++) {
		double z = fit->z[t * fit->n + c];

		*ret_largest = fmax(*ret_largest, fabs(z));
		if (t >= BASELINE_LAGS)
			sum += (z - mean) * (z - mean);
	}
	return sqrt(sum / (double)(fit->rows - BASELINE_LAGS)) + RESIDUAL_TINY;
}

static double slow_spread(const struct fit *fit, size_t c)
{
	size_t blocks = fit->rows / BLOCK_ROWS;
	double sum = 0;
	double squares = 0;

	for (size_t b = 0; b < blocks; b++) {
		double mean = mean_z(fit, c, b * BLOCK_ROWS, (b + 1) * BLOCK_ROWS);

		sum += mean;
		squares += mean * mean;
	}
	sum /= (double)blocks;
	return sqrt(fmax(squares / (double)blocks - sum * sum, 0));
}

static void describe_channel(struct fit *fit, size_t c)
{
	struct mw_baseline *baseline = fit->baseline;
	double *header = baseline->header + c * BASELINE_HEADER;
	size_t quarter = fit->rows / 4;
	double largest;
	double spread = spread_z(fit, c, &largest);

	header[0] = slow_spread(fit, c) / spread;
	header[1] = mean_z(fit, c, fit->rows - quarter, fit->rows) - mean_z(fit, c, 0, quarter);
	header[2] = log2(baseline->step_scale[c] / baseline->scale[c]);
	header[3] = log2(baseline->static_scale[c] / spread + RESIDUAL_TINY);
	header[4] = log2(baseline->dynamic_scale[c] / spread + RESIDUAL_TINY);
	header[5] = fit->share[c];
	header[6] = largest;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool place(struct fit *fit)
{
	size_t n = fit->n;
	size_t cells = fit->rows * n;
	size_t moments = MOMENTS_DOUBLES(n);
	double *at;

	fit->missing = calloc(cells, sizeof(*fit->missing));
	fit->block =
	    malloc((7 * cells + fit->rows * (N_STAT + 2) + 5 * n * n + n + (FOLDS + 1) * moments) *
		   sizeof(*fit->block));
	at = fit->block;
	if (!fit->missing || !at)
		return false;
	fit->judged = baseline_cut(&at, cells);
	fit->raw = baseline_cut(&at, cells);
	fit->held = baseline_cut(&at, cells);
	fit->z = baseline_cut(&at, cells);
	fit->d = baseline_cut(&at, cells);
	fit->r = baseline_cut(&at, cells);
	fit->e = baseline_cut(&at, cells);
	fit->stat = baseline_cut(&at, fit->rows * N_STAT);
	fit->column = baseline_cut(&at, 2 * fit->rows);
	fit->scratch = baseline_cut(&at, 5 * n * n);
	fit->share = baseline_cut(&at, n);
	for (size_t k = 0; k < FOLDS; k++)
		moments_place(&fit->fold[k], baseline_cut(&at, moments), n);
	moments_place(&fit->total, baseline_cut(&at, moments), n);
	return true;
}

static mw_err keep_learn_rows(struct fit *fit)
{
	struct mw_baseline *baseline = fit->baseline;
	size_t n = fit->n;
	double *to = malloc(fit->rows * LEARN_STRIDE(n) * sizeof(*to));

	if (!to)
		return MW_E_NOMEM;
	baseline->learn = to;
	baseline->learn_missing = fit->missing;
	fit->missing = NULL;
	for (size_t t = 0; t < fit->rows; t++, to += LEARN_STRIDE(n)) {
		memcpy(to, fit->z + t * n, n * sizeof(*to));
		memcpy(to + n, fit->d + t * n, n * sizeof(*to));
		memcpy(to + 2 * n, fit->r + t * n, n * sizeof(*to));
		memcpy(to + 3 * n, fit->e + t * n, n * sizeof(*to));
		memcpy(to + 4 * n, fit->stat + t * N_STAT, N_STAT * sizeof(*to));
	}
	return MW_E_OK;
}

static mw_err learn(struct fit *fit)
{
	mw_err err = MW_E_OK;

	for (size_t c = 0; c < fit->n; c++) {
		err = judge_channel(fit, c);
		if (err)
			return err;
		learn_location(fit, c);
		learn_steps(fit, c);
	}
	learn_regimes(fit);
	err = fit_joint(fit);
	if (!err)
		err = learn_symptoms(fit);
	if (!err)
		err = fit_statistics(fit);
	if (err)
		return err;
	for (size_t c = 0; c < fit->n; c++)
		describe_channel(fit, c);
	return keep_learn_rows(fit);
}

mw_err mw_baseline_fit(const double *value, size_t n_rows, size_t n_channels,
		       const struct mw_baseline_hints *hints, struct mw_baseline **ret_baseline)
{
	struct fit fit = {.value = value, .rows = n_rows, .n = n_channels, .hints = hints};
	mw_err err = MW_E_NOMEM;

	if (n_rows < MW_BASELINE_MIN_ROWS || n_channels == 0 || n_channels > MW_MAX_CHANNELS)
		return MW_E_INVAL;
	fit.baseline = baseline_alloc(n_channels, n_rows);
	if (fit.baseline && place(&fit))
		err = learn(&fit);
	free(fit.missing);
	free(fit.block);
	if (err)
		mw_baseline_free(fit.baseline);
	else
		*ret_baseline = fit.baseline;
	return err;
}
