#include "model/corpus/plant.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define N_LEARN 256
#define N_ROWS  640
#define ONSET   300

static struct mw_sim_series *run(const struct mw_sim_spec *spec)
{
	struct mw_sim_series *series = NULL;

	ck_assert_int_eq(mw_sim_series_new(spec, &series), 0);
	return series;
}

static struct mw_sim_spec plain_spec(enum mw_machine machine, uint64_t seed)
{
	return (struct mw_sim_spec){
	    .seed = seed, .machine = machine, .n_rows = N_ROWS, .n_learn = N_LEARN};
}

static void inject(struct mw_sim_spec *spec, enum mw_fault fault, double strength)
{
	spec->injection[spec->n_injection++] = (struct mw_sim_injection){
	    .fault = fault,
	    .strength = strength,
	    .onset_row = ONSET,
	    .end_row = N_ROWS,
	    .channel = -1,
	};
}

static struct mw_sim_series *run_with(enum mw_machine machine, uint64_t seed, enum mw_fault fault,
				      double strength)
{
	struct mw_sim_spec spec = plain_spec(machine, seed);

	inject(&spec, fault, strength);
	return run(&spec);
}

static size_t cells(const struct mw_sim_series *series)
{
	return series->n_rows * series->n_channels;
}

static bool same(const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
			return false;
	return true;
}

static double peak_of(const struct mw_sim_series *series, int channel)
{
	float peak = 0;

	for (size_t row = 0; row < series->n_rows; row++)
		for (size_t c = 0; c < series->n_channels; c++)
			if (channel < 0 || (int)c == channel)
				peak = fmaxf(peak, series->effect[row * series->n_channels + c]);
	return (double)peak;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

START_TEST(one_spec_gives_the_same_series_every_time)
{
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct mw_sim_spec spec;
		struct mw_sim_series *a;
		struct mw_sim_series *b;

		mw_sim_spec_draw(seed, &spec);
		a = run(&spec);
		b = run(&spec);
		ck_assert_uint_eq(a->n_channels, b->n_channels);
		ck_assert(same(a->value, b->value, cells(a)));
		ck_assert(same(a->healthy, b->healthy, cells(a)));
		ck_assert_mem_eq(a->cause_order, b->cause_order, sizeof(a->cause_order));
		ck_assert_mem_eq(a->channel, b->channel, sizeof(a->channel));
		mw_sim_series_free(a);
		mw_sim_series_free(b);
	}
}
END_TEST

START_TEST(the_spec_of_a_series_runs_to_the_same_series_again)
{
	for (uint64_t seed = 40; seed < 60; seed++) {
		struct mw_sim_spec spec;
		struct mw_sim_series *a;
		struct mw_sim_series *b;

		mw_sim_spec_draw(seed, &spec);
		a = run(&spec);
		b = run(&a->spec);
		ck_assert(same(a->value, b->value, cells(a)));
		mw_sim_series_free(a);
		mw_sim_series_free(b);
	}
}
END_TEST

START_TEST(another_seed_gives_another_series)
{
	struct mw_sim_spec spec = plain_spec(MW_MACHINE_OTHER, 1);
	struct mw_sim_series *a;
	struct mw_sim_series *b;

	spec.n_channels = 4;
	a = run(&spec);
	spec.seed = 2;
	b = run(&spec);
	ck_assert(!same(a->value, b->value, cells(a)));
	mw_sim_series_free(a);
	mw_sim_series_free(b);
}
END_TEST

START_TEST(nothing_deviates_before_the_first_fault)
{
	for (uint64_t seed = 100; seed < 300; seed++) {
		struct mw_sim_spec spec;
		struct mw_sim_series *series;
		size_t first;

		mw_sim_spec_draw(seed, &spec);
		first = spec.n_rows;
		for (size_t i = 0; i < spec.n_injection; i++)
			if (mw_fault_kind_of(spec.injection[i].fault) != MW_KIND_OPERATION &&
			    spec.injection[i].onset_row < first)
				first = spec.injection[i].onset_row;
		series = run(&spec);
		ck_assert(same(series->value, series->healthy, first * series->n_channels));
		for (size_t i = 0; i < first * series->n_channels; i++)
			ck_assert_float_eq(series->effect[i], 0.0f);
		mw_sim_series_free(series);
	}
}
END_TEST

START_TEST(effect_is_the_distance_of_the_twins_in_noise_units)
{
	for (uint64_t seed = 300; seed < 400; seed++) {
		struct mw_sim_spec spec;
		struct mw_sim_series *s;

		mw_sim_spec_draw(seed, &spec);
		s = run(&spec);
		for (size_t i = 0; i < cells(s); i++) {
			double far = fabs(s->value[i] - s->healthy[i]);
			double unit = s->noise_unit[i % s->n_channels];

			ck_assert_double_gt(unit, 0);
			if (s->by_exception[i % s->n_channels])
				continue;
			if (isnan(s->healthy[i]))
				ck_assert_float_eq(s->effect[i], 0.0f);
			else if (isnan(s->value[i]))
				ck_assert_float_eq(s->effect[i], MW_SIM_EFFECT_LOST);
			else
				ck_assert_float_eq(s->effect[i], (float)(far / unit));
		}
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(readings_are_finite_or_lost_and_rarely_lost_when_healthy)
{
	size_t lost = 0;
	size_t all = 0;

	for (uint64_t seed = 400; seed < 700; seed++) {
		struct mw_sim_spec spec;
		struct mw_sim_series *series;

		mw_sim_spec_draw(seed, &spec);
		series = run(&spec);
		for (size_t i = 0; i < cells(series); i++) {
			ck_assert(!isinf(series->value[i]) && !isinf(series->healthy[i]));
			if (series->by_exception[i % series->n_channels])
				continue;
			lost += isnan(series->healthy[i]) != 0;
			all++;
		}
		mw_sim_series_free(series);
	}
	ck_assert_double_lt((double)lost / (double)all, 0.002);
}
END_TEST

START_TEST(operations_act_on_both_twins_and_move_the_machine)
{
	for (int m = 0; m < MW_N_MACHINE; m++)
		for (int f = 0; f < MW_N_FAULT; f++) {
			enum mw_machine machine = (enum mw_machine)m;
			enum mw_fault fault = (enum mw_fault)f;
			int moved = 0;

			if (mw_fault_kind_of(fault) != MW_KIND_OPERATION ||
			    !mw_sim_can(machine, fault))
				continue;
			for (uint64_t seed = 0; seed < 6; seed++) {
				struct mw_sim_spec spec = plain_spec(machine, seed);
				struct mw_sim_series *before = run(&spec);
				struct mw_sim_series *series;

				inject(&spec, fault, 1);
				series = run(&spec);
				ck_assert(same(series->value, series->healthy, cells(series)));
				ck_assert(
				    same(series->value, before->value, ONSET * series->n_channels));
				moved += !same(series->value, before->value, cells(series));
				mw_sim_series_free(series);
				mw_sim_series_free(before);
			}
			ck_assert_msg(moved >= 4, "%s %s moved %d of 6", mw_machine_code(machine),
				      mw_fault_code(fault), moved);
		}
}
END_TEST

START_TEST(every_fault_a_machine_can_have_shows_first_where_it_says)
{
	for (int m = 0; m < MW_N_MACHINE; m++)
		for (int f = 0; f < MW_N_FAULT; f++) {
			enum mw_machine machine = (enum mw_machine)m;
			enum mw_fault fault = (enum mw_fault)f;
			enum mw_fault_kind kind = mw_fault_kind_of(fault);
			int shows = 0;

			if ((kind != MW_KIND_SENSOR && kind != MW_KIND_PROCESS) ||
			    !mw_sim_can(machine, fault))
				continue;
			for (uint64_t seed = 0; seed < 8; seed++) {
				struct mw_sim_series *series = run_with(machine, seed, fault, 1);
				double peak = peak_of(series, series->cause_order[0][0]);

				ck_assert_uint_ge(series->n_cause[0], 1);
				ck_assert_msg(peak >= 0.5, "%s %s seed %d: %g noise units",
					      mw_machine_code(machine), mw_fault_code(fault),
					      (int)seed, peak);
				shows += peak >= 1;
				mw_sim_series_free(series);
			}
			ck_assert_msg(shows >= 7, "%s %s shows in %d of 8",
				      mw_machine_code(machine), mw_fault_code(fault), shows);
		}
}
END_TEST

START_TEST(strength_spreads_the_realised_effect_over_its_range)
{
	static const double strength[] = {0.1, 0.4, 0.7, 1};
	double last = 0;

	for (size_t i = 0; i < 4; i++) {
		double want = 0.5 * pow(60, strength[i]);
		double peak[41];

		for (uint64_t seed = 0; seed < 41; seed++) {
			struct mw_sim_series *series =
			    run_with(MW_MACHINE_OTHER, seed, MW_FAULT_DISTURBANCE, strength[i]);

			peak[seed] = peak_of(series, -1);
			mw_sim_series_free(series);
		}
		qsort(peak, 41, sizeof(peak[0]), compare_double);
		ck_assert_double_gt(peak[20], want / 1.5);
		ck_assert_double_lt(peak[20], want * 1.5);
		ck_assert_double_gt(peak[20], last);
		last = peak[20];
	}
}
END_TEST

START_TEST(a_fault_of_no_strength_changes_no_reading)
{
	static const enum mw_fault fault[] = {MW_FAULT_BIAS, MW_FAULT_NOISE, MW_FAULT_DISTURBANCE,
					      MW_FAULT_HUNTING, MW_FAULT_COUPLING_CHANGE};

	for (size_t i = 0; i < sizeof(fault) / sizeof(fault[0]); i++) {
		struct mw_sim_series *series = run_with(MW_MACHINE_OTHER, 5, fault[i], 0);

		ck_assert_double_lt(peak_of(series, -1), 1e-9);
		mw_sim_series_free(series);
	}
}
END_TEST

START_TEST(dropout_loses_readings_of_its_channel_only)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct mw_sim_series *s = run_with(MW_MACHINE_OTHER, seed, MW_FAULT_DROPOUT, 0.5);
		size_t c = (size_t)s->spec.injection[0].channel;
		size_t lost = 0;

		ck_assert(isnan(s->value[ONSET * s->n_channels + c]));
		for (size_t i = 0; i < cells(s); i++) {
			bool differs = isnan(s->value[i]) && !isnan(s->healthy[i]);

			lost += differs;
			ck_assert(!differs || i % s->n_channels == c);
			ck_assert(!differs || s->effect[i] == MW_SIM_EFFECT_LOST);
		}
		ck_assert_uint_gt(lost, (N_ROWS - ONSET) / 3);
		ck_assert_uint_lt(lost, N_ROWS - ONSET);
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(sensor_faults_touch_no_other_channel)
{
	for (int f = 0; f < MW_N_FAULT; f++) {
		struct mw_sim_spec spec = plain_spec(MW_MACHINE_OTHER, (uint64_t)f);
		struct mw_sim_series *s;

		if (mw_fault_kind_of((enum mw_fault)f) != MW_KIND_SENSOR)
			continue;
		spec.n_channels = 6;
		inject(&spec, (enum mw_fault)f, 0.9);
		spec.injection[0].channel = 2;
		s = run(&spec);
		for (size_t i = 0; i < cells(s); i++)
			ck_assert(i % 6 == 2 || s->effect[i] == 0.0f);
		ck_assert_uint_eq(s->cause_order[0][0], 2);
		ck_assert_uint_eq(s->n_cause[0], 1);
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(a_stuck_sensor_repeats_one_value)
{
	struct mw_sim_series *s = run_with(MW_MACHINE_OTHER, 3, MW_FAULT_STUCK, 1);
	size_t c = (size_t)s->spec.injection[0].channel;
	double held = s->value[ONSET * s->n_channels + c];

	for (size_t row = ONSET; row < N_ROWS; row++) {
		double value = s->value[row * s->n_channels + c];

		ck_assert(isnan(value) || value == held);
	}
	mw_sim_series_free(s);
}
END_TEST

START_TEST(a_growing_fault_is_small_at_first)
{
	struct mw_sim_spec spec = plain_spec(MW_MACHINE_OTHER, 4);
	struct mw_sim_series *s;
	size_t c;

	inject(&spec, MW_FAULT_DRIFT, 1);
	spec.injection[0].growth_rows = 200;
	s = run(&spec);
	c = (size_t)s->spec.injection[0].channel;
	ck_assert_float_lt(s->effect[(ONSET + 5) * s->n_channels + c], 2);
	ck_assert_float_gt(s->effect[(ONSET + 250) * s->n_channels + c], 20);
	mw_sim_series_free(s);
}
END_TEST

START_TEST(rows_are_labelled_with_what_acts_on_them)
{
	struct mw_sim_spec spec = plain_spec(MW_MACHINE_OTHER, 9);
	struct mw_sim_series *s;

	inject(&spec, MW_FAULT_DISTURBANCE, 0.5);
	inject(&spec, MW_FAULT_LOAD_CHANGE, 0.5);
	spec.injection[0].end_row = 400;
	spec.injection[1].onset_row = 350;
	s = run(&spec);
	for (size_t row = 0; row < N_ROWS; row++) {
		ck_assert_int_eq(s->fault_at[row], row >= ONSET && row < 400 ? 0 : -1);
		ck_assert(s->operation_at[row] == -1 || (s->operation_at[row] == 1 && row >= 350));
	}
	mw_sim_series_free(s);
}
END_TEST

START_TEST(an_operation_is_labelled_while_it_shows_and_not_when_it_does_not)
{
	struct mw_sim_spec spec = plain_spec(MW_MACHINE_OTHER, 9);
	size_t shown = 0;
	struct mw_sim_series *s;

	spec.n_channels = 8;
	inject(&spec, MW_FAULT_SHUTDOWN, 1);
	spec.injection[0].end_row = 400;
	s = run(&spec);
	for (size_t row = 0; row < N_ROWS; row++) {
		ck_assert(row >= ONSET || s->operation_at[row] == -1);
		shown += row < 400 && s->operation_at[row] == 0;
	}
	ck_assert_uint_gt(shown, 80);
	ck_assert_int_eq(s->operation_at[N_ROWS - 1], -1);
	mw_sim_series_free(s);
	spec.injection[0].fault = MW_FAULT_LOAD_CHANGE;
	spec.injection[0].strength = 0;
	s = run(&spec);
	for (size_t row = 0; row < N_ROWS; row++)
		ck_assert_int_eq(s->operation_at[row], -1);
	mw_sim_series_free(s);
}
END_TEST

START_TEST(a_closed_loop_moves_a_symptom_to_its_valve)
{
	int moved = 0;

	/* Only a jam among the disturbances touches a valve itself. */
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct mw_sim_spec spec = plain_spec(MW_MACHINE_OTHER, seed);
		struct mw_sim_series *s;

		spec.n_channels = 6;
		inject(&spec, MW_FAULT_DISTURBANCE, 0.9);
		s = run(&spec);
		for (size_t c = 0; c < s->n_channels; c++)
			moved += s->channel[c].role == MW_ROLE_VALVE &&
				 s->effect[(N_ROWS - 1) * s->n_channels + c] > 1.0f;
		mw_sim_series_free(s);
	}
	ck_assert_int_ge(moved, 3);
}
END_TEST

START_TEST(causes_are_channels_of_the_series_each_once)
{
	for (uint64_t seed = 700; seed < 900; seed++) {
		struct mw_sim_spec spec;
		struct mw_sim_series *s;

		mw_sim_spec_draw(seed, &spec);
		s = run(&spec);
		for (size_t i = 0; i < spec.n_injection; i++) {
			bool named[MW_SIM_MAX_CHANNELS] = {false};

			for (size_t k = 0; k < s->n_cause[i]; k++) {
				uint8_t c = s->cause_order[i][k];

				ck_assert_uint_lt(c, s->n_channels);
				ck_assert(!named[c]);
				named[c] = true;
			}
		}
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(channels_have_distinct_names)
{
	for (int m = 0; m < MW_N_MACHINE; m++) {
		struct mw_sim_spec spec = plain_spec((enum mw_machine)m, 1);
		struct mw_sim_series *s;

		if (!mw_plant_find((enum mw_machine)m))
			continue;
		s = run(&spec);
		for (size_t a = 0; a < s->n_channels; a++) {
			ck_assert(s->channel[a].name[0] != '\0');
			for (size_t b = 0; b < a; b++)
				ck_assert_str_ne(s->channel[a].name, s->channel[b].name);
		}
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(as_many_channels_as_asked_for)
{
	for (size_t n = 1; n <= MW_SIM_MAX_CHANNELS; n++) {
		struct mw_sim_spec spec = plain_spec(MW_MACHINE_OTHER, n);
		struct mw_sim_series *s;

		spec.n_channels = n;
		s = run(&spec);
		ck_assert_uint_eq(s->n_channels, n);
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(a_physical_machine_with_few_instruments_keeps_the_telling_one)
{
	int weak = 0;
	int all = 0;

	for (int m = 1; m < MW_N_MACHINE; m++) {
		const struct mw_plant *plant = mw_plant_find((enum mw_machine)m);

		for (size_t f = 0; plant && f < plant->n_can; f++) {
			struct mw_sim_spec spec = plain_spec((enum mw_machine)m, f);
			enum mw_fault fault = plant->can[f].fault;
			struct mw_sim_series *s;

			if (mw_fault_kind_of(fault) != MW_KIND_PROCESS)
				continue;
			spec.n_channels = 2;
			inject(&spec, fault, 0.9);
			s = run(&spec);
			ck_assert_uint_eq(s->n_channels, 2);
			all++;
			weak += peak_of(s, s->cause_order[0][0]) <= 2;
			mw_sim_series_free(s);
		}
	}
	/* A machine that stands most of the time shows little. */
	ck_assert_int_le(weak, all / 25);
}
END_TEST

START_TEST(a_spec_that_breaks_a_limit_is_refused)
{
	static const struct mw_sim_injection good = {.fault = MW_FAULT_BIAS,
						     .strength = 0.5,
						     .onset_row = ONSET,
						     .end_row = N_ROWS,
						     .channel = -1};
	struct mw_sim_series *series = NULL;
	struct mw_sim_spec bad[16];
	size_t n = sizeof(bad) / sizeof(bad[0]);

	for (size_t i = 0; i < n; i++) {
		bad[i] = plain_spec(MW_MACHINE_OTHER, 1);
		bad[i].n_injection = 1;
		bad[i].injection[0] = good;
	}
	bad[0].n_rows = 0;
	bad[1].n_learn = 0;
	bad[2].n_learn = N_ROWS + 1;
	bad[3].n_channels = MW_SIM_MAX_CHANNELS + 1;
	bad[4].period_s = -1;
	bad[5].period_s = NAN;
	bad[6].n_injection = MW_SIM_MAX_INJECTIONS + 1;
	bad[7].injection[0].onset_row = N_ROWS;
	bad[8].injection[0].onset_row = N_LEARN - 1;
	bad[9].injection[0].end_row = ONSET;
	bad[10].injection[0].strength = 1.1;
	bad[11].injection[0].strength = NAN;
	bad[12].injection[0].fault = MW_FAULT_NONE;
	bad[13].injection[0].fault = MW_FAULT_CAVITATION;
	bad[14].injection[0].channel = MW_SIM_MAX_CHANNELS - 1;
	bad[14].n_channels = 3;
	bad[15].machine = MW_N_MACHINE;
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(mw_sim_series_new(&bad[i], &series) == -1, "spec %zu", i);
	ck_assert_ptr_null(series);
	mw_sim_series_free(NULL);
}
END_TEST

MW_TEST_MAIN("sim", one_spec_gives_the_same_series_every_time,
	     the_spec_of_a_series_runs_to_the_same_series_again, another_seed_gives_another_series,
	     nothing_deviates_before_the_first_fault,
	     effect_is_the_distance_of_the_twins_in_noise_units,
	     readings_are_finite_or_lost_and_rarely_lost_when_healthy,
	     operations_act_on_both_twins_and_move_the_machine,
	     every_fault_a_machine_can_have_shows_first_where_it_says,
	     strength_spreads_the_realised_effect_over_its_range,
	     a_fault_of_no_strength_changes_no_reading, dropout_loses_readings_of_its_channel_only,
	     sensor_faults_touch_no_other_channel, a_stuck_sensor_repeats_one_value,
	     a_growing_fault_is_small_at_first, rows_are_labelled_with_what_acts_on_them,
	     an_operation_is_labelled_while_it_shows_and_not_when_it_does_not,
	     a_closed_loop_moves_a_symptom_to_its_valve,
	     causes_are_channels_of_the_series_each_once, channels_have_distinct_names,
	     as_many_channels_as_asked_for,
	     a_physical_machine_with_few_instruments_keeps_the_telling_one,
	     a_spec_that_breaks_a_limit_is_refused)
