#include "model/corpus/sensor.h"
#include "model/corpus/elementary.h"

#include <math.h>

#define SIZE_MIN   0.5
#define SIZE_RATIO 60.0

#define SHARE_EXCEPTION 0.09

/* Wrong scalings seen in the field: decades of a misread exponent, 1 - 5 V against 4 - 20 mA spans,
 * psi/bar, kgf/bar, atm/bar, Fahrenheit, km/h, per minute, per hour, mile, pound, hp, inch. */
static const struct {
	double factor, offset;
} unit_error[] = {
    {1000, 0},
    {0.001, 0},
    {100, 0},
    {0.01, 0},
    {10, 0},
    {0.1, 0},
    {60, 0},
    {3.6, 0},
    {1 / 3.6, 0},
    {14.504, 0},
    {0.069, 0},
    {1.8, 32},
    {5. / 9, -160. / 9},
    {2.54, 0},
    {0.3937, 0},
    {1.609, 0},
    {0.6214, 0},
    {0.4536, 0},
    {2.205, 0},
    {0.7457, 0},
    {1.25, 0},
    {0.8, 0},
    {1.0197, 0},
    {0.9807, 0},
    {1.0133, 0},
    {0.9869, 0},
    {1.0936, 0},
};
#define N_UNIT_ERROR (sizeof(unit_error) / sizeof(unit_error[0]))

double mw_sensor_size(double strength)
{
	return strength > 0 ? SIZE_MIN * mw_pow(SIZE_RATIO, strength) : 0;
}

void mw_site_draw(struct mw_rng *rng, struct mw_site *ret_site)
{
	double lost = mw_rng_log_uniform(rng, 0.001, 0.02);

	ret_site->by_exception = mw_rng_chance(rng, SHARE_EXCEPTION);
	ret_site->deadband = mw_rng_log_uniform(rng, 0.5, 6);
	ret_site->patience = 20 + (unsigned)mw_rng_below(rng, 180);
	ret_site->row_lost = mw_rng_chance(rng, 0.06) ? lost : 0;
	/* Silence is then all that can be seen, and would hide what is lost. */
	if (ret_site->by_exception)
		ret_site->row_lost = 0;
}

/* Commands and states are reported when they change, measurements when they leave a band. */
static void draw_exception(const struct mw_site *site, bool silent, double every,
			   struct mw_sensor *sensor)
{
	if (!site->by_exception || every < 0.2)
		return;
	sensor->deadband = silent ? fmax(0.5 * sensor->step, 1e-9) : site->deadband * sensor->noise;
	sensor->patience = site->patience;
	sensor->lost = 0;
	sensor->hold = 1;
}

void mw_sensor_draw_instance(const struct mw_plant_channel *channel, const struct mw_site *site,
			     double dt_s, struct mw_rng *rng, struct mw_sensor *ret_sensor)
{
	bool silent = channel->noise <= 0; /* a command or a state: nothing measures it */
	double lag_s = channel->lag_s * mw_rng_log_uniform(rng, 0.5, 2);
	double noise = channel->noise * mw_rng_log_uniform(rng, 0.5, 2);
	double step = channel->step * (mw_rng_chance(rng, 0.15) ? 5 : 1);
	double glitch = mw_rng_log_uniform(rng, 0.001, 0.008);
	double glitch_size = noise * mw_rng_log_uniform(rng, 4, 25);
	bool heavy = mw_rng_chance(rng, 0.2);
	bool glitches = mw_rng_chance(rng, 0.08);
	bool loses = mw_rng_chance(rng, 0.03);
	bool holds = mw_rng_chance(rng, 0.07);
	unsigned hold = 2 + (unsigned)mw_rng_below(rng, 7);

	*ret_sensor = (struct mw_sensor){
	    .noise = noise,
	    .step = silent ? channel->step : step,
	    .lo = channel->lo,
	    .hi = channel->hi,
	    .keep = lag_s > 0 ? mw_exp(-dt_s / lag_s) : 0,
	    .tail = heavy && !silent ? 0.06 : 0,
	    .glitch = glitches && !silent ? glitch : 0,
	    .glitch_size = glitch_size,
	    .lost = loses ? 0.004 : 0,
	    .hold = holds && !silent ? hold : 1,
	};
	draw_exception(site, silent, mw_rng_uniform(rng, 0, 1), ret_sensor);
}

void mw_sensor_draw_row(const struct mw_sensor *sensor, struct mw_rng *rng,
			struct mw_sensor_draw *ret_draw)
{
	double noise = sensor->noise > 0 ? sensor->noise * mw_rng_normal(rng) : 0;

	if (sensor->tail > 0 && mw_rng_chance(rng, sensor->tail))
		noise *= mw_rng_uniform(rng, 2, 7);
	if (sensor->glitch > 0 && mw_rng_chance(rng, sensor->glitch))
		noise += sensor->glitch_size * mw_rng_normal(rng);
	ret_draw->noise = noise;
	ret_draw->lost = sensor->lost > 0 && mw_rng_chance(rng, sensor->lost);
}

static double smooth(struct mw_sensor_state *state, double keep, double input)
{
	state->level = state->primed ? keep * state->level + (1 - keep) * input : input;
	state->primed = true;
	return state->level;
}

static double digitise(const struct mw_sensor *sensor, double value)
{
	if (sensor->lo < sensor->hi)
		value = fmin(fmax(value, sensor->lo), sensor->hi);
	return sensor->step > 0 ? rint(value / sensor->step) * sensor->step : value;
}

/* The newest reading, or the one that is still on show. */
static double show(const struct mw_sensor *sensor, struct mw_sensor_state *state, double value)
{
	if (state->age == 0)
		state->last = value;
	state->age = (state->age + 1) % sensor->hold;
	return state->last;
}

/* What arrives of a reading: nothing when it is lost or, by exception, not worth sending. */
static double deliver(const struct mw_sensor *sensor, struct mw_sensor_state *state, double value,
		      bool lost)
{
	state->silent = sensor->deadband > 0 && state->has_sent &&
			state->quiet < sensor->patience &&
			fabs(value - state->sent) < sensor->deadband;
	state->quiet++;
	if (state->silent || lost)
		return NAN;
	state->sent = value;
	state->has_sent = true;
	state->quiet = 0;
	return value;
}

double mw_sensor_read(const struct mw_sensor *sensor, struct mw_sensor_state *state,
		      const struct mw_sensor_draw *draw, double truth)
{
	double value = smooth(state, sensor->keep, truth) + draw->noise;

	value = show(sensor, state, digitise(sensor, value));
	return deliver(sensor, state, value, draw->lost);
}

/* The factor whose effect comes nearest to the wanted size, with some luck in it. */
static void pick_unit_error(struct mw_sensor_trouble *trouble)
{
	double best = INFINITY;

	for (size_t i = 0; i < N_UNIT_ERROR; i++) {
		double bulk =
		    fabs((unit_error[i].factor - 1) * trouble->stat.mean + unit_error[i].offset);
		double spread = fabs(unit_error[i].factor - 1) * trouble->stat.sd;
		double effect = (bulk + spread) / trouble->stat.noise_unit;
		double far = fabs(mw_ln(effect / fmax(trouble->size, SIZE_MIN))) +
			     mw_rng_uniform(&trouble->rng, 0, 1);

		if (far < best) {
			best = far;
			trouble->factor = unit_error[i].factor;
			trouble->offset = unit_error[i].offset;
		}
	}
}

void mw_sensor_trouble_init(struct mw_sensor_trouble *trouble, enum mw_fault fault, double strength,
			    uint64_t seed, const struct mw_measure *stat)
{
	*trouble = (struct mw_sensor_trouble){
	    .fault = fault,
	    .strength = strength,
	    .size = mw_sensor_size(strength),
	    .held = NAN,
	    .stat = *stat,
	    .factor = 1,
	};
	mw_rng_seed(&trouble->rng, seed);
	trouble->sign = mw_rng_chance(&trouble->rng, 0.5) ? 1 : -1;
	trouble->limit = trouble->sign > 0 ? stat->high - trouble->size * stat->noise_unit
					   : stat->low + trouble->size * stat->noise_unit;
	if (fault == MW_FAULT_UNIT_ERROR)
		pick_unit_error(trouble);
}

/* Faults of the element and its wiring: before the range and the resolution of the instrument. */
static double distort(struct mw_sensor_trouble *trouble, double value, double grown, size_t age)
{
	double size = trouble->size * grown * trouble->stat.noise_unit;
	double shake = mw_rng_normal(&trouble->rng);
	bool hit = mw_rng_chance(&trouble->rng, 0.06);

	switch (trouble->fault) {
	case MW_FAULT_SPIKE:
		if (age > 0 && !hit)
			return value;
		return value + size * (age > 0 && shake < -1 ? -trouble->sign : trouble->sign);
	case MW_FAULT_BIAS:
	case MW_FAULT_DRIFT:
		return value + size * trouble->sign;
	case MW_FAULT_NOISE:
		return value + 0.4 * size * shake;
	case MW_FAULT_SATURATION:
		return trouble->sign > 0 ? fmin(value, trouble->limit)
					 : fmax(value, trouble->limit);
	default:
		return value;
	}
}

/* A thermowell full of scale, a filter left at its maximum: 2 to 60 rows. */
static double lagging(struct mw_sensor_trouble *trouble, double value)
{
	double rows = 2 * mw_pow(30, trouble->strength);

	return smooth(&trouble->slow, mw_exp(-1 / rows), value);
}

/* Which rows a loose contact loses: the first always, then runs, or all at full strength. */
static bool drops(struct mw_sensor_trouble *trouble, double grown, size_t age)
{
	double share = 0.15 + 0.85 * trouble->strength * grown;

	return mw_rng_chance(&trouble->rng, share) || age == 0;
}

double mw_sensor_read_troubled(const struct mw_sensor *sensor, struct mw_sensor_state *state,
			       const struct mw_sensor_draw *draw, double truth,
			       struct mw_sensor_trouble *trouble, double grown, size_t age)
{
	double level = smooth(state, sensor->keep, truth);
	double value = level + draw->noise;

	if (trouble->fault == MW_FAULT_LAG)
		value = lagging(trouble, value);
	value = digitise(sensor, distort(trouble, value, grown, age));
	value = show(sensor, state, trouble->factor * value + trouble->offset);
	if (trouble->fault == MW_FAULT_STUCK) {
		if (isnan(trouble->held))
			trouble->held = value;
		value = trouble->held;
	}
	return deliver(sensor, state, value,
		       draw->lost ||
			   (trouble->fault == MW_FAULT_DROPOUT && drops(trouble, grown, age)));
}
