#include "tests/unit/stores.h"

/* --- events ----------------------------------------------------------------------------------- */

START_TEST(an_event_comes_back_as_it_was_put)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event in = make_event("press/7", NOON, MW_LANGUAGE_KO), out;
	struct mw_event_window window = make_window(&in), window_out;

	in.p_value = NAN;
	ck_assert(put(store, &in, MW_TRANSITION_RAISED));
	ck_assert_int_eq(mw_store_event_get(store, in.id, &out, &window_out), MW_E_OK);
	ck_assert(same_event(&in, &out));
	ck_assert(same_window(&window, &window_out));
	ck_assert_int_eq(mw_store_event_get(store, "ev-none", &out, &window_out), MW_E_NOTFOUND);
	mw_store_close(store);
	store = open_store(&place, false); /* and after a restart */
	ck_assert_int_eq(mw_store_event_get(store, in.id, &out, NULL), MW_E_OK);
	ck_assert(same_event(&in, &out));
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(the_last_transition_wins_and_all_are_logged)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN), out;
	struct mw_event_window window;

	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	next_transition(&event, MW_ALARM_ACK_ACTIVE, 5 * SECOND);
	ck_assert(put(store, &event, MW_TRANSITION_ACKED));
	next_transition(&event, MW_ALARM_NORMAL, 5 * SECOND);
	event.cleared_ns = event.updated_ns;
	event.n_channel = 1;
	ck_assert(put(store, &event, MW_TRANSITION_CLEARED));
	ck_assert_int_eq(mw_store_event_get(store, event.id, &out, &window), MW_E_OK);
	ck_assert(same_event(&event, &out));
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log"), 3);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event"), 1);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event_channel"), 1);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log WHERE transition = 'cleared'"
				       " AND who = 'test' AND recorded_ms > 1700000000000"),
			 1);
	remove_place(&place);
}
END_TEST

START_TEST(a_transition_seen_before_changes_nothing)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN), again, out;
	bool is_new = true;

	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	again = event;
	strcpy(again.explanation, "something else");
	again.n_citation = 0;
	ck_assert_int_eq(
	    mw_store_event_put(store, &again, NULL, MW_TRANSITION_RAISED, NULL, &is_new), MW_E_OK);
	ck_assert(!is_new);
	ck_assert_int_eq(mw_store_event_get(store, event.id, &out, NULL), MW_E_OK);
	ck_assert(same_event(&event, &out));
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log"), 1);
	remove_place(&place);
}
END_TEST

START_TEST(a_late_transition_is_logged_but_turns_nothing_back)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event first = make_event("p1", NOON, MW_LANGUAGE_EN), second = first, out;

	next_transition(&second, MW_ALARM_ACK_ACTIVE, SECOND);
	ck_assert(put(store, &second, MW_TRANSITION_ACKED));
	ck_assert(put(store, &first, MW_TRANSITION_RAISED));
	ck_assert_int_eq(mw_store_event_get(store, first.id, &out, NULL), MW_E_OK);
	ck_assert(same_event(&second, &out));
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log"), 2);
	remove_place(&place);
}
END_TEST

START_TEST(the_list_is_newest_first_and_filtered)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event_query query = {.limit = 3};
	struct mw_event *list;
	size_t n;

	for (int i = 0; i < 20; i++) {
		struct mw_event event =
		    make_event(i % 2 ? "odd" : "even", NOON + i * SECOND, MW_LANGUAGE_EN);

		event.cleared_ns = i < 15 ? event.raised_ns + SECOND : 0;
		ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	}
	ck_assert_int_eq(mw_store_events(store, &query, &list, &n), MW_E_OK);
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(list[i].raised_ns, NOON + (19 - (int64_t)i) * SECOND);
	free(list);
	query = (struct mw_event_query){.asset = "odd"};
	ck_assert_uint_eq(count(store, &query), 10);
	query = (struct mw_event_query){.active_only = true};
	ck_assert_uint_eq(count(store, &query), 5);
	query = (struct mw_event_query){.from_ns = NOON + 4 * SECOND, .to_ns = NOON + 8 * SECOND};
	ck_assert_uint_eq(count(store, &query), 4);
	query = (struct mw_event_query){.asset = "nobody"};
	ck_assert_uint_eq(count(store, &query), 0);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(words_are_found_in_both_languages)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
	    {"cavitation", 2}, /* the code of both, the words of one */
	    {"CAVITATION", 2},
	    {"suction strainer", 1},
	    {"strainer bearing", 0},
	    {"캐비테이션", 1}, /* with a particle after it in the text */
	    {"흡입 밸브", 1},
	    {"필터", 1},
	    {"베어링", 0},
	    {"discharge", 1},
	    {"disch", 1},
	    {"p-en", 1},
	    {"\"", 0},
	    {"a AND OR NOT (", 0},
	    {"fault: *", 0},
	    {"' OR 1=1 --", 0},
	    {"   ", 2},
	};
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event en = make_event("p-en", NOON, MW_LANGUAGE_EN);
	struct mw_event ko = make_event("p-ko", NOON, MW_LANGUAGE_KO);

	ck_assert(put(store, &en, MW_TRANSITION_RAISED));
	ck_assert(put(store, &ko, MW_TRANSITION_RAISED));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(found(store, cases[i].text) == cases[i].n, "%s: %zu", cases[i].text,
			      found(store, cases[i].text));
	strcpy(en.explanation, "bearing wear at the drive end");
	en.n_citation = 0;
	next_transition(&en, MW_ALARM_UNACK_ACTIVE, SECOND);
	ck_assert(put(store, &en, MW_TRANSITION_UPDATED)); /* new words replace the old ones */
	ck_assert_uint_eq(found(store, "bearing"), 1);
	ck_assert_uint_eq(found(store, "discharge"), 0);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(the_log_is_append_only)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN);

	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	mw_store_close(store);
	ck_assert_int_eq(refuse(place.db, "UPDATE alarm_log SET who = 'me'"), SQLITE_CONSTRAINT);
	ck_assert_int_eq(refuse(place.db, "DELETE FROM alarm_log"), SQLITE_CONSTRAINT);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log WHERE who = 'test'"), 1);
	remove_place(&place);
}
END_TEST

START_TEST(retention_removes_old_closed_events_in_small_steps)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event_query all = {0};
	int64_t removed = -1;

	for (int i = 0; i < 10; i++) {
		struct mw_event event = make_event("p1", NOON + i * SECOND, MW_LANGUAGE_EN);

		if (i != 2) /* one is never cleared */
			event.cleared_ns = event.updated_ns;
		ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	}
	ck_assert_int_eq(mw_store_expire(store, NOON + 6 * SECOND, 3, &removed), MW_E_OK);
	ck_assert_int_eq(removed, 3);
	ck_assert_int_eq(mw_store_expire(store, NOON + 6 * SECOND, 3, &removed), MW_E_OK);
	ck_assert_int_eq(removed, 2);
	ck_assert_int_eq(mw_store_expire(store, NOON + 6 * SECOND, 3, &removed), MW_E_OK);
	ck_assert_int_eq(removed, 0);
	ck_assert_uint_eq(count(store, &all), 5);
	ck_assert_uint_eq(found(store, "cavitation"), 5);
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log"), 5);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event_window"), 5);
	/* What is younger than the mark stays protected. */
	ck_assert_int_eq(
	    refuse(place.db, "DELETE FROM alarm_log WHERE at_ns > 1772625606000000000"),
	    SQLITE_CONSTRAINT);
	remove_place(&place);
}
END_TEST

/* --- transactions, outbox, states ------------------------------------------------------------- */

START_TEST(a_rolled_back_transaction_leaves_nothing)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN);
	struct mw_event_query all = {0};
	int64_t n = -1;

	ck_assert_int_eq(mw_store_begin(store), MW_E_OK);
	ck_assert_int_eq(mw_store_begin(store), MW_E_INVAL);
	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	ck_assert_int_eq(outbox(store, "k", "{}"), MW_E_OK);
	mw_store_rollback(store);
	mw_store_rollback(store); /* harmless */
	ck_assert_int_eq(mw_store_commit(store), MW_E_INVAL);
	ck_assert_uint_eq(count(store, &all), 0);
	ck_assert_int_eq(mw_store_outbox_count(store, &n), MW_E_OK);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(mw_store_begin(store), MW_E_OK);
	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	ck_assert_int_eq(mw_store_commit(store), MW_E_OK);
	ck_assert_uint_eq(count(store, &all), 1);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(the_outbox_keeps_order_and_keys)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_outbox_row row;
	int64_t after = 0, n;
	char key[16], payload[16];

	for (int i = 0; i < 10; i++) {
		(void)snprintf(key, sizeof(key), "k%d", 9 - i);
		(void)snprintf(payload, sizeof(payload), "%d", i);
		ck_assert_int_eq(outbox(store, key, payload), MW_E_OK);
		ck_assert_int_eq(outbox(store, key, "again"), MW_E_OK);
	}
	ck_assert_int_eq(mw_store_outbox_count(store, &n), MW_E_OK);
	ck_assert_int_eq(n, 10);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(mw_store_outbox_next(store, after, &row), MW_E_OK);
		ck_assert_int_eq(atoi(row.payload), i);
		ck_assert_uint_eq(row.size, 1);
		ck_assert_str_eq(row.topic, "millwright/g/alert/p1");
		ck_assert_int_eq(row.qos, 1);
		ck_assert(!row.retained);
		after = row.row;
		free(row.payload);
		if (i == 4)
			ck_assert_int_eq(mw_store_outbox_done(store, row.row), MW_E_OK);
	}
	ck_assert_int_eq(mw_store_outbox_next(store, after, &row), MW_E_NOTFOUND);
	ck_assert_int_eq(mw_store_outbox_count(store, &n), MW_E_OK);
	ck_assert_int_eq(n, 9);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

static mw_err collect(void *ctx, const char *key, const uint8_t *data, size_t size)
{
	char *seen = ctx;

	(void)snprintf(seen + strlen(seen), 100 - strlen(seen), "%s=%.*s ", key, (int)size,
		       (const char *)data);
	return strcmp(key, "asset/stop") == 0 ? MW_E_AGAIN : MW_E_OK;
}

START_TEST(states_are_named_blobs)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	char seen[100] = "";
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(mw_store_state_get(store, "pipeline", &data, &size), MW_E_NOTFOUND);
	ck_assert_int_eq(mw_store_state_put(store, "pipeline", (const uint8_t *)"1", 1), MW_E_OK);
	ck_assert_int_eq(mw_store_state_put(store, "pipeline", (const uint8_t *)"22", 2), MW_E_OK);
	ck_assert_int_eq(mw_store_state_put(store, "asset/b", (const uint8_t *)"B", 1), MW_E_OK);
	ck_assert_int_eq(mw_store_state_put(store, "asset/a", NULL, 0), MW_E_OK);
	ck_assert_int_eq(mw_store_state_get(store, "pipeline", &data, &size), MW_E_OK);
	ck_assert_uint_eq(size, 2);
	ck_assert_mem_eq(data, "22", 3);
	free(data);
	ck_assert_int_eq(mw_store_state_each(store, "asset/", collect, seen), MW_E_OK);
	ck_assert_str_eq(seen, "asset/a= asset/b=B ");
	ck_assert_int_eq(mw_store_state_put(store, "asset/stop", (const uint8_t *)"", 0), MW_E_OK);
	ck_assert_int_eq(mw_store_state_each(store, "asset/", collect, seen), MW_E_AGAIN);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(baselines_are_versioned_and_the_newest_stays)
{
	static const struct mw_store_channel channel[] = {{"flow", "m3/h", MW_ROLE_FLOW},
							  {"pressure", "bar", MW_ROLE_PRESSURE}};
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	int64_t version = 0;
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(mw_store_asset_put(store, "p1", MW_MACHINE_PUMP, SECOND, channel, 2),
			 MW_E_OK);
	ck_assert_int_eq(mw_store_baseline_get(store, "p1", &data, &size, NULL), MW_E_NOTFOUND);
	for (int64_t i = 1; i <= 3; i++) {
		uint8_t byte = (uint8_t)i;

		ck_assert_int_eq(mw_store_baseline_put(store, "p1", i, &byte, 1, &version),
				 MW_E_OK);
		ck_assert_int_eq(version, i);
	}
	ck_assert_int_eq(mw_store_expire(store, 100, 100, &version), MW_E_OK);
	ck_assert_int_eq(version, 2);
	ck_assert_int_eq(mw_store_baseline_get(store, "p1", &data, &size, &version), MW_E_OK);
	ck_assert_int_eq(version, 3);
	ck_assert_uint_eq(size, 1);
	ck_assert_uint_eq(data[0], 3);
	free(data);
	ck_assert_int_eq(mw_store_asset_put(store, "p1", MW_MACHINE_FAN, SECOND, channel + 1, 1),
			 MW_E_OK);
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM channel WHERE name = 'pressure'"
				       " AND position = 0 AND role = 'pressure'"),
			 1);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM channel"), 1);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM asset WHERE machine = 'fan'"), 1);
	remove_place(&place);
}
END_TEST

MW_TEST_MAIN("store", an_event_comes_back_as_it_was_put,
	     the_last_transition_wins_and_all_are_logged, a_transition_seen_before_changes_nothing,
	     a_late_transition_is_logged_but_turns_nothing_back,
	     the_list_is_newest_first_and_filtered, words_are_found_in_both_languages,
	     the_log_is_append_only, retention_removes_old_closed_events_in_small_steps,
	     a_rolled_back_transaction_leaves_nothing, the_outbox_keeps_order_and_keys,
	     states_are_named_blobs, baselines_are_versioned_and_the_newest_stays)
