/*
 * store.h -- the SQLite database: events, their windows and words, the alarm log, baselines, asset
 * states, and the outbox.  Only store*.c and store_impl.h know SQLite.
 *
 * The daemon owns the live database with one connection in exclusive locking mode (SQLite before
 * 3.51.3 can corrupt a WAL database when two connections write or checkpoint at once, so a second
 * opener is refused); every call takes the store's mutex, so any thread may call.  Writes between
 * mw_store_begin and mw_store_commit are one transaction, made by one thread at a time (begin keeps
 * the mutex, recursive for the same thread).
 *
 * Durability: what a commit (or a single call outside a transaction) wrote is on the disk when it
 * returns, a power cut included; mw_store_outbox_done alone may be undone by one.
 *
 * Errors: FULL the disk or a size limit; IO read-only, locked, failing disk; CORRUPT; INVAL what
 * the schema refuses.  A call that fails changes nothing; mw_store_why has the reason.
 */
#ifndef MW_IO_STORE_H
#define MW_IO_STORE_H

#include "gateway/core/command.h"
#include "gateway/core/event.h"

struct mw_store;

struct mw_store_opts {
	const char *path;
	bool read_only; /* an offline copy, `--db FILE`: nothing is written, not even a WAL */
};

/* Opens or creates, migrates by schemas/store_NNNN.sql (embedded at build).  A corrupt database is
 * moved aside to PATH.corrupt-<time> and a new one started: *ret_quarantined (may be NULL) = true.
 * Refused: another program's database (CONFIG), a newer schema (UNSUPPORTED), one that another
 * process has open (IO).  Read-only works from a read-only directory; a left-over -wal is read
 * through. */
MW_MUST_CHECK mw_err mw_store_open(const struct mw_store_opts *opts, char *why, size_t why_size,
				   bool *ret_quarantined, struct mw_store **ret_store);
void mw_store_close(struct mw_store *store);

MW_MUST_CHECK mw_err mw_store_begin(struct mw_store *store); /* not nested: MW_E_INVAL */
/* Ends the transaction either way: a failed commit has rolled back. */
MW_MUST_CHECK mw_err mw_store_commit(struct mw_store *store);
void mw_store_rollback(struct mw_store *store); /* without a transaction: nothing */
/* The last failure, for the log; lent until this thread asks again. */
const char *mw_store_why(struct mw_store *store);

/* --- events ----------------------------------------------------------------------------------- */

/* One transition of one event: inserts or updates the event row, its explanation (FTS5), its window
 * with the embedding (may be NULL) and appends to alarm_log.  A transition already there (same id
 * and sequence: the spool was read again after a crash) changes nothing and sets *ret_new = false.
 */
MW_MUST_CHECK mw_err mw_store_event_put(struct mw_store *store, const struct mw_event *event,
					const struct mw_event_window *window,
					enum mw_transition transition, const char *who,
					bool *ret_new);

/* The earlier events of event->asset that look most alike (similar.h), by vectors of event->model
 * alone; at most MW_SIMILAR_COMPARED events are looked at.  None for an embedding of n = 0. */
MW_MUST_CHECK mw_err mw_store_similar(struct mw_store *store, const struct mw_event *event,
				      const struct mw_embedding *embedding,
				      struct mw_similar_list *ret_list);

struct mw_event_query {
	const char *asset; /* NULL = all */
	const char *text;  /* words that explanation, cause, check, fault and asset must hold, each
			    * as the beginning of a word; NULL = none */
	int64_t from_ns, to_ns; /* from <= raised_ns < to; 0 = open */
	bool active_only;       /* not cleared yet */
	const char *state;      /* an alarm state, or "unacknowledged" = both such; NULL = any */
	const char *fault;      /* a fault's code; NULL = any */
	const char *before; /* only what comes after this event in the list; NULL = from the top */
	int64_t limit;      /* newest first; 0 = 50; at most 10,000 */
};
/* Returns owned array (free with free(); NULL when there is none). */
MW_MUST_CHECK mw_err mw_store_events(struct mw_store *store, const struct mw_event_query *query,
				     struct mw_event **ret_event, size_t *ret_n);
/* ret_window may be NULL; an event stored without one has n_rows 0. */
MW_MUST_CHECK mw_err mw_store_event_get(struct mw_store *store, const char *id,
					struct mw_event *ret_event,
					struct mw_event_window *ret_window);

/* --- operators -------------------------------------------------------------------------------- */

/* What somebody said of an event; the last word counts.  INVAL: no such event. */
MW_MUST_CHECK mw_err mw_store_feedback_put(struct mw_store *store, const char *event,
					   enum mw_feedback feedback, const char *note,
					   const char *who);
/* Why somebody made that transition of it. */
MW_MUST_CHECK mw_err mw_store_note_put(struct mw_store *store, const char *event, uint32_t sequence,
				       const char *note);

#define MW_EVENT_LOG 200 /* entries of one event that are read, the newest */
struct mw_log_entry {
	bool is_feedback; /* else a transition */
	enum mw_transition transition;
	enum mw_alarm_state state; /* after it */
	enum mw_feedback feedback;
	int64_t at_ns;       /* data time of a transition; 0 for feedback */
	int64_t recorded_ns; /* the box's clock */
	char who[MW_WHO_SIZE], note[MW_NOTE_SIZE];
};
/* Returns owned array, oldest first; empty for an event that is not there. */
MW_MUST_CHECK mw_err mw_store_event_log(struct mw_store *store, const char *id,
					struct mw_log_entry **ret_entry, size_t *ret_n);

/* Grows whenever events, their log or their feedback may have changed since the store was opened. */
uint64_t mw_store_changes(const struct mw_store *store);

/* --- outbox: at least once over MQTT ---------------------------------------------------------- */

/* Rows; past them the oldest leave (the events stay in the store). */
#define MW_STORE_OUTBOX_MAX 100000

struct mw_outbox_row {
	int64_t row;
	char topic[512];
	char *payload; /* owned by the caller: free() */
	size_t size;
	int qos;
	bool retained;
};
/* `key` makes a message unique ("ev-…/3"): the same key again changes nothing. */
MW_MUST_CHECK mw_err mw_store_outbox_put(struct mw_store *store, const char *key, const char *topic,
					 const char *payload, size_t size, int qos, bool retained);
/* The first row after `after` in order; MW_E_NOTFOUND: none. */
MW_MUST_CHECK mw_err mw_store_outbox_next(struct mw_store *store, int64_t after,
					  struct mw_outbox_row *ret_row);
MW_MUST_CHECK mw_err mw_store_outbox_done(struct mw_store *store, int64_t row);
MW_MUST_CHECK mw_err mw_store_outbox_count(struct mw_store *store, int64_t *ret_n);

/* --- state ------------------------------------------------------------------------------------ */

/* Baselines: versioned per asset (1, 2, ...); the newest is read back, owned by the caller.
 * NOTFOUND: none yet.  ret_version may be NULL. */
MW_MUST_CHECK mw_err mw_store_baseline_put(struct mw_store *store, const char *asset,
					   int64_t made_ns, const uint8_t *data, size_t size,
					   int64_t *ret_version);
MW_MUST_CHECK mw_err mw_store_baseline_get(struct mw_store *store, const char *asset,
					   uint8_t **ret_data, size_t *ret_size,
					   int64_t *ret_version);
/* A named blob: asset states ("asset/<name>") and the pipeline's cursor ("pipeline").
 * Returned data is owned by the caller. */
MW_MUST_CHECK mw_err mw_store_state_put(struct mw_store *store, const char *key,
					const uint8_t *data, size_t size);
MW_MUST_CHECK mw_err mw_store_state_get(struct mw_store *store, const char *key, uint8_t **ret_data,
					size_t *ret_size);
/* Calls fn for each key that begins so, in order; data is lent for the call, under the store's
 * lock. An error of fn ends the walk and is returned. */
typedef mw_err mw_store_state_fn(void *ctx, const char *key, const uint8_t *data, size_t size);
MW_MUST_CHECK mw_err mw_store_state_each(struct mw_store *store, const char *key_prefix,
					 mw_store_state_fn *fn, void *ctx);
/* What is known of an asset; replaces its channel list. */
struct mw_store_channel {
	const char *name, *unit;
	enum mw_role role;
};
MW_MUST_CHECK mw_err mw_store_asset_put(struct mw_store *store, const char *asset,
					enum mw_machine machine, int64_t period_ns,
					const struct mw_store_channel *channel, size_t n_channel);
/* Removes closed events (with their log) and superseded baselines that are older, at most max_rows
 * of them a call, so that ingest never stalls.  Active events and newest baselines stay. */
MW_MUST_CHECK mw_err mw_store_expire(struct mw_store *store, int64_t before_ns, int64_t max_rows,
				     int64_t *ret_removed);
/* Online copy in one file, which replaces `path` when it is complete.  Others may use the store
 * while it is made. */
MW_MUST_CHECK mw_err mw_store_backup(struct mw_store *store, const char *path, char *why,
				     size_t why_size);
/* PRAGMA quick_check; MW_E_CORRUPT with a reason. */
MW_MUST_CHECK mw_err mw_store_check(struct mw_store *store, char *why, size_t why_size);

#endif
