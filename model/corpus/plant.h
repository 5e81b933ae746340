/*
 * plant.h -- internal to the corpus: the op table by which run.c runs a machine.
 *
 * A machine file (pump.c, generic.c) defines one `const struct mw_plant mw_plant_NAME` and adds one
 * line to plants.c.  The machine computes only physical truth; what sensors do to it (noise,
 * quantisation, lag, sensor faults) is sensor.c's, the same for every machine.
 *
 * How it is run.  init() once, then settle_rows steps that nobody sees, then one step() per row.
 * When the first process fault sets in, the state is copied byte by byte and both copies are
 * stepped from there on: one without faults (the healthy twin), one with.  So a state holds no
 * pointer, and both twins get the same random stream, forked anew for every row: draw the row's
 * numbers first and always the same number of them, whatever acts.  Operations act on both twins.
 * At most one process fault and one operation act at a row.
 *
 * Size of a fault.  act.level is linear: 1 is gross, about 30 noise units on the channel named
 * first (noise unit: see measure.h; roughly one and a half of the sensor's noise), and the effect
 * should be roughly proportional to it, so 0.05 is barely visible.  run.c corrects what is far
 * off by running the fault again at another level, which works when effect grows with level.  Level
 * already contains the growth; levels up to MW_PLANT_MAX_LEVEL must not break the machine (no NaN,
 * no inf).
 */
#ifndef MW_CORPUS_PLANT_H
#define MW_CORPUS_PLANT_H

#include "model/corpus/rng.h"
#include "model/corpus/sim.h"

#define MW_PLANT_MAX_LEVEL 4.0
#define MW_PLANT_MAX_CAUSE 8

/* A channel and its typical sensor; sensor.c draws each instance's own around these. */
struct mw_plant_channel {
	struct mw_sim_channel id;
	double
	    noise;   /* standard deviation of the sensor's noise, in unit; 0 for commands, states */
	double step; /* resolution, in unit; 0 = so fine that it does not matter */
	double lag_s;  /* time constant of the sensor; 0 = immediate */
	double lo, hi; /* range of the instrument; lo == hi: unlimited */
};

/* A process fault or an operation a machine can have.  Sensor faults are not listed. */
struct mw_plant_can {
	enum mw_fault fault;
	uint8_t n_cause;                   /* operations: 0 */
	uint8_t cause[MW_PLANT_MAX_CAUSE]; /* channels that move, in causal order, by index */
};

/* The same for a site fault (site.h). */
struct mw_plant_site {
	enum mw_sim_site site;
	struct mw_plant_can as; /* fault UNKNOWN */
};

/* A fault or an operation as it acts at one row. */
struct mw_plant_act {
	enum mw_fault fault; /* MW_FAULT_NONE: nothing acts, the rest is 0 */
	double level;        /* 0..1, grown (operations too: how far from what was learned) */
	double full_level;   /* what level grows to */
	size_t age_rows;     /* rows since onset */
	size_t length_rows;  /* onset to end */
	uint64_t seed;       /* of this injection: seed a stream with it to shape the fault */
	enum mw_sim_site site;
};

struct mw_plant_setup {
	double dt_s;       /* seconds between rows */
	size_t n_learn;    /* rows of the learn segment */
	size_t n_channels; /* generic process only: how many; 0 = draw */
};

struct mw_plant_row {
	double dt_s;
	struct mw_plant_act fault; /* process faults only */
	struct mw_plant_act operation;
	/* Noise unit per channel, known from row n_learn on; NULL before.  A machine may scale its
	 * faults by it. */
	const double *noise_unit;
};

struct mw_plant {
	enum mw_machine machine;
	double period_s;    /* usual time between rows */
	size_t settle_rows; /* steps from init to a settled machine */
	const struct mw_plant_channel *channel;
	size_t n_channel;
	const struct mw_plant_can *can;
	size_t n_can;
	const struct mw_plant_site *site; /* NULL: none */
	size_t n_site;
	size_t state_size;
	/* Draws this instance (sizes, gains, controllers, its operating point and how it is
	 * normally used) into a zeroed state.  May step itself for minutes or hours to settle. */
	void (*init)(void *state, const struct mw_plant_setup *setup, struct mw_rng *rng);
	/* One row on: the true value of every channel at its end.  The machine's own life -- loads
	 * that change, cycles, weather, controllers -- goes on here in the learn segment too. */
	void (*step)(void *state, const struct mw_plant_row *row, struct mw_rng *rng,
		     double *ret_true);
	/* Both NULL for machines with the tables above.  describe: this instance's channels, their
	 * number returned.  cause: the channels a fault moves, in causal order, number returned. */
	size_t (*describe)(const void *state, struct mw_plant_channel *ret_channel);
	size_t (*cause)(const void *state, const struct mw_plant_act *act, uint8_t *ret_channel);
};

/* A site fault of the machine; NULL: it cannot have it. */
const struct mw_plant_can *mw_plant_site_of(const struct mw_plant *plant, enum mw_sim_site site);

/* plants.c: the machines there are.  NULL when no plant is registered for it. */
const struct mw_plant *mw_plant_find(enum mw_machine machine);

extern const struct mw_plant mw_plant_generic;
extern const struct mw_plant mw_plant_pump;
extern const struct mw_plant mw_plant_compressor;
extern const struct mw_plant mw_plant_conveyor;
extern const struct mw_plant mw_plant_fan;
extern const struct mw_plant mw_plant_motor;
extern const struct mw_plant mw_plant_gearbox;
extern const struct mw_plant mw_plant_spindle;
extern const struct mw_plant mw_plant_hydraulic;
extern const struct mw_plant mw_plant_exchanger;
extern const struct mw_plant mw_plant_furnace;
extern const struct mw_plant mw_plant_tank;
extern const struct mw_plant mw_plant_chiller;

#endif
