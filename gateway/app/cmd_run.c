/* cmd_run.c -- the daemon: wires broker, spool, pipeline, store, outbox and API together. */
#include "gateway/app/commands.h"
#include "gateway/app/mqtt_commands.h"
#include "gateway/app/outbox.h"
#include "gateway/app/pipeline.h"
#include "gateway/app/status.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/io/http.h"
#include "gateway/io/json.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define TICK_NS        (200 * MW_NS_PER_MS)
#define STATE_EVERY_NS (60 * MW_NS_PER_S)
#define GOODBYE_NS     (3 * MW_NS_PER_S)
#define OWN_PAGES_BYTES                                                                            \
	(24 * 1024)     /* what a machine needs while it learns is larger, and goes back */
#define EXPIRE_ROWS 200 /* per tick of a minute: retention must not stall ingest */

struct daemon {
	struct mw_config *config;
	struct mw_fault_library *library;
	struct mw_inference *inference;
	struct mw_text_model *explainer; /* NULL: none */
	struct mw_plugin_host *plugins;
	struct mw_spool *spool;
	struct mw_store *store;
	struct mw_outbox *outbox;
	struct mw_mqtt *mqtt;
	struct mw_pipeline *pipeline;
	struct mw_http *http;
	struct mw_mqtt_subscription *subscription;
	struct mw_mqtt_commands *commands;
	struct mw_board *board;
	_Atomic(const char *) page; /* where the operator page is; NULL = nowhere */
	char topic_state[600];
	atomic_bool say_state; /* connected, or a minute has passed */
	int64_t started_ns, state_ns;
	bool quarantined;
	uint64_t refused; /* by the spool, as the log has it */
	struct mw_log_limit refused_limit;
	char why[512];
};

/* --- callbacks (other threads) ---------------------------------------------------------------- */

static void on_message(void *ctx, size_t source, const struct mw_mqtt_message *message)
{
	struct daemon *d = ctx;
	struct mw_spool_record record = {.arrival_ns = mw_clock_now_ns(),
					 .source = (uint32_t)source,
					 .retained = message->retained,
					 .topic = {message->topic, strlen(message->topic)},
					 .payload = message->payload,
					 .size = message->size};

	if (mw_mqtt_commands_take(d->commands, message))
		return;
	(void)mw_spool_append(d->spool, &record); /* refusals are counted by the spool */
}

static void on_connected(void *ctx, bool connected, const char *reason)
{
	struct daemon *d = ctx;

	mw_log(connected ? MW_LOG_INFO : MW_LOG_WARN, connected ? "mqtt.connected" : "mqtt.lost",
	       "\"%s\"", reason ? reason : "");
	if (connected)
		atomic_store(&d->say_state, true);
	mw_outbox_wake(d->outbox);
}

static void on_delivered(void *ctx, uint64_t tag, bool ok)
{
	struct daemon *d = ctx;

	if (tag != 0)
		mw_outbox_delivered(d->outbox, tag, ok);
}

static void on_committed(void *ctx)
{
	struct daemon *d = ctx;

	mw_outbox_wake(d->outbox);
}

static void on_score(void *ctx, const char *asset, const char *json)
{
	struct daemon *d = ctx;
	char topic[512];
	struct mw_mqtt_message message = {.topic = topic,
					  .payload = json,
					  .size = strlen(json),
					  .content_type = "application/json"};

	(void)snprintf(topic, sizeof(topic), "%s/score/%s", d->config->mqtt.prefix, asset);
	(void)mw_mqtt_publish(d->mqtt, &message, 0); /* QoS 0: a lost score is no loss */
}

/* --- state ------------------------------------------------------------------------------------ */

static struct mw_status status_of(const struct daemon *d)
{
	return (struct mw_status){.config = d->config,
				  .spool = d->spool,
				  .store = d->store,
				  .mqtt = d->mqtt,
				  .pipeline = d->pipeline,
				  .inference = d->inference,
				  .started_ns = d->started_ns,
				  .quarantined = d->quarantined};
}

static mw_err state_json(const struct daemon *d, bool online, char **ret_text)
{
	struct mw_status now = status_of(d);

	return mw_status_json(&now, online, ret_text);
}

static mw_err status(void *ctx, char **ret_json)
{
	const struct daemon *d = ctx;
	struct mw_status now = status_of(d);

	now.page = atomic_load(&d->page);
	return mw_status_json(&now, mw_mqtt_connected(d->mqtt), ret_json);
}

static mw_err metrics(void *ctx, char **ret_text)
{
	struct mw_status now = status_of(ctx);

	return mw_status_metrics(&now, ret_text);
}

static mw_err assets(void *ctx, char **ret_json)
{
	return mw_board_json(((struct daemon *)ctx)->board, ret_json);
}

static mw_err command(void *ctx, const struct mw_command *wanted, mw_command_done *done,
		      void *done_ctx)
{
	return mw_pipeline_command(((struct daemon *)ctx)->pipeline, wanted, done, done_ctx);
}

static void publish_state(struct daemon *d, bool online)
{
	struct mw_mqtt_message message = {.topic = d->topic_state,
					  .qos = 1,
					  .retained = true,
					  .content_type = "application/json"};
	char *text;

	if (state_json(d, online, &text) != MW_E_OK)
		return;
	message.payload = text;
	message.size = strlen(text);
	if (mw_mqtt_publish(d->mqtt, &message, 0) == MW_E_AGAIN && online)
		atomic_store(&d->say_state, true);
	free(text);
}

/* --- building up ------------------------------------------------------------------------------ */

static void set_log_level(const char *name)
{
	static const char *const level[] = {"error", "warn", "info", "debug"};

	for (size_t i = 0; i < sizeof(level) / sizeof(level[0]); i++)
		if (strcmp(name, level[i]) == 0)
			mw_log_set_level((enum mw_log_level)i);
}

static mw_err load_explainer(struct daemon *d)
{
	const struct mw_config *config = d->config;
	struct mw_text_model_opts opts = {.path = config->model.explainer,
					  .key = "model.explainer",
					  .kernels = config->model.kernels,
					  .memory = config->model.memory,
					  .threads = (uint32_t)config->model.threads,
					  .budget_ns = config->model.explainer_budget_ns,
					  .max_tokens = (size_t)config->model.explainer_tokens};

	if (!opts.path[0])
		return MW_E_OK;
	return mw_text_model_open(&opts, d->why, sizeof(d->why), &d->explainer);
}

static mw_err load_knowledge(struct daemon *d)
{
	const struct mw_config *config = d->config;
	struct mw_inference_opts opts = {.kernels = config->model.kernels,
					 .memory = config->model.memory};
	char path[4096];
	mw_err err = MW_E_OK;

	if (config->model.faults[0])
		(void)snprintf(path, sizeof(path), "%s", config->model.faults);
	else
		err = mw_conf_data_file("faults.cfg", path, sizeof(path));
	if (!err)
		err = mw_conf_load_faults(path, d->why, sizeof(d->why), &d->library);
	if (err)
		return err;
	if (config->model.path[0])
		(void)snprintf(path, sizeof(path), "%s", config->model.path);
	else
		err = mw_conf_data_file("millwright-nano.gguf", path, sizeof(path));
	if (err)
		return mw_why(err, d->why, sizeof(d->why), "no model: set model.path");
	opts.path = path;
	err = mw_inference_new(&opts, d->why, sizeof(d->why), &d->inference);
	return err ? err : load_explainer(d);
}

static mw_err open_disk(struct daemon *d)
{
	const struct mw_config *config = d->config;
	struct mw_spool_opts spool = {.dir = config->spool.dir,
				      .max_bytes = config->spool.max_bytes,
				      .sync_ns = config->spool.sync_ns};
	struct mw_store_opts store = {.path = config->store.path};
	mw_err err = mw_store_open(&store, d->why, sizeof(d->why), &d->quarantined, &d->store);

	if (!err)
		err = mw_spool_open(&spool, d->why, sizeof(d->why), &d->spool);
	if (d->quarantined)
		mw_log(MW_LOG_ERROR, "store.quarantined",
		       "path=\"%s\" \"the database was corrupt; it was moved aside\"", store.path);
	return err;
}

static mw_err make_pipeline(struct daemon *d)
{
	struct mw_pipeline_opts opts = {.config = d->config,
					.spool = d->spool,
					.store = d->store,
					.inference = d->inference,
					.explainer = d->explainer,
					.library = d->library,
					.plugins = d->plugins,
					.board = d->board,
					.on_committed = on_committed,
					.on_score = on_score,
					.ctx = d};

	return mw_pipeline_new(&opts, d->why, sizeof(d->why), &d->pipeline);
}

static mw_err make_mqtt(struct daemon *d)
{
	const struct mw_config *config = d->config;
	static const struct mw_mqtt_events events = {
	    .on_message = on_message, .on_connected = on_connected, .on_delivered = on_delivered};
	struct mw_mqtt_message will = {.topic = d->topic_state, .qos = 1, .retained = true};
	char *offline;
	mw_err err;

	(void)snprintf(d->topic_state, sizeof(d->topic_state), "%s/state", config->mqtt.prefix);
	d->subscription = calloc(config->n_source + 1, sizeof(*d->subscription));
	if (!d->subscription || mw_mqtt_commands_new(config->mqtt.prefix, &d->commands) ||
	    state_json(d, false, &offline) != MW_E_OK)
		return mw_why(MW_E_NOMEM, d->why, sizeof(d->why), "out of memory");
	for (size_t i = 0; i < config->n_source; i++)
		d->subscription[i] = (struct mw_mqtt_subscription){config->source[i].topic,
								   (int)config->source[i].qos};
	d->subscription[config->n_source] =
	    (struct mw_mqtt_subscription){mw_mqtt_commands_filter(d->commands), 1};
	will.payload = offline;
	will.size = strlen(offline);
	err = mw_mqtt_new(&config->mqtt, d->subscription, config->n_source + 1, &will, &events, d,
			  d->why, sizeof(d->why), &d->mqtt);
	free(offline);
	return err;
}

static mw_err start_http(struct daemon *d)
{
	const struct mw_config *config = d->config;
	struct mw_http_opts opts = {.socket = config->http.socket,
				    .listen = config->http.listen,
				    .gateway = config->gateway.name,
				    .store = d->store,
				    .status = status,
				    .assets = assets,
				    .metrics = metrics,
				    .command = command,
				    .ctx = d};
	mw_err err;

	if (!opts.socket[0] && !opts.listen[0])
		return MW_E_OK;
	err = mw_http_start(&opts, d->why, sizeof(d->why), &d->http);
	if (err || !opts.listen[0])
		return err;
	atomic_store(&d->page, mw_http_address(d->http));
	mw_log(MW_LOG_INFO, "http.listening", "page=\"%s\"", mw_http_address(d->http));
	return MW_E_OK;
}

static mw_err build(struct daemon *d)
{
	mw_err err = load_knowledge(d);

	if (!err)
		err = open_disk(d);
	if (!err && (err = mw_plugin_host_new(d->config->plugin_dir, &d->plugins)))
		(void)mw_why(err, d->why, sizeof(d->why), "plugin_dir: %s", d->config->plugin_dir);
	if (!err &&
	    ((err = mw_outbox_new(d->store, &d->outbox)) || (err = mw_board_new(&d->board))))
		(void)mw_why(err, d->why, sizeof(d->why), "out of memory");
	if (!err)
		err = make_mqtt(d);
	if (!err)
		err = make_pipeline(d);
	return err;
}

static mw_err start(struct daemon *d)
{
	mw_err err = mw_pipeline_start(d->pipeline, d->why, sizeof(d->why));

	if (!err && (err = mw_outbox_start(d->outbox, d->mqtt)))
		(void)mw_why(err, d->why, sizeof(d->why), "no thread for the outbox");
	if (!err)
		err = start_http(d);
	if (!err)
		mw_mqtt_commands_use(d->commands, d->mqtt, d->pipeline);
	if (!err && (err = mw_mqtt_start(d->mqtt)))
		(void)mw_why(err, d->why, sizeof(d->why), "mqtt: %s", mw_err_text(err));
	return err;
}

/* New samples stop first, then what they led to is finished, then the outbox empties, then goodbye.
 */
static void tear_down(struct daemon *d)
{
	mw_http_stop(d->http);
	if (d->commands)
		mw_mqtt_commands_use(d->commands, d->mqtt, NULL);
	mw_pipeline_free(d->pipeline);
	d->pipeline = NULL;
	if (d->outbox)
		mw_outbox_stop(d->outbox, GOODBYE_NS);
	if (d->mqtt) {
		publish_state(d, false);
		mw_mqtt_free(d->mqtt, GOODBYE_NS);
	}
	mw_outbox_free(d->outbox);
	mw_spool_close(d->spool);
	mw_store_close(d->store);
	mw_plugin_host_free(d->plugins);
	mw_text_model_free(d->explainer);
	mw_inference_free(d->inference);
	mw_fault_library_free(d->library);
	free(d->subscription);
	mw_mqtt_commands_free(d->commands);
	mw_board_free(d->board);
	mw_conf_free(d->config);
}

/* --- running ---------------------------------------------------------------------------------- */

/* Acknowledged by the transport, but not kept: the one loss there is, so it is said. */
static void report_refused(struct daemon *d, int64_t mono_ns)
{
	struct mw_spool_stats stats;
	uint64_t refused, suppressed;

	mw_spool_stats(d->spool, &stats);
	refused = stats.refused_full + stats.refused_io;
	if (refused == d->refused ||
	    !mw_log_allow(&d->refused_limit, mono_ns, STATE_EVERY_NS, &suppressed))
		return;
	mw_log(MW_LOG_ERROR, "spool.refused", "messages=%llu full=%llu disk=%llu dir=\"%s\"",
	       (unsigned long long)(refused - d->refused), (unsigned long long)stats.refused_full,
	       (unsigned long long)stats.refused_io, d->config->spool.dir);
	d->refused = refused;
}

static void tick(struct daemon *d)
{
	int64_t mono_ns = mw_clock_mono_ns();
	int64_t removed;

	mw_mqtt_tick(d->mqtt, mono_ns);
	if (mw_spool_sync(d->spool, mono_ns) != MW_E_OK)
		mw_log(MW_LOG_ERROR, "spool.sync_failed", "dir=\"%s\"", d->config->spool.dir);
	report_refused(d, mono_ns);
	if (mono_ns - d->state_ns >= STATE_EVERY_NS) {
		atomic_store(&d->say_state, true);
		(void)!mw_store_expire(d->store, mw_clock_now_ns() - d->config->store.keep_ns,
				       EXPIRE_ROWS, &removed);
		(void)malloc_trim(0); /* machines that have learnt leave holes */
		d->state_ns = mono_ns;
	}
	if (mw_mqtt_connected(d->mqtt) && atomic_exchange(&d->say_state, false))
		publish_state(d, true);
}

/* Until SIGTERM or SIGINT; every thread of ours leaves the signals to this one. */
static void run_until_signal(struct daemon *d, const sigset_t *signals)
{
	const struct timespec wait = {.tv_nsec = TICK_NS};
	int signal = -1;

	while (signal < 0) {
		tick(d);
		signal = sigtimedwait(signals, NULL, &wait);
	}
	mw_log(MW_LOG_INFO, "stopping", "signal=%d", signal);
}

static int run(const char *path)
{
	struct daemon *d = calloc(1, sizeof(*d));
	sigset_t signals;
	mw_err err;

	if (!d)
		return EX_OSERR;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES);
	d->started_ns = mw_clock_now_ns();
	err = mw_conf_load(path, d->why, sizeof(d->why), &d->config);
	if (!err) {
		set_log_level(d->config->gateway.log_level);
		err = build(d);
		if (!err)
			err = start(d);
	}
	if (!err) {
		mw_log(MW_LOG_INFO, "started", "gateway=%s model=\"%s\" kernels=%s sources=%zu",
		       d->config->gateway.name, mw_inference_name(d->inference),
		       mw_inference_kernels(d->inference), d->config->n_source);
		run_until_signal(d, &signals);
	} else {
		(void)fprintf(stderr, "millwright run: %s\n", d->why);
	}
	tear_down(d);
	free(d);
	if (err == MW_E_CONFIG)
		return EX_CONFIG;
	return err ? EX_UNAVAILABLE : EX_OK;
}

int mw_cmd_run(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *path = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'h') {
			puts("usage: millwright run -c FILE\n"
			     "Runs the daemon until SIGTERM. millwright.conf(5) describes FILE.");
			return EX_OK;
		}
		if (option != 'c')
			return EX_USAGE;
		path = optarg;
	}
	if (!path || optind != argc) {
		(void)fputs("usage: millwright run -c FILE\n", stderr);
		return EX_USAGE;
	}
	return run(path);
}
