#include "gateway/base/clock.h"
#include "gateway/io/store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID  0x4d574c31LL /* "MWL1": no other program's database is taken over */
#define CHECK_MAX_BYTES (256LL * 1024 * 1024) /* larger files are not read through at start */
#define LOCK_FIRST_BYTE 0x40000000            /* SQLite's locks: PENDING, RESERVED, SHARED bytes */
#define LOCK_BYTES      512

static mw_err refuse(struct mw_store *store, mw_err err, const char *reason)
{
	return mw_why(err, store->why, sizeof(store->why), "%s", reason);
}

static int64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* --- schema ----------------------------------------------------------------------------------- */

static int64_t newest_version(void)
{
	int64_t n = 0;

	while (store_sql[n])
		n++;
	return n;
}

static mw_err exec(struct mw_store *store, const char *sql)
{
	int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? MW_E_OK : store_fail(store, rc, "schema");
}

static mw_err migrate_from(struct mw_store *store, int64_t version)
{
	char pragma[96];
	mw_err err = exec(store, "BEGIN EXCLUSIVE");

	for (int64_t i = version; !err && store_sql[i]; i++)
		err = exec(store, store_sql[i]);
	(void)snprintf(pragma, sizeof(pragma),
		       "PRAGMA user_version = %lld; PRAGMA application_id = %lld",
		       (long long)newest_version(), APPLICATION_ID);
	if (!err)
		err = exec(store, pragma);
	if (!err)
		err = exec(store, "COMMIT");
	if (err)
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static mw_err migrate(struct mw_store *store)
{
	int64_t version = 0, application = 0, tables = 0;
	mw_err err = store_integer(store, &version, "PRAGMA user_version", "");

	if (!err)
		err = store_integer(store, &application, "PRAGMA application_id", "");
	if (!err)
		err = store_integer(store, &tables, "SELECT count(*) FROM sqlite_schema", "");
	if (err)
		return err;
	if (application != APPLICATION_ID && (application != 0 || tables > 0))
		return refuse(store, MW_E_CONFIG, "this is another program's database");
	if (version > newest_version())
		return refuse(store, MW_E_UNSUPPORTED, "written by a newer Millwright");
	if (version == newest_version())
		return MW_E_OK;
	if (store->read_only)
		return refuse(store, MW_E_UNSUPPORTED,
			      tables ? "written by an older Millwright" : "an empty database");
	return migrate_from(store, version);
}

/* --- the file that is not one ----------------------------------------------------------------- */

static mw_err check(struct mw_store *store)
{
	sqlite3_stmt *stmt;
	bool row = false;
	mw_err err = store_query(store, &stmt, "PRAGMA quick_check(1)", "");

	if (!err)
		err = store_step(store, stmt, &row);
	if (!err && row && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
		err = mw_why(MW_E_CORRUPT, store->why, sizeof(store->why), "%s",
			     (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return err;
}

mw_err mw_store_check(struct mw_store *store, char *why, size_t why_size)
{
	mw_err err;

	store_lock(store);
	err = check(store);
	if (err)
		(void)mw_why(err, why, why_size, "%s", store->why);
	store_unlock(store);
	return err;
}

static void move_aside(const char *path, const char *suffix, const char *stamp)
{
	char from[4096], to[4096];

	(void)snprintf(from, sizeof(from), "%s%s", path, suffix);
	(void)snprintf(to, sizeof(to), "%s.corrupt-%s%s", path, stamp, suffix);
	(void)rename(from, to);
}

static mw_err quarantine(struct mw_store *store, const char *path)
{
	char iso[32], stamp[48];

	(void)mw_clock_iso(mw_clock_now_ns(), iso, sizeof(iso));
	(void)snprintf(stamp, sizeof(stamp), "%.4s%.2s%.2sT%.2s%.2s%.2s%.3s", iso, iso + 5, iso + 8,
		       iso + 11, iso + 14, iso + 17, iso + 20);
	sqlite3_close(store->db);
	store->db = NULL;
	/* The log goes first: beside a new database it would be replayed into it. */
	move_aside(path, "-wal", stamp);
	move_aside(path, "-journal", stamp);
	move_aside(path, "", stamp);
	if (file_size(path) >= 0)
		return refuse(store, MW_E_IO, "is corrupt and could not be moved aside");
	return MW_E_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

static mw_err open_uri(struct mw_store *store, const char *uri, int flags)
{
	int rc =
	    sqlite3_open_v2(uri, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);

	if (rc != SQLITE_OK)
		return store_fail(store, rc, "open");
	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* A copy may come from anywhere; our own file's triggers must reach FTS5, which SQLite
	 * counts among the unsafe. */
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, !store->read_only, NULL);
	return MW_E_OK;
}

/* "file:" + the path with everything escaped that means something in a URI. */
static mw_err make_uri(struct mw_store *store, const char *path, const char *query, char *ret_uri,
		       size_t size)
{
	size_t at = (size_t)snprintf(ret_uri, size, "file:");

	for (const char *p = path; *p; p++) {
		bool plain = strchr("?#%", *p) == NULL;

		if (at + 4 >= size)
			return refuse(store, MW_E_CONFIG, "the path is too long");
		at += (size_t)snprintf(ret_uri + at, size - at, plain ? "%c" : "%%%02X",
				       (unsigned char)*p);
	}
	if (at + strlen(query) >= size)
		return refuse(store, MW_E_CONFIG, "the path is too long");
	(void)snprintf(ret_uri + at, size - at, "%s", query);
	return MW_E_OK;
}

/* Says who has the file open, before we do: the read-only ways below take no locks at all.  (Not
 * later: closing any descriptor of a file drops this process's own locks on it.) */
static mw_err check_unused(struct mw_store *store, const char *path)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = LOCK_FIRST_BYTE,
			     .l_len = LOCK_BYTES};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int failed;

	if (fd < 0)
		return errno == ENOENT && !store->read_only
			   ? MW_E_OK
			   : refuse(store, MW_E_IO, strerror(errno));
	failed = fcntl(fd, F_GETLK, &lock);
	(void)close(fd);
	if (failed || lock.l_type == F_UNLCK)
		return MW_E_OK;
	return mw_why(MW_E_IO, store->why, sizeof(store->why),
		      "in use by process %d; ask its socket", (int)lock.l_pid);
}

/* A copy without a log is read as it is (immutable needs no -wal, not even a writable directory).
 * One with a left-over log is read through it: heap memory instead of a -shm file, which SQLite
 * does in exclusive mode, and no locks, which cannot be had without write permission. */
static mw_err connect_read_only(struct mw_store *store, const char *path)
{
	char wal[4096], uri[4096];
	bool has_log;
	mw_err err = check_unused(store, path);

	(void)snprintf(wal, sizeof(wal), "%s-wal", path);
	has_log = file_size(wal) > 0;
	if (!err)
		err = make_uri(store, path,
			       has_log ? "?mode=ro&vfs=unix-none" : "?mode=ro&immutable=1", uri,
			       sizeof(uri));
	if (!err)
		err = open_uri(store, uri, SQLITE_OPEN_READONLY);
	if (!err)
		(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (!err)
		err = store_do(store, "PRAGMA locking_mode = EXCLUSIVE", "");
	if (!err)
		err = migrate(store);
	return err;
}

/* EXCLUSIVE: one process owns the file, and no shared memory is needed.  FULL: a committed event is
 * on the disk, a power cut included; NORMAL would lose the last commits. */
static mw_err connect_read_write(struct mw_store *store, const char *path)
{
	static const char *const pragma[] = {
	    "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL",
	    "PRAGMA synchronous = FULL",       "PRAGMA foreign_keys = ON",
	    "PRAGMA wal_autocheckpoint = 500", "PRAGMA journal_size_limit = 8388608",
	};
	char uri[4096];
	mw_err err = check_unused(store, path);

	if (!err)
		err = make_uri(store, path, "", uri, sizeof(uri));
	if (!err)
		err = open_uri(store, uri, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	for (size_t i = 0; !err && i < sizeof(pragma) / sizeof(pragma[0]); i++)
		err = store_do(store, pragma[i], "");
	if (!err)
		err = migrate(store);
	if (!err && file_size(path) <= CHECK_MAX_BYTES)
		err = check(store);
	return err;
}

mw_err store_connect(struct mw_store *store, const struct mw_store_opts *opts,
		     bool *ret_quarantined)
{
	mw_err err;

	if (opts->read_only)
		return connect_read_only(store, opts->path);
	err = connect_read_write(store, opts->path);
	if (err != MW_E_CORRUPT)
		return err;
	err = quarantine(store, opts->path);
	if (!err)
		err = connect_read_write(store, opts->path);
	if (!err)
		*ret_quarantined = true;
	return err;
}

/* --- online copy ------------------------------------------------------------------------------ */

#define BACKUP_PAGES 256 /* per step; between steps others may use the store */

static int copy_pages(struct mw_store *store, sqlite3 *to)
{
	sqlite3_backup *backup;
	int rc = SQLITE_OK;

	store_lock(store);
	backup = sqlite3_backup_init(to, "main", store->db, "main");
	store_unlock(store);
	if (!backup)
		return sqlite3_errcode(to);
	while (rc == SQLITE_OK) {
		store_lock(store);
		rc = sqlite3_backup_step(backup, BACKUP_PAGES);
		store_unlock(store);
	}
	store_lock(store);
	rc = sqlite3_backup_finish(backup);
	store_unlock(store);
	return rc;
}

static mw_err copy_to(struct mw_store *store, const char *path, char *why, size_t why_size)
{
	sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	if (rc == SQLITE_OK)
		rc = copy_pages(store, to);
	/* A single file, readable from a read-only place. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		(void)mw_why(MW_E_IO, why, why_size, "%s: %s", path, sqlite3_errmsg(to));
	sqlite3_close(to);
	return rc == SQLITE_OK ? MW_E_OK : (rc & 0xff) == SQLITE_FULL ? MW_E_FULL : MW_E_IO;
}

mw_err mw_store_backup(struct mw_store *store, const char *path, char *why, size_t why_size)
{
	char part[4096];
	mw_err err;

	if ((size_t)snprintf(part, sizeof(part), "%s.part", path) >= sizeof(part))
		return mw_why(MW_E_INVAL, why, why_size, "%s: the path is too long", path);
	(void)unlink(part);
	err = copy_to(store, part, why, why_size);
	if (!err && rename(part, path) != 0)
		err = mw_why(MW_E_IO, why, why_size, "%s: %s", path, strerror(errno));
	if (err)
		(void)unlink(part);
	return err;
}
