/* cmd_simulate.c -- publishes simulated machines (and recordings) over MQTT, with known faults. */
#include "gateway/app/commands.h"
#include "gateway/app/csv.h"
#include "gateway/base/clock.h"
#include "gateway/io/json.h"
#include "gateway/io/mqtt.h"
#include "model/corpus/sim.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define MAX_MACHINES 1000
#define PAUSE_NS     (2 * MW_NS_PER_MS)

/* One machine to publish: simulated, or read from a file. */
struct machine {
	char name[MW_NAME_SIZE];
	struct mw_sim_spec spec;
	struct mw_sim_series *series;
	struct mw_csv *csv;
};

struct simulate {
	struct mw_conf_mqtt mqtt_config;
	const char *topic, *truth_path, *delimiter, *time_column, *ignore, *label;
	double speed, strength;
	int64_t rows, learn;
	uint64_t seed;
	bool print_assets, quiet;
	size_t n_machine;
	struct machine machine[MAX_MACHINES];

	struct mw_mqtt *mqtt;
	atomic_ullong published, delivered;
	int64_t start_ns; /* data time of row 0; 0 = such that the data ends now */
	int64_t period_ns;
	char why[512];
};

/* --- the plan ------------------------------------------------------------------------------------- */

static struct machine *find_machine(struct simulate *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->n_machine; i++)
		if (strlen(s->machine[i].name) == len &&
		    strncmp(s->machine[i].name, name, len) == 0)
			return &s->machine[i];
	return NULL;
}

/* "pump-1=pump" */
static bool add_machine(struct simulate *s, const char *text, struct machine **ret)
{
	const char *equals = strchr(text, '=');
	struct machine *machine = &s->machine[s->n_machine];

	if (!equals || equals == text || (size_t)(equals - text) >= MW_NAME_SIZE ||
	    s->n_machine == MAX_MACHINES)
		return false;
	memcpy(machine->name, text, (size_t)(equals - text));
	s->n_machine++;
	*ret = machine;
	return true;
}

static bool add_simulated(struct simulate *s, const char *text)
{
	struct machine *machine;
	int code;

	if (!add_machine(s, text, &machine))
		return false;
	code = mw_machine_from_code(strchr(text, '=') + 1);
	if (code < 0)
		return false;
	machine->spec.machine = (enum mw_machine)code;
	return true;
}

static bool add_recording(struct simulate *s, const char *text)
{
	struct mw_csv_opts opts = {.delimiter = s->delimiter[0],
				   .time = s->time_column,
				   .ignore = s->ignore,
				   .label = s->label,
				   .period_ns = MW_NS_PER_S};
	struct machine *machine;

	return add_machine(s, text, &machine) &&
	       mw_csv_read(strchr(text, '=') + 1, &opts, s->why, sizeof(s->why), &machine->csv) ==
		       MW_E_OK;
}

/* "pump-1:bearing_wear:600:900:0.8" -- rows from, to; strength optional */
static bool add_fault(struct simulate *s, const char *text)
{
	char code[64];
	char name[MW_NAME_SIZE];
	unsigned long from;
	unsigned long to;
	double strength = s->strength;
	struct mw_sim_injection *into;
	struct machine *machine;
	int fields = sscanf(text, "%127[^:]:%63[^:]:%lu:%lu:%lf", name, code, &from, &to, &strength);

	machine = fields >= 4 ? find_machine(s, name, strlen(name)) : NULL;
	if (!machine || machine->csv || mw_fault_from_code(code) < 0 ||
	    machine->spec.n_injection == MW_SIM_MAX_INJECTIONS || from >= to) {
		(void)snprintf(s->why, sizeof(s->why),
			       "--fault %s: want NAME:FAULT:FROM_ROW:TO_ROW[:STRENGTH] after the "
			       "--machine it names",
			       text);
		return false;
	}
	into = &machine->spec.injection[machine->spec.n_injection++];
	*into = (struct mw_sim_injection){.fault = (enum mw_fault)mw_fault_from_code(code),
					  .strength = strength,
					  .onset_row = from,
					  .end_row = to,
					  .channel = -1};
	return true;
}

static mw_err make_series(struct simulate *s)
{
	for (size_t i = 0; i < s->n_machine; i++) {
		struct machine *machine = &s->machine[i];

		if (machine->csv)
			continue;
		machine->spec.seed = s->seed + i;
		machine->spec.n_rows = (size_t)s->rows;
		machine->spec.n_learn = (size_t)s->learn;
		machine->spec.period_s = (double)s->period_ns / 1e9;
		if (mw_sim_series_new(&machine->spec, &machine->series) != 0)
			return mw_why(MW_E_INVAL, s->why, sizeof(s->why),
				      "%s: the plan does not fit the machine (a fault it cannot "
				      "have, or rows past the end)",
				      machine->name);
	}
	return MW_E_OK;
}

/* --- what is published --------------------------------------------------------------------------- */

static size_t rows_of(const struct machine *machine)
{
	return machine->csv ? machine->csv->n_rows : machine->series->n_rows;
}

static size_t channels_of(const struct machine *machine)
{
	return machine->csv ? machine->csv->n_columns : machine->series->n_channels;
}

static const char *channel_of(const struct machine *machine, size_t c)
{
	return machine->csv ? machine->csv->name[c] : machine->series->channel[c].name;
}

static double value_of(const struct machine *machine, size_t row, size_t c)
{
	return (machine->csv ? machine->csv->value
			     : machine->series->value)[row * channels_of(machine) + c];
}

static mw_err row_json(const struct simulate *s, const struct machine *machine, size_t row,
		       char **ret_text)
{
	struct mw_json *json = mw_json_object();

	mw_json_integer(json, "time",
			(s->start_ns + (int64_t)row * s->period_ns) / MW_NS_PER_MS);
	for (size_t c = 0; c < channels_of(machine); c++) {
		double value = value_of(machine, row, c);

		if (isfinite(value)) /* a lost reading is not sent */
			mw_json_number(json, channel_of(machine, c), value);
	}
	return mw_json_finish(json, ret_text);
}

static void sleep_ns(int64_t ns)
{
	struct timespec wait = {.tv_sec = (time_t)(ns / MW_NS_PER_S),
				.tv_nsec = (long)(ns % MW_NS_PER_S)};

	while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
		;
}

/* QoS 1 with back-pressure: nothing is dropped, the simulated plant waits for the broker. */
static mw_err publish_row(struct simulate *s, const struct machine *machine, size_t row)
{
	char topic[MW_NAME_SIZE * 2];
	struct mw_mqtt_message message = {.topic = topic, .qos = 1};
	char *text;
	mw_err err = row_json(s, machine, row, &text);

	if (err)
		return err;
	(void)snprintf(topic, sizeof(topic), "%.120s/%s", s->topic, machine->name);
	message.payload = text;
	message.size = strlen(text);
	while ((err = mw_mqtt_publish(s->mqtt, &message, 1)) == MW_E_AGAIN) {
		mw_mqtt_tick(s->mqtt, mw_clock_mono_ns());
		sleep_ns(PAUSE_NS);
	}
	if (!err)
		s->published++;
	free(text);
	return err;
}

static mw_err publish_all(struct simulate *s)
{
	int64_t begin_ns = mw_clock_mono_ns();
	size_t longest = 0;
	mw_err err = MW_E_OK;

	for (size_t i = 0; i < s->n_machine; i++)
		longest = rows_of(&s->machine[i]) > longest ? rows_of(&s->machine[i]) : longest;
	for (size_t row = 0; row < longest && !err; row++) {
		int64_t due_ns =
			begin_ns +
			(s->speed > 0 ? (int64_t)((double)row * (double)s->period_ns / s->speed)
				      : 0);
		int64_t now_ns = mw_clock_mono_ns();

		if (due_ns > now_ns)
			sleep_ns(due_ns - now_ns);
		for (size_t i = 0; i < s->n_machine && !err; i++)
			if (row < rows_of(&s->machine[i]))
				err = publish_row(s, &s->machine[i], row);
		mw_mqtt_tick(s->mqtt, mw_clock_mono_ns());
		if (!s->quiet && isatty(STDERR_FILENO) && row % 16 == 0)
			(void)fprintf(stderr, "\rrow %zu of %zu", row, longest);
	}
	while (!err && s->delivered < s->published) {
		mw_mqtt_tick(s->mqtt, mw_clock_mono_ns());
		sleep_ns(PAUSE_NS);
	}
	return err;
}

static void on_delivered(void *ctx, uint64_t tag, bool ok)
{
	struct simulate *s = ctx;

	(void)tag;
	(void)ok;
	s->delivered++;
}

static mw_err connect_broker(struct simulate *s)
{
	static const struct mw_mqtt_events events = {.on_delivered = on_delivered};
	mw_err err = mw_mqtt_new(&s->mqtt_config, NULL, 0, NULL, &events, s, s->why, sizeof(s->why),
				 &s->mqtt);

	if (!err && (err = mw_mqtt_start(s->mqtt)))
		(void)mw_why(err, s->why, sizeof(s->why), "mqtt: %s", mw_err_text(err));
	return err;
}

/* --- what the receiver may want to know ----------------------------------------------------------- */

static void write_truth_line(FILE *to, const struct simulate *s, const struct machine *machine,
			     const char *fault, size_t from_row, size_t to_row)
{
	char from[32];
	char end[32];

	(void)mw_clock_iso(s->start_ns + (int64_t)from_row * s->period_ns, from, sizeof(from));
	(void)mw_clock_iso(s->start_ns + (int64_t)to_row * s->period_ns, end, sizeof(end));
	(void)fprintf(to, "{\"asset\":\"%s\",\"fault\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}\n",
		      machine->name, fault, from, end);
}

/* One line per injected fault or labelled stretch, for whoever checks the alarms against it. */
static mw_err write_truth(const struct simulate *s)
{
	FILE *to = fopen(s->truth_path, "we");

	if (!to)
		return MW_E_IO;
	for (size_t i = 0; i < s->n_machine; i++) {
		const struct machine *machine = &s->machine[i];

		for (size_t k = 0; k < machine->spec.n_injection; k++) {
			const struct mw_sim_injection *in = &machine->spec.injection[k];

			write_truth_line(to, s, machine, mw_fault_code(in->fault), in->onset_row,
					 in->end_row);
		}
		if (machine->csv && machine->csv->label_to > 0)
			write_truth_line(to, s, machine, "unknown", machine->csv->label_from,
					 machine->csv->label_to);
	}
	return fclose(to) == 0 ? MW_E_OK : MW_E_IO;
}

/* The `assets` block of a configuration that knows these machines' units and roles. */
static void print_assets(const struct simulate *s)
{
	puts("assets = (");
	for (size_t i = 0; i < s->n_machine; i++) {
		const struct mw_sim_series *series = s->machine[i].series;

		if (!series)
			continue;
		printf("  { name = \"%s\"; type = \"%s\"; channels = (\n", s->machine[i].name,
		       mw_machine_code(series->spec.machine));
		for (size_t c = 0; c < series->n_channels; c++)
			printf("      { name = \"%s\"; unit = \"%s\"; role = \"%s\"; }%s\n",
			       series->channel[c].name, series->channel[c].unit,
			       mw_role_code(series->channel[c].role),
			       c + 1 < series->n_channels ? "," : "");
		printf("  ); }%s\n", i + 1 < s->n_machine && s->machine[i + 1].series ? "," : "");
	}
	puts(");");
}

static size_t longest_rows(const struct simulate *s)
{
	size_t longest = 0;

	for (size_t i = 0; i < s->n_machine; i++)
		longest = rows_of(&s->machine[i]) > longest ? rows_of(&s->machine[i]) : longest;
	return longest;
}

/* Faster than real time the data ends now, so that no row lies in the receiver's future. */
static void set_start(struct simulate *s)
{
	if (s->start_ns == 0) {
		s->start_ns = mw_clock_now_ns();
		if (s->speed != 1)
			s->start_ns -= (int64_t)longest_rows(s) * s->period_ns;
	}
	s->start_ns -= s->start_ns % s->period_ns;
}

static mw_err simulate(struct simulate *s)
{
	mw_err err = make_series(s);

	if (err || s->print_assets) {
		if (!err)
			print_assets(s);
		return err;
	}
	set_start(s);
	if (s->truth_path && (err = write_truth(s)))
		return mw_why(err, s->why, sizeof(s->why), "%s: %m", s->truth_path);
	err = connect_broker(s);
	if (!err)
		err = publish_all(s);
	return err;
}

/* --- options -------------------------------------------------------------------------------------- */

static const struct option long_options[] = {{"host", required_argument, NULL, 'H'},
					     {"port", required_argument, NULL, 'P'},
					     {"topic", required_argument, NULL, 't'},
					     {"machine", required_argument, NULL, 'm'},
					     {"recording", required_argument, NULL, 'r'},
					     {"fault", required_argument, NULL, 'f'},
					     {"rows", required_argument, NULL, 'n'},
					     {"learn", required_argument, NULL, 'l'},
					     {"period", required_argument, NULL, 'p'},
					     {"speed", required_argument, NULL, 's'},
					     {"seed", required_argument, NULL, 'S'},
					     {"truth", required_argument, NULL, 'T'},
					     {"start", required_argument, NULL, 'b'},
					     {"delimiter", required_argument, NULL, 'd'},
					     {"time", required_argument, NULL, 'i'},
					     {"ignore", required_argument, NULL, 'g'},
					     {"label", required_argument, NULL, 'L'},
					     {"print-assets", no_argument, NULL, 'a'},
					     {"quiet", no_argument, NULL, 'q'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

static void usage(FILE *to)
{
	(void)fputs(
		"usage: millwright simulate --machine NAME=TYPE [--machine ...] [options]\n"
		"Publishes one JSON object per machine and row to TOPIC/NAME.\n"
		"  --machine NAME=TYPE   pump, compressor, conveyor, ... ; other = a random process\n"
		"  --fault NAME:FAULT:FROM:TO[:STRENGTH]   rows; strength 0 invisible .. 1 gross\n"
		"  --recording NAME=FILE publishes a CSV file's rows instead (--delimiter, --time,\n"
		"                        --ignore as in replay and --label stand before it)\n"
		"  --label COLUMN        of a recording: not 0 where it is anomalous, for --truth\n"
		"  --rows N --learn N    length; the first N rows are healthy (2000, 400)\n"
		"  --period SECONDS      between rows in the data's time (1)\n"
		"  --speed X             times real time; 0 = as fast as the broker takes it (1)\n"
		"  --start TIME          of the first row (default: so that the data ends now)\n"
		"  --seed N --topic T    (1, factory)   --host H --port P  (127.0.0.1, 1883)\n"
		"  --truth FILE          writes what was injected, one JSON line each\n"
		"  --print-assets        prints the assets block for millwright.conf and ends\n"
		"  --quiet, --help\n",
		to);
}

static bool set_number(struct simulate *s, int option, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0) || value > 1e9)
		return false;
	switch (option) {
	case 'P':
		s->mqtt_config.port = (int64_t)value;
		return value >= 1 && value <= 65535;
	case 'n':
		s->rows = (int64_t)value;
		return value >= 1 && value <= 1e7;
	case 'l':
		s->learn = (int64_t)value;
		return true;
	case 'p':
		s->period_ns = (int64_t)llround(value * 1e9);
		return s->period_ns >= MW_NS_PER_MS;
	case 's':
		s->speed = value;
		return true;
	default:
		s->seed = (uint64_t)value;
		return true;
	}
}

static bool set_option(struct simulate *s, int option, const char *text)
{
	switch (option) {
	case 'H':
		s->mqtt_config.host = text;
		return true;
	case 't':
		s->topic = text;
		return true;
	case 'T':
		s->truth_path = text;
		return true;
	case 'b':
		return mw_time_parse(text, &s->start_ns) == MW_E_OK;
	case 'd':
		s->delimiter = text;
		return true;
	case 'i':
		s->time_column = text;
		return true;
	case 'g':
		s->ignore = text;
		return true;
	case 'L':
		s->label = text;
		return true;
	case 'm':
		return add_simulated(s, text);
	case 'r':
		return add_recording(s, text);
	case 'f':
		return add_fault(s, text);
	default:
		return set_number(s, option, text);
	}
}

static int parse_options(struct simulate *s, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return -1;
		}
		if (option == '?')
			return EX_USAGE;
		if (option == 'a')
			s->print_assets = true;
		else if (option == 'q')
			s->quiet = true;
		else if (!set_option(s, option, optarg)) {
			(void)fprintf(stderr, "millwright simulate: %s\n",
				      s->why[0] ? s->why : "bad value, see --help");
			return EX_USAGE;
		}
	}
	if (s->n_machine > 0 && optind == argc)
		return EX_OK;
	usage(stderr);
	return EX_USAGE;
}

static void set_defaults(struct simulate *s)
{
	s->mqtt_config = (struct mw_conf_mqtt){.host = "127.0.0.1",
					       .port = 1883,
					       .version = 5,
					       .client_id = "millwright-simulate",
					       .username = "",
					       .password_file = "",
					       .keepalive_ns = 30 * MW_NS_PER_S,
					       .session_expiry_ns = MW_NS_PER_S,
					       .reconnect_min_ns = MW_NS_PER_S,
					       .reconnect_max_ns = 10 * MW_NS_PER_S,
					       .max_packet_bytes = 1 << 20,
					       .tls_ca_file = "",
					       .tls_cert_file = "",
					       .tls_key_file = "",
					       .prefix = ""};
	s->topic = "factory";
	s->delimiter = ",";
	s->rows = 2000;
	s->learn = 400;
	s->period_ns = MW_NS_PER_S;
	s->speed = 1;
	s->strength = 0.7;
	s->seed = 1;
}

int mw_cmd_simulate(int argc, char **argv)
{
	struct simulate *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return EX_OSERR;
	set_defaults(s);
	code = parse_options(s, argc, argv);
	if (code == EX_OK && simulate(s) != MW_E_OK) {
		(void)fprintf(stderr, "millwright simulate: %s\n", s->why);
		code = EX_UNAVAILABLE;
	}
	if (s->mqtt)
		mw_mqtt_free(s->mqtt, MW_NS_PER_S);
	for (size_t i = 0; i < s->n_machine; i++) {
		mw_sim_series_free(s->machine[i].series);
		mw_csv_free(s->machine[i].csv);
	}
	free(s);
	return code < 0 ? EX_OK : code;
}
