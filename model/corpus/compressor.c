/*
 * compressor.c -- an oil-flooded screw compressor that holds line pressure against a demand, by a
 * drive or by its inlet valve.
 *
 * Relative to rated: suction flow = speed * opening; the receiver integrates what goes in less what
 * the plant takes (isothermal); torque grows with opening and with the pressure ratio's power 0.6;
 * the shaft's heat goes into the oil and out through the cooler.
 */
#include "model/corpus/train.h"

#include <math.h>

enum {
	INLET,     /* behind the filter, gauge */
	DISCHARGE, /* before the separator */
	LINE,
	SEPARATOR, /* pressure lost in it */
	FLOW,
	GAS,
	OIL,
	COOLANT,
	OPENING,
	SETPOINT,
	TRAIN,
	N = TRAIN + MW_N_TRAIN
};

enum mode { HOLD_BY_SPEED, HOLD_BY_INLET, N_MODE };

struct compressor {
	struct mw_panel panel;
	struct mw_train train;
	struct mw_duty duty;
	struct mw_pi pi;
	struct mw_wander ambient, taking;
	enum mode mode;
	double p_set, q_rated;    /* bar, m3/min */
	double filter, separator; /* mbar and bar lost at rated flow */
	double tau_receiver_s, tau_oil_s;
	double cooler, coolant_rise, gas_rise; /* K at rated power */
	double belt;                           /* speed of the screw over the motor's */
	double swirl;
	double opening, line, flow, oil, gas, coolant;
	double haste;
};

static const struct mw_plant_channel channel[N] = {
    {{"inlet_pressure", "mbar", MW_ROLE_PRESSURE}, 0.5, 0.1, 0.5, -600.0, 100.0},
    {{"discharge_pressure", "bar", MW_ROLE_PRESSURE}, 0.03, 0.01, 0.3, -1.0, 32.0},
    {{"line_pressure", "bar", MW_ROLE_PRESSURE}, 0.02, 0.01, 0.5, -1.0, 32.0},
    {{"separator_pressure_drop", "bar", MW_ROLE_PRESSURE}, 0.01, 0.001, 0.5, -1.0, 8.0},
    {{"flow", "m3/min", MW_ROLE_FLOW}, 0.06, 0.01, 1.0, 0.0, 60.0},
    {{"discharge_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.25, 0.1, 3.0, -50.0, 300.0},
    {{"oil_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 250.0},
    {{"coolant_outlet_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 5.0, -50.0, 250.0},
    {{"inlet_valve_position", "%", MW_ROLE_VALVE}, 0.3, 0.1, 0.0, -5.0, 105.0},
    {{"pressure_setpoint", "bar", MW_ROLE_SETPOINT}, 0.0, 0.01, 0.0, 0.0, 32.0},
    MW_TRAIN_CHANNELS,
};

static const double wanted[N] = {0.4, 0.7, 0.9, 0.3, 0.6, 0.8, 0.6, 0.3, 0.7, 0.2, MW_TRAIN_WANTED};

#define AMPS (TRAIN + MW_TRAIN_CURRENT)
#define RPM  (TRAIN + MW_TRAIN_SPEED)
#define VIB  (TRAIN + MW_TRAIN_VIB_DE)
#define VIB2 (TRAIN + MW_TRAIN_VIB_NDE)

static const struct mw_plant_can can[] = {
    MW_TRAIN_CAN(TRAIN),
    MW_OPERATION_CAN,
    {MW_FAULT_LEAK, 6, {LINE, FLOW, AMPS, OPENING, RPM, DISCHARGE}},
    {MW_FAULT_VALVE_LEAK, 6, {GAS, AMPS, OIL, OPENING, RPM, LINE}},
    {MW_FAULT_VALVE_STUCK, 5, {OPENING, RPM, AMPS, LINE, FLOW}},
    {MW_FAULT_COOLING_LOSS, 3, {OIL, GAS, COOLANT}},
    {MW_FAULT_FOULING, 3, {OIL, GAS, COOLANT}},
    {MW_FAULT_FILTER_CLOGGING, 5, {INLET, GAS, OIL, RPM, OPENING}},
    {MW_FAULT_BLOCKAGE, 4, {SEPARATOR, DISCHARGE, AMPS, GAS}},
    {MW_FAULT_BELT_SLIP, 6, {VIB, VIB2, OPENING, RPM, FLOW, AMPS}},
    {MW_FAULT_SPEED_LOSS, 4, {RPM, FLOW, LINE, AMPS}},
    {MW_FAULT_HUNTING, 6, {LINE, FLOW, OPENING, RPM, AMPS, DISCHARGE}},
};

static void sizes_draw(struct compressor *s, double dt_s, struct mw_rng *rng)
{
	s->p_set = mw_rng_uniform(rng, 5.0, 12.0);
	s->q_rated = mw_rng_log_uniform(rng, 0.6, 45.0);
	s->filter = mw_rng_uniform(rng, 5.0, 25.0);
	s->separator = mw_rng_uniform(rng, 0.1, 0.35);
	s->tau_receiver_s = mw_rng_log_uniform(rng, 4.0, 60.0) + 3.0 * dt_s;
	s->tau_oil_s = mw_rng_log_uniform(rng, 40.0, 500.0);
	s->cooler = mw_rng_uniform(rng, 30.0, 55.0);
	s->coolant_rise = mw_rng_uniform(rng, 6.0, 20.0);
	s->gas_rise = mw_rng_uniform(rng, 6.0, 25.0);
	s->belt = mw_rng_uniform(rng, 0.8, 1.6);
	s->swirl = mw_rng_log_uniform(rng, 0.001, 0.01);
	s->opening = s->flow = 0.8;
	s->line = 1.0;
	s->oil = s->gas = 75.0;
	s->coolant = 35.0;
	s->panel.size[INLET] = s->filter / 12.0;
	s->panel.size[DISCHARGE] = s->panel.size[LINE] = s->p_set / 8.0;
	s->panel.size[FLOW] = s->q_rated / 8.0;
}

static void init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng)
{
	struct compressor *s = state;
	static const double poles[] = {1450.0, 1480.0, 2950.0, 2970.0, 1770.0, 3550.0};

	mw_panel_init(&s->panel, MW_MACHINE_COMPRESSOR, setup->n_channels);
	s->mode = (enum mode)mw_rng_below(rng, N_MODE);
	sizes_draw(s, setup->dt_s, rng);
	s->panel.held = LINE;
	s->panel.hand = s->mode == HOLD_BY_SPEED ? RPM : OPENING;
	s->panel.dead = s->mode == HOLD_BY_SPEED ? 1u << OPENING : 0;
	mw_train_init(&s->train, 6.2 * s->q_rated * mw_pow(s->p_set / 8.0, 0.6),
		      poles[mw_rng_below(rng, 6)], &s->panel, TRAIN, rng);
	mw_duty_init(&s->duty, 0.45, 0.85, setup->dt_s, rng);
	s->pi.gain = mw_rng_uniform(rng, 1.0, 4.0);
	mw_pi_init(&s->pi, s->pi.gain, s->tau_receiver_s * mw_rng_uniform(rng, 1.0, 4.0), 0.7);
	s->pi.lo = s->mode == HOLD_BY_SPEED ? 0.25 : 0.05;
	s->pi.hi = s->mode == HOLD_BY_SPEED ? 1.2 : 1.0;
	mw_wander_init(&s->ambient, mw_rng_uniform(rng, 0.3, 2.5), 2500.0, rng);
	s->taking.sd = mw_rng_log_uniform(rng, 0.002, 0.04);
	mw_wander_init(&s->taking, s->taking.sd, setup->dt_s * mw_rng_log_uniform(rng, 3.0, 40.0),
		       rng);
	mw_panel_draw(&s->panel, &mw_plant_compressor, &s->duty, wanted, rng);
	s->haste = 30.0;
	mw_panel_settle(s, &mw_plant_compressor, setup, 300, rng);
	s->haste = 1.0;
}

/* Speed command; the inlet valve's opening goes into the state. */
static double control(struct compressor *s, const struct mw_plant_row *row,
		      const struct mw_order *order)
{
	const struct mw_plant_act *f = &row->fault;
	double want = order->setpoint * (1.0 - 0.1 * order->idle);
	double swing = 0.3 * mw_act_hunting(f);
	double stuck = fmin(mw_act_level(f, MW_FAULT_VALVE_STUCK), 1.0);
	double out =
	    order->run < 0.05 ? s->pi.integral : mw_pi_step(&s->pi, want - s->line, row->dt_s);
	double jam = mw_act_sign(f) > 0 ? 1.0 : 0.15;
	double opening = s->mode == HOLD_BY_SPEED ? 1.0 : mw_clamp(out * (1.0 + swing), 0.0, 1.0);

	if (s->mode == HOLD_BY_SPEED)
		jam = 0.25;
	opening += stuck * 0.7 * (jam - opening);
	s->opening = mw_lag(s->opening, opening, row->dt_s, 1.0);
	return order->run * (s->mode == HOLD_BY_SPEED ? out * (1.0 + swing) : 1.0);
}

/* Gas: suction to line.  Returns flow into the receiver, relative. */
static double compress(struct compressor *s, const struct mw_plant_row *row,
		       const struct mw_draws *draws, double demand, double loss, double speed)
{
	double choke = 1.0 + 0.15 * mw_act_level(&row->fault, MW_FAULT_FILTER_CLOGGING);
	double in = speed * s->opening / (1.0 + loss) / choke;
	double leak = 0.25 * mw_act_level(&row->fault, MW_FAULT_LEAK);
	double out = (demand + leak) * fmax(s->line, 0.0) * (1.0 + s->swirl * draws->n[8]);
	double blown = 0.4 * mw_site_level(&row->fault, MW_SITE_RELIEF_LIFTS) *
		       fmax(mw_act_wave(&row->fault, 6.0, 24.0), 0.0) * fmax(s->line, 0.0);

	s->line = fmax(s->line + (in - out - blown) * row->dt_s / s->tau_receiver_s, 0.0);
	/* A relief valve ends what no controller does. */
	s->line = fmin(s->line, 1.3);
	s->flow = mw_lag(s->flow, out * (1.0 + s->swirl * draws->n[9]), row->dt_s, 0.7);
	return in;
}

static void heat(struct compressor *s, const struct mw_plant_row *row, double ambient, double power,
		 double loss)
{
	double dt = row->dt_s * s->haste;
	double bad = 0.6 * mw_act_level(&row->fault, MW_FAULT_COOLING_LOSS) +
		     0.4 * mw_act_level(&row->fault, MW_FAULT_FOULING) +
		     0.3 * mw_site_level(&row->fault, MW_SITE_SEPARATOR_TORN);
	double warm = fmin(power, 2.0);

	double open = 0.6 * mw_site_level(&row->fault, MW_SITE_THERMOSTAT_OPEN);

	s->oil = mw_lag(s->oil, ambient + 12.0 + warm * s->cooler * (1.0 + bad) / (1.0 + open), dt,
			s->tau_oil_s);
	s->gas = mw_lag(s->gas, s->oil + warm * s->gas_rise + 18.0 * loss, dt, 8.0);
	s->coolant =
	    mw_lag(s->coolant,
		   ambient + warm * s->coolant_rise *
				 (1.0 + 0.8 * mw_act_level(&row->fault, MW_FAULT_COOLING_LOSS) -
				  0.3 * fmin(mw_act_level(&row->fault, MW_FAULT_FOULING), 2.0)),
		   dt, 0.5 * s->tau_oil_s);
}

static void read_gas(const struct compressor *s, const struct mw_plant_row *row, double in,
		     const struct mw_draws *draws, const struct mw_order *order, double *full)
{
	double clog = 1.0 + 4.0 * mw_act_level(&row->fault, MW_FAULT_FILTER_CLOGGING);
	double block = 1.0 + 3.0 * mw_act_level(&row->fault, MW_FAULT_BLOCKAGE);
	double torn = 1.0 + 2.0 * mw_site_level(&row->fault, MW_SITE_SEPARATOR_TORN);
	double drop = s->separator * in * in * block / torn * (1.0 + 0.01 * draws->n[10]);

	full[INLET] = -s->filter * (0.2 + 0.8 * in) * in * clog * (1.0 + 0.02 * draws->n[11]);
	full[LINE] = s->p_set * s->line;
	full[SEPARATOR] = drop;
	full[DISCHARGE] = full[LINE] + drop;
	full[FLOW] = s->q_rated * s->flow;
	full[GAS] = s->gas;
	full[OIL] = s->oil;
	full[COOLANT] = s->coolant;
	full[OPENING] = 100.0 * s->opening;
	full[SETPOINT] = s->p_set * order->setpoint;
}

static void step(void *state, const struct mw_plant_row *row, struct mw_rng *rng, double *ret_true)
{
	struct compressor *s = state;
	struct mw_order order = mw_duty_order(&s->duty, &row->operation);
	struct mw_train_bad worn = mw_train_bad_of(&row->fault);
	struct mw_draws draws;
	double dt = row->dt_s;
	double slip = mw_act_level(&row->fault, MW_FAULT_BELT_SLIP);
	double loss = 0.3 * mw_act_level(&row->fault, MW_FAULT_VALVE_LEAK);
	double full[N];
	double ambient, demand, command, in, torque;

	mw_draws_take(&draws, rng);
	ambient =
	    22.0 + 8.0 * order.product + mw_wander_step(&s->ambient, draws.n[7], dt * s->haste);
	demand = mw_duty_step(&s->duty, &draws, dt) * order.load * (1.0 - 0.6 * order.idle);
	demand = fmax(demand + mw_wander_step(&s->taking, draws.n[6], dt), 0.02);
	command = control(s, row, &order);
	in = compress(s, row, &draws, demand, loss, s->train.speed / (1.0 + 0.3 * slip));
	read_gas(s, row, in, &draws, &order, full);
	torque = (0.25 + 0.75 * s->opening +
		  0.04 * mw_site_level(&row->fault, MW_SITE_THERMOSTAT_OPEN)) *
		 mw_pow(fmax(full[DISCHARGE] / s->p_set, 0.05), 0.6) *
		 fmin(s->train.speed * 20.0, 1.0) / (1.0 + 0.15 * slip);
	heat(s, row, ambient, torque * s->train.speed, loss);
	worn.uncooled = 0.0; /* here it is the oil cooler that fails, not the motor's fan */
	worn.rough = slip * (1.8 + 0.4 * draws.n[5]);
	mw_train_step(&s->train, &(struct mw_train_row){command, torque, ambient, dt, s->haste},
		      &worn, &draws, full + TRAIN);
	mw_panel_read(&s->panel, &s->duty, full, ret_true);
}

static const struct mw_plant_site site[] = {
    {MW_SITE_THERMOSTAT_OPEN, {MW_FAULT_UNKNOWN, 3, {OIL, GAS, AMPS}}},
    {MW_SITE_SEPARATOR_TORN, {MW_FAULT_UNKNOWN, 5, {SEPARATOR, DISCHARGE, AMPS, OIL, GAS}}},
    {MW_SITE_RELIEF_LIFTS, {MW_FAULT_UNKNOWN, 6, {LINE, DISCHARGE, FLOW, OPENING, RPM, AMPS}}},
};

const struct mw_plant mw_plant_compressor = {
    .machine = MW_MACHINE_COMPRESSOR,
    .period_s = 2.0,
    .settle_rows = 60,
    .channel = channel,
    .n_channel = N,
    .can = can,
    .n_can = sizeof(can) / sizeof(can[0]),
    .site = site,
    .n_site = sizeof(site) / sizeof(site[0]),
    .state_size = sizeof(struct compressor),
    .init = init,
    .step = step,
    .describe = mw_panel_describe,
    .cause = mw_panel_cause,
};
