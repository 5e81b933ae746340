/* test_csv_long.c -- events, one a line: what is taken, what is refused and where, and the grid. */
#include "gateway/app/csv_long.h"
#include "gateway/core/row.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS 1000000LL

static const struct mw_long_opts opts = {
    .delimiter = ',', .time = "t", .channel = "node", .value = "v", .ignore = "noise"};
static char why[512];

static mw_err read_text(struct mw_long *set, const char *text, struct mw_recording *ret)
{
	char path[] = "/tmp/mw-long-XXXXXX";
	int fd = mkstemp(path);
	mw_err err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	why[0] = '\0';
	err = mw_long_read(set, path, why, sizeof(why), ret);
	if (err && strncmp(why, path, strlen(path)) == 0)
		memmove(why, why + strlen(path), strlen(why + strlen(path)) + 1);
	(void)unlink(path);
	return err;
}

static struct mw_long *new_set(void)
{
	struct mw_long *set = NULL;

	ck_assert_int_eq(mw_long_new(&opts, &set), MW_E_OK);
	return set;
}

START_TEST(numbers_booleans_and_texts_become_values)
{
	struct mw_long *set = new_set();
	struct mw_recording r = {0};

	ck_assert_int_eq(
	    read_text(set,
		      "t,x,node,v\n0,,valve,True\n0.5,,valve,False\n1,,level,-3.5e1\n"
		      "1,,tool,DRILL\n1.5,,noise,zzz\n2,,tool,\"MILL\"\n3,,tool,DRILL\n"
		      "4,,level,\n5,,level,NaN\n",
		      &r),
	    MW_E_OK);
	ck_assert_uint_eq(mw_long_n_channels(set), 3);
	ck_assert_str_eq(mw_long_name(set, 2), "tool");
	ck_assert_uint_eq(r.n_event, 8);
	ck_assert(r.event[0].value == 1 && r.event[1].value == 0 && r.event[2].value == -35);
	ck_assert_int_eq(r.event[1].time_ns, 500 * MS);
	ck_assert(r.event[3].value == 0 && r.event[4].value == 1 && r.event[5].value == 0);
	ck_assert(isnan(r.event[6].value) && isnan(r.event[7].value));
	ck_assert_str_eq(mw_long_text(set, 2, 1), "MILL");
	ck_assert_ptr_null(mw_long_text(set, 2, 9));
	ck_assert_ptr_null(mw_long_text(set, 1, -35));
	mw_recording_done(&r);
	mw_long_free(set);
}
END_TEST

START_TEST(recordings_of_a_set_share_channels_and_codes)
{
	struct mw_long *set = new_set();
	struct mw_recording a = {0}, b = {0};

	ck_assert_int_eq(read_text(set, "t,node,v\n0,x,1\n0,s,RUN\n1,s,STOP\n", &a), MW_E_OK);
	ck_assert_int_eq(read_text(set, "v,t,node\nSTOP,0,s\n5,1,y\n12,2,s\n", &b), MW_E_OK);
	ck_assert_uint_eq(mw_long_n_channels(set), 3);
	ck_assert(b.event[0].channel == 1 && b.event[0].value == 1);
	ck_assert(b.event[2].value == 2); /* a text that looks like a number */
	mw_recording_done(&a);
	mw_recording_done(&b);
	mw_long_free(set);
}
END_TEST

START_TEST(lines_are_put_in_order_of_time_and_equal_ones_kept)
{
	struct mw_long *set = new_set();
	struct mw_recording r = {0};
	static const double want[] = {2, 4, 5, 1, 3, 6};

	ck_assert_int_eq(read_text(set, "t,node,v\n2,x,1\n1,x,2\n2,x,3\n1,x,4\n1,x,5\n9,x,6\n", &r),
			 MW_E_OK);
	for (size_t i = 0; i < 6; i++)
		ck_assert(r.event[i].value == want[i]);
	mw_recording_done(&r);
	mw_long_free(set);
}
END_TEST

START_TEST(the_grid_holds_values_and_sees_nothing_ahead)
{
	struct mw_long *set = new_set();
	struct mw_recording r = {0};
	struct mw_csv *csv = NULL;
	static const double want[] = {1, 1, 3, 3}; /* of x at 1, 2, 3, 4 s */

	ck_assert_int_eq(
	    read_text(set, "t,node,v\n0.4,x,1\n2.1,x,2\n2.9,x,3\n3.2,y,7\n3.5,x,\n", &r), MW_E_OK);
	ck_assert_int_eq(mw_long_grid(set, &r, 1000 * MS, &csv), MW_E_OK);
	ck_assert_uint_eq(csv->n_rows, 4);
	ck_assert_str_eq(csv->time_text[0], "1");
	for (size_t row = 0; row < 3; row++)
		ck_assert(csv->value[row * 2] == want[row]);
	ck_assert(isnan(csv->value[3 * 2])); /* lost at 3.5 s */
	ck_assert(isnan(csv->value[2 * 2 + 1]) && csv->value[3 * 2 + 1] == 7);
	mw_csv_free(csv);
	csv = NULL;
	ck_assert_int_eq(mw_long_grid(set, &r, 100, &csv), MW_E_FULL);
	ck_assert_ptr_null(csv);
	mw_recording_done(&r);
	mw_long_free(set);
}
END_TEST

START_TEST(the_fastest_channel_sets_the_period)
{
	struct mw_long *set = new_set();
	struct mw_recording r = {0};
	char text[4096] = "t,node,v\n";

	for (int i = 0; i < 40; i++)
		(void)sprintf(text + strlen(text), "%.2f,fast,%d\n%d,slow,%d\n", .21 * i, i, 5 * i,
			      i);
	ck_assert_int_eq(read_text(set, text, &r), MW_E_OK);
	ck_assert_int_eq(mw_long_period(set, &r), 200 * MS);
	mw_recording_done(&r);
	ck_assert_int_eq(read_text(set, "t,node,v\n0,fast,1\n1,fast,0\n", &r), MW_E_OK);
	ck_assert_int_eq(mw_long_period(set, &r), 1000 * MS);
	mw_recording_done(&r);
	mw_long_free(set);
}
END_TEST

START_TEST(bad_lines_are_refused_by_place)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
	    {"", ": no events"},
	    {"t,node,v\n", ": no events"},
	    {"time,node,v\n1,x,1\n", ":1: no column 't'"},
	    {"t,channel,v\n1,x,1\n", ":1: no column 'node'"},
	    {"t,node,value\n1,x,1\n", ":1: no column 'v'"},
	    {"t,node,v\n1,x\n", ":2: 2 fields where the header has 3"},
	    {"t,node,v\n1,x,1\nsoon,x,1\n", ":3: column 't': 'soon' is not a time"},
	    {"t,node,v\nnan,x,1\n", ":2: column 't': 'nan' is not a time"},
	    {"t,node,v\n,x,1\n", ":2: column 't': '' is not a time"},
	    {"t,node,v\n1,,1\n", ":2: the channel has no usable name"},
	    {"t,node,v\n1,a\tb,1\n", ":2: the channel has no usable name"},
	    {"t,node,v\n1,x,1\n2,x,RED\n", ":3: channel 'x': 'RED' is not a number"},
	    {"t,node,v\n1,x,1\n2,x,1e999\n", ":3: channel 'x': '1e999' is not a number"},
	    {"t,node,v\n-9e9,x,1\n9e9,x,2\n", ": the times span more than a century"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_long *set = new_set();
		struct mw_recording r = {0};

		ck_assert_int_ne(read_text(set, cases[i].text, &r), MW_E_OK);
		ck_assert_ptr_null(r.event);
		ck_assert_msg(strncmp(why, cases[i].reason, strlen(cases[i].reason)) == 0,
			      "%s instead of %s", why, cases[i].reason);
		mw_long_free(set);
	}
}
END_TEST

START_TEST(channels_texts_and_names_are_bounded)
{
	static char text[300000];
	struct mw_long *set = new_set();
	struct mw_recording r = {0};
	size_t n = (size_t)sprintf(text, "t,node,v\n");

	for (int i = 0; i <= MW_MAX_CHANNELS; i++)
		n += (size_t)sprintf(text + n, "%d,c%d,1\n", i, i);
	ck_assert_int_eq(read_text(set, text, &r), MW_E_FULL);
	ck_assert_str_eq(why, ":130: 'c128' is one channel more than 128 (use --ignore)");
	mw_long_free(set);

	set = new_set();
	(void)sprintf(text, "t,node,v\n1,x,a%0130d\n", 0);
	ck_assert_int_eq(read_text(set, text, &r), MW_E_MALFORMED);
	ck_assert_str_eq(why, ":2: channel 'x': a text of 131 bytes, at most 127");
	(void)sprintf(text, "t,node,v\n1,%0130d,1\n", 0);
	ck_assert_int_eq(read_text(set, text, &r), MW_E_MALFORMED);
	n = (size_t)sprintf(text, "t,node,v\n");
	for (int i = 0; i <= MW_LONG_MAX_TEXTS; i++)
		n += (size_t)sprintf(text + n, "%d,y,T%d\n", i, i);
	ck_assert_int_eq(read_text(set, text, &r), MW_E_FULL);
	ck_assert_ptr_nonnull(strstr(why, "more than 8192 different texts"));
	mw_long_free(set);
}
END_TEST

MW_TEST_MAIN("csv_long", numbers_booleans_and_texts_become_values,
	     recordings_of_a_set_share_channels_and_codes,
	     lines_are_put_in_order_of_time_and_equal_ones_kept,
	     the_grid_holds_values_and_sees_nothing_ahead, the_fastest_channel_sets_the_period,
	     bad_lines_are_refused_by_place, channels_texts_and_names_are_bounded)
