/*
 * physics.h -- small pieces of machines, shared by the plants: lags, controllers, orders.
 *
 * Quantities are relative (1 = rated) where no unit is said; times are seconds.  Plain structs that
 * hold no pointer, so that a machine's state can be copied byte by byte.  No allocation, no errors;
 * inputs within a machine's limits give finite results at any time step.
 */
#ifndef MW_CORPUS_PHYSICS_H
#define MW_CORPUS_PHYSICS_H

#include "model/corpus/elementary.h"
#include "model/corpus/plant.h"

double mw_clamp(double x, double lo, double hi);
/* First-order lag by implicit Euler: stable at any time step, including tau_s = 0. */
double mw_lag(double x, double target, double dt_s, double tau_s);
/* Towards the target by at most `most`. */
double mw_approach(double x, double target, double most);

/* A row's random numbers, always drawn in the same number.  n[8..11] have heavy tails: a gust of
 * turbulence now and then. */
struct mw_draws {
	double n[12]; /* standard normal */
	double u[4];  /* uniform in [0, 1) */
};
void mw_draws_take(struct mw_draws *draws, struct mw_rng *rng);

/* Slow wander about 0 (Ornstein-Uhlenbeck) of standard deviation sd: weather, supply, raw material.
 */
struct mw_wander {
	double x, sd, tau_s;
};
void mw_wander_init(struct mw_wander *wander, double sd, double tau_s, struct mw_rng *rng);
double mw_wander_step(struct mw_wander *wander, double normal, double dt_s);

/* PI controller whose output saturates; anti-windup by back-calculation (Astrom & Hagglund, PID
 * Controllers, 1995, 3.5). */
struct mw_pi {
	double gain, reset_s, lo, hi;
	double integral;
};
void mw_pi_init(struct mw_pi *pi, double gain, double reset_s, double start);
double mw_pi_step(struct mw_pi *pi, double error, double dt_s);

/* What an act does.  The level if it is this fault, else 0. */
double mw_act_level(const struct mw_plant_act *act, enum mw_fault fault);
double mw_site_level(const struct mw_plant_act *act, enum mw_sim_site site);
/* A number drawn once per injection, by its seed and k: the shape of this very fault. */
double mw_act_draw(const struct mw_plant_act *act, unsigned k, double lo, double hi);
double mw_act_sign(const struct mw_plant_act *act); /* -1 or +1 */
/* Sine of a period drawn once, in rows. */
double mw_act_wave(const struct mw_plant_act *act, double lo, double hi);
/* 1 in one row of every period, 0 in the others. */
double mw_act_beat(const struct mw_plant_act *act, double lo, double hi);
/* level * sine of a period drawn once (8 to 40 rows), if the act is `hunting`; else 0. */
double mw_act_hunting(const struct mw_plant_act *act);

/* What the crew asks of the machine, by the operation that acts: all neutral when none does. */
struct mw_order {
	double run;      /* factor on speed: 1 = normal, 0 = standing still */
	double load;     /* factor on demand */
	double setpoint; /* factor on the set point */
	double product;  /* -1 .. 1: other material than usual; 0 = the usual */
	double idle;     /* 0 .. 1: runs without doing work */
};
struct mw_order mw_order_of(const struct mw_plant_act *operation);

#endif
