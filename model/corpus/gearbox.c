/*
 * gearbox.c -- a gear unit between a motor and a slow machine, with its own oil circuit.
 *
 * Lost power (a churning part and a part of what is transmitted) heats the oil; oil pressure
 * follows the shaft-driven pump and the oil's viscosity (falls with temperature); mesh vibration
 * grows with torque and speed.
 */
#include "model/corpus/train.h"

#include <math.h>

enum {
	OIL,
	OIL_PRESSURE,
	OIL_FILTER,
	OIL_LEVEL,
	MESH,
	SLOW_BEARING,
	OUTPUT,
	TRAIN,
	N = TRAIN + MW_N_TRAIN
};

struct gearbox {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_wander ambient, bite;
	double ratio, speed, law; /* fast over slow; usual command; torque ~ speed^law */
	double p_oil, filter, rise, tau_oil_s, tau_bearing_s, thin; /* thin: pressure lost per K */
	double mesh, swirl;                                         /* mm/s at rated */
	double oil, level, slow;                                    /* degC, %, degC */
	double haste;
};

static const struct mw_plant_channel channel[N] = {
    {{"oil_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 250.0},
    {{"oil_pressure", "bar", MW_ROLE_PRESSURE}, 0.02, 0.01, 0.3, -1.0, 16.0},
    {{"oil_filter_pressure_drop", "bar", MW_ROLE_PRESSURE}, 0.01, 0.001, 0.5, -0.5, 8.0},
    {{"oil_level", "%", MW_ROLE_LEVEL}, 0.25, 0.1, 2.0, -5.0, 105.0},
    {{"gear_vibration", "mm/s", MW_ROLE_VIBRATION}, 0.06, 0.01, 0.5, 0.0, 100.0},
    {{"output_bearing_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 3.0, -50.0, 250.0},
    {{"output_speed", "rpm", MW_ROLE_SPEED}, 0.25, 0.1, 0.5, 0.0, 250.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.9, 0.7, 0.3, 0.3, 0.7, 0.5, 0.3, MW_TRAIN_WANTED};

#define AMPS    (TRAIN + MW_TRAIN_CURRENT)
#define KW      (TRAIN + MW_TRAIN_POWER)
#define RPM     (TRAIN + MW_TRAIN_SPEED)
#define VIB     (TRAIN + MW_TRAIN_VIB_DE)
#define VIB2    (TRAIN + MW_TRAIN_VIB_NDE)
#define BEARING (TRAIN + MW_TRAIN_BEARING)
#define WINDING (TRAIN + MW_TRAIN_WINDING)

static const struct mw_plant_can can[] = {
    {MW_FAULT_BEARING_WEAR, 5, {VIB, MESH, VIB2, BEARING, AMPS}},
    {MW_FAULT_IMBALANCE, 2, {VIB, VIB2}},
    {MW_FAULT_MISALIGNMENT, 5, {VIB2, VIB, MESH, BEARING, AMPS}},
    {MW_FAULT_LOOSENESS, 3, {VIB, VIB2, MESH}},
    {MW_FAULT_LUBRICATION_LOSS, 6, {OIL_PRESSURE, SLOW_BEARING, MESH, OIL, BEARING, AMPS}},
    {MW_FAULT_LEAK, 4, {OIL_LEVEL, OIL_PRESSURE, OIL, SLOW_BEARING}},
    {MW_FAULT_FILTER_CLOGGING, 2, {OIL_FILTER, OIL_PRESSURE}},
    {MW_FAULT_COOLING_LOSS, 3, {OIL, SLOW_BEARING, OIL_PRESSURE}},
    {MW_FAULT_OVERLOAD, 6, {AMPS, KW, MESH, OIL, SLOW_BEARING, WINDING}},
    {MW_FAULT_PHASE_LOSS, 6, {AMPS, TRAIN + MW_TRAIN_VOLTAGE, VIB, VIB2, RPM, WINDING}},
    {MW_FAULT_SPEED_LOSS, 5, {RPM, OUTPUT, OIL_PRESSURE, MESH, KW}},
    {MW_FAULT_AIR_INGRESS, 3, {OIL_PRESSURE, MESH, OIL}},
    MW_OPERATION_CAN,
};

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct gearbox *s = state;

	mw_panel_init(&s->panel, MW_MACHINE_GEARBOX, setup->n_channels);
	s->ratio = mw_rng_log_uniform(rng, 2.0, 80.0);
	s->speed = mw_rng_chance(rng, 0.5) ? 1.0 : mw_rng_uniform(rng, 0.5, 1.0);
	s->law = mw_rng_uniform(rng, 0.0, 1.5);
	s->p_oil = mw_rng_uniform(rng, 1.2, 5.0);
	s->filter = mw_rng_uniform(rng, 0.1, 0.6);
	s->rise = mw_rng_uniform(rng, 20.0, 45.0);
	s->tau_oil_s = mw_rng_log_uniform(rng, 60.0, 1200.0);
	s->tau_bearing_s = mw_rng_log_uniform(rng, 40.0, 600.0);
	s->thin = mw_rng_uniform(rng, 0.004, 0.012);
	s->mesh = mw_rng_log_uniform(rng, 0.6, 4.0);
	s->swirl = mw_rng_log_uniform(rng, 0.001, 0.01);
	s->oil = 50.0;
	s->slow = 50.0;
	s->level = mw_rng_uniform(rng, 55.0, 85.0);
	s->train.kw = mw_rng_log_uniform(rng, 2.0, 500.0);
	mw_train_init(&s->train, s->train.kw, mw_rng_chance(rng, 0.7) ? 1480.0 : 985.0, &s->panel,
		      TRAIN, rng);
	s->panel.size[OIL_PRESSURE] = s->p_oil / 2.5;
	s->panel.size[OIL_FILTER] = s->filter / 0.3;
	s->panel.size[MESH] = sqrt(s->mesh / 1.5);
	s->panel.size[OUTPUT] = s->train.rpm / s->ratio / 80.0;
	mw_duty_init(&s->duty, 0.35, 0.95, setup->dt_s, rng);
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.3, 3.0), 2500.0, rng);
	s->bite.sd = mw_rng_log_uniform(rng, 0.002, 0.06);
	mw_wander_init(&s->bite, s->bite.sd, setup->dt_s * mw_rng_log_uniform(rng, 1.0, 30.0), rng);
	mw_panel_draw(&s->panel, &mw_plant_gearbox, &s->duty, wanted, rng);
	s->haste = 40.0;
	mw_panel_settle(s, &mw_plant_gearbox, setup, 300, rng);
	s->haste = 1.0;
}

static double torque(struct gearbox *s, const struct mw_plant_row *row,
		     const struct mw_order *order, const struct mw_draws *draws)
{
	double load = mw_duty_step(&s->duty, draws, row->dt_s) * order->load;

	load *= 1.0 + mw_wander_step(&s->bite, draws->n[6], row->dt_s);
	load *= (1.0 + 0.25 * order->product) * (1.0 - 0.85 * order->idle);
	return fmax(load, 0.02) * mw_pow(s->train.speed, s->law) * fmin(s->train.speed * 20.0, 1.0);
}

static void oil_step(struct gearbox *s, const struct mw_plant_row *row, double ambient, double load,
		     double dry)
{
	const struct mw_plant_act *f = &row->fault;
	double dt = row->dt_s * s->haste;
	double n = s->train.speed;
	double heat = n * (0.35 + 0.65 * fmin(load, 3.0));
	double low = fmax(55.0 - s->level, 0.0) / 55.0;

	heat += n * (0.35 * dry + 0.3 * low + 0.4 * mw_site_level(f, MW_SITE_OVERFILL) +
		     0.1 * mw_site_level(f, MW_SITE_OIL_RELIEF_SHUT));
	s->oil = mw_lag(
	    s->oil, ambient + s->rise * heat * (1.0 + 0.7 * mw_act_level(f, MW_FAULT_COOLING_LOSS)),
	    dt, s->tau_oil_s);
	s->slow = mw_lag(s->slow,
			 s->oil + n * (3.0 + 6.0 * fmin(load, 3.0) + 30.0 * dry + 12.0 * low -
				       3.0 * mw_site_level(f, MW_SITE_OIL_RELIEF_SHUT)),
			 dt, s->tau_bearing_s);
	s->level -= 0.6 * mw_act_level(f, MW_FAULT_LEAK) * fmin(s->level / 20.0, 1.0);
	s->level = fmax(s->level, 0.0);
}

static void read_oil(struct gearbox *s, const struct mw_plant_row *row,
		     const struct mw_draws *draws, double dry, double *full)
{
	const struct mw_plant_act *f = &row->fault;
	double n = s->train.speed;
	double gas = mw_act_level(f, MW_FAULT_AIR_INGRESS);
	double clog = mw_act_level(f, MW_FAULT_FILTER_CLOGGING);
	double sucking = mw_clamp(s->level / 55.0, 0.2, 1.0);
	double shut = mw_site_level(f, MW_SITE_OIL_RELIEF_SHUT);
	double p = s->p_oil * n * sucking * fmax(1.0 - s->thin * (s->oil - 50.0), 0.3);

	p *= (1.0 + s->swirl * draws->n[8]) * (1.0 + 0.3 * shut);
	p /= (1.0 + 0.35 * dry) * (1.0 + gas * fmax(0.2 + 0.1 * draws->n[9], 0.0)) *
	     (1.0 + 0.15 * clog);
	full[OIL] = s->oil;
	full[OIL_PRESSURE] = p;
	full[OIL_FILTER] = s->filter * n * (1.0 + 2.5 * clog) * (1.0 + 0.4 * shut) *
			   (1.0 + 0.5 * s->thin * (50.0 - s->oil)) *
			   (1.0 + s->swirl * draws->n[10]);
	full[OIL_LEVEL] = s->level - 6.0 * n + 8.0 * mw_site_level(f, MW_SITE_OVERFILL);
	full[SLOW_BEARING] = s->slow;
}

static double knock(const struct mw_plant_act *fault)
{
	return mw_site_level(fault, MW_SITE_TOOTH_BROKEN) *
	       (0.15 + 0.85 * mw_act_beat(fault, 2.0, 9.0));
}

static double mesh(const struct gearbox *s, const struct mw_plant_row *row,
		   const struct mw_train_bad *worn, const struct mw_draws *draws, double load)
{
	const struct mw_plant_act *f = &row->fault;
	double n = s->train.speed;
	double sore = 1.2 * worn->wear * (0.8 + 0.3 * fabs(draws->n[4])) +
		      1.0 * worn->loose * (0.6 + 0.6 * fabs(draws->n[5])) + 1.0 * worn->misaligned +
		      1.4 * worn->unlubricated + 0.5 * mw_act_level(f, MW_FAULT_AIR_INGRESS) +
		      3.0 * knock(f);

	return 0.02 +
	       n * (s->mesh * (0.4 + 0.6 * fmin(load, 3.0)) * (1.0 + 0.02 * draws->n[11]) + sore);
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct gearbox *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	struct mw_draws draws;
	double dt = row->dt_s;
	double dry = worn.unlubricated;
	double full[N];
	double ambient, load;

	mw_draws_take(&draws, rng);
	ambient = 22.0 + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	load = torque(s, row, &order, &draws);
	load += 0.08 * s->train.speed * mw_site_level(&row->fault, MW_SITE_OVERFILL);
	worn.uncooled = 0.0; /* the oil's cooler, not the motor's fan */
	worn.unlubricated *= 0.4;
	worn.rough = 1.2 * knock(&row->fault);
	mw_train_step(&s->train,
		      &(struct mw_train_row){s->speed * order.run * fmin(order.setpoint, 1.1), load,
					     ambient, dt, s->haste},
		      &worn, &draws, full + TRAIN);
	load += 0.35 * worn.overload * s->train.speed;
	oil_step(s, row, ambient, load, dry);
	read_oil(s, row, &draws, dry, full);
	full[MESH] = mesh(s, row, &worn, &draws, load);
	full[OUTPUT] = full[RPM] / s->ratio / (1.0 + 0.02 * knock(&row->fault));
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_OVERFILL, {MW_FAULT_UNKNOWN, 4, {OIL_LEVEL, OIL, AMPS, OIL_PRESSURE}}},
    {MW_SITE_TOOTH_BROKEN, {MW_FAULT_UNKNOWN, 4, {MESH, VIB, VIB2, OUTPUT}}},
    {MW_SITE_OIL_RELIEF_SHUT, {MW_FAULT_UNKNOWN, 4, {OIL_PRESSURE, OIL_FILTER, OIL, SLOW_BEARING}}},
};

const struct mw_plant mw_plant_gearbox = {
    .machine = MW_MACHINE_GEARBOX,
    .period_s = 1.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct gearbox),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
