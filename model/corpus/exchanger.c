/*
 * exchanger.c -- a counterflow heat exchanger; a valve on one side holds the other side's outlet,
 * or nobody holds anything.
 *
 * Effectiveness-NTU (Kays & London, Compact Heat Exchangers): e = (1 - x) / (1 - R x) with
 * x = mw_exp(-NTU (1 - R)), R = Cmin / Cmax.  Film coefficients grow with flow to the power 0.8,
 * pressure drops with 1.8.  Capacity rates are relative to the hot side's rated one.
 */
#include "model/corpus/panel.h"
#include "model/corpus/physics.h"

#include <math.h>

enum {
	HOT_IN,
	HOT_OUT,
	COLD_IN,
	COLD_OUT,
	HOT_FLOW,
	COLD_FLOW,
	HOT_DROP,
	COLD_DROP,
	VALVE,
	SETPOINT,
	N
};

enum mode { COOL, HEAT, FREE, N_MODE }; /* held: hot outlet, cold outlet, nothing */

struct exchanger {
	struct mw_panel panel;
	struct mw_duty duty;
	struct mw_pi pi;
	struct mw_wander hot_in, cold_in, gas;
	enum mode mode;
	double hot_rated, cold_rated; /* m3/h */
	double capacity;              /* cold side's rated capacity rate, relative */
	double ua, hot, cold;         /* rated conductance; usual inlet temperatures, degC */
	double want, span;            /* set point and what counts as a large error, degC */
	double tau_s, swirl;
	double valve, hot_out, cold_out, hot_flow, cold_flow;
};

struct trouble {
	double foul, block, clog, cross, pass, warm, stuck, gas, upset, short_cut, bare, pulse;
};

static const struct mw_plant_channel channel[N] = {
    {{"hot_inlet_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 3.0, -60.0, 400.0},
    {{"hot_outlet_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 3.0, -60.0, 400.0},
    {{"cold_inlet_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 3.0, -60.0, 400.0},
    {{"cold_outlet_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 3.0, -60.0, 400.0},
    {{"hot_flow", "m3/h", MW_ROLE_FLOW}, 0.25, 0.05, 1.0, 0.0, 250.0},
    {{"cold_flow", "m3/h", MW_ROLE_FLOW}, 0.25, 0.05, 1.0, 0.0, 250.0},
    {{"hot_pressure_drop", "bar", MW_ROLE_PRESSURE}, 0.004, 0.001, 0.5, -0.5, 12.0},
    {{"cold_pressure_drop", "bar", MW_ROLE_PRESSURE}, 0.004, 0.001, 0.5, -0.5, 12.0},
    {{"valve_position", "%", MW_ROLE_VALVE}, 0.25, 0.1, 0.0, -5.0, 105.0},
    {{"temperature_setpoint", "degC", MW_ROLE_SETPOINT}, 0.0, 0.1, 0.0, -60.0, 400.0},
};

static const double wanted[N] = {0.7, 0.95, 0.7, 0.9, 0.7, 0.7, 0.45, 0.45, 0.75, 0.25};

static const struct mw_plant_can can[] = {
    MW_OPERATION_CAN,
    {MW_FAULT_FOULING, 5, {COLD_OUT, HOT_OUT, VALVE, COLD_FLOW, HOT_FLOW}},
    {MW_FAULT_BLOCKAGE, 5, {COLD_DROP, COLD_FLOW, COLD_OUT, HOT_OUT, VALVE}},
    {MW_FAULT_FILTER_CLOGGING, 5, {HOT_FLOW, HOT_DROP, COLD_OUT, HOT_OUT, VALVE}},
    {MW_FAULT_LEAK, 5, {HOT_FLOW, HOT_DROP, COLD_DROP, COLD_OUT, HOT_OUT}},
    {MW_FAULT_COOLING_LOSS, 5, {COLD_IN, COLD_OUT, HOT_OUT, VALVE, COLD_FLOW}},
    {MW_FAULT_DISTURBANCE, 5, {HOT_IN, HOT_OUT, COLD_OUT, VALVE, COLD_FLOW}},
    {MW_FAULT_VALVE_STUCK, 5, {VALVE, HOT_OUT, COLD_OUT, COLD_FLOW, HOT_FLOW}},
    {MW_FAULT_VALVE_LEAK, 5, {COLD_FLOW, COLD_DROP, COLD_OUT, HOT_OUT, VALVE}},
    {MW_FAULT_HUNTING, 6, {VALVE, COLD_OUT, HOT_OUT, COLD_FLOW, HOT_FLOW, COLD_DROP}},
    {MW_FAULT_AIR_INGRESS, 5, {COLD_FLOW, COLD_DROP, COLD_OUT, HOT_OUT, VALVE}},
};

static void sizes_draw(struct exchanger *s, double dt_s, struct mw_rng *rng)
{
	double drop = mw_rng_log_uniform(rng, 0.1, 1.5);

	s->hot_rated = mw_rng_log_uniform(rng, 1.0, 200.0);
	s->capacity = mw_rng_uniform(rng, 0.8, 2.0);
	s->cold_rated = s->hot_rated * s->capacity;
	s->ua = mw_rng_uniform(rng, 0.8, 2.5);
	s->cold = mw_rng_uniform(rng, 5.0, 35.0);
	s->hot = s->cold + mw_rng_log_uniform(rng, 20.0, 110.0);
	s->tau_s = mw_rng_log_uniform(rng, 5.0, 90.0);
	s->swirl = mw_rng_log_uniform(rng, 0.001, 0.01);
	s->valve = mw_rng_uniform(rng, 0.45, 0.75);
	s->hot_flow = s->cold_flow = 0.7;
	s->hot_out = s->cold_out = 0.5 * (s->hot + s->cold);
	s->span = s->hot - s->cold;
	s->panel.size[HOT_FLOW] = s->hot_rated / 40.0;
	s->panel.size[COLD_FLOW] = s->cold_rated / 40.0;
	s->panel.size[HOT_DROP] = s->panel.size[COLD_DROP] = drop / 0.5;
	s->hot_in.sd = s->span * mw_rng_log_uniform(rng, 0.002, 0.03);
	mw_wander_init(&s->hot_in, s->hot_in.sd, dt_s * mw_rng_log_uniform(rng, 20.0, 300.0), rng);
	s->cold_in.sd = mw_rng_log_uniform(rng, 0.1, 1.5);
	mw_wander_init(&s->cold_in, s->cold_in.sd, dt_s * mw_rng_log_uniform(rng, 50.0, 800.0),
		       rng);
	mw_wander_init(&s->gas, 1.0, 4.0 * dt_s, rng);
}

static void exchange(const struct exchanger *s, double hot_flow, double cold_flow, double hot_in,
		     double cold_in, double foul, double *ret_hot_out, double *ret_cold_out)
{
	double ch = fmax(hot_flow, 0.01);
	double cc = fmax(cold_flow * s->capacity, 0.01);
	double least = fmin(ch, cc);
	double r = fmin(least / fmax(ch, cc), 0.9999);
	double film = mw_pow(fmax(hot_flow, 0.01), -0.8) + mw_pow(fmax(cold_flow, 0.01), -0.8);
	double x = mw_exp(-(2.0 * s->ua / (film + 2.0 * foul)) / least * (1.0 - r));
	double heat = (1.0 - x) / (1.0 - r * x) * least * (hot_in - cold_in);

	*ret_hot_out = hot_in - heat / ch;
	*ret_cold_out = cold_in + heat / cc;
}

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct exchanger *s = state;
	static const int held[N_MODE] = {HOT_OUT, COLD_OUT, -1};
	double hot_out, cold_out;

	mw_panel_init(&s->panel, MW_MACHINE_EXCHANGER, setup->n_channels);
	s->mode = (enum mode)mw_rng_below(rng, N_MODE);
	sizes_draw(s, setup->dt_s, rng);
	s->panel.held = held[s->mode];
	s->panel.hand = s->mode == FREE ? -1 : VALVE;
	s->panel.dead = s->mode == FREE ? 1u << SETPOINT : 0;
	exchange(s, s->mode == HEAT ? s->valve : 0.8, s->mode == HEAT ? 0.8 : s->valve, s->hot,
		 s->cold, 0.0, &hot_out, &cold_out);
	s->want = s->mode == COOL ? hot_out : cold_out;
	mw_duty_init(&s->duty, 0.65, 0.95, setup->dt_s, rng);
	s->pi.gain = mw_rng_uniform(rng, 0.5, 2.0);
	mw_pi_init(&s->pi, s->pi.gain, (s->tau_s + setup->dt_s) * mw_rng_uniform(rng, 1.5, 5.0),
		   s->valve);
	s->pi.lo = 0.05;
	mw_panel_draw(&s->panel, &mw_plant_exchanger, &s->duty, wanted, rng);
	mw_panel_settle(s, &mw_plant_exchanger, setup, 300, rng);
}

static struct trouble trouble_of(struct exchanger *s, const struct mw_plant_row *row,
				 const struct mw_draws *draws)
{
	const struct mw_plant_act *f = &row->fault;
	double puff = mw_wander_step(&s->gas, draws->n[0], row->dt_s);

	return (struct trouble){
	    .foul = 1.2 * mw_act_level(f, MW_FAULT_FOULING) +
		    0.8 * mw_site_level(f, MW_SITE_BAFFLE_BROKEN),
	    .short_cut = 0.4 * mw_site_level(f, MW_SITE_BAFFLE_BROKEN),
	    .bare = 0.05 * mw_site_level(f, MW_SITE_LAGGING_LOST),
	    .pulse =
		0.2 * mw_site_level(f, MW_SITE_FEED_PULSES) * (1.0 + mw_act_wave(f, 3.0, 12.0)),
	    .block = 0.5 * mw_act_level(f, MW_FAULT_BLOCKAGE),
	    .clog = 0.5 * mw_act_level(f, MW_FAULT_FILTER_CLOGGING),
	    .cross = 0.25 * mw_act_level(f, MW_FAULT_LEAK),
	    .pass = 0.3 * mw_act_level(f, MW_FAULT_VALVE_LEAK),
	    .warm = 0.3 * mw_act_level(f, MW_FAULT_COOLING_LOSS),
	    .stuck = fmin(mw_act_level(f, MW_FAULT_VALVE_STUCK), 1.0),
	    .gas = mw_act_level(f, MW_FAULT_AIR_INGRESS) * (0.3 + 0.12 * puff),
	    .upset = 0.2 * mw_act_level(f, MW_FAULT_DISTURBANCE) * mw_act_sign(f),
	};
}

static double control(struct exchanger *s, const struct mw_plant_row *row,
		      const struct mw_order *order, double stuck)
{
	double want = s->want + (order->setpoint - 1.0) * 0.5 * s->span;
	double error = s->mode == COOL ? s->hot_out - want : want - s->cold_out;
	double out = s->mode == FREE     ? s->pi.integral
		     : order->run < 0.05 ? s->pi.integral
					 : mw_pi_step(&s->pi, error / s->span, row->dt_s);
	double jam = s->valve > 0.55 ? 0.2 : 0.9;

	out = mw_clamp(out * (1.0 + 0.4 * mw_act_hunting(&row->fault)), 0.02, 1.0);
	if (s->mode == FREE)
		out = mw_clamp(out * order->setpoint, 0.02, 1.0);
	if (stuck == 0.0)
		s->valve = mw_lag(s->valve, out, row->dt_s, 3.0);
	return s->valve + stuck * (jam - s->valve);
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct exchanger *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_draws draws;
	struct trouble bad;
	double dt = row->dt_s;
	double full[N];
	double load, valve, hot_in, cold_in, hot, cold, hot_out, cold_out;

	mw_draws_take(&draws, rng);
	bad = trouble_of(s, row, &draws);
	load = mw_duty_step(&s->duty, &draws, dt) * order.load * (1.0 - 0.7 * order.idle);
	valve = control(s, row, &order, bad.stuck);
	hot = order.run * (s->mode == HEAT ? valve : load) / (1.0 + bad.clog);
	cold = order.run * ((s->mode == HEAT ? load : valve) + bad.pass) / (1.0 + bad.block);
	cold /= (1.0 + fmax(bad.gas, 0.0)) * (1.0 + bad.pulse);
	s->hot_flow = mw_lag(s->hot_flow, hot * (1.0 + s->swirl * draws.n[8]), dt, 1.5);
	s->cold_flow = mw_lag(s->cold_flow, cold * (1.0 + s->swirl * draws.n[9]), dt, 1.5);
	hot_in = s->hot + mw_wander_step(&s->hot_in, draws.n[1], dt) +
		 s->span * (bad.upset + 0.15 * order.product) - 0.2 * s->span * order.idle;
	cold_in = s->cold + mw_wander_step(&s->cold_in, draws.n[2], dt) + bad.warm * s->span;
	exchange(s, s->hot_flow, s->cold_flow, hot_in, cold_in, bad.foul + 0.6 * fmax(bad.gas, 0.0),
		 &hot_out, &cold_out);
	cold_out += bad.cross / (1.0 + bad.cross) * (hot_in - cold_out) * 0.5 -
		    bad.bare * s->span * mw_act_draw(&row->fault, 2, 0.4, 1.0);
	hot_out -= bad.bare * s->span;
	s->hot_out = mw_lag(s->hot_out, hot_out, dt, s->tau_s);
	s->cold_out = mw_lag(s->cold_out, cold_out, dt, s->tau_s);
	full[HOT_IN] = hot_in;
	full[HOT_OUT] = s->hot_out;
	full[COLD_IN] = cold_in;
	full[COLD_OUT] = s->cold_out;
	full[HOT_FLOW] = s->hot_rated * s->hot_flow / (1.0 + bad.cross);
	full[COLD_FLOW] = s->cold_rated * s->cold_flow;
	full[HOT_DROP] = 0.5 * s->panel.size[HOT_DROP] *
			 mw_pow(s->hot_flow / (1.0 + 0.5 * bad.cross), 1.8) / (1.0 + bad.short_cut);
	full[COLD_DROP] = 0.5 * s->panel.size[COLD_DROP] * (1.0 + 5.0 * bad.block) *
			  mw_pow(s->cold_flow * (1.0 + bad.cross), 1.8);
	full[VALVE] = 100.0 * valve;
	full[SETPOINT] = s->want + (order.setpoint - 1.0) * 0.5 * s->span;
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_BAFFLE_BROKEN, {MW_FAULT_UNKNOWN, 4, {HOT_DROP, HOT_OUT, COLD_OUT, VALVE}}},
    {MW_SITE_LAGGING_LOST, {MW_FAULT_UNKNOWN, 5, {HOT_OUT, COLD_OUT, VALVE, COLD_FLOW, HOT_FLOW}}},
    {MW_SITE_FEED_PULSES, {MW_FAULT_UNKNOWN, 5, {COLD_FLOW, COLD_DROP, COLD_OUT, HOT_OUT, VALVE}}},
};

const struct mw_plant mw_plant_exchanger = {
    .machine = MW_MACHINE_EXCHANGER,
    .period_s = 5.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct exchanger),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
