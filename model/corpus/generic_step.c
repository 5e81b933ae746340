#include "model/corpus/generic.h"

#include <math.h>

/* Every draw of a row is made here and in own_life, always the same number: see plant.h. */

/* ---- drivers ---- */

static void step_steps(struct generic_driver *d, double normal, double chance)
{
	if (chance >= d->rate)
		return;
	d->value = normal;
	if (d->shape)
		d->value = fabs(normal) > 0.5 ? copysign(1, normal) : 0;
}

static double cycle_value(const struct generic_driver *d)
{
	double f = d->phase - floor(d->phase);

	switch ((enum generic_cycle)d->shape) {
	case CYCLE_SINE:
		return 1.4 * mw_sin(2 * M_PI * f);
	case CYCLE_SQUARE:
		return f < d->duty ? 1 : -1;
	case CYCLE_SAW:
		return 3.4 * f - 1.7;
	default:
		return f < d->duty ? 3 * mw_exp(-3 * f / d->duty) - 1 : -1;
	}
}

static void step_cycle(struct generic_driver *d, double normal, double slow_down)
{
	d->phase += d->rate * (d->jitter > 0 ? mw_exp(d->jitter * normal) : 1) / (1 + slow_down);
	d->value = cycle_value(d);
}

static void step_slow(struct generic_driver *d, double normal, double row)
{
	switch ((enum generic_slow)d->shape) {
	case SLOW_WALK:
		d->value += d->rate * normal;
		break;
	case SLOW_APPROACH:
		d->value = d->sign * 2 * (1 - mw_exp(-row * d->rate));
		break;
	case SLOW_RAMP:
		d->value = d->sign * row * d->rate;
		break;
	default:
		d->value = mw_sin(2 * M_PI * (d->phase + row * d->rate));
	}
}

static void step_driver(struct generic *g, struct generic_driver *d, double slow_down,
			struct mw_rng *rng)
{
	double normal = mw_rng_normal(rng);

	if (mw_rng_chance(rng, g->tail))
		normal *= 3;
	switch (d->kind) {
	case DRIVER_STEPS:
		step_steps(d, normal, mw_rng_uniform(rng, 0, 1));
		break;
	case DRIVER_WANDER:
		d->value = d->keep * d->value + sqrt(1 - d->keep * d->keep) * normal;
		break;
	case DRIVER_CYCLE:
		step_cycle(d, normal, slow_down);
		break;
	default:
		step_slow(d, normal, g->row);
	}
}

/* ---- operations ---- */

static void draw_shift(const struct generic *g, struct generic_operation *op, struct mw_rng *rng)
{
	bool all = op->fault == MW_FAULT_PRODUCT_CHANGE;
	size_t one = mw_rng_below(rng, 3);

	for (size_t tries = 0; tries < 3 && g->driver[one].amp <= 0; tries++)
		one = (one + 1) % 3;
	for (size_t k = 0; k < g->n_driver; k++) {
		double sign = mw_rng_sign(rng);
		double size = sign * mw_rng_log_uniform(rng, 2, 9);
		bool movable = g->driver[k].kind <= DRIVER_WANDER;

		op->shift[k] = movable && (all || k == one) ? size : 0;
	}
}

static void draw_operation(const struct generic *g, const struct mw_plant_act *act,
			   struct generic_operation *op)
{
	struct mw_rng rng;
	double size;

	*op = (struct generic_operation){.seed = act->seed, .fault = act->fault, .loop = -1};
	mw_rng_seed(&rng, act->seed);
	op->cycle_amp = 1;
	op->run_to = 1;
	op->rate = 1 / mw_rng_log_uniform(&rng, 1, 40);
	op->seen = mw_rng_chance(&rng, 0.3);
	op->pause = fmin(mw_rng_uniform(&rng, 3, 25), (double)act->length_rows / 3);
	size = mw_rng_sign(&rng);
	size *= mw_rng_log_uniform(&rng, 1.5, 8);
	if (act->fault == MW_FAULT_SETPOINT_CHANGE && g->n_loop > 0) {
		op->loop = (int)mw_rng_below(&rng, g->n_loop);
		op->loop_shift = size * g->channel[g->loop[op->loop].pv].scale;
		return;
	}
	if (act->fault == MW_FAULT_IDLE)
		op->run_to = mw_rng_uniform(&rng, 0.05, 0.5);
	else if (act->fault == MW_FAULT_SHUTDOWN || act->fault == MW_FAULT_STARTUP)
		op->run_to = 0;
	else
		draw_shift(g, op, &rng);
	if (act->fault == MW_FAULT_PRODUCT_CHANGE ||
	    (act->fault == MW_FAULT_LOAD_CHANGE && mw_rng_chance(&rng, 0.3)))
		op->cycle_amp = mw_rng_log_uniform(&rng, 0.4, 4);
}

static double run_target(const struct generic *g, const struct mw_plant_act *act)
{
	const struct generic_operation *op = &g->operation;

	if (act->fault == MW_FAULT_NONE)
		return g->stopped ? 0 : 1;
	if (op->fault == MW_FAULT_STARTUP)
		return (double)act->age_rows < op->pause ? 0 : 1;
	return 1 - (1 - op->run_to) * fmax(act->level, 0.2);
}

static void step_run(struct generic *g, const struct mw_plant_act *act, double chance)
{
	g->stopped = chance < (g->stopped ? 1 - g->natural_start : g->natural_stop);
	g->run += g->run_rate * (run_target(g, act) - g->run);
}

static void step_operation(struct generic *g, const struct mw_plant_act *act)
{
	struct generic_operation *op = &g->operation;
	double level = act->fault == MW_FAULT_NONE ? 0 : act->level;

	if (act->fault != MW_FAULT_NONE && op->seed != act->seed)
		draw_operation(g, act, op);
	for (size_t k = 0; k < g->n_driver; k++)
		g->driver[k].shift += op->rate * (level * op->shift[k] - g->driver[k].shift);
	for (size_t l = 0; l < g->n_loop; l++) {
		double want = (int)l == op->loop ? level * op->loop_shift : 0;

		g->loop[l].target_shift += fmax(op->rate, 0.1) * (want - g->loop[l].target_shift);
	}
}

/* A driver as it acts: its own movement, what operations add, and its size. */
static double driver_now(const struct generic *g, struct generic_driver *d, bool operated)
{
	bool used = d->amp > 0.3; /* else it has no learned range to speak of */
	double value = d->value;

	if (!operated) {
		d->seen_low = fmin(d->seen_low, d->value);
		d->seen_high = fmax(d->seen_high, d->value);
	} else if (g->operation.seen && used) {
		return d->amp * fmin(fmax(value + d->shift, d->seen_low), d->seen_high);
	}
	if (operated && d->kind == DRIVER_CYCLE)
		value *= g->operation.cycle_amp;
	return value * d->amp + d->shift * (used ? d->amp : 0.3);
}

/* ---- channels ---- */

static double bend(int shape, double x)
{
	if (shape == 1)
		return 1.2 * mw_tanh(x);
	return shape == 2 ? x + 0.25 * x * x / (1 + 0.1 * x * x) : x;
}

static double own_life(struct generic_channel *c, struct mw_rng *rng)
{
	if (c->own_amp > 0)
		c->own =
		    c->own_keep * c->own + sqrt(1 - c->own_keep * c->own_keep) * mw_rng_normal(rng);
	if (c->trend > 0)
		c->trend_value += c->trend * mw_rng_normal(rng);
	return c->own_amp * c->own + c->trend_value;
}

static double driven(const struct generic *g, struct generic_channel *c, const double *driver)
{
	double sum = 0;

	for (size_t k = 0; k < g->n_driver; k++)
		sum += c->mix[k] * driver[k];
	if (c->kind == CHANNEL_PLAIN && c->loop >= 0)
		sum += c->feed * g->loop[c->loop].position;
	c->level = c->keep * c->level + (1 - c->keep) * sum;
	return g->run * bend(c->shape, c->level) + (1 - g->run) * c->rest;
}

/* ---- loops ---- */

static void step_target(struct generic_loop *loop, struct mw_rng *rng)
{
	double normal = mw_rng_normal(rng);

	if (mw_rng_chance(rng, loop->target_rate))
		loop->target = loop->target_amp * normal;
}

/* A stem that jams is seldom where it should be. */
static void jam(struct generic_loop *loop, double jump)
{
	loop->position = fmin(fmax(loop->position + jump, -loop->limit), loop->limit);
}

/* Static friction: the stem follows only when pushed harder than the band. */
static void move_valve(struct generic_loop *loop, double band)
{
	if (fabs(loop->command - loop->position) > band)
		loop->position += 0.6 * (loop->command - loop->position);
}

static void step_loop(struct generic_loop *loop, double disturbance, double band, double shake)
{
	double error = loop->target + loop->target_shift - loop->value;

	loop->integral += loop->ki * error;
	loop->integral = fmin(fmax(loop->integral, -loop->limit), loop->limit);
	loop->command = loop->kp * error + loop->integral;
	loop->command = fmin(fmax(loop->command, -loop->limit), loop->limit);
	move_valve(loop, band);
	loop->value =
	    loop->keep * loop->value + (1 - loop->keep) * (disturbance + loop->position + shake);
}

static double inner_value(const struct generic *g, const struct generic_channel *c, double value,
			  double told)
{
	switch (c->kind) {
	case CHANNEL_STATE:
		return value > c->threshold ? 1 : 0;
	case CHANNEL_RUN:
		return g->run > 0.6 ? 1 : 0;
	case CHANNEL_COMMAND:
		return told;
	case CHANNEL_PV:
		return g->loop[c->loop].value;
	case CHANNEL_VALVE:
		return g->loop[c->loop].command;
	case CHANNEL_SETPOINT:
		return g->loop[c->loop].target + g->loop[c->loop].target_shift;
	default:
		return value;
	}
}

static void step_loops(struct generic *g, const struct mw_plant_row *row, const double *value,
		       struct mw_rng *rng)
{
	double force = row->fault.level * GENERIC_GROSS;

	for (size_t l = 0; l < g->n_loop; l++) {
		struct generic_loop *loop = &g->loop[l];
		bool sick = row->fault.fault != MW_FAULT_NONE && (int)l == g->fault.loop;
		double size = 0;

		step_target(loop, rng);
		if (sick)
			size = force * mw_generic_unit(g, row->noise_unit, (size_t)loop->pv);
		if (sick && g->fault.jammed && row->fault.age_rows == 0)
			jam(loop, g->fault.hold * size);
		if (sick && g->fault.jammed)
			step_loop(loop, value[loop->pv], size, 0);
		else
			step_loop(loop, value[loop->pv], 0, size * g->fault_profile);
	}
}

void mw_generic_step(void *state, const struct mw_plant_row *row, struct mw_rng *rng,
		     double *ret_true)
{
	struct generic *g = state;
	double driver[GENERIC_MAX_DRIVER];
	double add[MW_SIM_MAX_CHANNELS];
	double value[MW_SIM_MAX_CHANNELS];
	double slow = row->fault.fault != MW_FAULT_NONE ? g->fault.slow_down * row->fault.level : 0;
	bool operated = row->operation.fault != MW_FAULT_NONE;

	g->row += 1;
	step_operation(g, &row->operation);
	step_run(g, &row->operation, mw_rng_uniform(rng, 0, 1));
	for (size_t k = 0; k < g->n_driver; k++) {
		step_driver(g, &g->driver[k], slow, rng);
		driver[k] = driver_now(g, &g->driver[k], operated);
	}
	mw_generic_fault_row(g, row, driver, add);
	for (size_t i = 0; i < g->n_channel; i++) {
		struct generic_channel *c = &g->channel[i];

		value[i] = driven(g, c, driver) + own_life(c, rng) + add[i];
	}
	step_loops(g, row, value, rng);
	for (size_t i = 0; i < g->n_channel; i++)
		ret_true[i] =
		    (inner_value(g, &g->channel[i], value[i], driver[0]) + g->channel[i].offset) *
		    g->channel[i].gain;
}
