/*
 * furnace.c -- an electric or gas-fired furnace: two zones, each a thermal mass whose controller
 * sets its heater, a charge that passes through, and an exhaust.
 *
 * Each zone: C dT/dt = heat - loss (linear in temperature above ambient) - what the charge takes -
 * exchange with the other zone.  Relative heat 1 = full output of a zone.
 */
#include "model/corpus/panel.h"
#include "model/corpus/physics.h"

#include <math.h>

enum { ZONE_1, ZONE_2, OUTPUT_1, OUTPUT_2, HEATING, EXHAUST, DRAUGHT, OXYGEN, CHARGE, SETPOINT, N };

struct furnace {
	struct mw_panel panel;
	struct mw_duty duty;
	struct mw_pi pi[2];
	struct mw_wander ambient, mains, gust;
	double want[2]; /* degC */
	double full;    /* K above ambient at full output, no charge */
	double tau_s, tau_charge_s;
	double heating;         /* rated: A of the elements */
	double oxygen, draught; /* %, Pa */
	double share[2];        /* of the charge's heat taken in each zone */
	double swirl, cross;
	double zone[2], output[2], exhaust, charge;
};

static const struct mw_plant_channel channel[N] = {
    {{"zone_1_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.4, 0.1, 5.0, -50.0, 1700.0},
    {{"zone_2_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.4, 0.1, 5.0, -50.0, 1700.0},
    {{"heater_1_output", "%", MW_ROLE_POWER}, 0.3, 0.1, 0.0, -5.0, 105.0},
    {{"heater_2_output", "%", MW_ROLE_POWER}, 0.3, 0.1, 0.0, -5.0, 105.0},
    {{"heating_current", "A", MW_ROLE_CURRENT}, 0.5, 0.1, 0.3, 0.0, 800.0},
    {{"exhaust_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.5, 0.1, 5.0, -50.0, 1200.0},
    {{"furnace_pressure", "Pa", MW_ROLE_PRESSURE}, 0.4, 0.1, 0.5, -300.0, 300.0},
    {{"exhaust_oxygen", "%", MW_ROLE_CONCENTRATION}, 0.05, 0.01, 5.0, 0.0, 25.0},
    {{"product_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.5, 0.1, 3.0, -50.0, 1700.0},
    {{"zone_1_setpoint", "degC", MW_ROLE_SETPOINT}, 0.0, 0.1, 0.0, -50.0, 1700.0},
};

static const double wanted[N] = {0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.4, 0.5, 0.25};

static const struct mw_plant_can can[] = {
    MW_OPERATION_CAN,
    {MW_FAULT_HEATER_FAILURE, 4, {HEATING, OUTPUT_1, CHARGE, ZONE_1}},
    {MW_FAULT_PHASE_LOSS, 5, {HEATING, OUTPUT_1, OUTPUT_2, ZONE_1, ZONE_2}},
    {MW_FAULT_VALVE_STUCK, 4, {OUTPUT_1, ZONE_1, HEATING, CHARGE}},
    {MW_FAULT_HUNTING, 4, {OUTPUT_1, ZONE_1, HEATING, CHARGE}},
    {MW_FAULT_LEAK, 5, {OXYGEN, DRAUGHT, OUTPUT_1, OUTPUT_2, EXHAUST}},
    {MW_FAULT_BLOCKAGE, 3, {DRAUGHT, OXYGEN, EXHAUST}},
    {MW_FAULT_FOULING, 4, {EXHAUST, CHARGE, OUTPUT_1, OUTPUT_2}},
    {MW_FAULT_OVERLOAD, 5, {OUTPUT_1, CHARGE, OUTPUT_2, HEATING, ZONE_1}},
    {MW_FAULT_DISTURBANCE, 4, {OUTPUT_1, OUTPUT_2, HEATING, ZONE_1}},
};

static void sizes_draw(struct furnace *s, double dt_s, struct mw_rng *rng)
{
	double hot = mw_rng_log_uniform(rng, 150.0, 1150.0);

	s->want[0] = hot;
	s->want[1] = hot * mw_rng_uniform(rng, 0.9, 1.05);
	s->full = hot * mw_rng_uniform(rng, 2.2, 3.2);
	s->tau_s = dt_s * mw_rng_log_uniform(rng, 30.0, 200.0);
	s->tau_charge_s = dt_s * mw_rng_log_uniform(rng, 3.0, 20.0);
	s->heating = mw_rng_log_uniform(rng, 15.0, 500.0);
	s->oxygen = mw_rng_uniform(rng, 1.5, 8.0);
	s->draught = mw_rng_uniform(rng, -35.0, 20.0);
	s->share[0] = mw_rng_uniform(rng, 0.4, 0.7);
	s->share[1] = 1.0 - s->share[0];
	s->swirl = mw_rng_log_uniform(rng, 0.0005, 0.004);
	s->cross = mw_rng_uniform(rng, 0.1, 0.5);
	s->exhaust = 0.6 * hot;
	s->charge = 0.85 * hot;
	s->zone[0] = s->want[0];
	s->zone[1] = s->want[1];
	s->output[0] = s->output[1] = 0.5;
	s->panel.size[HEATING] = s->heating / 80.0;
	s->panel.size[ZONE_1] = s->panel.size[ZONE_2] = s->panel.size[CHARGE] =
	    s->panel.size[EXHAUST] = s->panel.size[SETPOINT] = 1.0;
}

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct furnace *s = state;
	double dt = setup->dt_s;

	mw_panel_init(&s->panel, MW_MACHINE_FURNACE, setup->n_channels);
	sizes_draw(s, dt, rng);
	for (size_t z = 0; z < 2; z++) {
		s->pi[z].gain = mw_rng_uniform(rng, 3.0, 10.0);
		mw_pi_init(&s->pi[z], s->pi[z].gain, s->tau_s * mw_rng_uniform(rng, 0.25, 1.0),
			   0.5);
	}
	mw_duty_init(&s->duty, 0.3, 0.9, dt, rng);
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.5, 3.0), 400.0 * dt, rng);
	mw_wander_init(&s->mains, mw_rng_log_uniform(rng, 0.002, 0.01), 60.0 * dt, rng);
	s->gust.sd = mw_rng_uniform(rng, 0.3, 2.0);
	mw_wander_init(&s->gust, s->gust.sd, dt * mw_rng_log_uniform(rng, 2.0, 40.0), rng);
	s->panel.held = ZONE_1;
	s->panel.hand = OUTPUT_1;
	mw_panel_draw(&s->panel, &mw_plant_furnace, &s->duty, wanted, rng);
	mw_panel_settle(s, &mw_plant_furnace, setup, 600, rng);
}

/* A zone's set point now, degC; another product has another recipe. */
static double target(const struct furnace *s, size_t z, const struct mw_order *order)
{
	return 25.0 + (s->want[z] - 25.0) * (1.0 + 0.4 * (order->setpoint - 1.0)) *
			  (1.0 - 0.25 * order->idle) * (1.0 + 0.06 * order->product);
}

/* What a zone's controller asks of its heater, as it arrives there. */
static double asked(struct furnace *s, size_t z, const struct mw_plant_row *row,
		    const struct mw_order *order)
{
	const struct mw_plant_act *f = &row->fault;
	double want = target(s, z, order);
	double out = order->run < 0.05
			 ? s->pi[z].integral
			 : mw_pi_step(&s->pi[z], (want - s->zone[z]) / s->want[z], row->dt_s);
	double jam = mw_act_sign(f) > 0 ? 0.95 : 0.05;

	if (z == 0 && f->fault == MW_FAULT_VALVE_STUCK)
		return s->output[z] + (jam - s->output[z]) * 0.25 * fmin(f->level, 4.0);
	if (z == 0)
		out *= 1.0 + 0.5 * mw_act_hunting(f);
	s->output[z] = mw_lag(s->output[z], mw_clamp(out * order->run, 0.0, 1.0), row->dt_s, 1.0);
	return s->output[z];
}

static void heat(struct furnace *s, const struct mw_plant_row *row, const double *heat_in,
		 const struct mw_order *order, double load, double ambient)
{
	const struct mw_plant_act *f = &row->fault;
	double leak = 1.0 + 0.3 * mw_act_level(f, MW_FAULT_LEAK);
	double dull = mw_act_level(f, MW_FAULT_FOULING);
	double gain = row->dt_s / (s->tau_s + row->dt_s);
	double across = s->cross * (s->zone[1] - s->zone[0]);
	double crack = 1.0 + 0.25 * mw_site_level(f, MW_SITE_WALL_CRACKED);
	double take = load * 0.5 * (1.0 + 0.2 * order->product) *
		      (1.0 + 0.5 * mw_act_level(f, MW_FAULT_OVERLOAD));
	double aim;

	for (size_t z = 0; z < 2; z++) {
		double lost = (s->zone[z] - ambient) * leak * (z == 1 ? crack : 1.0) +
			      take * s->share[z] * s->zone[z] / (1.0 + 0.3 * dull);

		s->zone[z] += gain * (s->full * heat_in[z] - lost + (z == 0 ? across : -across));
		s->zone[z] = mw_clamp(s->zone[z], -40.0, 1600.0);
	}
	aim = ambient + (s->zone[1] - ambient) * (0.98 - 0.12 * take) / (1.0 + 0.12 * dull);
	s->charge = mw_lag(s->charge, aim, row->dt_s, s->tau_charge_s);
	s->exhaust = mw_lag(s->exhaust,
			    ambient + (0.5 * (s->zone[0] + s->zone[1]) - ambient) *
					  (0.45 + 0.2 * (heat_in[0] + heat_in[1]) * 0.5) *
					  (1.0 + 0.12 * dull) / (1.0 + 0.15 * (leak - 1.0)),
			    row->dt_s, s->tau_charge_s);
}

static double puff(const struct mw_plant_act *fault)
{
	return mw_site_level(fault, MW_SITE_FIRE_PULSES) * mw_act_wave(fault, 3.0, 12.0);
}

static void read_gas(struct furnace *s, const struct mw_plant_row *row,
		     const struct mw_draws *draws, double fire, double run, double *full)
{
	const struct mw_plant_act *f = &row->fault;
	double leak = mw_act_level(f, MW_FAULT_LEAK);
	double block = mw_act_level(f, MW_FAULT_BLOCKAGE);
	double gust = mw_wander_step(&s->gust, draws->n[2], row->dt_s);
	double oxygen = s->oxygen * (1.25 - 0.5 * fire) + 20.9 * (1.0 - fmin(run, 1.0));

	oxygen += 2.5 * leak - 0.35 * s->oxygen * block / (1.0 + 0.35 * block) -
		  0.15 * s->oxygen * puff(f);
	full[DRAUGHT] = s->draught * run + gust + 4.0 * fire + 18.0 * block - 14.0 * leak +
			0.3 * draws->n[8] + 10.0 * puff(f) * run;
	full[OXYGEN] = mw_clamp(oxygen * (1.0 + 0.01 * draws->n[9]), 0.0, 20.9);
	full[EXHAUST] = s->exhaust * (1.0 + 0.01 * puff(f) * run);
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct furnace *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	const struct mw_plant_act *f = &row->fault;
	struct mw_draws draws;
	double full[N];
	double out[2], fire[2];
	double ambient, load, volts, weak, weld;

	mw_draws_take(&draws, rng);
	ambient = 25.0 + mw_wander_step(&s->ambient, draws.n[0], row->dt_s);
	load = mw_duty_step(&s->duty, &draws, row->dt_s) * order.load * (1.0 - 0.9 * order.idle);
	load *= order.run;
	volts = 1.0 + mw_wander_step(&s->mains, draws.n[1], row->dt_s) +
		0.12 * mw_act_level(f, MW_FAULT_DISTURBANCE) * mw_act_sign(f);
	volts = mw_clamp(volts, 0.4, 1.5);
	weak = 1.0 + 0.35 * mw_act_level(f, MW_FAULT_PHASE_LOSS);
	for (size_t z = 0; z < 2; z++) {
		out[z] = asked(s, z, row, &order);
		fire[z] = out[z] * volts * volts / weak;
	}
	weld = 0.25 * fmin(mw_site_level(f, MW_SITE_CONTACTOR_WELDED), 4.0);
	fire[0] += weld * (volts * volts - fire[0]);
	fire[0] /= 1.0 + 0.5 * mw_act_level(f, MW_FAULT_HEATER_FAILURE);
	heat(s, row, fire, &order, load, ambient);
	read_gas(s, row, &draws, 0.5 * (fire[0] + fire[1]), order.run, full);
	full[ZONE_1] = s->zone[0] * (1.0 + 0.3 * s->swirl * draws.n[10] + 0.003 * puff(f));
	full[ZONE_2] = s->zone[1] * (1.0 + 0.3 * s->swirl * draws.n[11]);
	full[OUTPUT_1] = 100.0 * mw_clamp(out[0], 0.0, 1.0);
	full[OUTPUT_2] = 100.0 * mw_clamp(out[1], 0.0, 1.0);
	full[HEATING] =
	    s->heating * 0.5 * (fire[0] + fire[1]) / volts * (1.0 + s->swirl * draws.n[3]);
	full[CHARGE] = s->charge;
	full[SETPOINT] = target(s, 0, &order);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_CONTACTOR_WELDED, {MW_FAULT_UNKNOWN, 4, {OUTPUT_1, HEATING, ZONE_1, CHARGE}}},
    {MW_SITE_WALL_CRACKED, {MW_FAULT_UNKNOWN, 5, {OUTPUT_2, HEATING, ZONE_2, CHARGE, OUTPUT_1}}},
    {MW_SITE_FIRE_PULSES, {MW_FAULT_UNKNOWN, 4, {DRAUGHT, OXYGEN, EXHAUST, ZONE_1}}},
};

const struct mw_plant mw_plant_furnace = {
    .machine = MW_MACHINE_FURNACE,
    .period_s = 10.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct furnace),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
