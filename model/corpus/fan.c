/*
 * fan.c -- a ventilation fan with motor, filter and damper; fixed speed, or a drive or the damper
 * holds duct pressure.
 *
 * Relative to the duty point: fan pressure p = n^2 h0 - a q^2, a = h0 - 1 (affinity laws); filter,
 * damper and duct each lose in proportion to q^2.
 */
#include "model/corpus/train.h"

#include <math.h>

enum { PRESSURE, FLOW, FILTER, SUCTION, DAMPER, AIR, SETPOINT, TRAIN, N = TRAIN + MW_N_TRAIN };

#define TWO_PI 6.283185307179586

enum mode { FIXED, HOLD_BY_SPEED, HOLD_BY_DAMPER, N_MODE };

struct fan {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_pi pi;
	struct mw_wander ambient, wind, stream;
	enum mode mode;
	double q_rated, p_rated; /* m3/h, Pa */
	double h0, filter;       /* shut-off pressure; share lost in the clean filter */
	double want, swirl, air_warm, tau_air_s;
	double damper, free; /* the damper now, and when it last moved freely */
	double duct, flow, air;
	double haste;
};

struct trouble {
	double leak, block, clog, foul, slip, stuck, stall, torn, again;
};

static const struct mw_plant_channel channel[N] = {
    {{"duct_pressure", "Pa", MW_ROLE_PRESSURE}, 3.0, 0.5, 0.5, -2000.0, 8000.0},
    {{"air_flow", "m3/h", MW_ROLE_FLOW}, 50.0, 5.0, 1.0, 0.0, 40000.0},
    {{"filter_pressure_drop", "Pa", MW_ROLE_PRESSURE}, 1.0, 0.1, 0.5, -100.0, 6000.0},
    {{"suction_pressure", "Pa", MW_ROLE_PRESSURE}, 1.5, 0.1, 0.5, -6000.0, 1000.0},
    {{"damper_position", "%", MW_ROLE_VALVE}, 0.25, 0.1, 0.0, -5.0, 105.0},
    {{"air_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -60.0, 300.0},
    {{"pressure_setpoint", "Pa", MW_ROLE_SETPOINT}, 0.0, 0.5, 0.0, 0.0, 8000.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.85, 0.8, 0.55, 0.2, 0.75, 0.35, 0.2, MW_TRAIN_WANTED};

#define AMPS (TRAIN + MW_TRAIN_CURRENT)
#define RPM  (TRAIN + MW_TRAIN_SPEED)
#define VIB  (TRAIN + MW_TRAIN_VIB_DE)
#define VIB2 (TRAIN + MW_TRAIN_VIB_NDE)

static const struct mw_plant_can can[] = {
    MW_TRAIN_CAN(TRAIN),
    MW_OPERATION_CAN,
    {MW_FAULT_COOLING_LOSS, 1, {TRAIN + MW_TRAIN_WINDING}},
    {MW_FAULT_SPEED_LOSS, 5, {RPM, FLOW, PRESSURE, AMPS, VIB}},
    {MW_FAULT_LEAK, 6, {PRESSURE, FILTER, AMPS, FLOW, RPM, DAMPER}},
    {MW_FAULT_BLOCKAGE, 4, {FLOW, AMPS, FILTER, SUCTION}},
    {MW_FAULT_FILTER_CLOGGING, 4, {FILTER, SUCTION, FLOW, PRESSURE}},
    {MW_FAULT_FOULING, 6, {VIB, VIB2, PRESSURE, FLOW, RPM, AMPS}},
    {MW_FAULT_BELT_SLIP, 5, {VIB, VIB2, FLOW, PRESSURE, AMPS}},
    {MW_FAULT_VALVE_STUCK, 5, {DAMPER, FLOW, PRESSURE, RPM, AMPS}},
    {MW_FAULT_HUNTING, 5, {DAMPER, PRESSURE, FLOW, AMPS, RPM}},
};

static void sizes_draw(struct fan *s, double dt_s, struct mw_rng *rng)
{
	s->q_rated = mw_rng_log_uniform(rng, 300.0, 90000.0);
	s->p_rated = mw_rng_log_uniform(rng, 120.0, 3500.0);
	s->h0 = mw_rng_uniform(rng, 1.15, 1.5);
	s->filter = mw_rng_uniform(rng, 0.08, 0.3);
	s->want = mw_rng_uniform(rng, 0.35, 0.6);
	s->swirl = mw_rng_log_uniform(rng, 0.002, 0.02);
	s->air_warm = mw_rng_chance(rng, 0.7) ? mw_rng_uniform(rng, -10.0, 10.0)
					      : mw_rng_uniform(rng, 20.0, 90.0);
	s->tau_air_s = mw_rng_log_uniform(rng, 10.0, 200.0);
	s->damper = s->free = s->flow = 0.8;
	s->duct = s->want;
	s->air = 20.0 + s->air_warm;
	s->panel.size[PRESSURE] = s->panel.size[SETPOINT] = s->p_rated / 800.0;
	s->panel.size[FILTER] = s->panel.size[SUCTION] = s->p_rated * s->filter / 150.0;
	s->panel.size[FLOW] = s->q_rated / 10000.0;
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.3, 2.5), 2500.0, rng);
	s->wind.sd = mw_rng_log_uniform(rng, 0.002, 0.02);
	mw_wander_init(&s->wind, s->wind.sd, dt_s * mw_rng_log_uniform(rng, 5.0, 60.0), rng);
	mw_wander_init(&s->stream, mw_rng_uniform(rng, 0.1, 1.0), 200.0 * dt_s, rng);
}

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct fan *s = state;
	static const double rpm[] = {720.0, 980.0, 1450.0, 1470.0, 1750.0, 2900.0};
	static const int hand[N_MODE] = {-1, RPM, DAMPER};
	static const uint32_t dead[N_MODE] = {1u << SETPOINT, 1u << DAMPER, 0};

	mw_panel_init(&s->panel, MW_MACHINE_FAN, setup->n_channels);
	s->mode = (enum mode)mw_rng_below(rng, N_MODE);
	sizes_draw(s, setup->dt_s, rng);
	s->panel.held = s->mode == FIXED ? -1 : PRESSURE;
	s->panel.hand = hand[s->mode];
	s->panel.dead = dead[s->mode];
	mw_train_init(&s->train, fmax(s->q_rated * s->p_rated / 3.6e6 / 0.65, 0.1),
		      rpm[mw_rng_below(rng, 6)], &s->panel, TRAIN, rng);
	mw_duty_init(&s->duty, 0.65, 1.0, setup->dt_s, rng);
	s->pi.gain = mw_rng_uniform(rng, 0.1, 0.4);
	mw_pi_init(&s->pi, s->pi.gain, setup->dt_s * mw_rng_log_uniform(rng, 2.0, 12.0), 0.85);
	s->pi.lo = 0.1;
	s->pi.hi = s->mode == HOLD_BY_SPEED ? 1.2 : 1.0;
	mw_panel_draw(&s->panel, &mw_plant_fan, &s->duty, wanted, rng);
	s->haste = 40.0;
	mw_panel_settle(s, &mw_plant_fan, setup, 300, rng);
	s->haste = 1.0;
}

static struct trouble trouble_of(const struct mw_plant_act *f)
{
	return (struct trouble){
	    .leak = 0.35 * mw_act_level(f, MW_FAULT_LEAK),
	    .block = 0.5 * mw_act_level(f, MW_FAULT_BLOCKAGE),
	    .clog = 3.0 * mw_act_level(f, MW_FAULT_FILTER_CLOGGING),
	    .foul = mw_act_level(f, MW_FAULT_FOULING),
	    .slip = mw_act_level(f, MW_FAULT_BELT_SLIP),
	    .stuck = fmin(mw_act_level(f, MW_FAULT_VALVE_STUCK), 1.0),
	    .stall = mw_site_level(f, MW_SITE_STALL),
	    .torn = 2.0 * mw_site_level(f, MW_SITE_FILTER_TORN),
	    .again = mw_site_level(f, MW_SITE_AIR_RECIRCULATES),
	};
}

/* Speed command; the damper goes into the state. */
static double control(struct fan *s, const struct mw_plant_row *row, const struct mw_order *order,
		      double stuck)
{
	double want = s->want * order->setpoint;
	double swing = 1.0 + 0.2 * mw_act_hunting(&row->fault);
	double jam = s->free > 0.6 ? 0.35 : 0.95;
	double out;

	if (s->mode == FIXED) {
		s->damper = 0.85 * fmin(order->setpoint, 1.1) * swing;
		s->damper += stuck * (0.35 - s->damper);
		return order->run;
	}
	out = order->run < 0.05 ? s->pi.integral : mw_pi_step(&s->pi, want - s->duct, row->dt_s);
	if (s->mode == HOLD_BY_SPEED) {
		s->damper = 0.85 + stuck * (0.35 - 0.85);
		return order->run * out * (0.5 + 0.5 * swing);
	}
	if (stuck == 0.0)
		s->free = mw_lag(s->damper, mw_clamp(out * swing, 0.05, 1.0), row->dt_s, 5.0);
	s->damper = s->free + stuck * (jam - s->free);
	return order->run;
}

static void blow(struct fan *s, const struct mw_plant_row *row, const struct trouble *bad,
		 const struct mw_draws *draws, double demand, double *full)
{
	double n = s->train.speed / (1.0 + 0.25 * bad->slip);
	double turn =
	    mw_sin(TWO_PI * (double)row->fault.age_rows / mw_act_draw(&row->fault, 1, 5.0, 14.0));
	double h0 = s->h0 / (1.0 + 0.15 * bad->foul + bad->stall * (0.2 + 0.15 * turn));
	double duct_k = 0.42 / (demand * demand) / ((1.0 + bad->leak) * (1.0 + bad->leak)) *
			(1.0 + bad->block) * (1.0 + bad->block);
	double damper_k = 0.28 / (s->damper * s->damper);
	double filter_k = s->filter * (1.0 + bad->clog) / (1.0 + bad->torn);
	double q = n * sqrt(h0 / (s->h0 - 1.0 + duct_k + damper_k + filter_k));
	double wind = mw_wander_step(&s->wind, draws->n[6], row->dt_s);
	double rough = s->swirl * (draws->n[8] + 0.5 * draws->n[9]);

	s->duct =
	    mw_lag(s->duct, (duct_k * q * q + wind * n) * (1.0 + rough) / (1.0 + 0.06 * bad->again),
		   row->dt_s, 0.5);
	s->flow = mw_lag(s->flow, q * (1.0 + s->swirl * draws->n[8]), row->dt_s, 0.7);
	full[PRESSURE] = s->p_rated * s->duct;
	full[FLOW] = s->q_rated * s->flow / (1.0 + 0.3 * bad->leak);
	full[FILTER] = s->p_rated * filter_k * q * q * (1.0 + rough);
	full[SUCTION] = -full[FILTER] - 0.1 * s->p_rated * s->filter * q * q + 0.5 * wind;
	full[DAMPER] = 100.0 * s->damper;
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct fan *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	struct trouble bad = trouble_of(&row->fault);
	struct mw_draws draws;
	double dt = row->dt_s;
	double full[N];
	double ambient, demand, command, n, torque;

	mw_draws_take(&draws, rng);
	ambient = 20.0 + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	demand = mw_duty_step(&s->duty, &draws, dt) * order.load * (1.0 - 0.6 * order.idle);
	command = control(s, row, &order, bad.stuck);
	blow(s, row, &bad, &draws, demand, full);
	n = s->train.speed;
	torque = (n * n * 0.35 + 0.65 * n * s->flow) * (1.0 + 0.15 * order.product) /
		 (1.0 + 0.3 * bad.slip) / (1.0 + 0.1 * bad.again);
	s->air = mw_lag(s->air,
			ambient + s->air_warm + 15.0 * order.product + 8.0 * bad.again +
			    mw_wander_step(&s->stream, draws.n[10], dt),
			dt * s->haste, s->tau_air_s);
	worn.rough = bad.foul * 2.4 * n * n + bad.slip * (1.8 + 0.4 * draws.n[5]) +
		     bad.stall * (1.2 + 0.5 * draws.n[5]);
	full[AIR] = s->air + 2.0 * n * n + 2.0 * bad.again * n;
	full[SETPOINT] = s->p_rated * s->want * order.setpoint;
	mw_train_step(
	    &s->train,
	    &(struct mw_train_row){command, torque, ambient + 4.0 * bad.again, dt, s->haste}, &worn,
	    &draws, full + TRAIN);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_STALL, {MW_FAULT_UNKNOWN, 4, {VIB, FLOW, PRESSURE, AMPS}}},
    {MW_SITE_FILTER_TORN, {MW_FAULT_UNKNOWN, 6, {FILTER, SUCTION, FLOW, AMPS, PRESSURE, RPM}}},
    {MW_SITE_AIR_RECIRCULATES,
     {MW_FAULT_UNKNOWN, 5, {AMPS, PRESSURE, RPM, AIR, TRAIN + MW_TRAIN_BEARING}}},
};

const struct mw_plant mw_plant_fan = {
    .machine = MW_MACHINE_FAN,
    .period_s = 2.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct fan),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
