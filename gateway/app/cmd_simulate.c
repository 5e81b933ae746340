/* cmd_simulate.c -- publishes simulated machines (and recordings) over MQTT, with known faults. */
#include "gateway/app/commands.h"
#include "gateway/app/scenario.h"
#include "gateway/base/clock.h"
#include "gateway/io/json.h"
#include "gateway/io/mqtt.h"

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

#define PAUSE_NS (2 * MW_NS_PER_MS)

struct simulate {
	struct mw_conf_mqtt mqtt_config;
	struct mw_scenario scenario;
	const char *topic, *truth_path, *csv_dir;
	double speed;
	bool print_assets, quiet;

	struct mw_mqtt *mqtt;
	atomic_ullong published, delivered;
	char why[512];
};

/* --- what is published ------------------------------------------------------------------------ */

static mw_err row_json(const struct simulate *s, const struct mw_scenario_machine *machine,
		       size_t row, char **ret_text)
{
	struct mw_json *json = mw_json_object();

	mw_json_integer(json, "time", mw_scenario_time(&s->scenario, row) / MW_NS_PER_MS);
	for (size_t c = 0; c < mw_scenario_channels(machine); c++) {
		double value = mw_scenario_value(machine, row, c);

		if (isfinite(value)) /* a lost reading is not sent */
			mw_json_number(json, mw_scenario_channel(machine, c), value);
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
static mw_err publish_row(struct simulate *s, const struct mw_scenario_machine *machine, size_t row)
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

static void pace(const struct simulate *s, int64_t begin_ns, size_t row)
{
	double ahead_ns = (double)row * (double)s->scenario.period_ns;
	int64_t now_ns = mw_clock_mono_ns();
	int64_t due_ns = begin_ns + (s->speed > 0 ? (int64_t)(ahead_ns / s->speed) : 0);

	if (due_ns > now_ns)
		sleep_ns(due_ns - now_ns);
	mw_mqtt_tick(s->mqtt, mw_clock_mono_ns());
}

static void wait_for_broker(struct simulate *s)
{
	while (s->delivered < s->published) {
		mw_mqtt_tick(s->mqtt, mw_clock_mono_ns());
		sleep_ns(PAUSE_NS);
	}
}

static mw_err publish_all(struct simulate *s)
{
	const struct mw_scenario *plan = &s->scenario;
	int64_t begin_ns = mw_clock_mono_ns();
	size_t length = mw_scenario_length(plan);
	mw_err err = MW_E_OK;

	for (size_t row = 0; row < length && !err; row++) {
		pace(s, begin_ns, row);
		for (size_t i = 0; i < plan->n_machine && !err; i++)
			if (row < mw_scenario_rows(&plan->machine[i]))
				err = publish_row(s, &plan->machine[i], row);
		if (!s->quiet && isatty(STDERR_FILENO) && row % 16 == 0)
			(void)fprintf(stderr, "\rrow %zu of %zu", row, length);
	}
	if (!err)
		wait_for_broker(s);
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

/* Faster than real time the data ends now, so that no row lies in the receiver's future. */
static void set_start(struct simulate *s)
{
	struct mw_scenario *plan = &s->scenario;

	if (plan->start_ns == 0) {
		plan->start_ns = mw_clock_now_ns();
		if (s->speed != 1)
			plan->start_ns -= (int64_t)mw_scenario_length(plan) * plan->period_ns;
	}
	plan->start_ns -= plan->start_ns % plan->period_ns;
}

static mw_err simulate(struct simulate *s)
{
	mw_err err = mw_scenario_make(&s->scenario, s->why, sizeof(s->why));

	if (err)
		return err;
	if (s->print_assets) {
		mw_scenario_print_assets(&s->scenario);
		return MW_E_OK;
	}
	set_start(s);
	if (s->truth_path && (err = mw_scenario_write_truth(&s->scenario, s->truth_path)))
		return mw_why(err, s->why, sizeof(s->why), "%s: %m", s->truth_path);
	if (s->csv_dir) {
		err = mw_scenario_write_csv(&s->scenario, s->csv_dir);
		return err ? mw_why(err, s->why, sizeof(s->why), "%s: %m", s->csv_dir) : MW_E_OK;
	}
	err = connect_broker(s);
	if (!err)
		err = publish_all(s);
	return err;
}

/* --- options
 * -------------------------------------------------------------------------------------- */

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
					     {"csv", required_argument, NULL, 'c'},
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
	    "  --fault NAME:FAULT:FROM:TO[:STRENGTH[:CHANNEL]]   rows; strength 0 .. 1\n"
	    "  --recording NAME=FILE publishes a CSV file's rows instead (--delimiter, --time,\n"
	    "                        --ignore as in replay and --label stand before it)\n"
	    "  --label COLUMN        of a recording: not 0 where it is anomalous, for --truth\n"
	    "  --rows N --learn N    length; the first N rows are healthy (2000, 400)\n"
	    "  --period SECONDS      between rows in the data's time (1)\n"
	    "  --speed X             times real time; 0 = as fast as the broker takes it (1)\n"
	    "  --start TIME          of the first row (default: so that the data ends now)\n"
	    "  --seed N --topic T    (1, factory)   --host H --port P  (127.0.0.1, 1883)\n"
	    "  --truth FILE          writes what was injected, one JSON line each\n"
	    "  --csv DIR             writes DIR/NAME.csv instead of publishing\n"
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
		s->scenario.rows = (int64_t)value;
		return value >= 1 && value <= 1e7;
	case 'l':
		s->scenario.learn = (int64_t)value;
		return true;
	case 'p':
		s->scenario.period_ns = (int64_t)llround(value * 1e9);
		return s->scenario.period_ns >= MW_NS_PER_MS;
	case 's':
		s->speed = value;
		return true;
	default:
		s->scenario.seed = (uint64_t)value;
		return true;
	}
}

/* Options that are texts. */
static const char **text_of(struct simulate *s, int option)
{
	switch (option) {
	case 'H':
		return &s->mqtt_config.host;
	case 't':
		return &s->topic;
	case 'T':
		return &s->truth_path;
	case 'c':
		return &s->csv_dir;
	case 'i':
		return &s->scenario.csv_opts.time;
	case 'g':
		return &s->scenario.csv_opts.ignore;
	case 'L':
		return &s->scenario.csv_opts.label;
	default:
		return NULL;
	}
}

static bool set_option(struct simulate *s, int option, const char *text)
{
	struct mw_scenario *plan = &s->scenario;

	if (text_of(s, option)) {
		*text_of(s, option) = text;
		return true;
	}
	switch (option) {
	case 'b':
		return mw_time_parse(text, &plan->start_ns) == MW_E_OK;
	case 'd':
		plan->csv_opts.delimiter = text[0];
		return text[0] != '\0';
	case 'm':
		return mw_scenario_add_machine(plan, text, s->why, sizeof(s->why)) == MW_E_OK;
	case 'r':
		return mw_scenario_add_recording(plan, text, s->why, sizeof(s->why)) == MW_E_OK;
	case 'f':
		return mw_scenario_add_fault(plan, text, s->why, sizeof(s->why)) == MW_E_OK;
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
	if (s->scenario.n_machine > 0 && optind == argc)
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
	s->scenario.csv_opts = (struct mw_csv_opts){.delimiter = ',', .period_ns = MW_NS_PER_S};
	s->scenario.rows = 2000;
	s->scenario.learn = 400;
	s->scenario.period_ns = MW_NS_PER_S;
	s->speed = 1;
	s->scenario.strength = 0.7;
	s->scenario.seed = 1;
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
	mw_scenario_done(&s->scenario);
	free(s);
	return code < 0 ? EX_OK : code;
}
