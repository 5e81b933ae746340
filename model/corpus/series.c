#include "model/corpus/measure.h"
#include "model/corpus/plant.h"
#include "model/corpus/sensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_LEARN 16
#define N_RETRY   3 /* corrections of a fault's level */

enum {
	FORK_PLANT = 1,
	FORK_SENSOR,
	FORK_CHANNELS,
	FORK_INJECTION,
	FORK_PLACE,
	FORK_ROW = 1u << 20
};

/* One run of a machine, healthy or not; copied whole to begin the second twin. */
struct machine_run {
	void *state;
	struct mw_sensor_state sensor[MW_SIM_MAX_CHANNELS];
};

struct run {
	const struct mw_plant *plant;
	struct mw_sim_series *series;
	struct mw_rng rng;
	struct mw_sensor sensor[MW_SIM_MAX_CHANNELS];
	struct mw_measure stat[MW_SIM_MAX_CHANNELS];
	size_t n_full;                       /* channels of the machine */
	uint8_t column[MW_SIM_MAX_CHANNELS]; /* machine's channel of each channel of the series */
	double full_unit[MW_SIM_MAX_CHANNELS];
	double level[MW_SIM_MAX_INJECTIONS]; /* full level of each injection */
	uint64_t seed[MW_SIM_MAX_INJECTIONS];
	struct mw_sensor_trouble trouble[MW_SIM_MAX_INJECTIONS];
	size_t split; /* first row of any fault; n_rows: none */
	struct machine_run now, at_split;
};

static bool is_process_act(enum mw_fault fault)
{
	enum mw_fault_kind kind = mw_fault_kind_of(fault);

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

static bool injection_ok(const struct mw_sim_spec *spec, const struct mw_sim_injection *in)
{
	bool operation = mw_fault_kind_of(in->fault) == MW_KIND_OPERATION;

	return mw_sim_can(spec->machine, in->fault) && in->strength >= 0 && in->strength <= 1 &&
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

/* ---- what acts at a row ---- */

/* Full strength is reached after growth_rows; the row of onset already shows something. */
static double grown(const struct mw_sim_injection *in, size_t row)
{
	double age = (double)(row - in->onset_row) + 1;

	return in->growth_rows > 0 ? fmin(age / (in->growth_rows + 1), 1) : 1;
}

static bool acts(const struct mw_sim_injection *in, size_t row)
{
	return row >= in->onset_row && row < in->end_row;
}

static struct mw_plant_act act_of(const struct run *run, size_t i, size_t row)
{
	const struct mw_sim_injection *in = &run->series->spec.injection[i];

	return (struct mw_plant_act){
	    .fault = in->fault,
	    .level = run->level[i] * grown(in, row),
	    .full_level = run->level[i],
	    .age_rows = row - in->onset_row,
	    .length_rows = in->end_row - in->onset_row,
	    .seed = run->seed[i],
	};
}

static void set_acting(const struct run *run, size_t row, bool faulty, struct mw_plant_row *ret)
{
	const struct mw_sim_spec *spec = &run->series->spec;

	ret->fault = ret->operation = (struct mw_plant_act){.fault = MW_FAULT_NONE};
	for (size_t i = spec->n_injection; i-- > 0;) {
		enum mw_fault_kind kind = mw_fault_kind_of(spec->injection[i].fault);

		if (!acts(&spec->injection[i], row))
			continue;
		if (kind == MW_KIND_OPERATION)
			ret->operation = act_of(run, i, row);
		else if (kind == MW_KIND_PROCESS && faulty)
			ret->fault = act_of(run, i, row);
	}
}

/* The sensor fault of a channel at a row; the first of the list when there are several. */
static int trouble_at(const struct run *run, size_t channel, size_t row)
{
	const struct mw_sim_spec *spec = &run->series->spec;

	for (size_t i = 0; i < spec->n_injection; i++)
		if (spec->injection[i].channel == (int)channel &&
		    mw_fault_kind_of(spec->injection[i].fault) == MW_KIND_SENSOR &&
		    acts(&spec->injection[i], row))
			return (int)i;
	return -1;
}

/* The machine's channels that a process fault moves, in causal order. */
static size_t plant_cause(const struct run *run, size_t i, uint8_t *ret_full)
{
	struct mw_plant_act act = act_of(run, i, run->series->spec.injection[i].onset_row);
	const struct mw_plant_can *can;

	if (run->plant->cause)
		return run->plant->cause(run->now.state, &act, ret_full);
	can = find_can(run->plant, act.fault);
	memcpy(ret_full, can->cause, can->n_cause);
	return can->n_cause;
}

/* ---- one row, one run ---- */

static double read_sensor(struct run *run, size_t c, size_t row, const struct mw_sensor_draw *draw,
			  double truth, bool faulty)
{
	int i = faulty ? trouble_at(run, c, row) : -1;
	const struct mw_sim_injection *in;

	if (i < 0)
		return mw_sensor_read(&run->sensor[c], &run->now.sensor[c], draw, truth);
	in = &run->series->spec.injection[i];
	return mw_sensor_read_troubled(&run->sensor[c], &run->now.sensor[c], draw, truth,
				       &run->trouble[i], grown(in, row), row - in->onset_row);
}

static void run_row(struct run *run, size_t row, bool faulty, double *ret_value)
{
	double truth[MW_SIM_MAX_CHANNELS] = {0};
	struct mw_plant_row input = {
	    .dt_s = run->series->period_s,
	    .noise_unit = faulty ? run->full_unit : NULL,
	};
	struct mw_rng rng;

	set_acting(run, row, faulty, &input);
	mw_rng_fork(&run->rng, FORK_ROW + 2 * row, &rng);
	run->plant->step(run->now.state, &input, &rng, truth);
	mw_rng_fork(&run->rng, FORK_ROW + 2 * row + 1, &rng);
	for (size_t c = 0; c < run->series->n_channels; c++) {
		struct mw_sensor_draw draw;

		mw_sensor_draw_row(&run->sensor[c], &rng, &draw);
		ret_value[c] = read_sensor(run, c, row, &draw, truth[run->column[c]], faulty);
	}
}

static void run_copy(const struct run *run, const struct machine_run *from, struct machine_run *to)
{
	memcpy(to->state, from->state, run->plant->state_size);
	memcpy(to->sensor, from->sensor, sizeof(to->sensor));
}

static void run_healthy(struct run *run)
{
	struct mw_sim_series *series = run->series;

	for (size_t row = 0; row < series->n_rows; row++) {
		if (row == run->split)
			run_copy(run, &run->now, &run->at_split);
		run_row(run, row, false, series->healthy + row * series->n_channels);
	}
}

/* ---- noise units ---- */

/* Units of the series' channels, and of the machine's channels that nobody measures (those get
 * none: 0). */
static int measure_units(struct run *run)
{
	const struct mw_sim_series *series = run->series;
	double *scratch = malloc(series->spec.n_learn * sizeof(*scratch));

	if (!scratch)
		return -1;
	for (size_t c = 0; c < run->series->n_channels; c++) {
		mw_measure_channel(series->healthy + c, series->spec.n_learn, series->n_channels,
				   run->sensor[c].step, scratch, &run->stat[c]);
		run->series->noise_unit[c] = run->stat[c].noise_unit;
		run->full_unit[run->column[c]] = run->stat[c].noise_unit;
	}
	free(scratch);
	return 0;
}

/* ---- faults ---- */

static void mark_effect(struct mw_sim_series *series, size_t at, size_t channel)
{
	double value = series->value[at];
	double healthy = series->healthy[at];

	if (isnan(value))
		series->effect[at] = isnan(healthy) ? 0 : MW_SIM_EFFECT_LOST;
	else if (isnan(healthy))
		series->effect[at] = 0;
	else
		series->effect[at] = (float)(fabs(value - healthy) / series->noise_unit[channel]);
}

static void run_faulty(struct run *run)
{
	struct mw_sim_series *series = run->series;
	const struct mw_sim_spec *spec = &series->spec;

	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];

		if (mw_fault_kind_of(in->fault) == MW_KIND_SENSOR)
			mw_sensor_trouble_init(&run->trouble[i], in->fault, in->strength,
					       run->seed[i], &run->stat[in->channel]);
	}
	run_copy(run, &run->at_split, &run->now);
	for (size_t row = run->split; row < series->n_rows; row++) {
		size_t at = row * series->n_channels;

		run_row(run, row, true, series->value + at);
		for (size_t c = 0; c < series->n_channels; c++)
			mark_effect(series, at + c, c);
	}
}

static double peak_effect(const struct mw_sim_series *series, const struct mw_sim_injection *in,
			  int channel)
{
	float peak = 0;

	for (size_t row = in->onset_row; row < in->end_row && row < series->n_rows; row++)
		for (size_t c = 0; c < series->n_channels; c++)
			if (channel < 0 || c == (size_t)channel)
				peak = fmaxf(peak, series->effect[row * series->n_channels + c]);
	return (double)peak;
}

/* Brings the realised peak of process faults near what their strength asks for.  True: a level has
 * changed and the fault has to run again.  Effects need not be linear, so half steps in logarithm
 * for large corrections, and a fault that cannot reach its size stays as large as it gets. */
static bool correct_levels(struct run *run)
{
	const struct mw_sim_spec *spec = &run->series->spec;
	bool changed = false;

	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];
		double want = mw_sensor_size(in->strength);
		double peak;
		double level;

		if (mw_fault_kind_of(in->fault) != MW_KIND_PROCESS || want <= 0)
			continue;
		peak = peak_effect(run->series, in, -1);
		level = run->level[i] * fmin(fmax(want / fmax(peak, 1e-3), 0.02), 8);
		level = fmin(level, MW_PLANT_MAX_LEVEL);
		if ((peak > 1.6 * want || peak < 0.6 * want) &&
		    fabs(level - run->level[i]) > 0.1 * run->level[i]) {
			run->level[i] = level;
			changed = true;
		}
	}
	return changed;
}

/* ---- labels ---- */

static void label_rows(struct mw_sim_series *series)
{
	memset(series->fault_at, -1, series->n_rows);
	memset(series->operation_at, -1, series->n_rows);
	for (size_t i = series->spec.n_injection; i-- > 0;) {
		const struct mw_sim_injection *in = &series->spec.injection[i];
		bool operation = mw_fault_kind_of(in->fault) == MW_KIND_OPERATION;
		int8_t *label = operation ? series->operation_at : series->fault_at;

		for (size_t row = in->onset_row; row < in->end_row; row++)
			label[row] = (int8_t)i;
	}
}

static int series_channel(const struct run *run, uint8_t full)
{
	for (size_t c = 0; c < run->series->n_channels; c++)
		if (run->column[c] == full)
			return (int)c;
	return -1;
}

/* Channels in the machine's causal order, those that show nothing left out.  When none of the
 * machine's list shows anything: the one with the largest effect. */
static void label_cause(struct run *run, size_t i)
{
	struct mw_sim_series *series = run->series;
	const struct mw_sim_injection *in = &series->spec.injection[i];
	uint8_t full[MW_SIM_MAX_CHANNELS];
	size_t n = plant_cause(run, i, full);
	double best = -1;
	uint8_t n_cause = 0;

	for (size_t k = 0; k < n; k++) {
		int c = series_channel(run, full[k]);

		if (c >= 0 && peak_effect(series, in, c) >= 0.5)
			series->cause_order[i][n_cause++] = (uint8_t)c;
	}
	for (size_t c = 0; n_cause == 0 && c < series->n_channels; c++) {
		double peak = peak_effect(series, in, (int)c);

		if (peak <= best)
			continue;
		best = peak;
		series->cause_order[i][0] = (uint8_t)c;
	}
	series->n_cause[i] = n_cause ? n_cause : 1;
}

static void label(struct run *run)
{
	struct mw_sim_series *series = run->series;

	label_rows(series);
	for (size_t i = 0; i < series->spec.n_injection; i++) {
		const struct mw_sim_injection *in = &series->spec.injection[i];
		enum mw_fault_kind kind = mw_fault_kind_of(in->fault);

		if (kind == MW_KIND_PROCESS) {
			label_cause(run, i);
		} else if (kind == MW_KIND_SENSOR) {
			series->cause_order[i][0] = (uint8_t)in->channel;
			series->n_cause[i] = 1;
		}
	}
}

/* ---- making one ---- */

/* Which of a physical machine's channels this plant has instruments for: all, or some, but always
 * one that shows each injected fault first. */
static void choose_columns(struct run *run, size_t n_wanted)
{
	const struct mw_sim_spec *spec = &run->series->spec;
	bool keep[MW_SIM_MAX_CHANNELS] = {false};
	size_t n_kept = 0;
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_CHANNELS, &rng);
	for (size_t i = 0; i < spec->n_injection; i++) {
		uint8_t full[MW_SIM_MAX_CHANNELS];

		if (mw_fault_kind_of(spec->injection[i].fault) == MW_KIND_PROCESS &&
		    plant_cause(run, i, full) > 0 && !keep[full[0]] && n_kept < n_wanted)
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

static void make_channels(struct run *run)
{
	struct mw_plant_channel drawn[MW_SIM_MAX_CHANNELS];
	const struct mw_plant_channel *channel = run->plant->channel;
	struct mw_sim_series *series = run->series;
	size_t n_wanted = series->spec.n_channels;
	struct mw_rng rng;

	run->n_full = run->plant->n_channel;
	if (run->plant->describe) {
		run->n_full = run->plant->describe(run->now.state, drawn);
		channel = drawn;
	}
	if (n_wanted == 0 || n_wanted > run->n_full)
		n_wanted = run->n_full;
	choose_columns(run, n_wanted);
	mw_rng_fork(&run->rng, FORK_SENSOR, &rng);
	for (size_t c = 0; c < series->n_channels; c++) {
		series->channel[c] = channel[run->column[c]].id;
		mw_sensor_draw_instance(&channel[run->column[c]], series->period_s, &rng,
					&run->sensor[c]);
	}
	series->spec.n_channels = series->n_channels;
}

/* A sensor that measures something: commands and states only when there is nothing else. */
static int draw_channel(const struct run *run, struct mw_rng *rng)
{
	size_t n = run->series->n_channels;
	size_t c = mw_rng_below(rng, n);

	for (size_t i = 0; i < n; i++, c = (c + 1) % n)
		if (run->sensor[c].noise > 0)
			return (int)c;
	return (int)c;
}

static void draw_injections(struct run *run)
{
	const struct mw_sim_spec *spec = &run->series->spec;
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_INJECTION, &rng);
	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];
		bool operation = mw_fault_kind_of(in->fault) == MW_KIND_OPERATION;

		run->seed[i] = mw_rng_u64(&rng);
		run->level[i] = operation ? in->strength : mw_sensor_size(in->strength) / 30;
	}
}

static int place_injections(struct run *run)
{
	struct mw_sim_spec *spec = &run->series->spec;
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_PLACE, &rng);
	run->split = spec->n_rows;
	for (size_t i = 0; i < spec->n_injection; i++) {
		struct mw_sim_injection *in = &spec->injection[i];
		bool operation = mw_fault_kind_of(in->fault) == MW_KIND_OPERATION;
		int drawn = draw_channel(run, &rng);

		if (in->end_row > spec->n_rows)
			in->end_row = spec->n_rows;
		if (is_process_act(in->fault))
			in->channel = -1;
		else if (in->channel < 0)
			in->channel = drawn;
		if (in->channel >= (int)run->series->n_channels)
			return -1;
		if (!operation && in->onset_row < run->split)
			run->split = in->onset_row;
	}
	return 0;
}

static void settle(struct run *run)
{
	double truth[MW_SIM_MAX_CHANNELS];
	struct mw_plant_row idle = {.dt_s = run->series->period_s};
	struct mw_rng rng;

	mw_rng_fork(&run->rng, FORK_ROW - 1, &rng);
	for (size_t i = 0; i < run->plant->settle_rows; i++)
		run->plant->step(run->now.state, &idle, &rng, truth);
}

static int make_machine(struct run *run)
{
	struct mw_sim_series *series = run->series;
	struct mw_plant_setup setup = {
	    .dt_s = series->period_s,
	    .n_learn = series->spec.n_learn,
	    .n_channels = series->spec.n_channels,
	};
	struct mw_rng rng;

	run->now.state = calloc(1, run->plant->state_size);
	run->at_split.state = calloc(1, run->plant->state_size);
	if (!run->now.state || !run->at_split.state)
		return -1;
	mw_rng_fork(&run->rng, FORK_PLANT, &rng);
	run->plant->init(run->now.state, &setup, &rng);
	settle(run);
	draw_injections(run);
	make_channels(run);
	return place_injections(run);
}

static int make_arrays(struct mw_sim_series *series)
{
	size_t n = series->n_rows * series->n_channels;

	series->value = calloc(n, sizeof(*series->value));
	series->healthy = calloc(n, sizeof(*series->healthy));
	series->effect = calloc(n, sizeof(*series->effect));
	series->fault_at = calloc(series->n_rows, 1);
	series->operation_at = calloc(series->n_rows, 1);
	return series->value && series->healthy && series->effect && series->fault_at &&
		       series->operation_at
		   ? 0
		   : -1;
}

static int simulate(struct run *run)
{
	struct mw_sim_series *series = run->series;

	if (make_machine(run) < 0 || make_arrays(series) < 0)
		return -1;
	run_healthy(run);
	if (measure_units(run) < 0)
		return -1;
	memcpy(series->value, series->healthy,
	       series->n_rows * series->n_channels * sizeof(*series->value));
	if (run->split < series->n_rows) {
		run_faulty(run);
		for (size_t i = 0; i < N_RETRY && correct_levels(run); i++)
			run_faulty(run);
	}
	label(run);
	return 0;
}

int mw_sim_series_new(const struct mw_sim_spec *spec, struct mw_sim_series **ret_series)
{
	struct run run = {0};
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
	free(run.now.state);
	free(run.at_split.state);
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
