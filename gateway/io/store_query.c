/* Reading events back. */
#include "gateway/io/store_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS 10000 /* of one query: about 45 MB */

#define EVENT_COLUMNS                                                                              \
	"e.row, e.id, e.asset, e.machine, e.verdict, e.fault, e.severity, e.score, e.p_value, "    \
	"e.fault_probability, e.onset_ns, e.onset_before_window, e.raised_ns, e.updated_ns, "      \
	"e.cleared_ns, e.state, e.sequence, e.language, e.form, e.explanation, e.cause, "          \
	"e.\"check\", e.model, e.window_from_ns, e.window_to_ns, e.period_ns, "                    \
	"e.other_channels, e.other_level, e.site_fault, "                                          \
	"(SELECT said FROM feedback f WHERE f.event = e.id ORDER BY f.row DESC LIMIT 1)"

/* A text column that should be one of a list; what is not known becomes `otherwise`. */
static int read_code(sqlite3_stmt *stmt, int column, int (*from_text)(const char *), int otherwise)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);
	int value = text ? from_text((const char *)text) : -1;

	return value < 0 ? otherwise : value;
}

static uint8_t read_feedback(sqlite3_stmt *stmt, int column)
{
	return (uint8_t)read_code(stmt, column, mw_feedback_from_text, MW_FEEDBACK_NONE);
}

static void read_codes(sqlite3_stmt *s, struct mw_event *e)
{
	e->machine = (enum mw_machine)read_code(s, 3, mw_machine_from_code, MW_MACHINE_OTHER);
	e->verdict = (enum mw_verdict)read_code(s, 4, mw_verdict_from_text, MW_VERDICT_UNKNOWN);
	e->fault = (enum mw_fault)read_code(s, 5, mw_fault_from_code, MW_FAULT_UNKNOWN);
	e->state = (enum mw_alarm_state)read_code(s, 15, mw_alarm_state_from_text, MW_ALARM_NORMAL);
	e->language = (enum mw_language)read_code(s, 17, mw_language_from_text, MW_LANGUAGE_EN);
	e->form = (enum mw_text_form)read_code(s, 18, mw_text_form_from_text, MW_FORM_TEMPLATE);
}

static void read_event(sqlite3_stmt *s, struct mw_event *e)
{
	memset(e, 0, sizeof(*e));
	store_text(s, 1, e->id, sizeof(e->id));
	store_text(s, 2, e->asset, sizeof(e->asset));
	read_codes(s, e);
	e->severity = (unsigned)sqlite3_column_int(s, 6);
	e->score = store_number(s, 7);
	e->p_value = store_number(s, 8);
	e->fault_probability = store_number(s, 9);
	e->onset_ns = sqlite3_column_int64(s, 10);
	e->onset_before_window = sqlite3_column_int(s, 11) != 0;
	e->raised_ns = sqlite3_column_int64(s, 12);
	e->updated_ns = sqlite3_column_int64(s, 13);
	e->cleared_ns = sqlite3_column_int64(s, 14);
	e->sequence = (uint32_t)sqlite3_column_int64(s, 16);
	store_text(s, 19, e->explanation, sizeof(e->explanation));
	store_text(s, 20, e->cause, sizeof(e->cause));
	store_text(s, 21, e->check, sizeof(e->check));
	store_text(s, 22, e->model, sizeof(e->model));
	e->window_from_ns = sqlite3_column_int64(s, 23);
	e->window_to_ns = sqlite3_column_int64(s, 24);
	e->period_ns = sqlite3_column_int64(s, 25);
	e->others.n = (uint32_t)sqlite3_column_int64(s, 26);
	e->others.level = store_number(s, 27);
	e->claims = mw_event_claims_of(e->others.n, e->others.level);
	store_text(s, 28, e->site_fault, sizeof(e->site_fault));
	e->feedback = read_feedback(s, 29);
}

static void read_channel(sqlite3_stmt *s, struct mw_event_channel *channel)
{
	struct mw_channel_finding *f = &channel->finding;
	char claims[MW_CLAIMS_TEXT_SIZE];

	f->channel = (uint32_t)sqlite3_column_int64(s, 0);
	store_text(s, 1, channel->name, sizeof(channel->name));
	store_text(s, 2, channel->unit, sizeof(channel->unit));
	f->peak_value = store_number(s, 3);
	f->expected = store_number(s, 4);
	f->deviation = store_number(s, 5);
	f->strength = store_number(s, 6);
	f->peak_time_ns = sqlite3_column_int64(s, 7);
	f->direction = sqlite3_column_int(s, 8);
	f->move = sqlite3_column_int(s, 9);
	channel->claims.spread = store_number(s, 10);
	channel->claims.step = store_number(s, 11);
	channel->claims.from = store_number(s, 12);
	channel->claims.now = store_number(s, 13);
	channel->claims.limit = store_number(s, 14);
	store_text(s, 15, claims, sizeof(claims));
	channel->claims.set = mw_claims_from_text(claims);
}

static mw_err read_channels(struct mw_store *store, int64_t row, struct mw_event *event)
{
	sqlite3_stmt *stmt;
	bool more = true;
	mw_err err =
	    store_query(store, &stmt,
			"SELECT position, name, unit, value, expected, deviation, strength,"
			" peak_ns, direction, move, spread, step, before, newest,"
			" passed_limit, claims FROM event_channel WHERE event = ?1"
			" ORDER BY rank",
			"i", row);

	while (!err && more && event->n_channel < MW_EVENT_CHANNELS) {
		err = store_step(store, stmt, &more);
		if (!err && more)
			read_channel(stmt, &event->channel[event->n_channel++]);
	}
	sqlite3_finalize(stmt);
	return err;
}

static void read_citation(sqlite3_stmt *s, struct mw_citation *citation)
{
	citation->from = (uint16_t)sqlite3_column_int(s, 0);
	citation->to = (uint16_t)sqlite3_column_int(s, 1);
	store_text(s, 2, citation->reference, sizeof(citation->reference));
	citation->value = store_number(s, 3);
}

static mw_err read_citations(struct mw_store *store, int64_t row, struct mw_event *event)
{
	sqlite3_stmt *stmt;
	bool more = true;
	mw_err err = store_query(store, &stmt,
				 "SELECT from_byte, to_byte, reference, value FROM event_citation"
				 " WHERE event = ?1 ORDER BY n",
				 "i", row);

	while (!err && more && event->n_citation < MW_MAX_CITATIONS) {
		err = store_step(store, stmt, &more);
		if (!err && more)
			read_citation(stmt, &event->citation[event->n_citation++]);
	}
	sqlite3_finalize(stmt);
	return err;
}

static void read_similar(sqlite3_stmt *s, struct mw_similar *similar)
{
	store_text(s, 0, similar->id, sizeof(similar->id));
	similar->raised_ns = sqlite3_column_int64(s, 1);
	similar->similarity = store_number(s, 2);
	similar->fault = (enum mw_fault)read_code(s, 3, mw_fault_from_code, MW_FAULT_UNKNOWN);
	similar->acknowledged = sqlite3_column_int(s, 4) != 0;
	similar->feedback = read_feedback(s, 5);
}

static mw_err read_similars(struct mw_store *store, int64_t row, struct mw_event *event)
{
	sqlite3_stmt *stmt;
	bool more = true;
	mw_err err = store_query(store, &stmt,
				 "SELECT id, raised_ns, similarity, fault, acknowledged,"
				 " (SELECT said FROM feedback f WHERE f.event = s.id"
				 " ORDER BY f.row DESC LIMIT 1)"
				 " FROM event_similar s WHERE s.event = ?1 ORDER BY rank",
				 "i", row);

	while (!err && more && event->similar.n < MW_EVENT_SIMILAR) {
		err = store_step(store, stmt, &more);
		if (!err && more)
			read_similar(stmt, &event->similar.event[event->similar.n++]);
	}
	sqlite3_finalize(stmt);
	return err;
}

static void read_cause(sqlite3_stmt *s, struct mw_event_cause *cause)
{
	store_text(s, 0, cause->channel, sizeof(cause->channel));
	store_text(s, 1, cause->of, sizeof(cause->of));
	cause->probability = store_number(s, 2);
	cause->why = (unsigned)sqlite3_column_int(s, 3) & MW_WHY_ALL;
	cause->fault = (enum mw_fault)read_code(s, 4, mw_fault_from_code, MW_FAULT_UNKNOWN);
	store_text(s, 5, cause->site_fault, sizeof(cause->site_fault));
	store_text(s, 6, cause->name, sizeof(cause->name));
	store_text(s, 7, cause->cause, sizeof(cause->cause));
	store_text(s, 8, cause->check, sizeof(cause->check));
}

static mw_err read_causes(struct mw_store *store, int64_t row, struct mw_event *event)
{
	sqlite3_stmt *stmt;
	bool more = true;
	mw_err err = store_query(store, &stmt,
				 "SELECT channel, related, probability, why, fault, site_fault,"
				 " name, cause, \"check\" FROM event_cause WHERE event = ?1"
				 " ORDER BY rank",
				 "i", row);

	while (!err && more && event->n_cause < MW_EVENT_CAUSES) {
		err = store_step(store, stmt, &more);
		if (!err && more)
			read_cause(stmt, &event->likely[event->n_cause++]);
	}
	sqlite3_finalize(stmt);
	return err;
}

static mw_err read_whole_event(struct mw_store *store, sqlite3_stmt *stmt, struct mw_event *event)
{
	int64_t row = sqlite3_column_int64(stmt, 0);
	mw_err err;

	read_event(stmt, event);
	err = read_channels(store, row, event);
	if (!err)
		err = read_citations(store, row, event);
	if (!err)
		err = read_similars(store, row, event);
	return err ? err : read_causes(store, row, event);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Every word becomes a quoted prefix, so that no text is a syntax error and Korean words are found
 * with any particle after them. */
static char *make_match(const char *text)
{
	char *match = malloc(4 * strlen(text) + 4), *out = match;

	if (!match)
		return NULL;
	while (*text) {
		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			break;
		*out++ = '"';
		for (; *text && !isspace((unsigned char)*text); text++) {
			if (*text == '"')
				*out++ = '"';
			*out++ = *text;
		}
		*out++ = '"';
		*out++ = '*';
		*out++ = ' ';
	}
	*out = '\0';
	return match;
}

static mw_err select_events(struct mw_store *store, const struct mw_event_query *query,
			    const char *match, sqlite3_stmt **ret_stmt)
{
	static const char sql[] =
	    "SELECT " EVENT_COLUMNS " FROM event e"
	    " WHERE (?1 IS NULL OR e.asset = ?1)"
	    " AND (?2 IS NULL OR e.row IN (SELECT rowid FROM event_text WHERE event_text MATCH"
	    " ?2)) AND (?3 = 0 OR e.raised_ns >= ?3) AND (?4 = 0 OR e.raised_ns < ?4)"
	    " AND (?5 = 0 OR e.cleared_ns = 0)"
	    " AND (?7 IS NULL OR e.state = ?7 OR (?7 = 'unacknowledged' AND e.state IN"
	    " ('unacknowledged-active', 'unacknowledged-returned')))"
	    " AND (?8 IS NULL OR e.fault = ?8) AND (?9 IS NULL OR (e.raised_ns, e.row) <"
	    " (SELECT raised_ns, row FROM event WHERE id = ?9))"
	    " ORDER BY e.raised_ns DESC, e.row DESC LIMIT ?6";
	int64_t limit = query->limit > 0 ? query->limit : 50;

	return store_query(store, ret_stmt, sql, "ttiiiittt", query->asset,
			   match && *match ? match : NULL, query->from_ns, query->to_ns,
			   (int64_t)query->active_only,
			   limit < MAX_EVENTS ? limit : (int64_t)MAX_EVENTS, query->state,
			   query->fault, query->before);
}

struct event_list {
	struct mw_event *event;
	size_t n, room;
};

static struct mw_event *list_add(struct event_list *list)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct mw_event *larger = realloc(list->event, room * sizeof(*larger));

		if (!larger)
			return NULL;
		list->event = larger;
		list->room = room;
	}
	return &list->event[list->n++];
}

static mw_err read_list(struct mw_store *store, sqlite3_stmt *stmt, struct event_list *list)
{
	bool more = true;
	mw_err err = store_step(store, stmt, &more);

	while (!err && more) {
		struct mw_event *event = list_add(list);

		err = event ? read_whole_event(store, stmt, event) : MW_E_NOMEM;
		if (!err)
			err = store_step(store, stmt, &more);
	}
	return err;
}

mw_err mw_store_events(struct mw_store *store, const struct mw_event_query *query,
		       struct mw_event **ret_event, size_t *ret_n)
{
	struct event_list list = {0};
	sqlite3_stmt *stmt = NULL;
	char *match = query->text && *query->text ? make_match(query->text) : NULL;
	mw_err err;

	if (query->text && *query->text && !match)
		return MW_E_NOMEM;
	store_lock(store);
	err = select_events(store, query, match, &stmt);
	if (!err)
		err = read_list(store, stmt, &list);
	sqlite3_finalize(stmt);
	store_unlock(store);
	free(match);
	if (err) {
		free(list.event);
		return err;
	}
	*ret_event = list.event;
	*ret_n = list.n;
	return MW_E_OK;
}

/* --- one -------------------------------------------------------------------------------------- */

static void get_le64(const uint8_t *data, double *ret_value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = 0;

		for (size_t b = 0; b < 8; b++)
			bits |= (uint64_t)data[8 * i + b] << (8 * b);
		memcpy(&ret_value[i], &bits, sizeof(bits));
	}
}

static bool read_matrix(sqlite3_stmt *stmt, int column, double *ret_value, size_t n)
{
	const uint8_t *data = sqlite3_column_blob(stmt, column);

	if ((size_t)sqlite3_column_bytes(stmt, column) != 8 * n)
		return false;
	get_le64(data, ret_value, n);
	return true;
}

static mw_err read_window(struct mw_store *store, sqlite3_stmt *stmt,
			  struct mw_event_window *ret_window)
{
	int64_t rows = sqlite3_column_int64(stmt, 0), channels = sqlite3_column_int64(stmt, 1);
	size_t n = (size_t)(rows * channels);

	if (rows < 0 || rows > MW_WINDOW_ROWS || channels < 0 || channels > MW_EVENT_CHANNELS ||
	    !read_matrix(stmt, 4, ret_window->value, n) ||
	    !read_matrix(stmt, 5, ret_window->expected, n))
		return mw_why(MW_E_CORRUPT, store->why, sizeof(store->why),
			      "event_window: the sizes do not agree");
	ret_window->n_rows = (size_t)rows;
	ret_window->n_channels = (size_t)channels;
	ret_window->from_ns = sqlite3_column_int64(stmt, 2);
	ret_window->period_ns = sqlite3_column_int64(stmt, 3);
	return MW_E_OK;
}

static mw_err get_window(struct mw_store *store, int64_t row, struct mw_event_window *ret_window)
{
	sqlite3_stmt *stmt;
	bool found = false;
	mw_err err = store_query(store, &stmt,
				 "SELECT n_rows, n_channels, from_ns, period_ns, value, expected"
				 " FROM event_window WHERE event = ?1",
				 "i", row);

	memset(ret_window, 0, sizeof(*ret_window));
	if (!err)
		err = store_step(store, stmt, &found);
	if (!err && found)
		err = read_window(store, stmt, ret_window);
	sqlite3_finalize(stmt);
	return err;
}

static mw_err get_event(struct mw_store *store, const char *id, struct mw_event *event,
			struct mw_event_window *window)
{
	sqlite3_stmt *stmt;
	bool found = false;
	mw_err err = store_query(store, &stmt,
				 "SELECT " EVENT_COLUMNS " FROM event e WHERE id = ?1", "t", id);

	if (!err)
		err = store_step(store, stmt, &found);
	if (!err && !found)
		err = mw_why(MW_E_NOTFOUND, store->why, sizeof(store->why), "no such event");
	if (!err)
		err = read_whole_event(store, stmt, event);
	if (!err)
		err = get_window(store, sqlite3_column_int64(stmt, 0), window);
	sqlite3_finalize(stmt);
	return err;
}

mw_err mw_store_event_get(struct mw_store *store, const char *id, struct mw_event *ret_event,
			  struct mw_event_window *ret_window)
{
	struct mw_event event;
	struct mw_event_window window;
	mw_err err;

	store_lock(store);
	err = get_event(store, id, &event, &window);
	store_unlock(store);
	if (err)
		return err;
	*ret_event = event;
	if (ret_window)
		*ret_window = window;
	return MW_E_OK;
}
