#include "gateway/io/store_impl.h"

#include <string.h>

mw_err mw_store_outbox_put(struct mw_store *store, const char *key, const char *topic,
			   const char *payload, size_t size, int qos, bool retained)
{
	mw_err err;

	store_lock(store);
	err = store_do(store,
		       "INSERT INTO outbox(key, topic, payload, qos, retained)"
		       " VALUES (?1,?2,?3,?4,?5) ON CONFLICT(key) DO NOTHING",
		       "ttbii", key, topic, payload, size, (int64_t)qos, (int64_t)retained);
	/* Row numbers only grow: the oldest beyond the limit are found without counting. */
	if (!err)
		err = store_do(store,
			       "DELETE FROM outbox WHERE row <= (SELECT max(row) FROM outbox) - ?1",
			       "i", (int64_t)MW_STORE_OUTBOX_MAX);
	store_unlock(store);
	return err;
}

static mw_err read_row(sqlite3_stmt *stmt, struct mw_outbox_row *row)
{
	uint8_t *data;
	mw_err err = store_blob(stmt, 2, &data, &row->size);

	if (err)
		return err;
	row->payload = (char *)data;
	row->row = sqlite3_column_int64(stmt, 0);
	store_text(stmt, 1, row->topic, sizeof(row->topic));
	row->qos = sqlite3_column_int(stmt, 3);
	row->retained = sqlite3_column_int(stmt, 4) != 0;
	return MW_E_OK;
}

mw_err mw_store_outbox_next(struct mw_store *store, int64_t after, struct mw_outbox_row *ret_row)
{
	sqlite3_stmt *stmt;
	bool found = false;
	mw_err err;

	store_lock(store);
	err = store_query(store, &stmt,
			  "SELECT row, topic, payload, qos, retained FROM outbox WHERE row > ?1"
			  " ORDER BY row LIMIT 1",
			  "i", after);
	if (!err)
		err = store_step(store, stmt, &found);
	if (!err)
		err = found ? read_row(stmt, ret_row) : MW_E_NOTFOUND;
	sqlite3_finalize(stmt);
	store_unlock(store);
	return err;
}

mw_err mw_store_outbox_done(struct mw_store *store, int64_t row)
{
	mw_err err;

	store_lock(store);
	/* Not worth a flash write of its own: after a power cut the alert leaves once more, with
	 * the same id.  The pragma is refused inside a transaction, where it is not needed. */
	if (!store->in_transaction)
		(void)sqlite3_exec(store->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	err = store_do(store, "DELETE FROM outbox WHERE row = ?1", "i", row);
	if (!store->in_transaction)
		(void)sqlite3_exec(store->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	store_unlock(store);
	return err;
}

mw_err mw_store_outbox_count(struct mw_store *store, int64_t *ret_n)
{
	mw_err err;

	store_lock(store);
	err = store_integer(store, ret_n, "SELECT count(*) FROM outbox", "");
	store_unlock(store);
	return err;
}
