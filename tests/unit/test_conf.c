/* The configuration: what it takes, what it completes, and how it says what is wrong. */
#include "gateway/base/units.h"
#include "gateway/io/conf.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- a file of the test's own ----------------------------------------------------------------- */

static void write_conf(const char *text, char path[64])
{
	FILE *file;
	int fd;

	(void)snprintf(path, 64, "/tmp/mw-conf-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	file = fdopen(fd, "w");
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static struct mw_config *load(const char *text)
{
	struct mw_config *config = NULL;
	char path[64], why[512] = "";

	write_conf(text, path);
	ck_assert_msg(mw_conf_load(path, why, sizeof(why), &config) == MW_E_OK, "%s", why);
	ck_assert_str_eq(config->file, path);
	(void)unlink(path);
	return config;
}

/* The reason, without the file's name; the error must not leave anything behind. */
static void load_fails(const char *text, char *reason, size_t size)
{
	struct mw_config *config = NULL;
	char path[64], why[512] = "";

	write_conf(text, path);
	ck_assert_msg(mw_conf_load(path, why, sizeof(why), &config) == MW_E_CONFIG, "%s", text);
	(void)unlink(path);
	ck_assert_ptr_null(config);
	ck_assert_msg(strncmp(why, path, strlen(path)) == 0, "%s", why);
	(void)snprintf(reason, size, "%s", why + strlen(path));
}

#define GATEWAY "gateway = { name = \"g\"; };\n"
#define SOURCE  "{ topic = \"f/+/+\"; asset = \"$2\"; decoder = \"plain\"; }"
#define SOURCES "sources = ( " SOURCE " );\n"

/* --- taking ----------------------------------------------------------------------------------- */

START_TEST(what_is_not_written_has_its_default)
{
	struct mw_config *c = load(GATEWAY SOURCES);

	ck_assert_int_eq(c->gateway.language, MW_LANGUAGE_EN);
	ck_assert_str_eq(c->gateway.log_level, "info");
	ck_assert_int_eq(c->gateway.max_assets, 1000);
	ck_assert_str_eq(c->mqtt.host, "127.0.0.1");
	ck_assert_int_eq(c->mqtt.port, 1883);
	ck_assert_int_eq(c->mqtt.version, 5);
	ck_assert_str_eq(c->mqtt.client_id, "millwright-g");
	ck_assert_str_eq(c->mqtt.prefix, "millwright/g");
	ck_assert_int_eq(c->mqtt.keepalive_ns, 30000000000);
	ck_assert_int_eq(c->mqtt.session_expiry_ns, 3600000000000);
	ck_assert_uint_eq(c->mqtt.max_packet_bytes, 1 << 20);
	ck_assert(c->mqtt.tls_verify && !c->mqtt.tls);
	ck_assert_uint_eq(c->spool.max_bytes, 256 << 20);
	ck_assert_int_eq(c->spool.sync_ns, 1000000000);
	ck_assert_int_eq(c->store.keep_ns, 400LL * 86400 * 1000000000);
	ck_assert_int_eq(c->window.learn_rows, 400);
	ck_assert_int_eq(c->window.future_ns, 300000000000);
	ck_assert_double_eq(c->alarm.p_raise, 0.002);
	ck_assert_int_eq(c->alarm.on_windows, 2);
	ck_assert(!c->alarm.scores);
	ck_assert_uint_eq(c->n_source, 1);
	ck_assert_uint_eq(c->n_asset, 0);
	ck_assert_int_eq(c->source[0].qos, 1);
	ck_assert_str_eq(c->source[0].channel, "");
	ck_assert_str_eq(c->source[0].type, "other");
	ck_assert_ptr_nonnull(c->source[0].decoder_config);
	mw_conf_free(c);
}
END_TEST

START_TEST(what_is_written_is_taken)
{
	struct mw_config *c = load(
	    "gateway: { name = \"box_1\"; language = \"ko\"; log_level = \"debug\"; };\n"
	    "mqtt = { tls = true; version = 311; reconnect_min = \"500ms\"; username = \"u\";\n"
	    "  max_packet_bytes = \"64KiB\"; client_id = \"me\"; prefix = \"a/b\"; };\n"
	    "alarm = { p_raise = 0.01; scores = true; };\n"
	    "sources = ( { topic = \"x/#\"; asset = \"$2\"; channel = \"$3\"; qos = 0;\n"
	    "  decoder = \"json\"; type = \"pump\"; options = { time = \"/t\"; }; } );\n"
	    "assets = ( { name = \"p1\"; type = \"fan\"; period = \"250ms\"; learn_rows = 64;\n"
	    "  channels = ( { name = \"t\"; unit = \"degC\"; role = \"temperature\"; },\n"
	    "    { name = \"v\"; } ); }, { name = \"p2\"; } );\n");

	ck_assert_int_eq(c->gateway.language, MW_LANGUAGE_KO);
	ck_assert_int_eq(c->mqtt.port, 8883);
	ck_assert_int_eq(c->mqtt.version, 311);
	ck_assert_int_eq(c->mqtt.reconnect_min_ns, 500000000);
	ck_assert_uint_eq(c->mqtt.max_packet_bytes, 65536);
	ck_assert_str_eq(c->mqtt.client_id, "me");
	ck_assert_str_eq(c->mqtt.prefix, "a/b");
	ck_assert_double_eq(c->alarm.p_raise, 0.01);
	ck_assert(c->alarm.scores);
	ck_assert_str_eq(c->source[0].topic, "x/#");
	ck_assert_int_eq(c->source[0].qos, 0);
	ck_assert_uint_eq(c->n_asset, 2);
	ck_assert_int_eq(c->asset[0].period_ns, 250000000);
	ck_assert_int_eq(c->asset[0].learn_rows, 64);
	ck_assert_uint_eq(c->asset[0].n_channel, 2);
	ck_assert_str_eq(c->asset[0].channel[0].role, "temperature");
	ck_assert_str_eq(c->asset[0].channel[1].unit, "");
	ck_assert_uint_eq(c->asset[1].n_channel, 0);
	mw_conf_free(c);
}
END_TEST

START_TEST(the_example_that_we_ship_is_valid)
{
	struct mw_config *c = NULL;
	char why[512] = "";

	ck_assert_msg(mw_conf_load("deploy/millwright.conf.example", why, sizeof(why), &c) ==
			  MW_E_OK,
		      "%s", why);
	ck_assert_uint_eq(c->n_source, 3);
	ck_assert_str_eq(c->asset[0].name, "pump-3");
	mw_conf_free(c);
}
END_TEST

START_TEST(an_included_file_is_found_beside_the_file_and_named_in_errors)
{
	char path[64], inner[64], text[256], why[512] = "";
	struct mw_config *c = NULL;

	write_conf("mqtt = { port = 1234; };\n", inner);
	(void)snprintf(text, sizeof(text), GATEWAY SOURCES "@include \"%s\"\n",
		       strrchr(inner, '/') + 1);
	write_conf(text, path);
	ck_assert_msg(mw_conf_load(path, why, sizeof(why), &c) == MW_E_OK, "%s", why);
	ck_assert_int_eq(c->mqtt.port, 1234);
	mw_conf_free(c);
	(void)unlink(inner);
	ck_assert_int_eq(mw_conf_load(path, why, sizeof(why), &c), MW_E_CONFIG);
	(void)unlink(path);
	write_conf("\nmqtt = { port = 70000; };\n", inner);
	(void)snprintf(text, sizeof(text), GATEWAY SOURCES "@include \"%s\"\n",
		       strrchr(inner, '/') + 1);
	write_conf(text, path);
	ck_assert_int_eq(mw_conf_load(path, why, sizeof(why), &c), MW_E_CONFIG);
	ck_assert_msg(strstr(why, strrchr(inner, '/') + 1) && strstr(why, ":2: mqtt.port"), "%s",
		      why);
	(void)unlink(inner);
	(void)unlink(path);
}
END_TEST

/* --- refusing --------------------------------------------------------------------------------- */

static const struct {
	const char *text, *reason; /* the reason starts so, after the file's name */
} faults[] = {
    /* syntax */
    {"gateway = {", ":1: syntax error"},
    {"a = 1; a = 2;", ":1: duplicate setting name"},
    /* unknown keys, with the nearest one */
    {GATEWAY SOURCES "mqt = { };\n", ":3: mqt: unknown option; did you mean mqtt?"},
    {GATEWAY SOURCES "mqtt = {\n keepalife = \"1s\"; };\n",
     ":4: mqtt.keepalife: unknown option; did you mean keepalive?"},
    {GATEWAY SOURCES "mqtt = { zzzzzzz = 1; };\n", ":3: mqtt.zzzzzzz: unknown option"},
    {GATEWAY "sources = ( { topik = \"a\"; } );\n",
     ":2: sources[0].topik: unknown option; did you mean topic?"},
    {GATEWAY SOURCES "assets = ( { name = \"a\"; chanels = ( ); } );\n",
     ":3: assets[0].chanels: unknown option; did you mean channels?"},
    /* types */
    {"gateway = 5;\n" SOURCES, ":1: gateway: must be a group"},
    {GATEWAY SOURCES "mqtt = { port = \"1883\"; };\n", ":3: mqtt.port: must be a whole number"},
    {GATEWAY SOURCES "mqtt = { port = 18.5; };\n", ":3: mqtt.port: must be a whole number"},
    {GATEWAY SOURCES "mqtt = { host = 5; };\n", ":3: mqtt.host: must be a text in quotes"},
    {GATEWAY SOURCES "mqtt = { tls = 1; };\n", ":3: mqtt.tls: must be true or false"},
    {GATEWAY SOURCES "alarm = { p_raise = \"0.1\"; };\n", ":3: alarm.p_raise: must be a number"},
    {GATEWAY SOURCES "mqtt = { keepalive = 30; };\n",
     ":3: mqtt.keepalive: must be a duration in quotes, such as"},
    {GATEWAY SOURCES "spool = { max_bytes = 1000000; };\n",
     ":3: spool.max_bytes: must be a size in quotes, such as"},
    {GATEWAY SOURCES "mqtt = { keepalive = [ 1 ]; };\n", ":3: mqtt.keepalive: must be"},
    /* units */
    {GATEWAY SOURCES "mqtt = { keepalive = \"30\"; };\n", ":3: mqtt.keepalive: \"30\" has no unit"},
    {GATEWAY SOURCES "mqtt = { keepalive = \"5 m\"; };\n",
     ":3: mqtt.keepalive: \"5 m\" has an unknown unit"},
    {GATEWAY SOURCES "mqtt = { keepalive = \"-1s\"; };\n",
     ":3: mqtt.keepalive: \"-1s\" does not start with"},
    {GATEWAY SOURCES "spool = { max_bytes = \"1MB \"; };\n", ":3: spool.max_bytes: \"1MB \""},
    /* ranges */
    {GATEWAY SOURCES "mqtt = { port = 70000; };\n", ":3: mqtt.port: must be from 0 to 65535"},
    {GATEWAY SOURCES "mqtt = { port = -1; };\n", ":3: mqtt.port: must be from 0"},
    {GATEWAY SOURCES "mqtt = { port = 99999999999L; };\n", ":3: mqtt.port: must be from 0"},
    {GATEWAY SOURCES "mqtt = { keepalive = \"2h\"; };\n",
     ":3: mqtt.keepalive: must be from 1s to 1h"},
    {GATEWAY SOURCES "mqtt = { max_packet_bytes = \"1GiB\"; };\n",
     ":3: mqtt.max_packet_bytes: must be from 1KiB to 64MiB"},
    {GATEWAY SOURCES "alarm = { p_raise = 0.0; };\n", ":3: alarm.p_raise: must be from 1e-09"},
    {GATEWAY SOURCES "mqtt = { version = 4; };\n", ":3: mqtt.version: must be from 5"},
    {GATEWAY SOURCES "mqtt = { version = 6; };\n", ":3: mqtt.version: must be 5 or 311"},
    /* missing */
    {SOURCES, ":1: gateway.name: is required"},
    {"\n\ngateway = { };\n" SOURCES, ":3: gateway.name: is required"},
    {GATEWAY, ":1: sources: at least one source is needed"},
    {GATEWAY "sources = ( );\n", ":2: sources: at least one"},
    {GATEWAY "sources = (\n { asset = \"a\"; } );\n", ":3: sources[0].topic: is required"},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"a\"; } );\n",
     ":2: sources[0].decoder: is required"},
    {GATEWAY SOURCES "assets = ( { type = \"pump\"; } );\n", ":3: assets[0].name: is required"},
    /* words of closed sets */
    {"gateway = { name = \"a b\"; };\n" SOURCES, ":1: gateway.name: must be 1 to 64"},
    {"gateway = { name = \"\"; };\n" SOURCES, ":1: gateway.name: must be 1 to 64"},
    {"gateway = { name = \"g\"; language = \"de\"; };\n" SOURCES,
     ":1: gateway.language: must be \"en\" or \"ko\""},
    {"gateway = { name = \"g\"; log_level = \"all\"; };\n" SOURCES,
     ":1: gateway.log_level: must be"},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"a\"; decoder = \"plain\";\n"
	     "type = \"pomp\"; } );\n",
     ":3: sources[0].type: unknown machine type \"pomp\"; known: other pump"},
    {GATEWAY SOURCES "assets = ( { name = \"a\"; type = \"x\"; } );\n",
     ":3: assets[0].type: unknown machine type"},
    {GATEWAY SOURCES
     "assets = ( { name = \"a\"; channels = ( { name = \"c\"; role = \"heat\"; } ); } );\n",
     ":3: assets[0].channels[0].role: unknown role \"heat\"; known: other temperature"},
    /* topics and patterns */
    {GATEWAY "sources = ( { topic = \"a/#/b\"; asset = \"a\"; decoder = \"plain\"; } );\n",
     ":2: sources[0].topic: \"a/#/b\" is no topic filter: a # may only"},
    {GATEWAY "sources = ( { topic = \"a/+\"; asset = \"$3\"; decoder = \"plain\"; } );\n",
     ":2: sources[0].asset: names a level that the topic does not have"},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"\"; decoder = \"plain\"; } );\n",
     ":2: sources[0].asset: must not be empty"},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"$\"; decoder = \"plain\"; } );\n",
     ":2: sources[0].asset: a $ needs the number"},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"a\"; channel = \"$0\"; "
	     "decoder = \"plain\"; } );\n",
     ":2: sources[0].channel: a $ needs the number"},
    {GATEWAY "sources = ( " SOURCE ",\n" SOURCE " );\n",
     ":3: sources[1].topic: is also the topic of sources[0]"},
    /* plugins */
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"a\"; decoder = \"nosuch\"; } );\n",
     ":2: sources[0].decoder: "},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"a\"; decoder = \"../json\"; } );\n",
     ":2: sources[0].decoder: \"../json\" is no plugin name"},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"a\"; decoder = \"plain\";\n"
	     "options = { x = 1; }; } );\n",
     ":3: sources[0].options.x: unknown option"},
    {GATEWAY "sources = ( { topic = \"a\"; asset = \"a\"; decoder = \"json\";\n"
	     "options = ( ); } );\n",
     ":3: sources[0].options: must be a group"},
    /* one against the other */
    {GATEWAY SOURCES "mqtt = { reconnect_min = \"1min\";\n reconnect_max = \"5s\"; };\n",
     ":4: mqtt.reconnect_max: must not be shorter"},
    {GATEWAY SOURCES "mqtt = { prefix = \"a/#\"; };\n", ":3: mqtt.prefix: must be a topic"},
    {GATEWAY SOURCES "mqtt = { tls = true; tls_key_file = \"k\"; };\n",
     ":3: mqtt.tls_key_file: tls_cert_file and"},
    {GATEWAY SOURCES "mqtt = { tls_ca_file = \"ca\"; };\n", ":3: mqtt.tls: must be true"},
    {GATEWAY SOURCES "spool = { dir = \"\"; };\n", ":3: spool.dir: must not be empty"},
    {GATEWAY SOURCES "assets = ( { name = \"a\"; learn_rows = 3; } );\n",
     ":3: assets[0].learn_rows: must be 0 or at least"},
    {GATEWAY SOURCES "assets = ( { name = \"a\"; }, { name = \"b\"; }, { name = \"a\"; } );\n",
     ":3: assets: \"a\" is there twice"},
    {GATEWAY SOURCES "assets = ( { name = \"a\"; channels = ( { name = \"c\"; },\n"
		     "{ name = \"c\"; } ); } );\n",
     ":4: assets[0].channels[1].name: is there twice"},
    {GATEWAY SOURCES "assets = ( { name = \"a/b\"; } );\n", ":3: assets[0].name: must have"},
    {GATEWAY SOURCES "assets = [ 1, 2 ];\n", ":3: assets: must be a list of groups"},
    {GATEWAY SOURCES "assets = ( 1, 2 );\n", ":3: assets[0]: must be a group"},
    /* text that would forge log lines */
    {GATEWAY SOURCES "mqtt = { host = \"a\\x0ab\"; };\n", ":3: mqtt.host: must be UTF-8"},
    {GATEWAY SOURCES "mqtt = { host = \"a\\xff\"; };\n", ":3: mqtt.host: must be UTF-8"},
};

START_TEST(what_is_wrong_is_said_with_file_line_and_key)
{
	char reason[512];

	load_fails(faults[_i].text, reason, sizeof(reason));
	ck_assert_msg(strncmp(reason, faults[_i].reason, strlen(faults[_i].reason)) == 0,
		      "got \"%s\", not \"%s\"", reason, faults[_i].reason);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told)
{
	struct mw_config *c = NULL;
	char why[512] = "";

	ck_assert_int_eq(mw_conf_load("/nonexistent/x.conf", why, sizeof(why), &c), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/x.conf"));
	ck_assert_int_eq(mw_conf_load("/tmp", why, sizeof(why), &c), MW_E_IO);
	ck_assert_ptr_null(c);
}
END_TEST

/* --- units ------------------------------------------------------------------------------------ */

START_TEST(durations_are_read_and_written_exactly)
{
	static const struct {
		const char *text, *shortest;
		int64_t ns;
	} cases[] = {
	    {"0s", "0s", 0},
	    {"1ns", "1ns", 1},
	    {"1500us", "1500us", 1500000},
	    {"500ms", "500ms", 500000000},
	    {"1000ms", "1s", 1000000000},
	    {"90s", "90s", 90000000000},
	    {"5min", "5min", 300000000000},
	    {"60 min", "1h", 3600000000000},
	    {"30d", "30d", 30LL * 86400 * 1000000000},
	    {"106751d", "106751d", 106751LL * 86400 * 1000000000},
	};
	char why[256], buf[32];
	int64_t ns;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(mw_duration_parse(cases[i].text, why, sizeof(why), &ns), MW_E_OK);
		ck_assert_int_eq(ns, cases[i].ns);
		ck_assert_str_eq(mw_duration_format(ns, buf, sizeof(buf)), cases[i].shortest);
	}
}
END_TEST

START_TEST(what_is_no_duration_or_size_is_refused)
{
	static const char *const durations[] = {"",
						"s",
						"1",
						"1.5s",
						"-1s",
						"1m",
						"1S",
						"1s ",
						" 1s",
						"106752d",
						"9223372036854775808ns",
						"99999999999999999999999ns"};
	static const char *const sizes[] = {
	    "", "1", "1K", "1mb", "-1B", "1.5MiB", "18446744073709551616B", "9007199254740993GiB"};
	char why[256];
	int64_t ns = 77;
	uint64_t bytes = 77;

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		ck_assert_msg(mw_duration_parse(durations[i], why, sizeof(why), &ns) == MW_E_INVAL,
			      "%s", durations[i]);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		ck_assert_msg(mw_size_parse(sizes[i], why, sizeof(why), &bytes) == MW_E_INVAL, "%s",
			      sizes[i]);
	ck_assert_int_eq(ns, 77);
	ck_assert_uint_eq(bytes, 77);
}
END_TEST

START_TEST(sizes_are_read_and_written_exactly)
{
	static const struct {
		const char *text, *shortest;
		uint64_t bytes;
	} cases[] = {{"0B", "0B", 0},
		     {"1023B", "1023B", 1023},
		     {"1KiB", "1KiB", 1024},
		     {"2048KiB", "2MiB", 2 << 20},
		     {"1kB", "1kB", 1000},
		     {"1 GB", "1GB", 1000000000},
		     {"3GiB", "3GiB", 3ULL << 30}};
	char why[256], buf[32];
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(mw_size_parse(cases[i].text, why, sizeof(why), &bytes), MW_E_OK);
		ck_assert_uint_eq(bytes, cases[i].bytes);
		ck_assert_str_eq(mw_size_format(bytes, buf, sizeof(buf)), cases[i].shortest);
	}
}
END_TEST

/* --- files of data ---------------------------------------------------------------------------- */

START_TEST(data_files_are_found_and_the_environment_goes_first)
{
	char path[4096];

	ck_assert_int_eq(unsetenv("MILLWRIGHT_DATADIR"), 0);
	ck_assert_int_eq(mw_conf_data_file("faults.cfg", path, sizeof(path)), MW_E_OK);
	ck_assert_int_eq(access(path, R_OK), 0);
	ck_assert_int_eq(mw_conf_data_file("no-such-file", path, sizeof(path)), MW_E_NOTFOUND);
	ck_assert_int_eq(setenv("MILLWRIGHT_DATADIR", "/nonexistent", 1), 0);
	ck_assert_int_eq(mw_conf_data_file("faults.cfg", path, sizeof(path)), MW_E_NOTFOUND);
	ck_assert_str_eq(path, "/nonexistent/faults.cfg");
	ck_assert_int_eq(setenv("MILLWRIGHT_DATADIR", "schemas", 1), 0);
	ck_assert_int_eq(mw_conf_data_file("faults.cfg", path, sizeof(path)), MW_E_OK);
	ck_assert_str_eq(path, "schemas/faults.cfg");
}
END_TEST

START_TEST(the_fault_library_that_we_ship_is_complete)
{
	struct mw_fault_library *library = NULL;
	char why[512] = "";

	ck_assert_msg(mw_conf_load_faults("schemas/faults.cfg", why, sizeof(why), &library) ==
			  MW_E_OK,
		      "%s", why);
	for (int fault = 0; fault < MW_N_FAULT; fault++)
		for (int language = 0; language < 2; language++) {
			enum mw_fault f = (enum mw_fault)fault;
			enum mw_language l = (enum mw_language)language;
			bool is_fault = mw_fault_kind_of(f) == MW_KIND_PROCESS ||
					mw_fault_kind_of(f) == MW_KIND_SENSOR;

			ck_assert_uint_gt(strlen(mw_fault_name(library, f, l)), 0);
			if (is_fault) {
				ck_assert_uint_gt(strlen(mw_fault_cause(library, f, l)), 0);
				ck_assert_uint_gt(strlen(mw_fault_check(library, f, l)), 0);
			}
		}
	mw_fault_library_free(library);
}
END_TEST

START_TEST(without_a_library_a_fault_has_its_code_for_a_name)
{
	ck_assert_str_eq(mw_fault_name(NULL, MW_FAULT_LEAK, MW_LANGUAGE_EN), "leak");
	ck_assert_str_eq(mw_fault_cause(NULL, MW_FAULT_LEAK, MW_LANGUAGE_EN), "");
	ck_assert_str_eq(mw_fault_check(NULL, MW_FAULT_LEAK, MW_LANGUAGE_KO), "");
	mw_fault_library_free(NULL);
}
END_TEST

#define ENTRY(code, kind, rest)                                                                    \
	"{ code = \"" code "\"; kind = \"" kind "\"; name = { en = \"x\"; ko = \"y\"; }; " rest " }"

static const struct {
	const char *text, *reason;
} bad_libraries[] = {
    {"faults = ( );", ":1: version: must be 1"},
    {"version = 2; faults = ( );", ":1: version: must be 1"},
    {"version = 1;", ":1: faults: must be a list"},
    {"version = 1; faults = ( );", ":1: faults: \"none\" is missing"},
    {"version = 1; faults = ( { kind = \"none\"; } );", ":1: faults.code: is not a known"},
    {"version = 1; faults = ( { code = 5; } );", ":1: faults.code: is not a known"},
    {"version = 1; faults = (\n" ENTRY("rust", "process", "") " );", ":2: faults.code: is not"},
    {"version = 1; faults = (\n" ENTRY("leak", "sensor", "") " );",
     ":2: leak.kind: must be \"process\""},
    {"version = 1; faults = (\n" ENTRY("leak", "process", "") ",\n" ENTRY("leak", "process",
									  "") " );",
     ":3: leak: is there twice"},
    {"version = 1; faults = (\n" ENTRY("leak", "process", "nam = 1;") " );",
     ":2: faults.nam: unknown option; did you mean name?"},
    {"version = 1; faults = (\n" ENTRY("leak", "process", "causes = { en = ( \"a\" ); };") " );",
     ":2: leak.causes: has no ko"},
    {"version = 1; faults = (\n" ENTRY("leak", "process",
				       "causes = { en = ( 1 ); ko = ( ); };") " );",
     ":2: leak.causes: must be a text"},
    {"version = 1; faults = (\n" ENTRY(
	 "leak", "process",
	 "checks = { en = ( \"1\",\"2\",\"3\",\"4\",\"5\",\"6\" ); ko = ( ); };") " );",
     ":2: leak.checks: has more than 5 texts"},
    {"version = 1; faults = ( { code = \"leak\"; kind = \"process\";\n"
     "name = { en = \"x\"; }; } );",
     ":1: leak.name: must be a text"},
};

START_TEST(a_bad_fault_library_is_refused_with_its_line)
{
	struct mw_fault_library *library = NULL;
	char path[64], why[512] = "";

	write_conf(bad_libraries[_i].text, path);
	ck_assert_int_eq(mw_conf_load_faults(path, why, sizeof(why), &library), MW_E_CONFIG);
	(void)unlink(path);
	ck_assert_ptr_null(library);
	ck_assert_msg(strncmp(why + strlen(path), bad_libraries[_i].reason,
			      strlen(bad_libraries[_i].reason)) == 0,
		      "got \"%s\", not \"%s\"", why + strlen(path), bad_libraries[_i].reason);
}
END_TEST

START_TEST(an_asset_may_name_a_profile_here_or_a_shipped_one)
{
	struct mw_config *c =
	    load(GATEWAY SOURCES "assets = ( { name = \"a\"; profile = \"pump.cfg\"; },\n"
				 "  { name = \"b\"; profile = \"pump.cfg\"; type = \"fan\"; },\n"
				 "  { name = \"c\"; } );\n");
	char reason[512];

	ck_assert_ptr_nonnull(c->asset[0].known);
	ck_assert_ptr_eq(c->asset[0].known, c->asset[1].known); /* read once */
	ck_assert_str_eq(c->asset[0].type, "pump");             /* as the profile says */
	ck_assert_str_eq(c->asset[1].type, "fan");              /* as the asset says */
	ck_assert_ptr_null(c->asset[2].known);
	ck_assert_str_eq(mw_profile_find(c->asset[0].known, "motor_vibration")->name, "*vib*");
	mw_conf_free(c);
	load_fails(GATEWAY SOURCES "assets = ( { name = \"a\"; profile = \"none.cfg\"; } );\n",
		   reason, sizeof(reason));
	ck_assert_msg(strstr(reason, "assets[0].profile: no such file: \"none.cfg\""), "%s",
		      reason);
}
END_TEST

/* The manual is made from the option tables.  MW_WRITE_MANUAL=1 writes it anew. */
START_TEST(the_manual_says_what_the_tables_say)
{
	static const char path[] = "deploy/man/millwright.conf.5";
	char *made = NULL, *kept;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);
	FILE *file;

	mw_conf_print_manual(out);
	ck_assert_int_eq(fclose(out), 0);
	if (getenv("MW_WRITE_MANUAL")) {
		file = fopen(path, "we");
		ck_assert_ptr_nonnull(file);
		ck_assert_uint_eq(fwrite(made, 1, size, file), size);
		ck_assert_int_eq(fclose(file), 0);
	}
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	kept = calloc(1, size + 2);
	ck_assert_uint_eq(fread(kept, 1, size + 1, file), size);
	(void)fclose(file);
	ck_assert_msg(memcmp(kept, made, size) == 0, "%s is out of date", path);
	free(kept);
	free(made);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *suite = suite_create("conf");
	TCase *tests = tcase_create("conf");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, what_is_not_written_has_its_default);
	tcase_add_test(tests, what_is_written_is_taken);
	tcase_add_test(tests, the_example_that_we_ship_is_valid);
	tcase_add_test(tests, an_included_file_is_found_beside_the_file_and_named_in_errors);
	tcase_add_loop_test(tests, what_is_wrong_is_said_with_file_line_and_key, 0, COUNT(faults));
	tcase_add_test(tests, a_file_that_cannot_be_read_is_told);
	tcase_add_test(tests, durations_are_read_and_written_exactly);
	tcase_add_test(tests, what_is_no_duration_or_size_is_refused);
	tcase_add_test(tests, sizes_are_read_and_written_exactly);
	tcase_add_test(tests, data_files_are_found_and_the_environment_goes_first);
	tcase_add_test(tests, the_fault_library_that_we_ship_is_complete);
	tcase_add_test(tests, without_a_library_a_fault_has_its_code_for_a_name);
	tcase_add_loop_test(tests, a_bad_fault_library_is_refused_with_its_line, 0,
			    COUNT(bad_libraries));
	tcase_add_test(tests, the_manual_says_what_the_tables_say);
	tcase_add_test(tests, an_asset_may_name_a_profile_here_or_a_shipped_one);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
