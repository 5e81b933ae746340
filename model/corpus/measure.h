/*
 * measure.h -- internal to the corpus: how a channel behaves in the healthy learn segment, and the
 * noise unit in which effects of faults are counted.
 *
 * Noise unit = rms of the step from row to row / sqrt 2 (of white noise: its standard deviation)
 *            + 0.15 x standard deviation + 0.15 x that of the densest half (shorth x 0.7413)
 * so neither a slowly moving nor a noisy channel has a silly one, nor one that has several regimes;
 * the largest 3 % of the steps are left out, for they are changes of regime; at least half a
 * step of the resolution, so that a state that never changed has a unit too.
 */
#ifndef MW_CORPUS_MEASURE_H
#define MW_CORPUS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mw_measure {
	double mean, sd, rms; /* rms: about zero */
	double low, high;     /* 5 % and 95 % quantile */
	double noise_unit;    /* > 0 */
	double lowest, highest;
	uint64_t
	    seen; /* bits: which 64ths of lowest .. highest it was in, more than once or twice */
};

/* Measures n_rows values that lie `stride` apart; NaN is left out, or (hold) means the value
 * before.  scratch: 2 n_rows values. */
void mw_measure_channel(const double *value, size_t n_rows, size_t stride, double resolution,
			bool hold, double *scratch, struct mw_measure *ret_measure);
/* Is the value within a noise unit of where the channel has been? */
bool mw_measure_knows(const struct mw_measure *measure, double value);

#endif
