/* test_explain.c -- references, numbers, particles and fixed sentences, in both languages. */
#include "tests/unit/explain_fixture.h"

#include <math.h>
#include <time.h>

START_TEST(numbers_are_written_as_people_do)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
	    {0, "0"},
	    {-0.0, "0"},
	    {1, "1"},
	    {4.25, "4.25"},
	    {4.2, "4.2"},
	    {-3.14159, "-3.142"},
	    {12.3456, "12.35"},
	    {99.996, "100"},
	    {123.456, "123.5"},
	    {1234.5, "1234"},
	    {12345.6, "12350"},
	    {999949, "999900"},
	    {999960, "1e6"},
	    {1e6, "1e6"},
	    {1234567, "1.235e6"},
	    {0.001, "0.001"},
	    {0.0012345, "0.001234"},
	    {0.00099, "0.00099"},
	    {0.000099, "9.9e-5"},
	    {-2.5e-7, "-2.5e-7"},
	    {1e300, "1e300"},
	    {5e-324, "4.941e-324"},
	    {(double)NAN, "?"},
	    {(double)INFINITY, "?"},
	};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(mw_explain_number(cases[i].value, text, sizeof(text)),
				 cases[i].text);
}
END_TEST

START_TEST(particles_follow_the_sound)
{
	static const struct {
		const char *before, *i_ga, *euro_ro;
	} cases[] = {
	    {"압력", "이", "으로"},  {"온도", "가", "로"},       {"레벨", "이", "로"},
	    {"10", "이", "으로"},    {"7", "이", "로"},          {"2", "가", "로"},
	    {"PT-101", "이", "로"},  {"PT-103", "이", "으로"},   {"p_in", "이", "으로"},
	    {"flow", "가", "로"},    {"level", "이", "로"},      {"vib_de", "가", "로"},
	    {"RPM", "이", "으로"},   {"PLC", "가", "로"},        {"L", "이", "로"},
	    {"line", "이", "으로"},  {"setpoint", "가", "로"},   {"block", "이", "으로"},
	    {"onset", "이", "으로"}, {"heat", "가", "로"},       {"cooling", "이", "으로"},
	    {"nozzle", "이", "로"},  {"온도(상)", "이", "으로"}, {"45%", "가", "로"},
	    {"", "가", "로"},        {"motor", "가", "로"},      {"pressure", "가", "로"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum mw_final final = mw_josa_final(cases[i].before, strlen(cases[i].before));

		ck_assert_msg(strcmp(mw_josa(MW_JOSA_I_GA, final), cases[i].i_ga) == 0, "%s%s",
			      cases[i].before, mw_josa(MW_JOSA_I_GA, final));
		ck_assert_msg(strcmp(mw_josa(MW_JOSA_EURO_RO, final), cases[i].euro_ro) == 0,
			      "%s%s", cases[i].before, mw_josa(MW_JOSA_EURO_RO, final));
	}
	ck_assert_str_eq(mw_josa(MW_JOSA_EUN_NEUN, MW_FINAL_OTHER), "은");
	ck_assert_str_eq(mw_josa(MW_JOSA_EUL_REUL, MW_FINAL_RIEUL), "을");
}
END_TEST

START_TEST(units_are_read_aloud)
{
	static const struct {
		const char *unit, *eul_reul, *euro_ro;
	} cases[] = {
	    {"bar", "를", "로"},  {"kPa", "을", "로"},    {"°C", "를", "로"},
	    {"K", "을", "으로"},  {"rpm", "을", "으로"},  {"mm/s", "를", "로"},
	    {"%", "를", "로"},    {"A", "를", "로"},      {"l/min", "을", "으로"},
	    {"m³/h", "를", "로"}, {"kg", "을", "으로"},   {"kW", "를", "로"},
	    {"Hz", "를", "로"},   {"m/s²", "을", "으로"}, {"µm", "를", "로"},
	    {"개", "를", "로"},   {"Nm", "를", "로"},     {"mm", "를", "로"},
	    {"dB", "을", "로"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum mw_final final = mw_josa_unit_final(cases[i].unit);

		ck_assert_msg(strcmp(mw_josa(MW_JOSA_EUL_REUL, final), cases[i].eul_reul) == 0,
			      "%s%s", cases[i].unit, mw_josa(MW_JOSA_EUL_REUL, final));
		ck_assert_msg(strcmp(mw_josa(MW_JOSA_EURO_RO, final), cases[i].euro_ro) == 0,
			      "%s%s", cases[i].unit, mw_josa(MW_JOSA_EURO_RO, final));
	}
}
END_TEST

static const struct {
	const char *words, *en, *ko;
} references[] = {
    {"x {c1.name} +.", "X vib_de.", "x vib_de."},
    {"{c2.name} x +.", "압력 x.", "압력 x."},
    {"{c1.value} +.", "7.123 mm/s.", "7.123 mm/s."},
    {"{c1.normal} +.", "2.3 mm/s.", "2.3 mm/s."},
    {"x {c1.dev} +.", "X 4.2 times its healthy spread.", "x 정상 변동폭의 4.2배."},
    {"x {c2.dev} +.", "X 13 times its healthy spread.", "x 정상 변동폭의 13배."},
    {"x {c1.dir} +.", "X above.", "x 높게."},
    {"x {c2.dir} +.", "X below.", "x 낮게."},
    {"x {c1.from} +, {c1.now} +.", "X 2.41 mm/s, 6.874 mm/s.", "x 2.41 mm/s, 6.874 mm/s."},
    {"{c2.from} {c2.now} {c1.limit} +.", "101.2 kPa 98.4 kPa 7.1 mm/s.",
     "101.2 kPa 98.4 kPa 7.1 mm/s."},
    {"x {c1.rose|climbed} +.", "X climbed.", "x climbed."},
    {"{c1.gradual|little_by_little} x +.", "Little by little x.", "little by little x."},
    {"{onset} {c1.over_limit|+까지_올랐습니다} +.", "14:05:09 on 3 March까지 올랐습니다.",
     "3월 3일 14시 5분 9초까지 올랐습니다."},
    {"x {c2.after|+,_later} {c2.fell|fell} +.", "X, later fell.", "x, later fell."},
    {"{others.steady|alone} x +.", "Alone x.", "alone x."},
    {"x {onset} +.", "X 14:05:09 on 3 March.", "x 3월 3일 14시 5분 9초."},
    {"x {duration} +.", "X 12 min.", "x 12분."},
    {"{fault} x +.", "Bearing wear x.", "베어링 마모 x."},
    {"x {cause} +.", "X a worn cage.", "x 케이지 마모."},
    {"x +: {check} +.", "X: the grease.", "x: 그리스 상태."},
    {"{c1.name} {josa:이/가} {c2.name} {josa:을/를} +.", "vib_de가 압력을.", "vib_de가 압력을."},
    {"{c2.value} {josa:으로/로} {c1.value} {josa:은/는} +.", "98 kPa로 7.123 mm/s는.",
     "98 kPa로 7.123 mm/s는."},
    {"{onset} +부터 x +.", "14:05:09 on 3 March부터 x.", "3월 3일 14시 5분 9초부터 x."},
    {"a +. b +; c +. d +.", "A. B; c. D.", "a. b; c. d."},
};

START_TEST(every_reference_is_rendered_in_both_languages)
{
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		struct mw_event en = make_event(MW_LANGUAGE_EN), ko = make_event(MW_LANGUAGE_KO);

		explain(references[i].words, &seoul, &en);
		explain(references[i].words, &seoul, &ko);
		ck_assert_str_eq(en.explanation, references[i].en);
		ck_assert_str_eq(ko.explanation, references[i].ko);
		ck_assert_int_eq(en.form, MW_FORM_WORDS);
		ck_assert_str_eq(en.cause, "a worn cage");
		ck_assert_str_eq(ko.check, "그리스 상태");
	}
}
END_TEST

START_TEST(what_is_neither_above_nor_below_is_said_so)
{
	struct mw_event en = make_event(MW_LANGUAGE_EN), ko = make_event(MW_LANGUAGE_KO);

	en.channel[0].finding.direction = ko.channel[0].finding.direction = 0;
	explain("x {c1.dir} +.", &seoul, &en);
	explain("x {c1.dir} +.", &seoul, &ko);
	ck_assert_str_eq(en.explanation, "X off.");
	ck_assert_str_eq(ko.explanation, "x 다르게.");
}
END_TEST

START_TEST(claims_are_cited_with_what_decided_them)
{
	static const struct {
		const char *reference, *said;
		double value;
	} cited[] = {{"c1.rose", "crept up", 3.9},
		     {"c1.over_limit", "past", 7.1234},
		     {"c1.limit", "7.1 mm/s", 7.1},
		     {"c2.after", " later", 9},
		     {"others.steady", "by itself", 1.25}};
	struct mw_event event = make_event(MW_LANGUAGE_EN);

	explain("x {c1.rose|crept_up} {c1.over_limit|past} {c1.limit} {c2.after|+_later} "
		"{others.steady|by_itself} +.",
		&seoul, &event);
	ck_assert_str_eq(event.explanation, "X crept up past 7.1 mm/s later by itself.");
	ck_assert_uint_eq(event.n_citation, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct mw_citation *citation = &event.citation[i];

		ck_assert_str_eq(citation->reference, cited[i].reference);
		ck_assert_double_eq(citation->value, cited[i].value);
		ck_assert_uint_eq(citation->to - citation->from, strlen(cited[i].said));
		ck_assert_mem_eq(event.explanation + citation->from, cited[i].said,
				 strlen(cited[i].said));
	}
}
END_TEST

START_TEST(claims_that_do_not_hold_are_not_said)
{
	static const char *const words[] = {
	    "x {c1.fell|fell} +.",    "x {c2.rose|rose} +.",      "x {c2.limit} +.",
	    "x {c1.after|later} +.",  "x {others.off|others} +.", "x {c3.rose|rose} +.",
	    "x {c1.risen|rose} +.",   "x {c1.rose|} +.",          "x {c1.rose|+} +.",
	    "x {c1.rose|a|b} +.",     "x {c1.rose|a{b} +.",       "x {c1.rose|climbed +.",
	    "x {c1.rose} +.",         "x {others.rose|rose} +.",  "x {rose|rose} +.",
	    "x {c1.others.off|x} +.", "x {c1.move} +.",           "x {c1.rose|climbed}} +.",
	    "x {c1.from|x} +.",       "x {c4.rose|rose} +."};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct mw_event event = make_event(MW_LANGUAGE_EN);

		explain(words[i], &seoul, &event);
		ck_assert_msg(event.form == MW_FORM_SHORT, "%s", words[i]);
		ck_assert_msg(!strstr(event.explanation, "rose"), "%s", event.explanation);
	}
}
END_TEST

START_TEST(value_and_normal_are_told_apart)
{
	struct mw_event event = make_event(MW_LANGUAGE_EN);

	event.channel[0].finding.peak_value = 1013.2412;
	event.channel[0].finding.expected = 1013.6187;
	event.channel[0].unit[0] = '\0';
	explain("x {c1.value} +, {c1.normal} +.", &seoul, &event);
	ck_assert_str_eq(event.explanation, "X 1013.24, 1013.62.");
	event.channel[0].finding.expected = event.channel[0].finding.peak_value;
	explain("x {c1.value} +, {c1.normal} +.", &seoul, &event);
	ck_assert_str_eq(event.explanation, "X 1013, 1013.");
}
END_TEST

START_TEST(percents_stand_beside_their_number)
{
	struct mw_event event = make_event(MW_LANGUAGE_EN);

	(void)snprintf(event.channel[0].unit, MW_UNIT_SIZE, "%%");
	explain("x {c1.value} +.", &seoul, &event);
	ck_assert_str_eq(event.explanation, "X 7.123%.");
}
END_TEST

START_TEST(huge_deviations_are_bounds)
{
	struct mw_event en = make_event(MW_LANGUAGE_EN), ko = make_event(MW_LANGUAGE_KO);

	en.channel[0].finding.deviation = ko.channel[0].finding.deviation = -3.4e9;
	explain("x {c1.dev} +.", &seoul, &en);
	explain("x {c1.dev} +.", &seoul, &ko);
	ck_assert_str_eq(en.explanation, "X more than 1000 times its healthy spread.");
	ck_assert_str_eq(ko.explanation, "x 정상 변동폭의 1000배 이상.");
	ck_assert_double_eq(en.citation[0].value, -3.4e9);
}
END_TEST

START_TEST(times_are_local_and_onsets_before_the_window_say_so)
{
	static const struct {
		int32_t offset;
		int64_t onset;
		bool before;
		const char *en, *ko;
	} cases[] = {
	    {0, ONSET, false, "X 05:05:09 on 3 March.", "x 3월 3일 5시 5분 9초."},
	    {-6 * 3600, ONSET, false, "X 23:05:09 on 2 March.", "x 3월 2일 23시 5분 9초."},
	    {5 * 3600 + 1800, ONSET + 999999999, true, "X before 10:35:09 on 3 March.",
	     "x 3월 3일 10시 35분 9초 이전."},
	    {0, -1, false, "X 23:59:59 on 31 December.", "x 12월 31일 23시 59분 59초."},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_event en = make_event(MW_LANGUAGE_EN), ko = make_event(MW_LANGUAGE_KO);
		struct mw_explain_opts opts = {.utc_offset_s = cases[i].offset};

		en.onset_ns = ko.onset_ns = cases[i].onset;
		en.onset_before_window = ko.onset_before_window = cases[i].before;
		explain("x {onset} +.", &opts, &en);
		explain("x {onset} +.", &opts, &ko);
		ck_assert_str_eq(en.explanation, cases[i].en);
		ck_assert_str_eq(ko.explanation, cases[i].ko);
		ck_assert_double_eq(en.citation[0].value,
				    (double)cases[i].onset / (double)MW_NS_PER_S);
	}
}
END_TEST

START_TEST(dates_are_those_of_the_calendar)
{
	for (int64_t seconds = 86399; seconds < 3900000000; seconds += 86400 * 7 / 3 + 12347) {
		struct mw_event event = make_event(MW_LANGUAGE_KO);
		struct mw_explain_opts utc = {0};
		time_t time = (time_t)seconds;
		char expected[128];
		struct tm t;

		ck_assert_ptr_nonnull(gmtime_r(&time, &t));
		(void)snprintf(expected, sizeof(expected), "%d월 %d일 %d시 %d분 %d초.",
			       t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
		event.onset_ns = seconds * MW_NS_PER_S;
		explain("{onset} +.", &utc, &event);
		ck_assert_str_eq(event.explanation, expected);
	}
}
END_TEST

START_TEST(durations_take_the_unit_that_matters)
{
	static const struct {
		int64_t seconds;
		bool before;
		const char *en, *ko;
	} cases[] = {
	    {0, false, "X 0 s.", "x 0초."},
	    {45, false, "X 45 s.", "x 45초."},
	    {119, false, "X 119 s.", "x 119초."},
	    {120, false, "X 2 min.", "x 2분."},
	    {749, false, "X 12 min.", "x 12분."},
	    {7199, false, "X 2 h.", "x 2시간."},
	    {12000, false, "X 3 h 20 min.", "x 3시간 20분."},
	    {47 * 3600, true, "X more than 47 h.", "x 47시간 이상."},
	    {72 * 3600 + 100, false, "X 3 days.", "x 3일."},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_event en = make_event(MW_LANGUAGE_EN), ko = make_event(MW_LANGUAGE_KO);

		en.updated_ns = ko.updated_ns = 0;
		en.window_to_ns = ko.window_to_ns = ONSET + cases[i].seconds * MW_NS_PER_S;
		en.onset_before_window = ko.onset_before_window = cases[i].before;
		explain("x {duration} +.", &seoul, &en);
		explain("x {duration} +.", &seoul, &ko);
		ck_assert_str_eq(en.explanation, cases[i].en);
		ck_assert_str_eq(ko.explanation, cases[i].ko);
	}
}
END_TEST

START_TEST(words_that_cannot_be_said_become_fixed_sentences)
{
	static const char *const words[] = {
	    "",                 /* nothing */
	    "x",                /* no end */
	    "x +. y",           /* no end of the last sentence */
	    "x {c3.name} +.",   /* there is no third channel */
	    "x {c1.colour} +.", /* no such reference */
	    "x {c4.name} +.",
	    "x {c1.name +.",
	    "{josa:와/과} x +.",
	};
	struct mw_event first = make_event(MW_LANGUAGE_EN);

	explain("", &seoul, &first);
	ck_assert_uint_gt(strlen(first.explanation), 40);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct mw_event event = make_event(MW_LANGUAGE_EN);

		explain(words[i], &seoul, &event);
		ck_assert_int_eq(event.form, MW_FORM_SHORT);
		ck_assert_str_eq(event.explanation, first.explanation);
	}
}
END_TEST

START_TEST(measurements_that_are_none_are_not_cited)
{
	static const char *const words[] = {"x {c1.value} +.", "x {c1.normal} +.", "x {c1.dev} +.",
					    "x {onset} +.", "x {duration} +."};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct mw_event event = make_event(MW_LANGUAGE_EN);

		event.onset_ns = 0;
		event.channel[0].finding = (struct mw_channel_finding){
		    .peak_value = (double)NAN, .expected = (double)NAN, .deviation = (double)NAN};
		explain(words[i], &seoul, &event);
		ck_assert_int_eq(event.form, MW_FORM_SHORT);
		ck_assert_ptr_null(strchr(event.explanation, '?'));
		ck_assert_ptr_nonnull(strstr(event.explanation, "no usable reading"));
	}
}
END_TEST

START_TEST(a_site_may_bring_its_own_cause_and_check)
{
	struct mw_explain_opts opts = {.cause = "the old coupling.", .check = "its bolts"};
	struct mw_event event = make_event(MW_LANGUAGE_EN);

	explain("x +: {cause} +. {check} +.", &opts, &event);
	ck_assert_str_eq(event.explanation, "X: the old coupling. Its bolts.");
	ck_assert_str_eq(event.cause, "the old coupling.");
	ck_assert_str_eq(event.check, "its bolts");
}
END_TEST

START_TEST(the_fixed_sentences_name_what_there_is)
{
	static const struct {
		enum mw_verdict verdict;
		enum mw_fault fault;
		const char *en, *ko;
	} cases[] = {
	    {MW_VERDICT_NORMAL, MW_FAULT_NONE, "runs as it did", "정상 상태"},
	    {MW_VERDICT_OPERATION, MW_FAULT_LOAD_CHANGE, "not a fault", "고장이 아닙니다"},
	    {MW_VERDICT_FAULT, MW_FAULT_STUCK, "sensor vib_de", "vib_de 센서 이상"},
	    {MW_VERDICT_FAULT, MW_FAULT_LEAK, "suspected since", "의심됩니다"},
	    {MW_VERDICT_FAULT, MW_FAULT_UNKNOWN, "fits no known fault", "맞지 않는 이상"},
	    {MW_VERDICT_UNKNOWN, MW_FAULT_UNKNOWN, "fits no known fault", "맞지 않는 이상"},
	};
	struct mw_fault_library *library = make_library();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int l = 0; l < 2; l++) {
			struct mw_event event = make_event((enum mw_language)l);

			event.verdict = cases[i].verdict;
			event.fault = cases[i].fault;
			mw_explain_template(library, &seoul, &event);
			ck_assert_msg(strstr(event.explanation, l ? cases[i].ko : cases[i].en),
				      "%s", event.explanation);
		}
	mw_fault_library_free(library);
}
END_TEST

START_TEST(long_texts_lose_whole_sentences_only)
{
	char cause[600], check[900];
	struct mw_explain_opts opts = {.cause = cause, .check = check};

	memset(cause, 'c', sizeof(cause) - 1);
	cause[sizeof(cause) - 1] = '\0';
	(void)snprintf(check, sizeof(check), "%0890d", 0);
	for (int l = 0; l < 2; l++) {
		struct mw_event event = make_event((enum mw_language)l);

		explain("{cause} {check} {cause} +.", &opts, &event);
		ck_assert_int_eq(event.form, MW_FORM_SHORT);
		check_form(&event);
		ck_assert_ptr_null(strstr(event.explanation, "cccc"));
		ck_assert_uint_eq(strlen(event.cause), sizeof(event.cause) - 1);
	}
}
END_TEST

START_TEST(a_cut_copy_ends_between_characters)
{
	char cause[600] = "";
	struct mw_explain_opts opts = {.cause = cause};
	struct mw_event event = make_event(MW_LANGUAGE_KO);

	for (int i = 0; i < 120; i++)
		strcat(cause, "가");
	explain("x +.", &opts, &event);
	ck_assert_uint_eq(strlen(event.cause), 255);
	ck_assert(mw_utf8_is_clean(event.cause, strlen(event.cause)));
	cause[0] = 'a';
	cause[1] = 'b';
	cause[2] = 'c';
	memmove(cause + 1, cause, strlen(cause) + 1);
	explain("x +.", &opts, &event);
	ck_assert(mw_utf8_is_clean(event.cause, strlen(event.cause)));
	ck_assert_uint_lt(strlen(event.cause), 256);
}
END_TEST

START_TEST(too_many_citations_are_no_text)
{
	struct mw_event event = make_event(MW_LANGUAGE_EN);
	char words[4096] = "x";

	for (int i = 0; i < MW_MAX_CITATIONS; i++)
		strcat(words, " {c1.dir}");
	strcat(words, " +.");
	explain(words, &seoul, &event);
	ck_assert_int_eq(event.form, MW_FORM_WORDS);
	ck_assert_uint_eq(event.n_citation, MW_MAX_CITATIONS);
	words[strlen(words) - 2] = '\0';
	strcat(words, "{c1.dir} +.");
	explain(words, &seoul, &event);
	ck_assert_int_eq(event.form, MW_FORM_SHORT);
}
END_TEST

MW_TEST_MAIN("explain", numbers_are_written_as_people_do, particles_follow_the_sound,
	     units_are_read_aloud, every_reference_is_rendered_in_both_languages,
	     what_is_neither_above_nor_below_is_said_so, claims_are_cited_with_what_decided_them,
	     claims_that_do_not_hold_are_not_said, value_and_normal_are_told_apart,
	     percents_stand_beside_their_number, huge_deviations_are_bounds,
	     times_are_local_and_onsets_before_the_window_say_so, dates_are_those_of_the_calendar,
	     durations_take_the_unit_that_matters, words_that_cannot_be_said_become_fixed_sentences,
	     measurements_that_are_none_are_not_cited, a_site_may_bring_its_own_cause_and_check,
	     the_fixed_sentences_name_what_there_is, long_texts_lose_whole_sentences_only,
	     a_cut_copy_ends_between_characters, too_many_citations_are_no_text)
