/*
 * judge.h -- from the model's reading of a window to one comparable score.
 *
 * Components of a window: the model's patch heads (asset row; strongest channel row) and the asset's
 * own statistics (T2, Q, whitened dynamic, MEWMA), each smoothed over windows by an EWMA.  Every
 * component is calibrated on the asset's own healthy windows, which it was held out from: centred on
 * their median and scaled by the distance to their 90 % quantile.  The fused statistic is the mean of
 * the model's (both heads) and the evidence's (whitened dynamic) calibrated components; gross evidence
 * of any kind cannot be voted down (guard).
 * Its p-value is conformal among the healthy windows and, past their 80 % quantile, that of an
 * exponential tail (peaks over threshold, Pickands 1975 with shape 0).  Pure; plain data.
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
	MW_N_COMPONENT
};
const char *mw_component_text(enum mw_component component);

#define MW_JUDGE_MAX_CALIBRATION 512 /* healthy windows kept for calibration */
#define MW_JUDGE_MIN_CALIBRATION 16

/* What the model said of a window. */
struct mw_reading {
	uint32_t n_rows;
	float patch_logit[MW_PROMPT_MAX_ROWS][MW_WINDOW_PATCHES]; /* row 0 asset, then channels */
	float verdict_probability[4]; /* by enum mw_verdict */
};

struct mw_judge {
	bool ready;                    /* calibrated */
	bool smoothing;                /* the EWMA has a value */
	double smooth[MW_N_COMPONENT];
	uint32_t n_calibration;
	float calibration[MW_JUDGE_MAX_CALIBRATION][MW_N_COMPONENT]; /* while calibrating */
	double center[MW_N_COMPONENT], spread[MW_N_COMPONENT];
	float healthy[MW_JUDGE_MAX_CALIBRATION]; /* fused statistics of healthy windows, ascending */
	double tail_from, tail_mean;   /* 80 % quantile and mean excess over it */
};

struct mw_judgement {
	double component[MW_N_COMPONENT]; /* smoothed, uncalibrated */
	double fused;                     /* calibrated; 0 = median healthy, 1 = its 90 % quantile */
	double p_value;                   /* of the fused statistic under health */
	double score;                     /* in [0,1): 1 - 2^(log10(p)/3); comparable over assets */
};

void mw_judge_init(struct mw_judge *judge);
/* One healthy, held-out window; in order, for the smoothing.  `keep`: it takes part in the calibration
 * (a long learn segment keeps every k-th, so that the kept ones fit and still span it). */
void mw_judge_learn(struct mw_judge *judge, const struct mw_evidence *evidence,
		    const struct mw_reading *reading, bool keep);
/* Ends calibration: MW_E_AGAIN with fewer than MW_JUDGE_MIN_CALIBRATION windows. */
MW_MUST_CHECK mw_err mw_judge_calibrate(struct mw_judge *judge);
/* The judgement of kept healthy window i (0 .. n_calibration - 1), after calibration. */
void mw_judge_of_learnt(const struct mw_judge *judge, uint32_t i, struct mw_judgement *ret);
/* Judges the next window; updates the smoothing. */
void mw_judge_window(struct mw_judge *judge, const struct mw_evidence *evidence,
		     const struct mw_reading *reading, struct mw_judgement *ret);

#endif
