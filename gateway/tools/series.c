/*
 * mw-series -- simulated machines as tables with their truth, drawn as the corpus draws them: the
 * sealed test set of model/eval, which is read back through `millwright replay`.
 *
 *     mw-series --out DIR --first-seed S --count N [--site-fault CODE | --unnamed-fault CODE]
 *
 * With --site-fault every series has that fault of model/corpus/site.h, which no corpus holds, on a
 * machine that measures at least three of the quantities that it moves, or all if they are fewer.
 * --unnamed-fault takes one of those that the training draws (but the mixture): for development.
 * Series of seed s: DIR/s.csv, one column a channel, an empty field where there was no reading;
 * DIR/s.truth.csv, one line a row: the fault that acts, the operation that shows ("none"), and the
 * fault's effect on every channel in noise units (sim.h).  DIR/index.jsonl has one JSON object a
 * series: seed, machine, period, rows, learn, channels, injections with their channels by cause.
 * Equal arguments give equal bytes.
 */
#include "model/corpus/sim.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MAX_COUNT 100000
#define TELLING   3  /* quantities that a machine must measure of those a site fault moves */
#define TRIES     64 /* machines drawn for that */

static FILE *open_in(const char *dir, const char *name)
{
	char path[4096];
	FILE *file = NULL;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
		file = fopen(path, "we");
	if (!file)
		fprintf(stderr, "mw-series: %s/%s: %s\n", dir, name, strerror(errno));
	return file;
}

static bool close_whole(FILE *file)
{
	bool failed = ferror(file) != 0;

	return fclose(file) == 0 && !failed;
}

static void write_names(FILE *to, const struct mw_sim_series *series)
{
	for (size_t c = 0; c < series->n_channels; c++)
		fprintf(to, "%s%s", c ? "," : "", series->channel[c].name);
	fputc('\n', to);
}

static void write_values(FILE *to, const struct mw_sim_series *series)
{
	size_t n = series->n_channels;

	write_names(to, series);
	for (size_t t = 0; t < series->n_rows; t++) {
		for (size_t c = 0; c < n; c++) {
			double value = series->value[t * n + c];

			if (c)
				fputc(',', to);
			if (isfinite(value))
				fprintf(to, "%.9g", value);
			else if (n == 1)
				fputs("NaN", to); /* an empty line would be no row */
		}
		fputc('\n', to);
	}
}

static const char *fault_of(const struct mw_sim_injection *in)
{
	return in->site != MW_SITE_NONE ? mw_site_code(in->site) : mw_fault_code(in->fault);
}

static const char *code_at(const struct mw_sim_series *series, int8_t injection)
{
	return injection < 0 ? "none" : fault_of(&series->spec.injection[injection]);
}

static void write_truth(FILE *to, const struct mw_sim_series *series)
{
	size_t n = series->n_channels;

	fputs("fault,operation,", to);
	write_names(to, series);
	for (size_t t = 0; t < series->n_rows; t++) {
		fprintf(to, "%s,%s", code_at(series, series->fault_at[t]),
			code_at(series, series->operation_at[t]));
		for (size_t c = 0; c < n; c++)
			fprintf(to, ",%.4g", (double)series->effect[t * n + c]);
		fputc('\n', to);
	}
}

static void write_injection(FILE *to, const struct mw_sim_series *series, size_t i)
{
	static const char *const kind[] = {"none", "sensor", "process", "operation"};
	const struct mw_sim_injection *in = &series->spec.injection[i];

	fprintf(to,
		"%s{\"fault\":\"%s\",\"kind\":\"%s\",\"strength\":%.4f,\"from\":%zu,\"to\":%zu,"
		"\"causes\":[",
		i ? "," : "", fault_of(in), kind[mw_sim_kind_of(in)], in->strength, in->onset_row,
		in->end_row);
	for (size_t k = 0; k < series->n_cause[i]; k++)
		fprintf(to, "%s\"%s\"", k ? "," : "",
			series->channel[series->cause_order[i][k]].name);
	fputs("]}", to);
}

static void write_index(FILE *to, const struct mw_sim_series *series, uint64_t seed)
{
	fprintf(to,
		"{\"seed\":%" PRIu64 ",\"machine\":\"%s\",\"period_s\":%.9g,\"rows\":%zu,"
		"\"learn\":%zu,\"channels\":[",
		seed, mw_machine_code(series->spec.machine), series->period_s, series->n_rows,
		series->spec.n_learn);
	for (size_t c = 0; c < series->n_channels; c++)
		fprintf(to, "%s{\"name\":\"%s\",\"unit\":\"%s\",\"role\":\"%s\"}", c ? "," : "",
			series->channel[c].name, series->channel[c].unit,
			mw_role_code(series->channel[c].role));
	fputs("],\"injections\":[", to);
	for (size_t i = 0; i < series->spec.n_injection; i++)
		write_injection(to, series, i);
	fputs("]}\n", to);
}

typedef void table_writer(FILE *to, const struct mw_sim_series *series);

static bool write_table(const char *dir, uint64_t seed, const char *suffix,
			const struct mw_sim_series *series, table_writer *write_rows)
{
	char name[64];
	FILE *file;

	(void)snprintf(name, sizeof(name), "%" PRIu64 "%s", seed, suffix);
	file = open_in(dir, name);
	if (!file)
		return false;
	write_rows(file, series);
	return close_whole(file);
}

/* "winding_temperature_b" is the same quantity as "winding_temperature". */
static size_t quantity(const char *name)
{
	size_t n = strlen(name);

	return n > 2 && name[n - 2] == '_' ? n - 2 : n;
}

/* Quantities that the injected fault moves and that this machine measures. */
static size_t n_measured(const struct mw_sim_series *series)
{
	size_t n = 0;

	for (size_t k = 0; k < series->n_cause[0]; k++) {
		const char *name = series->channel[series->cause_order[0][k]].name;
		bool again = false;

		for (size_t j = 0; j < k && !again; j++) {
			const char *other = series->channel[series->cause_order[0][j]].name;

			again = quantity(name) == quantity(other) &&
				strncmp(name, other, quantity(name)) == 0;
		}
		n += !again;
	}
	return n;
}

/* A site describes a fault by what it measures: machines without instruments for it are passed
 * over. */
static int make_site(uint64_t seed, enum mw_sim_site site, struct mw_sim_series **ret_series)
{
	size_t wanted = mw_site_n_cause(site) < TELLING ? mw_site_n_cause(site) : TELLING;

	for (uint64_t k = 0; k < TRIES; k++) {
		struct mw_sim_spec spec;

		mw_site_spec_draw(seed + (k << 32), site, &spec);
		if (mw_sim_series_new(&spec, ret_series) != 0)
			continue;
		if (n_measured(*ret_series) >= wanted)
			return 0;
		mw_sim_series_free(*ret_series);
	}
	return -1;
}

static int make_plain(uint64_t seed, struct mw_sim_series **ret_series)
{
	struct mw_sim_spec spec;

	mw_sim_spec_draw(seed, &spec);
	return mw_sim_series_new(&spec, ret_series);
}

/* A plan that the simulator refuses is left out, as mw-corpus does. */
static bool make_one(const char *dir, FILE *index, uint64_t seed, enum mw_sim_site site)
{
	struct mw_sim_series *series;
	bool ok;

	if ((site ? make_site(seed, site, &series) : make_plain(seed, &series)) != 0)
		return true;
	ok = write_table(dir, seed, ".csv", series, write_values) &&
	     write_table(dir, seed, ".truth.csv", series, write_truth);
	write_index(index, series, seed);
	mw_sim_series_free(series);
	return ok;
}

static int make_all(const char *dir, uint64_t first, uint64_t count, enum mw_sim_site site)
{
	FILE *index = open_in(dir, "index.jsonl");
	bool ok = index != NULL;

	if (!ok)
		return EX_CANTCREAT;
	for (uint64_t i = 0; i < count && ok; i++)
		ok = make_one(dir, index, first + i, site);
	if (!close_whole(index))
		ok = false;
	return ok ? EX_OK : EX_IOERR;
}

static bool read_number(const char *text, uint64_t most, uint64_t *ret)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || value > most)
		return false;
	*ret = value;
	return true;
}

/* Of those for training that have a machine of their own; -1: unknown. */
static int unnamed_from_code(const char *text)
{
	for (int i = MW_N_SIM_SITE; i < MW_N_SIM_UNNAMED; i++)
		if (i != MW_SITE_MIXTURE && strcmp(mw_site_code((enum mw_sim_site)i), text) == 0)
			return i;
	return -1;
}

static int usage(void)
{
	fputs("usage: mw-series --out DIR --first-seed S --count N"
	      " [--site-fault CODE | --unnamed-fault CODE]\n",
	      stderr);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"out", required_argument, NULL, 'o'},
						{"first-seed", required_argument, NULL, 's'},
						{"count", required_argument, NULL, 'n'},
						{"site-fault", required_argument, NULL, 'f'},
						{"unnamed-fault", required_argument, NULL, 'u'},
						{NULL, 0, NULL, 0}};
	const char *dir = NULL;
	uint64_t first = 0;
	uint64_t count = 0;
	int option, site = MW_SITE_NONE;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			dir = optarg;
		else if (option == 's' && !read_number(optarg, UINT64_MAX - MAX_COUNT, &first))
			return usage();
		else if (option == 'n' && !read_number(optarg, MAX_COUNT, &count))
			return usage();
		else if (option == 'f' && (site = mw_site_from_code(optarg)) <= 0)
			return usage();
		else if (option == 'u' && (site = unnamed_from_code(optarg)) < 0)
			return usage();
		else if (option == '?')
			return usage();
	}
	if (!dir || count == 0 || optind != argc)
		return usage();
	return make_all(dir, first, count, (enum mw_sim_site)site);
}
