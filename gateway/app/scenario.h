/*
 * scenario.h -- what `millwright simulate` plays: machines, simulated or recorded, with known
 * faults.
 */
#ifndef MW_APP_SCENARIO_H
#define MW_APP_SCENARIO_H

#include "gateway/app/csv.h"
#include "model/corpus/sim.h"

#include <stdio.h>

#define MW_SCENARIO_MAX_MACHINES 1000

/* One machine: simulated, or read from a file. */
struct mw_scenario_machine {
	char name[MW_NAME_SIZE];
	struct mw_sim_spec spec;
	struct mw_sim_series *series; /* after mw_scenario_make */
	struct mw_csv *csv;           /* a recording */
};

struct mw_scenario {
	struct mw_csv_opts csv_opts; /* how recordings are read */
	double strength;             /* of faults that do not say theirs */
	int64_t rows, learn, period_ns;
	int64_t start_ns; /* data time of row 0 */
	uint64_t seed;
	size_t n_machine;
	struct mw_scenario_machine machine[MW_SCENARIO_MAX_MACHINES];
};

/* Adds what an option says; MW_E_INVAL and a reason.
 * "pump-1=pump"; "testbed-1=FILE"; "pump-1:bearing_wear:600:900:0.8" (rows from, to; strength);
 * "pump-1:bias:600:900:0.8:2" (a sensor fault on channel 2). */
MW_MUST_CHECK mw_err mw_scenario_add_machine(struct mw_scenario *scenario, const char *text,
					     char *why, size_t why_size);
MW_MUST_CHECK mw_err mw_scenario_add_recording(struct mw_scenario *scenario, const char *text,
					       char *why, size_t why_size);
MW_MUST_CHECK mw_err mw_scenario_add_fault(struct mw_scenario *scenario, const char *text,
					   char *why, size_t why_size);

/* Runs the simulations.  MW_E_INVAL: the plan does not fit a machine. */
MW_MUST_CHECK mw_err mw_scenario_make(struct mw_scenario *scenario, char *why, size_t why_size);
void mw_scenario_done(struct mw_scenario *scenario);

size_t mw_scenario_length(const struct mw_scenario *scenario); /* rows of the longest machine */
size_t mw_scenario_rows(const struct mw_scenario_machine *machine);
size_t mw_scenario_channels(const struct mw_scenario_machine *machine);
const char *mw_scenario_channel(const struct mw_scenario_machine *machine, size_t channel);
double mw_scenario_value(const struct mw_scenario_machine *machine, size_t row, size_t channel);
int64_t mw_scenario_time(const struct mw_scenario *scenario, size_t row);

/* One JSON line per injected fault or labelled stretch, for whoever checks the alarms against it.
 */
MW_MUST_CHECK mw_err mw_scenario_write_truth(const struct mw_scenario *scenario, const char *path);
/* DIR/NAME.csv per machine, column `time` first. */
MW_MUST_CHECK mw_err mw_scenario_write_csv(const struct mw_scenario *scenario, const char *dir);
/* The `assets` block of a configuration that knows these machines' units and roles, on stdout. */
void mw_scenario_print_assets(const struct mw_scenario *scenario);

#endif
