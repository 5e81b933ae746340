#include "model/corpus/run.h"

#include <math.h>
#include <stdlib.h>

#define MIN_LEARN 16

enum mw_fault_kind mw_sim_kind_of(const struct mw_sim_injection *injection)
{
	return injection->site != MW_SITE_NONE ? MW_KIND_PROCESS
					       : mw_fault_kind_of(injection->fault);
}

static bool is_process_act(const struct mw_sim_injection *in)
{
	enum mw_fault_kind kind = mw_sim_kind_of(in);

	return kind == MW_KIND_PROCESS || kind == MW_KIND_OPERATION;
}

static const struct mw_plant_can *find_can(const struct mw_plant *plant, enum mw_fault fault)
{
	for (size_t i = 0; i < plant->n_can; i++)
		if (plant->can[i].fault == fault)
			return &plant->can[i];
	return NULL;
}

bool mw_sim_can(enum mw_machine machine, enum mw_fault fault)
{
	const struct mw_plant *plant = mw_plant_find(machine);

	if (!plant)
		return false;
	return mw_fault_kind_of(fault) == MW_KIND_SENSOR || find_can(plant, fault);
}

static bool can_have(enum mw_machine machine, const struct mw_sim_injection *in)
{
	if (in->site == MW_SITE_NONE)
		return mw_sim_can(machine, in->fault);
	return in->fault == MW_FAULT_UNKNOWN && mw_plant_find(machine) &&
	       mw_plant_site_of(mw_plant_find(machine), in->site);
}

static bool injection_ok(const struct mw_sim_spec *spec, const struct mw_sim_injection *in)
{
	bool operation = mw_sim_kind_of(in) == MW_KIND_OPERATION;

	return can_have(spec->machine, in) && in->strength >= 0 && in->strength <= 1 &&
	       in->growth_rows >= 0 && isfinite(in->growth_rows) && in->onset_row < in->end_row &&
	       in->onset_row < spec->n_rows && (operation || in->onset_row >= spec->n_learn) &&
	       in->channel >= -1 && in->channel < MW_SIM_MAX_CHANNELS;
}

static bool spec_ok(const struct mw_sim_spec *spec)
{
	if (spec->n_learn < MIN_LEARN || spec->n_rows < spec->n_learn ||
	    spec->n_rows > SIZE_MAX / sizeof(double) / MW_SIM_MAX_CHANNELS)
		return false;
	if (spec->n_channels > MW_SIM_MAX_CHANNELS || !(spec->period_s >= 0) ||
	    isinf(spec->period_s) || spec->n_injection > MW_SIM_MAX_INJECTIONS)
		return false;
	for (size_t i = 0; i < spec->n_injection; i++)
		if (!injection_ok(spec, &spec->injection[i]))
			return false;
	return mw_plant_find(spec->machine) != NULL;
}

/* ---- making one ---- */

/* Which of a physical machine's channels this plant has instruments for: all, or some, but always
 * one that shows each injected fault first. */
static void choose_columns(struct mw_run *run, size_t n_wanted)
{
	const struct mw_sim_spec *spec = &run->series->spec;
	bool keep[MW_SIM_MAX_CHANNELS] = {false};
	size_t n_kept = 0;
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_CHANNELS, &rng);
	for (size_t i = 0; i < spec->n_injection; i++) {
		uint8_t full[MW_SIM_MAX_CHANNELS];

		if (mw_sim_kind_of(&spec->injection[i]) == MW_KIND_PROCESS &&
		    mw_run_cause(run, i, full) > 0 && !keep[full[0]] && n_kept < n_wanted)
			n_kept += keep[full[0]] = true;
	}
	while (n_kept < n_wanted) {
		size_t c = mw_rng_below(&rng, run->n_full);

		n_kept += !keep[c];
		keep[c] = true;
	}
	n_kept = 0;
	for (size_t c = 0; c < run->n_full; c++)
		if (keep[c])
			run->column[n_kept++] = (uint8_t)c;
	run->series->n_channels = n_kept;
}

static void make_channels(struct mw_run *run)
{
	struct mw_plant_channel drawn[MW_SIM_MAX_CHANNELS];
	const struct mw_plant_channel *channel = run->plant->channel;
	struct mw_sim_series *series = run->series;
	size_t n_wanted = series->spec.n_channels;
	struct mw_rng rng;

	run->n_full = run->plant->n_channel;
	if (run->plant->describe) {
		run->n_full = run->plant->describe(run->now.plant, drawn);
		channel = drawn;
	}
	if (n_wanted == 0 || n_wanted > run->n_full)
		n_wanted = run->n_full;
	choose_columns(run, n_wanted);
	mw_rng_fork(&run->rng, FORK_SENSOR, &rng);
	mw_site_draw(&rng, &run->site);
	for (size_t c = 0; c < series->n_channels; c++) {
		series->channel[c] = channel[run->column[c]].id;
		mw_sensor_draw_instance(&channel[run->column[c]], &run->site, series->period_s,
					&rng, &run->sensor[c]);
		series->by_exception[c] = run->sensor[c].deadband > 0;
	}
	series->spec.n_channels = series->n_channels;
}

/* A sensor that measures something: commands and states only when there is nothing else. */
static int draw_channel(const struct mw_run *run, struct mw_rng *rng)
{
	size_t n = run->series->n_channels;
	size_t c = mw_rng_below(rng, n);

	for (size_t i = 0; i < n; i++, c = (c + 1) % n)
		if (run->sensor[c].noise > 0)
			return (int)c;
	return (int)c;
}

static void draw_injections(struct mw_run *run)
{
	const struct mw_sim_spec *spec = &run->series->spec;
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_INJECTION, &rng);
	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];
		bool operation = mw_sim_kind_of(in) == MW_KIND_OPERATION;

		run->seed[i] = mw_rng_u64(&rng);
		run->level[i] = operation ? in->strength : mw_sensor_size(in->strength) / 30;
	}
}

static int place_injections(struct mw_run *run)
{
	struct mw_sim_spec *spec = &run->series->spec;
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_PLACE, &rng);
	run->first_fault = run->first_operation = spec->n_rows;
	for (size_t i = 0; i < spec->n_injection; i++) {
		struct mw_sim_injection *in = &spec->injection[i];
		bool operation = mw_sim_kind_of(in) == MW_KIND_OPERATION;
		int drawn = draw_channel(run, &rng);

		if (in->end_row > spec->n_rows)
			in->end_row = spec->n_rows;
		if (is_process_act(in))
			in->channel = -1;
		else if (in->channel < 0)
			in->channel = drawn;
		if (in->channel >= (int)run->series->n_channels)
			return -1;
		if (operation && in->onset_row < run->first_operation)
			run->first_operation = in->onset_row;
		if (!operation && in->onset_row < run->first_fault)
			run->first_fault = in->onset_row;
	}
	return 0;
}

static void settle(struct mw_run *run)
{
	double truth[MW_SIM_MAX_CHANNELS];
	struct mw_plant_row idle = {.dt_s = run->series->period_s};
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_SETTLE, &rng);
	for (size_t i = 0; i < run->plant->settle_rows; i++)
		run->plant->step(run->now.plant, &idle, &rng, truth);
}

static int make_machine(struct mw_run *run)
{
	struct mw_sim_series *series = run->series;
	struct mw_plant_setup setup = {
	    .dt_s = series->period_s,
	    .n_learn = series->spec.n_learn,
	    .n_channels = series->spec.n_channels,
	};
	struct mw_rng rng;

	run->now.plant = calloc(1, run->plant->state_size);
	run->at_fault.plant = calloc(1, run->plant->state_size);
	run->at_operation.plant = calloc(1, run->plant->state_size);
	if (!run->now.plant || !run->at_fault.plant || !run->at_operation.plant)
		return -1;
	mw_rng_fork(&run->rng, FORK_PLANT, &rng);
	run->plant->init(run->now.plant, &setup, &rng);
	settle(run);
	draw_injections(run);
	make_channels(run);
	return place_injections(run);
}

static int make_arrays(struct mw_run *run)
{
	struct mw_sim_series *series = run->series;
	size_t n = series->n_rows * series->n_channels;

	series->value = calloc(n, sizeof(*series->value));
	series->healthy = calloc(n, sizeof(*series->healthy));
	series->effect = calloc(n, sizeof(*series->effect));
	series->fault_at = calloc(series->n_rows, 1);
	series->operation_at = calloc(series->n_rows, 1);
	run->calm = calloc(n, sizeof(*run->calm));
	if (!series->value || !series->healthy || !series->effect || !series->fault_at)
		return -1;
	return series->operation_at && run->calm ? 0 : -1;
}

static int simulate(struct mw_run *run)
{
	if (make_machine(run) < 0 || make_arrays(run) < 0 || mw_run_all(run) < 0)
		return -1;
	mw_run_label(run);
	return 0;
}

static void run_done(struct mw_run *run)
{
	free(run->now.plant);
	free(run->at_fault.plant);
	free(run->at_operation.plant);
	free(run->calm);
}

int mw_sim_series_new(const struct mw_sim_spec *spec, struct mw_sim_series **ret_series)
{
	struct mw_run run = {0};
	int rc;

	if (!spec_ok(spec))
		return -1;
	run.plant = mw_plant_find(spec->machine);
	run.series = calloc(1, sizeof(*run.series));
	if (!run.series)
		return -1;
	mw_rng_seed(&run.rng, spec->seed);
	run.series->spec = *spec;
	run.series->n_rows = spec->n_rows;
	run.series->period_s = spec->period_s > 0 ? spec->period_s : run.plant->period_s;
	run.series->spec.period_s = run.series->period_s;
	rc = simulate(&run);
	run_done(&run);
	if (rc < 0)
		mw_sim_series_free(run.series);
	else
		*ret_series = run.series;
	return rc;
}

void mw_sim_series_free(struct mw_sim_series *series)
{
	if (!series)
		return;
	free(series->value);
	free(series->healthy);
	free(series->effect);
	free(series->fault_at);
	free(series->operation_at);
	free(series);
}
