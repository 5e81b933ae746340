#include "gateway/core/assembler_state.h"

#include "gateway/base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_STEPS        8  /* fewer do not tell how a channel reports */
#define LATE_ROWS_BACK   16 /* rows of nothing but late samples are a clock step */
#define MIN_LATE_BACK    32
#define DEFAULT_GAP_ROWS 10000
#define FEWEST_SAMPLES   64 /* there is room for */

const char *mw_fate_text(enum mw_sample_fate fate)
{
	static const char *const text[MW_N_FATE] = {
	    "taken", "late", "future", "duplicate", "full", "bad", "unknown channel",
	};

	return fate < MW_N_FATE ? text[fate] : "unknown fate";
}

/* --- making ----------------------------------------------------------------------------------- */

static bool opts_are_sane(const struct mw_assembler_opts *opts)
{
	if (opts->period_ns != 0 &&
	    (opts->period_ns < MW_PERIOD_MIN_NS || opts->period_ns > MW_PERIOD_MAX_NS))
		return false;
	return opts->lateness_ns >= 0 && opts->hold_ns >= 0 && opts->future_ns >= 0 &&
	       opts->max_gap_rows >= 0 && opts->max_gap_rows <= MW_ASSEMBLER_MAX_GAP_ROWS;
}

mw_err mw_assembler_new(const struct mw_assembler_opts *opts, struct mw_assembler **ret_assembler)
{
	struct mw_assembler *a;

	if (!opts_are_sane(opts))
		return MW_E_INVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return MW_E_NOMEM;
	a->opts = *opts;
	if (a->opts.max_gap_rows == 0)
		a->opts.max_gap_rows = DEFAULT_GAP_ROWS;
	a->period = opts->period_ns;
	a->next_row = a->open_row = MW_ASSEMBLER_NO_ROW;
	*ret_assembler = a;
	return MW_E_OK;
}

void mw_assembler_free(struct mw_assembler *assembler)
{
	if (!assembler)
		return;
	for (size_t i = 0; i < assembler->n_channels; i++)
		free(assembler->channel[i]);
	free(assembler->sample);
	free(assembler);
}

/* --- names ------------------------------------------------------------------------------------ */

bool mw_assembler_name_is_proper(struct mw_str name)
{
	return name.len > 0 && name.len < MW_NAME_SIZE && mw_utf8_is_clean(name.ptr, name.len);
}

static int find_channel(const struct mw_assembler *a, struct mw_str name)
{
	for (size_t i = 0; i < a->n_channels; i++)
		if (strlen(a->channel[i]->name) == name.len &&
		    memcmp(a->channel[i]->name, name.ptr, name.len) == 0)
			return (int)i;
	return -1;
}

/* -1: full, or no memory. */
static int add_channel(struct mw_assembler *a, struct mw_str name)
{
	struct mw_assembler_channel *channel;

	if (a->n_channels == MW_MAX_CHANNELS)
		return -1;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -1;
	memcpy(channel->name, name.ptr, name.len);
	a->channel[a->n_channels] = channel;
	return (int)a->n_channels++;
}

int mw_assembler_channel(struct mw_assembler *assembler, const char *name, const char *unit)
{
	struct mw_str text = {name, strlen(name)};
	size_t unit_size = unit ? strlen(unit) : 0;
	int i;

	if (!mw_assembler_name_is_proper(text))
		return -1;
	i = find_channel(assembler, text);
	if (i < 0)
		i = add_channel(assembler, text);
	if (i >= 0 && unit_size > 0 && unit_size < MW_UNIT_SIZE &&
	    !assembler->channel[i]->unit[0] && mw_utf8_is_clean(unit, unit_size))
		memcpy(assembler->channel[i]->unit, unit, unit_size + 1);
	return i;
}

void mw_assembler_freeze(struct mw_assembler *assembler)
{
	assembler->frozen = true;
}

/* --- the grid --------------------------------------------------------------------------------- */

int64_t mw_assembler_row_of(const struct mw_assembler *a, int64_t time)
{
	int64_t t = time - a->phase;

	return t >= 0 ? t / a->period : -((-t + a->period - 1) / a->period);
}

static int64_t lateness(const struct mw_assembler *a)
{
	int64_t most = a->period * MW_MAX_LATE_ROWS;

	if (a->opts.lateness_ns == 0)
		return 2 * a->period;
	return a->opts.lateness_ns < most ? a->opts.lateness_ns : most;
}

/* Rows that end at or before the watermark are ready; the watermark never goes back. */
static void advance(struct mw_assembler *a)
{
	int64_t row;

	if (a->period == 0 || a->newest == 0)
		return;
	row = mw_assembler_row_of(a, a->newest - lateness(a));
	if (row > a->open_row)
		a->open_row = row;
}

/* Ascending times of one channel among the kept samples, the oldest of them. */
static size_t channel_times(const struct mw_assembler *a, size_t channel, int64_t *ret_time)
{
	size_t n = 0;

	for (size_t i = a->head; i < a->end && n < MW_PERIOD_MAX_SAMPLES; i++)
		if (a->sample[i].channel == channel)
			ret_time[n++] = a->sample[i].time;
	return n;
}

/* The fastest channel's period becomes the rows'.  `must`: by whatever is there. */
static void detect(struct mw_assembler *a, bool must)
{
	int64_t time[MW_PERIOD_MAX_SAMPLES];
	struct mw_period guess, best = {0, 0};

	for (size_t c = 0; c < a->n_channels; c++) {
		size_t n = channel_times(a, c, time);

		if (mw_period_detect(time, n, must, &guess) &&
		    (best.period_ns == 0 || guess.period_ns < best.period_ns))
			best = guess;
	}
	a->period = best.period_ns;
	a->phase = best.phase_ns;
	advance(a);
}

/* --- samples ---------------------------------------------------------------------------------- */

static bool resize(struct mw_assembler *a, size_t capacity)
{
	struct mw_assembler_sample *sample = realloc(a->sample, capacity * sizeof(*sample));

	if (!sample)
		return false;
	a->sample = sample;
	a->capacity = capacity;
	return true;
}

/* Many samples wait only while the period is unknown, or after a silence of ours. */
static bool make_room(struct mw_assembler *a)
{
	size_t waiting = a->end - a->head;

	if (a->end < a->capacity)
		return true;
	if (a->capacity < FEWEST_SAMPLES || a->head < a->capacity / 2)
		return resize(a, a->capacity < FEWEST_SAMPLES ? FEWEST_SAMPLES : 2 * a->capacity);
	memmove(a->sample, a->sample + a->head, waiting * sizeof(*a->sample));
	a->head = 0;
	a->end = waiting;
	if (waiting < a->capacity / 4 && a->capacity > FEWEST_SAMPLES)
		(void)resize(a, a->capacity / 2);
	return true;
}

static struct mw_assembler_sample merged(struct mw_assembler_sample first,
					 struct mw_assembler_sample next)
{
	double lo = fmin(first.value, next.value), hi = fmax(first.value, next.value);
	double weight = (double)first.weight + next.weight;

	first.value =
	    fmin(fmax((first.value * first.weight + next.value * next.weight) / weight, lo), hi);
	first.weight += next.weight;
	return first;
}

/* Heavy oversampling: samples of one cell become one. */
static void fold(struct mw_assembler *a)
{
	size_t at[MW_MAX_CHANNELS], to = a->head;
	int64_t row[MW_MAX_CHANNELS];

	for (size_t c = 0; c < MW_MAX_CHANNELS; c++)
		row[c] = MW_ASSEMBLER_NO_ROW;
	for (size_t i = a->head; i < a->end; i++) {
		uint32_t c = a->sample[i].channel;
		int64_t r = mw_assembler_row_of(a, a->sample[i].time);

		if (row[c] == r && a->sample[at[c]].weight < UINT32_MAX - a->sample[i].weight) {
			a->sample[at[c]] = merged(a->sample[at[c]], a->sample[i]);
			continue;
		}
		row[c] = r;
		at[c] = to;
		a->sample[to++] = a->sample[i];
	}
	a->end = to;
}

static int compare(const struct mw_assembler_sample *a, const struct mw_assembler_sample *b)
{
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return (a->channel > b->channel) - (a->channel < b->channel);
}

static size_t place_of(const struct mw_assembler *a, const struct mw_assembler_sample *sample)
{
	size_t lo = a->head, hi = a->end;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (compare(&a->sample[middle], sample) < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

static enum mw_sample_fate insert(struct mw_assembler *a, struct mw_assembler_sample sample)
{
	size_t at = place_of(a, &sample);

	if (at < a->end && compare(&a->sample[at], &sample) == 0)
		return MW_FATE_DUPLICATE;
	if (a->end - a->head >= MW_MAX_OPEN_SAMPLES && a->period != 0) {
		fold(a);
	}
	if (a->end - a->head >= MW_MAX_OPEN_SAMPLES || !make_room(a))
		return MW_FATE_FULL;
	at = place_of(a, &sample);
	memmove(a->sample + at + 1, a->sample + at, (a->end - at) * sizeof(*a->sample));
	a->sample[at] = sample;
	a->end++;
	return MW_FATE_TAKEN;
}

/* --- pushing ---------------------------------------------------------------------------------- */

static bool value_is_good(double value, uint32_t quality)
{
	return quality == 0 && isfinite(value) && fabs(value) <= MW_VALUE_MAX;
}

/* The old grid was emptied after a clock step: nothing of it holds any more but the period. */
static void start_anew(struct mw_assembler *a)
{
	a->draining = false;
	a->late_run = 0;
	a->newest = 0;
	a->next_row = a->open_row = MW_ASSEMBLER_NO_ROW;
	for (size_t i = 0; i < a->n_channels; i++) {
		a->channel[i]->has_last = false;
		if (!a->frozen)
			a->channel[i]->n_step = a->channel[i]->at_step = 0;
	}
}

static enum mw_sample_fate late(struct mw_assembler *a)
{
	uint32_t most = (uint32_t)(LATE_ROWS_BACK * a->n_channels);

	a->late_run++;
	if (!a->draining && a->late_run >= (most > MIN_LATE_BACK ? most : MIN_LATE_BACK)) {
		a->draining = true;
		a->clock_steps++;
		mw_assembler_flush(a);
	}
	return MW_FATE_LATE;
}

static enum mw_sample_fate judge(struct mw_assembler *a, struct mw_str name, int64_t time,
				 double value, uint32_t quality, int64_t now)
{
	int channel = -1;

	if (!value_is_good(value, quality) || !mw_assembler_name_is_proper(name))
		return MW_FATE_BAD;
	if (time > MW_ASSEMBLER_TIME_MAX ||
	    (a->opts.future_ns != 0 && time > now && time - now > a->opts.future_ns))
		return MW_FATE_FUTURE;
	if (time <= 0)
		return MW_FATE_LATE;
	channel = find_channel(a, name);
	if (channel < 0 && a->frozen)
		return MW_FATE_UNKNOWN_CHANNEL;
	if (a->draining && a->head == a->end)
		start_anew(a);
	if (a->draining || (a->period != 0 && mw_assembler_row_of(a, time) < a->open_row))
		return late(a);
	if (channel < 0)
		channel = add_channel(a, name);
	if (channel < 0)
		return MW_FATE_FULL;
	return insert(a, (struct mw_assembler_sample){time, value, 1, (uint32_t)channel});
}

/* Whether the sample makes a new guess worthwhile: not on each one, for the guess reads them all.
 */
static bool is_time_to_detect(const struct mw_assembler *a)
{
	size_t n = a->end - a->head;

	return n > MW_PERIOD_MIN_STEPS && (n < 256 ? n % 4 == 0 : n % 64 == 0);
}

enum mw_sample_fate mw_assembler_push(struct mw_assembler *assembler, struct mw_str channel,
				      int64_t time_ns, double value, uint32_t quality,
				      int64_t now_ns)
{
	struct mw_assembler *a = assembler;
	enum mw_sample_fate fate = judge(a, channel, time_ns, value, quality, now_ns);

	a->count[fate]++;
	if (fate != MW_FATE_TAKEN)
		return fate;
	a->late_run = 0;
	if (time_ns > a->newest)
		a->newest = time_ns;
	if (a->period == 0 && is_time_to_detect(a))
		detect(a, a->end - a->head >= MW_MAX_DETECT);
	advance(a);
	return fate;
}

void mw_assembler_flush(struct mw_assembler *assembler)
{
	int64_t row;

	if (assembler->period == 0)
		detect(assembler, true);
	if (assembler->period == 0 || assembler->newest == 0)
		return;
	row = mw_assembler_row_of(assembler, assembler->newest) + 1;
	if (row > assembler->open_row)
		assembler->open_row = row;
}

/* --- popping ---------------------------------------------------------------------------------- */

static int compare_steps(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The typical time between a channel's samples; *ret_irregular: a quarter of them or more are not like it,
 * to a quarter of it (for jitter) and a row.  Needs MIN_STEPS. */
static int64_t typical_step(const struct mw_assembler *a,
			    const struct mw_assembler_channel *channel, bool *ret_irregular)
{
	int64_t step[MW_ASSEMBLER_STEPS], typical;
	size_t n = channel->n_step, unlike = 0;

	memcpy(step, channel->step, n * sizeof(*step));
	qsort(step, n, sizeof(*step), compare_steps);
	typical = step[n / 2];
	for (size_t i = 0; i < n; i++)
		unlike += llabs(step[i] - typical) > typical / 4 + a->period;
	*ret_irregular = unlike * 4 >= n;
	return typical;
}

/* How long the last value stands for the present one; INT64_MAX: for ever.  A regular channel's
 * until its next sample is due. */
static int64_t hold_of(const struct mw_assembler *a, const struct mw_assembler_channel *channel)
{
	int64_t for_ever = a->opts.hold_ns ? a->opts.hold_ns : INT64_MAX, typical;
	bool irregular;

	if (channel->n_step < MIN_STEPS || channel->irregular)
		return for_ever;
	typical = typical_step(a, channel, &irregular);
	return typical / 4 * 5 - a->period / 2;
}

static double held(const struct mw_assembler *a, const struct mw_assembler_channel *channel,
		   int64_t row)
{
	if (!channel->has_last)
		return NAN;
	return (row - channel->last_row) * a->period < hold_of(a, channel) ? channel->last : NAN;
}

/* How a channel reports is learnt with the machine: later, samples that fail to come are lost. */
static void remember_step(const struct mw_assembler *a, struct mw_assembler_channel *channel,
			  int64_t step)
{
	bool irregular;

	if (a->frozen)
		return;
	channel->step[channel->at_step] = step;
	channel->at_step = (channel->at_step + 1) % MW_ASSEMBLER_STEPS;
	channel->n_step += channel->n_step < MW_ASSEMBLER_STEPS;
	if (channel->n_step < MIN_STEPS)
		return;
	(void)typical_step(a, channel, &irregular);
	channel->irregular |= irregular;
}

static void remember(const struct mw_assembler *a, struct mw_assembler_channel *channel,
		     const struct mw_assembler_sample *cell, int64_t row, int64_t time)
{
	if (channel->has_last)
		remember_step(a, channel, time - channel->last_time);
	channel->has_last = true;
	channel->last = cell->value;
	channel->last_row = row;
	channel->last_time = time;
}

/* Takes the samples of a row and leaves its values in a->value. */
static void close_row(struct mw_assembler *a, int64_t row)
{
	struct mw_assembler_sample cell[MW_MAX_CHANNELS];
	int64_t newest[MW_MAX_CHANNELS];

	memset(cell, 0, sizeof(cell));
	for (; a->head < a->end && mw_assembler_row_of(a, a->sample[a->head].time) == row;
	     a->head++) {
		const struct mw_assembler_sample *sample = &a->sample[a->head];
		uint32_t c = sample->channel;

		cell[c] = cell[c].weight == 0 ? *sample : merged(cell[c], *sample);
		newest[c] = sample->time;
	}
	for (size_t c = 0; c < a->n_channels; c++) {
		if (cell[c].weight > 0)
			remember(a, a->channel[c], &cell[c], row, newest[c]);
		a->value[c] = cell[c].weight > 0 ? cell[c].value : held(a, a->channel[c], row);
	}
	if (a->head == a->end)
		a->head = a->end = 0;
}

/* The row to hand on; false: none is ready.  Past a long silence it is the first one after it. */
static bool choose_row(struct mw_assembler *a)
{
	int64_t first;

	if (a->period == 0 || a->head == a->end)
		return false; /* the newest sample stays until its row was popped */
	first = mw_assembler_row_of(a, a->sample[a->head].time);
	if (a->next_row == MW_ASSEMBLER_NO_ROW || first - a->next_row > a->opts.max_gap_rows) {
		if (first >= a->open_row)
			return false; /* an earlier sample may still come */
		a->gaps += a->next_row != MW_ASSEMBLER_NO_ROW;
		a->next_row = first;
	}
	return a->next_row < a->open_row;
}

bool mw_assembler_pop(struct mw_assembler *assembler, struct mw_row *ret_row)
{
	int64_t row;

	if (!choose_row(assembler))
		return false;
	row = assembler->next_row++;
	close_row(assembler, row);
	*ret_row = (struct mw_row){row * assembler->period, assembler->value,
				   (uint32_t)assembler->n_channels};
	return true;
}

/* --- looking ---------------------------------------------------------------------------------- */

size_t mw_assembler_n_channels(const struct mw_assembler *assembler)
{
	return assembler->n_channels;
}

const char *mw_assembler_name(const struct mw_assembler *assembler, size_t channel)
{
	return channel < assembler->n_channels ? assembler->channel[channel]->name : "";
}

const char *mw_assembler_unit(const struct mw_assembler *assembler, size_t channel)
{
	return channel < assembler->n_channels ? assembler->channel[channel]->unit : "";
}

int64_t mw_assembler_period(const struct mw_assembler *assembler)
{
	return assembler->period;
}

int64_t mw_assembler_newest(const struct mw_assembler *assembler)
{
	return assembler->newest;
}

uint64_t mw_assembler_count(const struct mw_assembler *assembler, enum mw_sample_fate fate)
{
	return fate < MW_N_FATE ? assembler->count[fate] : 0;
}

uint64_t mw_assembler_gaps(const struct mw_assembler *assembler)
{
	return assembler->gaps;
}

uint64_t mw_assembler_clock_steps(const struct mw_assembler *assembler)
{
	return assembler->clock_steps;
}
