/*
 * run.h -- internal to the corpus: one simulation in progress, shared by series.c (sets it up and
 * hands it out), run.c (steps the twins) and label.c (says what is to be seen in them).
 */
#ifndef MW_CORPUS_RUN_H
#define MW_CORPUS_RUN_H

#include "model/corpus/measure.h"
#include "model/corpus/plant.h"
#include "model/corpus/sensor.h"

/* Purposes of the random streams; FORK_ROW + 2 row and the next: plant and sensors of a row. */
enum {
	FORK_PLANT = 1,
	FORK_SENSOR,
	FORK_CHANNELS,
	FORK_INJECTION,
	FORK_PLACE,
	FORK_SETTLE,
	FORK_ROW = 1u << 20
};

/* The machine and its sensors at a row; copied whole to run on from there another time. */
struct mw_run_state {
	void *plant;
	struct mw_sensor_state sensor[MW_SIM_MAX_CHANNELS];
};

struct mw_run {
	const struct mw_plant *plant;
	struct mw_sim_series *series;
	struct mw_rng rng;
	struct mw_site site;
	struct mw_sensor sensor[MW_SIM_MAX_CHANNELS];
	struct mw_measure stat[MW_SIM_MAX_CHANNELS];
	size_t n_full;                       /* channels of the machine */
	uint8_t column[MW_SIM_MAX_CHANNELS]; /* machine's channel of each channel of the series */
	double full_unit[MW_SIM_MAX_CHANNELS];
	double level[MW_SIM_MAX_INJECTIONS]; /* full level of each injection */
	uint64_t seed[MW_SIM_MAX_INJECTIONS];
	struct mw_sensor_trouble trouble[MW_SIM_MAX_INJECTIONS];
	size_t first_fault, first_operation; /* rows; n_rows: none */
	struct mw_run_state now, at_fault, at_operation;
	double *calm; /* like healthy, but without operations; valid from first_operation on */
};

/* run.c */

/* The healthy twin, the noise units, the calm run, then the measured twin with its effects, run
 * again while process faults are far from the size their strength asks for.  -1: memory is short.
 */
int mw_run_all(struct mw_run *run);
/* The machine's channels that a process fault moves, in causal order, by the machine's index. */
size_t mw_run_cause(const struct mw_run *run, size_t injection, uint8_t *ret_full);
/* Largest effect while an injection acts, on one channel or (-1) on any. */
double mw_run_peak(const struct mw_sim_series *series, const struct mw_sim_injection *in,
		   int channel);

/* label.c: fills fault_at, operation_at, cause_order, n_cause. */
void mw_run_label(struct mw_run *run);

#endif
