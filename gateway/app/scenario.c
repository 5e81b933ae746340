#include "gateway/app/scenario.h"

#include "gateway/base/clock.h"
#include "gateway/core/truth.h"

#include <math.h>
#include <string.h>

/* --- the plan
 * ------------------------------------------------------------------------------------- */

static struct mw_scenario_machine *find_machine(struct mw_scenario *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->n_machine; i++)
		if (strlen(s->machine[i].name) == len &&
		    strncmp(s->machine[i].name, name, len) == 0)
			return &s->machine[i];
	return NULL;
}

/* "pump-1=pump" */
static bool add_machine(struct mw_scenario *s, const char *text, struct mw_scenario_machine **ret)
{
	const char *equals = strchr(text, '=');
	struct mw_scenario_machine *machine = &s->machine[s->n_machine];

	if (!equals || equals == text || (size_t)(equals - text) >= MW_NAME_SIZE ||
	    s->n_machine == MW_SCENARIO_MAX_MACHINES)
		return false;
	memcpy(machine->name, text, (size_t)(equals - text));
	s->n_machine++;
	*ret = machine;
	return true;
}

mw_err mw_scenario_add_machine(struct mw_scenario *s, const char *text, char *why, size_t why_size)
{
	struct mw_scenario_machine *machine;
	int code;

	if (!add_machine(s, text, &machine))
		return mw_why(MW_E_INVAL, why, why_size, "--machine %s: want NAME=TYPE", text);
	code = mw_machine_from_code(strchr(text, '=') + 1);
	if (code < 0)
		return mw_why(MW_E_INVAL, why, why_size, "--machine %s: no such type", text);
	machine->spec.machine = (enum mw_machine)code;
	return MW_E_OK;
}

mw_err mw_scenario_add_recording(struct mw_scenario *s, const char *text, char *why,
				 size_t why_size)
{
	struct mw_scenario_machine *machine;

	if (!add_machine(s, text, &machine))
		return mw_why(MW_E_INVAL, why, why_size, "--recording %s: want NAME=FILE", text);
	return mw_csv_read(strchr(text, '=') + 1, &s->csv_opts, why, why_size, &machine->csv);
}

/* "pump-1:bearing_wear:600:900:0.8:2" -- rows from, to; strength and a sensor fault's channel optional */
mw_err mw_scenario_add_fault(struct mw_scenario *s, const char *text, char *why, size_t why_size)
{
	char code[64];
	char name[MW_NAME_SIZE];
	unsigned long from;
	unsigned long to;
	double strength = s->strength;
	int channel = -1;
	struct mw_sim_injection *into;
	struct mw_scenario_machine *machine;
	int fields = sscanf(text, "%127[^:]:%63[^:]:%lu:%lu:%lf:%d", name, code, &from, &to,
			    &strength, &channel);

	machine = fields >= 4 ? find_machine(s, name, strlen(name)) : NULL;
	if (!machine || machine->csv || mw_fault_from_code(code) < 0 ||
	    machine->spec.n_injection == MW_SIM_MAX_INJECTIONS || from >= to)
		return mw_why(MW_E_INVAL, why, why_size,
			      "--fault %s: want NAME:FAULT:FROM_ROW:TO_ROW[:STRENGTH] after the "
			      "--machine it names",
			      text);
	into = &machine->spec.injection[machine->spec.n_injection++];
	*into = (struct mw_sim_injection){.fault = (enum mw_fault)mw_fault_from_code(code),
					  .strength = strength,
					  .onset_row = from,
					  .end_row = to,
					  .channel = channel};
	return MW_E_OK;
}

mw_err mw_scenario_make(struct mw_scenario *s, char *why, size_t why_size)
{
	for (size_t i = 0; i < s->n_machine; i++) {
		struct mw_scenario_machine *machine = &s->machine[i];

		if (machine->csv)
			continue;
		machine->spec.seed = s->seed + i;
		machine->spec.n_rows = (size_t)s->rows;
		machine->spec.n_learn = (size_t)s->learn;
		machine->spec.period_s = (double)s->period_ns / 1e9;
		if (mw_sim_series_new(&machine->spec, &machine->series) != 0)
			return mw_why(MW_E_INVAL, why, why_size,
				      "%s: the plan does not fit the machine (a fault it cannot "
				      "have, or rows past the end)",
				      machine->name);
	}
	return MW_E_OK;
}

size_t mw_scenario_rows(const struct mw_scenario_machine *machine)
{
	return machine->csv ? machine->csv->n_rows : machine->series->n_rows;
}

size_t mw_scenario_channels(const struct mw_scenario_machine *machine)
{
	return machine->csv ? machine->csv->n_columns : machine->series->n_channels;
}

const char *mw_scenario_channel(const struct mw_scenario_machine *machine, size_t c)
{
	return machine->csv ? machine->csv->name[c] : machine->series->channel[c].name;
}

double mw_scenario_value(const struct mw_scenario_machine *machine, size_t row, size_t c)
{
	return (machine->csv ? machine->csv->value
			     : machine->series->value)[row * mw_scenario_channels(machine) + c];
}

/* --- life
 * ----------------------------------------------------------------------------------------- */

void mw_scenario_done(struct mw_scenario *s)
{
	for (size_t i = 0; i < s->n_machine; i++) {
		mw_sim_series_free(s->machine[i].series);
		mw_csv_free(s->machine[i].csv);
	}
}

size_t mw_scenario_length(const struct mw_scenario *s)
{
	size_t longest = 0;

	for (size_t i = 0; i < s->n_machine; i++)
		if (mw_scenario_rows(&s->machine[i]) > longest)
			longest = mw_scenario_rows(&s->machine[i]);
	return longest;
}

int64_t mw_scenario_time(const struct mw_scenario *s, size_t row)
{
	return s->start_ns + (int64_t)row * s->period_ns;
}

/* --- what the receiver may want to know
 * ----------------------------------------------------------- */

/* The largest effect of an injected fault while it acts, noise units. */
static float largest_effect(const struct mw_sim_series *series, size_t injection)
{
	const struct mw_sim_injection *in = &series->spec.injection[injection];
	float largest = 0;

	for (size_t at = in->onset_row * series->n_channels; at < in->end_row * series->n_channels;
	     at++)
		largest = fmaxf(largest, series->effect[at]);
	return largest;
}

/* What the simulator knows of a fault beside its code and time. */
static void write_labels(FILE *to, const struct mw_sim_series *series, size_t k)
{
	float effect = largest_effect(series, k);

	if (mw_fault_kind_of(series->spec.injection[k].fault) == MW_KIND_OPERATION) {
		(void)fprintf(to, ",\"kind\":\"operation\"");
		return;
	}
	(void)fprintf(to, ",\"kind\":\"fault\",\"severity\":%u,\"effect\":%.3g,\"channels\":[",
		      mw_truth_severity(effect), (double)effect);
	for (size_t i = 0; i < series->n_cause[k]; i++)
		(void)fprintf(to, "%s\"%s\"", i ? "," : "",
			      series->channel[series->cause_order[k][i]].name);
	(void)fprintf(to, "],\"proof\":\"%s\",\"proof_channel\":\"%s\"",
		      mw_proof_code(series->proof[k]),
		      series->channel[series->proof_channel[k]].name);
}

static void write_truth_line(FILE *to, const struct mw_scenario *s,
			     const struct mw_scenario_machine *machine, const char *fault,
			     size_t from_row, size_t to_row, int injection)
{
	char from[32];
	char end[32];

	(void)mw_clock_iso(mw_scenario_time(s, from_row), from, sizeof(from));
	(void)mw_clock_iso(mw_scenario_time(s, to_row), end, sizeof(end));
	(void)fprintf(to,
		      "{\"asset\":\"%s\",\"fault\":\"%s\",\"from\":\"%s\",\"to\":\"%s\","
		      "\"recorded\":%s",
		      machine->name, fault, from, end, machine->csv ? "true" : "false");
	if (machine->series && injection >= 0)
		write_labels(to, machine->series, (size_t)injection);
	(void)fprintf(to, "}\n");
}

/* One line per injected fault or labelled stretch, for whoever checks the alarms against it. */
mw_err mw_scenario_write_truth(const struct mw_scenario *s, const char *path)
{
	FILE *to = fopen(path, "we");

	if (!to)
		return MW_E_IO;
	for (size_t i = 0; i < s->n_machine; i++) {
		const struct mw_scenario_machine *machine = &s->machine[i];

		for (size_t k = 0; k < machine->spec.n_injection; k++) {
			const struct mw_sim_injection *in = &machine->spec.injection[k];

			write_truth_line(to, s, machine, mw_fault_code(in->fault), in->onset_row,
					 in->end_row, (int)k);
		}
		if (machine->csv && machine->csv->label_to > 0)
			write_truth_line(to, s, machine, "unknown", machine->csv->label_from,
					 machine->csv->label_to, -1);
	}
	return fclose(to) == 0 ? MW_E_OK : MW_E_IO;
}

/* The `assets` block of a configuration that knows these machines' units and roles. */
void mw_scenario_print_assets(const struct mw_scenario *s)
{
	puts("assets = (");
	for (size_t i = 0; i < s->n_machine; i++) {
		const struct mw_sim_series *series = s->machine[i].series;

		if (!series)
			continue;
		printf("  { name = \"%s\"; type = \"%s\"; channels = (\n", s->machine[i].name,
		       mw_machine_code(series->spec.machine));
		for (size_t c = 0; c < series->n_channels; c++)
			printf("      { name = \"%s\"; unit = \"%s\"; role = \"%s\"; }%s\n",
			       series->channel[c].name, series->channel[c].unit,
			       mw_role_code(series->channel[c].role),
			       c + 1 < series->n_channels ? "," : "");
		printf("  ); }%s\n", i + 1 < s->n_machine && s->machine[i + 1].series ? "," : "");
	}
	puts(");");
}

/* --- tables
 * --------------------------------------------------------------------------------------- */

static mw_err write_table(const struct mw_scenario *s, const struct mw_scenario_machine *machine,
			  const char *path)
{
	FILE *to = fopen(path, "we");
	char time[32];

	if (!to)
		return MW_E_IO;
	(void)fprintf(to, "time");
	for (size_t c = 0; c < mw_scenario_channels(machine); c++)
		(void)fprintf(to, ",%s", mw_scenario_channel(machine, c));
	for (size_t row = 0; row < mw_scenario_rows(machine); row++) {
		(void)fprintf(to, "\n%s",
			      mw_clock_iso(mw_scenario_time(s, row), time, sizeof(time)));
		for (size_t c = 0; c < mw_scenario_channels(machine); c++) {
			double value = mw_scenario_value(machine, row, c);

			(void)(isfinite(value) ? fprintf(to, ",%.9g", value) : fputc(',', to));
		}
	}
	(void)fputc('\n', to);
	return fclose(to) == 0 ? MW_E_OK : MW_E_IO;
}

mw_err mw_scenario_write_csv(const struct mw_scenario *s, const char *dir)
{
	char path[4096];
	mw_err err = MW_E_OK;

	for (size_t i = 0; i < s->n_machine && !err; i++) {
		(void)snprintf(path, sizeof(path), "%.3900s/%s.csv", dir, s->machine[i].name);
		err = write_table(s, &s->machine[i], path);
	}
	return err;
}
