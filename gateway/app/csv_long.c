#include "gateway/app/csv_long.h"

#include "gateway/app/csv_impl.h"
#include "gateway/base/clock.h"
#include "gateway/base/utf8.h"
#include "gateway/core/row.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define SPAN_MAX_NS 3.2e18 /* a century: differences of times fit */
#define STEPS_MIN   8      /* a channel that changes less often has no pace */

struct text {
	char text[MW_LONG_TEXT_SIZE]; /* the key */
	size_t code;
	UT_hash_handle hh;
};

enum content { CONTENT_NOTHING, CONTENT_NUMBERS, CONTENT_TEXTS };

struct channel {
	char name[MW_NAME_SIZE];
	enum content content;
	size_t n_texts;
	struct text *by_text;
	const struct text **by_code; /* n_texts */
};

struct mw_long {
	struct mw_long_opts opts;
	size_t n_channels;
	struct channel channel[MW_MAX_CHANNELS];
};

struct parse {
	struct mw_long *set;
	const char *path;
	size_t line, n_fields, capacity;
	size_t time_column, channel_column, value_column;
	struct mw_recording recording;
	char *why;
	size_t why_size;
};

static mw_err fail(const struct parse *p, mw_err err, const char *fmt, ...) MW_PRINTF(3, 4);

static mw_err fail(const struct parse *p, mw_err err, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return mw_why(err, p->why, p->why_size, "%s:%zu: %s", p->path, p->line, what);
}

mw_err mw_long_new(const struct mw_long_opts *opts, struct mw_long **ret_set)
{
	struct mw_long *set = calloc(1, sizeof(*set));

	if (!set)
		return MW_E_NOMEM;
	set->opts = *opts;
	*ret_set = set;
	return MW_E_OK;
}

void mw_long_free(struct mw_long *set)
{
	if (!set)
		return;
	for (size_t c = 0; c < set->n_channels; c++) {
		struct text *at, *next;

		HASH_ITER(hh, set->channel[c].by_text, at, next)
		{
			HASH_DEL(set->channel[c].by_text, at);
			free(at);
		}
		free(set->channel[c].by_code);
	}
	free(set);
}

void mw_recording_done(struct mw_recording *recording)
{
	free(recording->event);
	*recording = (struct mw_recording){0};
}

size_t mw_long_n_channels(const struct mw_long *set)
{
	return set->n_channels;
}

const char *mw_long_name(const struct mw_long *set, size_t channel)
{
	return set->channel[channel].name;
}

const char *mw_long_text(const struct mw_long *set, size_t channel, double value)
{
	const struct channel *c = &set->channel[channel];

	if (!(value >= 0) || !(value < (double)c->n_texts))
		return NULL;
	return c->by_code[(size_t)value]->text;
}

/* --- lines ------------------------------------------------------------------------------------ */

static mw_err find_column(const struct parse *p, char *const *field, const char *name,
			  size_t *ret_column)
{
	for (size_t i = 0; i < p->n_fields; i++)
		if (strcmp(field[i], name) == 0) {
			*ret_column = i;
			return MW_E_OK;
		}
	return fail(p, MW_E_MALFORMED, "no column '%.60s'", name);
}

static mw_err read_header(struct parse *p, char *line)
{
	char *field[MW_CSV_MAX_COLUMNS];
	size_t mark = strncmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* of spreadsheets */
	mw_err err;

	p->n_fields = csv_split(line + mark, p->set->opts.delimiter, field);
	if (p->n_fields > MW_CSV_MAX_COLUMNS)
		return fail(p, MW_E_FULL, "more than %d columns", MW_CSV_MAX_COLUMNS);
	err = find_column(p, field, p->set->opts.time, &p->time_column);
	if (!err)
		err = find_column(p, field, p->set->opts.channel, &p->channel_column);
	return err ? err : find_column(p, field, p->set->opts.value, &p->value_column);
}

static mw_err take_channel(const struct parse *p, const char *name, size_t *ret_channel)
{
	struct mw_long *set = p->set;

	for (size_t c = 0; c < set->n_channels; c++)
		if (strcmp(set->channel[c].name, name) == 0) {
			*ret_channel = c;
			return MW_E_OK;
		}
	if (*name == '\0' || strlen(name) >= MW_NAME_SIZE || !mw_utf8_is_clean(name, strlen(name)))
		return fail(p, MW_E_MALFORMED, "the channel has no usable name");
	if (set->n_channels == MW_MAX_CHANNELS)
		return fail(p, MW_E_FULL, "'%.40s' is one channel more than %d (use --ignore)",
			    name, MW_MAX_CHANNELS);
	memcpy(set->channel[set->n_channels].name, name, strlen(name) + 1);
	*ret_channel = set->n_channels++;
	return MW_E_OK;
}

static bool is_missing(const char *text)
{
	char *end;

	return *text == '\0' || strcmp(text, "null") == 0 ||
	       (isnan(strtod(text, &end)) && end != text && *end == '\0');
}

static bool number_of(const char *text, double *ret_value)
{
	char *end;
	double value = strtod(text, &end);
	bool yes = strcmp(text, "True") == 0 || strcmp(text, "true") == 0;

	if (yes || strcmp(text, "False") == 0 || strcmp(text, "false") == 0) {
		*ret_value = yes;
		return true;
	}
	if (end == text || end[strspn(end, " \t")] != '\0' || !isfinite(value))
		return false;
	*ret_value = value;
	return true;
}

static struct text *add_text(struct channel *channel, const char *text, size_t len)
{
	const struct text **more =
	    reallocarray(channel->by_code, channel->n_texts + 1, sizeof(*more));
	struct text *added = calloc(1, sizeof(*added));

	if (more)
		channel->by_code = more;
	if (!more || !added) {
		free(added);
		return NULL;
	}
	memcpy(added->text, text, len + 1);
	added->code = channel->n_texts;
	channel->by_code[channel->n_texts++] = added;
	HASH_ADD_STR(channel->by_text, text, added);
	return added;
}

static mw_err code_of(const struct parse *p, struct channel *channel, const char *text,
		      double *ret_value)
{
	size_t len = strlen(text);
	struct text *found;

	if (len >= MW_LONG_TEXT_SIZE)
		return fail(p, MW_E_MALFORMED, "channel '%.40s': a text of %zu bytes, at most %d",
			    channel->name, len, MW_LONG_TEXT_SIZE - 1);
	HASH_FIND_STR(channel->by_text, text, found);
	if (!found) {
		if (channel->n_texts == MW_LONG_MAX_TEXTS)
			return fail(p, MW_E_FULL,
				    "channel '%.40s': more than %d different texts (use --ignore)",
				    channel->name, MW_LONG_MAX_TEXTS);
		found = add_text(channel, text, len);
		if (!found)
			return fail(p, MW_E_NOMEM, "out of memory");
	}
	*ret_value = (double)found->code;
	return MW_E_OK;
}

static mw_err read_value(const struct parse *p, struct channel *channel, const char *text,
			 double *ret_value)
{
	if (is_missing(text)) {
		*ret_value = NAN;
		return MW_E_OK;
	}
	if (channel->content != CONTENT_TEXTS && number_of(text, ret_value)) {
		channel->content = CONTENT_NUMBERS;
		return MW_E_OK;
	}
	if (channel->content == CONTENT_NUMBERS)
		return fail(p, MW_E_MALFORMED,
			    "channel '%.40s': '%.40s' is not a number, as its values before "
			    "(use --ignore?)",
			    channel->name, text);
	channel->content = CONTENT_TEXTS;
	return code_of(p, channel, text, ret_value);
}

static mw_err add_event(struct parse *p, const struct mw_long_event *event)
{
	struct mw_recording *recording = &p->recording;
	struct mw_long_event *more;

	if (recording->n_event == MW_LONG_MAX_EVENTS)
		return fail(p, MW_E_FULL, "more than %d events", MW_LONG_MAX_EVENTS);
	if (recording->n_event == p->capacity) {
		size_t want = p->capacity ? p->capacity * 2 : 4096;

		more = reallocarray(recording->event, want, sizeof(*more));
		if (!more)
			return fail(p, MW_E_NOMEM, "out of memory");
		recording->event = more;
		p->capacity = want;
	}
	recording->event[recording->n_event++] = *event;
	return MW_E_OK;
}

static mw_err read_line(struct parse *p, char *line)
{
	char *field[MW_CSV_MAX_COLUMNS];
	size_t n = csv_split(line, p->set->opts.delimiter, field), channel = 0;
	struct mw_long_event event;
	mw_err err;

	if (n == 1 && field[0][0] == '\0')
		return MW_E_OK; /* an empty line */
	if (n != p->n_fields)
		return fail(p, MW_E_MALFORMED, "%zu fields where the header has %zu", n,
			    p->n_fields);
	if (csv_is_listed(p->set->opts.ignore, field[p->channel_column]))
		return MW_E_OK;
	if (mw_time_parse(field[p->time_column], &event.time_ns) != MW_E_OK)
		return fail(p, MW_E_MALFORMED, "column '%.40s': '%.40s' is not a time",
			    p->set->opts.time, field[p->time_column]);
	err = take_channel(p, field[p->channel_column], &channel);
	if (!err)
		err =
		    read_value(p, &p->set->channel[channel], field[p->value_column], &event.value);
	event.channel = (uint32_t)channel;
	return err ? err : add_event(p, &event);
}

/* By time, and where times are equal in the order of the file: a merge sort is stable. */
static void sort_events(struct mw_long_event *event, struct mw_long_event *spare, size_t n)
{
	size_t half = n / 2, i = 0, k = half;

	if (n < 2)
		return;
	sort_events(event, spare, half);
	sort_events(event + half, spare, n - half);
	if (event[half - 1].time_ns <= event[half].time_ns)
		return;
	memcpy(spare, event, half * sizeof(*event));
	for (size_t at = 0; i < half; at++)
		event[at] = k < n && event[k].time_ns < spare[i].time_ns ? event[k++] : spare[i++];
}

static mw_err order(struct parse *p)
{
	struct mw_recording *recording = &p->recording;
	struct mw_long_event *spare;

	if (recording->n_event == 0)
		return mw_why(MW_E_MALFORMED, p->why, p->why_size, "%s: no events", p->path);
	spare = calloc(recording->n_event, sizeof(*spare));
	if (!spare)
		return mw_why(MW_E_NOMEM, p->why, p->why_size, "out of memory");
	sort_events(recording->event, spare, recording->n_event);
	free(spare);
	if ((double)recording->event[recording->n_event - 1].time_ns -
		(double)recording->event[0].time_ns >
	    SPAN_MAX_NS)
		return mw_why(MW_E_MALFORMED, p->why, p->why_size,
			      "%s: the times span more than a century", p->path);
	return MW_E_OK;
}

mw_err mw_long_read(struct mw_long *set, const char *path, char *why, size_t why_size,
		    struct mw_recording *ret_recording)
{
	struct parse p = {.set = set, .path = path, .why = why, .why_size = why_size};
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	mw_err err = MW_E_OK;

	if (!file)
		return mw_why(MW_E_IO, why, why_size, "%s: %s", path, strerror(errno));
	while (!err && getline(&line, &size, file) >= 0)
		err = p.line++ == 0 ? read_header(&p, line) : read_line(&p, line);
	if (!err && ferror(file))
		err = mw_why(MW_E_IO, why, why_size, "%s: %s", path, strerror(errno));
	free(line);
	(void)fclose(file);
	if (!err)
		err = order(&p);
	if (err)
		mw_recording_done(&p.recording);
	else
		*ret_recording = p.recording;
	return err;
}

/* --- the grid --------------------------------------------------------------------------------- */

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Median time between two events of a channel; 0: too few. */
static int64_t pace(const struct mw_recording *recording, size_t channel, int64_t *step)
{
	int64_t last = 0;
	size_t n = 0;

	for (size_t i = 0; i < recording->n_event; i++) {
		const struct mw_long_event *event = &recording->event[i];

		if (event->channel != channel)
			continue;
		step[n++] = event->time_ns - last;
		last = event->time_ns;
	}
	if (n <= STEPS_MIN)
		return 0;
	qsort(step + 1, n - 1, sizeof(*step), compare_i64);
	return step[1 + (n - 1) / 2];
}

static int64_t round_125(double seconds)
{
	double decade = pow(10, floor(log10(seconds)));
	double digit = seconds / decade;

	digit = digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10;
	return (int64_t)llround(digit * decade * (double)MW_NS_PER_S);
}

int64_t mw_long_period(const struct mw_long *set, const struct mw_recording *recording)
{
	int64_t *step = calloc(recording->n_event, sizeof(*step)), least = 0, found;

	for (size_t c = 0; step && c < set->n_channels; c++) {
		found = pace(recording, c, step);
		if (found > 0 && (least == 0 || found < least))
			least = found;
	}
	free(step);
	return least > 0 ? round_125((double)least / (double)MW_NS_PER_S) : MW_NS_PER_S;
}

/* The first slot at or after a time. */
static int64_t slot_after(int64_t time_ns, int64_t period_ns)
{
	int64_t rest = time_ns % period_ns;

	if (rest < 0)
		rest += period_ns;
	return rest == 0 ? time_ns : time_ns - rest + period_ns;
}

static struct mw_csv *empty_grid(const struct mw_long *set, size_t n_rows)
{
	struct mw_csv *csv = calloc(1, sizeof(*csv));

	if (!csv)
		return NULL;
	csv->name = calloc(set->n_channels, sizeof(*csv->name));
	csv->value = calloc(n_rows * set->n_channels, sizeof(*csv->value));
	csv->time_ns = calloc(n_rows, sizeof(*csv->time_ns));
	csv->time_text = calloc(n_rows, sizeof(*csv->time_text));
	if (!csv->name || !csv->value || !csv->time_ns || !csv->time_text) {
		mw_csv_free(csv);
		return NULL;
	}
	csv->n_columns = set->n_channels;
	for (size_t c = 0; c < set->n_channels; c++)
		memcpy(csv->name[c], set->channel[c].name, MW_NAME_SIZE);
	return csv;
}

static mw_err fill_row(struct mw_csv *csv, int64_t slot, const double *held)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.9g", (double)slot / (double)MW_NS_PER_S);
	csv->time_text[csv->n_rows] = strdup(text);
	if (!csv->time_text[csv->n_rows])
		return MW_E_NOMEM;
	csv->time_ns[csv->n_rows] = slot;
	memcpy(csv->value + csv->n_rows * csv->n_columns, held, csv->n_columns * sizeof(*held));
	csv->n_rows++;
	return MW_E_OK;
}

mw_err mw_long_grid(const struct mw_long *set, const struct mw_recording *recording,
		    int64_t period_ns, struct mw_csv **ret_csv)
{
	int64_t from = slot_after(recording->event[0].time_ns, period_ns);
	int64_t to = slot_after(recording->event[recording->n_event - 1].time_ns, period_ns);
	double held[MW_MAX_CHANNELS];
	size_t at = 0;
	struct mw_csv *csv;
	mw_err err = MW_E_OK;

	if ((to - from) / period_ns >= MW_LONG_MAX_ROWS)
		return MW_E_FULL;
	csv = empty_grid(set, (size_t)((to - from) / period_ns) + 1);
	if (!csv)
		return MW_E_NOMEM;
	for (size_t c = 0; c < MW_MAX_CHANNELS; c++)
		held[c] = NAN;
	for (int64_t slot = from; slot <= to && !err; slot += period_ns) {
		for (; at < recording->n_event && recording->event[at].time_ns <= slot; at++)
			held[recording->event[at].channel] = recording->event[at].value;
		err = fill_row(csv, slot, held);
	}
	if (err)
		mw_csv_free(csv);
	else
		*ret_csv = csv;
	return err;
}
