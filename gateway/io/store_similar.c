/* Seen before: the nearest earlier events of an asset. */
#include "gateway/core/similar.h"
#include "gateway/io/store_impl.h"

#include <string.h>

/* Newest first; no more events are looked at, whichever model made their vectors. */
static mw_err select_earlier(struct mw_store *store, const struct mw_event *event,
			     sqlite3_stmt **ret_stmt)
{
	static const char sql[] =
	    "SELECT e.id, e.raised_ns, e.fault, v.vector FROM"
	    " (SELECT row, id, raised_ns, fault FROM event WHERE asset = ?1 AND raised_ns < ?2"
	    " ORDER BY raised_ns DESC LIMIT ?3) e"
	    " JOIN event_embedding v ON v.event = e.row WHERE v.model = ?4"
	    " ORDER BY e.raised_ns DESC";
	char judge[MW_EVENT_MODEL_SIZE];

	return store_query(store, ret_stmt, sql, "tiit", event->asset, event->raised_ns,
			   (int64_t)MW_SIMILAR_COMPARED, mw_event_judge(event, judge));
}

/* The scale falls out of a cosine. */
static bool read_vector(sqlite3_stmt *stmt, int column, struct mw_embedding *ret)
{
	const void *data = sqlite3_column_blob(stmt, column);
	size_t size = (size_t)sqlite3_column_bytes(stmt, column);

	if (!data || size > MW_EMBEDDING_MAX)
		return false;
	ret->n = (uint32_t)size;
	memcpy(ret->value, data, size);
	return true;
}

static void offer(sqlite3_stmt *stmt, const struct mw_embedding *embedding,
		  struct mw_similar_list *list)
{
	struct mw_embedding other = {0};
	struct mw_similar one = {.raised_ns = sqlite3_column_int64(stmt, 1)};
	const char *fault = (const char *)sqlite3_column_text(stmt, 2);
	int code = fault ? mw_fault_from_code(fault) : -1;

	if (!read_vector(stmt, 3, &other))
		return;
	store_text(stmt, 0, one.id, sizeof(one.id));
	one.fault = code < 0 ? MW_FAULT_UNKNOWN : (enum mw_fault)code;
	one.similarity = mw_embedding_cosine(embedding, &other);
	mw_similar_offer(list, &one);
}

static mw_err compare(struct mw_store *store, const struct mw_event *event,
		      const struct mw_embedding *embedding, struct mw_similar_list *list)
{
	sqlite3_stmt *stmt;
	bool more = true;
	mw_err err = select_earlier(store, event, &stmt);

	while (!err && more) {
		err = store_step(store, stmt, &more);
		if (!err && more)
			offer(stmt, embedding, list);
	}
	sqlite3_finalize(stmt);
	return err;
}

/* What the operator did and said. */
static mw_err find_said(struct mw_store *store, struct mw_similar *similar)
{
	int64_t n = 0;
	mw_err err = store_integer(store, &n,
				   "SELECT count(*) FROM alarm_log WHERE event = ?1 AND"
				   " transition = 'acked'",
				   "t", similar->id);

	similar->acknowledged = n > 0;
	if (!err)
		err = store_integer(store, &n,
				    "SELECT coalesce((SELECT CASE said WHEN 'true' THEN 1 WHEN"
				    " 'false' THEN 2 ELSE 3 END FROM feedback WHERE event = ?1"
				    " ORDER BY row DESC LIMIT 1), 0)",
				    "t", similar->id);
	if (!err)
		similar->feedback = (uint8_t)n;
	return err;
}

mw_err mw_store_similar(struct mw_store *store, const struct mw_event *event,
			const struct mw_embedding *embedding, struct mw_similar_list *ret_list)
{
	struct mw_similar_list list = {0};
	mw_err err = MW_E_OK;

	if (embedding->n > 0) {
		store_lock(store);
		err = compare(store, event, embedding, &list);
		for (size_t i = 0; !err && i < list.n; i++)
			err = find_said(store, &list.event[i]);
		store_unlock(store);
	}
	if (!err)
		*ret_list = list;
	return err;
}
