/*
 * profile.h -- what a site or a trade knows of a machine beforehand: its channels, what drives
 * what, and where it tends to break.  Optional; everything works without.
 *
 * A profile's channel names are exact names or patterns ('*' any text, '?' any character, letters
 * in either case); the first exact name, then the first alias, then the first pattern that fits is
 * the channel's entry.  Edges join entries, so one edge may stand for many pairs of channels, and a
 * path may lead through entries that the machine at hand has no channel for.
 *
 * Filled from a profile file by mw_conf_load_profile (gateway/io/conf.h); read-only afterwards,
 * so any number of threads may read it.
 */
#ifndef MW_CORE_PROFILE_H
#define MW_CORE_PROFILE_H

#include "gateway/base/err.h"
#include "gateway/core/site_fault.h"

#define MW_PROFILE_MAX_CHANNELS 256
#define MW_PROFILE_MAX_EDGES    2048
#define MW_PROFILE_MAX_WEAK     64
#define MW_PROFILE_MAX_ALIASES  8
#define MW_PROFILE_TEXT_SIZE    256 /* comments, causes, checks: bytes with NUL */

/* What moves a channel. */
enum mw_channel_kind {
	MW_CHANNEL_MEASURED, /* a reading of the physics */
	MW_CHANNEL_STATE,    /* a switch, a mode, a limit contact: few values */
	MW_CHANNEL_COUNTER, /* counts up, or names a step, line or part: its changes mean nothing */
	MW_CHANNEL_COMMAND, /* what the control asks for: set-points, orders, programs */
	MW_CHANNEL_ALARM,   /* a message of the control: always a consequence */
	MW_N_CHANNEL_KIND
};
/* "measured", "state", "counter", "command", "alarm"; and back, -1: no such word. */
const char *mw_channel_kind_text(enum mw_channel_kind kind);
int mw_channel_kind_from_text(const char *text);

struct mw_profile_channel {
	char name[MW_NAME_SIZE]; /* exact, or a pattern */
	size_t n_alias;
	char alias[MW_PROFILE_MAX_ALIASES][MW_NAME_SIZE]; /* exact names */
	char unit[MW_UNIT_SIZE];                          /* "" = not said */
	enum mw_role role;                                /* OTHER = not said */
	enum mw_channel_kind kind;
	bool is_pattern;
	bool regime;                  /* selects the operating regime */
	double low, high;             /* what is normal; NaN = not said */
	double alarm_low, alarm_high; /* outside: the machine is in danger; NaN = not said */
	/* from the lists of the profile: */
	unsigned n_in, n_out; /* edges that end and begin here */
	double weak;          /* largest weight of a weak point here; 0 = none */
};

/* `from` drives `to`: indices of channel entries. */
struct mw_profile_edge {
	uint16_t from, to;
	char comment[MW_PROFILE_TEXT_SIZE]; /* "" = none */
};

/* Where this machine tends to break. */
struct mw_profile_weak {
	enum mw_fault fault;
	double weight; /* how many times as likely as the trade holds it: > 0 */
	int channel;   /* index of the entry where it shows, -1 = anywhere */
	char cause[2][MW_PROFILE_TEXT_SIZE]; /* by enum mw_language; "" = the fault library's */
	char check[2][MW_PROFILE_TEXT_SIZE];
};

struct mw_profile_paths;
struct mw_profile {
	char name[MW_NAME_SIZE];
	enum mw_machine machine;
	size_t n_channel, n_edge, n_weak;
	struct mw_profile_channel *channel; /* owned, as are the others */
	struct mw_profile_edge *edge;
	struct mw_profile_weak *weak;
	size_t n_site;
	struct mw_site_fault *site;     /* the site's own faults */
	struct mw_profile_paths *paths; /* NULL: not worked out */
};

/* Takes nothing but memory from mw_conf_load_profile; NULL is accepted. */
void mw_profile_free(struct mw_profile *profile);

/* The entry of a machine's channel, lent; NULL: the profile says nothing of it, or is NULL. */
const struct mw_profile_channel *mw_profile_find(const struct mw_profile *profile,
						 const char *channel);
/* Its index, -1 when there is none. */
int mw_profile_index(const struct mw_profile *profile, const char *channel);
/* '*' and '?' match as in file names, letters in either case (ASCII). */
bool mw_profile_matches(const char *pattern, const char *name);

/* What the profile says of a value: 0 within the normal limits or nothing said, 1 outside of them,
 * 2 outside of the alarm limits.  NaN is 0. */
int mw_profile_outside(const struct mw_profile_channel *channel, double value);

/* Lengths of the shortest paths along edges from each entry to each other. */
#define MW_PROFILE_NO_PATH 0xFFFF
struct mw_profile_paths {
	uint16_t length[MW_PROFILE_MAX_CHANNELS]
		       [MW_PROFILE_MAX_CHANNELS]; /* [from][to]; 0 itself */
};
void mw_profile_paths(const struct mw_profile *profile, struct mw_profile_paths *ret_paths);

/* Strongest weak point for a fault: one at `entry` before one of anywhere; NULL: none. entry -1 =
 * not known. */
const struct mw_profile_weak *mw_profile_weak_of(const struct mw_profile *profile,
						 enum mw_fault fault, int entry);

#endif
