/*
 * tank.c -- a vessel with an inlet valve that holds its level, an outlet pump and a heating coil.
 *
 * Level integrates inflow less outflow; free outflow follows the root of level (Torricelli); the
 * content is one well-stirred thermal mass.  Relative: 1 = full, rated flow, rated heat.
 */
#include "model/corpus/panel.h"
#include "model/corpus/physics.h"

#include <math.h>

enum { LEVEL, INFLOW, OUTFLOW, VALVE, SUPPLY, BOTTOM, CONTENT, AMPS, SETPOINT, COIL, N };

struct tank {
	struct mw_panel panel;
	struct mw_duty duty;
	struct mw_pi pi;
	struct mw_wander supply, feed, ambient, air;
	double height, q_rated, amps; /* m, m3/h, A */
	double pressure, feed_temp;   /* bar, degC */
	double tau_s;                 /* content over rated flow */
	double want, setpoint, warm;  /* level wanted; degC of the content, and above the feed */
	double swirl, heater;
	double level, inflow, outflow, valve, content;
	double usual_valve;
};

static const struct mw_plant_channel channel[N] = {
    {{"level", "%", MW_ROLE_LEVEL}, 0.25, 0.05, 2.0, -5.0, 125.0},
    {{"inlet_flow", "m3/h", MW_ROLE_FLOW}, 0.12, 0.02, 1.0, 0.0, 90.0},
    {{"outlet_flow", "m3/h", MW_ROLE_FLOW}, 0.12, 0.02, 1.0, 0.0, 90.0},
    {{"inlet_valve_position", "%", MW_ROLE_VALVE}, 0.3, 0.1, 0.0, -5.0, 105.0},
    {{"supply_pressure", "bar", MW_ROLE_PRESSURE}, 0.02, 0.01, 0.5, -1.0, 25.0},
    {{"bottom_pressure", "mbar", MW_ROLE_PRESSURE}, 0.8, 0.1, 0.5, -1000.0, 3000.0},
    {{"content_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 250.0},
    {{"outlet_pump_current", "A", MW_ROLE_CURRENT}, 0.06, 0.01, 0.3, 0.0, 60.0},
    {{"level_setpoint", "%", MW_ROLE_SETPOINT}, 0.0, 0.1, 0.0, 0.0, 125.0},
    {{"heater_output", "%", MW_ROLE_POWER}, 0.25, 0.1, 0.0, -5.0, 105.0},
};

static const double wanted[N] = {0.95, 0.8, 0.8, 0.75, 0.5, 0.3, 0.6, 0.6, 0.25, 0.5};

static const struct mw_plant_can can[] = {
    MW_OPERATION_CAN,
    {MW_FAULT_LEAK, 4, {INFLOW, VALVE, LEVEL, BOTTOM}},
    {MW_FAULT_BLOCKAGE, 6, {OUTFLOW, AMPS, INFLOW, VALVE, LEVEL, BOTTOM}},
    {MW_FAULT_VALVE_STUCK, 4, {VALVE, INFLOW, LEVEL, BOTTOM}},
    {MW_FAULT_VALVE_LEAK, 4, {VALVE, INFLOW, LEVEL, BOTTOM}},
    {MW_FAULT_HUNTING, 4, {VALVE, INFLOW, LEVEL, BOTTOM}},
    {MW_FAULT_FILTER_CLOGGING, 4, {SUPPLY, VALVE, INFLOW, LEVEL}},
    {MW_FAULT_DISTURBANCE, 4, {SUPPLY, INFLOW, VALVE, LEVEL}},
    {MW_FAULT_HEATER_FAILURE, 2, {CONTENT, COIL}},
    {MW_FAULT_AIR_INGRESS, 3, {OUTFLOW, AMPS, BOTTOM}},
    {MW_FAULT_DRY_RUN, 3, {AMPS, OUTFLOW, LEVEL}},
};

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct tank *s = state;
	double dt = setup->dt_s;

	mw_panel_init(&s->panel, MW_MACHINE_TANK, setup->n_channels);
	s->height = mw_rng_log_uniform(rng, 0.5, 12.0);
	s->q_rated = mw_rng_log_uniform(rng, 0.5, 150.0);
	s->amps = fmax(s->q_rated * 0.35, 0.8);
	s->pressure = mw_rng_log_uniform(rng, 1.0, 8.0);
	s->feed_temp = mw_rng_uniform(rng, 8.0, 40.0);
	s->tau_s = dt * mw_rng_log_uniform(rng, 12.0, 200.0);
	s->want = mw_rng_uniform(rng, 0.35, 0.8);
	s->warm = mw_rng_uniform(rng, 10.0, 45.0);
	s->setpoint = s->feed_temp + s->want * s->warm * mw_rng_uniform(rng, 0.5, 1.1);
	s->swirl = mw_rng_log_uniform(rng, 0.002, 0.015);
	s->level = s->want;
	s->inflow = s->outflow = s->valve = s->usual_valve = 0.6;
	s->content = s->setpoint;
	s->heater = 0.5;
	mw_duty_init(&s->duty, 0.45, 0.8, dt, rng);
	s->pi.gain = mw_rng_uniform(rng, 1.5, 5.0);
	mw_pi_init(&s->pi, s->pi.gain, s->tau_s * mw_rng_uniform(rng, 0.7, 3.0), 0.6);
	s->supply.sd = 0.03 * mw_rng_uniform(rng, 0.1, 1.0);
	mw_wander_init(&s->supply, s->supply.sd, dt * mw_rng_log_uniform(rng, 30.0, 300.0), rng);
	mw_wander_init(&s->feed, mw_rng_uniform(rng, 0.1, 1.2), 400.0 * dt, rng);
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.2, 1.0), 3000.0, rng);
	mw_wander_init(&s->air, 1.0, 3.0 * dt, rng);
	s->panel.held = LEVEL;
	s->panel.hand = VALVE;
	s->panel.size[INFLOW] = s->panel.size[OUTFLOW] = s->q_rated / 20.0;
	s->panel.size[SUPPLY] = s->pressure / 3.0;
	s->panel.size[BOTTOM] = s->height / 2.0;
	s->panel.size[AMPS] = s->amps / 7.0;
	mw_panel_draw(&s->panel, &mw_plant_tank, &s->duty, wanted, rng);
	mw_panel_settle(s, &mw_plant_tank, setup, 400, rng);
}

/* What the gauge takes for content, relative. */
static double foam(const struct mw_plant_act *fault)
{
	return 0.2 * mw_site_level(fault, MW_SITE_FOAMING);
}

/* The inlet valve's real position. */
static double control(struct tank *s, const struct mw_plant_row *row, const struct mw_order *order)
{
	const struct mw_plant_act *f = &row->fault;
	double want = s->want * order->setpoint;
	double out = order->run < 0.05 ? s->pi.integral
				       : mw_pi_step(&s->pi, want - s->level - foam(f), row->dt_s);
	double stuck = fmin(mw_act_level(f, MW_FAULT_VALVE_STUCK), 1.0);
	double jam = mw_clamp(s->usual_valve + 0.3 * mw_act_sign(f), 0.1, 1.0);

	out = mw_clamp(out * (1.0 + 0.5 * mw_act_hunting(f)), 0.0, 1.0);
	if (row->fault.fault == MW_FAULT_NONE)
		s->usual_valve = mw_lag(s->usual_valve, out, row->dt_s, 80.0 * row->dt_s);
	if (stuck == 0.0)
		s->valve = mw_lag(s->valve, out, row->dt_s, 2.0);
	return s->valve + stuck * (jam - s->valve);
}

/* Supply pressure at the valve, relative. */
static double supply(struct tank *s, const struct mw_plant_row *row, const struct mw_draws *draws)
{
	double upset = mw_act_level(&row->fault, MW_FAULT_DISTURBANCE) * mw_act_sign(&row->fault);
	double clog = mw_act_level(&row->fault, MW_FAULT_FILTER_CLOGGING);
	double p = 1.0 + mw_wander_step(&s->supply, draws->n[0], row->dt_s) + 0.002 * draws->n[8];

	return fmax((p + 0.3 * upset) / (1.0 + 0.5 * clog), 0.05);
}

static double draw_off(struct tank *s, const struct mw_plant_row *row, const struct mw_draws *draws,
		       const struct mw_order *order, double demand, double *ret_effort)
{
	const struct mw_plant_act *f = &row->fault;
	double puff = mw_wander_step(&s->air, draws->n[1], row->dt_s);
	double air = fmax(mw_act_level(f, MW_FAULT_AIR_INGRESS) * (0.25 + 0.12 * puff), 0.0);
	double dry = 0.8 * mw_act_level(f, MW_FAULT_DRY_RUN);
	double block = 0.5 * mw_act_level(f, MW_FAULT_BLOCKAGE);
	double shallow = mw_clamp(s->level / 0.05, 0.0, 1.0);
	double gulp =
	    0.2 * mw_site_level(f, MW_SITE_VENT_BLOCKED) * (1.0 + mw_act_wave(f, 6.0, 24.0));
	double thin = 0.08 * mw_site_level(f, MW_SITE_HOT_FEED);
	double q = demand * order->run * shallow / ((1.0 + air) * (1.0 + dry) * (1.0 + block)) /
		   (1.0 + gulp);

	*ret_effort = order->run * (0.4 + 0.6 * q) * (1.0 + 0.05 * order->product) /
		      (1.0 + 0.7 * dry) / (1.0 + 0.4 * air) / (1.0 + thin);
	return q * (1.0 + s->swirl * draws->n[9]);
}

static void warm(struct tank *s, const struct mw_plant_row *row, const struct mw_draws *draws)
{
	double broken = 1.2 * mw_act_level(&row->fault, MW_FAULT_HEATER_FAILURE);
	double feed = s->feed_temp + mw_wander_step(&s->feed, draws->n[2], row->dt_s) +
		      10.0 * mw_site_level(&row->fault, MW_SITE_HOT_FEED);
	double ask = 0.08 * (s->setpoint - s->content) + s->heater;
	double rate = s->inflow / fmax(s->level, 0.1);

	ask = mw_clamp(ask, 0.0, 1.0);
	s->heater = mw_clamp(s->heater + 0.02 * (s->setpoint - s->content) * row->dt_s /
					     (row->dt_s + s->tau_s),
			     0.0, 1.0);
	s->content += row->dt_s / (s->tau_s + row->dt_s * (1.0 + rate)) *
		      (rate * (feed - s->content) + ask * s->warm / (1.0 + broken));
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct tank *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_draws draws;
	double dt = row->dt_s;
	double full[N];
	double demand, valve, p, in, out, effort, leak, seep;

	mw_draws_take(&draws, rng);
	demand = mw_duty_step(&s->duty, &draws, dt) * order.load * (1.0 + 0.15 * order.product) *
		 (1.0 - 0.8 * order.idle);
	valve = control(s, row, &order);
	p = supply(s, row, &draws);
	seep = 0.25 * mw_act_level(&row->fault, MW_FAULT_VALVE_LEAK);
	in = (valve * fmax(order.run, 0.02) + seep) * sqrt(p) * (1.0 + s->swirl * draws.n[10]);
	out = draw_off(s, row, &draws, &order, demand, &effort);
	leak = 0.25 * mw_act_level(&row->fault, MW_FAULT_LEAK) * sqrt(fmax(s->level, 0.0));
	s->inflow = mw_lag(s->inflow, in, dt, 1.0);
	s->outflow = mw_lag(s->outflow, out, dt, 1.0);
	s->level += (s->inflow - s->outflow - leak) * dt / (s->tau_s + dt);
	s->level = mw_clamp(s->level, 0.0, 1.1); /* it runs over */
	warm(s, row, &draws);
	full[LEVEL] = 100.0 * (s->level + foam(&row->fault));
	full[INFLOW] = s->q_rated * s->inflow;
	full[OUTFLOW] = s->q_rated * s->outflow;
	full[VALVE] = 100.0 * valve;
	full[SUPPLY] = s->pressure * p * (1.0 - 0.08 * s->inflow);
	full[BOTTOM] = 98.0 * s->height * s->level * (1.0 + 0.05 * order.product) /
		       (1.0 + 0.15 * mw_site_level(&row->fault, MW_SITE_VENT_BLOCKED));
	full[CONTENT] = s->content;
	full[AMPS] = s->amps * effort * (1.0 + 0.004 * draws.n[3]);
	full[SETPOINT] = 100.0 * s->want * order.setpoint;
	full[COIL] = 100.0 * mw_clamp(0.08 * (s->setpoint - s->content) + s->heater, 0.0, 1.0);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_FOAMING, {MW_FAULT_UNKNOWN, 4, {BOTTOM, INFLOW, VALVE, LEVEL}}},
    {MW_SITE_HOT_FEED, {MW_FAULT_UNKNOWN, 3, {AMPS, CONTENT, COIL}}},
    {MW_SITE_VENT_BLOCKED, {MW_FAULT_UNKNOWN, 6, {BOTTOM, OUTFLOW, AMPS, INFLOW, VALVE, LEVEL}}},
};

const struct mw_plant mw_plant_tank = {
    .machine = MW_MACHINE_TANK,
    .period_s = 5.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct tank),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
