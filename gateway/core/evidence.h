/*
 * evidence.h -- the measured statistics of one asset's present window, kept as a stream: push rows
 * in order, read the window whenever a patch is complete.
 *
 * Borrows the baseline (which must outlive it).  One thread.  All memory is taken at creation.
 */
#ifndef MW_CORE_EVIDENCE_H
#define MW_CORE_EVIDENCE_H

#include "gateway/core/baseline.h"
#include "gateway/core/claim.h"
#include "gateway/core/symptom.h"

#define MW_PATCH_ROWS      4  /* samples per patch */
#define MW_WINDOW_PATCHES  16 /* patches per window */
#define MW_WINDOW_ROWS     (MW_PATCH_ROWS * MW_WINDOW_PATCHES)
#define MW_HISTORY         3 /* coarse averages of the last 16, 16 before, 64 before those patches */
#define MW_HISTORY_PATCHES 96
#define MW_N_FEATURES      7

enum mw_channel_feature {
	MW_F_LEVEL,
	MW_F_SLOPE,
	MW_F_STEP_RMS,
	MW_F_STATIC,
	MW_F_STATIC_SPREAD,
	MW_F_DYNAMIC,
	MW_F_DYNAMIC_RMS
};
enum mw_asset_feature {
	MW_G_T2,
	MW_G_Q,
	MW_G_DYNAMIC,
	MW_G_MEWMA,
	MW_G_MAX_Z,
	MW_G_MAX_STATIC,
	MW_G_MAX_DYNAMIC
};

struct mw_evidence;

MW_MUST_CHECK mw_err mw_evidence_new(const struct mw_baseline *baseline,
				     struct mw_evidence **ret_evidence);
void mw_evidence_free(struct mw_evidence *evidence);

/* Feeds learn row `row` of the baseline's own learn segment (held-out evidence), so that history
 * and calibration are honest.  Values are needed for rendering. */
void mw_evidence_push_learn(struct mw_evidence *evidence, size_t row, int64_t time_ns,
			    const double *value);
/* Feeds the next live row; value has n_channels entries, NaN = missing (the last value is held). */
void mw_evidence_push(struct mw_evidence *evidence, int64_t time_ns, const double *value);

/* Rows pushed; a patch is complete whenever this is a multiple of MW_PATCH_ROWS, and a window can
 * be read when at least MW_WINDOW_ROWS rows were pushed.  The window is the last 16 complete
 * patches. */
uint64_t mw_evidence_rows(const struct mw_evidence *evidence);
bool mw_evidence_window_ready(const struct mw_evidence *evidence);

/* How the machine ran in the last row. */
enum mw_mode mw_evidence_mode(const struct mw_evidence *evidence);

size_t mw_evidence_n_channels(const struct mw_evidence *evidence);

/* The last row's evidence (lent until the next push). */
const struct mw_row_evidence *mw_evidence_last(const struct mw_evidence *evidence);

/* Features of patch p of the window (0 oldest .. 15), real-valued, before they become codes.  Of
 * the patch's rows: mean l (level); sum of the steps within / sqrt 3; log2 rms step; 1.5 mean r; log2 rms
 * of r about its mean; 2 mean e; log2 rms e (factors and roots: about 1 for white noise).  Of the
 * asset: mean log2 ratios; the largest of |level|, |static| and |dynamic| of any channel. */
void mw_evidence_patch(const struct mw_evidence *evidence, size_t channel, size_t patch,
		       float ret_feature[MW_N_FEATURES]);
void mw_evidence_asset_patch(const struct mw_evidence *evidence, size_t patch,
			     float ret_feature[MW_N_FEATURES]);
/* History block h (0 nearest): averages; zeros where nothing was pushed yet. */
void mw_evidence_history(const struct mw_evidence *evidence, size_t channel, size_t h,
			 float ret_feature[MW_N_FEATURES]);
void mw_evidence_asset_history(const struct mw_evidence *evidence, size_t h,
			       float ret_feature[MW_N_FEATURES]);
/* Share of missing samples of the patch: 0 none, 1 some, 2 most, 3 all. */
unsigned mw_evidence_gap(const struct mw_evidence *evidence, size_t channel, size_t patch);
/* The 7 header statistics of a channel (from the baseline). */
void mw_evidence_header(const struct mw_evidence *evidence, size_t channel,
			float ret_feature[MW_N_FEATURES]);

/* Works out the symptoms of the present window (symptom.h): call when a window is read, before
 * mw_evidence_symptom.  Needs mw_evidence_window_ready. */
void mw_evidence_read(struct mw_evidence *evidence);
float mw_evidence_symptom(const struct mw_evidence *evidence, size_t channel,
			  enum mw_symptom_kind symptom);
/* Tells the long memory what became of the last patch.  Rows that were scored or labelled as
 * anomalous are not taken in: what is wrong never becomes normal by lasting. */
void mw_evidence_remember(struct mw_evidence *evidence, bool healthy);

/* The channel's last reading, raw; NaN: none yet. */
double mw_evidence_now(const struct mw_evidence *evidence, size_t channel);

/* Raw window for people: value (NaN: missing), and what the baseline expected there; row 0 oldest.
 * Expected is the joint model's estimate from the other channels where that model explained the
 * channel's healthy rows (held-out error under half of their spread) and the estimate stays within
 * what the channel did then; else the healthy location (NaN: never learnt).  ret_time_ns may be
 * NULL. */
double mw_evidence_spread(const struct mw_evidence *evidence, size_t channel, size_t row);
void mw_evidence_sample(const struct mw_evidence *evidence, size_t channel, size_t row,
			double *ret_value, double *ret_expected, int64_t *ret_time_ns);

/* What a channel does in the window, from onset patch on: the numbers that an explanation cites.
 *
 * Deviation = (value - expected) / scale, bounded by 1000.  The peak is the row of largest
 * |deviation|; when nothing was received since the onset, the last value held, with deviation 0.
 * Direction: the sign of the patch mean of deviation that is largest in size, if it is at least 1
 * and twice what any patch shows on the other side; else 0. Move: change of the level (mean z) from
 * the patch before the onset (onset 0: the window's first) to the last one; under 1 it held.
 * Strength: the largest over patches of |level|, |static|, |dynamic| and rms e (healthy: about 2),
 * and 8 for a patch without any reading. */
struct mw_channel_finding {
	uint32_t channel;
	double peak_value; /* measured value at the largest deviation */
	double
	    expected; /* what the baseline expects (its location, or the joint model's estimate) */
	double deviation; /* (peak - expected) / scale, signed: multiples of the healthy spread */
	double strength;  /* see above: what ranks channels */
	int64_t peak_time_ns;
	int direction; /* +1 above, -1 below, 0 neither (spread changed, stuck, lost) */
	int move;      /* +1 rose, -1 fell, 0 held, over the window since the onset */
};
void mw_evidence_finding(const struct mw_evidence *evidence, size_t channel, size_t onset_patch,
			 struct mw_channel_finding *ret_finding);
/* What may be said of it in words; the onset as above, or before the window; limits NaN = none. */
struct mw_claim_limits {
	double low, high;
};
void mw_evidence_claims(const struct mw_evidence *evidence,
			const struct mw_channel_finding *finding, size_t onset_patch,
			bool onset_before, const struct mw_claim_limits *limits,
			struct mw_claims *ret_claims);
/* The channels that are not in named[n]: how many there are, and the largest level (mean z of a
 * patch) of any since the onset. */
struct mw_other_channels {
	uint32_t n;
	double level;
};
struct mw_other_channels mw_evidence_others(const struct mw_evidence *evidence,
					    const uint32_t *named, size_t n, size_t onset_patch);
/* How much a channel stands out in the whole window: which channels of a wide asset get a row. */
double mw_evidence_weight(const struct mw_evidence *evidence, size_t channel);

/* Exact state, for the store: a restored stream continues bit for bit.  The parser trusts nothing:
 * MW_E_CORRUPT, also when the state is of a baseline with another number of channels. */
MW_MUST_CHECK mw_err mw_evidence_pack(const struct mw_evidence *evidence, uint8_t **ret_data,
				      size_t *ret_size);
MW_MUST_CHECK mw_err mw_evidence_unpack(const struct mw_baseline *baseline, const uint8_t *data,
					size_t size, struct mw_evidence **ret_evidence);

#endif
