/*
 * spindle.c -- a machine tool's spindle: parts are cut one after the other, with pauses in between.
 *
 * Cutting torque follows the feed and the tool's state (specific cutting force grows with flank
 * wear, Kienzle); the spindle's bearing is cooled by a chiller, the edge by cutting fluid.
 */
#include "model/corpus/train.h"

#include <math.h>

enum {
	LOAD,
	FORCE,
	FEED,
	FLUID_FLOW,
	FLUID_PRESSURE,
	FLUID,
	COOLER,
	TRAIN,
	N = TRAIN + MW_N_TRAIN
};

struct spindle {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_wander ambient, grain;
	double speed, feed, force;      /* relative command; mm/min; N */
	double part_s, cutting, engage; /* period of a part, share of it in cut, depth of cut */
	double q_fluid, p_fluid, tau_fluid_s; /* l/min, bar */
	double rest, swirl;                   /* engagement between cuts: air cutting */
	double age_s, cut, flow, fluid, cooler;
	double haste;
};

static const struct mw_plant_channel channel[N] = {
    {{"spindle_load", "%", MW_ROLE_TORQUE}, 0.5, 0.1, 0.2, -5.0, 300.0},
    {{"cutting_force", "N", MW_ROLE_OTHER}, 8.0, 1.0, 0.1, -100.0, 9000.0},
    {{"feed_rate", "mm/min", MW_ROLE_SPEED}, 1.0, 1.0, 0.1, 0.0, 20000.0},
    {{"cutting_fluid_flow", "l/min", MW_ROLE_FLOW}, 0.15, 0.05, 1.0, 0.0, 120.0},
    {{"cutting_fluid_pressure", "bar", MW_ROLE_PRESSURE}, 0.03, 0.01, 0.5, -1.0, 40.0},
    {{"cutting_fluid_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -20.0, 150.0},
    {{"chiller_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.15, 0.1, 5.0, -20.0, 150.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.9, 0.4, 0.5, 0.6, 0.4, 0.4, 0.4, MW_TRAIN_WANTED};

#define AMPS    (TRAIN + MW_TRAIN_CURRENT)
#define KW      (TRAIN + MW_TRAIN_POWER)
#define RPM     (TRAIN + MW_TRAIN_SPEED)
#define VIB     (TRAIN + MW_TRAIN_VIB_DE)
#define VIB2    (TRAIN + MW_TRAIN_VIB_NDE)
#define BEARING (TRAIN + MW_TRAIN_BEARING)
#define WINDING (TRAIN + MW_TRAIN_WINDING)

static const struct mw_plant_can can[] = {
    {MW_FAULT_TOOL_WEAR, 6, {VIB, VIB2, FORCE, LOAD, AMPS, FLUID}},
    {MW_FAULT_BEARING_WEAR, 4, {VIB, VIB2, BEARING, AMPS}},
    {MW_FAULT_IMBALANCE, 2, {VIB, VIB2}},
    {MW_FAULT_MISALIGNMENT, 3, {VIB2, VIB, BEARING}},
    {MW_FAULT_LOOSENESS, 2, {VIB, VIB2}},
    {MW_FAULT_LUBRICATION_LOSS, 4, {BEARING, VIB, VIB2, AMPS}},
    {MW_FAULT_COOLING_LOSS, 3, {COOLER, BEARING, WINDING}},
    {MW_FAULT_OVERLOAD, 6, {LOAD, AMPS, FORCE, KW, VIB, WINDING}},
    {MW_FAULT_BLOCKAGE, 3, {FLUID_FLOW, FLUID_PRESSURE, FLUID}},
    {MW_FAULT_LEAK, 3, {FLUID_PRESSURE, FLUID_FLOW, FLUID}},
    {MW_FAULT_FILTER_CLOGGING, 3, {FLUID_PRESSURE, FLUID_FLOW, FLUID}},
    {MW_FAULT_BELT_SLIP, 4, {RPM, VIB, VIB2, AMPS}},
    {MW_FAULT_SPEED_LOSS, 3, {RPM, KW, LOAD}},
    MW_OPERATION_CAN,
};

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct spindle *s = state;
	double dt = setup->dt_s;

	mw_panel_init(&s->panel, MW_MACHINE_SPINDLE, setup->n_channels);
	s->speed = mw_rng_uniform(rng, 0.35, 1.0);
	s->feed = mw_rng_log_uniform(rng, 80.0, 5000.0);
	s->force = mw_rng_log_uniform(rng, 100.0, 4000.0);
	s->part_s = dt * mw_rng_log_uniform(rng, 15.0, 200.0);
	s->cutting = mw_rng_chance(rng, 0.3) ? 1.0 : mw_rng_uniform(rng, 0.5, 0.95);
	s->engage = mw_rng_uniform(rng, 0.4, 0.8);
	s->rest = mw_rng_uniform(rng, 0.3, 0.8);
	s->q_fluid = mw_rng_log_uniform(rng, 4.0, 60.0);
	s->p_fluid = mw_rng_log_uniform(rng, 1.0, 12.0);
	s->tau_fluid_s = mw_rng_log_uniform(rng, 60.0, 900.0);
	s->swirl = mw_rng_log_uniform(rng, 0.001, 0.01);
	s->flow = 1.0;
	s->fluid = 26.0;
	s->cooler = 22.0;
	s->train.kw = mw_rng_log_uniform(rng, 1.5, 45.0);
	mw_train_init(&s->train, s->train.kw, mw_rng_log_uniform(rng, 2500.0, 20000.0), &s->panel,
		      TRAIN, rng);
	s->train.ramp_s = mw_rng_uniform(rng, 0.5, 4.0);
	s->panel.size[FORCE] = s->force / 1000.0;
	s->panel.size[FEED] = s->feed / 1000.0;
	s->panel.size[FLUID_FLOW] = s->q_fluid / 20.0;
	s->panel.size[FLUID_PRESSURE] = s->p_fluid / 4.0;
	mw_duty_init(&s->duty, 0.7, 1.0, dt, rng);
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.2, 1.5), 3000.0, rng);
	s->grain.sd = mw_rng_log_uniform(rng, 0.003, 0.04);
	mw_wander_init(&s->grain, s->grain.sd, dt * mw_rng_log_uniform(rng, 1.0, 20.0), rng);
	mw_panel_draw(&s->panel, &mw_plant_spindle, &s->duty, wanted, rng);
	s->haste = 40.0;
	mw_panel_settle(s, &mw_plant_spindle, setup, 300, rng);
	s->haste = 1.0;
}

/* How deep the tool is in the part, 0..1. */
static double engaged(struct spindle *s, const struct mw_plant_row *row,
		      const struct mw_order *order, const struct mw_draws *draws)
{
	double phase = fmod(s->age_s, s->part_s) / s->part_s;
	double depth = mw_duty_step(&s->duty, draws, row->dt_s) * order->load * s->engage;
	double want = (phase < s->cutting ? depth : depth * s->rest) * (1.0 - order->idle);

	want *= 1.0 + mw_wander_step(&s->grain, draws->n[6], row->dt_s);
	want *= (1.0 + 0.3 * order->product) * order->run;
	s->cut = mw_lag(s->cut, fmax(want, 0.0), row->dt_s, 0.5 * row->dt_s);
	return s->cut;
}

static void flood(struct spindle *s, const struct mw_plant_row *row, const struct mw_draws *draws,
		  const struct mw_order *order, double ambient, double heat, double *full)
{
	const struct mw_plant_act *f = &row->fault;
	double dt = row->dt_s;
	double block = mw_act_level(f, MW_FAULT_BLOCKAGE);
	double leak = mw_act_level(f, MW_FAULT_LEAK);
	double clog = mw_act_level(f, MW_FAULT_FILTER_CLOGGING);
	double hot = mw_act_level(f, MW_FAULT_COOLING_LOSS);
	double on = order->run > 0.05 ? 1.0 - 0.9 * order->idle : 0.0;
	double q = on / ((1.0 + 0.45 * block) * (1.0 + 0.35 * clog) * (1.0 + 0.4 * leak));
	double p = on * (1.0 + 0.3 * block) / ((1.0 + 0.45 * clog) * (1.0 + 0.5 * leak));

	s->flow = mw_lag(s->flow, q * (1.0 + s->swirl * draws->n[8]), dt, 0.8);
	s->fluid = mw_lag(s->fluid, ambient + 12.0 * heat * fmin(1.0 / fmax(s->flow, 0.2), 4.0),
			  dt * s->haste, s->tau_fluid_s);
	s->cooler = mw_lag(s->cooler, 20.0 + 0.1 * (ambient - 22.0) + 3.0 * heat + 25.0 * hot,
			   dt * s->haste, 150.0);
	full[FLUID_FLOW] = s->q_fluid * s->flow;
	full[FLUID_PRESSURE] =
	    s->p_fluid * p * (1.0 + s->swirl * (draws->n[9] + 0.5 * draws->n[8]));
	full[FLUID] = s->fluid;
	full[COOLER] = s->cooler;
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct spindle *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	double blunt = mw_act_level(&row->fault, MW_FAULT_TOOL_WEAR);
	double slip = mw_act_level(&row->fault, MW_FAULT_BELT_SLIP);
	double sing = mw_site_level(&row->fault, MW_SITE_CHATTER);
	double beat = mw_act_wave(&row->fault, 2.2, 7.0);
	double loose = mw_site_level(&row->fault, MW_SITE_WORKPIECE_SLIPS) *
		       fmax(mw_act_wave(&row->fault, 5.0, 20.0), 0.0);
	struct mw_draws draws;
	double dt = row->dt_s;
	double full[N];
	double ambient, cut, resist, command, heat;

	mw_draws_take(&draws, rng);
	s->age_s += dt;
	ambient = 23.0 + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	cut = engaged(s, row, &order, &draws);
	resist = cut * (1.0 + 0.45 * blunt + 0.45 * worn.overload) *
		 fmax(1.0 + 0.12 * sing * beat, 0.0) / (1.0 + 0.35 * loose);
	command = s->speed * order.run * fmin(order.setpoint, 1.1);
	worn.overload = 0.0;
	worn.rough = cut * (0.6 + blunt * (2.6 + 0.6 * fabs(draws.n[5])) +
			    sing * (1.2 + 0.8 * beat) + 0.8 * loose) +
		     slip * 1.5;
	worn.uncooled *= 0.4;
	mw_train_step(&s->train,
		      &(struct mw_train_row){command / (1.0 + 0.15 * slip),
					     0.08 * s->train.speed + resist, s->cooler, dt,
					     s->haste},
		      &worn, &draws, full + TRAIN);
	heat = fmin(resist * s->train.speed, 3.0);
	flood(s, row, &draws, &order, ambient, heat, full);
	full[LOAD] = 100.0 * (0.08 * s->train.speed + resist) * (1.0 + 0.01 * draws.n[10]);
	full[FORCE] = s->force * resist * (1.0 + 0.02 * draws.n[11]);
	full[FEED] =
	    s->feed * order.setpoint * fmin(s->cut / s->engage, 1.2) * fmin(order.run, 1.0);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_CHATTER, {MW_FAULT_UNKNOWN, 5, {VIB, VIB2, FORCE, LOAD, AMPS}}},
    {MW_SITE_WORKPIECE_SLIPS, {MW_FAULT_UNKNOWN, 6, {FORCE, LOAD, AMPS, KW, VIB, VIB2}}},
};

const struct mw_plant mw_plant_spindle = {
    .machine = MW_MACHINE_SPINDLE,
    .period_s = 0.5,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct spindle),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
