/* One contract for every decoder, and tables of what each one reads and refuses. */
#include "tests/contract/decoder.h"
#include "tests/unit/unit.h"

#include <math.h>

#define S 1000000000LL

/* A payload that each decoder reads with its defaults; a new decoder adds its line. */
static const struct {
	const char *decoder, *options, *payload;
} kinds[] = {
    {"json", "", "{\"temp\": 21.5, \"run\": true, \"vib\": {\"x\": 0.01, \"y\": 2e-2}}"},
    {"json", "tag = \"/n\"; value = \"/v\"; time = \"/t\";",
     "[{\"n\": \"a\", \"v\": 1, \"t\": 1700000000}, {\"n\": \"b\", \"v\": null, \"t\": 5}]"},
    {"plain", "", " -21.5e0\r\n"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool same(const struct got *a, const struct got *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n && i < SAMPLES_MAX; i++)
		if (strcmp(a->sample[i].tag, b->sample[i].tag) != 0 ||
		    memcmp(&a->sample[i].value, &b->sample[i].value, sizeof(double)) != 0 ||
		    a->sample[i].time_ns != b->sample[i].time_ns)
			return false;
	return true;
}

/* Whatever the bytes: samples, or a reason and none. */
static void decode_anything(struct decoder *d, const void *payload, size_t size)
{
	struct got got;
	mw_err err = decode(d, payload, size, &got);

	ck_assert(err == MW_E_OK || err == MW_E_MALFORMED);
	if (err == MW_E_OK) {
		ck_assert_uint_gt(got.n, 0);
	} else {
		ck_assert_uint_eq(got.n, 0);
		ck_assert_uint_gt(strlen(mw_instance_why(d->instance)), 0);
	}
	for (size_t i = 0; i < got.n && i < SAMPLES_MAX; i++)
		ck_assert(isfinite(got.sample[i].value) || got.sample[i].quality != 0);
}

static void find_in_contract(void *ctx, const struct mw_plugin *plugin)
{
	size_t *n = ctx;
	bool found = plugin->kind != MW_DECODER;

	for (size_t i = 0; i < KINDS && !found; i++)
		found = strcmp(plugin->name, kinds[i].decoder) == 0;
	ck_assert_msg(found, "decoder %s has no line in the contract", plugin->name);
	for (const struct mw_option *o = plugin->options; o && o->name; o++)
		ck_assert_msg(strlen(o->help) > 10, "%s.%s is not explained", plugin->name,
			      o->name);
	++*n;
}

START_TEST(every_decoder_built_has_a_line_in_the_contract)
{
	struct mw_plugin_host *host;
	char dir[4096];
	size_t n = 0;

	mw_conf_plugin_dir(dir, sizeof(dir));
	ck_assert_int_eq(mw_plugin_host_new(dir, &host), MW_E_OK);
	mw_plugin_each(host, find_in_contract, &n);
	ck_assert_uint_ge(n, 2);
	mw_plugin_host_free(host);
}
END_TEST

START_TEST(a_good_payload_gives_the_same_samples_every_time)
{
	struct decoder one, two;
	struct got first, again, other;

	for (size_t i = 0; i < KINDS; i++) {
		const char *payload = kinds[i].payload;

		decoder_init(&one, kinds[i].decoder, kinds[i].options);
		decoder_init(&two, kinds[i].decoder, kinds[i].options);
		ck_assert_int_eq(decode(&one, payload, strlen(payload), &first), MW_E_OK);
		ck_assert_int_eq(decode(&one, "\x01{", 2, &other), MW_E_MALFORMED);
		ck_assert_int_eq(decode(&one, payload, strlen(payload), &again), MW_E_OK);
		ck_assert_int_eq(decode(&two, payload, strlen(payload), &other), MW_E_OK);
		ck_assert_uint_gt(first.n, 0);
		ck_assert(same(&first, &again) && same(&first, &other));
		decoder_done(&one);
		decoder_done(&two);
	}
}
END_TEST

START_TEST(a_payload_cut_at_any_byte_is_read_or_refused_whole)
{
	struct decoder d;

	for (size_t i = 0; i < KINDS; i++) {
		decoder_init(&d, kinds[i].decoder, kinds[i].options);
		for (size_t size = 0; size < strlen(kinds[i].payload); size++)
			decode_anything(&d, kinds[i].payload, size);
		decoder_done(&d);
	}
}
END_TEST

START_TEST(a_payload_with_any_byte_changed_is_read_or_refused_whole)
{
	struct decoder d;
	char payload[256];

	for (size_t i = 0; i < KINDS; i++) {
		size_t size = strlen(kinds[i].payload);

		decoder_init(&d, kinds[i].decoder, kinds[i].options);
		for (size_t at = 0; at < size; at++)
			for (int byte = 0; byte < 256; byte++) {
				memcpy(payload, kinds[i].payload, size);
				payload[at] = (char)byte;
				decode_anything(&d, payload, size);
			}
		decoder_done(&d);
	}
}
END_TEST

START_TEST(an_empty_payload_is_refused)
{
	struct decoder d;
	struct got got;

	for (size_t i = 0; i < KINDS; i++) {
		decoder_init(&d, kinds[i].decoder, kinds[i].options);
		ck_assert_int_eq(decode(&d, "", 0, &got), MW_E_MALFORMED);
		ck_assert_uint_eq(got.n, 0);
		decoder_done(&d);
	}
}
END_TEST

START_TEST(a_huge_payload_of_one_byte_over_and_over_is_refused)
{
	static const char bytes[] = {'[', '{', '"', '1', ' ', '\0', '-', (char)0xff};
	const size_t size = 1 << 20;
	char *payload = malloc(size);
	struct decoder d;
	struct got got;

	for (size_t i = 0; i < KINDS; i++) {
		decoder_init(&d, kinds[i].decoder, kinds[i].options);
		for (size_t k = 0; k < sizeof(bytes); k++) {
			memset(payload, bytes[k], size);
			ck_assert_int_eq(decode(&d, payload, size, &got), MW_E_MALFORMED);
			ck_assert_uint_eq(got.n, 0);
		}
		decoder_done(&d);
	}
	free(payload);
}
END_TEST

/* --- what each one reads ---------------------------------------------------------------------- */

struct reading {
	const char *decoder, *options, *payload;
	const char *tag[4];
	double value[4];
	int64_t time_ns[4];
};

#define N_READINGS(r) ((r)->tag[3] ? 4u : (r)->tag[2] ? 3u : (r)->tag[1] ? 2u : 1u)

static const struct reading readings[] = {
    {"plain", "", "21.5", {""}, {21.5}, {0}},
    {"plain", "", "\t 7 \r\n", {""}, {7}, {0}},
    {"plain", "", "-3.5E-2", {""}, {-0.035}, {0}},
    {"plain", "", "+4", {""}, {4}, {0}},
    {"plain", "", ".5", {""}, {0.5}, {0}},
    {"plain", "", "true", {""}, {1}, {0}},
    {"plain", "", "FALSE", {""}, {0}, {0}},
    {"plain", "", "On", {""}, {1}, {0}},
    {"plain", "", "off\n", {""}, {0}, {0}},
    /* every number, one level of objects included */
    {"json", "", "{\"a\": 1, \"b\": -2.5}", {"a", "b"}, {1, -2.5}, {0}},
    {"json", "", "{\"a\": true, \"s\": \"5\", \"n\": null}", {"a"}, {1}, {0}},
    {"json", "", "{\"m\": {\"x\": 1, \"y\": {\"z\": 2}}, \"l\": [3]}", {"m.x"}, {1}, {0}},
    {"json", "", "[{\"a\": 1}, {\"a\": 2}]", {"a", "a"}, {1, 2}, {0}},
    {"json", "", "21.5", {""}, {21.5}, {0}},
    {"json", "", "false", {""}, {0}, {0}},
    {"json", "", "[1, 2, true]", {"", "", ""}, {1, 2, 1}, {0}},
    {"json", "", "{\"c\": 18446744073709551615}", {"c"}, {18446744073709551616.0}, {0}},
    {"json", "", "{\"\xed\x8e\x8c\xed\x94\x84\": 1}", {"\xed\x8e\x8c\xed\x94\x84"}, {1}, {0}},
    /* pointers */
    {"json", "values = \"/d/t\";", "{\"d\": {\"t\": 3, \"u\": 4}}", {"d.t"}, {3}, {0}},
    {"json", "values = \"/b, /a\";", "{\"a\": 1, \"b\": 2}", {"b", "a"}, {2, 1}, {0}},
    {"json", "values = \"/a,/b\";", "{\"b\": 2}", {"b"}, {2}, {0}},
    {"json", "values = \"/l/1\";", "{\"l\": [5, 6]}", {"l.1"}, {6}, {0}},
    {"json", "values = \"/a~1b/c~0d\";", "{\"a/b\": {\"c~d\": 8}}", {"a/b.c~d"}, {8}, {0}},
    {"json", "values = \"/s\";", "{\"s\": \"-1.25e1\"}", {"s"}, {-12.5}, {0}},
    /* names and values */
    {"json", "tag = \"/name\";", "{\"name\": \"t1\", \"value\": 9}", {"t1"}, {9}, {0}},
    {"json",
     "tag = \"/name\"; items = \"/metrics\"; time = \"/ts\"; time_unit = \"ms\";",
     "{\"ts\": 1700000000123, \"metrics\": [{\"name\": \"a\", \"value\": 1},"
     " {\"name\": \"b\", \"value\": 2, \"ts\": 1700000000124}]}",
     {"a", "b"},
     {1, 2},
     {1700000000123000000, 1700000000124000000}},
    /* times; the time itself is no reading */
    {"json", "time = \"/t\";", "{\"t\": 1700000000, \"a\": 1}", {"a"}, {1}, {1700000000 * S}},
    {"json",
     "time = \"/t\";",
     "{\"t\": 1700000000.25, \"a\": 1}",
     {"a"},
     {1},
     {1700000000 * S + 250000000}},
    {"json",
     "time = \"/t\";",
     "{\"t\": 1700000000123, \"a\": 1}",
     {"a"},
     {1},
     {1700000000123000000}},
    {"json",
     "time = \"/t\";",
     "{\"t\": 1700000000123456, \"a\": 1}",
     {"a"},
     {1},
     {1700000000123456000}},
    {"json",
     "time = \"/t\";",
     "{\"t\": 1700000000123456789, \"a\": 1}",
     {"a"},
     {1},
     {1700000000123456789}},
    {"json",
     "time = \"/t\"; time_unit = \"s\";",
     "{\"t\": \"1700000000\", \"a\": 1}",
     {"a"},
     {1},
     {1700000000 * S}},
    {"json",
     "time = \"/t\";",
     "{\"t\": \"2023-11-14T22:13:20Z\", \"a\": 1}",
     {"a"},
     {1},
     {1700000000 * S}},
    {"json",
     "time = \"/t\";",
     "{\"t\": \"2023-11-15T07:13:20.5+09:00\", \"a\": 1}",
     {"a"},
     {1},
     {1700000000 * S + 500000000}},
    {"json",
     "time = \"/t\";",
     "{\"t\": \"2023-11-14 16:43:20,123456789-0530\", \"a\": 1}",
     {"a"},
     {1},
     {1700000000 * S + 123456789}},
    {"json",
     "time = \"/t\"; time_unit = \"iso8601\";",
     "{\"t\": \"2024-02-29T00:00\", \"a\": 1}",
     {"a"},
     {1},
     {1709164800 * S}},
    {"json",
     "time = \"/t\";",
     "{\"t\": \"2016-12-31T23:59:60Z\", \"a\": 1}",
     {"a"},
     {1},
     {1483228800 * S}},
    {"json",
     "time = \"/t\";",
     "{\"t\": \"2023-11-14T22:13:20.1234567891234Z\", \"a\": 1}",
     {"a"},
     {1},
     {1700000000 * S + 123456789}},
};

START_TEST(what_is_in_the_table_is_read)
{
	const struct reading *r = &readings[_i];
	struct decoder d;
	struct got got;
	mw_err err;

	decoder_init(&d, r->decoder, r->options);
	err = decode(&d, r->payload, strlen(r->payload), &got);
	ck_assert_msg(err == MW_E_OK, "%s: %s", r->payload, mw_instance_why(d.instance));
	ck_assert_msg(got.n == N_READINGS(r), "%s: %zu", r->payload, got.n);
	for (size_t i = 0; i < got.n; i++) {
		ck_assert_str_eq(got.sample[i].tag, r->tag[i]);
		ck_assert_double_eq(got.sample[i].value, r->value[i]);
		ck_assert_msg(got.sample[i].time_ns == r->time_ns[i], "%s: %lld", r->payload,
			      (long long)got.sample[i].time_ns);
		ck_assert_uint_eq(got.sample[i].quality, 0);
	}
	decoder_done(&d);
}
END_TEST

static const struct {
	const char *decoder, *options, *payload, *why;
} refusals[] = {
    {"plain", "", "abc", "not a number"},
    {"plain", "", "1 2", "not a number"},
    {"plain", "", "1,5", "not a number"},
    {"plain", "", "0x10", "not a number"},
    {"plain", "", "nan", "not a number"},
    {"plain", "", "inf", "not a number"},
    {"plain", "", "1e999", "not finite"},
    {"plain", "", "-", "not a number"},
    {"plain", "", "1e", "not a number"},
    {"plain", "", "truely", "not a number"},
    {"plain", "", "tru", "not a number"},
    {"plain", "", "  \n", "empty"},
    {"json", "", "{", "not JSON"},
    {"json", "", "{\"a\": 1} x", "not JSON"},
    {"json", "", "{\"a\": 1, \"a\": 2}", "duplicate"},
    {"json", "", "{\"a\": NaN}", "not JSON"},
    {"json", "", "{\"a\": 1e999}", "not JSON"},
    {"json", "", "{\"a\": \"\xff\"}", "not JSON"},
    {"json", "", "{}", "no reading"},
    {"json", "", "[]", "no reading"},
    {"json", "", "null", "no reading"},
    {"json", "", "\"text\"", "no reading"},
    {"json", "", "{\"a\\u0000b\": 1}", "not JSON"},
    {"json", "", "{\"a\\u0007b\": 1}", "not clean"},
    {"json", "values = \"/a\";", "{\"b\": 1}", "no reading"},
    {"json", "values = \"/a\";", "{\"a\": \"x\"}", "not a number: a"},
    {"json", "values = \"/a\";", "{\"a\": {}}", "not a number: a"},
    {"json", "values = \"/a\";", "{\"a\": \"0x1\"}", "not a number: a"},
    /* the second reading is bad: the first is withdrawn */
    {"json", "values = \"/a,/b\";", "{\"a\": 1, \"b\": []}", "not a number: b"},
    {"json", "tag = \"/n\";", "[{\"n\": \"x\", \"value\": 1}, {\"value\": 2}]", "no channel"},
    {"json", "tag = \"/n\";", "{\"n\": \"\", \"value\": 1}", "no channel"},
    {"json", "tag = \"/n\";", "{\"n\": 5, \"value\": 1}", "no channel"},
    {"json", "tag = \"/n\";", "{\"n\": \"x\"}", "no value"},
    {"json", "items = \"/list\";", "{\"a\": 1}", "nothing at /list"},
    {"json", "time = \"/t\";", "{\"a\": 1}", "no time"},
    {"json", "time = \"/t\";", "{\"t\": null, \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": -5, \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": 0, \"a\": 1}", "not a time"},
    {"json", "time = \"/t\"; time_unit = \"s\";", "{\"t\": 1e300, \"a\": 1}", "not a time"},
    {"json", "time = \"/t\"; time_unit = \"s\";", "{\"t\": 9300000000, \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"2023-02-29T00:00:00Z\", \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"2023-13-01T00:00:00Z\", \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"2023-01-01T24:00:00Z\", \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"2023-01-01T00:00:00.Z\", \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"2023-01-01T00:00:00+9\", \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"2023-01-01T00:00:00Zx\", \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"9999-01-01T00:00:00Z\", \"a\": 1}", "not a time"},
    {"json", "time = \"/t\";", "{\"t\": \"2023-01-01\", \"a\": 1}", "not a time"},
};

START_TEST(what_is_not_a_reading_is_refused_with_a_reason)
{
	struct decoder d;
	struct got got;

	decoder_init(&d, refusals[_i].decoder, refusals[_i].options);
	ck_assert_msg(decode(&d, refusals[_i].payload, strlen(refusals[_i].payload), &got) ==
			  MW_E_MALFORMED,
		      "%s", refusals[_i].payload);
	ck_assert_uint_eq(got.n, 0);
	ck_assert_msg(strstr(mw_instance_why(d.instance), refusals[_i].why) != NULL, "%s: %s",
		      refusals[_i].payload, mw_instance_why(d.instance));
	decoder_done(&d);
}
END_TEST

START_TEST(a_null_is_a_reading_of_bad_quality)
{
	const char *payload = "{\"a\": null, \"b\": 2}";
	struct decoder d;
	struct got got;

	decoder_init(&d, "json", "values = \"/a,/b\";");
	ck_assert_int_eq(decode(&d, payload, strlen(payload), &got), MW_E_OK);
	ck_assert_uint_eq(got.n, 2);
	ck_assert(isnan(got.sample[0].value));
	ck_assert_uint_ne(got.sample[0].quality, 0);
	ck_assert_double_eq(got.sample[1].value, 2);
	decoder_done(&d);
}
END_TEST

START_TEST(more_samples_than_one_payload_may_have_refuse_it_whole)
{
	struct decoder d;
	struct got got;
	char *payload = malloc(2 * MW_DECODE_SAMPLES + 8);
	size_t n = 0;

	payload[n++] = '[';
	for (int i = 0; i < MW_DECODE_SAMPLES; i++) {
		payload[n++] = '1';
		payload[n++] = ',';
	}
	decoder_init(&d, "json", "");
	payload[n - 1] = ']';
	ck_assert_int_eq(decode(&d, payload, n, &got), MW_E_OK);
	ck_assert_uint_eq(got.n, MW_DECODE_SAMPLES);
	memcpy(payload + n - 1, ",1]", 3);
	ck_assert_int_eq(decode(&d, payload, n + 2, &got), MW_E_MALFORMED);
	ck_assert_uint_eq(got.n, 0);
	decoder_done(&d);
	free(payload);
}
END_TEST

START_TEST(a_tag_that_is_too_long_refuses_the_payload)
{
	struct decoder d;
	struct got got;
	char payload[200];
	int size = snprintf(payload, sizeof(payload), "{\"n\": \"%0130d\", \"value\": 1}", 0);

	decoder_init(&d, "json", "tag = \"/n\";");
	ck_assert_int_eq(decode(&d, payload, (size_t)size, &got), MW_E_MALFORMED);
	ck_assert_ptr_nonnull(strstr(mw_instance_why(d.instance), "too long"));
	decoder_done(&d);
}
END_TEST

static const struct {
	const char *options, *why;
} bad_options[] = {
    {"values = \"a\";", "values"},         {"values = \"\";", "values"},
    {"values = \",\";", "values"},         {"values = \"/a~2\";", "values"},
    {"time = \"t\";", "time: "},           {"tag = \"/a~\";", "tag: "},
    {"value = \"x\";", "value: "},         {"items = \"x\";", "items: "},
    {"time_unit = \"h\";", "time_unit: "}, {"depth = 3;", "unknown option"},
    {"values = 5;", "must be a text"},
};

START_TEST(options_that_make_no_sense_are_refused_with_their_line)
{
	struct mw_config *config = NULL;
	char path[64], at[96], why[512] = "";

	write_decoder_conf("json", bad_options[_i].options, path);
	ck_assert_int_eq(mw_conf_load(path, why, sizeof(why), &config), MW_E_CONFIG);
	(void)unlink(path);
	(void)snprintf(at, sizeof(at), "%s:3: sources[0].options", path);
	ck_assert_msg(strncmp(why, at, strlen(at)) == 0, "%s", why);
	ck_assert_msg(strstr(why, bad_options[_i].why) != NULL, "%s", why);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *suite = suite_create("decoders");
	TCase *tests = tcase_create("decoders");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, every_decoder_built_has_a_line_in_the_contract);
	tcase_add_test(tests, a_good_payload_gives_the_same_samples_every_time);
	tcase_add_test(tests, a_payload_cut_at_any_byte_is_read_or_refused_whole);
	tcase_add_test(tests, a_payload_with_any_byte_changed_is_read_or_refused_whole);
	tcase_add_test(tests, an_empty_payload_is_refused);
	tcase_add_test(tests, a_huge_payload_of_one_byte_over_and_over_is_refused);
	tcase_add_loop_test(tests, what_is_in_the_table_is_read, 0, COUNT(readings));
	tcase_add_loop_test(tests, what_is_not_a_reading_is_refused_with_a_reason, 0,
			    COUNT(refusals));
	tcase_add_test(tests, a_null_is_a_reading_of_bad_quality);
	tcase_add_test(tests, more_samples_than_one_payload_may_have_refuse_it_whole);
	tcase_add_test(tests, a_tag_that_is_too_long_refuses_the_payload);
	tcase_add_loop_test(tests, options_that_make_no_sense_are_refused_with_their_line, 0,
			    COUNT(bad_options));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
