#include "tests/unit/stores.h"

#include "gateway/core/similar.h"

#define DAY (86400 * SECOND)

/* Puts an event of day `day` whose window points to `turn`. */
static struct mw_event put_turned(struct mw_store *store, const char *asset, int day, double turn,
				  const char *model)
{
	struct mw_event event = make_event(asset, NOON + day * DAY, MW_LANGUAGE_EN);
	struct mw_event_window window = make_window(&event);
	bool is_new = false;

	window.embedding = make_embedding(turn);
	event.similar.n = 0;
	(void)snprintf(event.model, sizeof(event.model), "%s", model);
	ck_assert_int_eq(
	    mw_store_event_put(store, &event, &window, MW_TRANSITION_RAISED, "test", &is_new),
	    MW_E_OK);
	ck_assert(is_new);
	return event;
}

static struct mw_similar_list ask_similar(struct mw_store *store, const char *asset, int day,
					  double turn, const char *model)
{
	struct mw_event event = make_event(asset, NOON + day * DAY, MW_LANGUAGE_EN);
	struct mw_embedding embedding = make_embedding(turn);
	struct mw_similar_list list = {.n = 77};

	(void)snprintf(event.model, sizeof(event.model), "%s", model);
	ck_assert_msg(mw_store_similar(store, &event, &embedding, &list) == MW_E_OK, "%s",
		      mw_store_why(store));
	return list;
}

START_TEST(the_nearest_earlier_events_of_the_asset_and_model_are_found)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event near, nearest;
	struct mw_similar_list list;

	near = put_turned(store, "p1", 1, 0.4, "m 1");
	nearest = put_turned(store, "p1", 2, 0.1, "m 1");
	(void)put_turned(store, "p1", 3, 1.5, "m 1"); /* unlike */
	(void)put_turned(store, "p1", 4, 0, "m 2");   /* another model's */
	(void)put_turned(store, "p2", 5, 0, "m 1");   /* another machine's */
	(void)put_turned(store, "p1", 7, 0, "m 1");   /* later */
	next_transition(&nearest, MW_ALARM_ACK_ACTIVE, SECOND);
	ck_assert(put(store, &nearest, MW_TRANSITION_ACKED));
	list = ask_similar(store, "p1", 6, 0, "m 1");
	ck_assert_uint_eq(list.n, 2);
	ck_assert_str_eq(list.event[0].id, nearest.id);
	ck_assert_int_eq(list.event[0].raised_ns, nearest.raised_ns);
	ck_assert_double_eq_tol(list.event[0].similarity, cos(0.1), 0.01);
	ck_assert_int_eq(list.event[0].fault, nearest.fault);
	ck_assert(list.event[0].acknowledged);
	ck_assert_str_eq(list.event[1].id, near.id);
	ck_assert(!list.event[1].acknowledged);
	ck_assert_uint_eq(ask_similar(store, "p3", 6, 0, "m 1").n, 0);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(events_without_a_vector_are_neither_compared_nor_in_the_way)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event blind = make_event("p1", NOON + DAY, MW_LANGUAGE_EN);
	struct mw_embedding none = {0};
	struct mw_similar_list list;

	strcpy(blind.model, "none");
	ck_assert(put(store, &blind, MW_TRANSITION_RAISED)); /* make_window has no embedding */
	ck_assert_uint_eq(ask_similar(store, "p1", 6, 0, "none").n, 0);
	(void)put_turned(store, "p1", 2, 0, "none");
	ck_assert_uint_eq(ask_similar(store, "p1", 6, 0, "none").n, 1);
	ck_assert_int_eq(mw_store_similar(store, &blind, &none, &list), MW_E_OK);
	ck_assert_uint_eq(list.n, 0);
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event_embedding"), 1);
	ck_assert_int_eq(ask(place.db, "SELECT length(vector) FROM event_embedding"), 4);
	remove_place(&place);
}
END_TEST

START_TEST(no_more_than_the_newest_events_are_compared)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);

	ck_assert_int_eq(mw_store_begin(store), MW_E_OK);
	(void)put_turned(store, "p1", 0, 0, "m"); /* the only one that is alike */
	for (int day = 1; day < MW_SIMILAR_COMPARED; day++)
		(void)put_turned(store, "p1", day, 1.5, "m");
	ck_assert_int_eq(mw_store_commit(store), MW_E_OK);
	ck_assert_uint_eq(ask_similar(store, "p1", MW_SIMILAR_COMPARED, 0, "m").n, 1);
	(void)put_turned(store, "p1", MW_SIMILAR_COMPARED, 1.5, "m");
	ck_assert_uint_eq(ask_similar(store, "p1", MW_SIMILAR_COMPARED + 1, 0, "m").n, 0);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

START_TEST(the_vector_of_the_raise_stays_and_leaves_with_its_event)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event event = put_turned(store, "p1", 0, 0, "m");
	int64_t removed = 0;

	next_transition(&event, MW_ALARM_UNACK_ACTIVE, SECOND);
	ck_assert(put(store, &event, MW_TRANSITION_UPDATED));
	ck_assert_uint_eq(ask_similar(store, "p1", 1, 0, "m").n, 1);
	next_transition(&event, MW_ALARM_NORMAL, SECOND);
	event.cleared_ns = event.updated_ns;
	resemble(&event, NOON - DAY, 0.9);
	ck_assert(put(store, &event, MW_TRANSITION_CLEARED));
	ck_assert_int_eq(mw_store_expire(store, NOON + DAY, 10, &removed), MW_E_OK);
	ck_assert_int_eq(removed, 1);
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event_embedding"), 0);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event_similar"), 0);
	remove_place(&place);
}
END_TEST

START_TEST(vectors_of_a_damaged_file_are_not_believed)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);

	(void)put_turned(store, "p1", 0, 0, "m");
	(void)put_turned(store, "p1", 1, 0, "m");
	mw_store_close(store);
	ck_assert_int_eq(refuse(place.db, "UPDATE event_embedding SET vector = zeroblob(9999)"
					  " WHERE event = 1"),
			 SQLITE_OK);
	ck_assert_int_eq(refuse(place.db, "UPDATE event_embedding SET vector = x''"
					  " WHERE event = 2"),
			 SQLITE_OK);
	store = open_store(&place, false);
	ck_assert_uint_eq(ask_similar(store, "p1", 2, 0, "m").n, 0);
	mw_store_close(store);
	remove_place(&place);
}
END_TEST

MW_TEST_MAIN("store_similar", the_nearest_earlier_events_of_the_asset_and_model_are_found,
	     events_without_a_vector_are_neither_compared_nor_in_the_way,
	     no_more_than_the_newest_events_are_compared,
	     the_vector_of_the_raise_stays_and_leaves_with_its_event,
	     vectors_of_a_damaged_file_are_not_believed)
