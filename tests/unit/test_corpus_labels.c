/*
 * Labels against data, over some hundred drawn series: what is named as proof really deviates,
 * where it is named; nothing does before the onset.  The statistics are computed here anew, by
 * least squares on the columns themselves, not with the code that decided.
 */
#include "model/corpus/proof.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_SERIES 200
#define MAX_ROWS 2048

static struct mw_sim_series *draw(uint64_t seed)
{
	struct mw_sim_series *series = NULL;
	struct mw_sim_spec spec;

	mw_sim_spec_draw(seed, &spec);
	ck_assert_int_eq(mw_sim_series_new(&spec, &series), 0);
	return series;
}

static bool is_fault(const struct mw_sim_series *s, size_t i)
{
	return mw_fault_kind_of(s->spec.injection[i].fault) != MW_KIND_OPERATION;
}

static double effect(const struct mw_sim_series *s, size_t row, size_t c)
{
	return (double)s->effect[row * s->n_channels + c];
}

/* First row at which injection i shows on a channel; its end when it does not. */
static size_t shown(const struct mw_sim_series *s, size_t i, size_t c, double size)
{
	size_t row = s->spec.injection[i].onset_row;

	while (row < s->spec.injection[i].end_row && effect(s, row, c) < size)
		row++;
	return row;
}

/* ---- statistics of a column, written down plainly ---- */

struct column {
	size_t n;
	double v[MAX_ROWS], h[MAX_ROWS], d[MAX_ROWS]; /* noise units */
	size_t lost;
};

static double held(const struct mw_sim_series *s, const double *value, size_t row, size_t c)
{
	while (isnan(value[row * s->n_channels + c]) && row > 0)
		row--;
	return value[row * s->n_channels + c];
}

static void take(const struct mw_sim_series *s, size_t c, size_t from, size_t to,
		 struct column *ret)
{
	ret->n = 0;
	ret->lost = 0;
	for (size_t row = from; row < to; row++) {
		size_t k = ret->n++;

		ret->v[k] = held(s, s->value, row, c) / s->noise_unit[c];
		ret->h[k] = held(s, s->healthy, row, c) / s->noise_unit[c];
		ret->d[k] = ret->v[k] - ret->h[k];
		ret->lost += isnan(s->value[row * s->n_channels + c]) &&
			     effect(s, row, c) == (double)MW_SIM_EFFECT_LOST;
	}
}

static double mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

static double rms(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sqrt(sum / (double)n);
}

static double rms_step(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 1; i < n; i++)
		sum += (x[i] - x[i - 1]) * (x[i] - x[i - 1]);
	return sqrt(sum / (double)n);
}

static double slope(const double *x, size_t n)
{
	double middle = ((double)n - 1) / 2;
	double up = 0;
	double down = 0;

	for (size_t i = 0; i < n; i++) {
		up += ((double)i - middle) * x[i];
		down += ((double)i - middle) * ((double)i - middle);
	}
	return down > 0 ? up / down : 0;
}

/* x without its mean and trend. */
static void detrend(double *x, size_t n)
{
	double level = mean(x, n);
	double rate = slope(x, n);

	for (size_t i = 0; i < n; i++)
		x[i] -= level + rate * ((double)i - ((double)n - 1) / 2);
}

static size_t longest_run(const double *x, size_t n)
{
	size_t longest = 0;
	size_t run = 0;

	for (size_t i = 0; i < n; i++) {
		run = i > 0 && x[i] == x[i - 1] ? run + 1 : 1;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* Movement of size 1 of the row number over n rows. */
static double sd_of_rows(size_t n)
{
	return sqrt(((double)n * (double)n - 1) / 12);
}

/* How far the gain on the healthy twin is from 1, times how far the twin moves. */
static double coupling(struct column *c)
{
	double both = 0;
	double square = 0;

	detrend(c->v, c->n);
	detrend(c->h, c->n);
	for (size_t i = 0; i < c->n; i++) {
		both += c->v[i] * c->h[i];
		square += c->h[i] * c->h[i];
	}
	return square > 0 ? fabs(both / square - 1) * sqrt(square / (double)c->n) : 0;
}

/* Does the statistic named deviate from the healthy twin's, and by as much as the difference of
 * the two is worth? */
static bool deviates(struct column *c, enum mw_proof proof)
{
	double size = 0.499 * rms(c->d, c->n);
	double now = fmax(rms_step(c->v, c->n), 0.05);
	double then = fmax(rms_step(c->h, c->n), 0.05);

	switch (proof) {
	case MW_PROOF_LEVEL:
		return fabs(mean(c->v, c->n) - mean(c->h, c->n)) >= size;
	case MW_PROOF_SLOPE:
		return fabs(slope(c->v, c->n) - slope(c->h, c->n)) * sd_of_rows(c->n) >= size;
	case MW_PROOF_COUPLING:
		return coupling(c) >= size;
	case MW_PROOF_SPREAD:
		return now / then > 1.49 || then / now > 1.49;
	case MW_PROOF_RESIDUAL:
		detrend(c->d, c->n);
		return rms(c->d, c->n) >= size;
	case MW_PROOF_STILLNESS:
		return longest_run(c->v, c->n) >= 8 &&
		       longest_run(c->v, c->n) >= 2 * longest_run(c->h, c->n);
	case MW_PROOF_GAP:
		return c->lost > 0 && (double)c->lost >= 0.1 * (double)c->n;
	default:
		return false;
	}
}

/* ---- properties ---- */

START_TEST(the_statistic_named_as_proof_deviates_on_the_channel_named)
{
	static struct column column;
	size_t seen[MW_N_PROOF] = {0};

	for (uint64_t seed = 0; seed < N_SERIES; seed++) {
		struct mw_sim_series *s = draw(seed);

		for (size_t i = 0; i < s->spec.n_injection; i++) {
			const struct mw_sim_injection *in = &s->spec.injection[i];
			size_t c = s->proof_channel[i];
			size_t from = shown(s, i, c, (double)MW_SIM_VISIBLE);

			seen[s->proof[i]]++;
			if (s->proof[i] == MW_PROOF_NONE)
				continue;
			ck_assert(is_fault(s, i));
			ck_assert_ptr_nonnull(memchr(s->cause_order[i], (int)c, s->n_cause[i]));
			ck_assert_uint_lt(from, in->end_row);
			take(s, c, from, in->end_row, &column);
			ck_assert_msg(deviates(&column, s->proof[i]), "seed %d: %s of %s by %s",
				      (int)seed, mw_proof_code(s->proof[i]), s->channel[c].name,
				      mw_fault_code(in->fault));
		}
		mw_sim_series_free(s);
	}
	for (int p = 0; p < MW_N_PROOF; p++)
		ck_assert_msg(seen[p] > 0, "no %s", mw_proof_code((enum mw_proof)p));
}
END_TEST

START_TEST(a_fault_that_shows_has_a_proof_and_one_that_does_not_has_none)
{
	size_t faults = 0;

	for (uint64_t seed = 0; seed < N_SERIES; seed++) {
		struct mw_sim_series *s = draw(seed);

		for (size_t i = 0; i < s->spec.n_injection; i++) {
			bool shows = false;

			for (size_t k = 0; is_fault(s, i) && k < s->n_cause[i]; k++)
				shows |= shown(s, i, s->cause_order[i][k], (double)MW_SIM_VISIBLE) <
					 s->spec.injection[i].end_row;
			ck_assert_msg(shows == (s->proof[i] != MW_PROOF_NONE), "seed %d",
				      (int)seed);
			faults += shows;
		}
		mw_sim_series_free(s);
	}
	ck_assert_uint_gt(faults, N_SERIES / 3);
}
END_TEST

START_TEST(nothing_deviates_before_the_onset_bit_for_bit)
{
	for (uint64_t seed = 0; seed < N_SERIES; seed++) {
		struct mw_sim_series *s = draw(seed);
		size_t first = s->n_rows;

		for (size_t i = 0; i < s->spec.n_injection; i++)
			if (is_fault(s, i) && s->spec.injection[i].onset_row < first)
				first = s->spec.injection[i].onset_row;
		ck_assert_mem_eq(s->value, s->healthy, first * s->n_channels * sizeof(*s->value));
		for (size_t row = 0; row < first; row++) {
			ck_assert_int_eq(s->fault_at[row], -1);
			for (size_t c = 0; c < s->n_channels; c++)
				ck_assert_double_eq(effect(s, row, c), 0);
		}
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(effects_are_finite_and_none_lies_in_the_learn_segment)
{
	for (uint64_t seed = 0; seed < N_SERIES; seed++) {
		struct mw_sim_series *s = draw(seed);

		for (size_t i = 0; i < s->n_rows * s->n_channels; i++) {
			ck_assert(isfinite(s->effect[i]) && s->effect[i] >= 0);
			ck_assert(s->effect[i] == 0 || i / s->n_channels >= s->spec.n_learn);
		}
		for (size_t c = 0; c < s->n_channels; c++)
			ck_assert(isfinite(s->noise_unit[c]) && s->noise_unit[c] > 0);
		mw_sim_series_free(s);
	}
}
END_TEST

START_TEST(by_exception_the_effect_is_that_of_the_values_that_hold)
{
	size_t silent = 0;
	size_t seen = 0;

	for (uint64_t seed = 0; seed < N_SERIES; seed++) {
		struct mw_sim_series *s = draw(seed);

		for (size_t i = 0; i < s->n_rows * s->n_channels; i++) {
			size_t row = i / s->n_channels;
			size_t c = i % s->n_channels;
			double far;

			if (!s->by_exception[c])
				continue;
			far = fabs(held(s, s->value, row, c) - held(s, s->healthy, row, c));
			seen++;
			silent += isnan(s->healthy[i]) != 0;
			ck_assert(row > 0 || !isnan(s->healthy[i]));
			if (s->effect[i] == MW_SIM_EFFECT_LOST)
				ck_assert(isnan(s->value[i]));
			else
				ck_assert_float_eq(s->effect[i], (float)(far / s->noise_unit[c]));
		}
		mw_sim_series_free(s);
	}
	ck_assert_uint_gt(seen, 10000);
	ck_assert_double_gt((double)silent / (double)seen, 0.3);
	ck_assert_double_lt((double)silent / (double)seen, 0.97);
}
END_TEST

/* The first cause may be slow to show where another is louder, but not as a rule. */
START_TEST(the_first_cause_is_seldom_the_last_to_show)
{
	size_t faults = 0;
	size_t last = 0;

	for (uint64_t seed = 0; seed < 3 * N_SERIES; seed++) {
		struct mw_sim_series *s = draw(seed);

		for (size_t i = 0; i < s->spec.n_injection; i++) {
			size_t first = shown(s, i, s->cause_order[i][0], 1);
			bool later = s->n_cause[i] > 1;

			for (size_t k = 1; k < s->n_cause[i]; k++)
				later &= first > shown(s, i, s->cause_order[i][k], 1);
			faults += s->n_cause[i] > 1;
			last += later;
		}
		mw_sim_series_free(s);
	}
	ck_assert_uint_gt(faults, 100);
	ck_assert_msg(last * 8 <= faults, "%zu of %zu", last, faults);
}
END_TEST

static double peak(enum mw_machine machine, enum mw_fault fault, uint64_t seed, double strength)
{
	struct mw_sim_spec spec = {.seed = seed,
				   .machine = machine,
				   .n_rows = 512,
				   .n_learn = 256,
				   .n_injection = 1,
				   .injection = {{.fault = fault,
						  .strength = strength,
						  .onset_row = 300,
						  .end_row = 512,
						  .channel = -1}}};
	struct mw_sim_series *s = NULL;
	double most = 0;

	ck_assert_int_eq(mw_sim_series_new(&spec, &s), 0);
	for (size_t i = 0; i < s->n_rows * s->n_channels; i++)
		most = fmax(most, (double)s->effect[i]);
	mw_sim_series_free(s);
	return most;
}

/* Dropout and unit errors are what they are; stuck and lag are what the signal makes of them. */
static bool has_a_size(enum mw_fault fault)
{
	return fault != MW_FAULT_DROPOUT && fault != MW_FAULT_UNIT_ERROR &&
	       fault != MW_FAULT_STUCK && fault != MW_FAULT_LAG;
}

START_TEST(every_fault_acts_on_some_machine_from_invisible_to_gross)
{
	for (int f = 0; f < MW_N_FAULT; f++) {
		enum mw_fault fault = (enum mw_fault)f;
		enum mw_fault_kind kind = mw_fault_kind_of(fault);
		size_t n = 0;
		size_t gross = 0;
		size_t faint = 0;

		if (kind != MW_KIND_SENSOR && kind != MW_KIND_PROCESS)
			continue;
		for (int m = 0; m < MW_N_MACHINE; m++)
			for (uint64_t seed = 0; seed < 6; seed++) {
				if (!mw_sim_can((enum mw_machine)m, fault))
					continue;
				n++;
				gross += peak((enum mw_machine)m, fault, seed, 1) > 8;
				faint += peak((enum mw_machine)m, fault, seed, 0.05) < 1.5;
			}
		ck_assert_msg(n > 0, "%s happens nowhere", mw_fault_code(fault));
		ck_assert_msg(!has_a_size(fault) || 10 * gross >= 7 * n, "%s: gross %zu of %zu",
			      mw_fault_code(fault), gross, n);
		ck_assert_msg(!has_a_size(fault) || 2 * faint >= n, "%s: faint %zu of %zu",
			      mw_fault_code(fault), faint, n);
	}
}
END_TEST

/* A statistic that is zero by construction, and one that is not, are told apart. */
START_TEST(each_proof_is_decided_where_only_it_deviates)
{
	static const struct {
		struct mw_proof_stats stats;
		enum mw_proof proof;
	} known[] = {
	    {{.n = 64}, MW_PROOF_NONE},
	    {{.n = 64, .rms = 2, .level = -2}, MW_PROOF_LEVEL},
	    {{.n = 64, .rms = 2, .slope = -2}, MW_PROOF_SLOPE},
	    {{.n = 64, .rms = 2, .coupling = -2}, MW_PROOF_COUPLING},
	    {{.n = 64, .rms = 2, .rest = 2, .step = 3, .step_healthy = 1}, MW_PROOF_SPREAD},
	    {{.n = 64, .rms = 2, .rest = 2, .step = 1, .step_healthy = 3}, MW_PROOF_SPREAD},
	    {{.n = 64, .rms = 2, .rest = 2, .step = 1, .step_healthy = 1}, MW_PROOF_RESIDUAL},
	    {{.n = 64, .rms = 2, .level = 2, .still = 40, .still_healthy = 3}, MW_PROOF_STILLNESS},
	    {{.n = 64, .rms = 2, .level = 2, .still = 40, .still_healthy = 30}, MW_PROOF_LEVEL},
	    {{.n = 64, .rms = 2, .level = 2, .lost = 9}, MW_PROOF_GAP},
	    {{.n = 64, .rms = 2, .level = 2, .lost = 2}, MW_PROOF_LEVEL},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		ck_assert_int_eq(mw_proof_decide(&known[i].stats), known[i].proof);
}
END_TEST

MW_TEST_MAIN("corpus_labels", the_statistic_named_as_proof_deviates_on_the_channel_named,
	     a_fault_that_shows_has_a_proof_and_one_that_does_not_has_none,
	     nothing_deviates_before_the_onset_bit_for_bit,
	     effects_are_finite_and_none_lies_in_the_learn_segment,
	     by_exception_the_effect_is_that_of_the_values_that_hold,
	     the_first_cause_is_seldom_the_last_to_show,
	     every_fault_acts_on_some_machine_from_invisible_to_gross,
	     each_proof_is_decided_where_only_it_deviates)
