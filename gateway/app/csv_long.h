/*
 * csv_long.h -- recorded events, one a line: which channel took which value when (report by
 * exception: only changes are written).
 *
 * The columns for time, channel and value are named; others are left alone.  A value is a number, a
 * boolean (True, False), a text, or missing (empty, NaN, null).  A channel that begins with a text
 * has texts: each is a code by order of first appearance, the same in all recordings of one set.  A
 * text in a channel that began with numbers is an error.  Lines need not be in order of time.
 *
 * Errors are "file:line: what is wrong".  One thread.
 */
#ifndef MW_APP_CSV_LONG_H
#define MW_APP_CSV_LONG_H

#include "gateway/app/csv.h"

#define MW_LONG_TEXT_SIZE  128      /* of one text, bytes with NUL; longer ones are refused */
#define MW_LONG_MAX_TEXTS  8192     /* different ones of one channel */
#define MW_LONG_MAX_EVENTS 50000000 /* of one recording */
#define MW_LONG_MAX_ROWS   10000000 /* of one grid */

struct mw_long_opts {
	char delimiter;
	const char *time, *channel, *value; /* column names, lent */
	const char *ignore;                 /* "a,b": channels that are left out, NULL = none */
};

struct mw_long_event {
	int64_t time_ns;
	double value; /* NaN = missing */
	uint32_t channel;
};

/* Events in order of time; those of one time as in the file. */
struct mw_recording {
	size_t n_event;
	struct mw_long_event *event; /* owned */
};
void mw_recording_done(struct mw_recording *recording);

/* The channels and texts that a set of recordings shares. */
struct mw_long;
MW_MUST_CHECK mw_err mw_long_new(const struct mw_long_opts *opts, struct mw_long **ret_set);
void mw_long_free(struct mw_long *set);

/* Reads one file; what it names is added to the set, at most MW_MAX_CHANNELS channels. */
MW_MUST_CHECK mw_err mw_long_read(struct mw_long *set, const char *path, char *why, size_t why_size,
				  struct mw_recording *ret_recording);

size_t mw_long_n_channels(const struct mw_long *set);
const char *mw_long_name(const struct mw_long *set, size_t channel);
/* The text behind a code; NULL: the channel has numbers, or no such code. */
const char *mw_long_text(const struct mw_long *set, size_t channel, double value);

/* A period for the grid: the median step of the fastest channel, as 1, 2 or 5 times a power of ten
 * seconds; 1 s when nothing changes often enough to tell. */
int64_t mw_long_period(const struct mw_long *set, const struct mw_recording *recording);

/* Rows every period, from the first event to the last one: the values that hold at the row's time
 * (nothing after it is used); NaN before a channel's first event.  Columns are the set's channels.
 * Returns owned (mw_csv_free); times are written as seconds.  MW_E_FULL: more than MW_LONG_MAX_ROWS
 * rows. */
MW_MUST_CHECK mw_err mw_long_grid(const struct mw_long *set, const struct mw_recording *recording,
				  int64_t period_ns, struct mw_csv **ret_csv);

#endif
