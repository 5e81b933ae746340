/*
 * sensor.h -- internal to the corpus: what stands between the truth and a reading, on any machine.
 *
 * A healthy sensor smooths (first-order lag), adds noise (sometimes with heavy tails and rare
 * glitches), clips to its range, rounds to its resolution, may show a reading
 * for several rows (an analyser, a slow bus) and now and then loses one.  Where a site reports by
 * exception, a reading is sent only when it has moved by a deadband, or after a long silence.  A
 * sensor fault ("trouble") acts on one sensor and only on the measured twin.
 *
 * Random numbers come in as a draw made once per row and channel and handed to both twins, so the
 * two differ by the fault alone.  Values in the channel's unit, sizes of faults in its noise unit.
 */
#ifndef MW_CORPUS_SENSOR_H
#define MW_CORPUS_SENSOR_H

#include "model/corpus/measure.h"
#include "model/corpus/plant.h"

/* One instance; fixed for a series. */
struct mw_sensor {
	double noise, step, lo, hi; /* as in mw_plant_channel, lo == hi: unlimited */
	double keep;                /* lag: share of the old level kept per row, 0 = none */
	double tail;                /* chance that a row's noise comes from the heavy tail */
	double glitch;              /* chance of a benign outlier per row */
	double glitch_size;         /* its standard deviation */
	double lost;                /* chance of a lost reading per row */
	unsigned hold;     /* rows from one reading to the next; 1 = every row has its own */
	double deadband;   /* least movement that is reported; 0 = every row is */
	unsigned patience; /* rows of silence after which it reports anyway */
};

/* How a site gathers its readings; the same for all sensors of a series. */
struct mw_site {
	bool by_exception;
	double deadband; /* in the sensors' noise */
	unsigned patience;
	double row_lost; /* chance that a whole row is lost */
};

struct mw_sensor_state {
	double level;   /* of the lag */
	bool primed;    /* level holds something */
	double last;    /* reading that is still shown */
	unsigned age;   /* rows since it was taken */
	double sent;    /* by exception: the reading that was sent last */
	bool has_sent;  /* there is one */
	unsigned quiet; /* rows since */
	bool silent;    /* nothing came this row because there was nothing to report */
};

/* One row's random numbers for one sensor. */
struct mw_sensor_draw {
	double noise; /* in unit */
	bool lost;
};

/* A sensor fault in progress. */
struct mw_sensor_trouble {
	enum mw_fault fault;
	double size; /* at full strength, noise units */
	double sign;
	double strength;             /* 0..1, as injected */
	double factor, offset;       /* unit error: reading = factor * value + offset */
	double limit;                /* saturation */
	double held;                 /* stuck; NaN until the first row */
	struct mw_sensor_state slow; /* lag */
	struct mw_rng rng;
	struct mw_measure stat;
};

void mw_site_draw(struct mw_rng *rng, struct mw_site *ret_site);
/* Draws an instance around a channel's typical sensor; dt_s seconds between rows. */
void mw_sensor_draw_instance(const struct mw_plant_channel *channel, const struct mw_site *site,
			     double dt_s, struct mw_rng *rng, struct mw_sensor *ret_sensor);
void mw_sensor_draw_row(const struct mw_sensor *sensor, struct mw_rng *rng,
			struct mw_sensor_draw *ret_draw);

/* The reading of a healthy sensor (NaN: lost, or nothing to report). */
double mw_sensor_read(const struct mw_sensor *sensor, struct mw_sensor_state *state,
		      const struct mw_sensor_draw *draw, double truth);
/* Sets up a sensor fault of strength 0..1.  Bias, drift, spike, noise and saturation reach about
 * mw_sensor_size(strength) noise units; unit_error takes the real-world factor that comes nearest;
 * stuck and lag do what the signal's own movement makes of them; dropout loses 15..100 % of rows.
 */
void mw_sensor_trouble_init(struct mw_sensor_trouble *trouble, enum mw_fault fault, double strength,
			    uint64_t seed, const struct mw_measure *stat);
/* The reading of a sensor in trouble; grown: 0..1, share of full strength reached; age: rows since
 * onset. */
double mw_sensor_read_troubled(const struct mw_sensor *sensor, struct mw_sensor_state *state,
			       const struct mw_sensor_draw *draw, double truth,
			       struct mw_sensor_trouble *trouble, double grown, size_t age);

/* Strength 0..1 -> noise units: log-uniform 0.5..30, and 0 at 0. */
double mw_sensor_size(double strength);

#endif
