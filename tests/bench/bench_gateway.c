/*
 * bench_gateway.c -- what a machine costs the gateway: N simulated machines of 8 channels through
 * the fleet, from samples to verdicts, on one thread.  Processor time, after the machines have
 * been learnt; broker, decoding and database are not in it.
 *
 * MODEL names the model (default: the one in model/weights).
 */
#include "gateway/app/fleet.h"
#include "gateway/io/conf.h"
#include "model/corpus/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TOLD       16   /* machines that break */
#define STEP       1000 /* of their first channel */
#define CHANNELS   8
#define SERIES     10 /* different ones; machines share them */
#define LEARN_ROWS 400
#define WARM_ROWS  464 /* learnt, calibrated, and a window beyond */
#define ROWS       6000
#define ENOUGH_S   3.0
#define PERIOD_NS  1000000000LL
#define START_NS   1767592800000000000LL

struct bench {
	struct mw_inference *inference;
	struct mw_fault_library *library;
	struct mw_sim_series *series[SERIES];
	size_t broken_from; /* row */
};

static void must(mw_err err, const char *why)
{
	if (!err)
		return;
	(void)fprintf(stderr, "bench_gateway: %s: %s\n", mw_err_text(err), why);
	exit(EXIT_FAILURE);
}

static double cpu_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double peak_mib(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_maxrss / 1024;
}

static void make_series(struct bench *bench)
{
	for (size_t i = 0; i < SERIES; i++) {
		const struct mw_sim_spec spec = {.seed = i + 1,
						 .machine = MW_MACHINE_OTHER,
						 .n_rows = ROWS,
						 .n_learn = LEARN_ROWS,
						 .n_channels = CHANNELS,
						 .period_s = 1};

		if (mw_sim_series_new(&spec, &bench->series[i]) != 0)
			must(MW_E_INVAL, "no series");
	}
}

static struct mw_fleet *make_fleet(const struct bench *bench, size_t n)
{
	const struct mw_fleet_opts opts = {
	    .inference = bench->inference, .library = bench->library, .max_assets = n};
	struct mw_fleet *fleet;
	struct mw_asset *asset;
	char name[32];

	must(mw_fleet_new(&opts, &fleet), "fleet");
	for (size_t i = 0; i < n; i++) {
		const struct mw_asset_opts asset_opts = {
		    .name = name,
		    .assembler = {.period_ns = PERIOD_NS},
		    .learn_rows = LEARN_ROWS,
		    .alarm = {.p_raise = 0.002, .on_windows = 2, .off_windows = 8},
		    .model = "bench"};

		(void)snprintf(name, sizeof(name), "machine-%zu", i);
		must(mw_fleet_add(fleet, &asset_opts, &asset), name);
	}
	return fleet;
}

static void push_row(const struct bench *bench, struct mw_fleet *fleet, size_t i, size_t row)
{
	const struct mw_sim_series *series = bench->series[i % SERIES];
	struct mw_asset *asset = mw_fleet_at(fleet, i);
	int64_t time_ns = START_NS + (int64_t)row * PERIOD_NS;

	for (size_t c = 0; c < series->n_channels; c++) {
		const char *name = series->channel[c].name;
		double value = series->value[row * series->n_channels + c] +
			       (c == 0 && row >= bench->broken_from ? STEP : 0);

		if (isfinite(value))
			(void)mw_asset_push(asset, (struct mw_str){name, strlen(name)}, time_ns,
					    value, 0, time_ns);
	}
	mw_fleet_touch(fleet, asset);
}

/* Every machine's row arrives, then what is complete is read: as it is live. */
static void feed(const struct bench *bench, struct mw_fleet *fleet, size_t row)
{
	for (size_t i = 0; i < mw_fleet_size(fleet); i++)
		push_row(bench, fleet, i, row);
	must(mw_fleet_run(fleet), "run");
}

static void run(const struct bench *bench, size_t n)
{
	struct mw_fleet *fleet = make_fleet(bench, n);
	struct mw_inference_stats before, after;
	double start, seconds = 0, windows, tokens;
	size_t row = 0;

	for (; row < WARM_ROWS; row++)
		feed(bench, fleet, row);
	mw_inference_stats(bench->inference, &before);
	for (start = cpu_s(); row < ROWS && seconds < ENOUGH_S; row++) {
		feed(bench, fleet, row);
		seconds = cpu_s() - start;
	}
	mw_inference_stats(bench->inference, &after);
	windows = (double)(after.windows - before.windows);
	tokens = (double)(after.positions + after.words - before.positions - before.words);
	printf("%8zu %10.0f %10.0f %14.2f %16.3f %14.0f %10.1f\n", n, windows / seconds,
	       tokens / seconds, seconds / windows * 1e3,
	       100 * seconds / (double)(n * (row - WARM_ROWS)),
	       (double)(n * (row - WARM_ROWS)) / seconds, peak_mib());
	(void)fflush(stdout);
	mw_fleet_free(fleet);
}

/* What it costs to tell an event: machines break, and the rounds in which something was told are set
 * against those in which windows were only read. */
static void explain(struct bench *bench)
{
	struct mw_fleet *fleet = make_fleet(bench, TOLD);
	double cost[2] = {0}, rounds[2] = {0}, told;
	struct mw_inference_stats first, before, after;

	for (size_t row = 0; row < WARM_ROWS; row++)
		feed(bench, fleet, row);
	bench->broken_from = WARM_ROWS;
	mw_inference_stats(bench->inference, &first);
	for (size_t row = WARM_ROWS; row < WARM_ROWS + MW_WINDOW_ROWS; row++) {
		double start = cpu_s();
		bool any;

		mw_inference_stats(bench->inference, &before);
		feed(bench, fleet, row);
		mw_inference_stats(bench->inference, &after);
		any = after.answers > before.answers;
		if (after.windows == before.windows)
			continue;
		cost[any] += cpu_s() - start;
		rounds[any]++;
	}
	told = (double)(after.answers - first.answers);
	printf("an event told: %.1f ms beside the reading (%.0f told, %.0f words each)\n",
	       1e3 * (cost[1] - rounds[1] * cost[0] / rounds[0]) / told, told,
	       (double)(after.words - first.words) / told);
	bench->broken_from = SIZE_MAX;
	mw_fleet_free(fleet);
}

int main(void)
{
	static const size_t machines[] = {1, 10, 100};
	const char *model = getenv("MODEL");
	struct mw_inference_opts opts = {0};
	struct bench bench = {.broken_from = SIZE_MAX};
	char why[512] = "";

	must(mw_conf_load_faults("schemas/faults.cfg", why, sizeof(why), &bench.library), why);
	opts.path = model ? model : "model/weights/millwright-nano.gguf";
	must(mw_inference_new(&opts, why, sizeof(why), &bench.inference), why);
	make_series(&bench);
	printf("%s, kernels %s, %d channels a machine, one thread\n",
	       mw_inference_name(bench.inference),
	       mw_lm_info(mw_inference_model(bench.inference))->kernels, CHANNELS);
	printf("%8s %10s %10s %14s %16s %14s %10s\n", "machines", "windows/s", "tokens/s",
	       "ms a window", "% core at 1 Hz", "machines/core", "peak MiB");
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		run(&bench, machines[i]);
	explain(&bench);
	for (size_t i = 0; i < SERIES; i++)
		mw_sim_series_free(bench.series[i]);
	mw_inference_free(bench.inference);
	mw_fault_library_free(bench.library);
	return EXIT_SUCCESS;
}
