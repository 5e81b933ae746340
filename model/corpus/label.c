#include "model/corpus/proof.h"
#include "model/corpus/run.h"

#include <math.h>
#include <string.h>

#define SHOWS       1.0 /* noise units from which an operation can be seen */
#define MOVING_ROWS 8   /* rows in which it must have moved that far to be under way */

static void label_faults(struct mw_sim_series *series)
{
	memset(series->fault_at, -1, series->n_rows);
	for (size_t i = series->spec.n_injection; i-- > 0;) {
		const struct mw_sim_injection *in = &series->spec.injection[i];

		if (mw_sim_kind_of(in) == MW_KIND_OPERATION)
			continue;
		for (size_t row = in->onset_row; row < in->end_row; row++)
			series->fault_at[row] = (int8_t)i;
	}
}

/* The reading that holds at a row: the newest, where a channel reports by exception.  Without
 * operations the machine is as it was until the first one. */
static double holds(const struct mw_run *run, bool calm, size_t row, size_t c)
{
	const struct mw_sim_series *series = run->series;
	const double *from = calm && row >= run->first_operation ? run->calm : series->healthy;
	double value = from[row * series->n_channels + c];

	while (isnan(value) && series->by_exception[c] && row-- > 0) {
		from = calm && row >= run->first_operation ? run->calm : series->healthy;
		value = from[row * series->n_channels + c];
	}
	return value;
}

/* How far operations have moved a channel at a row, noise units; with its sign. */
static double moved(const struct mw_run *run, size_t row, size_t c)
{
	double far;

	if (row < run->first_operation)
		return 0;
	far = (holds(run, false, row, c) - holds(run, true, row, c)) / run->series->noise_unit[c];
	return isnan(far) ? 0 : far;
}

static bool unlearned(const struct mw_run *run, size_t row, size_t c)
{
	double value = holds(run, false, row, c);

	return !isnan(value) && !mw_measure_knows(&run->stat[c], value);
}

/* A machine that was moved to where it has been before looks healthy once it has arrived. */
static bool operation_shows(const struct mw_run *run, size_t row)
{
	size_t past = row >= MOVING_ROWS ? row - MOVING_ROWS : 0;

	for (size_t c = 0; c < run->series->n_channels; c++) {
		double far = moved(run, row, c);

		if (run->series->channel[c].role == MW_ROLE_COUNTER)
			continue; /* what was not counted in a pause is missing for ever */
		if (fabs(far) >= SHOWS &&
		    (unlearned(run, row, c) || fabs(far - moved(run, past, c)) >= SHOWS))
			return true;
	}
	return false;
}

/* The operation begun last, for the way back belongs to it too. */
static int operation_begun(const struct mw_sim_spec *spec, size_t row)
{
	int last = -1;

	for (size_t i = 0; i < spec->n_injection; i++) {
		const struct mw_sim_injection *in = &spec->injection[i];

		if (mw_sim_kind_of(in) == MW_KIND_OPERATION && in->onset_row <= row &&
		    (last < 0 || in->onset_row >= spec->injection[last].onset_row))
			last = (int)i;
	}
	return last;
}

static void label_operations(struct mw_run *run)
{
	struct mw_sim_series *series = run->series;

	memset(series->operation_at, -1, series->n_rows);
	for (size_t row = run->first_operation; row < series->n_rows; row++)
		if (operation_shows(run, row))
			series->operation_at[row] = (int8_t)operation_begun(&series->spec, row);
}

static int series_channel(const struct mw_run *run, uint8_t full)
{
	for (size_t c = 0; c < run->series->n_channels; c++)
		if (run->column[c] == full)
			return (int)c;
	return -1;
}

/* Channels in the machine's causal order, those that show nothing left out.  When none of the
 * machine's list shows anything: the one with the largest effect. */
static void label_cause(struct mw_run *run, size_t i)
{
	struct mw_sim_series *series = run->series;
	const struct mw_sim_injection *in = &series->spec.injection[i];
	uint8_t full[MW_SIM_MAX_CHANNELS];
	size_t n = mw_run_cause(run, i, full);
	double best = -1;
	uint8_t n_cause = 0;

	for (size_t k = 0; k < n; k++) {
		int c = series_channel(run, full[k]);

		if (c >= 0 && mw_run_peak(series, in, c) >= (double)MW_SIM_VISIBLE)
			series->cause_order[i][n_cause++] = (uint8_t)c;
	}
	for (size_t c = 0; n_cause == 0 && c < series->n_channels; c++) {
		double peak = mw_run_peak(series, in, (int)c);

		if (peak <= best)
			continue;
		best = peak;
		series->cause_order[i][0] = (uint8_t)c;
	}
	series->n_cause[i] = n_cause ? n_cause : 1;
}

/* First row at which an injection shows on a channel; its end when it does not. */
static size_t first_shown(const struct mw_sim_series *series, const struct mw_sim_injection *in,
			  size_t c)
{
	size_t row = in->onset_row;

	while (row < in->end_row && series->effect[row * series->n_channels + c] < MW_SIM_VISIBLE)
		row++;
	return row;
}

static void label_proof(struct mw_sim_series *series, size_t i)
{
	const struct mw_sim_injection *in = &series->spec.injection[i];
	double best = -1;

	for (size_t k = 0; k < series->n_cause[i]; k++) {
		uint8_t c = series->cause_order[i][k];
		struct mw_proof_stats stats;
		double plain;

		mw_proof_measure(series, c, first_shown(series, in, c), in->end_row, &stats);
		plain = stats.rms + (double)MW_SIM_EFFECT_LOST * (double)stats.lost /
					(double)(stats.n ? stats.n : 1);
		if (stats.n == 0 || plain <= best)
			continue;
		best = plain;
		series->proof_channel[i] = c;
		series->proof[i] = mw_proof_decide(&stats);
	}
}

void mw_run_label(struct mw_run *run)
{
	struct mw_sim_series *series = run->series;

	label_faults(series);
	label_operations(run);
	for (size_t i = 0; i < series->spec.n_injection; i++) {
		const struct mw_sim_injection *in = &series->spec.injection[i];
		enum mw_fault_kind kind = mw_sim_kind_of(in);

		if (kind == MW_KIND_PROCESS) {
			label_cause(run, i);
		} else if (kind == MW_KIND_SENSOR) {
			series->cause_order[i][0] = (uint8_t)in->channel;
			series->n_cause[i] = 1;
		}
		if (kind != MW_KIND_OPERATION)
			label_proof(series, i);
	}
}
