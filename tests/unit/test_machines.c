/* The physical machines, each by its op table: plausible when healthy, telling when at fault. */
#include "model/corpus/plant.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define N_SEED    50
#define N_SHAPE   12 /* seeds of the tests that try every fault */
#define MAX_STATE 4096

#define FOR_EACH_MACHINE(plant)                                                                    \
	for (int m_ = 1; m_ < MW_N_MACHINE; m_++)                                                  \
		for (const struct mw_plant *plant = mw_plant_find((enum mw_machine)m_); plant;     \
		     plant = NULL)

/* One machine as series.c runs it, without sensors. */
struct bench {
	const struct mw_plant *plant;
	_Alignas(16) unsigned char state[MAX_STATE];
	struct mw_rng rng;
	struct mw_plant_channel channel[MW_SIM_MAX_CHANNELS];
	size_t n;
	size_t row;
	double dt_s;
};

static void bench_init(struct bench *bench, const struct mw_plant *plant, uint64_t seed,
		       double dt_s)
{
	struct mw_plant_setup setup = {.dt_s = dt_s, .n_learn = 600};
	struct mw_plant_row row = {.dt_s = dt_s};
	double unread[MW_SIM_MAX_CHANNELS];
	struct mw_rng rng;

	memset(bench, 0, sizeof(*bench));
	ck_assert_uint_le(plant->state_size, sizeof(bench->state));
	bench->plant = plant;
	bench->dt_s = dt_s;
	mw_rng_seed(&bench->rng, seed);
	mw_rng_fork(&bench->rng, 1, &rng);
	plant->init(bench->state, &setup, &rng);
	for (size_t i = 0; i < plant->settle_rows; i++)
		plant->step(bench->state, &row, &rng, unread);
	bench->n = plant->describe(bench->state, bench->channel);
}

static void bench_step(struct bench *bench, const struct mw_plant_act *fault,
		       const struct mw_plant_act *operation, double *ret_true)
{
	struct mw_plant_row row = {.dt_s = bench->dt_s};
	struct mw_rng rng;

	if (fault)
		row.fault = *fault;
	if (operation)
		row.operation = *operation;
	mw_rng_fork(&bench->rng, 1000 + bench->row++, &rng);
	bench->plant->step(bench->state, &row, &rng, ret_true);
}

static struct mw_plant_act act_at(enum mw_fault fault, double level, size_t age, size_t length)
{
	double grown = fmin((double)(age + 1) / 20.0, 1.0);

	return (struct mw_plant_act){.fault = fault,
				     .level = level * grown,
				     .full_level = level,
				     .age_rows = age,
				     .length_rows = length,
				     .seed = 77};
}

/* Largest distance of the twins on any channel that has a sensor, in units of 1.3 of its noise. */
static double largest_effect(struct bench *bench, enum mw_fault fault, double level, size_t rows)
{
	struct bench twin = *bench;
	double largest = 0.0;

	for (size_t i = 0; i < rows; i++) {
		struct mw_plant_act act = act_at(fault, level, i, rows);
		double bad[MW_SIM_MAX_CHANNELS];
		double good[MW_SIM_MAX_CHANNELS];

		bench_step(bench, &act, NULL, bad);
		bench_step(&twin, NULL, NULL, good);
		for (size_t c = 0; c < bench->n; c++) {
			double noise = bench->channel[c].noise;

			ck_assert_msg(isfinite(bad[c]), "%s", mw_fault_code(fault));
			if (noise > 0)
				largest = fmax(largest, fabs(bad[c] - good[c]) / (1.3 * noise));
		}
	}
	return largest;
}

static bool in_range(const struct mw_plant_channel *channel, double value)
{
	bool limited = channel->lo < channel->hi;

	return isfinite(value) && (!limited || (value >= channel->lo && value <= channel->hi));
}

START_TEST(ten_machines_or_more_are_registered)
{
	int n = 0;

	FOR_EACH_MACHINE(plant)
	{
		ck_assert_int_eq((int)plant->machine, m_);
		n++;
	}
	ck_assert_int_ge(n, 10);
}
END_TEST

START_TEST(healthy_machines_stay_in_their_instruments_ranges)
{
	FOR_EACH_MACHINE(plant)
	for (uint64_t seed = 1; seed <= N_SEED; seed++) {
		struct bench bench;
		double value[MW_SIM_MAX_CHANNELS];

		bench_init(&bench, plant, seed, plant->period_s);
		for (int i = 0; i < 1000; i++) {
			bench_step(&bench, NULL, NULL, value);
			for (size_t c = 0; c < bench.n; c++)
				ck_assert_msg(in_range(&bench.channel[c], value[c]),
					      "%s seed %d: %s = %g outside %g..%g",
					      mw_machine_code(plant->machine), (int)seed,
					      bench.channel[c].id.name, value[c],
					      bench.channel[c].lo, bench.channel[c].hi);
		}
	}
}
END_TEST

/* By role, in the units of the table, whatever the size of the machine. */
static void check_plausible(const struct mw_plant_channel *channel, double mean)
{
	const char *unit = channel->id.unit;

	if (strcmp(unit, "degC") == 0)
		ck_assert_msg(mean > -20 && mean < 1300, "%s %g", channel->id.name, mean);
	if (strcmp(unit, "mm/s") == 0)
		ck_assert_msg(mean > 0 && mean < 12, "%s %g", channel->id.name, mean);
	if (strcmp(unit, "V") == 0)
		ck_assert_msg(mean > 200 && mean < 520, "%s %g", channel->id.name, mean);
	if (strcmp(unit, "%") == 0 && channel->id.role != MW_ROLE_SETPOINT)
		ck_assert_msg(mean > -100 && mean <= 130, "%s %g", channel->id.name, mean);
	if (strcmp(unit, "A") == 0 || strcmp(unit, "kW") == 0 || strcmp(unit, "rpm") == 0)
		ck_assert_msg(mean > 0, "%s %g", channel->id.name, mean);
}

START_TEST(levels_are_those_of_real_machines)
{
	FOR_EACH_MACHINE(plant)
	for (uint64_t seed = 1; seed <= N_SEED; seed++) {
		struct bench bench;
		double mean[MW_SIM_MAX_CHANNELS] = {0};
		double value[MW_SIM_MAX_CHANNELS];

		bench_init(&bench, plant, seed, plant->period_s);
		for (int i = 0; i < 200; i++) {
			bench_step(&bench, NULL, NULL, value);
			for (size_t c = 0; c < bench.n; c++)
				mean[c] += value[c] / 200;
		}
		for (size_t c = 0; c < bench.n; c++)
			check_plausible(&bench.channel[c], mean[c]);
	}
}
END_TEST

START_TEST(no_two_machines_have_the_same_instruments)
{
	FOR_EACH_MACHINE(plant)
	{
		size_t same = 0;
		struct bench first;

		bench_init(&first, plant, 1, plant->period_s);
		for (uint64_t seed = 2; seed <= 20; seed++) {
			struct bench bench;

			bench_init(&bench, plant, seed, plant->period_s);
			ck_assert_uint_ge(bench.n, 4);
			ck_assert_uint_le(bench.n, MW_SIM_MAX_CHANNELS);
			same +=
			    bench.n == first.n && memcmp(bench.channel, first.channel,
							 bench.n * sizeof(bench.channel[0])) == 0;
		}
		ck_assert_uint_le(same, 2);
	}
}
END_TEST

START_TEST(any_period_gives_finite_values)
{
	static const double factor[] = {0.1, 10.0, 600.0};

	FOR_EACH_MACHINE(plant)
	for (uint64_t seed = 1; seed <= 3 * N_SHAPE; seed++) {
		struct bench bench;
		double value[MW_SIM_MAX_CHANNELS];

		bench_init(&bench, plant, seed, plant->period_s * factor[seed % 3]);
		for (int i = 0; i < 400; i++) {
			bench_step(&bench, NULL, NULL, value);
			for (size_t c = 0; c < bench.n; c++)
				ck_assert_msg(in_range(&bench.channel[c], value[c]), "%s: %s = %g",
					      mw_machine_code(plant->machine),
					      bench.channel[c].id.name, value[c]);
		}
	}
}
END_TEST

START_TEST(the_grossest_fault_breaks_no_machine)
{
	FOR_EACH_MACHINE(plant)
	for (size_t f = 0; f < plant->n_can; f++)
		for (uint64_t seed = 1; seed <= N_SHAPE; seed++) {
			struct bench bench;

			if (mw_fault_kind_of(plant->can[f].fault) != MW_KIND_PROCESS)
				continue;
			bench_init(&bench, plant, seed, plant->period_s * (seed % 3 ? 1.0 : 8.0));
			largest_effect(&bench, plant->can[f].fault, MW_PLANT_MAX_LEVEL, 300);
		}
}
END_TEST

/* A trace of a fault must not set a machine on another course. */
START_TEST(a_trace_of_a_fault_is_invisible)
{
	FOR_EACH_MACHINE(plant)
	for (size_t f = 0; f < plant->n_can; f++)
		for (uint64_t seed = 1; seed <= N_SHAPE; seed++) {
			enum mw_fault fault = plant->can[f].fault;
			struct bench bench;
			double effect;

			/* Where a stuck valve stops is drawn by nobody's command: a trace of it
			 * already lets go of the controller. */
			if (mw_fault_kind_of(fault) != MW_KIND_PROCESS ||
			    fault == MW_FAULT_VALVE_STUCK || fault == MW_FAULT_SPEED_LOSS)
				continue;
			bench_init(&bench, plant, seed, plant->period_s);
			effect = largest_effect(&bench, fault, 0.001, 300);
			/* A start of the motor a moment earlier or later counts for something. */
			ck_assert_msg(effect < 1.5, "%s %s seed %d: %g",
				      mw_machine_code(plant->machine), mw_fault_code(fault),
				      (int)seed, effect);
		}
}
END_TEST

static double peak(const struct mw_sim_series *series, size_t channel, size_t from, size_t to)
{
	double largest = 0.0;

	for (size_t row = from; row < to; row++)
		if (!isnan(series->value[row * series->n_channels + channel]))
			largest = fmax(largest,
				       (double)series->effect[row * series->n_channels + channel]);
	return largest;
}

static struct mw_sim_series *injected(enum mw_machine machine, enum mw_fault fault, uint64_t seed)
{
	struct mw_sim_spec spec = {
	    .seed = seed,
	    .machine = machine,
	    .n_rows = 700,
	    .n_learn = 400,
	    .n_injection = 1,
	    .injection = {{.fault = fault,
			   .strength = 1.0,
			   .onset_row = 450,
			   .end_row = 650,
			   .growth_rows = 20,
			   .channel = -1}},
	};
	struct mw_sim_series *series = NULL;

	ck_assert_int_eq(mw_sim_series_new(&spec, &series), 0);
	return series;
}

START_TEST(the_first_cause_of_a_strong_fault_deviates)
{
	FOR_EACH_MACHINE(plant)
	for (size_t f = 0; f < plant->n_can; f++) {
		enum mw_fault fault = plant->can[f].fault;
		int plain = 0;

		if (mw_fault_kind_of(fault) != MW_KIND_PROCESS)
			continue;
		for (uint64_t seed = 1; seed <= N_SHAPE; seed++) {
			struct mw_sim_series *series = injected(plant->machine, fault, seed);

			ck_assert_uint_ge(series->n_cause[0], 1);
			plain += peak(series, series->cause_order[0][0], 450, 650) >= 4.0;
			mw_sim_series_free(series);
		}
		/* A machine whose load swings widely may drown one. */
		ck_assert_msg(plain >= N_SHAPE - 3, "%s %s: plain on %d of %d",
			      mw_machine_code(plant->machine), mw_fault_code(fault), plain,
			      N_SHAPE);
	}
}
END_TEST

/* Bearing wear is told by vibration, cavitation by suction pressure: where those are measured. */
START_TEST(known_faults_show_on_the_channels_that_engineers_watch)
{
	static const struct {
		enum mw_machine machine;
		enum mw_fault fault;
		const char *channel;
	} known[] = {
	    {MW_MACHINE_PUMP, MW_FAULT_CAVITATION, "suction_pressure"},
	    {MW_MACHINE_PUMP, MW_FAULT_BEARING_WEAR, "vibration_drive_end"},
	    {MW_MACHINE_PUMP, MW_FAULT_LUBRICATION_LOSS, "bearing_temperature"},
	    {MW_MACHINE_PUMP, MW_FAULT_COOLING_LOSS, "winding_temperature"},
	    {MW_MACHINE_COMPRESSOR, MW_FAULT_COOLING_LOSS, "oil_temperature"},
	    {MW_MACHINE_COMPRESSOR, MW_FAULT_BLOCKAGE, "separator_pressure_drop"},
	    {MW_MACHINE_CONVEYOR, MW_FAULT_BELT_SLIP, "belt_speed"},
	    {MW_MACHINE_CONVEYOR, MW_FAULT_MISALIGNMENT, "belt_tracking"},
	    {MW_MACHINE_FAN, MW_FAULT_FILTER_CLOGGING, "filter_pressure_drop"},
	    {MW_MACHINE_TANK, MW_FAULT_LEAK, "inlet_flow"},
	    {MW_MACHINE_EXCHANGER, MW_FAULT_DISTURBANCE, "hot_inlet_temperature"},
	    {MW_MACHINE_HYDRAULIC, MW_FAULT_LEAK, "tank_level"},
	};

	for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
		int measured = 0;
		int shown = 0;

		for (uint64_t seed = 1; seed <= 2 * N_SHAPE; seed++) {
			struct mw_sim_series *series =
			    injected(known[k].machine, known[k].fault, seed);

			for (size_t c = 0; c < series->n_channels; c++)
				if (strcmp(series->channel[c].name, known[k].channel) == 0) {
					measured++;
					shown += peak(series, c, 450, 650) >= 3.0;
				}
			mw_sim_series_free(series);
		}
		ck_assert_msg(measured > 0 && shown * 10 >= measured * 8, "%s %s: %d of %d",
			      mw_machine_code(known[k].machine), known[k].channel, shown, measured);
	}
}
END_TEST

/* Both twins are the same; and the machine moves as it would not have moved. */
START_TEST(operations_act_on_both_twins)
{
	FOR_EACH_MACHINE(plant)
	for (size_t f = 0; f < plant->n_can; f++) {
		enum mw_fault fault = plant->can[f].fault;
		int moved = 0;

		if (mw_fault_kind_of(fault) != MW_KIND_OPERATION)
			continue;
		for (uint64_t seed = 1; seed <= N_SHAPE; seed++) {
			struct mw_sim_series *series = injected(plant->machine, fault, seed);
			size_t size = series->n_rows * series->n_channels * sizeof(double);

			ck_assert_mem_eq(series->value, series->healthy, size);
			mw_sim_series_free(series);
		}
		for (uint64_t seed = 1; seed <= N_SHAPE; seed++) {
			struct bench bench;
			struct bench twin;
			double largest = 0.0;

			bench_init(&bench, plant, seed, plant->period_s);
			twin = bench;
			for (size_t i = 0; i < 200; i++) {
				struct mw_plant_act act = act_at(fault, 1.0, i, 200);
				double a[MW_SIM_MAX_CHANNELS];
				double b[MW_SIM_MAX_CHANNELS];

				bench_step(&bench, NULL, &act, a);
				bench_step(&twin, NULL, NULL, b);
				for (size_t c = 0; c < bench.n; c++)
					if (bench.channel[c].noise > 0)
						largest = fmax(largest, fabs(a[c] - b[c]) /
									    bench.channel[c].noise);
			}
			moved += largest > 5.0;
		}
		ck_assert_msg(moved >= N_SHAPE - 2, "%s %s: moved %d of %d",
			      mw_machine_code(plant->machine), mw_fault_code(fault), moved,
			      N_SHAPE);
	}
}
END_TEST

/* The largest value of each channel over some rows. */
static void largest_values(struct bench *bench, const struct mw_plant_act *operation, int rows,
			   double *ret)
{
	for (int i = 0; i < rows; i++) {
		struct mw_plant_act act = {0};
		double value[MW_SIM_MAX_CHANNELS];

		if (operation) {
			act = *operation;
			act.age_rows += (size_t)i;
		}
		bench_step(bench, NULL, operation ? &act : NULL, value);
		for (size_t c = 0; c < bench->n; c++)
			ret[c] = i == 0 ? value[c] : fmax(ret[c], value[c]);
	}
}

START_TEST(a_stopped_machine_draws_no_current_and_starts_again)
{
	FOR_EACH_MACHINE(plant)
	for (uint64_t seed = 1; seed <= N_SHAPE; seed++) {
		struct mw_plant_act stop = {
		    .fault = MW_FAULT_SHUTDOWN, .level = 1, .full_level = 1, .length_rows = 300};
		struct bench bench;
		double before[MW_SIM_MAX_CHANNELS];
		double value[MW_SIM_MAX_CHANNELS];

		bench_init(&bench, plant, seed, plant->period_s);
		largest_values(&bench, NULL, 300, before);
		largest_values(&bench, &stop, 290, value);
		stop.age_rows = 290;
		largest_values(&bench, &stop, 10, value);
		for (size_t c = 0; c < bench.n; c++)
			if (bench.channel[c].id.role == MW_ROLE_CURRENT)
				ck_assert_msg(value[c] < 0.05 * before[c], "%s: %g of %g",
					      mw_machine_code(plant->machine), value[c], before[c]);
		largest_values(&bench, NULL, 300, value);
		for (size_t c = 0; c < bench.n; c++)
			if (bench.channel[c].id.role == MW_ROLE_CURRENT)
				ck_assert_msg(value[c] > 0.2 * before[c], "%s: %g of %g",
					      mw_machine_code(plant->machine), value[c], before[c]);
	}
}
END_TEST

/* As many instruments as asked for; copies have names of their own. */
START_TEST(wide_machines_are_as_wide_as_asked_for)
{
	FOR_EACH_MACHINE(plant)
	for (size_t n = MW_SIM_MAX_CHANNELS; n > 20; n -= 9) {
		struct mw_sim_spec spec = {.seed = n,
					   .machine = plant->machine,
					   .n_rows = 300,
					   .n_learn = 256,
					   .n_channels = n};
		struct mw_sim_series *series = NULL;

		ck_assert_int_eq(mw_sim_series_new(&spec, &series), 0);
		ck_assert_uint_eq(series->n_channels, n);
		for (size_t a = 0; a < n; a++)
			for (size_t b = 0; b < a; b++)
				ck_assert_str_ne(series->channel[a].name, series->channel[b].name);
		mw_sim_series_free(series);
	}
}
END_TEST

MW_TEST_MAIN("machines", ten_machines_or_more_are_registered,
	     healthy_machines_stay_in_their_instruments_ranges, levels_are_those_of_real_machines,
	     no_two_machines_have_the_same_instruments, any_period_gives_finite_values,
	     the_grossest_fault_breaks_no_machine, a_trace_of_a_fault_is_invisible,
	     the_first_cause_of_a_strong_fault_deviates,
	     known_faults_show_on_the_channels_that_engineers_watch, operations_act_on_both_twins,
	     a_stopped_machine_draws_no_current_and_starts_again,
	     wide_machines_are_as_wide_as_asked_for)
