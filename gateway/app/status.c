#include "gateway/app/status.h"

#include "gateway/base/clock.h"
#include "gateway/io/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One number: its name in JSON (millwright_<name> in Prometheus) and what it counts. */
struct counter {
	const char *name, *help;
	bool is_gauge; /* it may fall */
	uint64_t value;
};

#define MAX_COUNTERS 32

struct counters {
	struct counter counter[MAX_COUNTERS];
	size_t n;
};

static void add(struct counters *c, const char *name, bool is_gauge, uint64_t value,
		const char *help)
{
	if (c->n < MAX_COUNTERS)
		c->counter[c->n++] = (struct counter){name, help, is_gauge, value};
}

static void add_input(const struct mw_status *s, struct counters *c)
{
	const struct mw_pipeline_stats *stats = mw_pipeline_stats(s->pipeline);
	struct mw_spool_stats spool;
	struct mw_mqtt_stats mqtt;

	mw_spool_stats(s->spool, &spool);
	mw_mqtt_stats(s->mqtt, &mqtt);
	add(c, "received", false, mqtt.received, "Messages that arrived from the broker.");
	add(c, "oversized", false, mqtt.oversized, "Of them refused as too large.");
	add(c, "spool_refused", false, spool.refused_full + spool.refused_io,
	    "Of them lost: the spool was full or the disk failed.");
	add(c, "records", false, stats->records, "Messages read from the spool.");
	add(c, "malformed", false, stats->malformed, "Payloads that the decoder refused.");
	add(c, "bad_topics", false, stats->bad_topics,
	    "Topics that do not name asset and channel.");
	add(c, "samples", false, stats->samples, "Samples decoded.");
	add(c, "samples_dropped", false, stats->samples_dropped,
	    "Of them not taken: late, from the future, doubled, bad.");
}

static void add_work(const struct mw_status *s, struct counters *c)
{
	const struct mw_pipeline_stats *stats = mw_pipeline_stats(s->pipeline);

	add(c, "assets", true, stats->assets, "Machines that are watched.");
	add(c, "assets_refused", false, stats->assets_refused, "Refused past gateway.max_assets.");
	add(c, "windows", false, stats->windows, "Windows that the model read.");
	add(c, "tokens", false, stats->tokens, "Positions and words that the model computed.");
	add(c, "tokens_busy_ms", false, stats->tokens_busy_ns / 1000000,
	    "Milliseconds that it took.");
	add(c, "events", false, stats->events, "Alarms raised.");
	add(c, "commands", false, stats->commands, "Operators' commands carried out.");
	add(c, "commands_refused", false, stats->commands_refused, "And those refused.");
	add(c, "store_failures", false, stats->store_failures, "Times that the store refused.");
}

static void collect(const struct mw_status *s, struct counters *c)
{
	c->n = 0;
	add_input(s, c);
	add_work(s, c);
}

mw_err mw_status_json(const struct mw_status *s, bool online, char **ret_text)
{
	struct mw_json *json = mw_json_object(), *counters;
	struct counters c;
	char time[32];

	mw_json_text(json, "schema", "millwright.state/1");
	mw_json_bool(json, "online", online);
	mw_json_text(json, "gateway", s->config->gateway.name);
	mw_json_text(json, "version", MW_VERSION);
	if (!s->pipeline)
		return mw_json_finish(json, ret_text);
	mw_json_text(json, "model", mw_inference_name(s->inference));
	mw_json_text(json, "time", mw_clock_iso(mw_clock_now_ns(), time, sizeof(time)));
	mw_json_text(json, "started", mw_clock_iso(s->started_ns, time, sizeof(time)));
	mw_json_bool(json, "database_quarantined", s->quarantined);
	if (s->page)
		mw_json_text(json, "page", s->page);
	counters = mw_json_object();
	collect(s, &c);
	for (size_t i = 0; i < c.n; i++)
		mw_json_integer(counters, c.counter[i].name, (int64_t)c.counter[i].value);
	mw_json_child(json, "counters", counters);
	return mw_json_finish(json, ret_text);
}

static void put_metric(FILE *out, const struct counter *counter)
{
	const char *end = counter->is_gauge ? "" : "_total";

	(void)fprintf(out, "# HELP millwright_%s%s %s\n# TYPE millwright_%s%s %s\n", counter->name,
		      end, counter->help, counter->name, end,
		      counter->is_gauge ? "gauge" : "counter");
	(void)fprintf(out, "millwright_%s%s %" PRIu64 "\n", counter->name, end, counter->value);
}

static void put_own(FILE *out, const struct mw_status *s)
{
	struct counter connected = {"mqtt_connected", "Is the broker there?", true,
				    mw_mqtt_connected(s->mqtt)};
	struct counter waiting = {"outbox", "Messages that wait for the broker.", true, 0};
	int64_t n = 0;

	if (mw_store_outbox_count(s->store, &n) == MW_E_OK && n > 0)
		waiting.value = (uint64_t)n;
	put_metric(out, &connected);
	put_metric(out, &waiting);
	(void)fprintf(out,
		      "# HELP millwright_start_time_seconds When the process started.\n"
		      "# TYPE millwright_start_time_seconds gauge\n"
		      "millwright_start_time_seconds %.3f\n"
		      "# HELP millwright_build_info Version of the program.\n"
		      "# TYPE millwright_build_info gauge\n"
		      "millwright_build_info{version=\"" MW_VERSION "\"} 1\n",
		      (double)s->started_ns / 1e9);
}

mw_err mw_status_metrics(const struct mw_status *s, char **ret_text)
{
	struct counters c;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return MW_E_NOMEM;
	collect(s, &c);
	for (size_t i = 0; i < c.n; i++)
		put_metric(out, &c.counter[i]);
	put_own(out, s);
	if (fclose(out) != 0) {
		free(text);
		return MW_E_NOMEM;
	}
	*ret_text = text;
	return MW_E_OK;
}
