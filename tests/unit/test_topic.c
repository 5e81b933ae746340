/* Topic filters, and names made from topics' levels. */
#include "gateway/io/mqtt.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct mw_str str(const char *text)
{
	return (struct mw_str){text, strlen(text)};
}

START_TEST(a_filter_matches_as_the_standard_says)
{
	static const struct {
		const char *filter, *topic;
		bool matches;
	} cases[] = {
	    {"sport/tennis/player1/#", "sport/tennis/player1", true},
	    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
	    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
	    {"sport/#", "sport", true},
	    {"#", "a/b/c", true},
	    {"#", "/", true},
	    {"sport/tennis/+", "sport/tennis/player1", true},
	    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
	    {"sport/+", "sport", false},
	    {"sport/+", "sport/", true},
	    {"+/+", "/finance", true},
	    {"/+", "/finance", true},
	    {"+", "/finance", false},
	    {"a/+/c", "a/b/c", true},
	    {"a/+/c", "a/b/d", false},
	    {"a/b", "a/b", true},
	    {"a/b", "a/bb", false},
	    {"a/bb", "a/b", false},
	    {"a/b", "a", false},
	    {"a", "a/b", false},
	    {"a/b", "A/b", false},
	    {"a//b", "a//b", true},
	    {"a/+/b", "a//b", true},
	    /* a leading $ is the broker's own: no wildcard at the front reaches it */
	    {"#", "$SYS/broker/load", false},
	    {"+/broker/#", "$SYS/broker/load", false},
	    {"$SYS/#", "$SYS/broker/load", true},
	    {"$SYS/broker/+", "$SYS/broker/load", true},
	    /* a shared subscription matches by what follows the group */
	    {"$share/g/a/+", "a/b", true},
	    {"$share/g/a/+", "$share/g/a/b", false},
	    {"$share/g/#", "$SYS/x", false},
	    {"$share/g", "a", false},
	    {"a", "", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(mw_topic_matches(cases[i].filter, str(cases[i].topic)) ==
				  cases[i].matches,
			      "%s %s", cases[i].filter, cases[i].topic);
}
END_TEST

START_TEST(a_topic_is_read_by_its_length)
{
	ck_assert(mw_topic_matches("a/b", (struct mw_str){"a/bXYZ", 3}));
	ck_assert(!mw_topic_matches("a/b", (struct mw_str){"a/b\0c", 5}));
}
END_TEST

START_TEST(what_is_no_filter_is_refused_with_a_reason)
{
	static const struct {
		const char *filter, *why;
	} cases[] = {
	    {"", "empty"},           {"a/b+", "one whole level"}, {"a/+b/c", "one whole level"},
	    {"a/#/c", "last level"}, {"a/b#", "whole levels"},    {"##", "whole levels"},
	    {"$share/g", "empty"},   {"$share/g/", "empty"},      {"$share/+/a", "group"},
	    {"a\x01", "UTF-8"},      {"a\xff", "UTF-8"},
	};
	char why[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(mw_topic_check_filter(cases[i].filter, why, sizeof(why)) ==
				  MW_E_INVAL,
			      "%s", cases[i].filter);
		ck_assert_msg(strstr(why, cases[i].why) != NULL, "%s: %s", cases[i].filter, why);
	}
}
END_TEST

START_TEST(a_filter_of_the_longest_length_is_taken_and_one_more_is_not)
{
	char filter[MW_TOPIC_MAX + 2];
	char why[256];

	memset(filter, 'a', sizeof(filter));
	filter[MW_TOPIC_MAX] = '\0';
	ck_assert_int_eq(mw_topic_check_filter(filter, why, sizeof(why)), MW_E_OK);
	filter[MW_TOPIC_MAX] = 'a';
	filter[MW_TOPIC_MAX + 1] = '\0';
	ck_assert_int_eq(mw_topic_check_filter(filter, why, sizeof(why)), MW_E_INVAL);
}
END_TEST

START_TEST(levels_are_counted_unless_they_are_open)
{
	ck_assert_int_eq(mw_topic_levels("a"), 1);
	ck_assert_int_eq(mw_topic_levels("a/+/c"), 3);
	ck_assert_int_eq(mw_topic_levels("/a"), 2);
	ck_assert_int_eq(mw_topic_levels("a/#"), -1);
	ck_assert_int_eq(mw_topic_levels("$share/g/a/b"), 2);
}
END_TEST

START_TEST(a_name_is_made_from_the_levels)
{
	static const struct {
		const char *pattern, *topic, *name;
	} cases[] = {
	    {"$2", "factory/p1/temp", "p1"},
	    {"$1-$2", "factory/p1", "factory-p1"},
	    {"pump", "a/b", "pump"},
	    {"$3", "a/b/\xed\x8e\x8c\xed\x94\x84", "\xed\x8e\x8c\xed\x94\x84"},
	    {"$10", "1/2/3/4/5/6/7/8/9/ten", "ten"},
	    {"", "a/b", ""},
	};
	char name[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(
		    mw_topic_expand(cases[i].pattern, str(cases[i].topic), name, sizeof(name)),
		    MW_E_OK);
		ck_assert_str_eq(name, cases[i].name);
	}
}
END_TEST

START_TEST(a_level_that_cannot_be_a_name_is_refused_and_nothing_is_written)
{
	static const struct {
		const char *pattern, *topic;
		size_t len;
	} cases[] = {
	    {"$3", "a/b", 3},        {"$2", "a//b", 4},       {"$2", "a/", 2},
	    {"$0", "a/b", 3},        {"$x", "a/b", 3},        {"$", "a/b", 3},
	    {"$2", "a/x\ny", 5},     {"$2", "a/\xc0\xaf", 4}, {"$2", "a/x\0y", 5},
	    {"$2", "a/\xc2\x9b", 4}, {"$999", "a/b", 3},
	};
	char name[128] = "before";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(mw_topic_expand(cases[i].pattern,
					      (struct mw_str){cases[i].topic, cases[i].len}, name,
					      sizeof(name)) == MW_E_MALFORMED,
			      "%zu", i);
		ck_assert_str_eq(name, "before");
	}
}
END_TEST

START_TEST(a_name_that_does_not_fit_is_refused)
{
	char topic[70000];
	char name[16];

	memset(topic, 'a', sizeof(topic));
	ck_assert_int_eq(
	    mw_topic_expand("$1", (struct mw_str){topic, sizeof(topic)}, name, sizeof(name)),
	    MW_E_MALFORMED);
	ck_assert_int_eq(mw_topic_expand("$1", (struct mw_str){topic, 16}, name, sizeof(name)),
			 MW_E_MALFORMED);
	ck_assert_int_eq(mw_topic_expand("$1", (struct mw_str){topic, 15}, name, sizeof(name)),
			 MW_E_OK);
	ck_assert_uint_eq(strlen(name), 15);
}
END_TEST

MW_TEST_MAIN("topic", a_filter_matches_as_the_standard_says, a_topic_is_read_by_its_length,
	     what_is_no_filter_is_refused_with_a_reason,
	     a_filter_of_the_longest_length_is_taken_and_one_more_is_not,
	     levels_are_counted_unless_they_are_open, a_name_is_made_from_the_levels,
	     a_level_that_cannot_be_a_name_is_refused_and_nothing_is_written,
	     a_name_that_does_not_fit_is_refused)
