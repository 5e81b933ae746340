#include "gateway/app/chart.h"
#include "gateway/app/text.h"
#include "gateway/base/clock.h"
#include "gateway/base/utf8.h"

#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define NOON (1772625600LL * MW_NS_PER_S)
#define ROWS 64

static double measured[ROWS], expected[ROWS];

static struct mw_chart step_chart(void)
{
	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	for (int i = 0; i < ROWS; i++) {
		measured[i] = i < 32 ? 4.0 : 3.0;
		expected[i] = 4.0;
	}
	return (struct mw_chart){.title = "pressure",
				 .unit = "bar",
				 .value = measured,
				 .expected = expected,
				 .n_rows = ROWS,
				 .stride = 1,
				 .from_ns = NOON,
				 .period_ns = MW_NS_PER_S,
				 .onset_ns = NOON + 32 * MW_NS_PER_S};
}

static char *draw(const struct mw_chart *chart, size_t width, size_t height, bool ascii)
{
	struct mw_chart_style style = {.width = width, .height = height, .ascii = ascii};
	char *text = NULL;

	ck_assert_int_eq(mw_chart_draw(chart, &style, &text), MW_E_OK);
	return text;
}

START_TEST(a_step_looks_like_one)
{
	static const char picture[] = "pressure [bar]   * measured  - expected\n"
				      "3.9 +******************-----------------\n"
				      "    |                 *                 \n"
				      "3.5 +                 *                 \n"
				      "    |                 *                 \n"
				      "3.1 +                 ******************\n"
				      "    +-----------------^-----------------\n"
				      "     12:00:00  onset 12:00:32   12:01:03\n";
	struct mw_chart chart = step_chart();
	char *text = draw(&chart, 40, 5, true);

	ck_assert_str_eq(text, picture);
	free(text);
}
END_TEST

/* Calls fn with each line; the chart's lines end with a newline. */
static size_t check_lines(char *text, size_t width)
{
	size_t n = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++)
		ck_assert_msg(mw_text_cells(line) <= width, "%zu: %s", mw_text_cells(line), line);
	return n;
}

START_TEST(no_line_is_wider_than_asked)
{
	for (int ascii = 0; ascii < 2; ascii++)
		for (size_t width = 40; width < 200; width += 7)
			for (int64_t onset = -70; onset < 140; onset += 10) {
				struct mw_chart chart = step_chart();
				char *text;

				chart.onset_ns = NOON + onset * MW_NS_PER_S;
				text = draw(&chart, width, 8, ascii);
				ck_assert_uint_eq(check_lines(text, width > 70 ? width : 70), 11);
				free(text);
			}
}
END_TEST

START_TEST(ascii_is_ascii_and_the_other_is_utf8)
{
	struct mw_chart chart = step_chart();
	char *ascii = draw(&chart, 80, 8, true), *unicode = draw(&chart, 80, 8, false);
	uint32_t code;

	for (const char *p = ascii; *p; p++)
		ck_assert_int_lt((unsigned char)*p, 0x7F);
	for (size_t i = 0, n; unicode[i]; i += n) {
		n = mw_utf8_decode(unicode + i, strlen(unicode + i), &code);
		ck_assert_uint_gt(n, 0);
	}
	ck_assert_ptr_nonnull(strstr(unicode, "⠤"));
	ck_assert_ptr_nonnull(strstr(unicode, "┄"));
	ck_assert_ptr_nonnull(strstr(unicode, "onset 12:00:32"));
	free(ascii);
	free(unicode);
}
END_TEST

static size_t count_char(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

START_TEST(missing_readings_leave_a_gap)
{
	struct mw_chart chart = step_chart();
	char *whole = draw(&chart, 70, 6, true), *gap;

	for (int i = 10; i < 20; i++)
		measured[i] = NAN;
	gap = draw(&chart, 70, 6, true);
	ck_assert_uint_le(count_char(gap, '*') + 9, count_char(whole, '*'));
	for (int i = 0; i < ROWS; i++)
		measured[i] = expected[i] = NAN;
	free(gap);
	gap = draw(&chart, 70, 6, true);
	ck_assert_ptr_nonnull(strstr(gap, "no readings"));
	free(gap);
	free(whole);
}
END_TEST

START_TEST(any_numbers_can_be_drawn)
{
	static const double extremes[] = {0,         -0.0,   1,      -1,     1e-300,
					  1e300,     -1e300, 1e308,  -1e308, INFINITY,
					  -INFINITY, NAN,    5e-324, 1e9};
	size_t n = sizeof(extremes) / sizeof(extremes[0]);

	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b < n; b++) {
			struct mw_chart chart = step_chart();
			char *text;

			for (int i = 0; i < ROWS; i++) {
				measured[i] = extremes[i % 2 ? a : b];
				expected[i] = extremes[b];
			}
			chart.n_rows = 1 + (a * n + b) % ROWS;
			text = draw(&chart, 80, 8, b % 2);
			ck_assert_uint_gt(strlen(text), 30);
			free(text);
		}
}
END_TEST

START_TEST(an_onset_outside_the_window_is_said_not_drawn)
{
	struct mw_chart chart = step_chart();
	char *text;

	chart.onset_ns = NOON - MW_NS_PER_S;
	text = draw(&chart, 80, 6, true);
	ck_assert_ptr_nonnull(strstr(text, "onset before this window"));
	ck_assert_ptr_null(strchr(text, '^'));
	free(text);
	chart.onset_ns = 0;
	text = draw(&chart, 80, 6, true);
	ck_assert_ptr_null(strstr(text, "onset"));
	free(text);
}
END_TEST

START_TEST(fast_windows_have_milliseconds_slow_ones_days)
{
	struct mw_chart chart = step_chart();
	char *text;

	chart.period_ns = 10 * MW_NS_PER_MS;
	chart.onset_ns = 0;
	text = draw(&chart, 80, 6, true);
	ck_assert_ptr_nonnull(strstr(text, "12:00:00.630"));
	free(text);
	chart.period_ns = 7200 * MW_NS_PER_S;
	text = draw(&chart, 80, 6, true);
	ck_assert_ptr_nonnull(strstr(text, "03-04 12:00"));
	ck_assert_ptr_nonnull(strstr(text, "03-09 18:00"));
	free(text);
}
END_TEST

static char *put(const char *text, size_t cells, size_t fill, bool ascii)
{
	char *out = NULL;
	size_t size;
	FILE *to = open_memstream(&out, &size);

	mw_text_put(to, text, cells, fill, ascii);
	ck_assert_int_eq(fclose(to), 0);
	return out;
}

START_TEST(text_is_cut_and_filled_by_cells_not_bytes)
{
	static const struct {
		const char *text;
		size_t cells, fill;
		bool ascii;
		const char *expected;
	} cases[] = {
	    {"abc", 0, 5, false, "abc  "},       {"abcdef", 4, 0, false, "abc…"},
	    {"abcdef", 4, 0, true, "a..."},      {"abcdef", 6, 0, false, "abcdef"},
	    {"베어링", 6, 8, false, "베어링  "}, {"베어링", 5, 0, false, "베어…"},
	    {"베어링", 4, 4, false, "베… "},     {"a\x1b[31m\n\x9bz", 0, 0, false, "a [31m  z"},
	    {"\xc2\x9b", 0, 0, false, " "},      {"", 3, 3, false, "   "},
	    {"abcdef", 2, 0, true, "ab"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = put(cases[i].text, cases[i].cells, cases[i].fill, cases[i].ascii);

		ck_assert_str_eq(out, cases[i].expected);
		free(out);
	}
	ck_assert_uint_eq(mw_text_cells("베a링"), 5);
}
END_TEST

START_TEST(text_wraps_at_blanks)
{
	char *out = NULL;
	size_t size;
	FILE *to = open_memstream(&out, &size);

	mw_text_wrap(to, "discharge_pressure fell to 3.62 bar and stayed there", 2, 26);
	mw_text_wrap(to, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, 30);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_str_eq(out, "  discharge_pressure fell\n  to 3.62 bar and stayed\n  there\n"
			      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\naaaaaaaa\n");
	free(out);
}
END_TEST

MW_TEST_MAIN("chart", a_step_looks_like_one, no_line_is_wider_than_asked,
	     ascii_is_ascii_and_the_other_is_utf8, missing_readings_leave_a_gap,
	     any_numbers_can_be_drawn, an_onset_outside_the_window_is_said_not_drawn,
	     fast_windows_have_milliseconds_slow_ones_days,
	     text_is_cut_and_filled_by_cells_not_bytes, text_wraps_at_blanks)
