/*
 * pump.c -- a centrifugal pump with its motor, in a pipe: fixed speed, a drive that holds pressure
 * or flow, or a control valve that holds flow.
 *
 * Relative to the duty point (q = h = n = 1): pump head h = n^2 h0 - a q^2 with a = h0 - 1
 * (affinity laws), system head h = hs + (1 - hs) q^2 / v^2, v the valve's opening.  Speeds, flows
 * and pressures follow in a second or so; bearings, winding and casing in minutes.
 */
#include "model/corpus/train.h"

#include <math.h>

enum { SUCTION, DISCHARGE, FLOW, FLUID, VALVE, SETPOINT, TRAIN, N = TRAIN + MW_N_TRAIN };

enum mode { FIXED, HOLD_PRESSURE, HOLD_FLOW, THROTTLE, N_MODE };

struct pump {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_pi pi;
	struct mw_wander ambient, inlet, surge;
	enum mode mode;
	double q_rated, p_rated;  /* m3/h, bar */
	double suction, strainer; /* bar at rest; bar lost at rated flow */
	double h0, hs;            /* shut-off head, static share of the system's head */
	double warm, tau_fluid_s; /* degC above ambient that the medium comes with */
	double setpoint, swirl;   /* relative; share of turbulence */
	double valve, head, flow, fluid;
	double haste;
};

/* What a fault does to the water side; all 0 = healthy. */
struct trouble {
	double leak, bypass, blocked, head, rough, starve, choke, drag, stuck, gas, dry, rub, slap,
	    hot;
};

static const struct mw_plant_channel channel[N] = {
    {{"suction_pressure", "bar", MW_ROLE_PRESSURE}, 0.008, 0.001, 0.3, -1.0, 20.0},
    {{"discharge_pressure", "bar", MW_ROLE_PRESSURE}, 0.025, 0.01, 0.3, -1.0, 40.0},
    {{"flow", "m3/h", MW_ROLE_FLOW}, 0.35, 0.05, 1.0, 0.0, 200.0},
    {{"fluid_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.1, 0.1, 5.0, -50.0, 300.0},
    {{"valve_position", "%", MW_ROLE_VALVE}, 0.25, 0.1, 0.0, -5.0, 105.0},
    {{"setpoint", "%", MW_ROLE_SETPOINT}, 0.0, 0.1, 0.0, 0.0, 250.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.7, 0.95, 0.9, 0.4, 0.8, 0.3, MW_TRAIN_WANTED};

#define AMPS (TRAIN + MW_TRAIN_CURRENT)
#define RPM  (TRAIN + MW_TRAIN_SPEED)
#define VIB  (TRAIN + MW_TRAIN_VIB_DE)
#define VIB2 (TRAIN + MW_TRAIN_VIB_NDE)

static const struct mw_plant_can can[] = {
    MW_TRAIN_CAN(TRAIN),
    MW_OPERATION_CAN,
    {MW_FAULT_COOLING_LOSS, 1, {TRAIN + MW_TRAIN_WINDING}},
    {MW_FAULT_SPEED_LOSS, 5, {RPM, DISCHARGE, FLOW, AMPS, VIB}},
    {MW_FAULT_LEAK, 5, {DISCHARGE, AMPS, FLOW, VALVE, RPM}},
    {MW_FAULT_BLOCKAGE, 4, {FLOW, DISCHARGE, AMPS, VALVE}},
    {MW_FAULT_CAVITATION, 6, {SUCTION, VIB, FLOW, DISCHARGE, VIB2, AMPS}},
    {MW_FAULT_FOULING, 5, {DISCHARGE, AMPS, FLOW, VALVE, RPM}},
    {MW_FAULT_VALVE_STUCK, 5, {VALVE, FLOW, DISCHARGE, AMPS, SUCTION}},
    {MW_FAULT_VALVE_LEAK, 6, {DISCHARGE, AMPS, FLOW, FLUID, VALVE, RPM}},
    {MW_FAULT_HUNTING, 6, {DISCHARGE, AMPS, FLOW, SUCTION, VALVE, RPM}},
    {MW_FAULT_DRY_RUN, 6, {SUCTION, AMPS, FLOW, DISCHARGE, FLUID, VIB}},
    {MW_FAULT_AIR_INGRESS, 6, {DISCHARGE, VIB, FLOW, SUCTION, VIB2, AMPS}},
    {MW_FAULT_FILTER_CLOGGING, 4, {SUCTION, VIB, FLOW, DISCHARGE}},
};

static void modes_draw(struct pump *s, struct mw_rng *rng)
{
	static const double lo[N_MODE] = {0.6, 0.75, 0.55, 0.6};
	static const int hand[N_MODE] = {-1, RPM, RPM, VALVE};
	static const int held[N_MODE] = {-1, DISCHARGE, FLOW, FLOW};
	static const uint32_t dead[N_MODE] = {1u << VALVE | 1u << SETPOINT, 1u << VALVE,
					      1u << VALVE, 0};

	s->mode = (enum mode)mw_rng_below(rng, N_MODE);
	s->panel.held = held[s->mode];
	s->panel.hand = hand[s->mode];
	s->panel.dead = dead[s->mode];
	s->setpoint = mw_rng_uniform(rng, lo[s->mode], 0.95);
}

static void step_full(struct pump *s, const struct mw_plant_row *row, const struct mw_draws *draws,
		      double *full);

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct pump *s = state;
	static const double poles[] = {960.0, 1450.0, 1450.0, 1750.0, 2900.0, 2900.0, 3500.0};

	mw_panel_init(&s->panel, MW_MACHINE_PUMP, setup->n_channels);
	modes_draw(s, rng);
	s->q_rated = mw_rng_log_uniform(rng, 2.0, 400.0);
	s->p_rated = mw_rng_log_uniform(rng, 0.8, 14.0);
	s->suction = mw_rng_chance(rng, 0.3) ? mw_rng_uniform(rng, -0.3, 0.1)
					     : mw_rng_log_uniform(rng, 0.2, 4.0);
	s->strainer = mw_rng_uniform(rng, 0.04, 0.15) * sqrt(s->p_rated / 4.0);
	s->h0 = mw_rng_uniform(rng, 1.12, 1.4);
	s->hs = mw_rng_uniform(rng, 0.05, 0.6);
	s->warm = mw_rng_chance(rng, 0.6) ? mw_rng_uniform(rng, -8.0, 8.0)
					  : mw_rng_uniform(rng, 10.0, 55.0);
	s->tau_fluid_s = mw_rng_log_uniform(rng, 20.0, 400.0);
	s->swirl = mw_rng_log_uniform(rng, 0.001, 0.012);
	s->valve = s->head = s->flow = 0.8;
	s->fluid = 22.0 + s->warm;
	s->train.kw = s->q_rated * s->p_rated / 36.0 / mw_rng_uniform(rng, 0.5, 0.8);
	mw_train_init(&s->train, s->train.kw, poles[mw_rng_below(rng, 7)], &s->panel, TRAIN, rng);
	mw_duty_init(&s->duty, 0.75, 1.0, setup->dt_s, rng);
	s->pi.gain = mw_rng_uniform(rng, 0.1, 0.4);
	mw_pi_init(&s->pi, s->pi.gain, setup->dt_s * mw_rng_log_uniform(rng, 2.0, 15.0), 0.8);
	s->pi.lo = s->mode == THROTTLE ? 0.05 : 0.2;
	s->pi.hi = s->mode == THROTTLE ? 1.0 : 1.15;
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.2, 2.0), 3000.0, rng);
	mw_wander_init(&s->inlet, mw_rng_log_uniform(rng, 0.002, 0.02), 200.0, rng);
	mw_wander_init(&s->surge, 1.0, 4.0 * setup->dt_s, rng);
	s->panel.size[SUCTION] = sqrt(s->p_rated / 4.0);
	s->panel.size[DISCHARGE] = s->p_rated / 4.0;
	s->panel.size[FLOW] = s->q_rated / 50.0;
	mw_panel_draw(&s->panel, &mw_plant_pump, &s->duty, wanted, rng);
	s->haste = 40.0;
	mw_panel_settle(s, &mw_plant_pump, setup, 300, rng);
	s->haste = 1.0;
}

static struct trouble trouble_of(struct pump *s, const struct mw_plant_row *row,
				 const struct mw_draws *draws)
{
	const struct mw_plant_act *f = &row->fault;
	double surge = mw_wander_step(&s->surge, draws->n[6], row->dt_s);
	double boil = mw_act_level(f, MW_FAULT_CAVITATION);
	double gas = mw_act_level(f, MW_FAULT_AIR_INGRESS);
	double dry = fmin(mw_act_level(f, MW_FAULT_DRY_RUN), 1.15);
	double slap = mw_site_level(f, MW_SITE_CHECK_VALVE_SLAPS) * mw_act_beat(f, 3.0, 12.0);

	return (struct trouble){
	    .leak = 0.5 * mw_act_level(f, MW_FAULT_LEAK),
	    .bypass = 0.5 * mw_act_level(f, MW_FAULT_VALVE_LEAK),
	    .blocked = 1.0 * mw_act_level(f, MW_FAULT_BLOCKAGE),
	    .head = 0.3 * mw_act_level(f, MW_FAULT_FOULING) + boil * (0.16 + 0.05 * draws->n[7]) +
		    gas * (0.2 + 0.07 * surge) + 0.45 * dry * (1.0 + 0.05 * surge),
	    .rough = boil * (2.2 + 0.5 * draws->n[7]) + gas * (1.2 + 0.4 * surge) + 1.0 * dry +
		     0.9 * mw_act_level(f, MW_FAULT_FILTER_CLOGGING) +
		     0.4 * mw_site_level(f, MW_SITE_SEAL_RUB) + 1.5 * slap,
	    .starve =
		s->panel.size[SUCTION] * (0.4 * boil + 0.5 * dry + 0.08 * gas * (1.0 + surge)),
	    .choke = mw_act_level(f, MW_FAULT_FILTER_CLOGGING),
	    .drag = 0.12 * mw_act_level(f, MW_FAULT_FOULING),
	    .stuck = fmin(mw_act_level(f, MW_FAULT_VALVE_STUCK), 1.0),
	    .gas = gas,
	    .dry = dry,
	    .rub = mw_site_level(f, MW_SITE_SEAL_RUB),
	    .slap = slap,
	    .hot = mw_site_level(f, MW_SITE_HOT_INFLOW),
	};
}

/* Speed command from the controller, and the valve it moves. */
static double control(struct pump *s, const struct mw_plant_row *row, const struct mw_order *order,
		      double demand)
{
	double want = s->setpoint * order->setpoint;
	double measured = s->mode == HOLD_PRESSURE ? s->head : s->flow;
	double swing = mw_act_hunting(&row->fault);
	double out;

	if (s->mode == FIXED) {
		s->valve = mw_clamp(demand * order->setpoint * (1.0 + 0.3 * swing), 0.05, 1.0);
		return order->run;
	}
	if (s->mode == HOLD_PRESSURE)
		want *= 1.0 - 0.3 * order->idle;
	else
		want *= demand;
	out = order->run < 0.05 ? s->pi.integral : mw_pi_step(&s->pi, want - measured, row->dt_s);
	if (s->mode == THROTTLE) {
		out = mw_clamp(out * (1.0 + 0.3 * swing), 0.03, 1.0);
		if (row->fault.fault != MW_FAULT_VALVE_STUCK)
			s->valve = mw_lag(s->valve, out, row->dt_s, 2.0);
		return order->run;
	}
	s->valve = s->mode == HOLD_PRESSURE ? mw_clamp(demand, 0.05, 1.0) : 0.9;
	return out * order->run * (1.0 + 0.12 * swing);
}

/* A stuck valve: off where it should be, by what this jam is like. */
static double valve_at(const struct pump *s, const struct mw_plant_act *fault, double stuck)
{
	double at = s->valve + mw_act_sign(fault) * mw_act_draw(fault, 3, 0.25, 0.4);

	if (at > 1.0 || at < 0.1)
		at = 2.0 * s->valve - at;
	return mw_clamp(s->valve + stuck * (mw_clamp(at, 0.1, 1.0) - s->valve), 0.03, 1.0);
}

/* Flow through the pump, relative; what passes the meter is less by leak and bypass. */
static double hydraulics(const struct pump *s, const struct trouble *bad, double valve,
			 double *ret_head)
{
	double n = s->train.speed;
	double choke = fmin(0.35 * bad->choke, 0.9);
	double keep = 1.0 / (1.0 + bad->leak + bad->bypass);
	double open = valve / (1.0 + bad->blocked);
	double suction_loss = s->strainer / s->p_rated * choke;
	double h0 = s->h0 * fmax(1.0 - bad->head, 0.02);
	double a = s->h0 - 1.0;
	double k = (1.0 - s->hs) * keep * keep / (open * open);
	double q2 = (n * n * h0 - s->hs) / (a + k + suction_loss);
	double runout = 1.7 * n;
	double q = q2 > 0.0 ? sqrt(q2) : 0.0;

	/* Near shut-off a little always recirculates: no hard corner at zero flow. */
	q = q < 0.05 ? 0.05 * n * mw_exp((q - 0.05) / 0.05) : q;
	q = q < 0.8 * runout ? q : fmin(q - 0.5 * (q - 0.8 * runout), runout);
	*ret_head = fmax(n * n * h0 - a * q * q, 0.0);
	return q;
}

static void step_full(struct pump *s, const struct mw_plant_row *row, const struct mw_draws *draws,
		      double *full)
{
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	struct trouble bad = trouble_of(s, row, draws);
	double dt = row->dt_s;
	double ambient = 22.0 + mw_wander_step(&s->ambient, draws->n[11], dt * s->haste);
	double demand = mw_duty_step(&s->duty, draws, dt) * order.load * (1.0 - 0.7 * order.idle);
	double thick = 1.0 + 0.25 * order.product;
	double command = control(s, row, &order, demand);
	double valve = valve_at(s, &row->fault, bad.stuck);
	double head;
	double q = hydraulics(s, &bad, valve, &head);
	double metered = q * 1.0 / (1.0 + bad.leak + bad.bypass) / (1.0 + 0.4 * bad.slap);
	double n = s->train.speed;
	/* Torque of a centrifugal pump: part with speed squared, part with flow. */
	double torque = (n * n * 0.45 + 0.55 * q * n) * thick * (1.0 - 0.55 * fmin(bad.dry, 1.5)) *
			    (1.0 - 0.25 * fmin(bad.gas, 2.0)) / (1.0 + 0.1 * bad.hot) +
			(bad.drag + 0.3 * bad.rub) * n;
	double lost = s->strainer * q * q * (1.0 + 4.0 * bad.choke) + bad.starve;

	worn.rough += bad.rough * fmin(1.0, 2.0 * n);
	s->flow = mw_lag(s->flow, metered * (1.0 + s->swirl * draws->n[8]), dt, 0.6);
	s->head = mw_lag(s->head,
			 head * (1.0 + 0.5 * s->swirl * (draws->n[9] + draws->n[8])) *
			     (1.0 + 0.15 * bad.slap) / (1.0 + 0.03 * bad.hot),
			 dt, 0.4);
	s->fluid = mw_lag(s->fluid,
			  ambient + s->warm + 6.0 * order.product +
			      n * (12.0 * bad.dry + 3.0 * bad.bypass / 0.5 + 8.0 * bad.rub +
				   10.0 * bad.hot + 1.0),
			  dt * s->haste, s->tau_fluid_s);
	full[SUCTION] =
	    fmax(s->suction + mw_wander_step(&s->inlet, draws->n[10], dt) - lost, -0.99);
	full[DISCHARGE] =
	    s->suction + s->p_rated * s->head * (1.0 + 0.1 * order.product) - 0.3 * lost;
	full[FLOW] = s->q_rated * s->flow;
	full[FLUID] = s->fluid;
	full[VALVE] = 100.0 * valve;
	full[SETPOINT] = 100.0 * s->setpoint * order.setpoint;
	mw_train_step(
	    &s->train,
	    &(struct mw_train_row){command, torque, ambient + 5.0 * bad.hot, dt, s->haste}, &worn,
	    draws, full + TRAIN);
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct pump *s = state;
	struct mw_draws draws;
	double full[N];

	mw_draws_take(&draws, rng);
	step_full(s, row, &draws, full);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_SEAL_RUB, {MW_FAULT_UNKNOWN, 4, {AMPS, FLUID, TRAIN + MW_TRAIN_POWER, VIB}}},
    {MW_SITE_CHECK_VALVE_SLAPS, {MW_FAULT_UNKNOWN, 4, {FLOW, VIB, VIB2, DISCHARGE}}},
    {MW_SITE_HOT_INFLOW,
     {MW_FAULT_UNKNOWN,
      5,
      {AMPS, TRAIN + MW_TRAIN_POWER, DISCHARGE, FLUID, TRAIN + MW_TRAIN_BEARING}}},
};

const struct mw_plant mw_plant_pump = {
    .machine = MW_MACHINE_PUMP,
    .period_s = 1.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct pump),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
