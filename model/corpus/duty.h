/*
 * duty.h -- internal to the corpus: how a machine is normally used, day in, day out.
 *
 * What lies in here is healthy and learnt: loads that step or swing, day and night, recipes, jobs
 * with pauses between them, programmes that repeat.  An operation (sim.h) comes on top of it and is
 * what the machine has not been seen to do.  A duty goes its way whatever becomes of the machine.
 * Plain data, no pointer.
 */
#ifndef MW_CORPUS_DUTY_H
#define MW_CORPUS_DUTY_H

#include "model/corpus/physics.h"

enum mw_duty_kind {
	MW_DUTY_CONSTANT,
	MW_DUTY_STEPS,     /* another load now and then, any */
	MW_DUTY_CYCLE,     /* two loads in turn */
	MW_DUTY_SWING,     /* a slow sine */
	MW_DUTY_SHIFT,     /* day and night; at night some machines idle or stand */
	MW_DUTY_RECIPE,    /* two to four products, each with its load and set point */
	MW_DUTY_JOBS,      /* pieces of one to three kinds, with a pause after each */
	MW_DUTY_PROGRAMME, /* phases of a batch, one after the other, again and again */
	MW_N_DUTY
};

#define MW_DUTY_MAX_REGIME 5

/* One discrete way to be used. */
struct mw_regime {
	double load;     /* as mw_duty_step returns it */
	double run;      /* 1 runs, 0 stands */
	double setpoint; /* factor */
	double product;  /* -1 .. 1, as in mw_order */
	double idle;     /* 0 .. 1 */
	double dwell_s;  /* typical stay */
};

struct mw_duty {
	enum mw_duty_kind kind;
	double lo, hi;
	double dwell_s; /* mean time at a level, or the cycle's period */
	double share;   /* of a cycle spent at hi */
	double ramp_s;
	double age_s, left_s;
	double target, level;
	/* kinds with regimes; jobs: the last one is the pause */
	uint8_t n, at;
	uint8_t visited; /* bits: recipes come in rounds, so that none is left out for long */
	struct mw_regime regime[MW_DUTY_MAX_REGIME];
	double run, setpoint; /* as they are now, on their way to the regime's */
	/* what a panel can tell of it */
	bool running;
	unsigned code; /* recipe, kind of job, phase: 1 .. n; n + 1: one never seen before */
	double hours;  /* of running */
	double pieces; /* finished jobs, batches */
};

/* dt_s scales the times, so that a learn segment sees each regime whatever the period. */
void mw_duty_init(struct mw_duty *duty, double lo, double hi, double dt_s, struct mw_rng *rng);
/* One row on; the load asked for, lo to hi (less in a pause). */
double mw_duty_step(struct mw_duty *duty, const struct mw_draws *draws, double dt_s);
/* What the crew asks of the machine: its duty, and the operation on top of it.  Of the state that
 * the last mw_duty_step left. */
struct mw_order mw_duty_order(struct mw_duty *duty, const struct mw_plant_act *operation);
/* Has it discrete regimes? */
bool mw_duty_has_regimes(const struct mw_duty *duty);

#endif
