#include "gateway/app/csv.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/millwright-csv-XXXXXX";
static char why[256];

static struct mw_csv *read_text(const char *text, const struct mw_csv_opts *opts)
{
	struct mw_csv *csv = NULL;
	char name[sizeof(path)];
	int fd;

	memcpy(name, path, sizeof(path));
	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	why[0] = '\0';
	if (mw_csv_read(name, opts, why, sizeof(why), &csv) != MW_E_OK)
		ck_assert_ptr_null(csv);
	(void)unlink(name);
	return csv;
}

START_TEST(values_times_and_labels_are_read)
{
	const struct mw_csv_opts opts = {
	    .delimiter = ';', .time = "t", .ignore = "x,note", .label = "bad", .period_ns = 1};
	struct mw_csv *csv = read_text("t;a;note;b;bad\n"
				       "2020-03-09 10:14:33;1.5;hi;-2e3;0\n"
				       "2020-03-09 10:14:34;;\"a;b\";nan;1\n"
				       "2020-03-09T10:14:36Z;3;x;\"4\";1.0\r\n",
				       &opts);

	ck_assert_msg(csv, "%s", why);
	ck_assert_uint_eq(csv->n_rows, 3);
	ck_assert_uint_eq(csv->n_columns, 2);
	ck_assert_str_eq(csv->name[1], "b");
	ck_assert(csv->value[0] == 1.5 && csv->value[1] == -2000);
	ck_assert(isnan(csv->value[2]) && isnan(csv->value[3]));
	ck_assert(csv->value[5] == 4);
	ck_assert_int_eq(csv->time_ns[0], 1583748873000000000);
	ck_assert_int_eq(csv->time_ns[2] - csv->time_ns[0], 3000000000);
	ck_assert_uint_eq(csv->label_from, 1);
	ck_assert_uint_eq(csv->label_to, 3);
	mw_csv_free(csv);
}
END_TEST

START_TEST(rows_without_a_time_column_are_numbered)
{
	const struct mw_csv_opts opts = {.delimiter = ',', .period_ns = 180};
	struct mw_csv *csv = read_text("a\n1\n2\n3\n", &opts);

	ck_assert_ptr_nonnull(csv);
	ck_assert_int_eq(csv->time_ns[2], 360);
	ck_assert_int_eq(mw_csv_period(csv), 180);
	mw_csv_free(csv);
}
END_TEST

static const struct {
	const char *text, *says;
} bad[] = {
    {"", "no rows"},
    {"t;a\n", "no rows"},
    {"a;b\n1;2\n", "no column 't'"},
    {"t;a\n2020-01-01 00:00:00;1;2\n", ":2: 3 fields where the header has 2"},
    {"t;a\nyesterday;1\n", ":2: column 't': 'yesterday' is not a time"},
    {"t;a\n2020-01-01 00:00:00;pump\n", ":2: column 'a': 'pump' is not a number"},
    {"t\n2020-01-01 00:00:00\n", "no value columns"},
    {"t;a\n1e300;1\n", "is not a time"},
};

START_TEST(bad_input_is_named_by_line_and_column)
{
	const struct mw_csv_opts opts = {.delimiter = ';', .time = "t", .period_ns = 1};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_ptr_null(read_text(bad[i].text, &opts));
		ck_assert_msg(strstr(why, bad[i].says), "'%s' does not say '%s'", why, bad[i].says);
	}
}
END_TEST

static const struct {
	const char *text;
	int64_t time_ns;
} times[] = {
    {"1970-01-01 00:00:01", 1000000000},
    {"1970-01-01T00:00:01.5Z", 1500000000},
    {"1970-01-01T09:00:00+09:00", 0},
    {"1970-01-01T00:00:00-0130", 5400000000000},
    {"12.25", 12250000000},
    {"1970-01-02", 86400000000000},
};

START_TEST(times_are_read_as_people_write_them)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t time_ns = -1;

		ck_assert_int_eq(mw_time_parse(times[i].text, &time_ns), MW_E_OK);
		ck_assert_int_eq(time_ns, times[i].time_ns);
	}
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
	static const char *const wrong[] = {"",    "soon",  "2020-13-45 99:00:00",
					    "nan", "12:00", "2020-01-01 00:00:00+9x"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int64_t time_ns = 7;

		ck_assert_int_ne(mw_time_parse(wrong[i], &time_ns), MW_E_OK);
		ck_assert_int_eq(time_ns, 7);
	}
}
END_TEST

MW_TEST_MAIN("csv", values_times_and_labels_are_read, rows_without_a_time_column_are_numbered,
	     bad_input_is_named_by_line_and_column, times_are_read_as_people_write_them,
	     what_is_no_time_is_refused)
