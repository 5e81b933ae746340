#include "gateway/io/store_impl.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void store_lock(struct mw_store *store)
{
	(void)pthread_mutex_lock(&store->mutex);
}

void store_unlock(struct mw_store *store)
{
	(void)pthread_mutex_unlock(&store->mutex);
}

static mw_err err_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return MW_E_OK;
	case SQLITE_FULL:
	case SQLITE_TOOBIG:
		return MW_E_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return MW_E_CORRUPT;
	case SQLITE_NOMEM:
		return MW_E_NOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return MW_E_INVAL;
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return MW_E_INTERNAL;
	default: /* IOERR, READONLY, CANTOPEN, PERM, BUSY, LOCKED ... */
		return MW_E_IO;
	}
}

mw_err store_fail(struct mw_store *store, int rc, const char *what)
{
	return mw_why(err_of(rc), store->why, sizeof(store->why), "%s: %s", what,
		      store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(rc));
}

const char *mw_store_why(struct mw_store *store)
{
	/* The caller reads it after the lock is gone: a copy of its own thread cannot change. */
	static _Thread_local char copy[sizeof(store->why)];

	store_lock(store);
	memcpy(copy, store->why, sizeof(copy));
	store_unlock(store);
	return copy;
}

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *args)
{
	const void *data;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
	case 'd':
		return sqlite3_bind_double(stmt, at, va_arg(*args, double));
	case 't':
		return sqlite3_bind_text(stmt, at, va_arg(*args, const char *), -1,
					 SQLITE_TRANSIENT);
	case 'b':
		data = va_arg(*args, const void *);
		return sqlite3_bind_blob64(stmt, at, data ? data : "", va_arg(*args, size_t),
					   SQLITE_TRANSIENT);
	case 'n':
		return sqlite3_bind_null(stmt, at);
	default:
		return SQLITE_MISUSE;
	}
}

static mw_err query(struct mw_store *store, sqlite3_stmt **ret_stmt, const char *sql,
		    const char *types, va_list *args)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	*ret_stmt = NULL;
	/* A full disk can make SQLite roll back on its own: what follows must not commit alone. */
	if (store->in_transaction && sqlite3_get_autocommit(store->db))
		return mw_why(MW_E_IO, store->why, sizeof(store->why),
			      "the transaction was rolled back by an earlier failure");
	rc = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
	for (int i = 0; rc == SQLITE_OK && types[i]; i++)
		rc = bind_one(stmt, i + 1, types[i], args);
	if (rc != SQLITE_OK) {
		mw_err err = store_fail(store, rc, "prepare");

		sqlite3_finalize(stmt);
		return err;
	}
	*ret_stmt = stmt;
	return MW_E_OK;
}

mw_err store_query(struct mw_store *store, sqlite3_stmt **ret_stmt, const char *sql,
		   const char *types, ...)
{
	va_list args;
	mw_err err;

	va_start(args, types);
	err = query(store, ret_stmt, sql, types, &args);
	va_end(args);
	return err;
}

mw_err store_step(struct mw_store *store, sqlite3_stmt *stmt, bool *ret_row)
{
	int rc = sqlite3_step(stmt);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return store_fail(store, rc, "step");
	*ret_row = rc == SQLITE_ROW;
	return MW_E_OK;
}

mw_err store_do(struct mw_store *store, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list args;
	bool row = true;
	mw_err err;

	va_start(args, types);
	err = query(store, &stmt, sql, types, &args);
	va_end(args);
	while (!err && row)
		err = store_step(store, stmt, &row);
	sqlite3_finalize(stmt);
	return err;
}

mw_err store_integer(struct mw_store *store, int64_t *ret_value, const char *sql, const char *types,
		     ...)
{
	sqlite3_stmt *stmt;
	va_list args;
	bool row = false;
	mw_err err;

	va_start(args, types);
	err = query(store, &stmt, sql, types, &args);
	va_end(args);
	if (!err)
		err = store_step(store, stmt, &row);
	if (!err && row)
		*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return err ? err : row ? MW_E_OK : MW_E_NOTFOUND;
}

mw_err store_enter(struct mw_store *store)
{
	return store_do(store, "SAVEPOINT step", "");
}

mw_err store_leave(struct mw_store *store, mw_err err)
{
	char kept[sizeof(store->why)];

	if (!err)
		err = store_do(store, "RELEASE step", "");
	if (!err)
		return MW_E_OK;
	memcpy(kept, store->why, sizeof(kept));
	/* These two fail when SQLite has rolled back everything already, which is what they are
	 * for. */
	(void)sqlite3_exec(store->db, "ROLLBACK TO step", NULL, NULL, NULL);
	(void)sqlite3_exec(store->db, "RELEASE step", NULL, NULL, NULL);
	memcpy(store->why, kept, sizeof(kept));
	return err;
}

void store_text(sqlite3_stmt *stmt, int column, char *ret_text, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	(void)snprintf(ret_text, size, "%s", text ? (const char *)text : "");
}

double store_number(sqlite3_stmt *stmt, int column)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return NAN;
	return sqlite3_column_double(stmt, column);
}

mw_err store_blob(sqlite3_stmt *stmt, int column, uint8_t **ret_data, size_t *ret_size)
{
	const void *data = sqlite3_column_blob(stmt, column);
	size_t size = (size_t)sqlite3_column_bytes(stmt, column);
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return MW_E_NOMEM;
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = 0;
	*ret_data = copy;
	*ret_size = size;
	return MW_E_OK;
}

mw_err mw_store_begin(struct mw_store *store)
{
	mw_err err;

	store_lock(store);
	if (store->in_transaction)
		err = mw_why(MW_E_INVAL, store->why, sizeof(store->why),
			     "a transaction is open already");
	else
		err = store_do(store, "BEGIN IMMEDIATE", "");
	if (err) {
		store_unlock(store);
		return err;
	}
	store->in_transaction = true;
	return MW_E_OK;
}

/* The lock of mw_store_begin goes with the transaction, whichever way it ended. */
static void end_transaction(struct mw_store *store)
{
	if (!sqlite3_get_autocommit(store->db))
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->in_transaction = false;
	store_unlock(store);
}

mw_err mw_store_commit(struct mw_store *store)
{
	mw_err err;

	store_lock(store);
	if (!store->in_transaction) {
		err = mw_why(MW_E_INVAL, store->why, sizeof(store->why), "no transaction is open");
	} else {
		err = store_do(store, "COMMIT", "");
		end_transaction(store);
	}
	store_unlock(store);
	return err;
}

void mw_store_rollback(struct mw_store *store)
{
	store_lock(store);
	if (store->in_transaction)
		end_transaction(store);
	store_unlock(store);
}

static mw_err init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;
	int failed;

	if (pthread_mutexattr_init(&attr) != 0)
		return MW_E_NOMEM;
	failed = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) ||
		 pthread_mutex_init(mutex, &attr);
	(void)pthread_mutexattr_destroy(&attr);
	return failed ? MW_E_NOMEM : MW_E_OK;
}

mw_err mw_store_open(const struct mw_store_opts *opts, char *why, size_t why_size,
		     bool *ret_quarantined, struct mw_store **ret_store)
{
	struct mw_store *store = calloc(1, sizeof(*store));
	bool quarantined = false;
	mw_err err;

	if (!store || init_mutex(&store->mutex)) {
		free(store);
		return mw_why(MW_E_NOMEM, why, why_size, "%s: out of memory", opts->path);
	}
	store->read_only = opts->read_only;
	err = store_connect(store, opts, &quarantined);
	if (err) {
		(void)mw_why(err, why, why_size, "%s: %s", opts->path, store->why);
		mw_store_close(store);
		return err;
	}
	if (ret_quarantined)
		*ret_quarantined = quarantined;
	*ret_store = store;
	return MW_E_OK;
}

void mw_store_close(struct mw_store *store)
{
	if (!store)
		return;
	sqlite3_close(store->db);
	(void)pthread_mutex_destroy(&store->mutex);
	free(store);
}
