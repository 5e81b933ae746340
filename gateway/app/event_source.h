/*
 * event_source.h -- where the operators' commands get events from: the daemon's socket, or an
 * offline copy of its database.
 */
#ifndef MW_APP_EVENT_SOURCE_H
#define MW_APP_EVENT_SOURCE_H

#include "gateway/core/event.h"
#include "gateway/io/store.h"

#include <getopt.h>
#include <stdint.h>

#define MW_SOURCE_SOCKET "/run/millwright/millwright.sock" /* when nothing else is said */

struct mw_event_source { /* strings are lent */
	const char *socket, *db, *config;
};

/* Options that such commands share; `c` is what getopt_long returned.  False: not one of these. */
#define MW_SOURCE_OPTIONS                                                                          \
	{"socket", required_argument, NULL, 'S'}, {"db", required_argument, NULL, 'D'},            \
	{                                                                                          \
		"config", required_argument, NULL, 'c'                                             \
	}
#define MW_SOURCE_SHORT "c:"
#define MW_SOURCE_HELP                                                                             \
	"  --socket PATH  the daemon's socket (default: the configuration's, else\n"               \
	"                 " MW_SOURCE_SOCKET ")\n"                                                 \
	"  --db FILE      read a copy of the database instead\n"                                   \
	"  -c CONFIG      take the socket's path from this configuration\n"
bool mw_event_source_option(struct mw_event_source *source, int c, const char *value);

struct mw_event_filter { /* NULL, 0, false = any */
	const char *asset, *text;
	int64_t from_ns, to_ns;
	bool active;
	int64_t limit;
};

struct mw_event_history { /* of one event, oldest first; free(entry) */
	struct mw_log_entry *entry;
	size_t n;
};

/* Both give the events and their JSON, owned by the caller; what is not wanted may be NULL.
 * The reason of a failure says what to do. */
MW_MUST_CHECK mw_err mw_event_source_list(const struct mw_event_source *source,
					  const struct mw_event_filter *filter, char *why,
					  size_t why_size, struct mw_event **ret_event,
					  size_t *ret_n, char **ret_json);
MW_MUST_CHECK mw_err mw_event_source_get(const struct mw_event_source *source, const char *id,
					 char *why, size_t why_size, struct mw_event *ret_event,
					 struct mw_event_window *ret_window,
					 struct mw_event_history *ret_log, char **ret_json);

/* Has the daemon carry out a command; owned reply out.  NOTFOUND no such event; UNSUPPORTED the alarm's
 * state does not allow it. */
MW_MUST_CHECK mw_err mw_event_source_command(const struct mw_event_source *source,
					     const struct mw_command *command, char *why,
					     size_t why_size, char **ret_json);

/* The exit code of sysexits(3) that says the same. */
int mw_event_source_exit(const struct mw_event_source *source, mw_err err);

#endif
