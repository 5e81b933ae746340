#include "gateway/io/store.h"

#include "tests/unit/events.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOON (1772625600LL * SECOND) /* 2026-03-04T12:00:00Z */

/* Every test runs in a process of its own (Check forks), so a directory per test is enough. */
struct place {
	char dir[64], db[96];
};

static struct place make_place(void)
{
	struct place place = {"/tmp/millwright-store-XXXXXX", ""};

	ck_assert_ptr_nonnull(mkdtemp(place.dir));
	(void)snprintf(place.db, sizeof(place.db), "%s/store.db", place.dir);
	return place;
}

static void remove_place(const struct place *place)
{
	DIR *dir = opendir(place->dir);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ck_assert_int_eq(unlinkat(dirfd(dir), entry->d_name, 0), 0);
	closedir(dir);
	ck_assert_int_eq(rmdir(place->dir), 0);
}

static struct mw_store *open_store(const struct place *place, bool read_only)
{
	struct mw_store_opts opts = {.path = place->db, .read_only = read_only};
	struct mw_store *store = NULL;
	char why[256] = "";

	ck_assert_msg(mw_store_open(&opts, why, sizeof(why), NULL, &store) == MW_E_OK, "%s", why);
	return store;
}

static bool put(struct mw_store *store, const struct mw_event *event, enum mw_transition transition)
{
	struct mw_event_window window = make_window(event);
	bool is_new = false;

	ck_assert_msg(mw_store_event_put(store, event, &window, transition, "test", &is_new) ==
			  MW_E_OK,
		      "%s", mw_store_why(store));
	return is_new;
}

static size_t count(struct mw_store *store, const struct mw_event_query *query)
{
	struct mw_event *event = NULL;
	size_t n = 0;

	ck_assert_msg(mw_store_events(store, query, &event, &n) == MW_E_OK, "%s",
		      mw_store_why(store));
	free(event);
	return n;
}

static size_t found(struct mw_store *store, const char *text)
{
	struct mw_event_query query = {.text = text};

	return count(store, &query);
}

/* A second look at the file, by SQLite alone, when the store is closed. */
static int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t value = -1;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s",
		      sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

/* The result of one statement that is expected to fail. */
static int refuse(const char *path, const char *sql)
{
	sqlite3 *db;
	int rc;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return rc;
}

/* --- events ---------------------------------------------------------------------------------- */

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

/* --- transactions, outbox, states ------------------------------------------------------------ */

static int outbox(struct mw_store *store, const char *key, const char *payload)
{
	return mw_store_outbox_put(store, key, "millwright/g/alert/p1", payload, strlen(payload), 1,
				   false);
}

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

/* --- what goes wrong ------------------------------------------------------------------------- */

/* Limits how large a file may grow in this process: writes beyond fail as on a full disk. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_disk_that_does_not_take_more_loses_no_committed_event)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event_query all = {.limit = 10000};
	size_t committed = 0;
	mw_err err = MW_E_OK;
	bool is_new;

	limit_files(1024 * 1024);
	for (int i = 0; !err && i < 1000; i++) {
		struct mw_event event = make_event("p1", NOON + i * SECOND, MW_LANGUAGE_EN);
		struct mw_event_window window = make_window(&event);

		err = mw_store_begin(store);
		ck_assert_int_eq(err, MW_E_OK);
		err =
		    mw_store_event_put(store, &event, &window, MW_TRANSITION_RAISED, "t", &is_new);
		if (!err)
			err = outbox(store, event.id, "{}");
		if (!err)
			err = mw_store_commit(store);
		else
			mw_store_rollback(store);
		committed += err == MW_E_OK;
	}
	ck_assert_msg(err == MW_E_IO || err == MW_E_FULL, "%s", mw_err_text(err));
	ck_assert_uint_gt(strlen(mw_store_why(store)), 0);
	ck_assert_uint_gt(committed, 5);
	ck_assert_uint_eq(count(store, &all), committed);
	limit_files(RLIM_INFINITY); /* somebody made room: it goes on by itself */
	struct mw_event event = make_event("p2", NOON, MW_LANGUAGE_EN);

	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event"), (int64_t)committed + 1);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM outbox"), (int64_t)committed);
	remove_place(&place);
}
END_TEST

static void scribble(const char *path, off_t at, size_t n)
{
	int fd = open(path, O_WRONLY);
	char noise[4096];

	ck_assert_int_ge(fd, 0);
	memset(noise, 0xA5, sizeof(noise));
	for (size_t i = 0; i < n; i += sizeof(noise))
		ck_assert_int_eq(pwrite(fd, noise, sizeof(noise), at + (off_t)i), sizeof(noise));
	close(fd);
}

static size_t count_quarantined(const struct place *place)
{
	DIR *dir = opendir(place->dir);
	struct dirent *entry;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += strncmp(entry->d_name, "store.db.corrupt-", 17) == 0;
	closedir(dir);
	return n;
}

START_TEST(a_corrupt_file_is_moved_aside_and_a_new_one_started)
{
	static const struct {
		off_t at;
		size_t n;
	} cases[] = {{0, 4096}, {4096, 8192}, {32768, 4096}};

	for (size_t i = 0; i < 3; i++) {
		struct place place = make_place();
		struct mw_store_opts opts = {.path = place.db};
		struct mw_store *store = open_store(&place, false);
		struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN);
		struct mw_event_query all = {0};
		bool quarantined = false;
		char why[256];

		ck_assert(put(store, &event, MW_TRANSITION_RAISED));
		mw_store_close(store);
		scribble(place.db, cases[i].at, cases[i].n);
		ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), &quarantined, &store),
				 MW_E_OK);
		ck_assert(quarantined);
		ck_assert_uint_eq(count(store, &all), 0);
		ck_assert(put(store, &event, MW_TRANSITION_RAISED));
		mw_store_close(store);
		ck_assert_uint_eq(count_quarantined(&place), 1);
		remove_place(&place);
	}
}
END_TEST

START_TEST(other_databases_and_newer_ones_are_refused_untouched)
{
	static const struct {
		const char *sql;
		mw_err err;
	} cases[] = {
	    {"CREATE TABLE theirs(x)", MW_E_CONFIG},
	    {"PRAGMA application_id = 77", MW_E_CONFIG},
	    {"PRAGMA application_id = 1297566769; PRAGMA user_version = 9999", MW_E_UNSUPPORTED},
	};

	for (size_t i = 0; i < 3; i++) {
		struct place place = make_place();
		struct mw_store_opts opts = {.path = place.db};
		struct mw_store *store = NULL;
		char why[256] = "";

		ck_assert_int_eq(refuse(place.db, cases[i].sql), SQLITE_OK);
		ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &store),
				 cases[i].err);
		ck_assert_ptr_null(store);
		ck_assert_ptr_nonnull(strstr(why, place.db));
		ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM sqlite_schema"), i == 0);
		ck_assert_uint_eq(count_quarantined(&place), 0);
		remove_place(&place);
	}
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error_with_its_name)
{
	struct mw_store_opts opts = {.path = "/nonexistent/store.db"};
	struct mw_store *store = NULL;
	char why[256] = "";

	ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &store), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/store.db"));
	opts.read_only = true;
	ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &store), MW_E_IO);
}
END_TEST

/* --- copies ---------------------------------------------------------------------------------- */

/* Runs fn in a child that holds the store open, and leaves it as kill -9 would. */
static void in_killed_child(const struct place *place, void (*fn)(struct mw_store *store))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct mw_store *store = open_store(place, false);

		fn(store);
		(void)kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void put_one(struct mw_store *store)
{
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN);

	(void)put(store, &event, MW_TRANSITION_RAISED);
}

static void make_unwritable(const struct place *place)
{
	ck_assert_int_eq(chmod(place->dir, 0555), 0);
	ck_assert_int_eq(chmod(place->db, 0444), 0);
}

/* As somebody without rights: root may write anywhere. */
static void read_as_nobody(const struct place *place, size_t n_expected)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct mw_event_query all = {0};
		struct mw_event event = make_event("p2", NOON, MW_LANGUAGE_EN);
		struct mw_store *store;
		bool is_new;

		if (geteuid() == 0)
			ck_assert_int_eq(setuid(65534), 0);
		store = open_store(place, true);
		ck_assert_uint_eq(count(store, &all), n_expected);
		ck_assert_int_eq(
		    mw_store_event_put(store, &event, NULL, MW_TRANSITION_RAISED, "t", &is_new),
		    MW_E_IO);
		mw_store_close(store);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(a_copy_is_read_from_a_read_only_directory)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);

	put_one(store);
	mw_store_close(store);
	make_unwritable(&place);
	read_as_nobody(&place, 1);
	ck_assert_int_eq(chmod(place.dir, 0755), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_copy_with_a_leftover_log_shows_what_the_log_holds)
{
	struct place place = make_place();
	char wal[128];
	struct stat before, after;

	(void)snprintf(wal, sizeof(wal), "%s-wal", place.db);
	in_killed_child(&place, put_one);
	ck_assert_int_eq(stat(wal, &before), 0);
	ck_assert_int_gt(before.st_size, 0);
	ck_assert_int_eq(chmod(wal, 0444), 0);
	make_unwritable(&place);
	read_as_nobody(&place, 1);
	ck_assert_int_eq(stat(wal, &after), 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	ck_assert_int_eq(chmod(place.dir, 0755), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_live_database_is_not_opened_twice)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	pid_t child;
	int status;

	put_one(store);
	child = fork();
	if (child == 0) {
		for (int read_only = 0; read_only < 2; read_only++) {
			struct mw_store_opts opts = {.path = place.db, .read_only = read_only};
			struct mw_store *second = NULL;
			char why[256] = "";

			ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &second),
					 MW_E_IO);
			ck_assert_ptr_nonnull(strstr(why, "in use"));
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	put_one(store);
	mw_store_close(store);
	ck_assert_uint_eq(count_quarantined(&place), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_backup_is_one_file_that_opens_anywhere)
{
	struct place place = make_place(), copy = make_place();
	struct mw_store *store = open_store(&place, false), *restored;
	struct mw_event in = make_event("p1", NOON, MW_LANGUAGE_EN), out;
	struct mw_event_window window;
	char why[256] = "";

	ck_assert(put(store, &in, MW_TRANSITION_RAISED));
	ck_assert_int_eq(mw_store_backup(store, copy.db, why, sizeof(why)), MW_E_OK);
	ck_assert_int_eq(mw_store_backup(store, copy.db, why, sizeof(why)), MW_E_OK); /* replaces */
	ck_assert_int_eq(mw_store_backup(store, "/nonexistent/x", why, sizeof(why)), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/x"));
	restored = open_store(&copy, true);
	ck_assert_int_eq(mw_store_event_get(restored, in.id, &out, &window), MW_E_OK);
	ck_assert(same_event(&in, &out));
	mw_store_close(restored);
	mw_store_close(store);
	remove_place(&place);
	remove_place(&copy); /* fails if anything but the copy lay there: rmdir needs it empty */
}
END_TEST

/* --- kill -9 --------------------------------------------------------------------------------- */

/* Commits transitions with their outbox rows for ever; tells the pipe each one that is committed.
 */
static void write_for_ever(const char *path, int pipe_fd)
{
	struct mw_store_opts opts = {.path = path};
	struct mw_store *store;
	char why[256], key[64];
	bool is_new;

	if (mw_store_open(&opts, why, sizeof(why), NULL, &store))
		_exit(1);
	for (int64_t i = getpid() * 100000LL;; i++) {
		struct mw_event event = make_event("p1", NOON + i * SECOND, MW_LANGUAGE_KO);
		struct mw_event_window window = make_window(&event);

		for (; event.sequence < 3; next_transition(&event, MW_ALARM_ACK_ACTIVE, SECOND)) {
			(void)snprintf(key, sizeof(key), "%s/%u", event.id, event.sequence);
			if (mw_store_begin(store) ||
			    mw_store_event_put(store, &event, &window, MW_TRANSITION_UPDATED, "t",
					       &is_new) ||
			    outbox(store, key, event.explanation) || mw_store_commit(store) ||
			    write(pipe_fd, "x", 1) != 1)
				_exit(2);
		}
	}
}

static int64_t kill_at_random(const char *path, unsigned delay_us)
{
	struct timespec delay = {.tv_nsec = (long)delay_us * 1000};
	int fd[2], status;
	int64_t told = 0;
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(fd), 0);
	child = fork();
	if (child == 0) {
		close(fd[0]);
		write_for_ever(path, fd[1]);
	}
	close(fd[1]);
	ck_assert_int_eq(read(fd[0], &byte, 1), 1); /* it works: now any moment is a bad one */
	(void)nanosleep(&delay, NULL);
	(void)kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	for (told = 1; read(fd[0], &byte, 1) == 1;)
		told++;
	close(fd[0]);
	return told;
}

START_TEST(kill_9_in_the_middle_of_commits_tears_nothing)
{
	struct place place = make_place();
	struct mw_store *store;
	int64_t told = 0;
	unsigned random = 12345;
	char why[256] = "";

	for (int round = 0; round < 12; round++) {
		random = random * 1664525u + 1013904223u;
		told += kill_at_random(place.db, (random >> 16) % 30000);
	}
	store = open_store(&place, false);
	ck_assert_msg(mw_store_check(store, why, sizeof(why)) == MW_E_OK, "%s", why);
	mw_store_close(store);
	ck_assert_uint_eq(count_quarantined(&place), 0);
	/* Everything that was told is there; a commit may be there that was not told any more. */
	ck_assert_int_ge(ask(place.db, "SELECT count(*) FROM alarm_log"), told);
	ck_assert_int_le(ask(place.db, "SELECT count(*) FROM alarm_log"), told + 12);
	/* Each log row has its outbox row, each event its newest log row, window and channels. */
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log WHERE event || '/' ||"
				       " sequence NOT IN (SELECT key FROM outbox)"),
			 0);
	ck_assert_int_eq(ask(place.db, "SELECT (SELECT count(*) FROM outbox) -"
				       " (SELECT count(*) FROM alarm_log)"),
			 0);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event e WHERE sequence <> (SELECT"
				       " max(sequence) FROM alarm_log WHERE event = e.id) OR 2 <>"
				       " (SELECT count(*) FROM event_channel WHERE event = e.row)"
				       " OR row NOT IN (SELECT event FROM event_window)"),
			 0);
	remove_place(&place);
}
END_TEST

MW_TEST_MAIN("store", an_event_comes_back_as_it_was_put,
	     the_last_transition_wins_and_all_are_logged, a_transition_seen_before_changes_nothing,
	     a_late_transition_is_logged_but_turns_nothing_back,
	     the_list_is_newest_first_and_filtered, words_are_found_in_both_languages,
	     the_log_is_append_only, retention_removes_old_closed_events_in_small_steps,
	     a_rolled_back_transaction_leaves_nothing, the_outbox_keeps_order_and_keys,
	     states_are_named_blobs, baselines_are_versioned_and_the_newest_stays,
	     a_disk_that_does_not_take_more_loses_no_committed_event,
	     a_corrupt_file_is_moved_aside_and_a_new_one_started,
	     other_databases_and_newer_ones_are_refused_untouched,
	     a_directory_that_is_not_there_is_an_error_with_its_name,
	     a_copy_is_read_from_a_read_only_directory,
	     a_copy_with_a_leftover_log_shows_what_the_log_holds,
	     a_live_database_is_not_opened_twice, a_backup_is_one_file_that_opens_anywhere,
	     kill_9_in_the_middle_of_commits_tears_nothing)
