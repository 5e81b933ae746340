/*
 * command.h -- what an operator can tell the gateway, and what it answers.  Plain data; strings are
 * fixed-size and NUL-terminated.  Comes by HTTP, MQTT and the command line (schemas/command.schema.json).
 */
#ifndef MW_CORE_COMMAND_H
#define MW_CORE_COMMAND_H

#include "gateway/core/event.h"

#define MW_WHO_SIZE          64
#define MW_NOTE_SIZE         512
#define MW_COMMAND_WHY_SIZE  192
#define MW_SHELVE_MIN_NS     INT64_C(1000000000)
#define MW_SHELVE_MAX_NS     (30 * 86400 * INT64_C(1000000000))
#define MW_SHELVE_DEFAULT_NS (8 * 3600 * INT64_C(1000000000)) /* a shift */

enum mw_command_kind {
	MW_COMMAND_ACK,      /* I have seen it */
	MW_COMMAND_SHELVE,   /* nothing of this machine for a while */
	MW_COMMAND_UNSHELVE, /* ... no longer */
	MW_COMMAND_FEEDBACK  /* it was true, false, or I am not sure */
};
#define MW_N_COMMAND 4
const char *mw_command_text(enum mw_command_kind kind); /* "ack", ... */
int mw_command_from_text(const char *text);             /* -1: no such command */

struct mw_command {
	enum mw_command_kind kind;
	char event[MW_EVENT_ID_SIZE];
	char who[MW_WHO_SIZE];   /* as it was said; nobody checks it */
	char note[MW_NOTE_SIZE]; /* "" = none */
	int64_t shelve_ns; /* SHELVE: how long, MW_SHELVE_MIN_NS..MAX_NS, in the data's time */
	enum mw_feedback feedback; /* FEEDBACK: not NONE */
};

struct mw_command_result {
	mw_err
	    err; /* OK; NOTFOUND no such event; INVAL the alarm's state does not allow it; FULL too
		     * many commands wait; AGAIN the daemon ends; others: the store refused */
	char why[MW_COMMAND_WHY_SIZE];
	enum mw_alarm_state state; /* of the event, after it; OK only */
	uint32_t sequence;         /* likewise */
	char event[MW_EVENT_ID_SIZE];
	enum mw_command_kind kind;
};

/* Called once, from any thread; result is lent for the call.  Must return at once. */
typedef void mw_command_done(void *ctx, const struct mw_command_result *result);

#endif
