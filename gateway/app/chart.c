#include "gateway/app/chart.h"

#include "gateway/app/text.h"
#include "gateway/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LABEL_SIZE 24
#define MIN_WIDTH  40
#define MAX_WIDTH  400
#define MIN_HEIGHT 3
#define MAX_HEIGHT 60
#define MAX_VALUE  1e300

enum mark { MARK_NONE, MARK_EXPECTED, MARK_ONSET };

/* A grid of cells; each cell has dots_x x dots_y dots for what was measured, and one mark behind
 * them. */
struct canvas {
	size_t width, height;
	size_t dots_x, dots_y;
	uint8_t *dots, *marks;
	double low, high; /* of the y axis */
	size_t onset;     /* column; width = none */
};

/* --- scales ----------------------------------------------------------------------------------- */

static void widen(double value, double *low, double *high)
{
	if (!isfinite(value))
		return;
	/* The difference of two doubles may be no double; these are. */
	*low = fmin(*low, fmax(value, -MAX_VALUE));
	*high = fmax(*high, fmin(value, MAX_VALUE));
}

/* False when nothing was measured or expected. */
static bool scale_y(const struct mw_chart *chart, struct canvas *canvas)
{
	double low = INFINITY, high = -INFINITY, margin;

	for (size_t i = 0; i < chart->n_rows; i++) {
		widen(chart->value[i * chart->stride], &low, &high);
		widen(chart->expected[i * chart->stride], &low, &high);
	}
	if (!(low <= high))
		return false;
	margin = (high - low) * 0.04;
	if (!(margin > fabs(high) * 1e-9))
		margin = fabs(high) > 1e-300 ? fabs(high) * 0.02 : 1;
	canvas->low = low - margin;
	canvas->high = high + margin;
	return true;
}

static double share_of(const struct canvas *canvas, double value)
{
	return (value - canvas->low) / (canvas->high - canvas->low);
}

/* Row of dots (or cells, with n rows) of a value; 0 is the top one. */
static size_t row_of(const struct canvas *canvas, double value, size_t n)
{
	double row = (1 - share_of(canvas, value)) * (double)n;

	return row <= 0 ? 0 : row >= (double)n ? n - 1 : (size_t)row;
}

static void scale_x(const struct mw_chart *chart, struct canvas *canvas)
{
	double span = (double)chart->period_ns * (double)(chart->n_rows - 1);
	double at = (double)(chart->onset_ns - chart->from_ns);

	canvas->onset = canvas->width;
	if (chart->onset_ns != 0 && span > 0 && at >= 0 && at <= span)
		canvas->onset = (size_t)(at / span * (double)(canvas->width - 1) + 0.5);
}

/* --- drawing ---------------------------------------------------------------------------------- */

static void set_dot(struct canvas *canvas, size_t x, size_t y)
{
	/* Braille numbers its dots down the left column, down the right one, then the bottom row.
	 */
	static const uint8_t bit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
	size_t cell = y / canvas->dots_y * canvas->width + x / canvas->dots_x;

	canvas->dots[cell] |= bit[y % canvas->dots_y][x % canvas->dots_x];
}

static size_t dot_column(const struct canvas *canvas, const struct mw_chart *chart, size_t row)
{
	if (chart->n_rows < 2)
		return 0;
	return (size_t)((double)row * (double)(canvas->width * canvas->dots_x - 1) /
			    (double)(chart->n_rows - 1) +
			0.5);
}

static void draw_step(struct canvas *canvas, size_t x0, size_t y0, size_t x1, size_t y1)
{
	double dx = (double)x1 - (double)x0, dy = (double)y1 - (double)y0;
	size_t steps = (size_t)fmax(fabs(dx), fabs(dy));

	for (size_t i = 0; i <= steps; i++) {
		double t = steps > 0 ? (double)i / (double)steps : 0;

		set_dot(canvas, (size_t)((double)x0 + t * dx + 0.5),
			(size_t)((double)y0 + t * dy + 0.5));
	}
}

static void draw_measured(struct canvas *canvas, const struct mw_chart *chart)
{
	size_t x0 = 0, y0 = 0;
	bool joined = false; /* a missing reading leaves a gap */

	for (size_t i = 0; i < chart->n_rows; i++) {
		double value = chart->value[i * chart->stride];
		size_t x = dot_column(canvas, chart, i), y;

		if (!isfinite(value)) {
			joined = false;
			continue;
		}
		y = row_of(canvas, value, canvas->height * canvas->dots_y);
		draw_step(canvas, joined ? x0 : x, joined ? y0 : y, x, y);
		x0 = x;
		y0 = y;
		joined = true;
	}
}

static void draw_marks(struct canvas *canvas, const struct mw_chart *chart)
{
	if (canvas->onset < canvas->width)
		for (size_t y = 0; y < canvas->height; y++)
			canvas->marks[y * canvas->width + canvas->onset] = MARK_ONSET;
	for (size_t x = 0; x < canvas->width; x++) {
		double at = (double)x / (double)(canvas->width - 1);
		size_t row = (size_t)(at * (double)(chart->n_rows - 1) + 0.5);
		double expected = chart->expected[row * chart->stride];

		if (isfinite(expected))
			canvas
			    ->marks[row_of(canvas, expected, canvas->height) * canvas->width + x] =
			    MARK_EXPECTED;
	}
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_code(FILE *to, unsigned code) /* U+0800 .. U+FFFF */
{
	(void)fputc((int)(0xE0 | code >> 12), to);
	(void)fputc((int)(0x80 | (code >> 6 & 0x3F)), to);
	(void)fputc((int)(0x80 | (code & 0x3F)), to);
}

static void put_cell(FILE *to, const struct canvas *canvas, size_t cell, bool ascii)
{
	static const char *const unicode_mark[] = {" ", "┄", "┊"};
	static const char *const ascii_mark[] = {" ", "-", "|"};
	uint8_t dots = canvas->dots[cell];

	if (dots && ascii)
		(void)fputc('*', to);
	else if (dots)
		put_code(to, 0x2800u + dots);
	else
		(void)fputs((ascii ? ascii_mark : unicode_mark)[canvas->marks[cell]], to);
}

/* Enough digits to tell the ends of the axis apart. */
static void format_label(const struct canvas *canvas, double value, char *label)
{
	double span = canvas->high - canvas->low;
	int decimals = (int)ceil(1 - log10(span));
	double largest = fmax(fabs(canvas->low), fabs(canvas->high));

	if (decimals > 9 || largest >= 1e7)
		(void)snprintf(label, LABEL_SIZE, "%.4g", value);
	else
		(void)snprintf(label, LABEL_SIZE, "%.*f", decimals > 0 ? decimals : 0, value);
}

static void format_time(int64_t time_ns, const struct mw_chart *chart, char *label)
{
	int64_t span_ns = chart->period_ns * (int64_t)chart->n_rows;
	bool days = span_ns > 86400 * MW_NS_PER_S;
	time_t seconds = (time_t)(time_ns / MW_NS_PER_S);
	struct tm tm;
	size_t n = 0;

	if (localtime_r(&seconds, &tm))
		n = strftime(label, LABEL_SIZE, days ? "%m-%d %H:%M" : "%H:%M:%S", &tm);
	label[n] = '\0';
	if (chart->period_ns % MW_NS_PER_S != 0 && span_ns < 600 * MW_NS_PER_S)
		(void)snprintf(label + n, LABEL_SIZE - n, ".%03d",
			       (int)(time_ns % MW_NS_PER_S / MW_NS_PER_MS));
}

static void put_plot(FILE *to, const struct canvas *canvas, size_t label_width, bool ascii)
{
	char label[LABEL_SIZE];

	for (size_t y = 0; y < canvas->height; y++) {
		double share = 1 - ((double)y + 0.5) / (double)canvas->height;
		bool labelled = y == 0 || y == canvas->height / 2 || y == canvas->height - 1;

		format_label(canvas, canvas->low + share * (canvas->high - canvas->low), label);
		(void)fprintf(to, "%*s %s", (int)label_width, labelled ? label : "",
			      ascii      ? (labelled ? "+" : "|")
			      : labelled ? "┤"
					 : "│");
		for (size_t x = 0; x < canvas->width; x++)
			put_cell(to, canvas, y * canvas->width + x, ascii);
		(void)fputc('\n', to);
	}
	(void)fprintf(to, "%*s %s", (int)label_width, "", ascii ? "+" : "└");
	for (size_t x = 0; x < canvas->width; x++)
		(void)fputs(x == canvas->onset ? (ascii ? "^" : "┴") : ascii ? "-" : "─", to);
	(void)fputc('\n', to);
}

/* Left, onset and right time on one line; the onset gives way where there is no room. */
static void put_times(FILE *to, const struct mw_chart *chart, const struct canvas *canvas,
		      size_t label_width)
{
	char first[LABEL_SIZE], last[LABEL_SIZE], time[LABEL_SIZE], onset[2 * LABEL_SIZE] = "";
	size_t at = 0, end;

	format_time(chart->from_ns, chart, first);
	format_time(chart->from_ns + (int64_t)(chart->n_rows - 1) * chart->period_ns, chart, last);
	end = canvas->width - strlen(last);
	if (canvas->onset < canvas->width) {
		format_time(chart->onset_ns, chart, time);
		(void)snprintf(onset, sizeof(onset), "onset %s", time);
		at = canvas->onset > strlen(onset) / 2 ? canvas->onset - strlen(onset) / 2 : 0;
		if (at <= strlen(first)) /* shift it off the left label, or leave that out */
			at = strlen(first) + 1;
		if (at + strlen(onset) >= end)
			at = end > strlen(onset) + 1 ? end - strlen(onset) - 1 : 0;
	}
	if (*onset && at > strlen(first))
		(void)fprintf(to, "%*s  %-*s%-*s%s\n", (int)label_width, "", (int)at, first,
			      (int)(end - at), onset, last);
	else
		(void)fprintf(to, "%*s  %-*s%s\n", (int)label_width, "", (int)end, first, last);
}

static void put_title(FILE *to, const struct mw_chart *chart, const struct mw_chart_style *style)
{
	mw_text_put(to, chart->title, style->width / 2, 0, style->ascii);
	if (*chart->unit) {
		(void)fputs(" [", to);
		mw_text_put(to, chart->unit, 12, 0, style->ascii);
		(void)fputc(']', to);
	}
	(void)fputs(style->ascii ? "   * measured  - expected" : "   ⠶ measured  ┄ expected", to);
	if (chart->onset_ns != 0 && chart->onset_ns < chart->from_ns)
		(void)fputs("   (onset before this window)", to);
	(void)fputc('\n', to);
}

static size_t label_width_of(const struct canvas *canvas)
{
	char low[LABEL_SIZE], high[LABEL_SIZE];

	format_label(canvas, canvas->low, low);
	format_label(canvas, canvas->high, high);
	return strlen(low) > strlen(high) ? strlen(low) : strlen(high);
}

static size_t clamp(size_t value, size_t low, size_t high)
{
	return value < low ? low : value > high ? high : value;
}

static mw_err draw_on(FILE *to, const struct mw_chart *chart, const struct mw_chart_style *style)
{
	struct canvas canvas = {.height = clamp(style->height, MIN_HEIGHT, MAX_HEIGHT),
				.dots_x = style->ascii ? 1 : 2,
				.dots_y = style->ascii ? 1 : 4};
	size_t label_width, cells;

	put_title(to, chart, style);
	if (!scale_y(chart, &canvas)) {
		(void)fputs("  (no readings in this window)\n", to);
		return MW_E_OK;
	}
	label_width = label_width_of(&canvas);
	canvas.width = clamp(style->width, MIN_WIDTH, MAX_WIDTH) - label_width - 2;
	cells = canvas.width * canvas.height;
	scale_x(chart, &canvas);
	canvas.dots = calloc(2, cells);
	if (!canvas.dots)
		return MW_E_NOMEM;
	canvas.marks = canvas.dots + cells;
	draw_marks(&canvas, chart);
	draw_measured(&canvas, chart);
	put_plot(to, &canvas, label_width, style->ascii);
	put_times(to, chart, &canvas, label_width);
	free(canvas.dots);
	return MW_E_OK;
}

mw_err mw_chart_draw(const struct mw_chart *chart, const struct mw_chart_style *style,
		     char **ret_text)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	mw_err err;

	if (!to)
		return MW_E_NOMEM;
	err = draw_on(to, chart, style);
	if (fclose(to) != 0 && !err)
		err = MW_E_NOMEM;
	if (err) {
		free(text);
		return err;
	}
	*ret_text = text;
	return MW_E_OK;
}
