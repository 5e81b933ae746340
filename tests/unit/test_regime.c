/* Operating regimes: which are found, which is present, and what each expects. */
#include "gateway/core/baseline_impl.h"
#include "gateway/core/evidence.h"
#include "tests/unit/reference.h"
#include "tests/unit/unit.h"

#include "model/corpus/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define N    4
#define ROWS 480

/* A machine of four channels: a command that switches every `stay` rows between `levels` levels, a
 * flow that follows at once, a temperature that follows with a time constant of 16 rows, and one
 * that does not care. */
struct plant {
	double value[ROWS][N];
	double scratch[2 * ROWS];
	double block[REGIME_DOUBLES(N)];
	double location[N], scale[N];
	struct regime_model model;
};

static void run_plant(struct plant *p, size_t stay, int levels, double command_shown)
{
	struct mw_rng rng;
	double warm = 40;

	mw_rng_seed(&rng, 7);
	for (size_t t = 0; t < ROWS; t++) {
		double level = (double)(t / stay % (size_t)levels);

		warm += (40 + 15 * level - warm) / 16;
		p->value[t][0] = command_shown * level;
		p->value[t][1] = 10 + 20 * level + 0.3 * mw_rng_normal(&rng);
		p->value[t][2] = warm + 0.2 * mw_rng_normal(&rng);
		p->value[t][3] = 5 + 0.1 * mw_rng_normal(&rng);
	}
}

static void learn(struct plant *p, const bool *commands)
{
	for (size_t c = 0; c < N; c++) {
		for (size_t t = 0; t < ROWS; t++)
			p->scratch[t] = p->value[t][c];
		p->scale[c] = robust_scale(p->scratch, ROWS, 1e-9, &p->location[c]);
	}
	regime_place(&p->model, p->block, N);
	regime_map_learn(&p->value[0][0], ROWS, N, commands, p->scratch, &p->model.map);
	regime_fit(&p->model, &p->value[0][0], &p->value[0][0], ROWS, N, p->location, p->scale,
		   p->scratch);
}

static const bool commanded[N] = {true};

START_TEST(a_command_on_two_levels_makes_two_regimes)
{
	struct plant p;
	double reading[N] = {0, 10, 40, 5};

	run_plant(&p, 80, 2, 100);
	learn(&p, commanded);
	ck_assert_uint_eq(p.model.map.n, 2);
	ck_assert_uint_eq(p.model.map.n_tell, 1);
	ck_assert_int_ge(regime_of(&p.model.map, reading), 0);
	reading[0] = 50; /* a command that was never given */
	ck_assert_int_eq(regime_of(&p.model.map, reading), REGIME_UNKNOWN);
}
END_TEST

START_TEST(without_a_command_there_is_one_regime)
{
	struct plant p;

	run_plant(&p, 80, 3, 0);
	learn(&p, NULL);
	ck_assert_uint_eq(p.model.map.n, 1);
	learn(&p, commanded); /* it never moved */
	ck_assert_uint_eq(p.model.map.n, 1);
}
END_TEST

START_TEST(slow_wandering_and_short_cycles_are_no_regimes)
{
	static const bool all[N] = {true, true, true, true};
	struct plant p;
	struct mw_rng rng;
	double x = 0;

	mw_rng_seed(&rng, 3);
	run_plant(&p, 4, 2, 100); /* too quick to be a regime */
	for (size_t t = 0; t < ROWS; t++) {
		x += mw_rng_normal(&rng);
		p.value[t][3] = x;
	}
	learn(&p, all);
	ck_assert_uint_eq(p.model.map.n, 1);
}
END_TEST

START_TEST(each_regime_has_its_own_level_and_what_does_not_care_has_one)
{
	struct plant p;

	run_plant(&p, 120, 2, 100);
	learn(&p, commanded);
	ck_assert_uint_eq(p.model.map.n, 2);
	for (size_t k = 0; k < 2; k++) {
		double level = p.model.level[k * N + 1] > 20 ? 1 : 0;

		ck_assert_double_eq_tol(p.model.level[k * N + 1], 10 + 20 * level, 0.2);
		ck_assert_double_eq_tol(p.model.spread[k * N + 1], 0.3, 0.1);
		ck_assert_double_eq_tol(p.model.level[k * N + 2], 40 + 15 * level, 1.0);
		ck_assert_double_eq(p.model.level[k * N + 3], p.location[3]);
		ck_assert_double_eq(p.model.spread[k * N + 3], p.scale[3]);
	}
	ck_assert_double_eq(p.model.pace[1], 1);
	ck_assert_double_le(p.model.pace[2], 0.125);
}
END_TEST

/* z of channel c at a row, after the rows before. */
static double z_at(const struct plant *p, size_t row, size_t c, double value)
{
	struct regime_state state;
	double level[N], spread[N], reading[N], expected[N] = {0}, blur[N] = {0};

	regime_state_init(&state, expected, blur);
	for (size_t t = 0; t <= row; t++) {
		memcpy(reading, p->value[t], sizeof(reading));
		if (t == row)
			reading[c] = value;
		regime_step(&p->model, N, reading, &state, level, spread);
	}
	return (value - level[c]) / spread[c];
}

START_TEST(a_healthy_switch_is_no_deviation_and_the_other_regimes_level_is_one)
{
	struct plant p;

	run_plant(&p, 120, 2, 100);
	learn(&p, commanded);
	for (size_t t = 1; t < ROWS; t++) {
		ck_assert_double_lt(fabs(z_at(&p, t, 1, p.value[t][1])), 5);
		ck_assert_double_lt(fabs(z_at(&p, t, 2, p.value[t][2])), 5);
	}
	/* Low flow, while the command says high: over all rows that would be nothing. */
	ck_assert_double_gt(fabs(z_at(&p, 200, 1, 10)), 20);
}
END_TEST

START_TEST(two_commands_make_a_regime_of_every_combination_that_was_learnt)
{
	static const bool both[N] = {true, false, false, true};
	struct plant p;
	double reading[N] = {100, 30, 55, 1};

	run_plant(&p, 120, 2, 100);
	for (size_t t = 0; t < ROWS; t++)
		p.value[t][3] = t >= 240; /* a second recipe, half the time */
	learn(&p, both);
	ck_assert_uint_eq(p.model.map.n, 4);
	ck_assert_int_ge(regime_of(&p.model.map, reading), 0);
	reading[3] = 2;
	ck_assert_int_eq(regime_of(&p.model.map, reading), REGIME_UNKNOWN);
	reading[3] = NAN;
	ck_assert_int_eq(regime_of(&p.model.map, reading), REGIME_UNKNOWN);
}
END_TEST

START_TEST(the_mode_says_settling_then_steady_and_new_when_lost)
{
	struct plant p;
	struct regime_state state;
	double level[N], spread[N], expected[N] = {0}, blur[N] = {0};
	double never[N] = {50, 20, 47, 5};

	run_plant(&p, 120, 2, 100);
	learn(&p, commanded);
	regime_state_init(&state, expected, blur);
	for (size_t t = 0; t < 130; t++)
		regime_step(&p.model, N, p.value[t], &state, level, spread);
	ck_assert_int_eq(regime_mode(&p.model.map, &state), MW_MODE_SETTLING);
	for (size_t t = 130; t < 239; t++)
		regime_step(&p.model, N, p.value[t], &state, level, spread);
	ck_assert_int_eq(regime_mode(&p.model.map, &state), MW_MODE_STEADY);
	for (size_t t = 0; t < REGIME_LOST; t++)
		regime_step(&p.model, N, never, &state, level, spread);
	ck_assert_int_eq(regime_mode(&p.model.map, &state), MW_MODE_NEW);
	for (size_t t = 0; t < 4; t++) /* back: gone to, not there at once */
		regime_step(&p.model, N, p.value[t], &state, level, spread);
	ck_assert_int_eq(regime_mode(&p.model.map, &state), MW_MODE_SETTLING);
	p.model.map.n = 1;
	ck_assert_int_eq(regime_mode(&p.model.map, &state), MW_MODE_SINGLE);
}
END_TEST

START_TEST(a_stored_map_is_the_same_and_a_damaged_one_is_refused)
{
	struct plant p;
	struct mw_writer writer = {0};
	struct mw_reader reader;
	struct regime_map map;
	uint8_t *data;
	size_t size;

	run_plant(&p, 80, 3, 100);
	learn(&p, commanded);
	regime_map_pack(&writer, &p.model.map);
	ck_assert_int_eq(mw_writer_finish(&writer, &data, &size), MW_E_OK);
	for (size_t t = 0; t < ROWS; t++) {
		mw_reader_init(&reader, data, size);
		ck_assert(regime_map_unpack(&reader, N, &map));
		ck_assert_int_eq(regime_of(&map, p.value[t]), regime_of(&p.model.map, p.value[t]));
	}
	mw_reader_init(&reader, data, size - 1);
	ck_assert(!regime_map_unpack(&reader, N, &map));
	mw_reader_init(&reader, data, size);
	ck_assert(!regime_map_unpack(&reader, 0, &map)); /* a channel that is not there */
	data[0] = 200;
	mw_reader_init(&reader, data, size);
	ck_assert(!regime_map_unpack(&reader, N, &map));
	free(data);
}
END_TEST

/* --- against numpy ---------------------------------------------------------------------------- */

#define REFERENCE "tests/data/reference_regime.bin"
#define EXACT     1e-9 /* of its size, or of 1: another order of summation */
#define QUANTILE  2e-6 /* what is judged of a state is a normal quantile, AS 241 */

static void near(const double *value, const double *expected, size_t n, double tolerance,
		 const char *what)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(fabs(value[i] - expected[i]) <=
				  tolerance * fmax(1, fabs(expected[i])),
			      "%s %zu: %.17g is not %.17g", what, i, value[i], expected[i]);
}

/* One asset of the file. */
struct vector {
	size_t n, learn, rows;
	const double *value;
	struct mw_baseline *baseline;
};

static void vector_learn(struct reference *reference, struct vector *v)
{
	const double *head = reference_take(reference, 3), *use;
	struct mw_baseline_hints hints = {{0}};

	*v = (struct vector){
	    .n = (size_t)head[0], .learn = (size_t)head[1], .rows = (size_t)head[2]};
	use = reference_take(reference, v->n);
	v->value = reference_take(reference, v->rows * v->n);
	for (size_t c = 0; c < v->n; c++)
		hints.use[c] = (uint8_t)use[c];
	ck_assert_int_eq(mw_baseline_fit(v->value, v->learn, v->n, &hints, &v->baseline), MW_E_OK);
}

static void check_plateaus(struct reference *reference, const struct regime_map *map)
{
	const double *head = reference_take(reference, 2);

	ck_assert_uint_eq(map->n, (unsigned)head[0]);
	ck_assert_uint_eq(map->n_tell, (unsigned)head[1]);
	for (uint32_t i = 0; i < map->n_tell; i++) {
		const struct regime_tell *tell = &map->tell[i];

		head = reference_take(reference, 2);
		ck_assert_uint_eq(tell->channel, (unsigned)head[0]);
		ck_assert_uint_eq(tell->n_plateau, (unsigned)head[1]);
		near(tell->plateau, reference_take(reference, tell->n_plateau), tell->n_plateau,
		     EXACT, "plateau");
		near(tell->reach, reference_take(reference, tell->n_plateau), tell->n_plateau,
		     EXACT, "reach");
	}
}

static void check_regimes(struct reference *reference, const struct vector *v)
{
	const double *expected = reference_take(reference, v->rows);
	double held[MW_MAX_CHANNELS];

	for (size_t c = 0; c < v->n; c++)
		held[c] = NAN;
	for (size_t t = 0; t < v->rows; t++) {
		for (size_t c = 0; c < v->n; c++)
			if (!isnan(v->value[t * v->n + c]))
				held[c] = v->value[t * v->n + c];
		ck_assert_int_eq(regime_of(&v->baseline->regime.map, held), (int)expected[t]);
	}
}

static void check_levels(struct reference *reference, const struct vector *v)
{
	const struct regime_model *model = &v->baseline->regime;
	size_t count = model->map.n * v->n;

	near(model->level, reference_take(reference, count), count, QUANTILE, "level");
	near(model->spread, reference_take(reference, count), count, QUANTILE, "spread");
	near(model->pace, reference_take(reference, v->n), v->n, 0, "pace");
	near(model->blur, reference_take(reference, v->n), v->n, EXACT, "blur");
}

/* Level, spread and l of every row, as a stream sees them. */
static void check_stream(struct reference *reference, const struct vector *v)
{
	struct mw_evidence *evidence;

	ck_assert_int_eq(mw_evidence_new(v->baseline, &evidence), MW_E_OK);
	for (size_t t = 0; t < v->rows; t++) {
		const double *row = v->value + t * v->n;
		const struct mw_row_evidence *last;

		if (t < v->learn)
			mw_evidence_push_learn(evidence, t, (int64_t)t, row);
		else
			mw_evidence_push(evidence, (int64_t)t, row);
		last = mw_evidence_last(evidence);
		near(last->level, reference_take(reference, v->n), v->n, QUANTILE,
		     "expected level");
		near(last->spread, reference_take(reference, v->n), v->n, QUANTILE,
		     "expected spread");
		near(last->l, reference_take(reference, v->n), v->n, QUANTILE, "l");
	}
	mw_evidence_free(evidence);
}

START_TEST(plateaus_regimes_levels_and_every_row_agree_with_numpy)
{
	struct reference reference;
	struct vector v;
	uint32_t most = 0;
	size_t cases;

	reference_open(&reference, REFERENCE);
	cases = (size_t)reference_take(&reference, 1)[0];
	ck_assert_uint_ge(cases, 3);
	while (cases-- > 0) {
		vector_learn(&reference, &v);
		check_plateaus(&reference, &v.baseline->regime.map);
		check_regimes(&reference, &v);
		check_levels(&reference, &v);
		check_stream(&reference, &v);
		most = v.baseline->regime.map.n > most ? v.baseline->regime.map.n : most;
		mw_baseline_free(v.baseline);
	}
	ck_assert_uint_eq(reference.at, reference.size);
	ck_assert_uint_ge(most, 4);
	free(reference.data);
}
END_TEST

MW_TEST_MAIN("regime", a_command_on_two_levels_makes_two_regimes,
	     without_a_command_there_is_one_regime, slow_wandering_and_short_cycles_are_no_regimes,
	     each_regime_has_its_own_level_and_what_does_not_care_has_one,
	     a_healthy_switch_is_no_deviation_and_the_other_regimes_level_is_one,
	     two_commands_make_a_regime_of_every_combination_that_was_learnt,
	     the_mode_says_settling_then_steady_and_new_when_lost,
	     a_stored_map_is_the_same_and_a_damaged_one_is_refused,
	     plateaus_regimes_levels_and_every_row_agree_with_numpy)
