#include "gateway/io/conf_options.h"

#include "gateway/base/clock.h"

#include <string.h>

#define AT(member)  (uint32_t) offsetof(struct mw_conf_raw, config.member)
#define SRC(member) (uint32_t) offsetof(struct mw_conf_source, member)
#define AST(member) (uint32_t) offsetof(struct mw_conf_asset, member)
#define CHN(member) (uint32_t) offsetof(struct mw_conf_channel, member)

#define MS  (1e6)
#define SEC (1e9)
#define MIN (60e9)
#define HR  (3600e9)
#define DAY (86400e9)
#define KIB (1024.0)
#define MIB (1024.0 * KIB)
#define GIB (1024.0 * MIB)

static const struct mw_option gateway_options[] = {
    {"name", MW_OPT_STR, AT(gateway.name), NULL, 0, 0,
     "This box's name in topics and alerts: 1 to 64 of A-Z a-z 0-9 _ and -."},
    {"language", MW_OPT_STR, (uint32_t)offsetof(struct mw_conf_raw, language), "en", 0, 0,
     "Language of explanations: \"en\" or \"ko\"."},
    {"log_level", MW_OPT_STR, AT(gateway.log_level), "info", 0, 0,
     "What is logged: \"error\", \"warn\", \"info\" or \"debug\"."},
    {"max_assets", MW_OPT_INT, AT(gateway.max_assets), "1000", 1, 100000,
     "How many assets are kept; samples of further ones are refused and counted."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option mqtt_options[] = {
    {"host", MW_OPT_STR, AT(mqtt.host), "127.0.0.1", 0, 0, "The broker's name or address."},
    {"port", MW_OPT_INT, AT(mqtt.port), "0", 0, 65535,
     "The broker's port; 0 = 1883, or 8883 with tls."},
    {"version", MW_OPT_INT, AT(mqtt.version), "5", 5, 311, "MQTT version: 5, or 311 for 3.1.1."},
    {"client_id", MW_OPT_STR, AT(mqtt.client_id), "", 0, 0,
     "Fixed client id, unique at the broker; \"\" = millwright-<gateway.name>."},
    {"username", MW_OPT_STR, AT(mqtt.username), "", 0, 0, "User name; \"\" = none."},
    {"password_file", MW_OPT_STR, AT(mqtt.password_file), "", 0, 0,
     "File whose first line is the password; \"\" = none."},
    {"keepalive", MW_OPT_DURATION, AT(mqtt.keepalive_ns), "30s", SEC, HR,
     "How long the connection may be silent before it is probed."},
    {"session_expiry", MW_OPT_DURATION, AT(mqtt.session_expiry_ns), "1h", 0, 365 * DAY,
     "How long the broker keeps our session and queue while we are away (MQTT 5)."},
    {"reconnect_min", MW_OPT_DURATION, AT(mqtt.reconnect_min_ns), "1s", 100 * MS, HR,
     "First pause before connecting again; it doubles with every failure."},
    {"reconnect_max", MW_OPT_DURATION, AT(mqtt.reconnect_max_ns), "30s", 100 * MS, HR,
     "Longest pause before connecting again."},
    {"max_packet_bytes", MW_OPT_SIZE, AT(mqtt.max_packet_bytes), "1MiB", KIB, 64 * MIB,
     "Larger messages are refused and counted."},
    {"tls", MW_OPT_BOOL, AT(mqtt.tls), "false", 0, 0, "Connect with TLS."},
    {"tls_ca_file", MW_OPT_STR, AT(mqtt.tls_ca_file), "", 0, 0,
     "PEM file of the trusted authorities; \"\" = the system's."},
    {"tls_cert_file", MW_OPT_STR, AT(mqtt.tls_cert_file), "", 0, 0,
     "PEM file of our certificate, for mutual TLS; \"\" = none."},
    {"tls_key_file", MW_OPT_STR, AT(mqtt.tls_key_file), "", 0, 0,
     "PEM file of our private key; \"\" = none."},
    {"tls_verify", MW_OPT_BOOL, AT(mqtt.tls_verify), "true", 0, 0,
     "Check the broker's certificate and name."},
    {"prefix", MW_OPT_STR, AT(mqtt.prefix), "", 0, 0,
     "What our own topics start with; \"\" = millwright/<gateway.name>."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option spool_options[] = {
    {"dir", MW_OPT_STR, AT(spool.dir), "/var/lib/millwright/spool", 0, 0,
     "Directory of received messages that are not worked off yet."},
    {"max_bytes", MW_OPT_SIZE, AT(spool.max_bytes), "256MiB", 256 * KIB, 1024 * GIB,
     "Past this the newest messages are refused and counted."},
    {"sync", MW_OPT_DURATION, AT(spool.sync_ns), "1s", 0, HR,
     "What a power cut may lose at most; the disk is synced this often."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option store_options[] = {
    {"path", MW_OPT_STR, AT(store.path), "/var/lib/millwright/millwright.db", 0, 0,
     "The SQLite database."},
    {"snapshot", MW_OPT_DURATION, AT(store.snapshot_ns), "10s", SEC, HR,
     "How often the assets' states are saved."},
    {"keep", MW_OPT_DURATION, AT(store.keep_ns), "400d", HR, 36500 * DAY,
     "Events older than this are removed."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option model_options[] = {
    {"path", MW_OPT_STR, AT(model.path), "", 0, 0,
     "GGUF file of the judge, ours or a general model; \"\" = millwright-nano.gguf of the data "
     "directory, \"none\" = judge by the evidence alone."},
    {"faults", MW_OPT_STR, AT(model.faults), "", 0, 0,
     "Fault library; \"\" = faults.cfg of the data directory."},
    {"threads", MW_OPT_INT, AT(model.threads), "1", 1, 64, "Threads of the model."},
    {"kernels", MW_OPT_STR, AT(model.kernels), "", 0, 0,
     "Which arithmetic kernels to use; \"\" = the best of this processor."},
    {"explainer", MW_OPT_STR, AT(model.explainer), "", 0, 0,
     "GGUF file of a general model (llama, phi3 or openelm with a chat template) that words what "
     "is "
     "raised; \"\" = the judge words it."},
    {"explainer_budget", MW_OPT_DURATION, AT(model.explainer_budget_ns), "2s", 10 * MS, HR,
     "How long one explanation may take; past it, and for four times as long after each, the "
     "judge's "
     "words stand."},
    {"explainer_tokens", MW_OPT_INT, AT(model.explainer_tokens), "96", 16, 1024,
     "How long one explanation may be, in tokens."},
    {"memory", MW_OPT_SIZE, AT(model.memory), "0B", 0, 1024 * GIB,
     "What a general model may take, weights and session; \"0B\" = no limit."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option window_options[] = {
    {"learn_rows", MW_OPT_INT, AT(window.learn_rows), "400", MW_BASELINE_MIN_ROWS, 1000000,
     "Rows from which an asset's healthy behaviour is learnt."},
    {"lateness", MW_OPT_DURATION, AT(window.lateness_ns), "0s", 0, DAY,
     "How long a row waits for late samples; \"0s\" = two periods."},
    {"hold", MW_OPT_DURATION, AT(window.hold_ns), "0s", 0, 365 * DAY,
     "How long a value is held when nothing new is reported; \"0s\" = for ever."},
    {"future", MW_OPT_DURATION, AT(window.future_ns), "5min", SEC, 365 * DAY,
     "Samples further ahead of the clock are refused and counted."},
    {"stale", MW_OPT_DURATION, AT(window.stale_ns), "0s", 0, 365 * DAY,
     "An asset silent for this long is reported stale; \"0s\" = twenty periods."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option alarm_options[] = {
    {"p_raise", MW_OPT_FLOAT, AT(alarm.p_raise), "0.002", 1e-9, 0.5,
     "An alarm is raised when a window's p-value is at most this; at a row a second the default "
     "is about two alarms a day of a healthy machine."},
    {"per_day", MW_OPT_FLOAT, AT(alarm.per_day), "0", 0, 1000,
     "Alarms that a healthy machine may raise a day: p_raise then follows from this and from each "
     "machine's period; 0 = p_raise as it stands."},
    {"on_windows", MW_OPT_INT, AT(alarm.on_windows), "2", 1, 1000,
     "Consecutive windows over the threshold before an alarm is raised."},
    {"off_windows", MW_OPT_INT, AT(alarm.off_windows), "8", 1, 10000,
     "Consecutive windows under the threshold before it is cleared."},
    {"scores", MW_OPT_BOOL, AT(alarm.scores), "false", 0, 0,
     "Publish score/<asset> for every window."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option http_options[] = {
    {"socket", MW_OPT_STR, AT(http.socket), "/run/millwright/millwright.sock", 0, 0,
     "Unix socket of the API and the command line; \"\" = off."},
    {"listen", MW_OPT_STR, AT(http.listen), "", 0, 0,
     "Loopback address and port of the operator page and the API, as \"127.0.0.1:8787\"; there is "
     "no "
     "login, so nothing but loopback is accepted; port 0 = any free one; \"\" = off."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option top_options[] = {
    {"plugin_dir", MW_OPT_STR, AT(plugin_dir), "", 0, 0,
     "Directory of the plugins; \"\" = beside the program, else the installed ones."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option source_options[] = {
    {"topic", MW_OPT_STR, SRC(topic), NULL, 0, 0, "MQTT topic filter to subscribe to."},
    {"qos", MW_OPT_INT, SRC(qos), "1", 0, 1, "Quality of service: 0 or 1."},
    {"asset", MW_OPT_STR, SRC(asset), NULL, 0, 0,
     "The asset's name; $1, $2, ... are the topic's levels."},
    {"channel", MW_OPT_STR, SRC(channel), "", 0, 0,
     "The channel's name, $N as above; \"\" = the decoder's tag alone."},
    {"decoder", MW_OPT_STR, SRC(decoder), NULL, 0, 0,
     "The plugin that reads the payload: \"json\", \"plain\", ..."},
    {"type", MW_OPT_STR, SRC(type), "other", 0, 0, "Machine type of the assets found here."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option asset_options[] = {
    {"name", MW_OPT_STR, AST(name), NULL, 0, 0, "The asset's name."},
    {"type", MW_OPT_STR, AST(type), "other", 0, 0,
     "Machine type; \"other\" = as its profile says."},
    {"profile", MW_OPT_STR, AST(profile), "", 0, 0,
     "Machine profile: a file beside this one, or a shipped one such as \"pump.cfg\"; \"\" = "
     "none."},
    {"period", MW_OPT_DURATION, AST(period_ns), "0s", 0, DAY,
     "Time between two rows; \"0s\" = detected."},
    {"learn_rows", MW_OPT_INT, AST(learn_rows), "0", 0, 1000000,
     "As window.learn_rows, for this asset; 0 = as there."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option channel_options[] = {
    {"name", MW_OPT_STR, CHN(name), NULL, 0, 0, "The channel's name."},
    {"unit", MW_OPT_STR, CHN(unit), "", 0, 0, "Its unit, as people should read it."},
    {"role", MW_OPT_STR, CHN(role), "", 0, 0,
     "What it measures; \"\" = guessed from name and unit."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const char *const top_nested[] = {"gateway", "mqtt", "spool",   "store",  "model", "window",
					 "alarm",   "http", "sources", "assets", NULL};
static const char *const source_nested[] = {"options", NULL};
static const char *const asset_nested[] = {"channels", NULL};

const struct mw_conf_section mw_conf_sections[] = {
    {"", "Outside of every group.", top_options, top_nested, false},
    {"gateway", "This box.", gateway_options, NULL, false},
    {"mqtt", "The connection to the broker.", mqtt_options, NULL, false},
    {"spool", "Where received messages wait.", spool_options, NULL, false},
    {"store", "The database.", store_options, NULL, false},
    {"model", "The language model.", model_options, NULL, false},
    {"window", "How samples become windows.", window_options, NULL, false},
    {"alarm", "When people are told.", alarm_options, NULL, false},
    {"http", "The local interface.", http_options, NULL, false},
    {"sources", "What is read from the broker: one element for each subscription.", source_options,
     source_nested, true},
    {"assets", "What is known of machines beforehand (optional).", asset_options, asset_nested,
     true},
    {"channels", "Inside an asset: what is known of its channels.", channel_options, NULL, true},
    {NULL, NULL, NULL, NULL, false},
};

const struct mw_conf_section *mw_conf_section(const char *name)
{
	const struct mw_conf_section *section = mw_conf_sections;

	while (section->name && strcmp(section->name, name) != 0)
		section++;
	return section;
}
