#include "model/corpus/run.h"

#include "model/corpus/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_RETRY 3 /* corrections of a fault's level */

enum pass { PASS_HEALTHY, PASS_CALM, PASS_FAULTY };

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

static struct mw_plant_act act_of(const struct mw_run *run, size_t i, size_t row)
{
	const struct mw_sim_injection *in = &run->series->spec.injection[i];

	return (struct mw_plant_act){
	    .fault = in->fault,
	    .level = run->level[i] * grown(in, row),
	    .full_level = run->level[i],
	    .age_rows = row - in->onset_row,
	    .length_rows = in->end_row - in->onset_row,
	    .seed = run->seed[i],
	    .site = in->site,
	};
}

static void set_acting(const struct mw_run *run, size_t row, enum pass pass,
		       struct mw_plant_row *ret)
{
	const struct mw_sim_spec *spec = &run->series->spec;

	ret->fault = ret->operation = (struct mw_plant_act){.fault = MW_FAULT_NONE};
	for (size_t i = spec->n_injection; i-- > 0;) {
		enum mw_fault_kind kind = mw_sim_kind_of(&spec->injection[i]);

		if (!acts(&spec->injection[i], row))
			continue;
		if (kind == MW_KIND_OPERATION && pass != PASS_CALM)
			ret->operation = act_of(run, i, row);
		else if (kind == MW_KIND_PROCESS && pass == PASS_FAULTY)
			ret->fault = act_of(run, i, row);
	}
}

/* The sensor fault of a channel at a row; the first of the list when there are several. */
static int trouble_at(const struct mw_run *run, size_t channel, size_t row)
{
	const struct mw_sim_spec *spec = &run->series->spec;

	for (size_t i = 0; i < spec->n_injection; i++)
		if (spec->injection[i].channel == (int)channel &&
		    mw_sim_kind_of(&spec->injection[i]) == MW_KIND_SENSOR &&
		    acts(&spec->injection[i], row))
			return (int)i;
	return -1;
}

size_t mw_run_cause(const struct mw_run *run, size_t injection, uint8_t *ret_full)
{
	struct mw_plant_act act =
	    act_of(run, injection, run->series->spec.injection[injection].onset_row);
	const struct mw_plant_can *can;

	if (act.site == MW_SITE_MIXTURE)
		return mw_mixture_cause(run, &act, ret_full);
	if (run->plant->cause)
		return run->plant->cause(run->now.plant, &act, ret_full);
	can = mw_plant_site_of(run->plant, act.site);
	if (can) {
		memcpy(ret_full, can->cause, can->n_cause);
		return can->n_cause;
	}
	for (size_t k = 0; k < run->plant->n_can; k++) {
		can = &run->plant->can[k];
		if (can->fault != act.fault)
			continue;
		memcpy(ret_full, can->cause, can->n_cause);
		return can->n_cause;
	}
	return 0;
}

/* ---- one row, one run ---- */

/* The machine's true values at the row's end; a mixture is none of the machine's own faults. */
static void step_plant(const struct mw_run *run, struct mw_plant_row *row, struct mw_rng *rng,
		       double *ret_truth)
{
	struct mw_plant_act act = row->fault;

	if (act.site == MW_SITE_MIXTURE)
		row->fault = (struct mw_plant_act){.fault = MW_FAULT_NONE};
	run->plant->step(run->now.plant, row, rng, ret_truth);
	if (act.site == MW_SITE_MIXTURE)
		mw_mixture_push(run, &act, ret_truth);
}

static double read_sensor(struct mw_run *run, size_t c, size_t row,
			  const struct mw_sensor_draw *draw, double truth, enum pass pass)
{
	int i = pass == PASS_FAULTY ? trouble_at(run, c, row) : -1;
	const struct mw_sim_injection *in;

	if (i < 0)
		return mw_sensor_read(&run->sensor[c], &run->now.sensor[c], draw, truth);
	in = &run->series->spec.injection[i];
	return mw_sensor_read_troubled(&run->sensor[c], &run->now.sensor[c], draw, truth,
				       &run->trouble[i], grown(in, row), row - in->onset_row);
}

static void run_row(struct mw_run *run, size_t row, enum pass pass, double *ret_value)
{
	double truth[MW_SIM_MAX_CHANNELS] = {0};
	struct mw_plant_row input = {
	    .dt_s = run->series->period_s,
	    .noise_unit = pass == PASS_FAULTY ? run->full_unit : NULL,
	};
	struct mw_rng rng;
	bool lost;

	set_acting(run, row, pass, &input);
	mw_rng_fork(&run->rng, FORK_ROW + 2 * row, &rng);
	step_plant(run, &input, &rng, truth);
	mw_rng_fork(&run->rng, FORK_ROW + 2 * row + 1, &rng);
	lost = mw_rng_chance(&rng, run->site.row_lost);
	for (size_t c = 0; c < run->series->n_channels; c++) {
		struct mw_sensor_draw draw;

		mw_sensor_draw_row(&run->sensor[c], &rng, &draw);
		draw.lost |= lost;
		ret_value[c] = read_sensor(run, c, row, &draw, truth[run->column[c]], pass);
	}
}

static void run_copy(const struct mw_run *run, const struct mw_run_state *from,
		     struct mw_run_state *to)
{
	memcpy(to->plant, from->plant, run->plant->state_size);
	memcpy(to->sensor, from->sensor, sizeof(to->sensor));
}

static void run_healthy(struct mw_run *run)
{
	struct mw_sim_series *series = run->series;

	for (size_t row = 0; row < series->n_rows; row++) {
		if (row == run->first_fault)
			run_copy(run, &run->now, &run->at_fault);
		if (row == run->first_operation)
			run_copy(run, &run->now, &run->at_operation);
		run_row(run, row, PASS_HEALTHY, series->healthy + row * series->n_channels);
	}
}

static void run_calm(struct mw_run *run)
{
	const struct mw_sim_series *series = run->series;

	run_copy(run, &run->at_operation, &run->now);
	for (size_t row = run->first_operation; row < series->n_rows; row++)
		run_row(run, row, PASS_CALM, run->calm + row * series->n_channels);
}

/* ---- noise units ---- */

/* Units of the series' channels, and of the machine's channels that nobody measures (those get
 * none: 0). */
static int measure_units(struct mw_run *run)
{
	const struct mw_sim_series *series = run->series;
	double *scratch = malloc(2 * series->spec.n_learn * sizeof(*scratch));

	if (!scratch)
		return -1;
	for (size_t c = 0; c < run->series->n_channels; c++) {
		mw_measure_channel(series->healthy + c, series->spec.n_learn, series->n_channels,
				   run->sensor[c].step, run->sensor[c].deadband > 0, scratch,
				   &run->stat[c]);
		run->series->noise_unit[c] = run->stat[c].noise_unit;
		run->full_unit[run->column[c]] = run->stat[c].noise_unit;
	}
	free(scratch);
	return 0;
}

/* ---- faults ---- */

/* Each twin's newest reading, for channels that report by exception. */
struct held {
	double value[MW_SIM_MAX_CHANNELS], healthy[MW_SIM_MAX_CHANNELS];
};

static void hold(const struct mw_run *run, size_t at, size_t c, struct held *held)
{
	const struct mw_sim_series *series = run->series;
	bool keeps = series->by_exception[c];

	if (!keeps || !isnan(series->value[at]))
		held->value[c] = series->value[at];
	if (!keeps || !isnan(series->healthy[at]))
		held->healthy[c] = series->healthy[at];
}

static void mark_effect(struct mw_run *run, size_t at, size_t c, const struct held *held)
{
	struct mw_sim_series *series = run->series;
	double far = fabs(held->value[c] - held->healthy[c]);
	bool was_lost = isnan(series->healthy[at]) && !series->by_exception[c];

	if (isnan(series->value[at]) && !run->now.sensor[c].silent)
		series->effect[at] = was_lost ? 0 : MW_SIM_EFFECT_LOST;
	else
		series->effect[at] = isnan(far) ? 0 : (float)(far / series->noise_unit[c]);
}

static void run_faulty(struct mw_run *run)
{
	struct mw_sim_series *series = run->series;
	struct held held;
	const struct mw_sim_spec *spec = &series->spec;

	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];

		if (mw_sim_kind_of(in) == MW_KIND_SENSOR)
			mw_sensor_trouble_init(&run->trouble[i], in->fault, in->strength,
					       run->seed[i], &run->stat[in->channel]);
	}
	run_copy(run, &run->at_fault, &run->now);
	for (size_t at = 0; at < run->first_fault * series->n_channels; at++)
		hold(run, at, at % series->n_channels, &held);
	for (size_t row = run->first_fault; row < series->n_rows; row++) {
		size_t at = row * series->n_channels;

		run_row(run, row, PASS_FAULTY, series->value + at);
		for (size_t c = 0; c < series->n_channels; c++) {
			hold(run, at + c, c, &held);
			mark_effect(run, at + c, c, &held);
		}
	}
}

double mw_run_peak(const struct mw_sim_series *series, const struct mw_sim_injection *in,
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
static bool correct_levels(struct mw_run *run)
{
	const struct mw_sim_spec *spec = &run->series->spec;
	bool changed = false;

	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];
		double want = mw_sensor_size(in->strength);
		double peak;
		double level;

		if (mw_sim_kind_of(in) != MW_KIND_PROCESS || want <= 0)
			continue;
		peak = mw_run_peak(run->series, in, -1);
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

int mw_run_all(struct mw_run *run)
{
	struct mw_sim_series *series = run->series;
	size_t n = series->n_rows * series->n_channels;

	run_healthy(run);
	if (measure_units(run) < 0)
		return -1;
	if (run->first_operation < series->n_rows)
		run_calm(run);
	memcpy(series->value, series->healthy, n * sizeof(*series->value));
	if (run->first_fault == series->n_rows)
		return 0;
	run_faulty(run);
	for (size_t i = 0; i < N_RETRY && correct_levels(run); i++)
		run_faulty(run);
	return 0;
}
