/*
 * hydraulic.c -- a hydraulic power unit: motor, pump with pressure compensator, accumulator,
 * filter, cooler and a cylinder that works in cycles.
 *
 * The accumulator's pressure integrates pump flow less what the cylinder and leaks take; a leak's
 * flow grows with pressure; all power that does not leave as work ends in the oil.
 */
#include "model/corpus/train.h"

#include <math.h>

enum { PRESSURE, FLOW, OIL, TANK, FILTER, CASE, STROKE, VALVE, TRAIN, N = TRAIN + MW_N_TRAIN };

struct hydraulic {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_wander ambient, foam;
	double p_rated, q_rated, stroke; /* bar, l/min, mm */
	double cycle_s, share, stand;    /* period; share of it spent extending; asymmetry */
	double tau_p_s, tau_oil_s, cool, filter, seep;
	double swirl, lag_s;
	double pressure, flow, oil, level, position, age_s;
	double haste;
};

struct trouble {
	double leak, seep, block, clog, warm, stuck, foam, starve, hard, give, thick;
};

static const struct mw_plant_channel channel[N] = {
    {{"system_pressure", "bar", MW_ROLE_PRESSURE}, 0.5, 0.1, 0.2, -1.0, 420.0},
    {{"pump_flow", "l/min", MW_ROLE_FLOW}, 0.3, 0.05, 0.5, 0.0, 300.0},
    {{"oil_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 200.0},
    {{"tank_level", "%", MW_ROLE_LEVEL}, 0.2, 0.1, 2.0, -5.0, 105.0},
    {{"filter_pressure_drop", "bar", MW_ROLE_PRESSURE}, 0.02, 0.01, 0.5, -0.5, 20.0},
    {{"case_drain_flow", "l/min", MW_ROLE_FLOW}, 0.03, 0.01, 0.5, 0.0, 60.0},
    {{"cylinder_position", "mm", MW_ROLE_POSITION}, 0.3, 0.1, 0.0, -50.0, 3000.0},
    {{"proportional_valve", "%", MW_ROLE_VALVE}, 0.2, 0.1, 0.0, -110.0, 110.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.95, 0.8, 0.8, 0.5, 0.5, 0.3, 0.5, 0.4, MW_TRAIN_WANTED};

#define AMPS (TRAIN + MW_TRAIN_CURRENT)
#define RPM  (TRAIN + MW_TRAIN_SPEED)
#define VIB  (TRAIN + MW_TRAIN_VIB_DE)
#define VIB2 (TRAIN + MW_TRAIN_VIB_NDE)

static const struct mw_plant_can can[] = {
    MW_TRAIN_CAN(TRAIN),
    MW_OPERATION_CAN,
    {MW_FAULT_LEAK, 4, {TANK, AMPS, OIL, FLOW}},
    {MW_FAULT_VALVE_LEAK, 5, {CASE, PRESSURE, OIL, FLOW, AMPS}},
    {MW_FAULT_VALVE_STUCK, 4, {PRESSURE, AMPS, OIL, FLOW}},
    {MW_FAULT_BLOCKAGE, 5, {PRESSURE, AMPS, OIL, STROKE, FLOW}},
    {MW_FAULT_COOLING_LOSS, 2, {OIL, TRAIN + MW_TRAIN_BEARING}},
    {MW_FAULT_FOULING, 1, {OIL}},
    {MW_FAULT_FILTER_CLOGGING, 1, {FILTER}},
    {MW_FAULT_AIR_INGRESS, 5, {PRESSURE, VIB, VIB2, FLOW, STROKE}},
    {MW_FAULT_CAVITATION, 5, {VIB, VIB2, FLOW, PRESSURE, CASE}},
    {MW_FAULT_SPEED_LOSS, 1, {RPM}},
};

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct hydraulic *s = state;
	double dt = setup->dt_s;

	mw_panel_init(&s->panel, MW_MACHINE_HYDRAULIC, setup->n_channels);
	s->p_rated = mw_rng_log_uniform(rng, 60.0, 280.0);
	s->q_rated = mw_rng_log_uniform(rng, 8.0, 180.0);
	s->stroke = mw_rng_log_uniform(rng, 60.0, 1500.0);
	s->cycle_s = dt * mw_rng_log_uniform(rng, 12.0, 120.0);
	s->share = mw_rng_uniform(rng, 0.25, 0.6);
	s->stand = mw_rng_uniform(rng, 0.1, 0.6);
	s->tau_p_s = dt * mw_rng_log_uniform(rng, 1.0, 8.0) + 1.0;
	s->tau_oil_s = mw_rng_log_uniform(rng, 60.0, 900.0);
	s->cool = mw_rng_uniform(rng, 20.0, 40.0);
	s->filter = mw_rng_uniform(rng, 0.3, 1.5);
	s->seep = mw_rng_uniform(rng, 0.02, 0.06);
	s->swirl = mw_rng_log_uniform(rng, 0.001, 0.01);
	s->lag_s = mw_rng_uniform(rng, 0.3, 1.0) * dt;
	s->pressure = 1.0;
	s->flow = 0.5;
	s->oil = 45.0;
	s->level = mw_rng_uniform(rng, 60.0, 85.0);
	mw_train_init(&s->train, s->p_rated * s->q_rated / 600.0 / 0.85, 1470.0, &s->panel, TRAIN,
		      rng);
	mw_duty_init(&s->duty, 0.4, 0.9, dt, rng);
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.3, 2.5), 2500.0, rng);
	mw_wander_init(&s->foam, 1.0, 3.0 * dt, rng);
	s->panel.size[PRESSURE] = s->p_rated / 160.0;
	s->panel.size[FLOW] = s->panel.size[CASE] = s->q_rated / 50.0;
	s->panel.size[STROKE] = s->stroke / 400.0;
	s->panel.size[FILTER] = s->filter / 0.7;
	mw_panel_draw(&s->panel, &mw_plant_hydraulic, &s->duty, wanted, rng);
	s->haste = 30.0;
	mw_panel_settle(s, &mw_plant_hydraulic, setup, 300, rng);
	s->haste = 1.0;
}

static struct trouble trouble_of(struct hydraulic *s, const struct mw_plant_row *row,
				 const struct mw_draws *draws)
{
	const struct mw_plant_act *f = &row->fault;
	double puff = mw_wander_step(&s->foam, draws->n[6], row->dt_s);
	double gas = mw_act_level(f, MW_FAULT_AIR_INGRESS);

	return (struct trouble){
	    .leak = 0.15 * mw_act_level(f, MW_FAULT_LEAK),
	    .seep = 0.12 * mw_act_level(f, MW_FAULT_VALVE_LEAK),
	    .block = 0.4 * mw_act_level(f, MW_FAULT_BLOCKAGE),
	    .clog = 2.0 * mw_act_level(f, MW_FAULT_FILTER_CLOGGING),
	    .warm = 0.7 * mw_act_level(f, MW_FAULT_COOLING_LOSS) +
		    0.5 * mw_act_level(f, MW_FAULT_FOULING),
	    .stuck = 0.15 * mw_act_level(f, MW_FAULT_VALVE_STUCK) * mw_act_sign(f),
	    .foam = gas * (1.0 + 0.5 * puff),
	    .starve = mw_act_level(f, MW_FAULT_CAVITATION),
	    .hard = mw_site_level(f, MW_SITE_ACCUMULATOR_EMPTY),
	    .give = mw_site_level(f, MW_SITE_PISTON_SEAL),
	    .thick = mw_site_level(f, MW_SITE_OIL_TOO_THICK),
	};
}

/* Where the cylinder is asked to be, 0..1: out, hold, back. */
static double path(const struct hydraulic *s)
{
	double phase = fmod(s->age_s, s->cycle_s) / s->cycle_s;
	double hold = s->share + (1.0 - s->share) * s->stand;

	if (phase < s->share)
		return phase / s->share;
	if (phase < hold)
		return 1.0;
	return (1.0 - phase) / (1.0 - hold);
}

/* Moves the cylinder; returns the flow it takes, relative. */
static double work(struct hydraulic *s, const struct mw_plant_row *row, const struct trouble *bad,
		   double load, double run, double *ret_command)
{
	double was = s->position;
	double follow =
	    s->lag_s * (1.0 + 1.5 * bad->block + 0.4 * fmax(bad->foam, 0.0) + 0.6 * bad->thick);
	double target = path(s) * run;

	s->position = mw_lag(was, target / (1.0 + 0.1 * bad->give), row->dt_s, follow);
	*ret_command = mw_clamp(target - was, -0.3, 0.3) / 0.3;
	return mw_clamp(fabs(s->position - was) * 6.0, 0.0, 0.6) * (0.5 + 0.5 * load) +
	       0.08 * bad->give * s->position;
}

static void press(struct hydraulic *s, const struct mw_plant_row *row, const struct trouble *bad,
		  const struct mw_draws *draws, double taken, double run, double want)
{
	double n = s->train.speed;
	double able = 1.2 * n / (1.0 + 0.5 * bad->starve + 0.2 * fmax(bad->foam, 0.0));
	double p = fmax(s->pressure, 0.0);
	double out = taken + (s->seep + bad->leak + bad->seep) * p;
	double give = mw_clamp(out + 1.5 * (want - p), 0.0, fmax(able, 0.0)) * (run > 0.05);
	double rough = s->swirl * draws->n[8] + 0.01 * fmax(bad->foam, 0.0) * draws->n[9] +
		       (0.02 * bad->starve + 0.03 * bad->hard) * draws->n[10];

	s->flow = give * (1.0 + rough);
	s->pressure += (give - out) * row->dt_s / (s->tau_p_s / (1.0 + bad->hard) + row->dt_s);
	s->pressure = mw_clamp(s->pressure, 0.0, 1.4);
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct hydraulic *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	struct mw_draws draws;
	struct trouble bad;
	double dt = row->dt_s;
	double full[N];
	double ambient, load, taken, command, p, torque, lost;

	mw_draws_take(&draws, rng);
	bad = trouble_of(s, row, &draws);
	s->age_s += dt;
	ambient = 22.0 + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	load = mw_duty_step(&s->duty, &draws, dt) * order.load;
	taken = work(s, row, &bad, load, order.run * (1.0 - order.idle), &command);
	press(s, row, &bad, &draws, taken, order.run,
	      order.setpoint * (1.0 + 0.1 * order.product) * fmax(1.0 + bad.stuck, 0.2));
	/* Work lowers what the gauge sees; foam makes it soft. */
	p = s->pressure * (1.0 - 0.12 * load * fabs(command) * (1.0 + 0.5 * bad.hard) +
			   0.5 * bad.block + 0.06 * bad.hard * draws.n[10]) -
	    0.12 * fmax(bad.foam, 0.0) + 0.02 * bad.foam * draws.n[9] + s->swirl * draws.n[11];
	torque = (0.15 + 0.85 * (s->flow + 0.3 * bad.block) * s->pressure) *
		 fmin(s->train.speed * 20.0, 1.0) * (1.0 + 0.1 * bad.thick);
	lost = fmin(0.25 + 0.4 * torque + 3.0 * bad.seep, 3.0) * s->train.speed;
	s->oil = mw_lag(s->oil, ambient + s->cool * lost * (1.0 + bad.warm), dt * s->haste,
			s->tau_oil_s);
	s->level = fmax(s->level - 1.2 * bad.leak * dt / s->cycle_s * 8.0, 0.0);
	worn.uncooled = 0.0;
	worn.rough = bad.starve * (2.4 + 0.5 * draws.n[5]) + 1.2 * fmax(bad.foam, 0.0);
	full[PRESSURE] = s->p_rated * fmax(p, 0.0);
	full[FLOW] = s->q_rated * s->flow;
	full[OIL] = s->oil;
	full[TANK] = s->level - 4.0 * s->position;
	full[FILTER] = s->filter * (0.2 + s->flow) * (1.0 + bad.clog + bad.thick) *
		       (s->flow > 0.0) * (1.0 + 0.004 * (45.0 - s->oil));
	full[CASE] = s->q_rated * (s->seep + bad.seep) * s->pressure / (1.0 + 0.3 * bad.thick);
	full[STROKE] = s->stroke * s->position;
	full[VALVE] = 100.0 * command;
	mw_train_step(&s->train, &(struct mw_train_row){order.run, torque, ambient, dt, s->haste},
		      &worn, &draws, full + TRAIN);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_ACCUMULATOR_EMPTY, {MW_FAULT_UNKNOWN, 4, {PRESSURE, FLOW, AMPS, STROKE}}},
    {MW_SITE_PISTON_SEAL, {MW_FAULT_UNKNOWN, 6, {STROKE, VALVE, FLOW, PRESSURE, AMPS, OIL}}},
    {MW_SITE_OIL_TOO_THICK, {MW_FAULT_UNKNOWN, 6, {FILTER, CASE, AMPS, STROKE, VALVE, OIL}}},
};

const struct mw_plant mw_plant_hydraulic = {
    .machine = MW_MACHINE_HYDRAULIC,
    .period_s = 1.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct hydraulic),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
