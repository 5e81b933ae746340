/*
 * store_impl.h -- what the store*.c files share: the connection, and statements in one line.
 *
 * Every function here expects the store's mutex to be held and records the reason of a failure.
 */
#ifndef MW_IO_STORE_IMPL_H
#define MW_IO_STORE_IMPL_H

#include "gateway/io/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

struct mw_store {
	sqlite3 *db;
	pthread_mutex_t mutex; /* recursive */
	bool in_transaction;   /* between mw_store_begin and commit, by the thread with the mutex */
	bool read_only;
	char why[256];
	_Atomic uint64_t changes;
};

/* schemas/store_NNNN.sql in order, NULL at the end (generated at build). */
extern const char *const store_sql[];

void store_lock(struct mw_store *store);
void store_unlock(struct mw_store *store);

/* Maps SQLite's result to ours and records "WHAT: reason" for mw_store_why. */
mw_err store_fail(struct mw_store *store, int rc, const char *what);

/* Prepares and binds; *ret_stmt is NULL on failure.  One letter of `types` per argument:
 * i int64_t, d double, t const char *, b const void * and size_t, n nothing (NULL). */
MW_MUST_CHECK mw_err store_query(struct mw_store *store, sqlite3_stmt **ret_stmt, const char *sql,
				 const char *types, ...);
/* The next row: *ret_row = false at the end. */
MW_MUST_CHECK mw_err store_step(struct mw_store *store, sqlite3_stmt *stmt, bool *ret_row);
/* One statement without rows, from prepare to finalize. */
MW_MUST_CHECK mw_err store_do(struct mw_store *store, const char *sql, const char *types, ...);
/* One integer; MW_E_NOTFOUND when there is no row. */
MW_MUST_CHECK mw_err store_integer(struct mw_store *store, int64_t *ret_value, const char *sql,
				   const char *types, ...);

/* A step of several statements that happens whole or not at all, inside a transaction or on its
 * own: err = store_enter(s); if (!err) err = store_leave(s, work(s)); */
MW_MUST_CHECK mw_err store_enter(struct mw_store *store);
MW_MUST_CHECK mw_err store_leave(struct mw_store *store, mw_err err);

/* Column readers: fixed buffers are always terminated; NULL is NaN or "". */
void store_text(sqlite3_stmt *stmt, int column, char *ret_text, size_t size);
double store_number(sqlite3_stmt *stmt, int column);
/* A copy of a blob with a NUL after it, owned by the caller. */
MW_MUST_CHECK mw_err store_blob(sqlite3_stmt *stmt, int column, uint8_t **ret_data,
				size_t *ret_size);

/* Says that a list of events may look different from now on. */
void store_changed(struct mw_store *store);

/* store_open.c's half of mw_store_open: the connection, settings, migrations. */
MW_MUST_CHECK mw_err store_connect(struct mw_store *store, const struct mw_store_opts *opts,
				   bool *ret_quarantined);

#endif
