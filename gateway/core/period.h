/*
 * period.h -- the sampling period of a channel from the times of its first samples.
 *
 * The robust median of the steps, so that jitter and gaps do not move it.  When most of the time
 * lies in a few long steps, the samples come in bursts without times of their own, and a burst
 * counts as one.  A period within 6 % of one that people choose (1, 2, 5, 10, 15, 20, 30, ... of a
 * time unit) is that one, unless most steps agree exactly on another.  Pure.
 */
#ifndef MW_CORE_PERIOD_H
#define MW_CORE_PERIOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_PERIOD_MIN_STEPS   16  /* fewer: unknown */
#define MW_PERIOD_MAX_SAMPLES 256 /* with so many a guess is final; more are not looked at */
#define MW_PERIOD_MIN_NS      1000LL
#define MW_PERIOD_MAX_NS      (7 * 86400 * 1000000000LL)

struct mw_period {
	int64_t period_ns;
	int64_t phase_ns; /* samples fall in the middle of [k * period + phase, + period);
			     in [-3/4, 1/4) of the period */
};

/* time_ns: ascending, no two equal, of one channel.  `must`: guess from whatever there is (two
 * times at least).  False: not known yet. */
bool mw_period_detect(const int64_t *time_ns, size_t n, bool must, struct mw_period *ret_period);

#endif
