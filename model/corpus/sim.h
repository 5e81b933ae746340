/*
 * sim.h -- simulated machines with exact labels: the corpus of the model, `millwright simulate`,
 * and the demo's plant.  Deterministic by seed; no I/O, no clock, no globals.
 *
 * A *series* is one machine over time: rows of equal period, one column per channel.  It is run
 * twice with the same random draws, once without the injected faults (the healthy twin), so the
 * effect of a fault on each channel at each row is known exactly, not assumed.
 *
 * Ownership: mw_sim_series_new returns owned; free with mw_sim_series_free (NULL is accepted).
 */
#ifndef MW_CORPUS_SIM_H
#define MW_CORPUS_SIM_H

#include "model/corpus/machines.h"
#include "model/corpus/site.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_SIM_MAX_CHANNELS   64
#define MW_SIM_MAX_INJECTIONS 32
#define MW_SIM_NAME_SIZE      32

struct mw_sim_channel {
	char name[MW_SIM_NAME_SIZE]; /* "discharge_pressure" */
	char unit[12];               /* "bar"; "" for dimensionless */
	enum mw_role role;
};

/* One fault or operation to inject. */
struct mw_sim_injection {
	enum mw_fault fault;
	double strength;    /* 0 invisible .. 1 gross; the realised effect is in series->effect */
	size_t onset_row;   /* first row it acts on */
	size_t end_row;     /* first row it no longer acts on */
	double growth_rows; /* rows to full strength; 0 = abrupt */
	int channel;        /* sensor faults: which channel; -1 = the simulator draws one */
	enum mw_sim_site site; /* without a name (site.h): fault is then UNKNOWN; 0 = none */
};

struct mw_sim_spec {
	uint64_t seed;
	enum mw_machine machine; /* MW_MACHINE_OTHER: the generic randomised process */
	size_t n_rows;
	size_t n_learn;    /* leading rows that stay healthy; noise units come from them */
	size_t n_channels; /* 0 = drawn; a physical machine has at most its own */
	double period_s;   /* 0 = the machine's usual period */
	size_t n_injection;
	struct mw_sim_injection injection[MW_SIM_MAX_INJECTIONS];
};

struct mw_sim_series {
	struct mw_sim_spec spec; /* as run, with everything drawn filled in */
	double period_s;
	size_t n_rows, n_channels;
	struct mw_sim_channel channel[MW_SIM_MAX_CHANNELS];
	double
	    *value; /* n_rows x n_channels, row-major; NaN = no reading (lost, or by exception) */
	double *healthy; /* same shape: the twin without the *faults* (operations act on both) */
	float *effect;   /* same shape: |value - healthy| in noise units of the channel (see
			    measure.h), by exception of the values that hold; a lost reading counts
			    as MW_SIM_EFFECT_LOST */
	double noise_unit[MW_SIM_MAX_CHANNELS];
	/* Channels that report only when they moved: NaN means "as before", not "lost". */
	bool by_exception[MW_SIM_MAX_CHANNELS];
	/* Index into spec.injection, or -1.  fault_at: the fault that acts at the row, seen or not
	 * (its effect lies in `effect`, and may outlast it).  operation_at: the operation that
	 * *shows* at the row: some channel is 1 noise unit or more from where it would be without
	 * operations, and either on the move or outside what was learned; the way back after its
	 * end counts, having arrived where the machine has been before does not. */
	int8_t *fault_at;     /* n_rows */
	int8_t *operation_at; /* n_rows */
	/* Per injection: channels in causal order (first cause first), by index. */
	uint8_t cause_order[MW_SIM_MAX_INJECTIONS][MW_SIM_MAX_CHANNELS];
	uint8_t n_cause[MW_SIM_MAX_INJECTIONS];
	/* Per fault injected: the channel on which it is plainest, of those above, and what proves
	 * it there from the first row that shows it to the fault's end.  NONE: it shows nowhere,
	 * or is an operation. */
	enum mw_proof proof[MW_SIM_MAX_INJECTIONS];
	uint8_t proof_channel[MW_SIM_MAX_INJECTIONS];
};

#define MW_SIM_VISIBLE 0.5f /* noise units from which an effect counts as one that shows */

#define MW_SIM_EFFECT_LOST 20.0f

/* 0, or -1 when memory is short or the spec breaks a limit above (rows 0, too many channels, an
 * injection out of range, or a fault the machine cannot have: see mw_sim_can).  Faults set in at
 * n_learn or later, operations anywhere; n_learn is at least 16.  When process faults overlap, the
 * first of the list acts; a sensor has its first listed fault. */
int mw_sim_series_new(const struct mw_sim_spec *spec, struct mw_sim_series **ret_series);
void mw_sim_series_free(struct mw_sim_series *series);

/* Can this machine have this fault?  Sensor faults: every machine.  The generic process besides:
 * all operations, disturbance (which may come about as a leak, a blockage, a jammed valve ...: on a
 * machine of unknown kind these have no other name), coupling_change, hunting. */
bool mw_sim_can(enum mw_machine machine, enum mw_fault fault);
/* Sensor, process or operation; a site fault is of the process. */
enum mw_fault_kind mw_sim_kind_of(const struct mw_sim_injection *injection);
/* The machine that can have a site fault, and how many of its channels the fault moves.  A mixture is
 * had by every machine (OTHER is said) and moves what is drawn (0). */
enum mw_machine mw_site_machine(enum mw_sim_site site);
size_t mw_site_n_cause(enum mw_sim_site site);

/* Draws a whole spec for the training corpus from one seed: machine, size, period, what is injected
 * (nothing, operations, one fault, or both), strength, onset, growth. */
void mw_sim_spec_draw(uint64_t seed, struct mw_sim_spec *ret_spec);
/* With the chance that makes it `share` of all drawn specs, the fault of a drawn spec gives way to
 * one of MW_UNNAMED_FAULT_MAP, on a machine that can have it, as strong and at the same rows; what
 * else is injected stays.  A spec without a fault stays as it is, and with share 0 every one.  The
 * seed: of the spec. */
void mw_sim_spec_unname(uint64_t seed, double share, struct mw_sim_spec *spec);
#define MW_SIM_MAX_UNNAMED 0.52 /* share of drawn specs that have a fault */
/* The same for one site fault of evaluation: its machine, with as many channels as it has, the fault
 * clear (above 8 noise units where the machine lets it) and long. */
void mw_site_spec_draw(uint64_t seed, enum mw_sim_site site, struct mw_sim_spec *ret_spec);

#endif
