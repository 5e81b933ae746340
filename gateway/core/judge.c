#include "gateway/core/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTHING   0.3 /* weight of the newest window */
#define LARGEST_MIN 0.1 /* below it a channel's residual is nothing */
#define TAIL_SHARE  0.2 /* of healthy windows, modelled by the asset's own tails */
#define EVIDENCE_TAIL_MIN                                                                          \
	0.15 /* mean of an asset's own tail of the evidence, as others see it: least */
#define EVIDENCE_TAIL_MAX 0.4 /* and most, lest a restless asset forgive what is gross */
#define SCORE_MIDDLE      0.0 /* fused statistic of score one half */
#define SCORE_WIDTH       1.5
#define BLIND_MIDDLE      3.0 /* the same of the evidence alone */
#define BLIND_WIDTH       1.0
#define HEADS_WEIGHT      1.5  /* of the heads' log-odds beside the calibrated residual */
#define LEVEL_TOP         6.0  /* fused statistic of a level that stays past all that was learnt */
#define LEVEL_SLOPE       8.0  /* what it loses per unit of level below that */
#define LOSS_MIN          0.25 /* log2 of a loss to the largest learnt */
#define ALONE_FROM        2.0 /* a channel that stands, or is lost, four times as long as ever learnt */
#define ALONE_TOP         12.0 /* raises alone: what it is worth then, in the fused statistic */
#define ALONE_SLOPE       2.0  /* and gains by each doubling */
#define GUARD_FROM        10.0 /* evidence so far past health is heard whatever the model says */

/* Healthy simulated machines past their learn segment, measured by model/eval/healthy.py.  Of the
 * evidence: in units of the asset's own tail, (x - from) / mean, for assets differ in how far their
 * healthy evidence reaches. */
static const struct mw_tail population[MW_N_VIEW] = {
    [MW_VIEW_FUSED] = {.share = 0.01, .from = 8.69, .mean = 0.736},
    [MW_VIEW_HEADS] = {.share = 0.01, .from = 0.50, .mean = 0.626},
    [MW_VIEW_EVIDENCE] = {.share = 0.01, .from = 50.37, .mean = 2.476},
};
/* Without a model the evidence decides alone, and is heard sooner: the same, of the 1,200 rows after
 * the learn segment and by windows, not alarms. */
static const struct mw_tail population_blind = {.share = 0.01, .from = 21.9, .mean = 2.6};
/* A general model's log-odds, in multiples of the asset's own healthy spread.  Not measured: wide, for
 * nobody knows which model it will be. */
static const struct mw_tail population_spoken = {.share = 0.01, .from = 8.0, .mean = 1.5};
#define SPOKEN_MOST 10.0 /* that its log-odds can say for or against, in the same unit */

/* A quiet asset's spread must not turn rounding into an anomaly. */
static const double spread_floor[MW_N_COMPONENT] = {
    [MW_COMPONENT_ASSET_HEAD] = 1.0,
    [MW_COMPONENT_CHANNEL_HEAD] = 1.0,
    [MW_COMPONENT_T2] = 0.5,
    [MW_COMPONENT_Q] = 0.5,
    [MW_COMPONENT_DYNAMIC] = 0.5,
    [MW_COMPONENT_MEWMA] = 0.7,
    [MW_COMPONENT_MAX_Z] = 0.5,
    [MW_COMPONENT_MAX_STATIC] = 0.5,
    [MW_COMPONENT_MAX_DYNAMIC] = 0.5,
    [MW_COMPONENT_LEVEL] = 0.5,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_IMPULSE] = 1.0,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_POWER] = 1.0,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_BAND] = 1.0,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_STILL] = 0.4,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_LOST] = 0.5,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_DRIFT] = 0.4,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_STATE] = 0.4,
    [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_COUPLING] = 1.0};

const char *mw_component_text(enum mw_component component)
{
	static const char *const text[MW_COMPONENT_SYMPTOM] = {
	    "asset_head", "channel_head", "t2",         "q",           "dynamic",
	    "mewma",      "max_z",        "max_static", "max_dynamic", "level"};

	return component < MW_COMPONENT_SYMPTOM
		   ? text[component]
		   : mw_symptom_text((enum mw_symptom_kind)(component - MW_COMPONENT_SYMPTOM));
}

void mw_judge_init(struct mw_judge *judge)
{
	memset(judge, 0, sizeof(*judge));
	judge->level_most = -INFINITY;
}

void mw_judge_forget_learn(struct mw_judge *judge)
{
	free(judge->calibration);
	judge->calibration = NULL;
}

void mw_judge_done(struct mw_judge *judge)
{
	mw_judge_forget_learn(judge);
	free(judge->healthy);
	judge->healthy = NULL;
}

static bool has_room(struct mw_judge *judge)
{
	if (!judge->calibration)
		judge->calibration = calloc(MW_JUDGE_MAX_CALIBRATION, sizeof(*judge->calibration));
	return judge->calibration && judge->n_calibration < MW_JUDGE_MAX_CALIBRATION;
}

static double strongest_channel(const struct mw_reading *reading)
{
	double best = reading->n_rows > 1 ? -INFINITY : 0;

	for (uint32_t row = 1; row < reading->n_rows; row++)
		best = fmax(best, (double)reading->patch_logit[row][MW_WINDOW_PATCHES - 1]);
	return best;
}

/* Where most channels stand still, the machine does; that is no stuck sensor. */
static bool machine_stands(const struct mw_evidence *evidence)
{
	size_t n = mw_evidence_n_channels(evidence), standing = 0;

	for (size_t c = 0; c < n; c++)
		standing += mw_evidence_symptom(evidence, c, MW_SYMPTOM_STILL) > 0;
	return 2 * standing > n;
}

static void measure_symptoms(const struct mw_evidence *evidence, double ret[MW_N_SYMPTOM])
{
	for (int s = 0; s < MW_N_SYMPTOM; s++) {
		float most = 0;

		for (size_t c = 0; c < mw_evidence_n_channels(evidence); c++)
			most = fmaxf(
			    most, fabsf(mw_evidence_symptom(evidence, c, (enum mw_symptom_kind)s)));
		ret[s] = (double)most;
	}
	if (machine_stands(evidence))
		ret[MW_SYMPTOM_STILL] = 0;
}

static void measure(const struct mw_evidence *evidence, const struct mw_reading *reading,
		    double ret[MW_N_COMPONENT])
{
	float asset[MW_N_FEATURES];

	mw_evidence_asset_patch(evidence, MW_WINDOW_PATCHES - 1, asset);
	measure_symptoms(evidence, ret + MW_COMPONENT_SYMPTOM);
	ret[MW_COMPONENT_ASSET_HEAD] = ret[MW_COMPONENT_CHANNEL_HEAD] = 0;
	if (reading->n_rows > 0) {
		ret[MW_COMPONENT_ASSET_HEAD] =
		    (double)reading->patch_logit[0][MW_WINDOW_PATCHES - 1];
		ret[MW_COMPONENT_CHANNEL_HEAD] = strongest_channel(reading);
	}
	ret[MW_COMPONENT_T2] = (double)asset[MW_G_T2];
	ret[MW_COMPONENT_Q] = (double)asset[MW_G_Q];
	ret[MW_COMPONENT_DYNAMIC] = (double)asset[MW_G_DYNAMIC];
	ret[MW_COMPONENT_MEWMA] = (double)asset[MW_G_MEWMA];
	ret[MW_COMPONENT_MAX_Z] = log2(fmax((double)asset[MW_G_MAX_Z], LARGEST_MIN));
	ret[MW_COMPONENT_LEVEL] = ret[MW_COMPONENT_MAX_Z];
	ret[MW_COMPONENT_MAX_STATIC] = log2(fmax((double)asset[MW_G_MAX_STATIC], LARGEST_MIN));
	ret[MW_COMPONENT_MAX_DYNAMIC] = log2(fmax((double)asset[MW_G_MAX_DYNAMIC], LARGEST_MIN));
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

	judge->blind = reading->n_rows == 0;
	judge->spoken = reading->n_rows == 1;
	judge->few = mw_evidence_n_channels(evidence) <= MW_JUDGE_FEW;
	measure(evidence, reading, now);
	judge->level_most = fmax(judge->level_most, now[MW_COMPONENT_LEVEL]);
	smooth(judge, now);
	if (!keep || !has_room(judge))
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

static double calibrated(const struct mw_judge *judge, const double *component, int k)
{
	return (component[k] - judge->center[k]) / judge->spread[k];
}

/* What lasts is heard; one knock, or a burst of noise, is for the model to weigh. */
static const bool guards[MW_N_COMPONENT] = {
    [MW_COMPONENT_T2] = true,          [MW_COMPONENT_Q] = true,
    [MW_COMPONENT_DYNAMIC] = true,     [MW_COMPONENT_MEWMA] = true,
    [MW_COMPONENT_MAX_Z] = true,       [MW_COMPONENT_MAX_STATIC] = true,
    [MW_COMPONENT_MAX_DYNAMIC] = true, [MW_COMPONENT_SYMPTOM + MW_SYMPTOM_DRIFT] = true,
};

static double alone(const double component[MW_N_COMPONENT])
{
	double most = fmax(component[MW_COMPONENT_SYMPTOM + MW_SYMPTOM_STILL],
			   component[MW_COMPONENT_SYMPTOM + MW_SYMPTOM_LOST]);

	return most >= ALONE_FROM ? ALONE_TOP + ALONE_SLOPE * (most - ALONE_FROM) : -INFINITY;
}

/* Gross evidence, as far as it goes beyond the guard. */
static double gross(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	double most = -INFINITY;

	for (int k = 0; k < MW_N_COMPONENT; k++)
		if (guards[k])
			most = fmax(most, calibrated(judge, component, k));
	return fmax(most - GUARD_FROM, alone(component));
}

/* A channel that falls silent while others speak is an innovation, too; without a loss there is
 * nothing to weigh. */
static double innovation(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	const int lost = MW_COMPONENT_SYMPTOM + MW_SYMPTOM_LOST;
	double residual = calibrated(judge, component, MW_COMPONENT_MAX_DYNAMIC);

	return component[lost] > LOSS_MIN ? fmax(residual, calibrated(judge, component, lost))
					  : residual;
}

/* On an asset of few channels nothing else confirms a level that has left what was learnt, so its
 * staying there does: it counts by how long, not by how far. */
static double staying(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	double most = (judge->level_most - judge->center[MW_COMPONENT_LEVEL]) /
		      judge->spread[MW_COMPONENT_LEVEL];

	if (!judge->few)
		return -INFINITY;
	return LEVEL_TOP - LEVEL_SLOPE * (most - calibrated(judge, component, MW_COMPONENT_LEVEL));
}

static double evidence_of(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	double joint = calibrated(judge, component, MW_COMPONENT_DYNAMIC);

	return fmax(fmax(joint, innovation(judge, component)), gross(judge, component));
}

static double heads(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	if (judge->spoken)
		return fmin(
		    fmax(calibrated(judge, component, MW_COMPONENT_ASSET_HEAD), -SPOKEN_MOST),
		    SPOKEN_MOST);
	return component[MW_COMPONENT_ASSET_HEAD] + component[MW_COMPONENT_CHANNEL_HEAD];
}

static double fuse(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	double fused = evidence_of(judge, component);
	double weight = judge->spoken ? 1 : HEADS_WEIGHT;

	if (!judge->blind)
		fused = fmax(weight * heads(judge, component) + innovation(judge, component),
			     gross(judge, component));
	return fmax(fused, staying(judge, component));
}

static void fit_components(struct mw_judge *judge)
{
	float column[MW_JUDGE_MAX_CALIBRATION] = {0};
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

static void recall(const struct mw_judge *judge, uint32_t i, double ret[MW_N_COMPONENT])
{
	for (int k = 0; k < MW_N_COMPONENT; k++)
		ret[k] = (double)judge->calibration[i][k];
}

static double view_of(const struct mw_judge *judge, enum mw_view view,
		      const double component[MW_N_COMPONENT])
{
	switch (view) {
	case MW_VIEW_HEADS:
		return heads(judge, component);
	case MW_VIEW_EVIDENCE:
		return evidence_of(judge, component);
	default:
		return fuse(judge, component);
	}
}

static struct mw_tail fit_tail(const float *sorted, uint32_t n, double mean_min)
{
	struct mw_tail tail = {.share = TAIL_SHARE, .from = quantile(sorted, n, 1.0 - TAIL_SHARE)};
	double sum = 0;
	uint32_t over = 0;

	for (uint32_t i = 0; i < n; i++) {
		if ((double)sorted[i] <= tail.from)
			continue;
		sum += (double)sorted[i] - tail.from;
		over++;
	}
	tail.mean = fmax(over > 0 ? sum / over : 0, mean_min);
	return tail;
}

static void fit_view(struct mw_judge *judge, enum mw_view view)
{
	double component[MW_N_COMPONENT];
	float sorted[MW_JUDGE_MAX_CALIBRATION] = {0};
	uint32_t n = judge->n_calibration;

	for (uint32_t i = 0; i < n; i++) {
		recall(judge, i, component);
		sorted[i] = (float)view_of(judge, view, component);
	}
	qsort(sorted, n, sizeof(sorted[0]), compare_float);
	judge->own[view] = fit_tail(
	    sorted, n, view == MW_VIEW_EVIDENCE ? EVIDENCE_TAIL_MIN : population[view].mean);
	if (view == MW_VIEW_FUSED)
		memcpy(judge->healthy, sorted, n * sizeof(sorted[0]));
}

mw_err mw_judge_calibrate(struct mw_judge *judge)
{
	if (judge->n_calibration < MW_JUDGE_MIN_CALIBRATION)
		return MW_E_AGAIN;
	free(judge->healthy);
	judge->healthy = calloc(judge->n_calibration, sizeof(*judge->healthy));
	if (!judge->healthy)
		return MW_E_NOMEM;
	fit_components(judge);
	for (int view = 0; view < MW_N_VIEW; view++)
		fit_view(judge, (enum mw_view)view);
	judge->ready = true;
	return MW_E_OK;
}

static double tail_probability(const struct mw_tail *tail, double x)
{
	return x > tail->from ? tail->share * exp(-(x - tail->from) / tail->mean) : 1.0;
}

static const struct mw_tail *population_of(const struct mw_judge *judge, enum mw_view view)
{
	if (judge->blind || (judge->spoken && view == MW_VIEW_EVIDENCE))
		return &population_blind;
	return judge->spoken ? &population_spoken : &population[view];
}

static double p_of_view(const struct mw_judge *judge, enum mw_view view, double x)
{
	const struct mw_tail *others = population_of(judge, view);
	const struct mw_tail *own = &judge->own[view];
	double among =
	    view == MW_VIEW_EVIDENCE ? (x - own->from) / fmin(own->mean, EVIDENCE_TAIL_MAX) : x;

	return fmax(tail_probability(others, among), tail_probability(own, x));
}

/* Where no tail speaks: the rank among the asset's own healthy windows. */
static double p_of_rank(const struct mw_judge *judge, double fused)
{
	uint32_t n = judge->healthy ? judge->n_calibration : 0;
	uint32_t as_large = 0;

	for (uint32_t i = n; i > 0 && (double)judge->healthy[i - 1] >= fused; i--)
		as_large++;
	return fmax((as_large + 1.0) / (n + 1.0), TAIL_SHARE);
}

static double p_of_evidence(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	return p_of_view(judge, MW_VIEW_EVIDENCE, view_of(judge, MW_VIEW_EVIDENCE, component));
}

/* The most unusual view, for as many as were looked at (Bonferroni). */
static double p_of(const struct mw_judge *judge, const double component[MW_N_COMPONENT])
{
	double p = p_of_evidence(judge, component);

	if (judge->blind)
		return p;
	for (int v = 0; v < MW_VIEW_EVIDENCE; v++) {
		enum mw_view view = (enum mw_view)v;

		p = fmin(p, p_of_view(judge, view, view_of(judge, view, component)));
	}
	return p * MW_N_VIEW;
}

static void conclude(const struct mw_judge *judge, struct mw_judgement *ret)
{
	bool scaled = judge->blind || judge->spoken;
	double middle = scaled ? BLIND_MIDDLE : SCORE_MIDDLE;
	double width = scaled ? BLIND_WIDTH : SCORE_WIDTH;
	double p = p_of(judge, ret->component);

	ret->fused = fuse(judge, ret->component);
	ret->evidence = evidence_of(judge, ret->component);
	ret->p_evidence = p_of_evidence(judge, ret->component);
	ret->p_value = p < TAIL_SHARE ? fmax(p, 1e-300) : p_of_rank(judge, ret->fused);
	ret->score = 1.0 / (1.0 + exp((middle - ret->fused) / width));
}

void mw_judge_of_learnt(const struct mw_judge *judge, uint32_t i, struct mw_judgement *ret)
{
	recall(judge, i, ret->component);
	conclude(judge, ret);
}

void mw_judge_window(struct mw_judge *judge, const struct mw_evidence *evidence,
		     const struct mw_reading *reading, struct mw_judgement *ret)
{
	double now[MW_N_COMPONENT];

	measure(evidence, reading, now);
	if (judge->spoken != (reading->n_rows == 1)) /* calibrated with a model of another kind */
		for (int k = MW_COMPONENT_ASSET_HEAD; k <= MW_COMPONENT_CHANNEL_HEAD; k++)
			now[k] = judge->center[k];
	now[MW_COMPONENT_LEVEL] = fmin(now[MW_COMPONENT_LEVEL], judge->level_most);
	smooth(judge, now);
	memcpy(ret->component, judge->smooth, sizeof(ret->component));
	conclude(judge, ret);
}
