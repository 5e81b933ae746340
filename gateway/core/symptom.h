/*
 * symptom.h -- what a channel does over the whole window, against what it did while it was learnt:
 * statistics that no single row shows.  Their formulas and sources are in stats.h.
 *
 * Per channel and window; 0 is usual.  "Spreads" are distances from the healthy median in units of
 * the healthy windows' 90 % quantile past it, at least what is said.
 *
 *   IMPULSE   kurtosis and crest factor, the larger, in spreads (at least 1 and .5): knocks
 *   POWER     log2 rms about the window's line, in spreads (at least .25), signed
 *   BAND      of the four bands' log2 share of the power, the one farthest out, in spreads (at
 *             least .5), signed
 *   STILL     log2 of the present run of equal readings to the longest learnt (at least 8 readings)
 *   LOST      of rows in which other channels were heard: log2 of the present run without a reading to
 *             the longest learnt (at least 4), or of
 *             the window's lost rows to the most learnt in one, both with 4 added
 *   DRIFT     long memory's mean level, healthy spreads, signed
 *   STATE     surprise of the window's rarest state, or log2 of its stay to the longest learnt
 *   COUPLING  change of the correlation with the channel's closest partner at the learnt lag,
 *             standard errors, in spreads (at least 2)
 *
 * Shape (IMPULSE, POWER, BAND, COUPLING) is of quantities only.  Pure; one thread.
 */
#ifndef MW_CORE_SYMPTOM_H
#define MW_CORE_SYMPTOM_H

#include "gateway/core/channel_model.h"
#include "gateway/core/row.h"

enum mw_symptom_kind {
	MW_SYMPTOM_IMPULSE,
	MW_SYMPTOM_POWER,
	MW_SYMPTOM_BAND,
	MW_SYMPTOM_STILL,
	MW_SYMPTOM_LOST,
	MW_SYMPTOM_DRIFT,
	MW_SYMPTOM_STATE,
	MW_SYMPTOM_COUPLING,
	MW_N_SYMPTOM
};
const char *mw_symptom_text(enum mw_symptom_kind symptom); /* "impulse" ... */

/* The measures whose healthy distribution is learnt. */
enum {
	MEASURE_KURTOSIS,
	MEASURE_CREST,
	MEASURE_POWER,
	MEASURE_BAND,
	MEASURE_COUPLING = MEASURE_BAND + MW_STAT_BANDS,
	N_MEASURE
};
#define SYMPTOM_NO_PARTNER 0xFFFFu
#define SYMPTOM_LAG_MOST   8 /* rows that a partner may lead or follow */

/* What is healthy of one channel. */
struct symptom_model {
	double median[N_MEASURE], spread[N_MEASURE];
	double correlation; /* with the partner, at the lag */
	uint32_t still_rows, lost_rows, lost_most;
	uint32_t partner; /* SYMPTOM_NO_PARTNER: nothing moves with it */
	int32_t lag;
};

/* How long the present runs last, row by row. */
struct symptom_run {
	uint32_t still; /* readings that were equal, the present one counted */
	uint32_t lost;  /* rows without a reading while other channels had some */
};
#define SYMPTOM_RUN_MOST 1000000u
/* The next row: value NaN = no reading; before: the reading before, NaN = none; silent: no channel
 * had a reading, so this one is not to blame. */
void symptom_run_step(struct symptom_run *run, double value, double before, bool silent);

/* Learns channel c from judged values [rows][n] and raw readings as received [rows][n], NaN =
 * missing; silent [rows]: no channel had a reading.  partner: the channel that correlates most
 * with it, c = none.  scratch: (N_MEASURE + 2)
 * * rows doubles. */
void symptom_learn(struct symptom_model *ret_model, enum mw_series_kind kind, const double *judged,
		   const double *raw, const bool *silent, size_t rows, size_t n, size_t c,
		   size_t partner, double *scratch);

/* One channel's window: MW_STAT_ROWS judged values of it and of its partner (NULL: none), oldest
 * first, NaN = missing. */
struct symptom_window {
	const double *value, *partner;
	double now;      /* the last reading, raw; NaN: none yet */
	uint32_t silent; /* rows in which no channel had a reading */
	double drift;    /* of the long memory */
	struct symptom_run run;
};
void symptom_of(const struct symptom_model *model, const struct channel_model *channel,
		const struct symptom_window *window, float ret[MW_N_SYMPTOM]);

void symptom_pack(struct mw_writer *writer, const struct symptom_model *model);
bool symptom_unpack(struct mw_reader *reader, size_t n, struct symptom_model *ret_model);

#endif
