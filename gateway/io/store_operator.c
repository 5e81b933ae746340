/* What operators said, and the log of an event. */
#include "gateway/io/store_impl.h"

#include <stdlib.h>
#include <string.h>

mw_err mw_store_feedback_put(struct mw_store *store, const char *event, enum mw_feedback feedback,
			     const char *note, const char *who)
{
	/* A message may be delivered twice: what was said last is not said again. */
	static const char sql[] =
	    "INSERT INTO feedback(event, said, note, who) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS"
	    " (SELECT 1 FROM (SELECT said, note, who FROM feedback WHERE event = ?1"
	    " ORDER BY row DESC LIMIT 1) WHERE said = ?2 AND note = ?3 AND who = ?4)";
	mw_err err;

	store_lock(store);
	err = store_do(store, sql, "tttt", event, mw_feedback_text(feedback), note, who);
	if (!err)
		store_changed(store);
	store_unlock(store);
	return err;
}

mw_err mw_store_note_put(struct mw_store *store, const char *event, uint32_t sequence,
			 const char *note)
{
	mw_err err;

	store_lock(store);
	err = store_do(store, "INSERT OR IGNORE INTO alarm_note VALUES (?1, ?2, ?3)", "tit", event,
		       (int64_t)sequence, note);
	store_unlock(store);
	return err;
}

static void read_entry(sqlite3_stmt *s, struct mw_log_entry *entry)
{
	char text[32];
	int code;

	memset(entry, 0, sizeof(*entry));
	store_text(s, 0, text, sizeof(text));
	code = mw_transition_from_text(text);
	entry->is_feedback = code < 0;
	entry->transition = code < 0 ? MW_TRANSITION_UPDATED : (enum mw_transition)code;
	store_text(s, 1, text, sizeof(text));
	code = entry->is_feedback ? mw_feedback_from_text(text) : mw_alarm_state_from_text(text);
	if (entry->is_feedback)
		entry->feedback = code < 0 ? MW_FEEDBACK_UNSURE : (enum mw_feedback)code;
	else
		entry->state = code < 0 ? MW_ALARM_NORMAL : (enum mw_alarm_state)code;
	entry->at_ns = sqlite3_column_int64(s, 2);
	entry->recorded_ns = sqlite3_column_int64(s, 3) * 1000000;
	store_text(s, 4, entry->who, sizeof(entry->who));
	store_text(s, 5, entry->note, sizeof(entry->note));
}

/* The newest ones, in the order in which they were written. */
static mw_err read_log(struct mw_store *store, const char *id, struct mw_log_entry *entry,
		       size_t *ret_n)
{
	static const char sql[] =
	    "SELECT * FROM (SELECT l.transition, l.state, l.at_ns, l.recorded_ms, l.who,"
	    " coalesce(n.note, '') FROM alarm_log l LEFT JOIN alarm_note n"
	    " ON n.event = l.event AND n.sequence = l.sequence WHERE l.event = ?1"
	    " UNION ALL SELECT 'feedback', said, 0, recorded_ms, who, note FROM feedback"
	    " WHERE event = ?1 ORDER BY 4 DESC, 3 DESC LIMIT ?2) ORDER BY 4, 3";
	sqlite3_stmt *stmt;
	size_t n = 0;
	bool more = true;
	mw_err err = store_query(store, &stmt, sql, "ti", id, (int64_t)MW_EVENT_LOG);

	while (!err && more && n < MW_EVENT_LOG) {
		err = store_step(store, stmt, &more);
		if (!err && more)
			read_entry(stmt, &entry[n++]);
	}
	sqlite3_finalize(stmt);
	if (!err)
		*ret_n = n;
	return err;
}

mw_err mw_store_event_log(struct mw_store *store, const char *id, struct mw_log_entry **ret_entry,
			  size_t *ret_n)
{
	struct mw_log_entry *entry = calloc(MW_EVENT_LOG, sizeof(*entry));
	size_t n = 0;
	mw_err err;

	if (!entry)
		return MW_E_NOMEM;
	store_lock(store);
	err = read_log(store, id, entry, &n);
	store_unlock(store);
	if (err) {
		free(entry);
		return err;
	}
	*ret_entry = entry;
	*ret_n = n;
	return MW_E_OK;
}

void store_changed(struct mw_store *store)
{
	(void)atomic_fetch_add(&store->changes, 1);
}

uint64_t mw_store_changes(const struct mw_store *store)
{
	return atomic_load(&store->changes);
}
