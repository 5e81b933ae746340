#include "gateway/app/csv.h"
#include "gateway/app/csv_impl.h"

#include "gateway/base/clock.h"
#include "gateway/base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX 9e9 /* either side of 1970; past it nanoseconds overflow */

struct parse {
	const char *path;
	const struct mw_csv_opts *opts;
	struct mw_csv *csv;
	size_t line, capacity;
	int time_column, label_column; /* -1 = none */
	int into[MW_CSV_MAX_COLUMNS];  /* file column -> value column, -1 = not a value */
	size_t n_fields;
	char *why;
	size_t why_size;
};

/* --- time ------------------------------------------------------------------------------------- */

/* "+09:00", "+0900", "Z" or nothing; false if it is anything else. */
static bool parse_offset(const char *text, int64_t *ret_seconds)
{
	int hours;
	int minutes;
	int used = 0;

	while (*text == ' ')
		text++;
	*ret_seconds = 0;
	if (text[0] == '\0' || strcmp(text, "Z") == 0)
		return true;
	if (text[0] != '+' && text[0] != '-')
		return false;
	if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
	    sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &used) != 2)
		return false;
	*ret_seconds = (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return text[1 + used] == '\0';
}

static mw_err parse_calendar(const char *text, int64_t *ret_time_ns)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	int64_t offset, seconds;
	double fraction = 0;
	char *end;

	if (!rest || (*rest != ' ' && *rest != 'T' && *rest != '\0'))
		return MW_E_MALFORMED;
	if (*rest && !(rest = strptime(rest + 1, "%H:%M:%S", &tm)))
		return MW_E_MALFORMED;
	if (*rest == '.') {
		fraction = strtod(rest, &end);
		rest = end;
	}
	if (!parse_offset(rest, &offset))
		return MW_E_MALFORMED;
	seconds = (int64_t)timegm(&tm) - offset;
	if (fabs((double)seconds) > SECONDS_MAX)
		return MW_E_MALFORMED;
	*ret_time_ns = seconds * MW_NS_PER_S + (int64_t)llround(fraction * (double)MW_NS_PER_S);
	return MW_E_OK;
}

mw_err mw_time_parse(const char *text, int64_t *ret_time_ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0')
		return parse_calendar(text, ret_time_ns);
	if (!isfinite(seconds) || fabs(seconds) > SECONDS_MAX)
		return MW_E_MALFORMED;
	*ret_time_ns = (int64_t)llround(seconds * 1e6) * 1000;
	return MW_E_OK;
}

/* --- lines ------------------------------------------------------------------------------------ */

size_t csv_split(char *line, char delimiter, char *field[MW_CSV_MAX_COLUMNS])
{
	size_t n = 0;
	char *from = line;

	line[strcspn(line, "\r\n")] = '\0';
	while (from) {
		char *to = from;
		bool quoted = *from == '"';

		if (n == MW_CSV_MAX_COLUMNS)
			return n + 1;
		if (quoted)
			to = strchr(++from, '"');
		field[n++] = from;
		to = strchr(to ? to : from, delimiter);
		if (quoted)
			from[strcspn(from, "\"")] = '\0';
		if (to)
			*to++ = '\0';
		from = to;
	}
	return n;
}

bool csv_is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

static mw_err add_column(struct parse *p, const char *name)
{
	struct mw_csv *csv = p->csv;

	if (*name == '\0' || strlen(name) >= MW_NAME_SIZE || !mw_utf8_is_clean(name, strlen(name)))
		return mw_why(MW_E_MALFORMED, p->why, p->why_size,
			      "%s:1: column %zu has no usable name", p->path, csv->n_columns + 1);
	for (size_t i = 0; i < csv->n_columns; i++)
		if (strcmp(csv->name[i], name) == 0)
			return mw_why(MW_E_MALFORMED, p->why, p->why_size, "%s:1: two columns '%s'",
				      p->path, name);
	memcpy(csv->name[csv->n_columns++], name, strlen(name) + 1);
	return MW_E_OK;
}

static mw_err read_header(struct parse *p, char *line)
{
	char *field[MW_CSV_MAX_COLUMNS];
	struct mw_csv *csv = p->csv;
	size_t mark = strncmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* of spreadsheets */
	size_t n = csv_split(line + mark, p->opts->delimiter, field);
	mw_err err;

	if (n > MW_CSV_MAX_COLUMNS)
		return mw_why(MW_E_FULL, p->why, p->why_size, "%s:1: more than %d columns", p->path,
			      MW_CSV_MAX_COLUMNS);
	csv->name = calloc(n, sizeof(*csv->name));
	if (!csv->name)
		return MW_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		p->into[i] = -1;
		if (p->opts->time && strcmp(field[i], p->opts->time) == 0)
			p->time_column = (int)i;
		else if (p->opts->label && strcmp(field[i], p->opts->label) == 0)
			p->label_column = (int)i;
		else if (!csv_is_listed(p->opts->ignore, field[i])) {
			p->into[i] = (int)csv->n_columns;
			err = add_column(p, field[i]);
			if (err)
				return err;
		}
	}
	p->n_fields = n;
	if (p->opts->time && p->time_column < 0)
		return mw_why(MW_E_MALFORMED, p->why, p->why_size, "%s:1: no column '%s'", p->path,
			      p->opts->time);
	if (csv->n_columns == 0)
		return mw_why(MW_E_MALFORMED, p->why, p->why_size, "%s:1: no value columns",
			      p->path);
	return MW_E_OK;
}

/* realloc that leaves the old block in place when memory is short */
static void *widen(void *block, size_t n, size_t size, bool *ok)
{
	void *wide = reallocarray(block, n, size);

	if (!wide) {
		*ok = false;
		return block;
	}
	return wide;
}

static bool grow(struct parse *p)
{
	struct mw_csv *csv = p->csv;
	size_t want = p->capacity ? p->capacity * 2 : 1024;
	bool ok = true;

	if (csv->n_rows < p->capacity)
		return true;
	csv->value = widen(csv->value, want * csv->n_columns, sizeof(*csv->value), &ok);
	csv->time_ns = widen(csv->time_ns, want, sizeof(*csv->time_ns), &ok);
	csv->time_text = widen(csv->time_text, want, sizeof(*csv->time_text), &ok);
	if (ok)
		p->capacity = want;
	return ok;
}

static mw_err read_value(const struct parse *p, const char *text, size_t column, double *ret_value)
{
	char *end;
	double value = strtod(text, &end);

	if (*text == '\0' || strcmp(text, "null") == 0)
		value = NAN;
	else if (end == text || end[strspn(end, " \t")] != '\0')
		return mw_why(MW_E_MALFORMED, p->why, p->why_size,
			      "%s:%zu: column '%s': '%.40s' is not a number (use --ignore?)",
			      p->path, p->line, p->csv->name[column], text);
	*ret_value = isfinite(value) ? value : NAN;
	return MW_E_OK;
}

static mw_err read_time(const struct parse *p, char *const *field)
{
	struct mw_csv *csv = p->csv;
	const char *text = p->time_column < 0 ? "" : field[p->time_column];

	csv->time_text[csv->n_rows] = strdup(text);
	if (!csv->time_text[csv->n_rows])
		return MW_E_NOMEM;
	csv->time_ns[csv->n_rows] = (int64_t)csv->n_rows * p->opts->period_ns;
	if (p->time_column >= 0 && mw_time_parse(text, &csv->time_ns[csv->n_rows]) != MW_E_OK) {
		free(csv->time_text[csv->n_rows]);
		return mw_why(MW_E_MALFORMED, p->why, p->why_size,
			      "%s:%zu: column '%s': '%.40s' is not a time", p->path, p->line,
			      p->opts->time, text);
	}
	return MW_E_OK;
}

static void read_label(const struct parse *p, char *const *field)
{
	struct mw_csv *csv = p->csv;

	if (p->label_column < 0 || strtod(field[p->label_column], NULL) == 0)
		return;
	if (csv->label_to == 0)
		csv->label_from = csv->n_rows;
	csv->label_to = csv->n_rows + 1;
}

static mw_err read_row(struct parse *p, char *line)
{
	char *field[MW_CSV_MAX_COLUMNS];
	size_t n = csv_split(line, p->opts->delimiter, field);
	double *row;
	mw_err err;

	if (n == 1 && field[0][0] == '\0')
		return MW_E_OK; /* an empty line */
	if (n != p->n_fields)
		return mw_why(MW_E_MALFORMED, p->why, p->why_size,
			      "%s:%zu: %zu fields where the header has %zu", p->path, p->line, n,
			      p->n_fields);
	if (!grow(p))
		return mw_why(MW_E_NOMEM, p->why, p->why_size, "out of memory");
	row = p->csv->value + p->csv->n_rows * p->csv->n_columns;
	for (size_t i = 0; i < n; i++)
		if (p->into[i] >= 0 &&
		    (err = read_value(p, field[i], (size_t)p->into[i], &row[p->into[i]])))
			return err;
	read_label(p, field);
	err = read_time(p, field);
	if (!err)
		p->csv->n_rows++;
	return err;
}

mw_err mw_csv_read(const char *path, const struct mw_csv_opts *opts, char *why, size_t why_size,
		   struct mw_csv **ret_csv)
{
	struct parse p = {.path = path,
			  .opts = opts,
			  .time_column = -1,
			  .label_column = -1,
			  .why = why,
			  .why_size = why_size};
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	mw_err err = MW_E_OK;

	if (!file)
		return mw_why(MW_E_IO, why, why_size, "%s: %s", path, strerror(errno));
	p.csv = calloc(1, sizeof(*p.csv));
	if (!p.csv)
		err = mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	while (!err && getline(&line, &size, file) >= 0)
		err = p.line++ == 0 ? read_header(&p, line) : read_row(&p, line);
	if (!err && ferror(file))
		err = mw_why(MW_E_IO, why, why_size, "%s: %s", path, strerror(errno));
	if (!err && p.csv->n_rows == 0)
		err = mw_why(MW_E_MALFORMED, why, why_size, "%s: no rows", path);
	free(line);
	(void)fclose(file);
	if (err)
		mw_csv_free(p.csv);
	else
		*ret_csv = p.csv;
	return err;
}

void mw_csv_free(struct mw_csv *csv)
{
	if (!csv)
		return;
	for (size_t i = 0; i < csv->n_rows; i++)
		free(csv->time_text[i]);
	free(csv->time_text);
	free(csv->time_ns);
	free(csv->value);
	free(csv->name);
	free(csv);
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t mw_csv_period(const struct mw_csv *csv)
{
	int64_t *step;
	int64_t median;
	size_t n = csv->n_rows - 1;

	if (csv->n_rows < 2)
		return 0;
	step = calloc(n, sizeof(*step));
	if (!step)
		return 0;
	for (size_t i = 0; i < n; i++)
		step[i] = csv->time_ns[i + 1] - csv->time_ns[i];
	qsort(step, n, sizeof(*step), compare_i64);
	median = step[n / 2];
	free(step);
	return median > 0 ? median : 0;
}
