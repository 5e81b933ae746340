/* test_profile.c -- machine profiles: names and patterns, paths, limits, and how a file is refused. */
#include "gateway/io/conf.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char why[512];

static struct mw_profile *load(const char *text)
{
	struct mw_profile *profile = NULL;
	char path[] = "/tmp/mw-profile-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	why[0] = '\0';
	if (mw_conf_load_profile(path, why, sizeof(why), &profile) != MW_E_OK) {
		ck_assert_ptr_null(profile);
		ck_assert_msg(strncmp(why, path, strlen(path)) == 0, "%s", why);
		memmove(why, why + strlen(path), strlen(why + strlen(path)) + 1);
	}
	(void)unlink(path);
	return profile;
}

static const char machine[] =
    "version = 1; name = \"m\"; machine = \"pump\";\n"
    "channels = ( { name = \"*temp*\"; role = \"temperature\"; alarm_high = 90; },\n"
    "  { name = \"temp_in\"; unit = \"degC\"; low = 5; high = 40; },\n"
    "  { name = \"speed\"; role = \"speed\"; regime = true; kind = \"command\";\n"
    "    aliases = ( \"S1\", \"n\" ); },\n"
    "  { name = \"v?b_*\"; role = \"vibration\"; }, { name = \"a7\"; kind = \"alarm\"; } );\n"
    "topology = ( { from = \"speed\"; to = \"v?b_*\"; comment = \"shakes\"; },\n"
    "  { from = \"v?b_*\"; to = \"*temp*\"; }, { from = \"*temp*\"; to = \"a7\"; },\n"
    "  { from = \"a7\"; to = \"speed\"; } );\n"
    "weak_points = ( { fault = \"leak\"; weight = 1.5; },\n"
    "  { fault = \"bearing_wear\"; weight = 3; channel = \"v?b_*\"; cause = { en = \"grease\"; }; "
    "},\n"
    "  { fault = \"leak\"; channel = \"temp_in\"; weight = 1.2; check = { ko = "
    "\"\xeb\xb0\xb8\xeb\xb8\x8c\"; }; } );\n";

START_TEST(exact_names_go_before_aliases_and_patterns)
{
	struct mw_profile *p = load(machine);

	ck_assert_msg(p, "%s", why);
	ck_assert_str_eq(mw_profile_find(p, "temp_in")->name, "temp_in");
	ck_assert_str_eq(mw_profile_find(p, "Oil_TEMPERATURE")->name, "*temp*");
	ck_assert_str_eq(mw_profile_find(p, "S1")->name, "speed");
	ck_assert_str_eq(mw_profile_find(p, "Vib_de")->name, "v?b_*");
	ck_assert_ptr_null(mw_profile_find(p, "vib"));
	ck_assert_ptr_null(mw_profile_find(p, "s1"));
	ck_assert_ptr_null(mw_profile_find(NULL, "speed"));
	ck_assert_int_eq(p->machine, MW_MACHINE_PUMP);
	mw_profile_free(p);
}
END_TEST

START_TEST(entries_carry_what_the_lists_say)
{
	struct mw_profile *p = load(machine);
	const struct mw_profile_channel *speed = mw_profile_find(p, "speed");
	const struct mw_profile_channel *vib = mw_profile_find(p, "vib_de");

	ck_assert(speed->regime && speed->kind == MW_CHANNEL_COMMAND);
	ck_assert_uint_eq(speed->n_out, 1);
	ck_assert_uint_eq(speed->n_in, 1);
	ck_assert(vib->weak == 3 && vib->kind == MW_CHANNEL_MEASURED &&
		  vib->role == MW_ROLE_VIBRATION);
	ck_assert(isnan(vib->low) && isnan(vib->alarm_high));
	ck_assert_str_eq(p->edge[0].comment, "shakes");
	ck_assert_str_eq(p->weak[1].cause[MW_LANGUAGE_EN], "grease");
	ck_assert_str_eq(p->weak[1].cause[MW_LANGUAGE_KO], "");
	mw_profile_free(p);
}
END_TEST

START_TEST(limits_tell_normal_unusual_and_dangerous)
{
	struct mw_profile *p = load(machine);
	const struct mw_profile_channel *inlet = mw_profile_find(p, "temp_in");
	const struct mw_profile_channel *any = mw_profile_find(p, "oil_temp");

	ck_assert_int_eq(mw_profile_outside(inlet, 20), 0);
	ck_assert_int_eq(mw_profile_outside(inlet, 4.9), 1);
	ck_assert_int_eq(mw_profile_outside(inlet, 41), 1);
	ck_assert_int_eq(mw_profile_outside(inlet, NAN), 0);
	ck_assert_int_eq(mw_profile_outside(any, -1e9), 0);
	ck_assert_int_eq(mw_profile_outside(any, 91), 2);
	mw_profile_free(p);
}
END_TEST

START_TEST(paths_are_shortest_and_loops_end)
{
	static struct mw_profile_paths paths;
	struct mw_profile *p = load(machine);
	int speed = mw_profile_index(p, "speed"), temp = mw_profile_index(p, "oil_temp");
	int inlet = mw_profile_index(p, "temp_in"), alarm = mw_profile_index(p, "a7");

	mw_profile_paths(p, &paths);
	ck_assert_uint_eq(paths.length[speed][speed], 0);
	ck_assert_uint_eq(paths.length[speed][temp], 2);
	ck_assert_uint_eq(paths.length[speed][alarm], 3);
	ck_assert_uint_eq(paths.length[temp][speed], 2);
	ck_assert_uint_eq(paths.length[inlet][alarm], MW_PROFILE_NO_PATH);
	mw_profile_free(p);
}
END_TEST

START_TEST(a_weak_point_here_goes_before_one_anywhere)
{
	struct mw_profile *p = load(machine);
	int inlet = mw_profile_index(p, "temp_in"), vib = mw_profile_index(p, "vib_x");

	ck_assert(mw_profile_weak_of(p, MW_FAULT_LEAK, -1)->weight == 1.5);
	ck_assert(mw_profile_weak_of(p, MW_FAULT_LEAK, vib)->weight == 1.5);
	ck_assert(mw_profile_weak_of(p, MW_FAULT_LEAK, inlet)->weight == 1.2);
	ck_assert_ptr_null(mw_profile_weak_of(p, MW_FAULT_BEARING_WEAR, inlet));
	ck_assert_ptr_null(mw_profile_weak_of(NULL, MW_FAULT_LEAK, 0));
	mw_profile_free(p);
}
END_TEST

START_TEST(patterns_match_as_in_file_names)
{
	static const struct {
		const char *pattern, *name;
		bool fits;
	} cases[] = {{"*", "", true},           {"a*b*c", "aXbYbZc", true},
		     {"a*b*c", "aXbYb", false}, {"?", "", false},
		     {"Ab?", "aBc", true},      {"*temp", "temperature", false},
		     {"**x", "xx", true},       {"", "", true},
		     {"", "a", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(mw_profile_matches(cases[i].pattern, cases[i].name) == cases[i].fits,
			      "%s ~ %s", cases[i].pattern, cases[i].name);
}
END_TEST

START_TEST(a_wrong_file_is_refused_with_the_line)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
	    {"", ":1: version: is required"},
	    {"version = 2;", ":1: version: must be from 1 to 1"},
	    {"version = 1;\nnmae = \"x\";", ":2: nmae: unknown option; did you mean name?"},
	    {"version = 1;\nmachine = \"teapot\";", ":2: machine: unknown machine \"teapot\""},
	    {"version = 1;\nchannels = \"x\";", ":2: channels: must be a list of groups"},
	    {"version = 1;\nchannels = ( { unit = \"bar\"; } );",
	     ":2: channels[0].name: is required"},
	    {"version = 1;\nchannels = ( { name = \"\"; } );",
	     ":2: channels[0].name: must not be empty"},
	    {"version = 1;\nchannels = ( { name = \"a\"; },\n { name = \"a\"; } );",
	     ":3: channels[1].name: is there twice"},
	    {"version = 1;\nchannels = ( { name = \"a\"; role = \"smell\"; } );",
	     ":2: channels[0].role: unknown role \"smell\""},
	    {"version = 1;\nchannels = ( { name = \"a\"; kind = \"odd\"; } );",
	     ":2: channels[0].kind: unknown kind \"odd\""},
	    {"version = 1;\nchannels = ( { name = \"a\"; low = 3; high = 2; } );",
	     ":2: channels[0].low: must not be above high"},
	    {"version = 1;\nchannels = ( { name = \"a\"; high = 3; alarm_high = 2; } );",
	     ":2: channels[0].alarm_high: must not be below high"},
	    {"version = 1;\nchannels = ( { name = \"a\"; aliases = ( 1 ); } );",
	     ":2: channels[0].aliases: must be a text"},
	    {"version = 1;\nchannels = ( { name = \"a\"; } );\ntopology = ( { from = \"a\"; to = "
	     "\"b\"; } );",
	     ":3: topology[0].to: \"b\" is not a name in channels"},
	    {"version = 1;\nchannels = ( { name = \"a\"; } );\ntopology = ( { from = \"a\"; to = "
	     "\"a\"; } );",
	     ":3: topology[0].to: must not be the channel itself"},
	    {"version = 1;\nweak_points = ( { fault = \"ghost\"; } );",
	     ":2: weak_points[0].fault: unknown fault \"ghost\""},
	    {"version = 1;\nweak_points = ( { fault = \"leak\"; weight = 0.0; } );",
	     ":2: weak_points[0].weight: must be from 0.01 to 100"},
	    {"version = 1;\nweak_points = ( { fault = \"leak\"; cause = { fr = \"x\"; }; } );",
	     ":2: weak_points[0].cause.fr: unknown option"},
	    {"version = 1;\nweak_points = ( { fault = \"leak\"; cause = { en = \"\"; }; } );",
	     ":2: weak_points[0].cause.en: must be a text"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(!load(cases[i].text), "%s", cases[i].text);
		ck_assert_msg(strncmp(why, cases[i].reason, strlen(cases[i].reason)) == 0,
			      "%s instead of %s", why, cases[i].reason);
	}
}
END_TEST

START_TEST(lists_and_texts_are_bounded)
{
	char *text = malloc(100000);
	size_t n = (size_t)snprintf(text, 100000, "version = 1;\nchannels = ( { name = \"c\"; }");

	for (int i = 0; i < MW_PROFILE_MAX_CHANNELS; i++)
		n += (size_t)snprintf(text + n, 100000 - n, ", { name = \"c%d\"; }", i);
	(void)snprintf(text + n, 100000 - n, " );");
	ck_assert_ptr_null(load(text));
	ck_assert_str_eq(why, ":2: channels: has more than 256 elements");
	(void)snprintf(text, 100000, "version = 1; channels = ( { name = \"%0200d\"; } );", 1);
	ck_assert_ptr_null(load(text));
	ck_assert_str_eq(why, ":1: channels[0].name: must have at most 127 bytes");
	free(text);
}
END_TEST

START_TEST(every_shipped_profile_is_taken_and_speaks_two_languages)
{
	bool machine_seen[MW_N_MACHINE] = {false};
	glob_t files;

	ck_assert_int_eq(glob("schemas/profiles/*.cfg", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct mw_profile *p = NULL;

		ck_assert_msg(mw_conf_load_profile(files.gl_pathv[i], why, sizeof(why), &p) ==
				  MW_E_OK,
			      "%s", why);
		machine_seen[p->machine] = true;
		ck_assert(p->n_channel > 0 && p->n_edge > 0 && p->n_weak > 0 && *p->name != '\0');
		for (size_t k = 0; k < p->n_channel; k++)
			ck_assert_msg(p->channel[k].n_in + p->channel[k].n_out > 0 ||
					  p->channel[k].kind != MW_CHANNEL_MEASURED ||
					  p->channel[k].regime || p->channel[k].is_pattern,
				      "%s: %s hangs in the air", p->name, p->channel[k].name);
		for (size_t k = 0; k < p->n_weak; k++)
			for (int l = 0; l < 2; l++)
				ck_assert(*p->weak[k].cause[l] != '\0' &&
					  *p->weak[k].check[l] != '\0');
		mw_profile_free(p);
	}
	for (int m = MW_MACHINE_PUMP; m < MW_N_MACHINE; m++)
		ck_assert_msg(machine_seen[m], "no profile of a %s",
			      mw_machine_code((enum mw_machine)m));
	globfree(&files);
}
END_TEST

MW_TEST_MAIN("profile", exact_names_go_before_aliases_and_patterns,
	     entries_carry_what_the_lists_say, limits_tell_normal_unusual_and_dangerous,
	     paths_are_shortest_and_loops_end, a_weak_point_here_goes_before_one_anywhere,
	     patterns_match_as_in_file_names, a_wrong_file_is_refused_with_the_line,
	     lists_and_texts_are_bounded, every_shipped_profile_is_taken_and_speaks_two_languages)
