/* cmd_replay.c -- recorded data through the same path as live data; how accuracy is measured. */
#include "gateway/app/commands.h"
#include "gateway/app/replay.h"
#include "gateway/base/clock.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static mw_err replay(struct replay *r)
{
	int64_t start;
	mw_err err = replay_load(r);

	if (!err && r->events_path && !(r->events = fopen(r->events_path, "we")))
		err = mw_why(MW_E_IO, r->why, sizeof(r->why), "%s: %m", r->events_path);
	start = mw_clock_mono_ns();
	if (!err)
		err = replay_feed(r);
	if (!err)
		err = replay_write_tables(r);
	if (!err)
		err = replay_report(r);
	if (!err && !r->quiet)
		replay_summarise(r, mw_clock_mono_ns() - start);
	return err;
}

/* --- options ---------------------------------------------------------------------------------- */

enum {
	OPTION_LONG = 256,
	OPTION_PROFILE,
	OPTION_EXPLAIN_AT,
	OPTION_LEARN_FROM,
	OPTION_WINDOWS,
	OPTION_JSON,
	OPTION_EXPLAINER,
	OPTION_PER_DAY
};

static const struct option long_options[] = {
    {"csv", required_argument, NULL, 'c'},
    {"delimiter", required_argument, NULL, 'd'},
    {"time", required_argument, NULL, 't'},
    {"ignore", required_argument, NULL, 'i'},
    {"long", required_argument, NULL, OPTION_LONG},
    {"learn", required_argument, NULL, 'l'},
    {"learn-from", required_argument, NULL, OPTION_LEARN_FROM},
    {"type", required_argument, NULL, 'y'},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"scores", required_argument, NULL, 's'},
    {"events", required_argument, NULL, 'e'},
    {"windows", no_argument, NULL, OPTION_WINDOWS},
    {"evidence", required_argument, NULL, 'v'},
    {"explain-at", required_argument, NULL, OPTION_EXPLAIN_AT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"period", required_argument, NULL, 'p'},
    {"model", required_argument, NULL, 'm'},
    {"explainer", required_argument, NULL, OPTION_EXPLAINER},
    {"faults", required_argument, NULL, 'f'},
    {"kernels", required_argument, NULL, 'k'},
    {"name", required_argument, NULL, 'n'},
    {"language", required_argument, NULL, 'g'},
    {"p-raise", required_argument, NULL, 'r'},
    {"per-day", required_argument, NULL, OPTION_PER_DAY},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {0}};

static void usage(FILE *to)
{
	(void)fputs(
	    "usage: millwright replay --csv FILE [options]\n"
	    "  --csv FILE        table with a header line\n"
	    "  --delimiter C     between fields (default ',')\n"
	    "  --time COLUMN     time column; without it rows are one --period apart\n"
	    "  --ignore A,B      columns, or channels of --long, that are left out\n"
	    "  --long T,C,V      the table holds events: its columns of time, channel and value\n"
	    "  --learn N         leading rows that are healthy (default 400), or seconds: 300s\n"
	    "  --learn-from FILE a healthy recording of the same form; may be given many times\n"
	    "  --period SECONDS  of the machine (default: the median step of the times)\n"
	    "  --type TYPE       machine type, e.g. pump\n"
	    "  --profile FILE    machine profile: a file, or a shipped one such as pump.cfg\n"
	    "  --scores OUT.csv  one row per input row: time,score,p_value,verdict,fault,channel\n"
	    "  --evidence OUT.csv  the score's components per row\n"
	    "  --events OUT.jsonl  the alert payloads\n"
	    "  --windows         with --events: events with their windows instead\n"
	    "  --explain-at T    explanation and ranked causes at a time; may be given many times\n"
	    "  --json            these as JSON, one object a line\n"
	    "  --p-raise P       threshold on the p-value (default 0.002)\n"
	    "  --per-day N       alarms a healthy machine may raise a day: P follows\n"
	    "  --language en|ko  of the explanations\n"
	    "  --name NAME       of the asset (default: replay)\n"
	    "  --model FILE      of the model; none: the evidence alone judges and fixed sentences "
	    "tell\n"
	    "  --explainer FILE  a general model that words what is raised\n"
	    "  --faults FILE, --kernels NAME, --quiet, --help\n"
	    "FILE may be '-' for standard output where it is written.\n",
	    to);
}

static bool set_number(const char *text, double min, double max, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min) || !(value <= max))
		return false;
	*ret = value;
	return true;
}

static bool set_coded(struct replay *r, int option, const char *text)
{
	int code;

	if (option == 'd') {
		r->csv_opts.delimiter = strcmp(text, "\\t") == 0 ? '\t' : text[0];
		return text[0] != '\0';
	}
	if (option == 'g') {
		r->asset_opts.language = strcmp(text, "ko") == 0 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN;
		return strcmp(text, "ko") == 0 || strcmp(text, "en") == 0;
	}
	code = mw_machine_from_code(text);
	if (code >= 0)
		r->asset_opts.machine = (enum mw_machine)code;
	return code >= 0;
}

/* "400" rows or "300s" seconds */
static bool set_learn(struct replay *r, const char *text)
{
	size_t len = strlen(text);
	char digits[32];
	double number;

	if (len > 1 && len < sizeof(digits) && text[len - 1] == 's') {
		memcpy(digits, text, len - 1);
		digits[len - 1] = '\0';
		return set_number(digits, 1e-3, 1e9, &r->learn_s);
	}
	if (!set_number(text, MW_LEARN_ROWS_MIN, 1e7, &number))
		return false;
	r->learn_input_rows = (int64_t)number;
	return true;
}

static bool add_learn_file(struct replay *r, const char *path)
{
	if (r->n_learn_file == REPLAY_MAX_LEARN_FILES)
		return false;
	r->learn_file[r->n_learn_file++] = path;
	return true;
}

/* The moments are kept in order of time. */
static bool add_moment(struct replay *r, const char *text)
{
	int64_t time_ns;
	size_t at = r->n_moment;

	if (at == REPLAY_MAX_EXPLAIN || mw_time_parse(text, &time_ns) != MW_E_OK)
		return false;
	if (!r->moment && !(r->moment = calloc(REPLAY_MAX_EXPLAIN, sizeof(*r->moment))))
		return false;
	for (; at > 0 && r->moment[at - 1].time_ns > time_ns; at--)
		r->moment[at] = r->moment[at - 1];
	r->moment[at].time_ns = time_ns;
	r->moment[at].text = text;
	r->n_moment++;
	return true;
}

static bool set_value(struct replay *r, int option, const char *text)
{
	double number = 0;
	bool ok = true;

	switch (option) {
	case 'l':
		return set_learn(r, text);
	case OPTION_LEARN_FROM:
		return add_learn_file(r, text);
	case OPTION_EXPLAIN_AT:
		return add_moment(r, text);
	case 'p':
		ok = set_number(text, 1e-6, 1e7, &number);
		r->asset_opts.assembler.period_ns = (int64_t)llround(number * 1e9);
		r->csv_opts.period_ns = r->asset_opts.assembler.period_ns;
		return ok;
	case 'r':
		return set_number(text, 0, 1, &r->asset_opts.alarm.p_raise);
	case OPTION_PER_DAY:
		return set_number(text, 0, 1000, &r->asset_opts.alarm.per_day);
	default:
		return set_coded(r, option, text);
	}
}

static const char **path_of(struct replay *r, int option)
{
	switch (option) {
	case 'c':
		return &r->csv_path;
	case 't':
		return &r->csv_opts.time;
	case 'i':
		return &r->csv_opts.ignore;
	case 's':
		return &r->scores_path;
	case 'v':
		return &r->evidence_path;
	case 'e':
		return &r->events_path;
	case 'm':
		return &r->model_path;
	case 'f':
		return &r->faults_path;
	case 'k':
		return &r->kernels;
	case 'n':
		return &r->name;
	case OPTION_EXPLAINER:
		return &r->explainer_path;
	case OPTION_LONG:
		return &r->long_columns;
	case OPTION_PROFILE:
		return &r->profile_path;
	default:
		return NULL;
	}
}

static bool set_flag(struct replay *r, int option)
{
	if (option == 'q')
		r->quiet = true;
	else if (option == OPTION_JSON)
		r->json = true;
	else if (option == OPTION_WINDOWS)
		r->with_windows = true;
	else
		return false;
	return true;
}

/* EX_OK, EX_USAGE, or -1: help was printed. */
static int parse_options(struct replay *r, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return -1;
		}
		if (option == '?')
			return EX_USAGE;
		if (set_flag(r, option))
			continue;
		if (path_of(r, option))
			*path_of(r, option) = optarg;
		else if (!set_value(r, option, optarg)) {
			(void)fprintf(stderr, "millwright replay: bad value '%s'\n", optarg);
			return EX_USAGE;
		}
	}
	if (r->csv_path && optind == argc)
		return EX_OK;
	usage(stderr);
	return EX_USAGE;
}

int mw_cmd_replay(int argc, char **argv)
{
	struct replay *r = calloc(1, sizeof(*r));
	int code;
	mw_err err;

	if (!r)
		return EX_OSERR;
	r->name = "replay";
	r->learn_input_rows = -1;
	r->csv_opts = (struct mw_csv_opts){.delimiter = ',', .period_ns = MW_NS_PER_S};
	r->asset_opts.alarm = (struct mw_alarm_opts){
	    .p_raise = 0.002, .on_windows = 2, .off_windows = 8, .p_gross = 1e-6};
	code = parse_options(r, argc, argv);
	if (code == EX_OK && (err = replay(r)) != MW_E_OK) {
		(void)fprintf(stderr, "millwright replay: %s\n", r->why);
		code = err == MW_E_IO ? EX_NOINPUT : EX_DATAERR;
	}
	replay_release(r);
	free(r);
	return code < 0 ? EX_OK : code;
}
