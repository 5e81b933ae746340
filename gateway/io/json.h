/*
 * json.h -- the only gateway file that knows jansson: events as the flat JSON of
 * schemas/alert.schema.json, and small objects for state and status.
 */
#ifndef MW_IO_JSON_H
#define MW_IO_JSON_H

#include "gateway/core/command.h"
#include "gateway/core/event.h"
#include "gateway/io/store.h"

/* The alert payload of one transition.  Returns owned text (free()), compact, UTF-8 (a byte that is
 * not becomes "?"), keys in the schema's order; numbers finite (NaN and infinities become null)
 * with 15 significant digits; times ISO 8601 in UTC, null when there is none. */
MW_MUST_CHECK mw_err mw_json_alert(const struct mw_event *event, enum mw_transition transition,
				   const char *gateway, char **ret_text);
/* An event with its window, for `show --json` and the API (window may be NULL). */
MW_MUST_CHECK mw_err mw_json_event(const struct mw_event *event,
				   const struct mw_event_window *window, const char *gateway,
				   char **ret_text);
/* The same with the event's log (mw_store_event_log). */
MW_MUST_CHECK mw_err mw_json_event_logged(const struct mw_event *event,
					  const struct mw_event_window *window,
					  const struct mw_log_entry *log, size_t n_log,
					  const char *gateway, char **ret_text);
/* And back: what the API sent, for the CLI.  Trusts nothing: MW_E_MALFORMED.  ret_window may be
 * NULL; n_rows is 0 when none was sent. */
MW_MUST_CHECK mw_err mw_json_parse_event(const char *text, size_t size, struct mw_event *ret_event,
					 struct mw_event_window *ret_window);
/* {"events":[...]} and back (owned array). */
MW_MUST_CHECK mw_err mw_json_events(const struct mw_event *event, size_t n, const char *gateway,
				    char **ret_text);
MW_MUST_CHECK mw_err mw_json_parse_events(const char *text, size_t size,
					  struct mw_event **ret_event, size_t *ret_n);

/* The log that an event carries; owned array, empty when it carries none. */
MW_MUST_CHECK mw_err mw_json_parse_log(const char *text, size_t size,
				       struct mw_log_entry **ret_entry, size_t *ret_n);

/* --- commands: schemas/command.schema.json, reply.schema.json; in json_command.c --------------- */

#define MW_COMMAND_BYTES 4096 /* of one command; longer ones are refused */
/* A command of that kind.  `event`: from the address, NULL = the text must name it; `who`: when the text
 * does not say.  Trusts nothing, refuses what it does not know: MALFORMED (NOTFOUND for an address that is
 * no event's) and why. */
MW_MUST_CHECK mw_err mw_json_parse_command(const char *text, size_t size, enum mw_command_kind kind,
					   const char *event, const char *who, char *why,
					   size_t why_size, struct mw_command *ret_command);
MW_MUST_CHECK mw_err mw_json_command(const struct mw_command *command, char **ret_text);
MW_MUST_CHECK mw_err mw_json_reply(const struct mw_command_result *result, char **ret_text);

/* The message of {"error":"..."}, or "" ; returns buf. */
char *mw_json_parse_error(const char *text, size_t size, char *buf, size_t buf_size);

/* A small object made member by member: {"online":true,...}.  Never fails half-way: the first
 * failure sticks and comes out of mw_json_finish. */
struct mw_json;
struct mw_json *mw_json_object(void);
void mw_json_text(struct mw_json *object, const char *key, const char *value);
void mw_json_number(struct mw_json *object, const char *key, double value);
void mw_json_integer(struct mw_json *object, const char *key, int64_t value);
void mw_json_bool(struct mw_json *object, const char *key, bool value);
void mw_json_null(struct mw_json *object, const char *key);
void mw_json_child(struct mw_json *object, const char *key, struct mw_json *child); /* takes */
/* The member is an array, empty until something is appended. */
void mw_json_array(struct mw_json *object, const char *key);
/* Takes item; the member becomes an array of what was appended. */
void mw_json_append(struct mw_json *object, const char *key, struct mw_json *item);
void mw_json_append_number(struct mw_json *object, const char *key, double value);
MW_MUST_CHECK mw_err mw_json_finish(struct mw_json *object, char **ret_text); /* takes object */
void mw_json_free(struct mw_json *object); /* one that is not wanted any more */

#endif
