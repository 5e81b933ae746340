/*
 * The plugin ABI as numbers.  A line here is a promise to plugins that are already built: it may be
 * added to, never changed (unless MW_PLUGIN_ABI rises).  And what the host refuses to load.
 */
#include "gateway/io/conf.h"
#include "gateway/io/plugin_host.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__LP64__)
#define LAYOUT(type, member, at)                                                                   \
	_Static_assert(offsetof(struct type, member) == (at), #type "." #member " has moved")

LAYOUT(mw_str, ptr, 0);
LAYOUT(mw_str, len, 8);
_Static_assert(sizeof(struct mw_str) == 16, "mw_str is frozen");

LAYOUT(mw_sample, time_ns, 0);
LAYOUT(mw_sample, tag, 8);
LAYOUT(mw_sample, value, 24);
LAYOUT(mw_sample, quality, 32);
_Static_assert(sizeof(struct mw_sample) == 40, "mw_sample is frozen");

LAYOUT(mw_window, abi, 0);
LAYOUT(mw_window, size, 4);
LAYOUT(mw_window, asset, 8);
LAYOUT(mw_window, from_ns, 24);
LAYOUT(mw_window, to_ns, 32);
LAYOUT(mw_window, sample, 40);
LAYOUT(mw_window, n_sample, 48);

LAYOUT(mw_finding, tag, 0);
LAYOUT(mw_finding, score, 16);
LAYOUT(mw_finding, reason, 24);
_Static_assert(sizeof(struct mw_finding) == 40, "mw_finding is frozen");

LAYOUT(mw_alert, abi, 0);
LAYOUT(mw_alert, size, 4);
LAYOUT(mw_alert, id, 8);
LAYOUT(mw_alert, time_ns, 16);
LAYOUT(mw_alert, asset, 24);
LAYOUT(mw_alert, severity, 40);
LAYOUT(mw_alert, text, 56);
LAYOUT(mw_alert, json, 72);

LAYOUT(mw_host, abi, 0);
LAYOUT(mw_host, size, 4);
LAYOUT(mw_host, log, 8);
LAYOUT(mw_host, now_ns, 16);
LAYOUT(mw_host, emit_sample, 24);
LAYOUT(mw_host, emit_finding, 32);
LAYOUT(mw_host, count, 40);

LAYOUT(mw_option, name, 0);
LAYOUT(mw_option, type, 8);
LAYOUT(mw_option, offset, 12);
LAYOUT(mw_option, fallback, 16);
LAYOUT(mw_option, min, 24);
LAYOUT(mw_option, max, 32);
LAYOUT(mw_option, help, 40);
_Static_assert(sizeof(struct mw_option) == 48, "mw_option is an array's element: frozen");

LAYOUT(mw_plugin, abi, 0);
LAYOUT(mw_plugin, size, 4);
LAYOUT(mw_plugin, kind, 8);
LAYOUT(mw_plugin, state_size, 12);
LAYOUT(mw_plugin, config_size, 16);
LAYOUT(mw_plugin, name, 24);
LAYOUT(mw_plugin, version, 32);
LAYOUT(mw_plugin, summary, 40);
LAYOUT(mw_plugin, options, 48);
LAYOUT(mw_plugin, check, 56);
LAYOUT(mw_plugin, init, 64);
LAYOUT(mw_plugin, start, 72);
LAYOUT(mw_plugin, stop, 80);
LAYOUT(mw_plugin, fini, 88);
LAYOUT(mw_plugin, decode, 96);
LAYOUT(mw_plugin, detect, 104);
LAYOUT(mw_plugin, deliver, 112);
#endif

_Static_assert(MW_PLUGIN_ABI == 1,
	       "a new ABI needs new lines, and the old ones kept for old plugins");
_Static_assert(MW_DECODER == 1 && MW_DETECTOR == 2 && MW_SINK == 3, "kinds are numbers of the ABI");
_Static_assert(MW_OPT_BOOL == 1 && MW_OPT_INT == 2 && MW_OPT_FLOAT == 3 && MW_OPT_STR == 4 &&
		   MW_OPT_DURATION == 5 && MW_OPT_SIZE == 6,
	       "option types are numbers of the ABI");
_Static_assert(MW_E_OK == 0 && MW_E_NOMEM == 1 && MW_E_INVAL == 2 && MW_E_MALFORMED == 3 &&
		   MW_E_AGAIN == 4 && MW_E_IO == 5 && MW_E_UNSUPPORTED == 6 && MW_E_INTERNAL == 7 &&
		   MW_E_CONFIG == 8 && MW_E_NOTFOUND == 9 && MW_E_FULL == 10 &&
		   MW_E_CORRUPT == 11 && MW_E_LATE == 12,
	       "error codes are numbers of the ABI");

/* --- a plugin described wrongly --------------------------------------------------------------- */

static mw_err some_init(void *state, const void *config, const struct mw_host *host,
			mw_instance *instance)
{
	(void)state;
	(void)config;
	(void)host;
	(void)instance;
	return MW_E_OK;
}

static mw_err some_decode(void *state, struct mw_str topic, const void *payload, size_t size)
{
	(void)state;
	(void)topic;
	(void)payload;
	(void)size;
	return MW_E_OK;
}

static struct mw_plugin good_plugin(void)
{
	return (struct mw_plugin){.abi = MW_PLUGIN_ABI,
				  .size = sizeof(struct mw_plugin),
				  .kind = MW_DECODER,
				  .config_size = 16,
				  .name = "some",
				  .version = "1",
				  .summary = "x",
				  .init = some_init,
				  .decode = some_decode};
}

static void expect_refused(const struct mw_plugin *plugin, const char *because)
{
	char why[256] = "";

	ck_assert_int_eq(mw_plugin_check(plugin, why, sizeof(why)), MW_E_UNSUPPORTED);
	ck_assert_msg(strstr(why, because) != NULL, "%s", why);
}

START_TEST(a_plugin_of_another_abi_is_refused)
{
	struct mw_plugin plugin = good_plugin();
	char why[256];

	ck_assert_int_eq(mw_plugin_check(&plugin, why, sizeof(why)), MW_E_OK);
	plugin.abi = 2;
	expect_refused(&plugin, "ABI 2");
}
END_TEST

START_TEST(a_plugin_without_what_its_kind_needs_is_refused)
{
	struct mw_plugin plugin = good_plugin();

	plugin.kind = MW_SINK;
	expect_refused(&plugin, "kind");
	plugin.kind = 77;
	expect_refused(&plugin, "kind");
	plugin = good_plugin();
	plugin.decode = NULL;
	expect_refused(&plugin, "kind");
	plugin = good_plugin();
	plugin.init = NULL;
	expect_refused(&plugin, "init");
}
END_TEST

START_TEST(members_past_the_plugins_own_size_are_never_looked_at)
{
	char why[256];
	struct mw_plugin plugin = good_plugin();

	/* built when decode was the last member: what follows is not its own */
	plugin.size = offsetof(struct mw_plugin, detect);
	ck_assert_int_eq(mw_plugin_check(&plugin, why, sizeof(why)), MW_E_OK);
	plugin.size = offsetof(struct mw_plugin, decode);
	expect_refused(&plugin, "kind");
	plugin.size = 8;
	expect_refused(&plugin, "kind");
}
END_TEST

START_TEST(a_plugin_of_a_later_minor_version_is_taken)
{
	struct {
		struct mw_plugin known;
		void (*later)(void);
	} plugin = {.known = good_plugin()};
	char why[256];

	plugin.known.size = sizeof(plugin);
	ck_assert_int_eq(mw_plugin_check(&plugin.known, why, sizeof(why)), MW_E_OK);
}
END_TEST

START_TEST(an_option_outside_of_the_plugins_struct_is_refused)
{
	static const struct {
		uint32_t type, offset;
		bool fits;
	} cases[] = {
	    {MW_OPT_INT, 0, true},       {MW_OPT_INT, 8, true},
	    {MW_OPT_INT, 9, false},      {MW_OPT_INT, 16, false},
	    {MW_OPT_BOOL, 15, true},     {MW_OPT_BOOL, 16, false},
	    {MW_OPT_STR, 4, false},      {0, 0, false},
	    {MW_OPT_SIZE + 1, 0, false}, {MW_OPT_SIZE, UINT32_MAX - 7, false},
	};
	char why[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mw_option options[] = {
		    {"x", cases[i].type, cases[i].offset, "1", 0, 0, "help"},
		    {NULL, 0, 0, NULL, 0, 0, NULL}};
		struct mw_plugin plugin = good_plugin();

		plugin.options = options;
		ck_assert_msg((mw_plugin_check(&plugin, why, sizeof(why)) == MW_E_OK) ==
				  cases[i].fits,
			      "%zu", i);
	}
}
END_TEST

START_TEST(a_plugin_that_asks_for_too_much_memory_is_refused)
{
	struct mw_plugin plugin = good_plugin();

	plugin.state_size = UINT32_MAX;
	expect_refused(&plugin, "memory");
	plugin = good_plugin();
	plugin.config_size = UINT32_MAX;
	expect_refused(&plugin, "memory");
}
END_TEST

/* --- where plugins may lie -------------------------------------------------------------------- */

struct place {
	char dir[64], file[96];
};

static void copy_plugin(const char *name, const char *to)
{
	char dir[3072], from[4096];
	static char bytes[4 << 20];
	FILE *file;
	size_t n;

	mw_conf_plugin_dir(dir, sizeof(dir));
	(void)snprintf(from, sizeof(from), "%s/%s.so", dir, name);
	file = fopen(from, "re");
	ck_assert_ptr_nonnull(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	ck_assert_uint_gt(n, 0);
	file = fopen(to, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(to, 0644), 0);
}

static void place_init(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/mw-plugins-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	(void)snprintf(p->file, sizeof(p->file), "%s/plain.so", p->dir);
	copy_plugin("plain", p->file);
}

static void place_done(const struct place *p)
{
	(void)unlink(p->file);
	(void)rmdir(p->dir);
}

static mw_err try_load(const char *dir, const char *name, char *why, size_t why_size)
{
	const struct mw_plugin *plugin;
	struct mw_plugin_host *host;
	mw_err err;

	ck_assert_int_eq(mw_plugin_host_new(dir, &host), MW_E_OK);
	err = mw_plugin_load(host, name, why, why_size, &plugin);
	if (err == MW_E_OK)
		ck_assert_str_eq(plugin->name, name);
	mw_plugin_host_free(host);
	return err;
}

START_TEST(a_plugin_that_others_may_write_is_refused)
{
	static const mode_t modes[] = {0664, 0646, 0666, 0777};
	char why[512];
	struct place p;

	place_init(&p);
	ck_assert_int_eq(try_load(p.dir, "plain", why, sizeof(why)), MW_E_OK);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ck_assert_int_eq(chmod(p.file, modes[i]), 0);
		ck_assert_int_eq(try_load(p.dir, "plain", why, sizeof(why)), MW_E_IO);
		ck_assert_ptr_nonnull(strstr(why, "chmod"));
	}
	ck_assert_int_eq(chmod(p.file, 0644), 0);
	ck_assert_int_eq(chmod(p.dir, 0777), 0);
	ck_assert_int_eq(try_load(p.dir, "plain", why, sizeof(why)), MW_E_IO);
	place_done(&p);
}
END_TEST

START_TEST(a_plugin_of_another_user_is_refused)
{
	char why[512];
	struct place p;

	place_init(&p);
	if (geteuid() == 0) { /* only root can give a file away */
		ck_assert_int_eq(chown(p.file, 12345, 12345), 0);
		ck_assert_int_eq(try_load(p.dir, "plain", why, sizeof(why)), MW_E_IO);
		ck_assert_ptr_nonnull(strstr(why, "belongs"));
		ck_assert_int_eq(chown(p.file, 0, 0), 0);
	}
	ck_assert_int_eq(try_load(p.dir, "plain", why, sizeof(why)), MW_E_OK);
	place_done(&p);
}
END_TEST

START_TEST(what_is_not_there_or_no_plugin_is_told)
{
	char why[512], path[128];
	struct place p;
	FILE *file;

	place_init(&p);
	ck_assert_int_eq(try_load(p.dir, "nosuch", why, sizeof(why)), MW_E_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(why, "nosuch.so"));
	(void)snprintf(path, sizeof(path), "%s/text.so", p.dir);
	file = fopen(path, "we");
	(void)fputs("not an object file", file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(try_load(p.dir, "text", why, sizeof(why)), MW_E_UNSUPPORTED);
	(void)unlink(path);
	place_done(&p);
}
END_TEST

START_TEST(a_name_is_never_a_path)
{
	static const char *const names[] = {"../plain",
					    "/tmp/plain",
					    "",
					    "a/b",
					    "Plain",
					    "a.b",
					    "a-very-long-name-of-more-than-32-letters"};
	char why[512];
	struct place p;

	place_init(&p);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(try_load(p.dir, names[i], why, sizeof(why)), MW_E_NOTFOUND);
	place_done(&p);
}
END_TEST

/* A decoder that emits a bad sample, ignores the answer, and says that all is well. */
struct careless {
	const struct mw_host *host;
	mw_instance *instance;
};

static mw_err careless_init(void *own, const void *config, const struct mw_host *host,
			    mw_instance *instance)
{
	const struct mw_sample early = {.value = 1};
	struct careless *state = own;

	(void)config;
	*state = (struct careless){host, instance};
	ck_assert_int_eq(host->emit_sample(instance, &early), MW_E_INVAL);
	return MW_E_OK;
}

static mw_err careless_decode(void *own, struct mw_str topic, const void *payload, size_t size)
{
	const struct mw_sample good = {.value = 1}, bad = {.value = 1.0 / 0.0};
	const struct careless *state = own;

	(void)topic;
	(void)payload;
	(void)size;
	(void)state->host->emit_sample(state->instance, &good);
	(void)state->host->emit_sample(state->instance, &bad);
	(void)state->host->emit_sample(state->instance, &good);
	return MW_E_OK;
}

static const struct mw_plugin careless_plugin = {.abi = MW_PLUGIN_ABI,
						 .size = sizeof(struct mw_plugin),
						 .kind = MW_DECODER,
						 .state_size = sizeof(struct careless),
						 .name = "careless",
						 .version = "1",
						 .summary = "x",
						 .init = careless_init,
						 .decode = careless_decode};

START_TEST(a_sample_outside_of_a_decode_is_refused_and_a_refusal_cannot_be_overlooked)
{
	struct mw_plugin_host *host;
	struct mw_instance *instance;
	const struct mw_decoded nobody = {NULL, NULL};
	char why[256];

	ck_assert_int_eq(mw_plugin_host_new("/nowhere", &host), MW_E_OK);
	ck_assert_int_eq(mw_instance_new(host, &careless_plugin, NULL, why, sizeof(why), &instance),
			 MW_E_OK);
	ck_assert_int_eq(mw_instance_decode(instance, (struct mw_str){"t", 1}, "x", 1, &nobody),
			 MW_E_MALFORMED);
	ck_assert_ptr_nonnull(strstr(mw_instance_why(instance), "not finite"));
	mw_instance_free(instance);
	mw_plugin_host_free(host);
}
END_TEST

MW_TEST_MAIN("plugin_abi", a_plugin_of_another_abi_is_refused,
	     a_plugin_without_what_its_kind_needs_is_refused,
	     members_past_the_plugins_own_size_are_never_looked_at,
	     a_plugin_of_a_later_minor_version_is_taken,
	     an_option_outside_of_the_plugins_struct_is_refused,
	     a_plugin_that_asks_for_too_much_memory_is_refused,
	     a_plugin_that_others_may_write_is_refused, a_plugin_of_another_user_is_refused,
	     what_is_not_there_or_no_plugin_is_told, a_name_is_never_a_path,
	     a_sample_outside_of_a_decode_is_refused_and_a_refusal_cannot_be_overlooked)
