/* cmd_replay.c -- recorded data through the same path as live data; how accuracy is measured. */
#include "gateway/app/commands.h"
#include "gateway/app/csv.h"
#include "gateway/app/fleet.h"
#include "gateway/base/clock.h"
#include "gateway/io/conf.h"
#include "gateway/io/json.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* One window's outcome, kept until the table is written. */
struct scored {
	int64_t end_ns;
	bool learnt; /* a learn window: its judgement is known only after calibration */
	struct mw_judgement judgement;
	enum mw_verdict verdict;
	enum mw_fault fault;
	int channel;
};

struct replay {
	const char *csv_path, *scores_path, *evidence_path, *events_path;
	const char *model_path, *faults_path, *kernels, *name;
	struct mw_csv_opts csv_opts;
	struct mw_asset_opts asset_opts;
	int64_t learn_input_rows;
	bool quiet;

	struct mw_csv *csv;
	struct mw_inference *inference;
	struct mw_fault_library *library;
	struct mw_fleet *fleet;
	struct mw_asset *asset;
	struct scored *scored;
	size_t n_scored, capacity;
	enum mw_fault active_fault; /* of the alarm that stands now */
	size_t n_events;
	FILE *events;
	char why[512];
};

/* --- what comes of the windows
 * -------------------------------------------------------------------- */

static void judge_learnt(struct replay *r)
{
	const struct mw_judge *judge = mw_asset_judge(r->asset);

	for (size_t i = 0; i < r->n_scored; i++) {
		size_t kept = i * judge->n_calibration / r->n_scored; /* every k-th was kept */

		mw_judge_of_learnt(judge, (uint32_t)kept, &r->scored[i].judgement);
	}
}

static void keep_outcome(void *ctx, struct mw_asset *asset, const struct mw_outcome *outcome)
{
	struct replay *r = ctx;
	struct scored *into;

	(void)asset;
	if (r->n_scored == r->capacity) {
		r->capacity = r->capacity ? r->capacity * 2 : 1024;
		into = reallocarray(r->scored, r->capacity, sizeof(*into));
		if (!into)
			abort(); /* an offline tool: nothing to save */
		r->scored = into;
	}
	into = &r->scored[r->n_scored++];
	into->end_ns = outcome->window_end_ns;
	into->learnt = outcome->phase == MW_PHASE_CALIBRATING;
	into->judgement = outcome->judgement;
	into->verdict = outcome->verdict;
	into->fault = r->active_fault;
	into->channel = outcome->channel;
	if (outcome->learnt)
		judge_learnt(r);
}

static void keep_event(void *ctx, struct mw_asset *asset, const struct mw_event *event,
		       const struct mw_event_window *window, enum mw_transition transition)
{
	struct replay *r = ctx;
	char *text;

	(void)asset;
	(void)window;
	r->active_fault = transition == MW_TRANSITION_CLEARED ? MW_FAULT_NONE : event->fault;
	r->n_events += transition == MW_TRANSITION_RAISED;
	r->scored[r->n_scored - 1].fault = r->active_fault;
	if (!r->events || mw_json_alert(event, transition, "replay", &text) != MW_E_OK)
		return;
	(void)fprintf(r->events, "%s\n", text);
	free(text);
}

/* --- feeding
 * -------------------------------------------------------------------------------------- */

static int64_t slot_of(int64_t time_ns, int64_t period_ns)
{
	int64_t rest = time_ns % period_ns;

	return time_ns - (rest < 0 ? rest + period_ns : rest);
}

/* The learn segment is the first rows of the file, counted on the time grid: gaps count as rows. */
static mw_err set_learn_rows(struct replay *r)
{
	const int64_t period = r->asset_opts.assembler.period_ns;
	size_t last = (size_t)r->learn_input_rows - 1;

	if (last >= r->csv->n_rows)
		return mw_why(MW_E_INVAL, r->why, sizeof(r->why),
			      "%s: --learn %lld, but the file has %zu rows", r->csv_path,
			      (long long)r->learn_input_rows, r->csv->n_rows);
	r->asset_opts.learn_rows =
	    (slot_of(r->csv->time_ns[last], period) - slot_of(r->csv->time_ns[0], period)) /
		period +
	    1;
	if (r->asset_opts.learn_rows < MW_LEARN_ROWS_MIN)
		return mw_why(MW_E_INVAL, r->why, sizeof(r->why),
			      "--learn: at least %d rows are needed", MW_LEARN_ROWS_MIN);
	return MW_E_OK;
}

static void feed_row(struct replay *r, size_t row)
{
	const struct mw_csv *csv = r->csv;

	for (size_t c = 0; c < csv->n_columns; c++) {
		struct mw_str name = {csv->name[c], strlen(csv->name[c])};
		double value = csv->value[row * csv->n_columns + c];

		if (isfinite(value))
			(void)mw_asset_push(r->asset, name, csv->time_ns[row], value, 0,
					    csv->time_ns[row]);
	}
	mw_fleet_touch(r->fleet, r->asset);
}

static void show_progress(const struct replay *r, size_t row)
{
	if (!r->quiet && row % 4096 == 0 && isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%s: %3zu %%", r->csv_path, row * 100 / r->csv->n_rows);
}

static mw_err feed(struct replay *r)
{
	mw_err err = MW_E_OK;

	for (size_t row = 0; row < r->csv->n_rows && !err; row++) {
		feed_row(r, row);
		if (row % 16 == 15)
			err = mw_fleet_run(r->fleet);
		show_progress(r, row);
	}
	mw_asset_flush(r->asset);
	mw_fleet_touch(r->fleet, r->asset);
	if (!err)
		err = mw_fleet_run(r->fleet);
	if (!r->quiet && isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r\033[K");
	return err ? mw_why(err, r->why, sizeof(r->why), "%s: %s", r->csv_path, mw_err_text(err))
		   : MW_E_OK;
}

/* --- output
 * --------------------------------------------------------------------------------------- */

/* The newest window that had ended when the row's slot had: nothing after the row is used. */
static const struct scored *score_at(const struct replay *r, int64_t time_ns, size_t *at)
{
	int64_t slot = slot_of(time_ns, r->asset_opts.assembler.period_ns);

	while (*at < r->n_scored && r->scored[*at].end_ns <= slot)
		(*at)++;
	while (*at > 0 && r->scored[*at - 1].end_ns > slot) /* the clock of the file stepped back */
		(*at)--;
	return *at > 0 ? &r->scored[*at - 1] : NULL;
}

static void write_score(FILE *to, const struct replay *r, size_t row, const struct scored *s)
{
	bool scored = s && !s->learnt;

	(void)fprintf(to, "%s,%.9g,%.6g,%s,%s,%s\n", r->csv->time_text[row],
		      s ? s->judgement.score : 0.0, s ? s->judgement.p_value : 1.0,
		      scored ? mw_verdict_text(s->verdict) : "",
		      scored && s->fault != MW_FAULT_NONE ? mw_fault_code(s->fault) : "",
		      scored && s->channel >= 0
			  ? mw_assembler_name(mw_asset_assembler(r->asset), (size_t)s->channel)
			  : "");
}

static void write_evidence(FILE *to, const struct replay *r, size_t row, const struct scored *s)
{
	(void)fprintf(to, "%s", r->csv->time_text[row]);
	for (int k = 0; k < MW_N_COMPONENT; k++)
		(void)fprintf(to, ",%.9g", s ? s->judgement.component[k] : 0.0);
	(void)fprintf(to, ",%.9g,%.9g\n", s ? s->judgement.fused : 0.0,
		      s ? s->judgement.evidence : 0.0);
}

static void write_evidence_header(FILE *to)
{
	(void)fprintf(to, "time");
	for (int k = 0; k < MW_N_COMPONENT; k++)
		(void)fprintf(to, ",%s", mw_component_text((enum mw_component)k));
	(void)fprintf(to, ",fused,evidence\n");
}

typedef void row_writer(FILE *to, const struct replay *r, size_t row, const struct scored *s);

static mw_err write_table(struct replay *r, const char *path, row_writer *write_row)
{
	FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	size_t at = 0;

	if (!to)
		return mw_why(MW_E_IO, r->why, sizeof(r->why), "%s: %m", path);
	if (write_row == write_evidence)
		write_evidence_header(to);
	else
		(void)fprintf(to, "time,score,p_value,verdict,fault,channel\n");
	for (size_t row = 0; row < r->csv->n_rows; row++)
		write_row(to, r, row, score_at(r, r->csv->time_ns[row], &at));
	if ((to == stdout ? fflush(to) : fclose(to)) != 0)
		return mw_why(MW_E_IO, r->why, sizeof(r->why), "%s: %m", path);
	return MW_E_OK;
}

static void summarise(const struct replay *r, int64_t wall_ns)
{
	struct mw_inference_stats stats;
	double span = (double)(r->csv->time_ns[r->csv->n_rows - 1] - r->csv->time_ns[0]) / 1e9;

	mw_inference_stats(r->inference, &stats);
	(void)fprintf(stderr,
		      "%s: %zu rows, %zu channels, %llu windows read, %zu events, "
		      "%.2f s (%.0f x real time, %.0f tokens/s)\n",
		      r->csv_path, r->csv->n_rows, r->csv->n_columns,
		      (unsigned long long)stats.windows, r->n_events, (double)wall_ns / 1e9,
		      span / ((double)wall_ns / 1e9),
		      (double)stats.positions / ((double)stats.busy_ns / 1e9));
}

/* --- setting up
 * ----------------------------------------------------------------------------------- */

static mw_err load_file(struct replay *r)
{
	mw_err err = mw_csv_read(r->csv_path, &r->csv_opts, r->why, sizeof(r->why), &r->csv);

	if (err)
		return err;
	if (r->csv->n_columns > MW_MAX_CHANNELS)
		return mw_why(MW_E_FULL, r->why, sizeof(r->why),
			      "%s: %zu value columns, at most %d (use --ignore)", r->csv_path,
			      r->csv->n_columns, MW_MAX_CHANNELS);
	if (r->asset_opts.assembler.period_ns == 0)
		r->asset_opts.assembler.period_ns = mw_csv_period(r->csv);
	if (r->asset_opts.assembler.period_ns <= 0)
		return mw_why(MW_E_INVAL, r->why, sizeof(r->why),
			      "%s: the times do not advance; give --period", r->csv_path);
	return set_learn_rows(r);
}

static mw_err load_model(struct replay *r)
{
	char model[4096];
	char faults[4096];
	mw_err err = MW_E_OK;

	if (r->model_path)
		(void)snprintf(model, sizeof(model), "%s", r->model_path);
	else
		err = mw_conf_data_file("millwright-nano.gguf", model, sizeof(model));
	if (!err && r->faults_path)
		(void)snprintf(faults, sizeof(faults), "%s", r->faults_path);
	else if (!err)
		err = mw_conf_data_file("faults.cfg", faults, sizeof(faults));
	if (err)
		return mw_why(err, r->why, sizeof(r->why),
			      "the model and the fault library are not installed; set "
			      "MILLWRIGHT_DATADIR or give --model and --faults");
	err = mw_conf_load_faults(faults, r->why, sizeof(r->why), &r->library);
	return err ? err
		   : mw_inference_new(model, r->kernels, r->why, sizeof(r->why), &r->inference);
}

static mw_err make_plant(struct replay *r)
{
	struct mw_fleet_opts opts = {
	    .inference = r->inference,
	    .library = r->library,
	    .events = {.on_outcome = keep_outcome, .on_event = keep_event, .ctx = r},
	    .max_assets = 1};
	mw_err err = mw_fleet_new(&opts, &r->fleet);

	r->asset_opts.name = r->name;
	r->asset_opts.model = mw_inference_name(r->inference);
	if (!err)
		err = mw_fleet_add(r->fleet, &r->asset_opts, &r->asset);
	for (size_t c = 0; !err && c < r->csv->n_columns; c++)
		if (mw_asset_channel(r->asset, r->csv->name[c], "", MW_ROLE_OTHER) < 0)
			err = MW_E_FULL;
	return err ? mw_why(err, r->why, sizeof(r->why), "%s", mw_err_text(err)) : MW_E_OK;
}

static mw_err replay(struct replay *r)
{
	int64_t start;
	mw_err err = load_file(r);

	if (!err)
		err = load_model(r);
	if (!err)
		err = make_plant(r);
	if (!err && r->events_path && !(r->events = fopen(r->events_path, "we")))
		err = mw_why(MW_E_IO, r->why, sizeof(r->why), "%s: %m", r->events_path);
	start = mw_clock_mono_ns();
	if (!err)
		err = feed(r);
	if (!err && r->scores_path)
		err = write_table(r, r->scores_path, write_score);
	if (!err && r->evidence_path)
		err = write_table(r, r->evidence_path, write_evidence);
	if (!err && !r->quiet)
		summarise(r, mw_clock_mono_ns() - start);
	return err;
}

static void release(struct replay *r)
{
	if (r->events)
		(void)fclose(r->events);
	free(r->scored);
	mw_fleet_free(r->fleet);
	mw_inference_free(r->inference);
	mw_fault_library_free(r->library);
	mw_csv_free(r->csv);
}

/* --- options
 * -------------------------------------------------------------------------------------- */

static const struct option long_options[] = {{"csv", required_argument, NULL, 'c'},
					     {"delimiter", required_argument, NULL, 'd'},
					     {"time", required_argument, NULL, 't'},
					     {"ignore", required_argument, NULL, 'i'},
					     {"learn", required_argument, NULL, 'l'},
					     {"type", required_argument, NULL, 'y'},
					     {"scores", required_argument, NULL, 's'},
					     {"events", required_argument, NULL, 'e'},
					     {"evidence", required_argument, NULL, 'v'},
					     {"period", required_argument, NULL, 'p'},
					     {"model", required_argument, NULL, 'm'},
					     {"faults", required_argument, NULL, 'f'},
					     {"kernels", required_argument, NULL, 'k'},
					     {"name", required_argument, NULL, 'n'},
					     {"language", required_argument, NULL, 'g'},
					     {"p-raise", required_argument, NULL, 'r'},
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
	    "  --ignore A,B      columns that are not channels\n"
	    "  --learn ROWS      leading rows that are healthy (default 400)\n"
	    "  --period SECONDS  of the machine (default: the median step of the times)\n"
	    "  --type TYPE       machine type, e.g. pump\n"
	    "  --scores OUT.csv  one row per input row: time,score,p_value,verdict,fault,channel\n"
	    "  --evidence OUT.csv  the score's components per row\n"
	    "  --events OUT.jsonl  the alert payloads\n"
	    "  --p-raise P       threshold on the p-value (default 0.002)\n"
	    "  --language en|ko  of the explanations\n"
	    "  --name NAME       of the asset (default: replay)\n"
	    "  --model FILE, --faults FILE, --kernels NAME, --quiet, --help\n"
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

static bool set_value(struct replay *r, int option, const char *text)
{
	double number = 0;
	bool ok = true;

	switch (option) {
	case 'l':
		ok = set_number(text, MW_LEARN_ROWS_MIN, 1e7, &number);
		r->learn_input_rows = (int64_t)number;
		break;
	case 'p':
		ok = set_number(text, 1e-6, 1e7, &number);
		r->asset_opts.assembler.period_ns = (int64_t)llround(number * 1e9);
		r->csv_opts.period_ns = r->asset_opts.assembler.period_ns;
		break;
	case 'r':
		ok = set_number(text, 0, 1, &r->asset_opts.alarm.p_raise);
		break;
	default:
		ok = set_coded(r, option, text);
	}
	return ok;
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
	default:
		return NULL;
	}
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
		if (option == 'q')
			r->quiet = true;
		else if (option == '?')
			return EX_USAGE;
		else if (path_of(r, option))
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
	r->learn_input_rows = 400;
	r->csv_opts = (struct mw_csv_opts){.delimiter = ',', .period_ns = MW_NS_PER_S};
	r->asset_opts.alarm = (struct mw_alarm_opts){
	    .p_raise = 0.002, .on_windows = 2, .off_windows = 8, .p_gross = 1e-6};
	code = parse_options(r, argc, argv);
	if (code == EX_OK && (err = replay(r)) != MW_E_OK) {
		(void)fprintf(stderr, "millwright replay: %s\n", r->why);
		code = err == MW_E_IO ? EX_NOINPUT : EX_DATAERR;
	}
	release(r);
	free(r);
	return code < 0 ? EX_OK : code;
}
