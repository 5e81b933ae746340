/* test_alarm.c -- every transition of the alarm, by tables of windows and operator actions. */
#include "gateway/core/alarm.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

static const struct mw_alarm_opts opts = {
    .p_raise = .01, .on_windows = 2, .off_windows = 3, .p_gross = 1e-6};

static enum mw_alarm_action window(struct mw_alarm *alarm, int64_t time, double p, double score,
				   bool is_fault, bool worse)
{
	struct mw_alarm_input input = {time, p, score, is_fault, worse};

	return mw_alarm_step(alarm, &opts, "pump-1", &input);
}

/* One letter per event: . healthy window, x over, w over and worse, o operation over the threshold,
 * g gross; A ack, S shelve until 100, U unshelve, M out of service, R back; lower case a, u, r, s,
 * m: the same, refused. */
static enum mw_alarm_action play(struct mw_alarm *alarm, char what, int64_t time)
{
	switch (what) {
	case '.':
		return window(alarm, time, .5, .1, false, false);
	case 'x':
		return window(alarm, time, .001, .9, true, false);
	case 'w':
		return window(alarm, time, .001, .9, true, true);
	case 'o':
		return window(alarm, time, .001, .9, false, false);
	case 'g':
		return window(alarm, time, 1e-9, .999, true, false);
	case 'A':
	case 'a':
		ck_assert_int_eq(mw_alarm_ack(alarm), what == 'A' ? MW_E_OK : MW_E_INVAL);
		return MW_ALARM_NOTHING;
	case 'S':
	case 's':
		ck_assert_int_eq(mw_alarm_shelve(alarm, 100), what == 'S' ? MW_E_OK : MW_E_INVAL);
		return MW_ALARM_NOTHING;
	case 'U':
	case 'u':
		ck_assert_int_eq(mw_alarm_unshelve(alarm), what == 'U' ? MW_E_OK : MW_E_INVAL);
		return MW_ALARM_NOTHING;
	case 'M':
	case 'm':
		ck_assert_int_eq(mw_alarm_remove_from_service(alarm),
				 what == 'M' ? MW_E_OK : MW_E_INVAL);
		return MW_ALARM_NOTHING;
	default:
		ck_assert_int_eq(mw_alarm_return_to_service(alarm),
				 what == 'R' ? MW_E_OK : MW_E_INVAL);
		return MW_ALARM_NOTHING;
	}
}

static const char action_letter[] = "-RUCS";

/* actions: what each event comes to, - nothing, R raise, U update, C clear, S unshelve. */
static const struct {
	const char *story, *actions;
	enum mw_alarm_state end;
} stories[] = {
    {"....", "----", MW_ALARM_NORMAL},
    {"x.x.x.", "------", MW_ALARM_NORMAL},
    {"xx", "-R", MW_ALARM_UNACK_ACTIVE},
    {"oooo", "----", MW_ALARM_NORMAL},
    {"g", "R", MW_ALARM_UNACK_ACTIVE},
    {"xxxx", "-R--", MW_ALARM_UNACK_ACTIVE},
    {"xxw", "-RU", MW_ALARM_UNACK_ACTIVE},
    {"wx", "-R", MW_ALARM_UNACK_ACTIVE},
    {"xxA", "-R-", MW_ALARM_ACK_ACTIVE},
    {"xxAw", "-R-U", MW_ALARM_ACK_ACTIVE},
    {"xx..x..x...", "-R--------C", MW_ALARM_UNACK_RETURNED},
    {"xx...", "-R--C", MW_ALARM_UNACK_RETURNED},
    {"xxA...", "-R---C", MW_ALARM_NORMAL},
    {"xx...A", "-R--C-", MW_ALARM_NORMAL},
    {"xx...xx", "-R--C-R", MW_ALARM_UNACK_ACTIVE},
    {"xxA...xx", "-R---C-R", MW_ALARM_UNACK_ACTIVE},
    {"xx......", "-R--C---", MW_ALARM_UNACK_RETURNED},
    {"a", "-", MW_ALARM_NORMAL},
    {"xxAa", "-R--", MW_ALARM_ACK_ACTIVE},
    {"S", "-", MW_ALARM_SHELVED},
    {"Sxxgx", "-----", MW_ALARM_SHELVED},
    {"xxSa", "-R--", MW_ALARM_SHELVED},
    {"xxSx", "-R--", MW_ALARM_SHELVED},
    {"xxS...", "-R---C", MW_ALARM_SHELVED},
    {"xxS...U", "-R---C-", MW_ALARM_NORMAL},
    {"xxSU", "-R--", MW_ALARM_UNACK_ACTIVE},
    {"xxASU", "-R---", MW_ALARM_UNACK_ACTIVE},
    {"xx...SU", "-R--C--", MW_ALARM_NORMAL},
    {"SSU", "---", MW_ALARM_NORMAL},
    {"u", "-", MW_ALARM_NORMAL},
    {"M", "-", MW_ALARM_OUT_OF_SERVICE},
    {"Mxxgas", "------", MW_ALARM_OUT_OF_SERVICE},
    {"xxMm", "-R--", MW_ALARM_OUT_OF_SERVICE},
    {"xxMxxR", "-R----", MW_ALARM_NORMAL},
    {"xxMxxRx", "-R-----", MW_ALARM_NORMAL},
    {"xxMxxRxx", "-R-----R", MW_ALARM_UNACK_ACTIVE},
    {"r", "-", MW_ALARM_NORMAL},
};

START_TEST(every_story_ends_as_the_standard_says)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct mw_alarm alarm;

		mw_alarm_init(&alarm);
		for (size_t k = 0; stories[i].story[k]; k++) {
			char got = action_letter[play(&alarm, stories[i].story[k], (int64_t)k)];

			ck_assert_msg(got == stories[i].actions[k], "%s, event %zu: %c, not %c",
				      stories[i].story, k, got, stories[i].actions[k]);
		}
		ck_assert_msg(alarm.state == stories[i].end, "%s ends %s, not %s", stories[i].story,
			      mw_alarm_state_text(alarm.state),
			      mw_alarm_state_text(stories[i].end));
	}
}
END_TEST

START_TEST(a_shelf_ends_by_data_time)
{
	struct mw_alarm alarm;

	mw_alarm_init(&alarm);
	ck_assert_int_eq(mw_alarm_shelve(&alarm, 50), MW_E_OK);
	ck_assert_int_eq(play(&alarm, 'x', 49), MW_ALARM_NOTHING);
	ck_assert_int_eq(play(&alarm, 'x', 50), MW_ALARM_UNSHELVE);
	ck_assert_int_eq(alarm.state, MW_ALARM_NORMAL);
	ck_assert_int_eq(play(&alarm, 'x', 51), MW_ALARM_RAISE); /* it was over all the while */
}
END_TEST

START_TEST(an_anomaly_that_outlasts_its_shelf_goes_on_as_the_same_alarm)
{
	struct mw_alarm alarm;
	char id[MW_EVENT_ID_SIZE];

	mw_alarm_init(&alarm);
	ck_assert_int_eq(play(&alarm, 'g', 7), MW_ALARM_RAISE);
	memcpy(id, alarm.event_id, sizeof(id));
	ck_assert_int_eq(mw_alarm_shelve(&alarm, 20), MW_E_OK);
	ck_assert_int_eq(play(&alarm, 'x', 10), MW_ALARM_NOTHING);
	ck_assert_int_eq(play(&alarm, 'x', 20), MW_ALARM_UNSHELVE);
	ck_assert_int_eq(alarm.state, MW_ALARM_UNACK_ACTIVE);
	ck_assert_str_eq(alarm.event_id, id);
	ck_assert_int_eq(alarm.raised_ns, 7);
}
END_TEST

START_TEST(id_times_and_sequence_follow_the_transitions)
{
	struct mw_alarm alarm;
	char id[MW_EVENT_ID_SIZE];

	mw_alarm_init(&alarm);
	(void)play(&alarm, '.', 1);
	(void)play(&alarm, 'x', 2);
	ck_assert_int_eq(play(&alarm, 'x', 3), MW_ALARM_RAISE);
	mw_event_id("pump-1", 3, id);
	ck_assert_str_eq(alarm.event_id, id);
	ck_assert_int_eq(alarm.first_over_ns, 2);
	ck_assert_int_eq(alarm.raised_ns, 3);
	ck_assert_uint_eq(alarm.sequence, 0);
	ck_assert_int_eq(play(&alarm, 'w', 4), MW_ALARM_UPDATE);
	ck_assert_uint_eq(alarm.sequence, 1);
	ck_assert_int_eq(mw_alarm_ack(&alarm), MW_E_OK);
	ck_assert_uint_eq(alarm.sequence, 2);
	for (int64_t t = 5; t < 8; t++)
		(void)play(&alarm, '.', t);
	ck_assert_uint_eq(alarm.sequence, 3);
	ck_assert_str_eq(alarm.event_id, id);
}
END_TEST

START_TEST(a_number_that_is_none_never_raises)
{
	struct mw_alarm alarm;

	mw_alarm_init(&alarm);
	for (int64_t t = 0; t < 5; t++)
		ck_assert_int_eq(window(&alarm, t, (double)NAN, (double)NAN, true, true),
				 MW_ALARM_NOTHING);
	ck_assert_int_eq(alarm.state, MW_ALARM_NORMAL);
}
END_TEST

START_TEST(gross_needs_both_the_p_value_and_the_score)
{
	struct mw_alarm alarm;

	mw_alarm_init(&alarm);
	ck_assert_int_eq(window(&alarm, 1, 1e-9, .98, true, false), MW_ALARM_NOTHING);
	mw_alarm_init(&alarm);
	ck_assert_int_eq(window(&alarm, 1, 1e-5, .999, true, false), MW_ALARM_NOTHING);
	mw_alarm_init(&alarm);
	ck_assert_int_eq(window(&alarm, 1, 1e-9, .999, false, false), MW_ALARM_NOTHING);
	ck_assert_int_eq(window(&alarm, 1, 1e-6, .99, true, false), MW_ALARM_RAISE);
}
END_TEST

START_TEST(a_shelf_without_an_end_is_refused)
{
	struct mw_alarm alarm;

	mw_alarm_init(&alarm);
	ck_assert_int_eq(mw_alarm_shelve(&alarm, 0), MW_E_INVAL);
	ck_assert_int_eq(mw_alarm_shelve(&alarm, -5), MW_E_INVAL);
	ck_assert_int_eq(alarm.state, MW_ALARM_NORMAL);
}
END_TEST

START_TEST(a_budget_of_alarms_gives_a_threshold_by_the_period)
{
	const int64_t second = 1000000000;

	ck_assert_double_eq_tol(mw_alarm_p_of_budget(2, second), 0.002, 1e-12);
	ck_assert_double_eq_tol(mw_alarm_p_of_budget(1, second), 0.001, 1e-12);
	ck_assert_double_eq_tol(mw_alarm_p_of_budget(2, second / 10), 0.0002, 1e-12);
	ck_assert_double_eq(mw_alarm_p_of_budget(2, 180 * second), MW_ALARM_P_MAX);
}
END_TEST

MW_TEST_MAIN("alarm", a_budget_of_alarms_gives_a_threshold_by_the_period,
	     every_story_ends_as_the_standard_says, a_shelf_ends_by_data_time,
	     an_anomaly_that_outlasts_its_shelf_goes_on_as_the_same_alarm,
	     id_times_and_sequence_follow_the_transitions, a_number_that_is_none_never_raises,
	     gross_needs_both_the_p_value_and_the_score, a_shelf_without_an_end_is_refused)
