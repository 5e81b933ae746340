/* What was scored as anomalous never becomes normal by lasting, returning or creeping in. */
#include "gateway/core/asset.h"
#include "tests/unit/unit.h"

#include "model/corpus/rng.h"

#include <math.h>
#include <string.h>

#define PERIOD 1000000000LL
#define START  (1000 * PERIOD)
#define LEARN  320
#define ONSET  600
#define LASTS  20000
#define FAULT  25.0 /* the pressure itself wanders by a standard deviation of 5 */
enum { LOAD, PRESSURE, TEMPERATURE, HUMIDITY }; /* channels, in order of appearance */

static const struct mw_asset_opts opts = {
    .name = "press-1",
    .machine = MW_MACHINE_HYDRAULIC,
    .assembler = {.period_ns = PERIOD},
    .learn_rows = LEARN,
    .alarm = {.p_raise = 0.002, .on_windows = 2, .off_windows = 4},
    .model = "test"};

/* An asset that is read without a model, and what became of its last window. */
struct watch {
	struct mw_asset *asset;
	struct mw_rng rng;
	struct mw_outcome outcome;
	double load, warm, own;
	double creep; /* of the humidity */
	size_t row, windows, raised, cleared;
};

static void watch_init(struct watch *watch, uint64_t seed)
{
	memset(watch, 0, sizeof(*watch));
	mw_rng_seed(&watch->rng, seed);
	ck_assert_int_eq(mw_asset_new(&opts, &watch->asset), MW_E_OK);
}

static void feed(struct watch *watch, const char *name, double value)
{
	int64_t time_ns = START + (int64_t)watch->row * PERIOD;

	ck_assert_int_eq(mw_asset_push(watch->asset, (struct mw_str){name, strlen(name)}, time_ns,
				       value, 0, time_ns),
			 MW_FATE_TAKEN);
}

/* The next row: a load that wanders, a pressure that follows it plus `fault`, a slow temperature,
 * and a humidity that nothing moves. */
static void step(struct watch *watch, double fault)
{
	static const struct mw_reading no_model;
	static struct mw_prompt prompt;

	watch->load = 0.9 * watch->load + mw_rng_normal(&watch->rng);
	watch->warm += (watch->load - watch->warm) / 8;
	feed(watch, "load", 50 + watch->load);
	feed(watch, "pressure", 120 + 2 * watch->load + 0.5 * mw_rng_normal(&watch->rng) + fault);
	feed(watch, "temperature", 40 + watch->warm + 0.2 * mw_rng_normal(&watch->rng));
	watch->own = 0.8 * watch->own + mw_rng_normal(&watch->rng);
	feed(watch, "humidity", 60 + watch->own + watch->creep);
	watch->row++;
	while (mw_asset_next(watch->asset, &prompt)) {
		mw_asset_take(watch->asset, &no_model, &watch->outcome);
		watch->windows++;
		watch->raised += watch->outcome.action == MW_ALARM_RAISE;
		watch->cleared += watch->outcome.action == MW_ALARM_CLEAR;
	}
}

/* Rows with a constant fault; the mean score of their windows. */
static double stretch(struct watch *watch, size_t rows, double fault)
{
	size_t before = watch->windows;
	double sum = 0;

	while (rows-- > 0) {
		size_t windows = watch->windows;

		step(watch, fault);
		sum += watch->windows > windows ? watch->outcome.judgement.score : 0;
	}
	return sum / (double)(watch->windows - before);
}

static double drift(const struct watch *watch, size_t channel)
{
	return (double)mw_evidence_symptom(mw_asset_evidence(watch->asset), channel,
					   MW_SYMPTOM_DRIFT);
}

static bool is_open(const struct watch *watch)
{
	return mw_asset_alarm(watch->asset)->open;
}

static void restart(struct watch *watch)
{
	struct mw_asset *again = NULL;
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(mw_asset_pack(watch->asset, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_asset_unpack(&opts, data, size, &again), MW_E_OK);
	free(data);
	mw_asset_free(watch->asset);
	watch->asset = again;
}

START_TEST(a_fault_that_lasts_is_scored_at_its_end_as_at_its_start)
{
	struct watch watch;
	double first, last, was;

	watch_init(&watch, 1);
	ck_assert_double_lt(stretch(&watch, ONSET, 0), 0.2);
	was = drift(&watch, PRESSURE);
	stretch(&watch, 100, FAULT);
	first = stretch(&watch, 400, FAULT);
	ck_assert_double_gt(first, 0.95);
	stretch(&watch, LASTS - 900, FAULT);
	last = stretch(&watch, 400, FAULT);
	ck_assert_double_ge(last, first - 1e-3);
	ck_assert_double_eq_tol(drift(&watch, PRESSURE), was, 0.25);
	ck_assert_uint_eq(watch.raised, 1);
	ck_assert_uint_eq(watch.cleared, 0);
	ck_assert(is_open(&watch));
	ck_assert_double_lt(watch.outcome.judgement.p_value, opts.alarm.p_raise);
	mw_asset_free(watch.asset);
}
END_TEST

/* An asset whose healthy windows differ much has a p-value that forgives a lot; its memory must not. */
START_TEST(what_is_gross_is_not_remembered_whatever_its_p_value)
{
	struct watch watch;
	double was;

	for (uint64_t seed = 90; seed < 96; seed++) {
		watch_init(&watch, seed);
		stretch(&watch, ONSET, 0);
		was = drift(&watch, PRESSURE);
		stretch(&watch, 4000, 20);
		ck_assert_double_gt(watch.outcome.judgement.score, 0.95);
		ck_assert_double_eq_tol(drift(&watch, PRESSURE), was, 0.25);
		mw_asset_free(watch.asset);
	}
}
END_TEST

START_TEST(after_a_long_fault_health_is_what_it_was_before)
{
	struct watch watch;
	double before;

	watch_init(&watch, 2);
	stretch(&watch, LEARN, 0);
	before = stretch(&watch, 800, 0);
	stretch(&watch, LASTS, FAULT);
	ck_assert(is_open(&watch));
	stretch(&watch, 200, 0);
	ck_assert(!is_open(&watch));
	ck_assert_uint_eq(watch.cleared, 1);
	ck_assert_double_eq_tol(stretch(&watch, 800, 0), before, 0.05);
	ck_assert_uint_eq(watch.raised, 1);
	mw_asset_free(watch.asset);
}
END_TEST

START_TEST(a_fault_that_returns_two_hundred_times_is_raised_every_time)
{
	struct watch watch;
	double first = 0, last = 0;

	watch_init(&watch, 3);
	stretch(&watch, ONSET, 0);
	for (size_t i = 0; i < 200; i++) {
		double score = stretch(&watch, 28, FAULT);

		first += i < 20 ? score / 20 : 0;
		last += i >= 180 ? score / 20 : 0;
		stretch(&watch, 80, 0);
		ck_assert_uint_eq(watch.raised, i + 1);
	}
	ck_assert_double_ge(last, first - 0.05);
	ck_assert_double_lt(fabs(drift(&watch, PRESSURE)), 1);
	mw_asset_free(watch.asset);
}
END_TEST

START_TEST(a_restart_in_the_midst_of_a_fault_forgives_nothing)
{
	struct watch watch;
	double before;

	watch_init(&watch, 4);
	stretch(&watch, ONSET, 0);
	before = stretch(&watch, 1000, FAULT);
	for (size_t i = 0; i < 20; i++) {
		restart(&watch);
		ck_assert(is_open(&watch));
		ck_assert_double_ge(stretch(&watch, 100, FAULT), before - 0.05);
	}
	ck_assert_uint_eq(watch.raised, 1);
	ck_assert_uint_eq(watch.cleared, 0);
	mw_asset_free(watch.asset);
}
END_TEST

START_TEST(what_creeps_away_from_its_companions_is_raised_in_the_end)
{
	struct watch watch;
	double off = 0;

	watch_init(&watch, 5);
	stretch(&watch, ONSET, 0);
	for (size_t t = 0; t < 8000; t++)
		step(&watch, off += 0.004);
	ck_assert(is_open(&watch));
	ck_assert_double_gt(stretch(&watch, 400, off), 0.95);
	ck_assert_double_lt(fabs(drift(&watch, PRESSURE)), 1); /* nothing of it was taken in */
	mw_asset_free(watch.asset);
}
END_TEST

/* Nothing else moves with the humidity: only what is remembered of its level can tell. */
START_TEST(what_creeps_all_by_itself_is_told_as_drift_in_the_end)
{
	struct watch watch;
	double healthy, half, whole;

	watch_init(&watch, 6);
	healthy = stretch(&watch, ONSET, 0);
	for (size_t t = 0; t < 4000; t++, watch.creep += 0.0015)
		step(&watch, 0);
	half = drift(&watch, HUMIDITY);
	ck_assert_double_gt(half, 2);
	for (size_t t = 0; t < 4000; t++, watch.creep += 0.0015)
		step(&watch, 0);
	whole = drift(&watch, HUMIDITY);
	ck_assert_double_gt(whole, half + 1);
	ck_assert_double_gt(stretch(&watch, 400, 0), 5 * healthy);
	ck_assert_double_gt(watch.outcome.judgement.score, 0.4);
	stretch(&watch, LASTS, 0); /* it stays there */
	ck_assert_double_ge(drift(&watch, HUMIDITY), whole - 0.25);
	ck_assert_double_gt(watch.outcome.judgement.score, 0.4);
	ck_assert_double_lt(fabs(drift(&watch, PRESSURE)), 0.5);
	mw_asset_free(watch.asset);
}
END_TEST

MW_TEST_MAIN("poison", a_fault_that_lasts_is_scored_at_its_end_as_at_its_start,
	     what_is_gross_is_not_remembered_whatever_its_p_value,
	     after_a_long_fault_health_is_what_it_was_before,
	     a_fault_that_returns_two_hundred_times_is_raised_every_time,
	     a_restart_in_the_midst_of_a_fault_forgives_nothing,
	     what_creeps_away_from_its_companions_is_raised_in_the_end,
	     what_creeps_all_by_itself_is_told_as_drift_in_the_end)
