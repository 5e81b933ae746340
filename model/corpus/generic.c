#include "model/corpus/generic.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum mw_role role;
	const char *unit;
} measured[] = {
    {MW_ROLE_TEMPERATURE, "degC"}, {MW_ROLE_TEMPERATURE, "degC"}, {MW_ROLE_PRESSURE, "bar"},
    {MW_ROLE_PRESSURE, "bar"},     {MW_ROLE_FLOW, "m3/h"},        {MW_ROLE_FLOW, "m3/h"},
    {MW_ROLE_LEVEL, "%"},          {MW_ROLE_SPEED, "rpm"},        {MW_ROLE_CURRENT, "A"},
    {MW_ROLE_VOLTAGE, "V"},        {MW_ROLE_POWER, "kW"},         {MW_ROLE_VIBRATION, "mm/s"},
    {MW_ROLE_TORQUE, "Nm"},        {MW_ROLE_POSITION, "mm"},      {MW_ROLE_HUMIDITY, "%"},
    {MW_ROLE_CONCENTRATION, "%"},  {MW_ROLE_OTHER, ""},
};
#define N_MEASURED (sizeof(measured) / sizeof(measured[0]))

/* ---- drivers ---- */

static double keep_of(double rows)
{
	return rows > 0.1 ? mw_exp(-1 / rows) : 0;
}

static void draw_steps(struct generic_driver *d, struct mw_rng *rng)
{
	d->rate = 1 / mw_rng_log_uniform(rng, 15, 400);
	d->shape = mw_rng_chance(rng, 0.5);
	d->value = mw_rng_normal(rng);
}

static void draw_cycle(struct generic_driver *d, struct mw_rng *rng)
{
	d->rate = 1 / mw_rng_log_uniform(rng, 8, 250);
	d->jitter = mw_rng_chance(rng, 0.4) ? 0.1 : 0;
	d->phase = mw_rng_uniform(rng, 0, 1);
	d->duty = mw_rng_uniform(rng, 0.1, 0.9);
	d->shape = (int)mw_rng_below(rng, N_CYCLE);
}

static void draw_slow(struct generic_driver *d, double n_learn, struct mw_rng *rng)
{
	d->shape = (int)mw_rng_below(rng, N_SLOW);
	d->sign = mw_rng_chance(rng, 0.5) ? 1 : -1;
	d->phase = mw_rng_uniform(rng, 0, 1);
	switch ((enum generic_slow)d->shape) {
	case SLOW_WALK:
		d->rate = 1.4 / sqrt(n_learn);
		break;
	case SLOW_APPROACH:
		d->rate = 1 / mw_rng_log_uniform(rng, 60, 1500);
		break;
	case SLOW_RAMP:
		d->rate = mw_rng_uniform(rng, 0.3, 1.2) / n_learn;
		break;
	default:
		d->rate = 1 / mw_rng_log_uniform(rng, 300, 3000);
	}
}

static void draw_driver(struct generic_driver *d, size_t i, double n_learn, struct mw_rng *rng)
{
	static const enum generic_driver_kind kind[] = {DRIVER_STEPS, DRIVER_WANDER, DRIVER_WANDER,
							DRIVER_CYCLE, DRIVER_SLOW};
	static const double present[] = {0.55, 0.8, 0.6, 0.45, 0.5};
	size_t k = i < 5 ? i : 1;

	d->kind = kind[k];
	d->amp = mw_rng_log_uniform(rng, 0.3, 2.5) * (d->kind == DRIVER_SLOW ? 0.6 : 1);
	if (!mw_rng_chance(rng, present[k]))
		d->amp = 0;
	d->keep = keep_of(mw_rng_log_uniform(rng, 2, 200));
	d->value = mw_rng_normal(rng);
	if (d->kind == DRIVER_STEPS)
		draw_steps(d, rng);
	else if (d->kind == DRIVER_CYCLE)
		draw_cycle(d, rng);
	else if (d->kind == DRIVER_SLOW)
		draw_slow(d, n_learn, rng);
	d->seen_low = INFINITY;
	d->seen_high = -INFINITY;
}

/* ---- channels ---- */

static void draw_mix(const struct generic *g, struct generic_channel *c, double density,
		     struct mw_rng *rng)
{
	double square = 0.3;
	double driven = 0;

	for (size_t k = 0; k < g->n_driver; k++) {
		double w = mw_rng_normal(rng);

		c->mix[k] = mw_rng_chance(rng, density) ? w : 0;
		square += c->mix[k] * c->mix[k];
	}
	for (size_t k = 0; k < g->n_driver; k++) {
		c->mix[k] /= sqrt(square);
		driven += mw_square(c->mix[k] * g->driver[k].amp);
	}
	c->scale = sqrt(driven) + 0.2;
}

static double draw_rest(double scale, struct mw_rng *rng)
{
	double rest = scale * mw_rng_log_uniform(rng, 1, 12);
	double up = mw_rng_chance(rng, 0.15) ? 1 : -1;

	return mw_rng_chance(rng, 0.25) ? 0 : up * rest;
}

static void draw_life(struct generic_channel *c, double n_learn, struct mw_rng *rng)
{
	double lag = mw_rng_log_uniform(rng, 0.5, 30);
	double bend = mw_rng_uniform(rng, 0, 1);

	c->keep = mw_rng_chance(rng, 0.5) ? 0 : keep_of(lag);
	c->shape = bend < 0.12 ? 1 : bend < 0.2 ? 2 : 0;
	c->own_keep = keep_of(mw_rng_log_uniform(rng, 1, 80));
	c->own_amp = c->scale * mw_rng_log_uniform(rng, 0.05, 1);
	if (!mw_rng_chance(rng, 0.6))
		c->own_amp = 0;
	c->trend = c->scale * mw_rng_log_uniform(rng, 0.1, 1.5) * 1.4 / sqrt(n_learn);
	if (!mw_rng_chance(rng, 0.2))
		c->trend = 0;
	c->rest = draw_rest(c->scale, rng);
}

static void draw_reading(struct generic_channel *c, bool noisy, struct mw_rng *rng)
{
	double offset = c->scale * mw_rng_log_uniform(rng, 1, 40);
	double step = c->scale * mw_rng_log_uniform(rng, 0.08, 1.2);

	c->gain = mw_rng_log_uniform(rng, 0.01, 100);
	c->offset = mw_rng_chance(rng, 0.1) ? -offset : offset;
	if (mw_rng_chance(rng, 0.1))
		c->offset = 0;
	c->noise = c->scale * mw_rng_log_uniform(rng, noisy ? 0.3 : 0.02, noisy ? 4 : 1.2);
	c->step = mw_rng_chance(rng, 0.25) ? step : 0;
}

static void name_channel(struct generic_channel *c, size_t i, enum mw_role role, const char *unit)
{
	if (role == MW_ROLE_OTHER)
		snprintf(c->id.name, sizeof(c->id.name), "channel_%zu", i + 1);
	else
		snprintf(c->id.name, sizeof(c->id.name), "%s_%zu", mw_role_code(role), i + 1);
	snprintf(c->id.unit, sizeof(c->id.unit), "%s", unit);
	c->id.role = role;
}

static void make_state(struct generic_channel *c, size_t i, bool run, struct mw_rng *rng)
{
	c->kind = run ? CHANNEL_RUN : CHANNEL_STATE;
	c->threshold = c->scale * mw_rng_uniform(rng, -0.3, 1);
	c->offset = 0;
	c->gain = 1;
	c->noise = 0;
	c->step = 1;
	name_channel(c, i, MW_ROLE_STATE, "");
}

static void make_command(struct generic_channel *c, size_t i)
{
	c->kind = CHANNEL_COMMAND;
	c->noise = 0;
	c->step = 0;
	name_channel(c, i, MW_ROLE_SETPOINT, "");
}

/* What is not measured but told: only where something measured is left beside it. */
static void draw_told(struct generic *g, size_t i, struct mw_rng *rng)
{
	double luck = mw_rng_uniform(rng, 0, 1);
	bool commanded = g->driver[0].kind == DRIVER_STEPS && g->driver[0].amp > 0;

	if (i == 0)
		return;
	if (luck < 0.05)
		make_state(&g->channel[i], i, mw_rng_chance(rng, 0.5), rng);
	else if (luck < 0.1 && commanded)
		make_command(&g->channel[i], i);
}

static void draw_channels(struct generic *g, double n_learn, struct mw_rng *rng)
{
	double density = mw_rng_uniform(rng, 0.3, 0.95);
	bool noisy = mw_rng_chance(rng, 0.4);

	for (size_t i = 0; i < g->n_channel; i++) {
		struct generic_channel *c = &g->channel[i];
		size_t m = mw_rng_below(rng, N_MEASURED);

		c->loop = -1;
		draw_mix(g, c, density, rng);
		draw_life(c, n_learn, rng);
		draw_reading(c, noisy, rng);
		name_channel(c, i, measured[m].role, measured[m].unit);
		draw_told(g, i, rng);
	}
}

/* ---- closed loops ---- */

static int take_channel(struct generic *g, double chance, struct mw_rng *rng)
{
	size_t i = mw_rng_below(rng, g->n_channel);

	if (!mw_rng_chance(rng, chance) || g->channel[i].kind != CHANNEL_PLAIN)
		return -1;
	return (int)i;
}

static void make_valve(struct generic *g, size_t l, struct mw_rng *rng)
{
	struct generic_loop *loop = &g->loop[l];
	struct generic_channel *c = &g->channel[loop->valve];

	c->kind = CHANNEL_VALVE;
	c->loop = (int)l;
	c->offset = loop->limit;
	c->gain = 50 / loop->limit;
	c->noise = mw_rng_chance(rng, 0.5) ? 0.004 * loop->limit : 0;
	c->step = mw_rng_chance(rng, 0.5) ? 0.002 * loop->limit : 0;
	name_channel(c, (size_t)loop->valve, MW_ROLE_VALVE, "%");
}

static void make_setpoint(struct generic *g, size_t l)
{
	struct generic_loop *loop = &g->loop[l];
	struct generic_channel *c = &g->channel[loop->setpoint];
	const struct generic_channel *pv = &g->channel[loop->pv];

	c->kind = CHANNEL_SETPOINT;
	c->loop = (int)l;
	c->offset = pv->offset;
	c->gain = pv->gain;
	c->noise = 0;
	c->step = 0;
	name_channel(c, (size_t)loop->setpoint, MW_ROLE_SETPOINT, "");
	memcpy(c->id.unit, pv->id.unit, sizeof(c->id.unit));
}

/* PI by the lambda rule for a first-order process of unit gain: closed-loop time constant chosen,
 * kp = tau / lambda, ti = tau. */
static void tune(struct generic_loop *loop, double scale, struct mw_rng *rng)
{
	double tau = mw_rng_log_uniform(rng, 1, 15);
	double lambda = tau * mw_rng_uniform(rng, 0.6, 2) + 2;

	loop->keep = keep_of(tau);
	loop->kp = tau / lambda;
	loop->ki = 1 / lambda;
	loop->limit = scale * mw_rng_log_uniform(rng, 3, 8);
	loop->target_rate = 0;
	loop->target_amp = scale * mw_rng_log_uniform(rng, 0.5, 4);
	if (mw_rng_chance(rng, 0.35))
		loop->target_rate = 1 / mw_rng_log_uniform(rng, 40, 400);
}

static void draw_loop(struct generic *g, struct mw_rng *rng)
{
	size_t l = g->n_loop;
	struct generic_loop *loop = &g->loop[l];

	loop->pv = take_channel(g, 1, rng);
	if (loop->pv < 0)
		return;
	g->n_loop++;
	g->channel[loop->pv].kind = CHANNEL_PV;
	g->channel[loop->pv].loop = (int)l;
	g->channel[loop->pv].noise *= 0.4;
	tune(loop, g->channel[loop->pv].scale, rng);
	loop->valve = take_channel(g, 0.8, rng);
	if (loop->valve >= 0)
		make_valve(g, l, rng);
	loop->setpoint = take_channel(g, 0.35, rng);
	if (loop->setpoint >= 0)
		make_setpoint(g, l);
	for (size_t i = 0; i < g->n_channel; i++) {
		double feed = mw_rng_normal(rng);

		if (g->channel[i].kind != CHANNEL_PLAIN || !mw_rng_chance(rng, 0.2))
			continue;
		g->channel[i].loop = (int)l;
		g->channel[i].feed = feed;
	}
}

static void draw_loops(struct generic *g, struct mw_rng *rng)
{
	size_t most = g->n_channel < 2 ? 1 : g->n_channel < 6 ? 2 : GENERIC_MAX_LOOP;
	size_t n;

	if (g->n_channel >= 6 && g->n_channel < 16)
		most = 4;
	n = mw_rng_chance(rng, 0.45) ? 0 : 1 + mw_rng_below(rng, most);
	while (n-- > 0)
		draw_loop(g, rng);
}

/* ---- the whole ---- */

static size_t draw_size(struct mw_rng *rng)
{
	static const uint8_t size[] = {1, 2, 3, 4, 5, 6, 8, 10, 16, 24};
	static const double share[] = {.06, .09, .10, .13, .12, .13, .16, .13, .05, .03};
	double at = mw_rng_uniform(rng, 0, 1);

	if (mw_rng_chance(rng, 0.07))
		return 25 + mw_rng_below(rng, MW_SIM_MAX_CHANNELS - 24);
	for (size_t i = 0; i < sizeof(size); i++) {
		at -= share[i];
		if (at < 0)
			return size[i];
	}
	return size[sizeof(size) - 1];
}

/* Half of the sites never say what a channel is. */
static void forget_roles(struct generic *g)
{
	for (size_t i = 0; i < g->n_channel; i++)
		name_channel(&g->channel[i], i, MW_ROLE_OTHER, "");
}

void mw_generic_init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct generic *g = state;
	double n_learn = (double)setup->n_learn;
	size_t drawn = draw_size(rng);

	g->n_channel = setup->n_channels ? setup->n_channels : drawn;
	g->n_driver = 5 + (g->n_channel > 20 ? 1 + mw_rng_below(rng, GENERIC_MAX_DRIVER - 5) : 0);
	for (size_t k = 0; k < g->n_driver; k++)
		draw_driver(&g->driver[k], k, n_learn, rng);
	draw_channels(g, n_learn, rng);
	draw_loops(g, rng);
	if (mw_rng_chance(rng, 0.5))
		forget_roles(g);
	g->run = 1;
	g->run_rate = 1 - keep_of(mw_rng_log_uniform(rng, 0.3, 15));
	if (mw_rng_chance(rng, 0.12)) {
		g->natural_stop = 1 / mw_rng_log_uniform(rng, 60, 300);
		g->natural_start = 1 / mw_rng_log_uniform(rng, 10, 60);
	}
	if (mw_rng_chance(rng, 0.3))
		g->tail = mw_rng_log_uniform(rng, 0.003, 0.06);
	g->operation.loop = -1;
	g->fault.loop = -1;
	g->fault.cut = -1;
}

static size_t describe(const void *state, struct mw_plant_channel *ret_channel)
{
	const struct generic *g = state;

	for (size_t i = 0; i < g->n_channel; i++) {
		const struct generic_channel *c = &g->channel[i];

		memset(&ret_channel[i], 0, sizeof(ret_channel[i]));
		ret_channel[i].id = c->id;
		ret_channel[i].noise = c->noise * c->gain;
		ret_channel[i].step = c->step * c->gain;
	}
	return g->n_channel;
}

static const struct mw_plant_can can[] = {
    {.fault = MW_FAULT_DISTURBANCE},
    {.fault = MW_FAULT_COUPLING_CHANGE},
    {.fault = MW_FAULT_HUNTING},
    {.fault = MW_FAULT_STARTUP},
    {.fault = MW_FAULT_SHUTDOWN},
    {.fault = MW_FAULT_LOAD_CHANGE},
    {.fault = MW_FAULT_SETPOINT_CHANGE},
    {.fault = MW_FAULT_PRODUCT_CHANGE},
    {.fault = MW_FAULT_IDLE},
};

const struct mw_plant mw_plant_generic = {
    .machine = MW_MACHINE_OTHER,
    .period_s = 1,
    .settle_rows = 96,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .state_size = sizeof(struct generic),
    .init = mw_generic_init,
    .step = mw_generic_step,
    .describe = describe,
    .cause = mw_generic_fault_cause,
};
