#include "gateway/io/store_impl.h"

#include <stdlib.h>
#include <string.h>

static mw_err put_baseline(struct mw_store *store, const char *asset, int64_t made_ns,
			   const uint8_t *data, size_t size, int64_t *version)
{
	mw_err err = store_do(store, "INSERT OR IGNORE INTO asset(name, machine) VALUES (?1, ?2)",
			      "tt", asset, mw_machine_code(MW_MACHINE_OTHER));

	if (!err)
		err = store_integer(store, version,
				    "SELECT coalesce(max(version), 0) + 1 FROM baseline"
				    " WHERE asset = ?1",
				    "t", asset);
	if (!err)
		err = store_do(store, "INSERT INTO baseline VALUES (?1,?2,?3,?4)", "tiib", asset,
			       *version, made_ns, (const void *)data, size);
	return err;
}

mw_err mw_store_baseline_put(struct mw_store *store, const char *asset, int64_t made_ns,
			     const uint8_t *data, size_t size, int64_t *ret_version)
{
	int64_t version = 0;
	mw_err err;

	store_lock(store);
	err = store_enter(store);
	if (!err)
		err = store_leave(store, put_baseline(store, asset, made_ns, data, size, &version));
	store_unlock(store);
	if (!err && ret_version)
		*ret_version = version;
	return err;
}

/* The first row's blob of one-text-argument query. */
static mw_err get_blob(struct mw_store *store, const char *sql, const char *key, uint8_t **ret_data,
		       size_t *ret_size, int64_t *ret_second)
{
	sqlite3_stmt *stmt;
	bool found = false;
	mw_err err;

	store_lock(store);
	err = store_query(store, &stmt, sql, "t", key);
	if (!err)
		err = store_step(store, stmt, &found);
	if (!err)
		err = found ? store_blob(stmt, 0, ret_data, ret_size) : MW_E_NOTFOUND;
	if (!err && ret_second)
		*ret_second = sqlite3_column_int64(stmt, 1);
	sqlite3_finalize(stmt);
	store_unlock(store);
	return err;
}

mw_err mw_store_baseline_get(struct mw_store *store, const char *asset, uint8_t **ret_data,
			     size_t *ret_size, int64_t *ret_version)
{
	return get_blob(store,
			"SELECT data, version FROM baseline WHERE asset = ?1"
			" ORDER BY version DESC LIMIT 1",
			asset, ret_data, ret_size, ret_version);
}

mw_err mw_store_state_put(struct mw_store *store, const char *key, const uint8_t *data, size_t size)
{
	mw_err err;

	store_lock(store);
	err = store_do(store,
		       "INSERT INTO state VALUES (?1, ?2)"
		       " ON CONFLICT(key) DO UPDATE SET data = excluded.data",
		       "tb", key, (const void *)data, size);
	store_unlock(store);
	return err;
}

mw_err mw_store_state_get(struct mw_store *store, const char *key, uint8_t **ret_data,
			  size_t *ret_size)
{
	return get_blob(store, "SELECT data FROM state WHERE key = ?1", key, ret_data, ret_size,
			NULL);
}

static mw_err each_row(struct mw_store *store, sqlite3_stmt *stmt, mw_store_state_fn *fn, void *ctx)
{
	bool more = true;
	mw_err err = store_step(store, stmt, &more);

	while (!err && more) {
		const char *key = (const char *)sqlite3_column_text(stmt, 0);
		const uint8_t *data = sqlite3_column_blob(stmt, 1);

		err = fn(ctx, key, data, (size_t)sqlite3_column_bytes(stmt, 1));
		if (!err)
			err = store_step(store, stmt, &more);
	}
	return err;
}

mw_err mw_store_state_each(struct mw_store *store, const char *key_prefix, mw_store_state_fn *fn,
			   void *ctx)
{
	sqlite3_stmt *stmt;
	mw_err err;

	store_lock(store);
	err = store_query(store, &stmt,
			  "SELECT key, data FROM state WHERE substr(key, 1, length(?1)) = ?1"
			  " ORDER BY key",
			  "t", key_prefix);
	if (!err)
		err = each_row(store, stmt, fn, ctx);
	sqlite3_finalize(stmt);
	store_unlock(store);
	return err;
}

static mw_err put_asset(struct mw_store *store, const char *asset, enum mw_machine machine,
			int64_t period_ns, const struct mw_store_channel *channel, size_t n)
{
	mw_err err = store_do(store,
			      "INSERT INTO asset VALUES (?1,?2,?3) ON CONFLICT(name) DO UPDATE"
			      " SET machine = excluded.machine, period_ns = excluded.period_ns",
			      "tti", asset, mw_machine_code(machine), period_ns);

	if (!err)
		err = store_do(store, "DELETE FROM channel WHERE asset = ?1", "t", asset);
	for (size_t i = 0; !err && i < n; i++)
		err = store_do(store, "INSERT INTO channel VALUES (?1,?2,?3,?4,?5)", "tittt", asset,
			       (int64_t)i, channel[i].name, channel[i].unit,
			       mw_role_code(channel[i].role));
	return err;
}

mw_err mw_store_asset_put(struct mw_store *store, const char *asset, enum mw_machine machine,
			  int64_t period_ns, const struct mw_store_channel *channel,
			  size_t n_channel)
{
	mw_err err;

	store_lock(store);
	err = store_enter(store);
	if (!err)
		err = store_leave(store,
				  put_asset(store, asset, machine, period_ns, channel, n_channel));
	store_unlock(store);
	return err;
}

/* --- retention -------------------------------------------------------------------------------- */

/* Closed events that nobody touched since `before`, oldest first, with their log. */
static mw_err expire_events(struct mw_store *store, int64_t before_ns, int64_t max,
			    int64_t *removed)
{
#define OLD_EVENTS                                                                                 \
	"(SELECT id FROM event WHERE cleared_ns > 0 AND updated_ns < ?1 AND cleared_ns < ?1"       \
	" ORDER BY updated_ns, row LIMIT ?2)"
	mw_err err = store_do(store, "DELETE FROM alarm_log WHERE event IN " OLD_EVENTS, "ii",
			      before_ns, max);

	if (!err)
		err = store_do(store, "DELETE FROM event WHERE id IN " OLD_EVENTS, "ii", before_ns,
			       max);
	if (!err)
		*removed += sqlite3_changes64(store->db);
	return err;
#undef OLD_EVENTS
}

static mw_err expire_baselines(struct mw_store *store, int64_t before_ns, int64_t max,
			       int64_t *removed)
{
	mw_err err = store_do(store,
			      "DELETE FROM baseline WHERE rowid IN (SELECT b.rowid FROM baseline b"
			      " WHERE b.made_ns < ?1 AND b.version < (SELECT max(version) FROM"
			      " baseline n WHERE n.asset = b.asset) LIMIT ?2)",
			      "ii", before_ns, max);

	if (!err)
		*removed += sqlite3_changes64(store->db);
	return err;
}

static mw_err expire(struct mw_store *store, int64_t before_ns, int64_t max, int64_t *removed)
{
	mw_err err =
	    store_do(store, "UPDATE retention SET before_ns = max(before_ns, ?1)", "i", before_ns);

	if (!err)
		err = expire_events(store, before_ns, max, removed);
	if (!err && *removed < max)
		err = expire_baselines(store, before_ns, max - *removed, removed);
	return err;
}

mw_err mw_store_expire(struct mw_store *store, int64_t before_ns, int64_t max_rows,
		       int64_t *ret_removed)
{
	int64_t removed = 0;
	mw_err err;

	store_lock(store);
	err = store_enter(store);
	if (!err)
		err = store_leave(store, expire(store, before_ns, max_rows, &removed));
	if (!err && removed > 0)
		store_changed(store);
	store_unlock(store);
	if (!err && ret_removed)
		*ret_removed = removed;
	return err;
}
