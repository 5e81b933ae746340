/*
 * chiller.c -- a vapour-compression water chiller that holds its chilled-water temperature by the
 * compressor's speed.
 *
 * Evaporator and condenser are heat exchangers with an approach each (temperature difference to the
 * refrigerant, in proportion to heat).  Saturation pressures follow from temperatures by an
 * exponential fit for R134a, p[bar] = 2.93 mw_exp(0.031 T), within 5 % from 0 to 50 degC.  Torque is
 * lift times heat over speed.
 */
#include "model/corpus/train.h"

#include <math.h>

enum {
	SUPPLY,     /* chilled water, leaving */
	RETURN,     /* entering */
	WATER_FLOW, /* chilled */
	COND_IN,
	COND_OUT,
	EVAPORATING, /* pressure */
	CONDENSING,
	SUPERHEAT,
	VALVE, /* expansion valve */
	SETPOINT,
	TRAIN,
	N = TRAIN + MW_N_TRAIN
};

struct chiller {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_pi pi;
	struct mw_wander ambient, tower;
	double want;                 /* degC */
	double q_rated, drop, rise;  /* m3/h; K across the evaporator / condenser at full load */
	double near_evap, near_cond; /* approaches at full load, K */
	double tower_in, superheat;
	double tau_loop_s, swirl;
	double supply, cool, evap, cond, valve, heat_in;
	double haste;
};

struct trouble {
	double lost, foul, dirty, dry, air, stuck, pass, over, mixed, oily, swing;
};

static const struct mw_plant_channel channel[N] = {
    {{"chilled_water_supply_temp", "degC", MW_ROLE_TEMPERATURE}, 0.06, 0.01, 3.0, -30.0, 120.0},
    {{"chilled_water_return_temp", "degC", MW_ROLE_TEMPERATURE}, 0.06, 0.01, 3.0, -30.0, 120.0},
    {{"chilled_water_flow", "m3/h", MW_ROLE_FLOW}, 0.4, 0.05, 1.0, 0.0, 400.0},
    {{"condenser_inlet_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.08, 0.01, 3.0, -30.0, 120.0},
    {{"condenser_outlet_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.08, 0.01, 3.0, -30.0, 160.0},
    {{"evaporating_pressure", "bar", MW_ROLE_PRESSURE}, 0.02, 0.01, 0.3, -1.0, 40.0},
    {{"condensing_pressure", "bar", MW_ROLE_PRESSURE}, 0.05, 0.01, 0.3, -1.0, 80.0},
    {{"superheat", "K", MW_ROLE_TEMPERATURE}, 0.12, 0.1, 2.0, -10.0, 60.0},
    {{"expansion_valve_position", "%", MW_ROLE_VALVE}, 0.25, 0.1, 0.0, -5.0, 105.0},
    {{"supply_setpoint", "degC", MW_ROLE_SETPOINT}, 0.0, 0.1, 0.0, -30.0, 120.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.95,           0.8, 0.5, 0.5, 0.5, 0.7, 0.8, 0.5, 0.4, 0.2,
				 MW_TRAIN_WANTED};

#define AMPS (TRAIN + MW_TRAIN_CURRENT)
#define KW   (TRAIN + MW_TRAIN_POWER)
#define RPM  (TRAIN + MW_TRAIN_SPEED)
#define VIB  (TRAIN + MW_TRAIN_VIB_DE)

static const struct mw_plant_can can[] = {
    MW_TRAIN_CAN(TRAIN),
    MW_OPERATION_CAN,
    {MW_FAULT_LEAK, 5, {SUPERHEAT, EVAPORATING, VALVE, RPM, CONDENSING}},
    {MW_FAULT_COOLING_LOSS, 4, {COND_OUT, CONDENSING, AMPS, KW}},
    {MW_FAULT_FOULING, 3, {CONDENSING, AMPS, KW}},
    {MW_FAULT_AIR_INGRESS, 3, {CONDENSING, AMPS, KW}},
    {MW_FAULT_FILTER_CLOGGING, 4, {WATER_FLOW, RETURN, EVAPORATING, RPM}},
    {MW_FAULT_VALVE_STUCK, 4, {VALVE, SUPERHEAT, EVAPORATING, RPM}},
    {MW_FAULT_VALVE_LEAK, 4, {RPM, AMPS, EVAPORATING, SUPPLY}},
    {MW_FAULT_SPEED_LOSS, 4, {RPM, SUPPLY, RETURN, AMPS}},
    {MW_FAULT_DISTURBANCE, 4, {COND_IN, COND_OUT, CONDENSING, AMPS}},
    {MW_FAULT_HUNTING, 5, {RPM, AMPS, EVAPORATING, CONDENSING, SUPPLY}},
};

static double saturated(double celsius)
{
	return 2.93 * mw_exp(0.031 * mw_clamp(celsius, -60.0, 95.0)) - 1.0;
}

static void sizes_draw(struct chiller *s, double dt_s, struct mw_rng *rng)
{
	s->want = mw_rng_uniform(rng, 5.0, 14.0);
	s->q_rated = mw_rng_log_uniform(rng, 3.0, 300.0);
	s->drop = mw_rng_uniform(rng, 4.5, 8.0);
	s->rise = mw_rng_uniform(rng, 4.5, 9.0);
	s->near_evap = mw_rng_uniform(rng, 2.5, 7.0);
	s->near_cond = mw_rng_uniform(rng, 2.5, 8.0);
	s->tower_in = mw_rng_uniform(rng, 20.0, 33.0);
	s->superheat = mw_rng_uniform(rng, 4.0, 9.0);
	s->tau_loop_s = dt_s * mw_rng_log_uniform(rng, 6.0, 60.0);
	s->swirl = mw_rng_log_uniform(rng, 0.001, 0.008);
	s->supply = s->want;
	s->cool = s->heat_in = 0.6;
	s->evap = s->want - 4.0;
	s->cond = s->tower_in + 9.0;
	s->valve = 0.5;
	s->panel.size[WATER_FLOW] = s->q_rated / 60.0;
}

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct chiller *s = state;
	double dt = setup->dt_s;

	mw_panel_init(&s->panel, MW_MACHINE_CHILLER, setup->n_channels);
	sizes_draw(s, dt, rng);
	mw_train_init(&s->train, 1.16 * s->q_rated * s->drop / 4.5,
		      mw_rng_chance(rng, 0.6) ? 2950.0 : 1475.0, &s->panel, TRAIN, rng);
	mw_duty_init(&s->duty, 0.4, 0.8, dt, rng);
	s->pi.gain = mw_rng_uniform(rng, 0.04, 0.15);
	mw_pi_init(&s->pi, s->pi.gain, s->tau_loop_s * mw_rng_uniform(rng, 0.6, 2.0), 0.6);
	s->pi.lo = 0.2;
	s->pi.hi = 1.1;
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.3, 2.5), 2500.0, rng);
	s->tower.sd = mw_rng_uniform(rng, 0.1, 0.8);
	mw_wander_init(&s->tower, s->tower.sd, dt * mw_rng_log_uniform(rng, 20.0, 300.0), rng);
	s->panel.held = SUPPLY;
	s->panel.hand = RPM;
	mw_panel_draw(&s->panel, &mw_plant_chiller, &s->duty, wanted, rng);
	s->haste = 40.0;
	mw_panel_settle(s, &mw_plant_chiller, setup, 400, rng);
	s->haste = 1.0;
}

static struct trouble trouble_of(const struct mw_plant_act *f)
{
	return (struct trouble){
	    .lost = mw_act_level(f, MW_FAULT_LEAK),
	    .foul = mw_act_level(f, MW_FAULT_FOULING),
	    .dirty = 0.4 * mw_act_level(f, MW_FAULT_FILTER_CLOGGING),
	    .dry = 0.8 * mw_act_level(f, MW_FAULT_COOLING_LOSS),
	    .air = mw_act_level(f, MW_FAULT_AIR_INGRESS),
	    .stuck = 0.25 * mw_act_level(f, MW_FAULT_VALVE_STUCK) * mw_act_sign(f),
	    .swing = mw_site_level(f, MW_SITE_EXPANSION_SWINGS) * mw_act_wave(f, 5.0, 24.0),
	    .pass = 0.3 * mw_act_level(f, MW_FAULT_VALVE_LEAK),
	    .over = mw_site_level(f, MW_SITE_OVERCHARGE),
	    .mixed = 0.25 * mw_site_level(f, MW_SITE_BYPASS_MIXING),
	    .oily = mw_site_level(f, MW_SITE_OIL_LOGGED),
	};
}

/* Refrigerant side.  Returns the torque of the compressor, relative. */
static double refrigerate(struct chiller *s, const struct mw_plant_row *row,
			  const struct trouble *bad, double tower, double *full)
{
	double n = s->train.speed;
	double reach =
	    n / ((1.0 + 0.25 * bad->lost) * (1.0 + bad->pass)) / (1.0 + 0.12 * bad->oily);
	double starve = fmax(
	    6.0 * bad->lost - 8.0 * bad->stuck - 4.0 * bad->over - 4.0 * bad->swing, -s->superheat);
	double evap =
	    s->supply - s->near_evap * s->cool * (1.0 + 0.6 * bad->oily) - 0.35 * fmax(starve, 0.0);
	double out = tower + s->rise * s->cool * (1.0 + bad->dry);
	double cond = out + s->near_cond * s->cool * (1.0 + 1.1 * bad->foul) +
		      5.0 * (bad->air + 0.8 * bad->over) * (n > 0.05);
	double lift;

	s->cool = mw_lag(s->cool, reach, row->dt_s, 0.15 * s->tau_loop_s);
	s->evap = mw_lag(s->evap, n > 0.05 ? evap : s->supply, row->dt_s, 3.0);
	s->cond = mw_lag(s->cond, n > 0.05 ? cond : tower, row->dt_s, 3.0);
	lift = fmax(s->cond - s->evap, 2.0) / 38.0;
	full[COND_IN] = tower;
	full[COND_OUT] = out;
	full[EVAPORATING] = saturated(s->evap);
	full[CONDENSING] = saturated(s->cond);
	full[SUPERHEAT] = (s->superheat + starve) * fmin(n * 10.0, 1.0);
	return fmin(0.15 + 0.85 * lift * s->cool / fmax(n, 0.2), 3.0) * fmin(n * 20.0, 1.0);
}

static double control(struct chiller *s, const struct mw_plant_row *row,
		      const struct mw_order *order)
{
	double want = s->want + 8.0 * (1.0 - order->setpoint);
	double out =
	    order->run < 0.05 ? s->pi.integral : mw_pi_step(&s->pi, s->supply - want, row->dt_s);

	return order->run * out * (1.0 + 0.15 * mw_act_hunting(&row->fault));
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct chiller *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	struct trouble bad = trouble_of(&row->fault);
	struct mw_draws draws;
	double dt = row->dt_s;
	double full[N];
	double ambient, tower, command, torque, flow;

	mw_draws_take(&draws, rng);
	ambient = 24.0 + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	tower = s->tower_in + mw_wander_step(&s->tower, draws.n[6], dt) + 2.0 * order.product +
		6.0 * mw_act_level(&row->fault, MW_FAULT_DISTURBANCE) * mw_act_sign(&row->fault);
	s->heat_in = mw_duty_step(&s->duty, &draws, dt) * order.load *
		     (1.0 + 0.15 * order.product) * (1.0 - 0.6 * order.idle);
	/* Warmer water takes less from the rooms. */
	s->heat_in *=
	    fmin(order.run, 1.0) * mw_clamp((s->want + 12.0 - s->supply) / 12.0, 0.0, 1.5);
	command = control(s, row, &order);
	torque = refrigerate(s, row, &bad, tower, full);
	flow = (0.3 + 0.7 * fmin(order.run, 1.0)) / (1.0 + bad.dirty);
	s->supply += (s->heat_in - s->cool) * s->drop * dt / (s->tau_loop_s + dt);
	s->supply = mw_clamp(s->supply, -4.0, 45.0);
	s->valve = mw_lag(s->valve,
			  0.15 + 0.75 * s->cool * (1.0 + 0.25 * bad.lost) / (1.0 + 0.25 * bad.over),
			  dt, 4.0);
	worn.uncooled = 0.0; /* it is the condenser that is not cooled */
	full[SUPPLY] = s->supply;
	full[RETURN] = s->supply + s->heat_in * s->drop / fmax(flow, 0.1) / (1.0 + bad.mixed);
	full[WATER_FLOW] = s->q_rated * flow * (1.0 + bad.mixed) * (1.0 + s->swirl * draws.n[8]);
	full[SUPERHEAT] += 0.1 * draws.n[9];
	full[VALVE] = 100.0 * mw_clamp(s->valve + bad.stuck + 0.06 * bad.swing, 0.0, 1.0);
	full[SETPOINT] = s->want + 8.0 * (1.0 - order.setpoint);
	mw_train_step(&s->train, &(struct mw_train_row){command, torque, ambient, dt, s->haste},
		      &worn, &draws, full + TRAIN);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_OVERCHARGE, {MW_FAULT_UNKNOWN, 5, {SUPERHEAT, CONDENSING, VALVE, AMPS, KW}}},
    {MW_SITE_BYPASS_MIXING, {MW_FAULT_UNKNOWN, 2, {RETURN, WATER_FLOW}}},
    {MW_SITE_OIL_LOGGED, {MW_FAULT_UNKNOWN, 5, {EVAPORATING, RPM, AMPS, KW, SUPPLY}}},
    {MW_SITE_EXPANSION_SWINGS, {MW_FAULT_UNKNOWN, 5, {VALVE, SUPERHEAT, EVAPORATING, AMPS, KW}}},
};

const struct mw_plant mw_plant_chiller = {
    .machine = MW_MACHINE_CHILLER,
    .period_s = 10.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct chiller),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
