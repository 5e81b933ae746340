/*
 * csv.h -- a table of numbers from a delimited text file with a header line, for replay.
 *
 * Fields may be quoted.  An empty field, "NaN" or "null" is a missing value.  Anything else that is
 * not a number is an error "file:line: column 'x': ..." -- except in the time column, which also
 * takes "YYYY-MM-DD HH:MM:SS[.fff]" and ISO 8601, and in ignored columns.
 */
#ifndef MW_APP_CSV_H
#define MW_APP_CSV_H

#include "gateway/base/err.h"
#include "gateway/core/event.h"

#define MW_CSV_MAX_COLUMNS 512

struct mw_csv_opts {
	char delimiter;
	const char *time;   /* column name; NULL = rows are numbered, period_ns apart */
	const char *ignore; /* "a,b" column names, NULL = none */
	const char *label;  /* column that marks anomalous rows (not 0), NULL = none */
	int64_t period_ns;
};

struct mw_csv {
	size_t n_rows, n_columns;
	char (*name)[MW_NAME_SIZE]; /* of the value columns */
	double *value;              /* n_rows x n_columns, row-major; NaN = missing */
	int64_t *time_ns;
	char **time_text; /* as written, for the output */
	size_t label_from,
	    label_to; /* first labelled row and the one after the last; 0, 0 = none */
};

MW_MUST_CHECK mw_err mw_csv_read(const char *path, const struct mw_csv_opts *opts, char *why,
				 size_t why_size, struct mw_csv **ret_csv);
void mw_csv_free(struct mw_csv *csv);

/* Median step of the times: the period of the table; 0 with fewer than two rows. */
int64_t mw_csv_period(const struct mw_csv *csv);

/* "2020-03-09 10:14:33", ISO 8601 with Z or offset, or seconds since the epoch.  UTC unless said.
 */
MW_MUST_CHECK mw_err mw_time_parse(const char *text, int64_t *ret_time_ns);

#endif
