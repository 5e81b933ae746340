/* `millwright history` and `millwright show` as they are called: arguments in, text and exit code
 * out; from a copy of the database and over the socket. */
#include "gateway/app/commands.h"
#include "gateway/io/http.h"
#include "gateway/io/json.h"

#include "tests/unit/stores.h"

#include <getopt.h>
#include <locale.h>
#include <sys/mman.h>
#include <sysexits.h>

#define MAX_ARGS 16

struct said {
	int code;
	char out[16384], err[1024];
};

static int capture(int fd, int *ret_saved)
{
	int memory = memfd_create("captured", MFD_CLOEXEC);

	ck_assert_int_ge(memory, 0);
	*ret_saved = dup(fd);
	ck_assert_int_eq(dup2(memory, fd), fd);
	return memory;
}

static void release(int fd, int memory, int saved, char *ret_text, size_t size)
{
	ssize_t n = pread(memory, ret_text, size - 1, 0);

	ck_assert_int_ge(n, 0);
	ret_text[n] = '\0';
	ck_assert_int_eq(dup2(saved, fd), fd);
	close(saved);
	close(memory);
}

/* Runs the command that the words of `line` are; '+' in a word is a blank. */
static void run(struct said *said, int (*command)(int, char **), const char *line)
{
	char words[512], *argv[MAX_ARGS] = {NULL};
	int argc = 0, out, err, saved_out, saved_err;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word && argc < MAX_ARGS - 1;
	     word = strtok(NULL, " ")) {
		for (char *p = word; *p; p++)
			if (*p == '+')
				*p = ' ';
		argv[argc++] = word;
	}
	optind = 0; /* getopt starts anew */
	(void)fflush(stdout);
	out = capture(STDOUT_FILENO, &saved_out);
	err = capture(STDERR_FILENO, &saved_err);
	said->code = command(argc, argv);
	(void)fflush(stdout);
	release(STDOUT_FILENO, out, saved_out, said->out, sizeof(said->out));
	release(STDERR_FILENO, err, saved_err, said->err, sizeof(said->err));
}

static struct said history(const char *place, const char *options)
{
	struct said said;
	char line[400];

	(void)snprintf(line, sizeof(line), "history %s %s", place, options);
	run(&said, mw_cmd_history, line);
	return said;
}

static struct said show(const char *place, const char *options)
{
	struct said said;
	char line[400];

	(void)snprintf(line, sizeof(line), "show %s %s", place, options);
	run(&said, mw_cmd_show, line);
	return said;
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Four events: two machines, two languages, one cleared, one with a name that would steer a
 * terminal. */
static void fill(struct mw_store *store)
{
	for (int i = 0; i < 4; i++) {
		struct mw_event event =
		    make_event(i == 3  ? "\x1b[2Jpump"
			       : i % 2 ? "p1"
				       : "press",
			       NOON + i * 3600 * SECOND, i == 1 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);

		event.cleared_ns = i == 0 ? event.raised_ns + 60 * SECOND : 0;
		event.state = i == 0 ? MW_ALARM_NORMAL : MW_ALARM_UNACK_ACTIVE;
		ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	}
}

static struct place filled_place(char *ret_option, size_t size)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);

	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	ck_assert_int_eq(setenv("LC_ALL", "C.UTF-8", 1), 0);
	ck_assert_int_eq(unsetenv("COLUMNS"), 0);
	fill(store);
	mw_store_close(store);
	(void)snprintf(ret_option, size, "--db %s", place.db);
	return place;
}

START_TEST(history_is_a_table_newest_first)
{
	char db[128];
	struct place place = filled_place(db, sizeof(db));
	struct said said = history(db, "");

	ck_assert_int_eq(said.code, EX_OK);
	ck_assert_uint_eq(lines_of(said.out), 5);
	ck_assert_msg(strncmp(said.out, "RAISED ", 7) == 0, "%s", said.out);
	ck_assert_ptr_nonnull(strstr(said.out, "\n2026-03-04 15:00:00  medium  active "));
	ck_assert_ptr_nonnull(strstr(said.out, "캐비테이션"));
	ck_assert_ptr_nonnull(strstr(said.out, "fell to 3.62 bar (normal 4.1 bar): cavitation."
					       " (as on 2026-03-03 1"));
	ck_assert_ptr_nonnull(strstr(said.out, " cleared "));
	ck_assert_ptr_null(strchr(said.out, '\x1b'));
	ck_assert(strstr(said.out, "15:00:00") < strstr(said.out, "12:00:00"));
	remove_place(&place);
}
END_TEST

START_TEST(history_options_choose)
{
	static const struct {
		const char *options;
		size_t n;
	} cases[] = {
	    {"--asset p1", 2},
	    {"--text strainer", 4},
	    {"--text 흡입+필터", 2},
	    {"--active", 4},
	    {"--limit 1", 2},
	    {"--from 2026-03-04T14:00", 3},
	    {"--to 2026-03-04T13:00Z", 2},
	    {"--from 2026-03-04 --to 2026-03-05 --asset press", 3},
	};
	char db[128];
	struct place place = filled_place(db, sizeof(db));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct said said = history(db, cases[i].options);

		ck_assert_int_eq(said.code, EX_OK);
		ck_assert_msg(lines_of(said.out) == cases[i].n, "%s: %s", cases[i].options,
			      said.out);
	}
	remove_place(&place);
}
END_TEST

START_TEST(no_line_of_history_is_wider_than_the_terminal)
{
	char db[128], columns[16];
	struct place place = filled_place(db, sizeof(db));

	for (int width = 90; width < 170; width += 9) {
		struct said said;

		(void)snprintf(columns, sizeof(columns), "%d", width);
		ck_assert_int_eq(setenv("COLUMNS", columns, 1), 0);
		ck_assert_int_eq(setenv("LC_ALL", width % 2 ? "C" : "C.UTF-8", 1), 0);
		said = history(db, "--asset press");
		for (char *line = strtok(said.out, "\n"); line; line = strtok(NULL, "\n"))
			ck_assert_msg(strlen(line) <= (size_t)width + 2, "%d: %s", width, line);
	}
	remove_place(&place);
}
END_TEST

START_TEST(nothing_is_said_kindly)
{
	char db[128];
	struct place place = filled_place(db, sizeof(db)), empty = make_place();

	ck_assert_str_eq(history(db, "--asset nobody").out, "No event matches.\n");
	ck_assert_str_eq(history(db, "--asset nobody --json").out, "{\"events\":[]}\n");
	mw_store_close(open_store(&empty, false));
	(void)snprintf(db, sizeof(db), "--db %s", empty.db);
	ck_assert_ptr_nonnull(strstr(history(db, "").out, "No events yet"));
	ck_assert_ptr_nonnull(strstr(history(db, "--active").out, "All quiet"));
	remove_place(&place);
	remove_place(&empty);
}
END_TEST

START_TEST(wrong_calls_have_the_exit_codes_of_sysexits)
{
	static const struct {
		const char *options;
		int code;
	} cases[] = {
	    {"--from tomorrow", EX_USAGE},
	    {"--limit 0", EX_USAGE},
	    {"--limit 9x", EX_USAGE},
	    {"--bogus", EX_USAGE},
	    {"stray", EX_USAGE},
	    {"--db /nonexistent", EX_NOINPUT},
	    {"--socket /nonexistent", EX_UNAVAILABLE},
	    {"-c /nonexistent", EX_CONFIG},
	    {"--db tests/unit/unit.h", EX_DATAERR},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct said said = history("", cases[i].options);

		ck_assert_msg(said.code == cases[i].code, "%s: %d: %s", cases[i].options, said.code,
			      said.err);
		ck_assert_uint_gt(strlen(said.err), 0);
		ck_assert_str_eq(said.out, "");
	}
	ck_assert_int_eq(show("", "").code, EX_USAGE);
	ck_assert_int_eq(show("", "ev-1 --width 3").code, EX_USAGE);
	ck_assert_int_eq(show("", "ev-1 ev-2").code, EX_USAGE);
	ck_assert_int_eq(show("", "--help").code, EX_OK);
	ck_assert_ptr_nonnull(strstr(history("", "--help").out, "--active"));
}
END_TEST

START_TEST(show_tells_everything_of_an_event)
{
	static const char *const expected[] = {
	    "press (pump)  medium  unacknowledged-active",
	    "discharge_pressure fell to 3.62 bar (normal 4.1 bar): cavitation.",
	    "Fault      cavitation (81 % sure)",
	    "Cause      suction strainer clogged",
	    "Check      inspect the suction valve",
	    "As on      2026-03-03 14:00:00, dry run, acknowledged; 94 % alike (ev-",
	    "           2026-03-01 14:00:00, dry run; 81 % alike (ev-",
	    "Onset      2026-03-04 13:59:20 (40 s before it was raised)",
	    "1 in 2500 healthy windows scores as high",
	    "discharge_pressure [bar]   * measured  - expected",
	    "onset 13:59:20",
	    "3.62 bar at 13:59:58; expected 4.1 bar; 9.6 times its healthy spread below, fell",
	    "motor_current [A]",
	};
	char db[128], options[64], id[MW_EVENT_ID_SIZE];
	struct place place = filled_place(db, sizeof(db));
	struct said said;

	mw_event_id("press", NOON + 2 * 3600 * SECOND, id);
	(void)snprintf(options, sizeof(options), "%s --ascii --width 90", id);
	said = show(db, options);
	ck_assert_int_eq(said.code, EX_OK);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_msg(strstr(said.out, expected[i]), "%s not in:\n%s", expected[i],
			      said.out);
	said = show(db, "ev-0000000000000000");
	ck_assert_int_eq(said.code, EX_NOINPUT);
	ck_assert_ptr_nonnull(strstr(said.err, "ev-0000000000000000"));
	remove_place(&place);
}
END_TEST

START_TEST(show_steers_no_terminal)
{
	char db[128], id[MW_EVENT_ID_SIZE];
	struct place place = filled_place(db, sizeof(db));

	mw_event_id("\x1b[2Jpump", NOON + 3 * 3600 * SECOND, id);
	ck_assert_ptr_null(strchr(show(db, id).out, '\x1b'));
	remove_place(&place);
}
END_TEST

static mw_err no_status(void *ctx, char **ret_json)
{
	(void)ctx, (void)ret_json;
	return MW_E_UNSUPPORTED;
}

START_TEST(the_socket_tells_the_same_as_the_file)
{
	char db[128], socket[128], option[160], id[MW_EVENT_ID_SIZE], why[256];
	struct place place = filled_place(db, sizeof(db));
	struct said offline = history(db, ""), offline_show, online;
	struct mw_store *store;
	struct mw_http_opts opts = {.socket = socket, .gateway = "g", .status = no_status};
	struct mw_http *http;

	mw_event_id("p1", NOON + 3600 * SECOND, id);
	offline_show = show(db, id);
	(void)snprintf(socket, sizeof(socket), "%s/api.sock", place.dir);
	(void)snprintf(option, sizeof(option), "--socket %s", socket);
	store = open_store(&place, false);
	opts.store = store;
	ck_assert_int_eq(mw_http_start(&opts, why, sizeof(why), &http), MW_E_OK);
	online = history(option, "");
	ck_assert_str_eq(online.out, offline.out);
	ck_assert_str_eq(show(option, id).out, offline_show.out);
	ck_assert_uint_eq(lines_of(history(option, "--text 흡입+필터 --limit 2").out), 2);
	mw_http_stop(http);
	ck_assert_int_eq(history(option, "").code, EX_UNAVAILABLE);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(json_is_for_programs)
{
	char db[128], options[64], id[MW_EVENT_ID_SIZE];
	struct place place = filled_place(db, sizeof(db));
	struct said said = history(db, "--json");
	struct mw_event *event;
	struct mw_event one;
	struct mw_event_window window;
	size_t n;

	ck_assert_int_eq(mw_json_parse_events(said.out, strlen(said.out), &event, &n), MW_E_OK);
	ck_assert_uint_eq(n, 4);
	free(event);
	mw_event_id("p1", NOON + 3600 * SECOND, id);
	(void)snprintf(options, sizeof(options), "%s --json", id);
	said = show(db, options);
	ck_assert_int_eq(mw_json_parse_event(said.out, strlen(said.out), &one, &window), MW_E_OK);
	ck_assert_str_eq(one.id, id);
	ck_assert_uint_eq(window.n_rows, MW_WINDOW_ROWS);
	remove_place(&place);
}
END_TEST

MW_TEST_MAIN("commands", history_is_a_table_newest_first, history_options_choose,
	     no_line_of_history_is_wider_than_the_terminal, nothing_is_said_kindly,
	     wrong_calls_have_the_exit_codes_of_sysexits, show_tells_everything_of_an_event,
	     show_steers_no_terminal, the_socket_tells_the_same_as_the_file, json_is_for_programs)
