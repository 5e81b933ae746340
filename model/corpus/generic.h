/*
 * generic.h -- internal to the corpus: the generic randomised process (MW_MACHINE_OTHER).
 *
 * A handful of latent drivers (steps, wandering, cycles, slow trends) move many channels through a
 * sparse mixing matrix, lags and mild nonlinearity; channels have lives of their own; some are held
 * by closed loops whose valve then carries what the held channel hides; some are states.  Works in
 * internal units, where a channel's driven movement is about 1; offset and gain make the reading.
 */
#ifndef MW_CORPUS_GENERIC_H
#define MW_CORPUS_GENERIC_H

#include "model/corpus/elementary.h"
#include "model/corpus/plant.h"

#define GENERIC_MAX_DRIVER 10
#define GENERIC_MAX_LOOP   10
#define GENERIC_GROSS      30.0 /* noise units at level 1 */

enum generic_driver_kind { DRIVER_STEPS, DRIVER_WANDER, DRIVER_CYCLE, DRIVER_SLOW };
enum generic_cycle { CYCLE_SINE, CYCLE_SQUARE, CYCLE_SAW, CYCLE_BATCH, N_CYCLE };
enum generic_slow { SLOW_WALK, SLOW_APPROACH, SLOW_RAMP, SLOW_SEASON, N_SLOW };

struct generic_driver {
	enum generic_driver_kind kind;
	double amp;   /* standard deviation, roughly; 0 = absent */
	double value; /* standardised, before amp */
	double keep;  /* wander: per row */
	double rate;  /* steps: chance per row; cycle, season: turns per row; slow: per row */
	double jitter, phase, duty;
	int shape; /* generic_cycle or generic_slow; steps: 1 = few discrete levels */
	double sign;
	double seen_low, seen_high; /* range of value so far, without operations */
	double shift;               /* what operations add now, standardised */
};

enum generic_channel_kind {
	CHANNEL_PLAIN,
	CHANNEL_PV,
	CHANNEL_VALVE,
	CHANNEL_SETPOINT,
	CHANNEL_STATE,   /* a threshold on the movement */
	CHANNEL_COMMAND, /* what a driver of steps was told to do */
	CHANNEL_RUN,     /* running or standing */
};

struct generic_channel {
	struct mw_sim_channel id;
	enum generic_channel_kind kind;
	int loop; /* PV, valve, setpoint: whose; plain: the loop whose valve feeds it, or -1 */
	double feed;
	double mix[GENERIC_MAX_DRIVER];
	double scale;       /* rms of the driven movement */
	double keep, level; /* lag */
	int shape;          /* 0 straight, 1 saturating, 2 bent */
	double own_keep, own_amp, own;
	double trend; /* own slow walk, per row */
	double trend_value;
	double rest; /* where it goes when the machine stands, relative to running */
	double threshold;
	double offset, gain;
	double noise, step; /* internal units */
};

struct generic_loop {
	int pv, valve, setpoint; /* channels; -1: exists but is not measured */
	double keep;             /* of the process */
	double kp, ki, limit;    /* PI controller; output in +-limit */
	double target, target_rate, target_amp;
	double target_shift; /* by operations */
	double value, integral, command, position;
	double stuck_at;
};

enum generic_profile { PROFILE_HOLD, PROFILE_RESTLESS, PROFILE_WALK, PROFILE_WAVE, PROFILE_PULSES };

/* What a fault does, drawn from its seed and the machine alone.  A channel is pushed by
 *     level x GENERIC_GROSS x unit x weight x (hold + swing x source), smoothed by keep,
 * where source is the profile's own movement of size 1, and by
 *     level x GENERIC_GROSS x unit x (sum over drivers of remix x driver). */
struct generic_fault {
	uint64_t seed;
	enum mw_fault fault; /* NONE: nothing acts, what is left decays */
	enum generic_profile profile;
	double hold, swing;
	double period, keep_profile;
	double weight[MW_SIM_MAX_CHANNELS]; /* -1..1 */
	double keep[MW_SIM_MAX_CHANNELS];
	bool has_remix;
	double remix[MW_SIM_MAX_CHANNELS][GENERIC_MAX_DRIVER];
	int reference;    /* channel whose unit holds for all (a push through the mixing); -1 */
	int cut;          /* driver that no longer gets through; -1 */
	int loop;         /* loop whose valve sticks or hunts; -1 */
	bool jammed;      /* its valve sticks */
	double slow_down; /* of cycles, per level */
};

struct generic_operation {
	uint64_t seed;
	enum mw_fault fault;
	double shift[GENERIC_MAX_DRIVER]; /* standardised, at level 1 */
	double cycle_amp;                 /* factor at level 1 */
	int loop;                         /* whose setpoint moves; -1 */
	double loop_shift;
	double rate;   /* share of the way per row */
	bool seen;     /* stays inside what was learned */
	double pause;  /* startup: rows it stands before */
	double run_to; /* idle: what is left of running */
};

struct generic {
	size_t n_channel, n_driver, n_loop;
	struct generic_driver driver[GENERIC_MAX_DRIVER];
	struct generic_channel channel[MW_SIM_MAX_CHANNELS];
	struct generic_loop loop[GENERIC_MAX_LOOP];
	double run, run_rate;               /* 1 running, 0 standing */
	double natural_stop, natural_start; /* chance per row of its ordinary idle periods */
	bool stopped;
	double tail; /* chance per row and driver of a push several times the usual */
	double row;
	struct generic_operation operation;
	struct generic_fault fault;
	struct mw_rng fault_rng;
	double fault_out[MW_SIM_MAX_CHANNELS];
	double fault_source, fault_phase;
	double fault_profile; /* hold + swing x source */
	double cut_at;        /* where the driver that no longer gets through stood */
};

/* generic.c */
void mw_generic_init(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng);
/* generic_step.c */
void mw_generic_step(void *state, const struct mw_plant_row *row, struct mw_rng *rng,
		     double *ret_true);
/* generic_fault.c: draws the fault; channels in causal order, their number returned; one row of the
 * fault: fills ret_add (internal units, per channel) with what it adds. */
void mw_generic_fault_draw(const struct generic *g, const struct mw_plant_act *act,
			   struct generic_fault *ret_fault);
size_t mw_generic_fault_cause(const void *state, const struct mw_plant_act *act,
			      uint8_t *ret_channel);
void mw_generic_fault_row(struct generic *g, const struct mw_plant_row *row, const double *driver,
			  double *ret_add);
/* Unit of a channel, internal. */
double mw_generic_unit(const struct generic *g, const double *noise_unit, size_t channel);

#endif
