/*
 * judge.h -- from the model's reading of a window to one comparable score.
 *
 * Components of a window: the model's patch heads (asset row; strongest channel row), the asset's
 * own statistics (T2, Q, whitened dynamic, MEWMA, largest channel residuals) and, of each symptom
 * (symptom.h), the channel that shows it most; each smoothed over windows by an EWMA.
 *
 * The *fused* statistic ranks windows: the heads' log-odds (asset's plus strongest channel's), by
 * half more than once, and the largest dynamic residual, the latter centred on the median and
 * scaled by the distance to the 90 % quantile of the asset's own healthy windows, which it was
 * held out from. Gross evidence of any kind cannot be voted down; a channel that stands still, or is
 * lost, four times as long as ever learnt raises alone; and on an asset of few channels a level that
 * stays past all that was learnt counts, by how long it stays.  The score is a fixed function of it.
 *
 * The *evidence alone* is one rule: the largest of the whitened dynamic statistic, the largest
 * dynamic residual and a channel's loss, each calibrated on the asset's own healthy windows, for
 * innovations do not care where a healthy machine wanders; and gross evidence of what lasts.
 * Without a model (mw_reading of no rows) it is the fused statistic.
 *
 * A general model that reads text gives one row, the asset's, whose log-odds have no scale of their own:
 * they are calibrated like a statistic, on the asset's own healthy windows, and added to the residual.
 *
 * The *p-value* decides alarms.  Three views -- the heads, the fused statistic, the evidence
 * alone (so that it can raise) -- are held against two tails each, exponential past a quantile
 * (peaks over threshold, Pickands 1975, shape 0): the asset's own healthy windows, and those of
 * simulated healthy machines *after* their learn segment, in regimes they had not shown
 * before.  The latter's slope is not that of windows but of alarms: healthy windows that look ill
 * come in rows, and a p-value of MW_JUDGE_BUDGET_P is to be an alarm MW_JUDGE_BUDGET_DAY times a
 * day at one row a second (model/eval/healthy.py measures both).  A view counts as unusual as the
 * milder of its two tails says; the most unusual view decides, times three (Bonferroni).
 */
#ifndef MW_CORE_JUDGE_H
#define MW_CORE_JUDGE_H

#include "gateway/core/prompt.h"

enum mw_component {
	MW_COMPONENT_ASSET_HEAD,
	MW_COMPONENT_CHANNEL_HEAD,
	MW_COMPONENT_T2,
	MW_COMPONENT_Q,
	MW_COMPONENT_DYNAMIC,
	MW_COMPONENT_MEWMA,
	MW_COMPONENT_MAX_Z, /* log2 of the largest channel's */
	MW_COMPONENT_MAX_STATIC,
	MW_COMPONENT_MAX_DYNAMIC,
	MW_COMPONENT_LEVEL,   /* as MAX_Z, no larger than was learnt: how long, not how far */
	MW_COMPONENT_SYMPTOM, /* + enum mw_symptom_kind: the largest channel's, without its sign */
	MW_N_COMPONENT = MW_COMPONENT_SYMPTOM + MW_N_SYMPTOM
};
const char *mw_component_text(enum mw_component component);

#define MW_JUDGE_MAX_CALIBRATION 512 /* healthy windows kept for calibration */
#define MW_JUDGE_MIN_CALIBRATION 16
#define MW_JUDGE_BUDGET_P        0.002
#define MW_JUDGE_BUDGET_DAY      2.0
#define MW_JUDGE_FEW             3 /* channels that cannot confirm each other */

/* What the model said of a window. */
struct mw_reading {
	uint32_t n_rows;                                          /* 0: there is no model */
	float patch_logit[MW_PROMPT_MAX_ROWS][MW_WINDOW_PATCHES]; /* row 0 asset, then channels */
	float verdict_probability[4];                             /* by enum mw_verdict */
	const float *hidden; /* [n_hidden], lent: the state that has read the question; or NULL */
	uint32_t n_hidden;
};

/* P(X > x) = share * exp(-(x - from) / mean) for x > from. */
struct mw_tail {
	double share, from, mean;
};

enum mw_view { MW_VIEW_FUSED, MW_VIEW_HEADS, MW_VIEW_EVIDENCE, MW_N_VIEW };

struct mw_judge {
	bool ready;        /* calibrated */
	bool smoothing;    /* the EWMA has a value */
	bool blind;        /* calibrated without a model */
	bool spoken;       /* calibrated with a model that gives the asset's row alone */
	bool few;          /* MW_JUDGE_FEW channels or fewer */
	double level_most; /* largest level learnt, before smoothing */
	double smooth[MW_N_COMPONENT];
	uint32_t n_calibration;
	float (*calibration)[MW_N_COMPONENT]; /* owned, MW_JUDGE_MAX_CALIBRATION; or NULL */
	double center[MW_N_COMPONENT], spread[MW_N_COMPONENT];
	float *healthy; /* [n_calibration] fused statistics of healthy windows, ascending; owned */
	struct mw_tail own[MW_N_VIEW]; /* of the asset's healthy windows */
};

struct mw_judgement {
	double component[MW_N_COMPONENT]; /* smoothed, uncalibrated */
	double fused;      /* calibrated; 0 = median healthy, 1 = its 90 % quantile */
	double evidence;   /* the same of the evidence alone */
	double p_value;    /* chance of a window as unusual as this under health */
	double p_evidence; /* the same by the evidence alone */
	double score;      /* in (0,1): logistic in the fused statistic; comparable over assets */
};

void mw_judge_init(struct mw_judge *judge);
/* Frees the calibration's windows, which nobody but mw_judge_of_learnt needs once it has ended. */
void mw_judge_forget_learn(struct mw_judge *judge);
void mw_judge_done(struct mw_judge *judge);
/* One healthy, held-out window; in order, for the smoothing.  `keep`: it takes part in the
 * calibration (a long learn segment keeps every k-th, so that the kept ones fit and still span it).
 * Without memory it is left out. */
void mw_judge_learn(struct mw_judge *judge, const struct mw_evidence *evidence,
		    const struct mw_reading *reading, bool keep);
/* Ends calibration: MW_E_AGAIN with fewer than MW_JUDGE_MIN_CALIBRATION windows, MW_E_NOMEM. */
MW_MUST_CHECK mw_err mw_judge_calibrate(struct mw_judge *judge);
/* The judgement of kept healthy window i (0 .. n_calibration - 1), after calibration and before
 * mw_judge_forget_learn. */
void mw_judge_of_learnt(const struct mw_judge *judge, uint32_t i, struct mw_judgement *ret);
/* Judges the next window; updates the smoothing. */
void mw_judge_window(struct mw_judge *judge, const struct mw_evidence *evidence,
		     const struct mw_reading *reading, struct mw_judgement *ret);

#endif
