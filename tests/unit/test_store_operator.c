/* What operators say is kept, counts from then on, and leaves with its event. */
#include "tests/unit/stores.h"

#define DAY (86400 * SECOND)

static struct mw_event put_day(struct mw_store *store, int day)
{
	struct mw_event event = make_event("p1", NOON + day * DAY, MW_LANGUAGE_EN);

	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	return event;
}

static void say(struct mw_store *store, const struct mw_event *event, enum mw_feedback feedback)
{
	ck_assert_msg(mw_store_feedback_put(store, event->id, feedback, "the valve was cleaned",
					    "kim") == MW_E_OK,
		      "%s", mw_store_why(store));
}

START_TEST(the_last_word_on_an_event_counts)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = put_day(store, 0), read;

	ck_assert_int_eq(mw_store_event_get(store, event.id, &read, NULL), MW_E_OK);
	ck_assert_uint_eq(read.feedback, MW_FEEDBACK_NONE);
	say(store, &event, MW_FEEDBACK_TRUE);
	say(store, &event, MW_FEEDBACK_FALSE);
	say(store, &event, MW_FEEDBACK_FALSE); /* delivered twice */
	ck_assert_int_eq(mw_store_event_get(store, event.id, &read, NULL), MW_E_OK);
	ck_assert_uint_eq(read.feedback, MW_FEEDBACK_FALSE);
	ck_assert_int_eq(
	    mw_store_feedback_put(store, "ev-0000000000000000", MW_FEEDBACK_TRUE, "", "kim"),
	    MW_E_INVAL);
	mw_store_close(store);
	ck_assert_int_eq(refuse(place.db, "UPDATE feedback SET said = 'true'"), SQLITE_CONSTRAINT);
	ck_assert_int_eq(refuse(place.db, "DELETE FROM feedback"), SQLITE_CONSTRAINT);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM feedback"), 2);
	remove_place(&place);
}
END_TEST

START_TEST(an_earlier_event_carries_what_was_said_of_it)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event earlier = put_day(store, -1), event = put_day(store, 0), read;

	say(store, &earlier,
	    MW_FEEDBACK_FALSE); /* after the other was raised: it is told all the same */
	ck_assert_str_eq(event.similar.event[0].id, earlier.id);
	ck_assert_int_eq(mw_store_event_get(store, event.id, &read, NULL), MW_E_OK);
	ck_assert_uint_eq(read.similar.event[0].feedback, MW_FEEDBACK_FALSE);
	ck_assert_uint_eq(read.similar.event[1].feedback, MW_FEEDBACK_NONE);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(the_log_tells_who_did_what_and_why)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = put_day(store, 0);
	struct mw_log_entry *entry;
	bool is_new;
	size_t n;

	next_transition(&event, MW_ALARM_SHELVED, SECOND);
	ck_assert_int_eq(
	    mw_store_event_put(store, &event, NULL, MW_TRANSITION_SHELVED, "lee", &is_new),
	    MW_E_OK);
	ck_assert_int_eq(mw_store_note_put(store, event.id, event.sequence, "new impeller"),
			 MW_E_OK);
	say(store, &event, MW_FEEDBACK_UNSURE);
	ck_assert_int_eq(mw_store_event_log(store, event.id, &entry, &n), MW_E_OK);
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++)
		if (entry[i].is_feedback) {
			ck_assert_int_eq(entry[i].feedback, MW_FEEDBACK_UNSURE);
			ck_assert_str_eq(entry[i].note, "the valve was cleaned");
		} else if (entry[i].transition == MW_TRANSITION_SHELVED) {
			ck_assert_int_eq(entry[i].state, MW_ALARM_SHELVED);
			ck_assert_str_eq(entry[i].who, "lee");
			ck_assert_str_eq(entry[i].note, "new impeller");
			ck_assert_int_eq(entry[i].at_ns, event.updated_ns);
			ck_assert_int_gt(entry[i].recorded_ns, NOON);
		}
	free(entry);
	ck_assert_int_eq(mw_store_event_log(store, "ev-none", &entry, &n), MW_E_OK);
	ck_assert_uint_eq(n, 0);
	free(entry);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(feedback_and_notes_leave_with_their_event)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = put_day(store, 0);
	int64_t removed;

	next_transition(&event, MW_ALARM_NORMAL, SECOND);
	event.cleared_ns = event.updated_ns;
	ck_assert(put(store, &event, MW_TRANSITION_CLEARED));
	ck_assert_int_eq(mw_store_note_put(store, event.id, event.sequence, "gone"), MW_E_OK);
	say(store, &event, MW_FEEDBACK_TRUE);
	ck_assert_int_eq(mw_store_expire(store, event.cleared_ns + DAY, 10, &removed), MW_E_OK);
	ck_assert_int_eq(removed, 1);
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM feedback"), 0);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_note"), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_list_is_paged_and_filtered_by_state_and_fault)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event[6], *list;
	struct mw_event_query page = {.limit = 2};
	size_t n;

	for (int i = 0; i < 6; i++) {
		event[i] = make_event(i % 2 ? "p1" : "p2", NOON + i / 2 * SECOND, MW_LANGUAGE_EN);
		event[i].fault = i < 2 ? MW_FAULT_LEAK : MW_FAULT_DRY_RUN;
		event[i].state = i < 4 ? MW_ALARM_UNACK_RETURNED : MW_ALARM_UNACK_ACTIVE;
		ck_assert(put(store, &event[i], MW_TRANSITION_RAISED));
	}
	for (int i = 5; i >= 1; i -= 2) { /* two of one instant stay together and come once */
		ck_assert_int_eq(mw_store_events(store, &page, &list, &n), MW_E_OK);
		ck_assert_uint_eq(n, 2);
		ck_assert_str_eq(list[0].id, event[i].id);
		ck_assert_str_eq(list[1].id, event[i - 1].id);
		page.before = event[i - 1].id;
		free(list);
	}
	ck_assert_uint_eq(count(store, &page), 0);
	ck_assert_uint_eq(count(store, &(struct mw_event_query){.state = "unacknowledged"}), 6);
	ck_assert_uint_eq(count(store, &(struct mw_event_query){.state = "unacknowledged-active"}),
			  2);
	ck_assert_uint_eq(count(store, &(struct mw_event_query){.fault = "leak"}), 2);
	ck_assert_uint_eq(count(store, &(struct mw_event_query){.before = "ev-none"}), 0);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(a_change_is_counted_and_reading_is_none)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = put_day(store, 0);
	uint64_t before = mw_store_changes(store);

	ck_assert_uint_eq(count(store, &(struct mw_event_query){0}), 1);
	ck_assert(!put(store, &event, MW_TRANSITION_RAISED)); /* again: nothing new */
	ck_assert_uint_eq(mw_store_changes(store), before);
	say(store, &event, MW_FEEDBACK_TRUE);
	ck_assert_uint_gt(mw_store_changes(store), before);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

MW_TEST_MAIN("store_operator", the_last_word_on_an_event_counts,
	     an_earlier_event_carries_what_was_said_of_it, the_log_tells_who_did_what_and_why,
	     feedback_and_notes_leave_with_their_event,
	     a_list_is_paged_and_filtered_by_state_and_fault,
	     a_change_is_counted_and_reading_is_none)
