/* stores.h -- a store in a directory of its own, for tests.  Check runs each test in a process of
 * its own. */
#ifndef MW_TESTS_STORES_H
#define MW_TESTS_STORES_H

#include "gateway/io/store.h"

#include "tests/unit/events.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#define NOON (1772625600LL * SECOND) /* 2026-03-04T12:00:00Z */

struct place {
	char dir[64], db[96];
};

static inline struct place make_place(void)
{
	struct place place = {"/tmp/millwright-store-XXXXXX", ""};

	ck_assert_ptr_nonnull(mkdtemp(place.dir));
	(void)snprintf(place.db, sizeof(place.db), "%s/store.db", place.dir);
	return place;
}

static inline void remove_place(const struct place *place)
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

static inline struct mw_store *open_store(const struct place *place, bool read_only)
{
	struct mw_store_opts opts = {.path = place->db, .read_only = read_only};
	struct mw_store *store = NULL;
	char why[256] = "";

	ck_assert_msg(mw_store_open(&opts, why, sizeof(why), NULL, &store) == MW_E_OK, "%s", why);
	return store;
}

static inline bool put(struct mw_store *store, const struct mw_event *event,
		       enum mw_transition transition)
{
	struct mw_event_window window = make_window(event);
	bool is_new = false;

	ck_assert_msg(mw_store_event_put(store, event, &window, transition, "test", &is_new) ==
			  MW_E_OK,
		      "%s", mw_store_why(store));
	return is_new;
}

static inline size_t count(struct mw_store *store, const struct mw_event_query *query)
{
	struct mw_event *event = NULL;
	size_t n = 0;

	ck_assert_msg(mw_store_events(store, query, &event, &n) == MW_E_OK, "%s",
		      mw_store_why(store));
	free(event);
	return n;
}

static inline size_t found(struct mw_store *store, const char *text)
{
	struct mw_event_query query = {.text = text};

	return count(store, &query);
}

/* A second look at the file, by SQLite alone, when the store is closed. */
static inline int64_t ask(const char *path, const char *sql)
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
static inline int refuse(const char *path, const char *sql)
{
	sqlite3 *db;
	int rc;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return rc;
}

static inline int outbox(struct mw_store *store, const char *key, const char *payload)
{
	return mw_store_outbox_put(store, key, "millwright/g/alert/p1", payload, strlen(payload), 1,
				   false);
}

#endif
