/*
 * conf_table.h -- how a libconfig group becomes a struct, by a table of struct mw_option: the same
 * code for the core's groups and for plugins' options.  Internal to conf*.c.
 *
 * Failures return MW_E_CONFIG and one reason "FILE:LINE: path.key: what is wrong".
 */
#ifndef MW_IO_CONF_TABLE_H
#define MW_IO_CONF_TABLE_H

#include "gateway/base/err.h"

#include <libconfig.h>

/* Where strings and arrays of one configuration live; zero-initialise. */
struct mw_conf_arena {
	struct mw_conf_block *newest;
};
void *mw_conf_alloc(struct mw_conf_arena *arena, size_t size); /* zeroed; NULL: no memory */
char *mw_conf_strdup(struct mw_conf_arena *arena, const char *text);
void mw_conf_arena_done(struct mw_conf_arena *arena);

/* One file being read; lends everything. */
struct mw_conf_reader {
	const char *file;
	struct mw_conf_arena *arena;
	char *why;
	size_t why_size;
};

/* A group of a file: `path` names it in messages ("mqtt", "sources[0]"). */
struct mw_conf_group {
	const char *path;
	const struct mw_option *options;
	const char *const
	    *nested; /* further keys, read by somebody else; NULL-terminated or NULL */
};

/* Fills the struct at `base` from `setting`, with the table's defaults for what is not there.  A
 * NULL setting stands for an empty group; `parent` says where it should have been. */
MW_MUST_CHECK mw_err mw_conf_read_group(const struct mw_conf_reader *reader,
					const config_setting_t *setting,
					const config_setting_t *parent,
					const struct mw_conf_group *group, void *base);

/* The reason for a fault at `setting` (its line), under the name path.key (key may be NULL). */
mw_err mw_conf_fail(const struct mw_conf_reader *reader, const config_setting_t *setting,
		    const char *path, const char *key, const char *fmt, ...) MW_PRINTF(5, 6);

/* The key nearest to a mistyped one, or NULL. */
const char *mw_conf_nearest(const struct mw_conf_group *group, const char *key);

/* Opens and parses a file ("@include" is relative to it).  On success the caller config_destroy()s.
 */
MW_MUST_CHECK mw_err mw_conf_open(const char *path, char *why, size_t why_size, config_t *ret_tree);

#endif
