/*
 * plant_load.c -- a plant of N machines of 8 channels at 1 Hz, over MQTT, and a client that waits for
 * the alerts: plant_load learn|live PORT MACHINES START_S [GATEWAY_PID BROKER_PID].
 *
 * "learn" publishes the first rows, as healthy as they come, as fast as the broker takes them.
 * "live" publishes one JSON
 * object a machine and second, each machine at its own moment in the second; one by one the machines
 * break (a step on one channel), and of every alert the time is taken from the publishing of the
 * sample that closed its window -- LATE_ROWS after the window's last row, by window.lateness of two
 * periods -- to its receipt.  Both run on one timeline that begins at START_S (Unix time).
 */
#include "gateway/app/csv.h"
#include "gateway/base/clock.h"
#include "gateway/io/mqtt.h"
#include "model/corpus/sim.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHANNELS     8
#define SERIES       20 /* different ones; machines share them */
#define MAX_MACHINES 1000
#define LEARN_ROWS   200
#define LEAD_ROWS    (LEARN_ROWS + LATE_ROWS) /* published before: the last learn row is then closed */
#define LIVE_ROWS    90
#define FIRST_BREAK                                                                                \
	20 /* row of the live part at which the first machine breaks, and over how many */
#define BREAK_ROWS  48 /* rows the breaks are spread */
#define BREAK_NOISE 30 /* height of the step, noise units */
#define LATE_ROWS   3
#define MAX_ALERTS  (8 * MAX_MACHINES)
#define PERIOD_NS   MW_NS_PER_S
#define CONNECT_NS  (20 * MW_NS_PER_S)

struct load {
	struct mw_mqtt *mqtt;
	size_t machines;
	int64_t start_ns;
	struct mw_sim_series *series[SERIES];
	int64_t sent_ns[MAX_MACHINES][LIVE_ROWS]; /* when the row was handed to the client */
	double latency_ms[MAX_ALERTS];
	atomic_size_t n_alert;
	atomic_bool heard[MAX_MACHINES];
	atomic_ullong published, delivered, strays;
};

static void must(bool ok, const char *why)
{
	if (ok)
		return;
	(void)fprintf(stderr, "plant_load: %s\n", why);
	exit(EXIT_FAILURE);
}

/* --- what is published ------------------------------------------------------------------------ */

/* Channels that report by exception are published in every row. */
static void hold(struct mw_sim_series *series)
{
	for (size_t i = series->n_channels; i < series->n_rows * series->n_channels; i++)
		if (!isfinite(series->value[i]))
			series->value[i] = series->value[i - series->n_channels];
}

static void make_series(struct load *load)
{
	for (size_t i = 0; i < SERIES; i++) {
		const struct mw_sim_spec spec = {.seed = i + 1,
						 .machine = MW_MACHINE_OTHER,
						 .n_rows = LEAD_ROWS + LIVE_ROWS,
						 .n_learn = LEAD_ROWS,
						 .n_channels = CHANNELS,
						 .period_s = 1};

		must(mw_sim_series_new(&spec, &load->series[i]) == 0, "no series");
		hold(load->series[i]);
	}
}

static size_t breaks_at(const struct load *load, size_t machine)
{
	return LEAD_ROWS + FIRST_BREAK + machine * BREAK_ROWS / load->machines;
}

static size_t row_json(const struct load *load, size_t machine, size_t row, char *text, size_t size)
{
	const struct mw_sim_series *series = load->series[machine % SERIES];
	int64_t time_ns = load->start_ns + (int64_t)row * PERIOD_NS + PERIOD_NS / 2;
	size_t n =
	    (size_t)snprintf(text, size, "{\"time\":%lld", (long long)(time_ns / MW_NS_PER_MS));

	for (size_t c = 0; c < series->n_channels; c++) {
		double value = series->value[row * series->n_channels + c];

		if (c == 0 && row >= breaks_at(load, machine))
			value += BREAK_NOISE * series->noise_unit[c];
		if (isfinite(value))
			n += (size_t)snprintf(text + n, size - n, ",\"%s\":%.6g",
					      series->channel[c].name, value);
	}
	return n + (size_t)snprintf(text + n, size - n, "}");
}

static void sleep_until(int64_t mono_ns)
{
	const struct timespec at = {.tv_sec = (time_t)(mono_ns / MW_NS_PER_S),
				    .tv_nsec = (long)(mono_ns % MW_NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
		;
}

static void publish(struct load *load, size_t machine, size_t row)
{
	char topic[64], text[1024];
	struct mw_mqtt_message message = {.topic = topic, .payload = text, .qos = 1};

	(void)snprintf(topic, sizeof(topic), "plant/m-%zu", machine);
	message.size = row_json(load, machine, row, text, sizeof(text));
	if (row >= LEAD_ROWS)
		load->sent_ns[machine][row - LEAD_ROWS] = mw_clock_mono_ns();
	while (mw_mqtt_publish(load->mqtt, &message, 1) == MW_E_AGAIN)
		sleep_until(mw_clock_mono_ns() + MW_NS_PER_MS);
	load->published++;
}

static void learn(struct load *load)
{
	for (size_t row = 0; row < LEAD_ROWS; row++)
		for (size_t i = 0; i < load->machines; i++)
			publish(load, i, row);
}

static void live(struct load *load)
{
	int64_t begin_ns = mw_clock_mono_ns() + MW_NS_PER_S;

	for (size_t row = 0; row < LIVE_ROWS; row++)
		for (size_t i = 0; i < load->machines; i++) {
			sleep_until(begin_ns + (int64_t)row * PERIOD_NS +
				    (int64_t)(i * (size_t)PERIOD_NS / load->machines));
			publish(load, i, LEAD_ROWS + row);
		}
	sleep_until(mw_clock_mono_ns() + 2 * MW_NS_PER_S);
}

/* --- what comes back -------------------------------------------------------------------------- */

/* The text value of a key of a flat JSON object that we wrote ourselves. */
static bool text_of(const char *json, const char *key, char *ret, size_t size)
{
	const char *at = strstr(json, key);
	size_t n;

	if (!at)
		return false;
	at += strlen(key);
	n = strcspn(at, "\"");
	if (n >= size)
		return false;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return true;
}

static void take_alert(struct load *load, const char *json, int64_t now_ns)
{
	char asset[64], updated[64];
	int64_t end_ns, row;
	size_t machine, at;

	if (!strstr(json, "\"transition\":\"raised\""))
		return;
	must(text_of(json, "\"asset\":\"m-", asset, sizeof(asset)) &&
		 text_of(json, "\"updated\":\"", updated, sizeof(updated)) &&
		 mw_time_parse(updated, &end_ns) == MW_E_OK,
	     "an alert that nobody can read");
	machine = strtoul(asset, NULL, 10);
	row = (end_ns - load->start_ns) / PERIOD_NS + LATE_ROWS - LEAD_ROWS;
	if (machine >= load->machines || row < 0 || row >= LIVE_ROWS) {
		load->strays++; /* of the learnt rows: nothing to time it by */
		return;
	}
	at = atomic_fetch_add(&load->n_alert, 1);
	must(at < MAX_ALERTS, "more alerts than there is room for");
	load->latency_ms[at] = (double)(now_ns - load->sent_ns[machine][row]) / 1e6;
	atomic_store(&load->heard[machine], true);
}

static void on_message(void *ctx, size_t source, const struct mw_mqtt_message *message)
{
	int64_t now_ns = mw_clock_mono_ns();
	char *json = strndup(message->payload, message->size);

	(void)source;
	must(json, "out of memory");
	take_alert(ctx, json, now_ns);
	free(json);
}

static void on_delivered(void *ctx, uint64_t tag, bool ok)
{
	struct load *load = ctx;

	(void)tag;
	must(ok, "the broker refused a sample");
	load->delivered++;
}

static void connect_broker(struct load *load, int64_t port)
{
	static const struct mw_mqtt_events events = {.on_message = on_message,
						     .on_delivered = on_delivered};
	static const struct mw_mqtt_subscription alerts = {"millwright/+/alert/#", 1};
	struct mw_conf_mqtt config = {.host = "127.0.0.1",
				      .port = port,
				      .version = 5,
				      .client_id = "plant-load",
				      .username = "",
				      .password_file = "",
				      .keepalive_ns = 30 * MW_NS_PER_S,
				      .session_expiry_ns = MW_NS_PER_S,
				      .reconnect_min_ns = MW_NS_PER_S,
				      .reconnect_max_ns = MW_NS_PER_S,
				      .max_packet_bytes = 1 << 20,
				      .tls_ca_file = "",
				      .tls_cert_file = "",
				      .tls_key_file = "",
				      .prefix = ""};
	int64_t until = mw_clock_mono_ns() + CONNECT_NS;
	char why[256] = "";

	must(mw_mqtt_new(&config, &alerts, 1, NULL, &events, load, why, sizeof(why), &load->mqtt) ==
		     MW_E_OK &&
		 mw_mqtt_start(load->mqtt) == MW_E_OK,
	     why);
	while (!mw_mqtt_connected(load->mqtt) && mw_clock_mono_ns() < until)
		sleep_until(mw_clock_mono_ns() + 10 * MW_NS_PER_MS);
	must(mw_mqtt_connected(load->mqtt), "no connection to the broker");
}

/* --- what it cost ----------------------------------------------------------------------------- */

static double cpu_s(const char *pid)
{
	unsigned long user, system;
	char path[64], text[1024] = "", *rest;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "re");
	must(file && fgets(text, sizeof(text), file), path);
	(void)fclose(file);
	rest = strrchr(text, ')'); /* the fields after the name: state is the third */
	must(rest && sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			    &system) == 2,
	     path);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* "VmRSS:" or "VmHWM:", in MB of 10^6 bytes. */
static double memory_mb(const char *pid, const char *what)
{
	char path[64], line[256];
	double kib = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "re");
	must(file, path);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, what, strlen(what)) == 0)
			kib = strtod(line + strlen(what), NULL);
	(void)fclose(file);
	return kib * 1024 / 1e6;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(struct load *load, const char *gateway, double gateway_s, double broker_s)
{
	size_t n = atomic_load(&load->n_alert), heard = 0;
	double machine_s = (double)(load->machines * LIVE_ROWS);

	for (size_t i = 0; i < load->machines; i++)
		heard += atomic_load(&load->heard[i]);
	must(n > 0, "no alert came");
	qsort(load->latency_ms, n, sizeof(double), ascending);
	printf("%8zu %7zu of %-5zu %7.0f %7.0f %7.0f %10.1f %12.3f %9.1f %8.1f %8.1f\n",
	       load->machines, heard, load->machines, load->latency_ms[n / 2],
	       load->latency_ms[(n * 99 + 99) / 100 - 1], load->latency_ms[n - 1],
	       100 * gateway_s / LIVE_ROWS, 1e3 * gateway_s / machine_s, 100 * broker_s / LIVE_ROWS,
	       memory_mb(gateway, "VmRSS:"), memory_mb(gateway, "VmHWM:"));
}

int main(int argc, char **argv)
{
	static struct load load;
	double gateway_s, broker_s;

	must(argc == 5 || (argc == 7 && strcmp(argv[1], "live") == 0),
	     "learn|live PORT MACHINES START_S [GATEWAY_PID BROKER_PID]");
	load.machines = strtoul(argv[3], NULL, 10);
	load.start_ns = (int64_t)strtoll(argv[4], NULL, 10) * MW_NS_PER_S;
	must(load.machines >= 1 && load.machines <= MAX_MACHINES, "1 to 1000 machines");
	make_series(&load);
	connect_broker(&load, strtol(argv[2], NULL, 10));
	if (argc == 5) {
		learn(&load);
	} else {
		gateway_s = cpu_s(argv[5]);
		broker_s = cpu_s(argv[6]);
		live(&load);
		report(&load, argv[5], cpu_s(argv[5]) - gateway_s, cpu_s(argv[6]) - broker_s);
	}
	while (load.delivered < load.published)
		sleep_until(mw_clock_mono_ns() + MW_NS_PER_MS);
	mw_mqtt_free(load.mqtt, MW_NS_PER_S);
	for (size_t i = 0; i < SERIES; i++)
		mw_sim_series_free(load.series[i]);
	return EXIT_SUCCESS;
}
