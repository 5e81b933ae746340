/*
 * conveyor.c -- a belt conveyor: motor, gearbox, drive pulley, belt with material on it.
 *
 * The material on the belt follows the feed with the time it takes to ride it out; torque is
 * rolling friction plus what the material's weight and the incline ask for; the belt creeps on the
 * pulley in proportion to torque (Euler-Eytelwein keeps that below a few per cent until it slips).
 */
#include "model/corpus/train.h"

#include <math.h>

enum {
	BELT,     /* speed of the belt */
	LOAD,     /* material on it */
	RATE,     /* delivered */
	TENSION,  /* take-up force */
	TRACKING, /* sideways position of the belt */
	GEARBOX,
	PULLEY, /* temperature of the drive pulley's lagging */
	SETPOINT,
	TRAIN,
	N = TRAIN + MW_N_TRAIN
};

struct conveyor {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_pi pi;
	struct mw_wander ambient, feeding, wandering, jerk;
	bool regulated;          /* a drive that holds belt speed; else the mains' speed */
	double v_rated, m_rated; /* m/s, kg on the belt */
	double friction, incline;
	double tension;     /* kN at rest */
	double splice_rows; /* rows of a belt's round: the splice shows in tension and tracking */
	double ride_s;      /* feed to discharge at rated speed */
	double gear_rise, tau_gear_s, setpoint;
	double lumps; /* unevenness of the feed */
	double belt, mass, age_rows, gear, pulley, track;
	double haste;
};

static const struct mw_plant_channel channel[N] = {
    {{"belt_speed", "m/s", MW_ROLE_SPEED}, 0.006, 0.001, 0.5, -1.0, 12.0},
    {{"belt_load", "kg", MW_ROLE_OTHER}, 4.0, 1.0, 1.0, -100.0, 4000.0},
    {{"throughput", "t/h", MW_ROLE_FLOW}, 2.0, 0.1, 2.0, -20.0, 1500.0},
    {{"belt_tension", "kN", MW_ROLE_OTHER}, 0.06, 0.01, 0.3, 0.0, 60.0},
    {{"belt_tracking", "mm", MW_ROLE_POSITION}, 0.5, 0.1, 0.5, -250.0, 250.0},
    {{"gearbox_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 250.0},
    {{"pulley_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 300.0},
    {{"speed_setpoint", "m/s", MW_ROLE_SETPOINT}, 0.0, 0.01, 0.0, 0.0, 12.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.85, 0.6, 0.5, 0.45, 0.5, 0.5, 0.35, 0.2, MW_TRAIN_WANTED};

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
    {MW_FAULT_LOOSENESS, 2, {VIB, VIB2}},
    {MW_FAULT_MISALIGNMENT, 5, {TRACKING, AMPS, VIB2, VIB, TENSION}},
    {MW_FAULT_LUBRICATION_LOSS, 4, {GEARBOX, BEARING, VIB, AMPS}},
    {MW_FAULT_OVERLOAD, 6, {LOAD, AMPS, KW, TENSION, RATE, WINDING}},
    {MW_FAULT_PHASE_LOSS, 5, {AMPS, TRAIN + MW_TRAIN_VOLTAGE, VIB, VIB2, WINDING}},
    {MW_FAULT_COOLING_LOSS, 1, {WINDING}},
    {MW_FAULT_SPEED_LOSS, 5, {RPM, BELT, RATE, LOAD, AMPS}},
    {MW_FAULT_BELT_SLIP, 6, {BELT, PULLEY, AMPS, RATE, TENSION, RPM}},
    {MW_FAULT_BLOCKAGE, 6, {AMPS, TENSION, RATE, LOAD, KW, WINDING}},
    {MW_FAULT_HUNTING, 6, {RPM, AMPS, BELT, RATE, TENSION, KW}},
    MW_OPERATION_CAN,
};

static void sizes_draw(struct conveyor *s, double dt_s, struct mw_rng *rng)
{
	double length = mw_rng_log_uniform(rng, 6.0, 400.0);

	s->v_rated = mw_rng_log_uniform(rng, 0.2, 4.5);
	s->m_rated = length * mw_rng_log_uniform(rng, 3.0, 60.0);
	s->friction = mw_rng_uniform(rng, 0.3, 0.6);
	s->incline = mw_rng_uniform(rng, 0.7, 1.3);
	s->tension = mw_rng_log_uniform(rng, 2.0, 20.0);
	s->ride_s = length / s->v_rated;
	s->splice_rows = fmax(2.0 * s->ride_s / dt_s, 5.0);
	s->gear_rise = mw_rng_uniform(rng, 15.0, 35.0);
	s->tau_gear_s = mw_rng_log_uniform(rng, 80.0, 900.0);
	s->setpoint = s->regulated ? mw_rng_uniform(rng, 0.5, 1.0) : 1.0;
	s->lumps = mw_rng_log_uniform(rng, 0.005, 0.08);
	s->belt = s->setpoint;
	s->mass = 0.7;
	s->gear = 45.0;
	s->pulley = 28.0;
	s->panel.size[BELT] = s->panel.size[SETPOINT] = s->v_rated / 1.5;
	s->panel.size[LOAD] = s->m_rated / 1000.0;
	s->panel.size[RATE] = 3.6 * s->m_rated / s->ride_s / 150.0;
	s->panel.size[TENSION] = s->tension / 8.0;
}

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct conveyor *s = state;

	mw_panel_init(&s->panel, MW_MACHINE_CONVEYOR, setup->n_channels);
	s->regulated = mw_rng_chance(rng, 0.5);
	sizes_draw(s, setup->dt_s, rng);
	s->panel.dead = s->regulated ? 0 : 1u << SETPOINT;
	mw_train_init(&s->train, fmax(s->m_rated * s->v_rated * 0.003, 0.3),
		      mw_rng_chance(rng, 0.7) ? 1460.0 : 960.0, &s->panel, TRAIN, rng);
	mw_duty_init(&s->duty, 0.3, 1.0, setup->dt_s, rng);
	s->pi.gain = mw_rng_uniform(rng, 0.05, 0.3);
	mw_pi_init(&s->pi, s->pi.gain, setup->dt_s * mw_rng_log_uniform(rng, 2.0, 12.0),
		   s->setpoint);
	s->pi.hi = 1.25;
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.3, 2.5), 2500.0, rng);
	mw_wander_init(&s->feeding, s->lumps, 3.0 * setup->dt_s, rng);
	mw_wander_init(&s->wandering, mw_rng_uniform(rng, 0.5, 4.0), 60.0 * setup->dt_s, rng);
	mw_wander_init(&s->jerk, 1.0, 5.0 * setup->dt_s, rng);
	mw_panel_draw(&s->panel, &mw_plant_conveyor, &s->duty, wanted, rng);
	s->haste = 30.0;
	mw_panel_settle(s, &mw_plant_conveyor, setup, 300, rng);
	s->haste = 1.0;
}

static double control(struct conveyor *s, const struct mw_plant_row *row,
		      const struct mw_order *order)
{
	double want = s->setpoint * order->setpoint;
	double swing = 1.0 + 0.12 * mw_act_hunting(&row->fault);

	if (!s->regulated)
		return order->run * fmin(order->setpoint, 1.05) * swing;
	if (order->run < 0.05)
		return 0.0;
	return order->run * swing * mw_pi_step(&s->pi, want - s->belt, row->dt_s);
}

/* Material on the belt, relative to rated load at rated speed. */
static void carry(struct conveyor *s, const struct mw_plant_row *row, const struct mw_order *order,
		  const struct mw_draws *draws)
{
	double feed = mw_duty_step(&s->duty, draws, row->dt_s) * order->load * (1.0 - order->idle);
	double lumps = mw_wander_step(&s->feeding, draws->n[8], row->dt_s);
	double jam = 0.4 * mw_act_level(&row->fault, MW_FAULT_BLOCKAGE);
	double more = 0.35 * mw_act_level(&row->fault, MW_FAULT_OVERLOAD);

	double spilt = 0.08 * mw_site_level(&row->fault, MW_SITE_SPILLAGE);

	/* The feeder stops with the belt; a jammed chute backs up on it. */
	feed = (feed * (1.0 + lumps + 0.25 * order->product) + more) * fmin(s->belt, 1.0);
	s->mass += (feed - s->belt * s->mass * (1.0 + spilt) / (1.0 + jam)) * row->dt_s /
		   (s->ride_s + row->dt_s);
	s->mass = mw_clamp(s->mass, 0.0, 4.0);
}

/* A belt has a splice at least every few dozen rows. */
static double jolt(const struct conveyor *s, const struct mw_plant_act *fault)
{
	double apart = s->splice_rows / ceil(s->splice_rows / 24.0);
	double at = fmod(s->age_rows, apart);

	return mw_site_level(fault, MW_SITE_SPLICE_OPENS) * (at < 1.0 ? 1.0 : 0.1);
}

static void read_belt(struct conveyor *s, const struct mw_plant_row *row, double pull,
		      const struct mw_draws *draws, double *full)
{
	double askew = mw_act_level(&row->fault, MW_FAULT_MISALIGNMENT);
	double slip = mw_act_level(&row->fault, MW_FAULT_BELT_SLIP);
	double jam = 0.4 * mw_act_level(&row->fault, MW_FAULT_BLOCKAGE);
	double slack = mw_site_level(&row->fault, MW_SITE_TAKE_UP_STUCK);
	double splice = mw_sin(6.283185307179586 * s->age_rows / s->splice_rows);
	double edge = mw_wander_step(&s->wandering, draws->n[9], row->dt_s) * (0.3 + 0.7 * s->belt);

	s->track =
	    mw_lag(s->track, mw_act_sign(&row->fault) * 30.0 * askew, row->dt_s, 0.2 * s->ride_s);
	full[BELT] = s->v_rated * s->belt * (1.0 + 0.002 * draws->n[10]);
	full[LOAD] = s->m_rated * s->mass;
	full[RATE] = 3.6 * s->m_rated / s->ride_s * s->mass * s->belt / (1.0 + jam) /
		     (1.0 + 0.25 * mw_site_level(&row->fault, MW_SITE_SPILLAGE));
	full[TENSION] = s->tension * (1.0 + 0.25 * pull + 0.01 * splice + 0.03 * askew) /
			(1.0 + 0.12 * slip + 0.3 * slack) / (1.0 + 0.15 * jolt(s, &row->fault));
	full[TRACKING] = edge * (1.0 + 1.5 * slack) + 1.5 * splice + s->track +
			 10.0 * mw_act_sign(&row->fault) * jolt(s, &row->fault);
	full[GEARBOX] = s->gear;
	full[PULLEY] = s->pulley;
}

static void heat(struct conveyor *s, const struct mw_plant_row *row, double ambient, double power)
{
	double dt = row->dt_s * s->haste;
	double slip = mw_act_level(&row->fault, MW_FAULT_BELT_SLIP);
	double dry = mw_act_level(&row->fault, MW_FAULT_LUBRICATION_LOSS);
	double slack = mw_site_level(&row->fault, MW_SITE_TAKE_UP_STUCK);
	double v = s->train.speed;

	s->gear = mw_lag(s->gear, ambient + s->gear_rise * (0.4 * v + 0.6 * power) + 45.0 * dry * v,
			 dt, s->tau_gear_s);
	s->pulley = mw_lag(
	    s->pulley,
	    ambient + 4.0 * power +
		(30.0 * slip + 8.0 * slack + 5.0 * mw_site_level(&row->fault, MW_SITE_SPILLAGE)) *
		    v,
	    dt, 100.0);
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct conveyor *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	struct mw_draws draws;
	double dt = row->dt_s;
	double slip = mw_act_level(&row->fault, MW_FAULT_BELT_SLIP);
	double jam = mw_act_level(&row->fault, MW_FAULT_BLOCKAGE);
	double spilt = mw_site_level(&row->fault, MW_SITE_SPILLAGE);
	double full[N];
	double ambient, command, pull, jerk;

	mw_draws_take(&draws, rng);
	ambient = 20.0 + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	jerk = mw_wander_step(&s->jerk, draws.n[6], dt);
	command = control(s, row, &order);
	carry(s, row, &order, &draws);
	pull = s->friction + (1.0 - s->friction) * s->incline * s->mass;
	pull = (pull + jam * (0.25 + 0.04 * jerk) + 0.12 * worn.misaligned +
		0.08 * jolt(s, &row->fault) + 0.1 * spilt * (1.0 + 0.2 * jerk)) *
	       fmin(s->train.speed * 20.0, 1.0);
	/* Stick and slip: the grip comes and goes. */
	s->belt =
	    s->train.speed * (1.0 - 0.015 * fmin(pull, 2.0)) / (1.0 + slip * (0.16 + 0.04 * jerk));
	heat(s, row, ambient, pull * s->train.speed);
	s->age_rows += 1.0;
	read_belt(s, row, pull, &draws, full);
	full[SETPOINT] = s->v_rated * s->setpoint * order.setpoint;
	worn.overload = 0.0; /* it is the material that is too much */
	worn.rough = 0.5 * slip + 1.2 * jolt(s, &row->fault);
	worn.misaligned *= 0.4;
	mw_train_step(
	    &s->train,
	    &(struct mw_train_row){command, pull / (1.0 + 0.2 * slip), ambient, dt, s->haste},
	    &worn, &draws, full + TRAIN);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_TAKE_UP_STUCK, {MW_FAULT_UNKNOWN, 4, {TENSION, TRACKING, PULLEY, BELT}}},
    {MW_SITE_SPLICE_OPENS, {MW_FAULT_UNKNOWN, 5, {TENSION, TRACKING, VIB, VIB2, AMPS}}},
    {MW_SITE_SPILLAGE, {MW_FAULT_UNKNOWN, 6, {RATE, AMPS, KW, LOAD, TENSION, PULLEY}}},
};

const struct mw_plant mw_plant_conveyor = {
    .machine = MW_MACHINE_CONVEYOR,
    .period_s = 1.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct conveyor),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
