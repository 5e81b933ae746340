/* Writes alerts and events of every kind that can leave the box, one a line, to the files named by
 * MW_ALERTS and MW_EVENTS (or to nowhere); alert_schema.test holds them against the schemas. */
#include "gateway/io/json.h"

#include "tests/unit/events.h"
#include "tests/unit/unit.h"

#define NOON (1772625600LL * SECOND)

static void write_line(const char *variable, char *text)
{
	const char *path = getenv(variable);
	FILE *file = path ? fopen(path, "a") : NULL;

	ck_assert_msg(!path || file, "%s", path);
	ck_assert_ptr_null(strchr(text, '\n')); /* compact: one alert is one line */
	if (file) {
		(void)fprintf(file, "%s\n", text);
		ck_assert_int_eq(fclose(file), 0);
	}
	free(text);
}

static void write_alert(const struct mw_event *event, enum mw_transition transition)
{
	struct mw_event_window window = make_window(event);
	char *text;

	ck_assert_int_eq(mw_json_alert(event, transition, "g1", &text), MW_E_OK);
	write_line("MW_ALERTS", text);
	ck_assert_int_eq(mw_json_event(event, &window, "g1", &text), MW_E_OK);
	write_line("MW_EVENTS", text);
	ck_assert_int_eq(mw_json_event(event, NULL, "g1", &text), MW_E_OK);
	write_line("MW_EVENTS", text);
}

START_TEST(every_fault_machine_and_transition_makes_a_line)
{
	for (int fault = 0; fault < MW_N_FAULT; fault++) {
		struct mw_event event = make_event("press/7", NOON + fault,
						   fault % 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);

		event.fault = (enum mw_fault)fault;
		event.machine = (enum mw_machine)(fault % MW_N_MACHINE);
		event.verdict = (enum mw_verdict)(fault % 4);
		event.severity = 1 + (unsigned)fault % 3;
		event.form = (enum mw_text_form)(fault % 3);
		for (int t = 0; t <= MW_TRANSITION_UNSHELVED; t++) {
			write_alert(&event, (enum mw_transition)t);
			next_transition(&event, (enum mw_alarm_state)(t % 6), SECOND);
		}
		event.cleared_ns = event.updated_ns;
		write_alert(&event, MW_TRANSITION_CLEARED);
	}
}
END_TEST

START_TEST(an_event_of_which_little_is_known_makes_a_line)
{
	struct mw_event event = make_event("x", NOON, MW_LANGUAGE_EN);

	event.n_channel = 0;
	event.n_citation = 0;
	event.score = event.p_value = event.fault_probability = NAN;
	event.onset_ns = event.updated_ns = event.window_from_ns = event.window_to_ns = 0;
	event.explanation[0] = event.cause[0] = event.check[0] = event.model[0] = '\0';
	write_alert(&event, MW_TRANSITION_RAISED);
}
END_TEST

START_TEST(an_event_with_its_log_makes_a_line)
{
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_KO);
	struct mw_log_entry log[] = {
	    {.transition = MW_TRANSITION_RAISED,
	     .state = MW_ALARM_UNACK_ACTIVE,
	     .at_ns = NOON,
	     .recorded_ns = NOON + SECOND,
	     .who = "millwright"},
	    {.is_feedback = true,
	     .feedback = MW_FEEDBACK_FALSE,
	     .recorded_ns = NOON + 2 * SECOND,
	     .who = "김",
	     .note = "청소 중"},
	};
	struct mw_log_entry *back;
	char *text;
	size_t n;

	event.feedback = MW_FEEDBACK_FALSE;
	event.similar.event[0].feedback = MW_FEEDBACK_TRUE;
	ck_assert_int_eq(mw_json_event_logged(&event, NULL, log, 2, "g1", &text), MW_E_OK);
	ck_assert_int_eq(mw_json_parse_log(text, strlen(text), &back, &n), MW_E_OK);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(back[0].transition, MW_TRANSITION_RAISED);
	ck_assert_int_eq(back[0].at_ns, NOON);
	ck_assert(back[1].is_feedback);
	ck_assert_int_eq(back[1].feedback, MW_FEEDBACK_FALSE);
	ck_assert_str_eq(back[1].note, "청소 중");
	free(back);
	write_line("MW_EVENTS", text);
	ck_assert_int_eq(mw_json_event_logged(&event, NULL, log, 0, "g1", &text), MW_E_OK);
	write_line("MW_EVENTS", text);
}
END_TEST

MW_TEST_MAIN("alerts", an_event_with_its_log_makes_a_line,
	     every_fault_machine_and_transition_makes_a_line,
	     an_event_of_which_little_is_known_makes_a_line)
