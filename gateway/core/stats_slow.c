/* Statistics that outlive a window: long memory, states, counters. */
#include "gateway/core/stats_impl.h"

#include <string.h>

#define ERROR_LEAST     1e-3
#define INTEGER_MOST    9007199254740992.0 /* 2^53: past it every double is an integer */
#define COUNTER_STEPS   8                  /* up, at least; and per fall */
#define STATE_VALUES    8                  /* more different values are a quantity */
#define STATE_HOLD      4                  /* readings a change, at least */
#define WALK_HOLD       16                 /* the same, of codes that move to neighbours only */
#define STATE_CODE_MOST 16.0

/* --- autocorrelation -------------------------------------------------------------------------- */

double mw_stat_lag1(const double *value, size_t n)
{
	double sum = 0, largest = 0, squares = 0, products = 0, mean, last = NAN;
	size_t count = 0;

	for (size_t t = 0; t < n; t++)
		if (stat_present(value[t])) {
			sum += stat_held_in(value[t]);
			largest = stat_larger(largest, fabs(stat_held_in(value[t])));
			count++;
		}
	mean = count ? sum / (double)count : 0;
	for (size_t t = 0; t < n; t++) {
		double x = stat_present(value[t]) ? stat_held_in(value[t]) - mean : NAN;

		squares += stat_present(x) ? x * x : 0;
		products += stat_present(x) && stat_present(last) ? x * last : 0;
		last = x;
	}
	if (count < MW_STAT_FEW || stat_still(squares, count, largest))
		return 0;
	return stat_bounded(products / squares, MW_STAT_LAG1_MOST);
}

double mw_stat_effective_rows(double n, double lag1)
{
	double r = stat_bounded(lag1, MW_STAT_LAG1_MOST);

	if (!(n > 1))
		return 1;
	return fmin(fmax(n * (1 - r) / (1 + r), 1), n);
}

/* --- long memory ------------------------------------------------------------------------------ */

void mw_long_memory_init(struct mw_long_memory *memory, double location, double scale)
{
	memset(memory, 0, sizeof(*memory));
	memory->location = stat_present(location) ? location : 0;
	memory->scale = stat_present(scale) && scale > 0 ? scale : 1;
}

void mw_long_memory_push(struct mw_long_memory *memory, double value, bool healthy)
{
	double z, off, weight;

	if (!stat_present(value) || !healthy) {
		memory->has_last = 0;
		return;
	}
	memory->rows += memory->rows < MW_LONG_ROWS;
	weight = 1.0 / (double)memory->rows;
	z = stat_bounded((value - memory->location) / memory->scale, MW_LONG_CLIP);
	off = z - memory->mean;
	memory->mean += weight * off;
	/* West's update: the spread about the mean before and after. */
	memory->variance += weight * (off * (z - memory->mean) - memory->variance);
	if (memory->has_last)
		memory->covariance += weight * ((memory->last - memory->mean) * (z - memory->mean) -
						memory->covariance);
	memory->last = z;
	memory->has_last = 1;
}

double mw_long_memory_drift(const struct mw_long_memory *memory)
{
	return memory->mean;
}

double mw_long_memory_error(const struct mw_long_memory *memory)
{
	double worth = memory->rows, lag1;

	if (memory->rows < MW_STAT_FEW)
		return 1;
	if (memory->rows == MW_LONG_ROWS)
		worth = 2 * MW_LONG_ROWS - 1;
	lag1 = memory->variance > 0 ? memory->covariance / memory->variance : 0;
	return fmax(sqrt(fmax(memory->variance, 0) / mw_stat_effective_rows(worth, lag1)),
		    ERROR_LEAST);
}

/* --- kind of a channel ------------------------------------------------------------------------ */

struct habits {
	size_t readings, changes, ups, falls,
	    distinct; /* distinct: counted up to STATE_VALUES + 1 */
	bool integers;
	bool walks;                 /* every change was to the next value seen */
	double level[STATE_VALUES]; /* ascending */
	double least, most;
	double step, fallen; /* largest step up; highest reading that a fall led to */
};

static void note_level(struct habits *habits, double value)
{
	size_t i = 0;

	if (habits->distinct > STATE_VALUES)
		return;
	while (i < habits->distinct && habits->level[i] < value)
		i++;
	if (i < habits->distinct && habits->level[i] == value)
		return;
	if (habits->distinct++ == STATE_VALUES)
		return;
	memmove(habits->level + i + 1, habits->level + i,
		(habits->distinct - 1 - i) * sizeof(habits->level[0]));
	habits->level[i] = value;
}

static void note_change(struct habits *habits, double before, double value)
{
	habits->changes++;
	habits->walks &= fabs(value - before) == 1;
	if (value > before) {
		habits->ups++;
		habits->step = fmax(habits->step, value - before);
	} else {
		habits->falls++;
		habits->fallen = fmax(habits->fallen, value);
	}
}

static void observe(const double *value, size_t n, struct habits *ret)
{
	double before = NAN;

	*ret = (struct habits){.integers = true, .walks = true, .fallen = -DBL_MAX};
	for (size_t t = 0; t < n; t++) {
		if (!stat_present(value[t]))
			continue;
		ret->least = ret->readings ? fmin(ret->least, value[t]) : value[t];
		ret->most = ret->readings ? fmax(ret->most, value[t]) : value[t];
		ret->integers &= fabs(value[t]) <= INTEGER_MOST && value[t] == rint(value[t]);
		note_level(ret, value[t]);
		if (ret->readings++ && value[t] != before)
			note_change(ret, before, value[t]);
		before = value[t];
	}
}

static bool counts_up(const struct habits *habits)
{
	return habits->ups >= COUNTER_STEPS && habits->falls * COUNTER_STEPS <= habits->ups &&
	       (habits->falls == 0 || habits->fallen <= habits->least + habits->step);
}

static bool is_state(const struct habits *habits)
{
	bool codes = habits->least >= -STATE_CODE_MOST && habits->most <= STATE_CODE_MOST;
	size_t span = habits->distinct - 1, hold = STATE_HOLD;

	if (habits->distinct > STATE_VALUES)
		return false;
	if (!codes && habits->most - habits->least <= (double)span)
		return false; /* neighbours: a quantised reading */
	if (habits->distinct > 2 && habits->walks)
		hold = WALK_HOLD;
	return habits->changes * hold <= habits->readings;
}

enum mw_series_kind mw_stat_kind(const double *value, size_t n)
{
	struct habits habits;

	observe(value, n, &habits);
	if (habits.readings < MW_STAT_FEW)
		return MW_SERIES_MEASURED;
	if (habits.changes == 0)
		return MW_SERIES_CONSTANT;
	if (!habits.integers)
		return MW_SERIES_MEASURED;
	if (counts_up(&habits))
		return MW_SERIES_COUNTER;
	return is_state(&habits) ? MW_SERIES_STATE : MW_SERIES_MEASURED;
}

/* --- states ----------------------------------------------------------------------------------- */

size_t mw_state_find(const struct mw_state_table *table, double value)
{
	for (size_t s = 0; s < table->n; s++)
		if (table->state[s].value == value)
			return s;
	return MW_STATE_MAX;
}

/* The state of a value, made when there is room; NULL when there is none. */
static struct mw_state *state_of(struct mw_state_table *table, double value)
{
	size_t s = mw_state_find(table, value);

	if (s < MW_STATE_MAX)
		return &table->state[s];
	if (table->n == MW_STATE_MAX)
		return NULL;
	table->state[table->n].value = value;
	return &table->state[table->n++];
}

void mw_state_learn(struct mw_state_table *ret_table, const double *value, size_t n)
{
	double before = NAN;
	uint32_t run = 0;

	memset(ret_table, 0, sizeof(*ret_table));
	for (size_t t = 0; t < n; t++) {
		struct mw_state *state;
		bool looks_anew;

		if (!stat_present(value[t]))
			continue;
		run = value[t] == before ? run + 1 : 1;
		looks_anew = (run - 1) % MW_STAT_ROWS == 0;
		before = value[t];
		ret_table->looks += looks_anew;
		state = state_of(ret_table, value[t]);
		if (!state) {
			ret_table->left_out++;
			continue;
		}
		state->rows++;
		state->spells += run == 1;
		state->looks += looks_anew;
		state->longest = run > state->longest ? run : state->longest;
	}
}

double mw_state_surprise(const struct mw_state_table *table, double value)
{
	size_t s = mw_state_find(table, value);
	uint32_t own = s < MW_STATE_MAX ? table->state[s].looks : 0;
	double as_rare = 0;

	if (!stat_present(value))
		return 0;
	for (size_t i = 0; i < table->n; i++)
		if (table->state[i].looks <= own)
			as_rare += table->state[i].looks;
	return mw_stat_z_of_p((as_rare + 1) / ((double)table->looks + 1));
}

double mw_state_dwell(const struct mw_state_table *table, double value, uint32_t readings)
{
	size_t s = mw_state_find(table, value);

	if (s == MW_STATE_MAX || readings == 0)
		return 0;
	return mw_stat_log_ratio(readings, table->state[s].longest);
}

double mw_counter_rate(double before, double now)
{
	if (!stat_present(before) || !stat_present(now) || now < before)
		return NAN;
	return stat_bounded(now, MW_STAT_LARGEST) - stat_bounded(before, MW_STAT_LARGEST);
}
