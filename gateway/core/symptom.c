#include "gateway/core/baseline_impl.h"

#include <math.h>
#include <string.h>

#define LEARN_STRIDE_ROWS 16  /* between the windows that are learnt from */
#define LEARN_WINDOWS_MIN 6   /* fewer say nothing about a spread */
#define COUPLED           0.7 /* least correlation of partners over the learn rows */
#define STILL_MIN         8   /* readings */
#define LOST_MIN          4   /* rows */
#define SHARE_TINY        1e-3
#define LARGEST           60.0f

static const double spread_min[N_MEASURE] = {[MEASURE_KURTOSIS] = 1.0, [MEASURE_CREST] = 0.5,
					     [MEASURE_POWER] = 0.25,   [MEASURE_BAND] = 0.5,
					     [MEASURE_BAND + 1] = 0.5, [MEASURE_BAND + 2] = 0.5,
					     [MEASURE_BAND + 3] = 0.5, [MEASURE_COUPLING] = 2.0};

const char *mw_symptom_text(enum mw_symptom_kind symptom)
{
	static const char *const text[MW_N_SYMPTOM] = {"impulse", "power", "band",  "still",
						       "lost",    "drift", "state", "coupling"};

	return text[symptom];
}

/* --- runs ------------------------------------------------------------------------------------- */

static uint32_t longer(uint32_t run)
{
	return run < SYMPTOM_RUN_MOST ? run + 1 : run;
}

void symptom_run_step(struct symptom_run *run, double value, double before, bool silent)
{
	if (isnan(value)) {
		run->lost = silent ? run->lost : longer(run->lost);
		return;
	}
	run->lost = 0;
	run->still = value == before ? longer(run->still) : 1;
}

/* --- measures --------------------------------------------------------------------------------- */

static void measure_shape(const double *value, double ret[N_MEASURE])
{
	double residual[MW_STAT_ROWS];
	struct mw_stat_bands bands;

	(void)mw_stat_detrend(value, MW_STAT_ROWS, residual);
	mw_stat_bands(residual, &bands);
	ret[MEASURE_KURTOSIS] = mw_stat_kurtosis(residual, MW_STAT_ROWS);
	ret[MEASURE_CREST] = mw_stat_crest(residual, MW_STAT_ROWS);
	ret[MEASURE_POWER] = mw_stat_rms(residual, MW_STAT_ROWS);
	for (size_t b = 0; b < MW_STAT_BANDS; b++)
		ret[MEASURE_BAND + b] = log2(bands.share[b] + SHARE_TINY);
}

static double measure_coupling(const struct symptom_model *model, const double *value,
			       const double *partner)
{
	double r = mw_stat_correlation(value, partner, MW_STAT_ROWS, model->lag);
	double rows = mw_stat_effective_rows(MW_STAT_ROWS, mw_stat_lag1(value, MW_STAT_ROWS) *
							       mw_stat_lag1(partner, MW_STAT_ROWS));

	return fabs(mw_stat_correlation_change(r, model->correlation, rows));
}

/* In log2 of the healthy median once that is known: a still channel has no decibels. */
static double power_of(const struct symptom_model *model, double rms)
{
	return mw_stat_log_ratio(rms, model->median[MEASURE_POWER]);
}

/* --- learning --------------------------------------------------------------------------------- */

static double quantile(const double *sorted, size_t n, double share)
{
	double at = share * (double)(n - 1);
	size_t low = (size_t)at;
	size_t high = low + 1 < n ? low + 1 : low;

	return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}

/* Median, and how far the farther of the outer tenths lies from it.  x is sorted. */
static void describe(double *x, size_t n, double least, double *ret_median, double *ret_spread)
{
	robust_sort(x, n);
	*ret_median = quantile(x, n, 0.5);
	*ret_spread =
	    fmax(fmax(quantile(x, n, 0.9) - *ret_median, *ret_median - quantile(x, n, 0.1)), least);
}

static bool is_lost(const double *raw, const bool *silent, size_t n, size_t c, size_t t)
{
	return isnan(raw[t * n + c]) && !silent[t];
}

static void learn_runs(struct symptom_model *model, const double *raw, const bool *silent,
		       size_t rows, size_t n, size_t c)
{
	struct symptom_run run = {0};
	double before = NAN;
	uint32_t lost = 0;

	for (size_t t = 0; t < rows; t++) {
		double value = raw[t * n + c];

		symptom_run_step(&run, value, before, silent[t]);
		before = isnan(value) ? before : value;
		lost += is_lost(raw, silent, n, c, t) ? 1 : 0;
		lost -= t >= MW_STAT_ROWS && is_lost(raw, silent, n, c, t - MW_STAT_ROWS) ? 1 : 0;
		model->still_rows = run.still > model->still_rows ? run.still : model->still_rows;
		model->lost_rows = run.lost > model->lost_rows ? run.lost : model->lost_rows;
		model->lost_most = lost > model->lost_most ? lost : model->lost_most;
	}
}

static void column_of(const double *value, size_t rows, size_t n, size_t c, double *ret)
{
	for (size_t t = 0; t < rows; t++)
		ret[t] = value[t * n + c];
}

static void find_partner(struct symptom_model *model, const double *x, const double *y, size_t rows,
			 size_t partner)
{
	model->lag = mw_stat_lag(x, y, rows, SYMPTOM_LAG_MOST, &model->correlation);
	if (fabs(model->correlation) >= COUPLED)
		model->partner = (uint32_t)partner;
}

/* `table` gets each measure's values over the learn windows, one after the other. */
static size_t measure_windows(const struct symptom_model *model, const double *x, const double *y,
			      size_t rows, double *table)
{
	double measured[N_MEASURE] = {0};
	size_t windows = 0;

	for (size_t from = 0; from + MW_STAT_ROWS <= rows; from += LEARN_STRIDE_ROWS) {
		measure_shape(x + from, measured);
		if (model->partner != SYMPTOM_NO_PARTNER)
			measured[MEASURE_COUPLING] = measure_coupling(model, x + from, y + from);
		for (size_t k = 0; k < N_MEASURE; k++)
			table[k * rows + windows] = measured[k];
		windows++;
	}
	return windows;
}

static void learn_shape(struct symptom_model *model, const double *x, const double *y, size_t rows,
			double *table)
{
	double *power = table + MEASURE_POWER * rows;
	size_t windows = measure_windows(model, x, y, rows, table);
	double rest;

	if (windows < LEARN_WINDOWS_MIN)
		return;
	for (size_t k = 0; k < N_MEASURE; k++)
		describe(table + k * rows, windows, spread_min[k], &model->median[k],
			 &model->spread[k]);
	for (size_t i = 0; i < windows; i++)
		power[i] = power_of(model, power[i]);
	describe(power, windows, spread_min[MEASURE_POWER], &rest, &model->spread[MEASURE_POWER]);
}

void symptom_learn(struct symptom_model *ret_model, enum mw_series_kind kind, const double *judged,
		   const double *raw, const bool *silent, size_t rows, size_t n, size_t c,
		   size_t partner, double *scratch)
{
	struct symptom_model model = {.partner = SYMPTOM_NO_PARTNER};
	double *x = scratch;
	double *y = scratch + rows;

	learn_runs(&model, raw, silent, rows, n, c);
	column_of(judged, rows, n, c, x);
	column_of(judged, rows, n, partner, y);
	if (kind == MW_SERIES_MEASURED && partner != c)
		find_partner(&model, x, y, rows, partner);
	if (kind == MW_SERIES_MEASURED)
		learn_shape(&model, x, y, rows, scratch + 2 * rows);
	*ret_model = model;
}

/* --- a window --------------------------------------------------------------------------------- */

static double unusual(const struct symptom_model *model, const double *measured, size_t k)
{
	return (measured[k] - model->median[k]) / model->spread[k];
}

static double farther(double a, double b)
{
	return fabs(b) > fabs(a) ? b : a;
}

static void shape_of(const struct symptom_model *model, const struct symptom_window *window,
		     double ret[MW_N_SYMPTOM])
{
	double measured[N_MEASURE] = {0};

	if (model->spread[MEASURE_KURTOSIS] == 0)
		return; /* never learnt */
	measure_shape(window->value, measured);
	ret[MW_SYMPTOM_IMPULSE] = fmax(fmax(unusual(model, measured, MEASURE_KURTOSIS),
					    unusual(model, measured, MEASURE_CREST)),
				       0);
	ret[MW_SYMPTOM_POWER] =
	    power_of(model, measured[MEASURE_POWER]) / model->spread[MEASURE_POWER];
	for (size_t b = 0; b < MW_STAT_BANDS; b++)
		ret[MW_SYMPTOM_BAND] =
		    farther(ret[MW_SYMPTOM_BAND], unusual(model, measured, MEASURE_BAND + b));
	if (model->partner == SYMPTOM_NO_PARTNER || !window->partner)
		return;
	measured[MEASURE_COUPLING] = measure_coupling(model, window->value, window->partner);
	ret[MW_SYMPTOM_COUPLING] = fmax(unusual(model, measured, MEASURE_COUPLING), 0);
}

static double still_of(const struct symptom_model *model, const struct symptom_run *run)
{
	double longest = fmax(model->still_rows, STILL_MIN);

	return fmax(mw_stat_log_ratio(run->still, longest), 0);
}

static double lost_of(const struct symptom_model *model, const struct symptom_window *window)
{
	double rows =
	    mw_stat_gap_share(window->value, MW_STAT_ROWS) * MW_STAT_ROWS - window->silent;
	double run = mw_stat_log_ratio(window->run.lost + LOST_MIN, model->lost_rows + LOST_MIN);

	return fmax(fmax(run, mw_stat_log_ratio(rows + LOST_MIN, model->lost_most + LOST_MIN)), 0);
}

/* Of a state, what is judged is its surprise already. */
static double state_of(const struct channel_model *channel, const struct symptom_window *window)
{
	double most = mw_state_dwell(channel->table, window->now, window->run.still);

	for (size_t t = 0; t < MW_STAT_ROWS; t++)
		most = fmax(most, isnan(window->value[t]) ? 0 : fabs(window->value[t]));
	return fmax(most, 0);
}

void symptom_of(const struct symptom_model *model, const struct channel_model *channel,
		const struct symptom_window *window, float ret[MW_N_SYMPTOM])
{
	double symptom[MW_N_SYMPTOM] = {0};

	if (channel->kind == MW_SERIES_MEASURED) {
		shape_of(model, window, symptom);
		symptom[MW_SYMPTOM_STILL] = still_of(model, &window->run);
	} else if (channel->kind == MW_SERIES_STATE) {
		symptom[MW_SYMPTOM_STATE] = state_of(channel, window);
	}
	symptom[MW_SYMPTOM_LOST] = lost_of(model, window);
	symptom[MW_SYMPTOM_DRIFT] = window->drift;
	for (size_t k = 0; k < MW_N_SYMPTOM; k++)
		ret[k] = fminf(fmaxf((float)symptom[k], -LARGEST), LARGEST);
}

/* --- as bytes --------------------------------------------------------------------------------- */

void symptom_pack(struct mw_writer *writer, const struct symptom_model *model)
{
	for (size_t k = 0; k < N_MEASURE; k++) {
		mw_put_f64(writer, model->median[k]);
		mw_put_f64(writer, model->spread[k]);
	}
	mw_put_f64(writer, model->correlation);
	mw_put_u32(writer, model->still_rows);
	mw_put_u32(writer, model->lost_rows);
	mw_put_u32(writer, model->lost_most);
	mw_put_u32(writer, model->partner);
	mw_put_u32(writer, (uint32_t)(model->lag + SYMPTOM_LAG_MOST));
}

bool symptom_unpack(struct mw_reader *reader, size_t n, struct symptom_model *ret_model)
{
	struct symptom_model model = {.partner = SYMPTOM_NO_PARTNER};
	uint32_t lag;

	for (size_t k = 0; k < N_MEASURE; k++) {
		model.median[k] = mw_get_f64(reader);
		model.spread[k] = mw_get_f64(reader);
		if (!isfinite(model.median[k]) || !isfinite(model.spread[k]) ||
		    (model.spread[k] <= 0 && model.spread[MEASURE_KURTOSIS] != 0) ||
		    (k == MEASURE_POWER && model.median[k] < 0))
			return false;
	}
	model.correlation = mw_get_f64(reader);
	model.still_rows = mw_get_u32(reader);
	model.lost_rows = mw_get_u32(reader);
	model.lost_most = mw_get_u32(reader);
	model.partner = mw_get_u32(reader);
	lag = mw_get_u32(reader);
	if (!(fabs(model.correlation) <= 1) || lag > 2 * SYMPTOM_LAG_MOST ||
	    (model.partner >= n && model.partner != SYMPTOM_NO_PARTNER))
		return false;
	model.lag = (int32_t)lag - SYMPTOM_LAG_MOST;
	*ret_model = model;
	return !reader->failed;
}
