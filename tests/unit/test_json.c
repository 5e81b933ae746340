#include "gateway/io/json.h"

#include "gateway/io/when.h"
#include "tests/unit/events.h"
#include "tests/unit/unit.h"

#include <jansson.h>

#define NOON (1772625600LL * SECOND) /* 2026-03-04T12:00:00Z */

static json_t *alert_of(const struct mw_event *event)
{
	char *text;
	json_t *root;

	ck_assert_int_eq(mw_json_alert(event, MW_TRANSITION_RAISED, "g1", &text), MW_E_OK);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(root != NULL, "%s", text);
	free(text);
	return root;
}

static const char *text_at(const json_t *root, const char *key)
{
	const char *text = json_string_value(json_object_get(root, key));

	ck_assert_msg(text != NULL, "%s", key);
	return text;
}

START_TEST(an_alert_says_what_the_event_says)
{
	struct mw_event event = make_event("press/7", NOON, MW_LANGUAGE_EN);
	json_t *root = alert_of(&event);

	ck_assert_str_eq(text_at(root, "schema"), "millwright.alert/1");
	ck_assert_str_eq(text_at(root, "id"), event.id);
	ck_assert_str_eq(text_at(root, "transition"), "raised");
	ck_assert_str_eq(text_at(root, "state"), "unacknowledged-active");
	ck_assert_str_eq(text_at(root, "gateway"), "g1");
	ck_assert_str_eq(text_at(root, "fault"), "cavitation");
	ck_assert_str_eq(text_at(root, "raised"), "2026-03-04T12:00:00.000Z");
	ck_assert_str_eq(text_at(root, "onset"), "2026-03-04T11:59:20.000Z");
	ck_assert(json_is_null(json_object_get(root, "cleared")));
	ck_assert_str_eq(text_at(root, "channel"), "discharge_pressure");
	ck_assert_double_eq(json_number_value(json_object_get(root, "value")), 3.62);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "channels")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "citations")), 3);
	ck_assert_int_eq(
	    json_integer_value(json_object_get(json_object_get(root, "others"), "channels")), 5);
	json_decref(root);
}
END_TEST

START_TEST(the_fault_is_named_in_the_words_of_the_explanation)
{
	struct mw_event event = make_event("p", NOON, MW_LANGUAGE_KO);
	json_t *root = alert_of(&event);

	event.site_fault[0] = '\0';
	ck_assert_str_eq(text_at(root, "fault_name"), "캐비테이션");
	json_decref(root);
	event.n_citation = 0; /* not named there: the code, readable */
	event.fault = MW_FAULT_BEARING_WEAR;
	root = alert_of(&event);
	ck_assert_str_eq(text_at(root, "fault_name"), "bearing wear");
	json_decref(root);
	event.n_citation = 1; /* a span that is not in the text is not followed */
	event.citation[0].to = MW_TEXT_SIZE;
	root = alert_of(&event);
	ck_assert_str_eq(text_at(root, "fault_name"), "bearing wear");
	json_decref(root);
}
END_TEST

START_TEST(what_cannot_be_said_in_json_becomes_null_or_a_question_mark)
{
	struct mw_event event = make_event("a\xff"
					   "b\x01",
					   NOON, MW_LANGUAGE_EN);
	json_t *root, *others;

	event.score = INFINITY;
	event.p_value = NAN;
	event.n_channel = 0;
	event.others = (struct mw_other_channels){0};
	root = alert_of(&event);
	others = json_object_get(root, "others");
	ck_assert_int_eq(json_integer_value(json_object_get(others, "channels")), 0);
	ck_assert(json_is_null(json_object_get(others, "level")));
	ck_assert_str_eq(text_at(root, "asset"), "a?b\x01");
	ck_assert(json_is_null(json_object_get(root, "score")));
	ck_assert(json_is_null(json_object_get(root, "p_value")));
	ck_assert(json_is_null(json_object_get(root, "value")));
	ck_assert_str_eq(text_at(root, "channel"), "");
	json_decref(root);
}
END_TEST

START_TEST(opc_ua_severity_stays_inside_the_band)
{
	static const struct {
		unsigned severity;
		double score;
		unsigned expected;
	} cases[] = {{1, 0, 1},     {1, 1, 333},  {2, 0, 334},  {2, 1, 666},
		     {3, 0, 667},   {3, 1, 1000}, {3, 7, 1000}, {2, -1, 334},
		     {0, 0.5, 167}, {9, 1, 1000}, {2, NAN, 334}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(mw_event_severity_opcua(cases[i].severity, cases[i].score),
				  cases[i].expected);
}
END_TEST

START_TEST(an_event_comes_back_from_its_json)
{
	for (int i = 0; i < 2; i++) {
		struct mw_event in = make_event("press/7 \"x\"", NOON + 123456789,
						i ? MW_LANGUAGE_KO : MW_LANGUAGE_EN),
				out;
		struct mw_event_window window = make_window(&in), window_out;
		char *text;

		in.score = i ? 0.1 : (double)NAN;
		in.cleared_ns = i ? NOON + 77 * SECOND : 0;
		in.onset_before_window = i;
		window.has_spread = i;
		for (size_t at = 0; i && at < window.n_rows * window.n_channels; at++)
			window.spread[at] = at % 7 ? 0.25 * (double)at : (double)NAN;
		ck_assert_int_eq(mw_json_event(&in, &window, "g", &text), MW_E_OK);
		ck_assert_int_eq(mw_json_parse_event(text, strlen(text), &out, &window_out),
				 MW_E_OK);
		ck_assert(same_event(&in, &out));
		ck_assert(same_window(&window, &window_out));
		free(text);
		ck_assert_int_eq(mw_json_event(&in, NULL, "g", &text), MW_E_OK);
		ck_assert_int_eq(mw_json_parse_event(text, strlen(text), &out, &window_out),
				 MW_E_OK);
		ck_assert_uint_eq(window_out.n_rows, 0);
		free(text);
	}
}
END_TEST

START_TEST(lists_come_back_even_empty_ones)
{
	struct mw_event in[2] = {make_event("a", NOON, MW_LANGUAGE_EN),
				 make_event("b", NOON, MW_LANGUAGE_KO)};

	for (size_t n = 0; n <= 2; n++) {
		struct mw_event *out;
		char *text;
		size_t n_out = 99;

		ck_assert_int_eq(mw_json_events(in, n, "g", &text), MW_E_OK);
		ck_assert_int_eq(mw_json_parse_events(text, strlen(text), &out, &n_out), MW_E_OK);
		ck_assert_uint_eq(n_out, n);
		for (size_t i = 0; i < n; i++)
			ck_assert(same_event(&in[i], &out[i]));
		free(out);
		free(text);
	}
}
END_TEST

/* The event's JSON with one member changed must not be believed. */
static bool believed_with(const char *key, const char *value)
{
	struct mw_event in = make_event("p", NOON, MW_LANGUAGE_EN), out;
	struct mw_event_window window = make_window(&in), window_out;
	char *text;
	json_t *root;
	mw_err err;

	ck_assert_int_eq(mw_json_event(&in, &window, "g", &text), MW_E_OK);
	root = json_loads(text, 0, NULL);
	free(text);
	if (value)
		json_object_set_new(root, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(root, key);
	text = json_dumps(root, 0);
	json_decref(root);
	memset(&out, 0x55, sizeof(out));
	err = mw_json_parse_event(text, strlen(text), &out, &window_out);
	free(text);
	ck_assert(err == MW_E_OK || out.raised_ns == 0x5555555555555555);
	return err == MW_E_OK;
}

START_TEST(a_hostile_event_is_refused_and_leaves_the_output_alone)
{
	static const struct {
		const char *key, *value;
	} cases[] = {
	    {"id", NULL},
	    {"id", "\"ev-0123456789abcdef0123456789\""},
	    {"id", "7"},
	    {"sequence", "-1"},
	    {"sequence", "1e99"},
	    {"sequence", "4294967296"},
	    {"severity", "4"},
	    {"machine", "\"submarine\""},
	    {"state", "\"fine\""},
	    {"raised", "\"tomorrow\""},
	    {"raised", "7"},
	    {"period_s", "-1"},
	    {"period_s", "1e300"},
	    {"similar", "{}"},
	    {"similar", "[{}]"},
	    {"similar", "[1, 2, 3, 4]"},
	    {"channels", "{}"},
	    {"channels", "[1]"},
	    {"channels", "[{},{},{},{},{}]"},
	    {"others", "[]"},
	    {"others", "{}"},
	    {"others", "{\"channels\":-1,\"level\":null}"},
	    {"others", "{\"channels\":2,\"level\":\"much\"}"},
	    {"citations", "null"},
	    {"citations", "[{\"from\":9,\"to\":3}]"},
	    {"window", "[]"},
	    {"window", "{\"from\":null,\"period_s\":1,\"channels\":[\"a\"],"
		       "\"value\":[[1],[2,3]],\"expected\":[[1],[2]]}"},
	    {"score", "\"high\""},
	};

	ck_assert(believed_with("unknown", "1")); /* a newer daemon may say more */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(!believed_with(cases[i].key, cases[i].value), "%s = %s", cases[i].key,
			      cases[i].value ? cases[i].value : "(none)");
}
END_TEST

/* The event's JSON with one member of its first channel changed or, NULL, taken away. */
static mw_err parse_with_channel(const char *key, const char *value, struct mw_event *ret_event)
{
	struct mw_event in = make_event("p", NOON, MW_LANGUAGE_EN);
	char *text;
	json_t *root, *channel;
	mw_err err;

	ck_assert_int_eq(mw_json_event(&in, NULL, "g", &text), MW_E_OK);
	root = json_loads(text, 0, NULL);
	free(text);
	channel = json_array_get(json_object_get(root, "channels"), 0);
	if (value)
		json_object_set_new(channel, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(channel, key);
	text = json_dumps(root, 0);
	json_decref(root);
	err = mw_json_parse_event(text, strlen(text), ret_event, NULL);
	free(text);
	return err;
}

START_TEST(claims_of_other_versions_are_taken_as_far_as_they_are_known)
{
	static const char *const hostile[][2] = {{"claims", "\"rose\""}, {"claims", "[7]"},
						 {"claims", "null"},     {"spread", "\"x\""},
						 {"limit", NULL},        {"now", "[1]"}};
	struct mw_event event;

	ck_assert_int_eq(parse_with_channel("claims", "[\"rose\", \"levitates\"]", &event),
			 MW_E_OK);
	ck_assert_uint_eq(event.channel[0].claims.set, MW_CLAIM(ROSE));
	ck_assert_int_eq(parse_with_channel("claims", NULL, &event), MW_E_OK);
	ck_assert_uint_eq(event.channel[0].claims.set, 0);
	ck_assert(isnan(event.channel[0].claims.spread));
	ck_assert(isnan(event.channel[0].claims.from));
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		ck_assert_msg(parse_with_channel(hostile[i][0], hostile[i][1], &event) ==
				  MW_E_MALFORMED,
			      "%s", hostile[i][0]);
}
END_TEST

START_TEST(every_cut_of_an_event_is_refused)
{
	struct mw_event in = make_event("p", NOON, MW_LANGUAGE_KO), out;
	struct mw_event *list;
	size_t n;
	char *text;

	ck_assert_int_eq(mw_json_event(&in, NULL, "g", &text), MW_E_OK);
	for (size_t i = 0; i < strlen(text); i++)
		ck_assert_int_eq(mw_json_parse_event(text, i, &out, NULL), MW_E_MALFORMED);
	free(text);
	ck_assert_int_eq(mw_json_parse_events("{}", 2, &list, &n), MW_E_MALFORMED);
	ck_assert_int_eq(mw_json_parse_events("{\"events\":[{}]}", 15, &list, &n), MW_E_MALFORMED);
	ck_assert_int_eq(mw_json_parse_events("{\"events\":[],\"events\":[]}", 25, &list, &n),
			 MW_E_MALFORMED);
}
END_TEST

START_TEST(a_small_object_is_made_member_by_member)
{
	struct mw_json *object = mw_json_object(), *child = mw_json_object();
	char *text, buf[64];

	mw_json_bool(object, "online", true);
	mw_json_integer(object, "n", INT64_MAX);
	mw_json_number(object, "x", 0.1);
	mw_json_null(object, "none");
	mw_json_text(child, "k", "a\"b");
	mw_json_child(object, "child", child);
	mw_json_append(object, "list", mw_json_object());
	mw_json_append(object, "list", mw_json_object());
	ck_assert_int_eq(mw_json_finish(object, &text), MW_E_OK);
	ck_assert_str_eq(text, "{\"online\":true,\"n\":9223372036854775807,\"x\":0.1,\"none\":null,"
			       "\"child\":{\"k\":\"a\\\"b\"},\"list\":[{},{}]}");
	free(text);
	ck_assert_int_eq(mw_json_finish(NULL, &text), MW_E_NOMEM);
	ck_assert_str_eq(mw_json_parse_error("{\"error\":\"no\"}", 14, buf, sizeof(buf)), "no");
	ck_assert_str_eq(mw_json_parse_error("<html>", 6, buf, sizeof(buf)), "");
}
END_TEST

START_TEST(times_are_read_as_people_write_them)
{
	static const struct {
		const char *text;
		int64_t expected;
	} good[] = {
	    {"2026-03-04T12:00:00Z", NOON},
	    {"2026-03-04T12:00:00.089Z", NOON + 89000000},
	    {"2026-03-04T12:00:00.123456789Z", NOON + 123456789},
	    {"2026-03-04 21:00+09:00", NOON},
	    {"2026-03-04T08:30:00-0330", NOON},
	    {"1970-01-01T00:00:00Z", 0},
	    {"now", NOON + 5},
	    {"-1h", NOON + 5 - 3600 * SECOND},
	    {"-30min", NOON + 5 - 1800 * SECOND},
	    {"2026-03-04T12:00", NOON}, /* local time, which is UTC here */
	    {"2026-03-04", NOON - 12 * 3600 * SECOND},
	};
	static const char *const bad[] = {"",
					  "yesterday",
					  "-",
					  "-1",
					  "2026",
					  "2026-13-01",
					  "2026-03-04T",
					  "2026-03-04T25:00Z",
					  "2026-03-04T12:00:00Zjunk",
					  "12:00",
					  "-1fortnight",
					  "9999-01-01"};
	int64_t value = 0;

	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(mw_when_parse(good[i].text, NOON + 5, &value), MW_E_OK);
		ck_assert_msg(value == good[i].expected, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(mw_when_parse(bad[i], NOON, &value) == MW_E_INVAL, "%s", bad[i]);
}
END_TEST

START_TEST(an_event_id_depends_on_asset_and_time_alone)
{
	char a[MW_EVENT_ID_SIZE], b[MW_EVENT_ID_SIZE];

	mw_event_id("p1", NOON, a);
	mw_event_id("p1", NOON, b);
	ck_assert_str_eq(a, b);
	ck_assert_str_eq(a,
			 "ev-988ef9dfc2ec55c5"); /* stable over versions: ids are kept in stores */
	ck_assert_uint_eq(strlen(a), 19);
	mw_event_id("p1", NOON + 1, b);
	ck_assert_str_ne(a, b);
	mw_event_id("p2", NOON, b);
	ck_assert_str_ne(a, b);
}
END_TEST

MW_TEST_MAIN("json", an_alert_says_what_the_event_says,
	     the_fault_is_named_in_the_words_of_the_explanation,
	     what_cannot_be_said_in_json_becomes_null_or_a_question_mark,
	     opc_ua_severity_stays_inside_the_band, an_event_comes_back_from_its_json,
	     lists_come_back_even_empty_ones,
	     a_hostile_event_is_refused_and_leaves_the_output_alone,
	     claims_of_other_versions_are_taken_as_far_as_they_are_known,
	     every_cut_of_an_event_is_refused, a_small_object_is_made_member_by_member,
	     times_are_read_as_people_write_them, an_event_id_depends_on_asset_and_time_alone)
