#include "model/corpus/mixture.h"

#include "model/corpus/physics.h"

#include <math.h>

#define MAX_PARTS 6
#define GROSS     30.0 /* noise units at level 1 */

enum way { WAY_LEVEL, WAY_SCATTER, WAY_WAVE, WAY_JOLTS, WAY_ECHO, WAY_SLOPE, N_WAY };

/* What happens to one channel. */
struct part {
	enum way way;
	size_t channel, after; /* of the series; whose movement an echo repeats */
	double weight;         /* -1..1 */
	double rows;           /* period of a wave or of jolts; rows to a slope's full size */
};

static bool pushable(const struct mw_run *run, size_t c)
{
	enum mw_role role = run->series->channel[c].role;

	return run->sensor[c].noise > 0 && role != MW_ROLE_STATE && role != MW_ROLE_COUNTER &&
	       role != MW_ROLE_SETPOINT;
}

/* Up to MAX_PARTS channels that can be pushed, in random order. */
static size_t draw_channels(const struct mw_run *run, struct mw_rng *rng, struct part *ret)
{
	size_t at[MW_SIM_MAX_CHANNELS];
	size_t n = 0;

	for (size_t c = 0; c < run->series->n_channels; c++)
		if (pushable(run, c))
			at[n++] = c;
	for (size_t i = 0; i < n && i < MAX_PARTS; i++) {
		size_t k = i + mw_rng_below(rng, n - i);

		ret[i].channel = at[k];
		at[k] = at[i];
	}
	return n < MAX_PARTS ? n : MAX_PARTS;
}

static enum way draw_way(const struct part *part, size_t i, struct mw_rng *rng)
{
	size_t way = mw_rng_below(rng, N_WAY);
	size_t other = 1 + mw_rng_below(rng, N_WAY - 1);

	if (i == 1)
		way = ((size_t)part[0].way + other) % N_WAY;
	return (enum way)way;
}

/* The parts, all from the act's seed; their number. */
static size_t draw(const struct mw_run *run, uint64_t seed, struct part *ret)
{
	struct mw_rng rng;
	size_t most, n;

	mw_rng_seed(&rng, seed);
	most = draw_channels(run, &rng, ret);
	n = most < 3 ? most : 3 + mw_rng_below(&rng, most - 2);
	for (size_t i = 0; i < n; i++) {
		struct part *part = &ret[i];
		double slow = mw_rng_log_uniform(&rng, 20, 200);

		part->way = draw_way(ret, i, &rng);
		part->after = ret[mw_rng_below(&rng, most)].channel;
		part->rows = mw_rng_log_uniform(&rng, 2.5, 40);
		part->weight = mw_rng_sign(&rng);
		part->weight *= i == 0 ? 1 : mw_rng_log_uniform(&rng, 0.2, 1);
		if (part->way == WAY_SLOPE)
			part->rows = slow;
		if (part->way == WAY_ECHO && part->after == part->channel)
			part->way = WAY_LEVEL;
	}
	return n;
}

static double scatter(const struct part *part, const struct mw_plant_act *act)
{
	struct mw_rng root, rng;

	mw_rng_seed(&root, ~act->seed);
	mw_rng_fork(&root, act->age_rows * MW_SIM_MAX_CHANNELS + part->channel, &rng);
	return 0.5 * mw_rng_normal(&rng);
}

static double echo(const struct mw_run *run, const struct part *part, const double *truth)
{
	const struct mw_measure *other = &run->stat[part->after];
	double far = truth[run->column[part->after]] - other->mean;

	return 0.5 * mw_clamp(far / fmax(other->sd, other->noise_unit), -3, 3);
}

/* Where a part pushes its channel at this row, -1..1. */
static double moved(const struct mw_run *run, const struct part *part,
		    const struct mw_plant_act *act, const double *truth)
{
	double age = (double)act->age_rows;

	switch (part->way) {
	case WAY_SCATTER:
		return scatter(part, act);
	case WAY_WAVE:
		return mw_sin(2 * M_PI * (age + 1) / part->rows);
	case WAY_JOLTS:
		return fmod(age, part->rows) < 1 ? 1 : 0;
	case WAY_ECHO:
		return echo(run, part, truth);
	case WAY_SLOPE:
		return fmin((age + 1) / part->rows, 1);
	default:
		return 1;
	}
}

void mw_mixture_push(const struct mw_run *run, const struct mw_plant_act *act, double *truth)
{
	struct part part[MAX_PARTS];
	double add[MAX_PARTS];
	size_t n = draw(run, act->seed, part);

	for (size_t i = 0; i < n; i++)
		add[i] = act->level * GROSS * part[i].weight *
			 run->series->noise_unit[part[i].channel] *
			 moved(run, &part[i], act, truth);
	for (size_t i = 0; i < n; i++)
		truth[run->column[part[i].channel]] += add[i];
}

size_t mw_mixture_cause(const struct mw_run *run, const struct mw_plant_act *act, uint8_t *ret_full)
{
	struct part part[MAX_PARTS];
	size_t n = draw(run, act->seed, part);
	size_t listed = 0;

	for (size_t slow = 0; slow < 2; slow++)
		for (size_t i = 0; i < n; i++)
			if ((part[i].way == WAY_SLOPE) == (slow == 1))
				ret_full[listed++] = run->column[part[i].channel];
	return listed;
}
