#include "model/corpus/train.h"

#include <math.h>

void mw_train_init(struct mw_train *train, double kw, double rpm, struct mw_panel *panel,
		   size_t first, struct mw_rng *rng)
{
	double base = mw_rng_log_uniform(rng, 0.5, 3.5);

	*train = (struct mw_train){
	    .kw = kw, .rpm = rpm, .speed = 0.9, .usual = 0.9, .bearing = 45.0, .winding = 60.0};
	train->volts = mw_rng_chance(rng, 0.7) ? 400.0 : mw_rng_chance(rng, 0.5) ? 230.0 : 480.0;
	train->magnetising = mw_rng_uniform(rng, 0.25, 0.5);
	train->slip = mw_rng_uniform(rng, 0.005, 0.04);
	train->efficiency = mw_rng_uniform(rng, 0.78, 0.96);
	train->soft =
	    mw_rng_chance(rng, 0.5) ? mw_rng_uniform(rng, 0.2, 0.8) : mw_rng_uniform(rng, 1.0, 4.0);
	train->ramp_s = mw_rng_log_uniform(rng, 1.0, 20.0);
	train->vib[0] = base;
	train->vib[1] = base * mw_rng_uniform(rng, 0.5, 1.4);
	train->vib_law = mw_rng_uniform(rng, 0.8, 2.0);
	train->bearing_rise = mw_rng_uniform(rng, 12.0, 40.0);
	train->winding_rise = mw_rng_uniform(rng, 25.0, 70.0);
	train->tau_bearing_s = mw_rng_log_uniform(rng, 40.0, 900.0);
	train->tau_winding_s = mw_rng_log_uniform(rng, 80.0, 1500.0);
	train->rest = mw_rng_log_uniform(rng, 0.001, 0.012);
	train->amps = kw * 1000.0 / (1.732 * train->volts * 0.85 * train->efficiency);
	mw_wander_init(&train->mains, 0.006 * train->volts * mw_rng_uniform(rng, 0.2, 1.5), 120.0,
		       rng);
	panel->size[first + MW_TRAIN_SPEED] = rpm / 1480.0;
	panel->size[first + MW_TRAIN_CURRENT] = train->amps / 42.0;
	panel->size[first + MW_TRAIN_POWER] = kw / 22.0;
	panel->size[first + MW_TRAIN_VOLTAGE] = train->volts / 400.0;
	panel->size[first + MW_TRAIN_VIB_DE] = sqrt(base / 1.3);
	panel->size[first + MW_TRAIN_VIB_NDE] = sqrt(base / 1.3);
}

struct mw_train_bad mw_train_bad_of(const struct mw_plant_act *fault)
{
	return (struct mw_train_bad){
	    .wear = mw_act_level(fault, MW_FAULT_BEARING_WEAR),
	    .imbalance = mw_act_level(fault, MW_FAULT_IMBALANCE),
	    .misaligned = mw_act_level(fault, MW_FAULT_MISALIGNMENT),
	    .loose = mw_act_level(fault, MW_FAULT_LOOSENESS),
	    .unlubricated = mw_act_level(fault, MW_FAULT_LUBRICATION_LOSS),
	    .overload = mw_act_level(fault, MW_FAULT_OVERLOAD),
	    .phase = mw_act_level(fault, MW_FAULT_PHASE_LOSS),
	    .slow = mw_act_level(fault, MW_FAULT_SPEED_LOSS),
	    .uncooled = mw_act_level(fault, MW_FAULT_COOLING_LOSS),
	};
}

/* Speed at the row's end, and in *ret_accel the torque it took to get there. */
static double speed_step(struct mw_train *train, const struct mw_train_row *row,
			 const struct mw_train_bad *bad, double torque, double *ret_accel)
{
	double command = row->command;
	double was = train->speed;

	/* A derated drive is a ceiling: no controller gets past it. */
	if (bad->slow > 0.0)
		command = fmin(command, train->usual * fmax(1.0 - 0.2 * bad->slow, 0.1));
	else
		train->usual = mw_lag(train->usual, command, row->dt_s, 60.0 * row->dt_s);
	command *= 1.0 - train->slip * fmin(torque, 3.0) * (1.0 + 1.5 * fmin(bad->phase, 2.0));
	train->speed = mw_approach(was, fmax(command, 0.0), row->dt_s / train->ramp_s);
	/* Small corrections cost nothing that an ammeter shows. */
	*ret_accel = train->soft *
		     mw_clamp((train->speed - was) * train->ramp_s / row->dt_s - 0.05, 0.0, 1.0);
	return train->speed;
}

static double current(const struct mw_train *train, const struct mw_train_row *row,
		      const struct mw_train_bad *bad, double torque, double accel)
{
	double m2 = train->magnetising * train->magnetising;
	double flux = row->command > 0.02 ? fmin(1.0, row->command / 0.3) : 0.0;

	/* The drive's torque is linear in a fault; the root is taken of the healthy load only. */
	return flux * (sqrt(m2 + (1.0 - m2) * torque * torque) + accel) * (1.0 + 0.5 * bad->phase) *
	       (1.0 + 0.1 * bad->sag);
}

static void vibration(const struct mw_train *train, const struct mw_train_bad *bad, double torque,
		      const double *n, double *ret)
{
	double v = train->speed;
	double fast = v * v;
	double law = mw_pow(v, train->vib_law);
	double knock = bad->wear * v * (2.6 + 0.8 * fabs(n[4]));
	double rattle = bad->loose * fast * (1.6 + 1.8 * fabs(n[5]));
	double hum = bad->phase * 1.2 * fmin(v * 5.0, 1.0);
	double dry = bad->unlubricated * v * (1.2 + 0.3 * fabs(n[4]));
	double load = 0.85 + 0.15 * fmin(torque, 3.0);

	for (size_t i = 0; i < 2; i++) {
		double near = i == 0 ? 1.0 : 0.45;

		ret[i] = 0.02 + train->vib[i] * law * load * (1.0 + 0.015 * n[i]) + near * knock +
			 (0.6 + 0.4 * near) * (rattle + dry) + hum +
			 bad->rough * (0.5 + 0.5 * near) +
			 fast * (3.0 * bad->imbalance * (0.7 + 0.3 * near) +
				 3.0 * bad->misaligned * (1.2 - 0.4 * near));
		ret[i] = fmax(ret[i], 0.0);
	}
}

static void heat(struct mw_train *train, const struct mw_train_row *row,
		 const struct mw_train_bad *bad, double torque, double amps)
{
	double dt = row->dt_s * row->haste;
	double v = train->speed;
	double rub = train->bearing_rise * (0.5 + 0.5 * fmin(torque, 3.0)) + 14.0 * bad->wear +
		     10.0 * bad->misaligned + 45.0 * bad->unlubricated;
	double copper = train->winding_rise * fmin(0.3 + 0.7 * amps * amps, 6.0);

	train->bearing = mw_lag(train->bearing, row->ambient + v * rub, dt, train->tau_bearing_s);
	if (amps < 0.01)
		copper = 0.0;
	copper += fmin(amps, 2.0) * (55.0 * bad->uncooled + 14.0 * bad->phase);
	train->winding = mw_lag(train->winding, row->ambient + copper, dt, train->tau_winding_s);
}

void mw_train_step(struct mw_train *train, const struct mw_train_row *row,
		   const struct mw_train_bad *bad, const struct mw_draws *draws,
		   double ret_channel[MW_N_TRAIN])
{
	double mains = train->volts + mw_wander_step(&train->mains, draws->n[3], row->dt_s);
	double torque = row->torque * (1.0 + train->rest * draws->n[2]) +
			train->speed * (0.35 * bad->overload + 0.05 * bad->unlubricated +
					0.03 * bad->wear + 0.04 * bad->misaligned);
	double accel;
	double speed = speed_step(train, row, bad, torque, &accel);
	double amps = current(train, row, bad, torque, accel);
	double lost = row->command > 0.02 ? 0.04 : 0.0;

	heat(train, row, bad, torque, amps);
	vibration(train, bad, torque, draws->n, ret_channel + MW_TRAIN_VIB_DE);
	ret_channel[MW_TRAIN_SPEED] = train->rpm * speed;
	ret_channel[MW_TRAIN_CURRENT] = train->amps * amps;
	ret_channel[MW_TRAIN_POWER] =
	    train->kw * ((torque + accel) * speed / train->efficiency + lost + 0.05 * bad->phase);
	ret_channel[MW_TRAIN_VOLTAGE] = mains * (1.0 - 0.012 * fmin(amps, 6.0)) *
					(1.0 - 0.09 * fmin(bad->phase, 4.0)) /
					(1.0 + 0.06 * bad->sag);
	ret_channel[MW_TRAIN_BEARING] = train->bearing;
	ret_channel[MW_TRAIN_WINDING] = train->winding;
}
