/*
 * motor.c -- a three-phase motor under a load that nobody else measures: torque as the process
 * asks, at fixed speed or on a drive that holds speed.
 */
#include "model/corpus/train.h"

#include <math.h>

enum { PHASE_2, PHASE_3, TORQUE, FRAME, FREQUENCY, TRAIN, N = TRAIN + MW_N_TRAIN };

struct motor {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_wander ambient, rubble;
	bool drive;
	double speed;   /* usual command */
	double law;     /* torque ~ speed^law: hoist 0, mixer 1, fan 2 */
	double skew[2]; /* unbalance of the phases, healthy */
	double nm, tau_frame_s, frame_rise;
	double pulse, pulse_s; /* torque ripple of the driven machine and its period */
	double frame, age_s;
	double haste;
};

static const struct mw_plant_channel channel[N] = {
    {{"current_phase_2", "A", MW_ROLE_CURRENT}, 0.25, 0.05, 0.3, 0.0, 400.0},
    {{"current_phase_3", "A", MW_ROLE_CURRENT}, 0.25, 0.05, 0.3, 0.0, 400.0},
    {{"torque", "Nm", MW_ROLE_TORQUE}, 0.9, 0.1, 0.2, -200.0, 2000.0},
    {{"frame_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 250.0},
    {{"frequency", "Hz", MW_ROLE_SETPOINT}, 0.0, 0.01, 0.0, 0.0, 120.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.4, 0.4, 0.5, 0.5, 0.3, MW_TRAIN_WANTED};

#define AMPS    (TRAIN + MW_TRAIN_CURRENT)
#define KW      (TRAIN + MW_TRAIN_POWER)
#define RPM     (TRAIN + MW_TRAIN_SPEED)
#define VIB     (TRAIN + MW_TRAIN_VIB_DE)
#define VIB2    (TRAIN + MW_TRAIN_VIB_NDE)
#define BEARING (TRAIN + MW_TRAIN_BEARING)
#define WINDING (TRAIN + MW_TRAIN_WINDING)

static const struct mw_plant_can can[] = {
    {MW_FAULT_BEARING_WEAR, 4, {VIB, VIB2, BEARING, AMPS}},
    {MW_FAULT_IMBALANCE, 2, {VIB, VIB2}},
    {MW_FAULT_MISALIGNMENT, 4, {VIB2, VIB, BEARING, AMPS}},
    {MW_FAULT_LOOSENESS, 2, {VIB, VIB2}},
    {MW_FAULT_LUBRICATION_LOSS, 4, {BEARING, VIB, VIB2, AMPS}},
    {MW_FAULT_OVERLOAD, 6, {TORQUE, AMPS, KW, PHASE_2, WINDING, FRAME}},
    {MW_FAULT_PHASE_LOSS, 6, {AMPS, PHASE_3, PHASE_2, VIB, RPM, WINDING}},
    {MW_FAULT_COOLING_LOSS, 2, {WINDING, FRAME}},
    {MW_FAULT_BLOCKAGE, 2, {FRAME, WINDING}},
    {MW_FAULT_SPEED_LOSS, 5, {RPM, KW, AMPS, TORQUE, VIB}},
    {MW_FAULT_HUNTING, 5, {RPM, AMPS, TORQUE, KW, PHASE_2}},
    MW_OPERATION_CAN,
};

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct motor *s = state;
	static const double rpm[] = {735.0, 980.0, 1470.0, 1480.0, 1760.0, 2940.0, 2970.0, 3550.0};
	double kw = mw_rng_log_uniform(rng, 0.4, 400.0);
	double rated_rpm = rpm[mw_rng_below(rng, 8)];

	mw_panel_init(&s->panel, MW_MACHINE_MOTOR, setup->n_channels);
	s->drive = mw_rng_chance(rng, 0.5);
	s->speed = s->drive ? mw_rng_uniform(rng, 0.4, 1.0) : 1.0;
	s->law = mw_rng_uniform(rng, 0.0, 2.0);
	s->skew[0] = mw_rng_uniform(rng, 0.97, 1.03);
	s->skew[1] = mw_rng_uniform(rng, 0.97, 1.03);
	s->nm = 9550.0 * kw / rated_rpm;
	s->tau_frame_s = mw_rng_log_uniform(rng, 100.0, 1500.0);
	s->frame_rise = mw_rng_uniform(rng, 15.0, 35.0);
	s->pulse = mw_rng_chance(rng, 0.4) ? mw_rng_log_uniform(rng, 0.01, 0.15) : 0.0;
	s->pulse_s = setup->dt_s * mw_rng_log_uniform(rng, 5.0, 60.0);
	s->frame = 40.0;
	s->panel.dead = s->drive ? 0 : 1u << FREQUENCY;
	mw_train_init(&s->train, kw, rated_rpm, &s->panel, TRAIN, rng);
	s->panel.size[PHASE_2] = s->panel.size[PHASE_3] = s->train.amps / 42.0;
	s->panel.size[TORQUE] = s->nm / 142.0;
	mw_duty_init(&s->duty, 0.35, 0.95, setup->dt_s, rng);
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.3, 3.0), 2500.0, rng);
	s->rubble.sd = mw_rng_log_uniform(rng, 0.002, 0.05);
	mw_wander_init(&s->rubble, s->rubble.sd, setup->dt_s * mw_rng_log_uniform(rng, 1.0, 30.0),
		       rng);
	mw_panel_draw(&s->panel, &mw_plant_motor, &s->duty, wanted, rng);
	s->haste = 40.0;
	mw_panel_settle(s, &mw_plant_motor, setup, 300, rng);
	s->haste = 1.0;
}

static double torque(struct motor *s, const struct mw_plant_row *row, const struct mw_order *order,
		     const struct mw_draws *draws)
{
	double load = mw_duty_step(&s->duty, draws, row->dt_s) * order->load;
	double ripple =
	    s->pulse * mw_sin(6.283185307179586 * fmod(s->age_s, s->pulse_s) / s->pulse_s);

	load *= 1.0 + ripple + mw_wander_step(&s->rubble, draws->n[6], row->dt_s);
	load *= (1.0 + 0.25 * order->product) * (1.0 - 0.85 * order->idle);
	if (!s->drive) /* what there is to set is then the process that it drives */
		load *= order->setpoint;
	return fmax(load, 0.02) * mw_pow(s->train.speed, s->law) * fmin(s->train.speed * 20.0, 1.0);
}

/* Cooling air that no longer gets through shows on the frame first. */
static void heat(struct motor *s, const struct mw_plant_row *row, double ambient, double amps,
		 double uncooled)
{
	double heat = s->frame_rise * (0.2 + 0.8 * fmin(amps * amps, 6.0)) * (amps > 0.01);

	s->frame = mw_lag(s->frame, ambient + heat + 35.0 * uncooled * fmin(amps, 2.0),
			  row->dt_s * s->haste, s->tau_frame_s);
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct motor *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	double dusty = mw_act_level(&row->fault, MW_FAULT_BLOCKAGE);
	double bar = mw_site_level(&row->fault, MW_SITE_ROTOR_BAR);
	double beat = mw_act_wave(&row->fault, 4.0, 14.0);
	double shorted = mw_site_level(&row->fault, MW_SITE_TURN_SHORT);
	struct mw_draws draws;
	double dt = row->dt_s;
	double full[N];
	double ambient, command, load, amps;

	mw_draws_take(&draws, rng);
	s->age_s += dt;
	ambient = 24.0 + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	load = torque(s, row, &order, &draws);
	command = s->speed * order.run * (s->drive ? fmin(order.setpoint, 1.2) : 1.0);
	full[FREQUENCY] = 50.0 * command; /* as ordered: what hunts is the drive */
	command *= 1.0 + 0.12 * mw_act_hunting(&row->fault);
	worn.uncooled += 0.6 * dusty + 0.15 * shorted + 0.08 * bar;
	worn.rough += 0.5 * shorted + 0.9 * bar * fabs(beat);
	worn.sag = mw_site_level(&row->fault, MW_SITE_UNDERVOLTAGE);
	mw_train_step(&s->train,
		      &(struct mw_train_row){command, load * fmax(1.0 + 0.15 * bar * beat, 0.0),
					     ambient, dt, s->haste},
		      &worn, &draws, full + TRAIN);
	amps = full[AMPS] / s->train.amps;
	full[AMPS] *= 1.0 + 0.04 * shorted;
	heat(s, row, ambient, amps, worn.uncooled + 0.5 * dusty);
	full[PHASE_2] = full[AMPS] * s->skew[0] / (1.0 + 1.6 * worn.phase) * (1.0 + 0.2 * shorted);
	full[PHASE_3] = full[AMPS] * s->skew[1] * (1.0 + 0.05 * worn.phase);
	full[TORQUE] = s->nm * (load + s->train.speed * 0.35 * worn.overload + 0.05 * bar * beat);
	full[FRAME] = s->frame;
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_UNDERVOLTAGE,
     {MW_FAULT_UNKNOWN, 5, {TRAIN + MW_TRAIN_VOLTAGE, AMPS, PHASE_2, PHASE_3, WINDING}}},
    {MW_SITE_ROTOR_BAR, {MW_FAULT_UNKNOWN, 7, {AMPS, PHASE_2, PHASE_3, KW, VIB, TORQUE, WINDING}}},
    {MW_SITE_TURN_SHORT, {MW_FAULT_UNKNOWN, 5, {PHASE_2, VIB, AMPS, WINDING, FRAME}}},
};

const struct mw_plant mw_plant_motor = {
    .machine = MW_MACHINE_MOTOR,
    .period_s = 1.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct motor),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
