/*
 * chart.h -- a small chart for the terminal: one channel of one window, measured against expected,
 * with the onset marked and the axes labelled.  Braille dots (2 x 4 a cell), or plain ASCII.
 */
#ifndef MW_APP_CHART_H
#define MW_APP_CHART_H

#include "gateway/base/err.h"

struct mw_chart {
	const char *title, *unit;
	const double *value, *expected; /* row i is at [i * stride]; NaN: nothing there */
	size_t n_rows, stride;
	int64_t from_ns, period_ns; /* time of row 0; between rows */
	int64_t onset_ns;           /* 0 = none */
};

struct mw_chart_style {
	size_t width;  /* cells of a line, labels and all; at least 40 are used */
	size_t height; /* lines of the plot itself, at least 3 are used */
	bool ascii;
};

/* Returns owned text of several lines, each ended with a newline.  Times are local. */
MW_MUST_CHECK mw_err mw_chart_draw(const struct mw_chart *chart, const struct mw_chart_style *style,
				   char **ret_text);

#endif
