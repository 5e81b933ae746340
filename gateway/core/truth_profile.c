#include "gateway/core/truth_profile.h"

#include <math.h>
#include <string.h>

#define LIMITS      0.6 /* chance that a channel's limits are told */
#define ONE_SIDED   0.4 /* of those, that only the upper ones are */
#define MARGIN_MIN  0.1 /* of the learnt range, between it and a limit */
#define MARGIN_MAX  1.0
#define WEAK        0.4 /* chance that a weak point is told */
#define WEAK_BREAKS 0.5 /* and that it is the one that breaks, if one does */

static void learnt_range(const struct mw_sim_series *series, size_t c, double *ret_low,
			 double *ret_high)
{
	double low = INFINITY;
	double high = -INFINITY;

	for (size_t t = 0; t < series->spec.n_learn; t++) {
		double value = series->value[t * series->n_channels + c];

		low = fmin(low, value); /* fmin and fmax leave NaN out */
		high = fmax(high, value);
	}
	*ret_low = low;
	*ret_high = high;
}

static void draw_limits(const struct mw_sim_series *series, size_t c, struct mw_rng *rng,
			struct mw_profile_channel *profile)
{
	bool told = mw_rng_chance(rng, LIMITS);
	bool upper = mw_rng_chance(rng, ONE_SIDED);
	double margin = mw_rng_uniform(rng, MARGIN_MIN, MARGIN_MAX);
	double low;
	double high;

	profile->low = profile->high = profile->alarm_low = profile->alarm_high = NAN;
	learnt_range(series, c, &low, &high);
	if (!told || !(low <= high))
		return;
	margin *= high - low + series->noise_unit[c];
	profile->high = high + margin;
	profile->alarm_high = high + 3 * margin;
	if (upper)
		return;
	profile->low = low - margin;
	profile->alarm_low = low - 3 * margin;
}

/* Commands and valves drive; what a machine's panel shows is driven. */
static void set_topology(enum mw_role role, struct mw_profile_channel *profile)
{
	bool drives = role == MW_ROLE_SETPOINT || role == MW_ROLE_VALVE || role == MW_ROLE_SPEED ||
		      role == MW_ROLE_STATE;

	profile->n_out = drives ? 1 : 0;
	profile->n_in = role == MW_ROLE_SETPOINT || role == MW_ROLE_STATE ? 0 : 1;
}

static size_t draw_weak(const struct mw_sim_series *series, struct mw_rng *rng)
{
	size_t c = mw_rng_below(rng, series->n_channels);
	bool breaks = mw_rng_chance(rng, WEAK_BREAKS);

	return breaks && series->spec.n_injection > 0 && series->n_cause[0] > 0
		   ? series->cause_order[0][0]
		   : c;
}

void mw_truth_profile(const struct mw_sim_series *series, struct mw_rng *rng,
		      struct mw_profile_channel *ret_profile)
{
	bool weak = mw_rng_chance(rng, WEAK);
	size_t where = draw_weak(series, rng);

	memset(ret_profile, 0, series->n_channels * sizeof(*ret_profile));
	for (size_t c = 0; c < series->n_channels; c++) {
		draw_limits(series, c, rng, &ret_profile[c]);
		set_topology(series->channel[c].role, &ret_profile[c]);
		ret_profile[c].weak = weak && c == where ? 1 : 0;
	}
}
