/* seeds.c -- writes the corpora of stored baselines and assets anew, after a change of format:
 *
 *     make build/tests/fuzz/seeds && build/tests/fuzz/seeds tests/fuzz/corpus
 */
#include "gateway/core/asset.h"
#include "gateway/core/baseline_impl.h"
#include "model/corpus/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEARN  400
#define PERIOD 1000000000LL

static const char *folder;

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "seeds: %s\n", what);
	exit(EXIT_FAILURE);
}

static void save(const char *kind, const char *name, const uint8_t *data, size_t size)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, name);
	file = fopen(path, "wb");
	require(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, path);
}

/* --- baselines -------------------------------------------------------------------------------- */

/* A load, what follows it, a command of two levels, a counter, a state. */
static void simulate(double *value, size_t rows, size_t n)
{
	struct mw_rng rng;
	double load = 0, pieces = 0;

	mw_rng_seed(&rng, 3);
	for (size_t t = 0; t < rows; t++) {
		double command = t / 80 % 2 ? 40 : 10;
		double row[5];

		load = 0.8 * load + mw_rng_normal(&rng);
		pieces += t % 3 == 0;
		row[0] = 20 + load + command;
		row[1] = 60 - 2 * load + 0.2 * mw_rng_normal(&rng);
		row[2] = command;
		row[3] = pieces;
		row[4] = (double)(t / 25 % 3);
		memcpy(value + t * n, row, n * sizeof(*row));
	}
}

struct bytes {
	uint8_t *data;
	size_t size, n;
};

static struct bytes learn(size_t n)
{
	static const struct mw_baseline_hints hints = {
	    {MW_USE_QUANTITY, MW_USE_QUANTITY, MW_USE_COMMAND, MW_USE_COUNTER, MW_USE_STATE}};
	double value[LEARN * 5];
	struct mw_baseline *baseline = NULL;
	struct bytes bytes = {.n = n};

	simulate(value, LEARN, n);
	require(mw_baseline_fit(value, LEARN, n, &hints, &baseline) == MW_E_OK, "fit");
	require(mw_baseline_pack(baseline, &bytes.data, &bytes.size) == MW_E_OK, "pack");
	require(n < 3 || mw_baseline_n_regimes(baseline) == 2, "no regimes");
	mw_baseline_free(baseline);
	return bytes;
}

#define HEAD      20 /* magic, version, channels, rows */
#define MAP(n)    (HEAD + BASELINE_DOUBLES(n) * sizeof(double))
#define TELL      2                              /* after the counts of regimes and commands */
#define KIND(n)   (MAP(n) + 2)                   /* of the first channel, without regimes */
#define SPREAD(n) (KIND(n) + 1 + 8)              /* of its first symptom's measure */
#define REST(n)   (KIND(n) + 1 + 16 * N_MEASURE) /* correlation, 3 counts, partner, lag */

/* A copy with one number overwritten; width 1 or 4: an integer, 8: a double. */
static void damaged(const struct bytes *from, const char *name, size_t at, size_t width,
		    double value)
{
	uint8_t *copy = malloc(from->size);
	uint64_t bits = (uint64_t)value;

	require(copy && at + width <= from->size, name);
	memcpy(copy, from->data, from->size);
	if (width == sizeof(double))
		memcpy(&bits, &value, sizeof(bits));
	for (size_t i = 0; i < width; i++)
		copy[at + i] = (uint8_t)(bits >> (8 * i));
	save("baseline", name, copy, from->size);
	free(copy);
}

static void damage_block(const struct bytes *one)
{
	damaged(one, "old_version", 4, 4, 1);
	damaged(one, "no_channels", 8, 4, 0);
	damaged(one, "more_channels_than_bytes", 8, 4, 100);
	damaged(one, "not_a_number", HEAD, 8, NAN);
	damaged(one, "all_huge", HEAD, 8, 1e300);
	damaged(one, "scale_zero", HEAD + 8, 8, 0);
	damaged(one, "scale_tiny", HEAD + 8, 8, 1e-300);
	damaged(one, "blur_above_one", MAP(1) - 8, 8, 1.5);
	damaged(one, "pace_zero", MAP(1) - 16, 8, 0);
}

static void damage_models(const struct bytes *one, const struct bytes *five)
{
	damaged(one, "regimes_without_commands", MAP(1), 1, 2);
	damaged(one, "kind_unknown", KIND(1), 1, 3);
	damaged(one, "kind_state_without_table", KIND(1), 1, 1);
	damaged(one, "spread_zero", SPREAD(1) + 16, 8, 0);
	damaged(one, "correlation_two", REST(1), 8, 2);
	damaged(one, "partner_absent", REST(1) + 8 + 12, 4, 1);
	damaged(one, "lag_far", REST(1) + 8 + 12 + 4, 4, 99);
	damaged(five, "regimes_many", MAP(5), 1, 200);
	damaged(five, "commands_many", MAP(5) + 1, 1, 9);
	damaged(five, "command_absent", MAP(5) + TELL, 1, 5);
	damaged(five, "plateaus_many", MAP(5) + TELL + 1, 1, 5);
	damaged(five, "plateau_nowhere", MAP(5) + TELL + 2, 8, INFINITY);
	damaged(five, "reach_negative", MAP(5) + TELL + 10, 8, -1);
	damaged(five, "regime_of_no_plateau", MAP(5) + TELL + 2 + 32, 1, 2);
}

static void write_baselines(void)
{
	struct bytes one = learn(1), two = learn(2), five = learn(5);

	save("baseline", "valid_1", one.data, one.size);
	save("baseline", "valid_2", two.data, two.size);
	save("baseline", "valid_3", five.data, five.size);
	save("baseline", "empty", one.data, 0);
	save("baseline", "head_only", one.data, HEAD);
	save("baseline", "cut_off", five.data, five.size - 50);
	damage_block(&one);
	damage_models(&one, &five);
	free(one.data);
	free(two.data);
	free(five.data);
}

/* --- assets ----------------------------------------------------------------------------------- */

static void push(struct mw_asset *asset, const char *name, size_t t, double value)
{
	int64_t time_ns = (int64_t)(1000 + t) * PERIOD;

	(void)mw_asset_push(asset, (struct mw_str){name, strlen(name)}, time_ns, value, 0, time_ns);
}

static void watch(struct mw_asset *asset)
{
	static const struct mw_reading no_model;
	static const struct mw_fault_library library;
	static const struct mw_explain_opts explain;
	static struct mw_prompt prompt;
	static struct mw_event_window window;
	struct mw_outcome outcome;

	while (mw_asset_next(asset, &prompt)) {
		mw_asset_take(asset, &no_model, &outcome);
		if (outcome.action != MW_ALARM_RAISE)
			continue;
		require(mw_asset_describe(asset, &outcome, NULL, &window), "describe");
		mw_asset_explain(asset, &library, &explain, NULL);
	}
}

/* An asset after `rows` rows, of which the last 40 are faulty when it is `broken`. */
static void write_asset(const char *name, size_t rows, bool broken)
{
	const struct mw_asset_opts opts = {
	    .name = "press-1",
	    .assembler = {.period_ns = PERIOD},
	    .learn_rows = MW_LEARN_ROWS_MIN,
	    .alarm = {.p_raise = 0.01, .on_windows = 1, .off_windows = 4}};
	double *value = malloc(rows * 2 * sizeof(*value));
	struct mw_asset *asset = NULL;
	uint8_t *data = NULL;
	size_t size;

	require(value && mw_asset_new(&opts, &asset) == MW_E_OK, name);
	simulate(value, rows, 2);
	for (size_t t = 0; t < rows; t++) {
		push(asset, "load", t, value[2 * t]);
		push(asset, "pressure", t, value[2 * t + 1] + (broken && t + 40 >= rows ? 200 : 0));
		watch(asset);
	}
	require(!broken || mw_asset_event(asset), "no event");
	require(mw_asset_pack(asset, &data, &size) == MW_E_OK, name);
	save("asset", name, data, size);
	save("asset", broken ? "cut_in_event" : "cut_off", data, size / 2 + size / 3);
	free(data);
	free(value);
	mw_asset_free(asset);
}

int main(int argc, char **argv)
{
	require(argc == 2, "usage: seeds tests/fuzz/corpus");
	folder = argv[1];
	write_baselines();
	write_asset("learning", 24, false);
	write_asset("watching", 240, false);
	write_asset("raised", 320, true);
	return EXIT_SUCCESS;
}
