#include "gateway/core/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTHING     0.3  /* weight of the newest window */
#define TAIL_SHARE    0.2  /* of healthy windows, modelled by the exponential tail */
#define TAIL_MEAN_MIN 0.35 /* in fused units: few windows must not make a tail look thin */
#define GUARD_FROM    6.0  /* evidence so far past health decides alone */

/* A quiet asset's spread must not turn rounding into an anomaly. */
static const double spread_floor[MW_N_COMPONENT] = {1.0, 1.0, 0.5, 0.5, 0.5, 0.7};

const char *mw_component_text(enum mw_component component)
{
	static const char *const text[MW_N_COMPONENT] = {"asset_head", "channel_head", "t2", "q",
							 "dynamic",    "mewma"};

	return text[component];
}

void mw_judge_init(struct mw_judge *judge)
{
	memset(judge, 0, sizeof(*judge));
}

static double strongest_channel(const struct mw_reading *reading)
{
	double best = -INFINITY;

	for (uint32_t row = 1; row < reading->n_rows; row++)
		best = fmax(best, (double)reading->patch_logit[row][MW_WINDOW_PATCHES - 1]);
	return best;
}

static void measure(const struct mw_evidence *evidence, const struct mw_reading *reading,
		    double ret[MW_N_COMPONENT])
{
	float asset[MW_N_FEATURES];

	mw_evidence_asset_patch(evidence, MW_WINDOW_PATCHES - 1, asset);
	ret[MW_COMPONENT_ASSET_HEAD] = (double)reading->patch_logit[0][MW_WINDOW_PATCHES - 1];
	ret[MW_COMPONENT_CHANNEL_HEAD] = strongest_channel(reading);
	ret[MW_COMPONENT_T2] = (double)asset[MW_G_T2];
	ret[MW_COMPONENT_Q] = (double)asset[MW_G_Q];
	ret[MW_COMPONENT_DYNAMIC] = (double)asset[MW_G_DYNAMIC];
	ret[MW_COMPONENT_MEWMA] = (double)asset[MW_G_MEWMA];
}

static void smooth(struct mw_judge *judge, const double now[MW_N_COMPONENT])
{
	double weight = judge->smoothing ? SMOOTHING : 1.0;

	for (int k = 0; k < MW_N_COMPONENT; k++)
		judge->smooth[k] += weight * (now[k] - judge->smooth[k]);
	judge->smoothing = true;
}

void mw_judge_learn(struct mw_judge *judge, const struct mw_evidence *evidence,
		    const struct mw_reading *reading, bool keep)
{
	double now[MW_N_COMPONENT];
	float *kept;

	measure(evidence, reading, now);
	smooth(judge, now);
	if (!keep || judge->n_calibration >= MW_JUDGE_MAX_CALIBRATION)
		return;
	kept = judge->calibration[judge->n_calibration++];
	for (int k = 0; k < MW_N_COMPONENT; k++)
		kept[k] = (float)judge->smooth[k];
}

static int compare_float(const void *a, const void *b)
{
	float x = *(const float *)a;
	float y = *(const float *)b;

	return (x > y) - (x < y);
}

static double quantile(const float *sorted, uint32_t n, double share)
{
	double at = share * (double)(n - 1);
	uint32_t low = (uint32_t)at;
	uint32_t high = low + 1 < n ? low + 1 : low;

	return (double)sorted[low] + (at - low) * (double)(sorted[high] - sorted[low]);
}

static double fuse(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	double u[MW_N_COMPONENT];
	double gross = -INFINITY;
	double model;

	for (int k = 0; k < MW_N_COMPONENT; k++)
		u[k] = (component[k] - judge->center[k]) / judge->spread[k];
	for (int k = MW_COMPONENT_T2; k < MW_N_COMPONENT; k++)
		gross = fmax(gross, u[k]);
	model = (u[MW_COMPONENT_ASSET_HEAD] + u[MW_COMPONENT_CHANNEL_HEAD]) / 2;
	return fmax((model + u[MW_COMPONENT_DYNAMIC]) / 2, gross - GUARD_FROM);
}

static void fit_components(struct mw_judge *judge)
{
	float column[MW_JUDGE_MAX_CALIBRATION];
	uint32_t n = judge->n_calibration;

	for (int k = 0; k < MW_N_COMPONENT; k++) {
		for (uint32_t i = 0; i < n; i++)
			column[i] = judge->calibration[i][k];
		qsort(column, n, sizeof(column[0]), compare_float);
		judge->center[k] = quantile(column, n, 0.5);
		judge->spread[k] =
			fmax(quantile(column, n, 0.9) - judge->center[k], spread_floor[k]);
	}
}

static double fuse_learnt(const struct mw_judge *judge, uint32_t i,
			  double ret_component[MW_N_COMPONENT])
{
	for (int k = 0; k < MW_N_COMPONENT; k++)
		ret_component[k] = (double)judge->calibration[i][k];
	return fuse(judge, ret_component);
}

static void fit_tail(struct mw_judge *judge)
{
	uint32_t n = judge->n_calibration;
	double sum = 0;
	uint32_t over = 0;

	judge->tail_from = quantile(judge->healthy, n, 1.0 - TAIL_SHARE);
	for (uint32_t i = 0; i < n; i++) {
		if ((double)judge->healthy[i] <= judge->tail_from)
			continue;
		sum += (double)judge->healthy[i] - judge->tail_from;
		over++;
	}
	judge->tail_mean = fmax(over > 0 ? sum / over : 0, TAIL_MEAN_MIN);
}

mw_err mw_judge_calibrate(struct mw_judge *judge)
{
	double component[MW_N_COMPONENT];

	if (judge->n_calibration < MW_JUDGE_MIN_CALIBRATION)
		return MW_E_AGAIN;
	fit_components(judge);
	for (uint32_t i = 0; i < judge->n_calibration; i++)
		judge->healthy[i] = (float)fuse_learnt(judge, i, component);
	qsort(judge->healthy, judge->n_calibration, sizeof(judge->healthy[0]), compare_float);
	fit_tail(judge);
	judge->ready = true;
	return MW_E_OK;
}

static double p_value_of(const struct mw_judge *judge, double fused)
{
	uint32_t n = judge->n_calibration;
	uint32_t as_large = 0;

	if (fused > judge->tail_from)
		return TAIL_SHARE * exp(-(fused - judge->tail_from) / judge->tail_mean);
	for (uint32_t i = n; i > 0 && (double)judge->healthy[i - 1] >= fused; i--)
		as_large++;
	return fmax((as_large + 1.0) / (n + 1.0), TAIL_SHARE);
}

static void conclude(const struct mw_judge *judge, double fused, struct mw_judgement *ret)
{
	ret->fused = fused;
	ret->p_value = fmax(p_value_of(judge, fused), 1e-300);
	ret->score = 1.0 - exp2(log10(ret->p_value) / 3.0);
}

void mw_judge_of_learnt(const struct mw_judge *judge, uint32_t i, struct mw_judgement *ret)
{
	double fused = fuse_learnt(judge, i, ret->component);

	conclude(judge, fused, ret);
}

void mw_judge_window(struct mw_judge *judge, const struct mw_evidence *evidence,
		     const struct mw_reading *reading, struct mw_judgement *ret)
{
	double now[MW_N_COMPONENT];

	measure(evidence, reading, now);
	smooth(judge, now);
	memcpy(ret->component, judge->smooth, sizeof(ret->component));
	conclude(judge, fuse(judge, judge->smooth), ret);
}
